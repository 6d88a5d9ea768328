//! The user's picture: chosen from a file, and removed after a question.

use leptos::{html::Input, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Failure, Request};
use web_sys::File;

use crate::{
    browser,
    components::{
        button::working,
        dialog::{Confirm, close_open},
        failure, notice,
        picture_file::{self, Unusable},
    },
    i18n::{now, t},
    link,
    reactive::{memo, text},
    store::{Stage, use_store},
};

/// How the last change has ended.
#[derive(Clone)]
enum Outcome {
    Saved,
    Removed,
    Unusable(Unusable),
    Failed(Failure),
}

#[component]
pub(super) fn Picture() -> impl IntoView {
    let store = use_store();
    let input = NodeRef::<Input>::new();
    let busy = RwSignal::new(false);
    let outcome = RwSignal::new(None::<Outcome>);
    let asked = RwSignal::new(false);
    let removing = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let has_picture = memo!(move || store.me().is_some_and(|me| me.picture.is_some()));
    let choose = move |_| {
        if let Some(input) = input.get_untracked().filter(|_| !busy.get_untracked()) {
            input.click();
        }
    };
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        let file = input.files().and_then(|files| files.get(0));
        // The same file can be chosen again.
        input.set_value("");
        let Some(file) = file.filter(|_| !busy.get_untracked()) else {
            return;
        };
        busy.set(true);
        outcome.set(None);
        spawn_local(async move {
            outcome.try_set(Some(save(&file).await));
            busy.try_set(false);
        });
    };
    let ask = move |_| {
        if !busy.get_untracked() {
            error.set(None);
            asked.set(true);
        }
    };
    let remove = move || {
        removing.set(true);
        error.set(None);
        spawn_local(async move {
            match link::call(Request::SetPicture(None)).await {
                Ok(_) => {
                    outcome.try_set(Some(Outcome::Removed));
                    close_open();
                    // The button that had the focus is gone with the picture.
                    browser::focus("[data-testid=picture-choose]");
                }
                Err(failure) => {
                    error.try_set(Some(failure::words(&failure)));
                }
            }
            removing.try_set(false);
        });
    };
    // A device that was signed out elsewhere can no longer change anything at the server.
    let is_signed_in = move || store.stage() == Stage::SignedIn;
    view! {
        <Show when=is_signed_in>
            <div class="picture">
                <div class="actions">
                    <input type="file" accept="image/*" hidden=true node_ref=input data-testid="picture-file" on:change=chosen />
                    <button type="button" class="button small" data-testid="picture-choose" aria-busy=text!(busy.get().to_string()) on:click=choose>
                        {t!("picture-choose")}
                        {move || busy.get().then(working)}
                    </button>
                    {move || has_picture.get().then(|| view! {
                        <button type="button" class="button small" data-testid="picture-remove" aria-label=t!("picture-remove-label") on:click=ask>{t!("picture-remove")}</button>
                    })}
                </div>
                <p>{t!("picture-lead")}</p>
                {move || outcome.get().map(|outcome| match outcome {
                    Outcome::Saved => notice::done(t!("picture-saved")).into_any(),
                    Outcome::Removed => notice::done(t!("picture-removed")).into_any(),
                    Outcome::Unusable(Unusable::TooLarge) => notice::error(now!("picture-too-large")).into_any(),
                    Outcome::Unusable(Unusable::Unreadable) => notice::error(now!("picture-unreadable")).into_any(),
                    Outcome::Failed(failure) => notice::error(failure::words(&failure)).into_any(),
                })}
            </div>
        </Show>
        <Confirm open=asked title=t!("picture-remove-question") label=t!("picture-remove") busy=removing error run=remove>
            <p>{t!("picture-remove-what")}</p>
        </Confirm>
    }
}

async fn save(file: &File) -> Outcome {
    let picture = match picture_file::prepare(file).await {
        Ok(picture) => picture,
        Err(unusable) => return Outcome::Unusable(unusable),
    };
    match link::call(Request::SetPicture(Some(picture))).await {
        Ok(_) => Outcome::Saved,
        Err(failure) => Outcome::Failed(failure),
    }
}
