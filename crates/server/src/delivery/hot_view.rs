//! The public state of a group in memory, and how it is stored with the next entry.

use bytes::Bytes;
use subrosa_mls::{PublicView, ViewError};

use crate::{
    limits::{VIEW_CHANGES_MAX, VIEW_REWRITTEN_MAX},
    store::delivery::{GroupRecord, ViewChange, ViewWrite},
};

/// A view with what has changed it since it was stored as a whole.
pub(super) struct HotView {
    pub(super) view: PublicView,
    changes: usize,
    changes_bytes: usize,
}

impl HotView {
    /// The view of a group that is not stored yet.
    pub(super) fn new(view: PublicView) -> Self {
        Self {
            view,
            changes: 0,
            changes_bytes: 0,
        }
    }

    /// Loads what is stored, and applies what has changed since. Takes milliseconds of CPU for each change of a large group.
    pub(super) fn load(record: &GroupRecord) -> Result<Self, ViewError> {
        let mut hot = Self::new(PublicView::load(&record.public_view)?);
        for change in &record.view_changes {
            match change {
                ViewChange::Commit(commit) => hot.view.follow(commit).map(drop)?,
                ViewChange::Leave(proposal) => hot.view.leave(proposal).map(drop)?,
            }
            let (ViewChange::Commit(entry) | ViewChange::Leave(entry)) = change;
            hot.note(entry.len());
        }
        Ok(hot)
    }

    fn note(&mut self, bytes: usize) {
        self.changes += 1;
        self.changes_bytes += bytes;
    }

    /// How the view is stored with an entry of this size, which is applied to it already.
    pub(super) fn stored_with(&mut self, entry: &Bytes) -> ViewWrite {
        let whole = self.view.encoded_len();
        self.note(entry.len());
        if whole > VIEW_REWRITTEN_MAX && self.changes <= VIEW_CHANGES_MAX && self.changes_bytes <= whole {
            return ViewWrite::Change;
        }
        (self.changes, self.changes_bytes) = (0, 0);
        ViewWrite::Whole(self.view.to_bytes().into())
    }

    /// How many bytes it takes in memory, about: the rows, and what OpenMLS makes of them.
    pub(super) fn size(&self) -> usize {
        2 * self.view.encoded_len()
    }
}
