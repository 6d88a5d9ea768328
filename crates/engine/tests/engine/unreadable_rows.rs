//! A row of the database that cannot be read costs the conversation or the person that it is about, and nothing else.

use std::collections::BTreeMap;

use subrosa_engine::{
    Command, CommandError, Engine, EngineError, Event, Input,
    account::vault,
    database::{Database, DatabaseKey},
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    frames::{Deliver, server_frame::Body},
    rest::SealedVault,
};
use tempfile::TempDir;

use crate::{
    changed_keys::{BOB, pinned},
    device::Device,
    others::Others,
};

const KEY: [u8; 32] = [4; 32];
const CAROL: u64 = 3;

/// A device that is in two conversations and knows Bob, after this change to its database in this folder.
fn device_after(folder: &TempDir, change: &str) -> (Device, Others) {
    let file = folder.path().join("profile.db");
    let key = DatabaseKey::from_bytes(KEY);
    let mut device = Device::with_database(1, Database::create(&file, &key).unwrap());
    let mut others = Others::new(device.account(), 2);
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    device.step(Command::OpenDirect(Device::person(BOB))).unwrap();
    device.events.clear();

    device.engine = Device::new(9).engine;
    let database = Database::open(&file, &key).unwrap();
    assert!(database.connection().execute(change, []).unwrap() > 0);
    device.engine = Engine::open(database, Box::new(SeededRng::new(5)))
        .unwrap()
        .unwrap();
    (device, others)
}

// Each Sync failed, and with it the connection, for ever.
#[test]
fn a_conversation_that_cannot_be_read_does_not_keep_the_others_from_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut device, mut others) = device_after(
        &folder,
        "UPDATE conversations SET kind = 9, update_due = -1
         WHERE id = (SELECT min(id) FROM conversations)",
    );
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    assert!(device.events.contains(&Event::CaughtUp));
    for other in others.0.values_mut() {
        let entry = other.say("hello");
        device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    }
    others.converse(&mut device);
    let shown = device.events.iter();
    let shown = shown.filter(|event| matches!(event, Event::MessageReceived(_)));
    assert_eq!(shown.count(), 1);
}

// The vault was never merged again, and no search had a result.
#[test]
fn a_person_who_cannot_be_read_does_not_keep_others_from_being_known() {
    let folder = tempfile::tempdir().unwrap();
    let (mut device, _) = device_after(
        &folder,
        "UPDATE contacts SET handle = '?' WHERE handle = 'person2'",
    );
    let (bob, carol) = (Device::person(BOB), Device::person(CAROL));
    let (mut contents, key) = device.engine.vault().unwrap();
    contents.contacts =
        BTreeMap::from([bob.clone(), carol.clone()].map(|who| (who.account_id, pinned(&who))));
    let sealed = SealedVault {
        revision: 2,
        ciphertext: vault::seal(&contents, &key, 2, &mut SeededRng::new(9)).into(),
    };
    device.merge(&sealed);
    let known = device.engine.contact(carol.account_id).unwrap().unwrap();
    assert_eq!(known.handle.as_ref(), Some(&carol.handle));

    let found = vec![bob.clone(), carol.clone()];
    let (fit, _) = device.engine.leave_out_unfit(device.now, found).unwrap();
    let fit: Vec<_> = fit.into_iter().map(|person| person.account_id).collect();
    assert_eq!(fit, [carol.account_id]);
    device.step(Command::OpenDirect(carol)).unwrap();
    assert!(matches!(
        device.step(Command::OpenDirect(bob)),
        Err(EngineError::Command(CommandError::NotProcessed))
    ));
}
