//! Devices and a server in one process. Every step loads the group from its store, as the engine
//! does after a restart, so whatever is not stored is found missing at once.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use subrosa_mls::{
    AccountIdentity, AccountSigningKey, CERTIFICATE_LEN, CommitBundle, CommitEffect, CommitError, CommitPlan,
    DeviceCertificate, DeviceIdentity, DevicePublicKey, DeviceSigningKey, Group, GroupPolicy, JoinError,
    LeaveError, LinkSecret, LogClaim, MemberFault, MemoryStore, Mls, PolicyError, ProcessError, PublicView,
    Received, SIGNATURE_LEN, SuccessionSigningKey, VerifiedKeyPackage, ViewError,
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp};

pub(crate) const CONVERSATION: ConversationId = ConversationId::from_bytes(*b"the conversation");
/// What every message here claims about the log.
pub(crate) const CLAIM: LogClaim = LogClaim::of_no_place(1);
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_123);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const YEAR: Duration = Duration::from_hours(365 * 24);

/// An account with its keys.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    seed: [u8; 32],
    succession_seed: [u8; 32],
    /// The seed of the key that really signs.
    signing_seed: [u8; 32],
}

impl Account {
    pub(crate) fn new(number: u8) -> Self {
        let (seed, succession_seed) = ([number; 32], [number ^ 0xFF; 32]);
        let succession_key = SuccessionSigningKey::from_seed(succession_seed).public();
        let identity = AccountIdentity {
            account_key: AccountSigningKey::from_seed(seed).public(),
            succession_key_hash: (&succession_key).into(),
        };
        Self {
            id: identity.account_id(),
            seed,
            succession_seed,
            signing_seed: seed,
        }
    }

    /// A certificate for a device of this account, as the account makes it.
    pub(crate) fn certify(&self, device: DeviceId, key: DevicePublicKey, at: Timestamp) -> DeviceCertificate {
        let succession_key = SuccessionSigningKey::from_seed(self.succession_seed).public();
        DeviceCertificate::issue(
            &AccountSigningKey::from_seed(self.seed),
            (&succession_key).into(),
            device,
            key,
            at,
        )
    }

    /// The same certificate, signed by the key that really signs: an impostor's is not the account's.
    pub(crate) fn certify_as_is(&self, device: DeviceId, key: DevicePublicKey, at: Timestamp) -> Vec<u8> {
        let mut bytes = self.certify(device, key, at).encode();
        let (body, signature) = bytes.split_at_mut(CERTIFICATE_LEN - SIGNATURE_LEN);
        signature.copy_from_slice(
            &AccountSigningKey::from_seed(self.signing_seed).sign("subrosa device certificate v2", body),
        );
        bytes
    }

    /// Somebody who claims to be the account and signs with a key that they made up.
    pub(crate) fn impostor(&self) -> Self {
        Self {
            signing_seed: [0xEE; 32],
            ..self.clone()
        }
    }
}

pub(crate) fn alice() -> Account {
    Account::new(0xA1)
}

pub(crate) fn bob() -> Account {
    Account::new(0xB0)
}

pub(crate) fn alice_and_bob() -> GroupPolicy {
    GroupPolicy::direct(alice().id, bob().id).unwrap()
}

/// A device with its store. Its clock can be set.
pub(crate) struct Device {
    pub(crate) account: Account,
    pub(crate) identity: DeviceIdentity,
    pub(crate) store: Rc<MemoryStore>,
    pub(crate) now: Cell<Timestamp>,
    rng: RefCell<SeededRng>,
}

impl Device {
    /// A device that its account certified at [`NOW`].
    pub(crate) fn new(account: &Account, number: u8) -> Self {
        Self::certified_at(account, number, NOW)
    }

    pub(crate) fn certified_at(account: &Account, number: u8, at: Timestamp) -> Self {
        let signing_key = DeviceSigningKey::from_seed([number; 32]);
        let certificate = account.certify(DeviceId::from_bytes([number; 16]), signing_key.public(), at);
        Self {
            account: account.clone(),
            identity: DeviceIdentity {
                certificate,
                signing_key,
            },
            store: Rc::new(MemoryStore::new()),
            now: Cell::new(NOW),
            rng: RefCell::new(SeededRng::new(number.into())),
        }
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.identity.certificate.device_id()
    }

