//! A device leaves a group, and its account with it: validated like a commit, although the group itself changes only with
//! the commit that follows.

use bytes::Bytes;
use subrosa_mls::{MessageKind, peek};
use subrosa_wire::{
    ProblemCode,
    frames::{Appended, Problem},
    limits,
};

use super::{
    Service,
    answers::appended,
    problems,
    requests::{bounded, check_number, malformed},
};
use crate::{
    session::Session,
    store::delivery::{Committer, LeaveWrite, LogRefusal, LogWrite, SendCheck, SendKey},
};

impl Service {
    pub(super) async fn leave(
        &self,
        session: &Session,
        key: SendKey,
        proposal: Bytes,
    ) -> Result<Appended, Problem> {
        bounded("leave", &proposal, limits::LEAVE_MAX)?;
        let envelope = peek(&proposal).map_err(problems::unreadable)?;
        if envelope.conversation_id != key.conversation_id {
            return Err(malformed("leave is of another conversation"));
        }
        if envelope.kind != MessageKind::Leave {
            return Err(malformed("leave holds something else"));
        }
        check_number(&key, &envelope.claim)?;
        self.commits.check(session.device_id)?;
        let mut turn = self.validation.turn(key.conversation_id).await;
        // Whoever has left is no member: a retry is answered by Sync, which says so.
        match self.store.check_send(key, Committer::Member).await? {
            SendCheck::Refused(refusal) => return Err(refusal.into()),
            SendCheck::Possible { head_seq, epoch } if epoch != envelope.epoch => {
                return Err(LogRefusal::StaleEpoch { head_seq, epoch }.into());
            }
            SendCheck::Duplicate(accepted) => return Ok(appended(&self.tags, &key, &accepted)),
            SendCheck::Possible { .. } => {}
        }
        self.check_settled(&key).await?;
        let mut hot = match turn.take() {
            Some(hot) if hot.view.epoch() == envelope.epoch => hot,
            _ => self.load_view(key.conversation_id).await?,
        };
        let message = proposal.clone();
        let (mut hot, left) = self
            .validation
            .run(move || {
                let left = hot.view.leave(&message);
                (hot, left)
            })
            .await?;
        let left = match left {
            Ok(left) => left,
            Err(error) => {
                *turn = Some(hot);
                return Err(problems::invalid_mls(&error));
            }
        };
        if left.device_id() != session.device_id || left.account_id() != session.account_id {
            return Err(Problem::new(
                ProblemCode::InvalidMlsMessage,
                "it is another device that leaves",
            ));
        }
        let write = LeaveWrite {
            key,
            account_id: session.account_id,
            epoch: envelope.epoch,
            claim: envelope.claim,
            view: hot.stored_with(&proposal),
            proposal,
        };
        // The view with the proposal is loaded anew: what the store has is what counts, also if it knew this send already.
        let accepted = self.submit(LogWrite::Leave(write)).await?;
        drop(turn);
        self.notify_account(session.account_id, &[session.device_id])
            .await;
        Ok(accepted)
    }
}
