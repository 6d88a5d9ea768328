//! Groups: whose a conversation is follows from its commits, and so does who is shown what.

use std::time::Duration;

use bytes::Bytes;
use subrosa_mls::{CommitPlan, GroupPolicy, Received, Role};
use subrosa_wire::{
    ConversationId,
    frames::{
        Append, ClaimKeyPackages, ConversationHead, append, client_frame::Request, log_entry,
        server_frame::Body,
    },
};

use super::{
    restoring::{back_up, put_back},
    world::{Device, World, appended, code, entries, fetch_group, frames, key_packages, problem, waiting},
};

/// A key package of each device of an account.
async fn claim(world: &World, by: &Device, of: &Device) -> Vec<Bytes> {
    let claim = ClaimKeyPackages {
        account_id: of.account().to_vec().into(),
    };
    let claimed = key_packages(world.ask(by, Request::ClaimKeyPackages(claim)).await);
    claimed
        .devices
        .into_iter()
        .map(|device| device.key_package)
        .collect()
}

/// What adds all devices of people.
pub(super) async fn adding(world: &World, by: &Device, people: &[&Device]) -> CommitPlan {
    let mut plan = CommitPlan::default();
    for person in people {
        for package in claim(world, by, person).await {
            plan.add
                .push(by.mls(|mls| mls.verify_key_package(&package, person.account()).unwrap()));
        }
    }
    plan
}

/// Removes devices, with the role that their account may have.
fn removing(policy: &GroupPolicy, devices: &[&Device]) -> CommitPlan {
    let account = devices[0].account();
    CommitPlan {
        remove: devices.iter().map(|device| device.session.device_id).collect(),
        policy: (policy.role_of(account) > Role::Member)
            .then(|| policy.clone().with_role(account, Role::Member).unwrap()),
        ..CommitPlan::default()
    }
}

/// A group that its first member owns. The others have joined.
pub(super) async fn found(world: &mut World, owner: &Device, others: &[&Device]) -> ConversationId {
    let id = found_without_joining(world, owner, others).await;
    for other in others {
        other.join_by_welcome(world).await;
    }
    id
}

/// A group that its first member owns. Welcomes wait for the others.
pub(super) async fn found_without_joining(
    world: &mut World,
    owner: &Device,
    others: &[&Device],
) -> ConversationId {
    let id = world.conversation_id();
    let policy = GroupPolicy::group(owner.account());
    let plan = adding(world, owner, others).await;
    let create = owner.creation_of(&policy, plan, id);
    owner.merge(id);
    appended(world.ask(owner, Request::CreateConversation(create)).await);
    id
}

pub(super) async fn commit(world: &World, by: &Device, id: ConversationId, plan: CommitPlan) -> Bytes {
    let append = by.commit(id, plan);
    let bytes = commit_bytes(&append);
    appended(world.ask(by, Request::Append(append)).await);
    by.merge(id);
    bytes
}

fn commit_bytes(append: &Append) -> Bytes {
    match &append.payload {
        Some(append::Payload::Commit(commit)) => commit.commit.clone(),
        _ => panic!("not a commit"),
    }
}

async fn head(world: &World, device: &Device, id: ConversationId) -> Option<ConversationHead> {
    let heads = device.sync(world).await.conversations;
    heads.into_iter().find(|head| head.conversation_id == id.to_vec())
}

fn policy(device: &Device, id: ConversationId) -> GroupPolicy {
    device.group(id, |_, group| group.policy().clone())
}

/// A device takes in what another one has committed.
fn follow(device: &Device, id: ConversationId, commit: &[u8]) {
    device.group(id, |mls, group| {
        let Received::Commit(staged) = group.process(mls, commit).unwrap() else {
            panic!("not a commit");
        };
        group.merge(mls, staged).unwrap();
    });
}

/// Three people who have signed up.
async fn three() -> (World, [Device; 3]) {
    let mut world = World::new();
    let mut people = Vec::new();
    for name in ["alice", "bobby", "carol"] {
        people.push(world.sign_up(name).await);
    }
    let people = people.try_into().unwrap_or_else(|_| panic!("three people"));
    (world, people)
}

#[tokio::test]
async fn a_group_is_made_with_all_its_members_in_one_step() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let at_carol = world.connect(&carol);
    bob.send(&world, id, "hello").await;
    assert_eq!(entries(&frames(&at_carol).await).len(), 1);
    assert_eq!(head(&world, &carol, id).await.unwrap().head_seq, 2);
}

#[tokio::test]
async fn two_people_can_have_any_number_of_groups() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    world.converse(&alice, &bob).await;
    for _ in 0..2 {
        found(&mut world, &alice, &[&bob]).await;
    }
    assert_eq!(bob.sync(&world).await.conversations.len(), 3);
}

