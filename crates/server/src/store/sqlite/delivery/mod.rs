//! Delivery's storage on SQLite.

mod accounts;
mod audiences;
mod commits;
mod conversation_cache;
mod creation;
mod entries;
mod groups;
mod key_packages;
mod leaves;
mod links;
mod log;
mod members;
mod pages;
mod prune;
mod receipts;
mod restoring;
mod rows;
mod sends;
pub(super) mod sign_out;
mod trees;
mod views;
mod welcomes;

use async_trait::async_trait;
use bytes::Bytes;
use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp};

pub(super) use self::{
    audiences::Audiences,
    conversation_cache::ConversationCache,
    rows::{from_sql, to_sql},
};
use super::SqliteStore;
use crate::store::{
    StoreError,
    delivery::{
        Audience, ClaimedKeyPackage, Committer, ConversationHead, DeliveryStore, GroupRecord,
        KeyPackagePublication, KeyPackageStock, LogBatch, LogHead, LogOutcome, LogPage, LogRefusal,
        PageBounds, PruneOutcome, PruneStep, ReadRefusal, RestoreWrite, SendCheck, SendKey,
        TooManyKeyPackages, WelcomeRecord,
    },
};

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn write_log(&self, batch: LogBatch) -> Result<Vec<LogOutcome>, StoreError> {
        self.write("write_log", move |context| log::write(context, batch))
            .await
    }

    async fn restore_log(&self, write: RestoreWrite) -> Result<Result<LogHead, LogRefusal>, StoreError> {
        self.write("restore_log", move |context| restoring::restore(context, &write))
            .await
    }

    async fn members_from_before(
        &self,
        conversation_id: ConversationId,
        before: Timestamp,
    ) -> Result<Vec<DeviceId>, StoreError> {
        self.read("members_from_before", move |connection| {
            members::from_before(connection, conversation_id, before)
        })
        .await
    }

    async fn check_send(&self, key: SendKey, committer: Committer) -> Result<SendCheck, StoreError> {
        self.read("check_send", move |connection| {
            sends::check_send(connection, &key, committer)
        })
        .await
    }

    async fn is_conversation_of(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<bool, StoreError> {
        self.read("is_conversation_of", move |connection| {
            pages::is_conversation_of(connection, conversation_id, account_id)
        })
        .await
    }

    async fn group(&self, conversation_id: ConversationId) -> Result<Option<GroupRecord>, StoreError> {
        self.read("group", move |connection| {
            groups::group(connection, conversation_id)
        })
        .await
    }

    async fn group_for(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<Option<GroupRecord>, StoreError> {
        self.read("group_for", move |connection| {
            groups::group_for(connection, conversation_id, account_id)
        })
        .await
    }

    async fn log_page(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        after_seq: u64,
        bounds: PageBounds,
    ) -> Result<Result<LogPage, ReadRefusal>, StoreError> {
        self.read("log_page", move |connection| {
            pages::log_page(connection, conversation_id, account_id, after_seq, bounds)
        })
        .await
    }

    async fn conversation_heads(
        &self,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Result<Vec<ConversationHead>, StoreError> {
        self.read("conversation_heads", move |connection| {
            pages::conversation_heads(connection, account_id, device_id)
        })
        .await
    }

    async fn audiences(&self, conversation_ids: Vec<ConversationId>) -> Result<Vec<Audience>, StoreError> {
        self.audiences_of(conversation_ids).await
    }

    async fn waiting_welcomes(
        &self,
        device_id: DeviceId,
        bounds: PageBounds,
    ) -> Result<Vec<WelcomeRecord>, StoreError> {
        self.read("waiting_welcomes", move |connection| {
            welcomes::waiting(connection, device_id, bounds)
        })
        .await
    }

    async fn ratchet_tree(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        hash: [u8; 32],
    ) -> Result<Option<Bytes>, StoreError> {
        self.read("ratchet_tree", move |connection| {
            trees::fetch(connection, conversation_id, account_id, hash)
        })
        .await
    }

    async fn acknowledge_welcomes(&self, device_id: DeviceId, item_ids: Vec<u64>) -> Result<(), StoreError> {
        self.write("acknowledge_welcomes", move |context| {
            welcomes::acknowledge(&context.connection, device_id, &item_ids)
        })
        .await
    }

    async fn key_package_stock(&self, device_id: DeviceId) -> Result<KeyPackageStock, StoreError> {
        self.read("key_package_stock", move |connection| {
            key_packages::stock(connection, device_id)
        })
        .await
    }

    async fn publish_key_packages(
        &self,
        device_id: DeviceId,
        publication: KeyPackagePublication,
    ) -> Result<Result<u32, TooManyKeyPackages>, StoreError> {
        self.write("publish_key_packages", move |context| {
            key_packages::publish(&context.connection, device_id, &publication)
        })
        .await
    }

    async fn claim_key_packages(
        &self,
        device_ids: Vec<DeviceId>,
    ) -> Result<Vec<ClaimedKeyPackage>, StoreError> {
        self.write("claim_key_packages", move |context| {
            key_packages::claim(&context.connection, &device_ids)
        })
        .await
    }

    async fn last_resort_key_packages(
        &self,
        device_ids: Vec<DeviceId>,
    ) -> Result<Vec<ClaimedKeyPackage>, StoreError> {
        self.read("last_resort_key_packages", move |connection| {
            key_packages::last_resorts(connection, &device_ids)
        })
        .await
    }

    async fn sign_out_device(&self, device_id: DeviceId) -> Result<(), StoreError> {
        self.write("sign_out_device", move |context| {
            sign_out::run(context, device_id)
        })
        .await
    }

    async fn prune(&self, step: PruneStep) -> Result<PruneOutcome, StoreError> {
        let found = self
            .read("prune_candidates", move |connection| {
                prune::candidates(connection, step)
            })
            .await?;
        if found.candidates.is_empty() {
            return Ok(PruneOutcome {
                deleted: 0,
                resume_after: found.resume_after,
            });
        }
        let deleted = self
            .write("prune", move |context| {
                prune::delete(&context.connection, &found.candidates)
            })
            .await?;
        Ok(PruneOutcome {
            deleted,
            resume_after: found.resume_after,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use crate::store::{SqliteStore, conformance::delivery::delivery_store_conformance};

    delivery_store_conformance!({
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path()).unwrap(), folder)
    });
}
