//! `/v1/sessions`: renewing a device's tokens.

use axum::{Json, extract::State};
use subrosa_wire::{
    problem::ProblemDocument,
    rest::{RefreshChallenge, RefreshFinish, RefreshStart, Tokens},
};

use super::{extract::Body, state::AppState};
use crate::{accounts::RefreshRefused, problem::Problem};

/// Begin to renew the tokens. The answer looks the same for devices that do not exist.
#[utoipa::path(
    post,
    path = "/v1/sessions/challenge",
    tag = "devices",
    request_body = RefreshStart,
    responses((status = 200, description = "A nonce, good once.", body = RefreshChallenge)),
)]
pub(super) async fn challenge(
    State(state): State<AppState>,
    Body(request): Body<RefreshStart>,
) -> Json<RefreshChallenge> {
    Json(state.accounts.start_refresh(&request))
}

/// Renew the tokens. The newest refresh token is good once; the one before it, as long as the newest was not
/// used; an older one ends the session. One that is newer than the server's database, which was put back from an older
/// copy, is good as well.
#[utoipa::path(
    post,
    path = "/v1/sessions/refresh",
    tag = "devices",
    request_body = RefreshFinish,
    responses(
        (status = 200, description = "New tokens.", body = Tokens),
        (status = 401, description = "`unauthenticated`, `token_reused`, `device_signed_out`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`challenge_expired`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn refresh(
    State(state): State<AppState>,
    Body(request): Body<RefreshFinish>,
) -> Result<Json<Tokens>, Problem> {
    match state.accounts.finish_refresh(request).await {
        Ok(tokens) => Ok(Json(tokens)),
        Err(RefreshRefused { error, ended }) => {
            if let Some(session) = ended {
                state
                    .delivery
                    .device_signed_out(session.account_id, session.device_id)
                    .await?;
            }
            Err(error.into())
        }
    }
}
