//! What needs Unicode's tables: normal forms, and which characters are marks.
//!
//! Natively a library provides them. In the web app the browser does, since the library would add 58 kB to the
//! download. Both know all characters assigned today; a browser may know later ones, too.

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

    pub(crate) fn decomposed_lower_case(text: &str) -> String {
        text.to_lowercase().nfkd().collect()
    }

    pub(crate) fn push_nfc(to: &mut String, text: &str) {
        to.extend(text.nfc());
    }

    pub(crate) fn is_mark(c: char) -> bool {
        is_combining_mark(c)
    }
}

#[cfg(target_arch = "wasm32")]
mod tables {
    use js_sys::{JsString, RegExp};
    use zeroize::Zeroizing;

    pub(crate) fn decomposed_lower_case(text: &str) -> String {
        JsString::from(text).to_lower_case().normalize("NFKD").into()
    }

    thread_local! {
        static MARK: RegExp = RegExp::new(r"^\p{M}$", "u");
    }

    pub(crate) fn push_nfc(to: &mut String, text: &str) {
        if text.is_ascii() {
            to.push_str(text);
        } else {
            to.push_str(&Zeroizing::new(String::from(
                JsString::from(text).normalize("NFC"),
            )));
        }
    }

    pub(crate) fn is_mark(c: char) -> bool {
        !c.is_ascii() && MARK.with(|mark| mark.test(c.encode_utf8(&mut [0; 4])))
    }
}

/// Appends a text, its letters and marks composed (Normalization Form C, UAX 15).
pub(crate) use tables::push_nfc;

/// A text in lower case, with letters and marks apart (Normalization Form KD, UAX 15).
pub(crate) use tables::decomposed_lower_case;

/// Whether a character is a mark on the one before it (general category M).
pub(crate) use tables::is_mark;
