//! What a decrypted message means: texts, reports and names.

use subrosa_mls::DeviceCertificate;
use subrosa_wire::{AccountId, Timestamp};

use super::{Conversation, message_status_changed};
use crate::{
    LocalMessageId,
    api::{ChatSetting, Event, MessageStatus},
    content::{DisplayName, Lifetime, Meaning, MessageId, Origin, ReportedStatus, SALT_LEN, interpret},
    context::{Context, StepResult},
    limits::GONE_IDS_KEPT,
    misbehaviour::MemberMisbehaviour,
    profile_objects::{self, format::ObjectKey},
    records, signals,
    store::{
        contacts, conversations, gone_messages, members,
        messages::{self, NewMessage},
        notices, outbox,
    },
    vault,
};

/// What the sender has chosen for a message, whatever it says.
struct Chosen {
    id: MessageId,
    salt: [u8; SALT_LEN],
    lifetime: Option<Lifetime>,
}

/// The seq of an entry in the log, and when the server accepted it.
#[derive(Clone, Copy)]
struct Place {
    seq: u64,
    accepted_at: Timestamp,
}

impl Conversation {
    /// Handles the content of a member's message. The sender is verified; the content is whatever it chose to send.
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
        let (id, content) = match origin.decode(bytes) {
            Ok(decoded) => decoded,
            Err(error) => {
                cx.recovery.entries_refused += 1;
                self.member_misbehaved(cx, account, MemberMisbehaviour::InvalidContent { seq, error });
                return Ok(());
            }
        };
        let is_own = account == cx.me.account_id;
        if !is_own && self.is_with_blocked(cx)? {
            return Ok(());
        }
        let place = Place { seq, accepted_at };
        let accepted_at_secs = accepted_at.as_millis() / 1000;
        let chosen = Chosen {
            id,
            salt: content.salt,
            lifetime: content
                .expires
                .map(|expires| Lifetime::chosen(expires, accepted_at_secs)),
        };
        let meaning = interpret(&content);
        let is_shown = matches!(
            meaning,
            Meaning::Text { .. }
                | Meaning::Unsupported { .. }
                | Meaning::Edit { .. }
                | Meaning::Reaction { .. }
        );
        if is_shown && !self.may_post(cx, account)? {
            // What this version does not know may be permitted by a later one.
            if matches!(meaning, Meaning::Text { .. }) {
                self.member_misbehaved(cx, account, MemberMisbehaviour::NotPermitted { seq });
            }
            return Ok(());
        }
        match meaning {
            Meaning::Text { text, .. } => self.text_received(cx, sender, &chosen, &text, place),
            Meaning::Unsupported { fallback_text } => {
                self.text_received(cx, sender, &chosen, &fallback_text, place)
            }
            Meaning::StatusReport(reports) if is_own => self.read_elsewhere(cx, &reports),
            Meaning::StatusReport(reports) => self.reports_received(cx, account, &reports),
            Meaning::Profile { name, .. } if is_own => vault::set_own_name(cx, name),
            Meaning::Profile { name, object } => {
                if name.is_some() || object.is_none() {
                    let name = name.as_ref().map(DisplayName::as_str);
                    contacts::set_name(cx.conn, account, name)?;
                    cx.event(Event::ContactChanged(account));
                }
                let Some(reference) = object else { return Ok(()) };
                let Some(object) = ObjectKey::from_bytes(&reference.object) else {
                    return Ok(());
                };
                records::keep_profile(cx, self.id(), &object)?;
                profile_objects::learn(cx, account, &object, reference.version)
            }
            Meaning::GroupProfile(profile) => self.profile_received(cx, account, profile, (seq, accepted_at)),
            // Later versions will act on these. This one shows those that can be shown as a line of text.
            Meaning::Edit { text, .. } => {
                self.text_received(cx, sender, &chosen, &format!("(edited) {text}"), place)
            }
            Meaning::Reaction { emoji, .. } => {
                self.text_received(cx, sender, &chosen, &format!("(reaction) {emoji}"), place)
            }
            Meaning::Delete { .. } | Meaning::Unreact { .. } => Ok(()),
        }
    }

    fn text_received(
        &mut self,
        cx: &mut Context<'_>,
        sender: &DeviceCertificate,
        &Chosen { id, salt, lifetime }: &Chosen,
        text: &str,
        place: Place,
    ) -> StepResult {
        let chat = self.chat();
        if gone_messages::contains(cx.conn, chat, &id)? {
            // It was shown until it was deleted here.
            if sender.account_id() != cx.me.account_id {
                self.receipt_due(cx, sender.account_id())?;
            }
            return Ok(());
        }
        if let Some(known) = messages::find(cx.conn, chat, &id)? {
            // A duplicate, sent again after an external join: it is shown once. What was said of it may be lost, too.
            if !known.outgoing {
                self.receipt_due(cx, known.sender)?;
            }
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
            salt: outgoing.then_some(salt),
            lifetime,
        };
        let message = messages::insert(cx.conn, chat, &new)?;
        self.record.show(cx.conn)?;
        if outgoing {
            messages::begin_expiry_elsewhere(cx.conn, message, place.accepted_at, cx.now)?;
        }
        self.record.set_active(place.accepted_at, cx.now);
        self.record.set_own_turn(outgoing);
        if !outgoing {
            self.written_to(cx)?;
            self.receipt_due(cx, sender.account_id())?;
        }
        let message = Box::new(messages::load(cx.conn, message)?);
        if outgoing {
            cx.event(Event::MessageSent(message));
            return Ok(());
        }
        signals::typed(cx, chat, sender.account_id());
        cx.event(Event::MessageReceived(message));
        records::received(cx, (chat, self.id()), &id)
    }

    /// Handles read reports from another device of this account.
    fn read_elsewhere(
        &mut self,
        cx: &mut Context<'_>,
        reports: &[(MessageId, ReportedStatus)],
    ) -> StepResult {
        for (id, reported) in reports {
            let Some(message) = messages::find(cx.conn, self.chat(), id)? else {
                continue;
            };
            if *reported == ReportedStatus::Read && message.status == MessageStatus::Unread {
                records::set_read(cx, &message)?;
            }
        }
        Ok(())
    }

    /// Handles delivery and read reports as messages, which other clients and earlier builds send. Only the messages that
    /// it names change: it may have skipped others.
    fn reports_received(
        &mut self,
        cx: &mut Context<'_>,
        member: AccountId,
        reports: &[(MessageId, ReportedStatus)],
    ) -> StepResult {
        let chat = self.chat();
        let (mut delivered_up_to, mut read_up_to) = (0, 0);
        for (id, reported) in reports {
            let Some(message) = messages::find(cx.conn, chat, id)?.filter(|message| message.outgoing) else {
                continue;
            };
            let next = match reported {
                ReportedStatus::Read if cx.me.privacy.read_receipts => MessageStatus::Read,
                ReportedStatus::Read | ReportedStatus::Delivered => MessageStatus::Delivered,
                _ => continue,
            };
            // Pending is also what is sent again.
            if message.status == MessageStatus::Failed || message.status >= next {
                continue;
            }
            messages::set_status(cx.conn, message.id, next)?;
            message_status_changed(cx, message.id)?;
            // A seq beyond what this device has applied is the server's word alone.
            let seq = message.seq.filter(|seq| *seq <= self.record.cursor());
            delivered_up_to = delivered_up_to.max(seq.unwrap_or(0));
            if next == MessageStatus::Read {
                read_up_to = read_up_to.max(seq.unwrap_or(0));
            }
        }
        Ok(members::advance(
            cx.conn,
            chat,
            member,
            delivered_up_to,
            read_up_to,
        )?)
    }

    /// Marks every message as read, and reports it.
    pub(crate) fn mark_read(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        let unread = messages::unread(cx.conn, chat)?;
        for message in &unread {
            // With read receipts off there is nothing new to say, and when something was read is nobody's business.
            if cx.me.privacy.read_receipts {
                self.receipt_due(cx, message.sender)?;
            }
            records::set_read(cx, message)?;
        }
        let newest = unread
            .iter()
            .rev()
            .find_map(|message| Some((message.seq?, message.message_id)));
        let head = Some(self.live.head).filter(|head| *head > 0);
        records::mark_read(cx, (self.id(), self.record.active_at()), newest, head)?;
        self.changed(cx);
        cx.touch(chat);
        Ok(())
    }

    /// Changes what the user has chosen for it.
    pub(crate) fn set(&self, cx: &mut Context<'_>, setting: ChatSetting) -> StepResult {
        if records::set_chat(cx, self.id(), setting, self.record.active_at())? {
            self.changed(cx);
        }
        Ok(())
    }

    /// Keeps what was typed and not sent.
    pub(crate) fn keep_draft(&self, cx: &mut Context<'_>, text: &str, shown: &str) -> StepResult {
        let chat = self.chat();
        if records::keep_draft(cx, (chat, self.id()), text, shown)? {
            cx.event(Event::DraftChanged(chat));
        }
        Ok(())
    }

    /// Deletes the conversation on this device, where it goes on with the next message. What is not sent yet is dropped.
    pub(crate) fn delete_here(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        // Whoever deletes it need not be told of it any more, on any device.
        self.mark_read(cx)?;
        gone_messages::insert_all(cx.conn, chat, cx.now.minus(GONE_IDS_KEPT), cx.now)?;
        messages::delete_all(cx.conn, chat, cx.now)?;
        notices::delete_all(cx.conn, chat)?;
        conversations::set_hidden(cx.conn, chat, true)?;
        cx.event(Event::ConversationCleared(chat));
        self.changed(cx);
        Ok(())
    }

    /// Drops a failed message.
    pub(crate) fn discard(&mut self, cx: &mut Context<'_>, message: LocalMessageId) -> StepResult {
        outbox::delete_of_message(cx.conn, message)?;
        messages::delete(cx.conn, message)?;
        cx.event(Event::MessageRemoved {
            chat: self.chat(),
            message,
        });
        self.changed(cx);
        Ok(())
    }
}
