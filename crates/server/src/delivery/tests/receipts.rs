//! Receipts: a device replaces its own, and those hear of it whom it names.

use std::time::Duration;

use bytes::Bytes;
use subrosa_mls::CommitPlan;
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{
        ConversationReceipts, FetchReceipts, PutReceipt, Receipt, ReceiptChanged, ReceiptPut, ReceiptsAfter,
        ServerFrame, client_frame::Request, server_frame::Body,
    },
    limits::{RECEIPT_MAX, RECEIPT_READERS_MAX, RECEIPT_VERSION_MAX, RECEIPTS_PER_PAGE_MAX},
};

use super::{
    restoring::{back_up, put_back},
    world::{Device, START, World, appended, code, problem, waiting},
};
use crate::{
    delivery::DeliveryConfig,
    rate::Rate,
    store::{AccountStore as _, StoreError},
};

fn put(id: ConversationId, version: u64, sealed: &'static str) -> PutReceipt {
    PutReceipt {
        conversation_id: id.to_vec().into(),
        version,
        sealed: Bytes::from(sealed),
        readers: Vec::new(),
    }
}

fn put_for(id: ConversationId, version: u64, sealed: &'static str, readers: &[AccountId]) -> PutReceipt {
    PutReceipt {
        readers: readers.iter().map(|reader| reader.to_vec().into()).collect(),
        ..put(id, version, sealed)
    }
}

/// The number of the conversation's nth change if all are made at [`START`]; 0 for none.
fn change(nth: u64) -> u64 {
    match nth {
        0 => 0,
        nth => START.as_millis() + nth - 1,
    }
}

/// The answer to a device whose value was stored as the conversation's nth change.
fn stored(version: u64, nth: u64) -> ReceiptPut {
    ReceiptPut {
        version,
        change: change(nth),
        after_change: change(nth - 1),
    }
}

fn not_stored(version: u64) -> ReceiptPut {
    ReceiptPut {
        version,
        change: 0,
        after_change: 0,
    }
}

async fn ask(world: &World, device: &Device, put: PutReceipt) -> ReceiptPut {
    match world.ask(device, Request::PutReceipt(put)).await {
        Body::ReceiptPut(put) => put,
        other => panic!("{other:?}"),
    }
}

fn after(id: ConversationId, after_change: u64) -> ReceiptsAfter {
    ReceiptsAfter {
        conversation_id: id.to_vec().into(),
        after_change,
    }
}

async fn fetch(
    world: &World,
    device: &Device,
    conversations: Vec<ReceiptsAfter>,
) -> Vec<ConversationReceipts> {
    let fetch = Request::FetchReceipts(FetchReceipts { conversations });
    match world.ask(device, fetch).await {
        Body::ReceiptsPage(page) => page.conversations,
        other => panic!("{other:?}"),
    }
}

/// The receipts of one conversation, as values in the order of their changes.
async fn values(world: &World, device: &Device, id: ConversationId) -> Vec<Bytes> {
    let mut page = fetch(world, device, vec![after(id, 0)]).await;
    assert_eq!(page.len(), 1);
    page.remove(0)
        .receipts
        .into_iter()
        .map(|receipt| receipt.sealed)
        .collect()
}

/// The receipt that a device left by the conversation's nth change.
fn receipt(device: &Device, version: u64, nth: u64, sealed: &'static str) -> Receipt {
    Receipt {
        conversation_id: Bytes::new(),
        device_id: device.session.device_id.to_vec().into(),
        version,
        change: change(nth),
        sealed: Bytes::from(sealed),
    }
}

fn push(id: ConversationId, receipt: Receipt, nth_before: u64) -> ServerFrame {
    ServerFrame {
        request_id: 0,
        body: Some(Body::ReceiptChanged(ReceiptChanged {
            receipt: Some(Receipt {
                conversation_id: id.to_vec().into(),
                ..receipt
            }),
            after_change: change(nth_before),
        })),
    }
}

/// The newest change of a conversation, as a device's Sync shows it.
async fn head_change(world: &World, device: &Device, id: ConversationId) -> u64 {
    let heads = device.sync(world).await.conversations;
    heads
        .iter()
        .find(|head| head.conversation_id == id.to_vec())
        .unwrap()
        .receipts_change
}

