//! What the user asks for. Each command is checked first and then stored; the queue carries it out.

use subrosa_mls::AccountPublicKey;
use subrosa_wire::{ConversationId, ids::ID_LEN, rest};

use crate::{
    api::{Command, CommandError, ConversationState, EngineError, Event, MessageStatus},
    content::{MessageId, MessageText, Origin, ReportedStatus, SendToken, clean_name, compose},
    step::{Step, StepResult},
    store::{
        conversations::{self, ConversationRow},
        messages::{self, MessageKey, NewMessage},
        outbox,
    },
};

impl Step<'_> {
    pub(crate) fn command(&mut self, command: Command) -> StepResult {
        match command {
            Command::OpenDirect(person) => self.open_direct(&person),
            Command::SendText {
                conversation,
                text,
                token,
            } => self.send_text(conversation, &text, token),
            Command::Retry {
                conversation,
                message,
            } => {
                let (row, key) = self.failed_message(conversation, &message)?;
                outbox::unpark(self.conn, key)?;
                messages::set_status(self.conn, key, MessageStatus::Pending)?;
                self.status_changed(&row, key)?;
                self.touch(row.key);
                Ok(())
            }
            Command::Discard {
                conversation,
                message,
            } => {
                let (row, key) = self.failed_message(conversation, &message)?;
                outbox::delete_of_message(self.conn, key)?;
                messages::delete(self.conn, key)?;
                self.event(Event::MessageRemoved {
                    conversation,
                    message,
                });
                self.event(Event::ConversationChanged(row.id));
                Ok(())
            }
            Command::MarkRead { conversation } => self.mark_read(conversation),
            Command::SetName(name) => {
                let name = name
                    .map(|name| clean_name(&name))
                    .transpose()
                    .map_err(CommandError::from)?;
                self.own_name_changed(name)?;
                Ok(conversations::forget_name_sent(self.conn)?)
            }
        }
    }

    fn open_direct(&mut self, person: &rest::Person) -> StepResult {
        if person.account_id == self.identity.me.account_id {
            return Err(CommandError::OwnAccount.into());
        }
        let key = AccountPublicKey::try_from(person.account_key.0.as_slice())
            .map_err(|_| CommandError::AccountKeyChanged)?;
        if !self.learn(person.account_id, &key, &person.handle)? {
            return Err(CommandError::AccountKeyChanged.into());
        }
        if conversations::find_by_peer(self.conn, person.account_id)?.is_none() {
            let mut bytes = [0; ID_LEN];
            self.rng.fill_bytes(&mut bytes);
            let id = ConversationId::from_bytes(bytes);
            conversations::insert(
                self.conn,
                id,
                person.account_id,
                ConversationState::Starting,
                self.now,
            )?;
            self.event(Event::ConversationChanged(id));
        }
        Ok(())
    }

    fn row(&self, id: ConversationId) -> Result<ConversationRow, EngineError> {
        Ok(conversations::find(self.conn, id)?.ok_or(CommandError::UnknownConversation)?)
    }

    fn failed_message(
        &self,
        id: ConversationId,
        message: &MessageId,
    ) -> StepResult<(ConversationRow, MessageKey)> {
        let row = self.row(id)?;
        let (key, message) =
            messages::find(self.conn, row.key, message)?.ok_or(CommandError::UnknownMessage)?;
        if message.status != MessageStatus::Failed {
            return Err(CommandError::UnknownMessage.into());
        }
        Ok((row, key))
    }

    fn send_text(&mut self, id: ConversationId, text: &str, token: SendToken) -> StepResult {
        let text = MessageText::try_from(text).map_err(CommandError::from)?;
        let row = self.row(id)?;
        if row.state == ConversationState::Blocked {
            return Err(CommandError::Blocked.into());
        }
        let origin = self.origin(row.id);
        let (id, content) = origin.seal(&compose::text(&origin, token.into_salt(), text.as_str()))?;
        if let Some((_, stored)) = messages::find(self.conn, row.key, &id)? {
            // Whoever asks again has not learned that it was done.
            self.event(Event::MessageSent(Box::new(stored)));
            return Ok(());
        }
        let new = NewMessage {
            id,
            sender: self.identity.me.account_id,
            outgoing: true,
            text: text.as_str(),
            sent_at: self.now,
            status: MessageStatus::Pending,
            seq: None,
        };
        let key = messages::insert(self.conn, row.key, &new)?;
        self.queue(row.key, Some(key), &content)?;
        conversations::set_active(self.conn, row.key, self.now)?;
        let message = Box::new(messages::load(self.conn, key)?);
        self.event(Event::MessageSent(message));
        self.touch(row.key);
        Ok(())
    }

    fn mark_read(&mut self, id: ConversationId) -> StepResult {
        let row = self.row(id)?;
        for message in messages::unread(self.conn, row.key)? {
            if let Some((key, _)) = messages::find(self.conn, row.key, &message)? {
                messages::set_status(self.conn, key, MessageStatus::Read)?;
                messages::add_report(self.conn, row.key, &message, ReportedStatus::Read)?;
                self.status_changed(&row, key)?;
            }
        }
        self.event(Event::ConversationChanged(row.id));
        self.touch(row.key);
        Ok(())
    }

    /// Where the own account says something.
    pub(crate) fn origin(&self, conversation: ConversationId) -> Origin {
        Origin {
            sender: self.identity.me.account_id,
            conversation,
        }
    }

    pub(crate) fn new_salt(&mut self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.rng.fill_bytes(&mut salt);
        salt
    }
}
