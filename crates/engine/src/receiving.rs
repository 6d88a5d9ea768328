//! What a decrypted message means: texts, reports and names.

use subrosa_mls::DeviceCertificate;
use subrosa_wire::Timestamp;

use crate::{
    api::{Event, MessageStatus, Warning},
    content::{DisplayName, Meaning, MessageId, Origin, ReportedStatus, interpret},
    step::{Step, StepResult},
    store::{
        contacts,
        conversations::{self, ConversationRow},
        messages::{self, NewMessage},
    },
};

impl Step<'_> {
    /// Takes in what a member has said. The sender is verified; the content is whatever it chose to send.
    pub(crate) fn content_received(
        &mut self,
        row: ConversationRow,
        sender: &DeviceCertificate,
        bytes: &[u8],
        seq: u64,
        accepted_at: Timestamp,
    ) -> StepResult {
        let origin = Origin {
            sender: sender.account_id(),
            conversation: row.id,
        };
        let (id, content) = match origin.open(bytes) {
            Ok(opened) => opened,
            Err(error) => {
                self.recovery.entries_refused += 1;
                self.warn(Warning::MessageRefused {
                    conversation: row.id,
                    seq,
                    what: error.to_string(),
                });
                return Ok(());
            }
        };
        let is_own = sender.account_id() == self.identity.me.account_id;
        match interpret(&content) {
            Meaning::Text { text, .. } => self.text_received(row, sender, id, &text, seq, accepted_at),
            Meaning::Unsupported { fallback_text } => {
                self.text_received(row, sender, id, &fallback_text, seq, accepted_at)
            }
            Meaning::StatusReport(reports) => self.reports_received(&row, is_own, &reports),
            Meaning::Profile { name } if is_own => self.own_name_changed(name),
            Meaning::Profile { name } => {
                let name = name.as_ref().map(DisplayName::as_str);
                contacts::set_name(self.conn, sender.account_id(), name)?;
                self.event(Event::ContactChanged(sender.account_id()));
                Ok(())
            }
            // Later versions act on these; this one shows what can be shown as a line.
            Meaning::Edit { text, .. } => {
                self.text_received(row, sender, id, &format!("(edited) {text}"), seq, accepted_at)
            }
            Meaning::Reaction { emoji, .. } => {
                self.text_received(row, sender, id, &format!("(reaction) {emoji}"), seq, accepted_at)
            }
            Meaning::Delete { .. } | Meaning::Unreact { .. } => Ok(()),
        }
    }

    fn text_received(
        &mut self,
        mut row: ConversationRow,
        sender: &DeviceCertificate,
        id: MessageId,
        text: &str,
        seq: u64,
        accepted_at: Timestamp,
    ) -> StepResult {
        if messages::find(self.conn, row.key, &id)?.is_some() {
            // Sent again after a join from outside: it is shown once.
            return Ok(());
        }
        let outgoing = sender.account_id() == self.identity.me.account_id;
        let new = NewMessage {
            id,
            sender: sender.account_id(),
            outgoing,
            text,
            sent_at: accepted_at,
            status: if outgoing {
                MessageStatus::Sent
            } else {
                MessageStatus::Unread
            },
            seq: Some(seq),
        };
        let key = messages::insert(self.conn, row.key, &new)?;
        conversations::set_active(self.conn, row.key, accepted_at)?;
        row.own_turn = outgoing;
        self.save(&row)?;
        if !outgoing {
            messages::add_report(self.conn, row.key, &id, ReportedStatus::Delivered)?;
        }
        let message = Box::new(messages::load(self.conn, key)?);
        self.event(if outgoing {
            Event::MessageSent(message)
        } else {
            Event::MessageReceived(message)
        });
        Ok(())
    }

    /// Reports of the peer move own messages on; those of an own device mark as read what it has shown.
    fn reports_received(
        &mut self,
        row: &ConversationRow,
        is_own: bool,
        reports: &[(MessageId, ReportedStatus)],
    ) -> StepResult {
        for (id, reported) in reports {
            let Some((key, message)) = messages::find(self.conn, row.key, id)? else {
                continue;
            };
            let next = match (reported, is_own, message.outgoing, message.status) {
                (ReportedStatus::Delivered, false, true, MessageStatus::Sent) => MessageStatus::Delivered,
                (ReportedStatus::Read, false, true, MessageStatus::Sent | MessageStatus::Delivered)
                | (ReportedStatus::Read, true, false, MessageStatus::Unread) => MessageStatus::Read,
                _ => continue,
            };
            messages::set_status(self.conn, key, next)?;
            self.status_changed(row, key)?;
        }
        Ok(())
    }
}
