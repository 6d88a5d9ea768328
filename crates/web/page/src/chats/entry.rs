//! `Entry`: the conversation that is open.

use std::sync::Arc;

use leptos::prelude::*;
use subrosa_web_rpc::{ChatId, Conversation, ConversationKind, ConversationState};

use crate::{
    components::avatar,
    model::{
        faces::{self, Face},
        roster::Roster,
    },
    reactive::memo,
};

/// The open conversation, for the components of its pane.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    conversation: Memo<Option<Arc<Conversation>>>,
    // Every message shows it, and it must not be computed again for each message that arrives.
    name: Memo<String>,
    face: Memo<Option<Face>>,
    is_request: Memo<bool>,
}

impl Entry {
    /// The conversation that `chat` names.
    pub(super) fn new(
        roster: RwSignal<Roster>,
        chat: impl Fn() -> Option<ChatId> + Send + Sync + 'static,
    ) -> Self {
        let conversation = memo!(move || {
            let chat = chat()?;
            roster.with(|roster| roster.get(&chat).cloned())
        });
        let name = memo!(move || {
            conversation.with(|entry| entry.as_deref().map(faces::name_of).unwrap_or_default())
        });
        let face = memo!(move || conversation.with(|entry| entry.as_deref().map(Face::of_conversation)));
        let is_request =
            memo!(move || conversation.with(|entry| entry.as_ref().is_some_and(|entry| entry.is_request)));
        Self {
            conversation,
            name,
            face,
            is_request,
        }
    }

    /// Reads the conversation.
    pub(super) fn with<T>(self, read: impl FnOnce(Option<&Conversation>) -> T) -> T {
        self.conversation.with(|entry| read(entry.as_deref()))
    }

    /// Whether it is a group.
    pub(super) fn is_group(self) -> bool {
        self.with(|entry| entry.is_some_and(|entry| entry.kind == ConversationKind::Group))
    }

    /// Whether the user has not decided yet whether they want it.
    pub(super) fn is_request(self) -> bool {
        self.is_request.get()
    }

    /// Whether it is for the user's own notes.
    pub(super) fn is_notes(self) -> bool {
        self.with(|entry| entry.is_some_and(|entry| entry.kind == ConversationKind::NotesToSelf))
    }

    /// What the conversation is called.
    pub(super) fn name(self) -> String {
        self.name.get()
    }

    /// How it is shown.
    pub(super) fn face(self) -> Memo<Option<Face>> {
        self.face
    }

    /// Its avatar.
    pub(super) fn avatar(self, size: &'static str) -> impl IntoView {
        move || self.face.get().map(|face| avatar::avatar(&face, size))
    }

    /// Whether it can be used.
    pub(super) fn state(self) -> Option<ConversationState> {
        self.with(|entry| entry.map(|entry| entry.state))
    }
}
