//! Links in a text. Everything else in it is plain text.

use super::letters;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// A web address, exactly as it was written.
    Link(&'a str),
}

/// The most links in one text: nobody writes more.
const LINKS_MAX: usize = 100;

/// The pieces of a text, all of it in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut searched = 0;
    while pieces.len() < LINKS_MAX * 2 {
        let Some(at) = start(&rest[searched..]).map(|at| at + searched) else {
            break;
        };
        let length = length(&rest[at..]);
        let scheme = if rest[at..].starts_with("https") { 8 } else { 7 };
        let before = rest[..at].char_indices().next_back();
        let begins_a_word = before.is_none_or(|(from, _)| !letters::has_letter_or_digit(&rest[from..at]));
        if length <= scheme || !begins_a_word {
            searched = at + scheme;
            continue;
        }
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        pieces.push(Piece::Link(&rest[at..at + length]));
        rest = &rest[at + length..];
        searched = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn start(text: &str) -> Option<usize> {
    match (text.find("https://"), text.find("http://")) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// How many bytes the address has: up to a space, without the punctuation of the sentence around it.
fn length(text: &str) -> usize {
    let end = text
        .find(|c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^')
        })
        .unwrap_or(text.len());
    let mut address = &text[..end];
    while let Some(last) = address.chars().next_back() {
        let unpaired = last == ')' && address.matches(')').count() > address.matches('(').count();
        if !(unpaired
            || matches!(
                last,
                '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '”' | '“' | '»' | '…'
            ))
        {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address.len()
}

#[cfg(test)]
mod tests {
    use super::{Piece::*, *};

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        assert_eq!(
            pieces("see https://a.example/x?y=1, and (http://b.example)."),
            [
                Text("see "),
                Link("https://a.example/x?y=1"),
                Text(", and ("),
                Link("http://b.example"),
                Text(").")
            ]
        );
        assert_eq!(
            pieces("https://en.example/wiki/Rose_(plant)"),
            [Link("https://en.example/wiki/Rose_(plant)")]
        );
    }

    #[test]
    fn nothing_but_the_web_becomes_a_link() {
        for text in [
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a",
            "xhttps://a.example",
            "https://",
            "http://.",
        ] {
            assert_eq!(pieces(text), [Text(text)]);
        }
        assert_eq!(
            pieces("<a href=\"https://a.example\">"),
            [Text("<a href=\""), Link("https://a.example"), Text("\">")]
        );
    }

    #[test]
    fn a_text_is_the_sum_of_its_pieces() {
        let text = "https://a.example https:// x ".repeat(300);
        let sum: String = pieces(&text)
            .iter()
            .map(|piece| match piece {
                Text(text) | Link(text) => *text,
            })
            .collect();
        assert_eq!(sum, text);
    }
}
