//! What is measured alike at a server of our own and at somebody else's: messages and turns.

use anyhow::{Context as _, Result};
use subrosa_client::ambient;
use subrosa_wire::ConversationId;

use crate::{
    Progress,
    limits::CONTENT_BYTES,
    live::Endpoint,
    load::{self, LoadOutcome, LoadPlan},
    message::application_message,
    party::Party,
    plan::Plan,
    probe::Probe,
    report::{Load, Turns},
    turns,
};

/// The server under test.
#[derive(Clone, Copy)]
pub(crate) struct Against<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) probe: Option<&'a Probe>,
}

/// Messages at each rate and saturated, then turns at their rate and saturated.
pub(crate) async fn conversations(
    against: Against<'_>,
    mut party: Party,
    plan: &Plan,
    progress: Progress<'_>,
) -> Result<(Vec<Load>, Vec<Turns>)> {
    let mut participants = party.participants();
    let mut loads = Vec::new();
    for rate in plan.rates.iter().copied().map(Some).chain([None]) {
        match rate {
            Some(rate) => progress(&format!("{rate} messages per second")),
            None => progress("as many messages as the server takes"),
        }
        let load_plan = LoadPlan {
            rate,
            warm_up: plan.warm_up,
            measured: plan.measured,
        };
        let outcome = load::run(against.endpoint, &mut participants, load_plan, against.probe)
            .await
            .with_context(|| {
                rate.map_or("the saturated server".to_owned(), |rate| {
                    format!("{rate} messages per second")
                })
            })?;
        loads.push(row(rate, plan, load_plan, &outcome));
    }
    party.settle(&participants);
    drop(participants);

    progress("preparing turns");
    let mut scripts = turns::prepare(&mut party, plan.turns * 2)?;
    let mut rows = Vec::new();
    for rate in [Some(plan.turn_rate), None] {
        match rate {
            Some(rate) => progress(&format!("{rate} turns per second")),
            None => progress("as many turns as the server takes"),
        }
        rows.push(
            turns::run(
                against.endpoint,
                &party,
                &mut scripts,
                plan.turns,
                rate,
                against.probe,
            )
            .await
            .context("turns of conversations")?,
        );
    }
    Ok((loads, rows))
}

/// A row of the report.
pub(crate) fn row(rate: Option<u32>, plan: &Plan, load_plan: LoadPlan, outcome: &LoadOutcome) -> Load {
    let messages = outcome.acknowledged_per_s * load_plan.measured.as_secs_f64();
    Load {
        offered_per_s: rate,
        connections: plan.devices,
        conversations: plan.conversations,
        acknowledged_per_s: outcome.acknowledged_per_s,
        send_to_ack: outcome.send_to_ack,
        send_to_receive: outcome.send_to_receive,
        server_cpu_us_per_message: outcome
            .usage
            .map(|usage| usage.cpu.as_secs_f64() * 1e6 / messages.max(1.0)),
        messages_per_commit: outcome
            .usage
            .and_then(|usage| usage.transactions)
            .filter(|transactions| *transactions > 0.0)
            .map(|transactions| messages / transactions),
        undelivered: outcome.undelivered,
    }
}

/// The length of a message as it is stored, in bytes.
pub(crate) fn message_bytes() -> usize {
    application_message(
        ConversationId::from_bytes([0; 16]),
        1,
        CONTENT_BYTES,
        &mut ambient::SystemRandom,
    )
    .len()
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
