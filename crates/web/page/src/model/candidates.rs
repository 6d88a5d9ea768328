//! Whom the user can add to a group: people they know, and people whom the server has found.

use std::collections::BTreeMap;

use subrosa_web_rpc::{Contact, Person};
use subrosa_wire::{AccountId, Handle, fold::finds};

use super::{faces, handles, letters, roster::Roster};

/// The people whom the user has a conversation with, alone or in a group, and whose handle is known, by name. Who waits for
/// an answer is not among them.
pub(crate) fn known(roster: &Roster) -> Vec<Contact> {
    let wanted = || {
        roster
            .values()
            .filter(|conversation| !conversation.is_request && !conversation.hidden)
    };
    let in_groups = wanted().flat_map(|conversation| &conversation.members);
    let alone = wanted().filter_map(|conversation| conversation.with.as_ref());
    let people: BTreeMap<_, _> = in_groups
        .map(|member| &member.contact)
        .chain(alone)
        .filter(|person| person.handle.is_some())
        .map(|person| (person.account_id, person))
        .collect();
    let mut people: Vec<Contact> = people.into_values().cloned().collect();
    people.sort_by_cached_key(place);
    people
}

/// Where somebody stands among others, by name.
pub(crate) fn place(person: &Contact) -> (String, AccountId) {
    let name = faces::name(person).unwrap_or_default();
    (letters::folded(name.trim_start_matches('@')), person.account_id)
}

/// Those of the known people whom a search finds by name or handle, and then those whom the server has found.
pub(crate) fn fitting(known: &[Contact], found: &[Person], search: &str) -> Vec<Contact> {
    let search_folded = folded(search);
    let mut fitting: Vec<Contact> = known
        .iter()
        .filter(|person| fits(person, &search_folded))
        .cloned()
        .collect();
    let prefix = handles::prefix(search);
    for person in found {
        let is_new = known.iter().all(|known| known.account_id != person.account_id);
        if is_new && person.handle.as_str().starts_with(&prefix) {
            fitting.push(stranger(person));
        }
    }
    fitting
}

/// A search for people, folded.
pub(crate) fn folded(search: &str) -> String {
    letters::folded(search.trim().trim_start_matches('@'))
}

/// Whether a folded search finds a person by what the user calls them, by name or handle.
pub(crate) fn fits(person: &Contact, search: &str) -> bool {
    let names = [
        person.nickname.as_deref(),
        person.name.as_deref(),
        person.handle.as_ref().map(Handle::as_str),
    ];
    let names: Vec<_> = names.into_iter().flatten().collect();
    search.is_empty() || finds(search, &letters::folded(&names.join("\n")))
}

/// Somebody of whom only the directory's word is known.
fn stranger(person: &Person) -> Contact {
    Contact {
        account_id: person.account_id,
        handle: Some(person.handle.clone()),
        former_handle: None,
        name: None,
        picture: None,
        nickname: None,
        is_blocked: false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use super::*;
    use crate::model::samples::{contact, conversation};
    use subrosa_web_rpc::{Conversation, ConversationKind, Member, Role};

    fn roster() -> Roster {
        let mut without_handle = contact(9, "", Some("Nora"));
        without_handle.handle = None;
        let member = |contact| Member {
            contact,
            role: Role::Member,
        };
        let group = Conversation {
            kind: ConversationKind::Group,
            with: None,
            members: vec![
                member(contact(2, "ben", None)),
                member(contact(3, "chiara", Some("Chiara"))),
                member(without_handle),
            ],
            ..conversation(7, "", None)
        };
        [
            conversation(2, "ben", Some("Ben Okafor")),
            conversation(1, "zoe", Some("Ångström")),
            group,
        ]
        .into_iter()
        .map(|conversation| (conversation.id, Arc::new(conversation)))
        .collect()
    }

    fn person(number: u8, handle: &str) -> Person {
        Person {
            account_id: AccountId::from_bytes([number; 16]),
            handle: handle.parse().unwrap(),
        }
    }

    fn handles_of(people: &[Contact]) -> Vec<String> {
        let handles = people.iter().filter_map(|person| person.handle.as_ref());
        handles.map(ToString::to_string).collect()
    }

    #[test]
    fn everybody_with_a_handle_is_known_once_and_by_name() {
        let known = known(&roster());
        assert_eq!(handles_of(&known), ["zoe", "ben", "chiara"]);
        // As in their own conversation, where more is known of them.
        assert_eq!(known[1].name.as_deref(), Some("Ben Okafor"));
    }

    #[test]
    fn a_search_finds_names_and_handles_and_then_strangers() {
        let known = known(&roster());
        let found = [person(2, "ben"), person(5, "benita"), person(6, "carol")];
        let fitting = |search| handles_of(&fitting(&known, &found, search));
        assert_eq!(fitting("@be"), ["ben", "benita"]);
        assert_eq!(fitting("angstrom"), ["zoe"]);
        // An answer to an earlier search does not count.
        assert_eq!(fitting("chi"), ["chiara"]);
        assert_eq!(fitting("nobody"), Vec::<String>::new());
    }
}
