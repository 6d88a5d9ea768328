//! What a benchmark reports: the shape of the JSON document. Fields are added, never renamed.

use serde::Serialize;

use crate::{latency::Percentiles, limits::CONTENT_BYTES, message, plan::Plan, probe::Memory};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_ups_per_s: Option<f64>,
    /// Connections that do nothing; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// Messages at several offered loads; the last row is the saturated server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub load: Vec<Load>,
    /// Turns of a conversation: a commit, then three messages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turns>,
    /// One sender, many listeners; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fan_out: Vec<FanOut>,
    /// One text with the receipts of everybody; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipts>,
    /// Groups of several sizes; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Groups>,
    /// Rooms that many join at once; absent when the server is elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<Joins>,
    /// The server beside the raw limits of the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratios: Option<Ratios>,
}

impl Report {
    /// A report without figures.
    pub(crate) fn new(server: &str, plan: &Plan) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            server: server.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            quick: plan.quick,
            content_bytes: CONTENT_BYTES,
            message_bytes: message::stored_bytes(),
            raw: None,
            sign_ups_per_s: None,
            idle: None,
            load: Vec::new(),
            turns: Vec::new(),
            fan_out: Vec::new(),
            receipts: Vec::new(),
            groups: Vec::new(),
            joins: Vec::new(),
            ratios: None,
        }
    }
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
    /// CPU time of the inserting thread for each row, in microseconds.
    pub cpu_us_per_row: f64,
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
    /// Messages that were due and never sent, because the server could not keep up.
    pub given_up: u64,
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

/// What a text costs with its receipts, two from each reader.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Receipts {
    /// Members of the conversation, with one device each; all but the author report.
    pub members: usize,
    /// With receipts as registers, as clients send them.
    pub registers: TextCost,
    /// With receipts as messages to everybody, as clients sent them before.
    pub messages: TextCost,
}

/// What one text costs until its author knows that everybody has read it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TextCost {
    /// Texts that were measured.
    pub texts: u64,
    /// Items of frames that went to a device.
    pub deliveries_per_text: f64,
    /// CPU time of the server, in microseconds.
    pub server_cpu_us_per_text: f64,
}

/// A group of one size.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Groups {
    /// Devices in it, one of each account.
    pub devices: usize,
    /// Time in which a member whose group is in memory reads one message, in milliseconds.
    pub read_ms: f64,
    /// The same for a member that loads its group first.
    pub load_and_read_ms: f64,
    /// The addition of the last devices.
    pub addition: GroupCommit,
    /// How many it added.
    pub added: usize,
    /// Its Welcome as the maker sends it, for all of them together, in bytes.
    pub welcome_bytes: usize,
    /// What one of them gets from the server in order to join, in bytes.
    pub joining_bytes: usize,
    /// The longest time between two acknowledged messages of a member that sends while the addition is under way, in
    /// milliseconds. It includes applying the addition.
    pub pause_ms_max: f64,
    /// The first self-update after the additions, which finds the tree blank.
    pub first_update: GroupCommit,
    /// A self-update that finds no blank on its way.
    pub update: GroupCommit,
    /// What a client that was away takes for each message that it has missed, with its database on disk, in
    /// milliseconds.
    pub client_reads_ms: f64,
    /// The same for each self-update of somebody else.
    pub client_applies_ms: f64,
}

/// Many people who join a room by a link at once.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Joins {
    /// Who was in it before.
    pub members: usize,
    /// Who joins, each with one device.
    pub joiners: usize,
    /// From the first request until all are in, in seconds.
    pub all_in_s: f64,
    /// The same for each of them.
    pub join: Percentiles,
    /// How often the group was shown to somebody outside.
    pub fetches: usize,
    /// The longest time between two acknowledged messages of a member meanwhile, in milliseconds. It includes applying the
    /// commits of those who join.
    pub pause_ms_max: f64,
}

