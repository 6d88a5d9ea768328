//! State of the current connection that does not belong to a single conversation.
//!
//! All but the limits by time is lost with the connection, the rest with the process; nothing durable depends on it.

use std::collections::{BTreeSet, HashMap, HashSet};

use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp, limits::CONVERSATIONS_PER_ACCOUNT_MAX};

use crate::{
    ChatId,
    api::{Event, LinkUses, Warning},
    held_welcomes::HeldWelcomes,
    join_note::Asking,
    limits::{
        ENTER_ATTEMPTS_MAX, ENTER_RETRY_AFTER, PUBLISH_BURST, PUBLISH_INTERVAL, SYNC_AGE_MAX, SYNC_BURST,
        SYNC_INTERVAL, UPDATES_BURST, UPDATES_INTERVAL, WARNINGS_MAX, WELCOMES_BURST, WELCOMES_INTERVAL,
        WELCOMES_UNACKNOWLEDGED_MAX,
    },
    profile_objects::ProfileObjectsState,
    receipts::ReceiptsState,
    records::RecordsState,
    requests::{RateLimit, Retry},
    signals::SignalsState,
    waiting::Waiting,
};

/// State of the connection.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they occur in any combination"
)]
pub(crate) struct ConnectionState {
    pub is_open: bool,
    /// Sync was answered: this account's devices and the heads of its logs are known.
    pub synced: bool,
    /// Something changed since the Sync in flight was sent.
    pub sync_wanted: bool,
    /// [`Event::CaughtUp`] was reported.
    pub caught_up: bool,
    /// When to send Sync and the requests that follow from it again.
    pub sync_retry: Retry,
    /// When Sync follows by itself, since key packages age and the server may have lost some.
    sync_due_at: Option<Timestamp>,
    /// Conversations whose queue is to be checked.
    pub touched: Waiting<ChatId>,
    /// Conversations of the account that this device is to join: each waits, or its group has been requested.
    pub to_join: HashSet<ConversationId>,
    /// Conversations that the last Sync named.
    pub named: HashSet<ConversationId>,
    /// Conversations that are not known here and could not be entered: how often that was tried, and when last.
    not_entered: HashMap<ConversationId, (u32, Timestamp)>,
    /// Welcomes whose ratchet trees are being fetched.
    pub held_welcomes: HeldWelcomes,
    /// Those whose group is still to be requested, in this order.
    pub groups_to_fetch: Waiting<ConversationId>,
    /// People whose handle is to be looked up.
    pub to_look_up: Waiting<AccountId>,
    /// The receipts of others.
    pub receipts: ReceiptsState,
    /// Names and pictures.
    pub profile_objects: ProfileObjectsState,
    /// Who types, and who is there.
    pub signals: SignalsState,
    /// The account records.
    pub records: RecordsState,
    /// Groups of which all is known that another device of this account has heard.
    pub profiles_learned: BTreeSet<ChatId>,
    /// What the server says of the invite links of groups.
    pub link_uses: HashMap<ChatId, Vec<LinkUses>>,
    /// Who asks to join groups.
    pub join_requests: HashMap<ChatId, Vec<Asking>>,
    /// Conversations whose cursor moved since it was last reported to the server.
    pub advanced: BTreeSet<ChatId>,
    /// When to look again at devices about which vault and server differ.
    pub devices_at: Option<Timestamp>,
    /// When the host was first asked to fetch the vault because of them.
    pub vault_asked_at: Option<Timestamp>,
    /// Whether the Sync that was sent last came after the vault that was fetched last: what that names, the list of
    /// devices may lack otherwise.
    is_list_newer: bool,
    own_devices: BTreeSet<DeviceId>,
    /// Devices of this account seen in a group that Sync did not name; the Sync in flight decides about them.
    suspects: BTreeSet<DeviceId>,
    /// Suspects that a Sync sent after the suspicion did not name either; a claim of key packages decides about them.
    unlisted: BTreeSet<DeviceId>,
    /// Devices that neither names: they are signed out.
    signed_out: BTreeSet<DeviceId>,
    /// Cursors that moved since the last Sync was sent, as they were then.
    cursors_at_sync: HashMap<ChatId, u64>,
    /// The same for the last Sync that was answered, until its answer came.
    cursors_at_answer: HashMap<ChatId, u64>,
    /// Welcomes that were handled but not yet acknowledged.
    welcomes_done: BTreeSet<u64>,
    /// When acknowledging them may be tried again.
    welcomes_at: Option<Timestamp>,
    // Limits for the requests that the server's pushes can cause.
    sync_limit: RateLimit,
    welcomes_limit: RateLimit,
    publish_limit: RateLimit,
    /// Limits the renewals of leaf keys that no message waits for.
    update_limit: RateLimit,
    /// When conversations were last looked at in which a renewal is due.
    updates_looked_at: Option<Timestamp>,
    updates_at: Option<Timestamp>,
    /// The warnings already reported: each is reported once.
    warned: Vec<Warning>,
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self {
            is_open: false,
            synced: false,
            sync_wanted: false,
            caught_up: false,
            sync_retry: Retry::default(),
            sync_due_at: None,
            touched: Waiting::default(),
            to_join: HashSet::new(),
            named: HashSet::new(),
            not_entered: HashMap::new(),
            held_welcomes: HeldWelcomes::default(),
            groups_to_fetch: Waiting::default(),
            to_look_up: Waiting::default(),
            receipts: ReceiptsState::default(),
            profile_objects: ProfileObjectsState::default(),
            signals: SignalsState::default(),
            records: RecordsState::default(),
            profiles_learned: BTreeSet::new(),
            link_uses: HashMap::new(),
            join_requests: HashMap::new(),
            advanced: BTreeSet::new(),
            devices_at: None,
            vault_asked_at: None,
            is_list_newer: false,
            own_devices: BTreeSet::new(),
            suspects: BTreeSet::new(),
            unlisted: BTreeSet::new(),
            signed_out: BTreeSet::new(),
            cursors_at_sync: HashMap::new(),
            cursors_at_answer: HashMap::new(),
            welcomes_done: BTreeSet::new(),
            welcomes_at: None,
            sync_limit: RateLimit::new(SYNC_BURST, SYNC_INTERVAL),
            welcomes_limit: RateLimit::new(WELCOMES_BURST, WELCOMES_INTERVAL),
            publish_limit: RateLimit::new(PUBLISH_BURST, PUBLISH_INTERVAL),
            update_limit: RateLimit::new(UPDATES_BURST, UPDATES_INTERVAL),
            updates_looked_at: None,
            updates_at: None,
            warned: Vec::new(),
        }
    }
}

