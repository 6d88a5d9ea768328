//! Pinned handles: every way on which the directory says who somebody is goes through the pins, and the user alone can
//! move one.

use subrosa_engine::{
    Command, CommandError, ConversationState, EngineError, Event, ForeignGroup, Misbehaviour, Warning,
    content::SendToken,
};
use subrosa_mls::{GroupPolicy, MemoryStore, Mls};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    AccountId, ConversationId, ProblemCode,
    frames::{
        DeviceKeyPackage, GroupState, KeyPackages, Problem, WelcomesWaiting, client_frame::Request,
        server_frame::Body,
    },
    rest::Person,
};

use crate::{
    changed_keys::{
        ALICE, BOB, IMPOSTOR, account, alice, answer, connect, false_bob, key_package,
        welcome_of_the_impostor,
    },
    device::{Device, OwnLog},
};

const CAROL: u64 = 3;

/// A person under the handle of another.
fn person_as(seed: u64, handle_of: u64) -> Person {
    Person {
        handle: Device::person(handle_of).handle,
        ..Device::person(seed)
    }
}

fn owner(device: &Device, seed: u64) -> Option<AccountId> {
    let contact = device.engine.contact_by_handle(&Device::person(seed).handle);
    contact.unwrap().map(|contact| contact.account_id)
}

#[test]
fn a_list_of_people_shows_no_pinned_handle_for_another_account() {
    let (mut alice, bob) = alice();
    let own_handle = Person {
        handle: alice.engine.me().handle.clone(),
        ..Device::person(IMPOSTOR)
    };
    let renamed = person_as(BOB, CAROL);
    let people = vec![false_bob(), bob.clone(), own_handle, renamed, Device::person(4)];
    let (fit, output) = alice.engine.leave_out_unfit(alice.now, people).unwrap();
    alice.keep(output);
    let fit: Vec<_> = fit.iter().map(|person| person.account_id).collect();
    assert_eq!(fit, [bob.account_id, Device::person(4).account_id]);
    assert_eq!(
        alice.warnings(),
        [
            &Warning::HandleReassigned(bob.account_id),
            &Warning::HandleReassigned(alice.account()),
            &Warning::ServerMisbehaved {
                chat: None,
                how: Misbehaviour::HandleChanged(bob.account_id),
            }
        ]
    );
    // Whoever is only looked at is not pinned.
    assert_eq!(owner(&alice, 4), None);
}

// Both were shown as @ben, and what was written to one went to the other.
#[test]
fn of_two_accounts_with_one_handle_none_is_shown() {
    let mut alice = Device::new(ALICE);
    let people = vec![Device::person(BOB), Device::person(CAROL), false_bob()];
    let (fit, output) = alice.engine.leave_out_unfit(alice.now, people).unwrap();
    alice.keep(output);
    let fit: Vec<_> = fit.iter().map(|person| person.account_id).collect();
    assert_eq!(fit, [Device::person(CAROL).account_id]);
    assert_eq!(
        alice.warnings(),
        [&Warning::ServerMisbehaved {
            chat: None,
            how: Misbehaviour::HandleShared,
        }]
    );
}

#[test]
fn a_new_device_takes_the_pins_from_the_vault_and_is_not_told_others() {
    let (mut alice, bob) = alice();
    alice.step(Command::OpenDirect(Device::person(CAROL))).unwrap();
    let mut new = alice.sibling(100);
    for swapped in [person_as(BOB, CAROL), person_as(CAROL, BOB)] {
        assert!(matches!(
            new.step(Command::OpenDirect(swapped.clone())),
            Err(EngineError::Command(CommandError::HandleReassigned))
        ));
        let (fit, _) = new.engine.leave_out_unfit(new.now, vec![swapped]).unwrap();
        assert!(fit.is_empty());
    }
    assert_eq!(owner(&new, BOB), Some(bob.account_id));
    assert_eq!(owner(&new, CAROL), Some(Device::person(CAROL).account_id));
}

#[test]
fn an_accepted_account_takes_the_handle_and_the_other_one_keeps_its_conversation() {
    let (mut alice, bob) = alice();
    let with_bob = alice.engine.direct_chat_with(bob.account_id).unwrap().unwrap();
    alice.step(Command::AcceptHandle(false_bob())).unwrap();
    assert_eq!(owner(&alice, BOB), Some(false_bob().account_id));
    let former = alice
        .engine
        .conversation(with_bob)
        .unwrap()
        .unwrap()
        .with
        .unwrap();
    assert_eq!(former.account_id, bob.account_id);
    assert_eq!(
        (former.handle, former.former_handle),
        (None, Some(bob.handle.clone()))
    );
    assert!(alice.events.contains(&Event::ContactChanged(bob.account_id)));
    assert!(
        alice
            .events
            .contains(&Event::ContactChanged(false_bob().account_id))
    );
    // What is written to @bob goes to the accepted account.
    alice.step(Command::OpenDirect(false_bob())).unwrap();
    assert!(
        alice
            .engine
            .direct_chat_with(false_bob().account_id)
            .unwrap()
            .is_some()
    );
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    // And it can be taken back.
    alice.step(Command::AcceptHandle(bob.clone())).unwrap();
    assert_eq!(owner(&alice, BOB), Some(bob.account_id));
    let again = alice.engine.contact(bob.account_id).unwrap().unwrap();
    assert_eq!((again.handle, again.former_handle), (Some(bob.handle), None));
}

