//! The order of the list of conversations, and which of them a search finds.

use std::{collections::HashMap, sync::Arc};

use subrosa_web_rpc::{ChatId, Contact, Conversation, ConversationKind, ConversationState};
use subrosa_wire::{AccountId, Timestamp, fold::finds};

use super::{
    faces::{self, Face},
    letters, members,
};

/// The conversations by id.
pub(crate) type Roster = HashMap<ChatId, Arc<Conversation>>;

/// A part of the list of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but those that are archived.
    All,
    /// Those of them with something unread.
    Unread,
    /// Those of them that are groups.
    Groups,
    /// What others have begun and the user has not decided about, which is in no other part.
    Requests,
    Archived,
}

impl Part {
    fn has(self, conversation: &Conversation) -> bool {
        let is_archived = conversation.settings.is_archived;
        match self {
            Self::Requests => conversation.is_request,
            _ if conversation.is_request => false,
            Self::Archived => is_archived,
            _ if is_archived => false,
            Self::All => true,
            Self::Unread => conversation.unread > 0 || conversation.settings.is_marked_unread,
            Self::Groups => conversation.kind == ConversationKind::Group,
        }
    }
}

/// The ids of those in a part, in the order of the list. The open one stays among those with something unread.
pub(crate) fn part(roster: &Roster, part: Part, open: Option<ChatId>) -> Vec<ChatId> {
    ordered(roster, |conversation| {
        let stays = part == Part::Unread && open == Some(conversation.id) && Part::All.has(conversation);
        !conversation.hidden && (stays || part.has(conversation))
    })
}

/// How many are in a part.
pub(crate) fn count(roster: &Roster, part: Part) -> u64 {
    let listed = roster.values().filter(|conversation| !conversation.hidden);
    listed
        .filter(|conversation| part.has(conversation))
        .map(|_| 1)
        .sum()
}

/// Whether there is anything to list.
pub(crate) fn has_any(roster: &Roster) -> bool {
    roster.values().any(|conversation| !conversation.hidden)
}

/// The ids of those that a search finds, archived ones and requests among them, in the order of the list.
pub(crate) fn order(roster: &Roster, filter: &str) -> Vec<ChatId> {
    let filter = letters::folded(filter.trim().trim_start_matches('@'));
    ordered(roster, |conversation| {
        let is_found = !conversation.hidden || !filter.is_empty() && is_kept_group(conversation);
        is_found && fits(conversation, &filter)
    })
}

/// Whether it is a group that was deleted here and that the user is still in: only a search finds it.
fn is_kept_group(conversation: &Conversation) -> bool {
    conversation.hidden
        && conversation.kind == ConversationKind::Group
        && conversation.state == ConversationState::Joined
        && !conversation.is_request
}

/// Pinned ones first, and of both the newest first, equal ones by id so that they never swap.
fn ordered(roster: &Roster, is_listed: impl Fn(&Conversation) -> bool) -> Vec<ChatId> {
    let mut listed: Vec<_> = roster
        .values()
        .filter(|conversation| is_listed(conversation))
        .collect();
    listed.sort_by_key(|conversation| {
        (
            !conversation.settings.is_pinned,
            std::cmp::Reverse(conversation.active_at),
            conversation.id,
        )
    });
    listed.into_iter().map(|conversation| conversation.id).collect()
}

/// Whether some conversation is no longer muted that was so at an earlier instant.
pub(crate) fn has_mute_ended(roster: &Roster, before: Timestamp, now: Timestamp) -> bool {
    let mut mutes = roster.values().map(|conversation| conversation.settings.mute);
    mutes.any(|mute| mute.is_on(before) && !mute.is_on(now))
}

fn fits(conversation: &Conversation, filter: &str) -> bool {
    // The inviter's name stands at an invitation.
    let with = conversation.with.as_ref().or(faces::inviter(conversation));
    let names = [
        conversation.title.as_deref(),
        with.and_then(|person| person.nickname.as_deref()),
        with.and_then(|person| person.name.as_deref()),
        with.and_then(|person| Some(person.handle.as_ref()?.as_str())),
    ];
    let notes = (conversation.kind == ConversationKind::NotesToSelf).then(|| faces::name_of(conversation));
    let names: Vec<_> = names.into_iter().flatten().chain(notes.as_deref()).collect();
    filter.is_empty() || finds(filter, &letters::folded(&names.join("\n")))
}

/// Unread messages in all conversations of the list that are neither muted nor requests.
pub(crate) fn unread(roster: &Roster, now: Timestamp) -> u64 {
    let counts = |conversation: &&Arc<Conversation>| {
        let settings = conversation.settings;
        !conversation.hidden && Part::All.has(conversation) && !settings.mute.is_on(now)
    };
    let counted = roster.values().filter(counts);
    counted.map(|conversation| conversation.unread).sum()
}

