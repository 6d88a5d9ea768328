//! Commits: one wins, and everything that belongs to it changes together.

use bytes::Bytes;
use subrosa_mls::CommitPlan;
use subrosa_wire::frames::{Append, Commit, append, client_frame::Request, server_frame::Body};

use super::world::{
    World, appended, code, entries, fetch_group, frames, group_state, key_packages, problem, waiting,
};

fn commit_of(append: &mut Append) -> &mut Commit {
    match append.payload.as_mut().unwrap() {
        append::Payload::Commit(commit) => commit,
        append::Payload::ApplicationMessage(_) | append::Payload::Leave(_) => panic!("not a commit"),
    }
}

#[tokio::test]
async fn of_two_commits_of_one_epoch_one_wins_and_the_other_is_stale() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let (one, other) = (alice.self_update(id), bob.self_update(id));
    let (one, other) = tokio::join!(
        world.ask(&alice, Request::Append(one)),
        world.ask(&bob, Request::Append(other))
    );
    let (won, lost) = if matches!(one, Body::Appended(_)) {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!((appended(won.clone()).seq, appended(won).epoch), (2, 2));
    let refused = problem(lost);
    assert_eq!(
        (refused.code.as_str(), refused.head_seq, refused.epoch),
        ("stale_epoch", 2, 2)
    );
    assert_eq!(bob.log(&world, id, 1).await.entries.len(), 1);
}

#[tokio::test]
async fn the_loser_commits_again_after_applying_the_winner() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let at_alice = world.connect(&alice);
    let lost = alice.self_update(id);
    appended(world.ask(&bob, Request::Append(bob.self_update(id))).await);
    bob.merge(id);
    assert_eq!(
        code(world.ask(&alice, Request::Append(lost)).await),
        "stale_epoch"
    );
    alice.clear(id);
    let winner = entries(&frames(&at_alice).await).remove(0);
    let Some(subrosa_wire::frames::log_entry::Payload::Commit(commit)) = winner.payload else {
        panic!("not a commit")
    };
    alice.group(id, |mls, group| match group.process(mls, &commit).unwrap() {
        subrosa_mls::Received::Commit(staged) => group.merge(mls, staged).unwrap(),
        _ => panic!("not Bob's commit"),
    });
    assert_eq!(
        appended(world.ask(&alice, Request::Append(alice.self_update(id))).await).epoch,
        3
    );
}

#[tokio::test]
async fn a_retried_commit_gets_the_first_answer_after_a_restart_too() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let commit = alice.self_update(id);
    let answer = appended(world.ask(&alice, Request::Append(commit.clone())).await);
    alice.merge(id);
    assert_eq!(
        appended(world.ask(&alice, Request::Append(commit.clone())).await),
        answer
    );
    let world = world.restart().await;
    alice.send(&world, id, "goes on").await;
    assert_eq!(appended(world.ask(&alice, Request::Append(commit)).await), answer);
}

#[tokio::test]
async fn a_commit_in_the_name_of_another_device_is_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    bob.count_from(id, 2);
    let forged = bob.self_update(id);
    assert_eq!(
        code(world.ask(&alice, Request::Append(forged)).await),
        "invalid_mls_message"
    );
    assert_eq!(alice.log(&world, id, 0).await.head_seq, 1);
}

#[tokio::test]
async fn a_damaged_commit_is_refused_and_the_conversation_goes_on() {
    // The membership tag at the end (RFC 9420, section 6.2) can be checked by members only.
    const MEMBERSHIP_TAG_LEN: usize = 1 + 48;
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let good = alice.self_update(id);
    let whole = commit_of(&mut good.clone()).commit.clone();
    for position in (0..whole.len() - MEMBERSHIP_TAG_LEN).step_by(97) {
        let mut bytes = whole.to_vec();
        bytes[position] ^= 0x10;
        let mut damaged = good.clone();
        commit_of(&mut damaged).commit = bytes.into();
        let refused = code(world.ask(&alice, Request::Append(damaged)).await);
        let known = ["invalid_mls_message", "malformed_request", "stale_epoch"];
        assert!(known.contains(&refused.as_str()), "{position}: {refused}");
    }
    for len in [0, 1, whole.len() / 2, whole.len() - 1] {
        let mut cut = good.clone();
        commit_of(&mut cut).commit = whole.slice(..len);
        assert_eq!(
            code(world.ask(&alice, Request::Append(cut)).await),
            "malformed_request"
        );
    }
    assert_eq!(alice.log(&world, id, 0).await.head_seq, 1);
    assert_eq!(appended(world.ask(&alice, Request::Append(good)).await).epoch, 2);
}

