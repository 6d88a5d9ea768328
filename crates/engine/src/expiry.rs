//! Messages that disappear: what is due is deleted before a step does anything else.
//!
//! Their time begins where `store/messages.rs` says so; the clock of this device alone decides when it is over.

use std::collections::BTreeSet;

use crate::{
    api::Event,
    context::{Context, StepResult},
    limits::{EXPIRED_PER_STEP_MAX, GONE_IDS_KEPT},
    store::{gone_messages, messages, outbox},
};

/// Deletes what is due, as much as fits into a step. What is left is due at once.
pub(crate) fn expire(cx: &mut Context<'_>) -> StepResult {
    let mut chats = BTreeSet::new();
    for (message, chat, id) in messages::expired(cx.conn, cx.now, EXPIRED_PER_STEP_MAX)? {
        gone_messages::insert(cx.conn, chat, &id, cx.now)?;
        outbox::delete_of_message(cx.conn, message)?;
        messages::delete(cx.conn, message)?;
        cx.event(Event::MessageRemoved { chat, message });
        chats.insert(chat);
    }
    for chat in chats {
        cx.event(Event::ConversationChanged(chat));
    }
    Ok(())
}

/// Sees to it that nothing is kept longer than it may be because the clock of this device was wrong before, and forgets
/// what will not come again.
pub(crate) fn tidy(cx: &Context<'_>) -> StepResult {
    messages::bound_expiry(cx.conn, cx.now)?;
    Ok(gone_messages::forget(cx.conn, cx.now.minus(GONE_IDS_KEPT))?)
}
