//! Names and pictures of people: this account's are put into a sealed object at the server, those of others are fetched.
//!
//! The pictures of groups stand in such objects, too (`group.rs`).
//!
//! Whoever is written to gets id and key of the object in a message, with the version that it has; so they know when to
//! fetch it again. An account's own devices know id and key from the vault, and those of others from account records.

pub mod format;
pub(crate) mod group;

use std::collections::BTreeSet;

use rusqlite::Connection;
use subrosa_wire::{
    AccountId, ObjectId, Timestamp,
    frames::{FetchObject, ObjectPut, Problem, PutObject, SealedObject, client_frame::Request},
    problem::ProblemCode,
};

use crate::{
    ChatId,
    api::Event,
    content::{DisplayName, ObjectReference, clean_name},
    context::{Context, StepResult, is_transient},
    limits::{OBJECT_FETCHES_BURST, OBJECT_FETCHES_INTERVAL, OWN_OBJECT_BURST, OWN_OBJECT_INTERVAL},
    records,
    requests::{PendingRequest, RateLimit, Retry},
    store::{
        contacts, conversations, if_readable,
        profile_objects::{self, OwnRow, ProfileRow},
    },
    vault,
};
use format::{ObjectKey, Picture, ProfileObject};

/// Whose object is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectOf {
    /// This account.
    Me,
    /// Another person.
    Person(AccountId),
    /// A group, which has its picture there.
    Group(ChatId),
}

/// What is known about profile objects on this connection.
#[derive(Debug)]
pub(crate) struct ProfileObjectsState {
    /// The server keeps no objects.
    is_off: bool,
    /// Whether this account's object is to be fetched.
    is_own_wanted: bool,
    /// Others and groups whose object is to be fetched.
    wanted: BTreeSet<ObjectOf>,
    /// Groups whose picture the server is to get.
    pictures_to_put: BTreeSet<ChatId>,
    retry: Retry,
    limit: RateLimit,
    /// Limits what concerns this account's own object.
    own_limit: RateLimit,
}

impl Default for ProfileObjectsState {
    fn default() -> Self {
        Self {
            is_off: false,
            is_own_wanted: false,
            wanted: BTreeSet::new(),
            pictures_to_put: BTreeSet::new(),
            retry: Retry::default(),
            limit: RateLimit::new(OBJECT_FETCHES_BURST, OBJECT_FETCHES_INTERVAL),
            own_limit: RateLimit::new(OWN_OBJECT_BURST, OWN_OBJECT_INTERVAL),
        }
    }
}

impl ProfileObjectsState {
    /// The state at the beginning of a connection.
    pub(crate) fn after(last: Self) -> Self {
        Self {
            limit: last.limit,
            own_limit: last.own_limit,
            ..Self::default()
        }
    }

    /// When something is due to be tried again.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.retry.at().filter(|_| !self.is_off)
    }
}

// ---- of this account ----

/// Changes the picture of this account; `None` removes it.
pub(crate) fn set_picture(cx: &mut Context<'_>, picture: Option<Picture>) -> StepResult {
    let mut own = profile_objects::own(cx.conn)?;
    if own.picture == picture {
        return Ok(());
    }
    own.picture = picture;
    changed(cx, own, true)
}

/// Notes that the display name of this account is another one.
pub(crate) fn name_changed(cx: &mut Context<'_>) -> StepResult {
    let own = profile_objects::own(cx.conn)?;
    changed(cx, own, false)
}

/// Notes that another device of this account has changed the display name: what this device has put may have the old one.
pub(crate) fn renamed_elsewhere(cx: &mut Context<'_>) -> StepResult {
    let own = profile_objects::own(cx.conn)?;
    if own.changes == 0 {
        return Ok(());
    }
    changed(cx, own, false)
}

fn changed(cx: &mut Context<'_>, mut own: OwnRow, is_picture: bool) -> StepResult {
    own.version = cx.now.as_millis().max(own.version.saturating_add(1));
    if is_picture {
        own.picture_changed = own.version;
    }
    own.changes += 1;
    store_own(cx, &own)
}

