//! The members of a group as the details list them.

use std::cmp::Reverse;

use subrosa_web_rpc::{Contact, Conversation, ConversationState, Me, MemberChange, Role, Wish};
use subrosa_wire::AccountId;

use super::candidates;

/// Somebody in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The person.
    pub(crate) person: Contact,
    /// Whether it is the user.
    pub(crate) is_me: bool,
    /// What they are in the group.
    pub(crate) role: Role,
    /// What the user wants changed about them and is not changed yet.
    pub(crate) pending: Option<Pending>,
}

/// A change that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    /// They are being added.
    Addition,
    /// Something else.
    Change(MemberChange),
}

impl Pending {
    fn of(wish: &Wish) -> Self {
        wish.change.map_or(Self::Addition, Self::Change)
    }
}

/// The user first, then the owners, the admins and the others, each by name; at the end those who are being added.
pub(crate) fn rows(group: &Conversation, me: Option<&Me>) -> Vec<Row> {
    let is_in = group.state != ConversationState::Removed;
    let user = me.filter(|_| is_in).map(|me| Row {
        person: of_me(me),
        is_me: true,
        role: group.role,
        pending: pending(group, me.account_id),
    });
    let mut others: Vec<_> = group
        .members
        .iter()
        .map(|member| Row {
            person: member.contact.clone(),
            is_me: false,
            role: member.role,
            pending: pending(group, member.contact.account_id),
        })
        .collect();
    others.sort_by_cached_key(|row| (Reverse(row.role), candidates::place(&row.person)));
    let coming = group.wishes.iter().filter(|wish| wish.change.is_none());
    let coming = coming.map(|wish| Row {
        person: wish.who.clone(),
        is_me: false,
        role: Role::Member,
        pending: Some(Pending::Addition),
    });
    let mut rows: Vec<_> = user.into_iter().chain(others).collect();
    rows.extend(coming.filter(|row| !is_member(group, row.person.account_id)));
    rows
}

/// Whether somebody other than the user is a member.
pub(crate) fn is_member(group: &Conversation, account: AccountId) -> bool {
    let mut members = group.members.iter();
    members.any(|member| member.contact.account_id == account)
}

/// What somebody is in a group; a member, also if they have left.
pub(crate) fn role_of(group: &Conversation, account: AccountId) -> Role {
    let mut members = group.members.iter();
    let member = members.find(|member| member.contact.account_id == account);
    member.map_or(Role::Member, |member| member.role)
}

/// What the user wants changed about a person and is not changed yet.
pub(crate) fn pending(group: &Conversation, account: AccountId) -> Option<Pending> {
    let wish = group.wishes.iter().find(|wish| wish.who.account_id == account);
    wish.map(Pending::of)
}

/// How many members a group has.
pub(crate) fn count(group: &Conversation) -> u64 {
    let is_in = group.state != ConversationState::Removed;
    group.members.len() as u64 + u64::from(is_in)
}

fn of_me(me: &Me) -> Contact {
    Contact {
        account_id: me.account_id,
        handle: Some(me.handle.clone()),
        former_handle: None,
        name: me.name.clone(),
        picture: me.picture,
        nickname: None,
        is_blocked: false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use subrosa_web_rpc::{Audience, ConversationKind, Member, Privacy};
    use subrosa_wire::DeviceId;

    use super::*;
    use crate::model::samples::{contact, conversation};

    fn me() -> Me {
        Me {
            account_id: AccountId::from_bytes([1; 16]),
            handle: "alice".parse().unwrap(),
            name: None,
            picture: None,
            device_id: DeviceId::from_bytes([1; 16]),
            privacy: Privacy {
                read_receipts: true,
                typing: true,
                last_seen: true,
                writers: Audience::Known,
                adders: Audience::Known,
            },
        }
    }

    fn group() -> Conversation {
        let member = |number, handle, role| Member {
            contact: contact(number, handle, None),
            role,
        };
        Conversation {
            kind: ConversationKind::Group,
            with: None,
            role: Role::Admin,
            members: vec![
                member(2, "zoe", Role::Member),
                member(3, "chiara", Role::Owner),
                member(4, "ben", Role::Member),
            ],
            wishes: vec![
                Wish {
                    who: contact(4, "ben", None),
                    change: Some(MemberChange::Ban),
                },
                Wish {
                    who: contact(5, "dmitri", None),
                    change: None,
                },
                Wish {
                    who: contact(6, "mallory", None),
                    change: Some(MemberChange::Readmit),
                },
            ],
            ..conversation(7, "", None)
        }
    }

    fn listed(rows: &[Row]) -> Vec<(String, Role, Option<Pending>)> {
        let row = |row: &Row| {
            (
                row.person.handle.clone().unwrap().to_string(),
                row.role,
                row.pending,
            )
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn the_user_stands_first_then_owners_and_who_is_being_added_stands_last() {
        let expected = [
            ("alice", Role::Admin, None),
            ("chiara", Role::Owner, None),
            ("ben", Role::Member, Some(Pending::Change(MemberChange::Ban))),
            ("zoe", Role::Member, None),
            ("dmitri", Role::Member, Some(Pending::Addition)),
        ];
        let expected = expected.map(|(handle, role, pending)| (handle.to_owned(), role, pending));
        assert_eq!(listed(&rows(&group(), Some(&me()))), expected);
        assert_eq!(count(&group()), 4);
    }

    #[test]
    fn whoever_was_removed_is_no_member() {
        let group = Conversation {
            state: ConversationState::Removed,
            ..group()
        };
        assert!(rows(&group, Some(&me())).iter().all(|row| !row.is_me));
        assert_eq!(count(&group), 3);
    }
}
