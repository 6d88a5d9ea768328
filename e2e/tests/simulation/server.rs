//! The real service over a real store, without sockets: one request at a time, on one thread.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use prost::Message as _;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use subrosa_engine::{
    NewProfile,
    account::{
        VaultContents, VaultKey,
        enrolment::{OpenVault, enrol_device},
        vault,
    },
};
use subrosa_mls::{DeviceIdentity, SuccessionKeyHash};
use subrosa_server::{
    clock::ManualClock,
    delivery::{DeliveryConfig, EntryTags, Service},
    push::Connection,
    session::Session,
    store::{
        SqliteStore, Store,
        accounts::{
            AccountRecord, Credentials, NewAccount, NewDevice, RecoveryRecord, TokenHash, VaultRecord,
        },
        delivery::PruneStep,
    },
};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Handle, Timestamp,
    frames::{ClientFrame, ServerFrame},
    rest,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// An account as the world knows it: with all its secrets.
struct Account {
    handle: Handle,
    vault: OpenVault,
}

pub(crate) struct Server {
    folder: PathBuf,
    clock: Arc<ManualClock>,
    accounts: Vec<Account>,
    running: Option<Running>,
    /// A copy of it that some devices see in its place.
    fork: Option<Running>,
    forked: HashSet<Session>,
    /// How many devices there were when its folder was copied.
    kept: Option<usize>,
    devices: usize,
}

/// The folders of the server, of its fork, and of the copy.
const MAIN: &str = "server";
const FORK: &str = "fork";
const KEPT: &str = "kept";
/// Later than anything that happens.
const FAR_OFF: Timestamp = Timestamp::from_millis(4_000_000_000_000);

struct Running {
    service: Arc<Service>,
    store: Arc<dyn Store>,
    connections: HashMap<Session, Connection>,
    stop: CancellationToken,
    // Dropped last: the tasks end with it.
    runtime: Runtime,
}

impl Running {
    fn start(folder: &Path, clock: &Arc<ManualClock>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder).expect("the server's folder opens"));
        let stop = CancellationToken::new();
        let config = DeliveryConfig {
            requests: None,
            claims: None,
            records: None,
            receipts: None,
            signals: None,
            objects: None,
            ..DeliveryConfig::default()
        };
        let clock = Arc::clone(clock);
        let tags = runtime
            .block_on(EntryTags::open(store.as_ref()))
            .expect("the store answers");
        let (service, tasks) = Service::open(Arc::clone(&store), clock, &config, tags, &stop);
        for task in tasks {
            runtime.spawn(task.work);
        }
        Self {
            service,
            store,
            connections: HashMap::new(),
            stop,
            runtime,
        }
    }
}

