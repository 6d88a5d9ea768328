//! The one place where a refusal becomes a problem document (RFC 9457), with status and headers.

use std::{any::Any, time::Duration};

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use subrosa_wire::{
    ProblemCode, frames,
    problem::{PROBLEM_MEDIA_TYPE, ProblemDocument},
};

use crate::{accounts::AccountError, rate::RateLimited, store::StoreError};

/// The code of a problem, left in the extensions of a response for the metrics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefusedWith(pub(crate) ProblemCode);

/// An answer that is a refusal.
#[derive(Debug)]
pub struct Problem {
    code: ProblemCode,
    document: ProblemDocument,
}

impl Problem {
    /// A problem with what happened this time.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            document: ProblemDocument::new(code, detail),
        }
    }

    /// The same, with a time to come back.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.document.retry_after_ms = Some(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self
            .document
            .retry_after_ms
            .map(|millis| millis.div_ceil(1000).max(1));
        let mut response = (status, Json(self.document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(RefusedWith(self.code));
        response
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let code = error.code();
        let retry_after = error.retry_after();
        // What the storage says is for the operator, not for a visitor.
        let detail = match error {
            AccountError::Store(error) => {
                tracing::error!(%error, "the storage failed a request");
                String::new()
            }
            refusal => refusal.to_string(),
        };
        let problem = Self::new(code, detail);
        match retry_after {
            Some(time) => problem.retry_after(time),
            None => problem,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        AccountError::from(error).into()
    }
}

impl From<RateLimited> for Problem {
    fn from(limited: RateLimited) -> Self {
        AccountError::from(limited).into()
    }
}

/// What delivery refuses.
impl From<frames::Problem> for Problem {
    fn from(problem: frames::Problem) -> Self {
        let code = problem.known_code().unwrap_or(ProblemCode::Internal);
        let converted = Self::new(code, problem.detail);
        match problem.retry_after_ms {
            0 => converted,
            millis => converted.retry_after(Duration::from_millis(millis.into())),
        }
    }
}

/// The same problem, as a frame of the WebSocket.
impl From<Problem> for frames::Problem {
    fn from(problem: Problem) -> Self {
        problem.document.into()
    }
}

/// A path that does not exist. Nothing may remember this: the next version may have what this one lacks.
pub(crate) async fn not_found() -> impl IntoResponse {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (no_store, Problem::new(ProblemCode::NotFound, ""))
}

/// A path that does not take the method.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(ProblemCode::MethodNotAllowed, "")
}

/// A handler that panicked. The panic itself is in the log.
pub(crate) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    tracing::error!("a request panicked");
    Problem::new(ProblemCode::Internal, "").into_response()
}
