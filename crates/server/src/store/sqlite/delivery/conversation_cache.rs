//! The conversations that were written to lately, as the writer knows them.
//!
//! Owned by the writer's thread, the only one that writes, so what it holds is what the tables hold, apart
//! from changes of the present batch. The truth stays in the tables: each change of a head is a
//! compare-and-set, and whenever something fails everything here is forgotten.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use rusqlite::Connection;
use subrosa_mls::{LogClaim, LogHash};
use subrosa_wire::{ConversationId, DeviceId};

use super::{
    audiences::Changed,
    entries::next_seq,
    rows::{self, MemberRow, to_sql},
    sends,
};
use crate::{
    limits,
    store::{
        StoreError,
        delivery::{Committer, ConversationRowId, LogOutcome, LogRefusal, SendCheck, SendKey},
    },
};

/// A bounded map of conversations.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct ConversationCache {
    by_id: HashMap<ConversationId, CachedConversation>,
    members: usize,
    // Conversations with changes that are not in the tables yet.
    touched: Vec<ConversationId>,
    changed: Changed,
}

/// A conversation, with the changes of the present batch.
#[derive(Debug)]
pub(super) struct CachedConversation {
    pub(super) row_id: ConversationRowId,
    pub(super) head_seq: u64,
    pub(super) epoch: u64,
    pub(super) chain: Chain,
    /// The head that the table has.
    stored_head_seq: u64,
    // Ascending by device.
    members: Vec<CachedMember>,
    /// Signed-in members.
    pub(super) recipients: Arc<[DeviceId]>,
    touched: bool,
    // Indexes of members with changes that are not in the table yet.
    touched_members: Vec<usize>,
}

/// The newest hashes of a log chain.
#[derive(Debug)]
pub(super) struct Chain {
    head: LogHash,
    /// Those before the head, the newest last.
    earlier: VecDeque<LogHash>,
}

impl Chain {
    fn new(head: LogHash) -> Self {
        Self {
            head,
            earlier: VecDeque::new(),
        }
    }

    /// The hash at the head.
    pub(super) fn head(&self) -> LogHash {
        self.head
    }

    pub(super) fn push(&mut self, hash: LogHash) {
        if self.earlier.len() >= limits::CHAIN_HASHES_CACHED {
            self.earlier.pop_front();
        }
        self.earlier.push_back(self.head);
        self.head = hash;
    }

    /// Whether a claim is true as far as this memory reaches.
    pub(super) fn admits(&self, claim: &LogClaim, head_seq: u64) -> bool {
        let Some(back) = head_seq.checked_sub(claim.seq) else {
            return false;
        };
        let back = usize::try_from(back).unwrap_or(usize::MAX);
        let known = match back {
            0 => Some(&self.head),
            back => self
                .earlier
                .len()
                .checked_sub(back)
                .and_then(|index| self.earlier.get(index)),
        };
        // Whoever knows of no place claims none.
        claim.seq == 0 || known.is_none_or(|known| *known == claim.hash)
    }
}

#[derive(Debug)]
struct CachedMember {
    row: MemberRow,
    touched: bool,
}

impl ConversationCache {
    /// Forgets everything: any row may have been changed directly.
    pub(in crate::store::sqlite) fn clear(&mut self) {
        *self = Self::default();
        self.changed.all = true;
    }

    /// The conversations whose rows were changed directly since the last call.
    pub(in crate::store::sqlite) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Forgets everything if there is too much. Between batches only, when nothing waits to be written.
    pub(super) fn trim(&mut self) {
        // All at once: a conversation comes back with one read, and no order of use has to be kept.
        if self.by_id.len() >= limits::CACHED_CONVERSATIONS_MAX || self.members >= limits::CACHED_MEMBERS_MAX
        {
            self.clear();
        }
    }

    /// The conversation, from the tables if it is not cached.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        id: ConversationId,
    ) -> Result<Option<&mut CachedConversation>, StoreError> {
        if !self.by_id.contains_key(&id) {
            let Some(row) = rows::conversation(connection, id)? else {
                return Ok(None);
            };
            let members = rows::members(connection, row.row_id)?;
            self.members += members.len();
            self.by_id.insert(id, CachedConversation::new(row, members));
        }
        Ok(self.by_id.get_mut(&id))
    }

    /// Notes that the conversation has changes that [`Self::flush`] must write.
    pub(super) fn touch(&mut self, id: ConversationId) {
        if let Some(conversation) = self.by_id.get_mut(&id)
            && !conversation.touched
        {
            conversation.touched = true;
            self.touched.push(id);
        }
    }

    /// Writes the changes of one conversation and forgets it, because its rows are about to be changed directly.
    pub(super) fn release(&mut self, connection: &Connection, id: ConversationId) -> Result<(), StoreError> {
        self.changed.ids.push(id);
        if let Some(mut conversation) = self.by_id.remove(&id) {
            self.members -= conversation.members.len();
            self.touched.retain(|touched| *touched != id);
            conversation.flush(connection)?;
        }
        Ok(())
    }

    /// Writes all changes: one row for each head and one for each member, however many entries there were.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for id in self.touched.drain(..) {
            if let Some(conversation) = self.by_id.get_mut(&id) {
                conversation.flush(connection)?;
            }
        }
        Ok(())
    }
}