#[tokio::test]
async fn a_commit_with_the_group_info_of_another_state_is_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let mut commit = alice.self_update(id);
    let stale = group_state(world.ask(&alice, fetch_group(id)).await).group_info;
    let right = std::mem::replace(&mut commit_of(&mut commit).group_info, stale);
    assert_eq!(
        code(world.ask(&alice, Request::Append(commit.clone())).await),
        "invalid_mls_message"
    );
    commit_of(&mut commit).group_info = right;
    assert_eq!(
        appended(world.ask(&alice, Request::Append(commit)).await).epoch,
        2
    );
}

#[tokio::test]
async fn an_added_device_gets_a_welcome_and_what_follows() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "before").await;
    let phone = world.link(&alice).await;
    let (at_phone, at_bob) = (world.connect(&phone), world.connect(&bob));
    let package = phone.key_packages(1).remove(0);
    let add = alice.add(id, &phone, &package);
    let answer = appended(world.ask(&alice, Request::Append(add)).await);
    alice.merge(id);
    let pushed = frames(&at_phone).await;
    assert!(matches!(&pushed[0].body, Some(Body::WelcomesWaiting(waiting)) if waiting.welcomes.len() == 1));
    assert_eq!(entries(&frames(&at_bob).await)[0].seq, answer.seq);
    let welcomes = phone.join_by_welcome(&world).await;
    assert_eq!(welcomes[0].seq, answer.seq);
    assert!(phone.sync(&world).await.welcomes.is_empty());
    let after = alice.send(&world, id, "after").await;
    let page = phone.log(&world, id, answer.seq - 1).await;
    assert_eq!(
        page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [answer.seq, after.seq],
        "from the commit that added it"
    );
    assert_eq!(phone.send(&world, id, "here").await.seq, after.seq + 1);
}

#[tokio::test]
async fn a_welcome_goes_with_an_addition_and_with_nothing_else() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let mut update = alice.self_update(id);
    commit_of(&mut update).welcome = Bytes::from_static(b"welcome");
    assert_eq!(
        code(world.ask(&alice, Request::Append(update)).await),
        "malformed_request"
    );
    alice.clear(id);
    let phone = world.link(&alice).await;
    let mut add = alice.add(id, &phone, &phone.key_packages(1)[0]);
    commit_of(&mut add).welcome = Bytes::new();
    assert_eq!(
        code(world.ask(&alice, Request::Append(add)).await),
        "malformed_request"
    );
}

#[tokio::test]
async fn a_device_that_is_not_signed_in_cannot_be_added() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let phone = world.link(&alice).await;
    let package = phone.key_packages(1).remove(0);
    crate::store::AccountStore::sign_out(world.store.as_ref(), phone.session.device_id, super::world::START)
        .await
        .unwrap();
    let add = alice.add(id, &phone, &package);
    assert_eq!(
        code(world.ask(&alice, Request::Append(add)).await),
        "unknown_device"
    );
}

#[tokio::test]
async fn a_new_device_joins_by_itself_while_the_others_are_away() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "before").await;
    let laptop = world.link(&alice).await;
    let head = laptop.sync(&world).await.conversations[0].clone();
    assert_eq!((head.head_seq, head.epoch, head.member), (2, 1, false));
    let join = laptop.external_join(&world, id).await;
    let answer = appended(world.ask(&laptop, Request::Append(join.clone())).await);
    assert_eq!((answer.seq, answer.epoch), (3, 2));
    assert_eq!(
        appended(world.ask(&laptop, Request::Append(join)).await),
        answer,
        "a retry"
    );
    assert!(laptop.sync(&world).await.conversations[0].member);
    assert_eq!(laptop.send(&world, id, "here").await.seq, 4);
    assert_eq!(bob.log(&world, id, 1).await.entries.len(), 3);
}