/// Keeps what this account shows, and has the others told with the next messages.
fn store_own(cx: &mut Context<'_>, own: &OwnRow) -> StepResult {
    let before = cx.me.picture;
    cx.me.picture = own.picture.as_ref().map(|_| own.picture_changed);
    profile_objects::set_own(cx.conn, own)?;
    conversations::forget_name_sent(cx.conn)?;
    if before != cx.me.picture {
        cx.event(Event::OwnPictureChanged);
    }
    Ok(())
}

/// The object of this account.
fn own_object(cx: &Context<'_>, own: &OwnRow) -> StepResult<ObjectKey> {
    let contents = vault::contents(cx)?;
    Ok(ObjectKey::of_account(&contents.backup_key, own.generation))
}

/// Begins another object: the one before it is somebody else's at the server, as after a restore that has lost it.
fn begin_anew(cx: &mut Context<'_>) -> StepResult {
    let mut own = profile_objects::own(cx.conn)?;
    own.generation = own.generation.saturating_add(1);
    own.revision = 0;
    changed(cx, own, false)
}

/// What messages say about the object of this account; `None` if the server has none.
pub(crate) fn own_reference(cx: &Context<'_>) -> StepResult<Option<ObjectReference>> {
    let own = profile_objects::own(cx.conn)?;
    let is_there = own.revision > 0 && own.changes == own.stored;
    let object = own_object(cx, &own)?.to_bytes();
    let object = object[..].try_into().ok().filter(|_| is_there);
    Ok(object.map(|object| ObjectReference {
        object,
        version: own.version,
    }))
}

/// Notes that another device of this account has put a version of the object.
pub(crate) fn own_named(cx: &mut Context<'_>, (version, generation): (u64, u32)) -> StepResult {
    let mut own = profile_objects::own(cx.conn)?;
    if generation > own.generation {
        (own.generation, own.revision) = (generation, 0);
        profile_objects::set_own(cx.conn, &own)?;
        cx.connection.profile_objects.is_own_wanted = true;
    }
    cx.connection.profile_objects.is_own_wanted |= version > own.version;
    Ok(())
}

/// Notes that the server may have lost the object of this account.
pub(crate) fn server_went_back(cx: &mut Context<'_>) -> StepResult {
    cx.connection.profile_objects.is_own_wanted |= profile_objects::own(cx.conn)?.version > 0;
    group::server_went_back(cx)
}

/// Handles the answer to the object of this account, as it was after this number of changes.
pub(crate) fn put_answered(cx: &mut Context<'_>, changes: u64, put: &ObjectPut) -> StepResult {
    let mut own = profile_objects::own(cx.conn)?;
    own.revision = put.revision;
    if put.stored {
        own.stored = own.stored.max(changes);
        cx.connection.profile_objects.retry.succeeded();
        records::name_own_profile(cx, (own.version, own.generation))?;
        return store_own(cx, &own);
    }
    profile_objects::set_own(cx.conn, &own)?;
    // Another device was faster, or the server has lost it.
    cx.connection.profile_objects.is_own_wanted |= put.revision > 0;
    cx.connection.profile_objects.retry.back_off_if_often(cx.now);
    Ok(())
}

/// Merges the object of this account as another device has put it.
fn take_own(cx: &mut Context<'_>, object: &SealedObject) -> StepResult {
    let mut own = profile_objects::own(cx.conn)?;
    let before = own.clone();
    own.revision = object.revision;
    if object.revision == 0 {
        // Nothing is there yet, or any more.
        if own.version > 0 || cx.me.name.is_some() {
            return changed(cx, own, false);
        }
        return Ok(());
    }
    let theirs = match ProfileObject::open(&object.sealed, &own_object(cx, &own)?, cx.me.account_id) {
        Ok(theirs) => theirs,
        Err(error) => {
            tracing::warn!(%error, "the object of this account does not open and is replaced");
            return changed(cx, own, false);
        }
    };
    if theirs.picture_changed > own.picture_changed {
        (own.picture, own.picture_changed) = (theirs.picture.clone(), theirs.picture_changed);
    }
    // The server, or the other device, has something older.
    let is_older = theirs.version < own.version || theirs.picture != own.picture;
    own.version = own.version.max(theirs.version);
    if is_older || own.changes > own.stored {
        return changed(cx, own, false);
    }
    if own == before {
        Ok(())
    } else {
        store_own(cx, &own)
    }
}