/// Puts rows into the group of a conversation: devices of an account that are not signed in anywhere.
async fn add_members(world: &World, id: ConversationId, account_id: AccountId, count: usize) {
    let count = i64::try_from(count).unwrap();
    let fill = world.store.write("test", move |context| {
        context.connection.execute(
            "WITH RECURSIVE numbers (number) AS
                 (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?3)
             INSERT INTO members SELECT c.number, CAST(printf('%016d', n.number) AS BLOB), ?2, 0, 0, 0, 0, 0
             FROM conversations c, numbers n WHERE c.id = ?1",
            (id.as_bytes(), account_id.as_bytes(), count),
        )?;
        Ok::<_, StoreError>(())
    });
    fill.await.unwrap();
}

#[tokio::test]
async fn a_receipt_is_pushed_to_the_connected_devices_of_its_readers_alone() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let (phone, tablet) = (world.link(&alice).await, world.link(&bob).await);
    // Alice's phone is in the group, Bob's tablet is not.
    let id = world.converse(&bob, &alice).await;
    phone.join_by_welcome(&world).await;
    let everybody = [&alice, &phone, &bob, &tablet, &carol];
    let connections = everybody.map(|device| world.connect(device));
    let readers = [bob.account(), carol.account()];
    let answer = ask(&world, &alice, put_for(id, 1, "one", &readers)).await;
    assert_eq!(answer, stored(1, 1));
    let expected = push(id, receipt(&alice, 1, 1, "one"), 0);
    for (index, connection) in connections.iter().enumerate() {
        let expected = if index == 2 {
            vec![expected.clone()]
        } else {
            vec![]
        };
        assert_eq!(waiting(connection), expected, "{index}");
    }
    // The account's other devices can be readers; the device itself cannot.
    ask(&world, &alice, put_for(id, 2, "two", &[alice.account()])).await;
    let expected = push(id, receipt(&alice, 2, 2, "two"), 1);
    for (index, connection) in connections.iter().enumerate() {
        let expected = if index == 1 {
            vec![expected.clone()]
        } else {
            vec![]
        };
        assert_eq!(waiting(connection), expected, "{index}");
    }
    ask(&world, &alice, put(id, 3, "three")).await;
    assert!(
        connections
            .iter()
            .all(|connection| waiting(connection).is_empty())
    );
    assert_eq!(values(&world, &bob, id).await, ["three"]);
}

#[tokio::test]
async fn what_is_not_new_is_pushed_to_nobody_and_the_answer_says_what_became_of_it() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let put = |version, sealed| put_for(id, version, sealed, &[bob.account()]);
    assert_eq!(ask(&world, &alice, put(5, "five")).await, stored(5, 1));
    let at_bob = world.connect(&bob);
    let again = ReceiptPut {
        after_change: change(1),
        ..stored(5, 1)
    };
    assert_eq!(ask(&world, &alice, put(5, "five")).await, again);
    assert_eq!(ask(&world, &alice, put(5, "other")).await, not_stored(5));
    assert_eq!(ask(&world, &alice, put(4, "older")).await, not_stored(5));
    assert!(waiting(&at_bob).is_empty());
    assert_eq!(values(&world, &bob, id).await, ["five"]);
    assert_eq!(ask(&world, &alice, put(6, "six")).await, stored(6, 2));
    assert_eq!(waiting(&at_bob).len(), 1);
}

#[tokio::test]
async fn a_receipt_is_refused_to_whom_a_message_would_be() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = world.converse(&alice, &bob).await;
    // Alice's phone has signed in, and is not in the group yet.
    let phone = world.link(&alice).await;
    let unknown = world.conversation_id();
    for (device, id) in [(&carol, id), (&phone, id), (&alice, unknown)] {
        let refused = world.ask(device, Request::PutReceipt(put(id, 1, "one"))).await;
        assert_eq!(code(refused), "not_a_member");
        let none = ConversationReceipts {
            conversation_id: id.to_vec().into(),
            ..ConversationReceipts::default()
        };
        assert_eq!(fetch(&world, device, vec![after(id, 0)]).await, [none]);
    }
    world.store.sign_out(bob.session.device_id, START).await.unwrap();
    let refused = world.ask(&bob, Request::PutReceipt(put(id, 1, "one"))).await;
    assert_eq!(code(refused), "device_signed_out");
    assert_eq!(head_change(&world, &alice, id).await, 0);
    assert_eq!(head_change(&world, &phone, id).await, 0);
}