/// A person whom some conversation shows: it is with them, they are a member or have added the user, or the user wants
/// something changed about them.
pub(crate) fn person(roster: &Roster, account: AccountId) -> Option<&Contact> {
    let mut people = roster.values().flat_map(|conversation| people_of(conversation));
    people.find(|person| person.account_id == account)
}

/// The face of a person. Of somebody who waits for an answer no picture is loaded.
pub(crate) fn face_of(roster: &Roster, person: &Contact) -> Face {
    let face = Face::of_contact(person);
    let chat = direct_with(roster, person.account_id).and_then(|chat| roster.get(&chat));
    if chat.is_some_and(|chat| chat.is_request) {
        face.without_picture()
    } else {
        face
    }
}

/// Whether a person has added the user to a group about which the user has not decided.
pub(crate) fn has_invitation_by(roster: &Roster, account: AccountId) -> bool {
    let mut inviters = roster
        .values()
        .filter(|chat| !chat.hidden)
        .filter_map(|chat| faces::inviter(chat));
    inviters.any(|by| by.account_id == account)
}

/// The conversation with a person alone.
pub(crate) fn direct_with(roster: &Roster, account: AccountId) -> Option<ChatId> {
    let mut with = roster
        .values()
        .filter_map(|chat| Some((chat.id, chat.with.as_ref()?)));
    let (chat, _) = with.find(|(_, with)| with.account_id == account)?;
    Some(chat)
}

/// The groups that the user and a person are in, in the order of the list.
pub(crate) fn groups_with(roster: &Roster, account: AccountId) -> Vec<ChatId> {
    let mut groups = order(roster, "");
    groups.retain(|id| {
        roster.get(id).is_some_and(|group| {
            group.kind == ConversationKind::Group
                && !group.is_request
                && group.state != ConversationState::Removed
                && members::is_member(group, account)
        })
    });
    groups
}

