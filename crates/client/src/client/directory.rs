//! People: searching the directory, and who is known here.

use subrosa_engine::{Command, CommandError, Contact, Engine, EngineError};
use subrosa_wire::{AccountId, Handle, rest::Person};

use super::{Chat, Client};
use crate::ClientError;

/// Who is known to have a handle, and who has it by the word of the server.
///
/// See [`Client::compare_handle`] for an example.
#[derive(Debug, Clone)]
pub struct HandleComparison {
    /// Whom it is pinned to here.
    pub known: Option<Contact>,
    /// Whom the server shows; `None` if nobody.
    pub shown: Option<Person>,
}

impl HandleComparison {
    /// Whether the server shows another account than the known one.
    ///
    /// See [`Client::compare_handle`] for an example.
    pub fn differs(&self) -> bool {
        match (&self.known, &self.shown) {
            (Some(known), Some(shown)) => known.account_id != shown.account_id,
            _ => false,
        }
    }
}

impl Client {
    /// People whose handle starts with this text; needs the server. Whom the server shows under a handle that is known
    /// to belong to somebody else is left out, with a warning ([`crate::Warning::HandleReassigned`]).
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for person in client.search_people("ad").await? {
    ///     println!("@{}", person.handle);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn search_people(&self, prefix: &str) -> Result<Vec<Person>, ClientError> {
        let rest = &self.shared.rest;
        let answer = self
            .shared
            .session
            .with_token(|token| rest.search_people(token, prefix))
            .await?;
        let people = answer.people;
        Ok(self
            .shared
            .host
            .run(move |host| host.leave_out_unfit(people))
            .await??)
    }

