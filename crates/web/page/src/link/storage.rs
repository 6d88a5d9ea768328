//! How much storage the browser grants, and whether it promises not to clear it.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::{browser, limits::STORAGE_FULL};

/// Asks the browser not to clear this site's data on its own. It decides without giving a reason.
pub(crate) async fn persist() {
    let _ = ask("persist").await;
}

/// Whether the storage is almost full; `false` where the browser does not say.
pub(crate) async fn is_nearly_full() -> bool {
    let Some(estimate) = ask("estimate").await else {
        return false;
    };
    let number = |name| browser::property(&estimate, name).and_then(|value| value.as_f64());
    match (number("usage"), number("quota")) {
        (Some(usage), Some(quota)) => quota > 0.0 && usage / quota > STORAGE_FULL,
        _ => false,
    }
}

async fn ask(what: &str) -> Option<JsValue> {
    // Absent in insecure contexts.
    let storage = browser::property(&browser::window().navigator(), "storage")?;
    let method: Function = Reflect::get(&storage, &what.into()).ok()?.dyn_into().ok()?;
    let promise: Promise = method.call0(&storage).ok()?.dyn_into().ok()?;
    wasm_bindgen_futures::JsFuture::from(promise).await.ok()
}