#[test]
fn handles_that_were_pinned_the_wrong_way_round_are_put_right() {
    let mut alice = Device::new(ALICE);
    for swapped in [person_as(BOB, CAROL), person_as(CAROL, BOB)] {
        alice.step(Command::OpenDirect(swapped)).unwrap();
    }
    alice.step(Command::AcceptHandle(Device::person(BOB))).unwrap();
    assert_eq!(owner(&alice, BOB), Some(Device::person(BOB).account_id));
    // Nobody has the other handle by now, so it is pinned as at first contact.
    alice.step(Command::OpenDirect(Device::person(CAROL))).unwrap();
    assert_eq!(owner(&alice, CAROL), Some(Device::person(CAROL).account_id));
}

#[test]
fn only_another_person_with_true_keys_can_be_accepted() {
    let (mut alice, bob) = alice();
    let false_keys = Person {
        account_id: bob.account_id,
        ..Device::person(IMPOSTOR)
    };
    let own_handle = Person {
        handle: alice.engine.me().handle.clone(),
        ..Device::person(IMPOSTOR)
    };
    for (person, error) in [
        (false_keys, CommandError::InvalidPerson),
        (own_handle, CommandError::HandleReassigned),
        (Device::person(ALICE), CommandError::OwnAccount),
    ] {
        let refused = alice.step(Command::AcceptHandle(person));
        let Err(EngineError::Command(found)) = refused else {
            panic!("accepted: {error}")
        };
        assert_eq!(found, error);
    }
    assert_eq!(owner(&alice, BOB), Some(bob.account_id));
}

#[test]
fn a_moved_handle_moves_on_the_other_devices_too_and_no_older_pin_brings_it_back() {
    let (mut alice, bob) = alice();
    let mut other = alice.sibling(100);
    let before = other.store_vault();
    alice.step(Command::AcceptHandle(false_bob())).unwrap();
    other.merge(&alice.store_vault());
    assert_eq!(owner(&other, BOB), Some(false_bob().account_id));
    let former = other.engine.contact(bob.account_id).unwrap().unwrap();
    assert_eq!((former.handle, former.former_handle), (None, Some(bob.handle)));
    alice.merge(&before);
    assert_eq!(owner(&alice, BOB), Some(false_bob().account_id));
    // A device that signs in only now has it from the vault.
    assert_eq!(owner(&other.sibling(101), BOB), Some(false_bob().account_id));
    for device in [&alice, &other] {
        assert_eq!(device.warnings(), Vec::<&Warning>::new());
    }
}

#[test]
fn two_devices_that_decide_otherwise_at_the_same_time_ask_until_one_decides_again() {
    let (mut alice, _) = alice();
    let mut other = alice.sibling(100);
    alice.step(Command::AcceptHandle(false_bob())).unwrap();
    other.step(Command::AcceptHandle(person_as(CAROL, BOB))).unwrap();
    other.merge(&alice.store_vault());
    let carol = Device::person(CAROL).account_id;
    assert_eq!(owner(&other, BOB), Some(carol));
    assert_eq!(other.warnings(), [&Warning::HandleReassigned(carol)]);
    // A vault never names one handle twice.
    let merged = other.store_vault();
    assert_eq!(owner(&other.sibling(101), BOB), Some(carol));
    alice.merge(&merged);
    assert_eq!(owner(&alice, BOB), Some(false_bob().account_id));
    alice.step(Command::AcceptHandle(person_as(CAROL, BOB))).unwrap();
    assert_eq!(owner(&alice, BOB), Some(carol));
    other.merge(&alice.store_vault());
    assert_eq!(owner(&other, BOB), Some(carol));
}

#[test]
fn whoever_was_locked_out_of_a_handle_by_a_wrong_first_pin_gets_it() {
    let mut alice = Device::new(ALICE);
    // The true owner is the one whose account the tests call the impostor.
    alice.step(Command::OpenDirect(Device::person(BOB))).unwrap();
    let welcome = welcome_of_the_impostor(&mut alice);
    alice.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
    let look_up = |alice: &mut Device| {
        let at = alice
            .asked
            .iter()
            .position(|frame| matches!(frame.request, Some(Request::LookUpAccount(_))));
        at.map(|at| alice.asked.remove(at).request_id)
    };
    let asked = look_up(&mut alice).unwrap();
    answer(&mut alice, asked, Body::Account(account(&false_bob())));
    alice.step(Command::AcceptHandle(false_bob())).unwrap();
    assert_eq!(owner(&alice, BOB), Some(false_bob().account_id));
    // Nobody asks whose handle the other one has now.
    connect(&mut alice, |_| {});
    assert_eq!(look_up(&mut alice), None);
}

