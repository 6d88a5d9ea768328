//! The whole benchmark on one machine: raw limits, and a server of our own in a process of its own.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};

use crate::{
    Progress,
    child::{Child, Role},
    fan_out, groups, idle, joins,
    limits::GIVE_UP_AFTER,
    live::Endpoint,
    load::{self, LoadPlan},
    measure::{self, Against},
    message,
    party::Party,
    person::Person,
    plan::{Part, Plan},
    raw, receipts,
    report::{Load, Ratios, RawLimits, Report},
    seed,
};

/// Rows per commit of the bare inserts, besides those that the server reached.
const ROWS_PER_COMMIT: [usize; 3] = [1, 10, 100];
/// How often the bare insert is measured that the server is held against.
const BEST_OF: usize = 3;

/// Measures this machine and a server on it. Must be called on a `LocalSet`.
pub(crate) async fn run(plan: &Plan, progress: Progress<'_>) -> Result<Report> {
    let folder = tempfile::tempdir().context("making a folder for the data")?;
    let mut report = Report::new("a server of this version in a process of its own, SQLite", plan);
    if plan.has(Part::Raw) {
        progress("raw limits: fdatasync, SQLite, a relay without storage");
        report.raw = Some(raw_limits(plan, folder.path()).await?);
    }
    if plan.has(Part::Idle) || plan.has(Part::FanOut) || plan.has(Part::Receipts) {
        many_devices(plan, &folder.path().join("many"), &mut report, progress).await?;
    }
    if plan.has(Part::Messages) || plan.has(Part::Turns) {
        conversations(plan, &folder.path().join("few"), &mut report, progress).await?;
    }
    if plan.has(Part::Groups) {
        large_groups(plan, &folder.path().join("groups"), &mut report, progress).await?;
    }
    if let Some(raw) = &mut report.raw {
        report.ratios = ratios(folder.path(), plan, &report.load, raw)?;
    }
    Ok(report)
}

async fn raw_limits(plan: &Plan, folder: &Path) -> Result<RawLimits> {
    let message_bytes = message::stored_bytes();
    let fdatasync_per_s = raw::sync::appends_per_s(folder, message_bytes, plan.raw)?;
    let inserts = ROWS_PER_COMMIT
        .iter()
        .map(|rows| raw::inserts::run(folder, *rows, message_bytes, plan.raw))
        .collect::<Result<_>>()?;
    Ok(RawLimits {
        fdatasync_per_s,
        inserts,
        relay: relay(plan).await?,
    })
}

/// Many devices that do little. They sign up with one server process and connect to the next, so that memory
/// which the sign-ups left behind does not hide what connections take.
async fn many_devices(plan: &Plan, data: &Path, report: &mut Report, progress: Progress<'_>) -> Result<()> {
    progress("signing people up");
    let server = Child::start(Role::Server(data)).await?;
    // Each conversation has a sender of its own.
    let listeners_of: Vec<usize> = plan
        .listeners
        .iter()
        .copied()
        .chain(
            plan.receipt_members
                .iter()
                .map(|members| members.saturating_sub(1)),
        )
        .collect();
    let listeners_max = listeners_of.iter().max().copied().unwrap_or_default();
    let connected = if plan.has(Part::Idle) { plan.idle } else { 0 };
    let count = connected.max(listeners_max + listeners_of.len());
    let people = measure::sign_up(&server.address, count, report).await?;
    server.stop().await?;

    let (senders, listeners) = people.split_at(listeners_of.len());
    let sets: Vec<Vec<&Person>> = senders
        .iter()
        .zip(&listeners_of)
        .map(|(sender, count)| {
            std::iter::once(sender)
                .chain(listeners.iter().take(*count))
                .collect()
        })
        .collect();
    let mut seeded = seed::conversations(data, &sets).await?;

    let server = Child::start(Role::Server(data)).await?;
    let endpoint = Endpoint::of(&server.address)?;
    if plan.has(Part::Idle) {
        progress(&format!("connecting {} idle devices", plan.idle));
        report.idle = Some(idle::run(&endpoint, &people[..plan.idle], &server.probe).await?);
    }
    let (fan_outs, reporting) = seeded.split_at_mut(plan.listeners.len());
    for (members, outbound) in sets.iter().zip(fan_outs).filter(|_| plan.has(Part::FanOut)) {
        let [sender, listeners @ ..] = members.as_slice() else {
            continue;
        };
        progress(&format!("one sender, {} listeners", listeners.len()));
        let row = fan_out::run(
            &endpoint,
            sender,
            listeners,
            outbound,
            plan.measured,
            &server.probe,
        )
        .await?;
        report.fan_out.push(row);
    }
    let sets = &sets[plan.listeners.len()..];
    for (members, outbound) in sets.iter().zip(reporting).filter(|_| plan.has(Part::Receipts)) {
        progress(&format!("receipts of {} members", members.len()));
        let texts = receipts::Texts::for_members(members.len());
        let row = receipts::run(&endpoint, members, outbound, texts, &server.probe).await?;
        report.receipts.push(row);
    }
    server.stop().await
}

