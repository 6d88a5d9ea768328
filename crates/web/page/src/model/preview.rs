//! Texts shortened to the space there is.

use super::clusters;

/// Characters of a message that its bubble shows at first.
pub(crate) const BUBBLE_MAX: usize = 1_500;
/// Lines of a message that its bubble shows at first.
pub(crate) const BUBBLE_LINES_MAX: usize = 40;
const LINE_MAX: usize = 120;

/// The start of a text on one line, for the list of conversations.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(clusters::start(word, LINE_MAX));
        if line.len() > LINE_MAX * 2 {
            break;
        }
    }
    line
}

/// The start of a text that is too long for a bubble; `None` if it is not.
pub(crate) fn clip(text: &str) -> Option<&str> {
    let by_lines = text
        .match_indices('\n')
        .nth(BUBBLE_LINES_MAX)
        .map_or(text.len(), |(at, _)| at);
    let cut = clusters::start(&text[..by_lines], BUBBLE_MAX);
    (cut.len() < text.len()).then_some(cut)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_preview_has_one_line() {
        assert_eq!(line("  one\n\n two\tthree "), "one two three");
        assert!(line(&"word ".repeat(20_000)).len() < 400);
    }

    #[test]
    fn only_a_long_text_is_clipped_and_never_within_a_character() {
        assert_eq!(clip("short"), None);
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(
            clip(&family.repeat(3_000)),
            Some(family.repeat(BUBBLE_MAX).as_str())
        );
        assert_eq!(
            clip(&"x\n".repeat(500)).unwrap().lines().count(),
            BUBBLE_LINES_MAX + 1
        );
    }
}
