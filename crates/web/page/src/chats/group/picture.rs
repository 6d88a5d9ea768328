//! The picture of a group in a form: shown as it would be, chosen from a file, or taken away.

use leptos::{html::Input, prelude::*, task::spawn_local};

use crate::{
    components::{
        avatar,
        button::working,
        notice,
        picture_file::{self, Unusable},
        pictures,
    },
    i18n::{now, t},
    model::faces::Face,
    reactive::{effect, memo, text},
};

/// What is to become of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It stays as it is.
    Unchanged,
    /// This file takes its place.
    New(Vec<u8>),
    /// It is removed.
    Removed,
}

#[component]
pub(super) fn PictureField(
    /// What was chosen.
    wanted: RwSignal<Wanted>,
    /// The group as it is shown now.
    face: Memo<Option<Face>>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<Unusable>);
    let preview = RwSignal::new(None::<String>);
    effect!(move || {
        let address = wanted.with(|wanted| match wanted {
            Wanted::New(file) => pictures::address_of(file),
            Wanted::Unchanged | Wanted::Removed => None,
        });
        pictures::revoke(
            preview
                .try_update(|preview| std::mem::replace(preview, address))
                .flatten(),
        );
    });
    on_cleanup(move || pictures::revoke(preview.try_update(Option::take).flatten()));
    let has_picture = memo!(move || wanted.with(|wanted| match wanted {
        Wanted::New(_) => true,
        Wanted::Removed => false,
        Wanted::Unchanged => face.with(|face| face.as_ref().is_some_and(|face| face.portrait.is_some())),
    }));
    let shown = move || {
        let face = face.get()?;
        Some(match (preview.get(), has_picture.get()) {
            (Some(address), _) => view! {
                <span class="avatar big" aria-hidden="true" data-pictured="true"><img src=address alt="" draggable="false" data-testid="picture-preview" /></span>
            }
            .into_any(),
            (None, true) => avatar::avatar(&face, "big").into_any(),
            (None, false) => avatar::avatar(&Face { portrait: None, ..face }, "big").into_any(),
        })
    };
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
        error.set(None);
        spawn_local(async move {
            match picture_file::prepare(&file).await {
                Ok(picture) => {
                    wanted.try_set(Wanted::New(picture));
                }
                Err(unusable) => {
                    error.try_set(Some(unusable));
                }
            }
            busy.try_set(false);
        });
    };
    let label = move || {
        if has_picture.get() {
            now!("picture-change")
        } else {
            now!("picture-choose")
        }
    };
    view! {
        <div class="picture-field">
            {shown}
            <div>
                <input type="file" accept="image/*" hidden=true node_ref=input data-testid="group-picture-file" on:change=chosen />
                <button type="button" class="text-button" data-testid="group-picture-choose" aria-busy=text!(busy.get().to_string()) on:click=choose>
                    {text!(label())}
                    {move || busy.get().then(working)}
                </button>
                {move || has_picture.get().then(|| view! {
                    <button type="button" class="text-button" data-testid="group-picture-remove" aria-label=t!("group-picture-remove-label")
                        on:click=move |_| {
                            wanted.set(Wanted::Removed);
                            // The button is gone with the picture.
                            crate::browser::focus("[data-testid=group-picture-choose]");
                        }>{t!("picture-remove")}</button>
                })}
                <p>{t!("group-picture-what")}</p>
            </div>
        </div>
        {notice::maybe_error(move || error.get().map(|unusable| match unusable {
            Unusable::TooLarge => now!("picture-too-large"),
            Unusable::Unreadable => now!("picture-unreadable"),
        }))}
    }
}
