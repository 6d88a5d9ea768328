//! What every part of a step works with, and the output it collects for the host.

use rand_core::CryptoRngCore;
use rusqlite::Connection;
use subrosa_mls::{DeviceIdentity, Mls, MlsError};
use subrosa_wire::{
    ConversationId, SendId, Timestamp,
    frames::{ClientFrame, Problem, Sync, client_frame::Request},
    ids::ID_LEN,
    problem::ProblemCode,
};

use crate::{
    ChatId, LocalMessageId,
    account::record::RecordKey,
    api::{EngineError, Event, Me, Output, RecoveryCounts, Warning},
    connection::ConnectionState,
    content::{Origin, SALT_LEN},
    database::{self, BufferedTable},
    misbehaviour::Misbehaviour,
    profile_objects, records,
    requests::{PendingRequest, Requests},
    vault,
};

pub(crate) type StepResult<T = ()> = Result<T, EngineError>;

/// The identity of the engine, fixed while it is open.
pub(crate) struct Identity {
    pub me: Me,
    pub device: DeviceIdentity,
    pub record_key: RecordKey,
}

/// The transaction of a step and everything that it may read and change besides the conversations.
pub(crate) struct Context<'a> {
    pub conn: &'a Connection,
    pub now: Timestamp,
    pub me: &'a mut Me,
    pub device: &'a DeviceIdentity,
    pub record_key: &'a RecordKey,
    pub connection: &'a mut ConnectionState,
    pub requests: &'a mut Requests,
    pub recovery: RecoveryCounts,
    pub out: Output,
    rng: &'a mut dyn CryptoRngCore,
    mls_state: BufferedTable<'a>,
    /// Whether the work in progress is confined to a conversation.
    is_confined: bool,
}

