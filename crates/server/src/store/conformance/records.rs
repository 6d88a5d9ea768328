//! The suite of [`RecordStore`]. Each function is a rule and gets an empty store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use bytes::Bytes;
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::delivery::{ALL, account, conversation};
use crate::store::{
    RecordStore,
    delivery::PageBounds,
    records::{PutOutcome, RecordWrite, RecordsPage, SMALL_RECORD_MAX, SealedRecord, TooManyRecords},
};

/// Makes a test of every rule for one backend: `$open` is an expression that gives a store and what keeps it.
macro_rules! record_store_conformance {
    ($open:expr) => {
        $crate::store::conformance::records::record_store_conformance!(@rules $open,
            an_account_without_records_has_no_change
            a_value_replaces_the_one_that_it_was_made_from_and_is_counted
            a_value_of_another_revision_changes_nothing_and_gets_the_newest
            a_retry_is_stored_once
            a_change_is_numbered_by_the_time_of_its_write_and_above_all_before_it
            accounts_and_conversations_do_not_touch_each_other
            a_page_is_in_the_order_of_changes_and_has_a_changed_record_once
            pages_are_bounded_by_number_and_bytes
            the_number_of_records_is_bounded
            the_bytes_in_records_are_bounded
        );
    };
    (@rules $open:expr, $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (store, _kept) = $open;
                $crate::store::conformance::records::$rule(&store).await;
            }
        )*
    };
}
pub(in crate::store) use record_store_conformance;

/// A value of a record of account 1. At this time, the changes of an account are numbered 1, 2, 3 …
fn value(conversation_id: ConversationId, replaces: u64, sealed: &'static str) -> RecordWrite {
    RecordWrite {
        account_id: account(1),
        conversation_id,
        replaces,
        sealed: Bytes::from(sealed),
        now: Timestamp::from_millis(0),
        records_max: 10,
        bytes_max: 1_000_000,
    }
}

fn record(conversation_id: ConversationId, revision: u64, change: u64, sealed: &'static str) -> SealedRecord {
    SealedRecord {
        conversation_id,
        revision,
        change,
        sealed: Bytes::from(sealed),
    }
}

/// The outcome of a change if the account's changes are numbered 1, 2, 3 …
fn stored(record: SealedRecord) -> PutOutcome {
    PutOutcome::Stored {
        after_change: record.change - 1,
        record,
    }
}

async fn put(store: &dyn RecordStore, write: RecordWrite) -> PutOutcome {
    store.put_record(write).await.unwrap().unwrap()
}

/// All records of an account, and its newest change.
async fn all(store: &dyn RecordStore, account_id: AccountId) -> RecordsPage {
    let page = store.records_page(account_id, 0, ALL).await.unwrap();
    assert_eq!(
        store.newest_record_change(account_id).await,
        Ok(page.newest_change)
    );
    page
}

pub(in crate::store) async fn an_account_without_records_has_no_change(store: &dyn RecordStore) {
    let none = RecordsPage {
        records: Vec::new(),
        newest_change: 0,
    };
    assert_eq!(all(store, account(1)).await, none);
}

pub(in crate::store) async fn a_value_replaces_the_one_that_it_was_made_from_and_is_counted(
    store: &dyn RecordStore,
) {
    let id = conversation(1);
    for (replaces, sealed) in [(0, "one"), (1, "two"), (2, "two")] {
        let newest = record(id, replaces + 1, replaces + 1, sealed);
        assert_eq!(
            put(store, value(id, replaces, sealed)).await,
            stored(newest.clone())
        );
        let expected = RecordsPage {
            records: vec![newest],
            newest_change: replaces + 1,
        };
        assert_eq!(all(store, account(1)).await, expected);
    }
}