#[tokio::test]
async fn a_receipt_that_cannot_be_is_refused_and_nothing_is_stored() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let good = PutReceipt {
        conversation_id: id.to_vec().into(),
        version: RECEIPT_VERSION_MAX,
        sealed: vec![1; RECEIPT_MAX].into(),
        readers: vec![vec![1; 16].into(); RECEIPT_READERS_MAX],
    };
    let with = |spoil: fn(&mut PutReceipt)| {
        let mut put = good.clone();
        spoil(&mut put);
        put
    };
    let bad = [
        (
            with(|put| put.conversation_id = vec![1; 15].into()),
            "malformed_request",
        ),
        (with(|put| put.version = 0), "malformed_request"),
        (
            with(|put| put.version = RECEIPT_VERSION_MAX + 1),
            "malformed_request",
        ),
        (with(|put| put.version = u64::MAX), "malformed_request"),
        (with(|put| put.sealed = Bytes::new()), "malformed_request"),
        (
            with(|put| put.sealed = vec![1; RECEIPT_MAX + 1].into()),
            "too_large",
        ),
        (
            with(|put| put.readers[3] = vec![1; 17].into()),
            "malformed_request",
        ),
        (with(|put| put.readers.push(vec![1; 16].into())), "too_large"),
    ];
    for (put, expected) in bad {
        assert_eq!(code(world.ask(&alice, Request::PutReceipt(put)).await), expected);
    }
    assert_eq!(head_change(&world, &alice, id).await, 0);
    // Readers that nobody knows are ignored.
    assert_eq!(ask(&world, &alice, good).await, stored(RECEIPT_VERSION_MAX, 1));
}

#[tokio::test]
async fn a_request_for_receipts_that_cannot_be_is_refused() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let (one, other) = (world.conversation_id(), world.conversation_id());
    let short = ReceiptsAfter {
        conversation_id: vec![1; 15].into(),
        after_change: 0,
    };
    for conversations in [
        vec![after(one, 0), short],
        vec![after(one, 0), after(other, 0), after(one, 7)],
    ] {
        let fetch = Request::FetchReceipts(FetchReceipts { conversations });
        assert_eq!(code(world.ask(&alice, fetch).await), "malformed_request");
    }
    assert!(fetch(&world, &alice, Vec::new()).await.is_empty());
}

#[tokio::test]
async fn a_device_gets_the_receipts_that_have_changed_since_it_asked_last() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = world.converse(&alice, &bob).await;
    let other = world.converse(&alice, &carol).await;
    ask(&world, &alice, put(id, 1, "hers")).await;
    ask(&world, &bob, put(id, 1, "his")).await;
    ask(&world, &alice, put(id, 2, "hers again")).await;
    ask(&world, &carol, put(other, 1, "carol's")).await;
    let page = |id: ConversationId, receipts, newest| ConversationReceipts {
        conversation_id: id.to_vec().into(),
        receipts,
        newest_change: change(newest),
    };
    let his = receipt(&bob, 1, 2, "his");
    let hers = receipt(&alice, 2, 3, "hers again");
    let carols = receipt(&carol, 1, 1, "carol's");
    let all = fetch(&world, &alice, vec![after(other, 0), after(id, 0)]).await;
    assert_eq!(
        all,
        [page(other, vec![carols], 1), page(id, vec![his, hers.clone()], 3)]
    );
    let newer = fetch(
        &world,
        &alice,
        vec![after(id, change(2)), after(other, change(1))],
    )
    .await;
    assert_eq!(newer, [page(id, vec![hers], 3), page(other, Vec::new(), 1)]);
    assert_eq!(head_change(&world, &alice, id).await, change(3));
    assert_eq!(head_change(&world, &bob, id).await, change(3));
}

#[tokio::test]
async fn a_removed_device_leaves_no_receipt_and_puts_no_other() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let phone = world.link(&alice).await;
    let id = world.converse(&bob, &alice).await;
    phone.join_by_welcome(&world).await;
    ask(&world, &alice, put(id, 1, "kept")).await;
    ask(&world, &phone, put(id, 1, "the phone's")).await;
    let readers = [alice.account()];
    // The audience is in memory before the commit.
    ask(&world, &bob, put_for(id, 1, "his", &readers)).await;
    let plan = CommitPlan {
        remove: vec![phone.session.device_id],
        ..CommitPlan::default()
    };
    appended(world.ask(&alice, Request::Append(alice.commit(id, plan))).await);
    assert_eq!(values(&world, &bob, id).await, ["kept", "his"]);
    let refused = world.ask(&phone, Request::PutReceipt(put(id, 2, "late"))).await;
    assert_eq!(code(refused), "not_a_member");
    let (at_alice, at_phone) = (world.connect(&alice), world.connect(&phone));
    ask(&world, &bob, put_for(id, 2, "his again", &readers)).await;
    assert_eq!((waiting(&at_alice).len(), waiting(&at_phone).len()), (1, 0));
}

