//! Every bound of the server that is not part of the protocol (those stand in `subrosa_wire::limits`).

use std::time::Duration;

// ---- storage ----

/// Jobs that wait for the writer; submitting another one waits for room.
pub const WRITER_QUEUE_MAX: usize = 256;
/// Jobs that share one transaction, and so one fsync.
pub const WRITER_JOBS_PER_TRANSACTION_MAX: usize = 64;
/// Connections that read.
pub const READERS: usize = 4;
/// How long a connection waits for a lock that another one holds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps.
pub const STATEMENTS_CACHED_MAX: usize = 128;
/// Page cache of the writer's connection, in KiB.
pub const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Page cache of a reader's connection, in KiB.
pub const READER_CACHE_KIB: i64 = 4 * 1024;
/// Transactions between two checkpoints, which copy the write-ahead log back off the commit path.
pub const CHECKPOINT_EVERY_TRANSACTIONS: u32 = 64;
/// Pages in the write-ahead log (64 MiB) beyond which the writer waits until all of it is copied, so that the
/// log starts over.
pub const WAL_PAGES_SOFT_MAX: u64 = 16 * 1024;
/// Conversations whose state the writer keeps in memory.
pub const CACHED_CONVERSATIONS_MAX: usize = 20_000;
/// Members of those conversations; each takes about 100 bytes.
pub const CACHED_MEMBERS_MAX: usize = 200_000;
/// Hashes of the log chain before the head that are kept for each of those conversations, to check what senders claim.
pub const CHAIN_HASHES_CACHED: usize = 32;
/// Conversations for which it is kept in memory to whom receipts and signals go.
pub const AUDIENCES_CACHED_MAX: usize = 20_000;
/// Devices in them; each takes 32 bytes.
pub const AUDIENCE_DEVICES_CACHED_MAX: usize = 200_000;
/// How many entries of a log are searched backwards for a retried send.
pub const SEND_RETRY_WINDOW: u32 = 1_000;
/// Pages (4 MiB) that a backup copies between two reports of its progress.
pub const BACKUP_PAGES_PER_STEP: i32 = 1_024;

// ---- delivery ----

/// Sends that wait for the appender; submitting another one waits for room.
pub const APPEND_QUEUE_MAX: usize = 4_096;
/// Sends that are made durable together.
pub const APPEND_BATCH_MAX: usize = 1_024;
/// Bytes in a batch beyond which no more sends are added to it.
pub const APPEND_BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Batches that are durable and wait to be published.
pub const PUBLICATIONS_QUEUED_MAX: usize = 4;
/// How long cursors wait for a transaction that is made anyway.
pub const CURSOR_FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// Waiting cursors that get a transaction of their own, without further delay; also the most that one takes.
pub const CURSORS_PENDING_MAX: usize = 4_096;
/// Cursors that count as one more request against a device's limit.
pub const CURSORS_PER_REQUEST_COUNTED: usize = 16;
/// Validations that run at the same time; each takes a core.
pub const VALIDATIONS_UNDER_WAY_MAX: usize = 4;
/// Bytes of the public states of groups that are kept in memory.
pub const VIEWS_CACHED_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The public state of a group is stored as a whole with each commit up to this size, in bytes. Of a larger one what has
/// changed is stored.
pub const VIEW_REWRITTEN_MAX: usize = 64 * 1024;
/// How much may have changed before it is stored as a whole again: in a group of a thousand devices, each change costs some
/// 20 milliseconds when it is loaded.
pub const VIEW_CHANGES_MAX: usize = 8;
/// How long after its start a server waits for devices that may know a later state, before members change groups.
pub const SETTLING_TIME: Duration = Duration::from_mins(10);
/// Reports of devices that are kept in that time; without them, a group waits until it is over.
pub const SETTLING_REPORTS_MAX: usize = 200_000;
/// For how long a group takes no commits from somebody whose removal has lost a race.
pub const LOST_REMOVAL_PAUSE: Duration = Duration::from_secs(10);
/// Accounts for which that is noted at a time; each takes about 40 bytes.
pub const LOST_REMOVALS_MAX: usize = 10_000;
/// Bytes of Welcomes in one frame; one Welcome comes whatever its size.
pub const WELCOMES_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of the ratchet trees of one conversation that wait with Welcomes. The newest is kept whatever its size; whose tree
/// is gone joins by an external commit. Large enough for some additions to a group of a thousand devices.
pub const TREES_BYTES_PER_CONVERSATION_MAX: u64 = 16 * 1024 * 1024;
/// Welcomes that one request acknowledges.
pub const WELCOME_ITEMS_PER_REQUEST_MAX: usize = 1_000;
/// Bytes in the answer to a claim for many accounts beyond which the rest of them is left out.
pub const CLAIMED_BYTES_MAX: usize = 1024 * 1024;
/// Revoked invite links that are remembered of one conversation, so that whoever comes late learns what happened.
pub const REVOKED_LINKS_MAX: u32 = 64;
/// How long they are remembered.
pub const REVOKED_LINK_KEPT: Duration = Duration::from_hours(90 * 24);
/// How long a request to join waits.
pub const JOIN_REQUEST_KEPT: Duration = Duration::from_hours(30 * 24);
/// For how long one who joins by a link has the turn. Whoever does not get on in that time, on a slow connection, goes on
/// beside the next one.
pub const JOIN_TURN: Duration = Duration::from_secs(5);
/// How long a turn takes as a rule: what those who wait are told is made of it.
pub const JOIN_TURN_USUAL: Duration = Duration::from_millis(100);
/// How long somebody waits for a turn at most.
pub const JOIN_WAIT_MAX: Duration = Duration::from_mins(1);
/// Those who wait in one conversation. More are told to wait without being counted.
pub const JOINERS_WAITING_MAX: usize = 1_000;
/// Conversations with joiners, before those are forgotten in which nobody joins any more.
pub const JOIN_LINES_MAX: usize = 1_024;
/// Conversations that one step of pruning looks at.
pub const PRUNE_CONVERSATIONS_PER_STEP: u32 = 200;
/// Entries of one conversation that one step of pruning deletes.
pub const PRUNE_ENTRIES_PER_STEP: u32 = 1_000;
/// When to come back if the storage is full or the server stops.
pub const UNAVAILABLE_RETRY_AFTER: Duration = Duration::from_secs(5);

