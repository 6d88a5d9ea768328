//! Text on a screen of fixed columns: wrapped and truncated by what a terminal shows, not by bytes or characters. A
//! grapheme cluster (Unicode Standard Annex 29) is never split.

use std::ops::Range;

use subrosa_client::printable_line;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Marks the end of truncated text.
const ELLIPSIS: &str = "…";

/// How many columns a text takes on one line of a terminal.
pub(super) fn columns(text: &str) -> usize {
    text.graphemes(true).map(grapheme_columns).sum()
}

/// How many columns a grapheme cluster takes.
fn grapheme_columns(grapheme: &str) -> usize {
    printable_line(grapheme).width()
}

/// Breaks a text into rows of at most `width` columns: at line feeds, then at spaces, then anywhere. The ranges are
/// byte ranges of the text, without the line feeds. Spaces at the end of a row may exceed the width. There always is
/// at least one row, and no row is empty except for an empty line.
pub(super) fn rows(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        wrap_line(line, start, width.max(1), &mut rows);
        start += line.len() + 1;
    }
    rows
}

fn wrap_line(line: &str, offset: usize, width: usize, rows: &mut Vec<Range<usize>>) {
    let mut row_start = 0;
    let mut used = 0;
    // Where the row may end, and how many columns it takes up to there.
    let mut break_at: Option<(usize, usize)> = None;
    for (at, grapheme) in line.grapheme_indices(true) {
        let columns = grapheme_columns(grapheme);
        let is_space = grapheme.chars().all(char::is_whitespace);
        while used + columns > width && !is_space && at > row_start {
            let (end, columns_to_end) = break_at.take().unwrap_or((at, used));
            rows.push(offset + row_start..offset + end);
            row_start = end;
            used -= columns_to_end;
        }
        used += columns;
        if is_space {
            break_at = Some((at + grapheme.len(), used));
        }
    }
    rows.push(offset + row_start..offset + line.len());
}

/// The text, or as much of its start as fits before an ellipsis.
pub(super) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let mut used = 0;
    let fitting = text.graphemes(true).take_while(|grapheme| {
        used += grapheme_columns(grapheme);
        used <= room
    });
    fitting.collect::<String>() + ELLIPSIS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<&str> {
        rows(text, width).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn text_is_broken_at_spaces() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("one two three", 7), ["one two ", "three"]);
        assert_eq!(wrapped("one two three", 6), ["one ", "two ", "three"]);
    }

    #[test]
    fn a_word_that_is_too_long_is_broken_anywhere() {
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("x abcdefgh", 4), ["x ", "abcd", "efgh"]);
    }

    #[test]
    fn line_feeds_and_empty_lines_are_kept() {
        assert_eq!(wrapped("a\n\nb\n", 10), ["a", "", "b", ""]);
        assert_eq!(wrapped("", 10), [""]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("日本語", 5), ["日本", "語"]);
        // If a character is wider than the row, it still gets a row of its own.
        assert_eq!(wrapped("日本", 1), ["日", "本"]);
    }

    #[test]
    fn a_grapheme_cluster_is_never_torn_apart() {
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(wrapped(&family.repeat(2), 2), [family, family]);
        assert_eq!(wrapped("e\u{301}e\u{301}", 1), ["e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello", 4), "hel…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("hello", 1), "…");
        assert_eq!(cut("hello", 0), "");
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_and_fits(text in "[a-z \n日👍é]{0,80}", width in 1_usize..20) {
            let rows = rows(&text, width);
            let joined: String = rows.iter().map(|range| &text[range.clone()]).collect();
            prop_assert_eq!(joined, text.replace('\n', ""));
            for range in rows {
                let row = text[range].trim_end();
                prop_assert!(columns(row) <= width || row.graphemes(true).count() == 1, "{:?}", row);
            }
        }

        #[test]
        fn any_text_is_wrapped_and_cut_without_a_panic(text in any::<String>(), width in 0_usize..10) {
            rows(&text, width);
            prop_assert!(columns(&cut(&text, width)) <= width.max(columns(&text).min(width)));
        }
    }
}
