//! What a server process uses: CPU time and memory from /proc, transactions from its metrics.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::limits::CALL_TIMEOUT;

/// Linux counts CPU time in hundredths of a second in /proc, whatever the kernel's own tick is.
const TICKS_PER_SECOND: u32 = 100;
/// The server's count of transactions, with the suffix of a histogram.
const TRANSACTIONS: &str = "subrosa_store_commit_seconds_count";

/// Looks at a process on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pid: u32,
    metrics: Option<reqwest::Url>,
    http: reqwest::Client,
}

/// The counters of a process at one instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    cpu: Duration,
    written_bytes: u64,
    transactions: Option<f64>,
}

/// What a process has used between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// User and system time of all threads.
    pub(crate) cpu: Duration,
    /// Bytes that it has written to files, before the cache of the file system puts them together.
    pub(crate) written_bytes: u64,
    /// Transactions of the storage; `None` if the process does not tell.
    pub(crate) transactions: Option<f64>,
}

/// The memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Its share of what it has in RAM, in KiB: what ending it would free.
    pub pss_kib: u64,
    /// What it has in RAM, shared or not, in KiB.
    pub rss_kib: u64,
}

impl Probe {
    /// A probe for this process; `metrics` is where it tells about itself.
    pub(crate) fn new(pid: u32, metrics: Option<reqwest::Url>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self { pid, metrics, http })
    }

    pub(crate) async fn sample(&self) -> Result<Sample> {
        let transactions = match &self.metrics {
            Some(url) => {
                let text = self
                    .http
                    .get(url.clone())
                    .send()
                    .await?
                    .error_for_status()?
                    .text()
                    .await?;
                metric(&text, TRANSACTIONS)
            }
            None => None,
        };
        let path = format!("/proc/{}/stat", self.pid);
        let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let cpu = cpu_time(&stat).with_context(|| format!("{path} has another form than expected"))?;
        let path = format!("/proc/{}/io", self.pid);
        let io = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let written_bytes =
            written_bytes(&io).with_context(|| format!("{path} has another form than expected"))?;
        Ok(Sample {
            cpu,
            written_bytes,
            transactions,
        })
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let rollup = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        memory(&rollup).with_context(|| format!("{path} has another form than expected"))
    }
}

/// CPU time that the calling thread has used so far.
pub(crate) fn thread_cpu() -> Result<Duration> {
    const PATH: &str = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(PATH).with_context(|| format!("reading {PATH}"))?;
    let nanos = text
        .split_whitespace()
        .next()
        .and_then(|field| field.parse().ok());
    nanos
        .map(Duration::from_nanos)
        .with_context(|| format!("{PATH} has another form than expected"))
}

impl Sample {
    pub(crate) fn since(&self, before: &Self) -> Usage {
        Usage {
            cpu: self.cpu.saturating_sub(before.cpu),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
            transactions: self
                .transactions
                .zip(before.transactions)
                .map(|(now, before)| now - before),
        }
    }
}

/// Fields 14 and 15 of /proc/pid/stat, counted behind the name, which may hold anything.
fn cpu_time(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs(user + system) / TICKS_PER_SECOND)
}

fn written_bytes(io: &str) -> Option<u64> {
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:"))?;
    line.trim().parse().ok()
}

fn memory(rollup: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory {
        pss_kib: kib("Pss:")?,
        rss_kib: kib("Rss:")?,
    })
}

/// The sum of all samples of this name in the text format of Prometheus.
fn metric(text: &str, name: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with([' ', '{']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_name_with_spaces_and_brackets() {
        let stat = "4242 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 5 0 100 1 2";
        assert_eq!(cpu_time(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_time("4242 (x"), None);
    }

    #[test]
    fn written_bytes_are_those_of_files() {
        let io = "rchar: 1\nwchar: 2\nsyscr: 3\nread_bytes: 4\nwrite_bytes: 8192\ncancelled_write_bytes: 5\n";
        assert_eq!(written_bytes(io), Some(8192));
    }

    #[test]
    fn memory_is_read_from_a_rollup() {
        let rollup =
            "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:     884 kB\nPss:     385 kB\nPss_Dirty:  1 kB\n";
        assert_eq!(
            memory(rollup),
            Some(Memory {
                pss_kib: 385,
                rss_kib: 884
            })
        );
    }

    #[test]
    fn a_metric_is_the_sum_of_its_labels() {
        let text = "# TYPE a_count counter\na_count{x=\"1\"} 2\na_count{x=\"2\"} 3\na_count_b 7\nb 1\n";
        assert_eq!(metric(text, "a_count"), Some(5.0));
        assert_eq!(metric(text, "c"), None);
    }
}
