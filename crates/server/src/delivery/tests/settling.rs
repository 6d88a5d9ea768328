//! The time after a start, in which groups wait for devices that may know a later state.

use std::time::Duration;

use subrosa_wire::{
    ConversationId,
    frames::{Acknowledge, Cursor, client_frame::Request, server_frame::Body},
};

use super::world::{Device, World, appended, code};
use crate::limits::SETTLING_TIME;

/// Alice and Bob, and a server that has begun anew since they talked.
async fn started() -> (World, Device, Device, ConversationId) {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    world.clock.advance(Duration::from_mins(1));
    let world = world.restart().await;
    (world, alice, bob, id)
}

async fn report(world: &World, device: &Device, id: ConversationId) {
    let acknowledge = Acknowledge {
        cursors: vec![Cursor {
            conversation_id: id.to_vec().into(),
            seq: 1,
        }],
    };
    let answer = world.ask(device, Request::Acknowledge(acknowledge)).await;
    assert!(matches!(answer, Body::Acknowledged(_)), "{answer:?}");
}

#[tokio::test]
async fn after_a_start_a_group_waits_for_its_other_devices() {
    let (world, alice, bob, id) = started().await;
    let commit = Request::Append(alice.self_update(id));
    assert_eq!(code(world.ask(&alice, commit.clone()).await), "commits_held");
    report(&world, &alice, id).await;
    assert_eq!(code(world.ask(&alice, commit.clone()).await), "commits_held");
    report(&world, &bob, id).await;
    assert_eq!(appended(world.ask(&alice, commit).await).seq, 2);
}

#[tokio::test]
async fn a_group_does_not_wait_for_ever() {
    let (world, alice, _, id) = started().await;
    let commit = Request::Append(alice.self_update(id));
    world.clock.advance(SETTLING_TIME);
    assert_eq!(appended(world.ask(&alice, commit).await).seq, 2);
}

#[tokio::test]
async fn messages_and_devices_that_come_in_do_not_wait() {
    let (mut world, alice, _, id) = started().await;
    assert_eq!(alice.send(&world, id, "hello").await.seq, 2);
    let second = world.link(&alice).await;
    let join = second.external_join(&world, id).await;
    assert_eq!(appended(world.ask(&second, Request::Append(join)).await).seq, 3);
}

#[tokio::test]
async fn a_group_that_began_since_does_not_wait() {
    let (mut world, _, bob, _) = started().await;
    let carol = world.sign_up("carol").await;
    let id = world.converse(&bob, &carol).await;
    assert_eq!(
        appended(world.ask(&bob, Request::Append(bob.self_update(id))).await).seq,
        2
    );
}
