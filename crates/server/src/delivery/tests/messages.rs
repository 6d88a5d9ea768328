//! Messages: order, retries, epochs, who may send, and who gets them.

use subrosa_wire::frames::{client_frame::Request, log_entry, server_frame::Body};

use super::world::{World, appended, code, entries, frames, problem, waiting};

#[tokio::test]
async fn a_message_takes_the_next_seq_and_reaches_the_other_device_live() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let (at_alice, at_bob) = (world.connect(&alice), world.connect(&bob));
    let append = alice.message(id, "hello");
    let answer = appended(world.ask(&alice, Request::Append(append.clone())).await);
    assert_eq!((answer.seq, answer.epoch), (2, 1));
    let delivered = entries(&frames(&at_bob).await);
    assert_eq!(delivered.len(), 1);
    assert_eq!((delivered[0].seq, &delivered[0].send_id), (2, &append.send_id));
    assert_eq!(delivered[0].accepted_at_ms, answer.accepted_at_ms);
    assert!(matches!(
        delivered[0].payload,
        Some(log_entry::Payload::ApplicationMessage(_))
    ));
    assert!(
        waiting(&at_alice).is_empty(),
        "the sender gets the answer, not the entry"
    );
    assert_eq!(bob.log(&world, id, 1).await.entries, delivered);
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_also_after_a_restart() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let sends: Vec<_> = (0..3)
        .map(|count| alice.message(id, &format!("{count}")))
        .collect();
    let mut first = Vec::new();
    for send in &sends {
        first.push(appended(world.ask(&alice, Request::Append(send.clone())).await));
    }
    let world = world.restart().await;
    for (send, answer) in sends.iter().zip(&first) {
        assert_eq!(
            appended(world.ask(&alice, Request::Append(send.clone())).await),
            *answer
        );
    }
    assert_eq!(bob.log(&world, id, 1).await.head_seq, 4);
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_also_when_it_was_encrypted_anew() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let first = alice.message(id, "hello");
    let answer = appended(world.ask(&alice, Request::Append(first.clone())).await);
    alice.count_from(id, first.send_number);
    let mut again = alice.message(id, "hello");
    again.send_id = first.send_id;
    assert_eq!(appended(world.ask(&alice, Request::Append(again)).await), answer);
    assert_eq!(bob.log(&world, id, 1).await.entries.len(), 1);
}

#[tokio::test]
async fn a_send_that_arrives_twice_in_one_batch_is_stored_once() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let append = alice.message(id, "hello");
    let (one, other) = tokio::join!(
        world.ask(&alice, Request::Append(append.clone())),
        world.ask(&alice, Request::Append(append))
    );
    assert_eq!(appended(one), appended(other));
    assert_eq!(bob.log(&world, id, 1).await.head_seq, 2);
}

#[tokio::test]
async fn a_send_out_of_order_names_the_number_that_is_missing() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let (_lost, next) = (alice.message(id, "lost"), alice.message(id, "next"));
    let refused = problem(world.ask(&alice, Request::Append(next)).await);
    assert_eq!(
        (refused.code.as_str(), refused.expected_send_number),
        ("send_out_of_order", 2)
    );
    // A number that was used, with an id that was not.
    alice.count_from(id, 1);
    let taken = alice.message(id, "taken");
    let refused = problem(world.ask(&alice, Request::Append(taken)).await);
    assert_eq!(
        (refused.code.as_str(), refused.expected_send_number),
        ("send_out_of_order", 2)
    );
}

#[tokio::test]
async fn a_send_whose_authenticated_data_names_another_number_is_malformed() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    for mut send in [alice.message(id, "hello"), alice.self_update(id)] {
        send.send_number += 1;
        let refused = code(world.ask(&alice, Request::Append(send)).await);
        assert_eq!(refused, "malformed_request");
    }
}

#[tokio::test]
async fn a_message_of_a_past_epoch_is_stale_and_says_where_the_head_is() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let late = alice.message(id, "late");
    appended(world.ask(&bob, Request::Append(bob.self_update(id))).await);
    let refused = problem(world.ask(&alice, Request::Append(late)).await);
    assert_eq!(
        (refused.code.as_str(), refused.head_seq, refused.epoch),
        ("stale_epoch", 2, 2)
    );
}

