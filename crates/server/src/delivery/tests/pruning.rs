//! Pruning: what everybody has stored goes, what is too old goes, the rest stays.

use std::time::Duration;

use subrosa_wire::{
    ConversationId,
    frames::{Acknowledge, Cursor, client_frame::Request},
};

use super::world::{Device, START, World, appended, fetch_log, problem};
use crate::{delivery::pruning, store::AccountStore as _};

async fn acknowledge(world: &World, device: &Device, id: ConversationId, seq: u64) {
    let cursor = Cursor {
        conversation_id: id.to_vec().into(),
        seq,
    };
    world
        .ask(
            device,
            Request::Acknowledge(Acknowledge {
                cursors: vec![cursor],
            }),
        )
        .await;
}

async fn prune(world: &World) -> u64 {
    pruning::round(world.store.as_ref(), world.clock.as_ref(), &world.config)
        .await
        .unwrap()
}

fn seqs(page: subrosa_wire::frames::LogPage) -> Vec<u64> {
    page.entries.into_iter().map(|entry| entry.seq).collect()
}

#[tokio::test]
async fn an_entry_goes_once_every_device_has_stored_it() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    for text in ["one", "two"] {
        alice.send(&world, id, text).await;
    }
    acknowledge(&world, &alice, id, 3).await;
    acknowledge(&world, &bob, id, 2).await;
    // The cursors travel with the next message.
    alice.send(&world, id, "three").await;
    assert_eq!(prune(&world).await, 2);
    assert_eq!(seqs(bob.log(&world, id, 2).await), [3, 4]);
    assert_eq!(prune(&world).await, 0);
}

#[tokio::test]
async fn who_asks_for_what_is_gone_is_told_so() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "one").await;
    acknowledge(&world, &alice, id, 2).await;
    acknowledge(&world, &bob, id, 2).await;
    alice.send(&world, id, "two").await;
    assert_eq!(prune(&world).await, 2);
    let refused = problem(world.ask(&alice, fetch_log(id, 0, 0)).await);
    assert_eq!(
        (refused.code.as_str(), refused.head_seq, refused.epoch),
        ("log_pruned", 3, 1)
    );
    // From the last one that it had there is no gap.
    assert_eq!(seqs(alice.log(&world, id, 2).await), [3]);
}

#[tokio::test]
async fn a_cursor_neither_moves_back_nor_beyond_the_head() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    acknowledge(&world, &alice, id, 1_000).await;
    acknowledge(&world, &bob, id, 1_000).await;
    alice.send(&world, id, "one").await;
    acknowledge(&world, &bob, id, 0).await;
    alice.send(&world, id, "two").await;
    // Whether the first cursors were written with seq 2 or before it: they never covered seq 3.
    assert!((1..=2).contains(&prune(&world).await));
    assert_eq!(seqs(bob.log(&world, id, 2).await), [3]);
}

#[tokio::test]
async fn what_is_past_its_time_goes_whatever_the_cursors_say() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "old").await;
    world.clock.advance(world.config.retention);
    alice.send(&world, id, "young").await;
    assert_eq!(prune(&world).await, 0, "not a moment too early");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(prune(&world).await, 2);
    assert_eq!(
        problem(world.ask(&bob, fetch_log(id, 1, 0)).await).code,
        "log_pruned"
    );
    assert_eq!(seqs(bob.log(&world, id, 2).await), [3]);
}

#[tokio::test]
async fn a_device_that_was_signed_out_holds_nothing_back() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let phone = world.link(&bob).await;
    let id = world.converse(&alice, &bob).await;
    phone.join_by_welcome(&world).await;
    alice.send(&world, id, "one").await;
    acknowledge(&world, &alice, id, 2).await;
    acknowledge(&world, &bob, id, 2).await;
    alice.send(&world, id, "two").await;
    assert_eq!(
        prune(&world).await,
        0,
        "the phone joined at 1 and has not stored that"
    );
    world
        .store
        .sign_out(phone.session.device_id, START)
        .await
        .unwrap();
    world
        .service
        .device_signed_out(phone.session.account_id, phone.session.device_id)
        .await
        .unwrap();
    assert_eq!(prune(&world).await, 2);
}

#[tokio::test]
async fn who_joins_after_pruning_needs_nothing_from_before() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    appended(world.ask(&alice, Request::Append(alice.self_update(id))).await);
    alice.merge(id);
    acknowledge(&world, &alice, id, 2).await;
    acknowledge(&world, &bob, id, 2).await;
    alice.send(&world, id, "one").await;
    assert_eq!(prune(&world).await, 2);
    let laptop = world.link(&alice).await;
    appended(
        world
            .ask(&laptop, Request::Append(laptop.external_join(&world, id).await))
            .await,
    );
    assert_eq!(laptop.send(&world, id, "here").await.seq, 5);
    assert_eq!(seqs(laptop.log(&world, id, 3).await), [4, 5]);
}
