//! The engine: one account and device, one database, one step at a time.
//!
//! It does no network IO, has no threads, and reads neither clock nor random source of its own: the host
//! passes them in. It survives being dropped at any instant.

use rand_core::CryptoRngCore;
use subrosa_mls::{AccountPublicKey, DeviceIdentity, DeviceSigningKey, UnverifiedCertificate};
use subrosa_wire::{AccountId, Base64, ConversationId, Handle, Timestamp, rest};
use zeroize::Zeroizing;

use crate::{
    account::{
        self, EnrolmentError,
        vault::{self, VaultContents, VaultKey},
    },
    api::{Command, Contact, Conversation, EngineError, Input, Me, Message, Output, RecoveryCounts},
    connection::ConnectionState,
    content::{DisplayName, MessageId},
    context::{Context, Identity, StepResult},
    conversation::Conversations,
    database::Database,
    requests::Requests,
    step::Step,
    store::{
        contacts, conversations, corrupt, messages, outbox,
        profile::{self, ProfileRow},
    },
};

/// What enrolment has made: the start of a device's life.
pub struct NewProfile {
    /// The own handle.
    pub handle: Handle,
    /// The device, certified by the account key.
    pub identity: DeviceIdentity,
    /// What the vault holds.
    pub vault: VaultContents,
    /// The key of the vault.
    pub vault_key: VaultKey,
    /// The revision that the server holds.
    pub vault_revision: u64,
}

/// The engine.
pub struct Engine {
    database: Database,
    rng: Box<dyn CryptoRngCore + Send>,
    identity: Identity,
    connection: ConnectionState,
    requests: Requests,
    conversations: Conversations,
    recovery: RecoveryCounts,
}

