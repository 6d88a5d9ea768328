//! Who may add people, and who may write: two choices for those who may change them.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{GroupRights, Request, Role};

use super::{super::entry::Entry, rights::Rights};
use crate::{
    components::{failure, notice},
    i18n::now,
    link,
    reactive::{effect, flag, memo},
};

/// A right that is chosen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Add,
    Post,
}

impl Right {
    const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Post => "post",
        }
    }

    const fn of(self, rights: &GroupRights) -> Role {
        match self {
            Self::Add => rights.add,
            Self::Post => rights.post,
        }
    }
}

#[component]
pub(super) fn Permissions(rights: Rights) -> impl IntoView {
    let error = RwSignal::new(None::<String>);
    let may_change =
        memo!(move || rights.with(|rights| rights.is_some_and(|rights| rights.may_change_rights)));
    view! {
        <Show when=flag!(may_change.get())>
            <section class="permissions" data-testid="permissions">
                <Choice right=Right::Add rights error />
                <Choice right=Right::Post rights error />
                {notice::maybe_error(move || error.get())}
            </section>
        </Show>
    }
}

#[component]
fn Choice(right: Right, rights: Rights, error: RwSignal<Option<String>>) -> impl IntoView {
    let entry = expect_context::<Entry>();
    // What was chosen last, until the group has it; after a failure the old choice is shown again.
    let wanted = RwSignal::new(None::<Role>);
    let current = memo!(move || rights.with(|rights| rights.map_or(Role::Member, |rights| right.of(rights))));
    effect!(move || {
        let current = current.get();
        if untrack(|| wanted.get()) == Some(current) {
            wanted.set(None);
        }
    });
    let shown = memo!(move || wanted.get().unwrap_or_else(|| current.get()));
    let choose = move |role: Role| {
        let chat = untrack(|| entry.with(|entry| entry.map(|entry| entry.id)));
        let (Some(chat), Some((add, post))) = (
            chat,
            untrack(|| rights.with(|rights| rights.map(|rights| (rights.add, rights.post)))),
        ) else {
            return;
        };
        let (add, post) = match right {
            Right::Add => (role, post),
            Right::Post => (add, role),
        };
        error.set(None);
        wanted.set(Some(role));
        spawn_local(async move {
            if let Err(failure) = link::call(Request::SetGroupRights { chat, add, post }).await {
                error.try_set(Some(failure::words(&failure)));
                wanted.try_set(None);
            }
        });
    };
    choice(right, shown.into(), choose)
}

/// A choice between everybody and admins.
pub(super) fn choice(
    right: Right,
    shown: Signal<Role>,
    choose: impl Fn(Role) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let title = move || match right {
        Right::Add => now!("who-adds"),
        Right::Post => now!("who-posts"),
    };
    view! {
        <fieldset class="choice">
            <legend>{title}</legend>
            {[Role::Member, Role::Admin]
                .into_iter()
                .map(|role| view! {
                    <label>
                        <input type="radio" name=format!("who-{}", right.name()) data-testid=format!("{}-{}", right.name(), if role == Role::Member { "everyone" } else { "admins" })
                            prop:checked=move || (shown.get() >= Role::Admin) == (role >= Role::Admin) on:change=move |_| choose(role) />
                        <span>{move || if role == Role::Member { now!("everyone") } else { now!("only-admins") }}</span>
                    </label>
                })
                .collect_view()}
        </fieldset>
    }
}
