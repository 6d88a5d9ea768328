//! Handles: the unique names by which people find each other.
//!
//! A handle is 3 to 32 characters of `a-z`, `0-9`, `_` and `.`; it starts with a letter, ends with a
//! letter or digit, and has no two separators in a row. So none hides a character. Upper case is folded;
//! everything else is refused rather than repaired. Which handles look alike, their skeletons say.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The shortest handle, in characters.
pub const HANDLE_LEN_MIN: usize = 3;
/// The longest handle, in characters.
pub const HANDLE_LEN_MAX: usize = 32;

/// Names with which somebody could impersonate the service.
const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "everyone",
    "here",
    "moderator",
    "root",
    "security",
    "server",
    "subrosa",
    "support",
    "system",
    "you",
];

/// A handle in its one normal form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(String);

/// Why a text is not a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHandle {
    /// Too short or too long.
    #[error("a handle has {HANDLE_LEN_MIN} to {HANDLE_LEN_MAX} characters")]
    Length,
    /// It has a character that handles cannot have.
    #[error("a handle has only the letters a to z, digits, '_' and '.'")]
    Character,
    /// It starts with something other than a letter.
    #[error("a handle starts with a letter")]
    Start,
    /// It ends with a separator, or has two in a row.
    #[error("in a handle '_' and '.' stand only between letters or digits")]
    Separator,
    /// Its owner could impersonate the service.
    #[error("this handle is reserved")]
    Reserved,
}

impl Handle {
    /// The handle without the leading `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What remains of the handle if characters that are easily confused count as one: handles with the same
    /// skeleton look alike, and a server gives only one of them to an account.
    ///
    /// `i` and `1` become `l`, `0` becomes `o`, and separators vanish. It is for comparing only: it is not a
    /// handle. A change here calls for a migration of the server's database.
    pub fn skeleton(&self) -> String {
        skeleton(&self.0)
    }

    /// Whether it looks like a name of the service, which nobody can have: `r00t`.
    pub fn looks_reserved(&self) -> bool {
        let own = self.skeleton();
        RESERVED.iter().any(|reserved| skeleton(reserved) == own)
    }
}

fn skeleton(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '_' | '.'))
        .map(|c| match c {
            'i' | '1' => 'l',
            '0' => 'o',
            other => other,
        })
        .collect()
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    /// Reads a handle; a leading `@` is allowed and dropped, upper case is folded.
    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let text = text.strip_prefix('@').unwrap_or(text);
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        {
            return Err(InvalidHandle::Character);
        }
        if !(HANDLE_LEN_MIN..=HANDLE_LEN_MAX).contains(&text.len()) {
            return Err(InvalidHandle::Length);
        }
        let text = text.to_ascii_lowercase();
        let bytes = text.as_bytes();
        if !bytes[0].is_ascii_lowercase() {
            return Err(InvalidHandle::Start);
        }
        let is_separator = |b: &u8| matches!(b, b'_' | b'.');
        let ends_with_separator = bytes.last().is_some_and(is_separator);
        if ends_with_separator || bytes.windows(2).any(|pair| pair.iter().all(is_separator)) {
            return Err(InvalidHandle::Separator);
        }
        if RESERVED.contains(&text.as_str()) {
            return Err(InvalidHandle::Reserved);
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl Serialize for Handle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Handle {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .min_length(Some(HANDLE_LEN_MIN))
            // With the @ in front that `from_str` drops.
            .max_length(Some(HANDLE_LEN_MAX + 1))
            .pattern(Some("^@?[A-Za-z](?:[_.]?[A-Za-z0-9])*$"))
            .description(Some("a-z, 0-9, '_' and '.' between them; starts with a letter"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Handle {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_folded_to_its_normal_form() {
        assert_eq!("@Alice_1.b".parse::<Handle>().unwrap().as_str(), "alice_1.b");
    }

    #[test]
    fn handles_that_look_alike_have_one_skeleton() {
        let skeleton = |text: &str| text.parse::<Handle>().unwrap().skeleton();
        for (one, other) in [
            ("alice", "a1ice"),
            ("alice", "al1ce"),
            ("alice", "allce"),
            ("alice", "a_l.i_c.e"),
            ("bob", "b0b"),
            ("a_b", "a.b"),
            ("a_b1", "ab.l"),
            ("Alice", "aIice"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        for (one, other) in [
            ("alice", "alicia"),
            ("ana", "anna"),
            ("ben", "den"),
            ("rnb", "mb1"),
        ] {
            assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }

    /// The server's database holds skeletons.
    #[test]
    fn a_skeleton_is_stable() {
        let handle: Handle = "ab.cdefghijklmnopqrstuvwxyz_0123".parse().unwrap();
        assert_eq!(handle.skeleton(), "abcdefghljklmnopqrstuvwxyzol23");
        let handle: Handle = "a456789".parse().unwrap();
        assert_eq!(handle.skeleton(), "a456789");
    }

    #[test]
    fn a_handle_that_looks_like_the_service_is_recognised() {
        let looks_reserved = |text: &str| text.parse::<Handle>().unwrap().looks_reserved();
        for text in ["adm1n", "r00t", "sup_port", "m0derator", "sec.urity", "y0u"] {
            assert!(looks_reserved(text), "{text}");
        }
        assert!(!looks_reserved("alice"));
    }

    #[test]
    fn what_could_deceive_is_refused_with_its_reason() {
        for (text, why) in [
            ("ab", InvalidHandle::Length),
            ("a23456789012345678901234567890123", InvalidHandle::Length),
            ("аlice", InvalidHandle::Character),
            ("ali\u{200b}ce", InvalidHandle::Character),
            ("ali ce", InvalidHandle::Character),
            ("@@alice", InvalidHandle::Character),
            ("\u{202e}alice", InvalidHandle::Character),
            ("1alice", InvalidHandle::Start),
            ("_alice", InvalidHandle::Start),
            ("alice_", InvalidHandle::Separator),
            ("al__ice", InvalidHandle::Separator),
            ("al._ice", InvalidHandle::Separator),
            ("Admin", InvalidHandle::Reserved),
        ] {
            assert_eq!(text.parse::<Handle>(), Err(why), "{text:?}");
        }
    }
}
