//! Signals: they reach who is there now, and nothing of them remains.

use std::time::Duration;

use bytes::Bytes;
use subrosa_wire::{
    ConversationId,
    frames::{PassOn, ServerFrame, Signal, client_frame::Request, server_frame::Body},
    limits::{SIGNAL_MAX, SIGNALS_PER_FRAME_MAX},
};

use super::world::{Device, START, World, appended, code, frames, problem, waiting};
use crate::{
    delivery::DeliveryConfig,
    limits::OUTBOX_FRAMES_SIGNALS_MAX,
    rate::Rate,
    store::{AccountStore as _, StoreError},
};

fn signal(id: ConversationId, sealed: &'static str) -> Signal {
    Signal {
        conversation_id: id.to_vec().into(),
        device_id: Bytes::new(),
        sealed: Bytes::from(sealed),
    }
}

async fn pass_on(world: &World, device: &Device, signals: Vec<Signal>) {
    let answer = world.ask(device, Request::PassOn(PassOn { signals })).await;
    assert!(matches!(answer, Body::Acknowledged(_)), "{answer:?}");
}

fn push(id: ConversationId, sender: &Device, sealed: &'static str) -> ServerFrame {
    ServerFrame {
        request_id: 0,
        body: Some(Body::Signal(Signal {
            device_id: sender.session.device_id.to_vec().into(),
            ..signal(id, sealed)
        })),
    }
}

#[tokio::test]
async fn a_signal_reaches_the_connected_devices_of_the_other_accounts_alone() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let (phone, tablet) = (world.link(&alice).await, world.link(&bob).await);
    // Alice's phone is in the group, Bob's tablet is not.
    let id = world.converse(&bob, &alice).await;
    phone.join_by_welcome(&world).await;
    let [at_alice, at_phone, at_bob, at_tablet] =
        [&alice, &phone, &bob, &tablet].map(|device| world.connect(device));
    pass_on(&world, &bob, vec![signal(id, "typing")]).await;
    for connection in [&at_alice, &at_phone] {
        assert_eq!(waiting(connection), [push(id, &bob, "typing")]);
    }
    assert!(waiting(&at_bob).is_empty() && waiting(&at_tablet).is_empty());
    pass_on(&world, &alice, vec![signal(id, "there")]).await;
    assert_eq!(waiting(&at_bob), [push(id, &alice, "there")]);
    for connection in [&at_alice, &at_phone, &at_tablet] {
        assert!(waiting(connection).is_empty());
    }
}

#[tokio::test]
async fn the_sender_of_a_signal_is_named_by_the_server() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let at_bob = world.connect(&bob);
    let forged = Signal {
        device_id: bob.session.device_id.to_vec().into(),
        ..signal(id, "typing")
    };
    pass_on(&world, &alice, vec![forged]).await;
    assert_eq!(waiting(&at_bob), [push(id, &alice, "typing")]);
}

#[tokio::test]
async fn of_several_signals_those_go_on_that_can() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = world.converse(&alice, &bob).await;
    let not_hers = world.converse(&bob, &carol).await;
    let unknown = world.conversation_id();
    let at_bob = world.connect(&bob);
    let signals = vec![
        signal(not_hers, "strange"),
        signal(id, "one"),
        signal(unknown, "lost"),
        signal(id, "two"),
    ];
    pass_on(&world, &alice, signals).await;
    assert_eq!(
        waiting(&at_bob),
        [push(id, &alice, "one"), push(id, &alice, "two")]
    );
    pass_on(&world, &alice, Vec::new()).await;
}

