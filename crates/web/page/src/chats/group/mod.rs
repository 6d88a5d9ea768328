//! Groups: creating one, and its details with all that can be changed about it.

mod add;
mod details;
mod edit;
mod leave;
mod member;
mod members;
mod new;
mod permissions;
mod picker;
mod picture;
mod rights;

pub(super) use details::GroupFacts;
pub(super) use new::NewGroup;
pub(super) use rights::Rights;
