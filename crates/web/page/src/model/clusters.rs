//! Characters as people count them: grapheme clusters (UAX 29).
//!
//! Natively they come from the tables of a library. A browser has such tables already, so the web app does not carry
//! the library's.

/// The first clusters of a text, at most `max`, each of them whole.
pub(crate) fn start(text: &str, max: usize) -> &str {
    // A cluster takes at least one byte.
    if text.len() <= max {
        text
    } else if text.is_ascii() {
        &text[..max]
    } else {
        &text[..tables::end(text, max).unwrap_or(text.len())]
    }
}

/// Takes the first cluster from the front of a text.
pub(crate) fn take_first<'a>(text: &mut &'a str) -> Option<&'a str> {
    let (first, rest) = text.split_at(start(text, 1).len());
    *text = rest;
    (!first.is_empty()).then_some(first)
}

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    use unicode_segmentation::UnicodeSegmentation as _;

    /// Where the cluster after `count` of them begins, in bytes; `None` if there is none.
    pub(super) fn end(text: &str, count: usize) -> Option<usize> {
        text.grapheme_indices(true).nth(count).map(|(at, _)| at)
    }
}

#[cfg(target_arch = "wasm32")]
mod tables {
    use js_sys::{JsString, Reflect, try_iter};
    use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = Intl)]
        type Segmenter;

        /// The browser's segmenter for grapheme clusters, which hardly depend on the language.
        #[wasm_bindgen(constructor, js_namespace = Intl, catch)]
        fn new() -> Result<Segmenter, JsValue>;

        #[wasm_bindgen(method)]
        fn segment(this: &Segmenter, text: &JsString) -> JsValue;
    }

    thread_local! {
        static SEGMENTER: Option<Segmenter> = Segmenter::new().ok();
    }

    /// Where the cluster after `count` of them begins, in bytes; `None` if there is none. In a browser without a
    /// segmenter every character counts as a cluster.
    pub(super) fn end(text: &str, count: usize) -> Option<usize> {
        SEGMENTER.with(|segmenter| match segmenter {
            Some(segmenter) => {
                let segments = segmenter.segment(&JsString::from(text));
                let next = try_iter(&segments).ok()??.nth(count)?.ok()?;
                let index = Reflect::get(&next, &"index".into()).ok()?.as_f64()?;
                byte_of(text, index)
            }
            None => text.char_indices().nth(count).map(|(at, _)| at),
        })
    }

    /// The byte of a text at which a unit of its UTF-16 form begins.
    fn byte_of(text: &str, unit: f64) -> Option<usize> {
        let mut units = 0.0;
        let mut after = text.char_indices().skip_while(|(_, c)| {
            let is_before = units < unit;
            units += if c.len_utf16() == 1 { 1.0 } else { 2.0 };
            is_before
        });
        after.next().map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: &str = "👩\u{200d}👩\u{200d}👧";

    #[test]
    fn the_start_of_a_text_ends_between_clusters() {
        for (text, max, expected) in [
            ("", 2, ""),
            ("abc", 2, "ab"),
            ("abc", 3, "abc"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
            ("a👩\u{200d}👩\u{200d}👧b", 2, "a👩\u{200d}👩\u{200d}👧"),
        ] {
            assert_eq!(start(text, max), expected, "{text:?}");
        }
    }

    #[test]
    fn clusters_are_taken_one_by_one() {
        let text = format!("a{FAMILY}e\u{301}");
        let mut rest = text.as_str();
        for expected in [Some("a"), Some(FAMILY), Some("e\u{301}"), None] {
            assert_eq!(take_first(&mut rest), expected);
        }
    }
}
