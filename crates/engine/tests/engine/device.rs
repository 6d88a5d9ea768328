//! A device without a server: an engine in memory, whose requests the test answers.

use subrosa_engine::{
    Engine, EngineError, Event, Input, NewProfile, Output, Warning,
    account::{
        VaultContents, VaultKey,
        enrolment::{OpenVault, enrol_device},
    },
    database::Database,
};
use subrosa_mls::AccountPublicKey;
use subrosa_wire::{
    AccountId, Timestamp,
    frames::{ClientFrame, ServerFrame, SyncState, server_frame::Body},
    limits::KEY_PACKAGES_TARGET,
    rest::Person,
};

use crate::support::SeededRng;

/// When the tests begin.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A device of an account.
pub(crate) struct Device {
    pub engine: Engine,
    pub now: Timestamp,
    /// Every event.
    pub events: Vec<Event>,
    /// What was asked and is not answered.
    pub asked: Vec<ClientFrame>,
    pub wake_at: Option<Timestamp>,
    account: AccountId,
}

impl Device {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_account(seed, AccountId::from_bytes([u8::try_from(seed).unwrap(); 16]))
    }

    /// One that says it is of this account.
    pub(crate) fn with_account(seed: u64, account_id: AccountId) -> Self {
        let mut rng = SeededRng::new(seed);
        let vault = OpenVault {
            account_id,
            key: VaultKey::generate(&mut rng),
            revision: 1,
            contents: VaultContents::generate(None, &mut rng),
        };
        let (_, identity) = enrol_device(&vault, START, &mut rng);
        let profile = NewProfile {
            handle: format!("person{seed}").parse().unwrap(),
            identity,
            vault: vault.contents,
            vault_key: vault.key,
            vault_revision: vault.revision,
        };
        let engine = Engine::create(Database::in_memory().unwrap(), &profile, Box::new(rng)).unwrap();
        Self {
            engine,
            now: START,
            events: Vec::new(),
            asked: Vec::new(),
            wake_at: None,
            account: vault.account_id,
        }
    }

    /// What the directory says of somebody.
    pub(crate) fn person(seed: u64) -> Person {
        let contents = VaultContents::generate(None, &mut SeededRng::new(seed + 1_000));
        Person {
            account_id: AccountId::from_bytes([u8::try_from(seed).unwrap(); 16]),
            handle: format!("person{seed}").parse().unwrap(),
            account_key: contents.account_key.public().as_bytes().as_slice().into(),
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

    /// Sends something that was not asked for.
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

    pub(crate) fn account_key(&self) -> AccountPublicKey {
        *self.engine.account_key()
    }

    pub(crate) fn account(&self) -> AccountId {
        self.account
    }
}
