//! The content of messages, inside the encryption: MIMI content (draft-ietf-mimi-content, March 2026).
//!
//! Everything read here comes from another person's device. Decoding is strict and never panics. Content that
//! decodes but is not understood is shown as a readable line.

pub(crate) mod cbor;
mod characters;
pub mod codec;
pub mod compose;
pub mod group_profile;
mod lifetime;
pub mod limits;
pub mod meaning;
pub mod message_id;
pub mod model;
pub mod printable;
pub mod profile;
mod send_token;
pub mod status;
pub mod text;

pub use codec::ContentError;
pub use group_profile::{GroupProfile, PictureReference, ProfilePlaces};
pub use lifetime::Lifetime;
pub use meaning::{Meaning, interpret};
pub use message_id::{MessageId, Origin};
pub use model::{
    Body, Disposition, Expires, ExtensionName, ExtensionValue, External, MimiContent, NestedPart,
    PartSemantics, SALT_LEN,
};
pub use printable::{printable, printable_line, revealed, without_marks};
pub use profile::{ObjectReference, Profile};
pub use send_token::SendToken;
pub use status::{ReportedStatus, StatusReport};
pub use text::{
    DisplayName, GroupDescription, InvalidDescription, InvalidMessageText, InvalidName, MessageText,
    clean_name, folded,
};
