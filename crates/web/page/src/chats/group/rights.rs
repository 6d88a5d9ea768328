//! What the user may change in a group, as the engine reads it from the group's policy.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, ChatId, GroupRights, MemberChange, Request};
use subrosa_wire::AccountId;

use super::super::entry::Entry;
use crate::{
    link,
    reactive::{effect, memo},
    store::{Stage, use_store},
};

/// The rights in the open group. There are none while they are not known, while the group is a request, and on a device that
/// is signed out.
#[derive(Clone, Copy)]
pub(in crate::chats) struct Rights(RwSignal<Option<GroupRights>>);

impl Rights {
    /// The rights in a group, which are asked for again whenever the group changes.
    pub(in crate::chats) fn of(entry: Entry) -> Self {
        let store = use_store();
        let rights = RwSignal::new(None::<GroupRights>);
        let asked = StoredValue::new((None::<ChatId>, 0_u32));
        let group = memo!(move || {
            entry.with(|entry| {
                let entry = entry.filter(|entry| !entry.is_request && store.stage() == Stage::SignedIn)?;
                Some((
                    entry.id,
                    (
                        entry.state,
                        entry.role,
                        entry.members.clone(),
                        entry.wishes.clone(),
                    ),
                ))
            })
        });
        effect!(move || {
            store.reloads.track();
            store.rights_changed.track();
            let chat = group.with(|group| group.as_ref().map(|(chat, _)| *chat));
            let (before, number) = asked.get_value();
            let number = number.wrapping_add(1);
            asked.set_value((chat, number));
            if chat != before {
                rights.set(None);
            }
            let Some(chat) = chat else { return };
            spawn_local(async move {
                if let Ok(Answer::GroupRights(found)) = link::call(Request::GroupRights(chat)).await
                    && asked.try_get_value() == Some((Some(chat), number))
                {
                    rights.try_set(found.map(|found| *found));
                }
            });
        });
        Self(rights)
    }

    /// Reads them.
    pub(in crate::chats) fn with<T>(self, read: impl FnOnce(Option<&GroupRights>) -> T) -> T {
        self.0.with(|rights| read(rights.as_ref()))
    }

    /// What may be changed about a member.
    pub(super) fn about(self, account: AccountId) -> Vec<MemberChange> {
        self.with(|rights| {
            let changes = rights.map_or(&[][..], |rights| rights.changes.as_slice());
            let about = changes.iter().find(|(member, _)| *member == account);
            about.map(|(_, changes)| changes.clone()).unwrap_or_default()
        })
    }
}
