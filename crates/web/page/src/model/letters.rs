//! Letters and their upper and lower case, in all scripts.
//!
//! Natively they come from the tables of the standard library. A browser has such tables already, so the web app does
//! not carry the library's.

use subrosa_wire::fold::fold;

use self::tables::decomposed_lower_case;
pub(crate) use self::tables::{has_letter_or_digit, upper_case};

/// Folds a text for a search.
pub(crate) fn folded(text: &str) -> String {
    fold(&decomposed_lower_case(text))
}

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    /// A text in lower case, with letters and marks apart.
    pub(super) fn decomposed_lower_case(text: &str) -> String {
        use unicode_normalization::UnicodeNormalization as _;
        text.to_lowercase().nfkd().collect()
    }

    pub(crate) fn upper_case(text: &str) -> String {
        text.to_uppercase()
    }

    pub(crate) fn has_letter_or_digit(text: &str) -> bool {
        text.contains(char::is_alphanumeric)
    }
}

#[cfg(target_arch = "wasm32")]
mod tables {
    use js_sys::{JsString, RegExp};

    thread_local! {
        static LETTER_OR_DIGIT: RegExp = RegExp::new("[\\p{Alphabetic}\\p{N}]", "u");
    }

    pub(super) fn decomposed_lower_case(text: &str) -> String {
        if text.is_ascii() {
            return text.to_ascii_lowercase();
        }
        JsString::from(text).to_lower_case().normalize("NFKD").into()
    }

    pub(crate) fn upper_case(text: &str) -> String {
        if text.is_ascii() {
            return text.to_ascii_uppercase();
        }
        JsString::from(text).to_upper_case().into()
    }

    pub(crate) fn has_letter_or_digit(text: &str) -> bool {
        if text.is_ascii() {
            return text.contains(|letter: char| letter.is_ascii_alphanumeric());
        }
        LETTER_OR_DIGIT.with(|pattern| pattern.test(text))
    }
}
