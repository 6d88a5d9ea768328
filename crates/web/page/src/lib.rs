//! The page of the web app: what people see and touch, in Leptos.
//!
//! It knows only what its worker reports (`subrosa-web-rpc`), keeps that in one store, and decides nothing about
//! messages. What people write is shown as text, never as markup.

#![expect(
    unreachable_pub,
    reason = "the component macro writes `pub` structs for private components"
)]

mod app;
mod auth;
mod browser;
mod chats;
mod components;
mod format;
mod i18n;
mod language;
mod later;
mod limits;
mod link;
mod model;
mod reactive;
mod router;
mod settings;
mod store;
mod theme;

use wasm_bindgen::prelude::wasm_bindgen;

/// Replaces what the page shows while it loads by the app.
#[wasm_bindgen(start)]
pub fn start() {
    // A panic is logged to the browser's console, with its location.
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
    }));
    let Some(place) = browser::document().get_element_by_id("app") else {
        return;
    };
    wasm_bindgen_futures::spawn_local(async move {
        i18n::start().await;
        place.set_text_content(None);
        leptos::mount::mount_to(wasm_bindgen::JsCast::unchecked_into(place), app::App).forget();
    });
}
