//! The picture of a group in a form: shown as it would be, chosen from a file, or taken away.

use leptos::prelude::*;

use crate::{
    components::{
        avatar,
        button::working,
        notice,
        picture_file::{self, Chooser, Unusable},
        pictures,
    },
    i18n::{now, t},
    model::faces::Face,
    reactive::{effect, memo, shown_if, text},
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
    let file = Chooser::new();
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
    let chosen = move |file| {
        error.set(None);
        async move {
            match picture_file::prepare(&file).await {
                Ok(picture) => {
                    wanted.try_set(Wanted::New(picture));
                }
                Err(unusable) => {
                    error.try_set(Some(unusable));
                }
            }
        }
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
                {file.field("group-picture-file", chosen)}
                <button type="button" class="text-button" data-testid="group-picture-choose" aria-busy=text!(file.busy.get().to_string()) on:click=move |_| file.open()>
                    {text!(label())}
                    {move || file.busy.get().then(working)}
                </button>
                {shown_if(has_picture, move || view! {
                    <button type="button" class="text-button" data-testid="group-picture-remove" aria-label=t!("group-picture-remove-label")
                        on:click=move |_| {
                            wanted.set(Wanted::Removed);
                            // The button is gone with the picture.
                            crate::browser::focus("[data-testid=group-picture-choose]");
                        }>{t!("picture-remove")}</button>
                }.into_any())}
                <p>{t!("group-picture-what")}</p>
            </div>
        </div>
        {notice::maybe_error(move || error.get().map(|unusable| match unusable {
            Unusable::TooLarge => now!("picture-too-large"),
            Unusable::Unreadable => now!("picture-unreadable"),
        }))}
    }
}
