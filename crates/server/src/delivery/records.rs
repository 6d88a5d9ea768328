//! `PutRecord` and `FetchRecords`: what the devices of an account keep in step, encrypted so that the server cannot
//! read it.

use bytes::Bytes;
use subrosa_wire::{
    frames::{AccountRecord, FetchRecords, Problem, PutRecord, RecordPut, RecordsPage},
    limits,
};

use super::{
    Service,
    requests::{bounded, conversation_id, id_bytes, malformed},
};
use crate::{
    limits::ACCOUNT_RECORDS_BYTES_MAX,
    session::Session,
    store::{
        delivery::PageBounds,
        records::{PutOutcome, RecordWrite, SealedRecord},
    },
};

impl Service {
    /// Makes a value the newest of its record, if it was made from the newest, and pushes it to the account's other
    /// devices. The account need not be in the conversation.
    pub(super) async fn put_record(&self, session: &Session, put: PutRecord) -> Result<RecordPut, Problem> {
        let conversation_id = conversation_id(&put.conversation_id)?;
        bounded("sealed", &put.sealed, limits::ACCOUNT_RECORD_MAX)?;
        if put.replaces > limits::SEQ_MAX {
            return Err(malformed("replaces is out of range"));
        }
        self.records.check(session.device_id)?;
        let write = RecordWrite {
            account_id: session.account_id,
            conversation_id,
            replaces: put.replaces,
            sealed: put.sealed,
            now: self.clock.now(),
            records_max: limits::CONVERSATIONS_PER_ACCOUNT_MAX,
            bytes_max: ACCOUNT_RECORDS_BYTES_MAX,
        };
        match self.store.put_record(write).await?? {
            PutOutcome::Stored { record, after_change } => {
                let record = to_frame(record);
                let others = self
                    .devices_to_notify(session.account_id, &[session.device_id])
                    .await;
                self.fanout.record_changed(&others, record.clone(), after_change);
                Ok(stored(record, after_change))
            }
            // Which change came before it is no longer known: a device that does not have this one is to fetch.
            PutOutcome::Duplicate(record) => {
                let change = record.change;
                Ok(stored(to_frame(record), change))
            }
            PutOutcome::Conflict(record) => Ok(RecordPut {
                stored: false,
                record: record.map(to_frame),
                after_change: 0,
            }),
        }
    }

    /// A page of the account's records, in the order of their changes.
    pub(super) async fn fetch_records(
        &self,
        session: &Session,
        FetchRecords { after_change }: FetchRecords,
    ) -> Result<RecordsPage, Problem> {
        let bounds = PageBounds {
            entries_max: u32::try_from(limits::RECORDS_PER_PAGE_MAX).unwrap_or(u32::MAX),
            bytes_max: limits::RECORDS_PAGE_BYTES_MAX,
        };
        let page = self
            .store
            .records_page(session.account_id, after_change, bounds)
            .await?;
        Ok(RecordsPage {
            records: page.records.into_iter().map(to_frame).collect(),
            newest_change: page.newest_change,
        })
    }
}

/// The answer to a device whose value is the newest. It has the value itself.
fn stored(record: AccountRecord, after_change: u64) -> RecordPut {
    RecordPut {
        stored: true,
        record: Some(AccountRecord {
            sealed: Bytes::new(),
            ..record
        }),
        after_change,
    }
}

fn to_frame(record: SealedRecord) -> AccountRecord {
    AccountRecord {
        conversation_id: id_bytes(record.conversation_id.as_bytes()),
        revision: record.revision,
        change: record.change,
        sealed: record.sealed,
    }
}
