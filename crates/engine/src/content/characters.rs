//! Which characters can deceive: those that move the cursor, reverse the text, or hide.
//!
//! Based on the general category Cf and the lists of Unicode Technical Report 36 and Unicode Technical
//! Standard 39, as far as they matter for names and terminals.

/// A control that starts an escape sequence or moves the cursor: C0, DEL, C1, and the line and
/// paragraph separators.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A control of the bidirectional algorithm (UAX 9): marks, embeddings, overrides, isolates.
pub(crate) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A mark that only gives its own place a direction.
pub(crate) fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
}

/// An invisible character that says where a line may break, as scripts without spaces need it.
pub(crate) fn is_word_break(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}')
}

/// A tag character: invisible, but part of the flags of some countries' parts.
pub(crate) fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// The tag that ends a flag.
pub(crate) const CANCEL_TAG: char = '\u{e007f}';
/// The emoji before the tags of a flag.
pub(crate) const BLACK_FLAG: char = '\u{1f3f4}';
/// Joins emoji into one, and letters in some scripts.
pub(crate) const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// An invisible format character other than the joiners and the bidi controls, or a noncharacter.
pub(crate) fn is_shapeless(c: char) -> bool {
    is_tag(c)
        || matches!(
            c,
            '\u{ad}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{2060}'..='\u{2065}'
                | '\u{206a}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e001f}'
                | '\u{fdd0}'..='\u{fdef}'
        )
        || u32::from(c) & 0xfffe == 0xfffe
}

/// A letter or symbol that is displayed as nothing or as a space.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// A character that can be on either side of a joiner in an emoji (UTS 51). It includes whole symbol blocks, more
/// than the property Emoji.
pub(crate) fn is_emoji_base(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{25a0}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

/// A character that modifies an emoji: the emoji presentation selector and the skin tones.
pub(crate) fn is_emoji_modifier(c: char) -> bool {
    matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}
