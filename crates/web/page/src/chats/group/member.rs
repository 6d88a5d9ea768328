//! What can be done about a member: the entries of the menu, and the questions before what cannot be taken back.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Contact, MemberChange, Request, Role};

use super::{
    super::{
        entry::Entry,
        person::{PersonDialog, chat_with},
    },
    rights::Rights,
};
use crate::{
    browser,
    components::{
        dialog::{Attempt, Confirm, close_all},
        failure, icon,
        menu::{Menu, danger_item, item},
    },
    i18n::{now, t},
    link,
    model::{faces, members::Row, roster::Roster, route::Route},
    reactive::{memo, text},
    router::{Router, use_router},
    store::use_store,
};

/// The id of the menu: each member's button names it.
pub(super) const MENU: &str = "member-menu";

/// Carries out what is chosen for members.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    entry: Entry,
    roster: RwSignal<Roster>,
    router: Router,
    dialog: PersonDialog,
    rights: Rights,
    /// Whose menu was opened last.
    pub(super) member: RwSignal<Option<Row>>,
    /// What is asked before it is done, and whether it is asked now.
    question: RwSignal<Option<(Row, MemberChange)>>,
    is_asked: RwSignal<bool>,
    attempt: Attempt,
    /// What went wrong without a question.
    pub(super) error: RwSignal<Option<String>>,
}

impl Actions {
    pub(super) fn new(entry: Entry, rights: Rights) -> Self {
        Self {
            entry,
            roster: use_store().roster,
            router: use_router(),
            dialog: expect_context(),
            rights,
            member: RwSignal::new(None),
            question: RwSignal::new(None),
            is_asked: RwSignal::new(false),
            attempt: Attempt::new(),
            error: RwSignal::new(None),
        }
    }

    /// Whether anything can be done about a member.
    pub(super) fn has_any(self, row: &Row) -> bool {
        !row.is_me || !self.rights.about(row.person.account_id).is_empty()
    }

    /// Changes something about a person, after a question if it takes one.
    fn choose(self, row: Row, change: MemberChange) {
        if needs_question(&row, change) {
            self.attempt.clear();
            self.question.set(Some((row, change)));
            self.is_asked.set(true);
        } else {
            self.change(&row.person, change);
        }
    }

    /// Changes something about a person.
    pub(super) fn change(self, person: &Contact, change: MemberChange) {
        self.error.set(None);
        let account = person.account_id;
        let Some(chat) = untrack(|| self.entry.with(|entry| entry.map(|entry| entry.id))) else {
            return;
        };
        spawn_local(async move {
            let request = Request::ChangeMember {
                chat,
                account,
                change,
            };
            if let Err(failure) = link::call(request).await {
                self.error.try_set(Some(failure::words(&failure)));
            }
        });
    }

    /// The answer to the question was yes.
    fn confirmed(self) {
        let Some((row, change)) = self.question.get_untracked() else {
            return;
        };
        let Some(chat) = untrack(|| self.entry.with(|entry| entry.map(|entry| entry.id))) else {
            return;
        };
        let request = Request::ChangeMember {
            chat,
            account: row.person.account_id,
            change,
        };
        self.attempt.run_then(request, move || {
            // The row that had the focus will be gone.
            if matches!(change, MemberChange::Remove | MemberChange::Ban) {
                browser::focus("[data-testid=members-title]");
            }
        });
    }

    /// Where the conversation with a member alone is.
    fn chat_with(self, row: &Row) -> Option<Route> {
        self.roster
            .with(|roster| chat_with(roster, &row.person))
            .filter(|_| !row.is_me)
    }
}

/// Whether a change is asked about first: it takes something away, or cannot be taken back.
fn needs_question(row: &Row, change: MemberChange) -> bool {
    match change {
        MemberChange::Remove | MemberChange::Ban | MemberChange::GiveRole(Role::Owner) => true,
        MemberChange::GiveRole(_) => row.is_me,
        MemberChange::Readmit => false,
    }
}

