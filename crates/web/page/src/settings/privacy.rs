//! What others see of the account, and what they may do without a question: switches and choices that are saved at once.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{self as rpc, Audience, Request};

use crate::{
    components::{failure, notice},
    i18n::{now, t},
    link,
    reactive::{effect, memo, text},
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

/// Something for which an audience is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Writers,
    Adders,
}

impl Access {
    const ALL: [Self; 2] = [Self::Writers, Self::Adders];

    /// The name for tests, and the end of the id.
    const fn name(self) -> &'static str {
        match self {
            Self::Writers => "writers",
            Self::Adders => "adders",
        }
    }

    fn title(self) -> String {
        match self {
            Self::Writers => now!("who-writes"),
            Self::Adders => now!("who-adds-you"),
        }
    }

    fn what(self) -> String {
        match self {
            Self::Writers => now!("who-writes-what"),
            Self::Adders => now!("who-adds-you-what"),
        }
    }

    const fn of(self, privacy: &mut rpc::Privacy) -> &mut Audience {
        match self {
            Self::Writers => &mut privacy.writers,
            Self::Adders => &mut privacy.adders,
        }
    }
}

/// From the widest to the narrowest.
const AUDIENCES: [Audience; 3] = [Audience::Everybody, Audience::Known, Audience::Nobody];

const fn audience_name(audience: Audience) -> &'static str {
    match audience {
        Audience::Everybody => "everybody",
        Audience::Known => "known",
        Audience::Nobody => "nobody",
    }
}

fn audience_words(audience: Audience) -> String {
    match audience {
        Audience::Everybody => now!("audience-everybody"),
        Audience::Known => now!("audience-known"),
        Audience::Nobody => now!("audience-nobody"),
    }
}

/// The settings as they are shown: as they are stored, or as they are being saved.
#[derive(Clone, Copy)]
struct Settings {
    store: Store,
    shown: RwSignal<Option<rpc::Privacy>>,
    /// How many changes are being saved.
    saving: RwSignal<u32>,
    /// The name of what could not be saved last, and why.
    failed: RwSignal<Option<(&'static str, String)>>,
}

impl Settings {
    fn new(store: Store) -> Self {
        let stored = memo!(move || store.me().map(|me| me.privacy));
        let settings = Self {
            store,
            shown: RwSignal::new(stored.get_untracked()),
            saving: RwSignal::new(0),
            failed: RwSignal::new(None),
        };
        effect!(move || {
            let stored = stored.get();
            if settings.saving.get_untracked() == 0 {
                settings.shown.set(stored);
            }
        });
        settings
    }

    /// Changes and saves what is called so.
    fn change(self, name: &'static str, change: impl FnOnce(&mut rpc::Privacy)) {
        let Some(mut privacy) = self.shown.get_untracked() else {
            return;
        };
        change(&mut privacy);
        self.shown.set(Some(privacy));
        self.failed.set(None);
        self.saving.update(|saving| *saving += 1);
        spawn_local(async move {
            let result = link::call(Request::SetPrivacy(privacy)).await;
            if let Err(failure) = result {
                self.failed.try_set(Some((name, failure::words(&failure))));
            }
            // With the last one, what is stored is shown again.
            if self.saving.try_get_untracked() == Some(1) {
                self.shown
                    .try_set(untrack(|| self.store.me()).map(|me| me.privacy));
            }
            self.saving.try_update(|saving| *saving -= 1);
        });
    }

    /// Why the last change of what is called so was not saved.
    fn failure(self, name: &'static str) -> impl IntoView {
        let failed = self.failed;
        notice::maybe_error(move || {
            let (failed, reason) = failed.get()?;
            (failed == name).then_some(reason)
        })
    }
}

#[component]
pub(super) fn Privacy() -> impl IntoView {
    let settings = Settings::new(use_store());
    view! {
        <section class="group" aria-labelledby="privacy-title" aria-busy=text!((settings.saving.get() > 0).to_string()) data-testid="privacy">
            <h2 id="privacy-title">{t!("privacy")}</h2>
            <p class="lead">{t!("privacy-lead")}</p>
            <ul role="list">
                {Switch::ALL.into_iter().map(|switch| switch_row(settings, switch)).collect_view()}
                {Access::ALL.into_iter().map(|access| access_row(settings, access)).collect_view()}
            </ul>
        </section>
    }
}

fn switch_row(settings: Settings, switch: Switch) -> impl IntoView {
    let name = switch.name();
    let is_on = move || {
        settings
            .shown
            .get()
            .is_some_and(|mut shown| *switch.of(&mut shown))
    };
    let (id, what_id, words) = words(name, move || switch.title(), move || switch.what());
    view! {
        <li class="setting">
            {words}
            <input type="checkbox" role="switch" class="switch" id=id.clone() data-testid=id aria-describedby=what_id prop:checked=is_on
                on:change:target=move |event| {
                    let is_on = event.target().checked();
                    settings.change(name, |privacy| *switch.of(privacy) = is_on);
                } />
            {settings.failure(name)}
        </li>
    }
}

fn access_row(settings: Settings, access: Access) -> impl IntoView {
    let name = access.name();
    let chosen = memo!(move || settings.shown.get().map(|mut shown| *access.of(&mut shown)));
    let (id, what_id, words) = words(name, move || access.title(), move || access.what());
    let option = |audience| {
        view! {
            <option value=audience_name(audience) prop:selected=move || chosen.get() == Some(audience)>{move || audience_words(audience)}</option>
        }
    };
    view! {
        <li class="setting">
            {words}
            <select id=id.clone() data-testid=id aria-describedby=what_id on:change:target=move |event| {
                let index = usize::try_from(event.target().selected_index()).unwrap_or_default();
                if let Some(audience) = AUDIENCES.get(index) {
                    settings.change(name, |privacy| *access.of(privacy) = *audience);
                }
            }>{AUDIENCES.map(option).into_iter().collect_view()}</select>
            {settings.failure(name)}
        </li>
    }
}

/// What something is called and what it means, with the ids of what is set and of the meaning.
fn words(
    name: &str,
    title: impl Fn() -> String + Send + Sync + 'static,
    what: impl Fn() -> String + Send + Sync + 'static,
) -> (String, String, AnyView) {
    let id = format!("privacy-{name}");
    let what_id = format!("{id}-what");
    let words = view! {
        <div>
            <label for=id.clone()>{text!(title())}</label>
            <small id=what_id.clone()>{text!(what())}</small>
        </div>
    };
    (id, what_id, words.into_any())
}
