//! Account records: this device's copies of them are kept in step with those of the account's other devices, by way of
//! the server.
//!
//! A change here marks a record as dirty until the server has it. What another device has written is merged; the server
//! takes a value only if it was made from the newest one.

use rusqlite::Connection;
use subrosa_mls::ConversationKind;
use subrosa_wire::{
    AccountId, ConversationId, LinkId, Timestamp,
    frames::{
        self, FetchRecords, Problem, PutRecord, RecordChanged, RecordPut, RecordsPage, client_frame::Request,
    },
    limits::MESSAGE_TEXT_MAX,
    problem::ProblemCode,
};

use crate::{
    ChatId,
    account::{
        record::{
            AccountRecord, Blocked, Decision, IsBlocked, KeptLink, Nicknames, Note, People, ReadMark,
            RecordError, Switch, TooManyPeople, Typed,
        },
        wrap::SealError,
    },
    api::{
        ChatSetting, ChatSettings, CommandError, EngineError, Event, Me, Message, MessageStatus, Privacy,
        Standing,
    },
    content::{DisplayName, GroupProfile, MessageId},
    context::{Context, StepResult, is_transient},
    limits::{
        DRAFT_HELD, DRAFT_HELD_MAX, RECORD_FETCHES_BURST, RECORD_FETCHES_INTERVAL, RECORD_PUTS_AT_ONCE,
        RECORD_PUTS_BURST, RECORD_PUTS_INTERVAL,
    },
    misbehaviour::Misbehaviour,
    profile_objects::{self, format::ObjectKey},
    requests::{PendingRequest, RateLimit, Retry},
    signals,
    store::{
        contacts,
        conversations::{self, ConversationRow},
        if_readable, members, messages, profile, receipts,
        records::{self, RecordRow},
    },
};

/// What is known about the records on this connection.
#[derive(Debug)]
pub(crate) struct RecordsState {
    /// The server may have changes that are not merged here.
    is_behind: bool,
    /// The newest change that the server has named.
    named: u64,
    comparison: Comparison,
    /// Some record may be dirty.
    may_be_dirty: bool,
    /// The server takes no records.
    is_off: bool,
    retry: Retry,
    limit: RateLimit,
    fetch_limit: RateLimit,
    /// While somebody types, nothing is put: since when, and until when.
    held: Option<(Timestamp, Timestamp)>,
    /// When to look again at what is to be put.
    due_at: Option<Timestamp>,
}

/// Whether all records are compared with the server's because it seems to have gone back. Once on each connection.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    #[default]
    NotNeeded,
    Needed,
    Done,
}

impl Default for RecordsState {
    fn default() -> Self {
        Self {
            is_behind: false,
            named: 0,
            comparison: Comparison::default(),
            may_be_dirty: true,
            is_off: false,
            retry: Retry::default(),
            limit: RateLimit::new(RECORD_PUTS_BURST, RECORD_PUTS_INTERVAL),
            fetch_limit: RateLimit::new(RECORD_FETCHES_BURST, RECORD_FETCHES_INTERVAL),
            held: None,
            due_at: None,
        }
    }
}

impl RecordsState {
    /// The state at the beginning of a connection.
    pub(crate) fn after(last: Self) -> Self {
        Self {
            limit: last.limit,
            fetch_limit: last.fetch_limit,
            ..Self::default()
        }
    }

    /// Whether another device may have changed something that is not merged here.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind && !self.is_off
    }

    /// Whether something is to be put.
    pub(crate) fn has_to_put(&self) -> bool {
        self.may_be_dirty && !self.is_off
    }

    /// The earliest instant at which something is due.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        let due = [self.retry.at(), self.due_at];
        due.into_iter().flatten().min().filter(|_| !self.is_off)
    }

    /// Whether it is too early to ask the server for anything. An instant that has come is forgotten.
    fn is_waiting(&mut self, now: Timestamp) -> bool {
        self.due_at.take_if(|at| *at <= now);
        self.retry.take_due(now);
        self.retry.is_waiting(now)
    }

    /// Notes that the server may have lost records.
    pub(crate) fn server_went_back(&mut self) {
        if self.comparison == Comparison::NotNeeded {
            self.comparison = Comparison::Needed;
        }
    }

    /// Puts off what the server refuses for the moment, or because it is an older one that knows no records. Returns whether
    /// that was the reason.
    fn put_off(&mut self, now: Timestamp, problem: &Problem) -> bool {
        if is_transient(problem) {
            self.retry.back_off(now, problem.retry_after_ms);
            return true;
        }
        let is_older = problem.known_code() == Some(ProblemCode::UnknownRequest);
        self.is_off |= is_older;
        is_older
    }

    /// Notes that somebody types: what is typed is put once they pause, or after a while.
    fn hold(&mut self, now: Timestamp) {
        let since = self.held.map_or(now, |(since, _)| since);
        let until = now.plus(DRAFT_HELD).min(since.plus(DRAFT_HELD_MAX));
        self.held = Some((since, until));
    }

    /// Until when nothing is put. If the clock was set back, it does not wait for the old time.
    fn held_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        let is_held = |until: Timestamp| until > now && until.since(now) <= DRAFT_HELD_MAX;
        self.held = self.held.filter(|(_, until)| is_held(*until));
        self.held.map(|(_, until)| until)
    }
}

