//! Sealed objects: who may change one, who may read it, and what a race leaves.

use std::time::Duration;

use bytes::Bytes;
use subrosa_wire::{
    ConversationId,
    frames::{FetchObject, ObjectPut, PutObject, SealedObject, client_frame::Request, server_frame::Body},
    limits::{OBJECT_MAX, SEQ_MAX},
};

use super::world::{Device, World, code, problem};
use crate::{
    delivery::DeliveryConfig,
    limits::{OBJECTS_BYTES_MAX, OBJECTS_PER_ACCOUNT_MAX},
    rate::Rate,
    store::StoreError,
};

/// The id of an object.
fn object(number: u8) -> Bytes {
    vec![number; 16].into()
}

/// A value for object 1.
fn put(replaces: u64, sealed: &'static str) -> PutObject {
    PutObject {
        object_id: object(1),
        replaces,
        sealed: Bytes::from(sealed),
        conversation_id: Bytes::new(),
    }
}

fn put_for(id: ConversationId, replaces: u64, sealed: &'static str) -> PutObject {
    PutObject {
        conversation_id: id.to_vec().into(),
        ..put(replaces, sealed)
    }
}

async fn ask(world: &World, device: &Device, put: PutObject) -> Body {
    world.ask(device, Request::PutObject(put)).await
}

#[track_caller]
fn object_put(body: Body) -> (bool, u64) {
    match body {
        Body::ObjectPut(ObjectPut { stored, revision }) => (stored, revision),
        other => panic!("{other:?}"),
    }
}

/// Revision and value of object 1, for a device that has this revision.
async fn fetched(world: &World, device: &Device, known_revision: u64) -> (u64, Bytes) {
    let fetch = FetchObject {
        object_id: object(1),
        known_revision,
    };
    match world.ask(device, Request::FetchObject(fetch)).await {
        Body::Object(SealedObject {
            object_id,
            revision,
            sealed,
        }) => {
            assert_eq!(object_id, object(1));
            (revision, sealed)
        }
        other => panic!("{other:?}"),
    }
}

/// Gives an account this many objects of this many bytes each.
async fn fill(world: &World, device: &Device, count: usize, bytes: usize) {
    let account_id = device.account();
    let counts = [count, bytes].map(|count| i64::try_from(count).unwrap());
    let fill = world.store.write("test", move |context| {
        let changed = context.connection.execute(
            "WITH RECURSIVE numbers (number) AS
                 (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?2)
             INSERT INTO objects SELECT randomblob(16), ?1, NULL, 1, zeroblob(?3), ?3, 0 FROM numbers",
            (account_id.as_bytes(), counts[0], counts[1]),
        )?;
        Ok::<_, StoreError>(changed)
    });
    assert_eq!(fill.await, Ok(count));
}

#[tokio::test]
async fn an_object_is_made_replaced_fetched_and_deleted() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let phone = world.link(&alice).await;
    assert_eq!(fetched(&world, &bob, 0).await, (0, Bytes::new()));
    assert_eq!(object_put(ask(&world, &alice, put(0, "one")).await), (true, 1));
    assert_eq!(object_put(ask(&world, &phone, put(1, "two")).await), (true, 2));
    // Whoever knows the id can read it, and gets nothing that they have.
    for (known, value) in [(0, "two"), (1, "two"), (2, ""), (3, "two"), (u64::MAX, "two")] {
        assert_eq!(fetched(&world, &bob, known).await, (2, Bytes::from(value)));
    }
    assert_eq!(object_put(ask(&world, &alice, put(1, "")).await), (false, 2));
    assert_eq!(object_put(ask(&world, &alice, put(2, "")).await), (true, 0));
    assert_eq!(fetched(&world, &bob, 2).await, (0, Bytes::new()));
}

#[tokio::test]
async fn of_two_devices_that_change_an_object_the_first_wins_and_retries_find_what_they_did() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    for (device, replaces, sealed, expected) in [
        (&alice, 1, "early", (false, 0)),
        (&alice, 0, "one", (true, 1)),
        (&alice, 0, "one", (true, 1)),
        (&phone, 0, "other", (false, 1)),
        (&alice, 1, "two", (true, 2)),
        (&phone, 1, "other", (false, 2)),
        (&alice, 1, "two", (true, 2)),
        (&alice, 0, "one", (false, 2)),
        (&alice, SEQ_MAX, "far", (false, 2)),
        (&alice, 2, "", (true, 0)),
        (&alice, 2, "", (true, 0)),
        (&alice, 1, "two", (false, 0)),
    ] {
        let answer = ask(&world, device, put(replaces, sealed)).await;
        assert_eq!(object_put(answer), expected, "{sealed:?} for {replaces}");
    }
}

