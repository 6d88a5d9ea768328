//! `/v1/recovery`: entering an account with its recovery code.

use axum::{Json, extract::State};
use subrosa_wire::{
    problem::ProblemDocument,
    rest::{RecoveryChallenge, RecoveryFinish, RecoveryStart, SignedIn},
};

use super::{
    extract::{Body, ClientAddress},
    state::AppState,
};
use crate::problem::Problem;

/// Begin to recover an account. The answer looks the same whether the handle exists or not.
#[utoipa::path(
    post,
    path = "/v1/recovery/start",
    tag = "sign-in",
    request_body = RecoveryStart,
    responses((status = 200, description = "The challenge.", body = RecoveryChallenge)),
)]
pub(super) async fn start(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<RecoveryStart>,
) -> Result<Json<RecoveryChallenge>, Problem> {
    Ok(Json(state.accounts.start_recovery(request, address).await?))
}

/// Recover an account: the vault, and a proof that enrols a device or changes the password.
#[utoipa::path(
    post,
    path = "/v1/recovery/finish",
    tag = "sign-in",
    request_body = RecoveryFinish,
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 401, description = "`sign_in_failed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn finish(
    State(state): State<AppState>,
    Body(request): Body<RecoveryFinish>,
) -> Result<Json<SignedIn>, Problem> {
    Ok(Json(state.accounts.finish_recovery(request).await?))
}
