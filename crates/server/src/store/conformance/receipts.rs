//! The suite of [`ReceiptStore`](crate::store::ReceiptStore). Each function is a rule and gets an empty store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use bytes::Bytes;
use subrosa_wire::{ConversationId, DeviceId, Timestamp};

use super::delivery::{account, commit, conversation, create, creation, device, key, write};
use crate::store::{
    Store,
    delivery::{Claim, CommitWrite, Committer, CreateWrite, LogRefusal, LogWrite},
    receipts::{ReceiptOutcome, ReceiptWrite, ReceiptsPage, SealedReceipt, WantedReceipts},
};

/// Makes a test of every rule for one backend: `$open` is an expression that gives a store and what keeps it.
macro_rules! receipt_store_conformance {
    ($open:expr) => {
        $crate::store::conformance::receipts::receipt_store_conformance!(@rules $open,
            a_receipt_replaces_one_of_a_lower_version_and_no_other
            a_receipt_that_is_put_again_is_stored_once
            another_value_of_the_same_version_is_not_stored
            only_signed_in_members_can_put_a_receipt
            a_change_of_receipts_is_numbered_by_its_time_and_above_all_before_it
            a_receipt_goes_with_its_device_and_its_number_is_not_given_out_again
            a_device_that_comes_back_by_an_external_commit_has_no_receipt
            receipts_of_several_conversations_come_in_the_order_of_the_request
            pages_of_receipts_are_bounded_and_follow_each_other
            receipts_and_their_changes_are_for_members
        );
    };
    (@rules $open:expr, $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (store, _kept) = $open;
                $crate::store::conformance::receipts::$rule(&store).await;
            }
        )*
    };
}
pub(in crate::store) use receipt_store_conformance;

/// A value of a device's receipt. At this time, the changes of a conversation are numbered 1, 2, 3 …
fn value(
    conversation_id: ConversationId,
    device_id: DeviceId,
    version: u64,
    sealed: &'static str,
) -> ReceiptWrite {
    ReceiptWrite {
        conversation_id,
        device_id,
        version,
        sealed: Bytes::from(sealed),
        now: Timestamp::from_millis(0),
    }
}

fn receipt(device_id: DeviceId, version: u64, change: u64, sealed: &'static str) -> SealedReceipt {
    SealedReceipt {
        device_id,
        version,
        change,
        sealed: Bytes::from(sealed),
    }
}

/// The outcome of a change if the conversation's changes are numbered 1, 2, 3 …
fn stored(change: u64) -> ReceiptOutcome {
    ReceiptOutcome::Stored {
        change,
        after_change: change - 1,
    }
}

async fn put(store: &dyn Store, write: ReceiptWrite) -> ReceiptOutcome {
    store.put_receipt(write).await.unwrap().unwrap()
}

