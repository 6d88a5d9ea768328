//! The row of a conversation: read by getters, changed by setters that name the column, saved in one place.

use rusqlite::Connection;
use subrosa_mls::{ConversationKind, LogHash};
use subrosa_wire::{AccountId, ConversationId, Timestamp, limits::SEND_NUMBER_MAX};

use crate::{
    ChatId,
    api::{ConversationState, Standing},
    content::{GroupProfile, Lifetime},
    context::StepResult,
    limits::CLOCK_TOLERANCE,
    store::conversations::{self, ConversationRow, ProfileChanges, Quarantine},
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

    pub(super) fn kind(&self) -> ConversationKind {
        self.row.kind
    }

    pub(super) fn state(&self) -> ConversationState {
        self.row.state
    }

    /// What the members call it.
    pub(super) fn title(&self) -> Option<&str> {
        self.row.title.as_deref()
    }

    /// Sets what the members call it.
    pub(super) fn set_title(&mut self, title: &str) {
        self.change(|row| row.title = Some(title.to_owned()));
    }

    /// What the group is about.
    pub(super) fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// Sets what the group is about.
    pub(super) fn set_description(&mut self, description: Option<&str>) {
        self.change(|row| row.description = description.map(str::to_owned));
    }

    /// For how long what is written here is kept.
    pub(super) fn timer(&self) -> Option<Lifetime> {
        self.row.timer
    }

    pub(super) fn set_timer(&mut self, timer: Option<Lifetime>) {
        self.change(|row| row.timer = timer);
    }

    /// Shows the conversation in lists again, at once, if it was hidden.
    pub(super) fn show(&mut self, conn: &Connection) -> StepResult {
        if std::mem::take(&mut self.row.hidden) {
            conversations::set_hidden(conn, self.row.chat, false)?;
        }
        Ok(())
    }

    /// What was heard about the conversation.
    pub(super) fn heard_profile(&self) -> &GroupProfile {
        &self.row.heard_profile
    }

    pub(super) fn set_heard_profile(&mut self, heard: GroupProfile) {
        self.change(|row| row.heard_profile = heard);
    }

    /// What this device has changed about the group and not yet told.
    pub(super) fn profile_changed(&self) -> ProfileChanges {
        self.row.profile_changed
    }

    pub(super) fn set_profile_changed(&mut self, changed: ProfileChanges) {
        self.change(|row| row.profile_changed = changed);
    }

    /// Whether the members of a group are to be told these, whether or not something else is said.
    pub(super) fn announces(&self) -> bool {
        self.row.announces
    }

    pub(super) fn set_announces(&mut self, announces: bool) {
        self.change(|row| row.announces = announces);
    }

    /// Whether the user wants the conversation.
    pub(super) fn standing(&self) -> Standing {
        self.row.standing
    }

    /// Notes whether the user wants it, at once.
    pub(super) fn set_standing(&mut self, conn: &Connection, standing: Standing) -> StepResult {
        self.row.standing = standing;
        Ok(conversations::set_standing(conn, self.row.chat, standing)?)
    }

    /// The account that has added this device.
    pub(super) fn added_by(&self) -> Option<AccountId> {
        self.row.added_by
    }

    /// Notes who has added this device, at once.
    pub(super) fn set_added_by(&mut self, conn: &Connection, by: AccountId) -> StepResult {
        self.row.added_by = Some(by);
        Ok(conversations::set_added_by(conn, self.row.chat, by)?)
    }

    pub(super) fn row(&self) -> &ConversationRow {
        &self.row
    }

    /// What is known of the quarantine, if it is in one.
    pub(super) fn quarantine(&self) -> Option<&Quarantine> {
        self.row.quarantine.as_ref()
    }

    /// Goes back to the state from before the quarantine.
    pub(super) fn release(&mut self, conn: &Connection) -> StepResult {
        if let Some(quarantine) = self.row.quarantine.take() {
            conversations::release(conn, self.row.chat, self.row.cursor)?;
            self.set_state(quarantine.state);
        }
        Ok(())
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

    /// The number of our next send.
    pub(super) fn next_number(&self) -> u64 {
        number_after(self.row.accepted_number)
    }

    /// The last of our send numbers that the server has accepted.
    pub(super) fn accepted_number(&self) -> u64 {
        self.row.accepted_number
    }

    /// When our leaf key was last renewed.
    pub(super) fn updated_at(&self) -> Timestamp {
        self.row.updated_at
    }

    /// When something was last said.
    pub(super) fn active_at(&self) -> Timestamp {
        self.row.active_at
    }

    /// When our leaf key is renewed even if nothing is sent.
    pub(super) fn update_due(&self) -> Timestamp {
        self.row.update_due
    }

    /// Our messages after this seq are to be sent again once this device is in the group.
    pub(super) fn resend_after(&self) -> Option<u64> {
        self.row.resend_after
    }

    /// When our leaf was last replaced because this profile had gone back.
    pub(super) fn leaf_replaced_at(&self) -> Timestamp {
        self.row.leaf_replaced_at
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

    pub(super) fn set_update_due(&mut self, at: Timestamp) {
        self.change(|row| row.update_due = at);
    }

    /// Notes that our messages after this seq may be lost.
    pub(super) fn resend_from(&mut self, after: u64) {
        self.change(|row| row.resend_after = Some(row.resend_after.unwrap_or(after).min(after)));
    }

    /// Notes that they are queued again, or that none is lost.
    pub(super) fn nothing_to_resend(&mut self) {
        self.change(|row| row.resend_after = None);
    }

    pub(super) fn set_leaf_replaced_at(&mut self, at: Timestamp) {
        self.change(|row| row.leaf_replaced_at = at);
    }

    pub(super) fn set_own_turn(&mut self, is_own: bool) {
        self.change(|row| row.own_turn = is_own);
    }

    pub(super) fn set_name_sent(&mut self, is_sent: bool) {
        self.change(|row| row.name_sent = is_sent);
    }

    /// Moves the conversation to the top of the list: to this instant, but not far into the future, where it would stay
    /// on top.
    pub(super) fn set_active(&mut self, at: Timestamp, now: Timestamp) {
        let at = at.min(now.plus(CLOCK_TOLERANCE));
        self.change(|row| row.active_at = row.active_at.max(at));
    }

    fn change(&mut self, change: impl FnOnce(&mut ConversationRow)) {
        change(&mut self.row);
        self.is_changed = true;
    }
}

/// The number of the send after the one with this number. No device gets to the end of the numbers, unless a server has
/// made it believe so; then the next refusal names the right one.
pub(super) const fn number_after(number: u64) -> u64 {
    if number < SEND_NUMBER_MAX { number + 1 } else { 1 }
}
