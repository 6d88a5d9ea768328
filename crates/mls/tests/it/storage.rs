//! A step is stored as a whole or not at all, and the group continues afterwards.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use subrosa_mls::{
    CommitError, CommitPlan, EncryptError, KeyValue, KeyValueError, MemoryStore, Mls, MlsError, ProcessError,
    Received,
};
use subrosa_test_support::SeededRng;

use crate::world::{CLAIM, CONVERSATION, Chat, Device};

/// A transaction over a store: a write is visible in it at once, and in the store only after the
/// commit. It fails from the given operation on.
struct Transaction<'a> {
    store: &'a MemoryStore,
    written: RefCell<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    operations_left: Cell<usize>,
}

impl<'a> Transaction<'a> {
    fn failing_after(store: &'a MemoryStore, operations: usize) -> Self {
        Self {
            store,
            written: RefCell::default(),
            operations_left: Cell::new(operations),
        }
    }

    fn operation(&self) -> Result<(), KeyValueError> {
        match self.operations_left.get().checked_sub(1) {
            Some(left) => self.operations_left.set(left),
            None => return Err(KeyValueError("the disk is full".to_owned())),
        }
        Ok(())
    }

    fn commit(self) {
        for (key, value) in self.written.into_inner() {
            match value {
                Some(value) => self.store.put(&key, &value).unwrap(),
                None => self.store.delete(&key).unwrap(),
            }
        }
    }
}

impl KeyValue for Transaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.operation()?;
        match self.written.borrow().get(key) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(key),
        }
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.operation()?;
        self.written
            .borrow_mut()
            .insert(key.to_vec(), Some(value.to_vec()));
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), KeyValueError> {
        self.operation()?;
        self.written.borrow_mut().insert(key.to_vec(), None);
        Ok(())
    }
}

/// Runs a step with a crash at each of its operations in turn, each rolled back, until it succeeds.
/// Returns its result and the number of crashes.
fn crash_everywhere<T, E: std::fmt::Debug>(
    device: &Device,
    step: impl Fn(&Mls<'_>) -> Result<T, E>,
    is_store_failure: impl Fn(&E) -> bool,
) -> (T, usize) {
    for operations in 0.. {
        let transaction = Transaction::failing_after(&device.store, operations);
        let before = device.store.rows();
        let mut rng = SeededRng::new(operations as u64);
        let result = step(&Mls::new(&transaction, &mut rng, device.now.get()));
        match result {
            Ok(value) => {
                transaction.commit();
                return (value, operations);
            }
            Err(error) => {
                assert!(is_store_failure(&error), "a full disk reported as {error:?}");
                assert_eq!(device.store.rows(), before);
            }
        }
    }
    unreachable!("the step gets through once it may do all its operations")
}

fn is_store(error: &MlsError) -> bool {
    matches!(error, MlsError::Store(error) if error.0 == "the disk is full")
}

fn load(mls: &Mls<'_>) -> Result<subrosa_mls::Group, MlsError> {
    Ok(mls.load_group(CONVERSATION)?.unwrap())
}

#[test]
fn a_crash_while_sending_costs_nothing() {
    let chat = Chat::new();
    let (message, crashes) = crash_everywhere(
        &chat.alice,
        |mls| load(mls)?.encrypt(mls, &chat.alice.identity, b"sent once", &CLAIM),
        |error: &EncryptError| matches!(error, EncryptError::Mls(error) if is_store(error)),
    );
    assert!(crashes > 10, "{crashes}");
    assert_eq!(chat.bob.read(&message), b"sent once");
    assert_eq!(chat.bob.read(&chat.alice.encrypt(b"and again")), b"and again");
}

#[test]
fn a_crash_while_receiving_costs_nothing() {
    let chat = Chat::new();
    let message = chat.alice.encrypt(b"received once");
    let (received, crashes) = crash_everywhere(
        &chat.bob,
        |mls| load(mls)?.process(mls, &message),
        |error: &ProcessError| matches!(error, ProcessError::Mls(error) if is_store(error)),
    );
    assert!(crashes > 10, "{crashes}");
    assert!(matches!(received, Received::Application(decrypted) if decrypted.content == b"received once"));
    assert_eq!(chat.bob.read(&chat.alice.encrypt(b"next")), b"next");
}

#[test]
fn a_crash_while_committing_costs_nothing() {
    let mut chat = Chat::new();
    let (bundle, _) = crash_everywhere(
        &chat.alice,
        |mls| load(mls)?.commit(mls, &chat.alice.identity, CommitPlan::default(), &CLAIM),
        |error: &CommitError| matches!(error, CommitError::Mls(error) if is_store(error)),
    );
    chat.server.submit(&bundle).unwrap();
    let merge_own = |mls: &Mls<'_>| load(mls)?.merge_pending_commit(mls);
    let ((), crashes) = crash_everywhere(&chat.alice, merge_own, is_store);
    assert!(crashes > 20, "{crashes}");
    let merge_other = |mls: &Mls<'_>| -> Result<(), ProcessError> {
        let mut group = load(mls)?;
        let Received::Commit(staged) = group.process(mls, &bundle.commit)? else {
            panic!("not a commit");
        };
        Ok(group.merge(mls, staged)?)
    };
    crash_everywhere(
        &chat.bob,
        merge_other,
        |error| matches!(error, ProcessError::Mls(error) if is_store(error)),
    );
    assert_eq!(chat.bob.read(&chat.alice.encrypt(b"epoch 2")), b"epoch 2");
    assert_eq!(chat.alice.read(&chat.bob.encrypt(b"indeed")), b"indeed");
}

