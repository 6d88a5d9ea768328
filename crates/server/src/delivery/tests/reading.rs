//! Reading: pages, state after a reconnect, the directory.

use std::collections::BTreeSet;

use subrosa_wire::frames::{
    Acknowledge, Cursor, LookUpAccount, client_frame::Request, look_up_account::By, server_frame::Body,
};

use super::world::{World, code, fetch_log};

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    for count in 0..7 {
        alice.send(&world, id, &format!("{count}")).await;
    }
    let mut seqs = Vec::new();
    let mut after = 1;
    loop {
        let Body::LogPage(page) = world.ask(&bob, fetch_log(id, after, 3)).await else {
            panic!("no page")
        };
        assert_eq!(page.head_seq, 8);
        let Some(last) = page.entries.last() else { break };
        assert!(page.entries.len() <= 3);
        after = last.seq;
        seqs.extend(page.entries.into_iter().map(|entry| entry.seq));
    }
    assert_eq!(seqs, (2..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_but_never_empty() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let long = "x".repeat(60 * 1024);
    for _ in 0..20 {
        alice.send(&world, id, &long).await;
    }
    let page = bob.log(&world, id, 1).await;
    assert!((1..20).contains(&page.entries.len()), "{}", page.entries.len());
    assert_eq!(page.head_seq, 21);
}

#[tokio::test]
async fn the_creator_can_read_its_conversation_from_the_start() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "hello").await;
    let seqs: Vec<_> = alice
        .log(&world, id, 0)
        .await
        .entries
        .into_iter()
        .map(|entry| entry.seq)
        .collect();
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test]
async fn sync_tells_what_a_device_has_to_catch_up_with() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let phone = world.link(&alice).await;
    let id = world.converse(&alice, &bob).await;
    bob.send(&world, id, "hello").await;
    let state = alice.sync(&world).await;
    assert_eq!(state.conversations.len(), 1);
    assert_eq!(
        (state.conversations[0].head_seq, state.conversations[0].member),
        (2, true)
    );
    // In no particular order.
    assert_eq!(
        state
            .own_devices
            .iter()
            .map(|id| id.to_vec())
            .collect::<BTreeSet<_>>(),
        BTreeSet::from([&alice, &phone].map(|device| device.session.device_id.to_vec()))
    );
    assert_eq!(
        (state.key_packages_left, state.has_last_resort_key_package),
        (5, true)
    );
}

#[tokio::test]
async fn an_acknowledgement_is_answered_and_foreign_ones_change_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let nowhere = world.conversation_id();
    for (conversation, seq) in [(id, 1), (id, u64::MAX), (nowhere, 1)] {
        let cursor = Cursor {
            conversation_id: conversation.to_vec().into(),
            seq,
        };
        let answer = world
            .ask(
                &bob,
                Request::Acknowledge(Acknowledge {
                    cursors: vec![cursor],
                }),
            )
            .await;
        assert!(matches!(answer, Body::Acknowledged(_)), "{answer:?}");
    }
    alice.send(&world, id, "goes on").await;
    assert_eq!(bob.log(&world, id, 1).await.entries.len(), 1);
}

#[tokio::test]
async fn an_account_is_found_by_handle_and_by_id() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    for by in [
        By::Handle("@Bobby".into()),
        By::AccountId(bob.session.account_id.to_vec().into()),
    ] {
        let answer = world
            .ask(&alice, Request::LookUpAccount(LookUpAccount { by: Some(by) }))
            .await;
        let Body::Account(account) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(account.handle, "bobby");
        assert_eq!(account.account_key, bob.account_key.public().as_bytes().to_vec());
    }
    let nobody = LookUpAccount {
        by: Some(By::Handle("nobody".into())),
    };
    assert_eq!(
        code(world.ask(&alice, Request::LookUpAccount(nobody)).await),
        "unknown_account"
    );
}
