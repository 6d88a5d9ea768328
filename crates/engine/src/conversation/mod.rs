//! The conversations of this device: each is a row, an MLS group, and state of the current connection.
//!
//! The modules below follow the life of a conversation. Calls go down the list and never back: where something has to
//! be done further up, a module returns a value, and [`Conversation`] acts on it here.

mod queue;
mod receipts;
mod signalling;

mod handshake;
mod healing;
mod turns;

mod returns;

mod chain;
mod descent;
mod log;

mod groups;
mod links;

mod create;
mod join;

mod invited;
mod join_requests;
mod welcomes;

mod content;
mod profile;

mod devices;
mod notice;
mod quarantine;
mod standing;

mod budget;
mod group;
mod live;
mod record;

use std::collections::{BTreeSet, HashMap};

use subrosa_mls::ConversationKind;
use subrosa_wire::{
    AccountId, ConversationId, SendId, Timestamp,
    frames::{
        self, Appended, ConversationHead, Cursor, Deliver, LogEntry, LogPage, Problem, ReceiptChanged,
        ReceiptsPage, log_entry::Payload,
    },
};

use crate::{
    ChatId, LocalMessageId,
    api::{CommandError, ConversationState, EngineError, Event, MessageStatus, Role, Warning},
    context::{Context, StepResult},
    ids::OutboxId,
    limits::LOADED_LEAVES_MAX,
    misbehaviour::{MemberMisbehaviour, Misbehaviour},
    records, signals,
    store::{
        conversations::{self, ConversationRow},
        handshakes::{self, HandshakeKind},
        if_readable, members, messages,
        outbox::{self, OutboxRow},
    },
};

use budget::Budget;
use group::LoadedGroup;
pub(crate) use groups::{GroupToMake, create_group};
pub(crate) use join::fetch_group;
use live::Live;
use log::{Applied, Entry, own_handshake};
use record::{LogPlace, Record};

/// A conversation while a step works on it.
pub(crate) struct Conversation {
    record: Record,
    group: LoadedGroup,
    live: Live,
    budget: Budget,
}

/// The state of conversations that stays in memory between steps.
#[derive(Default)]
pub(crate) struct Conversations {
    kept: HashMap<ChatId, Kept>,
    /// Counts the uses, so that the least recently used group is unloaded first.
    uses: u64,
}

#[derive(Default)]
struct Kept {
    group: LoadedGroup,
    live: Live,
    budget: Budget,
    last_use: u64,
}

