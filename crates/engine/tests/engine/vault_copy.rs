//! The vault at the server: nothing that was changed is lost, and nothing old comes back.

use subrosa_engine::{Command, Event, Input, Misbehaviour, Warning, account::vault};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ProblemCode,
    frames::{Problem, server_frame::Body},
    rest::{Person, SealedVault},
};

use crate::{changed_keys::answer, device::Device};

fn set_name(device: &mut Device, name: &str) {
    device.step(Command::SetName(Some(name.to_owned()))).unwrap();
}

/// The contents of a vault that is to be stored next.
fn name_in(device: &Device, sealed: &SealedVault) -> Option<String> {
    let (_, key) = device.engine.vault().unwrap();
    let contents = vault::open(sealed, &key, device.account()).unwrap();
    contents.display_name.map(|name| name.to_string())
}

// The second name was taken for stored with the first.
fn knows(device: &Device, person: &Person) -> bool {
    device.engine.contact(person.account_id).unwrap().is_some()
}

#[test]
fn a_change_made_while_another_is_being_stored_is_stored_next() {
    let mut alice = Device::new(1);
    set_name(&mut alice, "Alice");
    let put = alice.engine.vault_to_put().unwrap().unwrap();
    set_name(&mut alice, "Alicia");
    alice.engine.vault_put(&put).unwrap();
    let next = alice.engine.vault_to_put().unwrap().unwrap();
    assert_eq!(next.sealed.revision, put.sealed.revision + 1);
    assert_eq!(name_in(&alice, &next.sealed).as_deref(), Some("Alicia"));
    alice.engine.vault_put(&next).unwrap();
    assert!(alice.engine.vault_to_put().unwrap().is_none());
}

#[test]
fn a_vault_of_a_lower_revision_is_not_merged_but_stored_over() {
    let mut alice = Device::new(1);
    let mut other = alice.sibling(100);
    other.step(Command::OpenDirect(Device::person(3))).unwrap();
    let old = other.store_vault();
    for name in ["Alice", "Alicia"] {
        set_name(&mut alice, name);
        alice.store_vault();
    }
    alice.merge(&old);
    assert!(!knows(&alice, &Device::person(3)));
    assert_eq!(
        alice.warnings(),
        [&Warning::ServerMisbehaved {
            chat: None,
            how: Misbehaviour::VaultRolledBack {
                revision: 2,
                newest: 3
            },
        }]
    );
    // The server may have lost what came after: what is stored next follows what it has.
    let next = alice.engine.vault_to_put().unwrap().unwrap();
    assert_eq!(next.sealed.revision, 3);
    assert_eq!(name_in(&alice, &next.sealed).as_deref(), Some("Alicia"));
    alice.engine.vault_put(&next).unwrap();
    // Nor is it forgotten how far the vault was.
    alice.merge(&old);
    assert!(!knows(&alice, &Device::person(3)));
}

#[test]
fn a_vault_that_is_merged_brings_what_is_new_and_is_stored_only_if_it_lacks_something() {
    let mut alice = Device::new(1);
    let mut other = alice.sibling(100);
    alice.store_vault();
    set_name(&mut other, "Alice");
    other.step(Command::OpenDirect(Device::person(3))).unwrap();
    alice.step(Command::OpenDirect(Device::person(4))).unwrap();
    let mut theirs = other.store_vault();
    alice.merge(&theirs);
    assert_eq!(alice.engine.me().name.as_deref(), Some("Alice"));
    let person = alice.engine.contact(Device::person(3).account_id).unwrap();
    assert_eq!(person.unwrap().handle, Some(Device::person(3).handle));
    // The other device has not met the fourth.
    theirs = alice.engine.vault_to_put().unwrap().unwrap().sealed;
    other.merge(&theirs);
    assert!(other.engine.vault_to_put().unwrap().is_none());
}

// The host took it for the wish that nothing is to be tried again.
#[test]
fn a_merge_leaves_the_next_tick_where_it_was() {
    let mut alice = Device::new(1);
    alice.step(Input::Connected).unwrap();
    let sync = alice.asked.remove(0);
    let busy = Problem::new(ProblemCode::Unavailable, "");
    answer(&mut alice, sync.request_id, Body::Problem(busy));
    let wake_at = alice.wake_at;
    assert!(wake_at.is_some());
    let (contents, key) = alice.engine.vault().unwrap();
    let sealed = SealedVault {
        revision: 2,
        ciphertext: vault::seal(&contents, &key, 2, &mut SeededRng::new(9)).into(),
    };
    alice.merge(&sealed);
    assert_eq!(alice.wake_at, wake_at);
    assert!(!alice.events.contains(&Event::VaultChanged));
}
