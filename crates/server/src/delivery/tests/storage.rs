//! A full disk: nothing is half done, and the server goes on once there is space.

use subrosa_wire::frames::{client_frame::Request, server_frame::Body};

use super::world::{World, appended, frames, problem};
use crate::store::StoreError;

async fn set_page_limit(world: &World, pages: i64) {
    let set = world.store.write("test", move |context| {
        context
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok::<_, StoreError>(())
    });
    set.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_a_send_and_takes_the_same_one_later() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    set_page_limit(&world, 1).await;
    let text = "x".repeat(16 * 1024);
    let mut stored = 1;
    let refused = loop {
        let message = alice.message(id, &text);
        match world.ask(&alice, Request::Append(message.clone())).await {
            Body::Appended(answer) => stored = answer.seq,
            other => {
                let refused = problem(other);
                assert_eq!(refused.code, "storage_full");
                assert!(refused.retry_after_ms > 0);
                break message;
            }
        }
    };
    assert_eq!(bob.log(&world, id, 1).await.head_seq, stored);
    set_page_limit(&world, 1_000_000).await;
    assert_eq!(
        appended(world.ask(&alice, Request::Append(refused)).await).seq,
        stored + 1
    );
}

#[tokio::test]
async fn a_write_that_cannot_be_made_does_not_take_its_batch_down() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let (poison, good) = (alice.message(id, "poison"), bob.message(id, "good"));
    let trigger = format!(
        "CREATE TRIGGER poison BEFORE INSERT ON log WHEN NEW.send_id = x'{}'
         BEGIN SELECT RAISE(ABORT, 'poison'); END",
        hex::encode(&poison.send_id)
    );
    let create = world.store.write("test", move |context| {
        context
            .connection
            .execute_batch(&trigger)
            .map_err(StoreError::from)
    });
    create.await.unwrap();
    let (at_alice, at_bob) = (world.connect(&alice), world.connect(&bob));
    // Both are queued before the appender runs, so they are one batch.
    assert!(
        world
            .service
            .dispatch(&at_alice, 1, Request::Append(poison))
            .is_none()
    );
    assert!(
        world
            .service
            .dispatch(&at_bob, 1, Request::Append(good))
            .is_none()
    );
    let Some(Body::Problem(problem)) = frames(&at_alice).await.remove(0).body else {
        panic!("no problem")
    };
    assert_eq!(problem.code, "internal");
    let Some(Body::Appended(appended)) = frames(&at_bob).await.remove(0).body else {
        panic!("not appended")
    };
    assert_eq!(appended.seq, 2);
}

#[tokio::test]
async fn a_full_disk_refuses_a_commit_whole() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let phone = world.link(&alice).await;
    let add = alice.add(id, &phone, &phone.key_packages(1)[0]);
    set_page_limit(&world, 1).await;
    // The few free pages of the file are used up first.
    while !matches!(
        world
            .ask(&bob, Request::Append(bob.message(id, &"x".repeat(4_000))))
            .await,
        Body::Problem(_)
    ) {}
    let head = alice.sync(&world).await.conversations;
    assert_eq!(
        problem(world.ask(&alice, Request::Append(add.clone())).await).code,
        "storage_full"
    );
    assert_eq!(alice.sync(&world).await.conversations, head);
    assert!(phone.sync(&world).await.welcomes.is_empty());
    set_page_limit(&world, 1_000_000).await;
    assert_eq!(appended(world.ask(&alice, Request::Append(add)).await).epoch, 2);
    assert_eq!(phone.join_by_welcome(&world).await.len(), 1);
}