impl Conversations {
    /// Passes a conversation to a function and saves it. `None` if there is no conversation with this id that can be
    /// read, or it cannot be processed and is quarantined by now.
    pub(crate) fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        chat: ChatId,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult<T>,
    ) -> StepResult<Option<T>> {
        match if_readable(conversations::load(cx.conn, chat))? {
            Some(row) => self.with_row(cx, row, act),
            None => Ok(None),
        }
    }

    /// The same, for a row that was just loaded.
    fn with_row<T>(
        &mut self,
        cx: &mut Context<'_>,
        row: ConversationRow,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult<T>,
    ) -> StepResult<Option<T>> {
        let (chat, id) = (row.chat, row.id);
        let kept = self.kept.remove(&chat).unwrap_or_default();
        let mut conversation = Conversation {
            record: Record::new(row),
            group: kept.group,
            live: kept.live,
            budget: kept.budget,
        };
        let result = cx.confine(|cx| {
            let done = act(&mut conversation, cx)?;
            conversation.record.save(cx.conn)?;
            Ok(done)
        });
        let done = match result {
            Ok(Ok(done)) => Ok(Some(done)),
            // What is in memory is ahead of the database, and dropped.
            Ok(Err(error)) => {
                quarantine::set_aside(cx, chat, id, &error)?;
                return Ok(None);
            }
            // A refused command rolls back, too, but has not changed anything by then.
            Err(error @ EngineError::Command(_)) => Err(error),
            Err(error) => return Err(error),
        };
        self.uses += 1;
        self.kept.insert(
            chat,
            Kept {
                group: conversation.group,
                live: conversation.live,
                budget: conversation.budget,
                last_use: self.uses,
            },
        );
        done
    }

    /// Drops the state of a connection that has ended.
    pub(crate) fn connection_changed(&mut self) {
        for kept in self.kept.values_mut() {
            kept.live = Live::default();
        }
    }

    /// Unloads the least recently used groups until the rest fit their limit.
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

    /// Conversations that are due for another attempt.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<ChatId> {
        let mut due: Vec<_> = self
            .kept
            .iter_mut()
            .filter_map(|(chat, kept)| kept.live.take_due(now).then_some(*chat))
            .collect();
        due.sort_unstable();
        due
    }

    /// The earliest instant at which a conversation is due for another attempt.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.kept.values().filter_map(|kept| kept.live.wake_at()).min()
    }

    /// Forgets which cursors the server knows: all are sent again after the next Sync.
    pub(crate) fn forget_acknowledgements(&mut self) {
        for kept in self.kept.values_mut() {
            kept.live.acknowledged = 0;
        }
    }

    /// The cursors to report to the server.
    pub(crate) fn cursors_to_acknowledge(&mut self, cx: &mut Context<'_>) -> StepResult<Vec<Cursor>> {
        let mut cursors = Vec::new();
        let mut waiting = BTreeSet::new();
        for chat in std::mem::take(&mut cx.connection.advanced) {
            // What is passed over on the way back may be needed again, and where a Welcome leads is the server's word
            // until the log has shown its commit.
            let row = if_readable(conversations::load(cx.conn, chat))?
                .filter(|row| row.state == ConversationState::Joined && !row.entering);
            let Some(row) = row else { continue };
            let live = &mut self.kept.entry(chat).or_default().live;
            if live.returned != returns::Return::Unsuspected {
                // The server hears of it once it has what it lacks.
                waiting.insert(chat);
                continue;
            }
            if row.cursor > live.acknowledged {
                live.acknowledged = row.cursor;
                cursors.push(Cursor {
                    conversation_id: row.id.to_vec().into(),
                    seq: row.cursor,
                });
            }
        }
        cx.connection.advanced.append(&mut waiting);
        Ok(cursors)
    }

    /// Handles pushed entries, of any conversations.
    pub(crate) fn deliver(&mut self, cx: &mut Context<'_>, deliver: &Deliver) -> StepResult {
        for entries in deliver
            .entries
            .chunk_by(|one, next| one.conversation_id == next.conversation_id)
        {
            let Ok(id) = ConversationId::try_from(&entries[0].conversation_id[..]) else {
                cx.misbehaved(None, Misbehaviour::NoConversation);
                continue;
            };
            match if_readable(conversations::find(cx.conn, id))? {
                // It is fetched when the conversation is tried again.
                Some(row) if row.state == ConversationState::Quarantined => {}
                Some(row) => {
                    self.with_row(cx, row, |conversation, cx| {
                        entries
                            .iter()
                            .try_for_each(|entry| conversation.take_pushed(cx, entry))
                    })?;
                }
                // The Welcome is still to come; Sync brings both.
                None => cx.sync_again(),
            }
        }
        Ok(())
    }

    /// Handles a receipt that was pushed.
    pub(crate) fn receipt_changed(&mut self, cx: &mut Context<'_>, changed: &ReceiptChanged) -> StepResult {
        let Some(receipt) = &changed.receipt else {
            return Ok(());
        };
        let Ok(id) = ConversationId::try_from(&receipt.conversation_id[..]) else {
            cx.misbehaved(None, Misbehaviour::NoConversation);
            return Ok(());
        };
        // One of a conversation that is not known yet is fetched once it is.
        if let Some(row) = if_readable(conversations::find(cx.conn, id))?
            && row.state != ConversationState::Quarantined
        {
            self.with_row(cx, row, |conversation, cx| {
                conversation.receipt_changed(cx, receipt, changed.after_change)
            })?;
        }
        Ok(())
    }

    /// Handles a signal.
    pub(crate) fn signal(&mut self, cx: &mut Context<'_>, signal: &frames::Signal) -> StepResult {
        let Ok(id) = ConversationId::try_from(&signal.conversation_id[..]) else {
            cx.misbehaved(None, Misbehaviour::NoConversation);
            return Ok(());
        };
        if let Some(row) = if_readable(conversations::find(cx.conn, id))?
            && row.state == ConversationState::Joined
        {
            self.with_row(cx, row, |conversation, cx| {
                conversation.signal_received(cx, signal)
            })?;
        }
        Ok(())
    }

    /// Seals and sends the signals that are due.
    pub(crate) fn send_signals(&mut self, cx: &mut Context<'_>) -> StepResult {
        let mut sealed = Vec::new();
        for (chat, signal) in signals::take_due(cx) {
            let of_one = self.with(cx, chat, |conversation, cx| conversation.seal_signal(cx, signal))?;
            sealed.extend(of_one.flatten());
        }
        signals::send(cx, sealed);
        Ok(())
    }

    /// Handles the receipts of several conversations.
    pub(crate) fn receipts_page(&mut self, cx: &mut Context<'_>, page: &ReceiptsPage) -> StepResult {
        for of_one in &page.conversations {
            let id = ConversationId::try_from(&of_one.conversation_id[..]).ok();
            let row = id
                .map(|id| if_readable(conversations::find(cx.conn, id)))
                .transpose()?;
            match row.flatten() {
                Some(row) if cx.connection.receipts.answered(row.chat) => {
                    self.with_row(cx, row, |conversation, cx| conversation.receipts_page(cx, of_one))?;
                }
                // It may have moved to another id.
                _ => cx.misbehaved(None, Misbehaviour::WrongAnswer),
            }
        }
        cx.connection
            .receipts
            .fetched(cx.now, !page.conversations.is_empty());
        Ok(())
    }

    /// Handles a conversation of the account that Sync names.
    pub(crate) fn head(&mut self, cx: &mut Context<'_>, head: &ConversationHead) -> StepResult {
        let Ok(id) = ConversationId::try_from(&head.conversation_id[..]) else {
            cx.misbehaved(None, Misbehaviour::NoConversation);
            return Ok(());
        };
        cx.connection.named.insert(id);
        if head.former && conversations::find(cx.conn, id)?.is_none() {
            return Ok(());
        }
        if let Some(row) = if_readable(conversations::find(cx.conn, id))? {
            self.with_row(cx, row, |conversation, cx| conversation.head_synced(cx, head))?;
            return Ok(());
        }
        // This device is not in it yet, and no Welcome waits.
        let has_welcome = cx.connection.held_welcomes.contains(id);
        if !cx.is_syncing() && !has_welcome && cx.connection.may_enter(id) {
            join::want_group(cx, id);
        }
        Ok(())
    }
}

