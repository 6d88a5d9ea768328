//! What others see of the account: switches that are saved at once.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{self as rpc, Request};

use crate::{
    components::{failure, notice},
    i18n::{now, t},
    link,
    reactive::{effect, memo},
    store::{Store, use_store},
};

/// One of the switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    ReadReceipts,
    Typing,
    LastSeen,
}

impl Switch {
    const ALL: [Self; 3] = [Self::ReadReceipts, Self::Typing, Self::LastSeen];

    /// The name for tests, and the start of the id.
    const fn name(self) -> &'static str {
        match self {
            Self::ReadReceipts => "read-receipts",
            Self::Typing => "typing",
            Self::LastSeen => "last-seen",
        }
    }

    fn title(self) -> String {
        match self {
            Self::ReadReceipts => now!("read-receipts"),
            Self::Typing => now!("typing-others-see"),
            Self::LastSeen => now!("last-seen-others-see"),
        }
    }

    fn what(self) -> String {
        match self {
            Self::ReadReceipts => now!("read-receipts-what"),
            Self::Typing => now!("typing-others-see-what"),
            Self::LastSeen => now!("last-seen-others-see-what"),
        }
    }

    const fn of(self, privacy: &mut rpc::Privacy) -> &mut bool {
        match self {
            Self::ReadReceipts => &mut privacy.read_receipts,
            Self::Typing => &mut privacy.typing,
            Self::LastSeen => &mut privacy.last_seen,
        }
    }
}

/// The switches as they are shown: as they are stored, or as they are being saved.
#[derive(Clone, Copy)]
struct Switches {
    store: Store,
    shown: RwSignal<Option<rpc::Privacy>>,
    /// How many changes are being saved.
    saving: StoredValue<u32>,
    /// The switch that could not be saved last, and why.
    failed: RwSignal<Option<(Switch, String)>>,
}

impl Switches {
    fn new(store: Store) -> Self {
        let stored = memo!(move || store.me().map(|me| me.privacy));
        let switches = Self {
            store,
            shown: RwSignal::new(stored.get_untracked()),
            saving: StoredValue::new(0),
            failed: RwSignal::new(None),
        };
        effect!(move || {
            let stored = stored.get();
            if switches.saving.get_value() == 0 {
                switches.shown.set(stored);
            }
        });
        switches
    }

    fn is_on(self, switch: Switch) -> bool {
        self.shown.get().is_some_and(|mut shown| *switch.of(&mut shown))
    }

    fn set(self, switch: Switch, is_on: bool) {
        let Some(mut privacy) = self.shown.get_untracked() else {
            return;
        };
        *switch.of(&mut privacy) = is_on;
        self.shown.set(Some(privacy));
        self.failed.set(None);
        self.saving.update_value(|saving| *saving += 1);
        spawn_local(async move {
            let result = link::call(Request::SetPrivacy(privacy)).await;
            if let Err(failure) = result {
                self.failed.try_set(Some((switch, failure::words(&failure))));
            }
            self.saving.try_update_value(|saving| *saving -= 1);
            if self.saving.try_get_value() == Some(0) {
                self.shown
                    .try_set(untrack(|| self.store.me()).map(|me| me.privacy));
            }
        });
    }
}

#[component]
pub(super) fn Privacy() -> impl IntoView {
    let switches = Switches::new(use_store());
    view! {
        <section class="group" aria-labelledby="privacy-title">
            <h2 id="privacy-title">{t!("privacy")}</h2>
            <p class="lead">{t!("privacy-lead")}</p>
            <ul role="list">
                {Switch::ALL.into_iter().map(|switch| row(switches, switch)).collect_view()}
            </ul>
        </section>
    }
}

fn row(switches: Switches, switch: Switch) -> impl IntoView {
    let id = format!("privacy-{}", switch.name());
    let what_id = format!("{id}-what");
    let reason = move || {
        let (failed, reason) = switches.failed.get()?;
        (failed == switch).then_some(reason)
    };
    view! {
        <li class="setting">
            <div>
                <label for=id.clone()>{move || switch.title()}</label>
                <small id=what_id.clone()>{move || switch.what()}</small>
            </div>
            <input type="checkbox" role="switch" class="switch" id=id.clone() data-testid=id aria-describedby=what_id
                prop:checked=move || switches.is_on(switch) on:change:target=move |event| switches.set(switch, event.target().checked()) />
            {notice::maybe_error(reason)}
        </li>
    }
}
