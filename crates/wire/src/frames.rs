//! The frames of the WebSocket, generated from `proto/frames.proto`, which documents them.

use crate::problem::{ProblemCode, ProblemDocument};

#[expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated; the proto file documents it"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/subrosa.wire.v1.rs"));
}

pub use generated::*;

impl Problem {
    /// A problem frame with no further fields.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code: code.as_str().to_owned(),
            detail: detail.into(),
            ..Self::default()
        }
    }

    /// The code, if this build knows it.
    pub fn known_code(&self) -> Option<ProblemCode> {
        ProblemCode::parse(&self.code)
    }
}

impl From<ProblemDocument> for Problem {
    fn from(document: ProblemDocument) -> Self {
        Self {
            code: document.code,
            detail: document.detail,
            retry_after_ms: document.retry_after_ms.unwrap_or_default(),
            ..Self::default()
        }
    }
}