#[tokio::test]
async fn whoever_is_added_later_is_of_the_conversation_with_all_devices() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob]).await;
    assert_eq!(code(world.ask(&carol, fetch_group(id)).await), "not_a_member");
    // A device without key packages of its own learns of it, and enters by itself.
    let laptop = world.link(&carol).await;
    let plan = {
        let mut plan = adding(&world, &bob, &[&carol]).await;
        plan.add
            .retain(|added| added.device_id() == carol.session.device_id);
        plan
    };
    let at_laptop = world.connect(&laptop);
    commit(&world, &bob, id, plan).await;
    carol.join_by_welcome(&world).await;
    assert!(
        frames(&at_laptop)
            .await
            .iter()
            .any(|frame| matches!(frame.body, Some(Body::Notice(_))))
    );
    assert_eq!(
        head(&world, &laptop, id).await.map(|head| head.member),
        Some(false)
    );
    let join = laptop.external_join(&world, id).await;
    appended(world.ask(&laptop, Request::Append(join)).await);
    assert_eq!(
        head(&world, &laptop, id).await.map(|head| head.member),
        Some(true)
    );
}

#[tokio::test]
async fn whoever_is_removed_is_shown_the_commit_that_did_it_and_nothing_after() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let at_carol = world.connect(&carol);
    let removal = commit(&world, &alice, id, removing(&policy(&alice, id), &[&carol])).await;
    alice.send(&world, id, "without Carol").await;
    let pushed = entries(&frames(&at_carol).await);
    assert_eq!(pushed.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
    assert!(waiting(&at_carol).is_empty());

    // The same for a device that was not connected.
    let seen = head(&world, &carol, id).await.unwrap();
    assert_eq!(
        (seen.head_seq, seen.epoch, seen.member, seen.former),
        (2, 2, false, true)
    );
    let page = carol.log(&world, id, 1).await;
    assert_eq!((page.head_seq, page.entries.len()), (2, 1));
    assert_eq!(page.head_hash, seen.head_hash);
    assert_eq!(page.entries[0].payload, Some(log_entry::Payload::Commit(removal)));
    assert_eq!(carol.log(&world, id, 2).await.entries.len(), 0);

    assert_eq!(code(world.ask(&carol, fetch_group(id)).await), "not_a_member");
    let message = carol.message(id, "still here?");
    assert_eq!(
        code(world.ask(&carol, Request::Append(message)).await),
        "not_a_member"
    );
    let world = world.restart().await;
    assert!(head(&world, &carol, id).await.unwrap().former);
}

#[tokio::test]
async fn whoever_comes_back_is_a_member_like_any_other() {
    let mut world = World::new();
    let (alice, carol) = (world.sign_up("alice").await, world.sign_up("carol").await);
    let id = found(&mut world, &alice, &[&carol]).await;
    commit(&world, &alice, id, removing(&policy(&alice, id), &[&carol])).await;
    let plan = adding(&world, &alice, &[&carol]).await;
    commit(&world, &alice, id, plan).await;
    let seen = head(&world, &carol, id).await.unwrap();
    assert_eq!((seen.head_seq, seen.member, seen.former), (3, true, false));
    assert_eq!(carol.sync(&world).await.conversations.len(), 1);
    // And can be removed a second time.
    commit(&world, &alice, id, removing(&policy(&alice, id), &[&carol])).await;
    assert_eq!(head(&world, &carol, id).await.unwrap().head_seq, 4);
}

#[tokio::test]
async fn a_restored_server_takes_a_removal_back_as_one() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let (world, copy) = back_up(world).await;
    commit(&world, &alice, id, removing(&policy(&alice, id), &[&carol])).await;
    let lost = alice.log(&world, id, 1).await.entries;
    let world = put_back(world, &copy).await;
    assert!(!head(&world, &carol, id).await.unwrap().former);
    let restore = subrosa_wire::frames::RestoreLog {
        conversation_id: id.to_vec().into(),
        entries: lost,
        group_info: alice.own_group_info(id),
        lost: None,
    };
    let restored = world.ask(&alice, Request::RestoreLog(restore)).await;
    assert!(matches!(restored, Body::LogRestored(_)), "{restored:?}");
    let seen = head(&world, &carol, id).await.unwrap();
    assert_eq!((seen.head_seq, seen.member, seen.former), (2, false, true));
    assert_eq!(code(world.ask(&carol, fetch_group(id)).await), "not_a_member");
}

// ---- leaving ----

