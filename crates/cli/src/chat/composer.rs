//! A text that is being typed: the composer of a chat, and the search field.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::wrap;

/// Columns of a tab that was typed or pasted.
const TAB: &str = "    ";

/// A text and a cursor in it, always between two grapheme clusters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Composer {
    text: String,
    /// Byte offset.
    cursor: usize,
}

impl Composer {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A text, with the cursor at its end.
    pub(super) fn with(text: &str) -> Self {
        let mut composer = Self::default();
        composer.insert(text);
        composer
    }

    /// Takes the text out.
    pub(super) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// What is typed or pasted as it is inserted. Control characters other than line feeds are dropped: nobody means to
    /// send them.
    pub(super) fn clean(typed: &str) -> String {
        typed
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\t', TAB)
            .chars()
            .filter(|character| *character == '\n' || !character.is_control())
            .collect()
    }

    /// Types or pastes.
    pub(super) fn insert(&mut self, typed: &str) {
        let clean = Self::clean(typed);
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
        self.snap();
    }

    /// Types or pastes, and keeps it to one line.
    pub(super) fn insert_line(&mut self, typed: &str) {
        self.insert(&typed.replace(['\r', '\n'], " "));
    }

    pub(super) fn backspace(&mut self) {
        let start = self.before();
        self.remove(start);
    }

    pub(super) fn delete(&mut self) {
        let end = self.after();
        self.text.replace_range(self.cursor..end, "");
        self.snap();
    }

    /// Deletes the word before the cursor.
    pub(super) fn delete_word(&mut self) {
        let before = self.text[..self.cursor].trim_end();
        let word = before.split_word_bounds().next_back().map_or(0, str::len);
        self.remove(before.len() - word);
    }

    /// Deletes from the start of the line to the cursor.
    pub(super) fn delete_to_start(&mut self) {
        self.remove(self.line_start());
    }

    pub(super) fn left(&mut self) {
        self.cursor = self.before();
    }

    pub(super) fn right(&mut self) {
        self.cursor = self.after();
    }

    pub(super) fn start_of_line(&mut self) {
        self.cursor = self.line_start();
    }

    pub(super) fn end_of_line(&mut self) {
        self.cursor += self.text[self.cursor..]
            .find('\n')
            .unwrap_or(self.text.len() - self.cursor);
    }

    /// Moves a row up on a screen of this width. Returns whether there was one.
    pub(super) fn up(&mut self, width: usize) -> bool {
        let (row, column) = self.position(width);
        row.checked_sub(1)
            .is_some_and(|row| self.move_to(row, column, width))
    }

    /// Moves a row down on a screen of this width. Returns whether there was one.
    pub(super) fn down(&mut self, width: usize) -> bool {
        let (row, column) = self.position(width);
        self.move_to(row + 1, column, width)
    }

    /// The rows of the text on a screen of this width.
    pub(super) fn rows(&self, width: usize) -> Vec<Range<usize>> {
        wrap::rows(&self.text, width)
    }

    /// Row and column of the cursor on a screen of this width.
    pub(super) fn position(&self, width: usize) -> (usize, usize) {
        let rows = self.rows(width);
        let row = rows
            .iter()
            .rposition(|range| range.start <= self.cursor)
            .unwrap_or_default();
        let start = rows.get(row).map_or(0, |range| range.start);
        let column = wrap::columns(&self.text[start..self.cursor]);
        (row, column.min(width.saturating_sub(1)))
    }

    fn move_to(&mut self, row: usize, column: usize, width: usize) -> bool {
        let Some(range) = self.rows(width).into_iter().nth(row) else {
            return false;
        };
        let mut used = 0;
        let mut at = range.start;
        for (offset, grapheme) in self.text[range.clone()].grapheme_indices(true) {
            used += wrap::columns(grapheme);
            if used > column {
                break;
            }
            at = range.start + offset + grapheme.len();
        }
        // The end of a row that was wrapped is the start of the next one.
        let is_wrapped = at == range.end && self.text.as_bytes().get(at).is_some_and(|byte| *byte != b'\n');
        self.cursor = if is_wrapped {
            self.text[..at]
                .grapheme_indices(true)
                .next_back()
                .map_or(at, |(at, _)| at)
        } else {
            at
        };
        true
    }

