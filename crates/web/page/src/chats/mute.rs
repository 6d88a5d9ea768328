//! Muting: the choice for how long, and the row of the details that shows and changes it.

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
const MENU: &str = "mute-menu";

/// For how long a conversation can be muted, as items of a menu.
pub(super) fn lengths(chosen: Callback<Mute>) -> impl IntoView {
    let until = move |length: Duration| {
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let end = Timestamp::from_millis(browser::now_ms().saturating_add(length_ms));
        chosen.run(Mute::Until(end));
    };
    view! {
        {item("mute-hour", icon::CLOCK, t!("mute-hour"), move || until(HOUR))}
        {item("mute-hours", icon::CLOCK, t!("mute-hours"), move || until(HOUR * 8))}
        {item("mute-day", icon::CLOCK, t!("mute-day"), move || until(DAY))}
        {item("mute-week", icon::CLOCK, t!("mute-week"), move || until(DAY * 7))}
        {item("mute-for-ever", icon::BELL_OFF, t!("mute-for-ever"), move || chosen.run(Mute::ForEver))}
    }
}

/// The row of the details: whether the conversation is muted, and a menu that changes it.
#[component]
pub(super) fn MuteRow() -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let error = RwSignal::new(None::<String>);
    let mute = move || {
        let mute = entry.with(|entry| entry.map_or(Mute::Off, |entry| entry.settings.mute));
        if mute.is_on(store.now.get()) {
            mute
        } else {
            Mute::Off
        }
    };
    let is_muted = memo!(move || mute() != Mute::Off);
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
    view! {
        <div class="chat-settings">
            {notice::maybe_error(move || error.get())}
            <button type="button" class="row-button" data-testid="mute-row" popovertarget=MENU aria-haspopup="menu"
                on:click=|event| menu::place(&event, MENU)>
                {move || icon::sized(if is_muted.get() { icon::BELL_OFF } else { icon::BELL }, "20")}
                <span>{t!("mute")}</span>
                <span class="state" data-testid="mute-state">{text!(words(mute(), store.today.get()))}</span>
                {icon::mirrored(icon::FORWARD)}
            </button>
            <Menu id=MENU label=text!(now!("mute-menu", name = entry.name()))>
                {move || is_muted.get().then(|| item("mute-end", icon::BELL, t!("unmute"), move || chosen.run(Mute::Off)))}
                {lengths(chosen)}
            </Menu>
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
