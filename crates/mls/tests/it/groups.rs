//! Groups: members come and go, roles and rights change, and nobody changes more than the policy permits.

use openmls::prelude::{Extensions, LeafNodeIndex};
use openmls_traits::OpenMlsProvider as _;
use subrosa_mls::{
    AccountsChanged, CommitBundle, CommitError, CommitPlan, GroupPolicy, InvalidPolicy, JoinError,
    NotPermitted, PolicyError, ProcessError, Rights, Role, ViewError, verify_key_package,
};
use subrosa_wire::AccountId;

use crate::{
    hostile_commits::MALLORY,
    mallory::{Mallory, external_commit, leaf, policy_extensions},
    world::{Account, Device, NOW, Server, alice, bob, create_group_with},
};

pub(crate) fn carol() -> Account {
    Account::new(0xCA)
}

fn dave() -> Account {
    Account::new(0xDA)
}

fn mallory() -> Account {
    Account::new(0xEE)
}

/// A group that Alice owns: Bob is an admin, Carol and Dave are members, and Dave has two devices.
pub(crate) struct Club {
    pub(crate) alice: Device,
    pub(crate) bob: Device,
    pub(crate) carol: Device,
    pub(crate) dave: Device,
    pub(crate) daves_laptop: Device,
    pub(crate) server: Server,
}

impl Club {
    pub(crate) fn new() -> Self {
        let alice = Device::new(&alice(), 1);
        let mut server = create_group_with(&alice, &GroupPolicy::group(alice.account.id));
        let [bob, carol, dave, daves_laptop] = [(bob(), 2), (carol(), 3), (dave(), 4), (dave(), 5)]
            .map(|(account, number)| Device::new(&account, number));
        let bundle = alice
            .commit(CommitPlan {
                add: [&bob, &carol, &dave, &daves_laptop]
                    .map(|device| alice.verify(device))
                    .into(),
                policy: Some(with_role(
                    &GroupPolicy::group(alice.account.id),
                    bob.account.id,
                    Role::Admin,
                )),
                ..CommitPlan::default()
            })
            .unwrap();
        let effect = server.deliver(&bundle, &[&alice]);
        let mut members = [&bob, &carol, &dave].map(|device| device.account.id);
        members.sort();
        assert_eq!(effect.accounts, changed(&members, &[]));
        let tree = server.ratchet_tree();
        for device in [&bob, &carol, &dave, &daves_laptop] {
            device.join(bundle.welcome.as_ref().unwrap(), &tree).unwrap();
        }
        Self {
            alice,
            bob,
            carol,
            dave,
            daves_laptop,
            server,
        }
    }

    fn devices(&self) -> [&Device; 5] {
        [
            &self.alice,
            &self.bob,
            &self.carol,
            &self.dave,
            &self.daves_laptop,
        ]
    }

    pub(crate) fn policy(&self) -> GroupPolicy {
        self.server.view().policy().clone()
    }

    /// A commit that everybody accepts.
    pub(crate) fn accept(&mut self, bundle: &CommitBundle) -> AccountsChanged {
        let effect = self.server.submit(bundle).unwrap();
        for device in self.devices() {
            if device.with_group(|_, group| group.is_active()) {
                device.apply(&bundle.commit).unwrap();
            }
        }
        let policy = self.policy();
        for device in self.devices() {
            if device.with_group(|_, group| group.is_active()) {
                assert_eq!(device.with_group(|_, group| group.policy().clone()), policy);
            }
        }
        effect.accounts
    }

    /// Expects that server and members refuse a commit for the same reason, and go on as before.
    pub(crate) fn expect_refusal(&mut self, bundle: &CommitBundle, reason: impl Into<PolicyError>) {
        let reason = reason.into();
        assert_eq!(self.server.submit(bundle), Err(ViewError::Policy(reason)));
        for device in self.devices() {
            device.refuses(&bundle.commit, &reason);
        }
    }

    /// Somebody whom a member has added, and who follows no rules.
    fn with_mallory() -> (Self, Mallory) {
        let mut club = Self::new();
        let added = Mallory::join(leaf(&mallory(), MALLORY), |key_package| {
            let verified = verify_key_package(&key_package, mallory().id, NOW).unwrap();
            let bundle = club
                .carol
                .commit(CommitPlan {
                    add: vec![verified],
                    ..CommitPlan::default()
                })
                .unwrap();
            assert_eq!(club.accept(&bundle), changed(&[mallory().id], &[]));
            (bundle.welcome.unwrap(), club.server.ratchet_tree())
        });
        (club, added)
    }
}

pub(crate) fn changed(added: &[AccountId], removed: &[AccountId]) -> AccountsChanged {
    AccountsChanged {
        added: added.into(),
        removed: removed.into(),
    }
}

