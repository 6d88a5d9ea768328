//! Requests that the server has not answered yet, and how soon they may be tried again.
//!
//! All of it is lost with the connection and with the process, and nothing durable depends on it.

use std::{collections::HashMap, time::Duration};

use subrosa_wire::{AccountId, ConversationId, LinkId, ObjectId, Timestamp};

use crate::{
    ChatId,
    ids::OutboxId,
    limits::{BACKOFF_MAX, BACKOFF_MIN, JOINS_AT_ONCE, REQUESTS_IN_FLIGHT},
    profile_objects::ObjectOf,
};

/// A request that awaits its answer.
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
    /// Where a log ends, if Sync says that it has become shorter.
    ConfirmHead {
        chat: ChatId,
    },
    /// Entries that the server has lost.
    RestoreLog {
        chat: ChatId,
    },
    FetchGroup {
        id: ConversationId,
    },
    /// The ratchet tree that a Welcome leads to.
    FetchTree {
        id: ConversationId,
    },
    ClaimKeyPackages {
        chat: ChatId,
        account: AccountId,
    },
    /// Key packages of several accounts, which the conversation knows.
    ClaimForMany {
        chat: ChatId,
    },
    /// Key packages of this account, to see which of its devices are signed in.
    ConfirmDevices,
    PublishKeyPackages,
    LookUp {
        account: AccountId,
    },
    /// Receipts of other devices.
    FetchReceipts,
    /// This device's receipt as it was after this number of changes.
    PutReceipt {
        chat: ChatId,
        changes: u64,
    },
    /// What a person or a group shows.
    FetchObject {
        of: ObjectOf,
    },
    /// This account's profile as it was after this number of changes.
    PutObject {
        changes: u64,
    },
    /// The picture of a group, which is new, or which the server may have lost.
    PutGroupPicture {
        chat: ChatId,
        object: ObjectId,
    },
    /// An object that is not needed any more. The answer carries nothing that is needed.
    RemoveObject,
    /// An invite link, with the preview that has this hash.
    PutLink {
        chat: ChatId,
        link: LinkId,
        preview: [u8; 32],
    },
    /// How often the invite links of a group were used.
    FetchLinks {
        chat: ChatId,
    },
    /// The request of this account to join a group.
    AskToJoin {
        chat: ChatId,
        /// The SHA-256 of its note, which tells it from one that it replaces.
        note: [u8; 32],
    },
    TakeBackRequest {
        chat: ChatId,
    },
    /// Who asks to join a group.
    FetchJoinRequests {
        chat: ChatId,
    },
    /// The request of somebody who is not let in.
    DenyRequest {
        chat: ChatId,
        account: AccountId,
    },
    /// Signals. The answer carries nothing that is needed.
    PassOn,
    /// Account records with changes after this one.
    FetchRecords {
        after: u64,
    },
    /// A record as it was after this number of changes.
    PutRecord {
        id: ConversationId,
        changes: u64,
    },
    /// The answer carries nothing that is needed.
    Acknowledge,
    /// Like `Acknowledge`, but at most one in flight.
    AcknowledgeWelcomes,
}

impl PendingRequest {
    /// Whether the request carries a message, a commit or a creation of this conversation.
    fn sends_to(&self, to: ChatId) -> bool {
        match self {
            Self::Append { chat, .. }
            | Self::Handshake { chat }
            | Self::ClaimKeyPackages { chat, .. }
            | Self::ClaimForMany { chat } => *chat == to,
            _ => false,
        }
    }
}

