//! The suite of [`ObjectStore`](crate::store::ObjectStore). Each function is a rule and gets an empty store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use bytes::Bytes;
use subrosa_wire::{AccountId, ConversationId, ObjectId, Timestamp};

use super::delivery::{account, commit, conversation, create, device, key, write};
use crate::store::{
    Store,
    delivery::{AccountChanges, CommitWrite, LogWrite},
    objects::{ObjectChange, ObjectOutcome, ObjectRecord, ObjectRefusal, ObjectWrite},
};

/// Makes a test of every rule for one backend: `$open` is an expression that gives a store and what keeps it.
macro_rules! object_store_conformance {
    ($open:expr) => {
        $crate::store::conformance::objects::object_store_conformance!(@rules $open,
            a_value_replaces_the_revision_that_it_is_for_and_no_other
            a_change_that_is_made_again_is_made_once
            an_id_that_is_taken_makes_no_second_object
            an_object_of_an_account_is_changed_by_that_account_alone
            an_object_of_a_conversation_is_changed_by_whoever_is_in_it_now
            an_object_is_made_for_a_conversation_by_whoever_is_in_it
            a_deleted_object_is_gone_and_its_deletion_can_be_made_again
            a_reader_that_has_the_newest_value_does_not_get_it_again
            the_objects_of_an_account_are_bounded_by_number
            the_objects_of_an_account_are_bounded_by_bytes
            an_object_counts_as_one_of_the_account_that_made_it
        );
    };
    (@rules $open:expr, $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (store, _kept) = $open;
                $crate::store::conformance::objects::$rule(&store).await;
            }
        )*
    };
}
pub(in crate::store) use object_store_conformance;

fn object(number: u8) -> ObjectId {
    ObjectId::from_bytes([number; 16])
}

fn by(account_id: AccountId, object_id: ObjectId, change: ObjectChange) -> ObjectWrite {
    ObjectWrite {
        object_id,
        account_id,
        change,
        now: Timestamp::from_millis(1_000),
        objects_max: 10,
        bytes_max: 1_000_000,
    }
}

fn make(sealed: &'static str) -> ObjectChange {
    ObjectChange::Create {
        sealed: Bytes::from(sealed),
        conversation_id: None,
    }
}

fn make_for(id: ConversationId, sealed: &'static str) -> ObjectChange {
    ObjectChange::Create {
        sealed: Bytes::from(sealed),
        conversation_id: Some(id),
    }
}

fn replace(revision: u64, sealed: &'static str) -> ObjectChange {
    ObjectChange::Replace {
        revision,
        sealed: Bytes::from(sealed),
    }
}

fn delete(revision: u64) -> ObjectChange {
    ObjectChange::Delete { revision }
}

/// What becomes of a change by account 1 of object 1.
async fn put(store: &dyn Store, change: ObjectChange) -> ObjectOutcome {
    store
        .put_object(by(account(1), object(1), change))
        .await
        .unwrap()
        .unwrap()
}

/// What becomes of a change of object 1.
async fn put_by(
    store: &dyn Store,
    account_id: AccountId,
    change: ObjectChange,
) -> Result<ObjectOutcome, ObjectRefusal> {
    store.put_object(by(account_id, object(1), change)).await.unwrap()
}

/// Revision and value of object 1.
async fn newest(store: &dyn Store) -> Option<(u64, Bytes)> {
    let found = store.object(object(1), 0).await.unwrap()?;
    Some((found.revision, found.sealed.unwrap()))
}

fn value(revision: u64, sealed: &'static str) -> (u64, Bytes) {
    (revision, Bytes::from(sealed))
}

pub(in crate::store) async fn a_value_replaces_the_revision_that_it_is_for_and_no_other(store: &dyn Store) {
    assert_eq!(put(store, replace(1, "early")).await, ObjectOutcome::Conflict(0));
    assert_eq!(newest(store).await, None);
    assert_eq!(put(store, make("one")).await, ObjectOutcome::Done(1));
    assert_eq!(put(store, replace(1, "two")).await, ObjectOutcome::Done(2));
    assert_eq!(put(store, replace(2, "three")).await, ObjectOutcome::Done(3));
    for change in [
        make("late"),
        replace(1, "late"),
        replace(2, "late"),
        replace(4, "early"),
        replace(u64::MAX, "early"),
        delete(2),
        delete(4),
    ] {
        assert_eq!(
            put(store, change.clone()).await,
            ObjectOutcome::Conflict(3),
            "{change:?}"
        );
    }
    assert_eq!(newest(store).await, Some(value(3, "three")));
}

