//! The two directions of a connection, and what can happen to the frames in them.

use std::collections::VecDeque;

use subrosa_wire::frames::{ClientFrame, ServerFrame};

/// A connection of a device to the server.
#[derive(Default)]
pub(crate) struct Link {
    pub to_server: VecDeque<ClientFrame>,
    pub to_device: VecDeque<ServerFrame>,
}

/// Swaps the first two frames.
pub(crate) fn reorder<T>(queue: &mut VecDeque<T>) {
    if queue.len() > 1 {
        queue.swap(0, 1);
    }
}

/// Sends the first frame twice.
pub(crate) fn duplicate<T: Clone>(queue: &mut VecDeque<T>) {
    if let Some(first) = queue.front().cloned() {
        queue.push_front(first);
    }
}
