//! A full disk: nothing is half done, and the server goes on once there is space.

use subrosa_wire::frames::client_frame::Request;

use super::world::{World, appended, problem};
use crate::store::StoreError;

async fn set_page_limit(world: &World, pages: i64) {
    let set = world.store.write("test", move |desk| {
        desk.connection
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
            subrosa_wire::frames::server_frame::Body::Appended(answer) => stored = answer.seq,
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
        subrosa_wire::frames::server_frame::Body::Problem(_)
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
