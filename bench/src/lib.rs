//! Load generator and benchmarks: what the server does, beside what the machine could do at best.
//!
//! [`measure_here`] starts a server in a process of its own and measures it together with the raw limits of
//! the machine; [`measure_server`] puts the same load on a server somewhere else. Both return a [`Report`],
//! which prints as a table and serialises as one JSON document. `README.md` says how to read it.
//!
//! The generator is one thread, so that it takes no more than one core from a server on the same machine.

pub mod limits;
mod plan;
mod report;
mod table;

mod local;
mod measure;
mod remote;

mod fan_out;
mod groups;
mod idle;
mod joins;
mod load;
mod receipts;
mod turns;

pub mod crowd;

mod conversation;
mod message;
mod party;
mod person;
mod seed;

mod clock;
mod latency;
mod live;
mod probe;

mod child;
mod raw;
mod serve;

use std::path::Path;

use anyhow::{Result, anyhow};
use tokio::{runtime, task::LocalSet};

pub use latency::Percentiles;
#[doc(hidden)]
pub use live::websocket; // for the fuzzer
pub use plan::{Part, Plan};
pub use probe::Memory;
pub use report::{
    FanOut, GroupCommit, Groups, Idle, Load, Ratios, RawInserts, RawLimits, Receipts, Report, TextCost, Turns,
};

/// Told what is being done, one line for each step.
pub type Progress<'a> = &'a dyn Fn(&str);

/// Measures this machine and a server of its own. Blocks.
///
/// Starts the running program again as `serve FOLDER` and as `relay`, so it works only in a program that knows
/// these (see [`serve`] and [`relay`]).
pub fn measure_here(plan: &Plan, progress: Progress<'_>) -> Result<Report> {
    on_one_thread(local::run(plan, progress))
}

/// Measures the server at a base address such as `https://chat.example.org`. Blocks.
///
/// Makes accounts at the server, which stay: meant for one that is not in use yet.
pub fn measure_server(server: &str, plan: &Plan, progress: Progress<'_>) -> Result<Report> {
    on_one_thread(remote::run(server, plan, progress))
}

/// Runs a server on a free port until standard input ends; `listening` is told its base address. Blocks.
pub fn serve(data: &Path, listening: impl Fn(&str) + Send) -> Result<()> {
    runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve::run(data, listening))
}

/// Runs the relay without storage until standard input ends; `listening` is told its base address. Blocks.
pub fn relay(listening: impl Fn(&str)) -> Result<()> {
    on_one_thread(raw::relay::run(listening))
}

fn on_one_thread<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    // Whoever calls may have chosen a provider before; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow!("the generator cannot start: {error}"))?;
    LocalSet::new().block_on(&runtime, work)
}
