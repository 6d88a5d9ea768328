//! Account records: of devices that change one at the same time one is first, and the others hear of it.

use std::time::Duration;

use bytes::Bytes;
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{
        AccountRecord, FetchRecords, PutRecord, RecordChanged, RecordPut, RecordsPage, ServerFrame,
        client_frame::Request, server_frame::Body,
    },
    limits::{
        ACCOUNT_RECORD_MAX, CONVERSATIONS_PER_ACCOUNT_MAX, RECORDS_PAGE_BYTES_MAX, RECORDS_PER_PAGE_MAX,
        SEQ_MAX,
    },
};

use super::{
    restoring::{back_up, put_back},
    world::{Device, START, World, code, problem, waiting},
};
use crate::{
    delivery::DeliveryConfig,
    rate::Rate,
    store::{AccountStore as _, StoreError},
};

fn put(id: ConversationId, replaces: u64, sealed: &'static str) -> Request {
    Request::PutRecord(PutRecord {
        conversation_id: id.to_vec().into(),
        replaces,
        sealed: Bytes::from(sealed),
    })
}

/// The number of an account's nth change if all are made at [`START`]; 0 for none.
fn change(nth: u64) -> u64 {
    match nth {
        0 => 0,
        nth => START.as_millis() + nth - 1,
    }
}

/// A record that the account's nth change left so.
fn record(id: ConversationId, revision: u64, nth: u64, sealed: &'static str) -> AccountRecord {
    AccountRecord {
        conversation_id: id.to_vec().into(),
        revision,
        change: change(nth),
        sealed: Bytes::from(sealed),
    }
}

/// The answer to a device whose value was stored as the account's nth change.
fn stored(id: ConversationId, revision: u64, nth: u64) -> RecordPut {
    RecordPut {
        stored: true,
        record: Some(record(id, revision, nth, "")),
        after_change: change(nth - 1),
    }
}

#[track_caller]
fn record_put(body: Body) -> RecordPut {
    match body {
        Body::RecordPut(put) => put,
        other => panic!("{other:?}"),
    }
}

async fn fetched(world: &World, device: &Device, after_change: u64) -> RecordsPage {
    let fetch = Request::FetchRecords(FetchRecords { after_change });
    match world.ask(device, fetch).await {
        Body::RecordsPage(page) => page,
        other => panic!("{other:?}"),
    }
}

/// The conversation of a record that [`fill`] makes.
fn filled(number: usize) -> ConversationId {
    let text = format!("{number:016}");
    ConversationId::try_from(text.as_bytes()).unwrap()
}

/// Gives an account this many records of this many bytes each: those of `filled(1)`, `filled(2)` …, by the changes 1,
/// 2 …
async fn fill(world: &World, account_id: AccountId, count: usize, bytes: usize) {
    let counts = [count, bytes].map(|count| i64::try_from(count).unwrap());
    let fill = world.store.write("test", move |context| {
        let changed = context.connection.execute(
            "WITH RECURSIVE numbers (number) AS
                 (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?2)
             INSERT INTO account_records (account, conversation, revision, change, sealed)
             SELECT ?1, CAST(printf('%016d', number) AS BLOB), 1, number, zeroblob(?3) FROM numbers",
            (account_id.as_bytes(), counts[0], counts[1]),
        )?;
        Ok::<_, StoreError>(changed)
    });
    assert_eq!(fill.await, Ok(count));
}

#[tokio::test]
async fn a_changed_record_is_pushed_to_the_other_devices_of_the_account_alone() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let (phone, laptop) = (world.link(&alice).await, world.link(&alice).await);
    let old = world.link(&alice).await;
    let (at_alice, at_phone, at_laptop) = (
        world.connect(&alice),
        world.connect(&phone),
        world.connect(&laptop),
    );
    let (at_old, at_bob) = (world.connect(&old), world.connect(&bob));
    world.store.sign_out(old.session.device_id, START).await.unwrap();
    let id = world.conversation_id();
    for (revision, sealed) in [(1, "one"), (2, "two")] {
        let answer = world.ask(&phone, put(id, revision - 1, sealed)).await;
        assert_eq!(record_put(answer), stored(id, revision, revision));
        let push = ServerFrame {
            request_id: 0,
            body: Some(Body::RecordChanged(RecordChanged {
                record: Some(record(id, revision, revision, sealed)),
                after_change: change(revision - 1),
            })),
        };
        for connection in [&at_alice, &at_laptop] {
            assert_eq!(waiting(connection), std::slice::from_ref(&push));
        }
        for connection in [&at_phone, &at_old, &at_bob] {
            assert!(waiting(connection).is_empty());
        }
    }
    assert!(fetched(&world, &bob, 0).await.records.is_empty());
}

