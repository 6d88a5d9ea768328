//! The report as a table for people. README.md says how to read it.

use std::fmt::{self, Write as _};

use crate::{
    latency::Percentiles,
    report::{FanOut, GroupCommit, Groups, Idle, Joins, Load, Ratios, RawLimits, Receipts, Report, Turns},
};

/// The goals of the project, for a quiet machine.
mod goals {
    pub(super) const MESSAGES_PER_S: f64 = 25_000.0;
    pub(super) const P99_MS: f64 = 100.0;
    pub(super) const OF_BARE_INSERTS: f64 = 0.6;
    pub(super) const CPU_US_PER_MESSAGE: f64 = 40.0;
    pub(super) const KIB_PER_CONNECTION: f64 = 6.0;
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "subrosa-bench {}{}: {}, {} cores, messages of {} bytes ({} as stored)",
            self.version,
            if self.quick { " (quick)" } else { "" },
            self.server,
            self.cores,
            self.content_bytes,
            self.message_bytes,
        )?;
        if let Some(raw) = &self.raw {
            raw_limits(out, raw)?;
        }
        loads(out, &self.load)?;
        turns(out, &self.turns)?;
        fan_out(out, &self.fan_out)?;
        receipts(out, &self.receipts)?;
        groups(out, &self.groups)?;
        joins(out, &self.joins)?;
        if let Some(sign_ups_per_s) = self.sign_ups_per_s {
            connections(out, sign_ups_per_s, self.idle.as_ref())?;
        }
        if let Some(ratios) = &self.ratios {
            summary(out, ratios, &self.load, self.idle.as_ref())?;
        }
        Ok(())
    }
}

fn raw_limits(out: &mut impl fmt::Write, raw: &RawLimits) -> fmt::Result {
    writeln!(out, "\nRaw limits of this machine, now")?;
    line(
        out,
        "append + fdatasync",
        &format!("{}/s", thousands(raw.fdatasync_per_s)),
    )?;
    for inserts in &raw.inserts {
        let name = format!("SQLite rows, {} per commit", inserts.rows_per_commit);
        let (rate, cpu) = (thousands(inserts.rows_per_s), inserts.cpu_us_per_row);
        line(out, &name, &format!("{rate}/s, {cpu:.1} µs CPU each"))?;
    }
    let relay = &raw.relay;
    let cpu = relay
        .server_cpu_us_per_message
        .map(|cpu| format!(", {cpu:.1} µs CPU each"))
        .unwrap_or_default();
    line(
        out,
        "relay without storage",
        &format!("{}/s{cpu}", thousands(relay.acknowledged_per_s)),
    )
}

fn loads(out: &mut impl fmt::Write, loads: &[Load]) -> fmt::Result {
    let Some(first) = loads.first() else { return Ok(()) };
    writeln!(
        out,
        "\nDurable messages: {} connections, {} conversations (times in ms)",
        first.connections, first.conversations
    )?;
    writeln!(
        out,
        "  {:>10} {:>10} | {:>8} {:>8} {:>8} | {:>8} {:>8} | {:>8} {:>7}",
        "offered/s", "acked/s", "ack p50", "p99", "max", "recv p50", "p99", "µs CPU", "/commit"
    )?;
    for row in loads {
        writeln!(
            out,
            "  {:>10} {:>10} | {:>8} {:>8} {:>8} | {:>8} {:>8} | {:>8} {:>7}{}",
            row.offered_per_s
                .map_or("saturated".to_owned(), |rate| thousands(rate.into())),
            thousands(row.acknowledged_per_s),
            ms(row.send_to_ack.p50_ms),
            ms(row.send_to_ack.p99_ms),
            ms(row.send_to_ack.max_ms),
            ms(row.send_to_receive.p50_ms),
            ms(row.send_to_receive.p99_ms),
            optional(row.server_cpu_us_per_message),
            optional(row.messages_per_commit),
            shortfall(row),
        )?;
    }
    Ok(())
}

/// What is missing from a row, if anything is.
fn shortfall(row: &Load) -> String {
    let missing = [(row.given_up, "never sent"), (row.undelivered, "not delivered")];
    let missing = missing.iter().filter(|(count, _)| *count > 0);
    missing
        .map(|(count, what)| format!("  {count} {what}"))
        .collect::<Vec<_>>()
        .concat()
}

