//! A server without a network, and devices that do what a client does.

use std::{cell::RefCell, collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use rand_core::RngCore as _;
use subrosa_mls::{
    AccountSigningKey, CommitBundle, CommitPlan, DeviceCertificate, DeviceIdentity, DeviceSigningKey, Group,
    GroupPolicy, LogClaim, MemoryStore, Mls, SuccessionKeyHash,
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Timestamp,
    frames::{
        Append, Appended, ClaimKeyPackages, Commit, CreateConversation, FetchGroup, FetchLog, FetchTree,
        GroupState, KeyPackages, LogPage, Problem, PublishKeyPackages, ServerFrame, Sync, SyncState,
        WelcomeItem, append, client_frame::Request, server_frame::Body,
    },
};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::{Clock as _, ManualClock},
    delivery::{DeliveryConfig, EntryTags, Service},
    push::Connection,
    session::Session,
    store::{
        AccountStore as _, SqliteStore,
        accounts::{
            AccountRecord, Credentials, Enrolled, NewAccount, NewDevice, RecoveryRecord, Registered,
            TokenHash,
        },
    },
};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A server.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
    pub(crate) config: DeliveryConfig,
    stop: CancellationToken,
    tasks: TaskTracker,
    rng: SeededRng,
}

impl World {
    pub(crate) fn new() -> Self {
        // Pruning is called when a test wants it.
        Self::with(DeliveryConfig {
            prune_interval: Duration::from_hours(1_000),
            requests: None,
            commits: None,
            claims: None,
            one_time_claims: None,
            records: None,
            receipts: None,
            signals: None,
            objects: None,
            links: None,
            join_requests: None,
            ..DeliveryConfig::default()
        })
    }

    pub(crate) fn with(config: DeliveryConfig) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        Self::open(folder, clock, config, SeededRng::new(1))
    }

    fn open(folder: TempDir, clock: Arc<ManualClock>, config: DeliveryConfig, rng: SeededRng) -> Self {
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let stop = CancellationToken::new();
        let (service, background) =
            Service::open(store.clone(), clock.clone(), &config, EntryTags::of(1), &stop);
        let tasks = TaskTracker::new();
        for task in background {
            tasks.spawn(task.work);
        }
        tasks.close();
        Self {
            folder,
            store,
            clock,
            service,
            config,
            stop,
            tasks,
            rng,
        }
    }

    /// Stops the server as an operator does, and starts it again on the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.while_stopped(|_| {}).await
    }

    /// Stops the server, does something to its folder, and starts it again.
    pub(crate) async fn while_stopped(self, act: impl FnOnce(&std::path::Path)) -> Self {
        self.service.finish().await;
        self.stop.cancel();
        self.tasks.wait().await;
        drop(self.service);
        self.store.close().await;
        drop(self.store);
        act(self.folder.path());
        Self::open(self.folder, self.clock, self.config, self.rng)
    }

    /// An account with one device, which has published key packages.
    pub(crate) async fn sign_up(&mut self, handle: &str) -> Device {
        let seed = self.rng.bytes();
        let device = Device::new(seed, &mut self.rng, self.clock.now());
        let account = NewAccount {
            account: AccountRecord {
                handle: handle.parse().unwrap(),
                identity: device.identity.certificate.account(),
            },
            credentials: Credentials {
                password_record: vec![1],
                password_wrap: vec![2],
                recovery: RecoveryRecord {
                    key: device.account_key.public(),
                    wrap: vec![3],
                    succession_wrap: vec![5],
                },
            },
            vault: vec![4],
            device: device.record(self.clock.now(), &mut self.rng),
        };
        assert_eq!(self.store.register(account).await, Ok(Registered::Done));
        device.publish(self, 5).await;
        device
    }

    /// One more device of the same account, which has published key packages.
    pub(crate) async fn link(&mut self, first: &Device) -> Device {
        let device = Device::new(*first.account_key.seed(), &mut self.rng, self.clock.now());
        let record = device.record(self.clock.now(), &mut self.rng);
        assert_eq!(self.store.enrol(record, 1, 16).await, Ok(Enrolled::Done));
        device.publish(self, 5).await;
        device
    }

    /// A direct conversation between two accounts with one device each, in epoch 1, with one entry.
    pub(crate) async fn converse(&mut self, one: &Device, other: &Device) -> ConversationId {
        let id = ConversationId::from_bytes(self.rng.bytes());
        let create = one.creation(self, other, id).await;
        one.merge(id);
        appended(self.ask(one, Request::CreateConversation(create)).await);
        other.join_by_welcome(self).await;
        id
    }

    pub(crate) async fn ask(&self, device: &Device, request: Request) -> Body {
        self.service.handle(&device.session, request).await
    }

    pub(crate) fn connect(&self, device: &Device) -> Connection {
        self.service.hub().connect(device.session)
    }

    pub(crate) fn conversation_id(&mut self) -> ConversationId {
        ConversationId::from_bytes(self.rng.bytes())
    }
}