// ---- of others ----

/// Notes where a person's object is, and which version it has.
pub(crate) fn learn(cx: &mut Context<'_>, account: AccountId, object: &ObjectKey, named: u64) -> StepResult {
    let known = profile_objects::find(cx.conn, account)?;
    let row = match known.clone().filter(|known| known.object == *object) {
        Some(known) => ProfileRow {
            named: known.named.max(named),
            ..known
        },
        None => ProfileRow {
            object: object.clone(),
            named: named.max(1),
            version: 0,
            // Until the new one is here.
            picture: known.clone().and_then(|known| known.picture),
        },
    };
    if row.version < row.named {
        cx.connection
            .profile_objects
            .wanted
            .insert(ObjectOf::Person(account));
    }
    if known.as_ref() != Some(&row) {
        profile_objects::set(cx.conn, account, &row)?;
    }
    Ok(())
}

fn take(cx: &mut Context<'_>, account: AccountId, object: &SealedObject) -> StepResult {
    let Some(mut row) = profile_objects::find(cx.conn, account)? else {
        return Ok(());
    };
    if object.revision == 0 {
        return Ok(());
    }
    match ProfileObject::open(&object.sealed, &row.object, account) {
        // An older one than is known is no news.
        Ok(profile) if profile.version > row.version => {
            row.version = profile.version;
            row.picture = profile.picture;
            contacts::set_name(cx.conn, account, profile.name.as_ref().map(DisplayName::as_str))?;
            cx.event(Event::ContactChanged(account));
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%account, %error, "a profile does not open");
            cx.recovery.profiles_refused += 1;
        }
    }
    Ok(profile_objects::set(cx.conn, account, &row)?)
}

// ---- the server ----

/// Has fetched on a new connection what was named and is not here.
pub(crate) fn synced(cx: &mut Context<'_>) -> StepResult {
    let own = profile_objects::own(cx.conn)?;
    let named = records::own_profile(cx)?;
    if own.version == 0 && named.0 == 0 && cx.me.name.is_some() {
        // The name is from before there were objects.
        changed(cx, own, false)?;
    } else {
        own_named(cx, named)?;
    }
    let behind = profile_objects::behind(cx.conn)?;
    let behind = behind.into_iter().map(ObjectOf::Person);
    cx.connection.profile_objects.wanted.extend(behind);
    group::synced(cx)
}

/// Fetches what is wanted, and puts what the server is to get.
pub(crate) fn settle(cx: &mut Context<'_>) -> StepResult {
    let state = &mut cx.connection.profile_objects;
    state.retry.take_due(cx.now);
    if state.is_off || state.retry.is_waiting(cx.now) || !cx.connection.synced || !cx.requests.have_room() {
        return Ok(());
    }
    let is_own_pending = cx.requests.is_at_own_object();
    if !is_own_pending {
        let own = profile_objects::own(cx.conn)?;
        let state = &mut cx.connection.profile_objects;
        if state.is_own_wanted || own.changes > own.stored {
            match state.own_limit.take(cx.now) {
                Err(at) => state.retry.schedule(at),
                Ok(()) if std::mem::take(&mut state.is_own_wanted) => {
                    fetch(cx, ObjectOf::Me, own_object(cx, &own)?.id);
                }
                Ok(()) => put(cx, &own)?,
            }
        }
    }
    while cx.requests.have_room()
        && let Some(of) = cx.connection.profile_objects.wanted.pop_first()
    {
        let object = match of {
            ObjectOf::Me => None,
            ObjectOf::Person(account) => {
                if_readable(profile_objects::find(cx.conn, account))?.map(|row| row.object.id)
            }
            ObjectOf::Group(chat) => group::object_of(cx, chat)?,
        };
        let Some(object) = object else { continue };
        if let Err(at) = cx.connection.profile_objects.limit.take(cx.now) {
            cx.connection.profile_objects.wanted.insert(of);
            cx.connection.profile_objects.retry.schedule(at);
            return Ok(());
        }
        fetch(cx, of, object);
    }
    group::settle(cx)
}

