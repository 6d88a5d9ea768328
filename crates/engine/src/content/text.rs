//! Names and texts that may be sent: parsed once, where the user enters them.

use std::{fmt, iter};

use subrosa_wire::{
    fold::fold,
    limits::{DISPLAY_NAME_MAX, MESSAGE_TEXT_MAX},
};

use super::{
    characters::{
        ZERO_WIDTH_JOINER, is_bidi_control, is_blank, is_control, is_emoji_base, is_emoji_modifier,
        is_shapeless,
    },
    limits::DESCRIPTION_MAX,
};
use crate::unicode::{decomposed_lower_case, is_mark, push_nfc};

/// Combining marks on one letter of a name: enough for every orthography, too few to smear a screen.
const MARKS_MAX: usize = 4;

/// A display name in its normal form: NFC, single spaces, nothing invisible. 1 to `DISPLAY_NAME_MAX` bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayName(String);

/// Why a text is not a display name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It has no visible character.
    #[error("a name needs at least one visible character")]
    Empty,
    /// Too long.
    #[error("a name has at most {DISPLAY_NAME_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// It has a control character, such as a line break.
    #[error("a name cannot contain the control character U+{0:04X}")]
    Control(u32),
    /// It has a character that changes the direction of text.
    #[error("a name cannot contain the direction control U+{0:04X}")]
    BidiControl(u32),
    /// It has an invisible character.
    #[error("a name cannot contain the invisible character U+{0:04X}")]
    Invisible(u32),
    /// It has more marks on one letter than any language needs.
    #[error("a name has at most {MARKS_MAX} marks on one letter")]
    StackedMarks,
}

impl DisplayName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name identifies somebody: it does not belong in a log.
        write!(f, "DisplayName({} bytes)", self.0.len())
    }
}

impl TryFrom<&str> for DisplayName {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        clean_name(text)
    }
}

/// Folds a text for a search (see [`subrosa_wire::fold`]).
pub fn folded(text: &str) -> String {
    fold(&decomposed_lower_case(text))
}

/// Reads a display name: trims it, makes every run of spaces one space and composes letters and marks
/// (NFC). Characters that could deceive are refused, not removed. A zero-width joiner is allowed only inside an
/// emoji.
pub fn clean_name(text: &str) -> Result<DisplayName, InvalidName> {
    // Normalizing can shorten a text, but never a hundredfold: this check only bounds the work.
    if text.len() > DISPLAY_NAME_MAX * 100 {
        return Err(InvalidName::TooLong(text.len()));
    }
    let mut name = String::new();
    push_nfc(&mut name, text);
    if let Some(control) = name.trim().chars().find(|c| is_control(*c)) {
        return Err(InvalidName::Control(control.into()));
    }
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > DISPLAY_NAME_MAX {
        return Err(InvalidName::TooLong(name.len()));
    }
    check_visible(&name)?;
    Ok(DisplayName(name))
}

fn check_visible(name: &str) -> Result<(), InvalidName> {
    let chars: Vec<char> = name.chars().collect();
    let mut marks = 0;
    for (index, &c) in chars.iter().enumerate() {
        if is_bidi_control(c) {
            return Err(InvalidName::BidiControl(c.into()));
        }
        if is_shapeless(c) || is_blank(c) || c == '\u{200c}' {
            return Err(InvalidName::Invisible(c.into()));
        }
        if c == ZERO_WIDTH_JOINER && !joins_emoji(&chars, index) {
            return Err(InvalidName::Invisible(c.into()));
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > MARKS_MAX {
            return Err(InvalidName::StackedMarks);
        }
    }
    if chars.iter().all(|c| is_mark(*c) || *c == ' ') {
        return Err(InvalidName::Empty);
    }
    Ok(())
}

/// Whether the joiner at `index` is between two emoji.
fn joins_emoji(chars: &[char], index: usize) -> bool {
    let before = chars[..index].iter().rev().find(|c| !is_emoji_modifier(**c));
    let after = chars.get(index + 1);
    iter::chain(before, after).filter(|c| is_emoji_base(**c)).count() == 2
}

/// A text that may be sent: 1 to `MESSAGE_TEXT_MAX` bytes as they were typed.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(String);

/// Why a text cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessageText {
    /// It is empty.
    #[error("a message needs a text")]
    Empty,
    /// Too long.
    #[error("a message has at most {MESSAGE_TEXT_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// It contains U+0000, which many programs treat as the end.
    #[error("a message cannot contain the character U+0000")]
    Nul,
}

impl MessageText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageText({} bytes)", self.0.len())
    }
}

impl TryFrom<&str> for MessageText {
    type Error = InvalidMessageText;

