//! Whether the user is looking at this page: it is visible, has the focus, and was used a moment ago. The worker passes
//! it on, as far as the user lets others see it.

use leptos::{leptos_dom::helpers::WindowListenerHandle, prelude::*, task::spawn_local};
use subrosa_web_rpc::Request;

use crate::{
    browser,
    limits::AWAY_AFTER,
    link,
    reactive::effect,
    store::{Store, use_store},
};

/// What somebody does who is using the page.
const USES: [&str; 5] = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"];
/// What changes whether the page is looked at, and is done by somebody, too.
const CHANGES: [&str; 3] = ["focus", "blur", "visibilitychange"];

#[derive(Clone, Copy)]
struct Here {
    store: Store,
    /// When the page was last used.
    used_ms: StoredValue<u64>,
    /// What was last reported.
    is_reported: StoredValue<bool>,
    /// Whether a timer runs that ends with a look.
    is_waiting: StoredValue<bool>,
}

/// Reports whether the user is looking at the page for as long as the calling component is shown.
pub(super) fn report() {
    let here = Here {
        store: use_store(),
        used_ms: StoredValue::new(browser::now_ms()),
        is_reported: StoredValue::new(false),
        is_waiting: StoredValue::new(false),
    };
    let uses = USES.map(|event| window_event_listener_untyped(event, move |_| here.used()));
    let changes = CHANGES.map(|event| window_event_listener_untyped(event, move |_| here.changed()));
    effect!(move || {
        // Another tab may lead since, which does not know of this one.
        here.store.reloads.track();
        here.is_reported.set_value(false);
        here.look();
    });
    on_cleanup(move || {
        uses.into_iter()
            .chain(changes)
            .for_each(WindowListenerHandle::remove);
        here.say(false);
    });
}

impl Here {
    fn used(self) {
        self.used_ms.try_set_value(browser::now_ms());
        if self.is_reported.try_get_value() == Some(false) {
            self.look();
        }
    }

    fn changed(self) {
        self.used_ms.try_set_value(browser::now_ms());
        self.look();
    }

    fn look(self) {
        let Some(used_ms) = self.used_ms.try_get_value() else {
            return;
        };
        let away_ms = u64::try_from(AWAY_AFTER.as_millis()).unwrap_or(u64::MAX);
        let left_ms = away_ms.saturating_sub(browser::now_ms().abs_diff(used_ms));
        let is_here = browser::is_looked_at() && left_ms > 0;
        self.say(is_here);
        if is_here && self.is_waiting.try_get_value() == Some(false) {
            self.is_waiting.set_value(true);
            set_timeout(
                move || {
                    self.is_waiting.try_set_value(false);
                    self.look();
                },
                std::time::Duration::from_millis(left_ms),
            );
        }
    }

    fn say(self, is_here: bool) {
        if self.is_reported.try_get_value() == Some(!is_here) {
            self.is_reported.set_value(is_here);
            spawn_local(async move {
                // If it fails, the worker is gone, which shows elsewhere.
                let _ = link::call(Request::SetHere(is_here)).await;
            });
        }
    }
}
