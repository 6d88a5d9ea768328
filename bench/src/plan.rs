//! How much is measured, for how long.

use std::time::Duration;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Raw limits of the machine.
    Raw,
    /// Idle connections.
    Idle,
    /// One sender, many listeners.
    FanOut,
    /// One text with the receipts of everybody.
    Receipts,
    /// Messages at several rates, and saturated.
    Messages,
    /// Turns with commits.
    Turns,
    /// Groups of several sizes.
    Groups,
}

/// The sizes of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is measured; a server somewhere else has only messages and turns.
    pub parts: Vec<Part>,
    /// Whether it is the short form.
    pub quick: bool,
    /// Devices that send and receive.
    pub devices: usize,
    /// Conversations between them.
    pub conversations: usize,
    /// Messages offered per second, one row each; a row for the saturated server follows.
    pub rates: Vec<u32>,
    /// For how long each row is measured.
    pub measured: Duration,
    /// For how long the load runs before that.
    pub warm_up: Duration,
    /// Turns offered per second.
    pub turn_rate: u32,
    /// Turns of each conversation in a row.
    pub turns: usize,
    /// Idle connections.
    pub idle: usize,
    /// Listeners, one row each.
    pub listeners: Vec<usize>,
    /// Members of conversations whose receipts are measured, one row each.
    pub receipt_members: Vec<usize>,
    /// Devices of the groups that are measured, one row each. In the end a client joins, so a thousand is one too many.
    pub group_devices: Vec<usize>,
    /// Members of the rooms that are joined by a link, one row each.
    pub rooms: Vec<usize>,
    /// How many join each of them at once.
    pub joiners: usize,
    /// For how long each raw limit is measured.
    pub raw: Duration,
}

impl Plan {
    /// Ends within a minute.
    pub fn quick() -> Self {
        Self {
            parts: vec![
                Part::Raw,
                Part::Idle,
                Part::FanOut,
                Part::Receipts,
                Part::Messages,
                Part::Turns,
                Part::Groups,
            ],
            quick: true,
            devices: 64,
            conversations: 128,
            rates: vec![1_000, 10_000, 25_000],
            measured: Duration::from_secs(2),
            warm_up: Duration::from_millis(500),
            turn_rate: 100,
            turns: 2,
            idle: 10_000,
            listeners: vec![100, 1_000],
            receipt_members: vec![2, 10, 100, 1_000],
            group_devices: vec![2, 10, 100, 999],
            rooms: vec![3, 700],
            joiners: 200,
            raw: Duration::from_millis(500),
        }
    }

    /// Takes some minutes.
    pub fn thorough() -> Self {
        Self {
            quick: false,
            conversations: 512,
            rates: vec![1_000, 5_000, 10_000, 15_000, 20_000, 25_000],
            measured: Duration::from_secs(10),
            warm_up: Duration::from_secs(2),
            turns: 4,
            raw: Duration::from_secs(3),
            ..Self::quick()
        }
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}
