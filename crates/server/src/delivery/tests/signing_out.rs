//! A device that is signed out.

use subrosa_wire::frames::{Notice, StateChanged, client_frame::Request, notice, server_frame::Body};

use super::world::{Device, START, World, code, frames};
use crate::{push::Closing, store::AccountStore as _};

async fn sign_out(world: &World, device: &Device) {
    world
        .store
        .sign_out(device.session.device_id, START)
        .await
        .unwrap();
    world
        .service
        .device_signed_out(device.session.account_id, device.session.device_id)
        .await
        .unwrap();
}

#[tokio::test]
async fn its_connection_is_told_and_closed_and_the_other_devices_are_told() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let (at_alice, at_phone) = (world.connect(&alice), world.connect(&phone));
    sign_out(&world, &phone).await;
    assert_eq!(at_phone.try_drain().unwrap().closing, Some(Closing::SignedOut));
    let pushed = frames(&at_alice).await;
    let Some(Body::Notice(Notice { kind: Some(kind) })) = &pushed[0].body else {
        panic!("{pushed:?}")
    };
    assert_eq!(*kind, notice::Kind::StateChanged(StateChanged {}));
    assert_eq!(
        alice.sync(&world).await.own_devices,
        [alice.session.device_id.to_vec()]
    );
}

#[tokio::test]
async fn it_cannot_send_even_with_a_request_that_is_under_way() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    bob.send(&world, id, "before").await;
    sign_out(&world, &bob).await;
    assert_eq!(
        code(world.ask(&bob, Request::Append(bob.message(id, "after"))).await),
        "device_signed_out"
    );
    assert_eq!(
        code(world.ask(&bob, Request::Append(bob.self_update(id))).await),
        "device_signed_out"
    );
    assert_eq!(alice.log(&world, id, 0).await.head_seq, 2);
}

#[tokio::test]
async fn its_key_packages_and_welcomes_are_gone() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.conversation_id();
    let create = alice.creation(&world, &bob, id).await;
    super::world::appended(world.ask(&alice, Request::CreateConversation(create)).await);
    assert_eq!(bob.sync(&world).await.welcomes.len(), 1);
    sign_out(&world, &bob).await;
    let state = bob.sync(&world).await;
    assert!(state.welcomes.is_empty());
    assert_eq!(
        (state.key_packages_left, state.has_last_resort_key_package),
        (0, false)
    );
}
