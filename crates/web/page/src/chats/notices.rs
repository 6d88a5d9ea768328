//! Warnings to the user: in plain words, where they belong, and gone once dismissed.

use leptos::prelude::*;
use subrosa_web_rpc::{ConversationState, Warning};
use subrosa_wire::{AccountId, ConversationId};

use super::entry::Entry;
use crate::{
    components::icon,
    i18n::{now, t},
    reactive::memo,
    store::{Store, use_store},
};

#[component]
pub(super) fn Notices() -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let open = memo!(move || { entry.with(|entry| entry.map(|entry| (entry.id, entry.peer.account_id))) });
    let here = memo!(move || {
        open.get()
            .map(|open| concerning(store, Some(open)))
            .unwrap_or_default()
    });
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
                        <div>{move || words(&warning)}</div>
                        <button type="button" class="icon-button" aria-label=t!("dismiss") title=t!("dismiss") on:click=move |_| store.dismiss(number)>
                            {icon::sized(icon::CLOSE, "18")}
                        </button>
                    </div>
                </For>
            </div>
        </Show>
    }
}

/// A conversation and the other person's account.
type Place = (ConversationId, AccountId);

/// The warnings about a conversation, or with `None` those about no particular one.
fn concerning(store: Store, place: Option<Place>) -> Vec<(u64, Warning)> {
    store.warnings.with(|warnings| {
        warnings
            .iter()
            .filter(|(_, warning)| concerns(warning, place))
            .cloned()
            .collect()
    })
}

fn concerns(warning: &Warning, place: Option<Place>) -> bool {
    let (here, peer) = place.unzip();
    match warning {
        Warning::KeyChanged { account, .. } => peer == Some(*account),
        Warning::ForgedByServer { conversation, .. } => here == *conversation,
        Warning::MessageRefused { conversation, .. } | Warning::HistoryGap { conversation } => {
            here == Some(*conversation)
        }
        Warning::Refused { .. } => here.is_none(),
    }
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
                <span>{move || words(&warning)}</span>
                <button type="button" class="text-button" data-testid="dismiss" on:click=move |_| store.dismiss(number)>{t!("dismiss")}</button>
            </div>
        </For>
    }
}

fn words(warning: &Warning) -> String {
    match warning {
        Warning::KeyChanged { handle, .. } => match handle {
            Some(handle) => now!("warning-key-changed", name = format!("@{handle}")),
            None => now!("warning-key-changed-unnamed"),
        },
        Warning::ForgedByServer { .. } => now!("warning-forged"),
        Warning::MessageRefused { .. } => now!("warning-message"),
        Warning::HistoryGap { .. } => now!("warning-gap"),
        Warning::Refused { .. } => now!("warning-refused"),
    }
}
