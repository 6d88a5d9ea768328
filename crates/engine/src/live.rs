//! What the engine knows of the present connection. It is lost with the connection and with the process,
//! and nothing durable depends on it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp};

use crate::{
    api::{Event, Warning},
    limits::{
        BACKOFF_MAX, BACKOFF_MIN, JOINS_AT_ONCE, PUBLISH_BURST, PUBLISH_INTERVAL, REMOVALS_MAX, SYNC_BURST,
        SYNC_INTERVAL, WARNINGS_MAX, WELCOMES_BURST, WELCOMES_INTERVAL, WELCOMES_UNACKNOWLEDGED_MAX,
    },
    store::{conversations::ConversationKey, outbox::OutboxKey},
};

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy)]
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
    /// As well; one at a time.
    AcknowledgeWelcomes,
}

impl Asked {
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
}

/// State of the connection.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they occur in any combination"
)]
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
    /// Where the cursors were that have moved since the last Sync was asked for.
    cursors_at_sync: HashMap<ConversationKey, u64>,
    /// Conversations whose cursor moved since the server was told.
    pub advanced: BTreeSet<ConversationKey>,
    /// When Sync, and what follows from it, is asked for again.
    pub sync_retry: Retry,
    /// Welcomes that were dealt with and that the server does not know to be.
    welcomes_done: BTreeSet<u64>,
    /// When it can be told.
    welcomes_at: Option<Timestamp>,
    /// How often the server's pushes may lead to requests.
    paces: Paces,
    /// The warnings that were shown: each is shown once.
    told: HashSet<Warning>,
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
    /// The head as it was told when the log was asked for: a page that knows less contradicts it.
    pub head_asked: u64,
    /// The place of an entry that was refused and is being asked for once more: the log may hold another there.
    pub asked_again: Option<u64>,
    pub handshake_in_flight: bool,
    pub rows_in_flight: HashSet<OutboxKey>,
    /// Key packages claimed for the creation, by account.
    pub claimed: HashMap<AccountId, Vec<Vec<u8>>>,
    pub claiming: bool,
    /// Own devices that were to be removed, and how often.
    removals: HashMap<DeviceId, u32>,
    pub retry: Retry,
}

/// When to try again what the server could not do.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    at: Option<Timestamp>,
    failures: u32,
}

/// A few at once, and then one in an interval.
///
/// A push makes the engine ask, and what it asks for comes with the next push. An honest server stops at some
/// time; with one that lies the two would go on for ever, as fast as the network is.
#[derive(Debug)]
pub(crate) struct Pace {
    burst: u32,
    interval: Duration,
    spent: u32,
    since: Option<Timestamp>,
}

#[derive(Debug)]
struct Paces {
    sync: Pace,
    welcomes: Pace,
    publish: Pace,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            sync: Pace::new(SYNC_BURST, SYNC_INTERVAL),
            welcomes: Pace::new(WELCOMES_BURST, WELCOMES_INTERVAL),
            publish: Pace::new(PUBLISH_BURST, PUBLISH_INTERVAL),
        }
    }
}

impl Pace {
    const fn new(burst: u32, interval: Duration) -> Self {
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

    /// What was taken led to something real, which no lie could.
    pub(crate) fn give_back(&mut self) {
        self.spent = self.spent.saturating_sub(1);
    }
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

    /// Sync is asked for: its answer tells of a time from now on.
    pub(crate) fn sync_asked(&mut self) {
        self.cursors_at_sync.clear();
    }

    /// A cursor moves on from here.
    pub(crate) fn cursor_moves(&mut self, key: ConversationKey, from: u64) {
        self.cursors_at_sync.entry(key).or_insert(from);
        self.advanced.insert(key);
    }

    /// Where a cursor was when the last Sync was asked for.
    pub(crate) fn cursor_at_sync(&self, key: ConversationKey, now: u64) -> u64 {
        self.cursors_at_sync.get(&key).copied().unwrap_or(now)
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
            .chain(self.welcomes_at)
            .min()
    }

    /// Whether Sync may be asked for now; if not, it is as soon as it may.
    pub(crate) fn may_sync(&mut self, now: Timestamp) -> bool {
        if self.sync_retry.is_waiting(now) {
            return false;
        }
        match self.paces.sync.take(now) {
            Ok(()) => true,
            Err(at) => {
                self.sync_retry.at = Some(at);
                false
            }
        }
    }

    /// Whether key packages may be made because the server has few. If not, the next Sync shows it again.
    pub(crate) fn may_publish(&mut self, now: Timestamp) -> bool {
        self.paces.publish.take(now).is_ok()
    }

    /// A Welcome is dealt with, one way or another.
    pub(crate) fn welcome_done(&mut self, item: u64) {
        if self.welcomes_done.len() < WELCOMES_UNACKNOWLEDGED_MAX {
            self.welcomes_done.insert(item);
        }
    }

    /// A Welcome let this device in: no lie can do that.
    pub(crate) fn welcome_was_real(&mut self) {
        self.paces.sync.give_back();
        self.paces.welcomes.give_back();
    }

    /// The Welcomes to be acknowledged now: all, or none while others are under way or it is too early.
    pub(crate) fn welcomes_to_acknowledge(&mut self, now: Timestamp) -> Vec<u64> {
        self.welcomes_at = None;
        let is_asked = || {
            self.in_flight
                .values()
                .any(|asked| matches!(asked, Asked::AcknowledgeWelcomes))
        };
        if self.welcomes_done.is_empty() || is_asked() {
            return Vec::new();
        }
        match self.paces.welcomes.take(now) {
            Ok(()) => std::mem::take(&mut self.welcomes_done).into_iter().collect(),
            Err(at) => {
                self.welcomes_at = Some(at);
                Vec::new()
            }
        }
    }

    /// Leaves out the warnings that were shown on this connection, and too many of them.
    pub(crate) fn tell_once(&mut self, events: &mut Vec<Event>) {
        events.retain_mut(|event| {
            let Event::Warning(warning) = event else {
                return true;
            };
            if self.told.len() > WARNINGS_MAX || self.told.contains(warning) {
                return false;
            }
            if self.told.len() == WARNINGS_MAX {
                *warning = Warning::ForgedByServer {
                    conversation: None,
                    what: "and more of the kind, which is not shown until the next connection".to_owned(),
                };
            }
            self.told.insert(warning.clone())
        });
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

impl LiveConversation {
    /// Whether it makes sense to remove a device that is signed out; each is one try.
    pub(crate) fn may_remove(&mut self, device: DeviceId) -> bool {
        let tries = self.removals.entry(device).or_default();
        *tries += 1;
        *tries <= REMOVALS_MAX
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

    /// Waits only when it happens again and again: somebody else being faster is no failure.
    pub(crate) fn back_off_if_often(&mut self, now: Timestamp) {
        if self.failures < JOINS_AT_ONCE {
            self.failures += 1;
        } else {
            self.back_off(now, 0);
        }
    }

    /// Something went through.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.at = None;
    }
}
