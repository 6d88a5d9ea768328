//! Links in a text: web addresses, with or without scheme, and e-mail addresses. Everything else in it is plain text.
//!
//! One pass, whose work grows with the length of the text and with nothing else: texts come from others.

use std::borrow::Cow;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// A link.
    Link {
        /// What was written.
        text: &'a str,
        /// Where it leads.
        address: Cow<'a, str>,
    },
}

/// The most links in one text: nobody writes more.
const LINKS_MAX: usize = 100;
/// The longest part of an e-mail address before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_PART_MAX: usize = 64;
/// The longest domain name, in bytes (RFC 1035, section 2.3.4).
const DOMAIN_MAX: usize = 253;

/// The pieces of a text, all of it in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    // Where the text begins that is in no piece yet, and where the search goes on.
    let (mut open, mut at) = (0, 0);
    let mut links = 0;
    while links < LINKS_MAX
        && let Some(offset) = text[at..].find(['h', 'H', 'w', 'W', '@'])
    {
        at += offset;
        let Some((start, length, address)) = link_at(text, open, at) else {
            // All five are one byte long.
            at += 1;
            continue;
        };
        if start > open {
            pieces.push(Piece::Text(&text[open..start]));
        }
        let written = &text[start..start + length];
        pieces.push(Piece::Link {
            text: written,
            address: address.map_or(Cow::Borrowed(written), |before| {
                format!("{before}{written}").into()
            }),
        });
        links += 1;
        open = start + length;
        at = open;
    }
    if open < text.len() {
        pieces.push(Piece::Text(&text[open..]));
    }
    pieces
}

/// The link that a character gives away: where it starts, its length, and what its address has in front of it.
fn link_at(text: &str, open: usize, at: usize) -> Option<(usize, usize, Option<&'static str>)> {
    let rest = &text[at..];
    if rest.starts_with('@') {
        let (start, length) = e_mail(text, open, at)?;
        return Some((start, length, Some("mailto:")));
    }
    let before = text[open..at].chars().next_back();
    if before
        .is_some_and(|before| before.is_ascii_alphanumeric() || matches!(before, '@' | '.' | '/' | '-' | '_'))
    {
        return None;
    }
    let begins_with = |start: &str| {
        rest.get(..start.len())
            .is_some_and(|rest| rest.eq_ignore_ascii_case(start))
    };
    for scheme in ["https://", "http://"] {
        if begins_with(scheme) {
            let length = address_length(rest, scheme.len())?;
            return Some((at, length, None));
        }
    }
    if begins_with("www.") && names_a_site(&rest["www.".len()..]) {
        return Some((at, address_length(rest, "www.".len())?, Some("https://")));
    }
    None
}

/// Whether a text begins with a name, a dot, and another.
fn names_a_site(text: &str) -> bool {
    let domain = text
        .char_indices()
        .take_while(|(at, c)| *at < DOMAIN_MAX && is_in_name(*c));
    let mut labels = 0;
    let mut is_empty = true;
    for (_, c) in domain {
        if c == '.' {
            if is_empty {
                return false;
            }
            labels += 1;
            is_empty = true;
        } else {
            is_empty = false;
        }
    }
    labels > 1 || (labels == 1 && !is_empty)
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-') || !(c.is_ascii() || ends_address(c))
}

/// How long an address is that begins the text: up to what cannot be in it, without the punctuation of the sentence
/// around it. `None` if nothing of it follows the first `head` bytes.
fn address_length(text: &str, head: usize) -> Option<usize> {
    let first = text[head..].chars().next()?;
    if first.is_ascii() && !first.is_ascii_alphanumeric() {
        return None;
    }
    // How many brackets are open. One that closes what was opened before the address is not part of it.
    let (mut round, mut square) = (0_usize, 0_usize);
    let open = |depth: &mut usize| {
        *depth += 1;
        false
    };
    let close = |depth: &mut usize| match depth.checked_sub(1) {
        Some(less) => {
            *depth = less;
            false
        }
        None => true,
    };
    let mut end = text.len();
    // After the last character that can be the last one.
    let mut kept = head;
    for (index, c) in text[head..].char_indices() {
        let index = head + index;
        let is_over = match c {
            '(' => open(&mut round),
            '[' => open(&mut square),
            ')' => close(&mut round),
            ']' => close(&mut square),
            c => ends_address(c),
        };
        if is_over {
            end = index;
            break;
        }
        if !ends_sentence(c) {
            kept = index + c.len_utf8();
        }
    }
    let length = end.min(kept);
    (length > head).then_some(length)
}