/// Opens the direct conversation with a person. If there is none, a local one is made.
pub(crate) fn open_direct(cx: &mut Context<'_>, person: AccountId) -> StepResult {
    if let Some(row) = conversations::find_pair(cx.conn, (cx.me.account_id, person))? {
        conversations::set_hidden(cx.conn, row.chat, false)?;
        records::ask_again(cx, &row)?;
    } else {
        let id = ConversationId::from_bytes(cx.random());
        let chat = new_direct(cx, id, person, ConversationState::Starting)?;
        cx.event(Event::ConversationChanged(chat));
    }
    Ok(())
}

/// A new row for a conversation of this account with another one, or with itself.
fn new_direct(
    cx: &Context<'_>,
    id: ConversationId,
    person: AccountId,
    state: ConversationState,
) -> StepResult<ChatId> {
    let me = cx.me.account_id;
    let (kind, accounts) = if person == me {
        (ConversationKind::NotesToSelf, vec![me])
    } else {
        (ConversationKind::Direct, vec![me, person])
    };
    let chat = conversations::insert(cx.conn, id, kind, state, cx.now)?;
    for account in accounts {
        members::enter(cx.conn, chat, account, Role::Member, 0)?;
    }
    Ok(chat)
}

impl Conversation {
    fn chat(&self) -> ChatId {
        self.record.chat()
    }

    pub(crate) fn id(&self) -> ConversationId {
        self.record.id()
    }

    // ---- answers of the server ----

