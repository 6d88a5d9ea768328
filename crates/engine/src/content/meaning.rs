//! What a content means to us. What is unknown becomes a readable line, never an error.

use subrosa_wire::limits::MESSAGE_TEXT_MAX;

use super::{
    DisplayName, GroupProfile, MessageId, ObjectReference, Profile, ReportedStatus, StatusReport,
    group_profile::GROUP_PROFILE_MEDIA_TYPE,
    limits::{REACTION_MAX, REACTIONS_MAX},
    model::{Body, Disposition, MimiContent, NestedPart, PartSemantics},
    profile::PROFILE_MEDIA_TYPE,
    status::STATUS_MEDIA_TYPE,
};

/// What a content means. All texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A new message.
    Text {
        /// Markdown.
        text: String,
        /// The message that it replies to.
        in_reply_to: Option<MessageId>,
    },
    /// A new text for a message of the same sender.
    Edit {
        /// That message.
        target: MessageId,
        /// Markdown.
        text: String,
    },
    /// Deletes a message of the same sender.
    Delete {
        /// That message.
        target: MessageId,
    },
    /// A reaction to a message.
    Reaction {
        /// That message.
        target: MessageId,
        /// One or more emoji.
        emoji: String,
        /// The reaction of the same sender that it replaces.
        replaces: Option<MessageId>,
    },
    /// A reaction is taken back.
    Unreact {
        /// The content that was the reaction.
        reaction: MessageId,
    },
    /// The status of messages at the sender of this content.
    StatusReport(Vec<(MessageId, ReportedStatus)>),
    /// The sender's profile.
    Profile {
        /// The display name; `None` if it was removed.
        name: Option<DisplayName>,
        /// Where name and picture are kept.
        object: Option<ObjectReference>,
    },
    /// What the members say about the group.
    GroupProfile(GroupProfile),
    /// Something that this version does not understand.
    Unsupported {
        /// A line that says what it is, to be shown in its place.
        fallback_text: String,
    },
}

/// Determines what a content means.
pub fn interpret(content: &MimiContent) -> Meaning {
    if content.nested_part.body == Body::Null {
        return match (content.replaces, content.nested_part.disposition) {
            (Some(reaction), Disposition::REACTION) => Meaning::Unreact { reaction },
            (Some(target), _) => Meaning::Delete { target },
            (None, _) => unsupported("an empty message"),
        };
    }
    match understand(&content.nested_part) {
        Understood::Text(text) => match content.replaces {
            Some(target) => Meaning::Edit { target, text },
            None => Meaning::Text {
                text,
                in_reply_to: content.in_reply_to,
            },
        },
        Understood::Reaction(emoji) => match content.in_reply_to {
            Some(target) => Meaning::Reaction {
                target,
                emoji,
                replaces: content.replaces,
            },
            None => unsupported("a reaction to no message"),
        },
        Understood::StatusReport(report) => Meaning::StatusReport(report.into_entries()),
        Understood::Profile(Profile { name, object }) => Meaning::Profile { name, object },
        Understood::GroupProfile(profile) => Meaning::GroupProfile(profile),
        Understood::Nothing { what } => unsupported(&what),
    }
}

fn unsupported(what: &str) -> Meaning {
    Meaning::Unsupported {
        fallback_text: fallback_line(what),
    }
}

fn fallback_line(what: &str) -> String {
    format!("[{what}: this version cannot show it]")
}

/// What a single part means.
enum Understood {
    Text(String),
    Reaction(String),
    StatusReport(StatusReport),
    Profile(Profile),
    GroupProfile(GroupProfile),
    Nothing { what: String },
}

impl Understood {
    fn nothing(what: impl Into<String>) -> Self {
        Self::Nothing { what: what.into() }
    }

    fn is_something(&self) -> bool {
        !matches!(self, Self::Nothing { .. })
    }
}

