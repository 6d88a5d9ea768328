//! The page's link to its worker: calls and answers, matched by id, and events.
//!
//! When the worker dies, the link is gone for good: every pending call fails, and the page says so.
//!
//! A page that is left terminates its worker, and reloads if the browser shows it again. Browsers freeze such a page so
//! that they can restore it at once. Chromium (156) then stops its worker in the middle of its work, and if it discards
//! the page after all, the worker's next write to a file crashes the whole process, and the other tabs with it.

mod service_worker;
mod storage;
mod trusted;

use std::{cell::RefCell, collections::HashMap};

use futures_channel::oneshot;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use leptos::prelude::window_event_listener_untyped;
use subrosa_web_rpc::{Answer, Call, Event, Failure, FailureKind, Request, ToPage, decode, encode};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker};

pub(crate) use service_worker::register as register_service_worker;
pub(crate) use storage::{is_nearly_full, persist};

use crate::browser;

struct Link {
    worker: Worker,
    /// Calls made before the worker was ready; `None` once it is.
    early: Option<Vec<ArrayBuffer>>,
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Answer, Failure>>>,
}

thread_local! {
    static LINK: RefCell<Option<Link>> = const { RefCell::new(None) };
}

/// Starts the worker. `event` gets its events, `death` the reason when it is gone.
pub(crate) fn start(event: impl Fn(Event) + 'static, death: impl Fn(String) + Clone + 'static) {
    let worker = match browser::meta("subrosa-worker")
        .ok_or(JsValue::NULL)
        .and_then(|path| trusted::worker(&path))
    {
        Ok(worker) => worker,
        Err(error) => return death(format!("the worker does not start: {error:?}")),
    };
    let on_message = Closure::<dyn Fn(MessageEvent)>::new({
        let death = death.clone();
        move |message: MessageEvent| {
            let Ok(buffer) = message.data().dyn_into::<ArrayBuffer>() else {
                return;
            };
            match decode::<ToPage>(&Uint8Array::new(&buffer).to_vec()) {
                Ok(ToPage::Ready { life }) => {
                    post_early();
                    if let Some(life) = life {
                        let death = death.clone();
                        browser::when_free(&life, move || end(&death, "the worker has ended".to_owned()));
                    }
                }
                Ok(ToPage::Event(told)) => event(told),
                Ok(ToPage::Answer { id, result }) => settle(id, result),
                Err(error) => end(&death, error.to_string()),
            }
        }
    });
    let on_error = Closure::<dyn Fn(JsValue)>::new(move |error: JsValue| {
        let reason = browser::property(&error, "message").and_then(|reason| reason.as_string());
        end(
            &death,
            reason.unwrap_or_else(|| "the worker could not be loaded".to_owned()),
        );
    });
    // The page lives as long as these do.
    worker.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
    LINK.set(Some(Link {
        worker,
        early: Some(Vec::new()),
        next: 1,
        waiting: HashMap::new(),
    }));
    window_event_listener_untyped("pagehide", |_| {
        if let Some(link) = LINK.take() {
            link.worker.terminate();
        }
    });
    window_event_listener_untyped("pageshow", |event| {
        let is_back = browser::property(&event, "persisted").is_some_and(|persisted| persisted.is_truthy());
        if is_back {
            browser::reload();
        }
    });
}

/// Asks the worker for something.
pub(crate) async fn call(request: Request) -> Result<Answer, Failure> {
    let answer = LINK.with_borrow_mut(|link| {
        let link = link.as_mut()?;
        let id = link.next;
        link.next += 1;
        let bytes = Uint8Array::from(encode(&Call { id, request }).as_slice()).buffer();
        match &mut link.early {
            Some(early) => early.push(bytes),
            None => post(&link.worker, &bytes).ok()?,
        }
        let (sender, receiver) = oneshot::channel();
        link.waiting.insert(id, sender);
        Some(receiver)
    });
    match answer {
        Some(answer) => answer.await.unwrap_or_else(|_| Err(gone())),
        None => Err(gone()),
    }
}

fn post(worker: &Worker, bytes: &ArrayBuffer) -> Result<(), JsValue> {
    worker.post_message_with_transfer(bytes, &Array::of1(bytes))
}

/// The worker is ready: posts what waited for it.
fn post_early() {
    LINK.with_borrow_mut(|link| {
        let Some(link) = link else { return };
        for bytes in link.early.take().unwrap_or_default() {
            // A call that cannot be posted fails when the worker's death is noticed.
            let _ = post(&link.worker, &bytes);
        }
    });
}

fn gone() -> Failure {
    Failure::new(FailureKind::Internal, "the worker is gone")
}

fn settle(id: u64, result: Result<Answer, Failure>) {
    let waiting = LINK.with_borrow_mut(|link| link.as_mut()?.waiting.remove(&id));
    if let Some(waiting) = waiting {
        // The caller may be gone.
        let _ = waiting.send(result);
    }
}

fn end(death: &impl Fn(String), reason: String) {
    if let Some(link) = LINK.take() {
        link.worker.terminate();
        death(reason);
    }
}
