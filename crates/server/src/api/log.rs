//! `/v1/conversations/{conversation_id}/log`: old messages, page by page.

use axum::{Json, extract::State};
use serde::Deserialize;
use subrosa_wire::{
    Base64, ConversationId, ProblemCode, SendId, Timestamp,
    frames::{self, FetchLog, client_frame::Request, log_entry::Payload, server_frame::Body},
    problem::ProblemDocument,
    rest::{LogEntry, LogPage},
};

use super::{
    extract::{Segment, SignedInDevice, UrlQuery},
    state::AppState,
};
use crate::problem::Problem;

/// The page that is wanted.
#[derive(Deserialize)]
pub(super) struct LogQuery {
    /// Entries with a higher seq are wanted.
    #[serde(default)]
    after_seq: u64,
    /// The most entries to return; 0 for as many as fit in a page.
    #[serde(default)]
    limit: u32,
}

/// A page of the log: the same entries, under the same rules, as `FetchLog` over the WebSocket.
#[utoipa::path(
    get,
    path = "/v1/conversations/{conversation_id}/log",
    tag = "conversations",
    security(("access_token" = [])),
    params(
        ("conversation_id" = ConversationId, Path, description = "The conversation."),
        ("after_seq" = Option<u64>, Query, description = "Entries with a higher seq are wanted."),
        ("limit" = Option<u32>, Query, description = "The most entries to return; 0 for as many as fit in a page."),
    ),
    responses(
        (status = 200, description = "Ascending, without gaps.", body = LogPage),
        (status = 404, description = "`not_a_member`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "`log_pruned`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    SignedInDevice(session): SignedInDevice,
    Segment(conversation_id): Segment<ConversationId>,
    UrlQuery(query): UrlQuery<LogQuery>,
) -> Result<Json<LogPage>, Problem> {
    let fetch = FetchLog {
        conversation_id: conversation_id.to_vec().into(),
        after_seq: query.after_seq,
        limit: query.limit,
    };
    match state.delivery.handle(&session, Request::FetchLog(fetch)).await {
        Body::LogPage(page) => Ok(Json(LogPage {
            conversation_id,
            entries: page.entries.into_iter().map(entry).collect::<Result<_, _>>()?,
            head_seq: page.head_seq,
        })),
        Body::Problem(problem) => Err(problem.into()),
        _ => Err(Problem::new(ProblemCode::Internal, "")),
    }
}

fn entry(entry: frames::LogEntry) -> Result<LogEntry, Problem> {
    let Some(Payload::ApplicationMessage(message) | Payload::Commit(message) | Payload::Leave(message)) =
        entry.payload
    else {
        return Err(Problem::new(ProblemCode::Internal, ""));
    };
    Ok(LogEntry {
        seq: entry.seq,
        send_id: SendId::try_from(entry.send_id.as_ref())
            .map_err(|_| Problem::new(ProblemCode::Internal, ""))?,
        accepted_at: Timestamp::from_millis(entry.accepted_at_ms),
        mls_message: Base64(message.to_vec()),
    })
}
