//! Signals: that somebody types or is there. They are passed on and not kept, and nothing depends on them.
//!
//! Both are shown for a while only, since the signal that ends them can get lost. Whoever is there says so again and
//! again, and once more to somebody who has just come.

pub mod format;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use rusqlite::Connection;
use subrosa_wire::{
    AccountId, DeviceId, Timestamp,
    frames::{self, PassOn, Problem, client_frame::Request},
    limits::SIGNALS_PER_FRAME_MAX,
    problem::ProblemCode,
};

use crate::{
    ChatId,
    api::{Event, Presence},
    context::{Context, StepResult},
    limits::{
        HERE_AGAIN_AFTER, HERE_ANSWERED_AFTER, HERE_CONVERSATIONS_MAX, HERE_SHOWN, SIGNALLERS_MAX,
        SIGNALS_BURST, SIGNALS_INTERVAL, TYPING_AGAIN_AFTER, TYPING_SHOWN,
    },
    requests::{PendingRequest, RateLimit},
    store::{contacts, conversations},
};
use format::{Signal, SignalKind};

/// What is known about signals.
#[derive(Debug)]
pub(crate) struct SignalsState {
    /// The server passes nothing on.
    is_off: bool,
    /// Whether the user is looking at the app, as far as the host says.
    is_here: bool,
    /// When that is to be said again.
    here_again_at: Option<Timestamp>,
    /// When it was last said in each conversation.
    here_said_at: HashMap<ChatId, Timestamp>,
    /// When somebody who had just come was last answered in each conversation.
    here_answered_at: HashMap<ChatId, Timestamp>,
    /// When it was last said in each conversation that the user is typing there.
    typing_said_at: HashMap<ChatId, Timestamp>,
    /// What is to be sent: one for each conversation and topic.
    to_send: BTreeMap<(ChatId, Topic), SignalKind>,
    /// The number of the last signal that was sent.
    last_number: u64,
    limit: RateLimit,
    /// When the limit permits the next one.
    due_at: Option<Timestamp>,
    /// Who types where, and until when that is shown.
    typing: HashMap<(ChatId, AccountId), Timestamp>,
    /// Who is there, on which devices, and until when that is shown.
    here: HashMap<(AccountId, DeviceId), Timestamp>,
    /// The number of the last signal of each device.
    numbers: HashMap<DeviceId, u64>,
}

/// What signals are about. A later one replaces an earlier one about the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Typing,
    Presence,
}

impl Topic {
    const fn of(kind: SignalKind) -> Self {
        match kind {
            SignalKind::Typing | SignalKind::StoppedTyping => Self::Typing,
            SignalKind::Here | SignalKind::Gone | SignalKind::Came => Self::Presence,
        }
    }
}

impl Default for SignalsState {
    fn default() -> Self {
        Self {
            is_off: false,
            is_here: false,
            here_again_at: None,
            here_said_at: HashMap::new(),
            here_answered_at: HashMap::new(),
            typing_said_at: HashMap::new(),
            to_send: BTreeMap::new(),
            last_number: 0,
            limit: RateLimit::new(SIGNALS_BURST, SIGNALS_INTERVAL),
            due_at: None,
            typing: HashMap::new(),
            here: HashMap::new(),
            numbers: HashMap::new(),
        }
    }
}

impl SignalsState {
    /// The state at the beginning of a connection. Who types and who is there is shown until its time is over.
    pub(crate) fn after(last: Self) -> Self {
        Self {
            is_here: last.is_here,
            here_answered_at: last.here_answered_at,
            last_number: last.last_number,
            limit: last.limit,
            typing: last.typing,
            here: last.here,
            numbers: last.numbers,
            ..Self::default()
        }
    }