/// A page of the receipts of one conversation, for a device in it.
async fn page(store: &dyn Store, id: ConversationId, after_change: u64) -> ReceiptsPage {
    let wanted = WantedReceipts {
        conversation_id: id,
        after_change,
    };
    let mut pages = store.receipts(device(0x11), vec![wanted], 1_000).await.unwrap();
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

/// All receipts of a conversation, and its newest change, which its head names as well.
async fn all(store: &dyn Store, id: ConversationId) -> (Vec<SealedReceipt>, u64) {
    let page = page(store, id, 0).await;
    assert_eq!(page.conversation_id, id);
    let heads = store.conversation_heads(account(1), device(0x11)).await.unwrap();
    let head = heads.iter().find(|head| head.conversation_id == id).unwrap();
    assert_eq!(head.receipts_change, page.newest_change);
    (page.receipts, page.newest_change)
}

/// A second conversation of the same devices.
async fn create_another(store: &dyn Store, id: ConversationId) {
    let create = CreateWrite {
        claim: Claim::Nothing,
        ..creation(id)
    };
    assert!(write(store, vec![LogWrite::Create(Box::new(create))]).await[0].is_ok());
}

async fn make(store: &dyn Store, commit: CommitWrite) {
    let outcomes = write(store, vec![LogWrite::Commit(Box::new(commit))]).await;
    assert!(outcomes[0].is_ok(), "{outcomes:?}");
}

pub(in crate::store) async fn a_receipt_replaces_one_of_a_lower_version_and_no_other(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    assert_eq!(all(store, id).await, (Vec::new(), 0));
    let (one, other) = (device(0x11), device(0x21));
    assert_eq!(put(store, value(id, one, 5, "five")).await, stored(1));
    assert_eq!(put(store, value(id, other, 1, "theirs")).await, stored(2));
    let outdated = ReceiptOutcome::Outdated { version: 5 };
    for version in [1, 4] {
        assert_eq!(put(store, value(id, one, version, "old")).await, outdated);
    }
    let before = [receipt(one, 5, 1, "five"), receipt(other, 1, 2, "theirs")];
    assert_eq!(all(store, id).await, (before.to_vec(), 2));
    // Versions have gaps.
    assert_eq!(put(store, value(id, one, 9, "nine")).await, stored(3));
    let after = vec![receipt(other, 1, 2, "theirs"), receipt(one, 9, 3, "nine")];
    assert_eq!(all(store, id).await, (after, 3));
}

pub(in crate::store) async fn a_receipt_that_is_put_again_is_stored_once(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    let write = value(id, device(0x11), 5, "five");
    assert_eq!(put(store, write.clone()).await, stored(1));
    put(store, value(id, device(0x21), 1, "theirs")).await;
    for _ in 0..2 {
        assert_eq!(
            put(store, write.clone()).await,
            ReceiptOutcome::Duplicate { change: 1 }
        );
    }
    assert_eq!(all(store, id).await.1, 2);
    put(store, value(id, device(0x11), 6, "six")).await;
    assert_eq!(
        put(store, write).await,
        ReceiptOutcome::Outdated { version: 6 },
        "it is not the newest any more"
    );
}

pub(in crate::store) async fn another_value_of_the_same_version_is_not_stored(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    put(store, value(id, device(0x11), 5, "five")).await;
    assert_eq!(
        put(store, value(id, device(0x11), 5, "other")).await,
        ReceiptOutcome::Outdated { version: 5 }
    );
    let expected = vec![receipt(device(0x11), 5, 1, "five")];
    assert_eq!(all(store, id).await, (expected, 1));
}

pub(in crate::store) async fn only_signed_in_members_can_put_a_receipt(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    // Of an account in the conversation, of another account, and in no conversation.
    for (id, device_id) in [
        (id, device(0x12)),
        (id, device(0x31)),
        (conversation(2), device(0x11)),
    ] {
        assert_eq!(
            store.put_receipt(value(id, device_id, 1, "one")).await,
            Ok(Err(LogRefusal::NotAMember))
        );
    }
    store.sign_out_device(device(0x21)).await.unwrap();
    assert_eq!(
        store.put_receipt(value(id, device(0x21), 1, "one")).await,
        Ok(Err(LogRefusal::SignedOut))
    );
    assert_eq!(all(store, id).await, (Vec::new(), 0));
}

/// So a database that was restored from an older copy never gives out a number again, as long as its clock is right.
pub(in crate::store) async fn a_change_of_receipts_is_numbered_by_its_time_and_above_all_before_it(
    store: &dyn Store,
) {
    let (id, other) = (conversation(1), conversation(2));
    create(store, id).await;
    create_another(store, other).await;
    for (version, device_id, now_ms, after_change, change) in [
        (1, device(0x11), 1_000, 0, 1_000),
        (2, device(0x11), 2_000, 1_000, 2_000),
        // The clock stands still, goes back, and goes on.
        (1, device(0x21), 2_000, 2_000, 2_001),
        (3, device(0x11), 1_500, 2_001, 2_002),
        (4, device(0x11), 3_000, 2_002, 3_000),
    ] {
        let write = ReceiptWrite {
            now: Timestamp::from_millis(now_ms),
            ..value(id, device_id, version, "value")
        };
        let expected = ReceiptOutcome::Stored { change, after_change };
        assert_eq!(put(store, write).await, expected, "at {now_ms}");
        assert_eq!(all(store, id).await.1, change);
    }
    assert_eq!(
        put(store, value(other, device(0x11), 1, "value")).await,
        stored(1)
    );
}

pub(in crate::store) async fn a_receipt_goes_with_its_device_and_its_number_is_not_given_out_again(
    store: &dyn Store,
) {
    let id = conversation(1);
    create(store, id).await;
    put(store, value(id, device(0x11), 1, "ours")).await;
    put(store, value(id, device(0x21), 1, "theirs")).await;
    let remove = CommitWrite {
        removed: vec![device(0x21)],
        ..commit(key(id, device(0x11), 2), account(1), 1)
    };
    make(store, remove).await;
    let ours = receipt(device(0x11), 1, 1, "ours");
    assert_eq!(all(store, id).await, (vec![ours], 2));
    // Whoever has seen change 2 gets what follows it.
    assert_eq!(
        put(store, value(id, device(0x11), 2, "ours again")).await,
        stored(3)
    );
    let after = page(store, id, 2).await;
    assert_eq!(after.receipts, [receipt(device(0x11), 2, 3, "ours again")]);
}

pub(in crate::store) async fn a_device_that_comes_back_by_an_external_commit_has_no_receipt(
    store: &dyn Store,
) {
    let id = conversation(1);
    create(store, id).await;
    put(store, value(id, device(0x21), 7, "seven")).await;
    let external = CommitWrite {
        committer: Committer::External,
        removed: vec![device(0x21)],
        ..commit(key(id, device(0x21), 1), account(2), 1)
    };
    make(store, external).await;
    assert_eq!(all(store, id).await, (Vec::new(), 1));
    assert_eq!(put(store, value(id, device(0x21), 1, "anew")).await, stored(2));
}

pub(in crate::store) async fn receipts_of_several_conversations_come_in_the_order_of_the_request(
    store: &dyn Store,
) {
    let (one, two, quiet) = (conversation(1), conversation(2), conversation(3));
    create(store, one).await;
    create_another(store, two).await;
    create_another(store, quiet).await;
    put(store, value(one, device(0x11), 1, "one")).await;
    put(store, value(two, device(0x11), 1, "two")).await;
    put(store, value(two, device(0x21), 1, "theirs")).await;
    let wanted = [(two, 1), (quiet, 0), (one, u64::MAX), (conversation(9), 0)];
    let wanted = wanted.map(|(conversation_id, after_change)| WantedReceipts {
        conversation_id,
        after_change,
    });
    let pages = store
        .receipts(device(0x11), wanted.to_vec(), 1_000)
        .await
        .unwrap();
    let expected = [
        (two, vec![receipt(device(0x21), 1, 2, "theirs")], 2),
        (quiet, Vec::new(), 0),
        (one, Vec::new(), 1),
        (conversation(9), Vec::new(), 0),
    ];
    let expected = expected.map(|(conversation_id, receipts, newest_change)| ReceiptsPage {
        conversation_id,
        receipts,
        newest_change,
    });
    assert_eq!(pages, expected);
}

pub(in crate::store) async fn pages_of_receipts_are_bounded_and_follow_each_other(store: &dyn Store) {
    let (one, two) = (conversation(1), conversation(2));
    create(store, one).await;
    create_another(store, two).await;
    for id in [one, two] {
        // Not in the order of the ids.
        put(store, value(id, device(0x21), 1, "first")).await;
        put(store, value(id, device(0x11), 1, "second")).await;
    }
    for (after, receipts_max, expected) in [
        ((0, 0), 4, vec![vec![1, 2], vec![1, 2]]),
        ((0, 0), 3, vec![vec![1, 2], vec![1]]),
        // The second one is left out: without a receipt it would say that nothing follows.
        ((0, 0), 2, vec![vec![1, 2]]),
        ((0, 0), 1, vec![vec![1]]),
        ((1, 0), 1, vec![vec![2]]),
        ((2, 0), 1, vec![vec![], vec![1]]),
        ((2, 1), 1, vec![vec![], vec![2]]),
        ((2, 2), 1, vec![vec![], vec![]]),
    ] {
        let wanted = [(one, after.0), (two, after.1)].map(|(conversation_id, after_change)| WantedReceipts {
            conversation_id,
            after_change,
        });
        let pages = store
            .receipts(device(0x11), wanted.to_vec(), receipts_max)
            .await
            .unwrap();
        let changes = pages.iter().map(|page| {
            assert_eq!(page.newest_change, 2);
            page.receipts.iter().map(|receipt| receipt.change).collect()
        });
        let changes: Vec<Vec<u64>> = changes.collect();
        assert_eq!(changes, expected, "after {after:?}, at most {receipts_max}");
    }
}

pub(in crate::store) async fn receipts_and_their_changes_are_for_members(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    put(store, value(id, device(0x11), 1, "one")).await;
    let wanted = vec![WantedReceipts {
        conversation_id: id,
        after_change: 0,
    }];
    let nothing = ReceiptsPage {
        conversation_id: id,
        receipts: Vec::new(),
        newest_change: 0,
    };
    // Another device of an account in the conversation, and one of an account that is not.
    for stranger in [device(0x12), device(0x31)] {
        let pages = store.receipts(stranger, wanted.clone(), 1_000).await.unwrap();
        assert_eq!(pages, std::slice::from_ref(&nothing));
    }
    let heads = store.conversation_heads(account(1), device(0x12)).await.unwrap();
    assert_eq!((heads[0].member, heads[0].receipts_change), (false, 0));
    let theirs = store.receipts(device(0x21), wanted, 1_000).await.unwrap();
    assert_eq!(theirs[0].receipts.len(), 1);
}
