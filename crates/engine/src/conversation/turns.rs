//! When each device of a group of more than a few renews its leaf key, so that all of them together make at most 96 such
//! commits a day, and none waits longer than 14 days. Each device computes it alone, from the tree and the log.
//!
//! A device whose leaf is old enough waits until the group had no commit for a while, and a moment more, which is shorter
//! the sooner its turn is: so one of those that wait begins, and the others see its commit and wait again. Leaves that are
//! still those of key packages come first, in the order of their bit-reversed index: then each commit fills the largest part
//! of the tree that is still blank, and those that follow are small.

use std::time::Duration;

use subrosa_wire::Timestamp;

use crate::limits::{
    HEALING_AGE_MIN, HEALING_AGE_PER_DEVICE, HEALING_DEVICES_MIN, HEALING_PAUSE, HEALING_STEP, LEAF_AGE_MAX,
};

/// Whether a group of this many devices has turns. In a smaller one, a self-update precedes messages.
pub(super) const fn has_turns(devices: usize) -> bool {
    devices >= HEALING_DEVICES_MIN
}

/// What the turn of a device depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'a> {
    /// The devices in the group.
    pub devices: usize,
    /// The index of this device's leaf.
    pub leaf: u32,
    /// The leaves whose keys are still those of key packages.
    pub fresh: &'a [u32],
    /// Since when this device's leaf has its key.
    pub since: Timestamp,
    /// When the newest commit of the group was accepted.
    pub committed_at: Timestamp,
}

impl Turn<'_> {
    /// The instant at which this device renews its key, if no commit comes before.
    pub(super) fn at(&self) -> Timestamp {
        let is_fresh = self.fresh.contains(&self.leaf);
        let old_enough = if is_fresh {
            self.since
        } else {
            self.since.plus(age(self.devices))
        };
        let quiet = self.committed_at.plus(HEALING_PAUSE);
        let turn = old_enough.max(quiet).plus(HEALING_STEP * self.ahead(is_fresh));
        turn.min(self.since.plus(LEAF_AGE_MAX))
    }

    /// How many devices may be ahead of this one.
    fn ahead(&self, is_fresh: bool) -> u32 {
        let rank = self.leaf.reverse_bits();
        let fresh = self.fresh.iter();
        let ahead = if is_fresh {
            fresh.filter(|leaf| leaf.reverse_bits() < rank).count()
        } else {
            // Among those that were renewed before, the place in the tree only keeps two of them from being in the way of
            // each other.
            let place = (u64::from(rank) * self.devices as u64) >> u32::BITS;
            fresh.count() + usize::try_from(place).unwrap_or_default()
        };
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }
}