/// The menu of the member whose button was pressed, and the question that follows from it.
#[component]
#[allow(
    clippy::large_types_passed_by_value,
    reason = "a component takes its properties by value"
)]
pub(super) fn MemberMenu(actions: Actions) -> impl IntoView {
    let Actions {
        member,
        question,
        is_asked,
        attempt,
        ..
    } = actions;
    let member_name = memo!(move || member.with(|row| row.as_ref().map(name_of).unwrap_or_default()));
    let entries = move || {
        let row = member.get()?;
        let message = actions.chat_with(&row).map(|route| {
            item("member-message", icon::CHAT, t!("message-person"), move || {
                // The details, where they are a dialog.
                close_all();
                actions.router.go(route.clone());
            })
        });
        let account = row.person.account_id;
        let profile = (!row.is_me).then(|| {
            item("member-profile", icon::PERSON, t!("person-show"), move || {
                actions.dialog.show(account);
            })
        });
        let changes = actions.rights.about(account);
        let changes = changes
            .into_iter()
            .map(|change| change_item(&actions, row.clone(), change));
        Some((profile, message, changes.collect::<Vec<_>>()))
    };
    let of_question = move |words: fn(&Row, MemberChange) -> String| {
        move || {
            question.with(|question| {
                question
                    .as_ref()
                    .map(|(row, change)| words(row, *change))
                    .unwrap_or_default()
            })
        }
    };
    view! {
        <Menu id=MENU label=text!(now!("member-menu", name = member_name.get()))>{entries}</Menu>
        <Confirm open=is_asked title=of_question(question_title) label=of_question(question_label) attempt
            run=move || actions.confirmed()>
            <p>{of_question(question_what)}</p>
        </Confirm>
    }
}

fn change_item(actions: &Actions, row: Row, change: MemberChange) -> AnyView {
    let actions = *actions;
    let is_me = row.is_me;
    let (testid, path) = match change {
        MemberChange::GiveRole(Role::Owner) => ("make-owner", icon::STAR),
        MemberChange::GiveRole(Role::Admin) => ("make-admin", icon::KEY),
        MemberChange::GiveRole(Role::Member) => ("make-member", icon::PERSON),
        MemberChange::Remove => ("member-remove", icon::OUT),
        MemberChange::Ban | MemberChange::Readmit => ("member-ban", icon::BAN),
    };
    let label = move || match change {
        MemberChange::GiveRole(Role::Admin) if is_me => now!("become-admin"),
        MemberChange::GiveRole(Role::Member) if is_me => now!("become-member"),
        MemberChange::GiveRole(Role::Owner) => now!("make-owner"),
        MemberChange::GiveRole(Role::Admin) => now!("make-admin"),
        MemberChange::GiveRole(Role::Member) => now!("make-member"),
        MemberChange::Remove => now!("remove-member"),
        MemberChange::Ban => now!("ban-member"),
        MemberChange::Readmit => now!("readmit"),
    };
    let run = move || actions.choose(row.clone(), change);
    match change {
        MemberChange::Remove | MemberChange::Ban => danger_item(testid, path, label, run),
        MemberChange::GiveRole(_) | MemberChange::Readmit => item(testid, path, label, run),
    }
}

fn name_of(row: &Row) -> String {
    if row.is_me {
        now!("you")
    } else {
        faces::name(&row.person).unwrap_or_else(|| now!("unknown-person"))
    }
}

fn question_title(row: &Row, change: MemberChange) -> String {
    let name = name_of(row);
    match change {
        MemberChange::Remove => now!("remove-title", name = name),
        MemberChange::Ban => now!("ban-title", name = name),
        MemberChange::GiveRole(_) if row.is_me => now!("give-up-title"),
        MemberChange::GiveRole(_) | MemberChange::Readmit => now!("owner-title", name = name),
    }
}

fn question_what(row: &Row, change: MemberChange) -> String {
    match change {
        MemberChange::Remove => now!("remove-what"),
        MemberChange::Ban => now!("ban-what"),
        MemberChange::GiveRole(_) if row.is_me => now!("give-up-what"),
        MemberChange::GiveRole(_) | MemberChange::Readmit => now!("owner-what"),
    }
}

fn question_label(row: &Row, change: MemberChange) -> String {
    match change {
        MemberChange::Remove => now!("remove"),
        MemberChange::Ban => now!("ban-member"),
        MemberChange::GiveRole(_) if row.is_me => now!("give-up"),
        MemberChange::GiveRole(_) | MemberChange::Readmit => now!("make-owner"),
    }
}
