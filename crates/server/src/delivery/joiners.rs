//! Turns of those who join a group by a link.
//!
//! Whoever joins makes a commit on the newest epoch: of those who do so at once, one wins, and the others have fetched the
//! group for nothing. So it is shown to one after the other. That is a courtesy and no lock: a turn is over when its commit
//! is accepted or after [`JOIN_TURN`], whoever has waited for [`JOIN_WAIT_MAX`] does not wait any longer, and a commit is
//! judged as ever, whoever has the turn.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use subrosa_wire::{ConversationId, DeviceId, ProblemCode, Timestamp, frames::Problem};

use crate::limits::{JOIN_LINES_MAX, JOIN_TURN, JOIN_TURN_USUAL, JOIN_WAIT_MAX, JOINERS_WAITING_MAX};

/// Who joins which group now, and who waits.
#[derive(Default)]
pub(super) struct Joiners(Mutex<HashMap<ConversationId, Line>>);

#[derive(Default)]
struct Line {
    turn: Option<(DeviceId, Timestamp)>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    device_id: DeviceId,
    since: Timestamp,
    /// It has gone away if it has not asked again by then.
    until: Timestamp,
}

impl Joiners {
    /// Takes the turn of a device, or says when to ask again.
    pub(super) fn take_turn(
        &self,
        id: ConversationId,
        device_id: DeviceId,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= JOIN_LINES_MAX {
            lines.retain(|_, line| !line.is_over(now));
        }
        let line = lines.entry(id).or_default();
        line.take_turn(device_id, now).map_err(|wait| Problem {
            retry_after_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX),
            ..Problem::new(ProblemCode::NotYourTurn, "")
        })
    }

    /// Ends the turn of a device, if it has it.
    pub(super) fn end_turn(&self, id: ConversationId, device_id: DeviceId) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get_mut(&id) {
            line.turn.take_if(|(holder, _)| *holder == device_id);
            if line.turn.is_none() && line.waiting.is_empty() {
                lines.remove(&id);
            }
        }
    }
}

impl Line {
    fn take_turn(&mut self, device_id: DeviceId, now: Timestamp) -> Result<(), Duration> {
        self.turn.take_if(|(_, since)| now.since(*since) >= JOIN_TURN);
        self.waiting.retain(|waiting| waiting.until > now);
        let place = self
            .waiting
            .iter()
            .position(|waiting| waiting.device_id == device_id);
        let is_free = self.turn.is_none_or(|(holder, _)| holder == device_id);
        let waits_long = place.is_some_and(|place| now.since(self.waiting[place].since) >= JOIN_WAIT_MAX);
        if is_free || waits_long {
            if let Some(place) = place {
                self.waiting.remove(place);
            }
            self.turn.get_or_insert((device_id, now));
            return Ok(());
        }
        let before = u32::try_from(place.unwrap_or(self.waiting.len())).unwrap_or(u32::MAX);
        let wait = JOIN_TURN_USUAL
            .saturating_mul(before.saturating_add(1))
            .min(JOIN_TURN);
        let until = now.plus(wait + JOIN_TURN);
        match place {
            Some(place) => self.waiting[place].until = until,
            None if self.waiting.len() < JOINERS_WAITING_MAX => self.waiting.push_back(Waiting {
                device_id,
                since: now,
                until,
            }),
            None => {}
        }
        Err(wait)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.turn.is_none_or(|(_, since)| now.since(since) >= JOIN_TURN)
            && self.waiting.iter().all(|waiting| waiting.until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: ConversationId = ConversationId::from_bytes([1; 16]);
    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 16])
    }

    /// In milliseconds, how long a device is to wait.
    fn wait(joiners: &Joiners, number: u8, now: Timestamp) -> Option<u32> {
        let taken = joiners.take_turn(GROUP, device(number), now);
        taken.err().map(|problem| problem.retry_after_ms)
    }

    #[test]
    fn one_has_the_turn_until_it_has_joined_or_takes_too_long() {
        let joiners = Joiners::default();
        assert_eq!(wait(&joiners, 1, START), None);
        assert_eq!(
            wait(&joiners, 1, START),
            None,
            "it may have lost against a member"
        );
        assert!(wait(&joiners, 2, START).is_some());
        joiners.end_turn(GROUP, device(2));
        assert!(wait(&joiners, 2, START).is_some(), "it is not its turn to end");
        joiners.end_turn(GROUP, device(1));
        assert_eq!(wait(&joiners, 2, START), None);
        assert!(wait(&joiners, 3, START).is_some());
        assert_eq!(wait(&joiners, 3, START.plus(JOIN_TURN)), None);
    }

    #[test]
    fn whoever_comes_later_waits_longer_and_nobody_for_long() {
        let joiners = Joiners::default();
        assert_eq!(wait(&joiners, 1, START), None);
        let waits: Vec<_> = (2..12)
            .filter_map(|number| wait(&joiners, number, START))
            .collect();
        assert!(waits.is_sorted() && waits.len() == 10, "{waits:?}");
        assert_eq!(
            wait(&joiners, 2, START),
            waits.first().copied(),
            "the place stays the same"
        );
        // Somebody who has the turn again and again keeps nobody out.
        let mut now = START;
        while now.since(START) < JOIN_WAIT_MAX {
            now = now.plus(Duration::from_secs(1));
            let _ = wait(&joiners, 1, now);
            if wait(&joiners, 11, now).is_none() {
                return;
            }
        }
        assert_eq!(wait(&joiners, 11, now), None);
    }

    #[test]
    fn what_nobody_waits_for_any_more_takes_no_memory() {
        let joiners = Joiners::default();
        for number in 0..JOIN_LINES_MAX {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let taken = joiners.take_turn(ConversationId::from_bytes(id), device(1), START);
            assert!(taken.is_ok());
        }
        assert_eq!(wait(&joiners, 1, START.plus(JOIN_TURN)), None);
        let lines = joiners.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(lines.len(), 1);
    }
}
