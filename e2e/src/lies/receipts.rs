//! Lies about receipts and account records: what a server can do to values that it cannot open.

use std::collections::HashMap;

use bytes::Bytes;
use subrosa_wire::frames::{AccountRecord, Receipt, SyncState, server_frame::Body};

/// The first receipt of each conversation and device, and the first value of each record.
#[derive(Default)]
pub(super) struct First {
    receipts: HashMap<(Bytes, Bytes), (u64, Bytes)>,
    records: HashMap<Bytes, Bytes>,
}

impl First {
    /// Watches what passes.
    pub(super) fn see(&mut self, body: &Body) {
        let mut body = body.clone();
        for (conversation, receipt) in receipts(&mut body) {
            let key = (conversation, receipt.device_id.clone());
            let first = self.receipts.entry(key);
            first.or_insert_with(|| (receipt.version, receipt.sealed.clone()));
        }
        for record in records(&mut body) {
            let first = self.records.entry(record.conversation_id.clone());
            first.or_insert_with(|| record.sealed.clone());
        }
    }

    /// Shows the first receipt of each device in place of the newest, and the same for records.
    pub(super) fn show_old(&self, body: &mut Body) -> bool {
        let mut is_told = false;
        for (conversation, receipt) in receipts(body) {
            let first = self.receipts.get(&(conversation, receipt.device_id.clone()));
            if let Some((version, sealed)) = first.filter(|(version, _)| *version != receipt.version) {
                (receipt.version, receipt.sealed) = (*version, sealed.clone());
                is_told = true;
            }
        }
        for record in records(body) {
            if let Some(first) = self.records.get(&record.conversation_id) {
                is_told |= record.sealed != *first && !record.sealed.is_empty();
                record.sealed.clone_from(first);
            }
        }
        is_told
    }
}

fn receipts(body: &mut Body) -> Vec<(Bytes, &mut Receipt)> {
    match body {
        Body::ReceiptChanged(changed) => {
            let receipt = changed.receipt.iter_mut();
            receipt
                .map(|receipt| (receipt.conversation_id.clone(), receipt))
                .collect()
        }
        Body::ReceiptsPage(page) => page
            .conversations
            .iter_mut()
            .flat_map(|of_one| {
                let id = of_one.conversation_id.clone();
                of_one
                    .receipts
                    .iter_mut()
                    .map(move |receipt| (id.clone(), receipt))
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn records(body: &mut Body) -> Vec<&mut AccountRecord> {
    match body {
        Body::RecordsPage(page) => page.records.iter_mut().collect(),
        Body::RecordPut(put) => put.record.iter_mut().collect(),
        Body::RecordChanged(changed) => changed.record.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// Says that a receipt is from another device.
pub(super) fn mix_up(body: &mut Body) -> bool {
    let mut receipts = receipts(body);
    let is_told = !receipts.is_empty();
    if receipts.len() > 1 {
        let first = receipts[0].1.device_id.clone();
        for at in 1..receipts.len() {
            receipts[at - 1].1.device_id = receipts[at].1.device_id.clone();
        }
        let last = receipts.len() - 1;
        receipts[last].1.device_id = first;
    } else if let Some((_, receipt)) = receipts.first_mut() {
        receipt.sealed = flipped(&receipt.sealed);
    }
    is_told
}

/// Changes a byte of each value.
pub(super) fn change_byte(body: &mut Body) -> bool {
    let mut is_told = false;
    for (_, receipt) in receipts(body) {
        receipt.sealed = flipped(&receipt.sealed);
        is_told = true;
    }
    for record in records(body)
        .into_iter()
        .filter(|record| !record.sealed.is_empty())
    {
        record.sealed = flipped(&record.sealed);
        is_told = true;
    }
    is_told
}

/// Says that there are no receipts.
pub(super) fn withhold(body: &mut Body) -> bool {
    match body {
        Body::SyncState(SyncState { conversations, .. }) => {
            let is_told = conversations.iter().any(|head| head.receipts_change > 0);
            for head in conversations {
                head.receipts_change = 0;
            }
            is_told
        }
        Body::ReceiptChanged(changed) => changed.receipt.take().is_some(),
        Body::ReceiptsPage(page) => {
            let is_told = page
                .conversations
                .iter()
                .any(|of_one| !of_one.receipts.is_empty());
            for of_one in &mut page.conversations {
                of_one.receipts.clear();
            }
            is_told
        }
        _ => false,
    }
}

fn flipped(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}
