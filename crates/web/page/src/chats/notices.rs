//! Warnings to the user: in plain words, where they belong, and gone once dismissed.

use leptos::prelude::*;
use subrosa_web_rpc::{ChatId, ConversationState, Warning};

use super::entry::Entry;
use crate::{
    components::{icon, report},
    i18n::{now, t},
    model::{
        faces,
        warnings::{self, Meaning},
    },
    reactive::{memo, text},
    store::{Store, use_store},
};

#[component]
pub(super) fn Notices(chat: ChatId) -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let here = memo!(move || concerning(store, Some(chat)));
    let is_blocked = move || entry.state() == Some(ConversationState::Blocked);
    view! {
        <Show when=move || is_blocked() || here.with(|here| !here.is_empty())>
            <div class="notices">
                <Show when=is_blocked>
                    <div class="notice bad" role="alert" data-testid="blocked">
                        {icon::icon(icon::KEY)}
                        <div>
                            <strong>{t!("blocked-title", name = entry.name())}</strong>
                            <span>{t!("blocked-what")}</span>
                        </div>
                    </div>
                </Show>
                <For each=move || here.get() key=|(number, _)| *number let((number, warning))>
                    <div class="notice warn" role="alert" data-testid="warning">
                        {icon::icon(icon::WARN)}
                        {body(warning)}
                        <button type="button" class="icon-button" aria-label=t!("dismiss") title=t!("dismiss") on:click=move |_| store.dismiss(number)>
                            {icon::sized(icon::CLOSE, "18")}
                        </button>
                    </div>
                </For>
            </div>
        </Show>
    }
}

/// The warnings about a conversation, or with `None` those about no particular one.
fn concerning(store: Store, chat: Option<ChatId>) -> Vec<(u64, Warning)> {
    store.warnings.with(|warnings| {
        warnings
            .iter()
            .filter(|(_, warning)| warning.chat() == chat)
            .cloned()
            .collect()
    })
}

/// The warnings about no particular conversation.
#[component]
pub(super) fn GeneralNotices() -> impl IntoView {
    let store = use_store();
    let general = memo!(move || concerning(store, None));
    view! {
        <For each=move || general.get() key=|(number, _)| *number let((number, warning))>
            <div class="banner warn" data-testid="warning">
                {icon::sized(icon::WARN, "16")}
                {body(warning)}
                <button type="button" class="text-button" data-testid="dismiss" on:click=move |_| store.dismiss(number)>{t!("dismiss")}</button>
            </div>
        </For>
    }
}

/// What happened and what to do, and folded away what a report needs.
fn body(warning: Warning) -> impl IntoView {
    let report = warnings::report(&warning).map(report::folded);
    view! {
        <div>
            <span>{text!(words(&warning))}</span>
            {report}
        </div>
    }
}

fn words(warning: &Warning) -> String {
    let name = |member| faces::name(member).unwrap_or_else(|| now!("unknown-person"));
    match Meaning::of(warning) {
        Meaning::OtherAccount(_, Some(handle)) => {
            now!("warning-handle-reassigned", name = format!("@{handle}"))
        }
        Meaning::OtherAccount(_, None) => now!("warning-handle-reassigned-unnamed"),
        Meaning::ChangedLog => now!("warning-log"),
        Meaning::Forged => now!("warning-forged"),
        Meaning::FalseAccount => now!("warning-account"),
        Meaning::DeviceReturns => now!("warning-device"),
        Meaning::Unreadable => now!("failure-server"),
        Meaning::InvalidMessage(member) => now!("warning-message", name = name(member)),
        Meaning::InvalidChange(member) => now!("warning-change", name = name(member)),
        Meaning::FalseDevices => now!("warning-devices"),
        Meaning::LogsDisagree(member) => now!("warning-logs-disagree", name = name(member)),
        Meaning::MessagesMissing(member) => now!("warning-messages-missing", name = name(member)),
        Meaning::UnreadableMessage => now!("warning-unreadable"),
        Meaning::HistoryGap => now!("warning-gap"),
        Meaning::Refused => now!("warning-refused"),
        Meaning::More => now!("warning-more"),
    }
}
