//! What is pushed to devices that are connected.
//!
//! Pushes are hints: all of them can be fetched as well. So a connection that falls behind is closed rather
//! than waited for.

mod outbox;

mod hub;

pub use hub::{Connection, Hub};
pub(crate) use outbox::encode_entry;
pub use outbox::{Closing, Drained, Outbox};
