//! Who a person is: their name and what the user calls them, their handle, and the groups that both are in.
//!
//! It stands in the details of a conversation with them, and in a dialog of its own for everybody else.

use leptos::prelude::*;
use subrosa_web_rpc::{ChatId, Contact};
use subrosa_wire::AccountId;

use super::{blocking::BlockButton, chat_item::route_of, nickname::Nickname};
use crate::{
    components::{
        avatar,
        dialog::{Modal, close_all, close_open},
        icon,
    },
    i18n::{now, t},
    model::{
        faces::{self, Face},
        members,
        roster::{self, Roster},
        route::{ChatAddress, Route},
    },
    reactive::{flag, memo, text},
    router::use_router,
    store::{Store, use_store},
};

/// The dialog about a person: whom it is about, and whether it is shown.
#[derive(Clone, Copy)]
pub(super) struct PersonDialog {
    account: RwSignal<Option<AccountId>>,
    is_open: RwSignal<bool>,
}

impl PersonDialog {
    /// One dialog for the component that calls it and for all in it.
    pub(super) fn provide() {
        provide_context(Self {
            account: RwSignal::new(None),
            is_open: RwSignal::new(false),
        });
    }

    /// Shows a person whom some conversation shows.
    pub(super) fn show(self, account: AccountId) {
        self.account.set(Some(account));
        self.is_open.set(true);
    }
}

/// A person as the conversations show them now.
pub(super) fn person_of(
    store: Store,
    account: impl Fn() -> Option<AccountId> + Send + Sync + 'static,
) -> Memo<Option<Contact>> {
    memo!(move || {
        let account = account()?;
        store
            .roster
            .with(|roster| roster::person(roster, account).cloned())
    })
}

/// The dialog, once for the whole page.
#[component]
pub(super) fn PersonPage() -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let dialog = expect_context::<PersonDialog>();
    let person = person_of(store, move || dialog.account.get());
    let chat = memo!(move || person.with(|person| {
        let person = person.as_ref()?;
        store.roster.with(|roster| chat_with(roster, person))
    }));
    view! {
        <Modal open=dialog.is_open labelled_by="person-name">
            <div class="details-inner of-group" data-testid="person">
                <Identity person name_id="person-name" />
                {move || chat.get().map(|route| view! {
                    <button type="button" class="button primary small" autofocus=true data-testid="person-message" on:click=move |_| {
                        close_all();
                        router.go(route.clone());
                    }>{icon::sized(icon::CHAT, "18")}{t!("message-person")}</button>
                })}
                <GroupsInCommon person title_id="person-groups" />
                <BlockButton person />
            </div>
            <div class="actions">
                <button type="button" class="button small" data-testid="person-close" on:click=move |_| close_open()>{t!("close")}</button>
            </div>
        </Modal>
    }
}

/// Where the conversation with a person alone is, or would be.
pub(super) fn chat_with(roster: &Roster, person: &Contact) -> Option<Route> {
    let address = match &person.handle {
        Some(handle) => ChatAddress::With(handle.clone()),
        None => ChatAddress::Id(roster::direct_with(roster, person.account_id)?),
    };
    Some(Route::Chat(address))
}

/// Picture, name and handle, and the way to call the person by another name.
#[component]
pub(super) fn Identity(person: Memo<Option<Contact>>, name_id: &'static str) -> impl IntoView {
    let naming = RwSignal::new(false);
    let store = use_store();
    let face = memo!(move || person.with(|person| {
        let person = person.as_ref()?;
        Some(store.roster.with(|roster| roster::face_of(roster, person)))
    }));
    let name = move || person.with(|person| person.as_ref().and_then(faces::name));
    let has_nickname = memo!(move || {
        person.with(|person| person.as_ref().is_some_and(|person| person.nickname.is_some()))
    });
    let of_person = move |read: fn(&Contact) -> Option<String>| {
        memo!(move || person.with(|person| {
            let person = person.as_ref()?;
            // Not once more what stands above it.
            read(person).filter(|text| faces::name(person).as_ref() != Some(text))
        }))
    };
    let own_name = of_person(|person| person.nickname.as_ref().and_then(|_| faces::own_name(person)));
    let handle = of_person(faces::any_handle);
    let label = move || {
        if has_nickname.get() {
            now!("nickname-change")
        } else {
            now!("nickname-give")
        }
    };
    view! {
        {move || face.get().map(|face| avatar::avatar(&face, "big"))}
        <div>
            <div class="group-name">
                <h2 id=name_id><bdi class="name" data-testid="person-name">{text!(name().unwrap_or_else(|| now!("unknown-person")))}</bdi></h2>
                <button type="button" class="icon-button" data-testid="nickname" aria-label=text!(label()) title=text!(label()) on:click=move |_| naming.set(true)>
                    {icon::sized(icon::PENCIL, "18")}
                </button>
            </div>
            {move || own_name.get().map(|name| view! { <p class="own-name"><bdi data-testid="own-name">{name}</bdi></p> })}
            {move || handle.get().filter(|handle| own_name.get().as_ref() != Some(handle)).map(|handle| view! {
                <p class="handle"><bdi dir="ltr" data-testid="person-handle">{handle}</bdi></p>
            })}
        </div>
        <Nickname open=naming person />
    }
}

/// The groups that the user and a person are in, as links to them.
#[component]
pub(super) fn GroupsInCommon(person: Memo<Option<Contact>>, title_id: &'static str) -> impl IntoView {
    let store = use_store();
    let groups = memo!(move || {
        let account = person.with(|person| person.as_ref().map(|person| person.account_id));
        account.map_or_else(Vec::new, |account| {
            store.roster.with(|roster| roster::groups_with(roster, account))
        })
    });
    let has_any = memo!(move || groups.with(|groups| !groups.is_empty()));
    view! {
        <Show when=flag!(has_any.get())>
            <section class="members" aria-labelledby=title_id data-testid="groups-in-common">
                <header><h3 id=title_id>{text!(now!("groups-in-common", count = groups.with(Vec::len) as u64))}</h3></header>
                <ul role="list"><For each=move || groups.get() key=|id| *id let:id><SharedGroup id /></For></ul>
            </section>
        </Show>
    }
}

#[component]
fn SharedGroup(id: ChatId) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let group = memo!(move || store.roster.with(|roster| roster.get(&id).cloned()));
    let face = memo!(move || group.with(|group| group.as_deref().map(Face::of_conversation)));
    let route = memo!(move || group.with(|group| group.as_deref().map_or(Route::List, route_of)));
    let count = move || group.with(|group| group.as_deref().map_or(0, members::count));
    view! {
        <li>
            <a class="member" data-testid="shared-group" href=text!(route.get().path()) on:click=move |event| {
                let follow = router.follow(route.get_untracked());
                follow(event.clone());
                // Not if it opens in another tab.
                if event.default_prevented() {
                    close_all();
                }
            }>
                {move || face.get().map(|face| avatar::avatar(&face, "small"))}
                <span class="one-line"><bdi>{text!(group.with(|group| group.as_deref().map(faces::name_of).unwrap_or_default()))}</bdi></span>
                <span class="pending">{text!(now!("members-count", count = count()))}</span>
            </a>
        </li>
    }
}
