//! The same load against a server somewhere else: what its operator wants to know. There is no look inside,
//! so no CPU time, no memory, no raw limits.

use anyhow::Result;

use crate::{
    Progress, clock,
    limits::CONTENT_BYTES,
    live::Endpoint,
    measure::{self, Against},
    party::Party,
    person::Registrar,
    plan::Plan,
    report::Report,
};

/// Measures the server at this base address. Must be called on a `LocalSet`.
pub(crate) async fn run(server: &str, plan: &Plan, progress: Progress<'_>) -> Result<Report> {
    progress("signing people up");
    let endpoint = Endpoint::of(server)?;
    let begun = clock::now();
    let people = Registrar::new(server)?.sign_up_many(plan.devices).await?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer people than 2^52")]
    let sign_ups_per_s = people.len() as f64 / begun.elapsed().as_secs_f64();
    progress("making conversations");
    let party = Party::gather(&endpoint, people, plan.conversations).await?;
    let against = Against {
        endpoint: &endpoint,
        probe: None,
    };
    let (load, turns) = measure::conversations(against, party, plan, progress).await?;
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        server: server.to_owned(),
        cores: measure::cores(),
        quick: plan.quick,
        content_bytes: CONTENT_BYTES,
        message_bytes: measure::message_bytes(),
        raw: None,
        sign_ups_per_s,
        idle: None,
        load,
        turns,
        fan_out: Vec::new(),
        ratios: None,
    })
}
