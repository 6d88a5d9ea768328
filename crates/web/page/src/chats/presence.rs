//! What is known of the other person: whether they are online, when they last were, and whether they are typing.

use leptos::prelude::*;
use subrosa_web_rpc::{Conversation, Presence};

use crate::{format, i18n::now, model::faces};

/// What is shown of a person in the header of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// In a group, who is.
    Typing(Option<String>),
    Online,
    /// In milliseconds since 1970.
    LastSeen(u64),
}

impl Shown {
    /// What there is to show; `None` if nothing is known.
    pub(super) fn of(conversation: &Conversation) -> Option<Self> {
        if is_unwanted(conversation) {
            return None;
        }
        match conversation.presence {
            _ if !conversation.typing.is_empty() => Some(Self::Typing(faces::typing_names(conversation))),
            Presence::Online => Some(Self::Online),
            Presence::LastSeen(at) => Some(Self::LastSeen(at.as_millis())),
            Presence::Unknown => None,
        }
    }

    /// Whether it is that somebody types.
    pub(super) fn is_typing(conversation: &Conversation) -> bool {
        matches!(Self::of(conversation), Some(Self::Typing(_)))
    }

    /// The name of it in the document.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Typing(_) => "typing",
            Self::Online => "online",
            Self::LastSeen(_) => "last-seen",
        }
    }

    /// It in words. `today` is in days since 1970.
    pub(super) fn words(&self, today: i64) -> String {
        match self {
            Self::Typing(names) => typing_words(names.as_deref()),
            Self::Online => now!("online"),
            Self::LastSeen(at_ms) => {
                let at_ms = *at_ms;
                if format::is_recent(at_ms, today) {
                    let (day, time) = (format::day(at_ms, today), format::time(at_ms));
                    now!("last-seen-at", day = day, time = time)
                } else {
                    now!("last-seen-on", date = format::short_date(at_ms, today))
                }
            }
        }
    }
}

/// Whether the conversation is with somebody whom the user has blocked.
pub(super) fn is_blocked(conversation: &Conversation) -> bool {
    conversation.with.as_ref().is_some_and(|with| with.is_blocked)
}

/// Whether nothing is shown of the other person: whether they are wanted is not decided, or they are blocked.
fn is_unwanted(conversation: &Conversation) -> bool {
    conversation.is_request || is_blocked(conversation)
}

/// Whether the other person is shown as online, be they typing or not.
pub(super) fn is_online(conversation: &Conversation) -> bool {
    conversation.presence == Presence::Online && !is_unwanted(conversation)
}

/// That the other person is typing, or, in a group, that these people are.
pub(super) fn typing_words(names: Option<&str>) -> String {
    match names {
        Some(names) => now!("is-typing", name = names),
        None => now!("typing"),
    }
}

/// The mark at the avatar of somebody who is online. What it says is said in words beside the name.
pub(super) fn mark() -> impl IntoView {
    view! { <span class="online-mark" data-testid="online" aria-hidden="true"></span> }
}

#[cfg(test)]
mod tests {
    use subrosa_wire::{AccountId, Timestamp};

    use super::*;
    use crate::model::samples::conversation;

    #[test]
    fn typing_is_shown_in_place_of_presence_and_nothing_of_somebody_unknown() {
        let mut ben = conversation(1, "ben", None);
        assert_eq!(Shown::of(&ben), None);
        ben.presence = Presence::LastSeen(Timestamp::from_millis(7));
        assert_eq!(Shown::of(&ben), Some(Shown::LastSeen(7)));
        ben.presence = Presence::Online;
        assert_eq!(Shown::of(&ben), Some(Shown::Online));
        ben.typing = vec![AccountId::from_bytes([1; 16])];
        assert_eq!(Shown::of(&ben), Some(Shown::Typing(None)));
        assert!(is_online(&ben));
        ben.is_request = true;
        assert_eq!(Shown::of(&ben), None);
        assert!(!is_online(&ben));
        ben.is_request = false;
        if let Some(with) = &mut ben.with {
            with.is_blocked = true;
        }
        assert_eq!(Shown::of(&ben), None);
    }
}