    /// Handles the acceptance of a message.
    pub(crate) fn appended(
        &mut self,
        cx: &mut Context<'_>,
        outbox: OutboxId,
        send_number: u64,
        appended: &Appended,
    ) -> StepResult {
        let Some(own) = self.message_answered(cx, outbox, send_number)? else {
            return Ok(());
        };
        let Some(sealed) = &own.sealed else { return Ok(()) };
        let payload = Payload::ApplicationMessage(sealed.ciphertext.clone().into());
        if appended.seq > self.record.cursor() {
            let entry = self.own_entry(cx, appended, own.send_id, payload);
            return self.own_entry_accepted(cx, entry);
        }
        // It cannot be there: that place is taken. It is sent again as something new.
        self.server_misbehaved(cx, Misbehaviour::AcceptedElsewhere);
        self.send_anew(cx, own.id)
    }

    /// Handles the acceptance of the handshake: it takes effect once the log shows it. On this answer alone, if it was
    /// false, the device would be in an epoch in which nobody else is, and could not read the others any more.
    pub(crate) fn handshake_accepted(&mut self, cx: &mut Context<'_>, appended: &Appended) -> StepResult {
        let Some(handshake) = handshakes::find(cx.conn, self.chat())? else {
            return Ok(());
        };
        if appended.seq > self.record.cursor() {
            self.live.handshake_accepted = Some(appended.clone());
            self.live.head_is_at_least(appended.seq);
            cx.touch(self.chat());
            return Ok(());
        }
        self.accepted_elsewhere(cx, handshake.kind)
    }

