//! Whom the user does not want to hear of: blocking somebody after a question, unblocking them, and the list of them all.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Contact, Request};
use subrosa_wire::AccountId;

use crate::{
    browser,
    components::{
        avatar,
        dialog::{Attempt, Confirm, Modal, close_open},
        failure, icon, notice,
    },
    i18n::{now, t},
    link,
    model::{
        candidates,
        faces::{self, Face},
        roster,
    },
    reactive::{memo, shown_if, text},
    store::use_store,
};

/// The question whether somebody is to be blocked, and the list of those who are.
#[derive(Clone, Copy)]
pub(super) struct Blocking {
    who: RwSignal<Option<Contact>>,
    is_asked: RwSignal<bool>,
    attempt: Attempt,
    is_list_open: RwSignal<bool>,
}

impl Blocking {
    /// One of each for the component that calls it and for all in it.
    pub(super) fn provide() {
        provide_context(Self {
            who: RwSignal::new(None),
            is_asked: RwSignal::new(false),
            attempt: Attempt::new(),
            is_list_open: RwSignal::new(false),
        });
    }

    /// Asks whether a person is to be blocked.
    pub(super) fn ask(self, person: Contact) {
        self.attempt.clear();
        self.who.set(Some(person));
        self.is_asked.set(true);
    }

    /// Shows whom the user has blocked.
    pub(super) fn show_list(self) {
        self.is_list_open.set(true);
    }
}

/// No longer blocks somebody.
pub(super) fn unblock(account: AccountId, error: RwSignal<Option<String>>) {
    error.set(None);
    spawn_local(async move {
        let request = Request::Block {
            account,
            is_blocked: false,
        };
        if let Err(failure) = link::call(request).await {
            error.try_set(Some(failure::words(&failure)));
        }
    });
}

fn name_of(person: &Contact) -> String {
    faces::name(person).unwrap_or_else(|| now!("unknown-person"))
}

/// The question, once for the whole page. It stands above all other dialogs.
#[component]
pub(super) fn BlockQuestion() -> impl IntoView {
    let store = use_store();
    let Blocking {
        who,
        is_asked,
        attempt,
        ..
    } = expect_context::<Blocking>();
    let name = move || who.with(|who| who.as_ref().map(name_of).unwrap_or_default());
    let has_invited = memo!(move || {
        let account = who.with(|who| who.as_ref().map(|who| who.account_id));
        let invites = |account| {
            store
                .roster
                .with(|roster| roster::has_invitation_by(roster, account))
        };
        account.is_some_and(invites)
    });
    let block = move || {
        if let Some(account) = who.with_untracked(|who| who.as_ref().map(|who| who.account_id)) {
            attempt.run(Request::Block {
                account,
                is_blocked: true,
            });
        }
    };
    view! {
        <Confirm open=is_asked title=move || now!("block-title", name = name()) label=t!("block") attempt run=block>
            <p>{t!("block-what")}</p>
            {shown_if(has_invited, || view! { <p>{t!("block-invitation")}</p> }.into_any())}
        </Confirm>
    }
}

/// The row of a person's page that blocks them, or no longer does.
#[component]
pub(super) fn BlockButton(person: Memo<Option<Contact>>) -> impl IntoView {
    let blocking = expect_context::<Blocking>();
    let error = RwSignal::new(None::<String>);
    let is_blocked =
        memo!(move || person.with(|person| person.as_ref().is_some_and(|person| person.is_blocked)));
    let pressed = move |_| match person.get_untracked() {
        Some(person) if person.is_blocked => unblock(person.account_id, error),
        Some(person) => blocking.ask(person),
        None => {}
    };
    view! {
        <div class="chat-settings">
            {notice::maybe_error(move || error.get())}
            <button type="button" class="row-button" class:danger=move || !is_blocked.get() data-testid="person-block" on:click=pressed>
                {icon::sized(icon::BAN, "20")}
                <span>{move || if is_blocked.get() { now!("unblock") } else { now!("block-choose") }}</span>
            </button>
        </div>
    }
}

/// What takes the place of the field to write in, in the chat with somebody who is blocked.
#[component]
pub(super) fn BlockedFoot(person: Memo<Option<Contact>>) -> impl IntoView {
    let error = RwSignal::new(None::<String>);
    let name = move || person.with(|person| person.as_ref().map(name_of).unwrap_or_default());
    let pressed = move |_| {
        if let Some(account) = person.with_untracked(|person| person.as_ref().map(|person| person.account_id))
        {
            unblock(account, error);
        }
    };
    view! {
        <div class="no-input" role="group" aria-labelledby="blocked-note" data-testid="person-blocked">
            <p id="blocked-note">{text!(now!("you-blocked", name = name()))}</p>
            <button type="button" class="button small" data-testid="unblock" on:click=pressed>{t!("unblock")}</button>
            {notice::maybe_error(move || error.get())}
        </div>
    }
}

/// The dialog that lists whom the user has blocked.
#[component]
pub(super) fn BlockedPeople() -> impl IntoView {
    let store = use_store();
    let open = expect_context::<Blocking>().is_list_open;
    let error = RwSignal::new(None::<String>);
    let people = memo!(move || {
        let mut people = store.blocked.get();
        people.sort_by_cached_key(candidates::place);
        people
    });
    let is_empty = memo!(move || people.with(Vec::is_empty));
    let one = move |person: Contact| {
        let (account, name) = (person.account_id, name_of(&person));
        let label = name.clone();
        let handle = faces::any_handle(&person).filter(|handle| *handle != name);
        view! {
            <li class="member" data-testid="blocked-person" data-handle=person.handle.as_ref().map(ToString::to_string)>
                {avatar::avatar(&Face::of_contact(&person).without_picture(), "small")}
                <span class="one-line">
                    <bdi>{name}</bdi>
                    {handle.map(|handle| view! { " "<bdi class="person-handle" dir="ltr">{handle}</bdi> })}
                </span>
                <button type="button" class="button small" data-testid="blocked-unblock" aria-label=text!(now!("unblock-label", name = label.as_str()))
                    on:click=move |_| {
                        unblock(account, error);
                        // The row will be gone.
                        browser::focus("#blocked-title");
                    }>{t!("unblock")}</button>
            </li>
        }
    };
    view! {
        <Modal open labelled_by="blocked-title">
            <h2 id="blocked-title" tabindex="-1">{t!("blocked-people")}</h2>
            <p>{move || if is_empty.get() { now!("blocked-nobody") } else { now!("blocked-people-what") }}</p>
            {notice::maybe_error(move || error.get())}
            <ul role="list" class="blocked-list"><For each=move || people.get() key=|person| (person.account_id, faces::name(person)) children=one /></ul>
            <div class="actions">
                <button type="button" class="button small" autofocus=true data-testid="blocked-close" on:click=move |_| close_open()>{t!("close")}</button>
            </div>
        </Modal>
    }
}
