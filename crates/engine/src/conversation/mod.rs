//! The conversations of this device: each is a row, an MLS group, and what the connection knows of it.
//!
//! The life of a conversation is told by the modules below. Calls go down the list and never back: where
//! something has to be done further up, a module returns a value, and [`Conversation`] acts on it here.

mod queue;

mod handshake;

mod log;

mod create;
mod join;

mod content;

mod group;
mod live;
mod record;

use std::collections::HashMap;

use subrosa_wire::{
    AccountId, ConversationId, Timestamp,
    frames::{Appended, ConversationHead, Cursor, Deliver, LogEntry, LogPage, Problem},
};

use crate::{
    api::{CommandError, ConversationState, Event, Warning},
    context::{Context, StepResult},
    limits::{LOADED_LEAVES_MAX, SEQ_MAX},
    store::{
        conversations::{self, ChatId, ConversationRow},
        handshakes::{self, HandshakeKind},
        messages::{self, LocalMessageId},
        outbox::OutboxId,
    },
};

use group::LoadedGroup;
use live::Live;
use log::Applied;
use record::Record;

/// A conversation for as long as a step works on it.
pub(crate) struct Conversation {
    record: Record,
    group: LoadedGroup,
    live: Live,
}

/// What stays in memory of conversations between steps.
#[derive(Default)]
pub(crate) struct Conversations {
    kept: HashMap<ChatId, Kept>,
    /// Counts the uses, so that the group used longest ago is unloaded first.
    uses: u64,
}

#[derive(Default)]
struct Kept {
    group: LoadedGroup,
    live: Live,
    last_use: u64,
}