#[tokio::test]
async fn a_message_of_a_future_epoch_is_stale_too() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let _never_sent = alice.self_update(id);
    alice.merge(id);
    alice.count_from(id, 2);
    let early = alice.message(id, "early");
    let refused = problem(world.ask(&alice, Request::Append(early)).await);
    assert_eq!((refused.code.as_str(), refused.epoch), ("stale_epoch", 1));
}

#[tokio::test]
async fn a_retry_of_an_accepted_message_is_not_stale() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let sent = alice.message(id, "sent");
    let answer = appended(world.ask(&alice, Request::Append(sent.clone())).await);
    appended(world.ask(&bob, Request::Append(bob.self_update(id))).await);
    assert_eq!(appended(world.ask(&alice, Request::Append(sent)).await), answer);
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_conversation_from_none() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let mallory = world.sign_up("mallory").await;
    let id = world.converse(&alice, &bob).await;
    let stolen = alice.message(id, "hello");
    let nowhere = world.conversation_id();
    let with = world.converse(&mallory, &bob).await;
    assert_eq!(
        code(world.ask(&mallory, Request::Append(stolen)).await),
        "not_a_member"
    );
    for unknown in [id, nowhere] {
        for request in [
            super::world::fetch_log(unknown, 0, 0),
            super::world::fetch_group(unknown),
        ] {
            let refused = problem(world.ask(&mallory, request).await);
            assert_eq!(
                (refused.code.as_str(), refused.detail.as_str()),
                ("not_a_member", "")
            );
        }
    }
    assert_eq!(mallory.log(&world, with, 0).await.head_seq, 1);
}

#[tokio::test]
async fn pipelined_messages_of_a_connection_stay_in_order() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let (at_alice, at_bob) = (world.connect(&alice), world.connect(&bob));
    let appends: Vec<_> = (0..50)
        .map(|count| alice.message(id, &format!("{count}")))
        .collect();
    for (request_id, append) in (1..).zip(appends.clone()) {
        assert!(
            world
                .service
                .dispatch(&at_alice, request_id, Request::Append(append))
                .is_none()
        );
    }
    let mut answers = Vec::new();
    while answers.len() < appends.len() {
        answers.extend(frames(&at_alice).await);
    }
    for (request_id, frame) in (1..).zip(&answers) {
        let Some(Body::Appended(answer)) = &frame.body else {
            panic!("{frame:?}")
        };
        assert_eq!((frame.request_id, answer.seq), (request_id, request_id + 1));
    }
    let mut delivered = Vec::new();
    while delivered.len() < appends.len() {
        delivered.extend(entries(&frames(&at_bob).await));
    }
    let send_ids: Vec<_> = delivered.into_iter().map(|entry| entry.send_id).collect();
    assert_eq!(
        send_ids,
        appends
            .into_iter()
            .map(|append| append.send_id)
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_is_delivered_decrypts_in_the_order_of_the_log() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "one").await;
    let update = alice.self_update(id);
    appended(world.ask(&alice, Request::Append(update)).await);
    alice.merge(id);
    alice.send(&world, id, "two").await;
    let mut texts = Vec::new();
    for entry in bob.log(&world, id, 1).await.entries {
        let (log_entry::Payload::ApplicationMessage(message)
        | log_entry::Payload::Commit(message)
        | log_entry::Payload::Leave(message)) = entry.payload.unwrap();
        bob.group(id, |mls, group| match group.process(mls, &message).unwrap() {
            subrosa_mls::Received::Application(decrypted) => {
                texts.push(String::from_utf8(decrypted.content.clone()).unwrap());
            }
            subrosa_mls::Received::Commit(staged) => group.merge(mls, staged).unwrap(),
            subrosa_mls::Received::OwnPendingCommit => panic!("Bob has made no commit"),
            subrosa_mls::Received::Leaving(_) => panic!("nobody leaves"),
        });
    }
    assert_eq!(texts, ["one", "two"]);
}