#[tokio::test]
async fn who_is_not_in_the_group_signals_to_nobody_and_hears_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let phone = world.link(&alice).await;
    let (at_bob, at_phone) = (world.connect(&bob), world.connect(&phone));
    pass_on(&world, &phone, vec![signal(id, "early")]).await;
    pass_on(&world, &bob, vec![signal(id, "early")]).await;
    assert!(waiting(&at_bob).is_empty() && waiting(&at_phone).is_empty());
    let join = phone.external_join(&world, id).await;
    appended(world.ask(&phone, Request::Append(join)).await);
    // The commit.
    assert_eq!(frames(&at_bob).await.len(), 1);
    pass_on(&world, &phone, vec![signal(id, "now")]).await;
    pass_on(&world, &bob, vec![signal(id, "now")]).await;
    assert_eq!(waiting(&at_bob), [push(id, &phone, "now")]);
    assert_eq!(waiting(&at_phone), [push(id, &bob, "now")]);
    world
        .store
        .sign_out(phone.session.device_id, START)
        .await
        .unwrap();
    pass_on(&world, &phone, vec![signal(id, "late")]).await;
    pass_on(&world, &bob, vec![signal(id, "late")]).await;
    assert!(waiting(&at_bob).is_empty() && waiting(&at_phone).is_empty());
}

#[tokio::test]
async fn no_signal_goes_on_in_a_conversation_of_too_many_accounts() {
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
    pass_on(&world, &alice, vec![signal(id, "typing")]).await;
    assert!(waiting(&at_bob).is_empty());
}

#[tokio::test]
async fn signals_that_cannot_be_are_refused_and_none_of_the_request_goes_on() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let at_bob = world.connect(&bob);
    let good = Signal {
        sealed: vec![1; SIGNAL_MAX].into(),
        ..signal(id, "")
    };
    let too_long = Signal {
        sealed: vec![1; SIGNAL_MAX + 1].into(),
        ..good.clone()
    };
    let short_id = Signal {
        conversation_id: vec![1; 15].into(),
        ..good.clone()
    };
    for (signals, expected) in [
        (vec![good.clone(), signal(id, "")], "malformed_request"),
        (vec![good.clone(), too_long], "too_large"),
        (vec![good.clone(), short_id], "malformed_request"),
        (vec![good.clone(); SIGNALS_PER_FRAME_MAX + 1], "too_large"),
    ] {
        let refused = world.ask(&alice, Request::PassOn(PassOn { signals })).await;
        assert_eq!(code(refused), expected);
    }
    assert!(waiting(&at_bob).is_empty());
    pass_on(&world, &alice, vec![good; SIGNALS_PER_FRAME_MAX]).await;
    assert_eq!(waiting(&at_bob).len(), SIGNALS_PER_FRAME_MAX);
}

#[tokio::test]
async fn a_device_that_signals_too_often_is_told_when_to_come_back() {
    let mut world = World::with(DeliveryConfig {
        signals: Rate::per(10, Duration::from_secs(10)),
        ..DeliveryConfig::default()
    });
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let (at_alice, at_bob) = (world.connect(&alice), world.connect(&bob));
    pass_on(&world, &alice, vec![signal(id, "typing"); 6]).await;
    // Each signal counts, and none goes on if there is no room for all.
    let five = || {
        Request::PassOn(PassOn {
            signals: vec![signal(id, "typing"); 5],
        })
    };
    let refused = problem(world.ask(&alice, five()).await);
    assert_eq!(
        (refused.code.as_str(), refused.retry_after_ms),
        ("rate_limited", 1_000)
    );
    assert_eq!(waiting(&at_bob).len(), 6);
    pass_on(&world, &bob, vec![signal(id, "typing"); 10]).await;
    assert_eq!(waiting(&at_alice).len(), 10);
    world.clock.advance(Duration::from_secs(1));
    pass_on(&world, &alice, vec![signal(id, "typing"); 5]).await;
    assert_eq!(waiting(&at_bob).len(), 5);
}

#[tokio::test]
async fn a_flood_of_signals_closes_no_connection_and_pushes_no_message_out() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let at_bob = world.connect(&bob);
    let flood = vec![signal(id, "typing"); SIGNALS_PER_FRAME_MAX];
    for _ in 0..OUTBOX_FRAMES_SIGNALS_MAX / SIGNALS_PER_FRAME_MAX + 2 {
        pass_on(&world, &alice, flood.clone()).await;
    }
    alice.send(&world, id, "hello").await;
    let mut pushed = Vec::new();
    while !matches!(
        pushed.last(),
        Some(ServerFrame {
            body: Some(Body::Deliver(_)),
            ..
        })
    ) {
        pushed.extend(frames(&at_bob).await);
    }
    assert_eq!(pushed.len(), OUTBOX_FRAMES_SIGNALS_MAX + 1);
}
