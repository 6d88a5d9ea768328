//! How people and conversations are shown: a name, two letters, a colour, a picture.

use std::iter;

use subrosa_web_rpc::{Contact, Conversation, ConversationKind, Me};
use subrosa_wire::AccountId;

use super::{
    clusters, letters,
    pictures::{Portrait, Subject},
};
use crate::i18n::now;

/// How many pairs of colours the style sheet has.
const HUES: u8 = 10;

/// What an avatar shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Face {
    /// Up to two letters.
    pub(crate) initials: String,
    /// The number of a pair of colours.
    pub(crate) hue: u8,
    /// The picture, which takes the place of the letters.
    pub(crate) portrait: Option<Portrait>,
    /// Whether it is that of the user's notes, which have a sign of their own.
    pub(crate) is_notes: bool,
}

impl Face {
    /// The face of a person without a picture. The colours follow from the account id, so they are the same everywhere.
    pub(crate) fn of_account(account: &AccountId, name: &str) -> Self {
        Self {
            initials: initials(name),
            // The last byte is as random as any other.
            hue: account.as_bytes()[15] % HUES,
            portrait: None,
            is_notes: false,
        }
    }

    /// The same face with the picture that the person has in this version, if they have one.
    pub(crate) fn with_picture(self, account: AccountId, version: Option<u64>) -> Self {
        let of = Subject::Person(account);
        let portrait = version.map(|version| Portrait { of, version });
        Self { portrait, ..self }
    }

    /// The same face without its picture.
    pub(crate) fn without_picture(self) -> Self {
        Self {
            portrait: None,
            ..self
        }
    }

    /// The face of a person.
    pub(crate) fn of_contact(person: &Contact) -> Self {
        Self::of_account(&person.account_id, &name(person).unwrap_or_default())
            .with_picture(person.account_id, person.picture)
    }

    /// The face of a group that is being made.
    pub(crate) fn of_new_group(name: &str) -> Self {
        Self {
            initials: if name.trim().is_empty() {
                String::new()
            } else {
                initials(name)
            },
            hue: 0,
            portrait: None,
            is_notes: false,
        }
    }

    /// The user's own face.
    pub(crate) fn of_me(me: &Me) -> Self {
        let name = me.name.as_deref().unwrap_or(me.handle.as_str());
        Self::of_account(&me.account_id, name).with_picture(me.account_id, me.picture)
    }

    /// The face of a conversation: that of the other person, if there is one. That of a request has no picture.
    pub(crate) fn of_conversation(conversation: &Conversation) -> Self {
        let name = known_name(conversation).unwrap_or_default();
        let face = match &conversation.with {
            Some(person) => {
                Self::of_account(&person.account_id, &name).with_picture(person.account_id, person.picture)
            }
            None => Self {
                initials: initials(&name),
                hue: conversation.id.get().to_le_bytes()[0] % HUES,
                portrait: conversation.picture.map(|version| Portrait {
                    of: Subject::Group(conversation.id),
                    version,
                }),
                is_notes: conversation.kind == ConversationKind::NotesToSelf,
            },
        };
        if conversation.is_request {
            face.without_picture()
        } else {
            face
        }
    }
}

/// Up to two letters for the avatar.
fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || matches!(c, '.' | '_' | '-'))
        .filter_map(|mut word| {
            iter::from_fn(|| clusters::take_first(&mut word))
                .find(|cluster| letters::has_letter_or_digit(cluster))
        });
    let first = words.next();
    let last = words.next_back();
    let initials: String = first.into_iter().chain(last).map(tame).collect();
    if initials.is_empty() {
        "?".to_owned()
    } else {
        letters::upper_case(&initials)
    }
}

/// A cluster without the marks stacked on it.
fn tame(cluster: &str) -> String {
    cluster.chars().take(2).collect()
}

/// The most marks on one letter: languages need three, and taller stacks cover the text around them.
const MARKS_MAX: usize = 3;
/// The most characters of a name, as people count them.
const NAME_MAX: usize = 64;