pub(in crate::store) async fn a_change_that_is_made_again_is_made_once(store: &dyn Store) {
    for _ in 0..2 {
        assert_eq!(put(store, make("one")).await, ObjectOutcome::Done(1));
    }
    for _ in 0..2 {
        assert_eq!(put(store, replace(1, "two")).await, ObjectOutcome::Done(2));
    }
    assert_eq!(put(store, make("one")).await, ObjectOutcome::Conflict(2));
    put(store, replace(2, "one")).await;
    assert_eq!(
        put(store, replace(1, "two")).await,
        ObjectOutcome::Conflict(3),
        "it is not the newest any more"
    );
}

pub(in crate::store) async fn an_id_that_is_taken_makes_no_second_object(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    put(store, make("one")).await;
    // Of another account, with the same value or another one, and for a conversation.
    for sealed in ["one", "other"] {
        assert_eq!(
            put_by(store, account(2), make(sealed)).await,
            Ok(ObjectOutcome::Conflict(1))
        );
    }
    assert_eq!(put(store, make_for(id, "one")).await, ObjectOutcome::Conflict(1));
    assert_eq!(
        put(store, make_for(conversation(9), "one")).await,
        ObjectOutcome::Conflict(1)
    );
    assert_eq!(newest(store).await, Some(value(1, "one")));
}

pub(in crate::store) async fn an_object_of_an_account_is_changed_by_that_account_alone(store: &dyn Store) {
    create(store, conversation(1)).await;
    put(store, make("one")).await;
    for change in [
        replace(1, "theirs"),
        replace(7, "theirs"),
        replace(0, "one"),
        delete(1),
    ] {
        assert_eq!(
            put_by(store, account(2), change.clone()).await,
            Err(ObjectRefusal::NotAllowed),
            "{change:?}"
        );
    }
    assert_eq!(newest(store).await, Some(value(1, "one")));
}

pub(in crate::store) async fn an_object_of_a_conversation_is_changed_by_whoever_is_in_it_now(
    store: &dyn Store,
) {
    let id = conversation(1);
    create(store, id).await;
    assert_eq!(put(store, make_for(id, "one")).await, ObjectOutcome::Done(1));
    assert_eq!(
        put_by(store, account(2), replace(1, "two")).await,
        Ok(ObjectOutcome::Done(2))
    );
    assert_eq!(
        put_by(store, account(3), replace(2, "theirs")).await,
        Err(ObjectRefusal::NotAllowed)
    );
    // Account 3 comes, and account 1, which has made the object, goes.
    let exchange = CommitWrite {
        removed: vec![device(0x11)],
        accounts: AccountChanges {
            added: vec![account(3)],
            removed: vec![account(1)],
        },
        ..commit(key(id, device(0x21), 1), account(2), 1)
    };
    assert!(write(store, vec![LogWrite::Commit(Box::new(exchange))]).await[0].is_ok());
    for change in [replace(2, "late"), delete(2)] {
        assert_eq!(
            put_by(store, account(1), change).await,
            Err(ObjectRefusal::NotAllowed)
        );
    }
    assert_eq!(
        put_by(store, account(3), replace(2, "three")).await,
        Ok(ObjectOutcome::Done(3))
    );
    assert_eq!(
        put_by(store, account(3), delete(3)).await,
        Ok(ObjectOutcome::Done(0))
    );
}

pub(in crate::store) async fn an_object_is_made_for_a_conversation_by_whoever_is_in_it(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    for (account_id, id) in [(account(3), id), (account(1), conversation(2))] {
        assert_eq!(
            put_by(store, account_id, make_for(id, "one")).await,
            Err(ObjectRefusal::NotAMember)
        );
    }
    assert_eq!(newest(store).await, None);
    for _ in 0..2 {
        assert_eq!(
            put_by(store, account(2), make_for(id, "one")).await,
            Ok(ObjectOutcome::Done(1))
        );
    }
}

pub(in crate::store) async fn a_deleted_object_is_gone_and_its_deletion_can_be_made_again(store: &dyn Store) {
    put(store, make("one")).await;
    put(store, replace(1, "two")).await;
    for _ in 0..2 {
        assert_eq!(put(store, delete(2)).await, ObjectOutcome::Done(0));
        assert_eq!(newest(store).await, None);
    }
    assert_eq!(put(store, replace(2, "late")).await, ObjectOutcome::Conflict(0));
    assert_eq!(newest(store).await, None);
}

