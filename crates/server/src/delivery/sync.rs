//! `Sync` and `AcknowledgeWelcomes`: what a device finds when it comes back.

use bytes::Bytes;
use subrosa_mls::WelcomeParts;
use subrosa_wire::{
    frames::{self, AcknowledgeWelcomes, Problem, SyncState, WelcomeItem},
    limits,
};

use super::{
    Service,
    requests::{device_bytes, hash_bytes, id_bytes},
};
use crate::{
    limits::WELCOMES_BYTES_MAX,
    session::Session,
    store::delivery::{PageBounds, WelcomeRecord, WelcomeTree},
};

impl Service {
    pub(super) async fn sync(&self, session: &Session) -> Result<SyncState, Problem> {
        let Session {
            account_id,
            device_id,
        } = *session;
        let heads = self.store.conversation_heads(account_id, device_id).await?;
        let devices = self.store.devices(account_id).await?;
        let stock = self.store.key_package_stock(device_id).await?;
        let incarnation = self.store.incarnation().await?;
        let records_change = self.store.newest_record_change(account_id).await?;
        let is_settling = !self.settling.is_over(self.clock.now());
        let conversations = heads.into_iter().map(|head| frames::ConversationHead {
            conversation_id: id_bytes(head.conversation_id.as_bytes()),
            head_seq: head.head_seq,
            epoch: head.epoch,
            member: head.member,
            former: head.former,
            // Soon after a start, every device is to say itself how far it is.
            cursor: if is_settling { 0 } else { head.acked_seq },
            send_number: head.send_number,
            head_hash: hash_bytes(head.head_hash),
            receipts_change: head.receipts_change,
        });
        let own_devices = devices
            .into_iter()
            .filter(|device| device.signed_out_at.is_none());
        Ok(SyncState {
            conversations: conversations.collect(),
            welcomes: self.waiting_welcomes(session).await?,
            own_devices: own_devices.map(|device| device_bytes(device.device_id)).collect(),
            key_packages_left: stock.one_time,
            has_last_resort_key_package: stock.last_resort,
            key_packages: Some(frames::KeyPackageStock {
                hashes: stock.hashes.iter().map(|hash| hash.to_vec().into()).collect(),
            }),
            incarnation: id_bytes(incarnation.as_bytes()),
            records_change,
        })
    }

    /// Removes Welcomes from the inbox. If more wait than one frame holds, the next ones follow as a push.
    pub(super) async fn acknowledge_welcomes(
        &self,
        session: &Session,
        acknowledge: AcknowledgeWelcomes,
    ) -> Result<(), Problem> {
        self.store
            .acknowledge_welcomes(session.device_id, acknowledge.item_ids)
            .await?;
        let welcomes = self.waiting_welcomes(session).await?;
        if !welcomes.is_empty() {
            self.fanout.welcomes(session.device_id, welcomes);
        }
        Ok(())
    }

    async fn waiting_welcomes(&self, session: &Session) -> Result<Vec<WelcomeItem>, Problem> {
        let entries_max = u32::try_from(limits::WELCOMES_PER_FRAME_MAX).unwrap_or(u32::MAX);
        let bounds = PageBounds {
            entries_max,
            bytes_max: WELCOMES_BYTES_MAX,
        };
        let waiting = self.store.waiting_welcomes(session.device_id, bounds).await?;
        Ok(waiting.into_iter().map(welcome_item).collect())
    }
}

/// A Welcome as its device gets it.
pub(super) fn welcome_item(record: WelcomeRecord) -> WelcomeItem {
    let (ratchet_tree, tree_hash) = match record.tree {
        WelcomeTree::Here(tree) => (tree, Bytes::new()),
        WelcomeTree::Fetchable(hash) => (Bytes::new(), Bytes::copy_from_slice(&hash)),
        WelcomeTree::Gone => (Bytes::new(), Bytes::new()),
    };
    WelcomeItem {
        item_id: record.item_id,
        conversation_id: id_bytes(record.conversation_id.as_bytes()),
        seq: record.seq,
        welcome: match record.secrets {
            Some(secrets) => WelcomeParts::for_one(&record.shared, &secrets).into(),
            None => record.shared,
        },
        ratchet_tree,
        hash_before: record.hash_before.map(hash_bytes).unwrap_or_default(),
        tree_hash,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use subrosa_wire::frames::KeyPackageStock;

    use super::*;

    /// So it needs no pages. The heads have about a mebibyte.
    #[test]
    fn the_largest_state_fits_into_a_frame() {
        let hash = || Bytes::from(vec![0xff; 32]);
        let head = frames::ConversationHead {
            conversation_id: Bytes::from(vec![0xff; 16]),
            head_seq: limits::SEQ_MAX,
            epoch: limits::SEQ_MAX,
            member: true,
            cursor: limits::SEQ_MAX,
            send_number: limits::SEND_NUMBER_MAX,
            head_hash: hash(),
            receipts_change: limits::SEQ_MAX,
            former: true,
        };
        // One Welcome comes whatever its size; it is a part of what a committer has sent.
        let welcomes = limits::HANDSHAKE_MESSAGE_MAX.max(WELCOMES_BYTES_MAX) + limits::WELCOME_TREE_MAX;
        let state = SyncState {
            conversations: vec![head; limits::CONVERSATIONS_PER_ACCOUNT_MAX],
            welcomes: vec![WelcomeItem {
                welcome: vec![0; welcomes].into(),
                ..WelcomeItem::default()
            }],
            own_devices: vec![Bytes::from(vec![0xff; 16]); limits::DEVICES_PER_ACCOUNT_MAX],
            key_packages: Some(KeyPackageStock {
                hashes: (0..=limits::KEY_PACKAGES_MAX).map(|_| hash()).collect(),
            }),
            ..SyncState::default()
        };
        let (len, largest) = (state.encoded_len(), limits::FRAME_MAX);
        assert!(len + 1024 * 1024 < largest, "{len} of {largest} bytes");
    }
}
