//! Groups: creating one, and its details with all that can be changed about it.

mod add;
mod details;
mod member;
mod members;
mod new;
mod picker;
mod rename;
mod rights;

pub(super) use details::GroupFacts;
pub(super) use new::NewGroup;
