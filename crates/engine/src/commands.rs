//! What the user asks for. Each command is checked first and then stored; the queue carries it out.

use subrosa_mls::AccountPublicKey;
use subrosa_wire::{ConversationId, rest};

use crate::{
    api::{Command, CommandError},
    content::{MessageText, clean_name},
    context::{Context, StepResult},
    conversation::Conversation,
    directory,
    step::Step,
    store::conversations,
    vault,
};

impl Step<'_> {
    pub(crate) fn command(&mut self, command: Command) -> StepResult {
        match command {
            Command::OpenDirect(person) => self.open_direct(&person),
            Command::SendText {
                conversation,
                text,
                token,
            } => {
                let text = MessageText::try_from(text.as_str()).map_err(CommandError::from)?;
                self.in_conversation(conversation, |conversation, cx| {
                    conversation.check_usable()?;
                    conversation.queue_text(cx, &text, token)
                })
            }
            Command::Retry {
                conversation,
                message,
            } => self.in_conversation(conversation, |conversation, cx| {
                let message = conversation
                    .failed_message(cx, &message)?
                    .ok_or(CommandError::UnknownMessage)?;
                conversation.retry(cx, message)
            }),
            Command::Discard {
                conversation,
                message: id,
            } => self.in_conversation(conversation, |conversation, cx| {
                let message = conversation
                    .failed_message(cx, &id)?
                    .ok_or(CommandError::UnknownMessage)?;
                conversation.discard(cx, message, id)
            }),
            Command::MarkRead { conversation } => self.in_conversation(conversation, Conversation::mark_read),
            Command::SetName(name) => {
                let name = name
                    .map(|name| clean_name(&name))
                    .transpose()
                    .map_err(CommandError::from)?;
                vault::set_own_name(&mut self.cx, name)?;
                Ok(conversations::forget_name_sent(self.cx.conn)?)
            }
        }
    }

    fn open_direct(&mut self, person: &rest::Person) -> StepResult {
        let cx = &mut self.cx;
        if person.account_id == cx.me.account_id {
            return Err(CommandError::OwnAccount.into());
        }
        let key = AccountPublicKey::try_from(person.account_key.0.as_slice())
            .map_err(|_| CommandError::AccountKeyChanged)?;
        if !directory::learn(cx, person.account_id, &key, &person.handle)? {
            return Err(CommandError::AccountKeyChanged.into());
        }
        self.conversations.open_direct(cx, person.account_id)
    }

    fn in_conversation(
        &mut self,
        id: ConversationId,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult,
    ) -> StepResult {
        let row = conversations::find(self.cx.conn, id)?.ok_or(CommandError::UnknownConversation)?;
        self.conversations
            .with(&mut self.cx, row.chat, act)
            .map(Option::unwrap_or_default)
    }
}