    /// The earliest instant at which something ends or is due.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        let ends = self.typing.values().chain(self.here.values()).min();
        let due = [self.here_again_at, self.due_at].into_iter().flatten().min();
        ends.copied()
            .into_iter()
            .chain(due.filter(|_| !self.is_off))
            .min()
    }

    /// Who is typing in a conversation.
    pub(crate) fn typing_in(&self, chat: ChatId) -> Vec<AccountId> {
        let here = self.typing.keys().filter(|(typing_in, _)| *typing_in == chat);
        let mut accounts: Vec<_> = here.map(|(_, account)| *account).collect();
        accounts.sort_unstable();
        accounts
    }

    /// Whether somebody is there.
    pub(crate) fn is_here(&self, account: AccountId) -> bool {
        self.here.keys().any(|(here, _)| *here == account)
    }

    fn queue(&mut self, chat: ChatId, kind: SignalKind) {
        if !self.is_off {
            self.to_send.insert((chat, Topic::of(kind)), kind);
        }
    }

    /// A number for the next signal, above all that were given.
    fn next_number(&mut self, now: Timestamp) -> u64 {
        self.last_number = now.as_millis().max(self.last_number.saturating_add(1));
        self.last_number
    }

    /// Whether a signal of a device is a new one, which no replay is.
    fn is_new(&mut self, device: DeviceId, number: u64) -> bool {
        if self.numbers.len() >= SIGNALLERS_MAX && !self.numbers.contains_key(&device) {
            return false;
        }
        let last = self.numbers.entry(device).or_default();
        let is_new = number > *last;
        *last = number.max(*last);
        is_new
    }
}

/// Whether something that is shown until an instant still is. If the clock was set back, it does not wait for the old
/// time.
fn is_shown(until: Timestamp, now: Timestamp, at_most: Duration) -> bool {
    until > now && until.since(now) <= at_most
}

/// What is known of a person's presence.
pub(crate) fn presence(conn: &Connection, state: &SignalsState, account: AccountId) -> StepResult<Presence> {
    if state.is_here(account) {
        return Ok(Presence::Here);
    }
    Ok(match contacts::last_seen(conn, account)? {
        Some(at) => Presence::LastSeen(at),
        None => Presence::Unknown,
    })
}

// ---- of this device ----

/// Notes that the user is typing, or has stopped without sending.
pub(crate) fn type_in(cx: &mut Context<'_>, chat: ChatId, is_typing: bool) {
    if !cx.me.privacy.typing || cx.connection.records.is_behind() {
        return;
    }
    let state = &mut cx.connection.signals;
    let said_at = state.typing_said_at.get(&chat).copied();
    let is_said = said_at.is_some_and(|at| is_shown(at.plus(TYPING_AGAIN_AFTER), cx.now, TYPING_AGAIN_AFTER));
    if is_typing && !is_said {
        state.typing_said_at.insert(chat, cx.now);
        state.queue(chat, SignalKind::Typing);
    } else if !is_typing && state.typing_said_at.remove(&chat).is_some() {
        state.queue(chat, SignalKind::StoppedTyping);
    }
}

/// Notes that a message was sent: whoever gets it knows that the typing is over.
pub(crate) fn sent(cx: &mut Context<'_>, chat: ChatId) {
    let state = &mut cx.connection.signals;
    state.typing_said_at.remove(&chat);
    state.to_send.remove(&(chat, Topic::Typing));
}

/// Notes whether the user is looking at the app.
pub(crate) fn set_here(cx: &mut Context<'_>, is_here: bool) -> StepResult {
    if cx.connection.signals.is_here == is_here {
        return Ok(());
    }
    cx.connection.signals.is_here = is_here;
    say_presence(
        cx,
        if is_here {
            SignalKind::Came
        } else {
            SignalKind::Gone
        },
    )
}