pub(in crate::store) async fn a_value_of_another_revision_changes_nothing_and_gets_the_newest(
    store: &dyn RecordStore,
) {
    let id = conversation(1);
    assert_eq!(
        put(store, value(id, 1, "early")).await,
        PutOutcome::Conflict(None)
    );
    assert_eq!(all(store, account(1)).await.newest_change, 0);
    put(store, value(id, 0, "one")).await;
    put(store, value(id, 1, "two")).await;
    let newest = record(id, 2, 2, "two");
    // The last one has the newest value, but is no retry.
    for (replaces, sealed) in [
        (0, "late"),
        (1, "late"),
        (3, "early"),
        (u64::MAX, "early"),
        (0, "two"),
    ] {
        assert_eq!(
            put(store, value(id, replaces, sealed)).await,
            PutOutcome::Conflict(Some(newest.clone())),
            "{sealed} for {replaces}"
        );
    }
    let expected = RecordsPage {
        records: vec![newest],
        newest_change: 2,
    };
    assert_eq!(all(store, account(1)).await, expected);
}

pub(in crate::store) async fn a_retry_is_stored_once(store: &dyn RecordStore) {
    let id = conversation(1);
    for replaces in [0, 1] {
        let newest = record(id, replaces + 1, replaces + 1, "value");
        let write = value(id, replaces, "value");
        assert_eq!(put(store, write.clone()).await, stored(newest.clone()));
        for _ in 0..2 {
            assert_eq!(
                put(store, write.clone()).await,
                PutOutcome::Duplicate(newest.clone())
            );
        }
        assert_eq!(all(store, account(1)).await.newest_change, replaces + 1);
    }
}

/// So a database that was restored from an older copy never gives out a number again, as long as its clock is right.
pub(in crate::store) async fn a_change_is_numbered_by_the_time_of_its_write_and_above_all_before_it(
    store: &dyn RecordStore,
) {
    for (number, replaces, now_ms, after_change, change) in [
        (1, 0, 1_000, 0, 1_000),
        (2, 0, 2_000, 1_000, 2_000),
        // The clock stands still, goes back, and goes on.
        (1, 1, 2_000, 2_000, 2_001),
        (2, 1, 1_500, 2_001, 2_002),
        (3, 0, 0, 2_002, 2_003),
        (1, 2, 2_004, 2_003, 2_004),
        (1, 3, 3_000, 2_004, 3_000),
    ] {
        let id = conversation(number);
        let write = RecordWrite {
            now: Timestamp::from_millis(now_ms),
            ..value(id, replaces, "value")
        };
        let expected = PutOutcome::Stored {
            record: record(id, replaces + 1, change, "value"),
            after_change,
        };
        assert_eq!(put(store, write).await, expected, "at {now_ms}");
        assert_eq!(all(store, account(1)).await.newest_change, change);
    }
    let of_another_account = RecordWrite {
        account_id: account(2),
        now: Timestamp::from_millis(500),
        ..value(conversation(1), 0, "theirs")
    };
    let expected = PutOutcome::Stored {
        record: record(conversation(1), 1, 500, "theirs"),
        after_change: 0,
    };
    assert_eq!(put(store, of_another_account).await, expected);
}

pub(in crate::store) async fn accounts_and_conversations_do_not_touch_each_other(store: &dyn RecordStore) {
    let (one, other) = (conversation(1), conversation(2));
    let of_another_account = RecordWrite {
        account_id: account(2),
        ..value(one, 0, "theirs")
    };
    for write in [
        value(one, 0, "one"),
        of_another_account,
        value(other, 0, "other"),
        value(one, 1, "one again"),
    ] {
        let outcome = put(store, write).await;
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }
    let ours = RecordsPage {
        records: vec![record(other, 1, 2, "other"), record(one, 2, 3, "one again")],
        newest_change: 3,
    };
    assert_eq!(all(store, account(1)).await, ours);
    let theirs = RecordsPage {
        records: vec![record(one, 1, 1, "theirs")],
        newest_change: 1,
    };
    assert_eq!(all(store, account(2)).await, theirs);
    assert!(all(store, account(3)).await.records.is_empty());
}