/// How old a leaf becomes before its device takes another turn: long enough that all others have one before.
fn age(devices: usize) -> Duration {
    let devices = u32::try_from(devices).unwrap_or(u32::MAX);
    HEALING_AGE_PER_DEVICE
        .saturating_mul(devices)
        .clamp(HEALING_AGE_MIN, LEAF_AGE_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_core::RngCore as _;
    use subrosa_test_support::SeededRng;

    use super::*;
    use crate::limits::HEALING_COMMITS_PER_DAY;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const DAY: Duration = Duration::from_hours(24);
    const HOUR_MS: u64 = 3_600_000;

    /// A group all of whose devices were added at the start.
    struct Simulation {
        since: Vec<Timestamp>,
        fresh: Vec<u32>,
        committed_at: Timestamp,
        /// Who has committed when, in order.
        commits: Vec<(u32, Timestamp)>,
        /// The oldest that a leaf has become.
        oldest: Duration,
    }

    impl Simulation {
        fn new(devices: u32) -> Self {
            Self {
                since: (0..devices).map(|_| START).collect(),
                fresh: (0..devices).collect(),
                committed_at: START,
                commits: Vec::new(),
                oldest: Duration::ZERO,
            }
        }

        fn turn(&self, leaf: u32) -> Timestamp {
            let turn = Turn {
                devices: self.since.len(),
                leaf,
                fresh: &self.fresh,
                since: self.since[leaf as usize],
                committed_at: self.committed_at,
            };
            turn.at()
        }

        /// Makes the next commit, up to an instant. `arrives` is when a device is there from some instant on.
        fn step(&mut self, end: Timestamp, arrives: impl Fn(u32, Timestamp) -> Timestamp) -> bool {
            let leaves = 0..u32::try_from(self.since.len()).unwrap_or_default();
            let next = leaves
                .map(|leaf| (arrives(leaf, self.turn(leaf).max(self.committed_at)), leaf))
                .min();
            let Some((at, leaf)) = next.filter(|(at, _)| *at <= end) else {
                return false;
            };
            self.oldest = self.oldest.max(at.since(self.since[leaf as usize]));
            self.since[leaf as usize] = at;
            self.fresh.retain(|fresh| *fresh != leaf);
            self.committed_at = at;
            self.commits.push((leaf, at));
            true
        }

        fn most_in_a_day(&self) -> usize {
            let begins = self.commits.iter().map(|(_, begin)| *begin);
            begins
                .map(|begin| {
                    let in_day = |at: Timestamp| at >= begin && at.since(begin) < DAY;
                    self.commits.iter().filter(|(_, at)| in_day(*at)).count()
                })
                .max()
                .unwrap_or_default()
        }
    }

    #[test]
    fn a_thousand_devices_that_were_added_at_once_fill_the_tree_in_the_cheapest_order() {
        let mut group = Simulation::new(1_000);
        while group.commits.len() < 1_000 {
            assert!(group.step(START.plus(LEAF_AGE_MAX), |_, at| at));
        }
        let order: Vec<_> = group
            .commits
            .iter()
            .map(|(leaf, _)| leaf.reverse_bits())
            .collect();
        assert!(order.is_sorted());
        assert_eq!(
            group.commits[..4]
                .iter()
                .map(|(leaf, _)| *leaf)
                .collect::<Vec<_>>(),
            [0, 512, 256, 768]
        );
    }

    #[test]
    fn a_thousand_devices_keep_to_the_budget_and_to_fourteen_days_for_ever() {
        let mut group = Simulation::new(1_000);
        while group.step(START.plus(DAY * 60), |_, at| at) {}
        assert!(group.most_in_a_day() <= HEALING_COMMITS_PER_DAY);
        assert!(group.oldest <= LEAF_AGE_MAX, "{:?}", group.oldest);
        // Nobody goes without.
        let commits = group.commits.len();
        assert!(commits > 1_000 * 4, "{commits}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whoever_is_there_whenever_the_budget_is_kept(devices in 9_u32..200, seed: u64) {
            let mut group = Simulation::new(devices);
            // Each device is there for some hours of each day.
            let mut rng = SeededRng::new(seed);
            let hours: Vec<_> = (0..devices).map(|_| (rng.next_u32() % 24, 1 + rng.next_u32() % 24)).collect();
            let arrives = |leaf: u32, at: Timestamp| {
                let hour = u32::try_from(at.as_millis() / HOUR_MS % 24).unwrap_or_default();
                let (begin, len) = hours[leaf as usize];
                if (hour + 24 - begin) % 24 < len {
                    return at;
                }
                let this_hour = at.as_millis() / HOUR_MS;
                Timestamp::from_millis((this_hour + u64::from((begin + 24 - hour) % 24)) * HOUR_MS)
            };
            while group.step(START.plus(DAY * 20), arrives) {}
            prop_assert!(group.most_in_a_day() <= HEALING_COMMITS_PER_DAY);
        }

        #[test]
        fn a_turn_is_never_later_than_fourteen_days(
            devices in 9_usize..=1_000,
            leaf in 0_u32..1_000,
            is_fresh: bool,
            since in 0_u64..1 << 40,
            committed in 0_u64..1 << 40,
        ) {
            let fresh = if is_fresh { vec![leaf] } else { Vec::new() };
            let since = Timestamp::from_millis(since);
            let turn = Turn { devices, leaf, fresh: &fresh, since, committed_at: Timestamp::from_millis(committed) };
            prop_assert!(turn.at() <= since.plus(LEAF_AGE_MAX));
        }
    }
}
