//! What was asked of the server and not answered yet, and how soon it may be asked again.
//!
//! All of it is lost with the connection and with the process, and nothing durable depends on it.

use std::{collections::HashMap, time::Duration};

use subrosa_wire::{AccountId, ConversationId, Timestamp};

use crate::{
    limits::{BACKOFF_MAX, BACKOFF_MIN, JOINS_AT_ONCE},
    store::{conversations::ChatId, outbox::OutboxId},
};

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PendingRequest {
    Sync,
    Append {
        chat: ChatId,
        outbox: OutboxId,
        send_number: u64,
    },
    Handshake {
        chat: ChatId,
    },
    FetchLog {
        chat: ChatId,
        after_seq: u64,
    },
    FetchGroup {
        id: ConversationId,
    },
    ClaimKeyPackages {
        chat: ChatId,
        account: AccountId,
    },
    PublishKeyPackages,
    LookUp {
        account: AccountId,
    },
    /// The answer holds nothing that is needed.
    Acknowledge,
    /// Like `Acknowledge`, but at most one in flight.
    AcknowledgeWelcomes,
}

impl PendingRequest {
    /// What a person calls the request.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sync => "for its state",
            Self::Append { .. } => "to take a message",
            Self::Handshake { .. } => "to take a commit",
            Self::FetchLog { .. } => "for the log",
            Self::FetchGroup { .. } => "for a group",
            Self::ClaimKeyPackages { .. } => "for key packages",
            Self::PublishKeyPackages => "to take key packages",
            Self::LookUp { .. } => "for a person",
            Self::Acknowledge => "to take cursors",
            Self::AcknowledgeWelcomes => "to forget welcomes",
        }
    }

    /// Whether the request carries a message, a commit or a creation of this conversation.
    const fn sends_to(&self, to: ChatId) -> bool {
        match self {
            Self::Append { chat, .. } | Self::Handshake { chat } | Self::ClaimKeyPackages { chat, .. } => {
                chat.0 == to.0
            }
            _ => false,
        }
    }
}

/// The requests that are in flight on the present connection.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    last_id: u64,
    in_flight: HashMap<u64, PendingRequest>,
}

impl Requests {
    /// Notes a request and returns its id.
    pub(crate) fn begin(&mut self, request: PendingRequest) -> u64 {
        self.last_id += 1;
        self.in_flight.insert(self.last_id, request);
        self.last_id
    }

    /// The request that an answer belongs to; `None` if nobody waits for it any more.
    pub(crate) fn finish(&mut self, id: u64) -> Option<PendingRequest> {
        self.in_flight.remove(&id)
    }

    /// Drops what a conversation sends: the answers no longer matter.
    pub(crate) fn forget_sends(&mut self, chat: ChatId) {
        self.in_flight.retain(|_, request| !request.sends_to(chat));
    }

    fn any(&self, matches: impl Fn(&PendingRequest) -> bool) -> bool {
        self.in_flight.values().any(matches)
    }

    pub(crate) fn is_pending(&self, request: PendingRequest) -> bool {
        self.any(|pending| *pending == request)
    }

    pub(crate) fn is_claiming(&self, chat: ChatId) -> bool {
        self.any(|pending| matches!(pending, PendingRequest::ClaimKeyPackages { chat: other, .. } if *other == chat))
    }

    /// Whether history is still to come, or who the people in it are.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.any(|pending| {
            matches!(
                pending,
                PendingRequest::Sync
                    | PendingRequest::FetchLog { .. }
                    | PendingRequest::FetchGroup { .. }
                    | PendingRequest::LookUp { .. }
            )
        })
    }
}

/// When to try again what the server could not do.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    at: Option<Timestamp>,
    failures: u32,
}

impl Retry {
    /// When the next try is due, if one is.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Whether it is too early to try again.
    pub(crate) fn is_waiting(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| at > now)
    }

    /// Whether the time to try again has come; only the first call after that says so.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }

    /// Tries again at this time, whatever failed before.
    pub(crate) fn schedule(&mut self, at: Timestamp) {
        self.at = Some(at);
    }

    /// Waits before the next try: at least as long as the server asks for, longer with each failure.
    pub(crate) fn back_off(&mut self, now: Timestamp, retry_after_ms: u32) {
        let wait = BACKOFF_MIN
            .saturating_mul(1 << self.failures.min(6))
            .min(BACKOFF_MAX);
        let wait = wait.max(Duration::from_millis(u64::from(retry_after_ms)).min(BACKOFF_MAX));
        self.failures += 1;
        self.at = Some(now.plus(wait));
    }

    /// Waits only when it happens again and again: losing a race is no failure.
    pub(crate) fn back_off_if_often(&mut self, now: Timestamp) {
        if self.failures < JOINS_AT_ONCE {
            self.failures += 1;
        } else {
            self.back_off(now, 0);
        }
    }

    /// The try succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.at = None;
    }
}

/// A few at once, and then one in each interval.
///
/// A push makes the engine ask, and the answer can make the server push again. An honest server stops at some
/// point; with a lying one the two would go on for ever, as fast as the network allows.
#[derive(Debug)]
pub(crate) struct Pace {
    burst: u32,
    interval: Duration,
    spent: u32,
    since: Option<Timestamp>,
}

impl Pace {
    pub(crate) const fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst,
            interval,
            spent: 0,
            since: None,
        }
    }

    /// Takes one, or says when there is one to take.
    pub(crate) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        // A clock that was set back begins anew.
        let since = self.since.filter(|since| *since <= now).unwrap_or(now);
        let intervals = now.since(since).as_millis() / self.interval.as_millis();
        let back = u32::try_from(intervals).unwrap_or(u32::MAX).min(self.spent);
        self.spent -= back;
        let since = if self.spent == 0 {
            now
        } else {
            since.plus(self.interval * back)
        };
        self.since = Some(since);
        if self.spent >= self.burst {
            return Err(since.plus(self.interval));
        }
        self.spent += 1;
        Ok(())
    }

    /// What was taken led to something real, which no lie could bring about.
    pub(crate) fn give_back(&mut self) {
        self.spent = self.spent.saturating_sub(1);
    }
}
