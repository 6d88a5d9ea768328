//! A changed account key after the first contact: the user is told, the known key stays, and nothing is sent to
//! the new one. Whichever way the key comes.

use std::collections::BTreeMap;

use subrosa_engine::{
    Command, CommandError, EngineError, Event, Input, Warning, account::vault, content::SendToken,
};
use subrosa_mls::PublicView;
use subrosa_wire::{
    ConversationId,
    frames::{
        Account, CreateConversation, DeviceKeyPackage, KeyPackages, ServerFrame, SyncState, WelcomeItem,
        WelcomesWaiting, client_frame::Request, server_frame::Body,
    },
    rest::{Person, SealedVault},
};

use crate::{device::Device, support::SeededRng};

const ALICE: u64 = 1;
const BOB: u64 = 2;
/// Makes another key for the same account.
const IMPOSTOR: u64 = 77;

/// Alice, who knows Bob by his true key.
fn alice() -> (Device, Person) {
    let mut alice = Device::new(ALICE);
    let bob = Device::person(BOB);
    alice.step(Command::OpenDirect(bob.clone())).unwrap();
    (alice, bob)
}

/// Bob as the lying server shows him.
fn false_bob() -> Person {
    Person {
        account_id: Device::person(BOB).account_id,
        handle: Device::person(BOB).handle,
        ..Device::person(IMPOSTOR)
    }
}

fn assert_bob_is_who_he_was(alice: &Device, bob: &Person) {
    let known = alice.engine.contact(bob.account_id).unwrap().unwrap();
    assert_eq!(known.account_key.as_bytes()[..], bob.account_key.0[..]);
    let (vault, _) = alice.engine.vault().unwrap();
    assert_eq!(
        vault.contacts[&bob.account_id].as_bytes()[..],
        bob.account_key.0[..]
    );
}

fn answer(device: &mut Device, request_id: u64, body: Body) {
    device.receive(ServerFrame {
        request_id,
        body: Some(body),
    });
}

/// Connects, and tells the server's state.
fn connect(device: &mut Device, change: impl FnOnce(&mut SyncState)) {
    device.step(Input::Connected).unwrap();
    let sync = device.asked.remove(0);
    let mut state = device.empty_state();
    change(&mut state);
    answer(device, sync.request_id, Body::SyncState(state));
}

#[test]
fn a_person_who_is_looked_up_with_another_key_is_not_written_to() {
    let (mut alice, bob) = alice();
    let refused = alice.step(Command::OpenDirect(false_bob()));
    assert!(matches!(
        refused,
        Err(EngineError::Command(CommandError::AccountKeyChanged))
    ));
    assert_bob_is_who_he_was(&alice, &bob);
}

#[test]
fn key_packages_that_come_with_another_key_are_not_used() {
    let (mut alice, bob) = alice();
    let conversation = alice
        .engine
        .direct_conversation_with(bob.account_id)
        .unwrap()
        .unwrap();
    alice
        .step(Command::SendText {
            conversation,
            text: "for bob alone".to_owned(),
            token: SendToken::from_bytes([1; 16]),
        })
        .unwrap();
    connect(&mut alice, |_| {});
    let claim = alice.asked.remove(0);
    assert!(matches!(claim.request, Some(Request::ClaimKeyPackages(_))));
    // The impostor's device, honestly certified by the impostor's key.
    let impostor = false_bob();
    let package = key_package(&mut Device::with_account(IMPOSTOR, impostor.account_id));
    let shown = KeyPackages {
        account: Some(Account {
            account_id: impostor.account_id.to_vec().into(),
            handle: impostor.handle.to_string(),
            account_key: impostor.account_key.0.clone().into(),
        }),
        devices: vec![DeviceKeyPackage {
            key_package: package.into(),
            ..DeviceKeyPackage::default()
        }],
    };
    answer(&mut alice, claim.request_id, Body::KeyPackages(shown));
    assert!(
        alice
            .warnings()
            .contains(&&Warning::AccountKeyChanged(bob.account_id))
    );
    assert!(alice.asked.is_empty(), "nothing leaves: {:?}", alice.asked);
    assert_eq!(alice.engine.outbox_len().unwrap(), 1);
    assert_bob_is_who_he_was(&alice, &bob);
}

/// A key package that the device publishes.
fn key_package(device: &mut Device) -> Vec<u8> {
    connect(device, |state| state.key_packages_left = 0);
    let Some(Request::PublishKeyPackages(publish)) = device.asked.remove(0).request else {
        panic!("no key packages are published")
    };
    publish.one_time[0].to_vec()
}

/// The group that the impostor makes with Alice, as the server would hand it to her.
fn welcome_of_the_impostor(alice: &mut Device) -> WelcomeItem {
    let package = key_package(alice);
    let mut impostor = Device::with_account(IMPOSTOR, Device::person(BOB).account_id);
    let me = Person {
        account_id: alice.account(),
        handle: alice.engine.me().handle.clone(),
        account_key: alice.account_key().as_bytes().as_slice().into(),
    };
    impostor.step(Command::OpenDirect(me)).unwrap();
    let conversation = impostor
        .engine
        .direct_conversation_with(alice.account())
        .unwrap()
        .unwrap();
    impostor
        .step(Command::SendText {
            conversation,
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
    welcome(conversation, &created, alice)
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
    }
}

#[test]
fn a_conversation_begun_with_another_key_is_not_joined() {
    let (mut alice, bob) = alice();
    let own = alice.engine.conversations().unwrap();
    let welcome = welcome_of_the_impostor(&mut alice);
    alice.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
    assert!(
        alice
            .warnings()
            .contains(&&Warning::AccountKeyChanged(bob.account_id))
    );
    assert_eq!(alice.engine.conversations().unwrap(), own);
    assert_bob_is_who_he_was(&alice, &bob);
}

#[test]
fn a_conversation_of_somebody_new_is_joined() {
    // The test above would hold if no such group could be joined at all.
    let mut alice = Device::new(ALICE);
    let welcome = welcome_of_the_impostor(&mut alice);
    alice.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    assert_eq!(alice.engine.conversations().unwrap().len(), 1);
}

#[test]
fn another_key_in_the_vault_of_another_device_does_not_replace_the_known_one() {
    let (mut alice, bob) = alice();
    let (mut contents, key) = alice.engine.vault().unwrap();
    let impostor = false_bob();
    contents.contacts = BTreeMap::from([
        (
            bob.account_id,
            impostor.account_key.0.as_slice().try_into().unwrap(),
        ),
        (
            Device::person(3).account_id,
            Device::person(3).account_key.0.as_slice().try_into().unwrap(),
        ),
    ]);
    let sealed = SealedVault {
        revision: 2,
        ciphertext: vault::seal(&contents, &key, alice.account(), 2, &mut SeededRng::new(9)).into(),
    };
    let output = alice.engine.merge_vault(alice.now, &sealed).unwrap();
    alice.keep(output);
    assert_eq!(alice.warnings(), [&Warning::AccountKeyChanged(bob.account_id)]);
    assert_bob_is_who_he_was(&alice, &bob);
    // Whom the other device has met is known here, too, and what is merged is put to the server.
    assert!(
        alice
            .engine
            .contact(Device::person(3).account_id)
            .unwrap()
            .is_some()
    );
    assert!(alice.events.contains(&Event::VaultChanged));
    assert_eq!(
        alice.engine.vault_to_put().unwrap().map(|vault| vault.revision),
        Some(3)
    );
}
