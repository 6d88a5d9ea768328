//! How texts are compared in a search: without case, accents and other marks that people leave out when they type. It
//! has no tables of Unicode's: the platform decomposes a text and makes it lower case before.

/// Folds a text that is in lower case and decomposed (Normalization Form KD, UAX 15). What is left is only good for
/// comparing.
///
/// ```
/// use subrosa_wire::fold::{finds, fold};
///
/// let name = fold("zoe\u{308} mu\u{308}ller-łukasz");
/// assert_eq!(name, "zoe muller-lukasz");
/// assert!(finds("zoe lukasz", &name));
/// ```
pub fn fold(decomposed: &str) -> String {
    let mut folded = String::with_capacity(decomposed.len());
    for c in decomposed.chars() {
        if is_accent(c) {
            continue;
        }
        match plain(c) {
            Some(plain) => folded.push_str(plain),
            None => folded.push(c),
        }
    }
    folded
}

/// Whether a search finds a text: each word of the search is somewhere in it. Both are folded.
pub fn finds(search: &str, text: &str) -> bool {
    search.split_whitespace().all(|word| text.contains(word))
}

/// A mark that people leave out: accents, and the points of Hebrew and Arabic. The vowels of Indic scripts are no such
/// marks.
fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{487}'
            | '\u{591}'..='\u{5bd}'
            | '\u{5bf}'
            | '\u{5c1}'..='\u{5c2}'
            | '\u{5c4}'..='\u{5c5}'
            | '\u{640}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe0e}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// What people type for a letter that does not decompose.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ł' => "l",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ĸ' => "k",
        'ŋ' => "n",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ς' => "σ",
        '\u{2018}' | '\u{2019}' => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_what_is_typed_without_accents_and_in_any_order() {
        let name = fold("zoe\u{308} mu\u{308}ller-łukasz");
        for search in [
            "muller",
            "lukasz",
            "zoe lukasz",
            "LUKASZ zoe",
            "mu\u{308}ller",
            "łuk",
            "",
        ] {
            assert!(finds(&fold(&search.to_lowercase()), &name), "{search}");
        }
        for search in ["mueller", "zoe smith"] {
            assert!(!finds(&fold(search), &name), "{search}");
        }
    }

    #[test]
    fn letters_of_other_scripts_are_kept() {
        // Devanagari vowels, Thai, Korean: none of their marks is an accent.
        for text in ["हिन्दी", "ภาษาไทย", "日本語"] {
            assert_eq!(fold(text), text);
        }
        assert_eq!(fold("שָׁלוֹם"), "שלום");
        assert_eq!(fold("مُحَمَّد"), "محمد");
    }
}