fn turns(out: &mut impl fmt::Write, rows: &[Turns]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nTurns: a self-update commit, then three messages (times in ms)"
    )?;
    writeln!(
        out,
        "  {:>10} {:>10} | {:>10} {:>8} | {:>8} {:>8} | {:>8}",
        "offered/s", "turns/s", "commit p50", "p99", "turn p50", "p99", "µs CPU"
    )?;
    for row in rows {
        writeln!(
            out,
            "  {:>10} {:>10} | {:>10} {:>8} | {:>8} {:>8} | {:>8}",
            row.offered_per_s
                .map_or("saturated".to_owned(), |rate| thousands(rate.into())),
            thousands(row.turns_per_s),
            ms(row.commit.p50_ms),
            ms(row.commit.p99_ms),
            ms(row.turn.p50_ms),
            ms(row.turn.p99_ms),
            optional(row.server_cpu_us_per_turn),
        )?;
    }
    Ok(())
}

fn fan_out(out: &mut impl fmt::Write, rows: &[FanOut]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nFan-out: one sender, members put in by the storage layer (times in ms)"
    )?;
    writeln!(
        out,
        "  {:>10} {:>10} {:>13} | {:>8} {:>8} | {:>15}",
        "listeners", "messages/s", "deliveries/s", "recv p50", "p99", "µs CPU/delivery"
    )?;
    for row in rows {
        let Percentiles { p50_ms, p99_ms, .. } = row.send_to_receive;
        writeln!(
            out,
            "  {:>10} {:>10} {:>13} | {:>8} {:>8} | {:>15.1}",
            row.listeners,
            thousands(row.messages_per_s),
            thousands(row.deliveries_per_s),
            ms(p50_ms),
            ms(p99_ms),
            row.server_cpu_us_per_delivery,
        )?;
    }
    Ok(())
}

fn receipts(out: &mut impl fmt::Write, rows: &[Receipts]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nOne text, received and read by everybody, with receipts as registers and as messages"
    )?;
    writeln!(
        out,
        "  {:>10} | {:>13} {:>11} | {:>13} {:>11} | {:>11} {:>6}",
        "members", "deliveries", "µs CPU", "as messages", "µs CPU", "deliveries", "CPU"
    )?;
    for row in rows {
        let Receipts {
            members,
            registers,
            messages,
        } = row;
        writeln!(
            out,
            "  {members:>10} | {:>13} {:>11} | {:>13} {:>11} | {:>10.1}x {:>5.1}x",
            thousands(registers.deliveries_per_text),
            thousands(registers.server_cpu_us_per_text),
            thousands(messages.deliveries_per_text),
            thousands(messages.server_cpu_us_per_text),
            messages.deliveries_per_text / registers.deliveries_per_text,
            messages.server_cpu_us_per_text / registers.server_cpu_us_per_text,
        )?;
    }
    Ok(())
}

fn joins(out: &mut impl fmt::Write, rows: &[Joins]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nRooms that many join at once by a link")?;
    writeln!(
        out,
        "  {:>7} {:>7} | {:>8} {:>9} {:>9} {:>7} {:>8}",
        "members", "joiners", "all in s", "p50 ms", "max ms", "fetches", "pause ms"
    )?;
    for row in rows {
        writeln!(
            out,
            "  {:>7} {:>7} | {:>8.1} {:>9} {:>9} {:>7} {:>8}",
            row.members,
            row.joiners,
            row.all_in_s,
            ms(row.join.p50_ms),
            ms(row.join.max_ms),
            row.fetches,
            ms(row.pause_ms_max),
        )?;
    }
    Ok(())
}