// ---- changes on this device ----

/// Changes the record of a conversation. Returns whether anything was changed.
fn change(
    cx: &mut Context<'_>,
    id: ConversationId,
    change: impl FnOnce(&mut AccountRecord),
) -> StepResult<bool> {
    let mut row = records::load(cx.conn, id)?;
    let is_changed = row.change(change);
    if is_changed {
        records::store(cx.conn, id, &row)?;
        cx.connection.records.may_be_dirty = true;
    }
    Ok(is_changed)
}

/// Keeps what was typed and not sent, where `shown` was to be read before. Returns whether the draft is another one now.
pub(crate) fn keep_draft(
    cx: &mut Context<'_>,
    (chat, id): (ChatId, ConversationId),
    text: &str,
    shown: &str,
) -> StepResult<bool> {
    if text.is_empty() {
        // What was sent is to leave the other devices at once.
        cx.connection.records.held = None;
    } else {
        cx.connection.records.hold(cx.now);
    }
    let typed = Typed {
        text,
        device: cx.me.device_id,
        to: other_in(cx.conn, chat, cx.me)?,
        at: cx.now,
    };
    change(cx, id, |record| record.set_draft(&typed, shown))
}

/// The other account of a direct conversation.
fn other_in(conn: &Connection, chat: ChatId, me: &Me) -> StepResult<Option<AccountId>> {
    let is_direct = conversations::load(conn, chat)?.is_some_and(|row| row.kind == ConversationKind::Direct);
    if !is_direct {
        return Ok(None);
    }
    let others = members::others(conn, chat, me.account_id)?;
    Ok(others.first().copied())
}

/// Notes that this device is in a conversation: the server may get its record, and what that says counts.
pub(crate) fn joined(cx: &mut Context<'_>, (chat, id): (ChatId, ConversationId)) -> StepResult {
    cx.connection.records.may_be_dirty = true;
    cx.connection.profiles_learned.remove(&chat);
    let record = records::load(cx.conn, id)?.record;
    learn_profile(cx, chat, &record)
}

/// Takes the draft of a conversation along to the id under which it goes on.
pub(crate) fn moved(
    cx: &mut Context<'_>,
    chat: ChatId,
    (from, to): (ConversationId, ConversationId),
) -> StepResult {
    let row = records::load(cx.conn, from)?;
    if row.revision == 0 {
        // Nobody else knows of it.
        records::delete(cx.conn, from)?;
    }
    let (with, device) = (other_in(cx.conn, chat, cx.me)?, cx.me.device_id);
    let mut taken = AccountRecord::default();
    taken.take_chat_settings(&row.record);
    taken.take_decision(&row.record);
    taken.draft = row.record.draft.filter(|draft| draft.to == with);
    change(cx, to, |record| record.merge(&taken, device))?;
    Ok(())
}

/// Notes that the user has seen everything: that the conversation is not marked as unread any more, and which message was
/// the newest, at which place of the log, if it has one. `head` is the end of the log, if the server has named it.
pub(crate) fn mark_read(
    cx: &mut Context<'_>,
    (id, active_at): (ConversationId, Timestamp),
    newest: Option<(u64, MessageId)>,
    head: Option<u64>,
) -> StepResult {
    let now = cx.now;
    change(cx, id, |record| {
        if let Some((seq, message)) = newest {
            let known = record.read;
            // A mark beyond the end is from before the log has begun again.
            let is_beyond = |known: ReadMark| head.is_some_and(|head| known.seq > head.max(seq));
            let generation = known.map_or(0, |known| {
                known.generation.saturating_add(u32::from(is_beyond(known)))
            });
            record.mark_read(ReadMark {
                generation,
                seq,
                message,
            });
        }
        record.set_chat(ChatSetting::MarkedUnread(false), active_at, now);
    })?;
    Ok(())
}

