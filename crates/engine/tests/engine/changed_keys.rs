//! Another account under a known handle, or other keys for a known account: however it comes about, a warning is
//! shown, the known person stays, and nothing is sent to anybody else.

use std::collections::BTreeMap;

use subrosa_engine::{
    Command, CommandError, ConversationState, EngineError, Event, ForeignGroup, Input, Misbehaviour, Warning,
    account::{VaultContact, vault},
    content::SendToken,
};
use subrosa_mls::{CommitError, PolicyError, PublicView};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ConversationId, ProblemCode,
    frames::{
        Account, CreateConversation, DeviceKeyPackage, GroupState, KeyPackages, LogEntry, Problem, SyncState,
        WelcomeItem, WelcomesWaiting, client_frame::Request, log_entry::Payload, server_frame::Body,
    },
    rest::{Person, SealedVault},
};

use crate::device::Device;

pub(crate) const ALICE: u64 = 1;
pub(crate) const BOB: u64 = 2;
/// Other keys, which make another account.
pub(crate) const IMPOSTOR: u64 = 77;

/// Alice, who knows Bob's true account.
pub(crate) fn alice() -> (Device, Person) {
    let mut alice = Device::new(ALICE);
    let bob = Device::person(BOB);
    alice.step(Command::OpenDirect(bob.clone())).unwrap();
    (alice, bob)
}

/// Bob as the lying server shows him: his handle, and keys that somebody made up.
pub(crate) fn false_bob() -> Person {
    Person {
        handle: Device::person(BOB).handle,
        ..Device::person(IMPOSTOR)
    }
}

pub(crate) fn account(person: &Person) -> Account {
    Account {
        account_id: person.account_id.to_vec().into(),
        handle: person.handle.to_string(),
        account_key: person.account_key.0.clone().into(),
        succession_key_hash: person.succession_key_hash.0.clone().into(),
    }
}

/// A person in the vault, with a pinned handle.
pub(crate) fn pinned(person: &Person) -> VaultContact {
    VaultContact {
        handle: Some(person.handle.clone()),
        ..VaultContact::default()
    }
}

fn assert_bob_is_who_he_was(alice: &Device, bob: &Person) {
    let known = alice.engine.contact_by_handle(&bob.handle).unwrap().unwrap();
    assert_eq!(known.account_id, bob.account_id);
    let (vault, _) = alice.engine.vault().unwrap();
    assert_eq!(vault.contacts[&bob.account_id].handle.as_ref(), Some(&bob.handle));
}

pub(crate) fn answer(device: &mut Device, request_id: u64, body: Body) {
    device.answer(request_id, body);
}

/// Connects and answers Sync with this state.
pub(crate) fn connect(device: &mut Device, change: impl FnOnce(&mut SyncState)) {
    device.step(Input::Connected).unwrap();
    let sync = device.asked.remove(0);
    let mut state = device.empty_state();
    change(&mut state);
    answer(device, sync.request_id, Body::SyncState(state));
}

#[test]
fn another_account_under_a_known_handle_is_not_written_to() {
    let (mut alice, bob) = alice();
    let refused = alice.step(Command::OpenDirect(false_bob()));
    assert!(matches!(
        refused,
        Err(EngineError::Command(CommandError::HandleReassigned))
    ));
    assert_bob_is_who_he_was(&alice, &bob);
}

#[test]
fn nobody_else_gets_our_own_handle() {
    let mut alice = Device::new(ALICE);
    let refused = alice.step(Command::OpenDirect(Person {
        handle: alice.engine.me().handle.clone(),
        ..Device::person(IMPOSTOR)
    }));
    assert!(matches!(
        refused,
        Err(EngineError::Command(CommandError::HandleReassigned))
    ));
}

#[test]
fn a_person_whose_keys_do_not_fit_the_account_is_not_written_to() {
    let (mut alice, bob) = alice();
    let impostor = false_bob();
    let other_account_key = Person {
        account_key: impostor.account_key,
        ..bob.clone()
    };
    let other_succession_key = Person {
        succession_key_hash: impostor.succession_key_hash,
        ..bob.clone()
    };
    let no_key = Person {
        account_key: Vec::new().into(),
        ..bob.clone()
    };
    for lie in [other_account_key, other_succession_key, no_key] {
        assert!(matches!(
            alice.step(Command::OpenDirect(lie)),
            Err(EngineError::Command(CommandError::InvalidPerson))
        ));
    }
    assert_bob_is_who_he_was(&alice, &bob);
}