/// A device with its MLS state.
pub(crate) struct Device {
    pub(crate) session: Session,
    pub(crate) account_key: AccountSigningKey,
    pub(crate) identity: DeviceIdentity,
    mls: MemoryStore,
    rng: RefCell<SeededRng>,
    sends: RefCell<HashMap<ConversationId, u64>>,
}

impl Device {
    fn new(account_seed: [u8; 32], rng: &mut SeededRng, now: Timestamp) -> Self {
        let account_key = AccountSigningKey::from_seed(account_seed);
        let signing_key = DeviceSigningKey::generate(rng);
        let device_id = DeviceId::from_bytes(rng.bytes());
        let certificate = DeviceCertificate::issue(
            &account_key,
            SuccessionKeyHash::from_bytes([5; 32]),
            device_id,
            signing_key.public(),
            now,
        );
        Self {
            session: Session {
                account_id: certificate.account_id(),
                device_id,
            },
            account_key,
            identity: DeviceIdentity {
                certificate,
                signing_key,
            },
            mls: MemoryStore::new(),
            rng: RefCell::new(SeededRng::new(rng.next_u64())),
            sends: RefCell::default(),
        }
    }

    fn record(&self, now: Timestamp, rng: &mut SeededRng) -> NewDevice {
        NewDevice {
            device_id: self.session.device_id,
            account_id: self.session.account_id,
            device_key: self.identity.certificate.device_key(),
            certificate: self.identity.certificate.encode(),
            token: TokenHash(rng.bytes()),
            token_counter: 0,
            token_expires_at: now.plus(Duration::from_hours(1)),
            created_at: now,
        }
    }

