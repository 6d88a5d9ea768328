//! The user's picture: chosen from a file, and removed after a question.

use leptos::prelude::*;
use subrosa_web_rpc::{Failure, Request};
use web_sys::File;

use crate::{
    browser,
    components::{
        button::working,
        dialog::{Attempt, Confirm},
        failure, notice,
        picture_file::{self, Chooser, Unusable},
    },
    i18n::{now, t},
    link,
    reactive::{memo, shown_if, text},
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
    let file = Chooser::new();
    let outcome = RwSignal::new(None::<Outcome>);
    let asked = RwSignal::new(false);
    let removal = Attempt::new();
    let has_picture = memo!(move || store.me().is_some_and(|me| me.picture.is_some()));
    let chosen = move |file| {
        outcome.set(None);
        async move {
            outcome.try_set(Some(save(&file).await));
        }
    };
    let ask = move |_| {
        if !file.busy.get_untracked() {
            removal.clear();
            asked.set(true);
        }
    };
    let remove = move || {
        removal.run_then(Request::SetPicture(None), move || {
            outcome.try_set(Some(Outcome::Removed));
            // The button that had the focus is gone with the picture.
            browser::focus("[data-testid=picture-choose]");
        });
    };
    // A device that was signed out elsewhere can no longer change anything at the server.
    let is_signed_in = move || store.stage() == Stage::SignedIn;
    view! {
        <Show when=is_signed_in>
            <div class="picture">
                <div class="actions">
                    {file.field("picture-file", chosen)}
                    <button type="button" class="button small" data-testid="picture-choose" aria-busy=text!(file.busy.get().to_string()) on:click=move |_| file.open()>
                        {t!("picture-choose")}
                        {move || file.busy.get().then(working)}
                    </button>
                    {shown_if(has_picture, move || view! {
                        <button type="button" class="button small" data-testid="picture-remove" aria-label=t!("picture-remove-label") on:click=ask>{t!("picture-remove")}</button>
                    }.into_any())}
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
        <Confirm open=asked title=t!("picture-remove-question") label=t!("picture-remove") attempt=removal run=remove>
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
