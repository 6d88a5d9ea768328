//! What every storage of delivery does with entries that it had lost. That they were in the log was decided before.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use bytes::Bytes;
use subrosa_mls::{EntryKind, LogHash, payload_hash};
use subrosa_wire::{ConversationId, DeviceId};

use super::delivery::{ALL, NOW, account, conversation, create, device, key, message, send, seqs, write};
use crate::store::delivery::{
    AccountChanges, Claim, Committer, DeliveryStore, LogHead, LogRefusal, LostConversation, ReadRefusal,
    RestoreWrite, RestoredCommit, RestoredEntry, RestoredGroup, RestoredMember, SendKey,
};

fn entry(key: SendKey, after: LogHead, epoch: u64) -> RestoredEntry {
    entry_of(EntryKind::Message, key, after, epoch)
}

pub(super) fn entry_of(kind: EntryKind, key: SendKey, after: LogHead, epoch: u64) -> RestoredEntry {
    let payload = Bytes::from(format!("message {}", key.send_number));
    RestoredEntry {
        key,
        accepted_at: NOW,
        hash: after
            .hash
            .after(&key.chained(after.seq + 1, kind, NOW, payload_hash(&payload))),
        epoch,
        kind,
        payload,
        commit: None,
        left: None,
    }
}

fn head_after(before: LogHead, entries: &[RestoredEntry]) -> LogHead {
    LogHead {
        seq: before.seq + entries.len() as u64,
        hash: entries.last().unwrap().hash,
    }
}

pub(super) fn restore(id: ConversationId, after: LogHead, entries: Vec<RestoredEntry>) -> RestoreWrite {
    RestoreWrite {
        conversation_id: id,
        after: (after.seq, after.hash),
        entries,
        group: None,
        lost: None,
    }
}

pub(super) async fn head(store: &dyn DeliveryStore, id: ConversationId) -> LogHead {
    let page = store.log_page(id, account(1), 0, ALL).await.unwrap().unwrap();
    LogHead {
        seq: page.head_seq,
        hash: page.head_hash,
    }
}

pub(super) fn member(device_id: DeviceId, is_signed_in: bool) -> RestoredMember {
    RestoredMember {
        device_id,
        account_id: account(2),
        is_signed_in,
    }
}

pub(crate) async fn entries_are_put_back_after_the_head_and_nowhere_else(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 1).await;
    let before = head(store, id).await;
    let first = entry(key(id, device(0x11), 3), before, 1);
    let after_first = head_after(before, std::slice::from_ref(&first));
    let second = entry(key(id, device(0x21), 1), after_first, 1);
    let entries = vec![first, second];
    let expected = head_after(before, &entries);

    let elsewhere = LogHead {
        hash: LogHash::START,
        ..before
    };
    let refused = store.restore_log(restore(id, elsewhere, entries.clone())).await;
    assert_eq!(refused.unwrap(), Ok(before), "the head is another one");
    for _ in 0..2 {
        let restored = store.restore_log(restore(id, before, entries.clone())).await;
        assert_eq!(restored.unwrap(), Ok(expected));
        assert_eq!(head(store, id).await, expected);
    }
    assert_eq!(seqs(store, id, account(2), 1).await, [2, 3, 4]);
    let page = store.log_page(id, account(1), 3, ALL).await.unwrap().unwrap();
    assert_eq!(page.entries[0].hash, Some(expected.hash));
    // Each goes on where it was.
    for (sender, number, seq) in [(device(0x11), 4, 5), (device(0x21), 2, 6)] {
        let outcome = write(store, vec![message(key(id, sender, number), 1)]).await;
        assert_eq!(outcome[0].as_ref().unwrap().seq, seq);
    }
}

pub(crate) async fn that_a_device_left_is_put_back(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let before = head(store, id).await;
    let leaves = RestoredEntry {
        left: Some(account(2)),
        ..entry_of(EntryKind::Leave, key(id, device(0x21), 1), before, 1)
    };
    let write_back = RestoreWrite {
        group: Some(RestoredGroup {
            epoch: 1,
            public_view: Bytes::from_static(b"view"),
            group_info: Bytes::from_static(b"info"),
            links: Vec::new(),
        }),
        ..restore(id, before, vec![leaves])
    };
    let restored = store.restore_log(write_back).await.unwrap().unwrap();
    assert_eq!(restored.seq, 2);
    let page = store.log_page(id, account(1), 1, ALL).await.unwrap().unwrap();
    assert_eq!(page.entries[0].kind, EntryKind::Leave);
    let former = store.conversation_heads(account(2), device(0x21)).await.unwrap();
    assert_eq!((former[0].head_seq, former[0].former), (2, true));
    let refused = write(store, vec![message(key(id, device(0x21), 2), 1)]).await;
    assert_eq!(refused[0], Err(LogRefusal::NotAMember));
}

