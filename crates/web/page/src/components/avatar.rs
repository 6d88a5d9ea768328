//! A picture, or two letters in a pair of colours.

use leptos::prelude::*;

use super::pictures;
use crate::model::faces::Face;

/// The avatar of a person or a conversation. It is decoration, since the name always stands beside it.
pub(crate) fn avatar(face: &Face, size: &str) -> impl IntoView + use<> {
    let class = format!("avatar {size} hue-{}", face.hue);
    let is_pictured = RwSignal::new(false);
    let picture = face
        .portrait
        .map(|portrait| pictures::picture(portrait, is_pictured));
    // The style sheet shows the letters, so that only the name beside them is read out or copied.
    view! {
        <span class=class aria-hidden="true" data-letters=face.initials.clone()
            data-pictured=move || is_pictured.get().then_some("true")>{picture}</span>
    }
}
