//! What waits for its turn, because only so many requests are in flight.

use std::{
    collections::{HashSet, VecDeque},
    hash::Hash,
};

/// Values in the order in which they came, each once.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    /// Also names values that have been removed.
    order: VecDeque<T>,
    present: HashSet<T>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            present: HashSet::new(),
        }
    }
}

impl<T: Copy + Eq + Hash> Waiting<T> {
    /// Puts a value at the end, unless it waits already.
    pub(crate) fn push(&mut self, value: T) {
        if self.present.insert(value) {
            self.order.push_back(value);
        }
    }

    /// Takes the first value.
    pub(crate) fn pop(&mut self) -> Option<T> {
        while let Some(value) = self.order.pop_front() {
            if self.present.remove(&value) {
                return Some(value);
            }
        }
        None
    }

    /// Removes a value.
    pub(crate) fn remove(&mut self, value: T) {
        self.present.remove(&value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.present.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Waiting;

    #[test]
    fn values_come_out_once_in_the_order_in_which_they_came() {
        let mut waiting = Waiting::default();
        for value in [3, 1, 3, 2, 1] {
            waiting.push(value);
        }
        waiting.remove(1);
        assert_eq!(
            [waiting.pop(), waiting.pop(), waiting.pop()],
            [Some(3), Some(2), None]
        );
        assert!(waiting.is_empty());
        waiting.push(1);
        assert_eq!([waiting.pop(), waiting.pop()], [Some(1), None]);
    }
}
