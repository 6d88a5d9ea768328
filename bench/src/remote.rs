//! The same load against a server somewhere else: what its operator wants to know. There is no look inside,
//! so no CPU time, no memory, no raw limits.

use anyhow::Result;

use crate::{
    Progress,
    live::Endpoint,
    measure::{self, Against},
    party::Party,
    plan::Plan,
    report::Report,
};

/// Measures the server at this base address. Must be called on a `LocalSet`.
pub(crate) async fn run(server: &str, plan: &Plan, progress: Progress<'_>) -> Result<Report> {
    let mut report = Report::new(server, plan);
    progress("signing people up");
    let endpoint = Endpoint::of(server)?;
    let people = measure::sign_up(server, plan.devices, &mut report).await?;
    progress("making conversations");
    let party = Party::gather(&endpoint, people, plan.conversations).await?;
    let against = Against {
        endpoint: &endpoint,
        probe: None,
    };
    measure::conversations(against, party, plan, &mut report, progress).await?;
    Ok(report)
}