    /// One step with MLS.
    pub(crate) fn mls<T>(&self, step: impl FnOnce(&Mls<'_>) -> T) -> T {
        step(&Mls::new(&self.mls, &mut *self.rng.borrow_mut(), START))
    }

    pub(crate) fn group<T>(&self, id: ConversationId, step: impl FnOnce(&Mls<'_>, &mut Group) -> T) -> T {
        self.mls(|mls| step(mls, &mut mls.load_group(id).unwrap().unwrap()))
    }

    pub(crate) fn key_packages(&self, count: usize) -> Vec<Bytes> {
        let packages = self.mls(|mls| mls.key_packages(&self.identity, count).unwrap());
        packages.into_iter().map(Bytes::from).collect()
    }

    pub(crate) fn last_resort(&self) -> Bytes {
        self.mls(|mls| mls.last_resort_key_package(&self.identity).unwrap())
            .into()
    }

    async fn publish(&self, world: &World, count: usize) {
        let publish = PublishKeyPackages {
            one_time: self.key_packages(count),
            last_resort: self.last_resort(),
            ..PublishKeyPackages::default()
        };
        let answer = world.ask(self, Request::PublishKeyPackages(publish)).await;
        assert!(matches!(answer, Body::KeyPackagesPublished(_)), "{answer:?}");
    }

    pub(crate) fn account(&self) -> AccountId {
        self.session.account_id
    }

    /// The request that makes a direct conversation with all devices of another account that have key
    /// packages. The commit is pending.
    pub(crate) async fn creation(
        &self,
        world: &World,
        other: &Device,
        id: ConversationId,
    ) -> CreateConversation {
        let claim = ClaimKeyPackages {
            account_id: other.session.account_id.to_vec().into(),
        };
        let claimed = key_packages(world.ask(self, Request::ClaimKeyPackages(claim)).await);
        let packages: Vec<_> = claimed
            .devices
            .into_iter()
            .map(|device| device.key_package)
            .collect();
        let policy = GroupPolicy::direct(self.account(), other.account()).unwrap();
        self.creation_with(&policy, &packages, other.account(), id)
    }

    pub(crate) fn creation_with(
        &self,
        policy: &GroupPolicy,
        packages: &[Bytes],
        account_id: AccountId,
        id: ConversationId,
    ) -> CreateConversation {
        let add = packages
            .iter()
            .map(|package| self.mls(|mls| mls.verify_key_package(package, account_id).unwrap()));
        let plan = CommitPlan {
            add: add.collect(),
            ..CommitPlan::default()
        };
        self.creation_of(policy, plan, id)
    }

    /// The request that makes a conversation whose first commit does this.
    pub(crate) fn creation_of(
        &self,
        policy: &GroupPolicy,
        plan: CommitPlan,
        id: ConversationId,
    ) -> CreateConversation {
        self.mls(|mls| {
            let mut group = mls.create_group(&self.identity, id, policy).unwrap();
            let group_info = group.group_info(mls, &self.identity).unwrap();
            let ratchet_tree = group.ratchet_tree().unwrap();
            let bundle = group
                .commit(mls, &self.identity, plan, &LogClaim::of_no_place(1))
                .unwrap();
            self.sends.borrow_mut().insert(id, 1);
            CreateConversation {
                conversation_id: id.to_vec().into(),
                send_id: Bytes::copy_from_slice(&[1; 16]),
                group_info: group_info.into(),
                ratchet_tree: ratchet_tree.into(),
                commit: Some(to_commit(bundle)),
            }
        })
    }

    /// The group info of the current epoch, made by this device.
    pub(crate) fn own_group_info(&self, id: ConversationId) -> Bytes {
        self.group(id, |mls, group| group.group_info(mls, &self.identity).unwrap())
            .into()
    }

    /// The server has accepted the pending commit.
    pub(crate) fn merge(&self, id: ConversationId) {
        self.group(id, |mls, group| group.merge_pending_commit(mls).unwrap());
    }

    /// The server has refused the pending commit.
    pub(crate) fn clear(&self, id: ConversationId) {
        self.group(id, |mls, group| group.clear_pending_commit(mls).unwrap());
        *self.sends.borrow_mut().get_mut(&id).unwrap() -= 1;
    }

    /// Joins the conversations whose Welcomes wait, and takes them out of the inbox.
    pub(crate) async fn join_by_welcome(&self, world: &World) -> Vec<WelcomeItem> {
        let welcomes = self.sync(world).await.welcomes;
        for item in &welcomes {
            let id = ConversationId::try_from(item.conversation_id.as_ref()).unwrap();
            let ratchet_tree = self.tree_of(world, item).await;
            self.mls(|mls| {
                mls.stage_welcome(&self.identity, &item.welcome, &ratchet_tree, id)
                    .unwrap()
                    .accept(mls)
                    .unwrap();
            });
            self.sends.borrow_mut().insert(id, 0);
        }
        let item_ids = welcomes.iter().map(|item| item.item_id).collect();
        let acknowledge = subrosa_wire::frames::AcknowledgeWelcomes { item_ids };
        let answer = world.ask(self, Request::AcknowledgeWelcomes(acknowledge)).await;
        assert!(matches!(answer, Body::Acknowledged(_)), "{answer:?}");
        welcomes
    }

    /// The tree that a Welcome leads to.
    async fn tree_of(&self, world: &World, item: &WelcomeItem) -> Bytes {
        if !item.ratchet_tree.is_empty() {
            return item.ratchet_tree.clone();
        }
        let fetch = FetchTree {
            conversation_id: item.conversation_id.clone(),
            tree_hash: item.tree_hash.clone(),
        };
        match world.ask(self, Request::FetchTree(fetch)).await {
            Body::RatchetTree(tree) => tree.ratchet_tree,
            other => panic!("{other:?}"),
        }
    }

    /// What the next send of this device claims.
    pub(crate) fn claim(&self, id: ConversationId) -> LogClaim {
        let number = self.sends.borrow().get(&id).copied().unwrap_or_default();
        LogClaim::of_no_place(number + 1)
    }

    /// Counts the next send with this number.
    pub(crate) fn count_from(&self, id: ConversationId, number: u64) {
        self.sends.borrow_mut().insert(id, number - 1);
    }

    /// A new send of this device.
    pub(crate) fn append(&self, id: ConversationId, payload: append::Payload) -> Append {
        let mut sends = self.sends.borrow_mut();
        let number = sends.entry(id).or_default();
        *number += 1;
        let send_id: [u8; 16] = self.rng.borrow_mut().bytes();
        Append {
            conversation_id: id.to_vec().into(),
            send_id: Bytes::copy_from_slice(&send_id),
            send_number: *number,
            payload: Some(payload),
        }
    }

    pub(crate) fn message(&self, id: ConversationId, text: &str) -> Append {
        let claim = self.claim(id);
        let message = self.group(id, |mls, group| {
            group
                .encrypt(mls, &self.identity, text.as_bytes(), &claim)
                .unwrap()
        });
        self.append(id, append::Payload::ApplicationMessage(message.into()))
    }

    pub(crate) async fn send(&self, world: &World, id: ConversationId, text: &str) -> Appended {
        appended(world.ask(self, Request::Append(self.message(id, text))).await)
    }

    /// A commit of this device; it is pending.
    pub(crate) fn commit(&self, id: ConversationId, plan: CommitPlan) -> Append {
        let claim = self.claim(id);
        let bundle = self.group(id, |mls, group| {
            group.commit(mls, &self.identity, plan, &claim).unwrap()
        });
        self.append(id, append::Payload::Commit(to_commit(bundle)))
    }

    pub(crate) fn self_update(&self, id: ConversationId) -> Append {
        self.commit(
            id,
            CommitPlan {
                update_path: true,
                ..CommitPlan::default()
            },
        )
    }

    /// A commit that adds a device with a key package of its own account.
    pub(crate) fn add(&self, id: ConversationId, other: &Device, key_package: &Bytes) -> Append {
        let verified = self.mls(|mls| mls.verify_key_package(key_package, other.account()).unwrap());
        self.commit(
            id,
            CommitPlan {
                add: vec![verified],
                ..CommitPlan::default()
            },
        )
    }

    /// An external commit to the group as the server shows it; the group is stored in its next epoch.
    pub(crate) async fn external_join(&self, world: &World, id: ConversationId) -> Append {
        let state = group_state(world.ask(self, fetch_group(id)).await);
        let leaves: Vec<_> = state.leaves.iter().map(|leave| leave.to_vec()).collect();
        let bundle = self.mls(|mls| {
            let staged = mls
                .stage_external_join(
                    &self.identity,
                    &state.group_info,
                    &state.ratchet_tree,
                    &leaves,
                    id,
                )
                .unwrap();
            staged.commit(mls, &self.identity, &self.claim(id)).unwrap().1
        });
        self.append(id, append::Payload::Commit(to_commit(bundle)))
    }

    pub(crate) async fn sync(&self, world: &World) -> SyncState {
        match world.ask(self, Request::Sync(Sync {})).await {
            Body::SyncState(state) => state,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn log(&self, world: &World, id: ConversationId, after_seq: u64) -> LogPage {
        match world.ask(self, fetch_log(id, after_seq, 0)).await {
            Body::LogPage(page) => page,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn to_commit(bundle: CommitBundle) -> Commit {
    Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.unwrap_or_default().into(),
    }
}

pub(crate) fn fetch_log(id: ConversationId, after_seq: u64, limit: u32) -> Request {
    Request::FetchLog(FetchLog {
        conversation_id: id.to_vec().into(),
        after_seq,
        limit,
    })
}

pub(crate) fn fetch_group(id: ConversationId) -> Request {
    Request::FetchGroup(FetchGroup {
        conversation_id: id.to_vec().into(),
    })
}

#[track_caller]
pub(crate) fn appended(body: Body) -> Appended {
    match body {
        Body::Appended(appended) => appended,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn problem(body: Body) -> Problem {
    match body {
        Body::Problem(problem) => problem,
        other => panic!("{other:?}"),
    }
}

/// The code of a problem.
#[track_caller]
pub(crate) fn code(body: Body) -> String {
    problem(body).code
}

#[track_caller]
pub(crate) fn key_packages(body: Body) -> KeyPackages {
    match body {
        Body::KeyPackages(packages) => packages,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn group_state(body: Body) -> GroupState {
    match body {
        Body::GroupState(state) => state,
        other => panic!("{other:?}"),
    }
}

/// The frames that go out next on a connection; waits for them.
pub(crate) async fn frames(connection: &Connection) -> Vec<ServerFrame> {
    decode(connection.drained().await.frames)
}

/// The frames that wait for a connection.
pub(crate) fn waiting(connection: &Connection) -> Vec<ServerFrame> {
    decode(
        connection
            .try_drain()
            .map(|drained| drained.frames)
            .unwrap_or_default(),
    )
}

fn decode(frames: Vec<Bytes>) -> Vec<ServerFrame> {
    frames
        .into_iter()
        .map(|frame| ServerFrame::decode(frame).unwrap())
        .collect()
}

/// The entries among frames.
pub(crate) fn entries(frames: &[ServerFrame]) -> Vec<subrosa_wire::frames::LogEntry> {
    let delivered = frames.iter().filter_map(|frame| match &frame.body {
        Some(Body::Deliver(deliver)) => Some(deliver.entries.clone()),
        _ => None,
    });
    delivered.flatten().collect()
}