pub(crate) fn with_role(policy: &GroupPolicy, account: AccountId, role: Role) -> GroupPolicy {
    policy.clone().with_role(account, role).unwrap()
}

pub(crate) fn to_policy(policy: GroupPolicy) -> CommitPlan {
    CommitPlan {
        policy: Some(policy),
        ..CommitPlan::default()
    }
}

pub(crate) fn removal(devices: &[&Device]) -> CommitPlan {
    CommitPlan {
        remove: devices.iter().map(|device| device.id()).collect(),
        ..CommitPlan::default()
    }
}

/// What somebody's own client says to a plan.
pub(crate) fn refusal(device: &Device, plan: CommitPlan) -> NotPermitted {
    match device.commit(plan).unwrap_err() {
        CommitError::Policy(PolicyError::NotPermitted(reason)) => reason,
        other => panic!("refused for another reason: {other:?}"),
    }
}

#[test]
fn a_removed_member_cannot_read_the_next_epoch_and_loses_all_devices_at_once() {
    let mut club = Club::new();
    let dave = club.dave.account.id;
    assert_eq!(
        refusal(&club.bob, removal(&[&club.dave])),
        NotPermitted::RemovedInPart(dave)
    );
    let bundle = club
        .bob
        .commit(removal(&[&club.dave, &club.daves_laptop]))
        .unwrap();
    assert_eq!(club.accept(&bundle), changed(&[], &[dave]));
    assert!(!club.dave.with_group(|_, group| group.is_active()));
    let message = club.carol.encrypt(b"without Dave");
    assert_eq!(club.alice.read(&message), b"without Dave");
    assert_eq!(club.dave.process(&message).unwrap_err(), ProcessError::NotAMember);
}

#[test]
fn whoever_is_removed_loses_the_role_in_the_same_commit() {
    let mut club = Club::new();
    let bob = club.bob.account.id;
    assert_eq!(
        refusal(&club.alice, removal(&[&club.bob])),
        NotPermitted::RoleOfNobody(bob)
    );
    let plan = CommitPlan {
        policy: Some(with_role(&club.policy(), bob, Role::Member)),
        ..removal(&[&club.bob])
    };
    let bundle = club.alice.commit(plan).unwrap();
    assert_eq!(club.accept(&bundle), changed(&[], &[bob]));
    // Somebody who comes back is a member like any other.
    let again = Device::new(&club.bob.account, 20);
    let bundle = club
        .carol
        .commit(CommitPlan {
            add: vec![club.carol.verify(&again)],
            ..CommitPlan::default()
        })
        .unwrap();
    assert_eq!(club.accept(&bundle), changed(&[bob], &[]));
    assert_eq!(club.policy().role_of(bob), Role::Member);
}

#[test]
fn one_removes_only_people_of_a_lower_role() {
    let mut club = Club::new();
    let [alice, bob, carol, dave] =
        [&club.alice, &club.bob, &club.carol, &club.dave].map(|device| device.account.id);
    let not = |by, whom| NotPermitted::Remove { by, whom };
    assert_eq!(
        refusal(&club.carol, removal(&[&club.dave, &club.daves_laptop])),
        not(carol, dave)
    );
    assert_eq!(refusal(&club.carol, removal(&[&club.alice])), not(carol, alice));
    assert_eq!(refusal(&club.bob, removal(&[&club.alice])), not(bob, alice));
    // Two admins leave each other alone, and so do two owners.
    let bundle = club
        .alice
        .commit(to_policy(with_role(&club.policy(), carol, Role::Admin)))
        .unwrap();
    club.accept(&bundle);
    let plan = CommitPlan {
        policy: Some(with_role(&club.policy(), carol, Role::Member)),
        ..removal(&[&club.carol])
    };
    assert_eq!(refusal(&club.bob, plan), not(bob, carol));
    // Unless the right is an owner's alone.
    let rights = Rights {
        remove: Role::Owner,
        ..Rights::DEFAULT
    };
    let bundle = club
        .alice
        .commit(to_policy(club.policy().with_rights(rights).unwrap()))
        .unwrap();
    club.accept(&bundle);
    assert_eq!(
        refusal(&club.bob, removal(&[&club.dave, &club.daves_laptop])),
        not(bob, dave)
    );
}