#[tokio::test]
async fn nothing_is_pushed_in_a_conversation_of_too_many_accounts() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let fill = world.store.write("test", move |context| {
        for number in 1..=49_u8 {
            context.connection.execute(
                "INSERT INTO conversation_accounts SELECT ?2, number FROM conversations WHERE id = ?1",
                (id.as_bytes(), [number; 16]),
            )?;
        }
        Ok::<_, StoreError>(())
    });
    fill.await.unwrap();
    let at_bob = world.connect(&bob);
    let answer = ask(&world, &alice, put_for(id, 1, "one", &[bob.account()])).await;
    assert_eq!(answer, stored(1, 1));
    assert!(waiting(&at_bob).is_empty());
    assert_eq!(values(&world, &bob, id).await, ["one"]);
}

#[tokio::test]
async fn a_page_of_receipts_is_cut_in_the_order_of_changes() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let (large, small) = (
        world.converse(&alice, &bob).await,
        world.converse(&alice, &carol).await,
    );
    add_members(&world, large, bob.account(), RECEIPTS_PER_PAGE_MAX).await;
    let fill = world.store.write("test", move |context| {
        context.connection.execute(
            "INSERT INTO receipts SELECT conversation, device, 1, row_number() OVER (ORDER BY device), zeroblob(256)
             FROM members WHERE conversation = (SELECT number FROM conversations WHERE id = ?1)",
            [large.as_bytes()],
        )?;
        context.connection.execute(
            "UPDATE conversations SET receipts_change = ?2 WHERE id = ?1",
            (large.as_bytes(), i64::try_from(RECEIPTS_PER_PAGE_MAX + 2).unwrap()),
        )?;
        Ok::<_, StoreError>(())
    });
    fill.await.unwrap();
    ask(&world, &alice, put(small, 1, "one")).await;
    let first = fetch(&world, &alice, vec![after(large, 0), after(small, 0)]).await;
    let newest = RECEIPTS_PER_PAGE_MAX as u64 + 2;
    assert_eq!((first.len(), first[0].newest_change), (1, newest));
    assert_eq!(first[0].receipts.len(), RECEIPTS_PER_PAGE_MAX);
    let last = first[0].receipts[RECEIPTS_PER_PAGE_MAX - 1].change;
    assert_eq!(last, newest - 2);
    let second = fetch(&world, &alice, vec![after(large, last), after(small, 0)]).await;
    let lengths: Vec<_> = second.iter().map(|page| page.receipts.len()).collect();
    assert_eq!(lengths, [2, 1]);
}

#[tokio::test]
async fn receipts_are_there_after_a_restart_and_are_numbered_on() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    ask(&world, &alice, put(id, 1, "one")).await;
    let world = world.restart().await;
    assert_eq!(values(&world, &bob, id).await, ["one"]);
    assert_eq!(ask(&world, &alice, put(id, 1, "late")).await, not_stored(1));
    assert_eq!(ask(&world, &alice, put(id, 2, "two")).await, stored(2, 2));
}

#[tokio::test]
async fn a_restored_server_takes_a_lost_receipt_again_under_a_new_number() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    ask(&world, &alice, put(id, 1, "one")).await;
    let (world, copy) = back_up(world).await;
    ask(&world, &alice, put(id, 2, "lost")).await;
    let known = head_change(&world, &bob, id).await;
    let world = put_back(world, &copy).await;
    let answer = ask(&world, &alice, put(id, 2, "lost")).await;
    assert!(answer.change > known, "{answer:?}");
    let page = fetch(&world, &bob, vec![after(id, known)]).await;
    let sealed: Vec<_> = page[0]
        .receipts
        .iter()
        .map(|receipt| &receipt.sealed[..])
        .collect();
    assert_eq!(sealed, [b"lost"]);
}

#[tokio::test]
async fn a_device_that_puts_receipts_too_often_is_told_when_to_come_back() {
    let mut world = World::with(DeliveryConfig {
        receipts: Rate::per(2, Duration::from_mins(1)),
        ..DeliveryConfig::default()
    });
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    for version in [1, 2] {
        ask(&world, &alice, put(id, version, "value")).await;
    }
    let refused = problem(world.ask(&alice, Request::PutReceipt(put(id, 3, "value"))).await);
    assert_eq!(refused.code, "rate_limited");
    assert!(refused.retry_after_ms > 0);
    ask(&world, &bob, put(id, 1, "value")).await;
    world.clock.advance(Duration::from_mins(1));
    assert!(ask(&world, &alice, put(id, 3, "value")).await.change > 0);
}