fn understand(part: &NestedPart) -> Understood {
    match &part.body {
        Body::Null => Understood::nothing("an empty part"),
        Body::Single {
            content_type,
            content,
        } => understand_single(part.disposition, content_type, content),
        Body::External(external) => {
            let kind = if part.disposition == Disposition::SESSION {
                "an invitation"
            } else {
                "a file"
            };
            let details = [
                &external.filename,
                &external.content_type,
                &external.description,
                &external.url,
            ];
            Understood::nothing(describe(kind, details.map(String::as_str)))
        }
        Body::Multi {
            semantics: PartSemantics::ChooseOne,
            parts,
        } => parts
            .iter()
            .map(understand)
            .reduce(|chosen, next| if chosen.is_something() { chosen } else { next })
            .unwrap_or_else(|| Understood::nothing("an empty message")),
        Body::Multi {
            semantics: PartSemantics::SingleUnit,
            parts,
        } => {
            let parts: Vec<_> = parts.iter().map(understand).collect();
            match parts.iter().find(|part| !part.is_something()) {
                Some(Understood::Nothing { what }) => Understood::nothing(what.clone()),
                _ => combine(parts),
            }
        }
        Body::Multi {
            semantics: PartSemantics::ProcessAll,
            parts,
        } => combine(parts.iter().map(understand)),
    }
}

fn understand_single(disposition: Disposition, content_type: &str, content: &[u8]) -> Understood {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match media_type.as_str() {
        STATUS_MEDIA_TYPE => match StatusReport::decode(content) {
            Ok(report) => Understood::StatusReport(report),
            Err(_) => Understood::nothing("a status report with errors"),
        },
        PROFILE_MEDIA_TYPE => match Profile::decode(content) {
            Ok(profile) => Understood::Profile(profile),
            Err(_) => Understood::nothing("a profile with errors"),
        },
        GROUP_PROFILE_MEDIA_TYPE => match GroupProfile::decode(content) {
            Ok(profile) => Understood::GroupProfile(profile),
            Err(_) => Understood::nothing("a profile of the group with errors"),
        },
        "text/markdown" | "text/plain" => match std::str::from_utf8(content) {
            Err(_) => Understood::nothing("a text that is not UTF-8"),
            Ok("") => Understood::nothing("an empty text"),
            Ok(text) if disposition == Disposition::REACTION => {
                if text.len() > REACTION_MAX {
                    Understood::nothing("a reaction that is too long")
                } else {
                    Understood::Reaction(text.to_owned())
                }
            }
            Ok(text) if text.len() > MESSAGE_TEXT_MAX => Understood::nothing("a text that is too long"),
            Ok(text) => Understood::Text(text.to_owned()),
        },
        _ => Understood::nothing(describe("a message", [&media_type])),
    }
}

/// Combines the parts of a multipart. The first part that is understood decides the kind: emoji are concatenated,
/// texts are put below each other, with a line for each part that is not understood.
fn combine(parts: impl IntoIterator<Item = Understood>) -> Understood {
    let parts: Vec<_> = parts.into_iter().collect();
    let first = parts.iter().position(Understood::is_something).unwrap_or(0);
    match parts.get(first) {
        Some(Understood::Text(_)) => {
            let lines: Vec<_> = parts
                .into_iter()
                .filter_map(|part| match part {
                    Understood::Text(text) => Some(text),
                    Understood::Nothing { what } => Some(fallback_line(&what)),
                    _ => None,
                })
                .collect();
            let text = lines.join("\n\n");
            if text.len() > MESSAGE_TEXT_MAX {
                Understood::nothing("a text that is too long")
            } else {
                Understood::Text(text)
            }
        }
        Some(Understood::Reaction(_)) => {
            let emoji = parts.into_iter().filter_map(|part| match part {
                Understood::Reaction(emoji) => Some(emoji),
                _ => None,
            });
            Understood::Reaction(emoji.take(REACTIONS_MAX).collect())
        }
        _ => parts
            .into_iter()
            .nth(first)
            .unwrap_or_else(|| Understood::nothing("an empty message")),
    }
}

/// `kind` with the details that are present, each cut to a readable length.
fn describe<const N: usize>(kind: &str, details: [&str; N]) -> String {
    const DETAIL_CHARS_MAX: usize = 120;
    let details: Vec<String> = details
        .into_iter()
        .filter(|detail| !detail.is_empty())
        .map(|detail| detail.chars().take(DETAIL_CHARS_MAX).collect())
        .collect();
    if details.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind} ({})", details.join(", "))
    }
}