/// A place in a step that it can be taken back to.
struct Mark {
    frames: usize,
    events: usize,
    last_request: u64,
    recovery: RecoveryCounts,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        conn: &'a Connection,
        now: Timestamp,
        rng: &'a mut dyn CryptoRngCore,
        identity: &'a mut Identity,
        connection: &'a mut ConnectionState,
        requests: &'a mut Requests,
    ) -> Self {
        Self {
            conn,
            now,
            me: &mut identity.me,
            device: &identity.device,
            record_key: &identity.record_key,
            connection,
            requests,
            recovery: RecoveryCounts::default(),
            out: Output::default(),
            rng,
            mls_state: BufferedTable::new(conn),
            is_confined: false,
        }
    }

    /// MLS over the transaction of this step.
    pub(crate) fn mls(&mut self) -> Mls<'_> {
        Mls::new(&self.mls_state, &mut *self.rng, self.now)
    }

    /// Stores what MLS has written in this step. Must be called at its end.
    pub(crate) fn store_mls_state(&self) -> StepResult {
        self.mls_state
            .flush()
            .map_err(|error| MlsError::Store(error).into())
    }

    // ---- the server ----

    /// Sends a request if there is a connection. If not, the next connection leads to it again.
    pub(crate) fn request(&mut self, pending: PendingRequest, request: Request) {
        if !self.connection.is_open {
            return;
        }
        let request_id = self.requests.begin(pending);
        self.out.frames.push(ClientFrame {
            request_id,
            request: Some(request),
        });
    }

    /// Whether a Sync is in flight.
    pub(crate) fn is_syncing(&self) -> bool {
        self.requests.is_pending(PendingRequest::Sync)
    }

    /// Asks the server for its state.
    pub(crate) fn sync(&mut self) {
        self.connection.sync_sent();
        self.request(PendingRequest::Sync, Request::Sync(Sync {}));
    }

    /// Asks the server for its state again, or after the Sync in flight if there is one. Pushes of the server lead
    /// here, so the rate is limited.
    pub(crate) fn sync_again(&mut self) {
        if self.is_syncing() {
            self.connection.sync_wanted = true;
        } else if self.connection.may_sync(self.now) {
            self.sync();
        }
    }

    // ---- what comes next ----

    /// Checks the queue of a conversation once the input has been handled.
    pub(crate) fn touch(&mut self, chat: ChatId) {
        self.connection.touched.push(chat);
    }

    // ---- failures ----

    /// Does work on one conversation. If it fails because of that conversation, all that it did is taken back, in the
    /// database, among the requests, and in what the host will see; the failure is the inner error, and the step goes
    /// on. Inside work that is already confined, the failure is left to that.
    pub(crate) fn confine<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> StepResult<T>,
    ) -> StepResult<Result<T, EngineError>> {
        if self.is_confined {
            return work(self).map(Ok);
        }
        let mark = Mark {
            frames: self.out.frames.len(),
            events: self.out.events.len(),
            last_request: self.requests.last_id(),
            recovery: self.recovery,
        };
        self.store_mls_state()?;
        database::savepoint(self.conn)?;
        self.is_confined = true;
        let result = work(self).and_then(|done| self.store_mls_state().map(|()| done));
        self.is_confined = false;
        match result.map_err(|error| self.cause(error)) {
            Ok(done) => {
                database::release(self.conn)?;
                Ok(Ok(done))
            }
            Err(error) if error.is_in_conversation() => {
                self.mls_state.discard();
                database::roll_back_to_savepoint(self.conn)?;
                self.take_back(&mark)?;
                Ok(Err(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Does work about one person. If what is stored about them cannot be processed, nothing of it is done, and the step
    /// goes on without an answer.
    pub(crate) fn about_person<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> StepResult<T>,
    ) -> StepResult<Option<T>> {
        match self.confine(work)? {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                tracing::error!(%error, "what is stored about a person cannot be processed");
                Ok(None)
            }
        }
    }

    /// What has really failed: if it was the database, what MLS makes of it is not the cause.
    pub(crate) fn cause(&self, error: EngineError) -> EngineError {
        match self.mls_state.take_failure() {
            Some(failure) => failure.into(),
            None => error,
        }
    }

    fn take_back(&mut self, mark: &Mark) -> StepResult {
        self.out.frames.truncate(mark.frames);
        self.out.events.truncate(mark.events);
        self.recovery = mark.recovery;
        self.me.name = vault::own_name(self.conn)?;
        self.me.privacy = records::privacy(self.conn, self.me)?;
        self.me.picture = profile_objects::own_picture_version(self.conn)?;
        if self
            .requests
            .forget_since(mark.last_request)
            .contains(&PendingRequest::Sync)
        {
            self.sync_again();
        }
        Ok(())
    }

    // ---- the host ----

    pub(crate) fn event(&mut self, event: Event) {
        self.out.events.push(event);
    }

    pub(crate) fn warn(&mut self, warning: Warning) {
        tracing::warn!(%warning, "the user is warned");
        self.event(Event::Warning(warning));
    }

    /// Reports misbehaviour of the server, in this conversation or outside of any.
    pub(crate) fn misbehaved(&mut self, chat: Option<ChatId>, how: impl Into<Misbehaviour>) {
        let how = how.into();
        self.warn(Warning::ServerMisbehaved { chat, how });
    }

    /// Reports a refusal that the engine cannot recover from. `message` is the one that the request carried, if any.
    pub(crate) fn refused(&mut self, message: Option<LocalMessageId>, problem: &Problem) {
        self.warn(Warning::Refused {
            message,
            code: problem.known_code(),
            detail: problem.detail.clone(),
        });
    }

    // ---- random values ----

    pub(crate) fn new_send_id(&mut self) -> SendId {
        SendId::from_bytes(self.random::<ID_LEN>())
    }

    pub(crate) fn new_salt(&mut self) -> [u8; SALT_LEN] {
        self.random()
    }

    pub(crate) fn rng(&mut self) -> &mut dyn CryptoRngCore {
        &mut *self.rng
    }

    pub(crate) fn random<const LEN: usize>(&mut self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// The origin of this account's contents in a conversation.
    pub(crate) fn origin(&self, conversation: ConversationId) -> Origin {
        Origin {
            sender: self.me.account_id,
            conversation,
        }
    }
}

/// Whether the request may be tried again unchanged.
pub(crate) fn is_transient(problem: &Problem) -> bool {
    matches!(
        problem.known_code(),
        Some(
            ProblemCode::RateLimited
                | ProblemCode::Unavailable
                | ProblemCode::StorageFull
                | ProblemCode::Internal
        )
    )
}
