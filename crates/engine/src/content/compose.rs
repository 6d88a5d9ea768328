//! The contents that we write, one function for each.

use std::collections::BTreeMap;

use super::{
    Expires, GroupProfile, Lifetime, MessageId, Profile, StatusReport,
    group_profile::GROUP_PROFILE_MEDIA_TYPE,
    message_id::Origin,
    model::{Body, Disposition, ExtensionName, ExtensionValue, MimiContent, NestedPart, SALT_LEN},
    profile::PROFILE_MEDIA_TYPE,
    status::STATUS_MEDIA_TYPE,
};

/// The media type of a text: GitHub Flavored Markdown with MIMI's rules.
pub const TEXT_MEDIA_TYPE: &str = "text/markdown;variant=GFM-MIMI";
/// The media type of a reaction.
pub const REACTION_MEDIA_TYPE: &str = "text/plain;charset=utf-8";

/// A text.
pub fn text(origin: &Origin, salt: [u8; SALT_LEN], text: &str) -> MimiContent {
    content(origin, salt, Disposition::RENDER, single(TEXT_MEDIA_TYPE, text))
}

/// A text that disappears, if it has a lifetime.
pub fn expiring_text(
    origin: &Origin,
    salt: [u8; SALT_LEN],
    words: &str,
    lifetime: Option<Lifetime>,
) -> MimiContent {
    MimiContent {
        expires: lifetime.map(|lifetime| Expires::Relative(lifetime.as_secs())),
        ..text(origin, salt, words)
    }
}

/// A reply to another message.
pub fn reply(origin: &Origin, salt: [u8; SALT_LEN], in_reply_to: MessageId, reply: &str) -> MimiContent {
    MimiContent {
        in_reply_to: Some(in_reply_to),
        ..text(origin, salt, reply)
    }
}

/// A new text for a message of this origin.
pub fn edit(origin: &Origin, salt: [u8; SALT_LEN], target: MessageId, new_text: &str) -> MimiContent {
    MimiContent {
        replaces: Some(target),
        ..text(origin, salt, new_text)
    }
}

/// Deletes a message of this origin.
pub fn delete(origin: &Origin, salt: [u8; SALT_LEN], target: MessageId) -> MimiContent {
    MimiContent {
        replaces: Some(target),
        ..content(origin, salt, Disposition::RENDER, Body::Null)
    }
}

/// Reacts to a message with an emoji.
pub fn reaction(origin: &Origin, salt: [u8; SALT_LEN], target: MessageId, emoji: &str) -> MimiContent {
    let body = single(REACTION_MEDIA_TYPE, emoji);
    MimiContent {
        in_reply_to: Some(target),
        ..content(origin, salt, Disposition::REACTION, body)
    }
}

/// Takes back a reaction of this origin; `target` is the message that was reacted to.
pub fn unreact(origin: &Origin, salt: [u8; SALT_LEN], reaction: MessageId, target: MessageId) -> MimiContent {
    MimiContent {
        replaces: Some(reaction),
        in_reply_to: Some(target),
        ..content(origin, salt, Disposition::REACTION, Body::Null)
    }
}

/// Reports the status of messages.
pub fn status_report(origin: &Origin, salt: [u8; SALT_LEN], report: &StatusReport) -> MimiContent {
    content(
        origin,
        salt,
        Disposition::UNSPECIFIED,
        single(STATUS_MEDIA_TYPE, report.encode()),
    )
}

/// Announces the sender's profile.
pub fn profile(origin: &Origin, salt: [u8; SALT_LEN], profile: &Profile) -> MimiContent {
    content(
        origin,
        salt,
        Disposition::PROFILE,
        single(PROFILE_MEDIA_TYPE, profile.encode()),
    )
}

/// Announces what is said about the group.
pub fn group_profile(origin: &Origin, salt: [u8; SALT_LEN], profile: &GroupProfile) -> MimiContent {
    content(
        origin,
        salt,
        Disposition::PROFILE,
        single(GROUP_PROFILE_MEDIA_TYPE, profile.encode()),
    )
}

fn single(content_type: &str, content: impl Into<Vec<u8>>) -> Body {
    Body::Single {
        content_type: content_type.to_owned(),
        content: content.into(),
    }
}

fn content(origin: &Origin, salt: [u8; SALT_LEN], disposition: Disposition, body: Body) -> MimiContent {
    MimiContent {
        salt,
        replaces: None,
        topic_id: Vec::new(),
        expires: None,
        in_reply_to: None,
        extensions: BTreeMap::from([
            (
                ExtensionName::SENDER_URI,
                ExtensionValue::from_text(&origin.sender_uri()),
            ),
            (
                ExtensionName::ROOM_URI,
                ExtensionValue::from_text(&origin.room_uri()),
            ),
        ]),
        nested_part: NestedPart {
            disposition,
            language: String::new(),
            body,
        },
    }
}
