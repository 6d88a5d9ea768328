//! An account of the server's own: it makes groups with a victim under any id, and reads what is written to them.

use std::collections::BTreeMap;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use subrosa_engine::account::{
    VaultContents, VaultKey,
    enrolment::{OpenVault, enrol_device},
};
use subrosa_mls::{
    AccountIdentity, CommitPlan, DeviceIdentity, Group, GroupPolicy, LogClaim, LogHash, MemoryStore, Mls,
    Received, SuccessionKeyHash,
};
use subrosa_wire::{
    AccountId, ConversationId, Timestamp,
    frames::{GroupState, WelcomeItem},
};

/// More epochs than this are not worth their commits.
const EPOCHS_MAX: u64 = 6;

/// What the forger says of the log: nothing.
const CLAIM: LogClaim = LogClaim::of_no_place(1);

/// The account.
pub struct Forger {
    device: DeviceIdentity,
    account: AccountIdentity,
    rng: ChaCha20Rng,
    now: Timestamp,
    /// Each group with its keys.
    groups: BTreeMap<ConversationId, (MemoryStore, Group)>,
    read: Vec<Vec<u8>>,
}

#[expect(
    clippy::expect_used,
    reason = "what the forger does to its own groups does not fail"
)]
impl Forger {
    pub(super) fn new(now: Timestamp, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let vault = OpenVault {
            key: VaultKey::generate(&mut rng),
            revision: 1,
            contents: VaultContents::generate(SuccessionKeyHash::from_bytes([0xF0; 32]), None, &mut rng),
        };
        let (_, device) = enrol_device(&vault, now, &mut rng);
        Self {
            device,
            account: vault.contents.identity(),
            rng,
            now,
            groups: BTreeMap::new(),
            read: Vec::new(),
        }
    }

    /// Who it is.
    pub fn account(&self) -> &AccountIdentity {
        &self.account
    }

    /// The contents of messages that it could decrypt.
    pub fn read(&self) -> &[Vec<u8>] {
        &self.read
    }

    /// Makes a group of the victim and itself under this id, and takes it to an epoch.
    pub(super) fn found(&mut self, id: ConversationId, victim: AccountId, epoch: u64) {
        let store = MemoryStore::new();
        let mls = Mls::new(&store, &mut self.rng, self.now);
        let policy = GroupPolicy::direct(self.account.account_id(), victim).expect("two accounts");
        let mut group = mls.create_group(&self.device, id, &policy).expect("a group");
        for _ in 0..epoch.min(EPOCHS_MAX) {
            group
                .commit(&mls, &self.device, CommitPlan::default(), &CLAIM)
                .expect("a commit");
            group.merge_pending_commit(&mls).expect("it is merged");
        }
        drop(mls);
        self.groups.insert(id, (store, group));
    }

    /// Adds the victim's device; the Welcome says that it enters behind `seq`.
    pub(super) fn invite(
        &mut self,
        id: ConversationId,
        victim: AccountId,
        key_package: &[u8],
        seq: u64,
    ) -> Option<WelcomeItem> {
        let (store, group) = self.groups.get_mut(&id)?;
        let mls = Mls::new(store, &mut self.rng, self.now);
        let package = mls.verify_key_package(key_package, victim).ok()?;
        let plan = CommitPlan {
            add: vec![package],
            ..CommitPlan::default()
        };
        let bundle = group.commit(&mls, &self.device, plan, &CLAIM).ok()?;
        group.merge_pending_commit(&mls).expect("it is merged");
        Some(WelcomeItem {
            item_id: 1 << 40,
            conversation_id: id.to_vec().into(),
            seq,
            welcome: bundle.welcome?.into(),
            hash_before: LogHash::START.as_bytes().to_vec().into(),
            ratchet_tree: group.ratchet_tree().expect("a tree").into(),
            ..WelcomeItem::default()
        })
    }

    /// The group as a device that wants to join sees it.
    pub(super) fn group(&mut self, id: ConversationId, head_seq: u64) -> GroupState {
        let Some((store, group)) = self.groups.get_mut(&id) else {
            return GroupState::default();
        };
        let mls = Mls::new(store, &mut self.rng, self.now);
        GroupState {
            conversation_id: id.to_vec().into(),
            epoch: group.epoch(),
            head_seq,
            head_hash: LogHash::START.as_bytes().to_vec().into(),
            leaves: Vec::new(),
            group_info: group.group_info(&mls, &self.device).expect("a group info").into(),
            ratchet_tree: group.ratchet_tree().expect("a tree").into(),
        }
    }

    pub(super) fn epoch(&self, id: ConversationId) -> u64 {
        self.groups.get(&id).map_or(0, |(_, group)| group.epoch())
    }

    /// Lets in whoever joins, and follows what the victim commits.
    pub(super) fn accept(&mut self, id: ConversationId, commit: &[u8]) {
        let Some((store, group)) = self.groups.get_mut(&id) else {
            return;
        };
        let mls = Mls::new(store, &mut self.rng, self.now);
        if let Ok(Received::Commit(staged)) = group.process(&mls, commit) {
            group.merge(&mls, staged).expect("it is merged");
        }
    }

    /// Reads a message if it can.
    pub(super) fn decrypt(&mut self, id: ConversationId, message: &[u8]) {
        let Some((store, group)) = self.groups.get_mut(&id) else {
            return;
        };
        let mls = Mls::new(store, &mut self.rng, self.now);
        if let Ok(Received::Application(decrypted)) = group.process(&mls, message) {
            self.read.push(decrypted.content);
        }
    }
}
