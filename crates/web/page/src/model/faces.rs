//! How a person is shown: a name, two letters, a colour.

use std::iter;

use subrosa_web_rpc::Peer;
use subrosa_wire::AccountId;

use super::{clusters, letters};

/// How many pairs of colours the style sheet has.
const HUES: u8 = 10;

/// The class of a person's colours. It follows from the account id, so it is the same everywhere.
pub(crate) fn hue(account: &AccountId) -> String {
    // The last byte is as random as any other.
    format!("hue-{}", account.as_bytes()[15] % HUES)
}

/// Up to two letters for the avatar.
pub(crate) fn initials(name: &str) -> String {
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

/// The person's display name, or else the handle. `None` while neither is known.
pub(crate) fn name(peer: &Peer) -> Option<String> {
    let name = peer.name.as_deref().map(shown).filter(|name| !name.is_empty());
    name.or_else(|| peer.handle.as_ref().map(|handle| format!("@{handle}")))
}

/// The handle with its `@`, unless it already stands in place of the name.
pub(crate) fn handle_beside_name(peer: &Peer) -> Option<String> {
    let handle = peer.handle.as_ref().map(|handle| format!("@{handle}"));
    handle.filter(|handle| name(peer).as_ref() != Some(handle))
}

/// A name as it is shown: of bounded length and height.
fn shown(name: &str) -> String {
    let mut marks = 0;
    let mut low = String::with_capacity(name.len());
    for c in name.trim().chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            low.push(c);
        }
    }
    clusters::start(&low, NAME_MAX).to_owned()
}

/// The blocks of marks that combine with any letter (Unicode, "Combining Diacritical Marks" and its extensions).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
            shown(&format!("z{}x", "\u{311}\u{489}".repeat(80))),
            "z\u{311}\u{489}\u{311}x"
        );
        assert_eq!(shown(&"ab ".repeat(200)).chars().count(), NAME_MAX);
        assert_eq!(shown(" Zoë 👩\u{200d}🌾 "), "Zoë 👩\u{200d}🌾");
    }

    #[test]
    fn a_person_is_called_by_name_and_else_by_handle() {
        let mut peer = Peer {
            account_id: AccountId::from_bytes([0; 16]),
            handle: "ben".parse().ok(),
            name: Some(" Ben ".to_owned()),
        };
        assert_eq!(name(&peer).as_deref(), Some("Ben"));
        assert_eq!(handle_beside_name(&peer).as_deref(), Some("@ben"));
        peer.name = Some("  ".to_owned());
        assert_eq!(name(&peer).as_deref(), Some("@ben"));
        assert_eq!(handle_beside_name(&peer), None);
        peer.handle = None;
        assert_eq!(name(&peer), None);
    }
}
