//! What conversations and messages are called on this device: the numbers that the engine gives them. They never
//! change and are never used again, whatever happens to the ids on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a conversation on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatId(i64);

/// Names a message on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalMessageId(i64);

macro_rules! number {
    ($($id:ident)*) => {$(
        impl $id {
            /// The id with this number.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// Its number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number! { ChatId LocalMessageId }
