//! The stage for whole-system tests: the real `subrosa` binary as server and as clients, in folders of
//! their own, with a proxy between them that records, cuts and stalls what passes.
//!
//! Everything waits for its own condition and for no longer than [`PATIENCE`]; every process dies with the
//! value that stands for it.

mod capture;

pub mod folders;

pub mod process;

pub mod http;

pub mod tcp_proxy;

pub mod server;

pub mod lies;
pub mod person;

pub mod recording;
pub mod secrets;
pub mod tampering;
pub mod terminal;

pub mod browser;

use std::time::Duration;

pub use person::{Finished, Listening, Person};
pub use server::Server;
pub use tcp_proxy::TcpProxy;

/// How long anything may take that is bound to happen: far longer than it takes on a busy machine, so that
/// running out of it is a defect and not a coincidence. Some things are bound to happen only after a while: a client
/// waits for half a minute between attempts to connect, and says every other minute that somebody is there.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// Whether the long mode was asked for: more crashes, more rounds.
pub fn is_long() -> bool {
    std::env::var_os("XTASK_TEST_LONG").is_some()
}

/// Waits until something is so.
///
/// # Panics
/// If it is not so within [`PATIENCE`].
pub async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    // Between two looks; what is looked at has no event of its own.
    const PAUSE: Duration = Duration::from_millis(20);
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, looking).await.is_ok(),
        "in {PATIENCE:?} it did not happen: {what}"
    );
}
