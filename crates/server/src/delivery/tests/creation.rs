//! Creating conversations.

use subrosa_mls::GroupPolicy;
use subrosa_wire::{
    AccountId,
    frames::{Notice, StateChanged, client_frame::Request, notice, server_frame::Body},
};

use super::world::{World, appended, code, frames, problem, waiting};

#[tokio::test]
async fn a_conversation_begins_with_its_first_commit_at_seq_1() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let (at_alice, at_bob) = (world.connect(&alice), world.connect(&bob));
    let id = world.conversation_id();
    let create = alice.creation(&world, &bob, id).await;
    // The claim has told Bob's device that its key packages run low.
    waiting(&at_bob);
    let answer = appended(world.ask(&alice, Request::CreateConversation(create)).await);
    assert_eq!((answer.seq, answer.epoch), (1, 1));
    let pushed = frames(&at_bob).await;
    assert!(matches!(&pushed[0].body, Some(Body::WelcomesWaiting(waiting)) if waiting.welcomes[0].seq == 1));
    assert!(waiting(&at_alice).is_empty());
    for device in [&alice, &bob] {
        let heads = device.sync(&world).await.conversations;
        assert_eq!(heads.len(), 1);
        assert_eq!((heads[0].head_seq, heads[0].epoch, heads[0].member), (1, 1, true));
    }
}

#[tokio::test]
async fn two_accounts_have_one_direct_conversation() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    for (creator, peer) in [(&alice, &bob), (&bob, &alice)] {
        let second = world.conversation_id();
        let create = creator.creation(&world, peer, second).await;
        let refused = problem(world.ask(creator, Request::CreateConversation(create)).await);
        assert_eq!(refused.code, "conversation_exists");
        assert_eq!(refused.conversation_id, id.to_vec());
    }
}

#[tokio::test]
async fn a_retried_creation_gets_the_first_answer() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.conversation_id();
    let create = alice.creation(&world, &bob, id).await;
    let answer = appended(
        world
            .ask(&alice, Request::CreateConversation(create.clone()))
            .await,
    );
    assert_eq!(
        appended(
            world
                .ask(&alice, Request::CreateConversation(create.clone()))
                .await
        ),
        answer
    );
    let world = world.restart().await;
    assert_eq!(
        appended(world.ask(&alice, Request::CreateConversation(create)).await),
        answer
    );
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = world.converse(&alice, &bob).await;
    let create = carol.creation(&world, &bob, id).await;
    assert_eq!(
        code(world.ask(&carol, Request::CreateConversation(create)).await),
        "conversation_exists"
    );
}

#[tokio::test]
async fn notes_to_self_are_a_conversation_with_oneself_and_there_is_one() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let policy = GroupPolicy::notes_to_self(alice.account());
    let id = world.conversation_id();
    let create = alice.creation_with(&policy, &[], alice.account(), id);
    assert_eq!(
        appended(world.ask(&alice, Request::CreateConversation(create)).await).seq,
        1
    );
    alice.merge(id);
    assert_eq!(alice.send(&world, id, "a note").await.seq, 2);
    let other = world.conversation_id();
    let create = alice.creation_with(&policy, &[], alice.account(), other);
    let refused = problem(world.ask(&alice, Request::CreateConversation(create)).await);
    assert_eq!(
        (refused.code.as_str(), refused.conversation_id),
        ("conversation_exists", id.to_vec().into())
    );
}

#[tokio::test]
async fn a_policy_with_an_account_that_is_not_in_the_directory_is_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let nobody = AccountId::from_bytes([9; 16]);
    let policy = GroupPolicy::direct(alice.account(), nobody).unwrap();
    let id = world.conversation_id();
    let create = alice.creation_with(&policy, &[], bob.account(), id);
    assert_eq!(
        code(world.ask(&alice, Request::CreateConversation(create)).await),
        "unknown_account"
    );
}

#[tokio::test]
async fn a_conversation_of_others_cannot_be_created() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let mallory = world.sign_up("mallory").await;
    let id = world.conversation_id();
    let create = alice.creation(&world, &bob, id).await;
    let refused = code(world.ask(&mallory, Request::CreateConversation(create)).await);
    assert!(
        ["forbidden", "invalid_mls_message"].contains(&refused.as_str()),
        "{refused}"
    );
    assert!(mallory.sync(&world).await.conversations.is_empty());
}

#[tokio::test]
async fn devices_that_were_not_added_are_told_to_look() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let (tablet, phone) = (world.link(&alice).await, world.link(&bob).await);
    let (at_tablet, at_phone) = (world.connect(&tablet), world.connect(&phone));
    let policy = GroupPolicy::direct(alice.account(), bob.account()).unwrap();
    let id = world.conversation_id();
    let package = bob.key_packages(1);
    let create = alice.creation_with(&policy, &package, bob.account(), id);
    appended(world.ask(&alice, Request::CreateConversation(create)).await);
    for connection in [at_tablet, at_phone] {
        let pushed = frames(&connection).await;
        let Some(Body::Notice(Notice { kind: Some(kind) })) = &pushed[0].body else {
            panic!("{pushed:?}")
        };
        assert_eq!(*kind, notice::Kind::StateChanged(StateChanged {}));
    }
    let head = phone.sync(&world).await.conversations[0].clone();
    assert!(!head.member);
}
