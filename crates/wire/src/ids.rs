//! The ids that cross the network, each its own type.
//!
//! An id is 16 bytes, shown as 32 lower-case hexadecimal digits. It reveals nothing and cannot be
//! guessed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Length of every id in bytes.
pub const ID_LEN: usize = 16;

/// A text or a byte string is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The byte string has the wrong length.
    #[error("an id has {ID_LEN} bytes, not {0}")]
    Length(usize),
    /// The text is not 32 lower-case hexadecimal digits.
    #[error("an id is written as 32 lower-case hexadecimal digits")]
    Text,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_LEN]);

        impl $name {
            /// The id with these bytes. Use random bytes for a new one.
            pub const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
                &self.0
            }

            /// The bytes of the id, as a protobuf field holds them.
            pub fn to_vec(self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(InvalidId::Text);
                }
                let mut bytes = [0; ID_LEN];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId::Text)?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidId;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidId> {
                <[u8; ID_LEN]>::try_from(bytes).map(Self).map_err(|_| InvalidId::Length(bytes.len()))
            }
        }

        impl TryFrom<&Vec<u8>> for $name {
            type Error = InvalidId;

            fn try_from(bytes: &Vec<u8>) -> Result<Self, InvalidId> {
                Self::try_from(bytes.as_slice())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some("^[0-9a-f]{32}$"))
                    .description(Some("16 random bytes in hexadecimal"))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

id! {
    /// An account. Made by the client at sign-up, so that the device certificate can name it.
    AccountId
}
id! {
    /// A device of an account.
    DeviceId
}
id! {
    /// A conversation, and at the same time the id of its MLS group.
    ConversationId
}
id! {
    /// One send. The sender chooses it: a retry with the same id gets the first answer, and the sender
    /// recognizes its own entries in the log by it.
    SendId
}
id! {
    /// One life of a server's database: another one begins when the database is restored from an older copy.
    IncarnationId
}
id! {
    /// An invite link: made from its public key, so it says nothing of what the link lets one do.
    LinkId
}
id! {
    /// A sealed object. Random, and known to nobody but those who may fetch it.
    ObjectId
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_lower_case_hex_and_reads_back() {
        let id = AccountId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "30313233343536373839616263646566");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(
            serde_json::from_str::<AccountId>(&format!("\"{id}\"")).unwrap(),
            id
        );
    }

    #[test]
    fn anything_else_is_not_an_id() {
        for text in [
            "",
            "30",
            "3031323334353637383961626364656G",
            "30313233343536373839616263646566 ",
        ] {
            assert_eq!(text.parse::<DeviceId>(), Err(InvalidId::Text), "{text:?}");
        }
        assert_eq!(
            "3031323334353637383961626364656F".parse::<DeviceId>(),
            Err(InvalidId::Text)
        );
        assert_eq!(DeviceId::try_from([0; 15].as_slice()), Err(InvalidId::Length(15)));
    }
}