fn groups(out: &mut impl fmt::Write, rows: &[Groups]) -> fmt::Result {
    let Some(first) = rows.first() else { return Ok(()) };
    writeln!(
        out,
        "\nGroups: sizes in kB, times in ms; the factor is that to the first row"
    )?;
    writeln!(
        out,
        "  {:>7} {:>7} {:>7} {:>6} | {:>6} {:>14} {:>8} {:>8} {:>8} {:>6} {:>6}",
        "devices",
        "read",
        "loaded",
        "factor",
        "added",
        "commit",
        "Welcome",
        "joining",
        "written",
        "ack",
        "pause"
    )?;
    for row in rows {
        writeln!(
            out,
            "  {:>7} {:>7} {:>7} {:>5.1}x | {:>6} {:>14} {:>8} {:>8} {:>8} {:>6} {:>6}",
            row.devices,
            ms(row.read_ms),
            ms(row.load_and_read_ms),
            row.load_and_read_ms / first.load_and_read_ms,
            row.added,
            kb(row.addition.bytes as u64),
            kb(row.welcome_bytes as u64),
            kb(row.joining_bytes as u64),
            kb(row.addition.written_bytes),
            ms(row.addition.acknowledged_ms),
            ms(row.pause_ms_max),
        )?;
    }
    writeln!(
        out,
        "  {:>7} | {:>12} {:>8} {:>6} | {:>14} {:>7} {:>8} {:>6} | {:>12} {:>8}",
        "devices",
        "first update",
        "written",
        "ack",
        "settled update",
        "factor",
        "written",
        "ack",
        "client reads",
        "applies"
    )?;
    for row in rows {
        let GroupCommit { bytes, .. } = row.update;
        writeln!(
            out,
            "  {:>7} | {:>12} {:>8} {:>6} | {:>14} {:>6.1}x {:>8} {:>6} | {:>12} {:>8}",
            row.devices,
            kb(row.first_update.bytes as u64),
            kb(row.first_update.written_bytes),
            ms(row.first_update.acknowledged_ms),
            kb(bytes as u64),
            ratio(bytes, first.update.bytes),
            kb(row.update.written_bytes),
            ms(row.update.acknowledged_ms),
            ms(row.client_reads_ms),
            ms(row.client_applies_ms),
        )?;
    }
    Ok(())
}

fn connections(out: &mut impl fmt::Write, sign_ups_per_s: f64, idle: Option<&Idle>) -> fmt::Result {
    writeln!(out, "\nAccounts and connections")?;
    line(out, "sign-ups", &format!("{}/s", thousands(sign_ups_per_s)))?;
    let Some(idle) = idle else { return Ok(()) };
    let cpu = idle.server_cpu_us_per_connect;
    line(
        out,
        "connects",
        &format!("{}/s, {cpu:.0} µs CPU each", thousands(idle.connects_per_s)),
    )?;
    let name = format!("memory of {} idle ones", idle.connections);
    let (before, after) = (mib(idle.before.pss_kib), mib(idle.with_connections.pss_kib));
    line(
        out,
        &name,
        &format!(
            "{:.1} KiB each ({before} → {after} MiB)",
            idle.server_kib_per_connection
        ),
    )
}

fn summary(out: &mut impl fmt::Write, ratios: &Ratios, loads: &[Load], idle: Option<&Idle>) -> fmt::Result {
    writeln!(out, "\nAgainst the raw limits and the goals")?;
    let of_inserts = format!(
        "{:.0} % at {} rows per commit",
        ratios.of_bare_inserts * 100.0,
        ratios.rows_per_commit
    );
    goal(
        out,
        "server ÷ bare inserts",
        &of_inserts,
        "≥ 60 %",
        ratios.of_bare_inserts >= goals::OF_BARE_INSERTS,
    )?;
    if let Some(cpu) = ratios.cpu_of_bare_inserts {
        line(out, "CPU ÷ that of bare inserts", &format!("{cpu:.1}"))?;
    }
    line(
        out,
        "server ÷ bare relay",
        &format!("{:.0} %", ratios.of_bare_relay * 100.0),
    )?;
    let offered = loads.iter().find(|row| {
        row.offered_per_s
            .is_some_and(|rate| f64::from(rate) >= goals::MESSAGES_PER_S)
    });
    if let Some(row) = offered {
        let reached =
            row.acknowledged_per_s >= goals::MESSAGES_PER_S * 0.99 && row.send_to_ack.p99_ms < goals::P99_MS;
        let found = format!(
            "{}/s, p99 {} ms",
            thousands(row.acknowledged_per_s),
            ms(row.send_to_ack.p99_ms)
        );
        goal(
            out,
            "messages at 25,000/s",
            &found,
            "all of them, p99 < 100 ms",
            reached,
        )?;
    }
    let saturated = loads.iter().find(|row| row.offered_per_s.is_none());
    if let Some(cpu) = saturated.and_then(|row| row.server_cpu_us_per_message) {
        goal(
            out,
            "CPU per message",
            &format!("{cpu:.1} µs"),
            "≤ 40 µs",
            cpu <= goals::CPU_US_PER_MESSAGE,
        )?;
    }
    if let Some(idle) = idle {
        let kib = idle.server_kib_per_connection;
        goal(
            out,
            "memory per connection",
            &format!("{kib:.1} KiB"),
            "≤ 6 KiB",
            kib <= goals::KIB_PER_CONNECTION,
        )?;
    }
    Ok(())
}

