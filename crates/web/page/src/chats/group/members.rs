//! The list of members in the details of a group, and at its end those who are banned.

use leptos::{either::Either, prelude::*};
use subrosa_web_rpc::{Contact, MemberChange, Role};
use subrosa_wire::AccountId;

use super::{
    super::entry::Entry,
    add::AddPeople,
    member::{Actions, MENU, MemberMenu},
    rights::Rights,
};
use crate::{
    browser,
    components::{avatar, icon, menu, notice},
    i18n::{now, t},
    limits::MEMBERS_SHOWN,
    model::{
        candidates,
        faces::{self, Face},
        members::{self, Pending, Row},
    },
    reactive::{flag, memo, shown_if, text},
    store::use_store,
};

/// From this many members on there is a field to search them.
const SEARCHED_FROM: usize = 11;

#[component]
pub(super) fn Members(rights: Rights) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let store = use_store();
    let actions = Actions::new(entry, rights);
    let search = RwSignal::new(String::new());
    let all_shown = RwSignal::new(false);
    let adding = RwSignal::new(false);
    let rows = memo!(move || entry.with(|group| {
        group
            .map(|group| members::rows(group, store.me().as_ref()))
            .unwrap_or_default()
    }));
    let found = memo!(move || {
        let search = candidates::folded(&search.get());
        rows.with(|rows| {
            let found = rows.iter().filter(|row| candidates::fits(&row.person, &search));
            found.map(|row| row.person.account_id).collect::<Vec<_>>()
        })
    });
    let shown = move || {
        let mut shown = found.get();
        if !all_shown.get() {
            shown.truncate(MEMBERS_SHOWN);
        }
        shown
    };
    let count = move || entry.with(|group| group.map_or(0, members::count));
    let is_searched = memo!(move || rows.with(|rows| rows.len() >= SEARCHED_FROM));
    let is_cut = memo!(move || !all_shown.get() && found.with(|found| found.len() > MEMBERS_SHOWN));
    let may_add = memo!(move || rights.with(|rights| rights.is_some_and(|rights| rights.may_add)));
    view! {
        <section class="members" aria-labelledby="members-title" data-testid="members">
            <header>
                <h3 id="members-title" tabindex="-1" data-testid="members-title">{text!(now!("members-count", count = count()))}</h3>
                {shown_if(may_add, move || view! {
                    <button type="button" class="text-button" data-testid="add-people" on:click=move |_| adding.set(true)>{t!("add")}</button>
                }.into_any())}
            </header>
            {notice::maybe_error(move || actions.error.get())}
            <Show when=flag!(is_searched.get())>
                <div class="search">
                    {icon::sized(icon::SEARCH, "18")}
                    <input type="search" data-testid="members-search" aria-label=t!("members-search") placeholder=t!("members-search") autocomplete="off"
                        autocapitalize="none" spellcheck="false" maxlength="64" dir="auto" prop:value=search
                        on:input:target=move |event| search.set(event.target().value()) />
                </div>
            </Show>
            <ul role="list">
                <For each=shown key=|account| *account let:account><Member rows account actions /></For>
            </ul>
            {move || (found.with(Vec::is_empty) && is_searched.get()).then(|| view! { <p class="hint" role="status">{t!("nobody-here")}</p> })}
            {shown_if(is_cut, move || view! {
                <button type="button" class="text-button" data-testid="members-all" on:click=move |_| all_shown.set(true)>
                    {text!(now!("show-all-members", count = found.with(Vec::len) as u64))}
                </button>
            }.into_any())}
        </section>
        <Banned rights actions />
        <MemberMenu actions />
        <AddPeople open=adding rights />
    }
}

