//! What crosses the network: frames, REST bodies, ids, limits, problem codes.
//!
//! This crate has no IO, no clock and no random source. It owns the bytes: whatever is stored or sent has
//! a byte-level stability test here.

pub mod handle;
pub mod ids;
pub mod time;

pub use handle::Handle;
pub use ids::{AccountId, ConversationId, DeviceId, SendId};
pub use time::Timestamp;
