//! The worker of the web app: owns the engine, and shares it among tabs.
//!
//! Every tab starts a worker of its own. The one that holds the lock of the origin leads: it opens the device and
//! carries out what the pages ask for (`leader`). The others pass the calls of their pages on to it, and repeat what
//! was not answered when another tab takes the lead (`tabs`). A page talks to its own worker only, and knows nothing
//! of this.
//!
//! Calls go one way: tabs, leader, `requests` and `watch`, `device`. What has to go back up is an event, which
//! the device hands to whoever made it.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "what a worker alone uses is compiled here for its tests")
)]

#[cfg(target_arch = "wasm32")]
mod tabs;

#[cfg(target_arch = "wasm32")]
mod leader;

#[cfg(target_arch = "wasm32")]
mod requests;
#[cfg(target_arch = "wasm32")]
mod watch;

#[cfg(target_arch = "wasm32")]
mod device;
#[cfg(target_arch = "wasm32")]
mod queries;

mod browser_name;
mod failure;
mod password;
mod shapes;
mod warnings;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod channel;

/// Starts the worker. Called by the start-up script as soon as the module is loaded.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen(start)]
pub fn start() {
    // A defect shows itself in the browser's console, with its place.
    console_error_panic_hook::set_once();
    tabs::start();
}
