//! `/v1/vault`: the account's vault, which the server cannot read.

use axum::{Json, extract::State, http::StatusCode};
use subrosa_wire::{problem::ProblemDocument, rest::Vault};

use super::{
    extract::{Body, SignedInDevice},
    state::AppState,
};
use crate::problem::Problem;

/// The vault.
#[utoipa::path(
    get,
    path = "/v1/vault",
    tag = "vault",
    security(("access_token" = [])),
    responses((status = 200, description = "The vault.", body = Vault)),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
) -> Result<Json<Vault>, Problem> {
    Ok(Json(state.accounts.vault(session).await?))
}

/// Replace the vault by its next revision.
#[utoipa::path(
    put,
    path = "/v1/vault",
    tag = "vault",
    security(("access_token" = [])),
    request_body = Vault,
    responses(
        (status = 204, description = "Replaced."),
        (status = 409, description = "`vault_changed`: another device was faster.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "`too_large`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn replace(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
    Body(request): Body<Vault>,
) -> Result<StatusCode, Problem> {
    state.accounts.replace_vault(session, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
