//! A Welcome is cut, so that each added device gets its own part and can join with it.

use subrosa_mls::{CommitPlan, DeviceCertificate, GroupPolicy, JoinError, WelcomeParts};

use crate::world::{Account, Device, Server, alice, bob, create_group_with};

/// Bob and Carol, whom Alice adds in one commit, with the Welcome for both and what the server made of it.
fn added_together() -> (Server, [Device; 2], Vec<u8>, Vec<Vec<u8>>) {
    let alice = Device::new(&alice(), 1);
    let mut server = create_group_with(&alice, &GroupPolicy::group(alice.account.id));
    let others = [Device::new(&bob(), 2), Device::new(&Account::new(0xCA), 3)];
    let plan = CommitPlan {
        add: others.each_ref().map(|other| alice.verify(other)).into(),
        ..CommitPlan::default()
    };
    let bundle = alice.commit(plan).unwrap();
    let effect = server.deliver(&bundle, &[&alice]);
    let added: Vec<_> = effect.added.iter().map(DeviceCertificate::device_id).collect();
    assert_eq!(added, others.each_ref().map(Device::id));
    (server, others, bundle.welcome.unwrap(), effect.key_packages)
}

#[test]
fn each_added_device_joins_with_its_own_part_of_a_welcome() {
    let (server, others, welcome, key_packages) = added_together();
    let parts = WelcomeParts::read(&welcome).unwrap();
    for (device, reference) in others.iter().zip(&key_packages) {
        let secrets = parts.secrets_for(reference).unwrap();
        let own = WelcomeParts::for_one(parts.shared(), secrets);
        assert!(own.len() < welcome.len() - secrets.len() / 2, "{}", own.len());
        device.join(&own, &server.ratchet_tree()).unwrap();
    }
    assert_eq!(others[0].member_ids(), others[1].member_ids());
}

#[test]
fn the_part_of_another_device_lets_nobody_in() {
    let (server, [bob, _], welcome, key_packages) = added_together();
    let parts = WelcomeParts::read(&welcome).unwrap();
    let of_another = parts.secrets_for(&key_packages[1]).unwrap();
    let other = WelcomeParts::for_one(parts.shared(), of_another);
    assert_eq!(
        bob.join(&other, &server.ratchet_tree()),
        Err(JoinError::NoKeyPackage)
    );
}

#[test]
fn the_parts_put_together_are_the_welcome() {
    let (_, _, welcome, key_packages) = added_together();
    let parts = WelcomeParts::read(&welcome).unwrap();
    let all = key_packages
        .iter()
        .map(|reference| parts.secrets_for(reference).unwrap())
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(WelcomeParts::for_one(parts.shared(), &all), welcome);
    assert_eq!(parts.secrets_for(b"of nobody"), None);
}

#[test]
fn what_is_no_welcome_is_not_cut() {
    let (server, _, welcome, _) = added_together();
    assert!(WelcomeParts::read(&server.group_info).is_err());
    let longer = [&welcome[..], &[0]].concat();
    assert!(WelcomeParts::read(&longer).is_err());
    for end in 0..welcome.len() {
        assert!(WelcomeParts::read(&welcome[..end]).is_err(), "{end}");
    }
    // What a database may hold is not trusted to have a head.
    assert_eq!(WelcomeParts::for_one(&[], &[1]), [1, 1]);
}
