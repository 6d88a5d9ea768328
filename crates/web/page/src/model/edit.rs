//! What an edit makes of the text of a field.

use std::ops::Range;

/// How many bytes a text has once a part of it is replaced. Browsers count the part in units of UTF-16.
pub(crate) fn len_after(text: &str, replaced: Range<u32>, inserted: &str) -> usize {
    let mut unit = 0;
    let replaced: usize = text
        .chars()
        .filter(|c| {
            let is_replaced = replaced.contains(&unit);
            unit += if c.len_utf16() == 1 { 1 } else { 2 };
            is_replaced
        })
        .map(char::len_utf8)
        .sum();
    text.len() - replaced + inserted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_does_not_count() {
        for (text, replaced, inserted, expected) in [
            ("", 0..0, "abc", 3),
            ("abc", 3..3, "de", 5),
            ("abc", 0..3, "de", 2),
            ("a🌹b", 1..3, "c", 3),
            ("ä🌹ö", 3..4, "", 6),
            ("abc", 1..9, "", 1),
        ] {
            assert_eq!(
                len_after(text, replaced.clone(), inserted),
                expected,
                "{text} {replaced:?}"
            );
        }
    }
}
