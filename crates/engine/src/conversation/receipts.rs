//! Receipts: what this device reports about itself, and what the other devices have reported.
//!
//! A receipt that speaks of a place of the log which this device has not reached waits until it has. So what it says
//! can be compared with what is here, and never applies to other entries than those it was made for.

use subrosa_mls::FIRST_FOUNDING;
use subrosa_wire::{
    AccountId, ConversationId, DeviceId,
    frames::{self, ConversationReceipts, Problem, PutReceipt, ReceiptPut, client_frame::Request},
    limits::{RECEIPT_READERS_MAX, RECEIPT_VERSION_MAX},
};
use zeroize::Zeroizing;

use super::{Conversation, message_status_changed};
use crate::{
    api::{ConversationState, MessageStatus},
    context::{Context, StepResult, is_transient},
    limits::RECEIPT_EPOCHS_MAX,
    misbehaviour::Misbehaviour,
    receipts::format::{Covered, KEY_LABEL, KEY_LEN, LEFT_OUT_MAX, Receipt, ReceiptKey, Whose, epoch_of},
    requests::PendingRequest,
    store::{
        log_chain, members, messages,
        receipts::{self, OwnReceipt, ReceiptRow},
    },
};

/// What became of a receipt that the server has shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It was used, or says nothing.
    Done,
    /// It does not open. The server may show the true one on another connection.
    Unusable,
    /// It is to be looked at again once the log has been applied up to this seq.
    WaitsFor(u64),
}

impl Conversation {
    // ---- of this device ----

