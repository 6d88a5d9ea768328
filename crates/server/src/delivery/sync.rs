//! `Sync` and `AcknowledgeWelcomes`: what a device finds when it comes back.

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
    store::delivery::{PageBounds, WelcomeRecord},
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
        Ok(waiting.into_iter().map(to_frame).collect())
    }
}

fn to_frame(record: WelcomeRecord) -> WelcomeItem {
    WelcomeItem {
        item_id: record.item_id,
        conversation_id: id_bytes(record.conversation_id.as_bytes()),
        seq: record.seq,
        welcome: record.welcome,
        ratchet_tree: record.ratchet_tree,
        hash_before: record.hash_before.map(hash_bytes).unwrap_or_default(),
    }
}
