//! The address of a server, and the addresses of its API.

use std::{fmt, net::IpAddr, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::platform::read_address;

/// The base address of a server: `http` or `https`, a host, and optionally a port and a path.
///
/// ```
/// use subrosa_client::ServerUrl;
///
/// let server: ServerUrl = "https://chat.example.org/".parse()?;
/// assert_eq!(server.to_string(), "https://chat.example.org");
/// # Ok::<(), subrosa_client::InvalidServerUrl>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// Normalised, without a trailing slash.
    base: String,
    host: String,
}

/// Why a text is not the address of a server.
///
/// ```
/// use subrosa_client::{InvalidServerUrl, ServerUrl};
///
/// let answer = "ftp://example.org".parse::<ServerUrl>();
/// assert_eq!(answer, Err(InvalidServerUrl::Scheme("ftp".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidServerUrl {
    /// It is not a URL.
    #[error("{0:?} is not an address such as https://chat.example.org")]
    Malformed(String),
    /// The scheme is neither `http` nor `https`.
    #[error("the address of a server starts with http:// or https://, not {0}://")]
    Scheme(String),
    /// It has parts that would be sent to nobody, or with every request.
    #[error("the address of a server has no user name, password, query or fragment")]
    Surplus,
}

impl ServerUrl {
    /// The address of a REST resource, from its path segments, which are escaped.
    pub(crate) fn rest<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> String {
        let mut address = format!("{}/v1", self.base);
        // A segment of one or two dots would lead to another resource, however it is escaped.
        for segment in segments
            .into_iter()
            .filter(|segment| !matches!(*segment, "." | ".."))
        {
            address.push('/');
            address.extend(escape(segment));
        }
        address
    }

    /// The address of the WebSocket.
    pub(crate) fn live(&self) -> String {
        // From http to ws, from https to wss.
        self.rest(["live"]).replacen("http", "ws", 1)
    }

    /// Whether the connection to the server is encrypted by TLS.
    ///
    /// ```
    /// let server: subrosa_client::ServerUrl = "https://chat.example.org".parse()?;
    /// assert!(server.is_encrypted());
    /// # Ok::<(), subrosa_client::InvalidServerUrl>(())
    /// ```
    pub fn is_encrypted(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// Whether others on the network can see who talks to whom and when, which is so for plain `http` to another
    /// machine. They never see what is said: that is end-to-end encrypted.
    ///
    /// ```
    /// use subrosa_client::ServerUrl;
    ///
    /// assert!(!"http://localhost:8080".parse::<ServerUrl>()?.is_exposed());
    /// assert!("http://chat.example.org".parse::<ServerUrl>()?.is_exposed());
    /// # Ok::<(), subrosa_client::InvalidServerUrl>(())
    /// ```
    pub fn is_exposed(&self) -> bool {
        !self.is_encrypted() && !self.is_this_machine()
    }

    fn is_this_machine(&self) -> bool {
        let address = self
            .host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        address.map_or_else(
            |_| self.host == "localhost" || self.host.ends_with(".localhost"),
            |address| address.is_loopback(),
        )
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServerUrl> {
        let malformed = || InvalidServerUrl::Malformed(text.to_owned());
        let address = read_address(text.trim()).ok_or_else(malformed)?;
        if !matches!(address.scheme.as_str(), "http" | "https") {
            return Err(InvalidServerUrl::Scheme(address.scheme));
        }
        if address.host.is_empty() {
            return Err(malformed());
        }
        if address.has_surplus {
            return Err(InvalidServerUrl::Surplus);
        }
        Ok(Self {
            base: address.text.trim_end_matches('/').to_owned(),
            host: address.host,
        })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

/// Percent-encodes all except the unreserved characters (RFC 3986, section 2.3).
pub(crate) fn escape(text: &str) -> PercentEncode<'_> {
    const RESERVED: AsciiSet = NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, &RESERVED)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own input has failed"
    )]
    use super::*;

    fn url(text: &str) -> ServerUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_addresses_of_the_api_follow_from_the_base() {
        assert_eq!(
            url("http://localhost:8080").rest(["vault"]).as_str(),
            "http://localhost:8080/v1/vault"
        );
        assert_eq!(
            url("https://a.example/chat/").live().as_str(),
            "wss://a.example/chat/v1/live"
        );
        assert_eq!(url("http://[::1]:9/").live().as_str(), "ws://[::1]:9/v1/live");
        assert_eq!(
            url("https://a.example").rest(["people", "a/b"]).as_str(),
            "https://a.example/v1/people/a%2Fb"
        );
        assert_eq!(
            url("https://a.example").rest(["people", "..", "ü?#"]).as_str(),
            "https://a.example/v1/people/%C3%BC%3F%23"
        );
        assert_eq!(url("https://a.example/").to_string(), "https://a.example");
    }

    #[test]
    fn only_plain_http_to_another_machine_is_exposed() {
        for safe in [
            "https://a.example",
            "http://localhost",
            "http://127.0.0.5:1",
            "http://[::1]",
            "http://a.localhost",
        ] {
            assert!(!url(safe).is_exposed(), "{safe}");
        }
        for exposed in ["http://a.example", "http://10.0.0.1", "http://localhost.example"] {
            assert!(url(exposed).is_exposed(), "{exposed}");
        }
    }

    #[test]
    fn anything_else_is_not_the_address_of_a_server() {
        assert_eq!(
            "ftp://a.example".parse::<ServerUrl>(),
            Err(InvalidServerUrl::Scheme("ftp".into()))
        );
        for surplus in [
            "http://u@a.example",
            "http://u:p@a.example",
            "http://a.example/?q",
            "http://a.example/#f",
        ] {
            assert_eq!(
                surplus.parse::<ServerUrl>(),
                Err(InvalidServerUrl::Surplus),
                "{surplus}"
            );
        }
        for malformed in ["", "a.example", "http://"] {
            assert!(
                matches!(
                    malformed.parse::<ServerUrl>(),
                    Err(InvalidServerUrl::Malformed(_))
                ),
                "{malformed}"
            );
        }
    }
}