impl Server {
    pub(crate) fn open(folder: &Path, now: Timestamp) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let running = Some(Running::start(&folder.join(MAIN), &clock));
        Self {
            folder: folder.to_owned(),
            clock,
            accounts: Vec::new(),
            running,
            fork: None,
            forked: HashSet::new(),
            kept: None,
            devices: 0,
        }
    }

    /// The server that a device sees.
    fn seen_by(&mut self, session: Session) -> &mut Running {
        let seen = match &mut self.fork {
            Some(fork) if self.forked.contains(&session) => Some(fork),
            _ => self.running.as_mut(),
        };
        seen.expect("the server runs")
    }

    /// Shows these devices a copy of the server. Nobody is connected.
    pub(crate) fn fork(&mut self, forked: HashSet<Session>) {
        self.fork = None;
        self.stopped(|folder| copy_folder(&folder.join(MAIN), &folder.join(FORK)));
        self.fork = Some(Running::start(&self.folder.join(FORK), &self.clock));
        self.forked = forked;
    }

    /// Shows all devices the same server. Nobody is connected.
    pub(crate) fn end_fork(&mut self) {
        self.fork = None;
    }

    /// Copies the folder. Nobody is connected.
    pub(crate) fn keep(&mut self) {
        self.kept = Some(self.devices);
        self.stopped(|folder| copy_folder(&folder.join(MAIN), &folder.join(KEPT)));
    }

    /// Puts the folder back from the copy, if there is one and nobody has signed in since. Nobody is connected.
    pub(crate) fn roll_back(&mut self) {
        if self.kept == Some(self.devices) {
            self.stopped(|folder| copy_folder(&folder.join(KEPT), &folder.join(MAIN)));
        }
    }

    fn stopped(&mut self, act: impl FnOnce(&Path)) {
        drop(self.running.take());
        act(&self.folder);
        self.running = Some(Running::start(&self.folder.join(MAIN), &self.clock));
    }

    fn running(&mut self) -> &mut Running {
        self.running.as_mut().expect("the server runs")
    }

    /// The process dies and is started again on its folder.
    pub(crate) fn restart(&mut self) {
        self.stopped(|_| {});
    }

    /// Deletes from every log what is older, and what every device has.
    pub(crate) fn prune(&mut self, accepted_before: Timestamp) {
        let step = PruneStep {
            resume_after: None,
            conversations_max: 10,
            entries_max: 1_000,
            accepted_before,
        };
        let running = self.running();
        let pruned = running.runtime.block_on(running.store.prune(step));
        pruned.expect("the store works");
    }

    pub(crate) fn set_time(&mut self, now: Timestamp) {
        self.clock.set(now);
    }

    /// Makes an account with its first device.
    pub(crate) fn register(&mut self, index: usize, seed: u64, now: Timestamp) -> NewProfile {
        let mut rng = ChaCha20Rng::seed_from_u64(seed ^ (index as u64 + 1) << 32);
        let handle: Handle = format!("person{index}").parse().expect("a handle");
        let vault = OpenVault {
            key: VaultKey::generate(&mut rng),
            revision: 1,
            contents: VaultContents::generate(
                SuccessionKeyHash::from_bytes([small(index) + 1; 32]),
                None,
                &mut rng,
            ),
        };
        let (enrolment, identity) = enrol_device(&vault, now, &mut rng);
        let new = NewAccount {
            account: AccountRecord {
                handle: handle.clone(),
                identity: vault.contents.identity(),
            },
            credentials: Credentials {
                password_record: Vec::new(),
                password_wrap: Vec::new(),
                recovery: RecoveryRecord {
                    key: vault.contents.account_key.public(),
                    wrap: Vec::new(),
                    succession_wrap: Vec::new(),
                },
            },
            vault: vault::seal(&vault.contents, &vault.key, 1, &mut rng),
            device: new_device(&identity, &enrolment, index, now),
        };
        let running = self.running();
        running
            .runtime
            .block_on(running.store.register(new))
            .expect("the store works");
        let profile = new_profile(&handle, &vault, identity);
        self.accounts.push(Account { handle, vault });
        self.devices += 1;
        profile
    }

    /// Signs another device in to an account.
    pub(crate) fn enrol(&mut self, account: usize, index: usize, seed: u64, now: Timestamp) -> NewProfile {
        self.devices += 1;
        let mut rng = ChaCha20Rng::seed_from_u64(seed ^ (index as u64 + 1) << 32);
        let Account { handle, vault } = &self.accounts[account];
        let (handle, key) = (handle.clone(), vault.key.clone());
        let account_id = vault.account_id();
        let sealed = self.vault(account_id);
        let vault = &OpenVault {
            contents: vault::open(&sealed, &key, account_id).expect("the vault opens"),
            revision: sealed.revision,
            key,
        };
        let (enrolment, identity) = enrol_device(vault, now, &mut rng);
        let device = new_device(&identity, &enrolment, index, now);
        let profile = new_profile(&handle, vault, identity);
        let running = self.running.as_mut().expect("the server runs");
        let (account_id, device_id) = (device.account_id, device.device_id);
        running.runtime.block_on(async {
            let revision = 1;
            running
                .store
                .enrol(device, revision, 16)
                .await
                .expect("the store works");
            running.service.device_signed_in(account_id, device_id).await;
        });
        profile
    }

    /// The vault of an account.
    pub(crate) fn vault(&mut self, account: AccountId) -> rest::SealedVault {
        let running = self.running();
        let vault = running.runtime.block_on(running.store.vault(account));
        let vault = vault.expect("the store works").expect("the account is there");
        rest::SealedVault {
            revision: vault.revision,
            ciphertext: vault.ciphertext.into(),
        }
    }

    /// Stores a vault, if it is the next revision.
    pub(crate) fn put_vault(&mut self, account: AccountId, sealed: &rest::SealedVault) -> bool {
        let record = VaultRecord {
            revision: sealed.revision,
            ciphertext: sealed.ciphertext.0.clone(),
        };
        let running = self.running();
        let stored = running
            .runtime
            .block_on(running.store.replace_vault(account, record));
        stored.expect("the store works")
    }

    /// What the directory says of an account.
    pub(crate) fn person(&self, account: usize) -> rest::Person {
        let Account { handle, vault } = &self.accounts[account];
        let identity = vault.contents.identity();
        rest::Person {
            account_id: identity.account_id(),
            handle: handle.clone(),
            account_key: identity.account_key.as_bytes().as_slice().into(),
            succession_key_hash: identity.succession_key_hash.as_bytes().as_slice().into(),
        }
    }

    /// Which of these accounts a conversation belongs to.
    pub(crate) fn members_of(
        &mut self,
        conversation: ConversationId,
        accounts: &[AccountId],
    ) -> BTreeSet<AccountId> {
        let running = self.running();
        let is_of = |account: &AccountId| {
            let answer = running
                .runtime
                .block_on(running.store.is_conversation_of(conversation, *account));
            answer.expect("the store works")
        };
        accounts.iter().copied().filter(is_of).collect()
    }

    /// The devices that are members of a conversation.
    pub(crate) fn devices_in(&mut self, conversation: ConversationId) -> BTreeSet<DeviceId> {
        let running = self.running();
        let devices = running
            .runtime
            .block_on(running.store.members_from_before(conversation, FAR_OFF));
        devices.expect("the store works").into_iter().collect()
    }

    /// What the directory says of the account that was made last.
    pub(crate) fn newest_person(&self) -> rest::Person {
        self.person(self.accounts.len() - 1)
    }

    pub(crate) fn connect(&mut self, session: Session) {
        let running = self.seen_by(session);
        let connection = running.service.hub().connect(session);
        running.connections.insert(session, connection);
    }

    pub(crate) fn disconnect(&mut self, session: Session) {
        self.seen_by(session).connections.remove(&session);
    }

    pub(crate) fn handle(&mut self, session: Session, frame: ClientFrame) -> ServerFrame {
        let running = self.seen_by(session);
        let request = frame.request.expect("a frame of ours has a request");
        let body = running
            .runtime
            .block_on(running.service.handle(&session, request));
        ServerFrame {
            request_id: frame.request_id,
            body: Some(body),
        }
    }

    /// The frames that were pushed to a device since the last call.
    pub(crate) fn pushes(&mut self, session: Session) -> Vec<ServerFrame> {
        let Some(drained) = self
            .seen_by(session)
            .connections
            .get(&session)
            .and_then(Connection::try_drain)
        else {
            return Vec::new();
        };
        assert!(
            drained.closing.is_none(),
            "the server gave up a connection: {:?}",
            drained.closing
        );
        drained
            .frames
            .into_iter()
            .map(|frame| ServerFrame::decode(frame).expect("a frame decodes"))
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.connections.clear();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a file is copied");
        }
    }
}

fn new_profile(handle: &Handle, vault: &OpenVault, identity: DeviceIdentity) -> NewProfile {
    NewProfile {
        handle: handle.clone(),
        identity,
        vault: VaultContents::decode(&vault.contents.encode()).expect("own contents decode"),
        vault_key: vault.key.clone(),
        vault_revision: vault.revision,
    }
}

fn new_device(
    identity: &DeviceIdentity,
    enrolment: &rest::Enrolment,
    index: usize,
    now: Timestamp,
) -> NewDevice {
    NewDevice {
        device_id: identity.certificate.device_id(),
        account_id: identity.certificate.account_id(),
        device_key: identity.certificate.device_key(),
        certificate: enrolment.certificate.0.clone(),
        token: TokenHash([small(index); 32]),
        token_counter: 0,
        token_expires_at: now,
        created_at: now,
    }
}

/// There are few accounts and devices in a world.
fn small(index: usize) -> u8 {
    u8::try_from(index).expect("a world is small")
}
