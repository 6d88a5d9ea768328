//! How requests become values. Whatever does not fit is a problem document, never a page of the framework.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use subrosa_wire::{ProblemCode, limits::REST_BODY_MAX};

use super::state::AppState;
use crate::{accounts::AccountError, problem::Problem, session::Session};

/// A JSON body. Fields that this server does not know are ignored: a newer client may send them.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(refused_body(&rejection)),
        }
    }
}

fn refused_body(rejection: &JsonRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("the body of a request has at most {REST_BODY_MAX} bytes");
        return Problem::new(ProblemCode::TooLarge, detail);
    }
    Problem::new(ProblemCode::MalformedRequest, rejection.body_text())
}

/// The query of a URL.
pub(super) struct UrlQuery<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for UrlQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::new(ProblemCode::MalformedRequest, rejection.body_text())),
        }
    }
}

/// The one variable segment of a path.
pub(super) struct Segment<T>(pub(super) T);

impl<T> FromRequestParts<AppState> for Segment<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let malformed = |reason: String| Problem::new(ProblemCode::MalformedRequest, reason);
        let Path(segment) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| malformed(rejection.body_text()))?;
        segment
            .parse()
            .map(Self)
            .map_err(|error: T::Err| malformed(error.to_string()))
    }
}

/// The bearer token of a request (RFC 6750), whatever it may be good for.
pub(super) struct Bearer(pub(super) String);

impl FromRequestParts<AppState> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, Problem> {
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| token.trim().to_owned())
        });
        token
            .map(Self)
            .ok_or_else(|| AccountError::Unauthenticated.into())
    }
}

/// A signed-in device.
pub(super) struct SignedInDevice(pub(super) Session);

impl FromRequestParts<AppState> for SignedInDevice {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Bearer(token) = Bearer::from_request_parts(parts, state).await?;
        let session = state.accounts.authenticate(&token).await?;
        state.request_limits.check_account(session.account_id)?;
        Ok(Self(session))
    }
}

/// Where a request comes from; set by `client_address`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, Self::Rejection> {
        // Without a connection, as in tests, everybody is one visitor.
        Ok(parts
            .extensions
            .get()
            .copied()
            .unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}
