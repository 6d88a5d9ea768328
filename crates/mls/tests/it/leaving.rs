//! Leaving a group by oneself: the proposal of a device, and the commit of somebody else that takes it out.

use subrosa_mls::{
    AccountsChanged, CommitError, CommitPlan, DeviceCertificate, JoinError, LeaveError, MemberFault,
    PolicyError, ProcessError, Received, Role, ViewError,
};

use crate::{
    groups::{Club, changed, removal, to_policy, with_role},
    world::{CLAIM, Chat, Device},
};

/// Carol has proposed to leave, and everybody else has seen it.
fn carol_leaves() -> (Club, Vec<u8>) {
    let mut club = Club::new();
    let proposal = club.carol.leave().unwrap();
    let left = club.server.leave(&proposal).unwrap();
    assert_eq!(left.device_id(), club.carol.id());
    for device in [&club.alice, &club.bob, &club.dave, &club.daves_laptop] {
        device.sees_leaving(&proposal, &club.carol);
    }
    (club, proposal)
}

#[test]
fn whoever_leaves_is_taken_out_by_the_next_commit_of_anybody() {
    let (mut club, _) = carol_leaves();
    let carol = club.carol.account.id;
    // Somebody without any right to remove.
    let bundle = club.dave.self_update();
    let effect = club.server.submit(&bundle).unwrap();
    assert_eq!(
        (effect.accounts, effect.removed),
        (AccountsChanged::default(), vec![])
    );
    for device in [&club.alice, &club.bob, &club.dave, &club.daves_laptop] {
        assert_eq!(
            device.with_group(|_, group| group.devices_of(carol).unwrap().len()),
            0
        );
        device.apply(&bundle.commit).unwrap();
        assert!(!device.with_group(|_, group| group.has_leavers()));
        assert_eq!(
            device.with_group(|_, group| group.devices_of(carol).unwrap().len()),
            0
        );
        assert_eq!(device.with_group(|_, group| group.member_count()), 4);
    }
    assert!(club.server.view().leaves().is_empty());
    let message = club.alice.encrypt(b"without Carol");
    assert_eq!(club.bob.read(&message), b"without Carol");
    // The commit that takes her out, as every other, is nothing that she could follow.
    club.carol.apply(&bundle.commit).unwrap_err();
    club.carol.process(&message).unwrap_err();
}

#[test]
fn nothing_is_said_to_somebody_who_is_leaving() {
    let (club, _) = carol_leaves();
    for device in [&club.alice, &club.bob, &club.dave] {
        assert!(device.with_group(|_, group| group.has_leavers()));
        let refused = device.with_group(|mls, group| group.encrypt(mls, &device.identity, b"", &CLAIM));
        refused.unwrap_err();
    }
}

#[test]
fn leaving_changes_nothing_for_the_device_that_proposes_it() {
    let mut club = Club::new();
    let rows = club.carol.store.rows();
    club.carol.leave().unwrap();
    assert_eq!(club.carol.store.rows(), rows);
    // A commit of somebody else was faster: the proposal is of an epoch that is over, and another one is made.
    let late = club.carol.leave().unwrap();
    let bundle = club.alice.self_update();
    club.accept(&bundle);
    assert_eq!(
        club.server.leave(&late),
        Err(ViewError::WrongEpoch { commit: 1, group: 2 })
    );
    let proposal = club.carol.leave().unwrap();
    club.server.leave(&proposal).unwrap();
}

#[test]
fn a_commit_that_leaves_somebody_in_who_is_leaving_is_refused_by_the_server_alone() {
    let mut club = Club::new();
    let proposal = club.carol.leave().unwrap();
    // Bob has not seen it yet.
    let bundle = club.bob.self_update();
    club.server.leave(&proposal).unwrap();
    assert_eq!(
        club.server.submit(&bundle),
        Err(ViewError::Policy(PolicyError::LeaverStays))
    );
    // A server that went back to an earlier state does not know of it: members go on with her.
    club.alice.sees_leaving(&proposal, &club.carol);
    club.alice.apply(&bundle.commit).unwrap();
    let carol = club.carol.account.id;
    assert_eq!(
        club.alice
            .with_group(|_, group| group.devices_of(carol).unwrap().len()),
        1
    );
}