impl Conversations {
    /// Works on a conversation and saves it; `None` if there is none with this id.
    pub(crate) fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        chat: ChatId,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult<T>,
    ) -> StepResult<Option<T>> {
        match conversations::load(cx.conn, chat)? {
            Some(row) => self.with_row(cx, row, act).map(Some),
            None => Ok(None),
        }
    }

    /// The same for a row that was just loaded.
    fn with_row<T>(
        &mut self,
        cx: &mut Context<'_>,
        row: ConversationRow,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult<T>,
    ) -> StepResult<T> {
        let kept = self.kept.remove(&row.chat).unwrap_or_default();
        let mut conversation = Conversation {
            record: Record::new(row),
            group: kept.group,
            live: kept.live,
        };
        let result = act(&mut conversation, cx);
        if result.is_ok() {
            conversation.record.save(cx.conn)?;
        }
        // A command that is refused rolls back too, but has changed nothing by then.
        self.uses += 1;
        self.kept.insert(
            conversation.chat(),
            Kept {
                group: conversation.group,
                live: conversation.live,
                last_use: self.uses,
            },
        );
        result
    }

    /// The connection is another, or gone: what was known by it is worthless.
    pub(crate) fn connection_changed(&mut self) {
        for kept in self.kept.values_mut() {
            kept.live = Live::default();
        }
    }

    /// Unloads the groups that were not used for longest until those in memory fit their bound.
    pub(crate) fn unload_groups(&mut self) {
        let leaves = |kept: &Kept| kept.group.loaded_leaves();
        let mut loaded: usize = self.kept.values().map(leaves).sum();
        if loaded <= LOADED_LEAVES_MAX {
            return;
        }
        let mut oldest_first: Vec<_> = self.kept.values_mut().filter(|kept| leaves(kept) > 0).collect();
        oldest_first.sort_unstable_by_key(|kept| kept.last_use);
        for kept in oldest_first {
            if loaded <= LOADED_LEAVES_MAX {
                break;
            }
            loaded -= leaves(kept);
            kept.group.unload();
        }
    }

    /// Conversations whose time to try again has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<ChatId> {
        let mut due: Vec<_> = self
            .kept
            .iter_mut()
            .filter_map(|(chat, kept)| kept.live.retry.take_due(now).then_some(*chat))
            .collect();
        due.sort_unstable();
        due
    }

    /// The earliest instant at which a conversation is to be tried again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.kept.values().filter_map(|kept| kept.live.retry.at()).min()
    }

    /// The server may not know any cursor: all are sent again after the next Sync.
    pub(crate) fn forget_acknowledgements(&mut self) {
        for kept in self.kept.values_mut() {
            kept.live.acknowledged = 0;
        }
    }

    /// The cursors that the server has to be told.
    pub(crate) fn cursors_to_acknowledge(&mut self, cx: &mut Context<'_>) -> StepResult<Vec<Cursor>> {
        let mut cursors = Vec::new();
        for chat in std::mem::take(&mut cx.connection.advanced) {
            let Some(row) = conversations::load(cx.conn, chat)? else {
                continue;
            };
            let live = &mut self.kept.entry(chat).or_default().live;
            if row.cursor > live.acknowledged {
                live.acknowledged = row.cursor;
                cursors.push(Cursor {
                    conversation_id: row.id.to_vec().into(),
                    seq: row.cursor,
                });
            }
        }
        Ok(cursors)
    }

    /// Entries as they were pushed, of any conversations.
    pub(crate) fn deliver(&mut self, cx: &mut Context<'_>, deliver: Deliver) -> StepResult {
        for entry in deliver.entries {
            let Ok(id) = ConversationId::try_from(&entry.conversation_id[..]) else {
                cx.warn(Warning::ForgedByServer {
                    conversation: None,
                    what: "an entry without id".to_owned(),
                });
                continue;
            };
            match conversations::find(cx.conn, id)? {
                Some(row) => {
                    self.with_row(cx, row, |conversation, cx| conversation.take_entry(cx, entry))?;
                }
                // The Welcome is still to come; Sync brings both.
                None => cx.sync_again(),
            }
        }
        Ok(())
    }

    /// A conversation of the account, as Sync names it.
    pub(crate) fn head(&mut self, cx: &mut Context<'_>, head: &ConversationHead) -> StepResult {
        let Ok(id) = ConversationId::try_from(&head.conversation_id[..]) else {
            cx.warn(Warning::ForgedByServer {
                conversation: None,
                what: "a conversation without id".to_owned(),
            });
            return Ok(());
        };
        match conversations::find(cx.conn, id)? {
            Some(row) => self.with_row(cx, row, |conversation, cx| conversation.head_named(cx, head)),
            // This device is not in it yet, and no Welcome waits.
            None => {
                if !cx.is_syncing() {
                    join::fetch_group(cx, id);
                }
                Ok(())
            }
        }
    }

    /// The direct conversation with a person; a new one that is only local if there is none.
    pub(crate) fn open_direct(&mut self, cx: &mut Context<'_>, peer: AccountId) -> StepResult {
        if conversations::find_by_peer(cx.conn, peer)?.is_none() {
            let id = ConversationId::from_bytes(cx.random());
            conversations::insert(cx.conn, id, peer, ConversationState::Starting, cx.now)?;
            cx.event(Event::ConversationChanged(id));
        }
        Ok(())
    }
}

impl Conversation {
    fn chat(&self) -> ChatId {
        self.record.chat()
    }

    pub(crate) fn id(&self) -> ConversationId {
        self.record.id()
    }

    // ---- answers of the server ----

    /// The server has accepted a message.
    pub(crate) fn appended(
        &mut self,
        cx: &mut Context<'_>,
        outbox: OutboxId,
        send_number: u64,
        appended: &Appended,
    ) -> StepResult {
        match self.message_answered(cx, outbox, send_number, appended)? {
            Some(entry) => self.take_entry(cx, entry),
            None => Ok(()),
        }
    }

    /// The server has accepted the handshake: it takes effect at its place in the log.
    pub(crate) fn handshake_accepted(&mut self, cx: &mut Context<'_>, appended: &Appended) -> StepResult {
        let Some(handshake) = handshakes::find(cx.conn, self.chat())? else {
            return Ok(());
        };
        if handshake.kind == HandshakeKind::Update {
            return self.take_entry(
                cx,
                LogEntry {
                    conversation_id: self.id().to_vec().into(),
                    seq: appended.seq,
                    send_id: handshake.send_id.to_vec().into(),
                    accepted_at_ms: appended.accepted_at_ms,
                    payload: None,
                },
            );
        }
        // A join begins at its own place, whatever lay before.
        cx.connection.cursor_moves(self.chat(), self.record.cursor());
        self.record.set_cursor(appended.seq.min(SEQ_MAX));
        self.handshake_applied(cx)?;
        self.apply_held(cx)
    }

