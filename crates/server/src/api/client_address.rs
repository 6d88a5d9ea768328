//! Where a request comes from: the peer of the connection, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};

use super::{extract::ClientAddress, state::AppState};

/// The header in which proxies list the addresses a request came through.
pub(super) const FORWARDED_FOR: &str = "x-forwarded-for";

/// Finds the address once for everybody.
pub(super) async fn find(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
            peer.ip().to_canonical()
        });
    let address = client_address(peer, request.headers(), &state.config.trusted_proxies);
    request.extensions_mut().insert(ClientAddress(address));
    next.run(request).await
}

/// The nearest address that is no trusted proxy. Whoever is not trusted can write what they like into the
/// header, so it is read from the end, which the nearest proxy wrote.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer;
    let mut hops: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    while trusted.contains(&address)
        && let Some(hop) = hops.pop().and_then(|hop| hop.trim().parse::<IpAddr>().ok())
    {
        address = hop.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn seen(peer: &str, forwarded_for: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded_for {
            headers.append(FORWARDED_FOR, value.parse().expect("a header value"));
        }
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let trusted: Vec<IpAddr> = trusted.iter().map(|text| address(text)).collect();
        client_address(address(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"], &["10.0.0.1"]), "192.0.2.1");
        assert_eq!(
            seen("10.0.0.1", &["6.6.6.6, 198.51.100.7"], &["10.0.0.1"]),
            "198.51.100.7"
        );
        assert_eq!(
            seen("10.0.0.1", &["6.6.6.6", "198.51.100.7"], &["10.0.0.1"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn trusted_proxies_are_looked_through() {
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.7, 10.0.0.2"], &["10.0.0.1", "10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &["10.0.0.1"]), "10.0.0.1");
    }
}