fn fetch(cx: &mut Context<'_>, of: ObjectOf, object: ObjectId) {
    let request = FetchObject {
        object_id: object.to_vec().into(),
        known_revision: 0,
    };
    cx.request(PendingRequest::FetchObject { of }, Request::FetchObject(request));
}

fn put(cx: &mut Context<'_>, own: &OwnRow) -> StepResult {
    let shown = ProfileObject {
        version: own.version,
        name: cx.me.name.as_deref().and_then(|name| clean_name(name).ok()),
        picture: own.picture.clone(),
        picture_changed: own.picture_changed,
    };
    let vault = vault::contents(cx)?;
    let object = ObjectKey::of_account(&vault.backup_key, own.generation);
    let succession_key_hash = vault.identity().succession_key_hash;
    let sealed = shown.seal(&object, (&vault.account_key, succession_key_hash), cx.rng());
    let request = PutObject {
        object_id: object.id.to_vec().into(),
        replaces: own.revision,
        sealed: sealed.into(),
        conversation_id: Vec::new().into(),
    };
    let changes = own.changes;
    cx.request(PendingRequest::PutObject { changes }, Request::PutObject(request));
    Ok(())
}

/// Handles an object.
pub(crate) fn fetched(cx: &mut Context<'_>, of: ObjectOf, object: &SealedObject) -> StepResult {
    if of == ObjectOf::Me {
        return take_own(cx, object);
    }
    cx.connection.profile_objects.retry.succeeded();
    match of {
        ObjectOf::Me => {}
        ObjectOf::Person(account) => {
            cx.about_person(|cx| take(cx, account, object))?;
        }
        ObjectOf::Group(chat) => group::fetched(cx, chat, object)?,
    }
    Ok(())
}

/// Handles a refusal. What was wanted is wanted again on the next connection.
pub(crate) fn refused(cx: &mut Context<'_>, pending: PendingRequest, problem: &Problem) -> StepResult {
    let state = &mut cx.connection.profile_objects;
    if is_transient(problem) {
        match pending {
            PendingRequest::FetchObject { of: ObjectOf::Me } => state.is_own_wanted = true,
            PendingRequest::FetchObject { of } => drop(state.wanted.insert(of)),
            PendingRequest::PutGroupPicture { chat, .. } => drop(state.pictures_to_put.insert(chat)),
            _ => {}
        }
        state.retry.back_off(cx.now, problem.retry_after_ms);
        return Ok(());
    }
    if let PendingRequest::PutGroupPicture { chat, object } = pending {
        state.is_off |= problem.known_code() == Some(ProblemCode::UnknownRequest);
        return group::put_refused(cx, (chat, object), problem);
    }
    match problem.known_code() {
        Some(ProblemCode::UnknownRequest) => state.is_off = true,
        Some(ProblemCode::Forbidden) if matches!(pending, PendingRequest::PutObject { .. }) => {
            state.retry.back_off(cx.now, 0);
            return begin_anew(cx);
        }
        _ => {
            state.retry.back_off(cx.now, 0);
            cx.refused(None, problem);
        }
    }
    Ok(())
}

/// The picture of a person, if they show one.
pub(crate) fn picture_of(conn: &Connection, account: AccountId) -> StepResult<Option<Picture>> {
    let row = if_readable(profile_objects::find(conn, account))?;
    Ok(row.and_then(|row| row.picture))
}

/// The picture of this account.
pub(crate) fn own_picture(conn: &Connection) -> StepResult<Option<Picture>> {
    Ok(profile_objects::own(conn)?.picture)
}

/// When it was changed last; `None` if there is none.
pub(crate) fn own_picture_version(conn: &Connection) -> StepResult<Option<u64>> {
    let own = profile_objects::own(conn)?;
    Ok(own.picture.map(|_| own.picture_changed))
}
