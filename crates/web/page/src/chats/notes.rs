//! Notes to self: the way to a conversation with nobody else in it.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Request};

use crate::{
    components::failure,
    link,
    model::route::{ChatAddress, Route},
    router::Router,
    store::Store,
};

/// Opens the user's notes, which are made when they are opened first. `error` says why that failed.
pub(super) fn open(store: Store, router: Router, error: RwSignal<Option<String>>) {
    error.set(None);
    spawn_local(async move {
        match link::call(Request::OpenNotes).await {
            Ok(Answer::Conversation(Some(notes))) => {
                let id = notes.id;
                store.roster.update(|roster| {
                    roster.entry(id).or_insert_with(|| (*notes).into());
                });
                router.go(Route::Chat(ChatAddress::Id(id)));
            }
            Ok(_) => {}
            Err(failure) => {
                error.try_set(Some(failure::words(&failure)));
            }
        }
    });
}
