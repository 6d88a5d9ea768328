//! What is loaded after the first screen: everything that only somebody who is signed in gets to see.
//!
//! The build makes a module of its own of [`messenger`] and of what only it needs (docs/adr/0010). Code that the first
//! screen does not need belongs behind it: what the rest of the page names, the first screen waits for.

use leptos::{
    either::EitherOf3,
    prelude::*,
    task::spawn_local,
    wasm_split::{SplitLoaderError, wasm_split},
};

use crate::{auth::trouble, chats::Layout};

/// Draws the messenger.
type Draw = fn() -> AnyView;

#[allow(
    clippy::unnecessary_wraps,
    reason = "loading it may fail, which the macro adds"
)]
#[wasm_split(messenger, fallible, wasm_split_path = leptos::wasm_split)]
fn messenger() -> Result<Draw, SplitLoaderError> {
    Ok(|| view! { <Layout /> }.into_any())
}

/// How far the messenger has been loaded.
#[derive(Debug, Clone, Copy)]
enum Progress {
    Loading,
    Failed,
    Loaded(Draw),
}

/// Loads it while the browser has nothing else to do. If that fails, [`Messenger`] tries again and says so.
pub(crate) fn preload() {
    request_idle_callback(|| spawn_local(async { drop(messenger().await) }));
}

/// The messenger, or how far it has been loaded.
#[component]
pub(crate) fn Messenger() -> impl IntoView {
    let progress = RwSignal::new(Progress::Loading);
    let load = move || {
        progress.set(Progress::Loading);
        spawn_local(async move {
            progress.try_set(messenger().await.map_or(Progress::Failed, Progress::Loaded));
        });
    };
    load();
    move || match progress.get() {
        Progress::Loading => EitherOf3::A(view! { <trouble::Starting /> }),
        Progress::Failed => EitherOf3::B(view! { <trouble::NotLoaded again=load /> }),
        Progress::Loaded(draw) => EitherOf3::C(draw()),
    }
}
