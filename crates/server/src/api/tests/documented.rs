//! Holds every answer of every test against the OpenAPI document.

use std::sync::LazyLock;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::harness::Answer;
use crate::api::openapi_document;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(openapi_document()).unwrap());

/// Fails the test if the operation does not document the answer's status, or the code of its problem.
pub(super) fn check(method: &Method, url: &str, answer: &Answer) {
    let path = url.split('?').next().unwrap_or_default();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let Some((_, item)) = paths.iter().find(|(template, _)| is_of(template, path)) else {
        return;
    };
    // That other methods are not possible is said by the paths themselves.
    let operation = &item[method.as_str().to_ascii_lowercase()];
    if operation.is_null() || answer.status == StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    let response = &operation["responses"][answer.status.as_str()];
    assert!(
        response.is_object(),
        "{method} {path} answers {}, which is not documented",
        answer.shown()
    );
    if !answer.status.is_success() {
        let code = answer.code();
        let description = response["description"].as_str().unwrap();
        assert!(
            description.contains(&format!("`{code}`")),
            "{method} {path} answers {code}, which is not among {description}"
        );
    }
}

fn is_of(template: &str, path: &str) -> bool {
    let (mut names, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (names.next(), segments.next()) {
            (None, None) => return true,
            (Some(name), Some(segment)) if name.starts_with('{') || name == segment => {}
            _ => return false,
        }
    }
}
