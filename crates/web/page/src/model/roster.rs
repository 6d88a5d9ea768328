//! The order of the list of conversations, and which of them a search finds.

use std::{collections::HashMap, sync::Arc};

use subrosa_web_rpc::Conversation;
use subrosa_wire::ConversationId;

use super::letters;

/// The conversations by id.
pub(crate) type Roster = HashMap<ConversationId, Arc<Conversation>>;

/// The ids in the order of the list: the newest first, equal ones by id so that they never swap.
pub(crate) fn order(roster: &Roster, filter: &str) -> Vec<ConversationId> {
    let filter = letters::lower_case(filter.trim().trim_start_matches('@'));
    let mut found: Vec<_> = roster
        .values()
        .filter(|conversation| fits(conversation, &filter))
        .collect();
    found.sort_by_key(|conversation| (std::cmp::Reverse(conversation.active_at), conversation.id));
    found.into_iter().map(|conversation| conversation.id).collect()
}

fn fits(conversation: &Conversation, filter: &str) -> bool {
    let peer = &conversation.peer;
    filter.is_empty()
        || peer
            .name
            .as_ref()
            .is_some_and(|name| letters::lower_case(name).contains(filter))
        || peer
            .handle
            .as_ref()
            .is_some_and(|handle| handle.as_str().contains(filter))
}

/// Unread messages in all conversations.
pub(crate) fn unread(roster: &Roster) -> u64 {
    roster.values().map(|conversation| conversation.unread).sum()
}

/// Moves a conversation to another id. One that already has the new id is newer and stays.
pub(crate) fn follow(roster: &mut Roster, from: ConversationId, to: ConversationId) {
    if let Some(old) = roster.remove(&from) {
        roster.entry(to).or_insert_with(|| {
            Arc::new(Conversation {
                id: to,
                ..(*old).clone()
            })
        });
    }
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
        let order: Vec<_> = order(&roster, "").iter().map(|id| id.as_bytes()[0]).collect();
        assert_eq!(order, [3, 2, 1]);
    }

    #[test]
    fn a_filter_finds_names_and_handles_in_any_case() {
        let roster = roster(vec![
            conversation(1, "ada", Some("Ada Löw")),
            conversation(2, "ben", Some("Ben")),
        ]);
        assert_eq!(order(&roster, " LÖW ").len(), 1);
        assert_eq!(order(&roster, "@be").len(), 1);
        assert_eq!(order(&roster, "zoe").len(), 0);
    }

    #[test]
    fn a_moved_conversation_keeps_what_it_has_and_gives_way_to_a_newer_one() {
        let (old, new) = (
            ConversationId::from_bytes([1; 16]),
            ConversationId::from_bytes([9; 16]),
        );
        let mut moved = roster(vec![conversation(1, "ada", None)]);
        follow(&mut moved, old, new);
        assert_eq!(moved.keys().copied().collect::<Vec<_>>(), [new]);
        assert_eq!(moved[&new].id, new);

        let mut both = roster(vec![
            conversation(1, "ada", None),
            conversation(9, "ada", Some("kept")),
        ]);
        follow(&mut both, old, new);
        assert_eq!(both[&new].peer.name.as_deref(), Some("kept"));
    }
}