#[test]
fn key_packages_that_come_with_other_keys_are_not_used() {
    let impostor = false_bob();
    let bob = Device::person(BOB).account_id;
    let other_keys = Account {
        account_id: bob.to_vec().into(),
        ..account(&impostor)
    };
    let nobody = Account {
        account_id: Vec::new().into(),
        ..account(&impostor)
    };
    for (shown, how) in [
        (other_keys, Misbehaviour::FalseKeys(bob)),
        (account(&impostor), Misbehaviour::WrongAccount),
        (nobody, Misbehaviour::MalformedAccount),
    ] {
        key_packages_of_the_impostor_are_not_used(shown, &how);
    }
}

/// Whoever the server claims they belong to.
fn key_packages_of_the_impostor_are_not_used(shown: Account, expected: &Misbehaviour) {
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
    let claim = alice.asked.remove(0);
    assert!(matches!(claim.request, Some(Request::ClaimKeyPackages(_))));
    // The impostor's device, honestly certified by the impostor's key.
    let package = key_package(&mut Device::new(IMPOSTOR));
    let shown = KeyPackages {
        account: Some(shown),
        devices: vec![DeviceKeyPackage {
            key_package: package.into(),
            ..DeviceKeyPackage::default()
        }],
    };
    answer(&mut alice, claim.request_id, Body::KeyPackages(shown));
    let warnings = alice.warnings();
    let [
        Warning::ServerMisbehaved { how: of_account, .. },
        Warning::ServerMisbehaved {
            how: Misbehaviour::KeyPackageForged { .. },
            ..
        },
    ] = &warnings[..]
    else {
        panic!("{warnings:?}")
    };
    assert_eq!(of_account, expected);
    assert!(alice.asked.is_empty(), "nothing leaves: {:?}", alice.asked);
    assert_eq!(alice.engine.outbox_len().unwrap(), 1);
    assert_bob_is_who_he_was(&alice, &bob);
}

// The step failed, and the user was told that the local state is not consistent.
#[test]
fn of_two_key_packages_of_one_device_one_is_used() {
    let (mut alice, bob) = alice();
    let chat = alice.engine.direct_chat_with(bob.account_id).unwrap().unwrap();
    alice
        .step(Command::SendText {
            chat,
            text: "for each of your devices".to_owned(),
            token: SendToken::from_bytes([1; 16]),
        })
        .unwrap();
    connect(&mut alice, |_| {});
    let claim = alice.asked.remove(0);
    let packages = key_packages(&mut Device::new(BOB));
    let shown = KeyPackages {
        account: Some(account(&bob)),
        devices: packages[..2]
            .iter()
            .map(|package| DeviceKeyPackage {
                key_package: package.clone().into(),
                ..DeviceKeyPackage::default()
            })
            .collect(),
    };
    answer(&mut alice, claim.request_id, Body::KeyPackages(shown));
    assert!(
        matches!(
            alice.warnings()[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::KeyPackagesClash(CommitError::Policy(PolicyError::DuplicateDevice(_))),
                ..
            }]
        ),
        "{:?}",
        alice.warnings()
    );
    assert!(matches!(
        alice.asked[0].request,
        Some(Request::CreateConversation(_))
    ));
}

/// A key package that the device publishes.
pub(crate) fn key_package(device: &mut Device) -> Vec<u8> {
    key_packages(device).remove(0)
}

fn key_packages(device: &mut Device) -> Vec<Vec<u8>> {
    connect(device, |state| state.key_packages_left = 0);
    let Some(Request::PublishKeyPackages(publish)) = device.asked.remove(0).request else {
        panic!("no key packages are published")
    };
    publish.one_time.iter().map(|package| package.to_vec()).collect()
}

/// The group that the impostor makes with Alice, as the server would deliver it to her.
pub(crate) fn welcome_of_the_impostor(alice: &mut Device) -> WelcomeItem {
    let (conversation, created) = group_of_the_impostor(alice);
    welcome(conversation, &created, alice)
}

fn group_of_the_impostor(alice: &mut Device) -> (ConversationId, CreateConversation) {
    let package = key_package(alice);
    group_with(alice, package, IMPOSTOR)
}

