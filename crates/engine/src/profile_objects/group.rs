//! Pictures of groups: each is put into an object of its own, announced in a message, and fetched by the members.
//!
//! The object belongs to the account that gave the picture, so no other member can replace it at the server, and its hash is
//! announced with it, so neither can that account.

use subrosa_wire::{
    ObjectId,
    frames::{ObjectPut, Problem, PutObject, SealedObject, client_frame::Request},
};
use zeroize::Zeroizing;

use super::{
    ObjectOf,
    format::{ObjectKey, Picture},
};
use crate::{
    ChatId,
    api::Event,
    content::PictureReference,
    context::{Context, StepResult},
    requests::PendingRequest,
    store::{
        group_pictures::{self, NewPicture, PictureRow},
        if_readable,
    },
};

/// Has a group get another picture, or none. The members are told once the server has it.
pub(crate) fn give(cx: &mut Context<'_>, chat: ChatId, picture: Option<Picture>) -> StepResult {
    let shown = picture.map(|picture| {
        let object = ObjectKey {
            id: ObjectId::from_bytes(cx.random()),
            key: Zeroizing::new(cx.random()),
        };
        (PictureReference::new(object, &picture), picture)
    });
    let new = NewPicture {
        shown,
        is_stored: false,
    };
    group_pictures::set_new(cx.conn, chat, &new)?;
    cx.connection.profile_objects.pictures_to_put.insert(chat);
    Ok(())
}

/// Notes which picture a group has, as a member says who may, or this device itself.
pub(crate) fn announced(
    cx: &mut Context<'_>,
    chat: ChatId,
    reference: Option<PictureReference>,
    is_own: bool,
) -> StepResult {
    let known = if_readable(group_pictures::find(cx.conn, chat))?;
    let new = if_readable(group_pictures::find_new(cx.conn, chat))?;
    let given = new.and_then(|new| new.shown);
    let is_given = is_own && given.as_ref().map(|(given, _)| given) == reference.as_ref();
    if is_given {
        group_pictures::delete_new(cx.conn, chat)?;
    }
    if known.as_ref().map(|known| &known.reference) == reference.as_ref() {
        return Ok(());
    }
    if let Some(known) = known.filter(|known| known.is_own) {
        remove_object(cx, known.reference.object.id);
    }
    let Some(reference) = reference else {
        return Ok(group_pictures::delete(cx.conn, chat)?);
    };
    let row = PictureRow {
        reference,
        is_own,
        picture: given.filter(|_| is_given).map(|(_, picture)| picture),
    };
    if row.picture.is_none() {
        cx.connection.profile_objects.wanted.insert(ObjectOf::Group(chat));
    }
    Ok(group_pictures::set(cx.conn, chat, &row)?)
}

/// Deletes an object of this account that nobody is told of any more. If this gets lost, it stays.
fn remove_object(cx: &mut Context<'_>, object: ObjectId) {
    if !cx.connection.synced || !cx.requests.have_room() {
        return;
    }
    let request = PutObject {
        object_id: object.to_vec().into(),
        replaces: 1,
        ..PutObject::default()
    };
    cx.request(PendingRequest::RemoveObject, Request::PutObject(request));
}

// ---- the server ----

/// Finds what is to be fetched and put on a new connection.
pub(super) fn synced(cx: &mut Context<'_>) -> StepResult {
    let missing = group_pictures::missing(cx.conn)?;
    let state = &mut cx.connection.profile_objects;
    state.wanted.extend(missing.into_iter().map(ObjectOf::Group));
    state.pictures_to_put.extend(group_pictures::to_store(cx.conn)?);
    Ok(())
}

/// Notes that the server may have lost the pictures that this account has given.
pub(super) fn server_went_back(cx: &mut Context<'_>) -> StepResult {
    let own = group_pictures::own(cx.conn)?;
    cx.connection.profile_objects.pictures_to_put.extend(own);
    Ok(())
}

/// The object of a group's picture.
pub(super) fn object_of(cx: &Context<'_>, chat: ChatId) -> StepResult<Option<ObjectId>> {
    let row = if_readable(group_pictures::find(cx.conn, chat))?;
    Ok(row.map(|row| row.reference.object.id))
}

