//! The ratchet tree that a Welcome leads to is fetched if it does not come along.

use subrosa_engine::{ConversationState, Misbehaviour, Warning};
use subrosa_mls::payload_hash;
use subrosa_wire::{
    ProblemCode,
    frames::{
        ConversationHead, Problem, RatchetTree, SyncState, WelcomeItem, WelcomesWaiting,
        client_frame::Request, server_frame::Body,
    },
};

use crate::{
    changed_keys::{answer, connect, welcome_with},
    device::Device,
    key_packages::{Stock, visit},
};

/// Alice, and a Welcome for her whose tree the server keeps apart.
fn welcomed() -> (Device, Stock, WelcomeItem, RatchetTree) {
    let (mut alice, mut stock) = (Device::new(1), Stock::default());
    visit(&mut alice, &mut stock);
    let (mut item, _) = welcome_with(&alice, stock.one_time.remove(0), 2);
    let tree = RatchetTree {
        ratchet_tree: std::mem::take(&mut item.ratchet_tree),
    };
    item.tree_hash = payload_hash(&tree.ratchet_tree).to_vec().into();
    alice.asked.clear();
    (alice, stock, item, tree)
}

fn push(alice: &mut Device, item: &WelcomeItem) {
    alice.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![item.clone()],
    }));
}

/// Takes the requests for trees among what the device asks; the rest is forgotten.
fn fetches(alice: &mut Device) -> Vec<u64> {
    let asked = std::mem::take(&mut alice.asked);
    let fetches = asked
        .into_iter()
        .filter(|frame| matches!(frame.request, Some(Request::FetchTree(_))));
    fetches.map(|frame| frame.request_id).collect()
}

fn asks(alice: &Device, what: impl Fn(&Request) -> bool) -> bool {
    alice
        .asked
        .iter()
        .any(|frame| frame.request.as_ref().is_some_and(&what))
}

fn has_joined(alice: &Device) -> bool {
    let conversations = alice.engine.conversations().unwrap();
    conversations
        .iter()
        .any(|conversation| conversation.state == ConversationState::Joined)
}

fn has_acknowledged(alice: &Device) -> bool {
    asks(alice, |request| {
        matches!(request, Request::AcknowledgeWelcomes(_))
    })
}

#[test]
fn a_device_joins_once_the_tree_is_here() {
    let (mut alice, _, item, tree) = welcomed();
    push(&mut alice, &item);
    assert!(!has_joined(&alice) && !has_acknowledged(&alice));
    // The same Welcome again asks for nothing more.
    push(&mut alice, &item);
    let fetch = fetches(&mut alice);
    assert_eq!(fetch.len(), 1);
    answer(&mut alice, fetch[0], Body::RatchetTree(tree));
    assert!(has_joined(&alice) && has_acknowledged(&alice));
    assert!(alice.warnings().is_empty(), "{:?}", alice.warnings());
}

#[test]
fn nobody_enters_from_outside_while_the_tree_is_fetched() {
    let (mut alice, stock, item, tree) = welcomed();
    let named = |state: &mut SyncState| {
        stock.tell(state);
        state.welcomes.push(item.clone());
        state.conversations.push(ConversationHead {
            conversation_id: item.conversation_id.clone(),
            head_seq: 1,
            epoch: 1,
            member: true,
            ..ConversationHead::default()
        });
    };
    connect(&mut alice, named);
    assert!(!asks(&alice, |request| matches!(request, Request::FetchGroup(_))));
    let fetch = fetches(&mut alice);
    answer(&mut alice, fetch[0], Body::RatchetTree(tree));
    assert!(has_joined(&alice));
}

#[test]
fn where_the_tree_is_gone_the_welcome_is_given_up_and_sync_follows() {
    for comes_late in [false, true] {
        let (mut alice, _, mut item, _) = welcomed();
        if !comes_late {
            item.tree_hash.clear();
        }
        push(&mut alice, &item);
        if comes_late {
            let fetch = fetches(&mut alice);
            answer(&mut alice, fetch[0], Body::RatchetTree(RatchetTree::default()));
        }
        assert!(!has_joined(&alice) && has_acknowledged(&alice));
        assert!(asks(&alice, |request| matches!(request, Request::Sync(_))));
        assert!(alice.warnings().is_empty(), "{:?}", alice.warnings());
    }
}

#[test]
fn another_tree_than_was_named_lets_nobody_in() {
    let (mut alice, _, item, _) = welcomed();
    push(&mut alice, &item);
    let fetch = fetches(&mut alice);
    let other = RatchetTree {
        ratchet_tree: vec![1; 40].into(),
    };
    answer(&mut alice, fetch[0], Body::RatchetTree(other));
    assert!(!has_joined(&alice) && has_acknowledged(&alice));
    assert!(
        matches!(
            alice.warnings()[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::WelcomeForged(_),
                ..
            }]
        ),
        "{:?}",
        alice.warnings()
    );
}

#[test]
fn a_tree_that_cannot_be_fetched_now_is_fetched_with_the_next_sync() {
    let (mut alice, stock, item, tree) = welcomed();
    push(&mut alice, &item);
    let fetch = fetches(&mut alice);
    let problem = Problem::new(ProblemCode::Unavailable, "");
    answer(&mut alice, fetch[0], Body::Problem(problem));
    assert!(!has_joined(&alice) && !has_acknowledged(&alice));
    alice.asked.clear();
    connect(&mut alice, |state| {
        stock.tell(state);
        state.welcomes.push(item.clone());
    });
    let fetch = fetches(&mut alice);
    answer(&mut alice, fetch[0], Body::RatchetTree(tree));
    assert!(has_joined(&alice));
}