pub(in crate::store) async fn a_page_is_in_the_order_of_changes_and_has_a_changed_record_once(
    store: &dyn RecordStore,
) {
    // Not in the order of their ids.
    for number in [2, 3, 1] {
        put(store, value(conversation(number), 0, "first")).await;
    }
    put(store, value(conversation(3), 1, "second")).await;
    let in_order = [
        record(conversation(2), 1, 1, "first"),
        record(conversation(1), 1, 3, "first"),
        record(conversation(3), 2, 4, "second"),
    ];
    for (after_change, expected) in [
        (0, &in_order[..]),
        (1, &in_order[1..]),
        (2, &in_order[1..]),
        (3, &in_order[2..]),
        (4, &[]),
        (u64::MAX, &[]),
    ] {
        let page = store.records_page(account(1), after_change, ALL).await.unwrap();
        assert_eq!(
            (page.records.as_slice(), page.newest_change),
            (expected, 4),
            "after {after_change}"
        );
    }
}

pub(in crate::store) async fn pages_are_bounded_by_number_and_bytes(store: &dyn RecordStore) {
    for number in 1..=5 {
        put(store, value(conversation(number), 0, "nine byte")).await;
    }
    for (after_change, entries_max, bytes_max, expected) in [
        (0, 2, 1_000, &[1_u64, 2][..]),
        (2, 2, 1_000, &[3, 4]),
        (4, 2, 1_000, &[5]),
        (0, 100, 18, &[1, 2]),
        (0, 100, 20, &[1, 2]),
        (0, 100, 1, &[1]),
    ] {
        let bounds = PageBounds {
            entries_max,
            bytes_max,
        };
        let page = store
            .records_page(account(1), after_change, bounds)
            .await
            .unwrap();
        let changes: Vec<_> = page.records.iter().map(|record| record.change).collect();
        assert_eq!(changes, expected, "after {after_change} with {bounds:?}");
        assert_eq!(page.newest_change, 5);
    }
}

pub(in crate::store) async fn the_bytes_in_records_are_bounded(store: &dyn RecordStore) {
    let long = |number, replaces, len| RecordWrite {
        sealed: Bytes::from(vec![7; len]),
        bytes_max: 5_000,
        ..value(conversation(number), replaces, "")
    };
    put(store, long(1, 0, 3_000)).await;
    assert_eq!(store.put_record(long(2, 0, 2_001)).await, Ok(Err(TooManyRecords)));
    put(store, long(2, 0, 2_000)).await;
    // A small one finds room, and a record may shrink.
    put(store, long(3, 0, SMALL_RECORD_MAX)).await;
    assert_eq!(store.put_record(long(1, 1, 3_000)).await, Ok(Err(TooManyRecords)));
    put(store, long(1, 1, 1_900)).await;
}

pub(in crate::store) async fn the_number_of_records_is_bounded(store: &dyn RecordStore) {
    let at_most_two = |number, replaces, sealed| RecordWrite {
        records_max: 2,
        ..value(conversation(number), replaces, sealed)
    };
    put(store, at_most_two(1, 0, "one")).await;
    put(store, at_most_two(2, 0, "one")).await;
    let third = at_most_two(3, 0, "one");
    assert_eq!(store.put_record(third.clone()).await, Ok(Err(TooManyRecords)));
    assert_eq!(all(store, account(1)).await.newest_change, 2);
    // Those that it has go on, and so do other accounts.
    assert_eq!(
        put(store, at_most_two(1, 1, "two")).await,
        stored(record(conversation(1), 2, 3, "two"))
    );
    let of_another_account = RecordWrite {
        account_id: account(2),
        ..third
    };
    assert_eq!(
        put(store, of_another_account).await,
        stored(record(conversation(3), 1, 1, "one"))
    );
}
