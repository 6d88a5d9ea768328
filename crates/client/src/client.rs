//! The SDK's main type: one device of an account, as applications and bots use it.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use subrosa_engine::{
    Command, CommandError, Contact, Conversation, Engine, EngineError, Event, Me, Message, MessageStatus,
    content::{MessageId, SendToken},
};
use subrosa_mls::{AccountPublicKey, UnverifiedCertificate};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Handle, Timestamp,
    rest::{self, Person},
};
use tokio::sync::{Notify, watch};

use crate::{
    ClientError, Events, ServerUrl, Status, accounts,
    ambient::SystemRandom,
    connection::Connector,
    host::HostHandle,
    limits::STOP_TIMEOUT,
    platform::{EngineThread, Network, Profile, Tasks, timeout},
    rest::Rest,
    session::{Session, StoredTokens},
    vault::VaultCopy,
};

/// Messages that are searched for one that got another id when its conversation moved.
const MOVED_MESSAGES_SEARCHED: u32 = 500;

/// One device of an account. Clones are handles to the same device.
///
/// Created by [`Client::sign_up`], [`Client::sign_in`], [`Client::recover`] or [`Client::open`], always within a tokio
/// runtime, and not connected until [`Client::connect`].
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    me: Me,
    account_key: AccountPublicKey,
    server: ServerUrl,
    network: Network,
    rest: Rest,
    session: Session,
    host: HostHandle,
    /// Returns the profile when the engine is closed.
    thread: Mutex<Option<EngineThread>>,
    tasks: Tasks,
    /// `true` stops the tasks of [`Client::connect`]; dropping it does, too.
    stop: watch::Sender<bool>,
    is_connecting: AtomicBool,
    retry_now: Arc<Notify>,
}

/// A device of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub device_id: DeviceId,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last connected, to the hour.
    pub last_seen_at: Timestamp,
    /// Whether it is this one.
    pub current: bool,
    /// Whether its certificate is signed by the account key. If not, the server made it up.
    pub certified: bool,
}

impl Client {
    /// Opens the device in a profile folder.
    pub async fn open(folder: &Path) -> Result<Self, ClientError> {
        let (profile, engine, server) = accounts::open_profile(folder).await?;
        Self::start(profile, engine, server)
    }

    /// Opens the device in a profile folder, for a server that has another address here. The device's tokens are sent
    /// to that address, so it has to come from the user.
    pub async fn open_at(folder: &Path, server: ServerUrl) -> Result<Self, ClientError> {
        let (profile, engine, _) = accounts::open_profile(folder).await?;
        Self::start(profile, engine, server)
    }

