//! Makes text from others safe to print: nothing in the result can control a terminal.
//!
//! Escape sequences begin with a control character, and so do all other ways to move a cursor, ring a
//! bell or change a title. Every control becomes a visible picture, and so do characters that would reorder the text
//! or hide in it.

use std::{borrow::Cow, iter::Peekable, str::Chars};

use super::characters::{BLACK_FLAG, CANCEL_TAG, is_bidi_control, is_control, is_shapeless, is_tag};

/// Shown for a character that has no picture of its own.
const REPLACEMENT: char = '\u{fffd}';

/// Makes a text safe for a terminal. Line feeds and tabs are kept, and CR LF becomes a line feed.
pub fn printable(text: &str) -> Cow<'_, str> {
    with_layout(text, &['\n', '\t'])
}

/// Makes a text safe for one line of a terminal: line feeds and tabs become visible, too.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    with_layout(text, &[])
}

fn with_layout<'a>(text: &'a str, layout: &[char]) -> Cow<'a, str> {
    let is_plain = |c: char| layout.contains(&c) || !(is_control(c) || is_bidi_control(c) || is_shapeless(c));
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if layout.contains(&'\n') && chars.peek() == Some(&'\n') => {}
            BLACK_FLAG => {
                shown.push(c);
                push_flag_tags(&mut shown, &mut chars);
            }
            _ if is_plain(c) => shown.push(c),
            _ => shown.push(picture(c)),
        }
    }
    Cow::Owned(shown)
}

/// Keeps the tags behind a black flag if they end as a flag does.
fn push_flag_tags(shown: &mut String, chars: &mut Peekable<Chars<'_>>) {
    const FLAG_TAGS_MAX: usize = 8;
    let tags: String = chars
        .clone()
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
        assert_eq!(printable("pay\u{200b}pal\u{feff}"), "pay\u{fffd}pal\u{fffd}");
        assert_eq!(printable("a\u{e0041}\u{e007f}"), "a\u{fffd}\u{fffd}");
        assert_eq!(printable("🏴\u{e0041}"), "🏴\u{fffd}");
    }

    #[test]
    fn windows_line_ends_become_line_feeds() {
        assert_eq!(printable("a\r\nb"), "a\nb");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(printable_line("a\r\n\tb\u{2028}c"), "a␍␊␉b\u{fffd}c");
    }

    proptest! {
        #[test]
        fn no_control_and_no_bidi_control_is_ever_printed(text in any::<String>(), raw in proptest::collection::vec(0..0x2070_u32, 0..50)) {
            let text: String = text.chars().chain(raw.into_iter().filter_map(char::from_u32)).collect();
            for c in printable(&text).chars() {
                prop_assert!(matches!(c, '\n' | '\t') || !(is_control(c) || is_bidi_control(c)), "{:?}", c);
            }
            prop_assert!(!printable_line(&text).chars().any(|c| is_control(c) || is_bidi_control(c)));
        }

        #[test]
        fn printing_twice_changes_nothing(text in any::<String>()) {
            let once = printable(&text).into_owned();
            prop_assert_eq!(printable(&once), once.as_str());
        }
    }
}
