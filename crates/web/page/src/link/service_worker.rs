//! The service worker, which keeps the app's files for use without a network.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use super::trusted;
use crate::browser;

/// Registers it. Without one the app works, too, but cannot start without a network.
pub(crate) fn register() {
    wasm_bindgen_futures::spawn_local(async {
        let _ = try_register().await;
    });
}

async fn try_register() -> Result<(), JsValue> {
    let navigator = browser::window().navigator();
    let Some(container) = browser::property(&navigator, "serviceWorker") else {
        return Ok(());
    };
    let register: Function = Reflect::get(&container, &"register".into())?.dyn_into()?;
    let options = Object::new();
    Reflect::set(&options, &"scope".into(), &"/".into())?;
    Reflect::set(&options, &"updateViaCache".into(), &"none".into())?;
    let registered = register.call2(
        &container,
        &trusted::script_url(trusted::SERVICE_WORKER)?,
        &options,
    )?;
    wasm_bindgen_futures::JsFuture::from(registered.dyn_into::<Promise>()?).await?;
    Ok(())
}