/// What a list shows of the record of a conversation with this account: the draft, and what the user has chosen.
pub(crate) fn shown(
    conn: &Connection,
    row: &ConversationRow,
    with: Option<AccountId>,
    now: Timestamp,
) -> Result<(Option<String>, ChatSettings), EngineError> {
    let record = records::load(conn, row.id)?.record;
    let draft = Some(record.draft_text(with).to_owned()).filter(|text| !text.is_empty());
    Ok((draft, record.chat_settings(row.active_at, now)))
}

/// Changes what the user has chosen for a conversation in which something was last said at this instant. Returns whether
/// anything was changed.
pub(crate) fn set_chat(
    cx: &mut Context<'_>,
    id: ConversationId,
    setting: ChatSetting,
    active_at: Timestamp,
) -> StepResult<bool> {
    let now = cx.now;
    change(cx, id, |record| record.set_chat(setting, active_at, now))
}

/// The record of the account itself stands where that of a conversation with its id would.
fn id_of_account(me: &Me) -> ConversationId {
    ConversationId::from_bytes(*me.account_id.as_bytes())
}

/// Keeps the object that the other account of a conversation shows, for the other devices of this account.
pub(crate) fn keep_profile(cx: &mut Context<'_>, id: ConversationId, object: &ObjectKey) -> StepResult {
    let now = cx.now;
    change(cx, id, |record| record.set_profile(&object.to_bytes(), now))?;
    Ok(())
}

/// Keeps what was heard about a group, for the other devices of this account.
pub(crate) fn keep_group_profile(
    cx: &mut Context<'_>,
    id: ConversationId,
    heard: &GroupProfile,
) -> StepResult {
    let (encoded, now) = (heard.encode(), cx.now);
    change(cx, id, |record| record.set_group_profile(encoded, now))?;
    Ok(())
}

/// What another device of this account knows of a group.
pub(crate) fn group_profile(cx: &Context<'_>, id: ConversationId) -> StepResult<Option<GroupProfile>> {
    let record = records::load(cx.conn, id)?.record;
    let profile = record.group_profile().map(GroupProfile::decode);
    Ok(profile.and_then(Result::ok))
}

/// Keeps an invite link that this account has made, for its other devices.
pub(crate) fn keep_link(cx: &mut Context<'_>, id: ConversationId, link: &KeptLink) -> StepResult {
    let now = cx.now;
    change(cx, id, |record| record.keep_link(link, now))?;
    Ok(())
}

/// Notes that an invite link of this account is gone.
pub(crate) fn forget_link(cx: &mut Context<'_>, id: ConversationId, link: LinkId) -> StepResult {
    let now = cx.now;
    change(cx, id, |record| record.forget_link(link, now))?;
    Ok(())
}

/// The invite links of a group that this account has made, on any device.
pub(crate) fn links(cx: &Context<'_>, id: ConversationId) -> StepResult<Vec<KeptLink>> {
    Ok(records::load(cx.conn, id)?.record.links())
}

/// Takes over the object that another device has seen, if it belongs to a direct conversation that this one is in.
fn learn_profile(cx: &mut Context<'_>, chat: ChatId, record: &AccountRecord) -> StepResult {
    let object = record.profile().and_then(ObjectKey::from_bytes);
    if let Some(object) = object
        && let Some(account) = other_in(cx.conn, chat, cx.me)?
    {
        profile_objects::learn(cx, account, &object, 0)?;
    }
    Ok(())
}

/// The version of this account's profile that a device has put last, and the number of the object.
pub(crate) fn own_profile(cx: &Context<'_>) -> StepResult<(u64, u32)> {
    Ok(records::load(cx.conn, id_of_account(cx.me))?.record.own_profile())
}

/// Lets the other devices know which version of this account's profile was put.
pub(crate) fn name_own_profile(cx: &mut Context<'_>, named: (u64, u32)) -> StepResult {
    change(cx, id_of_account(cx.me), |record| record.set_own_profile(named))?;
    Ok(())
}

