//! Joining a group by an invite link: who comes in by which, and who does not.

use sha2::{Digest as _, Sha256};
use subrosa_mls::{
    CommitPlan, CommitSender, DeviceCertificate, GroupPolicy, InviteLink, JoinError, LINK_SEED_LEN,
    LinkSecret, NotPermitted, PolicyError, Received, Rights, Role, ViewError, peek,
};

use crate::{
    groups::{Club, carol, changed, refusal, removal, to_policy, with_role},
    hostile::Hostile,
    mallory::{RawLeaf, external_commit_saying, leaf},
    world::{Account, CLAIM, CONVERSATION, Device, NOW},
};

/// A link that lets one in, and one by which one only asks.
fn open() -> LinkSecret {
    LinkSecret::from_seed([1; LINK_SEED_LEN])
}

fn asking() -> LinkSecret {
    LinkSecret::from_seed([2; LINK_SEED_LEN])
}

fn eve() -> Account {
    Account::new(0xE0)
}

fn in_policy(link: &LinkSecret, needs_approval: bool) -> InviteLink {
    InviteLink {
        key: link.public_key(),
        needs_approval,
    }
}

/// A group with both links.
fn club() -> Club {
    let mut club = Club::new();
    let policy = club.policy().with_link(in_policy(&open(), false));
    let policy = policy.and_then(|policy| policy.with_link(in_policy(&asking(), true)));
    let bundle = club.carol.commit(to_policy(policy.unwrap())).unwrap();
    club.accept(&bundle);
    club
}

/// What an honest device signs, or not quite that.
struct Statement {
    conversation: [u8; 16],
    founding: u64,
    epoch: u64,
    certificate: DeviceCertificate,
}

impl Statement {
    fn honest(club: &Club, device: &Device) -> Self {
        Self {
            conversation: *CONVERSATION.as_bytes(),
            founding: 0,
            epoch: club.server.view().epoch(),
            certificate: device.identity.certificate.clone(),
        }
    }

    /// The authenticated data of an external commit with the signature of a link over this.
    fn signed_by(&self, link: &LinkSecret) -> Vec<u8> {
        let message = [
            &self.conversation[..],
            &self.founding.to_be_bytes(),
            &self.epoch.to_be_bytes(),
            &Sha256::digest(self.certificate.encode()),
        ]
        .concat();
        let signature = link.signing_key().sign("subrosa join by link v1", &message);
        [&CLAIM.encode()[..], link.public_key().as_bytes(), &signature].concat()
    }
}

#[test]
fn whoever_has_a_link_joins_as_a_plain_member_and_everybody_sees_by_which() {
    let mut club = club();
    let newcomer = Device::new(&eve(), 9);
    let bundle = newcomer.join_by_link(&club.server, &open()).unwrap();
    assert_eq!(
        peek(&bundle.commit).unwrap().link.unwrap().key(),
        open().public_key()
    );
    let Received::Commit(staged) = club.alice.process(&bundle.commit).unwrap() else {
        panic!("not a commit");
    };
    assert_eq!(staged.joined_by(), Some(open().id()));
    assert_eq!(
        *staged.sender(),
        CommitSender::External(newcomer.identity.certificate.clone())
    );
    let mut view = club.server.view();
    let effect = view
        .process_commit(&bundle.commit, &bundle.group_info, NOW)
        .unwrap();
    assert_eq!(effect.joined_by, Some(open().id()));
    assert_eq!(club.accept(&bundle), changed(&[eve().id], &[]));
    assert_eq!(club.policy().role_of(eve().id), Role::Member);
    let message = newcomer.encrypt(b"here I am");
    assert_eq!(club.dave.read(&message), b"here I am");
    // Somebody who follows from outside sees the same, without any secret.
    let mut view = club.server.view();
    let second = Device::new(&Account::new(0xE1), 10);
    let bundle = second.join_by_link(&club.server, &open()).unwrap();
    assert_eq!(view.follow(&bundle.commit).unwrap().joined_by, Some(open().id()));
}

#[test]
fn a_link_that_is_signed_as_documented_lets_in() {
    let mut club = club();
    let newcomer = Device::new(&eve(), 9);
    let data = Statement::honest(&club, &newcomer).signed_by(&open());
    let bundle = external_commit_saying(data, &Hostile::default(), &leaf(&eve(), 9), &club.server);
    assert_eq!(club.accept(&bundle), changed(&[eve().id], &[]));
}

#[test]
fn further_devices_of_whoever_came_by_a_link_need_none_and_do_not_count_as_coming_by_it() {
    let mut club = club();
    let bundle = Device::new(&eve(), 9)
        .join_by_link(&club.server, &open())
        .unwrap();
    club.accept(&bundle);
    let bundle = Device::new(&eve(), 10).join_externally(&club.server).unwrap();
    assert_eq!(club.accept(&bundle), changed(&[], &[]));
    // One that does not know yet that its account is in.
    let bundle = Device::new(&carol(), 33)
        .join_by_link(&club.server, &open())
        .unwrap();
    let effect = club.server.view().follow(&bundle.commit).unwrap();
    assert_eq!(effect.joined_by, None);
    assert_eq!(club.accept(&bundle), changed(&[], &[]));
}

