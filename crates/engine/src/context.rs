//! What every part of a step works with, and what the step collects for the host.

use std::collections::BTreeSet;

use rand_core::CryptoRngCore;
use rusqlite::Connection;
use subrosa_mls::{AccountPublicKey, DeviceIdentity, Mls};
use subrosa_wire::{
    SendId, Timestamp,
    frames::{ClientFrame, Problem, Sync, client_frame::Request},
    ids::ID_LEN,
    problem::ProblemCode,
};

use crate::{
    api::{EngineError, Event, Me, Output, RecoveryCounts, Warning},
    connection::ConnectionState,
    content::{MessageId, Origin, SALT_LEN},
    database::KvTable,
    requests::{PendingRequest, Requests},
    store::conversations::ChatId,
};

pub(crate) type StepResult<T = ()> = Result<T, EngineError>;

/// Who the engine is, for as long as it is open.
pub(crate) struct Identity {
    pub me: Me,
    pub device: DeviceIdentity,
    pub account_key: AccountPublicKey,
}

/// The transaction of a step and everything that it may read and change beside the conversations.
pub(crate) struct Context<'a> {
    pub conn: &'a Connection,
    pub now: Timestamp,
    pub me: &'a mut Me,
    pub device: &'a DeviceIdentity,
    pub account_key: &'a AccountPublicKey,
    pub connection: &'a mut ConnectionState,
    pub requests: &'a mut Requests,
    pub recovery: RecoveryCounts,
    pub out: Output,
    rng: &'a mut dyn CryptoRngCore,
    mls_state: KvTable<'a>,
    /// Conversations to look at when the input has been dealt with.
    touched: BTreeSet<ChatId>,
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
            account_key: &identity.account_key,
            connection,
            requests,
            recovery: RecoveryCounts::default(),
            out: Output::default(),
            rng,
            mls_state: KvTable::new(conn),
            touched: BTreeSet::new(),
        }
    }

    /// MLS over the transaction of this step.
    pub(crate) fn mls(&mut self) -> Mls<'_> {
        Mls::new(&self.mls_state, &mut *self.rng, self.now)
    }

    // ---- the server ----

    /// Sends a request, if there is a connection; otherwise the next one brings it up again.
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

    /// Whether the server's state is on its way.
    pub(crate) fn is_syncing(&self) -> bool {
        self.requests.is_pending(PendingRequest::Sync)
    }

    /// Asks the server for its state.
    pub(crate) fn sync(&mut self) {
        self.connection.sync_sent();
        self.request(PendingRequest::Sync, Request::Sync(Sync {}));
    }

    /// Asks the server for its state again; if it is on its way, once more after it. What the server pushes
    /// leads here, so the pace is bounded.
    pub(crate) fn sync_again(&mut self) {
        if self.is_syncing() {
            self.connection.sync_wanted = true;
        } else if self.connection.may_sync(self.now) {
            self.sync();
        }
    }

    // ---- what comes next ----

    /// Looks at the queue of a conversation once the input has been dealt with.
    pub(crate) fn touch(&mut self, chat: ChatId) {
        self.touched.insert(chat);
    }

    /// The next conversation to look at.
    pub(crate) fn next_touched(&mut self) -> Option<ChatId> {
        self.touched.pop_first()
    }

    // ---- the host ----

    pub(crate) fn event(&mut self, event: Event) {
        self.out.events.push(event);
    }

    pub(crate) fn warn(&mut self, warning: Warning) {
        self.event(Event::Warning(warning));
    }

    /// Reports a refusal that the engine cannot mend; `message` is the one that the request carried, if any.
    pub(crate) fn refused(&mut self, message: Option<MessageId>, problem: &Problem) {
        let what = if problem.detail.is_empty() {
            problem.code.clone()
        } else {
            format!("{}: {}", problem.code, problem.detail)
        };
        self.warn(Warning::Refused { message, what });
    }

    // ---- random values ----

    pub(crate) fn new_send_id(&mut self) -> SendId {
        SendId::from_bytes(self.random::<ID_LEN>())
    }

    pub(crate) fn new_salt(&mut self) -> [u8; SALT_LEN] {
        self.random()
    }

    pub(crate) fn random<const LEN: usize>(&mut self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// This account as the origin of what it says in a conversation.
    pub(crate) fn origin(&self, conversation: subrosa_wire::ConversationId) -> Origin {
        Origin {
            sender: self.me.account_id,
            conversation,
        }
    }
}

/// Whether the request may be tried again as it is.
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