/// The group that a stranger makes with this key package of Alice, as the server would deliver it to her, and the
/// entry with which its log begins.
pub(crate) fn welcome_with(alice: &Device, key_package: Vec<u8>, stranger: u64) -> (WelcomeItem, LogEntry) {
    let (conversation, created) = group_with(alice, key_package, stranger);
    let first = LogEntry {
        conversation_id: conversation.to_vec().into(),
        seq: 1,
        send_id: created.send_id.clone(),
        accepted_at_ms: alice.now.as_millis(),
        payload: Some(Payload::Commit(created.commit.as_ref().unwrap().commit.clone())),
        sender_device: Device::new(stranger).engine.me().device_id.to_vec().into(),
        ..LogEntry::default()
    };
    (welcome(conversation, &created, alice), first)
}

fn group_with(alice: &Device, package: Vec<u8>, seed: u64) -> (ConversationId, CreateConversation) {
    let mut impostor = Device::new(seed);
    impostor.step(Command::OpenDirect(Device::person(ALICE))).unwrap();
    let chat = impostor
        .engine
        .direct_chat_with(alice.account())
        .unwrap()
        .unwrap();
    let conversation = impostor
        .engine
        .conversation(chat)
        .unwrap()
        .unwrap()
        .conversation_id;
    impostor
        .step(Command::SendText {
            chat,
            text: "i am bob".to_owned(),
            token: SendToken::from_bytes([2; 16]),
        })
        .unwrap();
    connect(&mut impostor, |_| {});
    let claim = impostor.asked.remove(0);
    let packages = KeyPackages {
        account: None,
        devices: vec![DeviceKeyPackage {
            key_package: package.into(),
            ..DeviceKeyPackage::default()
        }],
    };
    answer(&mut impostor, claim.request_id, Body::KeyPackages(packages));
    let Some(Request::CreateConversation(created)) = impostor.asked.remove(0).request else {
        panic!("no conversation is made")
    };
    (conversation, created)
}

fn welcome(conversation: ConversationId, created: &CreateConversation, to: &Device) -> WelcomeItem {
    let commit = created.commit.as_ref().unwrap();
    let mut view =
        PublicView::create(&created.group_info, &created.ratchet_tree, conversation, to.now).unwrap();
    view.process_commit(&commit.commit, &commit.group_info, to.now)
        .unwrap();
    WelcomeItem {
        item_id: 1,
        conversation_id: conversation.to_vec().into(),
        seq: 1,
        welcome: commit.welcome.clone(),
        ratchet_tree: view.ratchet_tree().unwrap().into(),
        hash_before: vec![0; 32].into(),
        ..WelcomeItem::default()
    }
}

#[test]
fn a_conversation_begun_under_a_known_handle_is_not_shown_as_that_persons() {
    let (mut alice, bob) = alice();
    let with_bob = alice.engine.conversations().unwrap();
    let welcome = welcome_of_the_impostor(&mut alice);
    alice.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
    let look_up = alice
        .asked
        .iter()
        .find(|frame| matches!(frame.request, Some(Request::LookUpAccount(_))))
        .map(|frame| frame.request_id)
        .unwrap();
    answer(&mut alice, look_up, Body::Account(account(&false_bob())));
    assert!(
        alice
            .warnings()
            .contains(&&Warning::HandleReassigned(bob.account_id))
    );
    let others: Vec<_> = alice
        .engine
        .conversations()
        .unwrap()
        .into_iter()
        .filter(|conversation| !with_bob.contains(conversation))
        .collect();
    assert_eq!(others.len(), 1);
    let with = others[0].with.as_ref().unwrap();
    assert_eq!((with.account_id, &with.handle), (false_bob().account_id, &None));
    assert_bob_is_who_he_was(&alice, &bob);
}

#[test]
fn a_conversation_of_somebody_new_is_joined() {
    // The test above would also pass if no such group could be joined at all.
    let mut alice = Device::new(ALICE);
    let welcome = welcome_of_the_impostor(&mut alice);
    alice.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    assert_eq!(alice.engine.conversations().unwrap().len(), 1);
}

