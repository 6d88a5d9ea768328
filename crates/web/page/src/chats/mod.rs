//! The conversations: the list, the open one, and what is said about the other person.

mod bubble;
mod chat_item;
mod composer;
mod conversation;
mod details;
mod draft;
mod entry;
mod frame;
mod messages;
mod notices;
mod pane;
mod people;
mod scroll;
mod side;
mod strips;

pub(crate) use frame::Frame;
