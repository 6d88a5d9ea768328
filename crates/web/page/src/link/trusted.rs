//! The only way to a script's address: a Trusted Types policy for the app's own files (W3C Trusted Types).

use std::cell::OnceCell;

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::Worker;

use crate::browser;

const POLICY: &str = "subrosa";
/// The service worker's path, which must be at the root to cover the whole app.
pub(super) const SERVICE_WORKER: &str = "/service-worker.js";

thread_local! {
    static MADE: OnceCell<Option<JsValue>> = const { OnceCell::new() };
}

/// Starts a module worker from a path of the app.
pub(super) fn worker(path: &str) -> Result<Worker, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"type".into(), &"module".into())?;
    Reflect::set(&options, &"name".into(), &"subrosa".into())?;
    let constructor: Function = Reflect::get(&browser::window(), &"Worker".into())?.dyn_into()?;
    let worker = Reflect::construct(&constructor, &Array::of2(&script_url(path)?, &options))?;
    Ok(worker.unchecked_into())
}

/// The path as a script address that the browser accepts: a `TrustedScriptURL` where there are Trusted Types.
pub(super) fn script_url(path: &str) -> Result<JsValue, JsValue> {
    if !allowed(path) {
        return Err(JsValue::from_str("not a script of this app"));
    }
    match MADE.with(|made| made.get_or_init(policy).clone()) {
        Some(policy) => {
            let create: Function = Reflect::get(&policy, &"createScriptURL".into())?.dyn_into()?;
            create.call1(&policy, &path.into())
        }
        None => Ok(path.into()),
    }
}

/// A path of this origin, to one of the app's files.
fn allowed(path: &str) -> bool {
    let plain = path
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'));
    plain && !path.contains("..") && (path == SERVICE_WORKER || path.starts_with("/assets/"))
}

fn policy() -> Option<JsValue> {
    let factory = browser::property(&browser::window(), "trustedTypes")?;
    let rule = Closure::<dyn Fn(String) -> JsValue>::new(|path: String| {
        // The browser refuses anything for which the policy does not return a string.
        if allowed(&path) {
            path.into()
        } else {
            JsValue::NULL
        }
    });
    let rules = Object::new();
    Reflect::set(&rules, &"createScriptURL".into(), &rule.into_js_value()).ok()?;
    let create: Function = Reflect::get(&factory, &"createPolicy".into())
        .ok()?
        .dyn_into()
        .ok()?;
    create.call2(&factory, &POLICY.into(), &rules).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_apps_own_scripts_are_allowed() {
        assert!(allowed("/assets/worker-boot-0a1b.js"));
        assert!(allowed("/service-worker.js"));
        for path in [
            "//evil.example/assets/x.js",
            "https://evil.example/x.js",
            "/v1/x.js",
            "/assets/../v1/x",
            "/assets/x.js?y",
            "data:,x",
            "",
        ] {
            assert!(!allowed(path), "{path}");
        }
    }
}
