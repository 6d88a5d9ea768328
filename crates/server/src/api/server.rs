//! `/v1/server`: what a client must know before it signs in.

use axum::{Json, extract::State};
use subrosa_wire::{limits::PROTOCOL_VERSION, rest::ServerInfo};

use super::state::AppState;

/// What this server is.
#[utoipa::path(
    get,
    path = "/v1/server",
    tag = "server",
    responses((status = 200, description = "The server.", body = ServerInfo)),
)]
pub(super) async fn show(State(state): State<AppState>) -> Json<ServerInfo> {
    Json(ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: PROTOCOL_VERSION,
        registration_open: state.accounts.registration_open(),
        server_time: state.accounts.now(),
    })
}
