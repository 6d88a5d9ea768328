//! The devices of the own account: the vault lists them, so that a server can neither hide one nor slip one in.

use std::time::Duration;

use subrosa_engine::{Command, Event, Input, Warning};
use subrosa_wire::{
    DeviceId,
    frames::{Notice, StateChanged, SyncState, client_frame::Request, notice, server_frame::Body},
};

use crate::{
    changed_keys::{answer, connect},
    device::Device,
};

/// Twice the time that a difference is left to resolve itself.
const LONG: Duration = Duration::from_secs(31);

fn id(device: &Device) -> DeviceId {
    device.engine.me().device_id
}

/// Connects, with these devices listed besides this one.
fn connect_listing(device: &mut Device, others: &[DeviceId]) {
    device.asked.clear();
    connect(device, |state| {
        state
            .own_devices
            .extend(others.iter().map(|id| id.to_vec().into()));
    });
}

/// Time passes, and whatever is due happens.
fn wait(device: &mut Device, time: Duration) {
    device.now = device.now.plus(time);
    device.step(Input::Tick).unwrap();
}

/// The vault was asked for since the last call.
fn wants_vault(device: &mut Device) -> bool {
    let before = device.events.len();
    device.events.retain(|event| *event != Event::VaultWanted);
    before > device.events.len()
}

/// A device whose vault is stored.
fn alice() -> Device {
    let mut alice = Device::new(1);
    alice.store_vault();
    connect_listing(&mut alice, &[]);
    assert!(!wants_vault(&mut alice));
    alice
}

#[test]
fn a_new_device_is_shown_on_the_others_once_and_not_on_itself() {
    let mut alice = alice();
    let mut new = alice.sibling(100);
    connect_listing(&mut new, &[id(&alice)]);
    // The server knows it a moment before it stands in the vault.
    connect_listing(&mut alice, &[id(&new)]);
    assert!(wants_vault(&mut alice));
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    alice.merge(&new.store_vault());
    assert_eq!(alice.warnings(), [&Warning::NewDevice(id(&new))]);
    connect_listing(&mut alice, &[id(&new)]);
    wait(&mut alice, LONG);
    assert_eq!(alice.warnings().len(), 1);
    wait(&mut new, LONG);
    assert_eq!(new.warnings(), Vec::<&Warning>::new());
}

#[test]
fn a_device_that_the_vault_does_not_name_is_shown_as_unknown_after_the_vault_was_fetched_again() {
    let mut alice = alice();
    let unknown = DeviceId::from_bytes([5; 16]);
    connect_listing(&mut alice, &[unknown]);
    assert!(wants_vault(&mut alice));
    wait(&mut alice, LONG / 2);
    assert!(wants_vault(&mut alice));
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    alice.store_nothing_and_merge();
    assert_eq!(alice.warnings(), [&Warning::UnknownDevice(unknown)]);
    // Told once, for as long as the profile exists.
    connect_listing(&mut alice, &[unknown]);
    wait(&mut alice, LONG);
    assert_eq!(alice.warnings().len(), 1);
}

#[test]
fn a_server_that_gives_no_vault_cannot_keep_an_unknown_device_secret() {
    let mut alice = alice();
    let unknown = DeviceId::from_bytes([5; 16]);
    connect_listing(&mut alice, &[unknown]);
    wait(&mut alice, LONG / 2);
    wait(&mut alice, LONG / 2);
    assert_eq!(alice.warnings(), [&Warning::UnknownDevice(unknown)]);
}

// The connection was lost before the vault was fetched, and came back later.
#[test]
fn nothing_is_told_of_a_device_before_the_vault_was_asked_for() {
    let mut alice = alice();
    let mut new = alice.sibling(100);
    connect_listing(&mut alice, &[id(&new)]);
    alice.step(Input::Disconnected).unwrap();
    alice.now = alice.now.plus(10 * LONG);
    connect_listing(&mut alice, &[id(&new)]);
    assert!(wants_vault(&mut alice));
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    alice.merge(&new.store_vault());
    assert_eq!(alice.warnings(), [&Warning::NewDevice(id(&new))]);
}