/// What a device that leaves sends.
fn leaving(device: &Device, id: ConversationId) -> Append {
    let claim = device.claim(id);
    let proposal = device.group(id, |mls, group| {
        group.leave(mls, &device.identity, &claim).unwrap()
    });
    device.append(id, append::Payload::Leave(proposal.into()))
}

fn sees_leaving(device: &Device, id: ConversationId, append: &Append) {
    let Some(append::Payload::Leave(proposal)) = &append.payload else {
        panic!("nobody leaves");
    };
    device.group(id, |mls, group| group.process(mls, proposal).unwrap());
}

// Whoever was to be removed could make one commit after the other, and the removal lost each time.
#[tokio::test]
async fn whoever_makes_a_removal_lose_cannot_do_it_twice() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let removal = alice.commit(id, removing(&policy(&alice, id), &[&carol]));
    let faster = commit(
        &world,
        &carol,
        id,
        CommitPlan {
            update_path: true,
            ..CommitPlan::default()
        },
    )
    .await;
    let lost = world.ask(&alice, Request::Append(removal)).await;
    assert_eq!(code(lost), "stale_epoch");
    alice.clear(id);
    // She is not faster again, whatever she commits; others go on.
    let held = problem(world.ask(&carol, Request::Append(carol.self_update(id))).await);
    assert_eq!(
        (held.code.as_str(), held.retry_after_ms),
        ("rate_limited", 10_000)
    );
    carol.clear(id);
    carol.send(&world, id, "messages are taken").await;
    follow(&bob, id, &faster);
    let of_bob = commit(&world, &bob, id, CommitPlan::default()).await;
    follow(&alice, id, &faster);
    follow(&alice, id, &of_bob);
    commit(&world, &alice, id, removing(&policy(&alice, id), &[&carol])).await;
    assert!(head(&world, &carol, id).await.unwrap().former);
}

#[tokio::test]
async fn a_removal_that_nobody_may_make_holds_nobody_and_the_hold_ends() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    // Alice's removal of Bob is too late, and so is a forgery of one by Carol, who may remove nobody.
    let removal = alice.commit(id, removing(&policy(&alice, id), &[&bob]));
    let Some(append::Payload::Commit(forged)) = removal.payload.clone() else {
        panic!("not a commit");
    };
    let first = commit(
        &world,
        &carol,
        id,
        CommitPlan {
            update_path: true,
            ..CommitPlan::default()
        },
    )
    .await;
    let of_carol = carol.append(id, append::Payload::Commit(forged));
    let of_carol = world.ask(&carol, Request::Append(of_carol)).await;
    assert!(matches!(of_carol, Body::Problem(_)));
    carol.count_from(id, 2);
    follow(&bob, id, &first);
    let second = commit(&world, &bob, id, CommitPlan::default()).await;
    assert_eq!(
        code(world.ask(&alice, Request::Append(removal)).await),
        "stale_epoch"
    );
    assert_eq!(
        code(world.ask(&bob, Request::Append(bob.self_update(id))).await),
        "rate_limited"
    );
    bob.clear(id);
    follow(&carol, id, &second);
    let third = commit(&world, &carol, id, CommitPlan::default()).await;
    world.clock.advance(Duration::from_secs(10));
    follow(&bob, id, &third);
    commit(&world, &bob, id, CommitPlan::default()).await;
}

#[tokio::test]
async fn whoever_leaves_is_shown_that_and_nothing_after() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let at_bob = world.connect(&bob);
    let leave = leaving(&carol, id);
    assert_eq!(
        appended(world.ask(&carol, Request::Append(leave.clone())).await).seq,
        2
    );
    let pushed = entries(&frames(&at_bob).await);
    assert!(matches!(pushed[0].payload, Some(log_entry::Payload::Leave(_))));
    // Nothing goes to her from here on, although she is in the group until the next commit.
    alice.send(&world, id, "said before Alice saw it").await;
    let seen = head(&world, &carol, id).await.unwrap();
    assert_eq!(
        (seen.head_seq, seen.epoch, seen.member, seen.former),
        (2, 1, false, true)
    );
    assert_eq!(carol.log(&world, id, 1).await.entries.len(), 1);
    assert_eq!(code(world.ask(&carol, fetch_group(id)).await), "not_a_member");
    assert_eq!(
        code(world.ask(&carol, Request::Append(leave)).await),
        "not_a_member"
    );
    let world = world.restart().await;
    assert!(head(&world, &carol, id).await.unwrap().former);
}