impl ConnectionState {
    /// Begins a new connection, or the time without one. What limits work by time goes on: a server could end a
    /// connection in order to be rid of it.
    pub(crate) fn begin(&mut self, is_open: bool) {
        let last = std::mem::take(self);
        *self = Self {
            is_open,
            sync_limit: last.sync_limit,
            welcomes_limit: last.welcomes_limit,
            publish_limit: last.publish_limit,
            update_limit: last.update_limit,
            not_entered: last.not_entered,
            receipts: ReceiptsState::after(last.receipts),
            profile_objects: ProfileObjectsState::after(last.profile_objects),
            signals: SignalsState::after(last.signals),
            records: RecordsState::after(last.records),
            ..Self::default()
        };
    }

    // ---- Sync ----

    /// Notes that Sync is being sent: its answer describes a state from now on.
    pub(crate) fn sync_sent(&mut self) {
        self.cursors_at_sync.clear();
        self.is_list_newer = true;
    }

    /// Notes that the vault was fetched.
    pub(crate) fn vault_fetched(&mut self) {
        self.is_list_newer = false;
    }

    /// Notes that Sync was answered.
    pub(crate) fn sync_succeeded(&mut self, now: Timestamp) {
        self.sync_retry.succeeded();
        self.cursors_at_answer = std::mem::take(&mut self.cursors_at_sync);
        self.sync_due_at = Some(now.plus(SYNC_AGE_MAX));
    }

    /// Whether the last Sync is too long ago. Only the first call after that instant returns `true`.
    pub(crate) fn is_sync_due(&mut self, now: Timestamp) -> bool {
        self.sync_due_at.take_if(|at| *at <= now).is_some()
    }

