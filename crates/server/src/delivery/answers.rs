//! Answers: how the outcome of a request becomes a frame, and who waits for that of a send.

use std::sync::Arc;

use subrosa_wire::{
    ProblemCode,
    frames::{Appended, Problem, server_frame::Body},
};
use tokio::sync::oneshot;

use super::{requests::id_bytes, tags::EntryTags};
use crate::{
    push::Outbox,
    store::delivery::{Accepted, SendKey},
};

/// Who waits for the answer to a send.
pub(super) enum AnswerTo {
    /// A task.
    Waiter(oneshot::Sender<Result<Appended, Problem>>),
    /// A connection: the answer goes out with whatever else waits for it.
    Connection { outbox: Arc<Outbox>, request_id: u64 },
}

impl AnswerTo {
    /// Gives the answer and lets it go out.
    pub(super) fn give(self, answer: Result<Appended, Problem>) {
        if let Some(outbox) = self.queue(answer) {
            outbox.wake();
        }
    }

    /// Gives the answer; one that goes to a connection waits there until it is woken.
    pub(super) fn queue(self, answer: Result<Appended, Problem>) -> Option<Arc<Outbox>> {
        match self {
            // Nobody waits any more: the entry is in the log all the same, and a retry gets its answer.
            Self::Waiter(waiter) => {
                let _ = waiter.send(answer);
                None
            }
            Self::Connection { outbox, request_id } => {
                outbox.append_ends();
                outbox.queue_answer(request_id, answer.map_or_else(refused, Body::Appended));
                Some(outbox)
            }
        }
    }
}

/// The answer to a send.
pub(super) fn appended(tags: &EntryTags, key: &SendKey, accepted: &Accepted) -> Appended {
    Appended {
        conversation_id: id_bytes(key.conversation_id.as_bytes()),
        seq: accepted.seq,
        epoch: accepted.epoch,
        accepted_at_ms: accepted.accepted_at.as_millis(),
        tag: tags.tag_if_known(accepted.hash, key.send_id),
    }
}

/// A problem as an answer, counted by its code.
pub(super) fn refused(problem: Problem) -> Body {
    let code = problem.known_code().map_or("unknown", ProblemCode::as_str);
    metrics::counter!("subrosa_delivery_refusals_total", "code" => code).increment(1);
    Body::Problem(problem)
}
