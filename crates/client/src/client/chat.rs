//! Conversations and messages. Everything here works without a network: what is to be sent is sent later.

use std::{ops::RangeInclusive, time::Duration};

use subrosa_engine::{
    ChatId, ChatSetting, Command, Contact, Conversation, Engine, EngineError, Event, Lifetime,
    LocalMessageId, Member, MemberDevice, Message, MessageStatus, Notice, Standing, content::SendToken,
};
use subrosa_wire::ConversationId;

use super::{Client, connection::final_error};
use crate::{ClientError, Status, ambient::SystemRandom, platform::timeout};

/// A handle to one conversation. It stays valid whatever happens to the conversation.
///
/// ```no_run
/// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
/// let handle = "ada".parse().expect("a handle");
/// let chat = client.open_chat(&handle).await?;
/// chat.send_text("Shall we meet at noon?").await?;
/// for message in chat.messages(None, 20).await? {
///     println!("{}", message.text);
/// }
/// chat.mark_read().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Chat {
    client: Client,
    id: ChatId,
}

impl Client {
    /// A handle to a conversation.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// // Answers where the message was written.
    /// client.chat(message.chat).send_text("I have read it").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn chat(&self, id: ChatId) -> Chat {
        Chat {
            client: self.clone(),
            id,
        }
    }

    /// All conversations, the newest first.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for conversation in client.conversations().await? {
    ///     let handle = conversation.with.and_then(|contact| contact.handle);
    ///     println!("{handle:?}: {} unread", conversation.unread);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn conversations(&self) -> Result<Vec<Conversation>, ClientError> {
        self.ask(Engine::conversations).await
    }

    /// The conversations that [`Client::conversations`] leaves out because they were hidden or deleted here: the account is
    /// still in them, and they come back with the next message.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for conversation in client.hidden_conversations().await? {
    ///     println!("{:?} can still be left", conversation.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn hidden_conversations(&self) -> Result<Vec<Conversation>, ClientError> {
        self.ask(Engine::hidden_conversations).await
    }

    /// The conversation with this id on the wire, if there is one here.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// // A name that other devices of the account know, too: good for links and logs.
    /// if let Some(chat) = client.chat_by_conversation_id(message.conversation_id).await? {
    ///     assert_eq!(chat.id(), message.chat);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn chat_by_conversation_id(&self, id: ConversationId) -> Result<Option<Chat>, ClientError> {
        let chat = self.ask(move |engine| engine.chat_by_conversation_id(id)).await?;
        Ok(chat.map(|chat| self.chat(chat)))
    }

    /// One message.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let sent = chat.send_text("good morning").await?;
    /// if let Some(message) = client.message(sent.id).await? {
    ///     println!("{}: {}", message.text, message.status.as_str());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn message(&self, id: LocalMessageId) -> Result<Option<Message>, ClientError> {
        self.ask(move |engine| engine.message(id)).await
    }

    /// The first `limit` messages of others that came in after `after` (or ever) and that this program has not marked with
    /// [`Client::mark_processed`], in the order of arrival; of one conversation or of all. Whether a person has read
    /// them makes no difference. Here a bot finds what came while it did not run, or what it left undone in a crash.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for message in client.unprocessed(None, None, 100).await? {
    ///     client.chat(message.chat).send_text(message.text.clone()).await?;
    ///     client.mark_processed(message.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn unprocessed(
        &self,
        chat: Option<ChatId>,
        after: Option<LocalMessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, ClientError> {
        self.ask(move |engine| engine.unprocessed(chat, after, limit))
            .await
    }

    /// Marks a message as processed, and all that came in before it in its conversation. The mark is durable.
    ///
    /// See [`Client::unprocessed`] for an example.
    pub async fn mark_processed(&self, message: LocalMessageId) -> Result<(), ClientError> {
        let marked = self
            .shared
            .host
            .run(move |host| host.engine().set_processed(message));
        Ok(marked.await??)
    }

    /// Marks all messages that are here as processed; those of one conversation or of all.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// // A bot that does not answer what was written before it was started for the first time.
    /// client.mark_all_processed(None).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn mark_all_processed(&self, chat: Option<ChatId>) -> Result<(), ClientError> {
        let marked = self
            .shared
            .host
            .run(move |host| host.engine().set_all_processed(chat));
        Ok(marked.await??)
    }

    /// Tries a failed message again.
    ///
    /// ```no_run
    /// use subrosa_client::MessageStatus;
    ///
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// if message.status == MessageStatus::Failed {
    ///     client.retry(message.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn retry(&self, message: LocalMessageId) -> Result<(), ClientError> {
        self.command(Command::Retry(message)).await.map(drop)
    }

    /// Deletes a failed message.
    ///
    /// ```no_run
    /// use subrosa_client::MessageStatus;
    ///
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// if message.status == MessageStatus::Failed {
    ///     client.discard(message.id).await?;
    ///     assert_eq!(client.message(message.id).await?, None);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn discard(&self, message: LocalMessageId) -> Result<(), ClientError> {
        self.command(Command::Discard(message)).await.map(drop)
    }

    /// Waits until the server has accepted a message, or has refused it for good ([`MessageStatus::Failed`]).
    /// On an error the message stays stored and is sent later.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use subrosa_client::MessageStatus;
    ///
    /// # async fn example(client: subrosa_client::Client, chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let message = chat.send_text("the build is green").await?;
    /// let message = client.wait_until_sent(&message, Duration::from_secs(30)).await?;
    /// assert_ne!(message.status, MessageStatus::Pending);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_until_sent(
        &self,
        message: &Message,
        patience: Duration,
    ) -> Result<Message, ClientError> {
        match timeout(patience, self.until_sent(message.clone())).await {
            Ok(answer) => answer,
            Err(_) => Err(self.late("sending the message")),
        }
    }

    async fn until_sent(&self, mut message: Message) -> Result<Message, ClientError> {
        let mut events = self.events();
        let mut status = self.status();
        loop {
            message = self.message(message.id).await?.unwrap_or(message);
            if message.status != MessageStatus::Pending {
                return Ok(message);
            }
            tokio::select! {
                update = events.next() => drop(update.ok_or(ClientError::Closed)?),
                given_up = status.wait_for(Status::is_final) => {
                    let given_up = given_up.map_err(|_| ClientError::Closed)?;
                    return Err(final_error(&given_up));
                }
            }
        }
    }
}

