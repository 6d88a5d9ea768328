//! `/v1/password`: changing the password.

use axum::{Json, extract::State, http::StatusCode};
use subrosa_wire::{
    problem::ProblemDocument,
    rest::{PasswordFinish, PasswordStart, RegistrationChallenge},
};

use super::{
    extract::{Bearer, Body},
    state::AppState,
};
use crate::problem::Problem;

/// Begin to change the password, with the proof of a sign-in or recovery.
#[utoipa::path(
    post,
    path = "/v1/password/start",
    tag = "sign-in",
    security(("sign_in_proof" = [])),
    request_body = PasswordStart,
    responses(
        (status = 200, description = "The server's part of the new password record.", body = RegistrationChallenge),
        (status = 401, description = "`sign_in_failed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    State(state): State<AppState>,
    Bearer(proof): Bearer,
    Body(request): Body<PasswordStart>,
) -> Result<Json<RegistrationChallenge>, Problem> {
    Ok(Json(state.accounts.start_password_change(&proof, &request)?))
}

/// Change the password, and with it, after a recovery, the recovery code. The old one is locked out at once; devices that are
/// signed in stay so.
#[utoipa::path(
    post,
    path = "/v1/password/finish",
    tag = "sign-in",
    security(("sign_in_proof" = [])),
    request_body = PasswordFinish,
    responses(
        (status = 204, description = "Changed."),
        (status = 401, description = "`sign_in_failed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: a new recovery code takes the proof of a recovery.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn finish(
    State(state): State<AppState>,
    Bearer(proof): Bearer,
    Body(request): Body<PasswordFinish>,
) -> Result<StatusCode, Problem> {
    state.accounts.finish_password_change(&proof, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