#[test]
fn only_owners_make_and_unmake_owners_and_admins() {
    let mut club = Club::new();
    let [alice, bob, carol] = [&club.alice, &club.bob, &club.carol].map(|device| device.account.id);
    let not = |by, whom| NotPermitted::Role { by, whom };
    let to = |account, role| to_policy(with_role(&club.policy(), account, role));
    assert_eq!(refusal(&club.carol, to(carol, Role::Admin)), not(carol, carol));
    assert_eq!(refusal(&club.bob, to(bob, Role::Owner)), not(bob, bob));
    assert_eq!(refusal(&club.bob, to(carol, Role::Admin)), not(bob, carol));
    assert_eq!(refusal(&club.bob, to(alice, Role::Member)), not(bob, alice));
    assert_eq!(
        refusal(&club.alice, to(Account::new(9).id, Role::Admin)),
        NotPermitted::RoleOfNobody(Account::new(9).id)
    );
    // Anybody gives up their own role.
    let bundle = club.bob.commit(to(bob, Role::Member)).unwrap();
    club.accept(&bundle);
    let bundle = club
        .alice
        .commit(to_policy(with_role(&club.policy(), carol, Role::Owner)))
        .unwrap();
    club.accept(&bundle);
    let bundle = club
        .carol
        .commit(to_policy(with_role(&club.policy(), alice, Role::Member)))
        .unwrap();
    club.accept(&bundle);
    assert_eq!(club.policy().roles().collect::<Vec<_>>(), [(carol, Role::Owner)]);
}

#[test]
fn without_an_owner_whoever_has_the_highest_role_names_one() {
    let mut club = Club::new();
    let [alice, bob, carol] = [&club.alice, &club.bob, &club.carol].map(|device| device.account.id);
    let bundle = club
        .alice
        .commit(to_policy(with_role(&club.policy(), alice, Role::Member)))
        .unwrap();
    club.accept(&bundle);
    let owner_carol = to_policy(with_role(&club.policy(), carol, Role::Owner));
    assert_eq!(
        refusal(&club.dave, owner_carol),
        NotPermitted::Role {
            by: club.dave.account.id,
            whom: carol
        }
    );
    let bundle = club
        .bob
        .commit(to_policy(with_role(&club.policy(), bob, Role::Member)))
        .unwrap();
    club.accept(&bundle);
    // Now there is no admin, either.
    let bundle = club
        .dave
        .commit(to_policy(with_role(&club.policy(), carol, Role::Owner)))
        .unwrap();
    club.accept(&bundle);
    assert_eq!(club.policy().role_of(carol), Role::Owner);
}

#[test]
fn rights_move_between_levels_up_to_ones_own() {
    let mut club = Club::new();
    let rights = |change: fn(&mut Rights)| {
        let mut rights = *club.policy().rights();
        change(&mut rights);
        to_policy(club.policy().with_rights(rights).unwrap())
    };
    let [bob, carol] = [&club.bob, &club.carol].map(|device| device.account.id);
    assert_eq!(
        refusal(&club.carol, rights(|rights| rights.add = Role::Admin)),
        NotPermitted::Rights(carol)
    );
    assert_eq!(
        refusal(&club.bob, rights(|rights| rights.pin = Role::Owner)),
        NotPermitted::Rights(bob)
    );
    let bundle = club
        .bob
        .commit(rights(|rights| rights.add = Role::Admin))
        .unwrap();
    club.accept(&bundle);
    let eve = Device::new(&Account::new(9), 9);
    let plan = CommitPlan {
        add: vec![club.carol.verify(&eve)],
        ..CommitPlan::default()
    };
    assert_eq!(refusal(&club.carol, plan), NotPermitted::Add(carol));
    let members = Rights {
        remove: Role::Member,
        ..Rights::DEFAULT
    };
    assert_eq!(
        club.policy().with_rights(members),
        Err(InvalidPolicy::RemovedByMembers)
    );
}

#[test]
fn whoever_is_banned_is_removed_and_cannot_be_added_or_enter() {
    let mut club = Club::new();
    let [bob, carol, dave] = [&club.bob, &club.carol, &club.dave].map(|device| device.account.id);
    let banned = || club.policy().with_ban(dave, true).unwrap();
    assert_eq!(
        refusal(&club.bob, to_policy(banned())),
        NotPermitted::Banned(dave)
    );
    let both = || CommitPlan {
        policy: Some(banned()),
        ..removal(&[&club.dave, &club.daves_laptop])
    };
    assert_eq!(
        refusal(&club.carol, both()),
        NotPermitted::Remove {
            by: carol,
            whom: dave
        }
    );
    let bundle = club.bob.commit(both()).unwrap();
    club.accept(&bundle);
    let again = Device::new(&club.dave.account, 44);
    let add = |device: &Device| CommitPlan {
        add: vec![device.verify(&again)],
        ..CommitPlan::default()
    };
    assert_eq!(refusal(&club.alice, add(&club.alice)), NotPermitted::Banned(dave));
    assert_eq!(
        again.join_externally(&club.server).unwrap_err(),
        JoinError::Policy(NotPermitted::Banned(dave).into())
    );
    let readmitted = to_policy(club.policy().with_ban(dave, false).unwrap());
    assert_eq!(refusal(&club.carol, readmitted), NotPermitted::Ban(carol));
    let bundle = club
        .bob
        .commit(to_policy(club.policy().with_ban(dave, false).unwrap()))
        .unwrap();
    club.accept(&bundle);
    let bundle = club.bob.commit(add(&club.bob)).unwrap();
    assert_eq!(club.accept(&bundle), changed(&[dave], &[]));
    assert_eq!(club.policy().role_of(bob), Role::Admin);
}