/// Changes what the user calls somebody.
pub(crate) fn set_nickname(
    cx: &mut Context<'_>,
    account: AccountId,
    name: Option<DisplayName>,
) -> StepResult {
    let full = CommandError::TooManyNicknames;
    let (before, after) = note(cx, account, (name, full), |record| &mut record.nicknames)?;
    show_nicknames(cx, &before, &after)
}

/// Notes something about a person who is known here in one of the lists of the account's own record, or removes it; `full`
/// says that there is no room for more. Returns the list as it was and as it is.
fn note<N: Note>(
    cx: &mut Context<'_>,
    account: AccountId,
    (note, full): (Option<N>, CommandError),
    list: fn(&mut AccountRecord) -> &mut People<N>,
) -> StepResult<(People<N>, People<N>)> {
    check_contact(cx, account)?;
    let (id, now) = (id_of_account(cx.me), cx.now);
    let mut record = records::load(cx.conn, id)?.record;
    let before = list(&mut record).clone();
    let mut after = before.clone();
    after.set(account, note, now).map_err(|TooManyPeople| full)?;
    change(cx, id, |record| *list(record) = after.clone())?;
    Ok((before, after))
}

/// Refuses this account itself, and somebody who is not known here.
fn check_contact(cx: &Context<'_>, account: AccountId) -> StepResult {
    if account == cx.me.account_id {
        return Err(CommandError::OwnAccount.into());
    }
    match contacts::find(cx.conn, account)? {
        Some(_) => Ok(()),
        None => Err(CommandError::UnknownContact.into()),
    }
}

/// Blocks somebody, or no longer.
pub(crate) fn block(cx: &mut Context<'_>, account: AccountId, is_blocked: bool) -> StepResult {
    let (note_of, full) = (is_blocked.then_some(IsBlocked), CommandError::TooManyBlocked);
    let (before, after) = note(cx, account, (note_of, full), |record| &mut record.blocked)?;
    show_blocked(cx, &before, &after)
}

/// Does what follows when other people are blocked than before.
fn show_blocked(cx: &mut Context<'_>, before: &Blocked, after: &Blocked) -> StepResult {
    for account in after.differences(before) {
        let is_blocked = after.of(account).is_some();
        contacts::set_blocked(cx.conn, account, is_blocked)?;
        cx.event(Event::ContactChanged(account));
        let pair = conversations::find_pair(cx.conn, (cx.me.account_id, account))?;
        if let Some(row) = &pair {
            cx.event(Event::ConversationChanged(row.chat));
            // What has waited for the decision is fetched.
            cx.touch(row.chat);
        }
        if is_blocked {
            signals::blocked(cx, account, pair.map(|row| row.chat));
            // The groups to which they have added this account are declined, see `conversation/standing.rs`.
            for chat in conversations::requests_by(cx.conn, account)? {
                cx.event(Event::ConversationChanged(chat));
                cx.touch(chat);
            }
        }
    }
    Ok(())
}

// ---- requests ----

/// What the user has decided about a conversation.
pub(crate) fn decision(conn: &Connection, id: ConversationId) -> StepResult<Decision> {
    Ok(records::load(conn, id)?.record.decision())
}

/// Notes what the user has decided about a conversation.
pub(crate) fn decide(cx: &mut Context<'_>, id: ConversationId, decision: Decision) -> StepResult {
    let now = cx.now;
    change(cx, id, |record| record.decide(decision, now))?;
    Ok(())
}

/// Whether the user wants a conversation, as far as is decided. What was declined is asked about again once somebody writes
/// after what the user has seen.
pub(crate) fn standing_by(
    conn: &Connection,
    decision: Decision,
    row: &ConversationRow,
    me: AccountId,
) -> StepResult<Standing> {
    match decision {
        Decision::Accepted => return Ok(Standing::Accepted),
        Decision::Declined(at) => {
            let is_group = row.kind == ConversationKind::Group;
            if is_group || messages::newest_received_at(conn, row.chat)? <= Some(at) {
                return Ok(Standing::Declined);
            }
        }
        Decision::None => {}
    }
    let is_ours = row.is_starting() || row.kind == ConversationKind::NotesToSelf || row.added_by == Some(me);
    Ok(if is_ours {
        Standing::Accepted
    } else {
        Standing::Request
    })
}

