//! What is measured alike at a server of our own and at somebody else's: messages and turns.

use anyhow::{Context as _, Result};

use crate::{
    Progress, clock,
    limits::GIVE_UP_AFTER,
    live::Endpoint,
    load::{self, LoadOutcome, LoadPlan},
    party::Party,
    person::{Person, Registrar},
    plan::{Part, Plan},
    probe::Probe,
    report::{Load, Report},
    turns,
};

/// The server under test.
#[derive(Clone, Copy)]
pub(crate) struct Against<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) probe: Option<&'a Probe>,
}

/// Signs people up and notes how fast that was.
pub(crate) async fn sign_up(server: &str, count: usize, report: &mut Report) -> Result<Vec<Person>> {
    let begun = clock::now();
    let people = Registrar::new(server)?.sign_up_many(count).await?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer people than 2^52")]
    let rate = people.len() as f64 / begun.elapsed().as_secs_f64();
    // The first group is the largest one that there is.
    report.sign_ups_per_s.get_or_insert(rate);
    Ok(people)
}

/// Messages at each rate and saturated, then turns at their rate and saturated.
pub(crate) async fn conversations(
    against: Against<'_>,
    mut party: Party,
    plan: &Plan,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<()> {
    if plan.has(Part::Messages) {
        messages(against, &mut party, plan, report, progress).await?;
    }
    if plan.has(Part::Turns) {
        turns(against, party, plan, report, progress).await?;
    }
    Ok(())
}

async fn messages(
    against: Against<'_>,
    party: &mut Party,
    plan: &Plan,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<()> {
    let mut participants = party.participants();
    for rate in plan.rates.iter().copied().map(Some).chain([None]) {
        let what = rate.map_or("as many messages as the server takes".to_owned(), |rate| {
            format!("{rate} messages per second")
        });
        progress(&what);
        let load_plan = LoadPlan {
            rate,
            warm_up: plan.warm_up,
            measured: plan.measured,
            give_up_after: GIVE_UP_AFTER,
        };
        let outcome = load::run(against.endpoint, &mut participants, load_plan, against.probe)
            .await
            .context(what)?;
        report.load.push(row(rate, plan, load_plan, &outcome));
    }
    party.settle(&participants);
    Ok(())
}

async fn turns(
    against: Against<'_>,
    mut party: Party,
    plan: &Plan,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<()> {
    progress("preparing turns");
    let mut scripts = turns::prepare(&mut party, plan.turns * 2)?;
    for rate in [Some(plan.turn_rate), None] {
        let what = rate.map_or("as many turns as the server takes".to_owned(), |rate| {
            format!("{rate} turns per second")
        });
        progress(&what);
        let row = turns::run(
            against.endpoint,
            &party,
            &mut scripts,
            plan.turns,
            rate,
            against.probe,
        );
        report.turns.push(row.await.context(what)?);
    }
    Ok(())
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
        given_up: outcome.given_up,
    }
}
