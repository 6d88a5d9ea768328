//! `/v1/links/{link_id}`: what an invite link leads to.

use axum::{Json, extract::State};
use subrosa_wire::{LinkId, problem::ProblemDocument, rest::InviteLink};

use super::{extract::Segment, state::AppState};
use crate::problem::Problem;

/// What an invite link leads to, for whoever has it. Its id is a hash of the link's public key; the name of the
/// conversation is in the preview, which opens with the link alone.
#[utoipa::path(
    get,
    path = "/v1/links/{link_id}",
    tag = "conversations",
    params(("link_id" = LinkId, Path, description = "The link.")),
    responses(
        (status = 200, description = "One can join, or ask to.", body = InviteLink),
        (status = 404, description = "`link_invalid`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "`link_revoked`, `link_expired`, `link_used_up`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    Segment(link_id): Segment<LinkId>,
) -> Result<Json<InviteLink>, Problem> {
    Ok(Json(state.delivery.invite_link(link_id).await?))
}
