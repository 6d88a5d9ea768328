//! Deleting a chat on this device, after a question.

use std::sync::Arc;

use leptos::prelude::*;
use subrosa_web_rpc::{Conversation, ConversationKind, Request};

use crate::{
    components::dialog::{Attempt, Confirm},
    i18n::{now, t},
    model::{faces, route::Route},
    reactive::{memo, shown_if},
    router::use_router,
    store::use_store,
};

/// The question whether a chat is to be deleted here.
#[derive(Clone, Copy)]
pub(super) struct Deletion {
    of: RwSignal<Option<Arc<Conversation>>>,
    is_asked: RwSignal<bool>,
    attempt: Attempt,
}

impl Deletion {
    /// One for the component that calls it and for all in it.
    pub(super) fn provide() {
        provide_context(Self {
            of: RwSignal::new(None),
            is_asked: RwSignal::new(false),
            attempt: Attempt::new(),
        });
    }

    /// Asks whether a chat is to be deleted here.
    pub(super) fn ask(self, chat: Arc<Conversation>) {
        self.attempt.clear();
        self.of.set(Some(chat));
        self.is_asked.set(true);
    }
}

/// The question, once for the whole page.
#[component]
pub(super) fn DeletionQuestion() -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let Deletion {
        of,
        is_asked,
        attempt,
    } = expect_context::<Deletion>();
    let name = move || of.with(|of| of.as_deref().map(faces::name_of).unwrap_or_default());
    let is_group =
        memo!(move || of.with(|of| { of.as_ref().is_some_and(|of| of.kind == ConversationKind::Group) }));
    let delete = move || {
        let Some(chat) = of.with_untracked(|of| of.as_ref().map(|of| of.id)) else {
            return;
        };
        attempt.run_then(Request::DeleteHere(chat), move || {
            if store.open.get_untracked() == Some(chat) {
                router.replace(Route::List);
            }
        });
    };
    view! {
        <Confirm open=is_asked title=move || now!("delete-chat-title", name = name()) label=t!("delete") attempt run=delete>
            <p>{t!("delete-chat-what")}</p>
            {shown_if(is_group, || view! { <p>{t!("delete-chat-group")}</p> }.into_any())}
        </Confirm>
    }
}
