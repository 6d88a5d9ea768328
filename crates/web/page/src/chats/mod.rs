//! The conversations: the list, the open one, and details of the other person.

mod banners;
mod blocking;
mod bubble;
mod chat_item;
mod chat_menu;
mod compare;
mod composer;
mod conversation;
mod copying;
mod deletion;
mod details;
mod directory;
mod draft;
mod entry;
mod filters;
mod group;
mod here;
mod layout;
mod list_keys;
mod messages;
mod mute;
mod nickname;
mod notes;
mod notices;
mod pane;
mod people;
mod person;
mod presence;
mod request;
mod scroll;
mod side;
mod timer;
mod typing;

pub(crate) use layout::Layout;