/// What lists show of it.
pub(crate) fn shown_standing(row: &ConversationRow) -> Standing {
    if row.is_starting() && row.standing == Standing::Request {
        return Standing::Accepted;
    }
    row.standing
}

/// Shows a conversation again that was declined, because the user looks for it.
pub(crate) fn ask_again(cx: &mut Context<'_>, row: &ConversationRow) -> StepResult {
    if row.standing == Standing::Declined {
        decide(cx, row.id, Decision::None)?;
        conversations::set_standing(cx.conn, row.chat, Standing::Request)?;
        cx.event(Event::ConversationChanged(row.chat));
    }
    Ok(())
}

/// Has the records say that the user wants the conversations that were there before anything was asked about.
pub(crate) fn take_up_decisions(conn: &Connection) -> StepResult {
    for (chat, id) in conversations::undecided_from_before(conn)? {
        let mut row = records::load(conn, id)?;
        row.change(|record| record.decide(Decision::Accepted, Timestamp::from_millis(1)));
        records::store(conn, id, &row)?;
        conversations::set_standing(conn, chat, Standing::Accepted)?;
    }
    Ok(())
}

/// Shows by what other names people are called.
fn show_nicknames(cx: &mut Context<'_>, before: &Nicknames, after: &Nicknames) -> StepResult {
    for account in after.differences(before) {
        contacts::set_nickname(cx.conn, account, after.of(account).map(DisplayName::as_str))?;
        cx.event(Event::ContactChanged(account));
    }
    Ok(())
}

/// What others see of this account and may do.
pub(crate) fn privacy(conn: &Connection, me: &Me) -> StepResult<Privacy> {
    let record = records::load(conn, id_of_account(me))?.record;
    let is_on = |switch| record.switch(switch).unwrap_or(true);
    let (writers, adders) = record.audiences();
    Ok(Privacy {
        read_receipts: is_on(Switch::ReadReceipts),
        typing: is_on(Switch::Typing),
        last_seen: is_on(Switch::LastSeen),
        writers,
        adders,
    })
}

/// Changes what others see of this account and may do.
pub(crate) fn set_privacy(cx: &mut Context<'_>, privacy: Privacy) -> StepResult {
    let now = cx.now;
    let before = cx.me.privacy;
    let wishes = [
        (Switch::ReadReceipts, before.read_receipts, privacy.read_receipts),
        (Switch::Typing, before.typing, privacy.typing),
        (Switch::LastSeen, before.last_seen, privacy.last_seen),
    ];
    change(cx, id_of_account(cx.me), |record| {
        for (switch, before, is_on) in wishes {
            if before != is_on {
                record.set_switch(switch, is_on, now);
            }
        }
        if before.writers != privacy.writers {
            record.set_writers(privacy.writers, now);
        }
        if before.adders != privacy.adders {
            record.set_adders(privacy.adders, now);
        }
    })?;
    privacy_changed(cx)
}

fn privacy_changed(cx: &mut Context<'_>) -> StepResult {
    let privacy = privacy(cx.conn, cx.me)?;
    if privacy != cx.me.privacy {
        cx.me.privacy = privacy;
        cx.event(Event::PrivacyChanged(privacy));
        signals::privacy_changed(cx)?;
    }
    Ok(())
}

/// Has in the table what the record says. A build that knew no nicknames kept them in the record as they came.
pub(crate) fn take_up_nicknames(conn: &Connection, me: &Me) -> StepResult {
    let nicknames = records::load(conn, id_of_account(me))?.record.nicknames;
    for account in nicknames.differences(&Nicknames::default()) {
        contacts::set_nickname(conn, account, nicknames.of(account).map(DisplayName::as_str))?;
    }
    Ok(())
}

/// Takes over the drafts that earlier builds kept among the settings of the host. They are older than any other.
pub(crate) fn take_old_drafts(conn: &Connection, me: &Me) -> StepResult {
    for (name, text) in profile::settings_from(conn, OLD_DRAFT)? {
        let chat = name.strip_prefix(OLD_DRAFT).and_then(|chat| chat.parse().ok());
        if let Some(chat) = chat.map(ChatId::new)
            && let Some(row) = if_readable(conversations::load(conn, chat))?
            && let Ok(text) = str::from_utf8(&text)
            && text.len() <= MESSAGE_TEXT_MAX
        {
            let to = other_in(conn, row.chat, me)?;
            let mut record = records::load(conn, row.id)?;
            let shown = record.record.draft_text(to).to_owned();
            let typed = Typed {
                text,
                device: me.device_id,
                to,
                at: Timestamp::from_millis(1),
            };
            record.change(|record| record.set_draft(&typed, &shown));
            records::store(conn, row.id, &record)?;
        }
        profile::set_setting(conn, &name, None)?;
    }
    Ok(())
}