/// A few devices that do much.
async fn conversations(plan: &Plan, data: &Path, report: &mut Report, progress: Progress<'_>) -> Result<()> {
    progress("making conversations");
    let server = Child::start(Role::Server(data)).await?;
    let endpoint = Endpoint::of(&server.address)?;
    let people = measure::sign_up(&server.address, plan.devices, report).await?;
    let party = Party::gather(&endpoint, people, plan.conversations).await?;
    let against = Against {
        endpoint: &endpoint,
        probe: Some(&server.probe),
    };
    measure::conversations(against, party, plan, report, progress).await?;
    server.stop().await
}

/// Groups with all their members, each with a leaf of its own.
async fn large_groups(plan: &Plan, data: &Path, report: &mut Report, progress: Progress<'_>) -> Result<()> {
    progress("signing up members of groups");
    let server = Child::start(Role::Server(data)).await?;
    let rooms = plan.rooms.iter().map(|members| members + plan.joiners);
    let count = plan
        .group_devices
        .iter()
        .copied()
        .chain(rooms)
        .max()
        .unwrap_or_default();
    let people = measure::sign_up(&server.address, count, report).await?;
    let people: Vec<_> = people.into_iter().map(Arc::new).collect();
    for devices in &plan.group_devices {
        progress(&format!("a group of {devices} devices"));
        let profile = tempfile::tempdir()?;
        let row = groups::run(
            &server.address,
            &people[..*devices],
            profile.path(),
            &server.probe,
        )
        .await?;
        report.groups.push(row);
    }
    for members in &plan.rooms {
        progress(&format!(
            "{} people who join a room of {members} by a link",
            plan.joiners
        ));
        let row = joins::run(&server.address, &people[..members + plan.joiners], *members).await?;
        report.joins.push(row);
    }
    server.stop().await
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
        give_up_after: GIVE_UP_AFTER,
    };
    let endpoint = Endpoint::of(&relay.address)?;
    let outcome = load::run(&endpoint, &mut participants, load_plan, Some(&relay.probe)).await?;
    relay.stop().await?;
    Ok(measure::row(None, plan, load_plan, &outcome))
}

/// Measures the bare insert once more, with the rows per commit that the saturated server reached. The best
/// of three counts, so that a moment in which the machine is busy does not flatter the server.
fn ratios(folder: &Path, plan: &Plan, load: &[Load], raw: &mut RawLimits) -> Result<Option<Ratios>> {
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
    let mut bare = raw::inserts::run(folder, rows_per_commit, message::stored_bytes(), plan.raw)?;
    for _ in 1..BEST_OF {
        let again = raw::inserts::run(folder, rows_per_commit, message::stored_bytes(), plan.raw)?;
        if again.rows_per_s > bare.rows_per_s {
            bare = again;
        }
    }
    raw.inserts.push(bare);
    Ok(Some(Ratios {
        rows_per_commit,
        of_bare_inserts: saturated.acknowledged_per_s / bare.rows_per_s,
        cpu_of_bare_inserts: saturated
            .server_cpu_us_per_message
            .map(|cpu| cpu / bare.cpu_us_per_row),
        of_bare_relay: saturated.acknowledged_per_s / raw.relay.acknowledged_per_s,
    }))
}