impl Engine {
    /// Makes the profile in an empty database.
    pub fn create(
        mut database: Database,
        new: &NewProfile,
        rng: Box<dyn CryptoRngCore + Send>,
    ) -> Result<Self, EngineError> {
        database.transaction(|conn| {
            profile::insert(
                conn,
                &ProfileRow {
                    account_id: *new.identity.certificate.account_id().as_bytes(),
                    handle: new.handle.to_string(),
                    certificate: new.identity.certificate.encode(),
                    device_key: Zeroizing::new(new.identity.signing_key.seed().to_vec()),
                    vault_key: Zeroizing::new(new.vault_key.as_bytes().to_vec()),
                    vault: new.vault.encode(),
                    vault_revision: new.vault_revision,
                    vault_dirty: false,
                },
            )?;
            let me = new.identity.certificate.account_id();
            for (account, key) in &new.vault.contacts {
                if *account != me {
                    contacts::insert(conn, *account, key)?;
                }
            }
            Ok::<_, EngineError>(())
        })?;
        Self::open(database, rng)?.ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))
    }

    /// Opens the profile in a database; `None` if there is none.
    pub fn open(
        mut database: Database,
        rng: Box<dyn CryptoRngCore + Send>,
    ) -> Result<Option<Self>, EngineError> {
        let Some(row) = database.transaction(profile::load)? else {
            return Ok(None);
        };
        let identity = identity(&row)?;
        Ok(Some(Self {
            database,
            rng,
            identity,
            connection: ConnectionState::default(),
            requests: Requests::default(),
            conversations: Conversations::default(),
            recovery: RecoveryCounts::default(),
        }))
    }

    /// Takes one step. If it fails nothing of it is kept, and the engine is as after a lost connection; a
    /// command that is not accepted leaves everything as it was.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Result<Output, EngineError> {
        self.transact(now, |step| step.run(input))
    }

    fn transact(
        &mut self,
        now: Timestamp,
        act: impl FnOnce(&mut Step<'_>) -> StepResult,
    ) -> Result<Output, EngineError> {
        let Self {
            database,
            rng,
            identity,
            connection,
            requests,
            conversations,
            ..
        } = self;
        let result = database.transaction(|conn| {
            let mut step = Step {
                cx: Context::new(conn, now, &mut **rng, identity, connection, requests),
                conversations,
            };
            act(&mut step)?;
            Ok::<_, EngineError>((step.cx.out, step.cx.recovery))
        });
        match result {
            Ok((mut output, recovery)) => {
                self.recovery += recovery;
                self.connection.warn_once(&mut output.events);
                self.conversations.unload_groups();
                Ok(output)
            }
            Err(EngineError::Command(error)) => Err(error.into()),
            Err(error) => {
                // What is in memory may refer to what was rolled back.
                self.connection = ConnectionState::default();
                self.requests = Requests::default();
                self.conversations = Conversations::default();
                if let Some(row) = self.database.transaction(profile::load)? {
                    self.identity = self::identity(&row)?;
                }
                Err(error)
            }
        }
    }

    // ---- queries ----

    /// Who this engine is.
    pub fn me(&self) -> &Me {
        &self.identity.me
    }

    /// The own account's public key.
    pub fn account_key(&self) -> &AccountPublicKey {
        &self.identity.account_key
    }

    /// Every conversation, the one that was active last first.
    pub fn conversations(&self) -> Result<Vec<Conversation>, EngineError> {
        let conn = self.database.connection();
        conversations::all(conn)?
            .into_iter()
            .map(|row| self.summary(&row))
            .collect()
    }

    /// One conversation.
    pub fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>, EngineError> {
        conversations::find(self.database.connection(), id)?
            .map(|row| self.summary(&row))
            .transpose()
    }

    /// The conversation with a person.
    pub fn direct_conversation_with(&self, peer: AccountId) -> Result<Option<ConversationId>, EngineError> {
        Ok(conversations::find_by_peer(self.database.connection(), peer)?.map(|row| row.id))
    }

    fn summary(&self, row: &conversations::ConversationRow) -> Result<Conversation, EngineError> {
        let conn = self.database.connection();
        Ok(Conversation {
            id: row.id,
            peer: contacts::find(conn, row.peer)?.ok_or_else(|| corrupt("a conversation without contact"))?,
            unread: messages::unread_count(conn, row.chat)?,
            first_unread: messages::first_unread(conn, row.chat)?,
            active_at: row.active_at,
            last_message: messages::page(conn, row.chat, None, 1)?.pop(),
            state: row.state,
        })
    }

    /// The last `limit` messages before a position (or the newest), in the order of display.
    pub fn messages(
        &self,
        conversation: ConversationId,
        before_position: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, EngineError> {
        let conn = self.database.connection();
        let Some(row) = conversations::find(conn, conversation)? else {
            return Ok(Vec::new());
        };
        Ok(messages::page(conn, row.chat, before_position, limit)?)
    }

    /// The first `limit` messages at or after a position, in the order of display.
    pub fn messages_from(
        &self,
        conversation: ConversationId,
        from_position: i64,
        limit: u32,
    ) -> Result<Vec<Message>, EngineError> {
        let conn = self.database.connection();
        let Some(row) = conversations::find(conn, conversation)? else {
            return Ok(Vec::new());
        };
        Ok(messages::page_from(conn, row.chat, from_position, limit)?)
    }

    /// One message.
    pub fn message(
        &self,
        conversation: ConversationId,
        id: &MessageId,
    ) -> Result<Option<Message>, EngineError> {
        let conn = self.database.connection();
        let Some(row) = conversations::find(conn, conversation)? else {
            return Ok(None);
        };
        Ok(messages::find(conn, row.chat, id)?.map(|(_, message)| message))
    }

    /// Everybody who is known, by handle.
    pub fn contacts(&self) -> Result<Vec<Contact>, EngineError> {
        Ok(contacts::all(self.database.connection())?)
    }

    /// A person.
    pub fn contact(&self, account: AccountId) -> Result<Option<Contact>, EngineError> {
        Ok(contacts::find(self.database.connection(), account)?)
    }

    /// A person by handle.
    pub fn contact_by_handle(&self, handle: &Handle) -> Result<Option<Contact>, EngineError> {
        Ok(contacts::find_by_handle(self.database.connection(), handle)?)
    }

    /// Messages, reports and commits that the server has not accepted yet.
    pub fn outbox_len(&self) -> Result<u64, EngineError> {
        Ok(outbox::len(self.database.connection())?)
    }

    /// How often the ways back were needed.
    pub fn recovery_counts(&self) -> RecoveryCounts {
        self.recovery
    }

    // ---- what the host keeps here ----

    /// A value that the host stored, encrypted with everything else.
    pub fn setting(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, EngineError> {
        Ok(profile::setting(self.database.connection(), name)?.map(Zeroizing::new))
    }

    /// Stores a value for the host, or deletes it.
    pub fn set_setting(&mut self, name: &str, value: Option<&[u8]>) -> Result<(), EngineError> {
        self.database
            .transaction(|conn| Ok(profile::set_setting(conn, name, value)?))
    }

    /// Signs for the server that this is the device (see `wire::rest::signing_labels`).
    pub fn sign(&self, label: &'static str, message: &[u8]) -> [u8; 64] {
        self.identity.device.signing_key.sign(label, message)
    }

    /// The signature of `POST /v1/sessions/refresh` (see [`account::refresh_signature`]).
    pub fn refresh_signature(&self, nonce: &[u8], refresh_token: &str) -> Result<Base64, EnrolmentError> {
        account::refresh_signature(&self.identity.device.signing_key, nonce, refresh_token)
    }

    // ---- vault ----

    /// The contents of the vault, and its key.
    pub fn vault(&self) -> Result<(VaultContents, VaultKey), EngineError> {
        let row = self.profile_row()?;
        Ok((crate::vault::contents_of(&row)?, crate::vault::key_of(&row)?))
    }

    /// The vault to be put to the server, if the server does not have it as it is.
    pub fn vault_to_put(&mut self) -> Result<Option<rest::SealedVault>, EngineError> {
        let row = self.profile_row()?;
        if !row.vault_dirty {
            return Ok(None);
        }
        let revision = row.vault_revision + 1;
        let ciphertext = vault::seal(
            &crate::vault::contents_of(&row)?,
            &crate::vault::key_of(&row)?,
            self.identity.me.account_id,
            revision,
            &mut *self.rng,
        );
        Ok(Some(rest::SealedVault {
            revision,
            ciphertext: ciphertext.into(),
        }))
    }

    /// The server has taken the vault of this revision.
    pub fn vault_put(&mut self, revision: u64) -> Result<(), EngineError> {
        self.database
            .transaction(|conn| Ok(profile::set_vault_revision(conn, revision, false)?))
    }

    /// Another device was faster: its contents are merged with the own ones, which stay to be put.
    pub fn merge_vault(&mut self, now: Timestamp, sealed: &rest::SealedVault) -> Result<Output, EngineError> {
        let row = self.profile_row()?;
        let theirs = vault::open(sealed, &crate::vault::key_of(&row)?, self.identity.me.account_id)
            .map_err(|error| EngineError::Vault(error.to_string()))?;
        self.transact(now, |step| crate::vault::merge(&mut step.cx, sealed, &theirs))
    }

    fn profile_row(&self) -> Result<ProfileRow, EngineError> {
        profile::load(self.database.connection())?
            .ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))
    }
}

fn identity(row: &ProfileRow) -> Result<Identity, EngineError> {
    let contents = crate::vault::contents_of(row)?;
    let account_key = contents.account_key.public();
    let certificate = UnverifiedCertificate::decode(&row.certificate)
        .ok()
        .and_then(|certificate| certificate.verify_signature(&account_key).ok())
        .ok_or_else(|| corrupt("the device certificate"))?;
    let seed = row
        .device_key
        .as_slice()
        .try_into()
        .map_err(|_| corrupt("the device key"))?;
    Ok(Identity {
        me: Me {
            account_id: certificate.account_id(),
            handle: row.handle.parse().map_err(|_| corrupt("the handle"))?,
            device_id: certificate.device_id(),
            name: contents.display_name.as_ref().map(DisplayName::to_string),
        },
        device: DeviceIdentity {
            certificate,
            signing_key: DeviceSigningKey::from_seed(seed),
        },
        account_key,
    })
}

/// For hosts that drive the engine by commands alone.
impl From<Command> for Input {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}
