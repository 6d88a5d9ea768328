//! One step of the engine: everything that happens inside one transaction.
//!
//! A step takes one input, changes the database through its transaction, and collects frames and events. The
//! host sees them only when the transaction is committed.

use std::collections::BTreeSet;

use rand_core::CryptoRngCore;
use rusqlite::Connection;
use subrosa_mls::DeviceIdentity;
use subrosa_wire::{
    SendId, Timestamp,
    frames::{
        Acknowledge, AcknowledgeWelcomes, ClientFrame, Cursor, Notice, Problem, ServerFrame, Sync,
        client_frame::Request, notice, server_frame::Body,
    },
    ids::ID_LEN,
    limits,
    problem::ProblemCode,
};

use crate::{
    api::EngineError,
    api::{Event, Input, Me, Output, RecoveryCounts, Warning},
    content::MessageId,
    live::{Asked, Live},
    store::conversations::{self, ConversationKey, ConversationRow},
};

/// Who the engine is, for as long as it is open.
pub(crate) struct Identity {
    pub me: Me,
    pub device: DeviceIdentity,
    pub account_key: subrosa_mls::AccountPublicKey,
}

/// The state of a step.
pub(crate) struct Step<'a> {
    pub conn: &'a Connection,
    pub now: Timestamp,
    pub rng: &'a mut dyn CryptoRngCore,
    pub live: &'a mut Live,
    pub identity: &'a mut Identity,
    pub out: Output,
    pub recovery: RecoveryCounts,
    /// Conversations whose queue is looked at when the input has been dealt with.
    dirty: BTreeSet<ConversationKey>,
}

pub(crate) type StepResult<T = ()> = Result<T, EngineError>;

impl<'a> Step<'a> {
    pub(crate) fn new(
        conn: &'a Connection,
        now: Timestamp,
        rng: &'a mut dyn CryptoRngCore,
        live: &'a mut Live,
        identity: &'a mut Identity,
    ) -> Self {
        Self {
            conn,
            now,
            rng,
            live,
            identity,
            out: Output::default(),
            recovery: RecoveryCounts::default(),
            dirty: BTreeSet::new(),
        }
    }

    /// Deals with one input.
    pub(crate) fn run(&mut self, input: Input) -> StepResult {
        match input {
            Input::Connected => {
                *self.live = Live::connected();
                self.live.sync_asked();
                self.ask(Asked::Sync, Request::Sync(Sync {}));
            }
            Input::Disconnected => *self.live = Live::default(),
            Input::Received(frame) => self.receive(*frame)?,
            Input::Tick => {
                if self.live.is_sync_due(self.now) {
                    self.sync_again();
                }
                for key in self.live.due(self.now) {
                    self.dirty.insert(key);
                }
            }
            Input::Command(command) => self.command(command)?,
        }
        self.settle()
    }

    /// Brings everything that the input touched into motion.
    pub(crate) fn settle(&mut self) -> StepResult {
        while let Some(key) = self.dirty.pop_first() {
            if let Some(row) = conversations::load(self.conn, key)? {
                self.pump(row)?;
            }
        }
        self.acknowledge()?;
        if self.live.connected && !self.live.caught_up && !self.live.is_catching_up() {
            self.live.caught_up = true;
            self.event(Event::CaughtUp);
        }
        self.out.wake_at = self.live.wake_at();
        Ok(())
    }

    fn receive(&mut self, frame: ServerFrame) -> StepResult {
        if frame.request_id == 0 {
            return match frame.body {
                Some(body) => self.push(body),
                // A push of a newer server: what this build does not know it does not need.
                None => Ok(()),
            };
        }
        // An answer that nobody waits for any more belongs to a send that was given up.
        let Some(asked) = self.live.in_flight.remove(&frame.request_id) else {
            return Ok(());
        };
        let Some(body) = frame.body else {
            return self.wrong_answer(asked);
        };
        match (asked, body) {
            (asked, Body::Problem(problem)) => self.problem(asked, &problem),
            (Asked::Sync, Body::SyncState(state)) => self.sync_state(&state),
            (
                Asked::Append {
                    conversation,
                    row,
                    number,
                },
                Body::Appended(appended),
            ) => self.appended(conversation, row, number, &appended),
            (Asked::Handshake { conversation }, Body::Appended(appended)) => {
                self.handshake_accepted(conversation, &appended)
            }
            (
                Asked::FetchLog {
                    conversation,
                    after_seq,
                },
                Body::LogPage(page),
            ) => self.log_page(conversation, after_seq, page),
            (Asked::FetchGroup { id }, Body::GroupState(state)) => self.group_state(id, &state),
            (
                Asked::ClaimKeyPackages {
                    conversation,
                    account,
                },
                Body::KeyPackages(packages),
            ) => self.key_packages_claimed(conversation, account, packages),
            (Asked::LookUp { account }, Body::Account(found)) => self.account_found(account, &found),
            (Asked::PublishKeyPackages, Body::KeyPackagesPublished(_))
            | (Asked::Acknowledge | Asked::AcknowledgeWelcomes, Body::Acknowledged(_)) => Ok(()),
            (asked, _) => self.wrong_answer(asked),
        }
    }

    /// An answer that is none: the request is tried again as after a failure of the server.
    fn wrong_answer(&mut self, asked: Asked) -> StepResult {
        self.warn(Warning::ForgedByServer {
            conversation: None,
            what: format!("something else than the answer when asked {}", asked.name()),
        });
        self.problem(asked, &Problem::new(ProblemCode::Internal, ""))
    }