#[test]
fn whoever_has_a_role_or_another_device_in_the_group_does_not_leave_yet() {
    let mut club = Club::new();
    for device in [&club.alice, &club.bob, &club.dave] {
        assert_eq!(
            device.leave(),
            Err(LeaveError::Policy(PolicyError::LeavesInPart(device.account.id)))
        );
    }
    // One's own devices, and one's own role, one commit takes away.
    let bundle = club.dave.commit(removal(&[&club.daves_laptop])).unwrap();
    club.accept(&bundle);
    let proposal = club.dave.leave().unwrap();
    club.server.leave(&proposal).unwrap();
    let bob = club.bob.account.id;
    for device in [&club.alice, &club.bob, &club.carol] {
        device.sees_leaving(&proposal, &club.dave);
    }
    let bundle = club
        .bob
        .commit(to_policy(with_role(&club.policy(), bob, Role::Member)))
        .unwrap();
    let effect = club.server.submit(&bundle).unwrap();
    assert_eq!(effect.accounts, AccountsChanged::default());
    club.bob.apply(&bundle.commit).unwrap();
    let proposal = club.bob.leave().unwrap();
    club.server.leave(&proposal).unwrap();
}

#[test]
fn several_leave_in_one_epoch_and_each_once() {
    let (mut club, proposal) = carol_leaves();
    let carol = club.carol.id();
    assert_eq!(
        club.server.leave(&proposal),
        Err(ViewError::Policy(PolicyError::LeavesTwice(carol)))
    );
    let refused = club.alice.process(&proposal).unwrap_err();
    assert!(matches!(refused, ProcessError::Member { .. }), "{refused:?}");
    // With somebody leaving, a commit comes first.
    let bundle = club.dave.commit(removal(&[&club.daves_laptop])).unwrap();
    club.server.submit(&bundle).unwrap();
    for device in [&club.alice, &club.bob, &club.dave] {
        device.apply(&bundle.commit).unwrap();
    }
    club.bob.sees_nobody_leaving();
    let proposal = club.dave.leave().unwrap();
    club.server.leave(&proposal).unwrap();
    for device in [&club.alice, &club.bob] {
        device.sees_leaving(&proposal, &club.dave);
    }
    let bundle = club.alice.self_update();
    club.server.submit(&bundle).unwrap();
    club.bob.apply(&bundle.commit).unwrap();
}

#[test]
fn whoever_has_left_can_be_added_again_once_a_commit_has_taken_them_out() {
    let (mut club, _) = carol_leaves();
    let carol = club.carol.account.id;
    club.carol.forget_group();
    let again = club.alice.verify(&club.carol);
    let refused = club.alice.commit(CommitPlan {
        add: vec![again.clone()],
        ..CommitPlan::default()
    });
    assert!(matches!(refused, Err(CommitError::Invalid(_))), "{refused:?}");
    let bundle = club.alice.self_update();
    club.server.submit(&bundle).unwrap();
    for device in [&club.alice, &club.bob] {
        device.apply(&bundle.commit).unwrap();
    }
    let bundle = club
        .alice
        .commit(CommitPlan {
            add: vec![again],
            ..CommitPlan::default()
        })
        .unwrap();
    let effect = club.server.submit(&bundle).unwrap();
    assert_eq!(effect.accounts, changed(&[carol], &[]));
    club.bob.apply(&bundle.commit).unwrap();
    club.alice.apply(&bundle.commit).unwrap();
    club.carol
        .join(bundle.welcome.as_ref().unwrap(), &club.server.ratchet_tree())
        .unwrap();
    let message = club.alice.encrypt(b"welcome back");
    assert_eq!(club.carol.read(&message), b"welcome back");
}

#[test]
fn a_device_that_joins_from_outside_takes_out_who_is_leaving() {
    let (mut club, proposal) = carol_leaves();
    let laptop = Device::new(&club.alice.account, 30);
    let without = laptop.join_externally_with(&club.server, &[]).unwrap();
    assert_eq!(
        club.server.submit(&without),
        Err(ViewError::Policy(PolicyError::LeaverStays))
    );
    assert_eq!(club.server.view().leaves(), [proposal]);
    let bundle = laptop.join_externally(&club.server).unwrap();
    club.server.submit(&bundle).unwrap();
    for device in [&club.alice, &club.bob] {
        device.apply(&bundle.commit).unwrap();
        device.sees_nobody_leaving();
    }
    let message = laptop.encrypt(b"here");
    assert_eq!(club.bob.read(&message), b"here");
}

#[test]
fn no_other_device_of_whoever_is_leaving_comes_in() {
    let (mut club, _) = carol_leaves();
    let laptop = Device::new(&club.carol.account, 31);
    let bundle = laptop.join_externally(&club.server).unwrap();
    let refused = club.server.submit(&bundle).unwrap_err();
    assert!(
        matches!(refused, ViewError::Policy(PolicyError::NotPermitted(_))),
        "{refused:?}"
    );
}

