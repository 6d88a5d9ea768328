//! In a browser: everything on the one thread of a dedicated worker, the network of the browser, the profile
//! in the origin private file system and in IndexedDB.

mod json;
mod keys;
mod network;
mod pool;
mod profile;
mod tasks;
mod time;

pub(crate) use json::{from_json, to_json};
pub(crate) use network::{Http, Network, Receiver, Sender, read_address};
pub(crate) use profile::{Draft, Profile};
pub use profile::{exists as profile_exists, forget_profile};
pub(crate) use tasks::{EngineThread, Tasks, compute};
pub(crate) use time::{now, sleep, timeout};

use wasm_bindgen::JsValue;

/// A browser's description of an error: its name and message.
fn reason(error: &JsValue) -> String {
    use wasm_bindgen::JsCast as _;
    if let Some(error) = error.dyn_ref::<web_sys::DomException>() {
        return format!("{}: {}", error.name(), error.message());
    }
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
