//! Groups whose tree and view are large: a device gets its own part of a Welcome and fetches the tree, and the view is stored
//! as what has changed.

use subrosa_mls::{CommitPlan, payload_hash};
use subrosa_wire::{
    ConversationId,
    frames::{FetchTree, RatchetTree, client_frame::Request, server_frame::Body},
    limits::WELCOME_TREE_MAX,
};

use super::{
    groups::{commit, found},
    world::{Device, World, appended, code},
};
use crate::{
    limits::{SETTLING_TIME, VIEW_CHANGES_MAX, VIEW_REWRITTEN_MAX},
    store::delivery::{DeliveryStore as _, ViewChange},
};

/// Enough that neither tree nor view is small.
const DEVICES: usize = 40;

/// A group that the first of these devices owns; all have joined.
async fn crowd() -> (World, Vec<Device>, ConversationId) {
    let mut world = World::new();
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        devices.push(world.sign_up(&format!("person{number}")).await);
    }
    let others: Vec<_> = devices[1..].iter().collect();
    let id = found(&mut world, &devices[0], &others).await;
    (world, devices, id)
}

fn fetch(id: ConversationId, tree_hash: &[u8]) -> Request {
    Request::FetchTree(FetchTree {
        conversation_id: id.to_vec().into(),
        tree_hash: tree_hash.to_vec().into(),
    })
}

async fn tree(world: &World, by: &Device, id: ConversationId, tree_hash: &[u8]) -> RatchetTree {
    match world.ask(by, fetch(id, tree_hash)).await {
        Body::RatchetTree(tree) => tree,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_device_gets_its_own_part_of_a_welcome_and_fetches_the_tree() {
    let mut world = World::new();
    let owner = world.sign_up("owner").await;
    let mut others = Vec::new();
    for number in 1..DEVICES {
        others.push(world.sign_up(&format!("person{number}")).await);
    }
    let stranger = world.sign_up("stranger").await;
    let at_first = world.connect(&others[0]);
    let id = {
        let all: Vec<_> = others.iter().collect();
        super::groups::found_without_joining(&mut world, &owner, &all).await
    };
    let pushed = super::world::frames(&at_first).await;
    let pushed = pushed.into_iter().find_map(|frame| match frame.body {
        Some(Body::WelcomesWaiting(waiting)) => Some(waiting.welcomes),
        _ => None,
    });
    let waiting = others[0].sync(&world).await.welcomes;
    assert_eq!(pushed.as_ref(), Some(&waiting), "pushed as it waits");
    let [item] = &waiting[..] else { panic!("not one") };
    assert!(item.welcome.len() < 4 * 1024, "{} bytes", item.welcome.len());
    assert!(item.ratchet_tree.is_empty());
    let found = tree(&world, &others[0], id, &item.tree_hash).await.ratchet_tree;
    assert!(found.len() > WELCOME_TREE_MAX);
    assert_eq!(payload_hash(&found)[..], item.tree_hash[..]);
    // Nobody else gets it, and nothing else is got.
    let nothing = RatchetTree::default();
    assert_eq!(tree(&world, &stranger, id, &item.tree_hash).await, nothing);
    assert_eq!(tree(&world, &others[0], id, &[7; 32]).await, nothing);
    assert_eq!(
        code(world.ask(&others[0], fetch(id, b"short")).await),
        "malformed_request"
    );
    for other in &others {
        assert_eq!(other.join_by_welcome(&world).await.len(), 1);
    }
    others[1].send(&world, id, "hello").await;
    // Everybody has come: the tree is not kept any longer.
    assert_eq!(tree(&world, &others[0], id, &item.tree_hash).await, nothing);
}

#[tokio::test]
async fn a_commit_whose_welcome_leaves_out_an_added_device_is_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    let id = found(&mut world, &alice, &[&bob]).await;
    let adding_carol = super::groups::adding(&world, &alice, &[&carol]).await;
    let mut append = alice.commit(id, adding_carol);
    let of_another = {
        let other = super::groups::found_without_joining(&mut world, &bob, &[&carol]).await;
        let waiting = carol.sync(&world).await.welcomes;
        let item = waiting
            .into_iter()
            .find(|item| item.conversation_id == other.to_vec());
        item.unwrap().welcome
    };
    let Some(subrosa_wire::frames::append::Payload::Commit(parts)) = &mut append.payload else {
        panic!("not a commit")
    };
    let right = std::mem::replace(&mut parts.welcome, of_another);
    assert_eq!(
        code(world.ask(&alice, Request::Append(append.clone())).await),
        "malformed_request"
    );
    // The group has not moved, and the right Welcome is taken.
    if let Some(subrosa_wire::frames::append::Payload::Commit(parts)) = &mut append.payload {
        parts.welcome = right;
    }
    appended(world.ask(&alice, Request::Append(append)).await);
}

#[tokio::test]
async fn a_large_view_is_stored_as_what_changed_and_loaded_again() {
    let (mut world, devices, id) = crowd().await;
    let [owner, other, ..] = &devices[..] else {
        panic!("not enough")
    };
    let mut kept = Vec::new();
    for number in 0..VIEW_CHANGES_MAX + 4 {
        let bytes = commit(&world, owner, id, CommitPlan::default()).await;
        let group = world.store.group(id).await.unwrap().unwrap();
        assert!(group.public_view.len() > VIEW_REWRITTEN_MAX);
        if let Some(newest) = group.view_changes.last() {
            assert_eq!(*newest, ViewChange::Commit(bytes));
        }
        kept.push(group.view_changes.len());
        if number % 4 == 1 {
            // What was in memory is gone.
            world = world.restart().await;
            world.clock.advance(SETTLING_TIME);
        }
    }
    assert!(
        kept.iter().all(|changes| *changes <= VIEW_CHANGES_MAX),
        "{kept:?}"
    );
    assert!(kept.contains(&1) && kept.contains(&0), "{kept:?}");

    // The proposal of a device that leaves changes a view, too, and whoever joins from outside gets it.
    other_follows(&world, other, id).await;
    let claim = other.claim(id);
    let proposal = other.group(id, |mls, group| {
        group.leave(mls, &other.identity, &claim).unwrap()
    });
    let leave = other.append(
        id,
        subrosa_wire::frames::append::Payload::Leave(proposal.clone().into()),
    );
    appended(world.ask(other, Request::Append(leave)).await);
    world = world.restart().await;
    world.clock.advance(SETTLING_TIME);
    let laptop = world.link(owner).await;
    let join = laptop.external_join(&world, id).await;
    appended(world.ask(&laptop, Request::Append(join)).await);
    let members = laptop.group(id, |_, group| group.member_count());
    assert_eq!(members, DEVICES, "one has come and one has left");
}

/// A device applies all of the log that it has not applied.
async fn other_follows(world: &World, device: &Device, id: ConversationId) {
    for entry in device.log(world, id, 0).await.entries {
        let Some(subrosa_wire::frames::log_entry::Payload::Commit(commit)) = entry.payload else {
            continue;
        };
        if subrosa_mls::peek(&commit).unwrap().epoch < device.group(id, |_, group| group.epoch()) {
            continue;
        }
        device.group(id, |mls, group| match group.process(mls, &commit).unwrap() {
            subrosa_mls::Received::Commit(staged) => group.merge(mls, staged).unwrap(),
            other => panic!("not a commit: {other:?}"),
        });
    }
}
