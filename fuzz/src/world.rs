//! Alice and Bob in a direct conversation, built once from fixed seeds: a finding can be run again.

use std::sync::LazyLock;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use subrosa_mls::{
    AccountIdentity, AccountSigningKey, CommitBundle, CommitPlan, DeviceCertificate, DeviceIdentity,
    DeviceSigningKey, Group, GroupPolicy, LogClaim, MemoryStore, Mls, PublicView, SuccessionKeyHash,
};
use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp};

/// The conversation of the world.
pub const CONVERSATION: ConversationId = ConversationId::from_bytes(*b"the conversation");
/// Makes Alice's keys.
pub(crate) const ALICE: u8 = 0xa1;
/// Makes Bob's keys.
pub(crate) const BOB: u8 = 0xb0;
/// The instant at which everything happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// What the sends of this world claim about the log.
fn claim(send_number: u64) -> LogClaim {
    LogClaim::of_no_place(send_number)
}

/// The rows of a device's store; a store of its own for each run is made from them.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A commit and the group info that goes with it.
pub struct Sent {
    /// MLSMessage with the commit.
    pub commit: Vec<u8>,
    /// MLSMessage with the group info after it.
    pub group_info: Vec<u8>,
}

/// What was sent in the world. Every message is of the epoch in which Alice and Bob are the members.
pub struct World {
    /// What Bob held before he joined.
    bob_before: Rows,
    /// What Bob holds as a member.
    bob: Rows,
    /// The group of Alice alone, from which the conversation starts: group info and ratchet tree.
    pub start: (Vec<u8>, Vec<u8>),
    /// How she added him.
    pub addition: Sent,
    /// The welcome by which he joined.
    pub welcome: Vec<u8>,
    /// The ratchet tree of the epoch.
    pub ratchet_tree: Vec<u8>,
    /// The group info of the epoch.
    pub group_info: Vec<u8>,
    /// The server's view of the epoch.
    pub view: Vec<u8>,
    /// A key package of Bob's.
    pub key_package: Vec<u8>,
    /// A message of Alice's.
    pub application: Vec<u8>,
    /// A self-update of Alice's.
    pub update: Sent,
    /// How Alice's second device joins.
    pub external: Sent,
}

