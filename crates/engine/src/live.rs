//! What the engine knows of the present connection. It is lost with the connection and with the process,
//! and nothing durable depends on it.

use std::collections::{BTreeSet, HashMap, HashSet};

use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp};

use crate::{
    limits::{BACKOFF_MAX, BACKOFF_MIN},
    store::{conversations::ConversationKey, outbox::OutboxKey},
};

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Sync,
    Append {
        conversation: ConversationKey,
        row: OutboxKey,
        number: u64,
    },
    Handshake {
        conversation: ConversationKey,
    },
    FetchLog {
        conversation: ConversationKey,
        after_seq: u64,
    },
    FetchGroup {
        id: ConversationId,
    },
    ClaimKeyPackages {
        conversation: ConversationKey,
        account: AccountId,
    },
    PublishKeyPackages,
    LookUp {
        account: AccountId,
    },
    /// The answer tells nothing that is needed.
    Acknowledge,
}

/// State of the connection.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub connected: bool,
    /// Sync was answered: own devices and heads are known.
    pub synced: bool,
    /// Something changed since the Sync under way was asked for.
    pub sync_wanted: bool,
    /// The event was sent.
    pub caught_up: bool,
    pub next_request: u64,
    pub in_flight: HashMap<u64, Asked>,
    pub own_devices: BTreeSet<DeviceId>,
    /// Own devices seen in a group that Sync did not name; the Sync under way decides about them.
    pub suspects: BTreeSet<DeviceId>,
    /// Suspects that a Sync asked for after the suspicion did not name either: they are signed out.
    pub gone: BTreeSet<DeviceId>,
    /// Conversations of the account that this device is to join and that have no row yet.
    pub to_join: HashSet<ConversationId>,
    /// Conversations whose cursor moved since the server was told.
    pub advanced: BTreeSet<ConversationKey>,
    /// When Sync, and what follows from it, is asked for again.
    pub sync_retry: Retry,
    conversations: HashMap<ConversationKey, LiveConversation>,
}

/// State of a conversation on this connection.
#[derive(Debug, Default)]
pub(crate) struct LiveConversation {
    /// The newest seq that the server has told.
    pub head: u64,
    /// The cursor that the server was told.
    pub acked: u64,
    pub fetching: bool,
    pub handshake_in_flight: bool,
    pub rows_in_flight: HashSet<OutboxKey>,
    /// Key packages claimed for the creation, by account.
    pub claimed: HashMap<AccountId, Vec<Vec<u8>>>,
    pub claiming: bool,
    pub retry: Retry,
}

/// When to try again what the server could not do.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    at: Option<Timestamp>,
    failures: u32,
}

impl Live {
    /// A new connection.
    pub(crate) fn connected() -> Self {
        Self {
            connected: true,
            ..Self::default()
        }
    }

    pub(crate) fn conversation(&mut self, key: ConversationKey) -> &mut LiveConversation {
        self.conversations.entry(key).or_default()
    }

    pub(crate) fn forget_conversation(&mut self, key: ConversationKey) {
        self.forget_requests(key);
        self.conversations.remove(&key);
    }

    /// Answers to the sends of a conversation that are under way are of no interest any more.
    pub(crate) fn forget_requests(&mut self, key: ConversationKey) {
        self.in_flight.retain(|_, asked| match asked {
            Asked::Append { conversation, .. }
            | Asked::Handshake { conversation }
            | Asked::ClaimKeyPackages { conversation, .. } => *conversation != key,
            _ => true,
        });
        let live = self.conversation(key);
        live.rows_in_flight.clear();
        live.handshake_in_flight = false;
        live.claiming = false;
        live.claimed.clear();
    }

    pub(crate) fn is_fetching_group(&self, id: ConversationId) -> bool {
        self.in_flight
            .values()
            .any(|asked| matches!(asked, Asked::FetchGroup { id: other } if *other == id))
    }

    /// Whether the server's state is on its way.
    pub(crate) fn is_syncing(&self) -> bool {
        self.in_flight.values().any(|asked| matches!(asked, Asked::Sync))
    }

    /// Whether history is still on its way, or who the people in it are.
    pub(crate) fn is_catching_up(&self) -> bool {
        !self.synced
            || !self.to_join.is_empty()
            || self.in_flight.values().any(|asked| {
                matches!(
                    asked,
                    Asked::Sync | Asked::FetchLog { .. } | Asked::FetchGroup { .. } | Asked::LookUp { .. }
                )
            })
    }

    /// The earliest instant at which something is to be tried again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.conversations
            .values()
            .filter_map(|conversation| conversation.retry.at)
            .chain(self.sync_retry.at)
            .min()
    }

    /// Conversations whose time to try again has come.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<ConversationKey> {
        let mut due: Vec<_> = self
            .conversations
            .iter_mut()
            .filter(|(_, conversation)| conversation.retry.is_due(now))
            .map(|(key, conversation)| {
                conversation.retry.at = None;
                *key
            })
            .collect();
        due.sort_unstable();
        due
    }

    /// Whether Sync is to be asked for again now.
    pub(crate) fn is_sync_due(&mut self, now: Timestamp) -> bool {
        let is_due = self.sync_retry.is_due(now);
        if is_due {
            self.sync_retry.at = None;
        }
        is_due
    }

    /// The server may not know any cursor: all are told again after the next Sync.
    pub(crate) fn forget_acknowledgements(&mut self) {
        for conversation in self.conversations.values_mut() {
            conversation.acked = 0;
        }
    }

    pub(crate) fn is_looking_up(&self, account: AccountId) -> bool {
        self.in_flight
            .values()
            .any(|asked| matches!(asked, Asked::LookUp { account: other } if *other == account))
    }
}

impl Retry {
    /// Whether it is too early.
    pub(crate) fn is_waiting(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| at > now)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Waits before the next try: at least as long as the server says, longer with each failure.
    pub(crate) fn back_off(&mut self, now: Timestamp, retry_after_ms: u32) {
        let wait = BACKOFF_MIN
            .saturating_mul(1 << self.failures.min(6))
            .min(BACKOFF_MAX);
        let wait = wait.max(std::time::Duration::from_millis(u64::from(retry_after_ms)).min(BACKOFF_MAX));
        self.failures += 1;
        self.at = Some(now.plus(wait));
    }

    /// Something went through.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.at = None;
    }
}