/// What the names of those settings begin with; the conversation follows.
const OLD_DRAFT: &str = "draft/";

// ---- from the server ----

/// Handles what Sync says about the newest change, and about the life of the server's database.
pub(crate) fn sync_answered(cx: &mut Context<'_>, newest: u64, incarnation: &[u8]) -> StepResult {
    let known = records::newest_change(cx.conn)?;
    let state = &mut cx.connection.records;
    state.named = state.named.max(newest);
    // If it is an older one, the page shows whether the answer was late or the server went back.
    state.is_behind |= newest != known;
    let known = records::incarnation(cx.conn)?;
    if known.as_deref() != Some(incarnation) {
        records::set_incarnation(cx.conn, incarnation)?;
        if known.is_some() {
            state.server_went_back();
        }
    }
    Ok(())
}

/// Has everything compared that the server keeps for this account, and has receipts put again.
fn compare_all(cx: &mut Context<'_>) -> StepResult {
    for chat in receipts::put_all_again(cx.conn)? {
        cx.touch(chat);
    }
    profile_objects::server_went_back(cx)?;
    let state = &mut cx.connection.records;
    state.comparison = Comparison::Done;
    state.is_behind = true;
    state.may_be_dirty = true;
    records::set_newest_change(cx.conn, 0)?;
    Ok(records::put_all_again(cx.conn)?)
}

/// Handles a page of the records with later changes than this one.
pub(crate) fn page(cx: &mut Context<'_>, after: u64, page: &RecordsPage) -> StepResult {
    let mut newest = after;
    for record in &page.records {
        if record.change <= newest {
            cx.misbehaved(None, Misbehaviour::WrongAnswer);
            cx.connection.records.retry.back_off(cx.now, 0);
            return Ok(());
        }
        take(cx, record)?;
        newest = record.change;
    }
    if page.records.is_empty() {
        newest = page.newest_change;
    }
    // Pushes may have come meanwhile, or all are to be fetched by now.
    let mut known = records::newest_change(cx.conn)?;
    if after <= known && known < newest {
        records::set_newest_change(cx.conn, newest)?;
        known = newest;
    }
    let state = &mut cx.connection.records;
    state.named = state.named.max(page.newest_change);
    state.is_behind = known < state.named;
    if page.newest_change < after {
        state.server_went_back();
    }
    if state.is_behind && newest == after {
        // What was named is not there, or not yet.
        state.retry.back_off(cx.now, 0);
    } else {
        state.retry.succeeded();
    }
    caught_up(cx)
}

/// Does what waited for what other devices have changed.
fn caught_up(cx: &mut Context<'_>) -> StepResult {
    if cx.connection.records.is_behind() {
        return Ok(());
    }
    for chat in receipts::due(cx.conn)? {
        cx.touch(chat);
    }
    for chat in conversations::with_blocked(cx.conn)? {
        cx.touch(chat);
    }
    signals::synced(cx)
}

/// Handles a change by another device.
pub(crate) fn changed(cx: &mut Context<'_>, changed: &RecordChanged) -> StepResult {
    let Some(record) = &changed.record else {
        return Ok(());
    };
    if is_next(cx, (changed.after_change, record.change))? {
        take(cx, record)?;
    }
    Ok(())
}

/// Whether a change follows the newest one that is merged. It counts as merged from here on; if others lie between, they
/// are fetched.
fn is_next(cx: &mut Context<'_>, (after, change): (u64, u64)) -> StepResult<bool> {
    let known = records::newest_change(cx.conn)?;
    cx.connection.records.named = cx.connection.records.named.max(change);
    let is_next = after == known && change > known;
    if is_next {
        records::set_newest_change(cx.conn, change)?;
    } else {
        cx.connection.records.is_behind |= change > known;
    }
    Ok(is_next)
}