#[tokio::test]
async fn of_two_devices_that_change_a_record_the_second_gets_what_the_first_has_stored() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let id = world.conversation_id();
    let answer = world.ask(&phone, put(id, 1, "too far")).await;
    let nothing = RecordPut {
        stored: false,
        record: None,
        after_change: 0,
    };
    assert_eq!(record_put(answer), nothing);
    assert_eq!(
        record_put(world.ask(&phone, put(id, 0, "first")).await),
        stored(id, 1, 1)
    );
    let at_phone = world.connect(&phone);
    let refused = RecordPut {
        stored: false,
        record: Some(record(id, 1, 1, "first")),
        after_change: 0,
    };
    assert_eq!(record_put(world.ask(&alice, put(id, 0, "second")).await), refused);
    assert!(waiting(&at_phone).is_empty(), "nothing has changed");
    assert_eq!(
        record_put(world.ask(&alice, put(id, 1, "both")).await),
        stored(id, 2, 2)
    );
    let expected = RecordsPage {
        records: vec![record(id, 2, 2, "both")],
        newest_change: change(2),
    };
    assert_eq!(fetched(&world, &phone, change(1)).await, expected);
}

#[tokio::test]
async fn a_retry_is_answered_without_the_change_before_and_pushed_to_nobody() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let (other, id) = (world.conversation_id(), world.conversation_id());
    record_put(world.ask(&alice, put(other, 0, "other")).await);
    let first = record_put(world.ask(&alice, put(id, 0, "one")).await);
    assert_eq!(first, stored(id, 1, 2));
    let at_phone = world.connect(&phone);
    let again = record_put(world.ask(&alice, put(id, 0, "one")).await);
    let expected = RecordPut {
        after_change: change(2),
        ..first
    };
    assert_eq!(again, expected);
    assert!(waiting(&at_phone).is_empty());
    assert_eq!(alice.sync(&world).await.records_change, change(2));
}

#[tokio::test]
async fn a_change_is_numbered_by_the_servers_clock_and_names_the_one_before_it() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let at_phone = world.connect(&phone);
    let id = world.conversation_id();
    record_put(world.ask(&alice, put(id, 0, "one")).await);
    waiting(&at_phone);
    world.clock.advance(Duration::from_secs(1));
    let answer = record_put(world.ask(&alice, put(id, 1, "two")).await);
    let changed = AccountRecord {
        change: START.as_millis() + 1_000,
        ..record(id, 2, 2, "two")
    };
    let expected = RecordPut {
        record: Some(AccountRecord {
            sealed: Bytes::new(),
            ..changed.clone()
        }),
        ..stored(id, 2, 2)
    };
    assert_eq!(answer, expected);
    let push = ServerFrame {
        request_id: 0,
        body: Some(Body::RecordChanged(RecordChanged {
            record: Some(changed),
            after_change: change(1),
        })),
    };
    assert_eq!(waiting(&at_phone), [push]);
}

#[tokio::test]
async fn a_device_that_was_away_gets_what_has_changed_since_the_database_was_restored() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let (lost, id) = (world.conversation_id(), world.conversation_id());
    record_put(world.ask(&alice, put(id, 0, "one")).await);
    let (world, copy) = back_up(world).await;
    record_put(world.ask(&alice, put(lost, 0, "lost")).await);
    let known = phone.sync(&world).await.records_change;
    let world = put_back(world, &copy).await;
    record_put(world.ask(&alice, put(id, 1, "two")).await);
    let page = fetched(&world, &phone, known).await;
    let sealed: Vec<_> = page.records.iter().map(|record| &record.sealed[..]).collect();
    assert_eq!(sealed, [b"two"]);
    assert!(page.newest_change > known);
}

#[tokio::test]
async fn sync_names_the_newest_change_of_the_account() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let phone = world.link(&alice).await;
    assert_eq!(alice.sync(&world).await.records_change, 0);
    for id in [world.conversation_id(), world.conversation_id()] {
        record_put(world.ask(&alice, put(id, 0, "one")).await);
    }
    for device in [&alice, &phone] {
        assert_eq!(device.sync(&world).await.records_change, change(2));
    }
    assert_eq!(bob.sync(&world).await.records_change, 0);
}

