//! Disappearing messages: the row of the details that shows and changes after how long they do.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::Request;

use super::entry::Entry;
use crate::{
    components::{
        dialog::{Attempt, Modal, close_open},
        failure,
        field::{Hint, Kind, field},
        icon,
        menu::{self, Menu, item},
        notice,
    },
    i18n::{now, t},
    link,
    reactive::{effect, memo, text},
};

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;
/// The longest that messages can be kept and still disappear.
const LONGEST: u32 = 366 * DAY;
/// The units of the dialog, in the order of its list.
const UNITS: [u32; 3] = [MINUTE, HOUR, DAY];
/// The id of the menu.
const MENU: &str = "timer-menu";

/// A length of time in its largest unit: "7 days".
pub(super) fn length(seconds: u32) -> String {
    let in_units = |unit: u32| u64::from(seconds / unit);
    if seconds.is_multiple_of(DAY) {
        now!("count-days", count = in_units(DAY))
    } else if seconds.is_multiple_of(HOUR) {
        now!("count-hours", count = in_units(HOUR))
    } else if seconds.is_multiple_of(MINUTE) {
        now!("count-minutes", count = in_units(MINUTE))
    } else {
        now!("count-seconds", count = in_units(1))
    }
}

/// The row of the details: after how long messages disappear, and for those who may change it a menu that does.
#[component]
pub(super) fn TimerRow(
    /// Whether the user may change it.
    may_change: Memo<bool>,
) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let error = RwSignal::new(None::<String>);
    let asks = RwSignal::new(false);
    let timer = memo!(move || entry.with(|entry| entry.and_then(|entry| entry.timer)));
    let state = move || timer.get().map_or_else(|| now!("mute-off"), length);
    let chosen = move |seconds: Option<u32>| {
        let Some(chat) = untrack(|| entry.with(|entry| entry.map(|entry| entry.id))) else {
            return;
        };
        error.set(None);
        spawn_local(async move {
            if let Err(failure) = link::call(Request::SetTimer { chat, seconds }).await {
                error.try_set(Some(failure::words(&failure)));
            }
        });
    };
    let days = move |name, days: u32| {
        item(
            name,
            icon::CLOCK,
            move || length(days * DAY),
            move || chosen(Some(days * DAY)),
        )
    };
    view! {
        <div class="chat-settings">
            {notice::maybe_error(move || error.get())}
            <button type="button" class="row-button" data-testid="timer-row" popovertarget=MENU aria-haspopup="menu"
                disabled=move || !may_change.get() on:click=|event| menu::place(&event, MENU)>
                {icon::sized(icon::CLOCK, "20")}
                <span>{t!("timer")}</span>
                <span class="state" data-testid="timer-state">{text!(state())}</span>
                {move || may_change.get().then(|| icon::mirrored(icon::FORWARD))}
            </button>
            <Menu id=MENU label=t!("timer")>
                {move || timer.get().map(|_| item("timer-off", icon::CLOSE, t!("timer-off"), move || chosen(None)))}
                {days("timer-day", 1)}
                {days("timer-week", 7)}
                {days("timer-month", 30)}
                {item("timer-own", icon::PENCIL, t!("timer-own"), move || asks.set(true))}
            </Menu>
            <OwnLength open=asks timer />
        </div>
    }
}

/// The dialog for a length that the menu does not have.
#[component]
fn OwnLength(open: RwSignal<bool>, timer: Memo<Option<u32>>) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let attempt = Attempt::new();
    let count = RwSignal::new(String::new());
    let unit = RwSignal::new(HOUR);
    effect!(move || {
        if open.get() {
            attempt.clear();
            let seconds = timer.get_untracked().unwrap_or_default();
            let fits = |unit: &&u32| seconds > 0 && seconds.is_multiple_of(**unit);
            let known = UNITS.iter().rev().find(fits).copied();
            unit.set(known.unwrap_or(HOUR));
            count.set(known.map(|unit| (seconds / unit).to_string()).unwrap_or_default());
        }
    });
    let is_empty = move || count.with(|count| count.trim().is_empty());
    let seconds = move || {
        let count = count.with(|count| count.trim().parse::<u32>().ok())?;
        let seconds = count.checked_mul(unit.get())?;
        (1..=LONGEST).contains(&seconds).then_some(seconds)
    };
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        let chat = untrack(|| entry.with(|entry| entry.map(|entry| entry.id)));
        if let (Some(chat), Some(seconds)) = (chat, untrack(seconds)) {
            let seconds = Some(seconds);
            attempt.run(Request::SetTimer { chat, seconds });
        }
    };
    let units = move || {
        let names = [now!("unit-minutes"), now!("unit-hours"), now!("unit-days")];
        UNITS
            .into_iter()
            .zip(names)
            .map(|(length, name)| view! { <option selected=move || unit.get() == length>{name}</option> })
            .collect_view()
    };
    view! {
        <Modal open labelled_by="timer-title">
            <h2 id="timer-title">{t!("timer")}</h2>
            <p>{t!("timer-what")}</p>
            <form on:submit=submitted>
                <div class="timer-length">
                    {field(Kind { focused: true, ..Kind::text("timer-count") }, t!("timer-count"), count, move || {
                        if is_empty() || seconds().is_some() { Hint::Plain(now!("timer-rule")) } else { Hint::Wrong(now!("timer-rule")) }
                    })}
                    <select aria-label=t!("timer-unit") data-testid="timer-unit" on:change:target=move |event| {
                        let index = usize::try_from(event.target().selected_index()).unwrap_or_default();
                        unit.set(UNITS.get(index).copied().unwrap_or(HOUR));
                    }>{units}</select>
                </div>
                {attempt.notice()}
                <div class="actions">
                    <button type="button" class="button small" data-testid="cancel" on:click=move |_| close_open()>{t!("cancel")}</button>
                    <button type="submit" class="button primary small" data-testid="timer-submit" disabled=move || seconds().is_none()
                        aria-busy=text!(attempt.busy.get().to_string())>{t!("save")}</button>
                </div>
            </form>
        </Modal>
    }
}