/// The requests in flight on the current connection.
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

    /// Takes the request that an answer belongs to; `None` if it was dropped.
    pub(crate) fn finish(&mut self, id: u64) -> Option<PendingRequest> {
        self.in_flight.remove(&id)
    }

    /// The id of the newest request.
    pub(crate) fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Whether another request may be sent. What finds no room is taken up when an answer makes some.
    pub(crate) fn have_room(&self) -> bool {
        self.in_flight.len() < REQUESTS_IN_FLIGHT
    }

    /// Drops the requests that were begun after the one with this id, and returns them.
    pub(crate) fn forget_since(&mut self, id: u64) -> Vec<PendingRequest> {
        let since = self.in_flight.extract_if(|begun, _| *begun > id);
        since.map(|(_, request)| request).collect()
    }

    /// Drops everything that concerns a conversation: the answers no longer matter.
    pub(crate) fn forget_conversation(&mut self, chat: ChatId, id: ConversationId) {
        self.in_flight.retain(|_, request| {
            !(request.sends_to(chat)
                || matches!(
                    request,
                    PendingRequest::FetchLog { chat: of, .. }
                        | PendingRequest::ConfirmHead { chat: of }
                        | PendingRequest::RestoreLog { chat: of }
                        | PendingRequest::PutReceipt { chat: of, .. }
                        if *of == chat
                )
                || *request == PendingRequest::FetchGroup { id })
        });
    }

    /// Drops the sends of a conversation: their answers no longer matter.
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
        self.any(|pending| match pending {
            PendingRequest::ClaimKeyPackages { chat: other, .. }
            | PendingRequest::ClaimForMany { chat: other } => *other == chat,
            _ => false,
        })
    }

    pub(crate) fn is_fetching_records(&self) -> bool {
        self.any(|pending| matches!(pending, PendingRequest::FetchRecords { .. }))
    }

    /// Whether this account's profile is being fetched or put.
    pub(crate) fn is_at_own_object(&self) -> bool {
        self.any(|pending| {
            matches!(
                pending,
                PendingRequest::FetchObject { of: ObjectOf::Me } | PendingRequest::PutObject { .. }
            )
        })
    }

    /// Whether the picture of a group is being put.
    pub(crate) fn is_putting_picture(&self) -> bool {
        self.any(|pending| matches!(pending, PendingRequest::PutGroupPicture { .. }))
    }

    pub(crate) fn is_putting_receipt(&self, chat: ChatId) -> bool {
        self.any(
            |pending| matches!(pending, PendingRequest::PutReceipt { chat: other, .. } if *other == chat),
        )
    }

    pub(crate) fn is_putting(&self, id: ConversationId) -> bool {
        self.any(|pending| matches!(pending, PendingRequest::PutRecord { id: other, .. } if *other == id))
    }

    /// Whether history, or the people in it, are still being fetched.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.any(|pending| {
            matches!(
                pending,
                PendingRequest::Sync
                    | PendingRequest::FetchLog { .. }
                    | PendingRequest::ConfirmHead { .. }
                    | PendingRequest::RestoreLog { .. }
                    | PendingRequest::FetchGroup { .. }
                    | PendingRequest::FetchTree { .. }
                    | PendingRequest::LookUp { .. }
                    | PendingRequest::FetchRecords { .. }
            )
        })
    }
}

/// When to retry what the server could not do.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    at: Option<Timestamp>,
    failures: u32,
}

impl Retry {
    /// When the next attempt is due, if any.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Whether it is too early for the next attempt.
    pub(crate) fn is_waiting(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| at > now)
    }

    /// Whether the next attempt is due. Only the first call after that instant returns `true`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }

    /// Schedules the next attempt for this instant, whatever failed before.
    pub(crate) fn schedule(&mut self, at: Timestamp) {
        self.at = Some(at);
    }

    /// Delays the next attempt: at least as long as the server asks for, longer with each failure.
    pub(crate) fn back_off(&mut self, now: Timestamp, retry_after_ms: u32) {
        let wait = BACKOFF_MIN
            .saturating_mul(1 << self.failures.min(6))
            .min(BACKOFF_MAX);
        let wait = wait.max(Duration::from_millis(u64::from(retry_after_ms)).min(BACKOFF_MAX));
        self.failures += 1;
        self.at = Some(now.plus(wait));
    }

    /// Delays the next attempt only if this happens repeatedly: losing a race is not a failure.
    pub(crate) fn back_off_if_often(&mut self, now: Timestamp) {
        if self.failures < JOINS_AT_ONCE {
            self.failures += 1;
        } else {
            self.back_off(now, 0);
        }
    }

    /// The attempt succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.at = None;
    }
}

/// A rate limit: a few at once, then one per interval.
///
/// A push makes the engine send a request, and the answer can lead to another push. An honest server stops at some
/// point; with a lying one, this would go on forever, as fast as the network allows.
#[derive(Debug)]
pub(crate) struct RateLimit {
    burst: u32,
    interval: Duration,
    spent: u32,
    since: Option<Timestamp>,
}

impl RateLimit {
    pub(crate) const fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst,
            interval,
            spent: 0,
            since: None,
        }
    }

    /// Takes one, or returns when the next one is available.
    pub(crate) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        // If the clock was set back, start over.
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

    /// Gives one back: it led to something that a lying server cannot bring about.
    pub(crate) fn give_back(&mut self) {
        self.spent = self.spent.saturating_sub(1);
    }
}
