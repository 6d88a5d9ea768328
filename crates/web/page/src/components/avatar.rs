//! A picture, or two letters in a pair of colours.

use leptos::{either::Either, prelude::*};

use super::{icon, pictures};
use crate::model::faces::Face;

/// The avatar of a person or a conversation. It is decoration, since the name always stands beside it.
pub(crate) fn avatar(face: &Face, size: &str) -> impl IntoView + use<> {
    if face.is_notes {
        let class = format!("avatar {size} of-notes");
        return Either::Left(
            view! { <span class=class aria-hidden="true" data-letters="">{icon::icon(icon::BOOKMARK)}</span> },
        );
    }
    let class = format!("avatar {size} hue-{}", face.hue);
    let is_pictured = RwSignal::new(false);
    let picture = face
        .portrait
        .map(|portrait| pictures::picture(portrait, is_pictured));
    // The style sheet shows the letters, so that only the name beside them is read out or copied.
    Either::Right(view! {
        <span class=class aria-hidden="true" data-letters=face.initials.clone()
            data-pictured=move || is_pictured.get().then_some("true")>{picture}</span>
    })
}