    /// Handles that the server says to have accepted the handshake in a place in which the log shows something else:
    /// one of the two is false. It is sent again, and the answer to a repetition decides.
    fn accepted_elsewhere(&mut self, cx: &mut Context<'_>, kind: HandshakeKind) -> StepResult {
        self.server_misbehaved(cx, Misbehaviour::AcceptedElsewhere);
        self.forget_sends(cx);
        self.back_off(cx, None);
        let is_repeated = std::mem::replace(&mut self.live.was_elsewhere, true);
        match kind {
            HandshakeKind::ExternalJoin if is_repeated => self.drop_external_join(cx),
            HandshakeKind::Update if is_repeated => self.rejoin(cx),
            HandshakeKind::Leave if is_repeated => {
                self.doubt(cx);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A message that was accepted takes its place if that is the next one; otherwise the log shows it in its order.
    fn own_entry_accepted(&mut self, cx: &mut Context<'_>, entry: LogEntry) -> StepResult {
        if entry.seq == self.record.cursor() + 1 {
            return self.take_entry(cx, entry);
        }
        self.live.head_is_at_least(entry.seq);
        cx.touch(self.chat());
        Ok(())
    }

    /// One of our sends as it stands in the log.
    fn own_entry(
        &self,
        cx: &Context<'_>,
        appended: &Appended,
        send_id: SendId,
        payload: Payload,
    ) -> LogEntry {
        LogEntry {
            conversation_id: self.id().to_vec().into(),
            seq: appended.seq,
            send_id: send_id.to_vec().into(),
            accepted_at_ms: appended.accepted_at_ms,
            payload: Some(payload),
            sender_device: cx.me.device_id.to_vec().into(),
            tag: appended.tag.clone(),
        }
    }

    /// Handles a page of the log.
    pub(crate) fn log_page(&mut self, cx: &mut Context<'_>, after_seq: u64, page: LogPage) -> StepResult {
        let before = self.page_received(&page);
        let head = LogPlace::of_frame(page.head_seq, &page.head_hash);
        if self.follows(cx)? {
            for entry in page.entries {
                match Entry::read(entry) {
                    Some(entry) => {
                        self.follow(cx, &entry)?;
                        if let Some(own) = self.own_message(cx, &entry)? {
                            self.message_accepted(cx, &own, entry.seq, entry.accepted_at)?;
                        }
                    }
                    None => self.server_misbehaved(cx, Misbehaviour::EntriesWithheld),
                }
            }
            return self.check_progress(cx, after_seq, head);
        }
        if self.record.state() == ConversationState::Joined && self.record.is_entering() {
            self.find_entrance(cx, &page.entries)?;
        }
        for entry in page.entries {
            self.take_entry(cx, entry)?;
        }
        self.check_head_after_page(cx, after_seq, head, before)
    }

    /// Handles what Sync says about this conversation.
    fn head_synced(&mut self, cx: &mut Context<'_>, head: &ConversationHead) -> StepResult {
        self.live.head_is_at_least(head.head_seq);
        self.live.acknowledged = self.live.acknowledged.max(head.cursor);
        self.member_named(cx, !head.former)?;
        self.receipts_named(cx, head.receipts_change)?;
        self.live.are_join_requests_fetched = false;
        self.resume(cx)?;
        let goes_on = head.head_seq > self.record.cursor();
        if self.record.state() == ConversationState::Removed && !head.former && goes_on {
            // Somebody has added this account again. The log leads there.
            self.record.set_state(ConversationState::Joining);
            self.changed(cx);
            cx.touch(self.chat());
        }
        let is_former = head.former && self.is_group();
        if is_former && !std::mem::replace(&mut self.live.is_former, is_former) {
            // The log shows how that came about.
            self.live.retry.succeeded();
            cx.touch(self.chat());
        }
        self.live.is_former = is_former;
        if self.record.state() == ConversationState::Starting
            && handshakes::find(cx.conn, self.chat())?.is_none()
        {
            if self.is_group() {
                return self.found_under_another_id(cx);
            }
            // It was lost, and somebody has put it back.
            self.record.set_state(ConversationState::Joining);
            self.changed(cx);
            cx.touch(self.chat());
        }
        if self.record.state() != ConversationState::Joined {
            return Ok(());
        }
        // A log that ends before the cursor lacks entries that this device has: it would skip the ones that take their
        // place.
        let cursor = self.record.cursor();
        let at_sync = cx.connection.cursor_at_sync(self.chat(), cursor);
        // An answer from before this device came in says nothing about it.
        let is_older = at_sync != cursor && head.head_seq < cursor;
        if head.head_seq == cursor && at_sync == cursor {
            self.compare_head(cx, LogPlace::of_frame(head.head_seq, &head.head_hash))?;
        }
        if head.head_seq < at_sync {
            self.suspect_return(cx);
        } else if head.former && cursor < head.head_seq {
            // The log shows how that came about.
            cx.touch(self.chat());
        } else if !head.member && !is_older {
            self.doubt(cx);
        } else if head.member && !cx.connection.has_moved(self.chat()) {
            self.compare_send_number(cx, head.send_number)?;
        }
        Ok(())
    }

    // ---- the log ----

    /// Applies or holds a pushed entry. Nobody is pushed what they sent: a commit of this device takes effect by pages of
    /// the log alone.
    fn take_pushed(&mut self, cx: &mut Context<'_>, entry: &LogEntry) -> StepResult {
        if let Some(Payload::Commit(_) | Payload::Leave(_)) = &entry.payload
            && let Some(handshake) = handshakes::find(cx.conn, self.chat())?
            && entry.payload == Some(own_handshake(&handshake)?)
        {
            self.live.head_is_at_least(entry.seq);
            cx.touch(self.chat());
            return Ok(());
        }
        if self.may_be_unblocked(cx)? {
            self.live.head_is_at_least(entry.seq);
            return Ok(());
        }
        self.take_entry(cx, entry.clone())
    }

    /// Applies an entry and those that waited for it, or holds it until the gap is fetched.
    fn take_entry(&mut self, cx: &mut Context<'_>, entry: LogEntry) -> StepResult {
        if let Some(until) = self.budget.refused_until(cx.now) {
            // It is fetched later.
            self.live.head_is_at_least(entry.seq);
            self.live.retry.schedule(until);
            return Ok(());
        }
        if let Some(entry) = self.next_or_hold(cx, entry)? {
            self.apply_entry(cx, &entry)?;
            self.apply_held(cx)?;
        }
        Ok(())
    }

    /// Applies the held entries that are now next.
    fn apply_held(&mut self, cx: &mut Context<'_>) -> StepResult {
        while let Some(entry) = self.next_held(cx)? {
            let seq = entry.seq;
            self.apply_entry(cx, &entry)?;
            if self.record.cursor() < seq {
                break;
            }
        }
        Ok(())
    }

    fn apply_entry(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        match self.apply(cx, entry)? {
            Applied::Done => Ok(()),
            Applied::Stays => self.not_applied(cx, entry),
            Applied::OwnHandshake => self.handshake_applied(cx, entry),
            Applied::OwnMessage(outbox) => self.message_accepted(cx, &outbox, entry.seq, entry.accepted_at),
        }
    }

    /// A commit that was faster than the external one of this device: it joins what that one leads to.
    fn not_applied(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        let is_outside = matches!(
            self.record.state(),
            ConversationState::Joining | ConversationState::CutOff
        );
        let is_outrun = is_outside && entry.kind.is_commit();
        if is_outrun && handshakes::find(cx.conn, self.chat())?.is_some() {
            self.drop_external_join(cx)?;
        }
        Ok(())
    }

    // ---- commands ----

    /// Takes the conversation up again, if it waits for the user's decision.
    pub(crate) fn try_again(&mut self, cx: &mut Context<'_>) -> StepResult {
        conversations::set_hidden(cx.conn, self.chat(), false)?;
        match self.record.state() {
            ConversationState::Quarantined => self.end_quarantine(cx),
            ConversationState::CutOff => self.enter_unchecked(cx),
            ConversationState::Blocked => self.ask_again(cx),
            _ => Ok(()),
        }
    }

    /// Refuses a command for a conversation that cannot be used.
    pub(crate) fn check_usable(&self) -> Result<(), CommandError> {
        match self.record.state() {
            ConversationState::Blocked => Err(CommandError::Blocked),
            ConversationState::Removed => Err(CommandError::NotAMember),
            _ => Ok(()),
        }
    }

    /// Asks again for what was refused.
    fn ask_again(&mut self, cx: &mut Context<'_>) -> StepResult {
        let id = self.id();
        let was_joined = self.record.cursor() > 0 || self.group.find(cx, id)?.is_some();
        self.record.set_state(if was_joined || self.is_group() {
            ConversationState::Joining
        } else {
            ConversationState::Starting
        });
        self.live.retry.succeeded();
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    // ---- shared by the modules ----

    /// Drops the requests in flight: their answers no longer matter.
    fn forget_sends(&mut self, cx: &mut Context<'_>) {
        cx.requests.forget_sends(self.chat());
        self.live.forget_sends();
    }

    fn changed(&self, cx: &mut Context<'_>) {
        cx.event(Event::ConversationChanged(self.chat()));
    }

    /// Reports misbehaviour of the server in this conversation.
    fn server_misbehaved(&self, cx: &mut Context<'_>, how: Misbehaviour) {
        cx.misbehaved(Some(self.chat()), how);
    }

    /// Reports misbehaviour of a member.
    fn member_misbehaved(&self, cx: &mut Context<'_>, member: AccountId, how: MemberMisbehaviour) {
        cx.warn(Warning::MemberMisbehaved {
            chat: self.chat(),
            member,
            how,
        });
    }

    /// Delays the next attempt for this conversation.
    fn back_off(&mut self, cx: &Context<'_>, problem: Option<&Problem>) {
        let retry_after_ms = problem.map_or(0, |problem| problem.retry_after_ms);
        self.live.retry.back_off(cx.now, retry_after_ms);
    }
}

fn message_status_changed(cx: &mut Context<'_>, message: LocalMessageId) -> StepResult {
    let message = messages::load(cx.conn, message)?;
    cx.event(Event::MessageStatusChanged {
        chat: message.chat,
        message: message.id,
        status: message.status,
    });
    Ok(())
}

/// Marks a message of the outbox as failed. One that is only sent again is in the log, and dropped. Returns the message.
fn message_failed(cx: &mut Context<'_>, row: &OutboxRow) -> StepResult<Option<LocalMessageId>> {
    match row.message {
        Some(message) if messages::load(cx.conn, message)?.seq.is_none() => {
            outbox::park(cx.conn, row.id)?;
            messages::set_status(cx.conn, message, MessageStatus::Failed)?;
            // It is not sent unless the user says so: it does not stay for longer than if it were.
            messages::begin_expiry(cx.conn, message, cx.now)?;
            message_status_changed(cx, message)?;
            Ok(Some(message))
        }
        _ => {
            outbox::delete(cx.conn, row.id)?;
            Ok(None)
        }
    }
}
