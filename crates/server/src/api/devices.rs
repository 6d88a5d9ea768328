//! `/v1/devices`: the devices of an account.

use axum::{Json, extract::State, http::StatusCode};
use subrosa_wire::{
    DeviceId,
    problem::ProblemDocument,
    rest::{Devices, Enrolment, Tokens},
};

use super::{
    extract::{Bearer, Body, Segment, SignedInDevice},
    state::AppState,
};
use crate::problem::Problem;

/// Sign a device in, with the proof of a sign-in or recovery.
#[utoipa::path(
    post,
    path = "/v1/devices",
    tag = "devices",
    security(("sign_in_proof" = [])),
    request_body = Enrolment,
    responses(
        (status = 201, description = "The tokens of the device.", body = Tokens),
        (status = 422, description = "`bad_certificate`, `invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "`sign_in_failed`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`too_many_devices`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn enrol(
    State(state): State<AppState>,
    Bearer(proof): Bearer,
    Body(request): Body<Enrolment>,
) -> Result<(StatusCode, Json<Tokens>), Problem> {
    let (session, tokens) = state.accounts.enrol_device(&proof, request).await?;
    state
        .delivery
        .device_signed_in(session.account_id, session.device_id)
        .await;
    Ok((StatusCode::CREATED, Json(tokens)))
}

/// The account's signed-in devices, oldest first.
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "devices",
    security(("access_token" = [])),
    responses((status = 200, description = "The devices.", body = Devices)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
) -> Result<Json<Devices>, Problem> {
    Ok(Json(state.accounts.devices(session).await?))
}

/// Renew the certificate of this device. Its account, id and key stay the same.
#[utoipa::path(
    put,
    path = "/v1/devices/{device_id}/certificate",
    tag = "devices",
    security(("access_token" = [])),
    params(("device_id" = DeviceId, Path, description = "This device.")),
    request_body = Enrolment,
    responses(
        (status = 204, description = "Renewed."),
        (status = 404, description = "`unknown_device`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "`bad_certificate`, `invalid_key_material`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn renew_certificate(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
    Segment(device_id): Segment<DeviceId>,
    Body(request): Body<Enrolment>,
) -> Result<StatusCode, Problem> {
    state
        .accounts
        .renew_certificate(session, device_id, request)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out this device or another one of the account: its tokens end at once.
#[utoipa::path(
    delete,
    path = "/v1/devices/{device_id}",
    tag = "devices",
    security(("access_token" = [])),
    params(("device_id" = DeviceId, Path, description = "The device.")),
    responses(
        (status = 204, description = "Signed out."),
        (status = 404, description = "`unknown_device`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn sign_out(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
    Segment(device_id): Segment<DeviceId>,
) -> Result<StatusCode, Problem> {
    state.accounts.sign_out(session, device_id).await?;
    state
        .delivery
        .device_signed_out(session.account_id, device_id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
