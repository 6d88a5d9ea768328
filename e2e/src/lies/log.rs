//! Lies about the entries of a log.

use bytes::Bytes;
use subrosa_wire::frames::{
    ClientFrame, LogEntry, ServerFrame, client_frame::Request, log_entry::Payload, server_frame::Body,
};

/// The entries of a push or a page.
fn entries(body: &mut Body) -> Option<&mut Vec<LogEntry>> {
    match body {
        Body::Deliver(deliver) => Some(&mut deliver.entries),
        Body::LogPage(page) => Some(&mut page.entries),
        _ => None,
    }
}

/// Changes the last entry of a frame.
pub(super) fn change_entry(body: &mut Body, change: impl FnOnce(&mut LogEntry)) -> bool {
    let Some(entry) = entries(body).and_then(|entries| entries.last_mut()) else {
        return false;
    };
    change(entry);
    true
}

/// Leaves the newest entry out, as if the log ended before it.
pub(super) fn withhold_newest(body: &mut Body) -> bool {
    match body {
        Body::Deliver(deliver) => deliver.entries.pop().is_some(),
        Body::LogPage(page) => {
            let last = page.entries.pop_if(|entry| entry.seq == page.head_seq);
            if last.is_some() {
                page.head_seq -= 1;
            }
            last.is_some()
        }
        _ => false,
    }
}

/// Leaves out the hash of the log.
pub(super) fn name_no_hash(frame: &mut ServerFrame) {
    match &mut frame.body {
        Some(Body::LogPage(page)) => page.head_hash.clear(),
        Some(Body::GroupState(state)) => state.head_hash.clear(),
        _ => {}
    }
}

/// Lets the last two entries of a frame change places.
pub(super) fn swap_entries(body: &mut Body) -> bool {
    let Some([.., first, second]) = entries(body).map(Vec::as_mut_slice) else {
        return false;
    };
    if first.conversation_id != second.conversation_id {
        return false;
    }
    std::mem::swap(&mut first.seq, &mut second.seq);
    std::mem::swap(first, second);
    true
}

/// An entry that does not exist for a client: all that follows it stands one place before its own.
pub(super) struct Gap {
    conversation: Bytes,
    at: u64,
}

impl Gap {
    /// At the first message of a push or a page.
    pub(super) fn at_first_message_of(body: &Body) -> Option<Self> {
        let entries = match body {
            Body::Deliver(deliver) => &deliver.entries,
            Body::LogPage(page) => &page.entries,
            _ => return None,
        };
        let is_message = |entry: &&LogEntry| matches!(entry.payload, Some(Payload::ApplicationMessage(_)));
        let entry = entries.iter().find(is_message)?;
        Some(Self {
            conversation: entry.conversation_id.clone(),
            at: entry.seq,
        })
    }

    /// Where the client sees this place.
    fn shown(&self, conversation: &Bytes, seq: u64) -> u64 {
        if *conversation == self.conversation && seq >= self.at {
            seq - 1
        } else {
            seq
        }
    }

    /// Where the place is that the client names.
    fn meant(&self, conversation: &Bytes, seq: u64) -> u64 {
        if *conversation == self.conversation && seq >= self.at {
            seq + 1
        } else {
            seq
        }
    }

    /// Changes an answer or a push; returns whether there was something to change.
    pub(super) fn answer(&self, frame: &mut ServerFrame) -> bool {
        let before = frame.clone();
        match &mut frame.body {
            Some(Body::SyncState(state)) => {
                for head in &mut state.conversations {
                    head.head_seq = self.shown(&head.conversation_id, head.head_seq);
                }
            }
            Some(Body::Appended(appended)) => {
                appended.seq = self.shown(&appended.conversation_id, appended.seq);
            }
            Some(Body::GroupState(state)) => {
                state.head_seq = self.shown(&state.conversation_id, state.head_seq);
            }
            Some(Body::LogPage(page)) => {
                page.head_seq = self.shown(&page.conversation_id, page.head_seq);
                self.leave_out(&mut page.entries);
            }
            Some(Body::Deliver(deliver)) => self.leave_out(&mut deliver.entries),
            _ => {}
        }
        *frame != before
    }

    fn leave_out(&self, entries: &mut Vec<LogEntry>) {
        entries.retain(|entry| entry.conversation_id != self.conversation || entry.seq != self.at);
        for entry in entries {
            entry.seq = self.shown(&entry.conversation_id, entry.seq);
        }
    }

    /// Changes a request so that the server understands it.
    pub(super) fn request(&self, frame: &mut ClientFrame) {
        match &mut frame.request {
            Some(Request::FetchLog(fetch)) => {
                fetch.after_seq = self.meant(&fetch.conversation_id, fetch.after_seq);
            }
            Some(Request::Acknowledge(acknowledge)) => {
                for cursor in &mut acknowledge.cursors {
                    cursor.seq = self.meant(&cursor.conversation_id, cursor.seq);
                }
            }
            _ => {}
        }
    }
}
