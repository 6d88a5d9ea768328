//! What is pushed to devices that are connected.
//!
//! Pushes are hints: all of them can be fetched as well. So a connection that falls behind is closed rather
//! than waited for.

mod outbox;

mod hub;

mod fanout;

pub(crate) use fanout::Batch;
pub use fanout::Fanout;
pub use hub::{Connection, Hub};
pub use outbox::{Closing, Drained, Outbox};
