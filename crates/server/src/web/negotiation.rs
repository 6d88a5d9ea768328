//! What a client accepts (RFC 9110, sections 12.4.2, 12.5.1, 12.5.3 and 13.1.2).

use axum::http::{HeaderMap, HeaderName, header};

/// Weights in thousandths, as the header writes at most three digits.
type Weight = u16;

const FULL_WEIGHT: Weight = 1000;

/// How much a client likes each encoding; 0 is not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encodings {
    brotli: Weight,
    gzip: Weight,
    identity: Weight,
}

impl Encodings {
    /// What the headers of a request say. Without a word about it a client gets what every client can read.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accepted: Vec<_> = weighted(headers, header::ACCEPT_ENCODING).collect();
        let named = |wanted: &str| {
            let found = accepted
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, weight)| *weight)
        };
        let others = named("*");
        Self {
            brotli: named("br").or(others).unwrap_or(0),
            gzip: named("gzip").or(named("x-gzip")).or(others).unwrap_or(0),
            // Always possible, and preferred only by whoever says so.
            identity: named("identity").unwrap_or(0),
        }
    }

    /// The compressed variant to send, with the name of its encoding; `None` is the plain bytes, which also
    /// whoever refuses everything gets. Of equals the first is the smaller.
    pub(super) fn best<T>(self, brotli: Option<T>, gzip: Option<T>) -> Option<(&'static str, T)> {
        let brotli = brotli.filter(|_| self.brotli > 0);
        let gzip = gzip.filter(|_| self.gzip > 0);
        let (name, weight, variant) = match (brotli, gzip) {
            (Some(brotli), gzip) if gzip.is_none() || self.brotli >= self.gzip => ("br", self.brotli, brotli),
            (_, Some(gzip)) => ("gzip", self.gzip, gzip),
            (_, None) => return None,
        };
        (weight >= self.identity).then_some((name, variant))
    }
}

/// Whether a request is for a page, as a browser asks when somebody follows a link: it names HTML.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    weighted(headers, header::ACCEPT)
        .any(|(name, weight)| name.eq_ignore_ascii_case("text/html") && weight > 0)
}

/// Whether the client has the version with this validator.
pub(super) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    items(headers, header::IF_NONE_MATCH)
        // Weak comparison: what is the same byte for byte is the same in meaning.
        .map(|known| known.strip_prefix("W/").unwrap_or(known))
        .any(|known| known == "*" || known == etag)
}

/// The members of a list with their weights. What cannot be read weighs nothing.
fn weighted(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, Weight)> {
    items(headers, name).map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        (name, weight.map_or(FULL_WEIGHT, weight_of))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 1000 after the check"
)]
fn weight_of(text: &str) -> Weight {
    match text.parse::<f32>() {
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * f32::from(FULL_WEIGHT)).round() as Weight,
        _ => 0,
    }
}

/// The members of a list that may be spread over several headers.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    /// What a client gets of a file that exists in each encoding.
    fn encoding(accepted: &str) -> &'static str {
        let encodings = Encodings::of(&headers(header::ACCEPT_ENCODING, accepted));
        encodings
            .best(Some(()), Some(()))
            .map_or("plain", |(name, ())| name)
    }

    #[test]
    fn the_encoding_that_weighs_most_is_sent_and_of_equals_the_smaller() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip", "gzip"),
            ("GZip;Q=0.5", "gzip"),
            ("br;q=0.5, gzip;q=0.8", "gzip"),
            ("br; q=0.8 , gzip; q=0.8", "br"),
            ("*", "br"),
            ("br;q=0, *", "gzip"),
            ("gzip;q=0, br;q=0.001", "br"),
            ("br;q=0.5, identity", "plain"),
            ("identity;q=0.5, br", "br"),
        ] {
            assert_eq!(encoding(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn what_cannot_be_compressed_for_a_client_is_sent_as_it_is() {
        for accepted in [
            "", "identity", "deflate", "br;q=0", "br;q=2", "br;q=x", "*;q=0", ",;,q=1",
        ] {
            assert_eq!(encoding(accepted), "plain", "{accepted}");
        }
        let all = Encodings::of(&headers(header::ACCEPT_ENCODING, "br, gzip"));
        assert_eq!(all.best(None, Some(())), Some(("gzip", ())));
        assert_eq!(all.best::<()>(None, None), None);
    }

    #[test]
    fn a_page_is_wanted_by_whoever_names_html() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(wants_page(&headers(header::ACCEPT, browser)));
        for other in ["*/*", "application/json", "text/html;q=0", "text/*"] {
            assert!(!wants_page(&headers(header::ACCEPT, other)), "{other}");
        }
    }

    #[test]
    fn a_version_is_known_by_any_of_the_validators_that_were_kept() {
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(
                has_already(&headers(header::IF_NONE_MATCH, known), "\"a\""),
                "{known}"
            );
        }
        for unknown in ["\"b\"", "a", ""] {
            assert!(
                !has_already(&headers(header::IF_NONE_MATCH, unknown), "\"a\""),
                "{unknown}"
            );
        }
    }
}
