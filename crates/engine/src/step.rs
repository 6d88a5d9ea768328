//! One step of the engine: takes one input, opens one transaction, and dispatches the input.
//!
//! A step changes the database through its transaction and collects frames and events. The host sees them only
//! once the transaction is committed.

use subrosa_wire::{
    frames::{
        Acknowledge, AcknowledgeWelcomes, KeyPackages, Notice, Problem, ServerFrame, client_frame::Request,
        notice, server_frame::Body,
    },
    limits::CURSORS_PER_FRAME_MAX,
    problem::ProblemCode,
};

use crate::{
    ChatId,
    api::{Event, Input},
    context::{Context, StepResult},
    conversation::{self, Conversation, Conversations},
    devices, directory, expiry,
    incoming::{self, Findings},
    key_packages,
    limits::UPDATES_PER_STEP_MAX,
    misbehaviour::Misbehaviour,
    profile_objects, receipts, records,
    requests::{PendingRequest, Requests},
    signals,
    store::{contacts, conversations, if_readable},
    sync,
};

/// A step: its context and the conversations.
pub(crate) struct Step<'a> {
    pub cx: Context<'a>,
    pub conversations: &'a mut Conversations,
}

impl Step<'_> {
    /// Handles one input.
    pub(crate) fn run(&mut self, input: Input) -> StepResult {
        if matches!(input, Input::Connected | Input::Tick) {
            expiry::tidy(&self.cx)?;
        }
        expiry::expire(&mut self.cx)?;
        match input {
            Input::Connected => {
                self.connection_is(true);
                self.cx.sync();
            }
            Input::Disconnected => self.connection_is(false),
            Input::Received(frame) => self.receive(*frame)?,
            Input::Tick => {
                if self.cx.connection.sync_retry.take_due(self.cx.now) {
                    self.cx.sync_again();
                }
                if self.cx.connection.is_sync_due(self.cx.now) {
                    self.cx.sync_again();
                }
                if self.cx.connection.is_update_due(self.cx.now) {
                    let due = conversations::updates_due(self.cx.conn, self.cx.now, UPDATES_PER_STEP_MAX)?;
                    for chat in due {
                        self.cx.touch(chat);
                    }
                }
                devices::tick(&mut self.cx)?;
                signals::tick(&mut self.cx)?;
                for chat in self.conversations.due(self.cx.now) {
                    self.cx.touch(chat);
                }
            }
            Input::Command(command) => self.command(command)?,
        }
        self.settle()
    }

    fn connection_is(&mut self, is_open: bool) {
        self.cx.connection.begin(is_open);
        *self.cx.requests = Requests::default();
        self.conversations.connection_changed();
    }

    /// Does what the input has made possible.
    pub(crate) fn settle(&mut self) -> StepResult {
        self.pump_touched()?;
        self.fetch_waiting()?;
        receipts::settle(&mut self.cx)?;
        self.conversations.send_signals(&mut self.cx)?;
        profile_objects::settle(&mut self.cx)?;
        records::settle(&mut self.cx)?;
        self.pump_touched()?;
        self.acknowledge()?;
        let cx = &mut self.cx;
        if cx.connection.synced {
            let due = conversations::next_update_due(cx.conn)?;
            cx.connection.set_next_update(due, cx.now);
        }
        let is_catching_up = !cx.connection.synced
            || cx.connection.has_waiting()
            || cx.requests.is_catching_up()
            || cx.connection.records.is_behind() && !conversations::with_blocked(cx.conn)?.is_empty();
        if cx.connection.is_open && !cx.connection.caught_up && !is_catching_up {
            cx.connection.caught_up = true;
            cx.event(Event::CaughtUp);
        }
        Ok(())
    }

    /// Does what is next for each conversation in which something may have changed.
    fn pump_touched(&mut self) -> StepResult {
        while self.cx.requests.have_room()
            && let Some(chat) = self.cx.connection.touched.pop()
        {
            self.with(chat, Conversation::pump)?;
        }
        Ok(())
    }

    /// Requests the groups and the people that are still wanted, as far as there is room.
    fn fetch_waiting(&mut self) -> StepResult {
        let cx = &mut self.cx;
        while cx.requests.have_room()
            && let Some(id) = cx.connection.groups_to_fetch.pop()
        {
            conversation::fetch_group(cx, id)?;
        }
        while cx.requests.have_room()
            && let Some(account) = cx.connection.to_look_up.pop()
        {
            // What made them known may have been taken back.
            if if_readable(contacts::find(cx.conn, account))?.is_some() {
                directory::look_up(cx, account);
            }
        }
        Ok(())
    }

    fn receive(&mut self, mut frame: ServerFrame) -> StepResult {
        let findings = frame.body.as_mut().map(incoming::examine).unwrap_or_default();
        self.report(&findings)?;
        if frame.request_id == 0 {
            return match frame.body {
                Some(_) if findings.is_useless => Ok(()),
                Some(body) => self.push(body),
                // A push from a newer server. What this build does not know, it does not need.
                None => Ok(()),
            };
        }
        // The request was dropped, so its answer does not matter.
        let Some(pending) = self.cx.requests.finish(frame.request_id) else {
            return Ok(());
        };
        match frame.body {
            Some(_) if findings.is_useless => self.problem(pending, &Problem::new(ProblemCode::Internal, "")),
            Some(Body::Problem(problem)) => self.problem(pending, &problem),
            Some(body) => self.answer(pending, body),
            None => self.wrong_answer(pending),
        }
    }

    /// Reports what a frame says that cannot be.
    fn report(&mut self, findings: &Findings) -> StepResult {
        for (id, how) in &findings.faults {
            let row = match id {
                Some(id) => if_readable(conversations::find(self.cx.conn, *id))?,
                None => None,
            };
            self.cx.misbehaved(row.map(|row| row.chat), how.clone());
        }
        Ok(())
    }

    fn answer(&mut self, pending: PendingRequest, body: Body) -> StepResult {
        match (pending, body) {
            (PendingRequest::Sync, Body::SyncState(state)) => self.sync_state(&state),
            (
                PendingRequest::Append {
                    chat,
                    outbox,
                    send_number,
                },
                Body::Appended(appended),
            ) => self.with(chat, |conversation, cx| {
                conversation.appended(cx, outbox, send_number, &appended)
            }),
            (PendingRequest::Handshake { chat }, Body::Appended(appended)) => self
                .with(chat, |conversation, cx| {
                    conversation.handshake_accepted(cx, &appended)
                }),
            (PendingRequest::FetchLog { chat, after_seq }, Body::LogPage(page)) => self
                .with(chat, |conversation, cx| {
                    conversation.log_page(cx, after_seq, page)
                }),
            (PendingRequest::ConfirmHead { chat }, Body::LogPage(page)) => {
                self.with(chat, |conversation, cx| conversation.head_confirmed(cx, &page))
            }
            (PendingRequest::RestoreLog { chat }, Body::LogRestored(restored)) => {
                self.with(chat, |conversation, cx| conversation.log_restored(cx, &restored))
            }
            (PendingRequest::FetchGroup { id }, Body::GroupState(state)) => {
                self.conversations.group_state(&mut self.cx, id, &state)
            }
            (PendingRequest::FetchTree { id }, Body::RatchetTree(tree)) => {
                self.conversations.tree_fetched(&mut self.cx, id, &tree)
            }
            (PendingRequest::ClaimKeyPackages { chat, account }, Body::KeyPackages(packages)) => self
                .with(chat, |conversation, cx| {
                    conversation.key_packages_claimed(cx, account, packages)
                }),
            (PendingRequest::ClaimForMany { chat }, Body::KeyPackagesOfMany(of_many)) => self
                .with(chat, |conversation, cx| {
                    conversation.claimed_for_many(cx, of_many)
                }),
            (PendingRequest::ConfirmDevices, Body::KeyPackages(packages)) => {
                sync::devices_confirmed(&mut self.cx, &packages)
            }
            (PendingRequest::LookUp { account }, Body::Account(found)) => {
                self.cx
                    .about_person(|cx| directory::account_found(cx, account, &found))?;
                Ok(())
            }
            (PendingRequest::PutReceipt { chat, changes }, Body::ReceiptPut(put)) => self
                .with(chat, |conversation, cx| {
                    conversation.receipt_put(cx, changes, &put)
                }),
            (PendingRequest::FetchObject { of }, Body::Object(object)) => {
                profile_objects::fetched(&mut self.cx, of, &object)
            }
            (PendingRequest::PutGroupPicture { chat, object }, Body::ObjectPut(put)) => {
                profile_objects::group::put_answered(&mut self.cx, (chat, object), &put)
            }
            (PendingRequest::PutObject { changes }, Body::ObjectPut(put)) => {
                profile_objects::put_answered(&mut self.cx, changes, &put)
            }
            (PendingRequest::PutLink { chat, link, preview }, Body::Acknowledged(_)) => {
                self.with(chat, |conversation, cx| conversation.link_put(cx, link, preview))
            }
            (PendingRequest::FetchLinks { chat }, Body::Links(links)) => {
                self.with(chat, |conversation, cx| conversation.links_fetched(cx, &links))
            }
            (
                PendingRequest::AskToJoin { .. }
                | PendingRequest::TakeBackRequest { .. }
                | PendingRequest::DenyRequest { .. },
                Body::Acknowledged(_),
            ) => self.join_request_acknowledged(pending),
            (PendingRequest::FetchJoinRequests { chat }, Body::JoinRequests(requests)) => self
                .with(chat, |conversation, cx| {
                    conversation.join_requests_fetched(cx, &requests)
                }),
            (PendingRequest::FetchReceipts, Body::ReceiptsPage(page)) => {
                self.conversations.receipts_page(&mut self.cx, &page)
            }
            (PendingRequest::FetchRecords { after }, Body::RecordsPage(page)) => {
                records::page(&mut self.cx, after, &page)
            }
            (PendingRequest::PutRecord { id, changes }, Body::RecordPut(put)) => {
                records::put_answered(&mut self.cx, (id, changes), &put)
            }
            (PendingRequest::PublishKeyPackages, Body::KeyPackagesPublished(_)) => {
                key_packages::published(&self.cx)
            }
            (
                PendingRequest::Acknowledge | PendingRequest::AcknowledgeWelcomes | PendingRequest::PassOn,
                Body::Acknowledged(_),
            )
            | (PendingRequest::RemoveObject, Body::ObjectPut(_)) => Ok(()),
            (pending, _) => self.wrong_answer(pending),
        }
    }

    /// Handles an answer of the wrong kind: the request is retried as after a failure of the server.
    fn wrong_answer(&mut self, pending: PendingRequest) -> StepResult {
        self.cx.misbehaved(None, Misbehaviour::WrongAnswer);
        self.problem(pending, &Problem::new(ProblemCode::Internal, ""))
    }

    fn push(&mut self, body: Body) -> StepResult {
        match body {
            Body::Deliver(deliver) => self.conversations.deliver(&mut self.cx, &deliver),
            Body::WelcomesWaiting(waiting) => {
                for item in &waiting.welcomes {
                    self.conversations.welcome(&mut self.cx, item)?;
                }
                key_packages::replace_used(&mut self.cx)
            }
            Body::RecordChanged(changed) => records::changed(&mut self.cx, &changed),
            Body::Signal(signal) => self.conversations.signal(&mut self.cx, &signal),
            Body::ReceiptChanged(changed) => self.conversations.receipt_changed(&mut self.cx, &changed),
            Body::Notice(Notice { kind: Some(kind) }) => match kind {
                notice::Kind::KeyPackagesLow(low) => {
                    key_packages::few_left(&mut self.cx, low.key_packages_left)
                }
                notice::Kind::StateChanged(_) => {
                    self.cx.sync_again();
                    Ok(())
                }
                notice::Kind::SignedOut(_) => {
                    self.cx.event(Event::SignedOut);
                    Ok(())
                }
                notice::Kind::Draining(_) => Ok(()),
            },
            // Other pushes come from a newer server.
            _ => Ok(()),
        }
    }

    /// Handles a problem. If it concerns a conversation, its code decides what follows.
    fn problem(&mut self, pending: PendingRequest, problem: &Problem) -> StepResult {
        if matches!(
            problem.known_code(),
            Some(ProblemCode::Unauthenticated | ProblemCode::DeviceSignedOut | ProblemCode::TokenReused)
        ) {
            self.cx.event(Event::SignedOut);
            return Ok(());
        }
        match pending {
            PendingRequest::Append { chat, outbox, .. } => self.with(chat, |conversation, cx| {
                conversation.append_refused(cx, outbox, problem)
            }),
            PendingRequest::Handshake { chat } => {
                self.conversations.handshake_refused(&mut self.cx, chat, problem)
            }
            PendingRequest::FetchLog { chat, .. } => self.with(chat, |conversation, cx| {
                conversation.fetch_log_refused(cx, problem)
            }),
            PendingRequest::ConfirmHead { chat } => self.with(chat, |conversation, cx| {
                conversation.head_not_confirmed(cx, problem)
            }),
            PendingRequest::RestoreLog { chat } => self.with(chat, |conversation, cx| {
                conversation.restore_refused(cx, problem);
                Ok(())
            }),
            PendingRequest::FetchGroup { id } => {
                self.conversations.fetch_group_refused(&mut self.cx, id, problem)
            }
            PendingRequest::FetchTree { id } => {
                self.conversations.fetch_tree_refused(&mut self.cx, id, problem)
            }
            PendingRequest::ClaimKeyPackages { chat, account } => self.with(chat, |conversation, cx| {
                conversation.claim_refused(cx, account, problem)
            }),
            PendingRequest::ClaimForMany { chat } => self.with(chat, |conversation, cx| {
                conversation.claim_for_many_refused(cx, problem)
            }),
            PendingRequest::ConfirmDevices if problem.known_code() == Some(ProblemCode::NoKeyPackages) => {
                sync::devices_confirmed(&mut self.cx, &KeyPackages::default())
            }
            PendingRequest::PublishKeyPackages => {
                self.refused_beside_conversations(problem);
                key_packages::publication_refused(&mut self.cx, problem)
            }
            PendingRequest::PutReceipt { chat, .. } => self.with(chat, |conversation, cx| {
                conversation.receipt_refused(cx, problem);
                Ok(())
            }),
            PendingRequest::FetchObject { .. }
            | PendingRequest::PutObject { .. }
            | PendingRequest::PutGroupPicture { .. } => {
                profile_objects::refused(&mut self.cx, pending, problem)
            }
            PendingRequest::PutLink { chat, link, preview } => self.with(chat, |conversation, cx| {
                conversation.link_refused(cx, (link, preview), problem)
            }),
            PendingRequest::AskToJoin { chat, note } => self.with(chat, |conversation, cx| {
                conversation.ask_refused(cx, note, problem)
            }),
            PendingRequest::TakeBackRequest { chat } => self.with(chat, |conversation, cx| {
                conversation.take_back_refused(cx, problem)
            }),
            PendingRequest::FetchJoinRequests { chat } | PendingRequest::DenyRequest { chat, .. } => self
                .with(chat, |conversation, cx| {
                    conversation.join_requests_refused(cx, problem);
                    Ok(())
                }),
            PendingRequest::RemoveObject | PendingRequest::FetchLinks { .. } => Ok(()),
            PendingRequest::PassOn => {
                signals::refused(&mut self.cx, problem);
                Ok(())
            }
            PendingRequest::FetchReceipts => {
                receipts::fetch_refused(&mut self.cx, problem);
                Ok(())
            }
            PendingRequest::FetchRecords { .. } => records::fetch_refused(&mut self.cx, problem),
            PendingRequest::PutRecord { id, changes } => {
                records::put_refused(&mut self.cx, (id, changes), problem)
            }
            PendingRequest::Sync
            | PendingRequest::ConfirmDevices
            | PendingRequest::LookUp { .. }
            | PendingRequest::Acknowledge
            | PendingRequest::AcknowledgeWelcomes => {
                self.refused_beside_conversations(problem);
                Ok(())
            }
        }
    }

    /// Handles that the server has taken or dropped a request to join.
    fn join_request_acknowledged(&mut self, pending: PendingRequest) -> StepResult {
        match pending {
            PendingRequest::AskToJoin { chat, note } => {
                self.with(chat, |conversation, cx| conversation.asked(cx, note))
            }
            PendingRequest::TakeBackRequest { chat } => self.with(chat, Conversation::request_taken_back),
            PendingRequest::DenyRequest { chat, account } => self.with(chat, |conversation, cx| {
                conversation.request_denied(cx, account);
                Ok(())
            }),
            _ => Ok(()),
        }
    }

    /// Does something with a conversation, or nothing if it is gone.
    fn with(
        &mut self,
        chat: ChatId,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult,
    ) -> StepResult {
        self.conversations
            .with(&mut self.cx, chat, act)
            .map(Option::unwrap_or_default)
    }

    /// Acknowledges the log entries and the Welcomes that this device has handled.
    fn acknowledge(&mut self) -> StepResult {
        let cx = &mut self.cx;
        if !cx.connection.synced {
            return Ok(());
        }
        let is_in_flight = cx.requests.is_pending(PendingRequest::AcknowledgeWelcomes);
        let item_ids = cx.connection.welcomes_to_acknowledge(is_in_flight, cx.now);
        if !item_ids.is_empty() {
            let request = Request::AcknowledgeWelcomes(AcknowledgeWelcomes { item_ids });
            cx.request(PendingRequest::AcknowledgeWelcomes, request);
        }
        for chunk in self
            .conversations
            .cursors_to_acknowledge(cx)?
            .chunks(CURSORS_PER_FRAME_MAX)
        {
            cx.request(
                PendingRequest::Acknowledge,
                Request::Acknowledge(Acknowledge {
                    cursors: chunk.to_vec(),
                }),
            );
        }
        Ok(())
    }
}