#[test]
fn a_joining_device_refuses_what_no_member_has_proposed() {
    let (club, proposal) = carol_leaves();
    let laptop = Device::new(&club.alice.account, 30);
    let mut forged = proposal.clone();
    // Inside the signature.
    let at = forged.len() - 60;
    forged[at] ^= 1;
    for leaves in [
        vec![forged],
        vec![proposal.clone(), proposal],
        vec![b"nothing".to_vec()],
    ] {
        let refused = laptop.join_externally_with(&club.server, &leaves).unwrap_err();
        assert!(
            matches!(refused, JoinError::Invalid(_) | JoinError::Malformed(_)),
            "{refused:?}"
        );
    }
}

#[test]
fn nobody_leaves_a_direct_conversation() {
    let chat = Chat::new();
    assert_eq!(
        chat.alice.leave(),
        Err(LeaveError::Policy(PolicyError::LeavesForGood))
    );
}

#[test]
fn a_public_view_of_a_member_knows_who_is_leaving() {
    let (mut club, _) = carol_leaves();
    let mut view = club
        .alice
        .with_group(|mls, group| group.public_view(mls).unwrap());
    let leavers = view.leavers().unwrap();
    assert_eq!(
        leavers
            .iter()
            .map(DeviceCertificate::device_id)
            .collect::<Vec<_>>(),
        [club.carol.id()]
    );
    let bundle = club.bob.self_update();
    club.server.submit(&bundle).unwrap();
    view.follow(&bundle.commit).unwrap();
    assert_eq!(view.transcript(), club.server.view().transcript());
}

// The server cannot check the tag that only members can make. A client that refused such a proposal would never again make a
// commit that the server takes.
#[test]
fn a_proposal_with_a_false_membership_tag_counts_for_everybody() {
    let mut club = Club::new();
    let mut proposal = club.carol.leave().unwrap();
    *proposal.last_mut().unwrap() ^= 1;
    club.server.leave(&proposal).unwrap();
    for device in [&club.alice, &club.bob] {
        device.sees_leaving(&proposal, &club.carol);
    }
    let bundle = club.bob.self_update();
    club.server.submit(&bundle).unwrap();
    club.alice.apply(&bundle.commit).unwrap();
}

#[test]
fn nothing_is_heard_of_a_device_that_has_left() {
    let mut club = Club::new();
    let message = club.carol.encrypt(b"one more thing");
    let commit = club.carol.self_update().commit;
    let proposal = {
        club.carol.step(|mls| {
            let mut group = mls.load_group(crate::world::CONVERSATION).unwrap().unwrap();
            group.clear_pending_commit(mls).unwrap();
            group
                .leave(mls, &club.carol.identity, &crate::world::CLAIM)
                .unwrap()
        })
    };
    club.server.leave(&proposal).unwrap();
    club.alice.sees_leaving(&proposal, &club.carol);
    let carol = club.carol.id();
    for bytes in [message, commit] {
        match club.alice.process(&bytes) {
            Err(ProcessError::Member {
                fault: MemberFault::Rule(rule),
                ..
            }) => assert_eq!(rule, PolicyError::HasLeft(carol)),
            other => panic!("not refused: {other:?}"),
        }
    }
    // Nor does it come in again from outside.
    let again = Device::new(&club.carol.account, 3);
    let bundle = again.join_externally_with(&club.server, &[]).unwrap();
    club.alice.refuses(&bundle.commit, &PolicyError::HasLeft(carol));
}

#[test]
fn a_view_can_forget_who_is_leaving() {
    let (club, proposal) = carol_leaves();
    let mut view = club.server.view();
    view.forget_leaves().unwrap();
    assert!(view.leaves().is_empty() && view.leavers().unwrap().is_empty());
    view.leave(&proposal).unwrap();
}

impl Device {
    fn sees_leaving(&self, proposal: &[u8], whom: &Self) {
        match self.process(proposal).unwrap() {
            Received::Leaving(leaving) => assert_eq!(leaving.sender.device_id(), whom.id()),
            other => panic!("nobody leaves: {other:?}"),
        }
        let leavers = self.with_group(|_, group| group.leavers().unwrap());
        assert_eq!(
            leavers
                .iter()
                .map(DeviceCertificate::device_id)
                .collect::<Vec<_>>(),
            [whom.id()]
        );
    }

    fn sees_nobody_leaving(&self) {
        assert!(!self.with_group(|_, group| group.has_leavers()));
    }
}
