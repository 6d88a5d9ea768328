//! What crosses the network: frames, REST bodies, ids, limits, problem codes.
//!
//! This crate has no IO, no clock and no random source. It owns the bytes: whatever is sent has a
//! byte-level stability test here.

pub mod ids;
pub mod handle;
pub mod time;
pub mod limits;
pub mod problem;
pub mod base64_bytes;
pub mod password;
pub mod frames;
pub mod rest;

pub use base64_bytes::Base64;
pub use handle::Handle;
pub use ids::{AccountId, ConversationId, DeviceId, SendId};
pub use problem::ProblemCode;
pub use time::Timestamp;
