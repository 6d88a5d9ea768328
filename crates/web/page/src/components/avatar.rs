//! Two letters in a pair of colours.

use leptos::prelude::*;

use crate::model::faces::Face;

/// The avatar of a person or a conversation. It is decoration, since the name always stands beside it.
pub(crate) fn avatar(face: &Face, size: &str) -> impl IntoView + use<> {
    let class = format!("avatar {size} hue-{}", face.hue);
    // The style sheet shows the letters, so that only the name beside them is read out or copied.
    view! { <span class=class aria-hidden="true" data-letters=face.initials.clone()></span> }
}
