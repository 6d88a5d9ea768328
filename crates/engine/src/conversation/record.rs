//! The row of a conversation: read by getters, changed by setters that name the column, saved in one place.

use rusqlite::Connection;
use subrosa_mls::LogHash;
use subrosa_wire::{ConversationId, Timestamp};

use crate::{
    ChatId,
    api::ConversationState,
    context::StepResult,
    store::conversations::{self, ConversationRow},
};

/// A place in the log, with the hash of the log chain there if it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogPlace {
    pub seq: u64,
    pub hash: Option<LogHash>,
}

impl LogPlace {
    /// A place as a frame names it.
    pub(super) fn of_frame(seq: u64, hash: &[u8]) -> Self {
        Self {
            seq,
            hash: LogHash::try_from(hash).ok(),
        }
    }
}

/// A row of the table, and whether it has unsaved changes.
pub(super) struct Record {
    row: ConversationRow,
    is_changed: bool,
}

impl Record {
    pub(super) fn new(row: ConversationRow) -> Self {
        Self {
            row,
            is_changed: false,
        }
    }

    /// Saves the changes, if there are any.
    pub(super) fn save(&mut self, conn: &Connection) -> StepResult {
        if std::mem::take(&mut self.is_changed) {
            conversations::update(conn, &self.row)?;
        }
        Ok(())
    }

    pub(super) fn chat(&self) -> ChatId {
        self.row.chat
    }

    pub(super) fn id(&self) -> ConversationId {
        self.row.id
    }

    pub(super) fn state(&self) -> ConversationState {
        self.row.state
    }

    /// Everything up to this seq is applied.
    pub(super) fn cursor(&self) -> u64 {
        self.row.cursor
    }

    /// The hash of the log chain at the cursor, if it is known.
    pub(super) fn chain(&self) -> Option<LogHash> {
        self.row.chain
    }

    /// The place of the commit that began the group's epoch; 0 if it is not known.
    pub(super) fn epoch_seq(&self) -> u64 {
        self.row.epoch_seq
    }

    /// Whether the commit that a Welcome belongs to is still to be found in the log.
    pub(super) fn is_entering(&self) -> bool {
        self.row.entering
    }

    /// The last of our send numbers that the server has accepted.
    pub(super) fn accepted_number(&self) -> u64 {
        self.row.accepted_number
    }

    /// When our leaf key was last renewed.
    pub(super) fn updated_at(&self) -> Timestamp {
        self.row.updated_at
    }

    /// Whether the newest message is from this account.
    pub(super) fn is_own_turn(&self) -> bool {
        self.row.own_turn
    }

    /// Whether the members know our display name.
    pub(super) fn is_name_sent(&self) -> bool {
        self.row.name_sent
    }

    /// Sets another id on the wire.
    pub(super) fn set_id(&mut self, id: ConversationId) {
        self.change(|row| row.id = id);
    }

    pub(super) fn set_state(&mut self, state: ConversationState) {
        self.change(|row| row.state = state);
    }

    /// Moves the cursor, and the log chain with it.
    pub(super) fn set_cursor(&mut self, seq: u64, chain: Option<LogHash>) {
        self.change(|row| {
            row.cursor = seq;
            row.chain = chain;
        });
    }

    pub(super) fn set_epoch_seq(&mut self, seq: u64) {
        self.change(|row| row.epoch_seq = seq);
    }

    pub(super) fn set_entering(&mut self, is_entering: bool) {
        self.change(|row| row.entering = is_entering);
    }

    pub(super) fn set_accepted_number(&mut self, number: u64) {
        self.change(|row| row.accepted_number = number);
    }

    pub(super) fn set_updated_at(&mut self, at: Timestamp) {
        self.change(|row| row.updated_at = at);
    }

    pub(super) fn set_own_turn(&mut self, is_own: bool) {
        self.change(|row| row.own_turn = is_own);
    }

    pub(super) fn set_name_sent(&mut self, is_sent: bool) {
        self.change(|row| row.name_sent = is_sent);
    }

    /// Moves the conversation to the top of the list.
    pub(super) fn set_active(&mut self, at: Timestamp) {
        self.change(|row| row.active_at = row.active_at.max(at));
    }

    fn change(&mut self, change: impl FnOnce(&mut ConversationRow)) {
        change(&mut self.row);
        self.is_changed = true;
    }
}