#[tokio::test]
async fn a_member_that_lost_its_state_joins_again_and_begins_a_new_count() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    alice.send(&world, id, "one").await;
    alice.mls(|mls| mls.delete_group(id).unwrap());
    alice.count_from(id, 1);
    let rejoin = alice.external_join(&world, id).await;
    let answer = appended(world.ask(&alice, Request::Append(rejoin.clone())).await);
    assert_eq!((answer.seq, answer.epoch), (3, 2));
    assert_eq!(
        appended(world.ask(&alice, Request::Append(rejoin)).await),
        answer,
        "a retry"
    );
    let next = alice.message(id, "two");
    assert_eq!(appended(world.ask(&alice, Request::Append(next)).await).seq, 4);
}

#[tokio::test]
async fn a_stranger_cannot_join_a_conversation_of_others() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let mallory = world.sign_up("mallory").await;
    let id = world.converse(&alice, &bob).await;
    let laptop = world.link(&alice).await;
    assert_eq!(code(world.ask(&mallory, fetch_group(id)).await), "not_a_member");
    let stolen = laptop.external_join(&world, id).await;
    assert_eq!(
        code(world.ask(&mallory, Request::Append(stolen)).await),
        "not_a_member"
    );
    let mut late = laptop.external_join(&world, id).await;
    appended(world.ask(&alice, Request::Append(alice.self_update(id))).await);
    late.send_id = Bytes::from_static(&[5; 16]);
    let refused = problem(world.ask(&mallory, Request::Append(late)).await);
    assert_eq!(
        (refused.code.as_str(), refused.head_seq),
        ("not_a_member", 0),
        "not even where the head is"
    );
}

#[tokio::test]
async fn a_device_that_commits_too_often_is_told_when_to_come_back() {
    let commits = crate::rate::Rate::per(2, std::time::Duration::from_mins(1));
    let mut world = World::with(crate::delivery::DeliveryConfig {
        commits,
        ..Default::default()
    });
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    appended(world.ask(&alice, Request::Append(alice.self_update(id))).await);
    alice.merge(id);
    let update = alice.self_update(id);
    let refused = problem(world.ask(&alice, Request::Append(update.clone())).await);
    assert_eq!(refused.code, "rate_limited");
    assert!(refused.retry_after_ms > 0);
    world.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(
        appended(world.ask(&alice, Request::Append(update)).await).epoch,
        3
    );
}

#[tokio::test]
async fn a_removed_device_follows_the_log_and_sends_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let laptop = world.link(&alice).await;
    appended(
        world
            .ask(&laptop, Request::Append(laptop.external_join(&world, id).await))
            .await,
    );
    let remove = CommitPlan {
        remove: vec![alice.session.device_id],
        ..CommitPlan::default()
    };
    let at_alice = world.connect(&alice);
    let removal = laptop.commit(id, remove);
    appended(world.ask(&laptop, Request::Append(removal)).await);
    laptop.merge(id);
    assert_eq!(
        entries(&frames(&at_alice).await)[0].seq,
        3,
        "it hears of its removal"
    );
    laptop.send(&world, id, "among us").await;
    assert!(waiting(&at_alice).is_empty());
    assert_eq!(alice.log(&world, id, 2).await.entries.len(), 2);
    let late = alice.message(id, "late");
    assert_eq!(
        code(world.ask(&alice, Request::Append(late)).await),
        "not_a_member"
    );
    assert!(!alice.sync(&world).await.conversations[0].member);
}

#[tokio::test]
async fn the_group_that_is_served_is_the_one_at_the_head() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let mut update = alice.self_update(id);
    let group_info = commit_of(&mut update).group_info.clone();
    appended(world.ask(&alice, Request::Append(update)).await);
    let state = group_state(world.ask(&bob, fetch_group(id)).await);
    assert_eq!(
        (state.epoch, state.head_seq, state.group_info),
        (2, 2, group_info)
    );
}

#[tokio::test]
async fn a_claimed_key_package_can_be_added_by_the_peer() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let phone = world.link(&bob).await;
    let claim = subrosa_wire::frames::ClaimKeyPackages {
        account_id: bob.session.account_id.to_vec().into(),
    };
    let claimed = key_packages(world.ask(&alice, Request::ClaimKeyPackages(claim)).await);
    let phones = phone.session.device_id.to_vec();
    let package = claimed
        .devices
        .into_iter()
        .find(|device| device.device_id == phones)
        .unwrap()
        .key_package;
    let add = alice.add(id, &phone, &package);
    assert_eq!(appended(world.ask(&alice, Request::Append(add)).await).epoch, 2);
}