#[tokio::test]
async fn a_commit_takes_out_everybody_who_is_leaving_or_is_too_late() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let leave = leaving(&carol, id);
    appended(world.ask(&carol, Request::Append(leave.clone())).await);
    // Made before Bob has seen it.
    let late = world.ask(&bob, Request::Append(bob.self_update(id))).await;
    let Body::Problem(problem) = &late else {
        panic!("{late:?}");
    };
    assert_eq!(
        (problem.code.as_str(), problem.head_seq, problem.epoch),
        ("stale_epoch", 2, 1)
    );
    bob.clear(id);
    sees_leaving(&bob, id, &leave);
    commit(&world, &bob, id, CommitPlan::default()).await;
    assert_eq!(head(&world, &bob, id).await.unwrap().epoch, 2);
    // Also if the server was started anew meanwhile, and by a device that comes from outside.
    let leave = leaving(&bob, id);
    appended(world.ask(&bob, Request::Append(leave)).await);
    let mut world = world.restart().await;
    let laptop = world.link(&alice).await;
    let join = laptop.external_join(&world, id).await;
    assert_eq!(appended(world.ask(&laptop, Request::Append(join)).await).epoch, 3);
}

#[tokio::test]
async fn whoever_has_left_can_be_added_again() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let leave = leaving(&carol, id);
    appended(world.ask(&carol, Request::Append(leave.clone())).await);
    sees_leaving(&alice, id, &leave);
    commit(&world, &alice, id, CommitPlan::default()).await;
    assert!(head(&world, &carol, id).await.unwrap().former);
    let plan = adding(&world, &alice, &[&carol]).await;
    commit(&world, &alice, id, plan).await;
    let seen = head(&world, &carol, id).await.unwrap();
    assert_eq!((seen.head_seq, seen.member, seen.former), (4, true, false));
}

#[tokio::test]
async fn only_the_device_itself_says_that_it_leaves() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let leave = leaving(&carol, id);
    let refused = world.ask(&bob, Request::Append(leave.clone())).await;
    assert_eq!(code(refused), "invalid_mls_message");
    // What is no such proposal is none, wherever it is put.
    let Some(append::Payload::Leave(proposal)) = leave.payload else {
        panic!("nobody leaves");
    };
    let message = carol.message(id, "hello");
    let Some(append::Payload::ApplicationMessage(bytes)) = message.payload.clone() else {
        panic!("no message");
    };
    for payload in [
        append::Payload::Leave(bytes),
        append::Payload::Leave(Bytes::new()),
        append::Payload::Leave(vec![0; 2_000].into()),
        append::Payload::ApplicationMessage(proposal),
    ] {
        let append = Append {
            payload: Some(payload),
            ..message.clone()
        };
        let refused = code(world.ask(&carol, Request::Append(append)).await);
        assert!(
            ["malformed_request", "too_large"].contains(&refused.as_str()),
            "{refused}"
        );
    }
    assert_eq!(head(&world, &carol, id).await.unwrap().head_seq, 1);
}

#[tokio::test]
async fn a_restored_server_takes_back_that_somebody_left() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let (world, copy) = back_up(world).await;
    let leave = leaving(&carol, id);
    appended(world.ask(&carol, Request::Append(leave.clone())).await);
    for device in [&alice, &bob] {
        sees_leaving(device, id, &leave);
    }
    let lost = alice.log(&world, id, 1).await.entries;
    let world = put_back(world, &copy).await;
    let restore = subrosa_wire::frames::RestoreLog {
        conversation_id: id.to_vec().into(),
        entries: lost,
        group_info: alice.own_group_info(id),
        lost: None,
    };
    let restored = world.ask(&alice, Request::RestoreLog(restore)).await;
    assert!(matches!(restored, Body::LogRestored(_)), "{restored:?}");
    assert!(head(&world, &carol, id).await.unwrap().former);
    // Commits are held for a while after that.
    world.clock.advance(Duration::from_mins(11));
    commit(&world, &bob, id, CommitPlan::default()).await;
    assert_eq!(head(&world, &bob, id).await.unwrap().head_seq, 3);
}

// The view in memory took the proposal, and the log did not: no commit was taken from then on.
#[tokio::test]
async fn a_leave_under_the_id_of_another_send_is_that_send_again_and_nothing_else() {
    let (mut world, [alice, bob, carol]) = three().await;
    let id = found(&mut world, &alice, &[&bob, &carol]).await;
    let said = carol.message(id, "hello");
    let first = appended(world.ask(&carol, Request::Append(said.clone())).await);
    carol.count_from(id, said.send_number);
    let leave = Append {
        send_id: said.send_id,
        ..leaving(&carol, id)
    };
    let again = appended(world.ask(&carol, Request::Append(leave)).await);
    assert_eq!(again.seq, first.seq);
    commit(&world, &bob, id, CommitPlan::default()).await;
    assert!(!head(&world, &carol, id).await.unwrap().former);
}