    /// Who is known to have a handle, and who has it by the word of the server, which this needs. If it is not the same
    /// account, the user can compare the account ids with the person and then call [`Client::accept_handle`].
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let comparison = client.compare_handle(&"ada".parse().expect("a handle")).await?;
    /// if comparison.differs() {
    ///     println!("known: {:?}, shown: {:?}", comparison.known, comparison.shown);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn compare_handle(&self, handle: &Handle) -> Result<HandleComparison, ClientError> {
        let rest = &self.shared.rest;
        let shown = self
            .shared
            .session
            .with_token(|token| rest.person(token, handle))
            .await?;
        let asked = handle.clone();
        let known = self.ask(move |engine| engine.contact_by_handle(&asked)).await?;
        let shown = shown.filter(|person| person.handle == *handle);
        Ok(HandleComparison { known, shown })
    }

    /// Gives a handle to the account that the server shows for it, on all devices of this account. The account that had
    /// it keeps its conversation, which is shown without the handle from then on.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, comparison: subrosa_client::HandleComparison) -> Result<(), subrosa_client::ClientError> {
    /// // Only after the user has compared the account ids.
    /// if let Some(person) = comparison.shown {
    ///     client.accept_handle(person).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept_handle(&self, person: Person) -> Result<(), ClientError> {
        self.command(Command::AcceptHandle(person)).await.map(drop)
    }

    /// The people that this account has conversations with.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// for contact in client.contacts().await? {
    ///     println!("{:?} is called {:?}", contact.handle, contact.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn contacts(&self) -> Result<Vec<Contact>, ClientError> {
        self.ask(Engine::contacts).await
    }

    /// A person whom this account has a conversation with.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// let sender = client.contact(message.sender).await?;
    /// let handle = sender.and_then(|contact| contact.handle);
    /// println!("{handle:?}: {}", message.text);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn contact(&self, account: AccountId) -> Result<Option<Contact>, ClientError> {
        self.ask(move |engine| engine.contact(account)).await
    }

    /// The person who is known here to have a handle.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let ada = client.contact_by_handle(&"ada".parse().expect("a handle")).await?;
    /// println!("{:?}", ada.and_then(|contact| contact.name));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn contact_by_handle(&self, handle: &Handle) -> Result<Option<Contact>, ClientError> {
        let handle = handle.clone();
        self.ask(move |engine| engine.contact_by_handle(&handle)).await
    }

    /// Asks the server who has an account that is known by its id alone, such as one that is banned from a group. Does not
    /// wait for the answer: [`crate::Event::ContactChanged`] tells of it.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, chat: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// if let Some(policy) = chat.policy().await? {
    ///     for account in policy.banned() {
    ///         client.look_up(*account).await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn look_up(&self, account: AccountId) -> Result<(), ClientError> {
        self.command(Command::LookUp(account)).await.map(drop)
    }

    /// Changes what this account's user calls somebody who is known here, on all devices of the account; `None` removes it.
    /// Nobody else learns of it. It is a name like [`Client::set_name`] takes; at most some hundred people can have one.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// client.set_nickname(message.sender, Some("Aunt Ada".to_owned())).await?;
    /// let sender = client.contact(message.sender).await?;
    /// assert_eq!(sender.and_then(|contact| contact.nickname).as_deref(), Some("Aunt Ada"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_nickname(
        &self,
        account: AccountId,
        nickname: Option<String>,
    ) -> Result<(), ClientError> {
        self.command(Command::SetNickname(account, nickname))
            .await
            .map(drop)
    }

    /// Blocks somebody who is known here, on all devices of the account, or no longer. What a blocked person writes to this
    /// account alone is dropped, and they are not told; in groups they can be read.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// client.block(message.sender, true).await?;
    /// let sender = client.contact(message.sender).await?;
    /// assert!(sender.is_some_and(|contact| contact.is_blocked));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn block(&self, account: AccountId, is_blocked: bool) -> Result<(), ClientError> {
        self.command(Command::Block(account, is_blocked)).await.map(drop)
    }

    /// The conversations that a person is a member of, as far as this device is in them: the direct one, and the groups in
    /// common.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, message: subrosa_client::Message) -> Result<(), subrosa_client::ClientError> {
    /// for chat in client.chats_shared_with(message.sender).await? {
    ///     println!("{:?}", chat.conversation().await?.and_then(|conversation| conversation.title));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn chats_shared_with(&self, account: AccountId) -> Result<Vec<Chat>, ClientError> {
        let chats = self.ask(move |engine| engine.chats_shared_with(account)).await?;
        Ok(chats.into_iter().map(|chat| self.chat(chat)).collect())
    }

    /// The direct conversation with a person, if there is one here.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let ada = "ada".parse().expect("a handle");
    /// if let Some(chat) = client.chat_with(&ada).await? {
    ///     chat.mark_read().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn chat_with(&self, handle: &Handle) -> Result<Option<Chat>, ClientError> {
        if *handle == self.shared.me.handle {
            return self.chat_with_account(self.shared.me.account_id).await;
        }
        let handle = handle.clone();
        let chat = self
            .ask(move |engine| match engine.contact_by_handle(&handle)? {
                Some(contact) => engine.direct_chat_with(contact.account_id),
                None => Ok(None),
            })
            .await?;
        Ok(chat.map(|chat| self.chat(chat)))
    }

    /// The direct conversation with an account, if there is one here; with this account itself, its notes to self.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, member: subrosa_client::Member) -> Result<(), subrosa_client::ClientError> {
    /// if let Some(chat) = client.chat_with_account(member.account_id).await? {
    ///     chat.send_text("between the two of us").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn chat_with_account(&self, account: AccountId) -> Result<Option<Chat>, ClientError> {
        let chat = self.ask(move |engine| engine.direct_chat_with(account)).await?;
        Ok(chat.map(|chat| self.chat(chat)))
    }

    /// The direct conversation with a person. If there is none, it is created, which needs the server. With this account's own
    /// handle it is [`Client::notes_to_self`].
    ///
    /// ```no_run
    /// use subrosa_client::ClientError;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let ada = "ada".parse().expect("a handle");
    /// match client.open_chat(&ada).await {
    ///     Ok(chat) => drop(chat.send_text("hello").await?),
    ///     Err(ClientError::UnknownPerson(handle)) => println!("no one has the handle @{handle}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open_chat(&self, handle: &Handle) -> Result<Chat, ClientError> {
        if *handle == self.shared.me.handle {
            return self.notes_to_self().await;
        }
        if let Some(chat) = self.chat_with(handle).await? {
            // One that is out of the list comes back below.
            let is_hidden = chat.conversation().await?.is_some_and(|chat| chat.is_hidden);
            if !is_hidden {
                return Ok(chat);
            }
        }
        let person = self.person(handle).await?;
        let account_id = person.account_id;
        self.open_with(account_id, Command::OpenDirect(person)).await
    }

    /// The account's notes to self: a conversation with nobody else, on all its devices. It is at the server once something is
    /// written.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// client.notes_to_self().await?.send_text("Buy a ladder").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn notes_to_self(&self) -> Result<Chat, ClientError> {
        self.open_with(self.shared.me.account_id, Command::OpenNotes)
            .await
    }

    /// Opens the conversation with an account, and returns it.
    async fn open_with(&self, with: AccountId, command: Command) -> Result<Chat, ClientError> {
        self.command(command).await?;
        self.chat_with_account(with).await?.ok_or_else(|| {
            ClientError::Engine(EngineError::Inconsistent(
                "a conversation was not opened".to_owned(),
            ))
        })
    }

    /// Whom the server shows under a handle.
    pub(super) async fn person(&self, handle: &Handle) -> Result<Person, ClientError> {
        if *handle == self.shared.me.handle {
            return Err(ClientError::Command(CommandError::OwnAccount));
        }
        let rest = &self.shared.rest;
        let found = self
            .shared
            .session
            .with_token(|token| rest.person(token, handle))
            .await?;
        let person = found.ok_or_else(|| ClientError::UnknownPerson(handle.as_str().to_owned()))?;
        if person.handle != *handle {
            return Err(ClientError::ServerMisbehaved(format!(
                "asked for @{}, it gave @{}",
                handle.as_str(),
                person.handle.as_str()
            )));
        }
        Ok(person)
    }
}