pub(crate) async fn commits_are_put_back_with_what_they_changed(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let before = head(store, id).await;
    // Device 22 comes in from outside, and removes device 21.
    let comes_in = RestoredEntry {
        commit: Some(RestoredCommit {
            committer: Committer::External,
            added: vec![member(device(0x22), true)],
            removed: vec![device(0x21)],
            accounts: AccountChanges {
                added: vec![account(3)],
                removed: vec![account(2)],
            },
            joined_by: None,
        }),
        ..entry_of(EntryKind::Commit, key(id, device(0x22), 7), before, 2)
    };
    let write_back = RestoreWrite {
        group: Some(RestoredGroup {
            epoch: 2,
            public_view: Bytes::from_static(b"view"),
            group_info: Bytes::from_static(b"info"),
            links: Vec::new(),
        }),
        ..restore(id, before, vec![comes_in])
    };
    store.restore_log(write_back).await.unwrap().unwrap();
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!((group.epoch, &group.public_view[..]), (2, &b"view"[..]));
    assert_eq!(store.is_conversation_of(id, account(3)).await, Ok(true));
    let former = store.conversation_heads(account(2), device(0x21)).await.unwrap();
    assert_eq!((former[0].head_seq, former[0].former), (2, true));
    let outcomes = write(
        store,
        vec![
            message(key(id, device(0x21), 1), 2),
            message(key(id, device(0x22), 8), 2),
            message(key(id, device(0x11), 2), 1),
        ],
    )
    .await;
    assert_eq!(outcomes[0], Err(LogRefusal::NotAMember));
    assert_eq!(outcomes[1].as_ref().unwrap().seq, 3);
    let stale = LogRefusal::StaleEpoch {
        head_seq: 3,
        epoch: 2,
    };
    assert_eq!(outcomes[2], Err(stale));
}

pub(crate) async fn a_lost_conversation_is_put_back_whole_or_not_at_all(store: &dyn DeliveryStore) {
    let id = conversation(1);
    let before = LogHead {
        seq: 6,
        hash: LogHash::from_bytes([6; 32]),
    };
    let entries = vec![entry(key(id, device(0x21), 4), before, 3)];
    let expected = head_after(before, &entries);
    let lost = RestoreWrite {
        group: Some(RestoredGroup {
            epoch: 3,
            public_view: Bytes::from_static(b"view"),
            group_info: Bytes::from_static(b"info"),
            links: Vec::new(),
        }),
        lost: Some(LostConversation {
            claim: Claim::Pair,
            accounts: vec![account(1), account(2)],
            members: vec![member(device(0x21), true), member(device(0x22), false)],
        }),
        ..restore(id, before, entries)
    };
    for _ in 0..2 {
        assert_eq!(store.restore_log(lost.clone()).await.unwrap(), Ok(expected));
    }
    assert_eq!(seqs(store, id, account(1), 6).await, [7]);
    let pruned = store.log_page(id, account(1), 0, ALL).await.unwrap();
    assert!(
        matches!(pruned, Err(ReadRefusal::Pruned { first_seq: 7, .. })),
        "{pruned:?}"
    );
    let outcomes = write(
        store,
        vec![
            message(key(id, device(0x21), 5), 3),
            message(key(id, device(0x22), 1), 3),
        ],
    )
    .await;
    assert_eq!(outcomes[0].as_ref().unwrap().seq, 8);
    assert_eq!(outcomes[1], Err(LogRefusal::SignedOut));

    // The pair has a conversation now: another one stays lost.
    let other = RestoreWrite {
        conversation_id: conversation(2),
        ..lost
    };
    assert_eq!(
        store.restore_log(other).await.unwrap(),
        Err(LogRefusal::ConversationExists(id))
    );
    assert_eq!(store.group(conversation(2)).await.unwrap(), None);
}
