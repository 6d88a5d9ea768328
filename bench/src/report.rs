//! What a benchmark reports: the shape of the JSON document. Fields are added, never renamed.

use serde::Serialize;

use crate::{latency::Percentiles, probe::Memory};

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of the benchmark.
    pub version: &'static str,
    /// What was measured.
    pub server: String,
    /// Cores of the machine that the generator ran on.
    pub cores: usize,
    /// Whether it was the short form, whose figures are coarser.
    pub quick: bool,
    /// Content of a message before encryption, in bytes.
    pub content_bytes: usize,
    /// The message as it is stored, in bytes.
    pub message_bytes: usize,
    /// What the machine can do at best; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawLimits>,
    /// Sign-ups per second, in the preparation.
    pub sign_ups_per_s: f64,
    /// Connections that do nothing; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// Messages at several offered loads; the last row is the saturated server.
    pub load: Vec<Load>,
    /// Turns of a conversation: a commit, then three messages.
    pub turns: Vec<Turns>,
    /// One sender, many listeners; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fan_out: Vec<FanOut>,
    /// The server beside the raw limits of the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratios: Option<Ratios>,
}

/// What the machine can do at best, measured in the same run.
#[derive(Debug, Clone, Serialize)]
pub struct RawLimits {
    /// Appends of one message to a file, each made durable by fdatasync.
    pub fdatasync_per_s: f64,
    /// Rows inserted into SQLite by one connection without a server.
    pub inserts: Vec<RawInserts>,
    /// A relay that speaks the same frames and stores nothing, saturated by the same generator.
    pub relay: Load,
}

/// Batched inserts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RawInserts {
    /// Rows that share a commit.
    pub rows_per_commit: usize,
    /// Rows per second.
    pub rows_per_s: f64,
}

/// Idle connections.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    /// Authenticated connections that were open at the same time.
    pub connections: usize,
    /// How fast they were opened, authentication included.
    pub connects_per_s: f64,
    /// CPU time of the server for each, in microseconds.
    pub server_cpu_us_per_connect: f64,
    /// Memory of the server before.
    pub before: Memory,
    /// Memory of the server with all of them.
    pub with_connections: Memory,
    /// The difference for each connection, in KiB (PSS).
    pub server_kib_per_connection: f64,
}

/// Messages at one offered load.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Load {
    /// Messages offered per second; absent when the server was saturated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_per_s: Option<u32>,
    /// Connections that sent and received.
    pub connections: usize,
    /// Conversations that the messages went to.
    pub conversations: usize,
    /// Messages that the server acknowledged per second.
    pub acknowledged_per_s: f64,
    /// From the instant at which a message was due to its acknowledgement.
    pub send_to_ack: Percentiles,
    /// From the instant at which a message was due to its arrival at the other device.
    pub send_to_receive: Percentiles,
    /// CPU time of the server for each message, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_message: Option<f64>,
    /// Messages that shared a transaction, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_per_commit: Option<f64>,
    /// Messages that were acknowledged and had not arrived fifteen seconds after the end.
    pub undelivered: u64,
}

/// Turns of conversations.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Turns {
    /// Turns offered per second; absent when the server was saturated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_per_s: Option<u32>,
    /// Turns that were completed per second.
    pub turns_per_s: f64,
    /// From the instant at which a turn was due to the acknowledgement of its commit.
    pub commit: Percentiles,
    /// From the instant at which a turn was due to the acknowledgement of its third message.
    pub turn: Percentiles,
    /// CPU time of the server for each turn, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_turn: Option<f64>,
}

/// One sender, many listeners.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FanOut {
    /// Connections that listen.
    pub listeners: usize,
    /// Messages sent per second.
    pub messages_per_s: f64,
    /// Deliveries per second.
    pub deliveries_per_s: f64,
    /// From sending to the arrival at each listener.
    pub send_to_receive: Percentiles,
    /// CPU time of the server for each delivery, in microseconds.
    pub server_cpu_us_per_delivery: f64,
}

/// The server beside the raw limits of the same run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratios {
    /// Rows per commit that the saturated server reached, and that the bare insert was measured with.
    pub rows_per_commit: usize,
    /// Saturated server ÷ bare batched insert.
    pub of_bare_inserts: f64,
    /// Saturated server ÷ relay without storage.
    pub of_bare_relay: f64,
}
