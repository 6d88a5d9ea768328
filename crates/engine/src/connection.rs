//! What the engine knows of the present connection, beyond single conversations.
//!
//! It is lost with the connection and with the process, and nothing durable depends on it.

use std::collections::{BTreeSet, HashMap, HashSet};

use subrosa_wire::{ConversationId, DeviceId, Timestamp};

use crate::{
    api::{Event, Warning},
    limits::{
        PUBLISH_BURST, PUBLISH_INTERVAL, SYNC_BURST, SYNC_INTERVAL, WARNINGS_MAX, WELCOMES_BURST,
        WELCOMES_INTERVAL, WELCOMES_UNACKNOWLEDGED_MAX,
    },
    requests::{Pace, Retry},
    store::conversations::ChatId,
};

/// State of the connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    pub is_open: bool,
    /// Sync was answered: this account's devices and the heads are known.
    pub synced: bool,
    /// Something changed since the Sync in flight was sent.
    pub sync_wanted: bool,
    /// [`Event::CaughtUp`] was reported.
    pub caught_up: bool,
    /// When Sync, and what follows from it, is sent again.
    pub sync_retry: Retry,
    /// Conversations of the account that this device is to join.
    pub to_join: HashSet<ConversationId>,
    /// Conversations whose cursor moved since the server was told.
    pub advanced: BTreeSet<ChatId>,
    own_devices: BTreeSet<DeviceId>,
    /// Devices of this account seen in a group that Sync did not name; the Sync in flight decides about them.
    suspects: BTreeSet<DeviceId>,
    /// Suspects that a Sync sent after the suspicion did not name either: they are signed out.
    signed_out: BTreeSet<DeviceId>,
    /// Where the cursors stood that have moved since the last Sync was sent.
    cursors_at_sync: HashMap<ChatId, u64>,
    /// Welcomes that were dealt with, which the server has not been told.
    welcomes_done: BTreeSet<u64>,
    /// When it can be told.
    welcomes_at: Option<Timestamp>,
    // How often the server's pushes may lead to requests.
    sync_pace: Pace,
    welcomes_pace: Pace,
    publish_pace: Pace,
    /// The warnings that were reported: each is reported once.
    warned: HashSet<Warning>,
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self {
            is_open: false,
            synced: false,
            sync_wanted: false,
            caught_up: false,
            sync_retry: Retry::default(),
            to_join: HashSet::new(),
            advanced: BTreeSet::new(),
            own_devices: BTreeSet::new(),
            suspects: BTreeSet::new(),
            signed_out: BTreeSet::new(),
            cursors_at_sync: HashMap::new(),
            welcomes_done: BTreeSet::new(),
            welcomes_at: None,
            sync_pace: Pace::new(SYNC_BURST, SYNC_INTERVAL),
            welcomes_pace: Pace::new(WELCOMES_BURST, WELCOMES_INTERVAL),
            publish_pace: Pace::new(PUBLISH_BURST, PUBLISH_INTERVAL),
            warned: HashSet::new(),
        }
    }
}

impl ConnectionState {
    /// A new connection.
    pub(crate) fn opened() -> Self {
        Self {
            is_open: true,
            ..Self::default()
        }
    }

    // ---- Sync ----

    /// Sync is being sent: its answer describes a time from now on.
    pub(crate) fn sync_sent(&mut self) {
        self.cursors_at_sync.clear();
    }

    /// Whether Sync may be sent now; if not, it is as soon as it may.
    pub(crate) fn may_sync(&mut self, now: Timestamp) -> bool {
        if self.sync_retry.is_waiting(now) {
            return false;
        }
        match self.sync_pace.take(now) {
            Ok(()) => true,
            Err(at) => {
                self.sync_retry.schedule(at);
                false
            }
        }
    }

    /// A cursor moves on from here.
    pub(crate) fn cursor_moves(&mut self, chat: ChatId, from: u64) {
        self.cursors_at_sync.entry(chat).or_insert(from);
        self.advanced.insert(chat);
    }

    /// Where a cursor stood when the last Sync was sent.
    pub(crate) fn cursor_at_sync(&self, chat: ChatId, now: u64) -> u64 {
        self.cursors_at_sync.get(&chat).copied().unwrap_or(now)
    }

    // ---- this account's devices ----

    /// Sync has named the devices of this account that are signed in.
    pub(crate) fn set_own_devices(&mut self, devices: BTreeSet<DeviceId>) {
        self.own_devices = devices;
        self.signed_out.append(&mut self.suspects);
        self.signed_out
            .retain(|device| !self.own_devices.contains(device));
    }

    pub(crate) fn has_other_devices(&self) -> bool {
        self.own_devices.len() > 1
    }

    pub(crate) fn is_signed_in(&self, device: DeviceId) -> bool {
        self.own_devices.contains(&device)
    }

    pub(crate) fn is_signed_out(&self, device: DeviceId) -> bool {
        self.signed_out.contains(&device)
    }

    /// The next Sync decides whether these are signed out.
    pub(crate) fn suspect(&mut self, devices: impl IntoIterator<Item = DeviceId>) {
        self.suspects.extend(devices);
    }

    // ---- Welcomes and key packages ----

    /// A Welcome is dealt with, one way or another.
    pub(crate) fn welcome_done(&mut self, item: u64) {
        if self.welcomes_done.len() < WELCOMES_UNACKNOWLEDGED_MAX {
            self.welcomes_done.insert(item);
        }
    }

    /// A Welcome let this device in: no lie can do that.
    pub(crate) fn welcome_was_real(&mut self) {
        self.sync_pace.give_back();
        self.welcomes_pace.give_back();
    }

    /// The Welcomes to be acknowledged now: all, or none while others are in flight or it is too early.
    pub(crate) fn welcomes_to_acknowledge(&mut self, is_in_flight: bool, now: Timestamp) -> Vec<u64> {
        self.welcomes_at = None;
        if self.welcomes_done.is_empty() || is_in_flight {
            return Vec::new();
        }
        match self.welcomes_pace.take(now) {
            Ok(()) => std::mem::take(&mut self.welcomes_done).into_iter().collect(),
            Err(at) => {
                self.welcomes_at = Some(at);
                Vec::new()
            }
        }
    }

    /// Whether key packages may be made because the server has few. If not, the next Sync shows it again.
    pub(crate) fn may_publish(&mut self, now: Timestamp) -> bool {
        self.publish_pace.take(now).is_ok()
    }

    // ---- time and warnings ----

    /// The earliest instant at which something is to be tried again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.sync_retry.at().into_iter().chain(self.welcomes_at).min()
    }

    /// Leaves out the warnings that were reported on this connection, and those beyond a bound.
    pub(crate) fn warn_once(&mut self, events: &mut Vec<Event>) {
        events.retain_mut(|event| {
            let Event::Warning(warning) = event else {
                return true;
            };
            if self.warned.len() > WARNINGS_MAX || self.warned.contains(warning) {
                return false;
            }
            if self.warned.len() == WARNINGS_MAX {
                *warning = Warning::ForgedByServer {
                    conversation: None,
                    what: "and more of the kind, which is not shown until the next connection".to_owned(),
                };
            }
            self.warned.insert(warning.clone())
        });
    }
}
