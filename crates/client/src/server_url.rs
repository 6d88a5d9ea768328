//! The address of a server, and the addresses of its API that follow from it.

use std::{fmt, net::IpAddr, str::FromStr};

use reqwest::Url;

/// The base address of a server: `http` or `https`, a host, maybe a port and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// A text is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServerUrl {
    /// It cannot be read at all.
    #[error("{0:?} is not an address such as https://chat.example.org")]
    Malformed(String),
    /// The scheme is neither `http` nor `https`.
    #[error("the address of a server starts with http:// or https://, not {0}://")]
    Scheme(String),
    /// It has parts that would be sent to nobody, or to everybody.
    #[error("the address of a server has no user name, password, query or fragment")]
    Surplus,
}

impl ServerUrl {
    /// The address of a REST resource, from its path segments, which are escaped.
    pub(crate) fn rest<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        // An http or https address always has a path, so that this never fails.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        url
    }

    /// The address of the WebSocket.
    pub(crate) fn live(&self) -> Url {
        let mut url = self.rest(["live"]);
        // From one special scheme to another: the standard allows it, so that this never fails.
        let _ = url.set_scheme(if self.is_encrypted() { "wss" } else { "ws" });
        url
    }

    /// Whether the way to the server is encrypted by TLS.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether others on the way to the server can see who talks when (never what: that is end-to-end
    /// encrypted): plain `http` to another machine.
    pub fn is_exposed(&self) -> bool {
        !self.is_encrypted() && !self.is_this_machine()
    }

    fn is_this_machine(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        address.map_or_else(
            |_| host == "localhost" || host.ends_with(".localhost"),
            |address| address.is_loopback(),
        )
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServerUrl> {
        let malformed = || InvalidServerUrl::Malformed(text.to_owned());
        let url = Url::parse(text.trim()).map_err(|_| malformed())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidServerUrl::Scheme(url.scheme().to_owned()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(malformed());
        }
        let credentials = !url.username().is_empty() || url.password().is_some();
        if credentials || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidServerUrl::Surplus);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
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
