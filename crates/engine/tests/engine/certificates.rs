//! Certificates are renewed, and one that is not valid any more leaves out one device, not a conversation.

use std::time::Duration;

use subrosa_engine::{
    Command, Engine, Misbehaviour, Warning,
    content::SendToken,
    database::{Database, DatabaseKey},
};
use subrosa_mls::{DeviceCertificate, PublicView, verify_uploaded_key_package};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    DeviceId, Timestamp,
    frames::{DeviceKeyPackage, KeyPackages, client_frame::Request, server_frame::Body},
    rest::Enrolment,
};
use tempfile::TempDir;

use crate::{
    changed_keys::{answer, connect, key_package},
    device::{Device, START},
};

const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(365 * 24);

fn certificate(enrolment: &Enrolment) -> DeviceCertificate {
    DeviceCertificate::decode(&enrolment.certificate.0)
        .unwrap()
        .verify_signature()
        .unwrap()
}

#[test]
fn a_certificate_is_renewed_after_a_year_and_used_once_the_server_has_taken_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("profile.db");
    let key = DatabaseKey::from_bytes([7; 32]);
    let mut device = Device::with_database(1, Database::create(&file, &key).unwrap());
    let (account, id) = (device.account(), device.engine.me().device_id);
    assert!(
        device
            .engine
            .certificate_to_put(START.plus(YEAR).minus(DAY))
            .unwrap()
            .is_none()
    );

    let later = START.plus(YEAR);
    let renewed = device.engine.certificate_to_put(later).unwrap().unwrap();
    let new = certificate(&renewed);
    assert_eq!((new.account_id(), new.device_id()), (account, id));
    assert_eq!(new.not_after(), later.plus(2 * YEAR));
    new.device_key()
        .verify(
            subrosa_wire::rest::signing_labels::ENROLMENT,
            &renewed.certificate.0,
            renewed.signature.0.as_slice().try_into().unwrap(),
        )
        .unwrap();

    // Until the server has taken it, what others see has the old one.
    let after_the_old_one = START.plus(2 * YEAR + DAY);
    let old = key_package(&mut device);
    assert!(verify_uploaded_key_package(&old, account, id, after_the_old_one).is_err());
    device.engine.certificate_put(&renewed).unwrap();
    device.engine = Device::new(9).engine;
    let database = Database::open(&file, &key).unwrap();
    device.engine = Engine::open(database, Box::new(SeededRng::new(5)))
        .unwrap()
        .unwrap();
    device.now = device.now.plus(61 * DAY);
    let new = key_package(&mut device);
    verify_uploaded_key_package(&new, account, id, after_the_old_one).unwrap();
    assert!(
        device
            .engine
            .certificate_to_put(later.plus(YEAR).minus(DAY))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_clock_that_is_wrong_makes_one_certificate_a_day() {
    let mut device = Device::new(1);
    let wrong = START.plus(10 * YEAR);
    let mut made = 0;
    for hour in 0..48 {
        let now = wrong.plus(Duration::from_hours(hour));
        made += usize::from(device.engine.certificate_to_put(now).unwrap().is_some());
    }
    assert_eq!(made, 2);
    // The server has refused both. Set right, the clock does not wait for the wrong one.
    assert!(
        device
            .engine
            .certificate_to_put(START.plus(YEAR))
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_certificate_of_another_device_is_not_used() {
    let mut device = Device::new(1);
    let mut sibling = Device::of_account(1, 2, START);
    let foreign = sibling
        .engine
        .certificate_to_put(START.plus(YEAR))
        .unwrap()
        .unwrap();
    assert!(device.engine.certificate_put(&foreign).is_err());
}

/// Alice writes to Bob, and gets these key packages of his. Returns the devices that she adds; `None` if she sends
/// nothing.
fn added(alice: &mut Device, packages: Vec<Vec<u8>>) -> Option<Vec<DeviceId>> {
    let bob = Device::person(2);
    alice.step(Command::OpenDirect(bob.clone())).unwrap();
    let chat = alice.engine.direct_chat_with(bob.account_id).unwrap().unwrap();
    let conversation = alice.engine.conversation(chat).unwrap().unwrap().conversation_id;
    alice
        .step(Command::SendText {
            chat,
            text: "hello".to_owned(),
            token: SendToken::from_bytes([1; 16]),
        })
        .unwrap();
    connect(alice, |_| {});
    let claim = alice.asked.remove(0);
    let devices = packages.into_iter().map(|package| DeviceKeyPackage {
        key_package: package.into(),
        ..DeviceKeyPackage::default()
    });
    let claimed = KeyPackages {
        account: None,
        devices: devices.collect(),
    };
    answer(alice, claim.request_id, Body::KeyPackages(claimed));
    let created = alice.asked.pop()?;
    let Some(Request::CreateConversation(created)) = created.request else {
        panic!("{created:?}")
    };
    let commit = created.commit.unwrap();
    let mut view = PublicView::create(
        &created.group_info,
        &created.ratchet_tree,
        conversation,
        alice.now,
    )
    .unwrap();
    let effect = view
        .process_commit(&commit.commit, &commit.group_info, alice.now)
        .unwrap();
    Some(effect.added.iter().map(DeviceCertificate::device_id).collect())
}

/// A key package of a device of Bob that was certified at this instant, and the device's id.
fn package_of_bob(number: u64, at: Timestamp) -> (Vec<u8>, DeviceId) {
    let mut device = Device::of_account(2, number, at);
    (key_package(&mut device), device.engine.me().device_id)
}

// The whole conversation waited, and the server was blamed.
#[test]
fn a_device_whose_certificate_has_expired_is_left_out_and_the_others_are_added() {
    let (expired, _) = package_of_bob(1, START.minus(3 * YEAR));
    let (valid, id) = package_of_bob(2, START);
    let mut alice = Device::new(1);
    assert_eq!(added(&mut alice, vec![expired, valid]), Some(vec![id]));
    assert_eq!(alice.warnings(), Vec::<&Warning>::new());
}

#[test]
fn a_person_without_a_valid_certificate_is_waited_for_and_nobody_blamed() {
    for at in [START.minus(3 * YEAR), START.plus(YEAR)] {
        let mut alice = Device::new(1);
        assert_eq!(added(&mut alice, vec![package_of_bob(1, at).0]), None);
        assert!(
            matches!(alice.warnings()[..], [Warning::CertificatesExpired { .. }]),
            "{:?}",
            alice.warnings()
        );
        assert!(alice.wake_at.is_some(), "it tries again");
    }
}

#[test]
fn a_forged_key_package_is_told_and_the_others_are_added() {
    let (mut forged, _) = package_of_bob(1, START);
    let end = forged.len() - 1;
    forged[end] ^= 1;
    let (valid, id) = package_of_bob(2, START);
    let mut alice = Device::new(1);
    assert_eq!(added(&mut alice, vec![forged, valid]), Some(vec![id]));
    assert!(
        matches!(
            alice.warnings()[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::KeyPackageForged { .. },
                ..
            }]
        ),
        "{:?}",
        alice.warnings()
    );
}
