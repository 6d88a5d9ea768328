//! `PutReceipt` and `FetchReceipts`: how far each device has received and read a conversation, encrypted so that the
//! server cannot read it.

use std::collections::HashSet;

use subrosa_wire::{
    AccountId, ConversationId,
    frames::{self, ConversationReceipts, FetchReceipts, Problem, PutReceipt, Receipt, ReceiptPut},
    limits,
};

use super::{
    Service,
    requests::{account_id, bounded, conversation_id, device_bytes, id_bytes, malformed},
};
use crate::{
    session::Session,
    store::receipts::{ReceiptOutcome, ReceiptWrite, ReceiptsPage, SealedReceipt, WantedReceipts},
};

impl Service {
    /// Makes a value the receipt of the asking device, if its version is the highest, and pushes it to the readers whom
    /// it names.
    pub(super) async fn put_receipt(
        &self,
        session: &Session,
        put: PutReceipt,
    ) -> Result<ReceiptPut, Problem> {
        let conversation_id = conversation_id(&put.conversation_id)?;
        bounded("sealed", &put.sealed, limits::RECEIPT_MAX)?;
        if !(1..=limits::RECEIPT_VERSION_MAX).contains(&put.version) {
            return Err(malformed("version is out of range"));
        }
        let readers: Vec<_> = put.readers.iter().map(account_id).collect::<Result<_, _>>()?;
        self.receipts.check(session.device_id)?;
        let write = ReceiptWrite {
            conversation_id,
            device_id: session.device_id,
            version: put.version,
            sealed: put.sealed.clone(),
            now: self.clock.now(),
        };
        Ok(match self.store.put_receipt(write).await?? {
            ReceiptOutcome::Stored { change, after_change } => {
                let receipt = Receipt {
                    conversation_id: put.conversation_id,
                    device_id: device_bytes(session.device_id),
                    version: put.version,
                    change,
                    sealed: put.sealed,
                };
                self.push_receipt(session, conversation_id, &readers, receipt, after_change)
                    .await;
                ReceiptPut {
                    version: put.version,
                    change,
                    after_change,
                }
            }
            // Which change came before it is no longer known: a device that does not have this one is to fetch.
            ReceiptOutcome::Duplicate { change } => ReceiptPut {
                version: put.version,
                change,
                after_change: change,
            },
            ReceiptOutcome::Outdated { version } => ReceiptPut {
                version,
                change: 0,
                after_change: 0,
            },
        })
    }

    /// Hands a receipt to the connected devices of its readers. It is a hint: whoever misses it fetches it.
    async fn push_receipt(
        &self,
        session: &Session,
        conversation_id: ConversationId,
        readers: &[AccountId],
        receipt: Receipt,
        after_change: u64,
    ) {
        if readers.is_empty() {
            return;
        }
        let audience = match self.store.audiences(vec![conversation_id]).await {
            Ok(audiences) => audiences.into_iter().next().unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, conversation_id = %conversation_id, "a receipt was not pushed");
                return;
            }
        };
        let devices: Vec<_> = audience
            .iter()
            .filter(|(device_id, account_id)| *device_id != session.device_id && readers.contains(account_id))
            .map(|(device_id, _)| *device_id)
            .collect();
        self.fanout.receipt_changed(&devices, receipt, after_change);
    }

    /// The receipts of several conversations, as far as the asking device is a member of them.
    pub(super) async fn fetch_receipts(
        &self,
        session: &Session,
        FetchReceipts { conversations }: FetchReceipts,
    ) -> Result<frames::ReceiptsPage, Problem> {
        let mut named = HashSet::with_capacity(conversations.len());
        let mut wanted = Vec::with_capacity(conversations.len());
        for conversation in conversations {
            let conversation_id = conversation_id(&conversation.conversation_id)?;
            if !named.insert(conversation_id) {
                return Err(malformed("a conversation is named twice"));
            }
            wanted.push(WantedReceipts {
                conversation_id,
                after_change: conversation.after_change,
            });
        }
        let pages = self
            .store
            .receipts(session.device_id, wanted, limits::RECEIPTS_PER_PAGE_MAX)
            .await?;
        Ok(frames::ReceiptsPage {
            conversations: pages.into_iter().map(to_frame).collect(),
        })
    }
}

fn to_frame(page: ReceiptsPage) -> ConversationReceipts {
    let receipts = page.receipts.into_iter().map(|receipt: SealedReceipt| Receipt {
        device_id: device_bytes(receipt.device_id),
        version: receipt.version,
        change: receipt.change,
        sealed: receipt.sealed,
        ..Receipt::default()
    });
    ConversationReceipts {
        conversation_id: id_bytes(page.conversation_id.as_bytes()),
        receipts: receipts.collect(),
        newest_change: page.newest_change,
    }
}
