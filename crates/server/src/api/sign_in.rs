//! `/v1/sign-in`: entering an account with its password.

use axum::{Json, extract::State};
use subrosa_wire::{
    problem::ProblemDocument,
    rest::{SignInChallenge, SignInFinish, SignInStart, SignedIn},
};

use super::{
    extract::{Body, ClientAddress},
    state::AppState,
};
use crate::problem::Problem;

/// Begin to sign in. The answer looks the same whether the handle exists or not.
#[utoipa::path(
    post,
    path = "/v1/sign-in/start",
    tag = "sign-in",
    request_body = SignInStart,
    responses(
        (status = 200, description = "The challenge.", body = SignInChallenge),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<SignInStart>,
) -> Result<Json<SignInChallenge>, Problem> {
    Ok(Json(state.accounts.start_sign_in(request, address).await?))
}

/// Sign in: the vault, and a proof that enrols a device or changes the password.
#[utoipa::path(
    post,
    path = "/v1/sign-in/finish",
    tag = "sign-in",
    request_body = SignInFinish,
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 401, description = "`sign_in_failed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn finish(
    State(state): State<AppState>,
    Body(request): Body<SignInFinish>,
) -> Result<Json<SignedIn>, Problem> {
    Ok(Json(state.accounts.finish_sign_in(request).await?))
}
