//! The dialog that creates a group: on the left who is in it, on the right what it is like. On a narrow page these are
//! two steps.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Contact, Failure, Request, Role};
use subrosa_wire::limits::DISPLAY_NAME_MAX;

use super::{
    super::layout::Narrow,
    permissions::{Right, choice},
    picker::PeoplePicker,
    picture::{PictureField, Wanted},
};
use crate::{
    browser,
    components::{
        button::working,
        dialog::{Attempt, Confirm, Modal, close_open},
        failure,
        field::{Hint, Kind, field, text_area},
        icon, notice,
    },
    i18n::{now, t},
    limits::GROUP_DESCRIPTION_MAX,
    link,
    model::{
        faces::Face,
        route::{ChatAddress, Route},
    },
    reactive::{effect, memo, text},
    router::{Router, use_router},
    store::{Store, use_store},
};

/// What a narrow page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    People,
    About,
}

/// What was typed, and how far it is.
#[derive(Clone, Copy)]
struct Draft {
    people: RwSignal<Vec<Contact>>,
    name: RwSignal<String>,
    about: RwSignal<String>,
    picture: RwSignal<Wanted>,
    add: RwSignal<Role>,
    post: RwSignal<Role>,
    step: RwSignal<Step>,
    busy: RwSignal<bool>,
    failed: RwSignal<Option<Failure>>,
}

impl Draft {
    fn new() -> Self {
        Self {
            people: RwSignal::new(Vec::new()),
            name: RwSignal::new(String::new()),
            about: RwSignal::new(String::new()),
            picture: RwSignal::new(Wanted::Unchanged),
            add: RwSignal::new(Role::Member),
            post: RwSignal::new(Role::Member),
            step: RwSignal::new(Step::People),
            busy: RwSignal::new(false),
            failed: RwSignal::new(None),
        }
    }

    fn clear(self) {
        self.people.set(Vec::new());
        self.name.set(String::new());
        self.about.set(String::new());
        self.picture.set(Wanted::Unchanged);
        self.add.set(Role::Member);
        self.post.set(Role::Member);
        self.step.set(Step::People);
        self.failed.set(None);
    }

    fn is_empty(self) -> bool {
        let is_blank = |text: RwSignal<String>| text.with_untracked(|text| text.trim().is_empty());
        self.people.with_untracked(Vec::is_empty)
            && is_blank(self.name)
            && is_blank(self.about)
            && self
                .picture
                .with_untracked(|picture| !matches!(picture, Wanted::New(_)))
    }

    fn is_ready(self) -> bool {
        self.name.with(|name| {
            let name = name.trim();
            !name.is_empty() && name.len() <= DISPLAY_NAME_MAX
        }) && !self.is_about_long()
    }

    fn is_about_long(self) -> bool {
        self.about
            .with(|about| about.trim().len() > GROUP_DESCRIPTION_MAX)
    }

    fn about_hint(self) -> Hint {
        if self.is_about_long() {
            Hint::Wrong(now!("failure-description"))
        } else {
            Hint::Plain(now!("group-about-rule"))
        }
    }

    /// The group as it would be shown.
    fn face(self) -> Memo<Option<Face>> {
        memo!(move || Some(self.name.with(|name| Face::of_new_group(name))))
    }

    fn name_hint(self) -> Hint {
        if self.name.with(|name| name.trim().len() > DISPLAY_NAME_MAX) {
            Hint::Wrong(now!("failure-name"))
        } else {
            Hint::Plain(now!("group-name-rule"))
        }
    }

    fn go_to(self, step: Step) {
        self.step.set(step);
        browser::focus_soon(match step {
            Step::People => "#people-search",
            Step::About => "#group-name",
        });
    }

