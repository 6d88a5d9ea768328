//! `/v1/people`: finding people.

use axum::{Json, extract::State};
use serde::Deserialize;
use subrosa_wire::{
    Handle,
    problem::ProblemDocument,
    rest::{People, Person},
};

use super::{
    extract::{Segment, SignedInDevice, UrlQuery},
    state::AppState,
};
use crate::problem::Problem;

/// What people are searched by.
#[derive(Deserialize)]
pub(super) struct PeopleQuery {
    handle_prefix: String,
}

/// People whose handle starts with a text.
#[utoipa::path(
    get,
    path = "/v1/people",
    tag = "directory",
    security(("access_token" = [])),
    params(("handle_prefix" = String, Query, min_length = 1, description = "At least one character.")),
    responses((status = 200, description = "In the order of their handles.", body = People)),
)]
pub(super) async fn search(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
    UrlQuery(query): UrlQuery<PeopleQuery>,
) -> Result<Json<People>, Problem> {
    state.request_limits.check_search(session.account_id)?;
    Ok(Json(state.accounts.search_people(&query.handle_prefix).await?))
}

/// The person with a handle.
#[utoipa::path(
    get,
    path = "/v1/people/{handle}",
    tag = "directory",
    security(("access_token" = [])),
    params(("handle" = Handle, Path, description = "The handle.")),
    responses(
        (status = 200, description = "The person.", body = Person),
        (status = 404, description = "`unknown_account`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
    Segment(handle): Segment<Handle>,
) -> Result<Json<Person>, Problem> {
    state.request_limits.check_search(session.account_id)?;
    Ok(Json(state.accounts.person(handle).await?))
}