#[test]
fn a_further_device_of_a_member_enters_by_itself_and_a_stranger_does_not() {
    let mut club = Club::new();
    let laptop = Device::new(&carol(), 33);
    let bundle = laptop.join_externally(&club.server).unwrap();
    assert_eq!(club.accept(&bundle), changed(&[], &[]));
    let message = laptop.encrypt(b"from the laptop");
    assert_eq!(club.dave.read(&message), b"from the laptop");
    // It comes back over its own leaf.
    let bundle = laptop.join_externally(&club.server).unwrap();
    assert_eq!(club.accept(&bundle), changed(&[], &[]));

    let stranger = Account::new(9);
    let bundle = external_commit(&leaf(&stranger, 9), &club.server);
    club.expect_refusal(&bundle, NotPermitted::Join(stranger.id));
}

#[test]
fn a_hostile_member_changes_nothing_that_it_may_not() {
    let (mut club, mut mallory) = Club::with_mallory();
    let by = crate::groups::mallory().id;
    let [alice, bob, carol] = [&club.alice, &club.bob, &club.carol].map(|device| device.account.id);
    let leaf_of = |device: &Device| LeafNodeIndex::new(device.with_group(|_, group| group.own_leaf()));
    let set = |policy: &GroupPolicy| Extensions::from_vec(policy_extensions(policy)).unwrap();
    let policy = club.policy();
    let attempts: Vec<(GroupPolicy, NotPermitted)> = vec![
        (
            with_role(&policy, by, Role::Owner),
            NotPermitted::Role { by, whom: by },
        ),
        (
            with_role(&policy, alice, Role::Member),
            NotPermitted::Role { by, whom: alice },
        ),
        (
            with_role(&policy, bob, Role::Owner),
            NotPermitted::Role { by, whom: bob },
        ),
        (
            policy
                .clone()
                .with_rights(Rights {
                    add: Role::Owner,
                    ..Rights::DEFAULT
                })
                .unwrap(),
            NotPermitted::Rights(by),
        ),
        (
            policy.clone().with_ban(Account::new(9).id, true).unwrap(),
            NotPermitted::Ban(by),
        ),
        (
            policy.clone().with_ban(carol, true).unwrap(),
            NotPermitted::Banned(carol),
        ),
        (GroupPolicy::direct(alice, by).unwrap(), NotPermitted::Fixed),
        (with_unknown_field(&policy), NotPermitted::Policy(by)),
    ];
    for (policy, reason) in attempts {
        let bundle = mallory.commit(|commit| commit.propose_group_context_extensions(set(&policy)).unwrap());
        mallory
            .group
            .clear_pending_commit(mallory.provider.storage())
            .unwrap();
        club.expect_refusal(&bundle, reason);
    }
    let leaf = leaf_of(&club.carol);
    let bundle = mallory.commit(|commit| commit.propose_removals([leaf]));
    club.expect_refusal(&bundle, NotPermitted::Remove { by, whom: carol });
}

/// The policy with a field that this build does not know, and that is not critical.
fn with_unknown_field(policy: &GroupPolicy) -> GroupPolicy {
    let field = [0x00, 0x0A, 0x00, 0x01, 0x07];
    GroupPolicy::decode(&[policy.encode().as_slice(), &field].concat()).unwrap()
}

#[test]
fn a_group_that_was_founded_with_another_owner_or_with_bans_on_itself_is_refused() {
    let alice = Device::new(&alice(), 1);
    for (policy, reason) in [
        (GroupPolicy::group(bob().id), NotPermitted::RoleOfNobody(bob().id)),
        (
            GroupPolicy::group(alice.account.id)
                .with_ban(alice.account.id, true)
                .unwrap(),
            NotPermitted::Banned(alice.account.id),
        ),
    ] {
        alice.step(|mls| {
            mls.create_group(&alice.identity, crate::world::CONVERSATION, &policy)
                .unwrap();
        });
        let (group_info, tree) = alice.with_group(|mls, group| {
            (
                group.group_info(mls, &alice.identity).unwrap(),
                group.ratchet_tree().unwrap(),
            )
        });
        let refused = subrosa_mls::PublicView::create(&group_info, &tree, crate::world::CONVERSATION, NOW);
        assert_eq!(refused.err(), Some(ViewError::Policy(reason.into())));
        alice.forget_group();
    }
}