/// One commit.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct GroupCommit {
    /// The commit with its group info, in bytes.
    pub bytes: usize,
    /// From sending it to its acknowledgement, in milliseconds.
    pub acknowledged_ms: f64,
    /// What the server wrote to its files meanwhile, in bytes.
    pub written_bytes: u64,
}

/// The server beside the raw limits of the same run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratios {
    /// Rows per commit that the saturated server reached, and that the bare insert was measured with.
    pub rows_per_commit: usize,
    /// Saturated server ÷ bare batched insert.
    pub of_bare_inserts: f64,
    /// CPU time of the saturated server for a message ÷ that of the bare insert for a row: what a busy machine
    /// distorts least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_of_bare_inserts: Option<f64>,
    /// Saturated server ÷ relay without storage.
    pub of_bare_relay: f64,
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    fn groups(devices: usize, read_ms: f64) -> Groups {
        let commit = GroupCommit {
            bytes: 4_000 * devices,
            acknowledged_ms: read_ms,
            written_bytes: 8_192,
        };
        Groups {
            devices,
            read_ms,
            load_and_read_ms: read_ms,
            addition: commit,
            added: devices - 1,
            welcome_bytes: 1_200 * devices,
            joining_bytes: 1_500 * devices,
            pause_ms_max: read_ms,
            first_update: commit,
            update: commit,
            client_reads_ms: read_ms,
            client_applies_ms: read_ms,
        }
    }

    /// A report with every part.
    pub(crate) fn report() -> Report {
        let times = Percentiles {
            count: 3,
            p50_ms: 1.25,
            p99_ms: 20.5,
            max_ms: 30.0,
        };
        let load = Load {
            offered_per_s: Some(25_000),
            connections: 64,
            conversations: 128,
            acknowledged_per_s: 24_990.0,
            send_to_ack: times,
            send_to_receive: times,
            server_cpu_us_per_message: Some(22.5),
            messages_per_commit: Some(100.0),
            undelivered: 0,
            given_up: 0,
        };
        let saturated = Load {
            offered_per_s: None,
            acknowledged_per_s: 31_000.0,
            ..load
        };
        Report {
            version: "0.0.0",
            server: "a sample".to_owned(),
            cores: 2,
            quick: true,
            content_bytes: 1024,
            message_bytes: 1170,
            raw: Some(RawLimits {
                fdatasync_per_s: 8_000.0,
                inserts: vec![RawInserts {
                    rows_per_commit: 100,
                    rows_per_s: 40_000.0,
                    cpu_us_per_row: 11.0,
                }],
                relay: saturated,
            }),
            sign_ups_per_s: Some(1_300.0),
            idle: Some(Idle {
                connections: 10_000,
                connects_per_s: 6_000.0,
                server_cpu_us_per_connect: 150.0,
                before: Memory {
                    pss_kib: 10_240,
                    rss_kib: 12_288,
                },
                with_connections: Memory {
                    pss_kib: 61_440,
                    rss_kib: 63_488,
                },
                server_kib_per_connection: 5.1,
            }),
            load: vec![load, saturated],
            turns: vec![Turns {
                offered_per_s: Some(100),
                turns_per_s: 99.0,
                commit: times,
                turn: times,
                server_cpu_us_per_turn: Some(900.0),
            }],
            fan_out: vec![FanOut {
                listeners: 1_000,
                messages_per_s: 99.0,
                deliveries_per_s: 99_000.0,
                send_to_receive: times,
                server_cpu_us_per_delivery: 4.7,
            }],
            receipts: vec![Receipts {
                members: 100,
                registers: TextCost {
                    texts: 101,
                    deliveries_per_text: 198.0,
                    server_cpu_us_per_text: 5_000.0,
                },
                messages: TextCost {
                    texts: 51,
                    deliveries_per_text: 19_701.0,
                    server_cpu_us_per_text: 50_000.0,
                },
            }],
            groups: vec![groups(2, 1.0), groups(1_000, 10.0)],
            joins: vec![Joins {
                members: 3,
                joiners: 200,
                all_in_s: 20.0,
                join: times,
                fetches: 210,
                pause_ms_max: 100.0,
            }],
            ratios: Some(Ratios {
                rows_per_commit: 100,
                of_bare_inserts: 0.775,
                cpu_of_bare_inserts: Some(2.0),
                of_bare_relay: 0.2,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    /// Scripts read these names.
    #[test]
    fn the_json_document_keeps_its_shape() {
        insta::assert_snapshot!(serde_json::to_string(&super::samples::report()).unwrap(), @r#"{"version":"0.0.0","server":"a sample","cores":2,"quick":true,"content_bytes":1024,"message_bytes":1170,"raw":{"fdatasync_per_s":8000.0,"inserts":[{"rows_per_commit":100,"rows_per_s":40000.0,"cpu_us_per_row":11.0}],"relay":{"connections":64,"conversations":128,"acknowledged_per_s":31000.0,"send_to_ack":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"send_to_receive":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"server_cpu_us_per_message":22.5,"messages_per_commit":100.0,"undelivered":0,"given_up":0}},"sign_ups_per_s":1300.0,"idle":{"connections":10000,"connects_per_s":6000.0,"server_cpu_us_per_connect":150.0,"before":{"pss_kib":10240,"rss_kib":12288},"with_connections":{"pss_kib":61440,"rss_kib":63488},"server_kib_per_connection":5.1},"load":[{"offered_per_s":25000,"connections":64,"conversations":128,"acknowledged_per_s":24990.0,"send_to_ack":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"send_to_receive":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"server_cpu_us_per_message":22.5,"messages_per_commit":100.0,"undelivered":0,"given_up":0},{"connections":64,"conversations":128,"acknowledged_per_s":31000.0,"send_to_ack":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"send_to_receive":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"server_cpu_us_per_message":22.5,"messages_per_commit":100.0,"undelivered":0,"given_up":0}],"turns":[{"offered_per_s":100,"turns_per_s":99.0,"commit":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"turn":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"server_cpu_us_per_turn":900.0}],"fan_out":[{"listeners":1000,"messages_per_s":99.0,"deliveries_per_s":99000.0,"send_to_receive":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"server_cpu_us_per_delivery":4.7}],"receipts":[{"members":100,"registers":{"texts":101,"deliveries_per_text":198.0,"server_cpu_us_per_text":5000.0},"messages":{"texts":51,"deliveries_per_text":19701.0,"server_cpu_us_per_text":50000.0}}],"groups":[{"devices":2,"read_ms":1.0,"load_and_read_ms":1.0,"addition":{"bytes":8000,"acknowledged_ms":1.0,"written_bytes":8192},"added":1,"welcome_bytes":2400,"joining_bytes":3000,"pause_ms_max":1.0,"first_update":{"bytes":8000,"acknowledged_ms":1.0,"written_bytes":8192},"update":{"bytes":8000,"acknowledged_ms":1.0,"written_bytes":8192},"client_reads_ms":1.0,"client_applies_ms":1.0},{"devices":1000,"read_ms":10.0,"load_and_read_ms":10.0,"addition":{"bytes":4000000,"acknowledged_ms":10.0,"written_bytes":8192},"added":999,"welcome_bytes":1200000,"joining_bytes":1500000,"pause_ms_max":10.0,"first_update":{"bytes":4000000,"acknowledged_ms":10.0,"written_bytes":8192},"update":{"bytes":4000000,"acknowledged_ms":10.0,"written_bytes":8192},"client_reads_ms":10.0,"client_applies_ms":10.0}],"joins":[{"members":3,"joiners":200,"all_in_s":20.0,"join":{"count":3,"p50_ms":1.25,"p99_ms":20.5,"max_ms":30.0},"fetches":210,"pause_ms_max":100.0}],"ratios":{"rows_per_commit":100,"of_bare_inserts":0.775,"cpu_of_bare_inserts":2.0,"of_bare_relay":0.2}}"#);
    }
}