    /// Whether Sync may be sent now. If not, it is sent as soon as the rate limit permits.
    pub(crate) fn may_sync(&mut self, now: Timestamp) -> bool {
        if self.sync_retry.is_waiting(now) {
            return false;
        }
        match self.sync_limit.take(now) {
            Ok(()) => true,
            Err(at) => {
                self.sync_retry.schedule(at);
                false
            }
        }
    }

    /// Notes that a cursor has moved away from `from`.
    pub(crate) fn cursor_moved(&mut self, chat: ChatId, from: u64) {
        self.cursors_at_sync.entry(chat).or_insert(from);
        self.advanced.insert(chat);
    }

    /// Where a cursor was when the Sync was sent whose answer is being handled.
    pub(crate) fn cursor_at_sync(&self, chat: ChatId, now: u64) -> u64 {
        self.cursors_at_answer.get(&chat).copied().unwrap_or(now)
    }

    /// Whether a cursor has moved since the Sync was sent that was answered last.
    pub(crate) fn has_moved(&self, chat: ChatId) -> bool {
        self.cursors_at_sync.contains_key(&chat) || self.cursors_at_answer.contains_key(&chat)
    }

    /// Forgets the conversations that could not be entered long ago. If the clock was set back, it forgets more.
    pub(crate) fn forget_old_attempts(&mut self, now: Timestamp) {
        self.not_entered
            .retain(|_, (_, last)| *last <= now && now.since(*last) < ENTER_RETRY_AFTER);
    }

    /// Whether to try to enter a conversation that is not known here: that was not in vain too often, and there are not
    /// more of them than an account can have.
    pub(crate) fn may_enter(&self, id: ConversationId) -> bool {
        match self.not_entered.get(&id) {
            Some((attempts, _)) => *attempts < ENTER_ATTEMPTS_MAX,
            None => self.not_entered.len() + self.to_join.len() < CONVERSATIONS_PER_ACCOUNT_MAX,
        }
    }

    /// Notes that a conversation which is not known here could not be entered.
    pub(crate) fn not_entered(&mut self, id: ConversationId, now: Timestamp) {
        let (attempts, last) = self.not_entered.entry(id).or_default();
        *attempts += 1;
        *last = now;
    }

    /// Drops what waits for a conversation.
    pub(crate) fn forget_conversation(&mut self, chat: ChatId, id: ConversationId) {
        self.touched.remove(chat);
        self.to_join.remove(&id);
        self.groups_to_fetch.remove(id);
    }

    /// Whether something waits for its turn to be fetched.
    pub(crate) fn has_waiting(&self) -> bool {
        !(self.touched.is_empty() && self.to_join.is_empty() && self.to_look_up.is_empty())
    }

    // ---- this account's devices ----

    /// Takes over the list of signed-in devices of this account from Sync.
    pub(crate) fn set_own_devices(&mut self, devices: BTreeSet<DeviceId>) {
        self.own_devices = devices;
        self.unlisted.append(&mut self.suspects);
        for set in [&mut self.unlisted, &mut self.signed_out] {
            set.retain(|device| !self.own_devices.contains(device));
        }
    }

    /// Whether there are devices about which another request has to decide.
    pub(crate) fn has_unlisted_devices(&self) -> bool {
        !self.unlisted.is_empty()
    }

    /// Takes over the devices for which the server has handed out key packages: the others are signed out. Returns
    /// whether it named a device that it had left out of the list.
    pub(crate) fn devices_claimed(&mut self, claimed: &BTreeSet<DeviceId>) -> bool {
        let mut unlisted = std::mem::take(&mut self.unlisted);
        let count = unlisted.len();
        unlisted.retain(|device| !claimed.contains(device));
        let is_contradicted = unlisted.len() < count;
        self.own_devices.extend(claimed.iter().copied());
        self.signed_out.append(&mut unlisted);
        is_contradicted
    }

    /// Whether the server has listed this account's devices.
    pub(crate) fn knows_own_devices(&self) -> bool {
        !self.own_devices.is_empty()
    }

    /// The signed-in devices of this account, as the server lists them.
    pub(crate) fn own_devices(&self) -> &BTreeSet<DeviceId> {
        &self.own_devices
    }

