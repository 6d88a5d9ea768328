//! The ways back from a first contact that went wrong: another account for a known handle, and a blocked conversation
//! that is tried again. Keeping things as they are is the main choice of both.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, ChatId, Request};
use subrosa_wire::{AccountId, Handle};

use super::entry::Entry;
use crate::{
    components::{
        button::working,
        dialog::{Attempt, Modal, close_open},
        failure, notice, skeleton,
    },
    i18n::{now, t},
    link,
    model::faces,
    reactive::{effect, text},
    store::use_store,
};

/// The two accounts of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Accounts {
    known: AccountId,
    shown: AccountId,
}

/// Shows both accounts of a handle, to be compared. If the user accepts the one that the server shows, the warning with
/// this number is over.
#[component]
pub(super) fn CompareAccounts(open: RwSignal<bool>, handle: Handle, number: u64) -> impl IntoView {
    let store = use_store();
    let handle = StoredValue::new(handle);
    let found = RwSignal::new(None::<Result<Option<Accounts>, String>>);
    let attempt = Attempt::new();
    effect!(move || {
        if !open.get() {
            return;
        }
        found.set(None);
        attempt.clear();
        spawn_local(async move {
            let answer = link::call(Request::CompareHandle(handle.get_value())).await;
            found.try_set(Some(match answer {
                Ok(Answer::HandleComparison {
                    known: Some(known),
                    shown: Some(shown),
                }) if known != shown => Ok(Some(Accounts { known, shown })),
                Ok(_) => Ok(None),
                Err(failure) => Err(failure::words(&failure)),
            }));
        });
    });
    let accept = move |account: AccountId| {
        let handle = handle.get_value();
        attempt.run_then(Request::AcceptHandle { handle, account }, move || {
            store.dismiss(number);
            store.load();
        });
    };
    let name = move || format!("@{}", handle.get_value());
    view! {
        <Modal open labelled_by="compare-title">
            <h2 id="compare-title">{text!(now!("compare-title", handle = name()))}</h2>
            <p>{t!("compare-lead")}</p>
            {move || match found.get() {
                None => skeleton::list().into_any(),
                Some(Err(words)) => notice::error(words).into_any(),
                Some(Ok(None)) => view! { <p>{t!("compare-same")}</p> }.into_any(),
                Some(Ok(Some(accounts))) => view! {
                    <dl class="accounts">
                        <dt>{t!("compare-known")}</dt>
                        <dd class="account-id" dir="ltr" data-testid="account-known">{faces::grouped(&accounts.known)}</dd>
                        <dt>{t!("compare-shown")}</dt>
                        <dd class="account-id" dir="ltr" data-testid="account-shown">{faces::grouped(&accounts.shown)}</dd>
                    </dl>
                    <p>{text!(now!("compare-what", handle = name()))}</p>
                }
                .into_any(),
            }}
            {attempt.notice()}
            <div class="actions">
                {move || found.get().and_then(Result::ok).flatten().map(|accounts| view! {
                    <button type="button" class="button quiet small" data-testid="compare-accept" aria-busy=text!(attempt.busy.get().to_string())
                        on:click=move |_| accept(accounts.shown)>
                        {t!("compare-accept")}
                        {move || attempt.busy.get().then(working)}
                    </button>
                })}
                <button type="button" class="button primary small" data-testid="compare-keep" autofocus on:click=move |_| close_open()>{t!("compare-keep")}</button>
            </div>
        </Modal>
    }
}

/// Asks whether a blocked conversation is to be tried again, and shows with whom it is.
#[component]
pub(super) fn TryAgain(open: RwSignal<bool>, chat: ChatId, entry: Entry) -> impl IntoView {
    let attempt = Attempt::new();
    let run = move |_| attempt.run(Request::TryAgain(chat));
    let account = move || {
        let with = entry.with(|entry| Some(entry?.with.as_ref()?.account_id));
        with.map(|account| {
            view! {
                <dl class="accounts">
                    <dt>{t!("compare-known")}</dt>
                    <dd class="account-id" dir="ltr">{faces::grouped(&account)}</dd>
                </dl>
            }
        })
    };
    view! {
        <Modal open labelled_by="try-again-title">
            <h2 id="try-again-title">{text!(now!("blocked-again-title", name = entry.name()))}</h2>
            <p>{t!("blocked-again-what")}</p>
            {account}
            {attempt.notice()}
            <div class="actions">
                <button type="button" class="button quiet small" data-testid="blocked-again" aria-busy=text!(attempt.busy.get().to_string()) on:click=run>
                    {t!("try-again")}
                    {move || attempt.busy.get().then(working)}
                </button>
                <button type="button" class="button primary small" data-testid="blocked-keep" autofocus on:click=move |_| close_open()>{t!("blocked-keep")}</button>
            </div>
        </Modal>
    }
}