    pub(crate) fn step<T>(&self, step: impl FnOnce(&Mls<'_>) -> T) -> T {
        let mut rng = self.rng.borrow_mut();
        step(&Mls::new(&*self.store, &mut *rng, self.now.get()))
    }

    /// One step with the group, loaded again.
    pub(crate) fn with_group<T>(&self, step: impl FnOnce(&Mls<'_>, &mut Group) -> T) -> T {
        self.step(|mls| step(mls, &mut mls.load_group(CONVERSATION).unwrap().unwrap()))
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.with_group(|_, group| group.epoch())
    }

    pub(crate) fn member_ids(&self) -> Vec<DeviceId> {
        self.with_group(|_, group| {
            group
                .members()
                .unwrap()
                .iter()
                .map(|member| member.certificate.device_id())
                .collect()
        })
    }

    pub(crate) fn key_package(&self) -> Vec<u8> {
        self.step(|mls| mls.key_packages(&self.identity, 1).unwrap().remove(0))
    }

    pub(crate) fn encrypt(&self, content: &[u8]) -> Vec<u8> {
        self.with_group(|mls, group| group.encrypt(mls, &self.identity, content, &CLAIM).unwrap())
    }

    pub(crate) fn process(&self, message: &[u8]) -> Result<Received, ProcessError> {
        self.with_group(|mls, group| group.process(mls, message))
    }

    /// Decrypts a message of the log.
    pub(crate) fn read(&self, message: &[u8]) -> Vec<u8> {
        match self.process(message).unwrap() {
            Received::Application(decrypted) => decrypted.content,
            other => panic!("not an application message: {other:?}"),
        }
    }

    /// Applies a commit of the log, its own or another's.
    pub(crate) fn apply(&self, commit: &[u8]) -> Result<(), ProcessError> {
        self.with_group(|mls, group| {
            match group.process(mls, commit)? {
                Received::Commit(staged) => group.merge(mls, staged)?,
                Received::OwnPendingCommit => group.merge_pending_commit(mls)?,
                Received::Application(_) | Received::Leaving(_) => panic!("not a commit"),
            }
            Ok(())
        })
    }

    /// Expects that this device refuses a commit for a reason, and goes on as before.
    pub(crate) fn refuses(&self, commit: &[u8], reason: &PolicyError) {
        let rows = self.store.rows();
        match self.apply(commit) {
            Err(
                ProcessError::Policy(rule)
                | ProcessError::Member {
                    fault: MemberFault::Rule(rule),
                    ..
                },
            ) => assert_eq!(rule, *reason),
            other => panic!("not refused by a rule: {other:?}"),
        }
        assert_eq!(self.store.rows(), rows, "a refused commit changes nothing");
    }

    pub(crate) fn commit(&self, plan: CommitPlan) -> Result<CommitBundle, CommitError> {
        self.with_group(|mls, group| group.commit(mls, &self.identity, plan, &CLAIM))
    }

    pub(crate) fn self_update(&self) -> CommitBundle {
        self.commit(CommitPlan::default()).unwrap()
    }

    pub(crate) fn verify(&self, of: &Device) -> VerifiedKeyPackage {
        let key_package = of.key_package();
        self.step(|mls| mls.verify_key_package(&key_package, of.account.id).unwrap())
    }

    /// Joins by a welcome without checking whose group it is.
    pub(crate) fn join(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Result<(), JoinError> {
        self.step(|mls| {
            mls.stage_welcome(&self.identity, welcome, ratchet_tree, CONVERSATION)?
                .accept(mls)
                .map(drop)
        })
    }

    /// Joins by an external commit without checking whose group it is.
    pub(crate) fn join_externally(&self, server: &Server) -> Result<CommitBundle, JoinError> {
        self.join_externally_with(server, &server.view().leaves())
    }

    /// The same, with what devices that are leaving have proposed.
    pub(crate) fn join_externally_with(
        &self,
        server: &Server,
        leaves: &[Vec<u8>],
    ) -> Result<CommitBundle, JoinError> {
        self.step(|mls| {
            let staged = mls.stage_external_join(
                &self.identity,
                &server.group_info,
                &server.ratchet_tree(),
                leaves,
                CONVERSATION,
            )?;
            Ok(staged.commit(mls, &self.identity, &CLAIM)?.1)
        })
    }

    /// Joins by a link.
    pub(crate) fn join_by_link(&self, server: &Server, link: &LinkSecret) -> Result<CommitBundle, JoinError> {
        self.step(|mls| {
            let staged = mls.stage_external_join(
                &self.identity,
                &server.group_info,
                &server.ratchet_tree(),
                &server.view().leaves(),
                CONVERSATION,
            )?;
            Ok(staged.commit_by_link(mls, &self.identity, &CLAIM, link)?.1)
        })
    }

    /// Proposes to leave.
    pub(crate) fn leave(&self) -> Result<Vec<u8>, LeaveError> {
        self.with_group(|mls, group| group.leave(mls, &self.identity, &CLAIM))
    }

    pub(crate) fn forget_group(&self) {
        self.step(|mls| mls.delete_group(CONVERSATION).unwrap());
    }
}

/// The server of one conversation: the view, stored as its blob between steps, and the log.
pub(crate) struct Server {
    pub(crate) view: Vec<u8>,
    pub(crate) group_info: Vec<u8>,
    pub(crate) now: Timestamp,
}

impl Server {
    /// Accepts the group that a device has created.
    pub(crate) fn of(creator: &Device) -> Self {
        let (group_info, tree) = creator.with_group(|mls, group| {
            (
                group.group_info(mls, &creator.identity).unwrap(),
                group.ratchet_tree().unwrap(),
            )
        });
        let view = PublicView::create(&group_info, &tree, CONVERSATION, NOW).unwrap();
        Self {
            view: view.to_bytes(),
            group_info,
            now: NOW,
        }
    }

    pub(crate) fn view(&self) -> PublicView {
        PublicView::load(&self.view).unwrap()
    }

    pub(crate) fn ratchet_tree(&self) -> Vec<u8> {
        self.view().ratchet_tree().unwrap()
    }

    /// Accepts a commit. A refusal must leave the view unchanged.
    pub(crate) fn submit(&mut self, bundle: &CommitBundle) -> Result<CommitEffect, ViewError> {
        self.submit_parts(&bundle.commit, &bundle.group_info)
    }

    pub(crate) fn submit_parts(
        &mut self,
        commit: &[u8],
        group_info: &[u8],
    ) -> Result<CommitEffect, ViewError> {
        let mut view = self.view();
        let effect = view.process_commit(commit, group_info, self.now);
        if effect.is_ok() {
            self.view = view.to_bytes();
            self.group_info = group_info.to_vec();
        } else {
            assert_eq!(view.to_bytes(), self.view, "a refused commit changes nothing");
        }
        effect
    }

    /// Accepts the proposal of a device that leaves. A refusal must leave the view unchanged.
    pub(crate) fn leave(&mut self, proposal: &[u8]) -> Result<DeviceCertificate, ViewError> {
        let mut view = self.view();
        let left = view.leave(proposal);
        if left.is_ok() {
            self.view = view.to_bytes();
        } else {
            assert_eq!(view.to_bytes(), self.view, "a refused proposal changes nothing");
        }
        left
    }

    /// The server accepts a commit and every device named applies it.
    pub(crate) fn deliver(&mut self, bundle: &CommitBundle, to: &[&Device]) -> CommitEffect {
        let effect = self.submit(bundle).unwrap();
        for device in to {
            device.apply(&bundle.commit).unwrap();
        }
        effect
    }
}

/// Alice's phone and Bob's phone in a direct conversation, and the server that carries it.
pub(crate) struct Chat {
    pub(crate) alice: Device,
    pub(crate) bob: Device,
    pub(crate) server: Server,
}

pub(crate) fn create_group(device: &Device) -> Server {
    create_group_with(device, &alice_and_bob())
}

pub(crate) fn create_group_with(device: &Device, policy: &GroupPolicy) -> Server {
    device.step(|mls| {
        mls.create_group(&device.identity, CONVERSATION, policy).unwrap();
    });
    Server::of(device)
}

impl Chat {
    pub(crate) fn new() -> Self {
        let (alice, bob) = (Device::new(&alice(), 1), Device::new(&bob(), 2));
        let mut server = create_group(&alice);
        add(&alice, &bob, &mut server);
        Self { alice, bob, server }
    }
}

/// `device` adds `new` to the group, which joins by the welcome. Others do not learn of it here.
pub(crate) fn add(device: &Device, new: &Device, server: &mut Server) -> CommitBundle {
    let plan = CommitPlan {
        add: vec![device.verify(new)],
        ..CommitPlan::default()
    };
    let bundle = device.commit(plan).unwrap();
    server.submit(&bundle).unwrap();
    device.apply(&bundle.commit).unwrap();
    new.join(bundle.welcome.as_ref().unwrap(), &server.ratchet_tree())
        .unwrap();
    bundle
}