/// Says in the conversations that were used last whether the user is there.
fn say_presence(cx: &mut Context<'_>, kind: SignalKind) -> StepResult {
    let is_here = cx.connection.signals.is_here;
    let state = &mut cx.connection.signals;
    state.here_again_at = is_here.then(|| cx.now.plus(HERE_AGAIN_AFTER));
    state.to_send.retain(|(_, topic), _| *topic != Topic::Presence);
    // Another device may have switched it off.
    if !cx.connection.synced || cx.connection.records.is_behind() || !cx.me.privacy.last_seen {
        return Ok(());
    }
    for chat in conversations::newest_direct(cx.conn, HERE_CONVERSATIONS_MAX)? {
        if is_here || cx.connection.signals.here_said_at.contains_key(&chat) {
            cx.connection.signals.queue(chat, kind);
        }
    }
    Ok(())
}

/// Says on a new connection that the user is there.
pub(crate) fn synced(cx: &mut Context<'_>) -> StepResult {
    if cx.connection.signals.is_here {
        say_presence(cx, SignalKind::Came)?;
    }
    Ok(())
}

/// Notes that the user has blocked somebody: they see no more of this account, and nothing of them is shown.
pub(crate) fn blocked(cx: &mut Context<'_>, account: AccountId, chat: Option<ChatId>) {
    let state = &mut cx.connection.signals;
    if let Some(chat) = chat {
        state.to_send.remove(&(chat, Topic::Presence));
        state.to_send.remove(&(chat, Topic::Typing));
        if state.typing_said_at.remove(&chat).is_some() {
            state.queue(chat, SignalKind::StoppedTyping);
        }
        if state.here_said_at.remove(&chat).is_some() {
            state.queue(chat, SignalKind::Gone);
        }
        typed(cx, chat, account);
    }
    let state = &mut cx.connection.signals;
    let was_here = state.is_here(account);
    state.here.retain(|(here, _), _| *here != account);
    if was_here {
        cx.event(Event::PresenceChanged(account));
    }
}

/// Handles a change of what others may see.
pub(crate) fn privacy_changed(cx: &mut Context<'_>) -> StepResult {
    let privacy = cx.me.privacy;
    if !privacy.typing {
        let state = &mut cx.connection.signals;
        state.to_send.retain(|(_, topic), _| *topic != Topic::Typing);
        for (chat, _) in std::mem::take(&mut state.typing_said_at) {
            state.queue(chat, SignalKind::StoppedTyping);
        }
        let shown: Vec<_> = state.typing.drain().map(|((chat, _), _)| chat).collect();
        for chat in shown {
            cx.event(Event::TypingChanged(chat));
        }
    }
    if privacy.last_seen {
        return synced(cx);
    }
    let state = &mut cx.connection.signals;
    state.to_send.retain(|(_, topic), _| *topic != Topic::Presence);
    for (chat, _) in std::mem::take(&mut state.here_said_at) {
        state.queue(chat, SignalKind::Gone);
    }
    let shown: BTreeSet<_> = state.here.drain().map(|((account, _), _)| account).collect();
    for account in shown {
        cx.event(Event::PresenceChanged(account));
    }
    Ok(())
}

/// Takes the signals that are due now: each is to be sealed in its conversation.
pub(crate) fn take_due(cx: &mut Context<'_>) -> Vec<(ChatId, Signal)> {
    let state = &mut cx.connection.signals;
    state.due_at.take_if(|at| *at <= cx.now);
    if state.is_off || !cx.connection.is_open || state.due_at.is_some() {
        return Vec::new();
    }
    let mut due = Vec::new();
    while due.len() < SIGNALS_PER_FRAME_MAX
        && let Some(((chat, topic), kind)) = state.to_send.pop_first()
    {
        if let Err(at) = state.limit.take(cx.now) {
            state.to_send.insert((chat, topic), kind);
            state.due_at = Some(at);
            break;
        }
        let number = state.next_number(cx.now);
        match kind {
            SignalKind::Here | SignalKind::Came => drop(state.here_said_at.insert(chat, cx.now)),
            SignalKind::Gone => drop(state.here_said_at.remove(&chat)),
            SignalKind::Typing | SignalKind::StoppedTyping => {}
        }
        due.push((chat, Signal { kind, number }));
    }
    due
}