    /// Notes that a message of somebody was received or read, unless nobody is to learn of it.
    pub(super) fn receipt_due(&mut self, cx: &mut Context<'_>, of: AccountId) -> StepResult {
        if !self.answers(cx)? {
            return Ok(());
        }
        receipts::add_change(cx.conn, self.chat())?;
        if self.live.receipt_readers.len() < RECEIPT_READERS_MAX {
            self.live.receipt_readers.insert(of);
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Notes that an entry could not be read and is left out.
    pub(super) fn leave_out(&self, cx: &Context<'_>, seq: u64) -> StepResult {
        let mut own = receipts::own(cx.conn, self.chat())?;
        own.covered.leave_out(seq);
        Ok(receipts::set_own(cx.conn, self.chat(), &own)?)
    }

    /// Notes that this device comes in at its cursor. If it comes back and had applied the log up to a place, it leaves out
    /// what it could not read since; if that is too much, nothing is said about what stands before.
    pub(super) fn receipts_begin(&self, cx: &Context<'_>, reached: Option<u64>) -> StepResult {
        let (chat, cursor) = (self.chat(), self.record.cursor());
        let mut own = receipts::own(cx.conn, chat)?;
        match reached.filter(|reached| cursor.saturating_sub(*reached) <= LEFT_OUT_MAX as u64) {
            Some(reached) if own.covered.since <= cursor => {
                (reached + 1..=cursor).for_each(|seq| own.covered.leave_out(seq));
            }
            _ => {
                own.covered = Covered {
                    since: cursor,
                    ..Covered::default()
                }
            }
        }
        // The server drops the receipt of a device that comes in from outside.
        own.changes += u64::from(own.version > 0);
        receipts::set_own(cx.conn, chat, &own)?;
        Ok(receipts::end_at(cx.conn, chat, cursor)?)
    }

    /// Notes that entries up to the cursor were passed over unread.
    pub(super) fn passed_over(&self, cx: &Context<'_>) -> StepResult {
        let mut own = receipts::own(cx.conn, self.chat())?;
        own.covered = Covered {
            since: self.record.cursor(),
            ..Covered::default()
        };
        Ok(receipts::set_own(cx.conn, self.chat(), &own)?)
    }

    /// Keeps the key for the receipts of the epoch that begins.
    pub(super) fn keep_receipt_key(&mut self, cx: &mut Context<'_>) -> StepResult<(u64, ReceiptKey)> {
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let exported = group.export_secret(&cx.mls(), KEY_LABEL, &[], KEY_LEN)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        key.copy_from_slice(&exported);
        let epoch = group.epoch();
        receipts::add_key(cx.conn, self.chat(), (epoch, &key), cx.now)?;
        Ok((epoch, key))
    }

    /// The key of the present epoch.
    pub(super) fn receipt_key(&mut self, cx: &mut Context<'_>) -> StepResult<(u64, ReceiptKey)> {
        let id = self.id();
        let epoch = self.group.load(cx, id)?.epoch();
        match receipts::key(cx.conn, self.chat(), epoch)? {
            Some(key) => Ok((epoch, key)),
            // It began with an earlier build.
            None => self.keep_receipt_key(cx),
        }
    }

    /// Sends the receipt of this device, if there is something to report.
    pub(super) fn send_receipt(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        let mut own = receipts::own(cx.conn, chat)?;
        let is_waiting = cx.requests.is_putting_receipt(chat) || self.live.receipt_retry.is_waiting(cx.now);
        // Another device may have switched read receipts off.
        let can_send = cx.connection.receipts.are_taken()
            && cx.requests.have_room()
            && !cx.connection.records.is_behind();
        if !own.is_due() || is_waiting || !can_send || own.version >= RECEIPT_VERSION_MAX {
            return Ok(());
        }
        if let Err(at) = self.budget.receipt(cx.now) {
            self.live.receipt_retry.schedule(at);
            return Ok(());
        }
        own.version += 1;
        receipts::set_own(cx.conn, chat, &own)?;
        let key = self.receipt_key(cx)?;
        let receipt = self.own_receipt(cx, &own)?;
        let whose = whose(self.id(), (cx.me.account_id, cx.me.device_id), own.version);
        let sealed = receipt.seal((key.0, &key.1), &whose, cx.rng());
        let readers = self.receipt_readers(cx)?;
        cx.request(
            PendingRequest::PutReceipt {
                chat,
                changes: own.changes,
            },
            Request::PutReceipt(PutReceipt {
                conversation_id: self.id().to_vec().into(),
                version: own.version,
                sealed: sealed.into(),
                readers: readers.iter().map(|account| account.to_vec().into()).collect(),
            }),
        );
        Ok(())
    }

    fn own_receipt(&self, cx: &Context<'_>, own: &OwnReceipt) -> StepResult<Receipt> {
        let cursor = self.record.cursor();
        let read = match messages::first_unread_seq(cx.conn, self.chat())? {
            _ if !cx.me.privacy.read_receipts => 0,
            Some(unread) => unread.saturating_sub(1).min(cursor),
            None => cursor,
        };
        let mut covered = own.covered.clone();
        covered.since = covered.since.min(cursor);
        let is_covered = covered.since + 1..=cursor;
        covered.exceptions.retain(|seq| is_covered.contains(seq));
        Ok(Receipt {
            covered: Covered {
                delivered: cursor,
                read,
                ..covered
            },
            place: cursor,
            hash: self.record.chain(),
        })
    }

    /// Whose messages the receipt newly covers. If that was forgotten with the connection, whoever it can be.
    fn receipt_readers(&self, cx: &Context<'_>) -> StepResult<Vec<AccountId>> {
        if !self.live.receipt_readers.is_empty() {
            return Ok(self.live.receipt_readers.iter().copied().collect());
        }
        let mut readers = members::others(cx.conn, self.chat(), cx.me.account_id)?;
        readers.truncate(RECEIPT_READERS_MAX);
        Ok(readers)
    }

    /// Handles what the server has done with this device's receipt, as it was after this number of changes.
    pub(crate) fn receipt_put(&mut self, cx: &mut Context<'_>, changes: u64, put: &ReceiptPut) -> StepResult {
        let chat = self.chat();
        let mut own = receipts::own(cx.conn, chat)?;
        if put.change == 0 {
            // This profile is a copy from before a later receipt. No lie uses the numbers up.
            if put.version <= RECEIPT_VERSION_MAX / 2 {
                own.version = own.version.max(put.version);
            }
            self.live.receipt_retry.back_off_if_often(cx.now);
        } else {
            own.reported = own.reported.max(changes);
            self.live.receipt_retry.succeeded();
            if !own.is_due() {
                self.live.receipt_readers.clear();
            }
            if put.after_change == receipts::change(cx.conn, chat)? && put.after_change < put.change {
                receipts::set_change(cx.conn, chat, put.change)?;
            }
        }
        receipts::set_own(cx.conn, chat, &own)?;
        cx.touch(chat);
        Ok(())
    }

    /// Handles the refusal of this device's receipt.
    pub(crate) fn receipt_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) {
        if cx.connection.receipts.refused(problem) {
            return;
        }
        if !is_transient(problem) {
            tracing::debug!(chat = %self.chat(), code = problem.code, "a receipt was refused");
        }
        self.live.receipt_retry.back_off(cx.now, problem.retry_after_ms);
    }

    // ---- of others ----

    /// Notes the newest change of receipts that the server names. All of them are looked at again if it went back, and once
    /// on each connection while something that was sent has not arrived: a server may have withheld some.
    pub(super) fn receipts_named(&mut self, cx: &Context<'_>, newest: u64) -> StepResult {
        let chat = self.chat();
        let known = receipts::change(cx.conn, chat)?;
        let is_first = !std::mem::replace(&mut self.live.are_receipts_named, true);
        let is_in_doubt =
            newest < known || is_first && known > 0 && messages::has_undelivered(cx.conn, chat)?;
        if is_in_doubt {
            receipts::set_change(cx.conn, chat, 0)?;
        }
        if newest > known || is_in_doubt && newest > 0 {
            self.live.receipts_wanted_at.get_or_insert(0);
        }
        Ok(())
    }

    /// Has the receipts fetched that were waiting for the place that the log is applied to.
    pub(super) fn fetch_receipts(&mut self, cx: &mut Context<'_>) {
        let cursor = self.record.cursor();
        if self
            .live
            .receipts_wanted_at
            .take_if(|seq| *seq <= cursor)
            .is_some()
        {
            cx.connection.receipts.want(self.chat());
        }
    }

    /// Handles a page of the receipts, in the order of their changes.
    pub(crate) fn receipts_page(&mut self, cx: &mut Context<'_>, page: &ConversationReceipts) -> StepResult {
        let chat = self.chat();
        let known = receipts::change(cx.conn, chat)?;
        if !page.receipts.is_sorted_by(|one, next| one.change < next.change) {
            cx.misbehaved(Some(chat), Misbehaviour::WrongAnswer);
            return Ok(());
        }
        let mut looked_at = known;
        let mut waits = false;
        for receipt in &page.receipts {
            waits |= self.take_receipt(cx, receipt)? != Taken::Done;
            if !waits {
                looked_at = looked_at.max(receipt.change);
            }
        }
        let last = page
            .receipts
            .last()
            .map_or(page.newest_change, |last| last.change);
        if !waits && last < page.newest_change && looked_at > known {
            cx.connection.receipts.want(chat);
        } else if !waits {
            looked_at = looked_at.max(last);
        }
        Ok(receipts::set_change(cx.conn, chat, looked_at)?)
    }

    /// Handles a receipt that was pushed.
    pub(crate) fn receipt_changed(
        &mut self,
        cx: &mut Context<'_>,
        receipt: &frames::Receipt,
        after_change: u64,
    ) -> StepResult {
        let known = receipts::change(cx.conn, self.chat())?;
        if self.take_receipt(cx, receipt)? == Taken::Done && after_change == known && known < receipt.change {
            receipts::set_change(cx.conn, self.chat(), receipt.change)?;
        }
        cx.touch(self.chat());
        Ok(())
    }

    fn take_receipt(&mut self, cx: &mut Context<'_>, receipt: &frames::Receipt) -> StepResult<Taken> {
        let taken = self.open_receipt(cx, receipt)?;
        if let Taken::WaitsFor(seq) = taken {
            let wanted = &mut self.live.receipts_wanted_at;
            *wanted = Some(wanted.map_or(seq, |wanted| wanted.min(seq)));
        }
        Ok(taken)
    }

    fn open_receipt(&mut self, cx: &mut Context<'_>, receipt: &frames::Receipt) -> StepResult<Taken> {
        let (chat, id, cursor) = (self.chat(), self.id(), self.record.cursor());
        if self.record.state() != ConversationState::Joined || self.record.is_entering() {
            return Ok(Taken::WaitsFor(cursor));
        }
        let (Ok(device), Ok(epoch)) = (
            DeviceId::try_from(&receipt.device_id[..]),
            epoch_of(&receipt.sealed),
        ) else {
            return Ok(unusable(cx));
        };
        if device == cx.me.device_id {
            return Ok(Taken::Done);
        }
        let group = self.group.load(cx, id)?;
        if epoch > group.epoch().saturating_add(RECEIPT_EPOCHS_MAX) {
            return Ok(unusable(cx));
        }
        if epoch > group.epoch() {
            return Ok(Taken::WaitsFor(cursor.saturating_add(1)));
        }
        // Somebody who has left, or an epoch in which this device was not.
        let Some(account) = group.account_of(device)? else {
            return Ok(Taken::Done);
        };
        let Some(key) = receipts::key(cx.conn, chat, epoch)? else {
            return Ok(Taken::Done);
        };
        let all = receipts::all(cx.conn, chat)?;
        let known = all.iter().find(|row| row.device == device);
        if known.is_some_and(|known| known.version >= receipt.version) {
            return Ok(Taken::Done);
        }
        let whose = whose(id, (account, device), receipt.version);
        let opened = match Receipt::open(&receipt.sealed, &key, &whose) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%chat, %error, "a receipt is not used");
                return Ok(unusable(cx));
            }
        };
        if opened.place > cursor {
            return Ok(Taken::WaitsFor(opened.place));
        }
        if self.record.chain().is_some() {
            match (log_chain::find(cx.conn, chat, opened.place)?, opened.hash) {
                (Some(here), Some(there)) if here == there => {}
                (Some(_), Some(_)) => {
                    self.disagrees(cx, account);
                    return Ok(Taken::Done);
                }
                // What cannot be compared is not believed. The next one can be.
                _ => return Ok(Taken::Done),
            }
        }
        let before = known.map(|known| known.covered.clone()).unwrap_or_default();
        let row = ReceiptRow {
            device,
            account,
            version: receipt.version,
            covered: Covered {
                delivered: opened.covered.delivered.max(before.delivered),
                read: opened.covered.read.max(before.read),
                ..opened.covered
            },
        };
        receipts::set(cx.conn, chat, &row)?;
        if account != cx.me.account_id {
            self.receipt_received(cx, &before, row, all)?;
        }
        Ok(Taken::Done)
    }

    /// Shows what a receipt says about this account's messages.
    fn receipt_received(
        &self,
        cx: &mut Context<'_>,
        before: &Covered,
        row: ReceiptRow,
        mut all: Vec<ReceiptRow>,
    ) -> StepResult {
        let chat = self.chat();
        let Covered { delivered, read, .. } = row.covered;
        members::advance(cx.conn, chat, row.account, delivered, read)?;
        all.retain(|other| other.device != row.device);
        all.push(row);
        let mut others = members::all(cx.conn, chat)?;
        others.retain(|member| member.account != cx.me.account_id);
        let mut news = messages::own_unread_between(cx.conn, chat, (before.delivered, delivered))?;
        if before.read < read.min(before.delivered) {
            news.extend(messages::own_unread_between(
                cx.conn,
                chat,
                (before.read, read.min(before.delivered)),
            )?);
        }
        for (message, seq, status) in news {
            // Whoever came in later does not count.
            let were_there = others.iter().filter(|member| member.joined_seq < seq);
            let were_there: Vec<_> = were_there.map(|member| member.account).collect();
            let next = status_at(&all, &were_there, seq, cx.me.privacy.read_receipts);
            if next > status {
                messages::set_status(cx.conn, message, next)?;
                message_status_changed(cx, message)?;
            }
        }
        Ok(())
    }
}

/// Counts a receipt that cannot be used. Server and members can both bring that about, and nothing is lost by it.
fn unusable(cx: &mut Context<'_>) -> Taken {
    cx.recovery.receipts_refused += 1;
    Taken::Unusable
}

/// How far a message of this account at a place has come: as far as with the last of the others, by any of their devices.
fn status_at(receipts: &[ReceiptRow], others: &[AccountId], seq: u64, shows_read: bool) -> MessageStatus {
    let of_account = |account: &AccountId| {
        let of_device = |row: &ReceiptRow| {
            if shows_read && row.covered.has_read(seq) {
                MessageStatus::Read
            } else if row.covered.has_received(seq) {
                MessageStatus::Delivered
            } else {
                MessageStatus::Sent
            }
        };
        let of_devices = receipts
            .iter()
            .filter(|row| row.account == *account)
            .map(of_device);
        of_devices.max().unwrap_or(MessageStatus::Sent)
    };
    others.iter().map(of_account).min().unwrap_or(MessageStatus::Sent)
}

fn whose(conversation: ConversationId, (account, device): (AccountId, DeviceId), version: u64) -> Whose {
    Whose {
        conversation,
        founding: FIRST_FOUNDING,
        account,
        device,
        version,
    }
}