#[test]
fn another_account_in_the_vault_of_another_device_does_not_take_a_known_handle() {
    let (mut alice, bob) = alice();
    let (mut contents, key) = alice.engine.vault().unwrap();
    let impostor = false_bob();
    contents.contacts = BTreeMap::from([
        (impostor.account_id, pinned(&impostor)),
        (Device::person(3).account_id, pinned(&Device::person(3))),
    ]);
    let sealed = SealedVault {
        revision: 2,
        ciphertext: vault::seal(&contents, &key, 2, &mut SeededRng::new(9)).into(),
    };
    let output = alice.engine.merge_vault(alice.now, &sealed).unwrap();
    alice.keep(output);
    assert_eq!(alice.warnings(), [&Warning::HandleReassigned(bob.account_id)]);
    let impostor = alice.engine.contact(impostor.account_id).unwrap().unwrap();
    assert_eq!(impostor.handle, None);
    assert_bob_is_who_he_was(&alice, &bob);
    // The person whom the other device has met is known here, too, and the merged vault is uploaded.
    let third = alice
        .engine
        .contact(Device::person(3).account_id)
        .unwrap()
        .unwrap();
    assert_eq!(third.handle, Some(Device::person(3).handle));
    assert!(alice.events.contains(&Event::VaultChanged));
    assert_eq!(
        alice
            .engine
            .vault_to_put()
            .unwrap()
            .map(|put| put.sealed.revision),
        Some(3)
    );
}

// The client joined such a group, and what was written to Bob from then on was read by somebody else.
#[test]
fn a_group_with_somebody_else_does_not_take_the_place_of_a_conversation() {
    let (mut alice, bob) = alice();
    let (others_id, others) = group_of_the_impostor(&mut alice);
    let commit = others.commit.clone().unwrap();
    let tree = welcome(others_id, &others, &alice).ratchet_tree;
    let chat = alice.engine.direct_chat_with(bob.account_id).unwrap().unwrap();
    alice
        .step(Command::SendText {
            chat,
            text: "for bob alone".to_owned(),
            token: SendToken::from_bytes([1; 16]),
        })
        .unwrap();
    let claim = alice.asked.pop().unwrap();
    let package = key_package(&mut Device::new(BOB));
    let packages = KeyPackages {
        account: Some(account(&bob)),
        devices: vec![DeviceKeyPackage {
            key_package: package.into(),
            ..DeviceKeyPackage::default()
        }],
    };
    answer(&mut alice, claim.request_id, Body::KeyPackages(packages));
    let create = alice.asked.pop().unwrap();
    assert!(matches!(create.request, Some(Request::CreateConversation(_))));
    // The server says that Bob was faster, and names the other group.
    let mut exists = Problem::new(ProblemCode::ConversationExists, "");
    exists.conversation_id = others_id.to_vec().into();
    answer(&mut alice, create.request_id, Body::Problem(exists));
    let mut fetched = false;
    while let Some(request) = alice.asked.pop() {
        let body = match request.request.unwrap() {
            Request::Sync(_) => Body::SyncState(alice.empty_state()),
            Request::FetchGroup(_) => {
                fetched = true;
                Body::GroupState(GroupState {
                    conversation_id: others_id.to_vec().into(),
                    epoch: 1,
                    head_seq: 1,
                    group_info: commit.group_info.clone(),
                    ratchet_tree: tree.clone(),
                    head_hash: vec![0; 32].into(),
                    leaves: Vec::new(),
                })
            }
            other => panic!("asked for {other:?}"),
        };
        answer(&mut alice, request.request_id, body);
    }
    assert!(fetched);
    assert_eq!(
        alice.warnings(),
        [&Warning::ServerMisbehaved {
            chat: Some(chat),
            how: ForeignGroup::OtherPerson.into(),
        }]
    );
    let conversation = alice.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.with.unwrap().account_id, bob.account_id);
    assert_ne!(conversation.conversation_id, others_id);
    assert_eq!(conversation.state, ConversationState::Starting);
    assert_eq!(alice.engine.outbox_len().unwrap(), 1);
}

#[test]
fn a_handle_that_is_pinned_is_not_set_free_by_another_one_for_the_same_account() {
    let (mut alice, bob) = alice();
    let renamed = Person {
        handle: "person99".parse().unwrap(),
        ..bob.clone()
    };
    assert!(alice.step(Command::OpenDirect(renamed)).is_err());
    assert_bob_is_who_he_was(&alice, &bob);
    assert!(matches!(
        alice.step(Command::OpenDirect(false_bob())),
        Err(EngineError::Command(CommandError::HandleReassigned))
    ));
    assert_bob_is_who_he_was(&alice, &bob);
}
