//! `/v1/registration`: signing up.

use axum::{Json, extract::State, http::StatusCode};
use subrosa_wire::{
    problem::ProblemDocument,
    rest::{RegistrationChallenge, RegistrationFinish, RegistrationStart, Tokens},
};

use super::{
    extract::{Body, ClientAddress},
    state::AppState,
};
use crate::problem::Problem;

/// Begin to sign up: is the handle free, and the server's part of the password record.
#[utoipa::path(
    post,
    path = "/v1/registration/start",
    tag = "sign-up",
    request_body = RegistrationStart,
    responses(
        (status = 200, description = "The server's part.", body = RegistrationChallenge),
        (status = 403, description = "`registration_closed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`handle_taken`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<RegistrationStart>,
) -> Result<Json<RegistrationChallenge>, Problem> {
    Ok(Json(state.accounts.start_registration(request, address).await?))
}

/// Sign up: account, vault, first device and session in one step, or nothing.
///
/// The same request again, after a lost answer, gets the same refresh token as long as nothing has happened in
/// the account since. Its `access_token` is empty then: renew the tokens first, which proves that it is the
/// device.
#[utoipa::path(
    post,
    path = "/v1/registration/finish",
    tag = "sign-up",
    request_body = RegistrationFinish,
    responses(
        (status = 201, description = "The tokens of the first device.", body = Tokens),
        (status = 422, description = "`bad_certificate`, `invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "`registration_closed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`handle_taken`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn finish(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<RegistrationFinish>,
) -> Result<(StatusCode, Json<Tokens>), Problem> {
    let tokens = state.accounts.finish_registration(request, address).await?;
    Ok((StatusCode::CREATED, Json(tokens)))
}
