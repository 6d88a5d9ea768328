//! Quarantine: a conversation in which something cannot be processed is set aside, so that everything else goes on.
//!
//! Nothing of it is lost: it keeps the state that it had, and what was written in it waits. The user can try again, for
//! example with another version of the program.

use subrosa_wire::ConversationId;

use super::Conversation;
use crate::{
    ChatId,
    api::{ConversationState, EngineError, Event, Warning},
    context::{Context, StepResult},
    store::conversations,
};

/// Sets a conversation aside after all that was done with it was taken back.
pub(super) fn set_aside(
    cx: &mut Context<'_>,
    chat: ChatId,
    id: ConversationId,
    cause: &EngineError,
) -> StepResult {
    tracing::error!(%chat, error = %cause, "a conversation cannot be processed and is set aside");
    let reason = cause.to_string();
    cx.requests.forget_conversation(chat, id);
    cx.connection.forget_conversation(chat, id);
    cx.recovery.quarantines += 1;
    conversations::quarantine(cx.conn, chat, &reason)?;
    cx.warn(Warning::NotProcessed {
        chat: Some(chat),
        reason,
    });
    cx.event(Event::ConversationChanged(chat));
    Ok(())
}

impl Conversation {
    /// Goes back to the state from before the quarantine. If that was tried at the same place before, or the group is
    /// gone, this device joins anew instead.
    pub(super) fn end_quarantine(&mut self, cx: &mut Context<'_>) -> StepResult {
        let cursor = self.record.cursor();
        let is_repeated = self
            .record
            .quarantine()
            .is_some_and(|quarantine| quarantine.retried_at == Some(cursor));
        self.record.release(cx.conn)?;
        tracing::info!(chat = %self.chat(), is_repeated, "a conversation is tried again");
        self.changed(cx);
        cx.touch(self.chat());
        if self.record.state() != ConversationState::Joined {
            return Ok(());
        }
        let id = self.id();
        let has_group = match self.group.find(cx, id) {
            Ok(group) => group.is_some(),
            // It is set aside again by whatever needs the group next.
            Err(error) if error.is_in_conversation() => true,
            Err(error) => return Err(error),
        };
        if !has_group {
            return self.enter_anew(cx);
        }
        if is_repeated {
            // What cannot be read cannot be descended from.
            return match self.rejoin(cx) {
                Err(error) if error.is_in_conversation() => self.enter_anew(cx),
                left => left,
            };
        }
        self.fetch_log(cx, cursor);
        Ok(())
    }

    /// Leaves a conversation that is set aside out of lists.
    pub(crate) fn hide(&self, cx: &mut Context<'_>) -> StepResult {
        if self.record.state() == ConversationState::Quarantined {
            conversations::set_hidden(cx.conn, self.chat(), true)?;
            self.changed(cx);
        }
        Ok(())
    }
}