    fn try_from(text: &str) -> Result<Self, InvalidMessageText> {
        if text.is_empty() {
            return Err(InvalidMessageText::Empty);
        }
        if text.len() > MESSAGE_TEXT_MAX {
            return Err(InvalidMessageText::TooLong(text.len()));
        }
        if text.contains('\0') {
            return Err(InvalidMessageText::Nul);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a group is about: 1 to `DESCRIPTION_MAX` bytes as they were typed, without blanks around them.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupDescription(String);

/// Why a text is not a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescription {
    /// It has only blanks.
    #[error("a description needs a text")]
    Empty,
    /// Too long.
    #[error("a description has at most {DESCRIPTION_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// It contains U+0000, which many programs treat as the end.
    #[error("a description cannot contain the character U+0000")]
    Nul,
}

impl GroupDescription {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GroupDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupDescription({} bytes)", self.0.len())
    }
}

impl TryFrom<&str> for GroupDescription {
    type Error = InvalidDescription;

    fn try_from(text: &str) -> Result<Self, InvalidDescription> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidDescription::Empty);
        }
        if text.len() > DESCRIPTION_MAX {
            return Err(InvalidDescription::TooLong(text.len()));
        }
        if text.contains('\0') {
            return Err(InvalidDescription::Nul);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_brought_to_its_normal_form() {
        for (text, name) in [
            ("Alice", "Alice"),
            ("  Alice \u{a0} B. ", "Alice B."),
            ("Zoe\u{308}", "Zoë"),
            ("\nAlice\n", "Alice"),
            ("👩\u{200d}👩\u{200d}👧 fam", "👩\u{200d}👩\u{200d}👧 fam"),
            ("👩🏽\u{200d}⚕\u{fe0f}", "👩🏽\u{200d}⚕\u{fe0f}"),
            ("مريم", "مريم"),
        ] {
            assert_eq!(clean_name(text).unwrap().as_str(), name, "{text:?}");
        }
    }

    #[test]
    fn a_name_that_could_deceive_is_refused_with_its_reason() {
        let long = "é".repeat(DISPLAY_NAME_MAX / 2 + 1);
        for (text, why) in [
            ("", InvalidName::Empty),
            (" \t ", InvalidName::Empty),
            ("\u{301}\u{301}", InvalidName::Empty),
            (long.as_str(), InvalidName::TooLong(DISPLAY_NAME_MAX + 2)),
            ("a\nb", InvalidName::Control(0x0a)),
            ("a\u{1b}[1m", InvalidName::Control(0x1b)),
            ("a\u{85}b", InvalidName::Control(0x85)),
            ("\u{202e}ecilA", InvalidName::BidiControl(0x202e)),
            ("a\u{2067}b", InvalidName::BidiControl(0x2067)),
            ("a\u{200b}b", InvalidName::Invisible(0x200b)),
            ("a\u{200d}b", InvalidName::Invisible(0x200d)),
            ("👩\u{200d}", InvalidName::Invisible(0x200d)),
            ("\u{200d}👩", InvalidName::Invisible(0x200d)),
            ("\u{3164}", InvalidName::Invisible(0x3164)),
            ("\u{2800}", InvalidName::Invisible(0x2800)),
            ("a\u{feff}", InvalidName::Invisible(0xfeff)),
            ("a\u{e0041}", InvalidName::Invisible(0xe_0041)),
            (
                "a\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
                InvalidName::StackedMarks,
            ),
        ] {
            assert_eq!(clean_name(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn the_longest_name_and_text_are_accepted_and_one_byte_more_is_not() {
        assert!(clean_name(&"a".repeat(DISPLAY_NAME_MAX)).is_ok());
        assert!(clean_name(&"a".repeat(DISPLAY_NAME_MAX + 1)).is_err());
        assert!(MessageText::try_from("a".repeat(MESSAGE_TEXT_MAX).as_str()).is_ok());
        assert_eq!(
            MessageText::try_from("a".repeat(MESSAGE_TEXT_MAX + 1).as_str()),
            Err(InvalidMessageText::TooLong(MESSAGE_TEXT_MAX + 1))
        );
    }

    #[test]
    fn a_text_is_kept_as_typed() {
        for text in [" ", "Zoe\u{308}\u{202e}\u{1b}", "\n"] {
            assert_eq!(MessageText::try_from(text).unwrap().as_str(), text);
        }
        assert_eq!(MessageText::try_from(""), Err(InvalidMessageText::Empty));
        assert_eq!(MessageText::try_from("a\0"), Err(InvalidMessageText::Nul));
    }

    proptest! {
        #[test]
        fn a_clean_name_is_printed_as_it_is_and_stays_clean(text in any::<String>()) {
            if let Ok(name) = clean_name(&text) {
                prop_assert_eq!(super::super::printable_line(name.as_str()), name.as_str());
                prop_assert_eq!(clean_name(name.as_str()), Ok(name));
            }
        }
    }
}