#[tokio::test]
async fn records_are_there_after_a_restart() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let id = world.conversation_id();
    record_put(world.ask(&alice, put(id, 0, "one")).await);
    let world = world.restart().await;
    let expected = RecordsPage {
        records: vec![record(id, 1, 1, "one")],
        newest_change: change(1),
    };
    assert_eq!(fetched(&world, &alice, 0).await, expected);
}

#[tokio::test]
async fn pages_of_records_are_bounded_and_follow_each_other() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let by_bytes = RECORDS_PAGE_BYTES_MAX / ACCOUNT_RECORD_MAX;
    fill(&world, alice.account(), RECORDS_PER_PAGE_MAX + 1, 1).await;
    fill(&world, bob.account(), by_bytes + 1, ACCOUNT_RECORD_MAX).await;
    for (device, fit) in [(&alice, RECORDS_PER_PAGE_MAX), (&bob, by_bytes)] {
        let first = fetched(&world, device, 0).await;
        let newest = fit as u64 + 1;
        assert_eq!((first.records.len(), first.newest_change), (fit, newest));
        let second = fetched(&world, device, first.records[fit - 1].change).await;
        let changes: Vec<_> = second.records.iter().map(|record| record.change).collect();
        assert_eq!((changes, second.newest_change), (vec![newest], newest));
        assert!(fetched(&world, device, newest).await.records.is_empty());
        assert!(fetched(&world, device, u64::MAX).await.records.is_empty());
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_is_refused_and_nothing_is_stored() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let good = PutRecord {
        conversation_id: world.conversation_id().to_vec().into(),
        replaces: 0,
        sealed: vec![1; ACCOUNT_RECORD_MAX].into(),
    };
    let with_id = |len| PutRecord {
        conversation_id: vec![1; len].into(),
        ..good.clone()
    };
    let bad = [
        (with_id(0), "malformed_request"),
        (with_id(15), "malformed_request"),
        (with_id(17), "malformed_request"),
        (
            PutRecord {
                sealed: Bytes::new(),
                ..good.clone()
            },
            "malformed_request",
        ),
        (
            PutRecord {
                sealed: vec![1; ACCOUNT_RECORD_MAX + 1].into(),
                ..good.clone()
            },
            "too_large",
        ),
        (
            PutRecord {
                replaces: SEQ_MAX + 1,
                ..good.clone()
            },
            "malformed_request",
        ),
    ];
    for (put, expected) in bad {
        assert_eq!(code(world.ask(&alice, Request::PutRecord(put)).await), expected);
    }
    let far = PutRecord {
        replaces: SEQ_MAX,
        ..good.clone()
    };
    assert!(!record_put(world.ask(&alice, Request::PutRecord(far)).await).stored);
    assert_eq!(alice.sync(&world).await.records_change, 0);
    assert!(record_put(world.ask(&alice, Request::PutRecord(good)).await).stored);
}

#[tokio::test]
async fn an_account_has_as_many_records_as_it_may_have_conversations() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    fill(&world, alice.account(), CONVERSATIONS_PER_ACCOUNT_MAX, 1).await;
    let newest = CONVERSATIONS_PER_ACCOUNT_MAX as u64;
    let id = world.conversation_id();
    assert_eq!(code(world.ask(&alice, put(id, 0, "more")).await), "forbidden");
    assert_eq!(alice.sync(&world).await.records_change, newest);
    let answer = world.ask(&alice, put(filled(1), 1, "other")).await;
    let expected = RecordPut {
        after_change: newest,
        ..stored(filled(1), 2, 1)
    };
    assert_eq!(record_put(answer), expected);
    assert_eq!(
        record_put(world.ask(&bob, put(id, 0, "more")).await),
        stored(id, 1, 1)
    );
}

#[tokio::test]
async fn a_device_that_changes_records_too_often_is_told_when_to_come_back() {
    let mut world = World::with(DeliveryConfig {
        records: Rate::per(2, Duration::from_mins(1)),
        ..DeliveryConfig::default()
    });
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let id = world.conversation_id();
    for replaces in [0, 1] {
        assert!(record_put(world.ask(&alice, put(id, replaces, "value")).await).stored);
    }
    let refused = problem(world.ask(&alice, put(id, 2, "value")).await);
    assert_eq!(refused.code, "rate_limited");
    assert!(refused.retry_after_ms > 0);
    assert_eq!(fetched(&world, &alice, 0).await.newest_change, change(2));
    assert!(record_put(world.ask(&phone, put(id, 2, "value")).await).stored);
    world.clock.advance(Duration::from_mins(1));
    assert!(record_put(world.ask(&alice, put(id, 3, "value")).await).stored);
}