    /// A page of the log.
    pub(crate) fn log_page(&mut self, cx: &mut Context<'_>, after_seq: u64, page: LogPage) -> StepResult {
        let head_when_asked = self.page_begins(&page);
        let head_seq = page.head_seq;
        for entry in page.entries {
            self.take_entry(cx, entry)?;
        }
        self.page_ends(cx, after_seq, head_seq, head_when_asked)
    }

    /// What Sync says of this conversation.
    fn head_named(&mut self, cx: &mut Context<'_>, head: &ConversationHead) -> StepResult {
        self.live.head_is_at_least(head.head_seq);
        if self.record.state() != ConversationState::Joined {
            return Ok(());
        }
        if !head.member {
            return self.rejoin(cx);
        }
        if head.head_seq < cx.connection.cursor_at_sync(self.chat(), self.record.cursor()) {
            // What this device has from beyond the end is not in the log, and what will stand there it would
            // pass over.
            cx.warn(Warning::ForgedByServer {
                conversation: Some(self.id()),
                what: "the log has become shorter".to_owned(),
            });
            return self.rejoin(cx);
        }
        Ok(())
    }

    // ---- the log ----

    /// Takes an entry: applies it and what waited for it, or holds it until the gap is fetched.
    fn take_entry(&mut self, cx: &mut Context<'_>, entry: LogEntry) -> StepResult {
        if let Some(entry) = self.next_or_hold(cx, entry)? {
            self.apply_entry(cx, entry)?;
            self.apply_held(cx)?;
        }
        Ok(())
    }

    /// Applies the held entries that have become next.
    fn apply_held(&mut self, cx: &mut Context<'_>) -> StepResult {
        while let Some(entry) = self.next_held(cx)? {
            self.apply_entry(cx, entry)?;
        }
        Ok(())
    }

    fn apply_entry(&mut self, cx: &mut Context<'_>, entry: LogEntry) -> StepResult {
        match self.apply(cx, entry)? {
            Applied::Done => Ok(()),
            Applied::OwnHandshake => self.handshake_applied(cx),
            Applied::OwnMessage {
                outbox,
                seq,
                accepted_at,
            } => self.message_accepted(cx, &outbox, seq, accepted_at),
        }
    }

    // ---- commands ----

    /// Refuses a command for a conversation that cannot be used.
    pub(crate) fn check_usable(&self) -> Result<(), CommandError> {
        if self.record.state() == ConversationState::Blocked {
            Err(CommandError::Blocked)
        } else {
            Ok(())
        }
    }

    // ---- for all parts ----

    /// Answers to what this conversation has in flight no longer matter.
    fn forget_sends(&mut self, cx: &mut Context<'_>) {
        cx.requests.forget_sends(self.chat());
        self.live.forget_sends();
    }

    fn changed(&self, cx: &mut Context<'_>) {
        cx.event(Event::ConversationChanged(self.id()));
    }

    fn message_status_changed(&self, cx: &mut Context<'_>, message: LocalMessageId) -> StepResult {
        let message = messages::load(cx.conn, message)?;
        cx.event(Event::MessageStatusChanged {
            conversation: self.id(),
            message: message.id,
            status: message.status,
        });
        Ok(())
    }

    /// Reports something that the server did in this conversation.
    fn forged(&self, cx: &mut Context<'_>, what: impl Into<String>) {
        cx.warn(Warning::ForgedByServer {
            conversation: Some(self.id()),
            what: what.into(),
        });
    }

    /// Waits before this conversation is tried again.
    fn back_off(&mut self, cx: &Context<'_>, problem: Option<&Problem>) {
        let retry_after_ms = problem.map_or(0, |problem| problem.retry_after_ms);
        self.live.retry.back_off(cx.now, retry_after_ms);
    }
}
