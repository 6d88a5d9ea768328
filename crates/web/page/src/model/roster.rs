//! The order of the list of conversations, and which of them a search finds.

use std::{collections::HashMap, sync::Arc};

use subrosa_web_rpc::{ChatId, Conversation};
use subrosa_wire::{AccountId, fold::finds};

use super::letters;

/// The conversations by id.
pub(crate) type Roster = HashMap<ChatId, Arc<Conversation>>;

/// The ids of those that are not hidden, in the order of the list: the newest first, equal ones by id so that they never swap.
pub(crate) fn order(roster: &Roster, filter: &str) -> Vec<ChatId> {
    let filter = letters::folded(filter.trim().trim_start_matches('@'));
    let mut found: Vec<_> = roster
        .values()
        .filter(|conversation| !conversation.hidden && fits(conversation, &filter))
        .collect();
    found.sort_by_key(|conversation| (std::cmp::Reverse(conversation.active_at), conversation.id));
    found.into_iter().map(|conversation| conversation.id).collect()
}

fn fits(conversation: &Conversation, filter: &str) -> bool {
    let with = conversation.with.as_ref();
    let names = [
        conversation.title.as_deref(),
        with.and_then(|person| person.name.as_deref()),
        with.and_then(|person| Some(person.handle.as_ref()?.as_str())),
    ];
    let names: Vec<_> = names.into_iter().flatten().collect();
    filter.is_empty() || finds(filter, &letters::folded(&names.join("\n")))
}

/// Unread messages in all conversations of the list.
pub(crate) fn unread(roster: &Roster) -> u64 {
    let shown = roster.values().filter(|conversation| !conversation.hidden);
    shown.map(|conversation| conversation.unread).sum()
}

/// The version of a person's picture, as far as a conversation with them shows it.
pub(crate) fn picture_of(roster: &Roster, account: AccountId) -> Option<u64> {
    let mut people = roster
        .values()
        .filter_map(|conversation| conversation.with.as_ref());
    people.find(|person| person.account_id == account)?.picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::conversation;

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
        assert_eq!((order.as_slice(), unread(&roster)), (&[1][..], 0));
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
