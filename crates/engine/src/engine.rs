//! The engine: one account and device, one database, one step at a time.
//!
//! It does no network IO, has no threads, and has neither a clock nor a random source: the host passes them
//! in. It may be dropped at any time.

use std::collections::BTreeMap;

use rand_core::CryptoRngCore;
use rusqlite::Connection;
use subrosa_mls::{
    ConversationKind, DeviceIdentity, DeviceSigningKey, Group, GroupPolicy, Mls, UnverifiedCertificate,
    limits::CERTIFICATE_VALIDITY,
};
use subrosa_wire::{AccountId, Base64, ConversationId, DeviceId, Handle, Timestamp, rest};
use zeroize::Zeroizing;

use crate::{
    ChatId, LocalMessageId,
    account::{
        self, EnrolmentError,
        record::RecordKey,
        vault::{self, VaultContents, VaultKey},
    },
    api::{
        AskState, Command, Contact, Conversation, ConversationState, EngineError, GroupLink, Input,
        JoinRequest, LinkStanding, Me, Member, MemberDevice, Message, Notice, Output, Presence, Privacy,
        RecoveryCounts, Standing,
    },
    connection::ConnectionState,
    content::DisplayName,
    context::{Context, Identity, StepResult},
    conversation::Conversations,
    database::{Database, KvTable},
    devices, directory,
    join_note::{Asking, JoinNote},
    limits::{CERTIFICATE_RETRY_AFTER, LOG_KEPT},
    profile_objects::{self, format::Picture},
    records,
    requests::Requests,
    signals,
    step::Step,
    store::{
        contacts, conversations, corrupt,
        joins::{self, AskStep},
        links::{self, LinkStep},
        members, messages, notices, outbox,
        profile::{self, ProfileRow},
        wishes::{self, Wish},
    },
    vault::VaultToPut,
};

/// The result of enrolment, from which a profile is made.
pub struct NewProfile {
    /// This account's handle.
    pub handle: Handle,
    /// The device, certified by the account key.
    pub identity: DeviceIdentity,
    /// The contents of the vault.
    pub vault: VaultContents,
    /// The key of the vault.
    pub vault_key: VaultKey,
    /// The revision of the vault that the server holds.
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
    /// When to truncate the log of the database, if something was written since it was.
    log_due_at: Option<Timestamp>,
    /// When the last step was taken.
    now: Timestamp,
}