#[test]
fn an_account_that_is_known_by_its_id_alone_is_looked_up_once_it_is_wanted() {
    let mut alice = Device::new(ALICE);
    let bob = Device::person(BOB);
    let asked = |alice: &mut Device| {
        let at = alice
            .asked
            .iter()
            .position(|frame| matches!(frame.request, Some(Request::LookUpAccount(_))));
        at.map(|at| alice.asked.remove(at).request_id)
    };
    // Without a connection nothing is kept for later.
    alice.step(Command::LookUp(bob.account_id)).unwrap();
    connect(&mut alice, |_| {});
    assert_eq!(asked(&mut alice), None);
    alice.step(Command::LookUp(bob.account_id)).unwrap();
    let first = asked(&mut alice).unwrap();
    alice.step(Command::LookUp(bob.account_id)).unwrap();
    assert_eq!(asked(&mut alice), None);
    alice.events.clear();
    answer(&mut alice, first, Body::Account(account(&bob)));
    assert!(alice.events.contains(&Event::ContactChanged(bob.account_id)));
    assert_eq!(owner(&alice, BOB), Some(bob.account_id));
    alice.step(Command::LookUp(bob.account_id)).unwrap();
    let me = alice.account();
    alice.step(Command::LookUp(me)).unwrap();
    assert_eq!(asked(&mut alice), None);
}

/// A group with only one device of this account in it yet.
fn group(id: ConversationId, by: u64, policy: &GroupPolicy) -> GroupState {
    let (store, mut rng) = (MemoryStore::default(), SeededRng::new(by));
    let identity = Device::identity(by);
    let now = crate::device::START;
    let mls = Mls::new(&store, &mut rng, now);
    let group = mls.create_group(&identity, id, policy).unwrap();
    GroupState {
        conversation_id: id.to_vec().into(),
        epoch: 0,
        head_seq: 1,
        head_hash: Vec::new().into(),
        group_info: group.group_info(&mls, &identity).unwrap().into(),
        ratchet_tree: group.ratchet_tree().unwrap().into(),
        leaves: Vec::new(),
    }
}

/// Answers what is asked until nothing is. Bob's creation was faster, and this is its group. Returns how often it was
/// asked for.
fn serve(alice: &mut Device, state: &GroupState) -> usize {
    let mut fetches = 0;
    let mut log = OwnLog::default();
    let packages = KeyPackages {
        account: Some(account(&Device::person(BOB))),
        devices: vec![DeviceKeyPackage {
            key_package: key_package(&mut Device::new(BOB)).into(),
            ..DeviceKeyPackage::default()
        }],
    };
    let mut exists = Problem::new(ProblemCode::ConversationExists, "");
    exists.conversation_id = state.conversation_id.clone();
    while !alice.asked.is_empty() {
        let frame = alice.asked.remove(0);
        let body = match frame.request.unwrap() {
            Request::Sync(_) => Body::SyncState(alice.empty_state()),
            Request::ClaimKeyPackages(_) => Body::KeyPackages(packages.clone()),
            Request::CreateConversation(_) => Body::Problem(exists.clone()),
            Request::FetchGroup(_) => {
                fetches += 1;
                Body::GroupState(state.clone())
            }
            Request::Append(append) => {
                let seq = append.send_number + 1;
                log.accept(alice, append, seq)
            }
            Request::FetchLog(fetch) => log.page(fetch),
            _ => continue,
        };
        answer(alice, frame.request_id, body);
    }
    fetches
}

// One lie blocked a conversation for ever.
#[test]
fn a_blocked_conversation_is_tried_again_when_the_user_wants_it() {
    let (mut alice, bob) = alice();
    let chat = alice.engine.direct_chat_with(bob.account_id).unwrap().unwrap();
    alice
        .step(Command::SendText {
            chat,
            text: "for bob alone".to_owned(),
            token: SendToken::from_bytes([1; 16]),
        })
        .unwrap();
    connect(&mut alice, |_| {});
    // The server shows another group in place of Bob's.
    let id = ConversationId::from_bytes([9; 16]);
    let notes = group(id, ALICE, &GroupPolicy::notes_to_self(alice.account()));
    assert_eq!(serve(&mut alice, &notes), 1);
    let state = |alice: &Device| alice.engine.conversation(chat).unwrap().unwrap().state;
    assert_eq!(
        state(&alice),
        ConversationState::Blocked,
        "{:?}",
        alice.warnings()
    );
    let how = Misbehaviour::ForeignGroup(ForeignGroup::UnknownKind);
    let chat_of = Some(chat);
    assert!(
        alice
            .warnings()
            .contains(&&Warning::ServerMisbehaved { chat: chat_of, how })
    );
    let honest = group(
        id,
        BOB,
        &GroupPolicy::direct(bob.account_id, alice.account()).unwrap(),
    );
    connect(&mut alice, |_| {});
    assert_eq!(serve(&mut alice, &honest), 0);

    alice.step(Command::TryAgain(chat)).unwrap();
    assert_eq!(serve(&mut alice, &honest), 1);
    assert_eq!(state(&alice), ConversationState::Joined);
}
