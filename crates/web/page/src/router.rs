//! Where the user is, in step with the browser's address and history.
//!
//! Four addresses do not need `leptos_router`: this is the History API and one signal.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsValue;

use crate::{browser, model::route::Route};

/// The route, and how to change it.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    route: RwSignal<Route>,
    // How many of the app's own addresses precede this one in the history, so that "back" never leaves the app.
    depth: StoredValue<u32>,
    // Whether the route was reached by the browser's history.
    comes_back: StoredValue<bool>,
}

impl Router {
    /// Follows the browser's address.
    pub(crate) fn start() -> Self {
        let router = Self {
            route: RwSignal::new(current()),
            depth: StoredValue::new(0),
            comes_back: StoredValue::new(false),
        };
        let _ = window_event_listener(ev::popstate, move |event| {
            router.depth.set_value(depth_of(&event.state()));
            router.comes_back.set_value(true);
            router.route.set(current());
        });
        router
    }

    /// The route. A view that reads it is updated when it changes.
    pub(crate) fn route(self) -> Route {
        self.route.get()
    }

    /// The route, without subscribing to it.
    pub(crate) fn route_now(self) -> Route {
        self.route.get_untracked()
    }

    /// Whether the user has come to the route by the browser's "back" or "forward".
    pub(crate) fn comes_back(self) -> bool {
        self.comes_back.get_value()
    }

    /// Goes to a route; "back" returns here.
    pub(crate) fn go(self, route: Route) {
        if self.route_now() == route {
            return;
        }
        let depth = self.depth.get_value() + 1;
        self.depth.set_value(depth);
        self.comes_back.set_value(false);
        let _ = history().push_state_with_url(&depth.into(), "", Some(&route.path()));
        self.route.set(route);
    }

    /// Goes to a route that replaces this one in the history.
    pub(crate) fn replace(self, route: Route) {
        let depth = self.depth.get_value();
        self.comes_back.set_value(false);
        let _ = history().replace_state_with_url(&depth.into(), "", Some(&route.path()));
        if self.route_now() != route {
            self.route.set(route);
        }
    }

    /// Goes back to where the user came from, or to the list.
    pub(crate) fn back(self) {
        if self.depth.get_value() > 0 {
            let _ = history().back();
        } else {
            self.replace(Route::List);
        }
    }

    /// Handles a click on a link to the route: goes there, unless the user wants a new tab.
    pub(crate) fn follow(self, route: Route) -> impl Fn(ev::MouseEvent) + Clone + 'static {
        move |event| {
            if event.button() == 0
                && !event.ctrl_key()
                && !event.meta_key()
                && !event.shift_key()
                && !event.alt_key()
            {
                event.prevent_default();
                self.go(route.clone());
            }
        }
    }
}

/// The router of the page.
pub(crate) fn use_router() -> Router {
    expect_context()
}

fn current() -> Route {
    let path = browser::window().location().pathname().unwrap_or_default();
    let path = js_sys::decode_uri_component(&path)
        .map(String::from)
        .unwrap_or(path);
    Route::parse(&path)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small whole number that we put there"
)]
fn depth_of(state: &JsValue) -> u32 {
    state.as_f64().unwrap_or_default() as u32
}

#[expect(clippy::expect_used, reason = "every window has a history")]
fn history() -> web_sys::History {
    browser::window().history().expect("a window has a history")
}