// ---- the web app ----

/// A larger file in `web_dir` is not served; a debug build of the app has some tens of megabytes.
pub const WEB_FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

// ---- live connections ----

/// Connections of one device; one more closes the oldest.
pub const CONNECTIONS_PER_DEVICE_MAX: usize = 4;
/// Frames that wait for a connection; it is closed if more come.
pub const OUTBOX_FRAMES_MAX: usize = 8_192;
/// Bytes that wait for a connection; it is closed if more come.
pub const OUTBOX_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Frames that wait for a connection when signals are no longer added to them.
pub const OUTBOX_FRAMES_SIGNALS_MAX: usize = OUTBOX_FRAMES_MAX / 32;
/// Bytes that wait for a connection when signals are no longer added to them.
pub const OUTBOX_BYTES_SIGNALS_MAX: usize = OUTBOX_BYTES_MAX / 32;
/// Bytes that wait for a connection before the server stops reading from it.
pub const OUTBOX_BYTES_PAUSE: usize = 1024 * 1024;
/// Entries are put together into frames of about this size.
pub const DELIVER_FRAME_BYTES_MAX: usize = 64 * 1024;
/// Sends of one connection that may be under way.
pub const CONNECTION_APPENDS_UNDER_WAY_MAX: usize = subrosa_wire::limits::REQUESTS_UNDER_WAY_MAX;
/// Other requests of one connection that may be under way, by weight.
pub const CONNECTION_REQUESTS_UNDER_WAY_MAX: usize = 16;
/// The weight of a request whose answer can have a mebibyte or more: a client that asks for many and reads none
/// keeps their answers in memory.
pub const LARGE_REQUEST_WEIGHT: usize = 4;
/// What a connection may send before its device is known: a Hello with the longest access token, and room for
/// what later versions say in it.
pub const BYTES_BEFORE_HELLO_MAX: usize = 16 * 1024;
/// When a device should reconnect to a server that stops, in milliseconds.
pub const RECONNECT_AFTER_MS: u32 = 1_000;
/// How long one write to a connection may take.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the closing handshake of a connection may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The read buffer of an idle connection, in bytes.
pub const SOCKET_READ_BUFFER: usize = 512;
/// Bytes that are gathered before they are written to a connection.
pub const SOCKET_WRITE_BUFFER: usize = 16 * 1024;

// ---- accounts ----

/// Sign-ins, recoveries or challenges that have begun and not finished, of each kind; more are refused.
pub const ATTEMPTS_UNDER_WAY_MAX: usize = 50_000;
/// Proofs of a sign-in that are valid at the same time.
pub const SIGN_IN_PROOFS_MAX: usize = 50_000;
/// When to come back if one of these is full.
pub const FULL_RETRY_AFTER: Duration = Duration::from_secs(15);
/// How old a key becomes before the next one signs access tokens; it verifies for as long again.
pub const SIGNING_KEY_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// How long after its end an access token is still accepted: the clocks of several servers differ a little.
pub const ACCESS_TOKEN_LEEWAY: Duration = Duration::from_secs(5);
/// A longer access token is not looked at.
pub const ACCESS_TOKEN_LEN_MAX: usize = 2 * 1024;
/// The precision with which the server stores when a device was last seen: enough to recognise a forgotten
/// device, too little to follow its user.
pub const LAST_SEEN_PRECISION: Duration = Duration::from_hours(1);
/// A longer wrap of the vault key is refused.
pub const WRAP_MAX: usize = 1024;
/// The shortest prefix that people are searched by, in characters.
pub const SEARCH_PREFIX_CHARS_MIN: usize = 1;
/// Buckets of a rate limiter: its memory is bounded, and with more visitors than buckets some share one.
pub const RATE_LIMITER_BUCKETS: u32 = 65_536;
/// Attempts that a refresh makes when other refreshes of the same device come in between.
pub const REFRESH_RETRIES_MAX: usize = 3;
/// A refresh token with a higher counter is not recognised: no device gets there, and counting on stays possible.
pub const REFRESH_COUNTER_MAX: u64 = 1 << 62;
/// Sealed objects that an account may have made.
pub const OBJECTS_PER_ACCOUNT_MAX: usize = 1_000;
/// Bytes in them.
pub const OBJECTS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes in all account records of an account.
pub const ACCOUNT_RECORDS_BYTES_MAX: u64 = 32 * 1024 * 1024;

// ---- requests over HTTP ----

/// How long a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to send the head of a request, or be idle between two.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Head of a request, in bytes; the buffer of a connection does not grow beyond it.
pub const HEAD_MAX: usize = 16 * 1024;
/// How long the server waits after it could not accept a connection, for want of file descriptors or memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a stopping server waits for what is under way.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest X-Request-Id that is taken over from the client, in bytes.
pub const REQUEST_ID_LEN_MAX: usize = 64;