    fn push(&mut self, body: Body) -> StepResult {
        match body {
            Body::Deliver(deliver) => self.deliver(deliver),
            Body::WelcomesWaiting(waiting) => {
                for item in &waiting.welcomes {
                    self.welcome(item)?;
                }
                Ok(())
            }
            Body::Notice(Notice { kind: Some(kind) }) => match kind {
                notice::Kind::KeyPackagesLow(low) => self.publish_key_packages(low.key_packages_left, true),
                notice::Kind::StateChanged(_) => {
                    self.sync_again();
                    Ok(())
                }
                notice::Kind::SignedOut(_) => {
                    self.event(Event::SignedOut);
                    Ok(())
                }
                notice::Kind::Draining(_) => Ok(()),
            },
            // Other pushes are of a newer server.
            _ => Ok(()),
        }
    }

    /// An answer that is a problem. Where it concerns a conversation the code decides what follows.
    fn problem(&mut self, asked: Asked, problem: &Problem) -> StepResult {
        if matches!(
            problem.known_code(),
            Some(ProblemCode::Unauthenticated | ProblemCode::DeviceSignedOut | ProblemCode::TokenReused)
        ) {
            self.event(Event::SignedOut);
            return Ok(());
        }
        match asked {
            Asked::Append {
                conversation, row, ..
            } => self.append_refused(conversation, row, problem),
            Asked::Handshake { conversation } => self.handshake_refused(conversation, problem),
            Asked::FetchLog { conversation, .. } => self.fetch_log_refused(conversation, problem),
            Asked::FetchGroup { id } => self.fetch_group_refused(id, problem),
            Asked::ClaimKeyPackages { conversation, .. } => {
                self.claim_refused(conversation, problem);
                Ok(())
            }
            Asked::Sync
            | Asked::PublishKeyPackages
            | Asked::LookUp { .. }
            | Asked::Acknowledge
            | Asked::AcknowledgeWelcomes => {
                self.refused_beside_conversations(problem);
                Ok(())
            }
        }
    }

    /// Asks the server for its state again; if that is under way, once more after it. What the server pushes
    /// leads here, so it is done at a bounded pace.
    pub(crate) fn sync_again(&mut self) {
        if self.live.is_syncing() {
            self.live.sync_wanted = true;
        } else if self.live.may_sync(self.now) {
            self.live.sync_asked();
            self.ask(Asked::Sync, Request::Sync(Sync {}));
        }
    }

    /// Sends a request, if there is a connection; otherwise the next one will bring it up again.
    pub(crate) fn ask(&mut self, asked: Asked, request: Request) {
        if !self.live.connected {
            return;
        }
        self.live.next_request += 1;
        let request_id = self.live.next_request;
        self.live.in_flight.insert(request_id, asked);
        self.out.frames.push(ClientFrame {
            request_id,
            request: Some(request),
        });
    }

    /// Tells the server how far this device is, and which Welcomes it has dealt with.
    fn acknowledge(&mut self) -> StepResult {
        if !self.live.synced {
            return Ok(());
        }
        let item_ids = self.live.welcomes_to_acknowledge(self.now);
        if !item_ids.is_empty() {
            let request = Request::AcknowledgeWelcomes(AcknowledgeWelcomes { item_ids });
            self.ask(Asked::AcknowledgeWelcomes, request);
        }
        let mut cursors = Vec::new();
        for key in std::mem::take(&mut self.live.advanced) {
            let Some(row) = conversations::load(self.conn, key)? else {
                continue;
            };
            let live = self.live.conversation(key);
            if row.cursor > live.acked {
                live.acked = row.cursor;
                cursors.push(Cursor {
                    conversation_id: row.id.to_vec().into(),
                    seq: row.cursor,
                });
            }
        }
        for chunk in cursors.chunks(limits::CURSORS_PER_FRAME_MAX) {
            self.ask(
                Asked::Acknowledge,
                Request::Acknowledge(Acknowledge {
                    cursors: chunk.to_vec(),
                }),
            );
        }
        Ok(())
    }

    pub(crate) fn touch(&mut self, key: ConversationKey) {
        self.dirty.insert(key);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.events.push(event);
    }

    pub(crate) fn warn(&mut self, warning: Warning) {
        self.event(Event::Warning(warning));
    }

    pub(crate) fn refused(&mut self, problem: &Problem) {
        self.refused_with(None, problem);
    }

    /// The same of a request that was to carry this message.
    pub(crate) fn refused_with(&mut self, message: Option<MessageId>, problem: &Problem) {
        let what = if problem.detail.is_empty() {
            problem.code.clone()
        } else {
            format!("{}: {}", problem.code, problem.detail)
        };
        self.warn(Warning::Refused { message, what });
    }

    pub(crate) fn save(&mut self, row: &ConversationRow) -> StepResult {
        Ok(conversations::update(self.conn, row)?)
    }

    pub(crate) fn new_send_id(&mut self) -> SendId {
        let mut bytes = [0; ID_LEN];
        self.rng.fill_bytes(&mut bytes);
        SendId::from_bytes(bytes)
    }
}

/// Whether the request may be tried again as it is.
pub(crate) fn is_passing(problem: &Problem) -> bool {
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