impl World {
    /// The one world.
    pub fn get() -> &'static Self {
        static WORLD: LazyLock<World> = LazyLock::new(World::build);
        &WORLD
    }

    /// Bob's account id.
    pub fn bob() -> AccountId {
        account(BOB).account_id()
    }

    /// Bob's device.
    pub fn bob_identity() -> DeviceIdentity {
        device(BOB, 2)
    }

    /// A step of Bob's device before it has joined.
    pub fn bob_joins<T>(&self, step: impl FnOnce(&Mls<'_>) -> T) -> T {
        with_mls(1, &MemoryStore::from_rows(self.bob_before.clone()), step)
    }

    /// A step of Bob's device as a member.
    pub fn bob_receives<T>(&self, step: impl FnOnce(&Mls<'_>, &mut Group) -> T) -> T {
        with_mls(2, &MemoryStore::from_rows(self.bob.clone()), |mls| {
            let mut group = mls
                .load_group(CONVERSATION)
                .expect("the store is sound")
                .expect("Bob is a member");
            step(mls, &mut group)
        })
    }

    fn build() -> Self {
        let (alice, alice_store) = (device(ALICE, 1), MemoryStore::new());
        let (second, second_store) = (device(ALICE, 3), MemoryStore::new());
        let (bob, bob_store) = (Self::bob_identity(), MemoryStore::new());
        let policy = policy();

        let key_package = with_mls(3, &bob_store, |mls| mls.key_packages(&bob, 1))
            .expect("a key package")
            .remove(0);
        let bob_before = bob_store.rows();

        let (group_info, tree) = with_mls(4, &alice_store, |mls| {
            let group = mls.create_group(&alice, CONVERSATION, &policy).expect("a group");
            (
                group.group_info(mls, &alice).expect("a group info"),
                group.ratchet_tree().expect("a tree"),
            )
        });
        let mut view = PublicView::create(&group_info, &tree, CONVERSATION, NOW).expect("a new group");
        let add = with_mls(5, &alice_store, |mls| {
            let bob = mls
                .verify_key_package(&key_package, Self::bob())
                .expect("Bob's own");
            let mut group = mls.load_group(CONVERSATION).expect("sound").expect("created");
            let plan = CommitPlan {
                add: vec![bob],
                ..CommitPlan::default()
            };
            let add = group.commit(mls, &alice, plan, &claim(1)).expect("a commit");
            group.merge_pending_commit(mls).expect("her own commit");
            add
        });
        view.process_commit(&add.commit, &add.group_info, NOW)
            .expect("an honest commit");
        let welcome = add.welcome.expect("Bob was added");
        let ratchet_tree = view.ratchet_tree().expect("a tree");
        with_mls(6, &bob_store, |mls| {
            mls.stage_welcome(&bob, &welcome, &ratchet_tree, CONVERSATION)
                .expect("an honest welcome")
                .accept(mls)
                .map(drop)
                .expect("Bob joins");
        });

        let application = with_mls(7, &alice_store, |mls| {
            let mut group = mls.load_group(CONVERSATION).expect("sound").expect("a member");
            group
                .encrypt(mls, &alice, b"Meet me under the rose.", &claim(2))
                .expect("a message")
        });
        let update = with_mls(8, &alice_store, |mls| {
            let mut group = mls.load_group(CONVERSATION).expect("sound").expect("a member");
            group
                .commit(mls, &alice, CommitPlan::default(), &claim(2))
                .expect("a self-update")
        });
        let external = with_mls(9, &second_store, |mls| {
            mls.stage_external_join(&second, &add.group_info, &ratchet_tree, &[], CONVERSATION)
                .expect("an honest group")
                .commit(mls, &second, &claim(1))
                .expect("an external commit")
                .1
        });
        Self {
            bob_before,
            bob: bob_store.rows(),
            start: (group_info, tree),
            addition: Sent {
                commit: add.commit,
                group_info: add.group_info.clone(),
            },
            welcome,
            ratchet_tree,
            group_info: add.group_info,
            view: view.to_bytes(),
            key_package,
            application,
            update: update.into(),
            external: external.into(),
        }
    }
}

impl From<CommitBundle> for Sent {
    fn from(bundle: CommitBundle) -> Self {
        Self {
            commit: bundle.commit,
            group_info: bundle.group_info,
        }
    }
}

pub(crate) fn account_key(of: u8) -> AccountSigningKey {
    AccountSigningKey::from_seed([of; 32])
}

pub(crate) fn succession_key_hash(of: u8) -> SuccessionKeyHash {
    SuccessionKeyHash::from_bytes([of; 32])
}

pub(crate) fn account(of: u8) -> AccountIdentity {
    AccountIdentity {
        account_key: account_key(of).public(),
        succession_key_hash: succession_key_hash(of),
    }
}

/// The policy of a direct conversation between the two.
pub(crate) fn policy() -> GroupPolicy {
    GroupPolicy::direct(account(ALICE).account_id(), World::bob()).expect("two accounts")
}

pub(crate) fn device(of: u8, number: u8) -> DeviceIdentity {
    let signing_key = DeviceSigningKey::from_seed([number; 32]);
    let id = DeviceId::from_bytes([number; 16]);
    let key = signing_key.public();
    let certificate = DeviceCertificate::issue(&account_key(of), succession_key_hash(of), id, key, NOW);
    DeviceIdentity {
        certificate,
        signing_key,
    }
}

/// A step of MLS. Each has a seed of its own, lest two keys be the same.
pub(crate) fn with_mls<T>(seed: u64, store: &MemoryStore, step: impl FnOnce(&Mls<'_>) -> T) -> T {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    step(&Mls::new(store, &mut rng, NOW))
}