/// Merges a record as the server has it.
fn take(cx: &mut Context<'_>, record: &frames::AccountRecord) -> StepResult {
    let Ok(id) = ConversationId::try_from(&record.conversation_id[..]) else {
        cx.misbehaved(None, Misbehaviour::NoConversation);
        return Ok(());
    };
    let mut row = records::load(cx.conn, id)?;
    let before = row.record.clone();
    let whose = (cx.me.account_id, id);
    match AccountRecord::open(&record.sealed, cx.record_key, whose, record.revision) {
        Ok(theirs) => {
            row.record.merge(&theirs, cx.me.device_id);
            row.is_dirty = row.record != theirs;
        }
        Err(error @ (RecordError::Seal(SealError::Version(_)) | RecordError::Contents(_))) => {
            // A newer build has written it, and this one must not replace it.
            tracing::warn!(%error, conversation = %id, "an account record is not understood");
            if row == RecordRow::default() {
                return Ok(());
            }
            row.is_dirty = false;
            return Ok(records::store(cx.conn, id, &row)?);
        }
        Err(error) => {
            let chat = if_readable(conversations::find(cx.conn, id))?.map(|row| row.chat);
            tracing::warn!(%error, conversation = %id, "an account record does not open");
            cx.misbehaved(chat, Misbehaviour::RecordForged);
            if row == RecordRow::default() {
                return Ok(());
            }
            row.is_dirty = row.record != AccountRecord::default();
        }
    }
    row.revision = record.revision;
    row.changes += u64::from(row.record != before);
    records::store(cx.conn, id, &row)?;
    cx.connection.records.may_be_dirty |= row.is_dirty;
    show(cx, id, &before, &row.record)
}

/// Shows what another device has changed.
fn show(
    cx: &mut Context<'_>,
    id: ConversationId,
    before: &AccountRecord,
    record: &AccountRecord,
) -> StepResult {
    if before == record {
        return Ok(());
    }
    if id == id_of_account(cx.me) {
        profile_objects::own_named(cx, record.own_profile())?;
        show_nicknames(cx, &before.nicknames, &record.nicknames)?;
        show_blocked(cx, &before.blocked, &record.blocked)?;
        return privacy_changed(cx);
    }
    let Some(row) = if_readable(conversations::find(cx.conn, id))? else {
        return Ok(());
    };
    if let Some(mark) = record.read.filter(|mark| before.read != Some(*mark)) {
        read_through(cx, row.chat, &mark.message)?;
        cx.event(Event::ConversationChanged(row.chat));
    }
    if before.decision() != record.decision() {
        let standing = standing_by(cx.conn, record.decision(), &row, cx.me.account_id)?;
        conversations::set_standing(cx.conn, row.chat, standing)?;
        cx.event(Event::ConversationChanged(row.chat));
        if standing == Standing::Accepted {
            receipts::add_change(cx.conn, row.chat)?;
        }
        cx.touch(row.chat);
    }
    if !before.has_chat_settings_of(record) {
        cx.event(Event::ConversationChanged(row.chat));
    }
    if before.draft != record.draft {
        cx.event(Event::DraftChanged(row.chat));
    }
    if before.profile() != record.profile() {
        learn_profile(cx, row.chat, record)?;
    }
    if record.has_other_links_than(before) {
        cx.touch(row.chat);
    }
    if before.group_profile() != record.group_profile() {
        cx.connection.profiles_learned.remove(&row.chat);
        cx.touch(row.chat);
    }
    Ok(())
}

/// Marks what was received as read, if another device has said so before it came.
pub(crate) fn received(
    cx: &mut Context<'_>,
    (chat, id): (ChatId, ConversationId),
    message: &MessageId,
) -> StepResult {
    match records::load(cx.conn, id)?.record.read {
        Some(mark) if mark.message == *message => read_through(cx, chat, message),
        _ => Ok(()),
    }
}

/// Marks a message as read, and all that are shown before it.
fn read_through(cx: &mut Context<'_>, chat: ChatId, newest: &MessageId) -> StepResult {
    let Some(newest) = messages::find(cx.conn, chat, newest)? else {
        // It is not here yet.
        return Ok(());
    };
    for message in messages::unread(cx.conn, chat)? {
        if message.position <= newest.position {
            set_read(cx, &message)?;
        }
    }
    Ok(())
}

/// Marks one message as read.
pub(crate) fn set_read(cx: &mut Context<'_>, message: &Message) -> StepResult {
    messages::set_status(cx.conn, message.id, MessageStatus::Read)?;
    messages::begin_expiry(cx.conn, message.id, cx.now)?;
    cx.event(Event::MessageStatusChanged {
        chat: message.chat,
        message: message.id,
        status: MessageStatus::Read,
    });
    Ok(())
}

