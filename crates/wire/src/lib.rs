//! What crosses the network: frames, REST bodies, ids, limits, problem codes.
//!
//! This crate has no IO, no clock and no random source. It owns the bytes: whatever is sent has a
//! byte-level stability test here.

pub mod base64_bytes;
pub mod cbor;
pub mod fold;
pub mod frames;
pub mod handle;
pub mod ids;
pub mod limits;
pub mod password;
pub mod problem;
pub mod rest;
pub mod time;

pub use base64_bytes::Base64;
pub use handle::Handle;
pub use ids::{AccountId, ConversationId, DeviceId, IncarnationId, LinkId, ObjectId, SendId};
pub use problem::ProblemCode;
pub use time::Timestamp;