fn goal(out: &mut impl fmt::Write, name: &str, found: &str, wanted: &str, reached: bool) -> fmt::Result {
    let verdict = if reached { "reached" } else { "missed" };
    line(out, name, &format!("{found} (goal {wanted}: {verdict})"))
}

fn line(out: &mut impl fmt::Write, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "  {name:<28} {value}")
}

fn optional(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.1}"))
}

fn ms(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most some megabytes")]
fn kb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "at most some megabytes")]
fn ratio(bytes: usize, of: usize) -> f64 {
    bytes as f64 / of.max(1) as f64
}

fn mib(kib: u64) -> u64 {
    kib / 1024
}

/// A whole number with a comma at each third digit.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        // Writing to a string cannot fail.
        let _ = text.write_char(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_commas() {
        for (value, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1000.0, "1,000"),
            (25_000.0, "25,000"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(thousands(value), text);
        }
    }

    #[test]
    fn a_report_is_a_table_of_at_most_110_columns() {
        let table = crate::report::samples::report().to_string();
        assert!(table.lines().all(|line| line.chars().count() <= 110), "{table}");
        insta::assert_snapshot!(table, @r"
        subrosa-bench 0.0.0 (quick): a sample, 2 cores, messages of 1024 bytes (1170 as stored)

        Raw limits of this machine, now
          append + fdatasync           8,000/s
          SQLite rows, 100 per commit  40,000/s, 11.0 µs CPU each
          relay without storage        31,000/s, 22.5 µs CPU each

        Durable messages: 64 connections, 128 conversations (times in ms)
           offered/s    acked/s |  ack p50      p99      max | recv p50      p99 |   µs CPU /commit
              25,000     24,990 |     1.25     20.5     30.0 |     1.25     20.5 |     22.5   100.0
           saturated     31,000 |     1.25     20.5     30.0 |     1.25     20.5 |     22.5   100.0

        Turns: a self-update commit, then three messages (times in ms)
           offered/s    turns/s | commit p50      p99 | turn p50      p99 |   µs CPU
                 100         99 |       1.25     20.5 |     1.25     20.5 |    900.0

        Fan-out: one sender, members put in by the storage layer (times in ms)
           listeners messages/s  deliveries/s | recv p50      p99 | µs CPU/delivery
                1000         99        99,000 |     1.25     20.5 |             4.7

        One text, received and read by everybody, with receipts as registers and as messages
             members |    deliveries      µs CPU |   as messages      µs CPU |  deliveries    CPU
                 100 |           198       5,000 |        19,701      50,000 |       99.5x  10.0x

        Groups: sizes in kB, times in ms; the factor is that to the first row
          devices    read  loaded factor |  added         commit  Welcome  joining  written    ack  pause
                2    1.00    1.00   1.0x |      1            8.0      2.4      3.0      8.2   1.00   1.00
             1000    10.0    10.0  10.0x |    999         4000.0   1200.0   1500.0      8.2   10.0   10.0
          devices | first update  written    ack | settled update  factor  written    ack | client reads  applies
                2 |          8.0      8.2   1.00 |            8.0    1.0x      8.2   1.00 |         1.00     1.00
             1000 |       4000.0      8.2   10.0 |         4000.0  500.0x      8.2   10.0 |         10.0     10.0

        Rooms that many join at once by a link
          members joiners | all in s    p50 ms    max ms fetches pause ms
                3     200 |     20.0      1.25      30.0     210    100.0

        Accounts and connections
          sign-ups                     1,300/s
          connects                     6,000/s, 150 µs CPU each
          memory of 10000 idle ones    5.1 KiB each (10 → 60 MiB)

        Against the raw limits and the goals
          server ÷ bare inserts        78 % at 100 rows per commit (goal ≥ 60 %: reached)
          CPU ÷ that of bare inserts   2.0
          server ÷ bare relay          20 %
          messages at 25,000/s         24,990/s, p99 20.5 ms (goal all of them, p99 < 100 ms: reached)
          CPU per message              22.5 µs (goal ≤ 40 µs: reached)
          memory per connection        5.1 KiB (goal ≤ 6 KiB: reached)
        ");
    }
}