/// What a conversation is called everywhere: by its title, or else by the person whom it is with.
pub(crate) fn name_of(conversation: &Conversation) -> String {
    known_name(conversation).unwrap_or_else(|| match conversation.kind {
        ConversationKind::Direct => now!("unknown-person"),
        ConversationKind::NotesToSelf => now!("notes-to-self"),
        ConversationKind::Group => now!("group-without-name"),
    })
}

/// Who invites the user to a group, while they have not decided about it.
pub(crate) fn inviter(conversation: &Conversation) -> Option<&Contact> {
    let is_invitation = conversation.is_request && conversation.kind == ConversationKind::Group;
    conversation.added_by.as_ref().filter(|_| is_invitation)
}

/// What a member of a group is called there.
pub(crate) fn name_in(conversation: &Conversation, account: &AccountId) -> String {
    in_group(conversation, account)
        .and_then(name)
        // Somebody who has left while this device was not there.
        .unwrap_or_else(|| now!("former-member"))
}

/// The face of a member of a group, or of somebody who has left; without a picture while the group is a request.
pub(crate) fn face_in(conversation: &Conversation, account: &AccountId) -> Face {
    match in_group(conversation, account) {
        Some(person) if !conversation.is_request => Face::of_contact(person),
        _ => Face::of_account(account, &name_in(conversation, account)),
    }
}

/// A member of a group, or somebody who was one.
fn in_group<'a>(conversation: &'a Conversation, account: &AccountId) -> Option<&'a Contact> {
    let mut members = conversation.members.iter().map(|member| &member.contact);
    let member = members.find(|member| member.account_id == *account);
    let mut former = conversation.former_members.iter();
    member.or_else(|| former.find(|person| person.account_id == *account))
}

/// Who is typing in a group; `None` in other conversations, where it can only be the other person.
pub(crate) fn typing_names(conversation: &Conversation) -> Option<String> {
    let names = conversation
        .typing
        .iter()
        .map(|account| name_in(conversation, account));
    (conversation.kind == ConversationKind::Group).then(|| names.collect::<Vec<_>>().join(", "))
}

fn known_name(conversation: &Conversation) -> Option<String> {
    let title = conversation.title.as_deref().and_then(shown);
    title.or_else(|| conversation.with.as_ref().and_then(name))
}

/// What the user calls the person, or else [`own_name`]. `None` while nothing is known.
pub(crate) fn name(person: &Contact) -> Option<String> {
    let nickname = person.nickname.as_deref().and_then(shown);
    nickname.or_else(|| own_name(person))
}

/// What the person calls themselves: the display name, or else the handle. `None` while neither is known.
pub(crate) fn own_name(person: &Contact) -> Option<String> {
    let name = person.name.as_deref().and_then(shown);
    name.or_else(|| any_handle(person))
}

/// The person's handle with its `@`, or the one that they had.
pub(crate) fn any_handle(person: &Contact) -> Option<String> {
    handle(person).or_else(|| former_handle(person))
}

/// The handle of the other person with its `@`, unless it already stands in place of the conversation's name.
pub(crate) fn handle_beside_name(conversation: &Conversation) -> Option<String> {
    let handle = conversation.with.as_ref().and_then(any_handle);
    handle.filter(|handle| known_name(conversation).as_ref() != Some(handle))
}

fn handle(person: &Contact) -> Option<String> {
    person.handle.as_ref().map(|handle| format!("@{handle}"))
}

/// The handle that the person had until the user accepted another account for it, said as such.
fn former_handle(person: &Contact) -> Option<String> {
    let handle = person.former_handle.as_ref()?;
    Some(now!("formerly", handle = format!("@{handle}")))
}