pub(in crate::store) async fn a_reader_that_has_the_newest_value_does_not_get_it_again(store: &dyn Store) {
    assert_eq!(store.object(object(1), 0).await, Ok(None));
    put(store, make("one")).await;
    put(store, replace(1, "two")).await;
    for (known_revision, sealed) in [(0, Some("two")), (1, Some("two")), (2, None), (3, Some("two"))] {
        let expected = ObjectRecord {
            revision: 2,
            sealed: sealed.map(Bytes::from),
        };
        assert_eq!(store.object(object(1), known_revision).await, Ok(Some(expected)));
    }
    assert!(store.object(object(1), u64::MAX).await.unwrap().is_some());
    assert_eq!(store.object(object(2), 2).await, Ok(None));
}

pub(in crate::store) async fn the_objects_of_an_account_are_bounded_by_number(store: &dyn Store) {
    let at_most_two = |number, account_id, change| ObjectWrite {
        objects_max: 2,
        ..by(account_id, object(number), change)
    };
    for number in 1..=2 {
        let write = at_most_two(number, account(1), make("one"));
        assert_eq!(store.put_object(write).await, Ok(Ok(ObjectOutcome::Done(1))));
    }
    let third = || at_most_two(3, account(1), make("one"));
    assert_eq!(
        store.put_object(third()).await,
        Ok(Err(ObjectRefusal::TooManyObjects))
    );
    // Those that it has go on, and so do other accounts.
    let write = at_most_two(1, account(1), replace(1, "two"));
    assert_eq!(store.put_object(write).await, Ok(Ok(ObjectOutcome::Done(2))));
    let write = at_most_two(4, account(2), make("one"));
    assert_eq!(store.put_object(write).await, Ok(Ok(ObjectOutcome::Done(1))));
    let write = at_most_two(2, account(1), delete(1));
    assert_eq!(store.put_object(write).await, Ok(Ok(ObjectOutcome::Done(0))));
    assert_eq!(store.put_object(third()).await, Ok(Ok(ObjectOutcome::Done(1))));
}

pub(in crate::store) async fn the_objects_of_an_account_are_bounded_by_bytes(store: &dyn Store) {
    let of = |number, revision, len| {
        let sealed = Bytes::from(vec![7; len]);
        let change = match revision {
            0 => ObjectChange::Create {
                sealed,
                conversation_id: None,
            },
            revision => ObjectChange::Replace { revision, sealed },
        };
        ObjectWrite {
            bytes_max: 100,
            ..by(account(1), object(number), change)
        }
    };
    let too_many = Ok(Err(ObjectRefusal::TooManyObjects));
    assert_eq!(store.put_object(of(1, 0, 101)).await, too_many);
    assert_eq!(
        store.put_object(of(1, 0, 60)).await,
        Ok(Ok(ObjectOutcome::Done(1)))
    );
    assert_eq!(store.put_object(of(2, 0, 41)).await, too_many);
    assert_eq!(
        store.put_object(of(2, 0, 40)).await,
        Ok(Ok(ObjectOutcome::Done(1)))
    );
    // A value makes room for the one that replaces it.
    assert_eq!(store.put_object(of(1, 1, 61)).await, too_many);
    assert_eq!(
        store.put_object(of(1, 1, 60)).await,
        Ok(Ok(ObjectOutcome::Done(2)))
    );
    assert_eq!(
        store.put_object(of(2, 1, 10)).await,
        Ok(Ok(ObjectOutcome::Done(2)))
    );
    assert_eq!(
        store.put_object(of(1, 2, 90)).await,
        Ok(Ok(ObjectOutcome::Done(3)))
    );
}

pub(in crate::store) async fn an_object_counts_as_one_of_the_account_that_made_it(store: &dyn Store) {
    let id = conversation(1);
    create(store, id).await;
    put(store, make_for(id, "one")).await;
    let bounded = |account_id, number, change| ObjectWrite {
        objects_max: 1,
        bytes_max: 5,
        ..by(account_id, object(number), change)
    };
    // Account 2 has none of its own, but the object is one of account 1.
    let theirs = bounded(account(2), 2, make("four"));
    assert_eq!(store.put_object(theirs).await, Ok(Ok(ObjectOutcome::Done(1))));
    let fits = bounded(account(2), 1, replace(1, "five5"));
    assert_eq!(store.put_object(fits).await, Ok(Ok(ObjectOutcome::Done(2))));
    let too_long = bounded(account(2), 1, replace(2, "sixsix"));
    assert_eq!(
        store.put_object(too_long).await,
        Ok(Err(ObjectRefusal::TooManyObjects))
    );
    let second = bounded(account(1), 3, make("x"));
    assert_eq!(
        store.put_object(second).await,
        Ok(Err(ObjectRefusal::TooManyObjects))
    );
}
