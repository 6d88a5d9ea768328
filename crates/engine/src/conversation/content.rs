//! What a decrypted message means: texts, reports and names.

use subrosa_mls::DeviceCertificate;
use subrosa_wire::Timestamp;

use super::Conversation;
use crate::{
    api::{Event, MessageStatus, Warning},
    content::{DisplayName, Meaning, MessageId, Origin, ReportedStatus, interpret},
    context::{Context, StepResult},
    store::{
        contacts,
        messages::{self, LocalMessageId, NewMessage},
        outbox,
    },
    vault,
};

/// Where and when an entry of the log stands.
#[derive(Clone, Copy)]
struct Place {
    seq: u64,
    accepted_at: Timestamp,
}

impl Conversation {
    /// Takes in what a member has said. The sender is verified; the content is whatever it chose to send.
    pub(super) fn content_received(
        &mut self,
        cx: &mut Context<'_>,
        sender: &DeviceCertificate,
        bytes: &[u8],
        seq: u64,
        accepted_at: Timestamp,
    ) -> StepResult {
        let account = sender.account_id();
        let origin = Origin {
            sender: account,
            conversation: self.id(),
        };
        let (id, content) = match origin.open(bytes) {
            Ok(opened) => opened,
            Err(error) => {
                cx.recovery.entries_refused += 1;
                cx.warn(Warning::MessageRefused {
                    conversation: self.id(),
                    seq,
                    what: error.to_string(),
                });
                return Ok(());
            }
        };
        let is_own = account == cx.me.account_id;
        let place = Place { seq, accepted_at };
        match interpret(&content) {
            Meaning::Text { text, .. } => self.text_received(cx, sender, id, &text, place),
            Meaning::Unsupported { fallback_text } => {
                self.text_received(cx, sender, id, &fallback_text, place)
            }
            Meaning::StatusReport(reports) => self.reports_received(cx, is_own, &reports),
            Meaning::Profile { name } if is_own => vault::set_own_name(cx, name),
            Meaning::Profile { name } => {
                let name = name.as_ref().map(DisplayName::as_str);
                contacts::set_name(cx.conn, account, name)?;
                cx.event(Event::ContactChanged(account));
                Ok(())
            }
            // Later versions act on these; this one shows what can be shown as a line.
            Meaning::Edit { text, .. } => {
                self.text_received(cx, sender, id, &format!("(edited) {text}"), place)
            }
            Meaning::Reaction { emoji, .. } => {
                self.text_received(cx, sender, id, &format!("(reaction) {emoji}"), place)
            }
            Meaning::Delete { .. } | Meaning::Unreact { .. } => Ok(()),
        }
    }

    fn text_received(
        &mut self,
        cx: &mut Context<'_>,
        sender: &DeviceCertificate,
        id: MessageId,
        text: &str,
        place: Place,
    ) -> StepResult {
        let chat = self.chat();
        if messages::find(cx.conn, chat, &id)?.is_some() {
            // Sent again after a join from outside: it is shown once.
            return Ok(());
        }
        let outgoing = sender.account_id() == cx.me.account_id;
        let new = NewMessage {
            id,
            sender: sender.account_id(),
            outgoing,
            text,
            sent_at: place.accepted_at,
            status: if outgoing {
                MessageStatus::Sent
            } else {
                MessageStatus::Unread
            },
            seq: Some(place.seq),
        };
        let message = messages::insert(cx.conn, chat, &new)?;
        self.record.set_active(place.accepted_at);
        self.record.set_own_turn(outgoing);
        if !outgoing {
            messages::add_report(cx.conn, chat, &id, ReportedStatus::Delivered)?;
        }
        let message = Box::new(messages::load(cx.conn, message)?);
        cx.event(if outgoing {
            Event::MessageSent(message)
        } else {
            Event::MessageReceived(message)
        });
        Ok(())
    }

    /// The peer's reports move our messages on; those of this account's other devices mark as read what they
    /// have shown.
    fn reports_received(
        &mut self,
        cx: &mut Context<'_>,
        is_own: bool,
        reports: &[(MessageId, ReportedStatus)],
    ) -> StepResult {
        for (id, reported) in reports {
            let Some((local, message)) = messages::find(cx.conn, self.chat(), id)? else {
                continue;
            };
            let next = match (reported, is_own, message.outgoing, message.status) {
                (ReportedStatus::Delivered, false, true, MessageStatus::Sent) => MessageStatus::Delivered,
                (ReportedStatus::Read, false, true, MessageStatus::Sent | MessageStatus::Delivered)
                | (ReportedStatus::Read, true, false, MessageStatus::Unread) => MessageStatus::Read,
                _ => continue,
            };
            messages::set_status(cx.conn, local, next)?;
            self.message_status_changed(cx, local)?;
        }
        Ok(())
    }

    /// The user has seen every message: they are reported as read.
    pub(crate) fn mark_read(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        for id in messages::unread(cx.conn, chat)? {
            if let Some((message, _)) = messages::find(cx.conn, chat, &id)? {
                messages::set_status(cx.conn, message, MessageStatus::Read)?;
                messages::add_report(cx.conn, chat, &id, ReportedStatus::Read)?;
                self.message_status_changed(cx, message)?;
            }
        }
        self.changed(cx);
        cx.touch(chat);
        Ok(())
    }

    /// Drops a failed message.
    pub(crate) fn discard(
        &mut self,
        cx: &mut Context<'_>,
        message: LocalMessageId,
        id: MessageId,
    ) -> StepResult {
        outbox::delete_of_message(cx.conn, message)?;
        messages::delete(cx.conn, message)?;
        cx.event(Event::MessageRemoved {
            conversation: self.id(),
            message: id,
        });
        self.changed(cx);
        Ok(())
    }

    /// A message of this conversation that has failed.
    pub(crate) fn failed_message(
        &self,
        cx: &Context<'_>,
        id: &MessageId,
    ) -> StepResult<Option<LocalMessageId>> {
        let found = messages::find(cx.conn, self.chat(), id)?;
        Ok(found
            .filter(|(_, message)| message.status == MessageStatus::Failed)
            .map(|(local, _)| local))
    }
}