/// Puts what the server is to get, one after the other.
pub(super) fn settle(cx: &mut Context<'_>) -> StepResult {
    while cx.requests.have_room()
        && !cx.requests.is_putting_picture()
        && let Some(chat) = cx.connection.profile_objects.pictures_to_put.pop_first()
    {
        let new = if_readable(group_pictures::find_new(cx.conn, chat))?;
        let new = new.filter(|new| !new.is_stored).and_then(|new| new.shown);
        let own = || -> StepResult<_> {
            let row = if_readable(group_pictures::find(cx.conn, chat))?.filter(|row| row.is_own);
            Ok(row.and_then(|row| Some((row.reference, row.picture?))))
        };
        let Some((reference, picture)) = new.map_or_else(own, |new| Ok(Some(new)))? else {
            continue;
        };
        if let Err(at) = cx.connection.profile_objects.own_limit.take(cx.now) {
            cx.connection.profile_objects.pictures_to_put.insert(chat);
            cx.connection.profile_objects.retry.schedule(at);
            return Ok(());
        }
        let object = reference.object.id;
        let request = PutObject {
            object_id: object.to_vec().into(),
            replaces: 0,
            sealed: picture.seal(&reference.object, cx.rng()).into(),
            ..PutObject::default()
        };
        cx.request(
            PendingRequest::PutGroupPicture { chat, object },
            Request::PutObject(request),
        );
    }
    Ok(())
}

/// Handles that the server has a picture. One that was there already is the same: nobody else can make it.
pub(crate) fn put_answered(
    cx: &mut Context<'_>,
    (chat, object): (ChatId, ObjectId),
    put: &ObjectPut,
) -> StepResult {
    if put.revision == 0 {
        cx.connection.profile_objects.pictures_to_put.insert(chat);
        cx.connection.profile_objects.retry.back_off(cx.now, 0);
        return Ok(());
    }
    cx.connection.profile_objects.retry.succeeded();
    if let Some(mut new) = new_in(cx, chat, object)? {
        new.is_stored = true;
        group_pictures::set_new(cx.conn, chat, &new)?;
        cx.touch(chat);
    } else if if_readable(group_pictures::find_new(cx.conn, chat))?.is_some_and(|new| !new.can_be_told()) {
        // It was replaced by another one meanwhile.
        cx.connection.profile_objects.pictures_to_put.insert(chat);
    }
    Ok(())
}

/// Handles that the server does not take a picture for good: the group keeps the one that it has.
pub(crate) fn put_refused(
    cx: &mut Context<'_>,
    (chat, object): (ChatId, ObjectId),
    problem: &Problem,
) -> StepResult {
    if new_in(cx, chat, object)?.is_some() {
        group_pictures::delete_new(cx.conn, chat)?;
        cx.refused(None, problem);
        cx.event(Event::ConversationChanged(chat));
        cx.touch(chat);
    }
    Ok(())
}

/// The picture that this device is about to give a group, if it is the one in this object.
fn new_in(cx: &Context<'_>, chat: ChatId, object: ObjectId) -> StepResult<Option<NewPicture>> {
    let new = if_readable(group_pictures::find_new(cx.conn, chat))?;
    let is_in = |new: &NewPicture| {
        new.shown
            .as_ref()
            .is_some_and(|(reference, _)| reference.object.id == object)
    };
    Ok(new.filter(is_in))
}

/// Takes the picture of a group from its object.
pub(super) fn fetched(cx: &mut Context<'_>, chat: ChatId, object: &SealedObject) -> StepResult {
    let Some(mut row) = if_readable(group_pictures::find(cx.conn, chat))? else {
        return Ok(());
    };
    if object.object_id[..] != *row.reference.object.id.as_bytes() {
        // There is another one by now.
        return Ok(());
    }
    if object.revision == 0 {
        tracing::warn!(%chat, "the picture of a group is gone");
        return Ok(());
    }
    match Picture::open(&object.sealed, &row.reference.object) {
        Ok(picture) if row.reference.is_of(&picture) => {
            row.picture = Some(picture);
            group_pictures::set(cx.conn, chat, &row)?;
            cx.event(Event::ConversationChanged(chat));
        }
        Ok(_) => {
            tracing::warn!(%chat, "the picture of a group is not the one that was announced");
            cx.recovery.profiles_refused += 1;
        }
        Err(error) => {
            tracing::warn!(%chat, %error, "the picture of a group does not open");
            cx.recovery.profiles_refused += 1;
        }
    }
    Ok(())
}

/// The picture that a group shows here: the one that it is about to have, else the one that it has.
pub(crate) fn shown(conn: &rusqlite::Connection, chat: ChatId) -> StepResult<Option<Picture>> {
    if let Some(new) = if_readable(group_pictures::find_new(conn, chat))? {
        return Ok(new.shown.map(|(_, picture)| picture));
    }
    let row = if_readable(group_pictures::find(conn, chat))?;
    Ok(row.and_then(|row| row.picture))
}

/// Tells the pictures of a group apart; `None` if there is none to be shown.
pub(crate) fn shown_version(conn: &rusqlite::Connection, chat: ChatId) -> StepResult<Option<u64>> {
    let reference = if let Some(new) = if_readable(group_pictures::find_new(conn, chat))? {
        new.shown.map(|(reference, _)| reference)
    } else {
        let row = if_readable(group_pictures::find(conn, chat))?;
        row.filter(|row| row.picture.is_some()).map(|row| row.reference)
    };
    Ok(reference.map(|reference| reference.version()))
}
