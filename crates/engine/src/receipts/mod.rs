//! Receipts as registers: which of them are to be fetched from the server, and what one is.
//!
//! What a receipt of a conversation leads to is in the module `conversation`.

pub mod format;

use std::collections::BTreeSet;

use subrosa_wire::{
    Timestamp,
    frames::{FetchReceipts, Problem, ReceiptsAfter, client_frame::Request},
    limits::RECEIPTS_FETCHED_MAX,
    problem::ProblemCode,
};

use crate::{
    ChatId,
    context::{Context, StepResult, is_transient},
    limits::{RECEIPT_FETCHES_BURST, RECEIPT_FETCHES_INTERVAL},
    requests::{PendingRequest, RateLimit, Retry},
    store::{conversations, if_readable, receipts},
};

/// What is known about receipts on this connection.
#[derive(Debug)]
pub(crate) struct ReceiptsState {
    /// The server takes no receipts.
    is_off: bool,
    /// Conversations whose receipts are to be fetched.
    to_fetch: BTreeSet<ChatId>,
    /// Those of the request in flight.
    fetching: BTreeSet<ChatId>,
    retry: Retry,
    fetch_limit: RateLimit,
}

impl Default for ReceiptsState {
    fn default() -> Self {
        Self {
            is_off: false,
            to_fetch: BTreeSet::new(),
            fetching: BTreeSet::new(),
            retry: Retry::default(),
            fetch_limit: RateLimit::new(RECEIPT_FETCHES_BURST, RECEIPT_FETCHES_INTERVAL),
        }
    }
}

impl ReceiptsState {
    /// The state at the beginning of a connection.
    pub(crate) fn after(last: Self) -> Self {
        Self {
            fetch_limit: last.fetch_limit,
            ..Self::default()
        }
    }

    /// When something is due to be tried again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.retry.at().filter(|_| !self.is_off)
    }

    /// Whether the server takes receipts.
    pub(crate) fn are_taken(&self) -> bool {
        !self.is_off
    }

    /// Notes that the server is an older one that knows no receipts, if that is the problem.
    pub(crate) fn refused(&mut self, problem: &Problem) -> bool {
        let is_older = problem.known_code() == Some(ProblemCode::UnknownRequest);
        self.is_off |= is_older;
        is_older
    }

    /// Has the receipts of a conversation fetched.
    pub(crate) fn want(&mut self, chat: ChatId) {
        self.to_fetch.insert(chat);
    }

    /// Takes a conversation of the request that was answered; `false` if it was not asked for.
    pub(crate) fn answered(&mut self, chat: ChatId) -> bool {
        self.fetching.remove(&chat)
    }

    /// Notes that the answer was handled: what found no room in it is asked for again.
    pub(crate) fn fetched(&mut self, now: Timestamp, has_any: bool) {
        let mut left_out = std::mem::take(&mut self.fetching);
        if has_any {
            self.retry.succeeded();
        } else if !left_out.is_empty() {
            self.retry.back_off(now, 0);
        }
        self.to_fetch.append(&mut left_out);
    }
}

/// Requests the receipts that are wanted, as far as the limits allow.
pub(crate) fn settle(cx: &mut Context<'_>) -> StepResult {
    let state = &mut cx.connection.receipts;
    state.retry.take_due(cx.now);
    let is_waiting = state.is_off || !state.fetching.is_empty() || state.retry.is_waiting(cx.now);
    if state.to_fetch.is_empty() || is_waiting || !cx.connection.synced || !cx.requests.have_room() {
        return Ok(());
    }
    if let Err(at) = state.fetch_limit.take(cx.now) {
        state.retry.schedule(at);
        return Ok(());
    }
    let mut wanted = Vec::new();
    while wanted.len() < RECEIPTS_FETCHED_MAX
        && let Some(chat) = cx.connection.receipts.to_fetch.pop_first()
    {
        if let Some(row) = if_readable(conversations::load(cx.conn, chat))? {
            wanted.push(ReceiptsAfter {
                conversation_id: row.id.to_vec().into(),
                after_change: receipts::change(cx.conn, chat)?,
            });
            cx.connection.receipts.fetching.insert(chat);
        }
    }
    if !wanted.is_empty() {
        let request = Request::FetchReceipts(FetchReceipts {
            conversations: wanted,
        });
        cx.request(PendingRequest::FetchReceipts, request);
    }
    Ok(())
}

/// Handles the refusal of a fetch.
pub(crate) fn fetch_refused(cx: &mut Context<'_>, problem: &Problem) {
    let state = &mut cx.connection.receipts;
    let mut wanted = std::mem::take(&mut state.fetching);
    if state.refused(problem) {
        return;
    }
    if is_transient(problem) {
        state.to_fetch.append(&mut wanted);
        state.retry.back_off(cx.now, problem.retry_after_ms);
    } else {
        // They are wanted again with the next receipt, or on the next connection.
        cx.refused(None, problem);
    }
}