#[tokio::test]
async fn an_object_of_an_account_is_not_changed_by_another() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    object_put(ask(&world, &alice, put(0, "one")).await);
    for replaces in [1, 2] {
        for change in [
            put(replaces, "his"),
            put(replaces, ""),
            put_for(id, replaces, "his"),
        ] {
            assert_eq!(code(ask(&world, &bob, change).await), "forbidden");
        }
    }
    // That the id is taken is all that he learns, whatever the value.
    for sealed in ["one", "his"] {
        assert_eq!(object_put(ask(&world, &bob, put(0, sealed)).await), (false, 1));
    }
    assert_eq!(fetched(&world, &alice, 0).await, (1, Bytes::from("one")));
}

#[tokio::test]
async fn an_object_of_a_conversation_is_changed_by_its_accounts_alone() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = world.converse(&alice, &bob).await;
    let unknown = world.conversation_id();
    let refused = ask(&world, &carol, put_for(id, 0, "hers")).await;
    assert_eq!(code(refused), "not_a_member");
    let refused = ask(&world, &alice, put_for(unknown, 0, "one")).await;
    assert_eq!(code(refused), "not_a_member");
    let answer = ask(&world, &alice, put_for(id, 0, "one")).await;
    assert_eq!(object_put(answer), (true, 1));
    // The conversation of an object that exists is not looked at.
    assert_eq!(object_put(ask(&world, &bob, put(1, "two")).await), (true, 2));
    let answer = ask(&world, &alice, put_for(unknown, 2, "three")).await;
    assert_eq!(object_put(answer), (true, 3));
    assert_eq!(
        code(ask(&world, &carol, put_for(id, 3, "hers")).await),
        "forbidden"
    );
    assert_eq!(fetched(&world, &carol, 0).await, (3, Bytes::from("three")));
}

#[tokio::test]
async fn an_object_that_cannot_be_is_refused_and_nothing_is_stored() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let good = PutObject {
        sealed: vec![1; OBJECT_MAX].into(),
        ..put(0, "")
    };
    let with = |spoil: fn(&mut PutObject)| {
        let mut put = good.clone();
        spoil(&mut put);
        put
    };
    let bad = [
        (with(|put| put.object_id = Bytes::new()), "malformed_request"),
        (
            with(|put| put.object_id = vec![1; 17].into()),
            "malformed_request",
        ),
        (
            with(|put| put.conversation_id = vec![1; 15].into()),
            "malformed_request",
        ),
        // There is nothing to delete.
        (with(|put| put.sealed = Bytes::new()), "malformed_request"),
        (
            with(|put| put.sealed = vec![1; OBJECT_MAX + 1].into()),
            "too_large",
        ),
        (with(|put| put.replaces = SEQ_MAX + 1), "malformed_request"),
    ];
    for (put, expected) in bad {
        assert_eq!(code(ask(&world, &alice, put).await), expected);
    }
    let fetch = FetchObject {
        object_id: vec![1; 15].into(),
        known_revision: 0,
    };
    let refused = world.ask(&alice, Request::FetchObject(fetch)).await;
    assert_eq!(code(refused), "malformed_request");
    assert_eq!(fetched(&world, &alice, 0).await.0, 0);
    assert_eq!(object_put(ask(&world, &alice, good).await), (true, 1));
}

#[tokio::test]
async fn an_account_has_as_many_objects_and_bytes_in_them_as_it_may_have() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    fill(&world, &alice, OBJECTS_PER_ACCOUNT_MAX, 1).await;
    let mib = 1024 * 1024;
    fill(
        &world,
        &bob,
        usize::try_from(OBJECTS_BYTES_MAX).unwrap() / mib,
        mib,
    )
    .await;
    for device in [&alice, &bob] {
        assert_eq!(code(ask(&world, device, put(0, "more")).await), "forbidden");
    }
    assert_eq!(object_put(ask(&world, &carol, put(0, "more")).await), (true, 1));
}

#[tokio::test]
async fn objects_are_there_after_a_restart() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    object_put(ask(&world, &alice, put(0, "one")).await);
    let world = world.restart().await;
    assert_eq!(fetched(&world, &alice, 0).await, (1, Bytes::from("one")));
}

#[tokio::test]
async fn a_device_that_changes_objects_too_often_is_told_when_to_come_back() {
    let mut world = World::with(DeliveryConfig {
        objects: Rate::per(2, Duration::from_mins(1)),
        ..DeliveryConfig::default()
    });
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    for replaces in [0, 1] {
        object_put(ask(&world, &alice, put(replaces, "value")).await);
    }
    let refused = problem(ask(&world, &alice, put(2, "value")).await);
    assert_eq!(refused.code, "rate_limited");
    assert!(refused.retry_after_ms > 0);
    assert_eq!(fetched(&world, &alice, 0).await.0, 2);
    assert_eq!(object_put(ask(&world, &phone, put(2, "other")).await), (true, 3));
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(object_put(ask(&world, &alice, put(3, "value")).await), (true, 4));
}
