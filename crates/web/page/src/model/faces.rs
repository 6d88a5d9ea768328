//! What stands for a person: a name, two letters, a colour.

use subrosa_web_rpc::Peer;
use subrosa_wire::AccountId;
use unicode_segmentation::UnicodeSegmentation as _;

/// The pairs of colours in the style sheet.
const HUES: u8 = 10;

/// The class of the colours of a person: from the account id, so that it is the same everywhere.
pub(crate) fn hue(account: &AccountId) -> String {
    // The last byte is as random as any other.
    format!("hue-{}", account.as_bytes()[15] % HUES)
}

/// Up to two letters for the avatar.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || matches!(c, '.' | '_' | '-'))
        .filter_map(|word| {
            word.graphemes(true)
                .find(|cluster| cluster.chars().any(char::is_alphanumeric))
        });
    let first = words.next();
    let last = words.next_back();
    let letters: String = first.into_iter().chain(last).map(tame).collect();
    if letters.is_empty() {
        "?".to_owned()
    } else {
        letters.to_uppercase()
    }
}

/// A cluster without the marks that are stacked upon it.
fn tame(cluster: &str) -> String {
    cluster.chars().take(2).collect()
}

/// What a person is called: the name, or else the handle. `None` while nothing is known.
pub(crate) fn name(peer: &Peer) -> Option<String> {
    let name = peer
        .name
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    name.map(str::to_owned)
        .or_else(|| peer.handle.as_ref().map(|handle| format!("@{handle}")))
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
    fn a_person_is_called_by_name_and_else_by_handle() {
        let mut peer = Peer {
            account_id: AccountId::from_bytes([0; 16]),
            handle: "ben".parse().ok(),
            name: Some(" Ben ".to_owned()),
        };
        assert_eq!(name(&peer).as_deref(), Some("Ben"));
        peer.name = Some("  ".to_owned());
        assert_eq!(name(&peer).as_deref(), Some("@ben"));
        peer.handle = None;
        assert_eq!(name(&peer), None);
    }
}
