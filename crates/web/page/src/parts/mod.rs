//! The small parts that screens are made of.
//!
//! Nothing here or in a screen may be an element without anything dynamic inside of another: Leptos writes such
//! elements as `innerHTML`, which Trusted Types refuse. `shape` is for those.

pub(crate) mod avatar;
pub(crate) mod button;
pub(crate) mod dialog;
pub(crate) mod failure;
pub(crate) mod field;
pub(crate) mod icon;
pub(crate) mod notice;
pub(crate) mod password;
pub(crate) mod skeleton;
pub(crate) mod ticks;