impl Engine {
    /// Creates the profile in an empty database.
    pub fn create(
        mut database: Database,
        new: &NewProfile,
        rng: Box<dyn CryptoRngCore + Send>,
    ) -> Result<Self, EngineError> {
        let certificate = &new.identity.certificate;
        let mut vault = VaultContents::decode(&new.vault.encode()).map_err(|_| corrupt("the vault"))?;
        let is_entered = vault.has_device(certificate.device_id());
        if !is_entered {
            vault.add_device(certificate.device_id(), certificate.not_before());
        }
        database.transaction(|conn| {
            profile::insert(
                conn,
                &ProfileRow {
                    account_id: *certificate.account_id().as_bytes(),
                    handle: new.handle.to_string(),
                    certificate: certificate.encode(),
                    device_key: Zeroizing::new(new.identity.signing_key.seed().to_vec()),
                    vault_key: Zeroizing::new(new.vault_key.as_bytes().to_vec()),
                    vault: vault.encode(),
                    vault_revision: new.vault_revision,
                    vault_newest: new.vault_revision,
                    vault_dirty: !is_entered,
                    vault_changes: 0,
                },
            )?;
            directory::insert_pinned(conn, certificate.account_id(), &vault.contacts)?;
            devices::insert_known(conn, certificate, &vault)?;
            Ok::<_, EngineError>(())
        })?;
        Self::open(database, rng)?.ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))
    }

    /// Opens the profile in a database; `None` if there is none.
    pub fn open(
        mut database: Database,
        rng: Box<dyn CryptoRngCore + Send>,
    ) -> Result<Option<Self>, EngineError> {
        let identity = database.transaction(|conn| {
            let Some(row) = profile::load(conn)? else {
                return Ok::<_, EngineError>(None);
            };
            Ok(Some(identity(conn, &row)?))
        })?;
        let Some(identity) = identity else { return Ok(None) };
        if let Err(error) = database.transaction(|conn| records::take_old_drafts(conn, &identity.me)) {
            tracing::warn!(%error, "drafts of an earlier build stay where they are");
        }
        if let Err(error) = database.transaction(|conn| records::take_up_nicknames(conn, &identity.me)) {
            tracing::warn!(%error, "nicknames that came while an earlier build ran are not shown");
        }
        if let Err(error) = database.transaction(records::take_up_decisions) {
            tracing::warn!(%error, "new devices do not learn which conversations the user wants");
        }
        Ok(Some(Self {
            database,
            rng,
            identity,
            connection: ConnectionState::default(),
            requests: Requests::default(),
            conversations: Conversations::default(),
            recovery: RecoveryCounts::default(),
            log_due_at: None,
            now: Timestamp::from_millis(0),
        }))
    }

    /// Takes one step. If it fails, the database is unchanged and the engine is as after a lost connection. A
    /// command that is not accepted changes nothing.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Result<Output, EngineError> {
        self.transact(now, |step| step.run(input))
            .map(|((), output)| output)
    }

    fn transact<T>(
        &mut self,
        now: Timestamp,
        act: impl FnOnce(&mut Step<'_>) -> StepResult<T>,
    ) -> Result<(T, Output), EngineError> {
        self.now = now;
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
            let done = act(&mut step)
                .and_then(|done| step.cx.store_mls_state().map(|()| done))
                .map_err(|error| step.cx.cause(error))?;
            Ok::<_, EngineError>((done, step.cx.out, step.cx.recovery))
        });
        match result {
            Ok((done, mut output, recovery)) => {
                self.recovery += recovery;
                self.connection.warn_once(&mut output.events);
                self.conversations.unload_groups();
                let due = [
                    self.connection.wake_at(),
                    self.conversations.wake_at(),
                    messages::next_expiry(self.database.connection())?,
                    self.tidy_log(now),
                ];
                output.wake_at = due.into_iter().flatten().min();
                Ok((done, output))
            }
            Err(EngineError::Command(error)) => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "a step is rolled back");
                // What is in memory may refer to what was rolled back.
                self.connection = ConnectionState::default();
                self.requests = Requests::default();
                self.conversations = Conversations::default();
                let identity = self.database.transaction(|conn| {
                    let row = profile::load(conn)?;
                    row.map(|row| self::identity(conn, &row)).transpose()
                })?;
                if let Some(identity) = identity {
                    self.identity = identity;
                }
                Err(error)
            }
        }
    }

    /// Truncates the log of the database if it is due. Returns when it will be.
    fn tidy_log(&mut self, now: Timestamp) -> Option<Timestamp> {
        if !self.database.is_log_due() {
            self.log_due_at = None;
            return None;
        }
        let due_at = self.log_due_at.unwrap_or_else(|| now.plus(LOG_KEPT));
        self.log_due_at = Some(due_at);
        // If the clock was set back, it does not wait for the old time.
        if now < due_at && due_at.since(now) <= LOG_KEPT {
            return Some(due_at);
        }
        self.log_due_at = None;
        self.truncate_log();
        self.database.is_log_due().then(|| {
            // It failed, as for want of space: the next attempt is no sooner than the first was.
            let again_at = now.plus(LOG_KEPT);
            self.log_due_at = Some(again_at);
            again_at
        })
    }

    /// Truncates the log of the database. What was deleted is in its files until that succeeds.
    fn truncate_log(&mut self) {
        if let Err(error) = self.database.truncate_log() {
            tracing::warn!(%error, "the log of the database is not truncated");
        }
    }

    // ---- queries ----

    /// Who this engine is.
    pub fn me(&self) -> &Me {
        &self.identity.me
    }

    /// Every conversation that is not hidden, the most recently active first.
    pub fn conversations(&self) -> Result<Vec<Conversation>, EngineError> {
        let rows = conversations::shown(self.database.connection())?;
        let mut conversations = self.summaries(rows)?;
        conversations.retain(|conversation| !conversation.is_hidden);
        Ok(conversations)
    }

    /// The conversations that lists leave out because the user has hidden or deleted them here, the most recently active
    /// first: this account is still in them.
    pub fn hidden_conversations(&self) -> Result<Vec<Conversation>, EngineError> {
        let rows = conversations::hidden(self.database.connection())?;
        let mut conversations = self.summaries(rows)?;
        conversations.retain(|conversation| {
            conversation.standing == Standing::Accepted && conversation.state != ConversationState::Removed
        });
        Ok(conversations)
    }

    /// Those that can be read.
    fn summaries(&self, rows: Vec<conversations::ConversationRow>) -> Result<Vec<Conversation>, EngineError> {
        let mut shown = Vec::new();
        for row in rows {
            match self.summary(&row) {
                Ok(conversation) => shown.push(conversation),
                // It must not keep the others from the user.
                Err(error) if error.is_in_conversation() => {
                    tracing::error!(chat = %row.chat, %error, "a conversation cannot be shown");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(shown)
    }

    /// One conversation.
    pub fn conversation(&self, chat: ChatId) -> Result<Option<Conversation>, EngineError> {
        conversations::load(self.database.connection(), chat)?
            .map(|row| self.summary(&row))
            .transpose()
    }

    /// Whether the user wants a conversation, as [`Conversation::standing`] has it; yes if there is none.
    pub fn standing(&self, chat: ChatId) -> Result<Standing, EngineError> {
        let row = conversations::load(self.database.connection(), chat)?;
        Ok(row.map(|row| records::shown_standing(&row)).unwrap_or_default())
    }

    /// The direct conversation with a person; with this account itself, its notes to self.
    pub fn direct_chat_with(&self, person: AccountId) -> Result<Option<ChatId>, EngineError> {
        let pair = (self.identity.me.account_id, person);
        Ok(conversations::find_pair(self.database.connection(), pair)?.map(|row| row.chat))
    }

    /// The conversations that a person is a member of now, in the order of their ids.
    pub fn chats_shared_with(&self, person: AccountId) -> Result<Vec<ChatId>, EngineError> {
        Ok(members::chats_of(self.database.connection(), person)?)
    }

    /// The conversation with this id on the wire.
    pub fn chat_by_conversation_id(&self, id: ConversationId) -> Result<Option<ChatId>, EngineError> {
        Ok(conversations::find(self.database.connection(), id)?.map(|row| row.chat))
    }

    /// The current members of a conversation, including this account.
    pub fn members(&self, chat: ChatId) -> Result<Vec<Member>, EngineError> {
        let conn = self.database.connection();
        members::all(conn, chat)?
            .into_iter()
            .map(|row| {
                Ok(Member {
                    account_id: row.account,
                    contact: contacts::find(conn, row.account)?,
                    role: row.role,
                    delivered_up_to: row.delivered_up_to,
                    read_up_to: row.read_up_to,
                })
            })
            .collect()
    }

    /// Who has left a group or was removed from it, and is still known here.
    pub fn former_members(&self, chat: ChatId) -> Result<Vec<Contact>, EngineError> {
        let conn = self.database.connection();
        let mut gone = notices::gone(conn, chat)?;
        for member in members::all(conn, chat)? {
            gone.remove(&member.account);
        }
        let contacts = gone.into_iter().map(|account| contacts::find(conn, account));
        Ok(contacts.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }

    fn summary(&self, row: &conversations::ConversationRow) -> Result<Conversation, EngineError> {
        let conn = self.database.connection();
        let with = if row.kind == ConversationKind::Direct {
            let others = members::others(conn, row.chat, self.identity.me.account_id)?;
            let person = others.first().map(|person| contacts::find(conn, *person));
            Some(
                person
                    .transpose()?
                    .flatten()
                    .ok_or_else(|| corrupt("a conversation without contact"))?,
            )
        } else {
            None
        };
        let person = with.as_ref().map(|contact| contact.account_id);
        let (draft, settings) = records::shown(conn, row, person, self.now)?;
        let presence = with.as_ref().map(|person| self.presence(person.account_id));
        Ok(Conversation {
            presence: presence.transpose()?.unwrap_or(Presence::Unknown),
            typing: if row.state == ConversationState::Joined {
                self.typing(row.chat)
            } else {
                Vec::new()
            },
            id: row.chat,
            conversation_id: row.id,
            kind: row.kind,
            title: row.title.clone(),
            description: row.description.clone(),
            timer: row.timer,
            picture: profile_objects::group::shown_version(conn, row.chat)?,
            unread: messages::unread_count(conn, row.chat)?,
            first_unread: messages::first_unread(conn, row.chat)?,
            active_at: row.active_at,
            last_message: messages::page(conn, row.chat, None, 1)?.pop(),
            state: row.state,
            quarantine: row
                .quarantine
                .as_ref()
                .map(|quarantine| quarantine.reason.clone()),
            is_hidden: row.hidden || is_left_out(row, with.as_ref(), conn)?,
            standing: records::shown_standing(row),
            added_by: row.added_by,
            settings,
            ask: ask_state(conn, row)?,
            join_requests: self.asking(row.chat)?.len(),
            draft,
            with,
        })
    }

    /// The last `limit` messages before a position (or the newest), in the order of display.
    pub fn messages(
        &self,
        chat: ChatId,
        before_position: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, EngineError> {
        Ok(messages::page(
            self.database.connection(),
            chat,
            before_position,
            limit,
        )?)
    }

    /// The first `limit` messages at or after a position, in the order of display.
    pub fn messages_from(
        &self,
        chat: ChatId,
        from_position: i64,
        limit: u32,
    ) -> Result<Vec<Message>, EngineError> {
        Ok(messages::page_from(
            self.database.connection(),
            chat,
            from_position,
            limit,
        )?)
    }

    /// The first `limit` messages of others, in one conversation or in all, that came in after `after` (or ever) and are
    /// not marked as processed, in the order of arrival.
    pub fn unprocessed(
        &self,
        chat: Option<ChatId>,
        after: Option<LocalMessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, EngineError> {
        let after = after.unwrap_or(LocalMessageId::new(0));
        Ok(messages::unprocessed(
            self.database.connection(),
            chat,
            after,
            limit,
        )?)
    }

    /// Marks a message as processed, and all that came in before it in its conversation.
    pub fn set_processed(&mut self, message: LocalMessageId) -> Result<(), EngineError> {
        self.database
            .transaction(|conn| Ok(messages::set_processed(conn, message)?))
    }

    /// Marks all messages that are here, in one conversation or in all, as processed.
    pub fn set_all_processed(&mut self, chat: Option<ChatId>) -> Result<(), EngineError> {
        self.database
            .transaction(|conn| Ok(messages::set_all_processed(conn, chat)?))
    }

    /// The lines of a conversation that are no messages and whose positions lie in this range, in the order of display.
    pub fn notices(
        &self,
        chat: ChatId,
        positions: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<Notice>, EngineError> {
        Ok(notices::in_range(self.database.connection(), chat, positions)?)
    }

    /// The names that the account's devices have given each other.
    pub fn device_names(&self) -> Result<BTreeMap<DeviceId, String>, EngineError> {
        let (contents, _) = self.vault()?;
        let devices = contents.devices.iter();
        Ok(devices
            .filter_map(|(id, device)| Some((*id, device.name.as_ref()?.to_string())))
            .collect())
    }

    /// One message.
    pub fn message(&self, id: LocalMessageId) -> Result<Option<Message>, EngineError> {
        Ok(messages::find_local(self.database.connection(), id)?)
    }

    /// Everyone who is known, ordered by handle.
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

    /// The picture of a person, or of this account itself: the file, JPEG, PNG or WebP, as small as
    /// [`PICTURE_MAX`](crate::profile_objects::format::PICTURE_MAX) says. Untrusted like their name.
    pub fn picture(&self, account: AccountId) -> Result<Option<Picture>, EngineError> {
        let conn = self.database.connection();
        if account == self.identity.me.account_id {
            profile_objects::own_picture(conn)
        } else {
            profile_objects::picture_of(conn, account)
        }
    }

    /// The picture of a group: a file as for [`picture`](Self::picture), and as untrusted.
    pub fn group_picture(&self, chat: ChatId) -> Result<Option<Picture>, EngineError> {
        profile_objects::group::shown(self.database.connection(), chat)
    }

    /// Whether a person is there.
    pub fn presence(&self, account: AccountId) -> Result<Presence, EngineError> {
        if !self.identity.me.privacy.last_seen {
            return Ok(Presence::Unknown);
        }
        signals::presence(self.database.connection(), &self.connection.signals, account)
    }

    /// Who is typing in a conversation, in the order of their account ids.
    pub fn typing(&self, chat: ChatId) -> Vec<AccountId> {
        self.connection.signals.typing_in(chat)
    }

    /// Messages, receipts and commits that the server has not accepted yet.
    pub fn outbox_len(&self) -> Result<u64, EngineError> {
        Ok(outbox::len(
            self.database.connection(),
            self.connection.receipts.are_taken(),
        )?)
    }

    /// Whether a draft or a read mark is to go to the server.
    pub fn has_records_to_put(&self) -> bool {
        self.connection.synced && self.connection.records.has_to_put()
    }

    /// How often the engine had to recover from something.
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
            .transaction(|conn| Ok::<_, EngineError>(profile::set_setting(conn, name, value)?))?;
        // Settings are secrets that are rarely replaced, and no step may follow soon.
        self.truncate_log();
        Ok(())
    }

    /// Signs a message with the device key, to prove to the server which device this is (see
    /// `wire::rest::signing_labels`).
    pub fn sign(&self, label: &'static str, message: &[u8]) -> [u8; 64] {
        self.identity.device.signing_key.sign(label, message)
    }

    /// The signature of `POST /v1/sessions/refresh` (see [`account::refresh_signature`]).
    pub fn refresh_signature(&self, nonce: &[u8], refresh_token: &str) -> Result<Base64, EnrolmentError> {
        account::refresh_signature(&self.identity.device.signing_key, nonce, refresh_token)
    }

    // ---- certificate ----

    /// What to put to the server in place of this device's certificate once half of its validity is over. Returns it
    /// at most once a day: a server whose clock disagrees refuses it.
    pub fn certificate_to_put(&mut self, now: Timestamp) -> Result<Option<rest::Enrolment>, EngineError> {
        let device = &self.identity.device;
        if now.plus(CERTIFICATE_VALIDITY / 2) < device.certificate.not_after() {
            return Ok(None);
        }
        let tried_at = profile::certificate_tried_at(self.database.connection())?;
        if tried_at <= now && now.since(tried_at) < CERTIFICATE_RETRY_AFTER {
            return Ok(None);
        }
        let contents = crate::vault::contents_of(&self.profile_row()?)?;
        let enrolment = account::renew_certificate(&contents, &self.identity.device, now);
        self.database
            .transaction(|conn| Ok::<_, EngineError>(profile::set_certificate_tried_at(conn, now)?))?;
        Ok(Some(enrolment))
    }

    /// Uses the certificate that the server has taken: for new key packages, and in each conversation from the next
    /// commit on. Before, others would have refused those if this device's clock was wrong.
    pub fn certificate_put(&mut self, enrolment: &rest::Enrolment) -> Result<(), EngineError> {
        let old = &self.identity.device.certificate;
        let new = UnverifiedCertificate::decode(&enrolment.certificate.0)
            .and_then(UnverifiedCertificate::verify_signature)
            .ok()
            .filter(|new| {
                (new.account_id(), new.device_id(), new.device_key())
                    == (old.account_id(), old.device_id(), old.device_key())
            })
            .ok_or_else(|| EngineError::Inconsistent("a certificate of another device".to_owned()))?;
        self.database
            .transaction(|conn| Ok::<_, EngineError>(profile::set_certificate(conn, &new.encode())?))?;
        self.identity.device.certificate = new;
        Ok(())
    }

    // ---- vault ----

    /// The contents of the vault and its key.
    pub fn vault(&self) -> Result<(VaultContents, VaultKey), EngineError> {
        let row = self.profile_row()?;
        Ok((crate::vault::contents_of(&row)?, crate::vault::key_of(&row)?))
    }

    /// The vault to upload, if the server does not have its current contents.
    pub fn vault_to_put(&mut self) -> Result<Option<VaultToPut>, EngineError> {
        let row = self.profile_row()?;
        if !row.vault_dirty {
            return Ok(None);
        }
        let revision = row.vault_revision + 1;
        let ciphertext = vault::seal(
            &crate::vault::contents_of(&row)?,
            &crate::vault::key_of(&row)?,
            revision,
            &mut *self.rng,
        );
        Ok(Some(VaultToPut {
            sealed: rest::SealedVault {
                revision,
                ciphertext: ciphertext.into(),
            },
            changes: row.vault_changes,
        }))
    }

    /// Notes that the server has accepted a vault. What was changed since it was taken is still to be uploaded.
    pub fn vault_put(&mut self, put: &VaultToPut) -> Result<(), EngineError> {
        self.database
            .transaction(|conn| Ok(profile::vault_stored(conn, put.sealed.revision, put.changes)?))
    }

    /// Merges the contents that the server has, if they are not older than what it had before.
    pub fn merge_vault(&mut self, now: Timestamp, sealed: &rest::SealedVault) -> Result<Output, EngineError> {
        let row = self.profile_row()?;
        let theirs = vault::open(sealed, &crate::vault::key_of(&row)?, self.identity.me.account_id)
            .map_err(|error| EngineError::Vault(error.to_string()))?;
        self.transact(now, |step| {
            crate::vault::merge(&mut step.cx, &theirs, sealed.revision)
        })
        .map(|((), output)| output)
    }

    // ---- people ----

    /// Leaves out of a list of people, as the directory gave it, those that do not fit to what is pinned. The output
    /// holds the warnings about them.
    pub fn leave_out_unfit(
        &mut self,
        now: Timestamp,
        people: Vec<rest::Person>,
    ) -> Result<(Vec<rest::Person>, Output), EngineError> {
        self.transact(now, |step| directory::leave_out_unfit(&mut step.cx, people))
    }

    /// The epoch that the group of a conversation is in; `None` while this device is not in it.
    pub fn epoch(&mut self, chat: ChatId) -> Result<Option<u64>, EngineError> {
        self.of_group(chat, Group::epoch)
    }

    /// The policy of a conversation: in a group, who owns and manages it, who may do what, and who is banned. `None` while
    /// this device is not in it.
    pub fn policy(&mut self, chat: ChatId) -> Result<Option<GroupPolicy>, EngineError> {
        self.of_group(chat, |group| group.policy().clone())
    }

    /// Reads the group of a conversation; `None` while this device is not in it.
    fn of_group<T>(
        &mut self,
        chat: ChatId,
        read: impl FnOnce(&Group) -> T,
    ) -> Result<Option<T>, EngineError> {
        let rng = &mut *self.rng;
        self.database.transaction(|conn| {
            let row = conversations::load(conn, chat)?.filter(|row| row.state == ConversationState::Joined);
            let Some(row) = row else { return Ok(None) };
            let state = KvTable::new(conn);
            // The time decides about nothing here.
            let group = Mls::new(&state, rng, Timestamp::from_millis(0)).load_group(row.id)?;
            Ok(group.as_ref().map(read))
        })
    }

    /// Whether the user wants something changed in a group that is not changed yet, or that the server does not have yet.
    pub fn has_wishes(&self, chat: ChatId) -> Result<bool, EngineError> {
        let conn = self.database.connection();
        let is_telling = match conversations::load(conn, chat)? {
            Some(row) if row.state == ConversationState::Joined && links::any_waits(conn, chat)? => true,
            // What is wanted in a conversation that has not begun is said with the first message.
            Some(row) if row.kind != ConversationKind::Group && row.is_starting() => false,
            Some(row) if !matches!(row.state, ConversationState::Removed | ConversationState::Blocked) => {
                row.profile_changed.any() || row.announces || outbox::has_names(conn, chat)?
            }
            _ => false,
        };
        Ok(is_telling || !self.wishes(chat)?.is_empty())
    }

    /// What the user wants changed in a group and is not changed yet, one change for each account.
    pub fn wishes(&self, chat: ChatId) -> Result<Vec<(AccountId, Wish)>, EngineError> {
        let wishes = wishes::all(self.database.connection(), chat)?;
        Ok(wishes.into_iter().map(|row| (row.account, row.wish)).collect())
    }

    /// Who asks to join a group, as the server has said last, the oldest first; nobody if this account does not decide about
    /// that: see [`Command::LookAtJoinRequests`].
    pub fn join_requests(&self, chat: ChatId) -> Result<Vec<JoinRequest>, EngineError> {
        let conn = self.database.connection();
        let asking = self.asking(chat)?;
        if asking.is_empty() {
            return Ok(Vec::new());
        }
        let links = links::all(conn, chat)?;
        asking
            .into_iter()
            .map(|asking| {
                let link = links.iter().find(|row| row.id == asking.link);
                let secret = link.and_then(|row| row.secret.as_ref());
                let note = secret.and_then(|secret| {
                    JoinNote::open((secret, asking.account), &asking.note)
                        .inspect_err(|error| tracing::debug!(%chat, %error, "a note is not readable"))
                        .ok()
                });
                let note = note.unwrap_or_default();
                Ok(JoinRequest {
                    account_id: asking.account,
                    contact: contacts::find(conn, asking.account)?,
                    name: note.name().map(str::to_owned),
                    note: note.text().map(str::to_owned),
                    asked_at: asking.asked_at,
                })
            })
            .collect()
    }

    /// Who asks to join a group and is not in it.
    fn asking(&self, chat: ChatId) -> Result<Vec<&Asking>, EngineError> {
        let Some(asking) = self
            .connection
            .join_requests
            .get(&chat)
            .filter(|all| !all.is_empty())
        else {
            return Ok(Vec::new());
        };
        let members = members::all(self.database.connection(), chat)?;
        let is_outside = |one: &&Asking| members.iter().all(|member| member.account != one.account);
        Ok(asking.iter().filter(is_outside).collect())
    }

    /// The invite links of a group, and those that it is to have; none while this device is not in it. How often they were
    /// used is what the server has said last: see [`Command::LookAtLinks`].
    pub fn links(&mut self, chat: ChatId) -> Result<Vec<GroupLink>, EngineError> {
        let Some(policy) = self.policy(chat)? else {
            return Ok(Vec::new());
        };
        let mut links: BTreeMap<_, _> = policy
            .links()
            .iter()
            .map(|link| {
                let id = link.key.id();
                let link = GroupLink {
                    id,
                    secret: None,
                    name: None,
                    needs_approval: link.needs_approval,
                    standing: LinkStanding::Ready,
                    uses: None,
                    uses_max: None,
                    expires_at: None,
                };
                (id, link)
            })
            .collect();
        let said = self.connection.link_uses.get(&chat);
        for uses in said.into_iter().flatten() {
            if let Some(link) = links.get_mut(&uses.id) {
                link.uses = Some(uses.uses);
                link.uses_max = uses.uses_max;
                link.expires_at = uses.expires_at;
            }
        }
        for row in links::all(self.database.connection(), chat)? {
            let known = links.remove(&row.id);
            let standing = match row.step {
                LinkStep::Unwanted => LinkStanding::Unwanted,
                LinkStep::Made if row.put.is_some() && known.is_some() => LinkStanding::Ready,
                _ => LinkStanding::Wanted,
            };
            let is_ours = row.secret.is_some();
            let link = GroupLink {
                id: row.id,
                name: row.name,
                needs_approval: known
                    .as_ref()
                    .map_or(row.needs_approval, |link| link.needs_approval),
                standing,
                uses: known.as_ref().and_then(|link| link.uses),
                uses_max: if is_ours {
                    Some(row.uses_max).filter(|max| *max > 0)
                } else {
                    known.as_ref().and_then(|link| link.uses_max)
                },
                expires_at: if is_ours {
                    row.expires_at
                } else {
                    known.as_ref().and_then(|link| link.expires_at)
                },
                secret: row.secret,
            };
            links.insert(row.id, link);
        }
        Ok(links.into_values().collect())
    }

    /// The devices in a conversation, as the group has them; none while this device is not in it.
    pub fn member_devices(&mut self, chat: ChatId) -> Result<Vec<MemberDevice>, EngineError> {
        let me = self.identity.me.device_id;
        let rng = &mut *self.rng;
        self.database.transaction(|conn| {
            let Some(row) = conversations::load(conn, chat)? else {
                return Ok(Vec::new());
            };
            let state = KvTable::new(conn);
            // The time decides about nothing here.
            let group = Mls::new(&state, rng, Timestamp::from_millis(0)).load_group(row.id)?;
            let members = match group {
                Some(group) if row.state == ConversationState::Joined => group.members()?,
                _ => Vec::new(),
            };
            let devices = members.into_iter().map(|member| MemberDevice {
                account_id: member.certificate.account_id(),
                device_id: member.certificate.device_id(),
                is_this_device: member.certificate.device_id() == me,
            });
            Ok(devices.collect())
        })
    }

    fn profile_row(&self) -> Result<ProfileRow, EngineError> {
        profile::load(self.database.connection())?
            .ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))
    }
}

/// Whether lists leave a conversation out because the user does not want it, or not from the person who asks.
fn is_left_out(
    row: &conversations::ConversationRow,
    with: Option<&Contact>,
    conn: &Connection,
) -> Result<bool, EngineError> {
    Ok(match records::shown_standing(row) {
        Standing::Accepted => false,
        Standing::Declined => true,
        Standing::Request => {
            let is_out = row.state == ConversationState::Removed;
            let by = row.added_by.filter(|_| row.kind == ConversationKind::Group);
            let by_blocked = by.map(|by| contacts::is_blocked(conn, by)).transpose()?;
            is_out || by_blocked.unwrap_or_default() || with.is_some_and(|with| with.is_blocked)
        }
    })
}

fn identity(conn: &Connection, row: &ProfileRow) -> Result<Identity, EngineError> {
    let contents = crate::vault::contents_of(row)?;
    let certificate = UnverifiedCertificate::decode(&row.certificate)
        .ok()
        .and_then(|certificate| certificate.verify_signature().ok())
        .filter(|certificate| certificate.account_id() == contents.account_id())
        .ok_or_else(|| corrupt("the device certificate"))?;
    let seed = row
        .device_key
        .as_slice()
        .try_into()
        .map_err(|_| corrupt("the device key"))?;
    let mut me = Me {
        account_id: certificate.account_id(),
        handle: row.handle.parse().map_err(|_| corrupt("the handle"))?,
        device_id: certificate.device_id(),
        name: contents.display_name.as_ref().map(DisplayName::to_string),
        picture: profile_objects::own_picture_version(conn)?,
        privacy: Privacy::default(),
    };
    me.privacy = records::privacy(conn, &me)?;
    Ok(Identity {
        me,
        device: DeviceIdentity {
            certificate,
            signing_key: DeviceSigningKey::from_seed(seed),
        },
        record_key: RecordKey::from(&contents.backup_key),
    })
}

/// For hosts that only send commands to the engine.
impl From<Command> for Input {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

/// How far the request of this account to join a group has come.
fn ask_state(
    conn: &Connection,
    row: &conversations::ConversationRow,
) -> Result<Option<AskState>, EngineError> {
    if row.state != ConversationState::Joining {
        return Ok(None);
    }
    let join = joins::find(conn, row.chat)?.filter(|join| !join.is_member);
    Ok(join.and_then(|join| join.ask).map(|ask| match ask.step {
        AskStep::Left => AskState::Asked,
        AskStep::Wanted | AskStep::TakenBack => AskState::Waiting,
    }))
}
