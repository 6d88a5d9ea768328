//! The bounds of the engine, in one place.

use std::time::Duration;

/// Requests in flight from which on the next ones wait. What one conversation sends at once may go beyond it, and must
/// stay below what the server takes (`REQUESTS_UNDER_WAY_MAX`).
pub(crate) const REQUESTS_IN_FLIGHT: usize = 64;
/// Members of a group.
pub(crate) const GROUP_MEMBERS_MAX: usize = 1_000;
/// Accounts that one commit adds to a group.
pub(crate) const ADDED_ACCOUNTS_MAX: usize = 128;
/// Devices that one commit adds to a group.
pub(crate) const ADDED_AT_ONCE_MAX: usize = 256;
/// How long a change of a group is tried that the user wants.
pub(crate) const WISH_AGE_MAX: Duration = Duration::from_hours(24);
/// Sends of one conversation that may be in flight; their answers come in order.
pub(crate) const SEND_WINDOW: usize = 32;
/// Hashes of the log chain that are kept for each conversation.
pub(crate) const LOG_HASHES_MAX: u64 = 4_096;
/// How long entries of a log are kept for a server that loses them.
pub(crate) const RAW_AGE_MAX: Duration = Duration::from_hours(14 * 24);
/// Bytes of such entries for each conversation.
pub(crate) const RAW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// After this many entries those that are too old or too many are dropped.
pub(crate) const RAW_PRUNED_EVERY: u64 = 64;
/// How long no commit is tried after the server has refused one because it has just begun.
pub(crate) const COMMITS_HELD_RETRY: Duration = Duration::from_mins(1);
/// How often on one connection it may do so, before the user is told: it takes commits ten minutes after it began.
pub(crate) const COMMITS_HELD_MAX: u32 = 12;
/// Parts of a log that are put back in one conversation in immediate succession.
pub(crate) const RESTORES_BURST: u32 = 32;
/// Interval that permits one more.
pub(crate) const RESTORES_INTERVAL: Duration = Duration::from_mins(1);
/// Messages that are deleted in one step because their time is over.
pub(crate) const EXPIRED_PER_STEP_MAX: u32 = 256;
/// How long what another device of this account has sent is shown at least: clocks differ.
pub(crate) const EXPIRING_SHOWN_MIN: Duration = Duration::from_mins(1);
/// How long the ids of deleted messages are kept, in case they are sent again.
pub(crate) const GONE_IDS_KEPT: Duration = Duration::from_hours(30 * 24);
/// Messages that are sent again for a device that has come back.
pub(crate) const RESENT_MAX: u32 = 500;
/// A leaf is replaced because this profile went back at most once in this time.
pub(crate) const LEAF_REPLACED_EVERY: Duration = Duration::from_mins(5);
/// Devices that come back into one conversation in immediate succession, for which messages are sent again.
pub(crate) const RESENDS_BURST: u32 = 16;
/// Interval that permits one more.
pub(crate) const RESENDS_INTERVAL: Duration = Duration::from_mins(10);
/// Refusals to hand out a log that are needed before this device believes that it cannot follow it.
pub(crate) const LOG_REFUSALS_MAX: u32 = 2;
/// Attempts per connection to remove a signed-out device of this account from a conversation. If it comes back, the
/// server that reports it as signed out has let it in.
pub(crate) const REMOVALS_MAX: u32 = 3;
/// Entries of one conversation that are held until the entries before them arrive. More are fetched again later.
pub(crate) const HELD_ENTRIES_MAX: u64 = 1_000;
/// Their bytes.
pub(crate) const HELD_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Entries of all conversations together that are held.
pub(crate) const HELD_ENTRIES_TOTAL_MAX: u64 = 4_000;
/// Their bytes.
pub(crate) const HELD_BYTES_TOTAL_MAX: u64 = 16 * 1024 * 1024;
/// Refused entries of one conversation in immediate succession; each costs up to two milliseconds of decryption.
pub(crate) const REFUSALS_BURST: u32 = 64;
/// Interval after which one more is looked at. Each entry is looked at twice: so this device keeps up with a member that
/// sends garbage as fast as a server lets one device send (100 in a second), and loses less than half of its time.
pub(crate) const REFUSALS_INTERVAL: Duration = Duration::from_millis(5);
/// Attempts to join one conversation from outside in immediate succession.
pub(crate) const JOINS_BURST: u32 = 16;
/// Interval that permits one more attempt.
pub(crate) const JOINS_INTERVAL: Duration = Duration::from_secs(10);
/// Messages that a device encrypts in one epoch before it begins another. Receivers follow its ratchet only so far
/// (`FORWARD_DISTANCE_MAX` of the mls crate), and false answers can make it encrypt the same messages again and again.
pub(crate) const ENCRYPTED_PER_EPOCH_MAX: usize = 512;
/// Attempts to enter a conversation of which nothing but its id is known.
pub(crate) const ENTER_ATTEMPTS_MAX: u32 = 4;
/// How long after the last of them there may be more.
pub(crate) const ENTER_RETRY_AFTER: Duration = Duration::from_hours(1);
/// How far ahead of this device's clock a conversation may stand in the list because of what the server says.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_hours(24);
/// Welcomes whose ratchet trees are being fetched. Those beyond it come again with the next Sync.
pub(crate) const WELCOMES_HELD_MAX: usize = 16;
/// Welcomes that wait to be acknowledged. Those beyond it come again with the next Sync.
pub(crate) const WELCOMES_UNACKNOWLEDGED_MAX: usize = 256;
/// Syncs in immediate succession that the server's pushes may cause; see [`crate::requests::RateLimit`].
pub(crate) const SYNC_BURST: u32 = 16;
/// Interval that permits one more Sync.
pub(crate) const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Acknowledgements of Welcomes in immediate succession.
pub(crate) const WELCOMES_BURST: u32 = 16;
/// Interval that permits one more acknowledgement.
pub(crate) const WELCOMES_INTERVAL: Duration = Duration::from_secs(1);
/// How often in immediate succession key packages are made because the server says it has few.
pub(crate) const PUBLISH_BURST: u32 = 4;
/// Interval after which key packages may be made once more. Making them costs work, and space that is never freed.
pub(crate) const PUBLISH_INTERVAL: Duration = Duration::from_mins(1);
/// One-time key packages of which a device has the private part: more are not made, whatever the server says it has.
pub(crate) const ONE_TIME_KEY_PACKAGES_MAX: usize = 200;
/// Key packages of last resort of which a device has the private part.
pub(crate) const LAST_RESORTS_MAX: usize = 16;
/// How long the server may give out a one-time key package. What is given out last has time to be used.
pub(crate) const KEY_PACKAGE_OFFER_AGE_MAX: Duration = Duration::from_hours(60 * 24);
/// How long a device keeps the private part of a key package for a Welcome.
pub(crate) const KEY_PACKAGE_AGE_MAX: Duration = Duration::from_hours(90 * 24);
/// How long a key package of last resort is offered if nobody uses it.
pub(crate) const LAST_RESORT_AGE_MAX: Duration = Duration::from_hours(30 * 24);
/// How long one that the server has replaced opens Welcomes.
pub(crate) const LAST_RESORT_KEPT: Duration = Duration::from_hours(3 * 24);
/// How long after a Sync the next one follows, if nothing else leads to one.
pub(crate) const SYNC_AGE_MAX: Duration = Duration::from_hours(24);
/// The shortest and the longest time after which one who joins by a link asks again for the turn.
pub(crate) const JOIN_RETRY_MIN: Duration = Duration::from_millis(50);
pub(crate) const JOIN_RETRY_MAX: Duration = Duration::from_secs(10);
/// External joins that may lose to a faster commit before the next one is delayed.
pub(crate) const JOINS_AT_ONCE: u32 = 4;
/// Distinct warnings that are shown per connection.
pub(crate) const WARNINGS_MAX: usize = 100;
/// The leaf key is renewed at the start of a turn, at most once in this time.
pub(crate) const SELF_UPDATE_INTERVAL: Duration = Duration::from_mins(1);
/// A turn that nobody interrupts ends after this time.
pub(crate) const TURN_MAX: Duration = Duration::from_hours(1);
/// The leaf key is renewed after this time even if nothing is sent.
pub(crate) const UPDATE_AGE_MAX: Duration = Duration::from_hours(7 * 24);
/// By how much less than that, at most.
pub(crate) const UPDATE_SPREAD: Duration = Duration::from_hours(24);
/// A group of this many devices has turns: each renews its leaf key at times of its own, and never in front of a message.
pub(crate) const HEALING_DEVICES_MIN: usize = 9;
/// What the turns add up to at most.
#[cfg(test)]
pub(crate) const HEALING_COMMITS_PER_DAY: usize = 96;
/// For how long a group has no commit before another turn.
pub(crate) const HEALING_PAUSE: Duration = Duration::from_mins(15);
/// How long a device waits for each one that may be ahead of it.
pub(crate) const HEALING_STEP: Duration = Duration::from_millis(250);
/// How old a leaf becomes at least before its device takes another turn.
pub(crate) const HEALING_AGE_MIN: Duration = Duration::from_hours(24);
/// The same for each device: a pause and the longest wait, and something more.
pub(crate) const HEALING_AGE_PER_DEVICE: Duration = Duration::from_mins(18);
/// How old a leaf becomes at most if its device is there, whatever the group does.
pub(crate) const LEAF_AGE_MAX: Duration = Duration::from_hours(14 * 24);
/// When a device looks again whose turn it was while nothing had been said.
pub(crate) const HEALING_POSTPONED: Duration = Duration::from_hours(24);
/// How long after joining by a Welcome, or after a lost race, the leaf key is renewed at the latest.
pub(crate) const UPDATE_DELAY_MAX: Duration = Duration::from_mins(5);
/// How long a device that another one of its account has taken out of a group waits before it comes back: that one may be
/// about to leave for the whole account.
pub(crate) const LEAVING_PAUSE: Duration = Duration::from_secs(10);
/// How long after a refusal for another reason it is tried again.
pub(crate) const UPDATE_RETRY_AFTER: Duration = Duration::from_hours(24);
/// Renewals in immediate succession, in different conversations, that no message waits for.
pub(crate) const UPDATES_BURST: u32 = 4;
/// Interval that permits one more of them.
pub(crate) const UPDATES_INTERVAL: Duration = Duration::from_secs(5);
/// Conversations that are looked at in one step because a renewal is due.
pub(crate) const UPDATES_PER_STEP_MAX: u32 = 64;
/// Certificates are renewed at most once in this time: a clock that is wrong does not make one after the other.
pub(crate) const CERTIFICATE_RETRY_AFTER: Duration = Duration::from_hours(24);
/// How long somebody must pause in typing before a draft leaves the device.
pub(crate) const DRAFT_HELD: Duration = Duration::from_secs(2);
/// After how long it does if they do not pause.
pub(crate) const DRAFT_HELD_MAX: Duration = Duration::from_secs(15);
/// Receipts that leave a conversation in immediate succession.
pub(crate) const RECEIPTS_BURST: u32 = 5;
/// Interval that permits one more. What is received and read meanwhile is reported together.
pub(crate) const RECEIPTS_INTERVAL: Duration = Duration::from_secs(2);
/// Requests for receipts of others in immediate succession.
pub(crate) const RECEIPT_FETCHES_BURST: u32 = 16;
/// Interval that permits one more.
pub(crate) const RECEIPT_FETCHES_INTERVAL: Duration = Duration::from_secs(1);
/// Epochs of a conversation whose keys for receipts are kept.
pub(crate) const RECEIPT_EPOCHS_MAX: u64 = 1_000;
/// How long the key for the receipts of an epoch is kept.
pub(crate) const RECEIPT_KEYS_KEPT: Duration = Duration::from_hours(30 * 24);
/// How often this account's own profile is fetched or put in immediate succession.
pub(crate) const OWN_OBJECT_BURST: u32 = 12;
/// Interval that permits one more.
pub(crate) const OWN_OBJECT_INTERVAL: Duration = Duration::from_secs(10);
/// Profiles of others that are fetched in immediate succession.
pub(crate) const OBJECT_FETCHES_BURST: u32 = 32;
/// Interval that permits one more.
pub(crate) const OBJECT_FETCHES_INTERVAL: Duration = Duration::from_secs(1);
/// After how long it is said again that somebody is still typing.
pub(crate) const TYPING_AGAIN_AFTER: Duration = Duration::from_secs(4);
/// How long it is shown that somebody types, if nothing more comes.
pub(crate) const TYPING_SHOWN: Duration = Duration::from_secs(7);
/// After how long it is said again that somebody is still there.
pub(crate) const HERE_AGAIN_AFTER: Duration = Duration::from_mins(2);
/// How long it is shown that somebody is there, if nothing more comes.
pub(crate) const HERE_SHOWN: Duration = Duration::from_secs(150);
/// How often somebody who has just come is answered in one conversation, at most.
pub(crate) const HERE_ANSWERED_AFTER: Duration = Duration::from_secs(10);
/// Conversations, those used last, in which it is said that somebody is there.
pub(crate) const HERE_CONVERSATIONS_MAX: u32 = 30;
/// Devices whose signals are followed.
pub(crate) const SIGNALLERS_MAX: usize = 4_096;
/// Signals that leave in immediate succession.
pub(crate) const SIGNALS_BURST: u32 = 60;
/// Interval that permits one more.
pub(crate) const SIGNALS_INTERVAL: Duration = Duration::from_secs(1);
/// Account records that are put in immediate succession.
pub(crate) const RECORD_PUTS_BURST: u32 = 8;
/// Interval that permits one more. What changes more often is put as it is then.
pub(crate) const RECORD_PUTS_INTERVAL: Duration = Duration::from_secs(1);
/// Pages of account records that are fetched in immediate succession.
pub(crate) const RECORD_FETCHES_BURST: u32 = 32;
/// Interval that permits one more.
pub(crate) const RECORD_FETCHES_INTERVAL: Duration = Duration::from_secs(1);
/// Account records that are looked at in one step because the server is to get them.
pub(crate) const RECORD_PUTS_AT_ONCE: usize = 16;
/// The first delay after a transient refusal; each further refusal doubles it.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest delay.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// Total leaves of the MLS groups that stay in memory between steps; a leaf takes about 3 KiB.
pub(crate) const LOADED_LEAVES_MAX: usize = 4_096;
/// How long the database's write-ahead log may hold what was deleted since.
pub(crate) const LOG_KEPT: Duration = Duration::from_secs(10);
/// How long a difference between the vault's list of devices and the server's is left to resolve itself before the vault
/// is fetched once more and the user is told. A device enters itself as soon as it is signed in.
pub(crate) const DEVICE_GRACE: Duration = Duration::from_secs(15);
/// Devices of this account that are kept in mind. An account has few; a server could name any number.
pub(crate) const OWN_DEVICES_MAX: usize = 256;

/// The longest note that goes along with a request to join, in bytes.
pub(crate) const JOIN_NOTE_TEXT_MAX: usize = 500;
