//! On an operating system: tasks of tokio, a thread for the engine, a folder for the profile.

mod json;
mod network;
mod profile;
mod tasks;
mod time;
mod tls;

pub(crate) use json::{from_json, to_json};
pub(crate) use network::{Http, Network, Receiver, Sender, read_address};
pub use profile::exists as profile_exists;
pub(crate) use profile::{Draft, Profile};
pub(crate) use tasks::{EngineThread, Tasks, compute};
pub(crate) use time::{now, sleep, timeout};
