//! Lines of a conversation that are no messages.

use subrosa_wire::{AccountId, Timestamp};

use super::Conversation;
use crate::{
    api::{Event, Notice, NoticeKind},
    context::{Context, StepResult},
    store::{messages, notices},
};

impl Conversation {
    /// Adds a line at a place in the log.
    pub(super) fn notice(
        &self,
        cx: &mut Context<'_>,
        kind: NoticeKind,
        by: Option<AccountId>,
        who: Vec<AccountId>,
        (seq, at): (u64, Timestamp),
    ) -> StepResult {
        let notice = Notice {
            chat: self.chat(),
            conversation_id: self.id(),
            position: messages::next_position(cx.conn, self.chat(), seq)?,
            at,
            kind,
            by,
            who,
        };
        notices::insert(cx.conn, &notice)?;
        cx.event(Event::NoticeAdded(Box::new(notice)));
        Ok(())
    }
}
