//! `Append`: a message, a commit, or the proposal of a device that leaves, for a log.

use futures_util::future::BoxFuture;
use subrosa_mls::{MessageKind, payload_hash, peek};
use subrosa_wire::{
    ProblemCode,
    frames::{Append, Appended, Problem, append},
    limits,
};
use tokio::sync::oneshot;

use super::{
    Service,
    answers::AnswerTo,
    appender::Submission,
    problems,
    requests::{bounded, check_number, malformed, send_key},
};
use crate::{
    session::Session,
    store::delivery::{ApplicationWrite, LogWrite},
};

impl Service {
    pub(super) async fn append(&self, session: &Session, append: Append) -> Result<Appended, Problem> {
        let key = send_key(
            session,
            &append.conversation_id,
            &append.send_id,
            append.send_number,
        );
        match append.payload {
            Some(append::Payload::Commit(commit)) => self.commit(session, key?, commit).await,
            Some(append::Payload::Leave(proposal)) => self.leave(session, key?, proposal).await,
            _ => {
                self.submit(LogWrite::Application(message(session, append)?))
                    .await
            }
        }
    }

    /// Queues a message, whose answer goes to `answer`. If a future comes back, the queue is full, and the
    /// message is queued once it has ended.
    pub(super) fn submit_message(
        &self,
        session: &Session,
        append: Append,
        answer: AnswerTo,
    ) -> Option<BoxFuture<'static, ()>> {
        match message(session, append) {
            Ok(write) => self.appender.submit(Submission {
                write: LogWrite::Application(write),
                answer,
            }),
            Err(problem) => {
                answer.give(Err(problem));
                None
            }
        }
    }

    /// Queues a write and waits for its answer.
    pub(super) async fn submit(&self, write: LogWrite) -> Result<Appended, Problem> {
        let (sender, answer) = oneshot::channel();
        if let Some(queued) = self.appender.submit(Submission {
            write,
            answer: AnswerTo::Waiter(sender),
        }) {
            queued.await;
        }
        answer
            .await
            .unwrap_or_else(|_| Err(Problem::new(ProblemCode::Unavailable, "the server is stopping")))
    }
}

/// Reads a message: what its cleartext header says must fit the request. The content is not ours to read.
fn message(session: &Session, append: Append) -> Result<ApplicationWrite, Problem> {
    let key = send_key(
        session,
        &append.conversation_id,
        &append.send_id,
        append.send_number,
    )?;
    let Some(append::Payload::ApplicationMessage(message)) = append.payload else {
        return Err(malformed("the append has no payload that this server knows"));
    };
    bounded("application_message", &message, limits::APPLICATION_MESSAGE_MAX)?;
    let envelope = peek(&message).map_err(problems::unreadable)?;
    if envelope.kind != MessageKind::Application {
        return Err(malformed("application_message holds something else"));
    }
    if envelope.conversation_id != key.conversation_id {
        return Err(malformed("application_message is of another conversation"));
    }
    check_number(&key, &envelope.claim)?;
    Ok(ApplicationWrite {
        key,
        epoch: envelope.epoch,
        claim: envelope.claim,
        message_hash: payload_hash(&message),
        message,
    })
}