#[test]
fn a_link_lets_nobody_in_that_it_has_not_signed_for_in_this_group_and_epoch() {
    let mut club = club();
    let id = eve().id;
    let newcomer = Device::new(&eve(), 9);
    let honest = || Statement::honest(&club, &newcomer);
    let stranger = LinkSecret::from_seed([3; LINK_SEED_LEN]);
    let attempts = [
        (CLAIM.encode().to_vec(), NotPermitted::Join(id)),
        (honest().signed_by(&stranger), NotPermitted::JoinByUnknownLink(id)),
        (honest().signed_by(&asking()), NotPermitted::JoinUnasked(id)),
        (
            Statement {
                conversation: [7; 16],
                ..honest()
            }
            .signed_by(&open()),
            NotPermitted::JoinUnsigned(id),
        ),
        (
            Statement {
                founding: 1,
                ..honest()
            }
            .signed_by(&open()),
            NotPermitted::JoinUnsigned(id),
        ),
        (
            Statement {
                epoch: honest().epoch - 1,
                ..honest()
            }
            .signed_by(&open()),
            NotPermitted::JoinUnsigned(id),
        ),
        (
            Statement {
                epoch: honest().epoch + 1,
                ..honest()
            }
            .signed_by(&open()),
            NotPermitted::JoinUnsigned(id),
        ),
        // Of another account with the same device, and of another device of the account.
        (
            Statement {
                certificate: Device::new(&Account::new(0xE1), 9).identity.certificate,
                ..honest()
            }
            .signed_by(&open()),
            NotPermitted::JoinUnsigned(id),
        ),
        (
            Statement {
                certificate: Device::new(&eve(), 10).identity.certificate,
                ..honest()
            }
            .signed_by(&open()),
            NotPermitted::JoinUnsigned(id),
        ),
    ];
    for (data, reason) in attempts {
        let bundle = external_commit_saying(data, &Hostile::default(), &leaf(&eve(), 9), &club.server);
        club.expect_refusal(&bundle, reason);
    }
    // What the link signs for the server, or for those who decide, is no way in.
    for signature in [
        open().prove_access(CONVERSATION, id, newcomer.id()),
        open().sign_request(CONVERSATION, id, b""),
    ] {
        let data = [&CLAIM.encode()[..], &signature.encode()].concat();
        let bundle = external_commit_saying(data, &Hostile::default(), &leaf(&eve(), 9), &club.server);
        club.expect_refusal(&bundle, NotPermitted::JoinUnsigned(id));
    }
}

#[test]
fn ones_own_client_does_not_make_what_others_refuse() {
    let club = club();
    let newcomer = Device::new(&eve(), 9);
    let refused = |link: &LinkSecret| newcomer.join_by_link(&club.server, link).unwrap_err();
    let not = |reason: NotPermitted| JoinError::Policy(reason.into());
    assert_eq!(refused(&asking()), not(NotPermitted::JoinUnasked(eve().id)));
    assert_eq!(
        refused(&LinkSecret::from_seed([3; LINK_SEED_LEN])),
        not(NotPermitted::JoinByUnknownLink(eve().id))
    );
}

#[test]
fn a_link_that_the_commit_before_has_revoked_lets_nobody_in() {
    let mut club = club();
    let newcomer = Device::new(&eve(), 9);
    let late = newcomer.join_by_link(&club.server, &open()).unwrap();
    let revoked = club.policy().without_link(&open().public_key());
    let bundle = club.bob.commit(to_policy(revoked)).unwrap();
    club.accept(&bundle);
    let epoch = club.server.view().epoch();
    assert_eq!(
        club.server.submit(&late),
        Err(ViewError::WrongEpoch {
            commit: epoch - 1,
            group: epoch
        })
    );
    let data = Statement::honest(&club, &newcomer).signed_by(&open());
    let bundle = external_commit_saying(data, &Hostile::default(), &leaf(&eve(), 9), &club.server);
    club.expect_refusal(&bundle, NotPermitted::JoinByUnknownLink(eve().id));
}

#[test]
fn whoever_is_banned_does_not_come_back_by_a_link() {
    let mut club = club();
    let policy = club.policy().with_ban(eve().id, true).unwrap();
    let bundle = club.bob.commit(to_policy(policy)).unwrap();
    club.accept(&bundle);
    let newcomer = Device::new(&eve(), 9);
    let reason = NotPermitted::Banned(eve().id);
    assert_eq!(
        newcomer.join_by_link(&club.server, &open()),
        Err(JoinError::Policy(reason.into()))
    );
    let data = Statement::honest(&club, &newcomer).signed_by(&open());
    let bundle = external_commit_saying(data, &Hostile::default(), &leaf(&eve(), 9), &club.server);
    club.expect_refusal(&bundle, reason);
}