impl Chat {
    /// Takes the conversation up again if it is quarantined, blocked or cut off, and shows it again if it was hidden. If the same was tried
    /// before without getting any further, this device joins the conversation anew.
    ///
    /// ```no_run
    /// use subrosa_client::ConversationState;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for conversation in client.conversations().await? {
    ///     if conversation.state == ConversationState::Quarantined {
    ///         client.chat(conversation.id).try_again().await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn try_again(&self) -> Result<(), ClientError> {
        self.client.command(Command::TryAgain(self.id)).await.map(drop)
    }

    /// Leaves the conversation out of lists if it is quarantined. Nothing of it is deleted.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.hide().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn hide(&self) -> Result<(), ClientError> {
        self.client.command(Command::Hide(self.id)).await.map(drop)
    }

    /// Whether the user wants the conversation, as [`Conversation::standing`] has it.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// println!("{:?}", chat.standing().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn standing(&self) -> Result<Standing, ClientError> {
        let chat = self.id;
        self.client.ask(move |engine| engine.standing(chat)).await
    }

    /// Takes up a conversation that somebody has begun whom the user does not know: see [`Conversation::standing`]. To write in
    /// it does the same.
    ///
    /// ```no_run
    /// use subrosa_client::Standing;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for conversation in client.conversations().await? {
    ///     if conversation.standing == Standing::Request {
    ///         client.chat(conversation.id).accept().await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self) -> Result<(), ClientError> {
        self.client.command(Command::Accept(self.id)).await.map(drop)
    }

    /// Declines such a conversation: a group is left, and a direct one is out of [`Client::conversations`] until the person
    /// writes again.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.decline().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn decline(&self) -> Result<(), ClientError> {
        self.client.command(Command::Decline(self.id)).await.map(drop)
    }

    /// Changes what the user has chosen for the conversation, on all devices of the account.
    ///
    /// ```no_run
    /// use subrosa_client::{ChatSetting, Mute};
    ///
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.set(ChatSetting::Mute(Mute::ForEver)).await?;
    /// chat.set(ChatSetting::Archived(true)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set(&self, setting: ChatSetting) -> Result<(), ClientError> {
        self.client
            .command(Command::SetChat(self.id, setting))
            .await
            .map(drop)
    }

    /// Changes for how long messages are kept that are written from now on, by anybody; `None` for good. It can be done in any
    /// conversation; in a group that takes the right to change its name. [`Chat::wait_until_changed`] waits until the server
    /// has it.
    ///
    /// ```no_run
    /// use subrosa_client::Lifetime;
    ///
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.set_timer(Lifetime::from_secs(7 * 24 * 60 * 60)).await?;
    /// let message = chat.send_text("the code of the door is 4711").await?;
    /// assert!(message.lifetime.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_timer(&self, timer: Option<Lifetime>) -> Result<(), ClientError> {
        let command = Command::SetTimer { chat: self.id, timer };
        self.client.command(command).await.map(drop)
    }

    /// Deletes the messages of the conversation on this device, and leaves it out of [`Client::conversations`] until something
    /// is written in it. What is not sent yet is dropped. The account stays a member, and everybody else keeps what they
    /// have, also the other devices of the account.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.delete_here().await?;
    /// assert!(chat.messages(None, 20).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete_here(&self) -> Result<(), ClientError> {
        self.client.command(Command::DeleteHere(self.id)).await.map(drop)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Its id on this device.
    ///
    /// ```no_run
    /// use subrosa_client::ChatId;
    ///
    /// # fn example(client: subrosa_client::Client, chat: subrosa_client::Chat) {
    /// // The id can be stored: it names this conversation for as long as the profile exists.
    /// let stored = chat.id().get();
    /// let the_same_chat = client.chat(ChatId::new(stored));
    /// # }
    /// ```
    pub fn id(&self) -> ChatId {
        self.id
    }

    /// What a list shows of it; `None` if there is no conversation with this id.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// if let Some(conversation) = chat.conversation().await? {
    ///     println!("{} unread", conversation.unread);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn conversation(&self) -> Result<Option<Conversation>, ClientError> {
        let id = self.id;
        self.client.ask(move |engine| engine.conversation(id)).await
    }

    /// Its present members, this account among them.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for member in chat.members().await? {
    ///     println!("{} has read up to {}", member.account_id, member.read_up_to);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn members(&self) -> Result<Vec<Member>, ClientError> {
        let id = self.id;
        self.client.ask(move |engine| engine.members(id)).await
    }

    /// Who has left the group or was removed from it, as far as this device has seen it: those who wrote the messages of
    /// nobody else.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for person in chat.former_members().await? {
    ///     println!("{} has left", person.account_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn former_members(&self) -> Result<Vec<Contact>, ClientError> {
        let id = self.id;
        self.client.ask(move |engine| engine.former_members(id)).await
    }

    /// The devices of its members, as the group has them; none while this device is not in it.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for device in chat.devices().await? {
    ///     println!("{} of {}", device.device_id, device.account_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn devices(&self) -> Result<Vec<MemberDevice>, ClientError> {
        let id = self.id;
        Ok(self
            .client
            .shared
            .host
            .run(move |host| host.engine().member_devices(id))
            .await??)
    }

    /// The lines that are no messages and whose positions lie in this range, in ascending order.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for notice in chat.notices(i64::MIN..=i64::MAX).await? {
    ///     println!("{}: {:?}", notice.kind.as_str(), notice.who);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn notices(&self, positions: RangeInclusive<i64>) -> Result<Vec<Notice>, ClientError> {
        let id = self.id;
        self.client.ask(move |engine| engine.notices(id, positions)).await
    }

    /// The newest `limit` messages, or those before a position, in ascending order.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let newest = chat.messages(None, 50).await?;
    /// if let Some(first) = newest.first() {
    ///     let older = chat.messages(Some(first.position), 50).await?;
    ///     println!("{} and {} messages", older.len(), newest.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn messages(
        &self,
        before_position: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, ClientError> {
        let id = self.id;
        self.client
            .ask(move |engine| engine.messages(id, before_position, limit))
            .await
    }

    /// The first `limit` messages at or after a position, in ascending order.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// // What the user has not seen yet.
    /// let conversation = chat.conversation().await?;
    /// if let Some(position) = conversation.and_then(|conversation| conversation.first_unread) {
    ///     for message in chat.messages_from(position, 50).await? {
    ///         println!("{}", message.text);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn messages_from(&self, from_position: i64, limit: u32) -> Result<Vec<Message>, ClientError> {
        let id = self.id;
        self.client
            .ask(move |engine| engine.messages_from(id, from_position, limit))
            .await
    }

    /// Sends a text: stores it as pending and returns. It is sent as soon as there is a connection.
    ///
    /// ```no_run
    /// use subrosa_client::MessageStatus;
    ///
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let message = chat.send_text("Shall we meet at noon?").await?;
    /// assert_eq!(message.status, MessageStatus::Pending);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_text(&self, text: impl Into<String>) -> Result<Message, ClientError> {
        self.send_text_once(text, SendToken::random(&mut SystemRandom))
            .await
    }

    /// Like [`Chat::send_text`], for callers that cannot know whether an earlier call arrived: the same text with
    /// the same token is one message, which is returned each time.
    ///
    /// ```no_run
    /// use subrosa_client::{SendToken, ambient::SystemRandom};
    ///
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let token = SendToken::random(&mut SystemRandom);
    /// let first = chat.send_text_once("pay the rent", token).await?;
    /// let again = chat.send_text_once("pay the rent", token).await?;
    /// assert_eq!(first.id, again.id);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_text_once(
        &self,
        text: impl Into<String>,
        token: SendToken,
    ) -> Result<Message, ClientError> {
        let command = Command::SendText {
            chat: self.id,
            text: text.into(),
            token,
        };
        let events = self.client.command(command).await?;
        let stored = events.into_iter().find_map(|event| match event {
            Event::MessageSent(message) => Some(*message),
            _ => None,
        });
        stored.ok_or_else(|| {
            ClientError::Engine(EngineError::Inconsistent(
                "a text was taken and not stored".to_owned(),
            ))
        })
    }

    /// Marks every message as read, and reports that to the other members.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.mark_read().await?;
    /// assert!(chat.conversation().await?.is_none_or(|conversation| conversation.unread == 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn mark_read(&self) -> Result<(), ClientError> {
        self.client.command(Command::MarkRead(self.id)).await.map(drop)
    }

    /// Keeps the draft, what was typed and not sent, for all devices of the account. `shown` is the draft that was shown
    /// before: if another device has changed it since, both texts are kept. An empty text deletes what was shown. A draft
    /// that is longer than a message can be is refused.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let shown = String::new();
    /// chat.keep_draft("Dear Ada, ".to_owned(), shown).await?;
    /// let draft = chat.conversation().await?.and_then(|conversation| conversation.draft);
    /// assert_eq!(draft.as_deref(), Some("Dear Ada, "));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn keep_draft(&self, text: String, shown: String) -> Result<(), ClientError> {
        let chat = self.id;
        let command = Command::KeepDraft { chat, text, shown };
        self.client.command(command).await.map(drop)
    }

    /// Notes that the user is typing, or has stopped without sending. To be called with each key; the others are told now
    /// and then, unless [`Privacy::typing`](crate::Privacy::typing) is off.
    ///
    /// ```no_run
    /// # async fn example(chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// chat.set_typing(true).await?;
    /// chat.send_text("an answer that took some time").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_typing(&self, is_typing: bool) -> Result<(), ClientError> {
        let chat = self.id;
        self.client
            .command(Command::Type { chat, is_typing })
            .await
            .map(drop)
    }
}
