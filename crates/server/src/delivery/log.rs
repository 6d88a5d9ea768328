//! `FetchLog` and `Acknowledge`: reading a log, and how far it was stored.

use bytes::Bytes;
use subrosa_mls::EntryKind;
use subrosa_wire::{
    ConversationId,
    frames::{self, Acknowledge, FetchLog, Problem, log_entry},
    limits,
};

use super::{
    Service,
    requests::{conversation_id, device_bytes, hash_bytes, id_bytes},
    tags::EntryTags,
};
use crate::{
    limits::CURSORS_PER_REQUEST_COUNTED,
    session::Session,
    store::delivery::{CursorMove, LogPage, LogRecord, PageBounds},
};

impl Service {
    /// A page of a log: at most `limit` entries after `after_seq`, 0 for as many as fit.
    pub async fn log_page(
        &self,
        session: &Session,
        conversation_id: ConversationId,
        after_seq: u64,
        limit: u32,
    ) -> Result<LogPage, Problem> {
        let entries_max = match limit {
            0 => limits::LOG_PAGE_ENTRIES_MAX,
            limit => limit.min(limits::LOG_PAGE_ENTRIES_MAX),
        };
        let bounds = PageBounds {
            entries_max,
            bytes_max: limits::LOG_PAGE_BYTES_MAX,
        };
        Ok(self
            .store
            .log_page(conversation_id, session.account_id, after_seq, bounds)
            .await??)
    }

    pub(super) async fn fetch_log(
        &self,
        session: &Session,
        fetch: &FetchLog,
    ) -> Result<frames::LogPage, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        let page = self.log_page(session, id, fetch.after_seq, fetch.limit).await?;
        let entries = page
            .entries
            .into_iter()
            .map(|entry| to_frame(&self.tags, &fetch.conversation_id, entry))
            .collect();
        Ok(frames::LogPage {
            conversation_id: fetch.conversation_id.clone(),
            entries,
            head_seq: page.head_seq,
            head_hash: hash_bytes(page.head_hash),
        })
    }

    /// Cursors are noted now and written along with the next transaction: they only decide when entries can
    /// be deleted, so one that is lost in a crash costs nothing.
    pub(super) fn acknowledge(&self, session: &Session, acknowledge: &Acknowledge) -> Result<(), Problem> {
        // The request itself has been counted; many cursors are as much work as several requests.
        for _ in 0..acknowledge.cursors.len() / CURSORS_PER_REQUEST_COUNTED {
            self.admit(session)?;
        }
        let moves = acknowledge.cursors.iter().map(|cursor| {
            let conversation_id = conversation_id(&cursor.conversation_id)?;
            Ok(CursorMove {
                conversation_id,
                device_id: session.device_id,
                seq: cursor.seq,
            })
        });
        let moves: Vec<_> = moves.collect::<Result<_, Problem>>()?;
        self.settling.heard(&moves, self.clock.now());
        self.appender.acknowledge(moves);
        Ok(())
    }
}

fn to_frame(tags: &EntryTags, conversation_id: &Bytes, entry: LogRecord) -> frames::LogEntry {
    frames::LogEntry {
        conversation_id: conversation_id.clone(),
        seq: entry.seq,
        send_id: id_bytes(entry.send_id.as_bytes()),
        accepted_at_ms: entry.accepted_at.as_millis(),
        sender_device: entry.sender.map(device_bytes).unwrap_or_default(),
        tag: tags.tag_if_known(entry.hash, entry.send_id),
        payload: Some(match entry.kind {
            EntryKind::Message => log_entry::Payload::ApplicationMessage(entry.payload),
            EntryKind::Commit => log_entry::Payload::Commit(entry.payload),
            EntryKind::Leave => log_entry::Payload::Leave(entry.payload),
        }),
    }
}