/// Sends sealed signals.
pub(crate) fn send(cx: &mut Context<'_>, signals: Vec<frames::Signal>) {
    if !signals.is_empty() {
        cx.request(PendingRequest::PassOn, Request::PassOn(PassOn { signals }));
    }
}

/// Handles the refusal of signals. They are not sent again: what they say is old by then.
pub(crate) fn refused(cx: &mut Context<'_>, problem: &Problem) {
    let state = &mut cx.connection.signals;
    if problem.known_code() == Some(ProblemCode::UnknownRequest) {
        state.is_off = true;
        state.to_send.clear();
    } else {
        state.due_at = Some(cx.now.plus(HERE_ANSWERED_AFTER));
    }
}

// ---- of others ----

/// Handles a signal that was opened.
pub(crate) fn received(
    cx: &mut Context<'_>,
    chat: ChatId,
    (account, device): (AccountId, DeviceId),
    signal: Signal,
) -> StepResult {
    let state = &mut cx.connection.signals;
    if !state.is_new(device, signal.number) {
        return Ok(());
    }
    let privacy = cx.me.privacy;
    match signal.kind {
        SignalKind::Typing if privacy.typing && state.typing.len() < SIGNALLERS_MAX => {
            let until = cx.now.plus(TYPING_SHOWN);
            if state.typing.insert((chat, account), until).is_none() {
                cx.event(Event::TypingChanged(chat));
            }
        }
        SignalKind::StoppedTyping => typed(cx, chat, account),
        SignalKind::Here | SignalKind::Came if privacy.last_seen && state.here.len() < SIGNALLERS_MAX => {
            let is_news = !state.is_here(account);
            state.here.insert((account, device), cx.now.plus(HERE_SHOWN));
            let answered_at = state.here_answered_at.get(&chat).copied();
            let is_answered = answered_at
                .is_some_and(|at| is_shown(at.plus(HERE_ANSWERED_AFTER), cx.now, HERE_ANSWERED_AFTER));
            if signal.kind == SignalKind::Came && state.is_here && !is_answered {
                state.here_answered_at.insert(chat, cx.now);
                state.queue(chat, SignalKind::Here);
            }
            contacts::set_last_seen(cx.conn, account, cx.now)?;
            if is_news {
                cx.event(Event::PresenceChanged(account));
            }
        }
        SignalKind::Gone if privacy.last_seen => {
            let was_here = state.here.remove(&(account, device)).is_some();
            if was_here && !state.is_here(account) {
                cx.event(Event::PresenceChanged(account));
            }
            contacts::set_last_seen(cx.conn, account, cx.now)?;
        }
        _ => {}
    }
    Ok(())
}

/// Notes that somebody has stopped typing, or that the message has come.
pub(crate) fn typed(cx: &mut Context<'_>, chat: ChatId, account: AccountId) {
    if cx.connection.signals.typing.remove(&(chat, account)).is_some() {
        cx.event(Event::TypingChanged(chat));
    }
}

/// Ends what was shown for long enough, and says again that the user is there if that is due.
pub(crate) fn tick(cx: &mut Context<'_>) -> StepResult {
    let now = cx.now;
    let state = &mut cx.connection.signals;
    let typed = state
        .typing
        .extract_if(|_, until| !is_shown(*until, now, TYPING_SHOWN));
    let typed: Vec<_> = typed.map(|((chat, _), _)| chat).collect();
    let gone = state
        .here
        .extract_if(|_, until| !is_shown(*until, now, HERE_SHOWN));
    let mut gone: BTreeSet<_> = gone.map(|((account, _), _)| account).collect();
    gone.retain(|account| !state.is_here(*account));
    let is_due = state
        .here_again_at
        .is_some_and(|at| !is_shown(at, now, HERE_AGAIN_AFTER));
    for chat in typed {
        cx.event(Event::TypingChanged(chat));
    }
    for account in gone {
        cx.event(Event::PresenceChanged(account));
    }
    if is_due {
        say_presence(cx, SignalKind::Here)?;
    }
    Ok(())
}
