//! Whether a conversation that others have begun is wanted, and from whom such conversations need no question.

use subrosa_wire::Timestamp;

use super::AccountRecord;
use crate::api::Audience;

/// What the user has decided about a conversation: when what they had seen of it and declined was written, in milliseconds
/// since 1970 UTC; 0 for nothing, [`ACCEPTED`] for yes.
const DECISION: u32 = 13;
const ACCEPTED: u64 = u64::MAX;

/// In the record of the account itself: who may write without a question, and who may add to groups.
const WRITERS: u32 = 14;
const ADDERS: u32 = 15;

/// What the user has decided about a conversation that somebody else has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    None,
    /// It is wanted.
    Accepted,
    /// What was written up to this instant is not wanted.
    Declined(Timestamp),
}

impl AccountRecord {
    /// What the user has decided about the conversation.
    pub fn decision(&self) -> Decision {
        match self.millis(DECISION) {
            0 => Decision::None,
            ACCEPTED => Decision::Accepted,
            at => Decision::Declined(Timestamp::from_millis(at)),
        }
    }

    /// Notes what the user has decided, now.
    pub fn decide(&mut self, decision: Decision, now: Timestamp) {
        let value = match decision {
            Decision::None => 0,
            Decision::Accepted => ACCEPTED,
            Decision::Declined(at) => at.as_millis().clamp(1, ACCEPTED - 1),
        };
        if value != self.millis(DECISION) {
            self.set_other(DECISION, value.to_be_bytes().to_vec(), now);
        }
    }

    /// Takes over what another record says was decided.
    pub fn take_decision(&mut self, from: &Self) {
        if let Some(field) = from.others.get(&DECISION) {
            self.others.insert(DECISION, field.clone());
        }
    }

    /// Who may write to the user, and who may add them to groups, without being asked about.
    pub fn audiences(&self) -> (Audience, Audience) {
        (self.audience(WRITERS), self.audience(ADDERS))
    }

    /// Changes who may write to the user without a question.
    pub fn set_writers(&mut self, audience: Audience, now: Timestamp) {
        self.set_other(WRITERS, vec![code(audience)], now);
    }

    /// Changes who may add the user to groups without a question.
    pub fn set_adders(&mut self, audience: Audience, now: Timestamp) {
        self.set_other(ADDERS, vec![code(audience)], now);
    }

    fn audience(&self, number: u32) -> Audience {
        let field = self.others.get(&number);
        match field.map(|field| &field.value[..]) {
            Some([1]) => Audience::Everybody,
            Some([2]) => Audience::Nobody,
            _ => Audience::Known,
        }
    }
}

const fn code(audience: Audience) -> u8 {
    match audience {
        Audience::Known => 0,
        Audience::Everybody => 1,
        Audience::Nobody => 2,
    }
}