    /// Whether the list was made after the vault was fetched.
    pub(crate) fn is_list_newer(&self) -> bool {
        self.is_list_newer
    }

    pub(crate) fn is_signed_in(&self, device: DeviceId) -> bool {
        self.own_devices.contains(&device)
    }

    pub(crate) fn is_signed_out(&self, device: DeviceId) -> bool {
        self.signed_out.contains(&device)
    }

    /// Suspects that these devices are signed out; the next Sync decides.
    pub(crate) fn suspect(&mut self, devices: impl IntoIterator<Item = DeviceId>) {
        self.suspects.extend(devices);
    }

    // ---- Welcomes and key packages ----

    /// Notes that a Welcome was handled, whatever came of it.
    pub(crate) fn welcome_done(&mut self, item: u64) {
        if self.welcomes_done.len() < WELCOMES_UNACKNOWLEDGED_MAX {
            self.welcomes_done.insert(item);
        }
    }

    /// Notes that a Welcome let this device in, which a lying server cannot bring about.
    pub(crate) fn welcome_was_real(&mut self) {
        self.sync_limit.give_back();
        self.welcomes_limit.give_back();
    }

    /// The Welcomes to acknowledge now: none while an acknowledgement is in flight or it is too early, otherwise all.
    pub(crate) fn welcomes_to_acknowledge(&mut self, is_in_flight: bool, now: Timestamp) -> Vec<u64> {
        self.welcomes_at = None;
        if self.welcomes_done.is_empty() || is_in_flight {
            return Vec::new();
        }
        match self.welcomes_limit.take(now) {
            Ok(()) => std::mem::take(&mut self.welcomes_done).into_iter().collect(),
            Err(at) => {
                self.welcomes_at = Some(at);
                Vec::new()
            }
        }
    }

    /// Whether to make key packages now because the server has few. If not, the next Sync reports it again.
    pub(crate) fn may_publish(&mut self, now: Timestamp) -> bool {
        self.publish_limit.take(now).is_ok()
    }

    // ---- leaf keys ----

    /// Whether to renew a leaf key now that no message waits for. If not, it is looked at again later.
    pub(crate) fn may_update(&mut self, now: Timestamp) -> bool {
        self.update_limit.take(now).is_ok()
    }

    /// Notes when the next leaf key is due to be renewed.
    pub(crate) fn set_next_update(&mut self, due: Option<Timestamp>, now: Timestamp) {
        let looked_at = self.updates_looked_at.filter(|at| *at <= now);
        let earliest = looked_at.map(|at| at.plus(UPDATES_INTERVAL));
        self.updates_at = due.map(|due| earliest.map_or(due, |earliest| due.max(earliest)));
    }

    /// Whether to look for leaf keys that are due now.
    pub(crate) fn is_update_due(&mut self, now: Timestamp) -> bool {
        let is_due = self.updates_at.is_some_and(|at| at <= now);
        if is_due {
            self.updates_looked_at = Some(now);
        }
        is_due
    }

    // ---- time and warnings ----

    /// The earliest instant at which something is due to be tried again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        [
            self.sync_retry.at(),
            self.sync_due_at,
            self.welcomes_at,
            self.updates_at,
            self.devices_at,
            self.receipts.wake_at(),
            self.signals.wake_at(),
            self.profile_objects.wake_at(),
            self.records.wake_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Drops warnings already reported on this connection, and those beyond the limit. That a change is given up, or
    /// somebody not let in, answers something that the user has asked for, each time.
    pub(crate) fn warn_once(&mut self, events: &mut Vec<Event>) {
        events.retain_mut(|event| {
            let Event::Warning(warning) = event else {
                return true;
            };
            if matches!(
                warning,
                Warning::ChangeGivenUp { .. } | Warning::JoinRefused { .. }
            ) {
                return true;
            }
            if self.warned.len() > WARNINGS_MAX || self.warned.contains(warning) {
                return false;
            }
            if self.warned.len() == WARNINGS_MAX {
                *warning = Warning::More;
            }
            self.warned.push(warning.clone());
            true
        });
    }
}
