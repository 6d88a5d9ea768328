//! Connections that do nothing: how fast they come, and what each costs the server.

use anyhow::Result;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    clock,
    limits::{PREPARE_TOGETHER, SETTLE},
    live::{Connection, Endpoint},
    person::Person,
    probe::Probe,
    report::Idle,
};

/// Connects everybody and looks at the server. The first few come before the first look, so that what the
/// server allocates once is not counted as theirs.
pub(crate) async fn run(endpoint: &Endpoint, people: &[Person], probe: &Probe) -> Result<Idle> {
    let (first, rest) = people.split_at(people.len().min(PREPARE_TOGETHER));
    let mut connections = connect(endpoint, first).await?;
    sleep(SETTLE).await;
    let before = probe.memory()?;
    let sample = probe.sample().await?;

    let begun = clock::now();
    connections.extend(connect(endpoint, rest).await?);
    let elapsed = begun.elapsed();
    let usage = probe.sample().await?.since(&sample);
    sleep(SETTLE).await;
    let with_connections = probe.memory()?;
    drop(connections);

    let grown_kib = with_connections.pss_kib.saturating_sub(before.pss_kib);
    Ok(Idle {
        connections: people.len(),
        connects_per_s: count(rest.len()) / elapsed.as_secs_f64(),
        server_cpu_us_per_connect: usage.cpu.as_secs_f64() * 1e6 / count(rest.len()),
        before,
        with_connections,
        #[expect(clippy::cast_precision_loss, reason = "far less memory than 2^52 KiB")]
        server_kib_per_connection: grown_kib as f64 / count(rest.len()),
    })
}

async fn connect(endpoint: &Endpoint, people: &[Person]) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(people.len());
    let mut under_way = JoinSet::new();
    for person in people {
        if under_way.len() >= PREPARE_TOGETHER
            && let Some(connection) = under_way.join_next().await
        {
            connections.push(connection??);
        }
        let (endpoint, token) = (endpoint.clone(), person.access_token.clone());
        under_way.spawn(async move { Connection::open(&endpoint, &token).await });
    }
    while let Some(connection) = under_way.join_next().await {
        connections.push(connection??);
    }
    Ok(connections)
}

#[expect(clippy::cast_precision_loss, reason = "far fewer connections than 2^52")]
fn count(connections: usize) -> f64 {
    connections.max(1) as f64
}
