//! `PutObject` and `FetchObject`: small values under random ids, encrypted so that the server cannot read them.

use subrosa_wire::{
    frames::{FetchObject, ObjectPut, Problem, PutObject, SealedObject},
    limits,
};

use super::{
    Service,
    requests::{bounded, conversation_id, malformed, object_id},
};
use crate::{
    limits::{OBJECTS_BYTES_MAX, OBJECTS_PER_ACCOUNT_MAX},
    session::Session,
    store::objects::{ObjectChange, ObjectOutcome, ObjectWrite},
};

impl Service {
    /// Makes, replaces or deletes an object, if it has the revision that the request is for.
    pub(super) async fn put_object(&self, session: &Session, put: PutObject) -> Result<ObjectPut, Problem> {
        let write = ObjectWrite {
            object_id: object_id(&put.object_id)?,
            account_id: session.account_id,
            change: change(put)?,
            now: self.clock.now(),
            objects_max: OBJECTS_PER_ACCOUNT_MAX,
            bytes_max: OBJECTS_BYTES_MAX,
        };
        self.objects.check(session.device_id)?;
        Ok(match self.store.put_object(write).await?? {
            ObjectOutcome::Done(revision) => ObjectPut {
                stored: true,
                revision,
            },
            ObjectOutcome::Conflict(revision) => ObjectPut {
                stored: false,
                revision,
            },
        })
    }

    /// An object, for whoever knows its id.
    pub(super) async fn fetch_object(&self, fetch: FetchObject) -> Result<SealedObject, Problem> {
        let found = self
            .store
            .object(object_id(&fetch.object_id)?, fetch.known_revision)
            .await?;
        let (revision, sealed) = found.map_or((0, None), |object| (object.revision, object.sealed));
        Ok(SealedObject {
            object_id: fetch.object_id,
            revision,
            sealed: sealed.unwrap_or_default(),
        })
    }
}

fn change(put: PutObject) -> Result<ObjectChange, Problem> {
    let conversation_id = match &put.conversation_id {
        none if none.is_empty() => None,
        id => Some(conversation_id(id)?),
    };
    if put.replaces > limits::SEQ_MAX {
        return Err(malformed("replaces is out of range"));
    }
    let is_deletion = put.sealed.is_empty() && put.replaces > 0;
    if !is_deletion {
        bounded("sealed", &put.sealed, limits::OBJECT_MAX)?;
    }
    Ok(match put.replaces {
        0 => ObjectChange::Create {
            sealed: put.sealed,
            conversation_id,
        },
        revision if is_deletion => ObjectChange::Delete { revision },
        revision => ObjectChange::Replace {
            revision,
            sealed: put.sealed,
        },
    })
}