/// What cannot be in an address: spaces, quotes, and the punctuation of scripts that addresses are not written in.
fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^')
        // Quotation marks.
        || matches!(c, '\u{2018}'..='\u{201f}' | '«' | '»' | '‹' | '›')
        // CJK punctuation and its full-width forms.
        || matches!(c, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}')
        || matches!(c, '！' | '（' | '）' | '，' | '．' | '：' | '；' | '？' | '［' | '］' | '｛' | '｝' | '｡' | '｢' | '｣' | '､')
        // Arabic, Devanagari, Armenian, Ethiopic, Khmer.
        || matches!(c, '،' | '؛' | '؟' | '۔' | '।' | '॥' | '։' | '።' | '፣' | '។')
        || matches!(c, '…' | '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{2060}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What belongs to the sentence at the end of an address, and to the address in its middle.
fn ends_sentence(c: char) -> bool {
    matches!(
        c,
        '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '(' | '['
    )
}

/// The e-mail address around an `@`: where it starts, and its length.
fn e_mail(text: &str, open: usize, at: usize) -> Option<(usize, usize)> {
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
    let before = &text.as_bytes()[open..at];
    let local = before
        .iter()
        .rev()
        .take(LOCAL_PART_MAX + 1)
        .take_while(|byte| is_local(byte))
        .count();
    let start = at - local;
    let starts_well = text.as_bytes().get(start).is_some_and(u8::is_ascii_alphanumeric);
    if local == 0 || local > LOCAL_PART_MAX || !starts_well || before[before.len() - 1] == b'.' {
        return None;
    }
    let domain = text.as_bytes()[at + 1..]
        .iter()
        .take(DOMAIN_MAX + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        .count();
    let domain = text[at + 1..at + 1 + domain].trim_end_matches(['.', '-']);
    let (name, top) = domain.rsplit_once('.')?;
    let is_name = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let is_domain = domain.len() <= DOMAIN_MAX
        && name.split('.').all(is_name)
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_domain.then_some((start, at + 1 + domain.len() - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces in one line, links in brackets.
    fn marked(text: &str) -> String {
        pieces(text)
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => (*text).to_owned(),
                Piece::Link { text, .. } => format!("⟦{text}⟧"),
            })
            .collect()
    }

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        for marked_text in [
            "see ⟦https://a.example/x?y=1⟧, and (⟦http://b.example⟧).",
            "⟦https://en.example/wiki/Rose_(plant)⟧",
            "(⟦https://en.example/wiki/Rose_(plant)⟧)",
            "[text](⟦https://a.example⟧)",
            "[⟦https://a.example⟧] and [⟦https://a.example/x[1]⟧]",
            "**⟦https://a.example/b⟧** ~⟦https://a.example⟧~",
            "⟦https://a.example/a*b_c~d⟧",
            "'⟦https://a.example⟧' “⟦https://a.example⟧” «⟦https://a.example⟧»",
            "⟦https://a.example⟧’s page",
            "⟦https://a.example⟧… ⟦https://b.example⟧?!",
            // Other scripts.
            "看这里⟦https://a.example/路径⟧。然后（⟦https://b.example⟧）",
            "「⟦https://a.example⟧」、⟦https://b.example⟧？",
            "انظر ⟦https://a.example⟧، ثم ⟦https://b.example⟧؟",
            "देखो ⟦https://a.example⟧। फिर",
            "смотри:⟦https://пример.example/путь⟧.",
            // Upper case, as phones begin sentences.
            "⟦Https://a.example⟧ ⟦HTTP://B.EXAMPLE⟧",
            // Without a scheme.
            "on ⟦www.a.example⟧, or ⟦www.b.example/x?y⟧. 见⟦www.c.example⟧。",
            "write to ⟦ada+x@mail.a.example⟧, or <⟦b_c@d.co⟧>.",
            "⟦a@b.example⟧,⟦c@d.example⟧",
        ] {
            let text: String = marked_text.replace(['⟦', '⟧'], "");
            assert_eq!(marked(&text), marked_text);
        }
    }

    #[test]
    fn what_is_written_without_a_scheme_leads_somewhere_all_the_same() {
        let addresses = |text| -> Vec<String> {
            let pieces = pieces(text).into_iter();
            pieces
                .filter_map(|piece| match piece {
                    Piece::Link { address, .. } => Some(address.into_owned()),
                    Piece::Text(_) => None,
                })
                .collect()
        };
        assert_eq!(
            addresses("Https://a.example www.b.example c@d.example"),
            ["Https://a.example", "https://www.b.example", "mailto:c@d.example"]
        );
    }

    #[test]
    fn nothing_else_becomes_a_link() {
        for text in [
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a",
            "xhttps://a.example",
            "https://",
            "http://.",
            "https:// a.example",
            "www.",
            "www.example",
            "awww.a.example",
            "@ada",
            "hello@",
            "a@b",
            "a@b.c",
            "a@-b.example",
            "a.@b.example",
            "5@3.14",
            "@@@@",
            "file.https",
        ] {
            assert_eq!(marked(text), text);
        }
        assert_eq!(
            marked("<a href=\"https://a.example\">"),
            "<a href=\"⟦https://a.example⟧\">"
        );
    }

    #[test]
    fn a_text_is_the_sum_of_its_pieces() {
        for text in [
            "https://a.example https:// x ",
            "看www.a.example。a@b.example,",
            "h@w([",
        ] {
            let text = text.repeat(300);
            let sum: String = pieces(&text)
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Link { text, .. } => *text,
                })
                .collect();
            assert_eq!(sum, text);
        }
    }

    // One closing bracket after the other took time that grew with their square.
    #[expect(
        clippy::disallowed_methods,
        reason = "two times are compared, and nothing depends on either"
    )]
    #[test]
    fn twice_the_text_takes_about_twice_the_time() {
        for unit in [
            ")",
            "https://a.example)",
            "http://",
            "(",
            "www.a",
            "@",
            "a@",
            "a.a@a.",
            "h",
            "xhttps://",
            "*",
        ] {
            let took = |length: usize| {
                let text = unit.repeat(length / unit.len());
                let after_an_address = format!("https://a.example/{text}");
                let fastest = (0..5).map(|_| {
                    let since = std::time::Instant::now();
                    std::hint::black_box((pieces(&text), pieces(&after_an_address)));
                    since.elapsed()
                });
                fastest.min().unwrap_or_default()
            };
            let (short, long) = (took(4 * 1024), took(16 * 4 * 1024));
            // Sixteen times, were it not for the noise; with the square it would be 256 times.
            assert!(long < short * 64, "{unit}: {short:?}, then {long:?}");
        }
    }
}