// ---- to the server ----

/// Requests what is missing here, or else sends what the server is to get.
pub(crate) fn settle(cx: &mut Context<'_>) -> StepResult {
    let is_synced = cx.connection.synced;
    let state = &mut cx.connection.records;
    if state.is_waiting(cx.now) || !is_synced || state.is_off {
        return Ok(());
    }
    if state.comparison == Comparison::Needed {
        compare_all(cx)?;
    }
    let state = &mut cx.connection.records;
    if state.is_behind {
        if cx.requests.is_fetching_records() || !cx.requests.have_room() {
            return Ok(());
        }
        if let Err(at) = state.fetch_limit.take(cx.now) {
            state.due_at = Some(at);
            return Ok(());
        }
        let after = records::newest_change(cx.conn)?;
        cx.request(
            PendingRequest::FetchRecords { after },
            Request::FetchRecords(FetchRecords { after_change: after }),
        );
        return Ok(());
    }
    if let Some(until) = state.held_until(cx.now) {
        state.due_at = Some(until);
    } else if std::mem::take(&mut state.may_be_dirty) {
        put_dirty(cx)?;
    }
    Ok(())
}

fn put_dirty(cx: &mut Context<'_>) -> StepResult {
    for (id, row) in records::to_put(cx.conn, id_of_account(cx.me), RECORD_PUTS_AT_ONCE)? {
        if cx.requests.is_putting(id) {
            // What has changed since is looked at when the answer comes.
            continue;
        }
        if let Err(at) = cx.connection.records.limit.take(cx.now) {
            cx.connection.records.may_be_dirty = true;
            cx.connection.records.due_at = Some(at);
            break;
        }
        put(cx, id, &row);
    }
    Ok(())
}

fn put(cx: &mut Context<'_>, id: ConversationId, row: &RecordRow) {
    let whose = (cx.me.account_id, id);
    let sealed = row
        .record
        .seal(cx.record_key, whose, row.revision.saturating_add(1), cx.rng());
    let changes = row.changes;
    cx.request(
        PendingRequest::PutRecord { id, changes },
        Request::PutRecord(PutRecord {
            conversation_id: id.to_vec().into(),
            replaces: row.revision,
            sealed: sealed.into(),
        }),
    );
}

/// Handles the answer to a record that was put as it was after this number of changes.
pub(crate) fn put_answered(
    cx: &mut Context<'_>,
    (id, changes): (ConversationId, u64),
    put: &RecordPut,
) -> StepResult {
    cx.connection.records.may_be_dirty = true;
    cx.connection.records.retry.succeeded();
    let Some(record) = &put.record else {
        // The server has lost it.
        let mut row = records::load(cx.conn, id)?;
        row.revision = 0;
        return Ok(records::store(cx.conn, id, &row)?);
    };
    if put.stored {
        let mut row = records::load(cx.conn, id)?;
        row.revision = record.revision;
        row.is_dirty &= row.changes != changes;
        records::store(cx.conn, id, &row)?;
        is_next(cx, (put.after_change, record.change))?;
    } else if *record.conversation_id == *id.as_bytes() {
        take(cx, record)?;
    } else {
        cx.misbehaved(None, Misbehaviour::WrongAnswer);
    }
    Ok(())
}

/// Handles the refusal of records.
pub(crate) fn fetch_refused(cx: &mut Context<'_>, problem: &Problem) -> StepResult {
    let state = &mut cx.connection.records;
    if !state.put_off(cx.now, problem) {
        state.is_off = true;
        cx.refused(None, problem);
    }
    caught_up(cx)
}

/// Handles the refusal of a record. Unless it can be put later, it stays here until it is changed again.
pub(crate) fn put_refused(
    cx: &mut Context<'_>,
    (id, changes): (ConversationId, u64),
    problem: &Problem,
) -> StepResult {
    let state = &mut cx.connection.records;
    state.may_be_dirty = true;
    if !state.put_off(cx.now, problem) {
        let mut row = records::load(cx.conn, id)?;
        row.is_dirty &= row.changes != changes;
        records::store(cx.conn, id, &row)?;
        cx.refused(None, problem);
    }
    Ok(())
}
