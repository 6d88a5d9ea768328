//! Muting: the choice for how long, and the row in the details that shows it.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{ChatSetting, Mute, Request};
use subrosa_wire::Timestamp;

use super::entry::Entry;
use crate::{
    browser,
    components::{
        failure, icon,
        menu::{self, Menu, item},
        notice,
    },
    format,
    i18n::{now, t},
    link,
    reactive::{memo, text},
    store::use_store,
};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// The id of the menu that opens from the details.
const DETAILS_MENU: &str = "details-mute-menu";

/// For how long a conversation is muted.
#[component]
pub(super) fn MuteMenu(
    /// Unique in the page.
    id: &'static str,
    /// What the conversation is called.
    name: Memo<String>,
    /// Follows whether it is open.
    #[prop(optional)]
    is_open: RwSignal<bool>,
    /// Takes the choice.
    chosen: Callback<Mute>,
) -> impl IntoView {
    let until = move |length: Duration| {
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let end = Timestamp::from_millis(browser::now_ms().saturating_add(length_ms));
        chosen.run(Mute::Until(end));
    };
    view! {
        <Menu id label=move || now!("mute-menu", name = name.get()) is_open>
            {item("mute-hour", icon::CLOCK, t!("mute-hour"), move || until(HOUR))}
            {item("mute-hours", icon::CLOCK, t!("mute-hours"), move || until(HOUR * 8))}
            {item("mute-day", icon::CLOCK, t!("mute-day"), move || until(DAY))}
            {item("mute-week", icon::CLOCK, t!("mute-week"), move || until(DAY * 7))}
            {item("mute-for-ever", icon::BELL_OFF, t!("mute-for-ever"), move || chosen.run(Mute::ForEver))}
        </Menu>
    }
}

/// The row of the details: whether the conversation is muted, and a button that changes it.
#[component]
pub(super) fn MuteRow() -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let error = RwSignal::new(None::<String>);
    let name = memo!(move || entry.name());
    let mute = memo!(move || {
        let mute = entry.with(|entry| entry.map_or(Mute::Off, |entry| entry.settings.mute));
        if mute.is_on(store.now.get()) {
            mute
        } else {
            Mute::Off
        }
    });
    let is_muted = memo!(move || mute.get() != Mute::Off);
    let chosen = Callback::new(move |mute| {
        let Some(chat) = untrack(|| entry.with(|entry| entry.map(|entry| entry.id))) else {
            return;
        };
        error.set(None);
        spawn_local(async move {
            let setting = ChatSetting::Mute(mute);
            if let Err(failure) = link::call(Request::SetChat { chat, setting }).await {
                error.try_set(Some(failure::words(&failure)));
            }
        });
    });
    let pressed = move |event: leptos::ev::MouseEvent| {
        if is_muted.get_untracked() {
            // It is muted no more, without a choice.
            event.prevent_default();
            chosen.run(Mute::Off);
        } else {
            menu::place(&event, DETAILS_MENU);
        }
    };
    view! {
        <div class="chat-settings">
            {notice::maybe_error(move || error.get())}
            <button type="button" class="row-button" data-testid="mute-row" popovertarget=DETAILS_MENU
                aria-haspopup=move || (!is_muted.get()).then_some("menu") on:click=pressed>
                {move || icon::sized(if is_muted.get() { icon::BELL_OFF } else { icon::BELL }, "20")}
                <span>{move || if is_muted.get() { now!("unmute") } else { now!("mute") }}</span>
                <span class="state" data-testid="mute-state">{text!(words(mute.get(), store.today.get()))}</span>
            </button>
            <MuteMenu id=DETAILS_MENU name chosen />
        </div>
    }
}

/// Whether and until when, in short. `today` is in days since 1970.
fn words(mute: Mute, today: i64) -> String {
    match mute {
        Mute::Off => now!("mute-off"),
        Mute::ForEver => now!("mute-on"),
        Mute::Until(end) => {
            let end_ms = end.as_millis();
            let end = if browser::day_of(end_ms) == today {
                format::time(end_ms)
            } else {
                format::short_date(end_ms, today)
            };
            now!("mute-until", time = end)
        }
    }
}
