//! Validates commits against the public state of their groups: one at a time for each conversation, off the
//! threads that serve connections, with the groups that changed lately in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use subrosa_mls::PublicView;
use subrosa_wire::{ConversationId, ProblemCode, frames::Problem};
use tokio::sync::{OwnedMutexGuard, Semaphore};

use crate::limits::{VALIDATIONS_UNDER_WAY_MAX, VIEWS_CACHED_MAX};

/// The turn of one commit in a conversation, and the group's view if it is in memory.
pub(super) type Turn = OwnedMutexGuard<Option<PublicView>>;

/// Groups whose commits are being validated, or were lately.
pub(super) struct Validation {
    views: Mutex<HashMap<ConversationId, Arc<tokio::sync::Mutex<Option<PublicView>>>>>,
    permits: Semaphore,
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
        self.slot(conversation_id).lock_owned().await
    }

    fn slot(&self, conversation_id: ConversationId) -> Arc<tokio::sync::Mutex<Option<PublicView>>> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if views.len() >= VIEWS_CACHED_MAX {
            // Those that nobody uses go, all at once: a view comes back with one read.
            views.retain(|_, view| Arc::strong_count(view) > 1);
        }
        Arc::clone(views.entry(conversation_id).or_default())
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