#[test]
fn a_crash_while_joining_costs_nothing() {
    let mut chat = Chat::new();
    let laptop = Device::new(&crate::world::bob(), 3);
    let plan = CommitPlan {
        add: vec![chat.bob.verify(&laptop)],
        ..CommitPlan::default()
    };
    let bundle = chat.bob.commit(plan).unwrap();
    chat.server.deliver(&bundle, &[&chat.alice, &chat.bob]);
    let tree = chat.server.ratchet_tree();
    crash_everywhere(
        &laptop,
        |mls| {
            mls.stage_welcome(
                &laptop.identity,
                bundle.welcome.as_ref().unwrap(),
                &tree,
                CONVERSATION,
            )?
            .accept(mls)
        },
        |error| matches!(error, subrosa_mls::JoinError::Mls(error) if is_store(error)),
    );
    assert_eq!(laptop.read(&chat.alice.encrypt(b"hello laptop")), b"hello laptop");

    laptop.forget_group();
    let (join, _) = crash_everywhere(
        &laptop,
        |mls| {
            let staged = mls.stage_external_join(
                &laptop.identity,
                &chat.server.group_info,
                &tree,
                &[],
                CONVERSATION,
            )?;
            Ok(staged.commit(mls, &laptop.identity, &CLAIM)?.1)
        },
        |error| matches!(error, subrosa_mls::JoinError::Mls(error) if is_store(error)),
    );
    chat.server.deliver(&join, &[&chat.alice, &chat.bob]);
    assert_eq!(chat.bob.read(&laptop.encrypt(b"here again")), b"here again");
}

#[test]
fn a_deleted_group_leaves_no_row() {
    let chat = Chat::new();
    chat.bob.self_update();
    let prefix = subrosa_mls::group_prefix(CONVERSATION);
    let rows_of_the_group = || {
        let rows = chat.bob.store.rows();
        rows.iter().filter(|(key, _)| key.starts_with(&prefix)).count()
    };
    assert!(rows_of_the_group() > 8);
    chat.bob.forget_group();
    assert_eq!(rows_of_the_group(), 0);
    assert_eq!(
        chat.bob.store.rows().len(),
        0,
        "nothing of the group is kept elsewhere"
    );
    assert!(
        chat.bob
            .step(|mls| mls.load_group(CONVERSATION).unwrap().is_none())
    );
}

#[test]
fn a_corrupt_row_is_named_as_such() {
    let chat = Chat::new();
    let mut key = subrosa_mls::group_prefix(CONVERSATION);
    key.extend_from_slice(b"message_secrets");
    chat.bob.store.put(&key, b"rubbish").unwrap();
    chat.bob.step(|mls| {
        assert!(matches!(mls.load_group(CONVERSATION), Err(MlsError::Corrupt(_))));
    });
}

#[test]
fn state_does_not_grow_with_the_conversation() {
    let mut chat = Chat::new();
    let size = |device: &Device| -> usize {
        device
            .store
            .rows()
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum()
    };
    let mut sizes = Vec::new();
    for _ in 0..12 {
        for _ in 0..5 {
            assert_eq!(chat.bob.read(&chat.alice.encrypt(b"again")), b"again");
        }
        let update = chat.alice.self_update();
        chat.server.deliver(&update, &[&chat.alice, &chat.bob]);
        sizes.push((size(&chat.alice), size(&chat.bob)));
    }
    // Random bytes differ in length as CBOR; a row that grows would add up to more.
    let (early, late) = (sizes[1], sizes[11]);
    assert!(late.0 < early.0 + 300 && late.1 < early.1 + 300, "{sizes:?}");
}
