//! A device: an engine over a database in a file, which outlives it.

use std::path::{Path, PathBuf};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use subrosa_engine::{
    Command, Engine, EngineError, Event, Input, NewProfile, Output,
    database::{Database, DatabaseKey},
};
use subrosa_server::session::Session;
use subrosa_wire::{ConversationId, Timestamp};

use crate::network::Link;

/// A device of an account.
pub(crate) struct Device {
    pub account: usize,
    pub session: Session,
    pub link: Option<Link>,
    /// The conversation with the other account, as soon as the device knows one.
    conversation: Option<ConversationId>,
    /// Everything the user was warned of: nothing, as long as nobody is malicious.
    pub warnings: Vec<String>,
    engine: Option<Engine>,
    file: PathBuf,
    key: DatabaseKey,
    seed: u64,
}

impl Device {
    pub(crate) fn new(folder: &Path, index: usize, account: usize, profile: &NewProfile, seed: u64) -> Self {
        let certificate = &profile.identity.certificate;
        let session = Session {
            account_id: certificate.account_id(),
            device_id: certificate.device_id(),
        };
        let file = folder.join(format!("device-{index}.db"));
        let key = DatabaseKey::from_bytes([7; 32]);
        let database = Database::create(&file, &key).expect("a new database can be made");
        let engine = Engine::create(database, profile, rng(seed)).expect("a profile can be made");
        Self {
            account,
            session,
            link: None,
            conversation: None,
            warnings: Vec::new(),
            engine: Some(engine),
            file,
            key,
            seed,
        }
    }

    pub(crate) fn engine(&mut self) -> &mut Engine {
        if self.engine.is_none() {
            self.seed += 1;
            let database = Database::open(&self.file, &self.key).expect("the database opens after a crash");
            let engine =
                Engine::open(database, rng(self.seed)).expect("the profile is readable after a crash");
            self.engine = engine;
        }
        self.engine.as_mut().expect("the profile is there after a crash")
    }

    /// One step, with all that it leads to.
    pub(crate) fn step(&mut self, now: Timestamp, input: impl Into<Input>) -> Result<(), EngineError> {
        let output = self.engine().step(now, input.into())?;
        self.carry_out(output);
        Ok(())
    }

    /// Starts the conversation with a person.
    pub(crate) fn open_direct(
        &mut self,
        now: Timestamp,
        person: &subrosa_wire::rest::Person,
    ) -> ConversationId {
        self.step(now, Command::OpenDirect(person.clone()))
            .expect("the other account is known");
        self.conversation().expect("the conversation is there")
    }

    fn carry_out(&mut self, output: Output) {
        for event in output.events {
            match event {
                Event::Warning(warning) => self.warnings.push(warning.to_string()),
                Event::ConversationMoved { from, to } if self.conversation == Some(from) => {
                    self.conversation = Some(to);
                }
                _ => {}
            }
        }
        if let Some(link) = &mut self.link {
            link.to_server.extend(output.frames);
        }
    }

    /// The conversation with the other account, if there is one here.
    pub(crate) fn conversation(&mut self) -> Option<ConversationId> {
        if self.conversation.is_none() {
            let conversations = self.engine().conversations().expect("conversations are readable");
            self.conversation = conversations.first().map(|conversation| conversation.id);
        }
        self.conversation
    }

    /// The process dies between two steps; what the last one wanted to send is lost with it.
    pub(crate) fn crash(&mut self) {
        self.engine = None;
        self.link = None;
    }
}

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}
