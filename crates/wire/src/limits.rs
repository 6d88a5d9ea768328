//! Every bound of the protocol, in one place. In bytes unless the name says otherwise.

use std::time::Duration;

use crate::Timestamp;

/// The version of the frames and of the REST API that this build speaks.
pub const PROTOCOL_VERSION: u32 = 2;

/// The longest text of a message, in bytes of UTF-8.
pub const MESSAGE_TEXT_MAX: usize = 64 * 1024;
/// The longest display name, in bytes of UTF-8.
pub const DISPLAY_NAME_MAX: usize = 256;
/// The longest password, in bytes of UTF-8.
pub const PASSWORD_MAX: usize = 1024;
/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;

/// An application message: the longest text with its content, padding and MLS framing.
pub const APPLICATION_MESSAGE_MAX: usize = 96 * 1024;
/// A commit, a group info, or a welcome: post-quantum trees of some hundred devices.
pub const HANDSHAKE_MESSAGE_MAX: usize = 2 * 1024 * 1024;

/// A ratchet tree: a post-quantum one of a thousand devices without blanks. With a commit and its group info it fits into a
/// frame.
pub const RATCHET_TREE_MAX: usize = 3_584 * 1024;
/// A ratchet tree that comes along with a Welcome; larger ones are fetched. About as much as a frame with a page of the log.
pub const WELCOME_TREE_MAX: usize = 32 * 1024;

/// The largest proposal of a device that leaves, in bytes; an honest one has about 200.
pub const LEAVE_MAX: usize = 1024;
/// One key package.
pub const KEY_PACKAGE_MAX: usize = 16 * 1024;
/// One frame of the WebSocket: a commit with its welcome and group info.
pub const FRAME_MAX: usize = 6 * 1024 * 1024;
/// The body of a REST request.
pub const REST_BODY_MAX: usize = 256 * 1024;
/// The sealed vault.
pub const VAULT_MAX: usize = 128 * 1024;

/// The sealed value of an account record: the longest draft with all else that is in it.
pub const ACCOUNT_RECORD_MAX: usize = 80 * 1024;
/// Account records in one page.
pub const RECORDS_PER_PAGE_MAX: usize = 500;
/// Their sealed bytes; a page holds at least one record.
pub const RECORDS_PAGE_BYTES_MAX: usize = 1024 * 1024;

/// The sealed value of a receipt.
pub const RECEIPT_MAX: usize = 256;
/// Accounts that one receipt is pushed to.
pub const RECEIPT_READERS_MAX: usize = 8;
/// Conversations whose receipts one request fetches.
pub const RECEIPTS_FETCHED_MAX: usize = 100;
/// Receipts in one page.
pub const RECEIPTS_PER_PAGE_MAX: usize = 2_000;
/// The highest version of a receipt: a whole number that JSON carries exactly.
pub const RECEIPT_VERSION_MAX: u64 = (1 << 53) - 1;

/// A sealed signal.
pub const SIGNAL_MAX: usize = 128;
/// Signals in one request.
pub const SIGNALS_PER_FRAME_MAX: usize = 64;
/// Signals are not passed on in conversations of more accounts, and receipts not pushed.
pub const SIGNAL_ACCOUNTS_MAX: usize = 50;

/// A sealed object: the largest picture with all else that is in it.
pub const OBJECT_MAX: usize = 72 * 1024;

/// What an invite link shows, sealed.
pub const LINK_PREVIEW_MAX: usize = 16 * 1024;
/// A sealed note in a request to join.
pub const JOIN_NOTE_MAX: usize = 1024;
/// Requests to join that wait in one conversation.
pub const JOIN_REQUESTS_MAX: usize = 200;

/// One-time key packages that a device keeps published at the server.
pub const KEY_PACKAGES_TARGET: u32 = 50;
/// With fewer than this, the server asks the device for more.
pub const KEY_PACKAGES_LOW: u32 = 15;
/// One-time key packages that the server stores for a device; more are refused.
pub const KEY_PACKAGES_MAX: u32 = 200;
/// Key packages in one request.
pub const KEY_PACKAGES_PER_REQUEST_MAX: usize = 100;

/// Key packages that one request withdraws: more than a device can have.
pub const KEY_PACKAGES_WITHDRAWN_MAX: usize = 256;

/// Accounts whose key packages one request claims.
pub const CLAIMED_ACCOUNTS_MAX: usize = 64;

/// Devices of one account.
pub const DEVICES_PER_ACCOUNT_MAX: usize = 16;
/// Conversations of one account.
pub const CONVERSATIONS_PER_ACCOUNT_MAX: usize = 10_000;
/// The highest seq of an entry, and the highest epoch: whole numbers that JSON carries exactly. The lowest seq is 1.
pub const SEQ_MAX: u64 = (1 << 53) - 1;
/// The highest number of a send. The lowest is 1.
pub const SEND_NUMBER_MAX: u64 = (1 << 53) - 1;
/// The latest instant that is taken from another side: the end of the year 9999, as far as calendars go.
pub const TIME_MAX: Timestamp = Timestamp::from_millis(253_402_300_799_999);
/// Entries in one push.
pub const ENTRIES_PER_PUSH_MAX: usize = 2_048;
/// The authenticator of a log entry, in bytes.
pub const ENTRY_TAG_MAX: usize = 32;
/// Entries in a page of the log.
pub const LOG_PAGE_ENTRIES_MAX: u32 = 500;
/// Payload bytes in a page of the log; a page holds at least one entry.
pub const LOG_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Entries in one request that puts them back.
pub const RESTORED_ENTRIES_MAX: usize = 2_048;
/// Their payload bytes. With group info and ratchet tree they fit into a frame.
pub const RESTORED_BYTES_MAX: usize = 3 * 512 * 1024;
/// Welcomes in one frame.
pub const WELCOMES_PER_FRAME_MAX: usize = 16;
/// Cursors in one acknowledgement.
pub const CURSORS_PER_FRAME_MAX: usize = 1_000;
/// People in the answer to a search.
pub const SEARCH_RESULTS_MAX: usize = 20;

/// The time within which a new connection must send Hello.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a client pings an idle connection.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);
/// Requests of one connection that may be in flight.
pub const REQUESTS_UNDER_WAY_MAX: usize = 256;

/// How long an access token is valid.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(15);
/// How long a refresh token is valid.
pub const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_hours(720);
/// How long the proof of a sign-in can be used to enrol a device or change the password.
pub const SIGN_IN_PROOF_LIFETIME: Duration = Duration::from_mins(5);
/// The longest time between the two steps of a sign-in, a registration or a challenge.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_mins(2);
