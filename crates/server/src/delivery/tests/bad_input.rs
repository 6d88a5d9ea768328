//! What bad input gets: a clear problem, and nothing stored.

use bytes::Bytes;
use subrosa_wire::{
    frames::{
        Acknowledge, AcknowledgeWelcomes, Append, Commit, CreateConversation, Cursor, FetchGroup, FetchLog,
        FetchReceipts, Hello, LookUpAccount, PassOn, PublishKeyPackages, PutReceipt, ReceiptsAfter, Signal,
        append, client_frame::Request, look_up_account::By,
    },
    limits::{
        APPLICATION_MESSAGE_MAX, CURSORS_PER_FRAME_MAX, HANDSHAKE_MESSAGE_MAX, KEY_PACKAGES_PER_REQUEST_MAX,
        RECEIPT_READERS_MAX, RECEIPTS_FETCHED_MAX, SIGNALS_PER_FRAME_MAX,
    },
};

use super::world::{World, code, problem};
use crate::{delivery::DeliveryConfig, limits::WELCOME_ITEMS_PER_REQUEST_MAX, rate::Rate};

#[tokio::test]
async fn ids_of_the_wrong_length_are_malformed() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    for id in [
        Bytes::new(),
        Bytes::from_static(&[1; 15]),
        Bytes::from_static(&[1; 17]),
    ] {
        let requests = [
            Request::FetchLog(FetchLog {
                conversation_id: id.clone(),
                ..FetchLog::default()
            }),
            Request::FetchGroup(FetchGroup {
                conversation_id: id.clone(),
            }),
            Request::Append(Append {
                conversation_id: id.clone(),
                send_number: 1,
                ..Append::default()
            }),
            Request::LookUpAccount(LookUpAccount {
                by: Some(By::AccountId(id.clone())),
            }),
            Request::Acknowledge(Acknowledge {
                cursors: vec![Cursor {
                    conversation_id: id.clone(),
                    seq: 1,
                }],
            }),
        ];
        for request in requests {
            assert_eq!(
                code(world.ask(&alice, request.clone()).await),
                "malformed_request",
                "{request:?}"
            );
        }
    }
}

#[tokio::test]
async fn empty_requests_are_malformed() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    for request in [
        Request::Append(Append::default()),
        Request::CreateConversation(CreateConversation::default()),
        Request::LookUpAccount(LookUpAccount::default()),
        Request::Hello(Hello::default()),
    ] {
        assert_eq!(
            code(world.ask(&alice, request.clone()).await),
            "malformed_request",
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn what_is_too_large_is_said_to_be_and_by_how_much() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let mut long = alice.message(id, "hello");
    long.payload = Some(append::Payload::ApplicationMessage(
        vec![0; APPLICATION_MESSAGE_MAX + 1].into(),
    ));
    let refused = problem(world.ask(&alice, Request::Append(long.clone())).await);
    assert_eq!(refused.code, "too_large");
    assert!(
        refused.detail.contains(&APPLICATION_MESSAGE_MAX.to_string()),
        "{}",
        refused.detail
    );
    long.payload = Some(append::Payload::Commit(Commit {
        commit: vec![0; HANDSHAKE_MESSAGE_MAX + 1].into(),
        ..Commit::default()
    }));
    assert_eq!(code(world.ask(&alice, Request::Append(long)).await), "too_large");
    let cursor = Cursor {
        conversation_id: id.to_vec().into(),
        seq: 1,
    };
    for list in [
        Request::Acknowledge(Acknowledge {
            cursors: vec![cursor; CURSORS_PER_FRAME_MAX + 1],
        }),
        Request::AcknowledgeWelcomes(AcknowledgeWelcomes {
            item_ids: vec![1; WELCOME_ITEMS_PER_REQUEST_MAX + 1],
        }),
        Request::PublishKeyPackages(PublishKeyPackages {
            one_time: vec![Bytes::new(); KEY_PACKAGES_PER_REQUEST_MAX + 1],
            ..PublishKeyPackages::default()
        }),
        Request::PutReceipt(PutReceipt {
            readers: vec![Bytes::new(); RECEIPT_READERS_MAX + 1],
            ..PutReceipt::default()
        }),
        Request::FetchReceipts(FetchReceipts {
            conversations: vec![ReceiptsAfter::default(); RECEIPTS_FETCHED_MAX + 1],
        }),
        Request::PassOn(PassOn {
            signals: vec![Signal::default(); SIGNALS_PER_FRAME_MAX + 1],
        }),
    ] {
        assert_eq!(code(world.ask(&alice, list).await), "too_large");
    }
}

#[tokio::test]
async fn the_longest_text_of_a_message_fits() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let longest = "x".repeat(subrosa_wire::limits::MESSAGE_TEXT_MAX);
    assert_eq!(alice.send(&world, id, &longest).await.seq, 2);
}

