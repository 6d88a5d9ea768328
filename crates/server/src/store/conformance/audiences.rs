//! Who hears of what is passed on in a conversation. What a store remembers of it must never be older than a write that
//! has ended.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use subrosa_wire::{AccountId, ConversationId, DeviceId, limits::SIGNAL_ACCOUNTS_MAX};

use super::delivery::{account, adding, commit, conversation, create, creation, device, key, write};
use crate::store::delivery::{AccountChanges, Claim, CommitWrite, Committer, DeliveryStore, LogWrite};

async fn audience(store: &dyn DeliveryStore, id: ConversationId) -> Vec<(DeviceId, AccountId)> {
    let audiences = store.audiences(vec![id]).await.unwrap();
    assert_eq!(audiences.len(), 1);
    audiences[0].to_vec()
}

async fn make(store: &dyn DeliveryStore, commit: CommitWrite) {
    let outcomes = write(store, vec![LogWrite::Commit(Box::new(commit))]).await;
    assert!(matches!(outcomes[..], [Ok(_)]), "{outcomes:?}");
}

pub(crate) async fn an_audience_is_the_signed_in_devices_in_a_group(store: &dyn DeliveryStore) {
    let id = conversation(1);
    assert_eq!(audience(store, id).await, []);
    create(store, id).await;
    // It was not remembered that there was no such conversation.
    let both = [(device(0x11), account(1)), (device(0x21), account(2))];
    assert_eq!(audience(store, id).await, both);
    store.sign_out_device(device(0x21)).await.unwrap();
    assert_eq!(audience(store, id).await, both[..1]);
}

pub(crate) async fn an_audience_changes_with_every_commit(store: &dyn DeliveryStore) {
    let (id, other) = (conversation(1), conversation(2));
    create(store, id).await;
    let apart = LogWrite::Create(Box::new(crate::store::delivery::CreateWrite {
        claim: Claim::Nothing,
        ..creation(other)
    }));
    assert!(write(store, vec![apart]).await[0].is_ok());
    let (one, two) = ((device(0x11), account(1)), (device(0x21), account(2)));
    let (phone, three) = ((device(0x12), account(1)), (device(0x31), account(3)));
    assert_eq!(audience(store, id).await, [one, two]);
    assert_eq!(audience(store, other).await, [one, two]);

    let mut add = adding(commit(key(id, device(0x11), 2), account(1), 1), vec![three]);
    add.accounts.added = vec![account(3)];
    make(store, add).await;
    assert_eq!(audience(store, id).await, [one, two, three]);

    let mut remove = commit(key(id, device(0x11), 3), account(1), 2);
    remove.removed = vec![device(0x21)];
    remove.accounts = AccountChanges {
        added: Vec::new(),
        removed: vec![account(2)],
    };
    make(store, remove).await;
    assert_eq!(audience(store, id).await, [one, three]);

    let external = CommitWrite {
        committer: Committer::External,
        ..commit(key(id, device(0x12), 1), account(1), 3)
    };
    make(store, external).await;
    assert_eq!(audience(store, id).await, [one, phone, three]);
    assert_eq!(audience(store, other).await, [one, two]);
}

pub(crate) async fn a_conversation_of_too_many_accounts_has_no_audience(store: &dyn DeliveryStore) {
    let id = conversation(1);
    let mut create = creation(id);
    create.claim = Claim::Nothing;
    let most = u8::try_from(SIGNAL_ACCOUNTS_MAX).unwrap();
    create.accounts = (1..=most).map(account).collect();
    assert!(write(store, vec![LogWrite::Create(Box::new(create))]).await[0].is_ok());
    assert_eq!(audience(store, id).await.len(), 2);
    let mut add = commit(key(id, device(0x11), 2), account(1), 1);
    add.accounts.added = vec![account(most + 1)];
    make(store, add).await;
    assert_eq!(audience(store, id).await, []);
    let mut remove = commit(key(id, device(0x11), 3), account(1), 2);
    remove.accounts.removed = vec![account(most)];
    make(store, remove).await;
    assert_eq!(audience(store, id).await.len(), 2);
}

pub(crate) async fn audiences_come_in_the_order_of_the_ids(store: &dyn DeliveryStore) {
    create(store, conversation(1)).await;
    let ids = [2, 1, 3, 1].map(conversation).to_vec();
    for _ in 0..2 {
        let audiences = store.audiences(ids.clone()).await.unwrap();
        let devices: Vec<_> = audiences.iter().map(|audience| audience.len()).collect();
        assert_eq!(devices, [0, 2, 0, 2]);
    }
    assert!(store.audiences(Vec::new()).await.unwrap().is_empty());
}