    fn before(&self) -> usize {
        self.text[..self.cursor]
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.cursor
            + self.text[self.cursor..]
                .graphemes(true)
                .next()
                .map_or(0, str::len)
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1)
    }

    fn remove(&mut self, start: usize) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
        self.snap();
    }

    /// The characters around the cursor may now form one grapheme cluster: the cursor moves to its end.
    fn snap(&mut self) {
        let boundary = self
            .text
            .grapheme_indices(true)
            .map(|(at, _)| at)
            .chain([self.text.len()])
            .find(|boundary| *boundary >= self.cursor);
        self.cursor = boundary.unwrap_or(self.text.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_is_deleted_as_it_is_seen() {
        let mut family = Composer::with("a👩‍👩‍👧‍👦");
        family.backspace();
        assert_eq!(family.text(), "a");
        let mut accent = Composer::with("e\u{301}");
        accent.left();
        accent.delete();
        assert_eq!(accent.text(), "");
    }

    #[test]
    fn pasted_control_characters_are_dropped() {
        assert_eq!(
            Composer::with("a\u{1b}[2J\u{9b}b\u{7f}\tc\r\nd\re").text(),
            "a[2Jb    c\nd\ne"
        );
        let mut field = Composer::default();
        field.insert_line("a\nb");
        assert_eq!(field.text(), "a b");
    }

    #[test]
    fn a_word_and_a_line_are_deleted_backwards() {
        let mut words = Composer::with("one two  ");
        words.delete_word();
        assert_eq!(words.text(), "one ");
        let mut lines = Composer::with("one\ntwo three");
        lines.delete_to_start();
        assert_eq!(lines.text(), "one\n");
    }

    #[test]
    fn the_cursor_moves_between_the_rows_that_are_seen() {
        let mut composer = Composer::with("one two three");
        assert_eq!(composer.position(8), (1, 5));
        assert!(composer.up(8));
        assert_eq!(composer.position(8), (0, 5));
        assert!(!composer.up(8));
        assert!(composer.down(8));
        assert!(!composer.down(8));
    }

    #[test]
    fn home_and_end_stay_on_their_line() {
        let mut composer = Composer::with("one\ntwo");
        composer.start_of_line();
        assert_eq!(composer.position(80), (1, 0));
        composer.left();
        composer.start_of_line();
        assert_eq!(composer.position(80), (0, 0));
        composer.end_of_line();
        assert_eq!(composer.position(80), (0, 3));
    }

    #[test]
    fn text_is_inserted_at_the_cursor() {
        let mut composer = Composer::with("ac");
        composer.left();
        composer.insert("b");
        assert_eq!(composer.text(), "abc");
        assert_eq!(composer.take(), "abc");
        assert_eq!(composer, Composer::default());
    }

    proptest! {
        #[test]
        fn no_sequence_of_keys_leaves_the_text(keys in proptest::collection::vec((0_u8..12, any::<char>()), 0..60)) {
            let mut composer = Composer::default();
            for (key, character) in keys {
                match key {
                    0 => composer.backspace(),
                    1 => composer.delete(),
                    2 => composer.left(),
                    3 => composer.right(),
                    4 => drop(composer.up(5)),
                    5 => drop(composer.down(5)),
                    6 => composer.delete_word(),
                    7 => composer.start_of_line(),
                    8 => composer.end_of_line(),
                    9 => composer.delete_to_start(),
                    _ => composer.insert(&character.to_string()),
                }
                prop_assert!(composer.text.is_char_boundary(composer.cursor));
                composer.position(5);
            }
        }
    }
}