#[tokio::test]
async fn what_is_not_an_mls_message_of_the_conversation_is_malformed() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = world.converse(&alice, &bob).await;
    let other = world.converse(&alice, &carol).await;
    let good = alice.message(id, "hello");
    let Some(append::Payload::ApplicationMessage(whole)) = good.payload.clone() else {
        panic!("no message")
    };
    let mut bad: Vec<Bytes> = vec![b"hello".as_slice().into(), whole.slice(..whole.len() - 1)];
    bad.push([whole.as_ref(), &[0]].concat().into());
    let Some(append::Payload::ApplicationMessage(foreign)) = alice.message(other, "hello").payload else {
        panic!("no message")
    };
    bad.push(foreign);
    let Some(append::Payload::Commit(commit)) = alice.self_update(id).payload else {
        panic!("no commit")
    };
    bad.push(commit.commit);
    for bytes in bad {
        let append = Append {
            payload: Some(append::Payload::ApplicationMessage(bytes)),
            ..good.clone()
        };
        assert_eq!(
            code(world.ask(&alice, Request::Append(append)).await),
            "malformed_request"
        );
    }
    let swapped = Commit {
        commit: whole,
        group_info: commit.group_info,
        welcome: Bytes::new(),
    };
    let append = Append {
        payload: Some(append::Payload::Commit(swapped)),
        ..good
    };
    assert_eq!(
        code(world.ask(&alice, Request::Append(append)).await),
        "malformed_request"
    );
}

#[tokio::test]
async fn send_numbers_out_of_range_are_malformed() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    for send_number in [0, u64::MAX] {
        let append = Append {
            send_number,
            ..alice.message(id, "hello")
        };
        assert_eq!(
            code(world.ask(&alice, Request::Append(append)).await),
            "malformed_request"
        );
    }
}

#[tokio::test]
async fn a_device_that_asks_too_often_is_told_when_to_come_back() {
    let requests = Rate::per(10, std::time::Duration::from_secs(10));
    let mut world = World::with(DeliveryConfig {
        requests,
        ..DeliveryConfig::default()
    });
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    for _ in 0..9 {
        alice.sync(&world).await;
    }
    let refused = problem(
        world
            .ask(&alice, Request::Sync(subrosa_wire::frames::Sync {}))
            .await,
    );
    assert_eq!(refused.code, "rate_limited");
    assert!(
        (1..=1_000).contains(&refused.retry_after_ms),
        "{}",
        refused.retry_after_ms
    );
    bob.sync(&world).await;
    let cursors = vec![
        Cursor {
            conversation_id: vec![1; 16].into(),
            seq: 1
        };
        200
    ];
    let refused = code(
        world
            .ask(&bob, Request::Acknowledge(Acknowledge { cursors }))
            .await,
    );
    assert_eq!(refused, "rate_limited", "many cursors count as several requests");
    world.clock.advance(std::time::Duration::from_secs(1));
    alice.sync(&world).await;
}