/// A member: a button with a menu, if anything can be done.
#[component]
fn Member(rows: Memo<Vec<Row>>, account: AccountId, actions: Actions) -> impl IntoView {
    let row =
        memo!(move || rows.with(|rows| rows.iter().find(|row| row.person.account_id == account).cloned()));
    let has_menu = memo!(move || row.with(|row| row.as_ref().is_some_and(|row| actions.has_any(row))));
    let entry = expect_context::<Entry>();
    let face = memo!(move || row.with(|row| {
        let face = Face::of_contact(&row.as_ref()?.person);
        Some(if entry.is_request() {
            face.without_picture()
        } else {
            face
        })
    }));
    let inside = move || {
        view! {
            {move || face.get().map(|face| avatar::avatar(&face, "small"))}
            <span class="one-line"><bdi>{text!(row.with(|row| row.as_ref().map(name_of).unwrap_or_default()))}</bdi></span>
            {move || row.with(|row| row.as_ref().and_then(remark))}
        }
    };
    let pressed = move |event: leptos::ev::MouseEvent| {
        actions.member.set(row.get_untracked());
        menu::place(&event, MENU);
    };
    view! {
        <li data-testid="member" data-handle=move || row.with(|row| row.as_ref().and_then(|row| Some(row.person.handle.as_ref()?.to_string())))>
            {move || if has_menu.get() {
                Either::Left(view! {
                    <button type="button" class="member" data-testid="member-button" popovertarget=MENU aria-haspopup="menu" on:click=pressed>{inside()}</button>
                })
            } else {
                Either::Right(view! { <div class="member">{inside()}</div> })
            }}
        </li>
    }
}

fn name_of(row: &Row) -> String {
    if row.is_me {
        now!("you")
    } else {
        person_name(&row.person)
    }
}

fn person_name(person: &Contact) -> String {
    faces::name(person).unwrap_or_else(|| now!("unknown-person"))
}

/// Of several whom the server does not know either, each has the start of its account id.
fn banned_name(person: &Contact) -> String {
    faces::name(person).unwrap_or_else(|| {
        let id: String = faces::grouped(&person.account_id).chars().take(9).collect();
        now!("unknown-account", id = id)
    })
}

/// What stands behind the name: what waits, or else the role.
fn remark(row: &Row) -> Option<AnyView> {
    if let Some(pending) = row.pending {
        let words = move || match pending {
            Pending::Addition => now!("pending-addition"),
            Pending::Change(MemberChange::Remove) => now!("pending-removal"),
            Pending::Change(MemberChange::Ban) => now!("pending-ban"),
            Pending::Change(MemberChange::Readmit) => now!("pending-readmission"),
            Pending::Change(MemberChange::GiveRole(_)) => now!("pending-role"),
        };
        return Some(view! { <span class="pending" data-testid="pending">{words}</span> }.into_any());
    }
    match row.role {
        Role::Owner => {
            Some(view! { <span class="tag owner" data-testid="role">{t!("role-owner")}</span> }.into_any())
        }
        Role::Admin => {
            Some(view! { <span class="tag" data-testid="role">{t!("role-admin")}</span> }.into_any())
        }
        Role::Member => None,
    }
}

/// Those who are banned, as far as the user may let them back in.
#[component]
fn Banned(rights: Rights, actions: Actions) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let banned =
        memo!(move || rights.with(|rights| rights.map(|rights| rights.banned.clone()).unwrap_or_default()));
    let is_pending = move |account| {
        entry.with(|group| group.and_then(|group| members::pending(group, account)))
            == Some(Pending::Change(MemberChange::Readmit))
    };
    let one = move |person: Contact| {
        let face = Face::of_contact(&person);
        let name = banned_name(&person);
        let (label, account) = (name.clone(), person.account_id);
        let readmit = StoredValue::new(person);
        view! {
            <li class="member" data-testid="banned">
                {avatar::avatar(&face, "small")}
                <span class="one-line"><bdi>{name}</bdi></span>
                {move || {
                    let label = label.clone();
                    if is_pending(account) {
                        Either::Left(view! { <span class="pending">{t!("pending-readmission")}</span> })
                    } else {
                        Either::Right(view! {
                            <button type="button" class="text-button" data-testid="readmit" aria-label=text!(now!("readmit-label", name = label.as_str()))
                                on:click=move |_| {
                                    readmit.with_value(|person| actions.change(person, MemberChange::Readmit));
                                    // The button makes room for words.
                                    browser::focus("[data-testid=members-title]");
                                }>{t!("readmit")}</button>
                        })
                    }
                }}
            </li>
        }
    };
    view! {
        <Show when=flag!(banned.with(|banned| !banned.is_empty()))>
            <section class="members" aria-labelledby="banned-title">
                <header><h3 id="banned-title">{t!("banned")}</h3></header>
                <ul role="list"><For each=move || banned.get() key=|person| (person.account_id, faces::name(person)) children=one /></ul>
            </section>
        </Show>
    }
}
