//! What the worker needs of the browser, apart from the engine's storage and network.

use js_sys::{Array, ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use tokio::sync::oneshot;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, DedicatedWorkerGlobalScope, MessageEvent};

/// The scope of this worker.
pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// The origin that this worker was loaded from: the server.
pub(crate) fn origin() -> String {
    scope().location().origin()
}

/// How the browser names itself.
pub(crate) fn user_agent() -> String {
    scope().navigator().user_agent().unwrap_or_default()
}

/// Calls `receive` with every message from the page.
pub(crate) fn listen_to_page(receive: impl Fn(Vec<u8>) + 'static) {
    let listener = on_bytes(receive);
    scope().set_onmessage(Some(listener.into_js_value().unchecked_ref()));
}

/// Sends bytes to the page.
pub(crate) fn post_to_page(bytes: &[u8]) {
    let buffer = Uint8Array::from(bytes).buffer();
    // This fails only for what cannot be transferred; a buffer can.
    let _ = scope().post_message_with_transfer(&buffer, &Array::of1(&buffer));
}

/// A channel to the other tabs.
pub(crate) fn channel(name: &str, receive: impl Fn(Vec<u8>) + 'static) -> Option<BroadcastChannel> {
    let channel = BroadcastChannel::new(name).ok()?;
    let listener = on_bytes(receive);
    channel.set_onmessage(Some(listener.into_js_value().unchecked_ref()));
    Some(channel)
}

/// Sends bytes to the other tabs.
pub(crate) fn post(channel: &BroadcastChannel, bytes: &[u8]) {
    let _ = channel.post_message(&Uint8Array::from(bytes).buffer());
}

fn on_bytes(receive: impl Fn(Vec<u8>) + 'static) -> Closure<dyn Fn(MessageEvent)> {
    Closure::new(move |event: MessageEvent| {
        if let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() {
            receive(Uint8Array::new(&buffer).to_vec());
        }
    })
}

/// A lock of the origin (Web Locks), held until it is released or the worker ends.
pub(crate) struct Lock {
    release: Function,
}

impl Lock {
    /// Waits for the lock; `None` where the browser has no locks.
    pub(crate) async fn acquire(name: &str) -> Option<Self> {
        let locks = Reflect::get(&scope().navigator(), &"locks".into()).ok()?;
        let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
        let (granted, grant) = oneshot::channel();
        let on_grant = Closure::once(move |_: JsValue| {
            let mut release = None;
            let held = Promise::new(&mut |resolve, _| release = Some(resolve));
            let _ = granted.send(release);
            held
        });
        request
            .call2(&locks, &name.into(), &on_grant.into_js_value())
            .ok()?;
        let release = grant.await.ok()??;
        Some(Self { release })
    }

    /// Releases the lock to the next tab.
    pub(crate) fn release(self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}