/// The names of some groups that the user and a person are in; `None` if there are none.
pub(crate) fn names_of_groups_with(roster: &Roster, account: AccountId) -> Option<String> {
    const SHOWN: usize = 3;
    let groups = groups_with(roster, account);
    let names = groups
        .iter()
        .take(SHOWN)
        .filter_map(|id| Some(faces::name_of(roster.get(id)?)));
    let more = (groups.len() > SHOWN).then(|| "…".to_owned());
    let names: Vec<_> = names.chain(more).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Shows a person as they are now in all conversations. Returns whether that changes anything.
pub(crate) fn take_person(roster: &mut Roster, person: &Contact) -> bool {
    let mut is_changed = false;
    for conversation in roster.values_mut() {
        let shows_other = |shown: &Contact| shown.account_id == person.account_id && shown != person;
        if people_of(conversation).any(shows_other) {
            let conversation = Arc::make_mut(conversation);
            let with = conversation.with.iter_mut();
            let with = with.chain(&mut conversation.added_by);
            let with = with.chain(&mut conversation.former_members);
            let members = conversation.members.iter_mut().map(|member| &mut member.contact);
            let wishes = conversation.wishes.iter_mut().map(|wish| &mut wish.who);
            let shown = with.chain(members).chain(wishes);
            for shown in shown.filter(|shown| shown.account_id == person.account_id) {
                shown.clone_from(person);
            }
            is_changed = true;
        }
    }
    is_changed
}

fn people_of(conversation: &Conversation) -> impl Iterator<Item = &Contact> {
    let members = conversation.members.iter().map(|member| &member.contact);
    let wishes = conversation.wishes.iter().map(|wish| &wish.who);
    let with = conversation.with.iter();
    with.chain(&conversation.added_by)
        .chain(members)
        .chain(&conversation.former_members)
        .chain(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::{contact, conversation};
    use subrosa_web_rpc::{ChatSettings, Member, Mute, Role};

    fn roster(all: Vec<Conversation>) -> Roster {
        all.into_iter()
            .map(|conversation| (conversation.id, Arc::new(conversation)))
            .collect()
    }

    #[test]
    fn the_newest_conversation_stands_first() {
        let roster = roster(vec![
            conversation(1, "ada", None),
            conversation(3, "cat", None),
            conversation(2, "ben", None),
        ]);
        let order: Vec<_> = order(&roster, "").into_iter().map(ChatId::get).collect();
        assert_eq!(order, [3, 2, 1]);
    }

    #[test]
    fn a_hidden_conversation_is_left_out() {
        let hidden = Conversation {
            hidden: true,
            unread: 3,
            ..conversation(2, "ben", None)
        };
        let roster = roster(vec![conversation(1, "ada", None), hidden]);
        let order: Vec<_> = order(&roster, "").into_iter().map(ChatId::get).collect();
        let unread = unread(&roster, Timestamp::from_millis(0));
        assert_eq!((order.as_slice(), unread), (&[1][..], 0));
    }

    /// A conversation for which something is chosen.
    fn chosen(number: u8, settings: ChatSettings) -> Conversation {
        Conversation {
            settings,
            unread: 1,
            ..conversation(number, "ada", None)
        }
    }

    const PINNED: ChatSettings = ChatSettings {
        mute: Mute::Off,
        is_pinned: true,
        is_archived: false,
        is_marked_unread: false,
    };
    const ARCHIVED: ChatSettings = ChatSettings {
        is_pinned: false,
        is_archived: true,
        ..PINNED
    };

    fn numbers(ids: Vec<ChatId>) -> Vec<i64> {
        ids.into_iter().map(ChatId::get).collect()
    }

    #[test]
    fn pinned_conversations_stand_first_and_archived_ones_apart() {
        let hidden = Conversation {
            hidden: true,
            ..chosen(9, ARCHIVED)
        };
        let roster = roster(vec![
            chosen(1, PINNED),
            conversation(2, "ben", None),
            chosen(3, ARCHIVED),
            conversation(4, "cat", None),
            chosen(5, PINNED),
            chosen(6, ARCHIVED),
            hidden,
        ]);
        assert_eq!(numbers(part(&roster, Part::All, None)), [5, 1, 4, 2]);
        assert_eq!(numbers(part(&roster, Part::Archived, None)), [6, 3]);
        assert_eq!(count(&roster, Part::Archived), 2);
        // A search finds them all.
        assert_eq!(numbers(order(&roster, "ada")), [5, 1, 6, 3]);
    }

    #[test]
    fn unread_messages_of_muted_and_archived_conversations_are_not_counted() {
        let muted = |mute| ChatSettings {
            mute,
            ..ChatSettings::default()
        };
        let at = Timestamp::from_millis;
        let roster = roster(vec![
            chosen(1, PINNED),
            chosen(2, ARCHIVED),
            chosen(3, muted(Mute::ForEver)),
            chosen(4, muted(Mute::Until(at(100)))),
        ]);
        assert_eq!(unread(&roster, at(99)), 1);
        assert_eq!(unread(&roster, at(100)), 2);
        assert!(has_mute_ended(&roster, at(99), at(100)));
        assert!(!has_mute_ended(&roster, at(98), at(99)));
        assert!(!has_mute_ended(&roster, at(100), at(101)));
    }

    /// The same as a request.
    fn asked(conversation: Conversation) -> Conversation {
        Conversation {
            is_request: true,
            unread: 1,
            ..conversation
        }
    }

    #[test]
    fn a_request_is_in_no_other_part_and_is_found_by_a_search() {
        let ada = contact(1, "ada", None);
        let declined = Conversation {
            hidden: true,
            ..asked(conversation(4, "dan", None))
        };
        let roster = roster(vec![
            asked(conversation(2, "ben", None)),
            asked(Conversation {
                settings: ARCHIVED,
                added_by: Some(ada.clone()),
                ..group(3, std::slice::from_ref(&ada))
            }),
            declined,
        ]);
        assert_eq!(numbers(part(&roster, Part::Requests, None)), [3, 2]);
        assert_eq!(count(&roster, Part::Requests), 2);
        for other in [Part::All, Part::Unread, Part::Groups, Part::Archived] {
            assert_eq!(
                numbers(part(&roster, other, Some(ChatId::new(2)))),
                [0; 0],
                "{other:?}"
            );
            assert_eq!(count(&roster, other), 0, "{other:?}");
        }
        assert_eq!(unread(&roster, Timestamp::from_millis(0)), 0);
        assert_eq!(numbers(order(&roster, "ben")), [2]);
        // By who invites.
        assert_eq!(numbers(order(&roster, "ada")), [3]);
        assert!(has_invitation_by(&roster, ada.account_id));
        assert!(!has_invitation_by(&roster, AccountId::from_bytes([2; 16])));
        assert_eq!(groups_with(&roster, ada.account_id), []);
    }

    #[test]
    fn unread_and_groups_are_parts_of_what_is_not_archived() {
        let marked = ChatSettings {
            is_marked_unread: true,
            ..ChatSettings::default()
        };
        let roster = roster(vec![
            chosen(1, ChatSettings::default()),
            conversation(2, "ben", None),
            Conversation {
                unread: 0,
                ..chosen(3, marked)
            },
            chosen(4, ARCHIVED),
            group(5, &[]),
            Conversation {
                settings: ARCHIVED,
                ..group(6, &[])
            },
        ]);
        assert_eq!(numbers(part(&roster, Part::Unread, None)), [3, 1]);
        assert_eq!(numbers(part(&roster, Part::Groups, None)), [5]);
        // Reading it does not take it from under the user's eyes.
        let open = Some(ChatId::new(2));
        assert_eq!(numbers(part(&roster, Part::Unread, open)), [3, 2, 1]);
        assert_eq!(count(&roster, Part::Unread), 2);
    }

    #[test]
    fn of_somebody_who_waits_for_an_answer_no_picture_is_loaded() {
        let ben = Contact {
            picture: Some(7),
            ..contact(2, "ben", None)
        };
        let chat = |is_request| Conversation {
            is_request,
            with: Some(ben.clone()),
            ..conversation(2, "ben", None)
        };
        let (asked, accepted) = (roster(vec![chat(true)]), roster(vec![chat(false)]));
        assert_eq!(face_of(&asked, &ben).portrait, None);
        assert_eq!(Face::of_conversation(&chat(true)).portrait, None);
        assert_eq!(face_of(&accepted, &ben), Face::of_contact(&ben));
        assert_eq!(Face::of_conversation(&chat(false)), Face::of_contact(&ben));
    }

    /// A group with these members.
    fn group(number: u8, members: &[Contact]) -> Conversation {
        let member = |contact: &Contact| Member {
            contact: contact.clone(),
            role: Role::Member,
        };
        Conversation {
            kind: ConversationKind::Group,
            with: None,
            members: members.iter().map(member).collect(),
            ..conversation(number, "", None)
        }
    }

    #[test]
    fn a_person_is_shown_in_the_same_way_in_all_conversations() {
        let ben = contact(2, "ben", Some("Ben"));
        let mut roster = roster(vec![
            conversation(1, "ada", None),
            conversation(2, "ben", Some("Ben")),
            group(3, &[contact(1, "ada", None), ben.clone()]),
        ]);
        assert!(!take_person(&mut roster, &ben));
        let called = Contact {
            nickname: Some("Uncle Ben".to_owned()),
            ..ben
        };
        assert!(take_person(&mut roster, &called));
        assert_eq!(person(&roster, called.account_id), Some(&called));
        assert_eq!(faces::name_of(&roster[&ChatId::new(2)]), "Uncle Ben");
        let group = &roster[&ChatId::new(3)];
        assert_eq!(faces::name_in(group, &called.account_id), "Uncle Ben");
        assert_eq!(order(&roster, "uncle").len(), 1);
    }

    #[test]
    fn whoever_has_left_a_group_keeps_their_name_there() {
        let ben = contact(2, "ben", Some("Ben"));
        let mut roster = roster(vec![Conversation {
            former_members: vec![ben.clone()],
            ..group(3, &[])
        }]);
        let called = Contact {
            nickname: Some("Uncle Ben".to_owned()),
            ..ben
        };
        assert!(take_person(&mut roster, &called));
        let group = &roster[&ChatId::new(3)];
        assert_eq!(faces::name_in(group, &called.account_id), "Uncle Ben");
    }

    #[test]
    fn groups_in_common_are_those_that_both_are_in() {
        let ben = contact(2, "ben", None);
        let left = Conversation {
            state: ConversationState::Removed,
            ..group(6, std::slice::from_ref(&ben))
        };
        let roster = roster(vec![
            conversation(2, "ben", None),
            group(3, &[contact(1, "ada", None)]),
            group(4, std::slice::from_ref(&ben)),
            group(5, &[contact(1, "ada", None), ben.clone()]),
            left,
        ]);
        let groups: Vec<_> = groups_with(&roster, ben.account_id)
            .into_iter()
            .map(ChatId::get)
            .collect();
        assert_eq!(groups, [5, 4]);
    }

    #[test]
    fn the_notes_of_the_user_are_found_by_what_they_are_called() {
        let notes = Conversation {
            kind: ConversationKind::NotesToSelf,
            with: None,
            ..conversation(1, "", None)
        };
        let roster = roster(vec![notes, conversation(2, "ben", None)]);
        assert_eq!(order(&roster, "notes"), [ChatId::new(1)]);
    }

    #[test]
    fn a_filter_finds_titles_names_and_handles_in_any_case() {
        let roster = roster(vec![
            conversation(1, "ada", Some("Ada Löw")),
            conversation(2, "ben", Some("Ben")),
            Conversation {
                title: Some("Rowing Club".to_owned()),
                with: None,
                ..conversation(3, "", None)
            },
        ]);
        assert_eq!(order(&roster, " LÖW ").len(), 1);
        assert_eq!(order(&roster, "@be").len(), 1);
        assert_eq!(order(&roster, "club").len(), 1);
        assert_eq!(order(&roster, "zoe").len(), 0);
        // Without accents, and with words of name and handle in any order.
        for search in ["low", "lo\u{308}w", "ada low", "Löw ad"] {
            assert_eq!(order(&roster, search).len(), 1, "{search}");
        }
    }
}