#[test]
fn whoever_comes_by_a_link_takes_nobodys_place() {
    let mut club = club();
    // A certificate of Eve for the id of Carol's device.
    let number = 3;
    assert_eq!(club.carol.id(), Device::new(&eve(), number).id());
    let impostor = Device::new(&eve(), number).id();
    let key = subrosa_mls::DeviceSigningKey::from_seed([0x77; 32]).public();
    let certificate = eve().certify(impostor, key, NOW);
    let raw = RawLeaf {
        credential: crate::mallory::credential(certificate.encode()),
        ..leaf(&eve(), 0x77)
    };
    let data = Statement {
        certificate,
        ..Statement::honest(&club, &club.carol)
    }
    .signed_by(&open());
    let bundle = external_commit_saying(data, &Hostile::default(), &raw, &club.server);
    club.expect_refusal(&bundle, PolicyError::DuplicateDevice(impostor));
    // Even with the key of Carol's device, which makes MLS take the new leaf for the old one.
    let statement = Statement {
        certificate: Device::new(&eve(), number).identity.certificate,
        ..Statement::honest(&club, &club.carol)
    };
    let data = statement.signed_by(&open());
    let bundle = external_commit_saying(data, &Hostile::default(), &leaf(&eve(), number), &club.server);
    let reason = NotPermitted::Remove {
        by: eve().id,
        whom: carol().id,
    };
    club.expect_refusal(&bundle, reason);
}

#[test]
fn whoever_comes_by_a_link_takes_out_those_who_are_leaving() {
    let mut club = club();
    let proposal = club.carol.leave().unwrap();
    club.server.leave(&proposal).unwrap();
    for device in [&club.alice, &club.bob, &club.dave, &club.daves_laptop] {
        assert!(matches!(device.process(&proposal).unwrap(), Received::Leaving(_)));
    }
    let newcomer = Device::new(&eve(), 9);
    let bundle = newcomer.join_by_link(&club.server, &open()).unwrap();
    let effect = club.server.submit(&bundle).unwrap();
    assert_eq!(effect.accounts, changed(&[eve().id], &[]));
    for device in [&club.alice, &club.bob, &club.dave, &club.daves_laptop] {
        device.apply(&bundle.commit).unwrap();
        assert!(!device.member_ids().contains(&club.carol.id()));
    }
    // Carol changes her mind: she is no member any more, and needs the link herself.
    let again = Device::new(&carol(), 34);
    let staged = again.join_externally(&club.server).unwrap();
    assert_eq!(
        club.server.submit(&staged),
        Err(ViewError::Policy(NotPermitted::Join(carol().id).into()))
    );
    let bundle = again.join_by_link(&club.server, &open()).unwrap();
    let effect = club.server.submit(&bundle).unwrap();
    assert_eq!(effect.joined_by, Some(open().id()));
}

#[test]
fn links_are_made_changed_and_revoked_by_whoever_may_add_people() {
    let mut club = club();
    let carol = carol().id;
    let third = LinkSecret::from_seed([3; LINK_SEED_LEN]);
    let more = |policy: GroupPolicy| policy.with_link(in_policy(&third, false)).unwrap();
    let bundle = club.carol.commit(to_policy(more(club.policy()))).unwrap();
    club.accept(&bundle);
    let rights = Rights {
        add: Role::Admin,
        ..Rights::DEFAULT
    };
    let restricted = club
        .policy()
        .with_rights(rights)
        .unwrap()
        .without_link(&third.public_key());
    let bundle = club.bob.commit(to_policy(restricted)).unwrap();
    club.accept(&bundle);
    let changes = [
        more(club.policy()),
        club.policy().with_link(in_policy(&open(), true)).unwrap(),
        club.policy().without_link(&open().public_key()),
        club.policy().without_links(),
    ];
    for policy in changes {
        assert_eq!(
            refusal(&club.carol, to_policy(policy)),
            NotPermitted::Links(carol)
        );
    }
    let bundle = club.bob.commit(to_policy(club.policy().without_links())).unwrap();
    club.accept(&bundle);
    assert!(club.policy().links().is_empty());
}

#[test]
fn whoever_removes_somebody_may_drop_all_links_with_it_and_not_just_some() {
    let mut club = club();
    let rights = Rights {
        add: Role::Owner,
        ..Rights::DEFAULT
    };
    let restricted = club.policy().with_rights(rights).unwrap();
    let bundle = club.alice.commit(to_policy(restricted)).unwrap();
    club.accept(&bundle);
    let bob = club.bob.account.id;
    let with = |policy: GroupPolicy, plan: CommitPlan| CommitPlan {
        policy: Some(policy),
        ..plan
    };
    let some = club.policy().without_link(&open().public_key());
    assert_eq!(
        refusal(&club.bob, with(some, removal(&[&club.carol]))),
        NotPermitted::Links(bob)
    );
    let none = || club.policy().without_links();
    assert_eq!(refusal(&club.bob, to_policy(none())), NotPermitted::Links(bob));
    // Giving up one's own things removes nobody.
    let own = with_role(&none(), bob, Role::Member);
    assert_eq!(refusal(&club.bob, to_policy(own)), NotPermitted::Links(bob));
    let bundle = club.bob.commit(with(none(), removal(&[&club.carol]))).unwrap();
    assert_eq!(club.accept(&bundle), changed(&[], &[carol().id]));
    assert!(club.policy().links().is_empty());
}
