//! Makes text from others safe to print: nothing in the result can control a terminal.
//!
//! Escape sequences begin with a control character, and so do all other ways to move a cursor, ring a
//! bell or change a title. Every control becomes a visible picture, and so do characters that would reorder the text
//! or hide in it. What scripts need is kept: spaces without width between words of Khmer or Thai, soft hyphens, marks
//! of direction, and embeddings and isolates that end in the paragraph in which they begin.

use std::{borrow::Cow, iter::Peekable, str::CharIndices};

use super::characters::{
    BLACK_FLAG, CANCEL_TAG, is_bidi_control, is_control, is_direction_mark, is_shapeless, is_tag,
    is_word_break,
};

/// Shown for a character that has no picture of its own.
const REPLACEMENT: char = '\u{fffd}';

/// Makes what somebody has written safe to be shown, and to be copied as it was written. Line feeds and tabs are kept,
/// and CR LF becomes a line feed.
pub fn printable(text: &str) -> Cow<'_, str> {
    with_layout(text, &['\n', '\t'], true)
}

/// The same for a text that is about names, or quotes what was refused: whatever cannot be seen becomes visible.
pub fn revealed(text: &str) -> Cow<'_, str> {
    with_layout(text, &['\n', '\t'], false)
}

/// Makes a name safe for one line: whatever cannot be seen becomes visible, line feeds and tabs, too.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    with_layout(text, &[], false)
}

/// A printable text without the characters that [`printable`] keeps for scripts alone: a grid of cells needs none of
/// them, and gives each a cell.
pub fn without_marks(printable: &str) -> String {
    printable.replace(|c: char| is_word_break(c) || is_bidi_control(c), "")
}

fn with_layout<'a>(text: &'a str, layout: &[char], keeps_marks: bool) -> Cow<'a, str> {
    let is_plain = |c: char| {
        layout.contains(&c)
            || (keeps_marks && (is_word_break(c) || is_direction_mark(c)))
            || !(is_control(c) || is_bidi_control(c) || is_shapeless(c))
    };
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let balanced = if keeps_marks {
        balanced_controls(text)
    } else {
        Vec::new()
    };
    let mut balanced = balanced.iter().peekable();
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_balanced = balanced.next_if(|balanced| **balanced == at).is_some();
        match c {
            '\r' if layout.contains(&'\n') && chars.peek().is_some_and(|(_, next)| *next == '\n') => {}
            BLACK_FLAG => {
                shown.push(c);
                push_flag_tags(&mut shown, &mut chars);
            }
            _ if is_balanced || is_plain(c) => shown.push(c),
            _ => shown.push(picture(c)),
        }
    }
    Cow::Owned(shown)
}

/// Where the embeddings and isolates are that end in their paragraph, and their ends, in order (UAX 9, section 3.3).
/// Overrides, which turn text around whatever its letters are, are not among them.
fn balanced_controls(text: &str) -> Vec<usize> {
    const LEFT_TO_RIGHT_EMBEDDING: char = '\u{202a}';
    const RIGHT_TO_LEFT_EMBEDDING: char = '\u{202b}';
    const POP_FORMATTING: char = '\u{202c}';
    const POP_ISOLATE: char = '\u{2069}';

    enum Open {
        Isolate(usize),
        Embedding(usize),
        Override,
    }

    let mut balanced = Vec::new();
    let mut open = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '\u{2066}'..='\u{2068}' => open.push(Open::Isolate(at)),
            LEFT_TO_RIGHT_EMBEDDING | RIGHT_TO_LEFT_EMBEDDING => open.push(Open::Embedding(at)),
            '\u{202d}' | '\u{202e}' => open.push(Open::Override),
            POP_FORMATTING => match open.pop() {
                Some(Open::Embedding(start)) => balanced.extend([start, at]),
                // It ends nothing.
                Some(isolate @ Open::Isolate(_)) => open.push(isolate),
                Some(Open::Override) | None => {}
            },
            // What is still open within an isolate ends with it.
            POP_ISOLATE => {
                while let Some(inner) = open.pop() {
                    if let Open::Isolate(start) = inner {
                        balanced.extend([start, at]);
                        break;
                    }
                }
            }
            '\n' | '\r' | '\u{85}' | '\u{2029}' => open.clear(),
            _ => {}
        }
    }
    balanced.sort_unstable();
    balanced
}

/// Keeps the tags behind a black flag if they end as a flag does.
fn push_flag_tags(shown: &mut String, chars: &mut Peekable<CharIndices<'_>>) {
    const FLAG_TAGS_MAX: usize = 8;
    let tags: String = chars
        .clone()
        .map(|(_, c)| c)
        .take_while(|c| is_tag(*c))
        .take(FLAG_TAGS_MAX)
        .collect();
    if tags.ends_with(CANCEL_TAG) && tags.matches(CANCEL_TAG).count() == 1 {
        for tag in tags.chars() {
            shown.push(tag);
            chars.next();
        }
    }
}