    /// Starts the threads and tasks of a device.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(
            clippy::arc_with_non_send_sync,
            reason = "a worker has one thread; natively there are many"
        )
    )]
    pub(crate) fn start(profile: Profile, engine: Engine, server: ServerUrl) -> Result<Self, ClientError> {
        let me = engine.me().clone();
        let account_key = *engine.account_key();
        let tokens = StoredTokens::load(&engine)?;
        let network = Network::to(&server)?;
        let rest = Rest::new(server.clone(), &network)?;
        let folder = profile.folder().to_owned();
        let (host, thread) = HostHandle::start(engine, profile).map_err(|error| ClientError::Profile {
            path: folder,
            reason: error.to_string(),
        })?;
        let tasks = Tasks::default();
        let session = Session::start(&tasks, rest.clone(), host.clone(), me.device_id, tokens);
        Ok(Self {
            shared: Arc::new(Shared {
                me,
                account_key,
                server,
                network,
                rest,
                session,
                host,
                thread: Mutex::new(Some(thread)),
                tasks,
                stop: watch::Sender::new(false),
                is_connecting: AtomicBool::new(false),
                retry_now: Arc::new(Notify::new()),
            }),
        })
    }

    // ---- the connection ----

    /// Connects, and stays connected until [`Client::close`]. Further calls do nothing.
    pub fn connect(&self) {
        if self.shared.is_connecting.swap(true, Ordering::AcqRel) {
            return;
        }
        let stop = &self.shared.stop;
        let connector = Connector {
            server: self.shared.server.clone(),
            network: self.shared.network.clone(),
            session: self.shared.session.clone(),
            host: self.shared.host.clone(),
            retry_now: Arc::clone(&self.shared.retry_now),
        };
        self.shared.tasks.spawn(connector.work(stop.subscribe()));
        let vault_copy = VaultCopy {
            rest: self.shared.rest.clone(),
            session: self.shared.session.clone(),
            host: self.shared.host.clone(),
        };
        self.shared.tasks.spawn(vault_copy.work(stop.subscribe()));
    }

    /// Ends the wait between two attempts to connect.
    pub fn retry_now(&self) {
        self.shared.retry_now.notify_one();
    }

    /// Watches the state of the connection and of the outbox.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.host.status()
    }

    /// Subscribes to changes from now on. To miss none, subscribe before [`Client::connect`].
    pub fn events(&self) -> Events {
        Events::new(self.shared.host.events())
    }

    /// Waits until everything that waited at the server has arrived and everything stored here has been sent.
    pub async fn settle(&self, patience: Duration) -> Result<(), ClientError> {
        self.wait_for(patience, "to come up to date", Status::is_settled)
            .await
    }

    /// Waits until everything that waited at the server has arrived.
    pub async fn catch_up(&self, patience: Duration) -> Result<(), ClientError> {
        self.wait_for(patience, "to come up to date", |status| status.caught_up)
            .await
    }

    async fn wait_for(
        &self,
        patience: Duration,
        what: &'static str,
        is_so: impl Fn(&Status) -> bool,
    ) -> Result<(), ClientError> {
        let mut status = self.status();
        let arrived = status.wait_for(|status| is_so(status) || status.is_final());
        let status = timeout(patience, arrived).await;
        match status {
            Err(_) => Err(self.late(what)),
            Ok(Err(_)) => Err(ClientError::Closed),
            Ok(Ok(status)) if is_so(&status) => Ok(()),
            Ok(Ok(status)) => Err(final_error(&status)),
        }
    }

    /// The error for something that did not happen in time: there is no connection, or the reason is unknown.
    fn late(&self, what: &'static str) -> ClientError {
        match &self.status().borrow().connection {
            crate::Connection::Waiting { reason, .. } => ClientError::Unreachable {
                server: self.shared.server.to_string(),
                reason: reason.clone(),
            },
            _ => ClientError::TimedOut(what),
        }
    }

    /// Ends the connection, closes the database and releases the profile. What was not sent is sent the next time.
    pub async fn close(self) -> Result<(), ClientError> {
        self.into_profile().await.map(drop)
    }

    async fn into_profile(self) -> Result<Profile, ClientError> {
        self.shared.stop.send_replace(true);
        let thread = self
            .shared
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let thread = thread.ok_or(ClientError::Closed)?;
        // The engine's thread has to end even if other clones of this client live on.
        self.shared.host.stop().await;
        match timeout(STOP_TIMEOUT, thread.join()).await {
            Ok(profile) => profile,
            Err(_) => Err(ClientError::TimedOut("closing the profile")),
        }
    }

    // ---- the account ----

    /// This account and device.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.ask(|engine| Ok(engine.me().clone())).await
    }

    /// This device.
    pub fn device_id(&self) -> DeviceId {
        self.shared.me.device_id
    }

    /// This account's handle.
    pub fn handle(&self) -> &Handle {
        &self.shared.me.handle
    }

    pub(crate) fn rest(&self) -> &Rest {
        &self.shared.rest
    }

    /// The server of this account.
    pub fn server(&self) -> &ServerUrl {
        &self.shared.server
    }

    /// Changes this account's display name; `None` removes it. Others receive it with the next message.
    pub async fn set_name(&self, name: Option<String>) -> Result<(), ClientError> {
        self.command(Command::SetName(name)).await.map(drop)
    }

    /// This account's devices that are signed in, as the server lists them; needs the server.
    pub async fn devices(&self) -> Result<Vec<Device>, ClientError> {
        let rest = &self.shared.rest;
        let answer = self
            .shared
            .session
            .with_token(|token| rest.devices(token))
            .await?;
        Ok(answer
            .devices
            .into_iter()
            .map(|device| self.checked(&device))
            .collect())
    }

    /// Checks a device that the server lists, which might be made up.
    fn checked(&self, device: &rest::Device) -> Device {
        let certificate = UnverifiedCertificate::decode(&device.certificate.0)
            .and_then(|certificate| certificate.verify_signature(&self.shared.account_key));
        Device {
            device_id: device.device_id,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at,
            current: device.device_id == self.shared.me.device_id,
            certified: certificate.is_ok_and(|certificate| {
                certificate.account_id() == self.shared.me.account_id
                    && certificate.device_id() == device.device_id
            }),
        }
    }

    /// Signs another device of the account out; needs the server.
    pub async fn sign_out_device(&self, device: DeviceId) -> Result<(), ClientError> {
        let rest = &self.shared.rest;
        self.shared
            .session
            .with_token(|token| rest.sign_out_device(token, device))
            .await
    }

    /// Signs this device out at the server and removes the profile. If the server cannot be reached, nothing happens;
    /// see [`Client::forget`].
    pub async fn sign_out(self) -> Result<(), ClientError> {
        self.sign_out_at_server().await?;
        self.forget().await
    }

    /// Signs this device out at the server, without removing the profile; see [`Client::forget`].
    pub async fn sign_out_at_server(&self) -> Result<(), ClientError> {
        match self.sign_out_device(self.device_id()).await {
            // Another device has already signed it out.
            Err(ClientError::SignedOut(_)) => Ok(()),
            answer => answer,
        }
    }

    /// Removes the profile without telling the server. Until its session ends there, or another device
    /// signs it out, others still encrypt for this device, whose keys are gone.
    pub async fn forget(self) -> Result<(), ClientError> {
        self.into_profile().await?.remove().await
    }

    // ---- people ----

    /// People whose handle starts with this text; needs the server.
    pub async fn search_people(&self, prefix: &str) -> Result<Vec<Person>, ClientError> {
        let rest = &self.shared.rest;
        let answer = self
            .shared
            .session
            .with_token(|token| rest.search_people(token, prefix))
            .await?;
        Ok(answer.people)
    }

    /// The people that this account has conversations with.
    pub async fn contacts(&self) -> Result<Vec<Contact>, ClientError> {
        self.ask(Engine::contacts).await
    }

    /// The direct conversation with a person, if this device has it.
    pub async fn chat_with(&self, handle: &Handle) -> Result<Option<ConversationId>, ClientError> {
        let handle = handle.clone();
        self.ask(move |engine| match engine.contact_by_handle(&handle)? {
            Some(contact) => engine.direct_conversation_with(contact.account_id),
            None => Ok(None),
        })
        .await
    }

    /// The direct conversation with an account, if this device has it.
    pub async fn chat_with_account(&self, account: AccountId) -> Result<Option<ConversationId>, ClientError> {
        self.ask(move |engine| engine.direct_conversation_with(account))
            .await
    }

    /// A person whom this account has a conversation with.
    pub async fn contact(&self, account: AccountId) -> Result<Option<Contact>, ClientError> {
        self.ask(move |engine| engine.contact(account)).await
    }

    /// The direct conversation with a person. If there is none, it is created, which needs the server.
    pub async fn open_chat(&self, handle: &Handle) -> Result<ConversationId, ClientError> {
        if *handle == self.shared.me.handle {
            return Err(ClientError::Command(CommandError::OwnAccount));
        }
        if let Some(conversation) = self.chat_with(handle).await? {
            return Ok(conversation);
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
        let account_id = person.account_id;
        self.command(Command::OpenDirect(person)).await?;
        let opened = self
            .ask(move |engine| engine.direct_conversation_with(account_id))
            .await?;
        opened.ok_or_else(|| {
            ClientError::Engine(EngineError::Inconsistent(
                "a conversation was not opened".to_owned(),
            ))
        })
    }

    // ---- conversations and messages: these work without a network ----

    /// All conversations, the newest first.
    pub async fn conversations(&self) -> Result<Vec<Conversation>, ClientError> {
        self.ask(Engine::conversations).await
    }

    /// One conversation.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>, ClientError> {
        self.ask_of(id, Engine::conversation).await
    }

    /// The newest `limit` messages of a conversation, or those before a position, in ascending order.
    pub async fn messages(
        &self,
        conversation: ConversationId,
        before_position: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, ClientError> {
        self.ask_of(conversation, move |engine, id| {
            engine.messages(id, before_position, limit)
        })
        .await
    }

    /// The first `limit` messages of a conversation at or after a position, in ascending order.
    pub async fn messages_from(
        &self,
        conversation: ConversationId,
        from_position: i64,
        limit: u32,
    ) -> Result<Vec<Message>, ClientError> {
        self.ask_of(conversation, move |engine, id| {
            engine.messages_from(id, from_position, limit)
        })
        .await
    }

    /// One message.
    pub async fn message(
        &self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Option<Message>, ClientError> {
        self.ask_of(conversation, move |engine, conversation| {
            engine.message(conversation, &id)
        })
        .await
    }

    /// Sends a text: stores it as pending and returns. It is sent as soon as there is a connection.
    pub async fn send_text(
        &self,
        conversation: ConversationId,
        text: String,
    ) -> Result<Message, ClientError> {
        self.send_text_once(conversation, text, SendToken::random(&mut SystemRandom))
            .await
    }

    /// Like [`Client::send_text`], for callers that cannot know whether an earlier call arrived: the same text with
    /// the same token is one message, which is returned each time.
    pub async fn send_text_once(
        &self,
        conversation: ConversationId,
        text: String,
        token: SendToken,
    ) -> Result<Message, ClientError> {
        let events = self
            .command_in(conversation, move |conversation| Command::SendText {
                conversation,
                text,
                token,
            })
            .await?;
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

    /// Waits until the server has accepted a message, or has refused it for good ([`MessageStatus::Failed`]).
    /// On an error the message stays stored and is sent later.
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
            message = match self.message(message.conversation, message.id).await? {
                Some(now) => now,
                // Its conversation moved, and with it the message got another id.
                None => self.find_moved(&message).await?.unwrap_or(message),
            };
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

    /// The message of the same text in the conversation that took the place of its own.
    async fn find_moved(&self, lost: &Message) -> Result<Option<Message>, ClientError> {
        let messages = self
            .messages(lost.conversation, None, MOVED_MESSAGES_SEARCHED)
            .await?;
        Ok(messages
            .into_iter()
            .rev()
            .find(|message| message.outgoing && message.text == lost.text))
    }

    /// A conversation's draft: text that was typed and not sent.
    pub async fn draft(&self, conversation: ConversationId) -> Result<Option<String>, ClientError> {
        let stored = self.ask_of(conversation, |engine, id| engine.setting(&draft_setting(id)));
        Ok(stored
            .await?
            .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()))
    }

    /// Stores a conversation's draft; an empty text deletes it.
    pub async fn keep_draft(&self, conversation: ConversationId, text: String) -> Result<(), ClientError> {
        let kept = self.shared.host.run(move |host| {
            let setting = draft_setting(host.current_id(conversation));
            let value = (!text.is_empty()).then_some(text.as_bytes());
            host.engine().set_setting(&setting, value)
        });
        Ok(kept.await??)
    }

    /// Tries a failed message again.
    pub async fn retry(&self, conversation: ConversationId, message: MessageId) -> Result<(), ClientError> {
        let command = move |conversation| Command::Retry {
            conversation,
            message,
        };
        self.command_in(conversation, command).await.map(drop)
    }

    /// Deletes a failed message.
    pub async fn discard(&self, conversation: ConversationId, message: MessageId) -> Result<(), ClientError> {
        let command = move |conversation| Command::Discard {
            conversation,
            message,
        };
        self.command_in(conversation, command).await.map(drop)
    }

    /// Marks every message of a conversation as read, and reports that to the other person.
    pub async fn mark_read(&self, conversation: ConversationId) -> Result<(), ClientError> {
        let command = |conversation| Command::MarkRead { conversation };
        self.command_in(conversation, command).await.map(drop)
    }

    async fn command(&self, command: Command) -> Result<Vec<Event>, ClientError> {
        Ok(self.shared.host.run(move |host| host.command(command)).await??)
    }

    /// Runs a command for a conversation, under its current id.
    async fn command_in(
        &self,
        conversation: ConversationId,
        command: impl FnOnce(ConversationId) -> Command + Send + 'static,
    ) -> Result<Vec<Event>, ClientError> {
        let commanded = self.shared.host.run(move |host| {
            let command = command(host.current_id(conversation));
            host.command(command)
        });
        Ok(commanded.await??)
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, ClientError> {
        Ok(self
            .shared
            .host
            .run(move |host| question(host.engine()))
            .await??)
    }

    /// Runs a query about a conversation, under its current id.
    async fn ask_of<T: Send + 'static>(
        &self,
        conversation: ConversationId,
        question: impl FnOnce(&Engine, ConversationId) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let asked = self.shared.host.run(move |host| {
            let conversation = host.current_id(conversation);
            question(host.engine(), conversation)
        });
        Ok(asked.await??)
    }
}

/// The name of the setting that holds a draft.
fn draft_setting(conversation: ConversationId) -> String {
    format!("draft/{conversation}")
}

fn final_error(status: &Status) -> ClientError {
    match &status.connection {
        crate::Connection::SignedOut { reason } => ClientError::SignedOut(reason.clone()),
        crate::Connection::Incompatible { .. } => ClientError::VersionMismatch {
            server: 0,
            client: subrosa_wire::limits::PROTOCOL_VERSION,
        },
        _ => ClientError::Closed,
    }
}
