//! An open conversation: who it is with, the messages, and the field to write in.

use leptos::prelude::*;
use subrosa_web_rpc::{ChatId, ConversationState};

use super::{
    composer::MessageInput, details::Facts, entry::Entry, layout::DetailsColumn, messages::MessageWindow,
    notices::Notices,
};
use crate::{
    components::{
        dialog::{Modal, close_open},
        icon,
    },
    i18n::{now, t},
    model::faces,
    reactive::text,
    router::use_router,
    store::use_store,
};

#[component]
pub(super) fn ConversationPane(chat: ChatId) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let entry = Entry::new(store.roster, move || Some(chat));
    provide_context(entry);
    let column = expect_context::<DetailsColumn>();
    let about = RwSignal::new(false);
    // Beside the conversation where there is room, otherwise above it.
    let toggle = move |_| {
        if column.has_room() {
            column.set(!column.is_open());
        } else {
            about.set(true);
        }
    };
    let is_open = move || (column.is_open() || about.get()).to_string();
    view! {
        <section class="conversation" aria-label=text!(now!("conversation-with", name = entry.name())) data-testid="conversation">
            <div class="top">
                <header class="pane-head">
                    <button type="button" class="icon-button back" data-testid="back" aria-label=t!("back") title=t!("back") on:click=move |_| router.back()>
                        {icon::mirrored(icon::BACK)}
                    </button>
                    <div class="who">
                        {entry.avatar("medium")}
                        <div>
                            <h1 class="one-line"><bdi class="name">{text!(entry.name())}</bdi></h1>
                            <p class="sub">{icon::sized(icon::LOCK, "14")}<span class="one-line">{text!(subtitle(entry))}</span></p>
                        </div>
                        <button type="button" class="cover" data-testid="header" aria-label=t!("about-person") title=t!("about-person")
                            aria-expanded=is_open on:click=toggle></button>
                    </div>
                    <button type="button" class="icon-button" data-testid="about" aria-label=t!("about-person") title=t!("about-person")
                        aria-expanded=is_open on:click=toggle>{icon::mirrored(icon::PANEL)}</button>
                </header>
                <Notices chat />
            </div>
            <MessageWindow />
            <MessageInput chat />
            <Modal open=about labelled_by="facts-name">
                <Facts />
                <div class="actions">
                    <button type="button" class="button small" on:click=move |_| close_open()>{t!("close")}</button>
                </div>
            </Modal>
        </section>
    }
}

fn subtitle(entry: Entry) -> String {
    match entry.state() {
        Some(ConversationState::Blocked) => now!("subtitle-blocked"),
        Some(ConversationState::Quarantined) => now!("subtitle-set-aside"),
        Some(ConversationState::CutOff) => now!("subtitle-cut-off"),
        Some(ConversationState::Joining) => now!("subtitle-joining"),
        _ => match entry.with(|entry| entry.and_then(faces::handle_beside_name)) {
            Some(handle) => now!("subtitle-handle", handle = handle),
            None => now!("subtitle-encrypted"),
        },
    }
}
