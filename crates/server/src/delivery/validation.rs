//! Validates commits against the public state of their groups: one at a time for each conversation, off the
//! threads that serve connections, with the groups that changed lately in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use subrosa_wire::{ConversationId, ProblemCode, frames::Problem};
use tokio::sync::{OwnedMutexGuard, Semaphore};

use super::hot_view::HotView;
use crate::limits::{VALIDATIONS_UNDER_WAY_MAX, VIEWS_CACHED_BYTES_MAX};

/// The turn of one commit in a conversation, and the group's view if it is in memory.
pub(super) type Turn = OwnedMutexGuard<Option<HotView>>;

/// What a place for a view takes, in bytes, whether there is one or not.
const PLACE_BYTES: usize = 1024;

/// Groups whose commits are being validated, or were lately.
pub(super) struct Validation {
    views: Mutex<Views>,
    permits: Semaphore,
}

#[derive(Default)]
struct Views {
    places: HashMap<ConversationId, Place>,
    /// Of all places together.
    bytes: usize,
    uses: u64,
}

/// The place of one group's view.
struct Place {
    view: Arc<tokio::sync::Mutex<Option<HotView>>>,
    bytes: usize,
    last_use: u64,
}

impl Validation {
    pub(super) fn new() -> Self {
        Self {
            views: Mutex::default(),
            permits: Semaphore::new(VALIDATIONS_UNDER_WAY_MAX),
        }
    }

    /// Waits until no other commit of the conversation is under way here. Another node may still win: the
    /// compare-and-set in the store decides.
    pub(super) async fn turn(&self, conversation_id: ConversationId) -> Turn {
        let view = self.locked().place(conversation_id);
        view.lock_owned().await
    }

    /// Ends a turn with a view that is the one at the head.
    pub(super) fn keep(&self, conversation_id: ConversationId, mut turn: Turn, view: HotView) {
        let bytes = view.size();
        *turn = Some(view);
        drop(turn);
        self.locked().has_size(conversation_id, bytes);
    }

    fn locked(&self) -> MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`, which takes milliseconds of CPU, on a thread for such work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let stopping = || Problem::new(ProblemCode::Unavailable, "the server is stopping");
        let _permit = self.permits.acquire().await.map_err(|_| stopping())?;
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            if error.is_panic() {
                tracing::error!(%error, "a validation panicked");
                Problem::new(ProblemCode::Internal, "")
            } else {
                stopping()
            }
        })
    }
}

impl Views {
    fn place(&mut self, conversation_id: ConversationId) -> Arc<tokio::sync::Mutex<Option<HotView>>> {
        self.uses += 1;
        let bytes = &mut self.bytes;
        let place = self.places.entry(conversation_id).or_insert_with(|| {
            *bytes += PLACE_BYTES;
            Place {
                view: Arc::default(),
                bytes: PLACE_BYTES,
                last_use: 0,
            }
        });
        place.last_use = self.uses;
        let view = Arc::clone(&place.view);
        self.make_room();
        view
    }

    fn has_size(&mut self, conversation_id: ConversationId, bytes: usize) {
        if let Some(place) = self.places.get_mut(&conversation_id) {
            let bytes = bytes + PLACE_BYTES;
            self.bytes = self.bytes - place.bytes + bytes;
            place.bytes = bytes;
        }
        self.make_room();
    }

    /// Drops views that nobody uses, those used least lately first, a quarter of them if there are too many: a view comes
    /// back with one read.
    fn make_room(&mut self) {
        if self.bytes <= VIEWS_CACHED_BYTES_MAX {
            return;
        }
        let is_free = |place: &Place| Arc::strong_count(&place.view) == 1;
        let mut free: Vec<_> = self.places.iter().filter(|(_, place)| is_free(place)).collect();
        free.sort_by_key(|(_, place)| place.last_use);
        let free: Vec<_> = free.into_iter().map(|(id, place)| (*id, place.bytes)).collect();
        for (id, bytes) in free {
            if self.bytes <= VIEWS_CACHED_BYTES_MAX / 4 * 3 {
                break;
            }
            self.places.remove(&id);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ConversationId {
        ConversationId::from_bytes([number; 16])
    }

    #[test]
    fn views_are_kept_by_their_bytes_and_those_used_last_longest() {
        let mut views = Views::default();
        let third = VIEWS_CACHED_BYTES_MAX / 3;
        for number in 0..3 {
            drop(views.place(id(number)));
            views.has_size(id(number), third - 2 * PLACE_BYTES);
        }
        assert_eq!(views.places.len(), 3);
        drop(views.place(id(0)));
        drop(views.place(id(3)));
        views.has_size(id(3), third);
        let mut kept: Vec<_> = views.places.keys().copied().collect();
        kept.sort();
        assert_eq!(kept, [id(0), id(3)], "two of the first had to go");
        let sum: usize = views.places.values().map(|place| place.bytes).sum();
        assert_eq!(views.bytes, sum);
    }

    #[test]
    fn a_view_in_use_is_not_dropped() {
        let mut views = Views::default();
        let used = views.place(id(0));
        views.has_size(id(0), VIEWS_CACHED_BYTES_MAX);
        assert!(views.places.contains_key(&id(0)));
        drop(used);
        drop(views.place(id(1)));
        assert!(!views.places.contains_key(&id(0)));
    }
}