/// An account id in groups of four digits, to be compared digit by digit.
pub(crate) fn grouped(account: &AccountId) -> String {
    let digits: Vec<_> = account.to_string().chars().collect();
    let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// A name as it is shown: of bounded length and height. `None` if nothing of it is left.
fn shown(name: &str) -> Option<String> {
    let mut marks = 0;
    let mut low = String::with_capacity(name.len());
    for c in name.trim().chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            low.push(c);
        }
    }
    let shown = clusters::start(&low, NAME_MAX);
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// The blocks of marks that combine with any letter (Unicode, "Combining Diacritical Marks" and its extensions).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::model::samples::{contact, conversation};

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, letters) in [
            ("Ada Lindqvist", "AL"),
            ("ben", "B"),
            ("Maria da Silva", "MS"),
            ("ben.okafor", "BO"),
            ("@cat", "C"),
            ("😀 😀", "?"),
            ("", "?"),
            ("Åsa", "Å"),
        ] {
            assert_eq!(initials(name), letters, "{name:?}");
        }
    }

    #[test]
    fn a_name_of_stacked_marks_stays_two_letters() {
        let name = format!("z{} b{}", "\u{0311}".repeat(200), "\u{0311}".repeat(200));
        assert!(initials(&name).chars().count() <= 4);
    }

    #[test]
    fn a_name_is_bounded_in_length_and_height() {
        assert_eq!(
            shown(&format!("z{}x", "\u{311}\u{489}".repeat(80))).as_deref(),
            Some("z\u{311}\u{489}\u{311}x")
        );
        assert_eq!(shown(&"ab ".repeat(200)).unwrap().chars().count(), NAME_MAX);
        assert_eq!(shown(" Zoë 👩\u{200d}🌾 ").as_deref(), Some("Zoë 👩\u{200d}🌾"));
    }

    #[test]
    fn a_person_is_called_by_name_and_else_by_handle() {
        let mut person = contact(0, "ben", Some(" Ben "));
        assert_eq!(name(&person).as_deref(), Some("Ben"));
        person.name = Some("  ".to_owned());
        assert_eq!(name(&person).as_deref(), Some("@ben"));
        person.handle = None;
        assert_eq!(name(&person), None);
    }

    #[test]
    fn a_nickname_takes_the_place_of_the_name() {
        let mut person = contact(0, "ben", Some("Ben Okafor"));
        person.nickname = Some(" Benny ".to_owned());
        assert_eq!(name(&person).as_deref(), Some("Benny"));
        assert_eq!(own_name(&person).as_deref(), Some("Ben Okafor"));
        assert_eq!(Face::of_contact(&person).initials, "B");
        person.nickname = Some("\u{200b}".to_owned());
        person.name = None;
        assert_eq!(own_name(&person).as_deref(), Some("@ben"));
    }

    #[test]
    fn whoever_had_a_handle_is_not_called_by_it() {
        let mut person = contact(0, "ben", None);
        person.former_handle = person.handle.take();
        assert_eq!(name(&person).as_deref(), Some("formerly \u{2068}@ben\u{2069}"));
    }

    #[test]
    fn an_account_id_is_compared_in_groups() {
        let account = AccountId::from_bytes([0x0a; 16]);
        assert_eq!(grouped(&account), "0a0a 0a0a 0a0a 0a0a 0a0a 0a0a 0a0a 0a0a");
    }

    #[test]
    fn a_conversation_is_called_by_its_title_and_else_by_its_person() {
        let mut chat = conversation(1, "ben", Some("Ben"));
        assert_eq!(name_of(&chat), "Ben");
        assert_eq!(handle_beside_name(&chat).as_deref(), Some("@ben"));
        chat.title = Some("Rowing club".to_owned());
        assert_eq!(name_of(&chat), "Rowing club");
        chat.title = Some("  ".to_owned());
        chat.with = Some(contact(1, "ben", None));
        assert_eq!(name_of(&chat), "@ben");
        assert_eq!(handle_beside_name(&chat), None);
        chat.with = None;
        assert_eq!(name_of(&chat), "Someone");
    }

    #[test]
    fn the_face_of_a_conversation_is_that_of_its_person() {
        let mut chat = conversation(7, "ben.okafor", None);
        let account = AccountId::from_bytes([7; 16]);
        let of_person = Face::of_account(&account, "@ben.okafor");
        assert_eq!(Face::of_conversation(&chat), of_person);
        if let Some(person) = &mut chat.with {
            person.picture = Some(3);
        }
        assert_eq!(
            Face::of_conversation(&chat),
            of_person.with_picture(account, Some(3))
        );
    }
}
