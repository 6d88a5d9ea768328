//! A device without a server: an engine in memory whose requests the test answers.

use subrosa_engine::{
    Engine, EngineError, Event, Input, NewProfile, Output, Warning,
    account::{
        VaultContents, VaultKey,
        enrolment::{OpenVault, enrol_device},
        vault,
    },
    database::Database,
    profile_objects::format::{ObjectKey, ProfileObject},
};
use subrosa_mls::{DeviceIdentity, SuccessionKeyHash};
use subrosa_wire::{
    AccountId, Timestamp,
    frames::{
        Append, Appended, ClientFrame, FetchLog, KeyPackages, LogEntry, LogPage, ServerFrame, SyncState,
        append, client_frame::Request, log_entry::Payload, server_frame::Body,
    },
    limits::KEY_PACKAGES_TARGET,
    rest::{Person, SealedVault},
};

use subrosa_test_support::SeededRng;

/// When the tests begin.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// The tag of each entry. It is kept for the server, which alone could check it.
pub(crate) const TAG: [u8; 16] = [0x7a; 16];

/// The keys of an account.
fn contents(seed: u64) -> VaultContents {
    let succession_key_hash = SuccessionKeyHash::from_bytes([u8::try_from(seed).unwrap(); 32]);
    VaultContents::generate(succession_key_hash, None, &mut SeededRng::new(seed + 1_000))
}

/// A device of an account.
pub(crate) struct Device {
    pub engine: Engine,
    pub now: Timestamp,
    /// Every event.
    pub events: Vec<Event>,
    /// Requests that are not answered yet.
    pub asked: Vec<ClientFrame>,
    pub wake_at: Option<Timestamp>,
    account: AccountId,
    seed: u64,
}

impl Device {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_database(seed, Database::in_memory().unwrap())
    }

    /// A device with this empty database.
    pub(crate) fn with_database(seed: u64, database: Database) -> Self {
        Self::make(seed, seed, START, contents(seed), database)
    }

    /// A device of the account with this seed, certified at this instant. Devices with different numbers differ.
    pub(crate) fn of_account(seed: u64, number: u64, now: Timestamp) -> Self {
        let database = Database::in_memory().unwrap();
        Self::make(seed, 10_000 + number, now, contents(seed), database)
    }

    /// Another device of the account that signs in, with what the vault holds.
    pub(crate) fn sibling(&self, device_seed: u64) -> Self {
        let (contents, _) = self.engine.vault().unwrap();
        let database = Database::in_memory().unwrap();
        Self::make(self.seed, device_seed, START, contents, database)
    }

    fn make(seed: u64, rng_seed: u64, now: Timestamp, contents: VaultContents, database: Database) -> Self {
        let mut rng = SeededRng::new(rng_seed);
        let vault = OpenVault {
            key: VaultKey::from_bytes([7; 32]),
            revision: 1,
            contents,
        };
        let account = vault.account_id();
        let (_, identity) = enrol_device(&vault, now, &mut rng);
        let profile = NewProfile {
            handle: format!("person{seed}").parse().unwrap(),
            identity,
            vault: vault.contents,
            vault_key: vault.key,
            vault_revision: vault.revision,
        };
        let engine = Engine::create(database, &profile, Box::new(rng)).unwrap();
        Self {
            engine,
            now,
            events: Vec::new(),
            asked: Vec::new(),
            wake_at: None,
            account,
            seed,
        }
    }

    /// Another value of this account's profile object.
    pub(crate) fn seal_profile(&self, shown: &ProfileObject, object: &ObjectKey) -> Vec<u8> {
        let contents = contents(self.seed);
        let signer = (&contents.account_key, contents.identity().succession_key_hash);
        shown.seal(object, signer, &mut SeededRng::new(shown.version))
    }

    /// A device of an account, without an engine.
    pub(crate) fn identity(seed: u64) -> DeviceIdentity {
        let vault = OpenVault {
            key: VaultKey::from_bytes([7; 32]),
            revision: 1,
            contents: contents(seed),
        };
        enrol_device(&vault, START, &mut SeededRng::new(seed + 2_000)).1
    }

    /// Stores the vault at a server that has nothing newer.
    pub(crate) fn store_vault(&mut self) -> SealedVault {
        let put = self.engine.vault_to_put().unwrap().unwrap();
        self.engine.vault_put(&put).unwrap();
        put.sealed
    }

    /// The server's vault is what is stored already.
    pub(crate) fn store_nothing_and_merge(&mut self) {
        let (contents, key) = self.engine.vault().unwrap();
        let sealed = SealedVault {
            revision: 2,
            ciphertext: vault::seal(&contents, &key, 2, &mut SeededRng::new(9)).into(),
        };
        self.merge(&sealed);
    }

    /// Merges what another device has stored.
    pub(crate) fn merge(&mut self, sealed: &SealedVault) {
        let output = self.engine.merge_vault(self.now, sealed).unwrap();
        self.keep(output);
    }

    /// What the directory says about the account whose devices [`new`](Self::new) makes with this seed.
    pub(crate) fn person(seed: u64) -> Person {
        let identity = contents(seed).identity();
        Person {
            account_id: identity.account_id(),
            handle: format!("person{seed}").parse().unwrap(),
            account_key: identity.account_key.as_bytes().as_slice().into(),
            succession_key_hash: identity.succession_key_hash.as_bytes().as_slice().into(),
        }
    }

    pub(crate) fn step(&mut self, input: impl Into<Input>) -> Result<(), EngineError> {
        let output = self.engine.step(self.now, input.into())?;
        self.keep(output);
        Ok(())
    }

    pub(crate) fn keep(&mut self, output: Output) {
        self.asked.extend(output.frames);
        self.events.extend(output.events);
        self.wake_at = output.wake_at;
    }

    pub(crate) fn receive(&mut self, frame: ServerFrame) {
        self.step(Input::Received(Box::new(frame))).unwrap();
    }

    /// Delivers the answer to a request.
    pub(crate) fn answer(&mut self, request_id: u64, body: Body) {
        let is_claim = matches!(body, Body::KeyPackages(_));
        self.receive(ServerFrame {
            request_id,
            body: Some(body),
        });
        if is_claim {
            self.answer_own_claim();
        }
    }

    /// Whoever begins a conversation claims key packages of the own account once the other has handed out some. It has no
    /// other device here.
    fn answer_own_claim(&mut self) {
        let is_own = |frame: &ClientFrame| match &frame.request {
            Some(Request::ClaimKeyPackages(claim)) => claim.account_id == self.account.to_vec(),
            _ => false,
        };
        if let Some(own) = self.asked.iter().position(is_own) {
            let request_id = self.asked.remove(own).request_id;
            self.answer(request_id, Body::KeyPackages(KeyPackages::default()));
        }
    }

    /// Delivers a push.
    pub(crate) fn push(&mut self, body: Body) {
        self.receive(ServerFrame {
            request_id: 0,
            body: Some(body),
        });
    }

    /// A state without conversations.
    pub(crate) fn empty_state(&self) -> SyncState {
        SyncState {
            own_devices: vec![self.engine.me().device_id.to_vec().into()],
            key_packages_left: KEY_PACKAGES_TARGET,
            has_last_resort_key_package: true,
            ..SyncState::default()
        }
    }

    pub(crate) fn warnings(&self) -> Vec<&Warning> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Warning(warning) => Some(warning),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn account(&self) -> AccountId {
        self.account
    }
}