    /// Creates the group, and opens it.
    fn create(self, store: Store, router: Router) {
        if self.busy.get_untracked() || !untrack(|| self.is_ready()) {
            return;
        }
        self.busy.set(true);
        self.failed.set(None);
        let people = self.people.get_untracked();
        let request = Request::CreateGroup {
            group: subrosa_web_rpc::NewGroup {
                name: self.name.with_untracked(|name| name.trim().to_owned()),
                description: self.about.with_untracked(|about| about.trim().to_owned()),
                picture: match self.picture.get_untracked() {
                    Wanted::New(file) => Some(file),
                    Wanted::Unchanged | Wanted::Removed => None,
                },
                add: self.add.get_untracked(),
                post: self.post.get_untracked(),
            },
            people: people.into_iter().filter_map(|person| person.handle).collect(),
            token: browser::random_token(),
        };
        spawn_local(async move {
            let created = link::call(request).await;
            self.busy.try_set(false);
            match created {
                Ok(Answer::Conversation(Some(group))) => {
                    let id = group.id;
                    store.roster.update(|roster| {
                        roster.entry(id).or_insert_with(|| (*group).into());
                    });
                    self.clear();
                    close_open();
                    router.go(Route::Chat(ChatAddress::Id(id)));
                }
                Ok(_) => {}
                Err(failure) => {
                    self.failed.try_set(Some(failure));
                }
            }
        });
    }
}

#[component]
pub(in crate::chats) fn NewGroup(open: RwSignal<bool>) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let Narrow(is_narrow) = expect_context();
    let draft = Draft::new();
    let asked = RwSignal::new(false);
    effect!(move || {
        if open.get() {
            draft.clear();
        }
    });
    let may_close = Callback::new(move |()| {
        if draft.busy.get_untracked() {
            return false;
        }
        let is_empty = draft.is_empty();
        asked.set(!is_empty);
        is_empty
    });
    let discard = move || {
        draft.clear();
        // The question, and then the dialog.
        close_open();
        close_open();
    };
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        draft.create(store, router);
    };
    let step = move || match draft.step.get() {
        Step::People => "people",
        Step::About => "about",
    };
    view! {
        <Modal open labelled_by="new-group-title" kind="dialog frame halved" may_close>
            <form class="frame-inner" data-step=step novalidate=true data-testid="new-group-form" on:submit=submitted>
                <header class="frame-head">
                    <h2 id="new-group-title">{t!("new-group")}</h2>
                    <button type="button" class="icon-button" data-testid="new-group-close" aria-label=t!("close") title=t!("close") on:click=|_| close_open()>
                        {icon::icon(icon::CLOSE)}
                    </button>
                </header>
                <div class="halves">
                    <div class="half people"><PeoplePicker chosen=draft.people /></div>
                    <div class="half about scroll">
                        <PictureField wanted=draft.picture face=draft.face() />
                        {field(Kind::text("group-name"), t!("group-name"), draft.name, move || draft.name_hint())}
                        {text_area("group-about", t!("group-about"), draft.about, move || draft.about_hint())}
                        {choice(Right::Add, draft.add.into(), move |role| draft.add.set(role))}
                        {choice(Right::Post, draft.post.into(), move |role| draft.post.set(role))}
                        {notice::maybe_error(move || draft.failed.get().as_ref().map(failure::words))}
                    </div>
                </div>
                <footer class="frame-foot">
                    <p role="status" data-testid="people-count">{text!(now!("people-count", count = draft.people.with(Vec::len) as u64 + 1))}</p>
                    <div class="actions">{move || buttons(draft, is_narrow.get())}</div>
                </footer>
            </form>
        </Modal>
        <Confirm open=asked title=t!("discard-group-title") label=t!("discard") attempt=Attempt::new() run=discard>
            <p>{t!("discard-group-what")}</p>
        </Confirm>
    }
}

/// The ways on and back.
fn buttons(draft: Draft, is_narrow: bool) -> AnyView {
    match (is_narrow, draft.step.get()) {
        (true, Step::People) => view! {
            <button type="button" class="button primary" data-testid="new-group-next" on:click=move |_| draft.go_to(Step::About)>{t!("next")}</button>
        }
        .into_any(),
        (true, Step::About) => view! {
            <button type="button" class="button" data-testid="new-group-back" on:click=move |_| draft.go_to(Step::People)>{t!("back")}</button>
            {create_button(draft)}
        }
        .into_any(),
        (false, _) => view! {
            <button type="button" class="button" data-testid="new-group-cancel" on:click=|_| close_open()>{t!("cancel")}</button>
            {create_button(draft)}
        }
        .into_any(),
    }
}

fn create_button(draft: Draft) -> impl IntoView {
    view! {
        <button type="submit" class="button primary" data-testid="new-group-create" disabled=move || !draft.is_ready() aria-busy=text!(draft.busy.get().to_string())>
            {t!("create-group")}
            {move || draft.busy.get().then(working)}
        </button>
    }
}