/// What is shown for a character that must not be printed.
fn picture(c: char) -> char {
    match u32::from(c) {
        // The block Control Pictures follows the order of the controls.
        control @ 0..=0x1f => char::from_u32(0x2400 + control).unwrap_or(REPLACEMENT),
        0x7f => '\u{2421}',
        _ => REPLACEMENT,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        for text in [
            "",
            "Hello",
            "line\n\tand tab",
            "Grüße",
            "שלום",
            "مرحبا",
            "می‌خواهم",
            "क्‍ष",
            "日本語",
            "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ❤️",
            "ខ្ញុំ\u{200b}ស្រលាញ់\u{200b}អ្នក",
            "Donau\u{ad}dampf\u{ad}schiff",
            "שלום (abc)\u{200f}!",
            "\u{61c}-5\u{200e}",
            "word\u{2060}joiner",
        ] {
            assert!(
                matches!(printable(text), Cow::Borrowed(shown) if shown == text),
                "{text:?}"
            );
        }
        assert_eq!(
            printable("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}!")
                .chars()
                .count(),
            8
        );
    }

    #[test]
    fn escape_sequences_become_visible() {
        assert_eq!(printable("\u{1b}[2J\u{1b}]0;title\u{7}"), "␛[2J␛]0;title␇");
        assert_eq!(printable("\u{9b}2J"), "\u{fffd}2J");
        assert_eq!(printable("a\u{8}\u{7f}b\0"), "a␈␡b␀");
        assert_eq!(printable("over\rwritten"), "over␍written");
    }

    #[test]
    fn text_is_not_turned_around_and_hides_nothing() {
        assert_eq!(printable("abc\u{202e}gpj.exe"), "abc\u{fffd}gpj.exe");
        assert_eq!(printable("pay\u{feff}pal\u{180e}"), "pay\u{fffd}pal\u{fffd}");
        assert_eq!(printable("a\u{e0041}\u{e007f}"), "a\u{fffd}\u{fffd}");
        assert_eq!(printable("🏴\u{e0041}"), "🏴\u{fffd}");
    }

    #[test]
    fn embeddings_and_isolates_that_end_are_kept_and_others_are_seen() {
        for balanced in [
            "call \u{202a}+972 3 123\u{202c} now",
            "\u{2067}שלום \u{2066}abc\u{2069}\u{2069}",
            "\u{2068}a\u{202b}b\u{202c}c\u{2069}\nnext \u{2066}x\u{2069}",
        ] {
            assert_eq!(printable(balanced), balanced);
        }
        for (text, shown) in [
            ("a\u{202a}b", "a\u{fffd}b"),
            ("a\u{202c}b\u{2069}", "a\u{fffd}b\u{fffd}"),
            // One paragraph does not end what another has begun.
            ("a\u{2067}b\nc\u{2069}d", "a\u{fffd}b\nc\u{fffd}d"),
            // An isolate ends what was opened in it.
            (
                "\u{2066}a\u{202a}b\u{2069}c\u{202c}",
                "\u{2066}a\u{fffd}b\u{2069}c\u{fffd}",
            ),
            // Overrides never are, and do not lend their ends to others.
            ("\u{202e}abc\u{202c}", "\u{fffd}abc\u{fffd}"),
            (
                "\u{202a}a\u{202d}b\u{202c}c\u{202c}",
                "\u{202a}a\u{fffd}b\u{fffd}c\u{202c}",
            ),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    #[test]
    fn windows_line_ends_become_line_feeds() {
        assert_eq!(printable("a\r\nb"), "a\nb");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(printable_line("a\r\n\tb\u{2028}c"), "a␍␊␉b\u{fffd}c");
    }

    fn is_override(c: char) -> bool {
        matches!(c, '\u{202d}' | '\u{202e}')
    }

    proptest! {
        #[test]
        fn no_control_and_no_override_is_ever_printed(text in any::<String>(), raw in proptest::collection::vec(0..0x2070_u32, 0..50)) {
            let text: String = text.chars().chain(raw.into_iter().filter_map(char::from_u32)).collect();
            for c in printable(&text).chars() {
                prop_assert!(matches!(c, '\n' | '\t') || !(is_control(c) || is_override(c)), "{:?}", c);
            }
            prop_assert!(!printable_line(&text).chars().any(|c| is_control(c) || is_bidi_control(c)));
            prop_assert!(!revealed(&text).chars().any(is_bidi_control));
        }

        #[test]
        fn printing_twice_changes_nothing(text in any::<String>()) {
            let once = printable(&text).into_owned();
            prop_assert_eq!(printable(&once), once.as_str());
        }
    }
}
