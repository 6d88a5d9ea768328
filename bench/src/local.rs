//! The whole benchmark on one machine: raw limits, and a server of our own in a process of its own.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{
    Progress,
    child::{Child, Role},
    fan_out, idle,
    limits::CONTENT_BYTES,
    live::Endpoint,
    load::{self, LoadPlan},
    measure::{self, Against},
    party::Party,
    person::{Person, Registrar},
    plan::Plan,
    raw,
    report::{FanOut, Idle, Load, Ratios, RawInserts, RawLimits, Report},
    seed,
};

/// Rows per commit of the bare inserts, besides those that the server reached.
const ROWS_PER_COMMIT: [usize; 3] = [1, 10, 100];

/// Measures this machine and a server on it. Must be called on a `LocalSet`.
pub(crate) async fn run(plan: &Plan, progress: Progress<'_>) -> Result<Report> {
    let folder = tempfile::tempdir().context("making a folder for the data")?;
    let data = folder.path().join("data");

    progress("raw limits: fdatasync, SQLite, a relay without storage");
    let message_bytes = measure::message_bytes();
    let fdatasync_per_s = raw::sync::appends_per_s(folder.path(), message_bytes, plan.raw)?;
    let mut inserts = Vec::new();
    for rows_per_commit in ROWS_PER_COMMIT {
        inserts.push(raw::inserts::run(
            folder.path(),
            rows_per_commit,
            message_bytes,
            plan.raw,
        )?);
    }
    let relay = relay(plan).await?;

    progress("signing people up");
    let server = Child::start(Role::Server(&data)).await?;
    let listeners_max = plan.listeners.iter().max().copied().unwrap_or_default();
    let begun = crate::clock::now();
    let people = Registrar::new(&server.address)?
        .sign_up_many(plan.idle.max(listeners_max + plan.listeners.len()))
        .await?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer people than 2^52")]
    let sign_ups_per_s = people.len() as f64 / begun.elapsed().as_secs_f64();
    server.stop().await?;

    let (idle, fan_out) = many_devices(plan, &data, &people, progress).await?;
    drop(people);

    progress("making conversations");
    let server = Child::start(Role::Server(&data)).await?;
    let endpoint = Endpoint::of(&server.address)?;
    let people = Registrar::new(&server.address)?
        .sign_up_many(plan.devices)
        .await?;
    let party = Party::gather(&endpoint, people, plan.conversations).await?;
    let against = Against {
        endpoint: &endpoint,
        probe: Some(&server.probe),
    };
    let (load, turns) = measure::conversations(against, party, plan, progress).await?;
    server.stop().await?;

    let ratios = ratios(folder.path(), plan, &load, &relay, &mut inserts)?;
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        server: "a server of this version in a process of its own, SQLite".to_owned(),
        cores: measure::cores(),
        quick: plan.quick,
        content_bytes: CONTENT_BYTES,
        message_bytes,
        raw: Some(RawLimits {
            fdatasync_per_s,
            inserts,
            relay,
        }),
        sign_ups_per_s,
        idle: Some(idle),
        load,
        turns,
        fan_out,
        ratios,
    })
}

/// A fresh server process, so that memory which the sign-ups left behind does not hide what connections take.
async fn many_devices(
    plan: &Plan,
    data: &Path,
    people: &[Person],
    progress: Progress<'_>,
) -> Result<(Idle, Vec<FanOut>)> {
    // Each conversation has a sender of its own, so that no two people share two of them.
    let (senders, listeners) = people.split_at(plan.listeners.len());
    let sets: Vec<Vec<&Person>> = senders
        .iter()
        .zip(&plan.listeners)
        .map(|(sender, count)| {
            std::iter::once(sender)
                .chain(listeners.iter().take(*count))
                .collect()
        })
        .collect();
    let mut conversations = seed::conversations(data, &sets).await?;

    let server = Child::start(Role::Server(data)).await?;
    let endpoint = Endpoint::of(&server.address)?;
    progress(&format!("connecting {} idle devices", plan.idle));
    let idle = idle::run(&endpoint, &people[..plan.idle], &server.probe).await?;
    let mut rows = Vec::new();
    for (members, outbound) in sets.iter().zip(&mut conversations) {
        let [sender, listeners @ ..] = members.as_slice() else {
            continue;
        };
        progress(&format!("one sender, {} listeners", listeners.len()));
        rows.push(
            fan_out::run(
                &endpoint,
                sender,
                listeners,
                outbound,
                plan.measured,
                &server.probe,
            )
            .await?,
        );
    }
    server.stop().await?;
    Ok((idle, rows))
}

async fn relay(plan: &Plan) -> Result<Load> {
    let relay = Child::start(Role::Relay).await?;
    let devices = u32::try_from(plan.devices)?;
    let conversations = u32::try_from(plan.conversations.div_ceil(plan.devices))?;
    let mut participants = raw::relay::participants(devices, conversations);
    let load_plan = LoadPlan {
        rate: None,
        warm_up: plan.warm_up,
        measured: plan.raw,
    };
    let endpoint = Endpoint::of(&relay.address)?;
    let outcome = load::run(&endpoint, &mut participants, load_plan, Some(&relay.probe)).await?;
    relay.stop().await?;
    Ok(measure::row(None, plan, load_plan, &outcome))
}

/// Measures the bare insert once more, with the rows per commit that the saturated server reached.
fn ratios(
    folder: &Path,
    plan: &Plan,
    load: &[Load],
    relay: &Load,
    inserts: &mut Vec<RawInserts>,
) -> Result<Option<Ratios>> {
    let Some(saturated) = load.iter().find(|row| row.offered_per_s.is_none()) else {
        return Ok(None);
    };
    let Some(reached) = saturated.messages_per_commit else {
        return Ok(None);
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a batch has at most some thousand rows"
    )]
    let rows_per_commit = (reached.round() as usize).max(1);
    let bare = raw::inserts::run(folder, rows_per_commit, measure::message_bytes(), plan.raw)?;
    inserts.push(bare);
    Ok(Some(Ratios {
        rows_per_commit,
        of_bare_inserts: saturated.acknowledged_per_s / bare.rows_per_s,
        of_bare_relay: saturated.acknowledged_per_s / relay.acknowledged_per_s,
    }))
}