/// The log of what a device sends, in all its conversations.
#[derive(Default)]
pub(crate) struct OwnLog(Vec<LogEntry>);

impl OwnLog {
    /// Takes a send for this place, and returns the answer.
    pub(crate) fn accept(&mut self, device: &Device, append: Append, seq: u64) -> Body {
        let payload = append.payload.map(|payload| match payload {
            append::Payload::ApplicationMessage(message) => Payload::ApplicationMessage(message),
            append::Payload::Commit(commit) => Payload::Commit(commit.commit),
            append::Payload::Leave(proposal) => Payload::Leave(proposal),
        });
        let accepted_at_ms = device.now.as_millis();
        self.0.push(LogEntry {
            conversation_id: append.conversation_id.clone(),
            seq,
            send_id: append.send_id,
            accepted_at_ms,
            payload,
            sender_device: device.engine.me().device_id.to_vec().into(),
            tag: TAG.to_vec().into(),
        });
        Body::Appended(Appended {
            conversation_id: append.conversation_id,
            seq,
            epoch: 9,
            accepted_at_ms,
            tag: TAG.to_vec().into(),
        })
    }

    /// The answer to a request for the log.
    pub(crate) fn page(&self, fetch: FetchLog) -> Body {
        let is_asked_for =
            |entry: &&LogEntry| entry.conversation_id == fetch.conversation_id && entry.seq > fetch.after_seq;
        let entries: Vec<_> = self.0.iter().filter(is_asked_for).cloned().collect();
        Body::LogPage(LogPage {
            // Every log has its first entry.
            head_seq: entries.last().map_or(fetch.after_seq.max(1), |entry| entry.seq),
            conversation_id: fetch.conversation_id,
            entries,
            ..LogPage::default()
        })
    }
}