impl CachedConversation {
    fn new(row: rows::ConversationRow, members: Vec<MemberRow>) -> Self {
        let recipients = members
            .iter()
            .filter(|member| !member.signed_out)
            .map(|member| member.device_id)
            .collect();
        Self {
            row_id: row.row_id,
            head_seq: row.head_seq,
            epoch: row.epoch,
            chain: Chain::new(row.head_hash),
            stored_head_seq: row.head_seq,
            members: members
                .into_iter()
                .map(|row| CachedMember { row, touched: false })
                .collect(),
            recipients,
            touched: false,
            touched_members: Vec::new(),
        }
    }

    /// What would become of this send now, apart from its epoch and content.
    pub(super) fn check(
        &self,
        connection: &Connection,
        key: &SendKey,
        committer: Committer,
    ) -> Result<SendCheck, StoreError> {
        let member = self.find(key.device_id).map(|index| &self.members[index].row);
        sends::check_against(
            connection,
            self.row_id,
            self.head_seq,
            self.epoch,
            member,
            key,
            committer,
        )
    }

    /// What becomes of an entry for this epoch, with this claim, if it does not go into the log; `None` if it can.
    pub(super) fn outcome_unless_possible(
        &self,
        connection: &Connection,
        key: &SendKey,
        committer: Committer,
        for_epoch: u64,
        claim: &LogClaim,
    ) -> Result<Option<LogOutcome>, StoreError> {
        Ok(match self.check(connection, key, committer)? {
            SendCheck::Duplicate(accepted) => Some(Ok(accepted)),
            SendCheck::Refused(refusal) => Some(Err(refusal)),
            SendCheck::Possible { head_seq, epoch } if epoch != for_epoch => {
                Some(Err(LogRefusal::StaleEpoch { head_seq, epoch }))
            }
            SendCheck::Possible { head_seq, .. } if !self.chain.admits(claim, head_seq) => {
                Some(Err(LogRefusal::LogDisagrees))
            }
            SendCheck::Possible { .. } => None,
        })
    }

    /// Refuses a device that may not write: one that is not in the group, or was signed out.
    pub(super) fn check_member(&self, device_id: DeviceId) -> Result<(), LogRefusal> {
        match self.find(device_id) {
            None => Err(LogRefusal::NotAMember),
            Some(index) if self.members[index].row.signed_out => Err(LogRefusal::SignedOut),
            Some(_) => Ok(()),
        }
    }

    /// Takes the next seq for an entry of a member.
    pub(super) fn advance(&mut self, key: &SendKey) -> Result<u64, LogRefusal> {
        let head_seq = next_seq(self.head_seq)?;
        let index = self.find(key.device_id).ok_or(LogRefusal::NotAMember)?;
        self.head_seq = head_seq;
        let member = self.touch_member(index);
        member.last_send_number = key.send_number;
        member.last_send_seq = head_seq;
        Ok(head_seq)
    }

    /// Moves a cursor forward, at most to the head. Returns whether it moved.
    pub(super) fn acknowledge(&mut self, device_id: DeviceId, seq: u64) -> bool {
        let seq = seq.min(self.head_seq);
        match self.find(device_id) {
            Some(index) if self.members[index].row.acked_seq < seq => {
                self.touch_member(index).acked_seq = seq;
                true
            }
            _ => false,
        }
    }

    fn find(&self, device_id: DeviceId) -> Option<usize> {
        self.members
            .binary_search_by_key(&device_id, |member| member.row.device_id)
            .ok()
    }

    fn touch_member(&mut self, index: usize) -> &mut MemberRow {
        let member = &mut self.members[index];
        if !member.touched {
            member.touched = true;
            self.touched_members.push(index);
        }
        &mut member.row
    }

    fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if self.head_seq != self.stored_head_seq {
            let changed = connection
                .prepare_cached(
                    "UPDATE conversations SET head_seq = ?2, head_hash = ?5
                     WHERE number = ?1 AND head_seq = ?3 AND epoch = ?4",
                )?
                .execute((
                    self.row_id,
                    to_sql(self.head_seq),
                    to_sql(self.stored_head_seq),
                    to_sql(self.epoch),
                    self.chain.head().as_bytes(),
                ))?;
            StoreError::check_affected("advance the head of a log", changed, 1)?;
            self.stored_head_seq = self.head_seq;
        }
        for index in self.touched_members.drain(..) {
            let CachedMember { row, touched } = &mut self.members[index];
            let changed = connection
                .prepare_cached(
                    "UPDATE members SET last_send_number = ?3, last_send_seq = ?4, acked_seq = ?5
                     WHERE conversation = ?1 AND device = ?2",
                )?
                .execute((
                    self.row_id,
                    row.device_id.as_bytes(),
                    to_sql(row.last_send_number),
                    to_sql(row.last_send_seq),
                    to_sql(row.acked_seq),
                ))?;
            StoreError::check_affected("update a member", changed, 1)?;
            *touched = false;
        }
        self.touched = false;
        Ok(())
    }
}