#[test]
fn a_device_that_the_server_does_not_list_any_more_is_shown() {
    let mut alice = alice();
    let mut other = alice.sibling(100);
    alice.merge(&other.store_vault());
    connect_listing(&mut alice, &[id(&other)]);
    let seen = alice.warnings().len();
    connect_listing(&mut alice, &[]);
    assert!(wants_vault(&mut alice));
    assert_eq!(alice.warnings().len(), seen);
    wait(&mut alice, LONG);
    assert_eq!(alice.warnings()[seen..], [&Warning::DeviceUnlisted(id(&other))]);
    // A device that signs in later does not tell it once more.
    let mut late = alice.sibling(101);
    connect_listing(&mut late, &[id(&alice)]);
    wait(&mut late, LONG);
    assert_eq!(late.warnings(), Vec::<&Warning>::new());
}

// It was told to be missing, and was noted as signed out in the vault.
#[test]
fn a_device_that_signs_in_while_this_one_is_connected_is_not_missed() {
    let mut alice = alice();
    let mut new = alice.sibling(100);
    alice.asked.clear();
    alice.merge(&new.store_vault());
    // The list of devices is older than the vault, and asked for again before anything is told.
    let sync = alice.asked.remove(0);
    assert!(matches!(sync.request, Some(Request::Sync(_))), "{sync:?}");
    wait(&mut alice, LONG);
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
    let state = SyncState {
        own_devices: vec![id(&alice).to_vec().into(), id(&new).to_vec().into()],
        has_last_resort_key_package: true,
        ..SyncState::default()
    };
    answer(&mut alice, sync.request_id, Body::SyncState(state));
    assert_eq!(alice.warnings(), [&Warning::NewDevice(id(&new))]);
    let (vault, _) = alice.engine.vault().unwrap();
    assert!(vault.has_device(id(&new)));
}

#[test]
fn a_device_that_the_user_signs_out_is_not_missed() {
    let mut alice = alice();
    let mut other = alice.sibling(100);
    alice.merge(&other.store_vault());
    connect_listing(&mut alice, &[id(&other)]);
    let mut third = alice.sibling(101);
    connect_listing(&mut third, &[id(&alice), id(&other)]);
    let seen = alice.warnings().len();
    alice.step(Command::DeviceSignedOut(id(&other))).unwrap();
    connect_listing(&mut alice, &[]);
    wait(&mut alice, LONG);
    assert_eq!(alice.warnings().len(), seen);
    // Nor on a device that only learns of it from the vault.
    connect_listing(&mut third, &[id(&alice)]);
    third.merge(&alice.store_vault());
    wait(&mut third, LONG);
    assert_eq!(third.warnings(), Vec::<&Warning>::new());
}

#[test]
fn a_device_that_was_signed_out_in_the_vault_alone_enters_itself_again() {
    let mut alice = alice();
    let mut other = alice.sibling(100);
    connect_listing(&mut other, &[id(&alice)]);
    let theirs = other.store_vault();
    alice.merge(&theirs);
    alice.step(Command::DeviceSignedOut(id(&other))).unwrap();
    other.merge(&alice.store_vault());
    connect_listing(&mut other, &[id(&alice)]);
    let (vault, _) = other.engine.vault().unwrap();
    assert!(vault.has_device(id(&other)));
}

#[test]
fn a_server_that_invents_devices_does_not_fill_the_database() {
    let mut alice = alice();
    for round in 0..8 {
        let invented: Vec<_> = (0..100)
            .map(|number| {
                DeviceId::from_bytes([
                    round * 20 + number / 10,
                    number,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                    1,
                ])
            })
            .collect();
        connect_listing(&mut alice, &invented);
        wait(&mut alice, LONG);
    }
    assert!(alice.warnings().len() <= 256);
}

#[test]
fn what_the_server_pushes_leads_to_no_more_fetches_than_syncs() {
    let mut alice = alice();
    let unknown = DeviceId::from_bytes([5; 16]);
    connect_listing(&mut alice, &[unknown]);
    wants_vault(&mut alice);
    for _ in 0..50 {
        alice.push(Body::Notice(Notice {
            kind: Some(notice::Kind::StateChanged(StateChanged::default())),
        }));
        while !alice.asked.is_empty() {
            let asked = alice.asked.remove(0);
            let mut state = alice.empty_state();
            state.own_devices.push(unknown.to_vec().into());
            answer(&mut alice, asked.request_id, Body::SyncState(state));
        }
    }
    let fetches = alice.events.iter().filter(|event| **event == Event::VaultWanted);
    assert!(fetches.count() <= 16);
}
