//! Two letters in a person's colours.

use leptos::prelude::*;
use subrosa_web_rpc::Peer;
use subrosa_wire::AccountId;

use crate::model::faces;

/// The avatar of an account with this name. It is decoration, since the name always stands beside it.
pub(crate) fn avatar(account: &AccountId, name: &str, size: &str) -> impl IntoView + use<> {
    let class = format!("avatar {size} {}", faces::hue(account));
    // The style sheet shows the letters, so that only the name beside them is read out or copied.
    view! { <span class=class aria-hidden="true" data-letters=faces::initials(name)></span> }
}

/// The avatar of the other person in a conversation.
pub(crate) fn of_peer(peer: &Peer, size: &str) -> impl IntoView + use<> {
    avatar(&peer.account_id, &faces::name(peer).unwrap_or_default(), size)
}
