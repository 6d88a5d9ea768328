//! What every storage of delivery does, whatever is below it. Payloads are arbitrary here: whether they are
//! valid was decided before.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use bytes::Bytes;
use subrosa_mls::{ChainedEntry, EntryKind, LogClaim, LogHash, payload_hash};
use subrosa_wire::{AccountId, ConversationId, DeviceId, SendId, Timestamp, limits::WELCOME_TREE_MAX};

use crate::limits::TREES_BYTES_PER_CONVERSATION_MAX;
use crate::store::delivery::{
    Acceptance, Accepted, AccountChanges, ApplicationWrite, Claim, CommitWrite, Committer, ConversationHead,
    CreateWrite, CursorMove, DeliveryStore, KeyPackagePublication, KeyPackageStock, LeaveWrite, LogBatch,
    LogOutcome, LogRefusal, LogWrite, NewKeyPackage, PageBounds, PruneStep, ReadRefusal, SendCheck, SendKey,
    TooManyKeyPackages, ViewChange, ViewWrite, WelcomeTree, WelcomeWrite,
};

/// The rules of the suite; each gets an empty store.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        /// Makes a test of every rule for one backend: `$open` is an expression that gives a store and what
        /// keeps it.
        macro_rules! delivery_store_conformance {
            ($open:expr) => {
                $(
                    #[tokio::test]
                    async fn $rule() {
                        let (store, _guard) = $open;
                        $crate::store::conformance::delivery::$rule(&store).await;
                    }
                )*
            };
        }
    };
}

rules! {
    a_conversation_begins_at_seq_1_for_its_members,
    entries_are_numbered_without_gaps,
    a_retry_in_the_same_batch_or_a_later_one_gets_the_first_answer,
    a_refused_write_leaves_the_rest_of_its_batch_alone,
    only_the_next_number_of_a_sender_is_taken,
    only_the_epoch_of_the_head_is_taken,
    of_two_commits_of_one_epoch_the_first_is_taken,
    a_commit_changes_entry_epoch_group_members_and_inbox_together,
    an_external_commit_makes_its_sender_a_member_with_a_new_count,
    a_commit_adds_and_removes_accounts,
    a_removed_account_sees_a_conversation_up_to_its_removal,
    a_commit_that_loses_changes_no_accounts,
    a_device_that_leaves_takes_its_account_along_and_ends_no_epoch,
    a_pair_of_accounts_has_one_conversation,
    accounts_can_have_many_conversations_that_claim_nothing,
    an_account_has_a_limit_of_conversations,
    a_log_is_read_by_the_accounts_of_its_conversation_only,
    the_log_chain_covers_every_entry_in_order,
    a_false_claim_about_the_log_is_refused,
    pages_are_bounded_and_follow_each_other,
    a_welcome_waits_until_its_device_has_taken_it,
    what_changes_a_group_is_kept_until_it_is_stored_as_a_whole,
    a_large_tree_is_fetched_as_long_as_a_welcome_to_it_waits,
    of_too_many_bytes_of_trees_the_oldest_go,
    a_one_time_key_package_is_given_out_once,
    key_packages_are_published_all_or_none,
    withdrawn_key_packages_are_dropped_before_others_are_counted,
    cursors_move_forward_up_to_the_head,
    what_all_have_stored_or_is_too_old_is_pruned_in_steps,
    a_signed_out_device_cannot_send_and_is_not_waited_for,
    batches_at_the_same_time_do_not_disturb_each_other,
    entries_are_put_back_after_the_head_and_nowhere_else,
    commits_are_put_back_with_what_they_changed,
    that_a_device_left_is_put_back,
    a_lost_conversation_is_put_back_whole_or_not_at_all,
    an_audience_is_the_signed_in_devices_in_a_group,
    an_audience_changes_with_every_commit,
    a_conversation_of_too_many_accounts_has_no_audience,
    audiences_come_in_the_order_of_the_ids,
}

pub(crate) use super::audiences::{
    a_conversation_of_too_many_accounts_has_no_audience, an_audience_changes_with_every_commit,
    an_audience_is_the_signed_in_devices_in_a_group, audiences_come_in_the_order_of_the_ids,
};
pub(crate) use super::restoring::{
    a_lost_conversation_is_put_back_whole_or_not_at_all, commits_are_put_back_with_what_they_changed,
    entries_are_put_back_after_the_head_and_nowhere_else, that_a_device_left_is_put_back,
};

pub(crate) use delivery_store_conformance;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(super) const ALL: PageBounds = PageBounds {
    entries_max: 1_000,
    bytes_max: usize::MAX,
};

pub(super) fn conversation(id: u8) -> ConversationId {
    ConversationId::from_bytes([id; 16])
}

pub(super) fn account(id: u8) -> AccountId {
    AccountId::from_bytes([id; 16])
}

/// The first digit names the account, the second one the device.
pub(super) fn device(id: u8) -> DeviceId {
    DeviceId::from_bytes([id; 16])
}

pub(super) fn key(id: ConversationId, sender: DeviceId, send_number: u64) -> SendKey {
    // Unique for each sender and number.
    let mut send_id = *sender.as_bytes();
    send_id[..8].copy_from_slice(&send_number.to_be_bytes());
    SendKey {
        conversation_id: id,
        device_id: sender,
        send_id: SendId::from_bytes(send_id),
        send_number,
    }
}

pub(super) fn message(key: SendKey, epoch: u64) -> LogWrite {
    let message = Bytes::from(format!("message {}", key.send_number));
    LogWrite::Application(ApplicationWrite {
        key,
        epoch,
        claim: LogClaim::of_no_place(key.send_number),
        message_hash: payload_hash(&message),
        message,
    })
}

pub(super) fn commit(key: SendKey, account_id: AccountId, epoch: u64) -> CommitWrite {
    CommitWrite {
        key,
        account_id,
        committer: Committer::Member,
        epoch,
        claim: LogClaim::of_no_place(key.send_number),
        commit: Bytes::from(format!("commit of epoch {epoch}")),
        view: ViewWrite::Whole(Bytes::from(format!("view of epoch {}", epoch + 1))),
        group_info: Bytes::from(format!("info of epoch {}", epoch + 1)),
        added: Vec::new(),
        removed: Vec::new(),
        welcome: None,
        accounts: AccountChanges::default(),
        joined_by: None,
        links: None,
    }
}

pub(super) fn adding(commit: CommitWrite, added: Vec<(DeviceId, AccountId)>) -> CommitWrite {
    let ratchet_tree = Bytes::from(format!("tree of epoch {}", commit.epoch + 1));
    let welcome = WelcomeWrite {
        shared: Bytes::from(format!("welcome to epoch {}", commit.epoch + 1)),
        secrets: added
            .iter()
            .map(|(device_id, _)| Bytes::from(format!("for {device_id}")))
            .collect(),
        tree_hash: payload_hash(&ratchet_tree),
        ratchet_tree,
    };
    CommitWrite {
        added,
        welcome: Some(welcome),
        ..commit
    }
}

/// A direct conversation of accounts 1 and 2, created by device 11, which adds device 21.
pub(super) fn creation(id: ConversationId) -> CreateWrite {
    let first = commit(key(id, device(0x11), 1), account(1), 0);
    CreateWrite {
        claim: Claim::Pair,
        accounts: vec![account(1), account(2)],
        conversations_max: 10,
        first: adding(first, vec![(device(0x21), account(2))]),
    }
}

pub(super) async fn write(store: &dyn DeliveryStore, writes: Vec<LogWrite>) -> Vec<LogOutcome> {
    write_with(store, NOW, writes, Vec::new()).await
}

async fn write_with(
    store: &dyn DeliveryStore,
    accepted_at: Timestamp,
    writes: Vec<LogWrite>,
    cursors: Vec<CursorMove>,
) -> Vec<LogOutcome> {
    store
        .write_log(LogBatch {
            accepted_at,
            writes,
            cursors,
        })
        .await
        .unwrap()
}

pub(super) async fn create(store: &dyn DeliveryStore, id: ConversationId) -> Accepted {
    write(store, vec![LogWrite::Create(Box::new(creation(id)))])
        .await
        .remove(0)
        .unwrap()
}

/// Sends `count` messages of device 11 in epoch 1, after the creation.
pub(super) async fn send(store: &dyn DeliveryStore, id: ConversationId, count: u64) {
    for number in 2..2 + count {
        write(store, vec![message(key(id, device(0x11), number), 1)])
            .await
            .remove(0)
            .unwrap();
    }
}

/// The log chain at a place of a conversation that account 1 reads.
async fn hash_at(store: &dyn DeliveryStore, id: ConversationId, seq: u64) -> Option<LogHash> {
    let page = store
        .log_page(id, account(1), seq - 1, ALL)
        .await
        .unwrap()
        .unwrap();
    page.entries[0].hash
}

pub(super) async fn seqs(
    store: &dyn DeliveryStore,
    id: ConversationId,
    reader: AccountId,
    after: u64,
) -> Vec<u64> {
    let page = store.log_page(id, reader, after, ALL).await.unwrap().unwrap();
    page.entries.iter().map(|entry| entry.seq).collect()
}

fn places(outcomes: &[LogOutcome]) -> Vec<Result<u64, LogRefusal>> {
    outcomes
        .iter()
        .map(|outcome| {
            outcome
                .as_ref()
                .map(|accepted| accepted.seq)
                .map_err(|refusal| *refusal)
        })
        .collect()
}

fn cursor(id: ConversationId, reader: DeviceId, seq: u64) -> CursorMove {
    CursorMove {
        conversation_id: id,
        device_id: reader,
        seq,
    }
}

fn step(entries_max: u32, accepted_before: Timestamp) -> PruneStep {
    PruneStep {
        resume_after: None,
        conversations_max: 100,
        entries_max,
        accepted_before,
    }
}

async fn prune(store: &dyn DeliveryStore) -> u64 {
    store
        .prune(step(1_000, Timestamp::from_millis(0)))
        .await
        .unwrap()
        .deleted
}

pub(crate) async fn a_conversation_begins_at_seq_1_for_its_members(store: &dyn DeliveryStore) {
    let id = conversation(1);
    let accepted = create(store, id).await;
    assert_eq!((accepted.seq, accepted.epoch, accepted.accepted_at), (1, 1, NOW));
    let Acceptance::Stored {
        recipients, welcomed, ..
    } = accepted.acceptance
    else {
        panic!("not new")
    };
    assert_eq!(*recipients, [device(0x11)]);
    assert_eq!(
        welcomed.iter().map(|(device, _)| *device).collect::<Vec<_>>(),
        [device(0x21)]
    );
    for (account_id, device_id, member) in [
        (account(1), device(0x11), true),
        (account(2), device(0x21), true),
        (account(2), device(0x22), false),
    ] {
        let heads = store.conversation_heads(account_id, device_id).await.unwrap();
        assert_eq!(heads.len(), 1);
        assert_eq!(
            (heads[0].conversation_id, heads[0].head_seq, heads[0].epoch),
            (id, 1, 1)
        );
        assert_eq!(heads[0].member, member);
    }
    assert!(
        store
            .conversation_heads(account(3), device(0x31))
            .await
            .unwrap()
            .is_empty()
    );
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!((group.epoch, group.head_seq), (1, 1));
    assert_eq!(
        (group.public_view.as_ref(), group.group_info.as_ref()),
        (&b"view of epoch 1"[..], &b"info of epoch 1"[..])
    );
    assert_eq!(store.group_for(id, account(2)).await.unwrap(), Some(group));
    assert_eq!(store.group_for(id, account(3)).await.unwrap(), None);
    assert_eq!(store.is_conversation_of(id, account(2)).await, Ok(true));
    assert_eq!(store.is_conversation_of(id, account(3)).await, Ok(false));
    assert_eq!(
        store.is_conversation_of(conversation(2), account(1)).await,
        Ok(false)
    );
    assert_eq!(store.group(conversation(2)).await.unwrap(), None);
}

pub(crate) async fn entries_are_numbered_without_gaps(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let writes = (2..=5)
        .map(|number| message(key(id, device(0x11), number), 1))
        .collect();
    assert_eq!(places(&write(store, writes).await), [Ok(2), Ok(3), Ok(4), Ok(5)]);
    let writes = (1..=2)
        .map(|number| message(key(id, device(0x21), number), 1))
        .collect();
    assert_eq!(places(&write(store, writes).await), [Ok(6), Ok(7)]);
    let page = store.log_page(id, account(1), 0, ALL).await.unwrap().unwrap();
    assert_eq!(
        page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        (1..=7).collect::<Vec<_>>()
    );
    assert_eq!(
        (page.entries[0].kind, &page.entries[0].payload[..]),
        (EntryKind::Commit, &b"commit of epoch 0"[..])
    );
    assert_eq!(
        (page.entries[1].kind, &page.entries[1].payload[..]),
        (EntryKind::Message, &b"message 2"[..])
    );
    assert_eq!(
        (page.entries[1].send_id, page.entries[1].accepted_at),
        (key(id, device(0x11), 2).send_id, NOW)
    );
}

pub(crate) async fn a_retry_in_the_same_batch_or_a_later_one_gets_the_first_answer(
    store: &dyn DeliveryStore,
) {
    let id = conversation(1);
    create(store, id).await;
    let sends: Vec<_> = (2..=4)
        .map(|number| message(key(id, device(0x11), number), 1))
        .collect();
    let twice = sends
        .iter()
        .flat_map(|send| [send.clone(), send.clone()])
        .collect();
    let outcomes = write(store, twice).await;
    assert_eq!(places(&outcomes), [Ok(2), Ok(2), Ok(3), Ok(3), Ok(4), Ok(4)]);
    assert_eq!(outcomes[1].as_ref().unwrap().acceptance, Acceptance::Duplicate);
    write(
        store,
        vec![LogWrite::Commit(Box::new(commit(
            key(id, device(0x21), 1),
            account(2),
            1,
        )))],
    )
    .await;
    let later = NOW.plus(std::time::Duration::from_secs(9));
    for (send, seq) in sends.into_iter().zip(2..) {
        let again = write_with(store, later, vec![send], Vec::new())
            .await
            .remove(0)
            .unwrap();
        assert_eq!(
            again,
            Accepted {
                seq,
                epoch: 1,
                accepted_at: NOW,
                hash: hash_at(store, id, seq).await,
                acceptance: Acceptance::Duplicate
            }
        );
    }
    assert_eq!(seqs(store, id, account(2), 1).await, [2, 3, 4, 5]);
}

pub(crate) async fn a_refused_write_leaves_the_rest_of_its_batch_alone(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let writes = vec![
        message(key(id, device(0x11), 2), 1),
        message(key(id, device(0x31), 1), 1),
        message(key(conversation(9), device(0x11), 1), 1),
        LogWrite::Create(Box::new(creation(conversation(2)))),
        message(key(id, device(0x11), 3), 1),
    ];
    let outcomes = places(&write(store, writes).await);
    assert_eq!(
        outcomes,
        [
            Ok(2),
            Err(LogRefusal::NotAMember),
            Err(LogRefusal::NotAMember),
            Err(LogRefusal::ConversationExists(id)),
            Ok(3)
        ]
    );
}

pub(crate) async fn only_the_next_number_of_a_sender_is_taken(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let out_of_order = Err(LogRefusal::SendOutOfOrder { expected: 2 });
    assert_eq!(
        places(&write(store, vec![message(key(id, device(0x11), 3), 1)]).await),
        [out_of_order]
    );
    let unknown_id = SendKey {
        send_number: 1,
        ..key(id, device(0x11), 77)
    };
    assert_eq!(
        places(&write(store, vec![message(unknown_id, 1)]).await),
        [out_of_order]
    );
    let check = store
        .check_send(key(id, device(0x11), 3), Committer::Member)
        .await
        .unwrap();
    assert_eq!(
        check,
        SendCheck::Refused(LogRefusal::SendOutOfOrder { expected: 2 })
    );
    let check = store
        .check_send(key(id, device(0x11), 2), Committer::Member)
        .await
        .unwrap();
    assert_eq!(
        check,
        SendCheck::Possible {
            head_seq: 1,
            epoch: 1
        }
    );
    let check = store
        .check_send(key(id, device(0x11), 1), Committer::Member)
        .await
        .unwrap();
    let first = Accepted {
        seq: 1,
        epoch: 1,
        accepted_at: NOW,
        hash: hash_at(store, id, 1).await,
        acceptance: Acceptance::Duplicate,
    };
    assert_eq!(check, SendCheck::Duplicate(first));
}

pub(crate) async fn only_the_epoch_of_the_head_is_taken(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let stale = Err(LogRefusal::StaleEpoch {
        head_seq: 1,
        epoch: 1,
    });
    for epoch in [0, 2] {
        assert_eq!(
            places(&write(store, vec![message(key(id, device(0x11), 2), epoch)]).await),
            [stale]
        );
        let commit = commit(key(id, device(0x11), 2), account(1), epoch);
        assert_eq!(
            places(&write(store, vec![LogWrite::Commit(Box::new(commit))]).await),
            [stale]
        );
    }
}

pub(crate) async fn of_two_commits_of_one_epoch_the_first_is_taken(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let writes = vec![
        message(key(id, device(0x11), 2), 1),
        LogWrite::Commit(Box::new(commit(key(id, device(0x11), 3), account(1), 1))),
        LogWrite::Commit(Box::new(commit(key(id, device(0x21), 1), account(2), 1))),
        message(key(id, device(0x11), 4), 1),
        message(key(id, device(0x11), 4), 2),
    ];
    let stale = Err(LogRefusal::StaleEpoch {
        head_seq: 3,
        epoch: 2,
    });
    assert_eq!(
        places(&write(store, writes).await),
        [Ok(2), Ok(3), stale, stale, Ok(4)]
    );
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!(
        (group.epoch, group.head_seq, group.public_view.as_ref()),
        (2, 4, &b"view of epoch 2"[..])
    );
}

pub(crate) async fn a_commit_changes_entry_epoch_group_members_and_inbox_together(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let add = adding(
        commit(key(id, device(0x11), 2), account(1), 1),
        vec![(device(0x12), account(1))],
    );
    let accepted = write(store, vec![LogWrite::Commit(Box::new(add))])
        .await
        .remove(0)
        .unwrap();
    let Acceptance::Stored {
        recipients, welcomed, ..
    } = accepted.acceptance
    else {
        panic!("not new")
    };
    assert_eq!(*recipients, [device(0x11), device(0x21)], "the members before it");
    assert_eq!(welcomed[0].0, device(0x12));
    let removal = CommitWrite {
        removed: vec![device(0x11)],
        ..commit(key(id, device(0x12), 1), account(1), 2)
    };
    let accepted = write(store, vec![LogWrite::Commit(Box::new(removal))])
        .await
        .remove(0)
        .unwrap();
    let Acceptance::Stored { recipients, .. } = accepted.acceptance else {
        panic!("not new")
    };
    assert_eq!(
        *recipients,
        [device(0x11), device(0x12), device(0x21)],
        "who is removed hears of it"
    );
    let refused = Err(LogRefusal::NotAMember);
    assert_eq!(
        places(&write(store, vec![message(key(id, device(0x11), 3), 3)]).await),
        [refused]
    );
    let accepted = write(store, vec![message(key(id, device(0x12), 2), 3)])
        .await
        .remove(0)
        .unwrap();
    let Acceptance::Stored { recipients, .. } = accepted.acceptance else {
        panic!("not new")
    };
    assert_eq!(*recipients, [device(0x12), device(0x21)]);
}

/// The conversations of an account, as one of its devices finds them, and whether it may ask for the group.
async fn conversations(store: &dyn DeliveryStore, account_id: AccountId) -> Vec<ConversationId> {
    let heads = store.conversation_heads(account_id, device(0xff)).await.unwrap();
    for head in &heads {
        let id = head.conversation_id;
        assert_eq!(store.is_conversation_of(id, account_id).await, Ok(true));
        assert!(store.group_for(id, account_id).await.unwrap().is_some());
    }
    heads.into_iter().map(|head| head.conversation_id).collect()
}

pub(crate) async fn a_commit_adds_and_removes_accounts(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    assert_eq!(conversations(store, account(3)).await, []);
    let mut add = adding(
        commit(key(id, device(0x11), 2), account(1), 1),
        vec![(device(0x31), account(3))],
    );
    add.accounts.added = vec![account(3)];
    let outcomes = write(store, vec![LogWrite::Commit(Box::new(add))]).await;
    assert_eq!(places(&outcomes), [Ok(2)]);
    for member in 1..=3 {
        assert_eq!(conversations(store, account(member)).await, [id], "{member}");
    }
    // One account goes and another one comes, in one commit.
    let mut exchange = adding(
        commit(key(id, device(0x31), 1), account(3), 2),
        vec![(device(0x41), account(4))],
    );
    exchange.removed = vec![device(0x21)];
    exchange.accounts = AccountChanges {
        added: vec![account(4)],
        removed: vec![account(2)],
    };
    let outcomes = write(store, vec![LogWrite::Commit(Box::new(exchange))]).await;
    assert_eq!(places(&outcomes), [Ok(3)]);
    assert_eq!(store.is_conversation_of(id, account(2)).await, Ok(false));
    assert_eq!(store.group_for(id, account(2)).await, Ok(None));
    for member in [1, 3, 4] {
        assert_eq!(conversations(store, account(member)).await, [id], "{member}");
    }
}

pub(crate) async fn a_removed_account_sees_a_conversation_up_to_its_removal(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let change = |number, epoch, (added, removed): (Vec<AccountId>, Vec<AccountId>)| {
        let plain = commit(key(id, device(0x11), number), account(1), epoch);
        let mut commit = if added.is_empty() {
            plain
        } else {
            adding(plain, vec![(device(0x21), account(2))])
        };
        if !removed.is_empty() {
            commit.removed = vec![device(0x21)];
        }
        commit.accounts = AccountChanges { added, removed };
        LogWrite::Commit(Box::new(commit))
    };
    let removal = write(store, vec![change(2, 1, (vec![], vec![account(2)]))]).await;
    let end = removal[0].clone().unwrap();
    write(store, vec![message(key(id, device(0x11), 3), 2)]).await;
    let heads = store.conversation_heads(account(2), device(0x21)).await.unwrap();
    assert_eq!(
        heads,
        [ConversationHead {
            conversation_id: id,
            head_seq: 2,
            epoch: 2,
            member: false,
            former: true,
            acked_seq: 0,
            send_number: 0,
            head_hash: end.hash.unwrap(),
            receipts_change: 0,
        }]
    );
    let page = store.log_page(id, account(2), 0, ALL).await.unwrap().unwrap();
    assert_eq!((page.head_seq, page.head_hash), (2, end.hash.unwrap()));
    assert_eq!(seqs(store, id, account(2), 0).await, [1, 2]);
    assert!(seqs(store, id, account(2), 2).await.is_empty());
    // Once it is back, everything is as for the others.
    write(store, vec![change(4, 2, (vec![account(2)], vec![]))]).await;
    let heads = store.conversation_heads(account(2), device(0x21)).await.unwrap();
    assert_eq!((heads.len(), heads[0].head_seq, heads[0].former), (1, 4, false));
    assert_eq!(seqs(store, id, account(2), 2).await, [3, 4]);
    let again = write(store, vec![change(5, 3, (vec![], vec![account(2)]))]).await;
    assert_eq!(places(&again), [Ok(5)]);
}

pub(crate) async fn a_commit_that_loses_changes_no_accounts(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let winner = commit(key(id, device(0x11), 2), account(1), 1);
    let mut loser = adding(
        commit(key(id, device(0x21), 1), account(2), 1),
        vec![(device(0x31), account(3))],
    );
    loser.accounts = AccountChanges {
        added: vec![account(3)],
        removed: vec![account(1)],
    };
    let writes = [winner, loser].map(|commit| LogWrite::Commit(Box::new(commit)));
    let stale = Err(LogRefusal::StaleEpoch {
        head_seq: 2,
        epoch: 2,
    });
    assert_eq!(places(&write(store, writes.into()).await), [Ok(2), stale]);
    assert_eq!(conversations(store, account(1)).await, [id]);
    assert_eq!(conversations(store, account(3)).await, []);
}

pub(crate) async fn a_device_that_leaves_takes_its_account_along_and_ends_no_epoch(
    store: &dyn DeliveryStore,
) {
    let id = conversation(1);
    create(store, id).await;
    let leave = |number, epoch| {
        LogWrite::Leave(LeaveWrite {
            key: key(id, device(0x21), number),
            account_id: account(2),
            epoch,
            claim: LogClaim::of_no_place(number),
            proposal: Bytes::from_static(b"leaves"),
            view: ViewWrite::Whole(Bytes::from_static(b"view with it")),
        })
    };
    let stale = Err(LogRefusal::StaleEpoch {
        head_seq: 1,
        epoch: 1,
    });
    assert_eq!(places(&write(store, vec![leave(1, 0)]).await), [stale]);
    let outcomes = write(
        store,
        vec![leave(1, 1), message(key(id, device(0x11), 2), 1), leave(1, 1)],
    )
    .await;
    assert_eq!(
        places(&outcomes),
        [Ok(2), Ok(3), Err(LogRefusal::NotAMember)],
        "it is no member any more, and the epoch goes on"
    );
    let Acceptance::Stored { recipients, .. } = &outcomes[0].as_ref().unwrap().acceptance else {
        panic!("stored before");
    };
    assert_eq!(recipients[..], [device(0x11), device(0x21)]);
    let Acceptance::Stored { recipients, .. } = &outcomes[1].as_ref().unwrap().acceptance else {
        panic!("stored before");
    };
    assert_eq!(recipients[..], [device(0x11)]);
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!(
        (
            group.epoch,
            group.head_seq,
            &group.public_view[..],
            &group.group_info[..]
        ),
        (1, 3, &b"view with it"[..], &b"info of epoch 1"[..])
    );
    // The log ends for it where it left, as for those who are removed.
    let heads = store.conversation_heads(account(2), device(0x21)).await.unwrap();
    assert_eq!((heads[0].head_seq, heads[0].former, heads[0].epoch), (2, true, 1));
    let page = store.log_page(id, account(2), 1, ALL).await.unwrap().unwrap();
    assert_eq!(page.entries.len(), 1);
    assert_eq!(
        (page.entries[0].kind, &page.entries[0].payload[..]),
        (EntryKind::Leave, &b"leaves"[..])
    );
    // The next commit takes it out of the group, of which it is no member.
    let outcome = write(
        store,
        vec![LogWrite::Commit(Box::new(commit(
            key(id, device(0x11), 3),
            account(1),
            1,
        )))],
    )
    .await;
    assert_eq!(places(&outcome), [Ok(4)]);
}

pub(crate) async fn an_external_commit_makes_its_sender_a_member_with_a_new_count(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let external = |number, epoch, removed| {
        let commit = commit(key(id, device(0x12), number), account(1), epoch);
        LogWrite::Commit(Box::new(CommitWrite {
            committer: Committer::External,
            removed,
            ..commit
        }))
    };
    assert_eq!(places(&write(store, vec![external(7, 1, vec![])]).await), [Ok(2)]);
    assert_eq!(
        places(&write(store, vec![external(7, 1, vec![])]).await),
        [Ok(2)],
        "a retry"
    );
    assert_eq!(
        places(&write(store, vec![message(key(id, device(0x12), 8), 2)]).await),
        [Ok(3)]
    );
    // It has lost its state and comes again, with a count of its own choice.
    let again = write(store, vec![external(1, 2, vec![device(0x12)])]).await;
    assert_eq!(places(&again), [Ok(4)]);
    assert_eq!(
        places(&write(store, vec![message(key(id, device(0x12), 2), 3)]).await),
        [Ok(5)]
    );
    assert_eq!(seqs(store, id, account(1), 4).await, [5]);
}

pub(crate) async fn a_pair_of_accounts_has_one_conversation(store: &dyn DeliveryStore) {
    create(store, conversation(1)).await;
    let mut second = creation(conversation(2));
    second.accounts.reverse();
    let exists = Err(LogRefusal::ConversationExists(conversation(1)));
    assert_eq!(
        places(&write(store, vec![LogWrite::Create(Box::new(second.clone()))]).await),
        [exists]
    );
    second.accounts = vec![account(1), account(3)];
    assert_eq!(
        places(&write(store, vec![LogWrite::Create(Box::new(second.clone()))]).await),
        [Ok(1)]
    );
    second.first.key.conversation_id = conversation(1);
    second.first.key.send_id = SendId::from_bytes([99; 16]);
    second.accounts = vec![account(1), account(4)];
    assert_eq!(
        places(&write(store, vec![LogWrite::Create(Box::new(second))]).await),
        [exists]
    );
    let mut notes = creation(conversation(3));
    notes.accounts = vec![account(1)];
    assert_eq!(
        places(&write(store, vec![LogWrite::Create(Box::new(notes.clone()))]).await),
        [Ok(1)]
    );
    notes.first.key.conversation_id = conversation(4);
    let exists = Err(LogRefusal::ConversationExists(conversation(3)));
    assert_eq!(
        places(&write(store, vec![LogWrite::Create(Box::new(notes))]).await),
        [exists]
    );
}

pub(crate) async fn accounts_can_have_many_conversations_that_claim_nothing(store: &dyn DeliveryStore) {
    create(store, conversation(1)).await;
    for number in 2..=3 {
        let mut create = creation(conversation(number));
        create.claim = Claim::Nothing;
        assert_eq!(
            places(&write(store, vec![LogWrite::Create(Box::new(create))]).await),
            [Ok(1)]
        );
    }
    // They do not take the pair from those that claim it.
    let fourth = creation(conversation(4));
    let exists = Err(LogRefusal::ConversationExists(conversation(1)));
    assert_eq!(
        places(&write(store, vec![LogWrite::Create(Box::new(fourth))]).await),
        [exists]
    );
}

pub(crate) async fn an_account_has_a_limit_of_conversations(store: &dyn DeliveryStore) {
    let mut outcomes = Vec::new();
    for number in 1..=3 {
        let mut create = creation(conversation(number));
        create.accounts = vec![account(1), account(10 + number)];
        create.conversations_max = 2;
        outcomes.extend(write(store, vec![LogWrite::Create(Box::new(create))]).await);
    }
    assert_eq!(
        places(&outcomes),
        [Ok(1), Ok(1), Err(LogRefusal::TooManyConversations)]
    );
}

pub(crate) async fn a_log_is_read_by_the_accounts_of_its_conversation_only(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 2).await;
    assert_eq!(seqs(store, id, account(1), 0).await, [1, 2, 3]);
    assert_eq!(seqs(store, id, account(2), 1).await, [2, 3]);
    assert!(seqs(store, id, account(2), u64::MAX).await.is_empty());
    for (id, reader) in [(id, account(3)), (conversation(2), account(1))] {
        assert_eq!(
            store.log_page(id, reader, 0, ALL).await,
            Ok(Err(ReadRefusal::NotAMember))
        );
    }
}

pub(crate) async fn the_log_chain_covers_every_entry_in_order(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 2).await;
    let update = commit(key(id, device(0x21), 1), account(2), 1);
    let last = message(key(id, device(0x21), 2), 2);
    write(store, vec![LogWrite::Commit(Box::new(update)), last]).await;
    let page = store.log_page(id, account(1), 0, ALL).await.unwrap().unwrap();
    let mut hash = LogHash::START;
    for entry in &page.entries {
        hash = hash.after(&ChainedEntry {
            conversation_id: id,
            founding: 0,
            seq: entry.seq,
            kind: entry.kind,
            sender: entry.sender.unwrap(),
            accepted_at: entry.accepted_at,
            payload_hash: payload_hash(&entry.payload),
        });
    }
    assert_eq!(page.entries[3].sender, Some(device(0x21)));
    assert_eq!(page.head_hash, hash);
    assert_eq!(store.group(id).await.unwrap().unwrap().head_hash, hash);
    let bounds = PageBounds {
        entries_max: 1,
        ..ALL
    };
    let welcomes = store.waiting_welcomes(device(0x21), bounds).await.unwrap();
    assert_eq!(welcomes[0].hash_before, Some(LogHash::START));
}

pub(crate) async fn a_false_claim_about_the_log_is_refused(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 3).await;
    let claiming = |seq, hash| {
        let LogWrite::Application(mut write) = message(key(id, device(0x21), 1), 1) else {
            unreachable!("a message is one");
        };
        write.claim = LogClaim {
            seq,
            hash,
            send_number: 1,
        };
        LogWrite::Application(write)
    };
    let head = store.group(id).await.unwrap().unwrap().head_hash;
    for (seq, hash) in [(4, LogHash::START), (3, head), (5, head), (u64::MAX, head)] {
        let outcomes = write(store, vec![claiming(seq, hash)]).await;
        assert_eq!(places(&outcomes), [Err(LogRefusal::LogDisagrees)], "{seq}");
    }
    let mut update = commit(key(id, device(0x21), 1), account(2), 1);
    update.claim.seq = 4;
    let outcomes = write(store, vec![LogWrite::Commit(Box::new(update))]).await;
    assert_eq!(places(&outcomes), [Err(LogRefusal::LogDisagrees)]);
    let outcomes = write(store, vec![claiming(4, head)]).await;
    assert_eq!(places(&outcomes), [Ok(5)]);
}

pub(crate) async fn pages_are_bounded_and_follow_each_other(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 5).await;
    let page = |after, entries_max, bytes_max| {
        store.log_page(
            id,
            account(2),
            after,
            PageBounds {
                entries_max,
                bytes_max,
            },
        )
    };
    let seqs_of = |page: crate::store::delivery::LogPage| {
        page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs_of(page(1, 2, 1_000).await.unwrap().unwrap()), [2, 3]);
    assert_eq!(seqs_of(page(3, 2, 1_000).await.unwrap().unwrap()), [4, 5]);
    // A message has 9 bytes here.
    assert_eq!(seqs_of(page(1, 100, 20).await.unwrap().unwrap()), [2, 3]);
    assert_eq!(seqs_of(page(1, 100, 1).await.unwrap().unwrap()), [2]);
    let end = page(6, 100, 1_000).await.unwrap().unwrap();
    assert_eq!((end.entries.len(), end.head_seq), (0, 6));
}

pub(crate) async fn a_welcome_waits_until_its_device_has_taken_it(store: &dyn DeliveryStore) {
    let id = conversation(1);
    let mut create = creation(id);
    let both = vec![(device(0x21), account(2)), (device(0x22), account(2))];
    create.first = adding(create.first, both);
    write(store, vec![LogWrite::Create(Box::new(create))]).await;
    let [item] = &store.waiting_welcomes(device(0x21), ALL).await.unwrap()[..] else {
        panic!("not one")
    };
    assert_eq!((item.conversation_id, item.seq), (id, 1));
    assert_eq!(item.shared, "welcome to epoch 1");
    assert_eq!(item.secrets, Some(format!("for {}", device(0x21)).into()));
    assert_eq!(item.tree, WelcomeTree::Here(b"tree of epoch 1"[..].into()));
    let others = store.waiting_welcomes(device(0x22), ALL).await.unwrap();
    // Somebody else's item, and one that does not exist.
    store
        .acknowledge_welcomes(device(0x21), vec![others[0].item_id, 999])
        .await
        .unwrap();
    assert_eq!(store.waiting_welcomes(device(0x22), ALL).await.unwrap(), others);
    for _ in 0..2 {
        store
            .acknowledge_welcomes(device(0x21), vec![item.item_id])
            .await
            .unwrap();
        assert!(
            store
                .waiting_welcomes(device(0x21), ALL)
                .await
                .unwrap()
                .is_empty()
        );
    }
    assert_eq!(store.waiting_welcomes(device(0x22), ALL).await.unwrap(), others);
    store
        .acknowledge_welcomes(device(0x22), vec![others[0].item_id])
        .await
        .unwrap();
    // Item ids are not used again.
    let add = adding(
        commit(key(id, device(0x11), 2), account(1), 1),
        vec![(device(0x12), account(1))],
    );
    write(store, vec![LogWrite::Commit(Box::new(add))]).await;
    let newest = store.waiting_welcomes(device(0x12), ALL).await.unwrap().remove(0);
    assert!(newest.item_id > others[0].item_id);
}

pub(crate) async fn what_changes_a_group_is_kept_until_it_is_stored_as_a_whole(store: &dyn DeliveryStore) {
    let (id, other) = (conversation(1), conversation(2));
    create(store, id).await;
    let mut creation_of_other = creation(other);
    creation_of_other.claim = Claim::Nothing;
    write(store, vec![LogWrite::Create(Box::new(creation_of_other))]).await;
    let change = |id, number: u64, view| {
        let mut commit = commit(key(id, device(0x11), number), account(1), number - 1);
        commit.view = view;
        LogWrite::Commit(Box::new(commit))
    };
    let of_epoch = |epoch: u64| ViewChange::Commit(format!("commit of epoch {epoch}").into());
    write(store, vec![change(id, 2, ViewWrite::Change)]).await;
    write(store, vec![change(other, 2, ViewWrite::Change)]).await;
    write(store, vec![change(id, 3, ViewWrite::Change)]).await;
    let leave = LeaveWrite {
        key: key(id, device(0x21), 1),
        account_id: account(2),
        epoch: 3,
        claim: LogClaim::of_no_place(1),
        proposal: Bytes::from_static(b"proposal"),
        view: ViewWrite::Change,
    };
    let left = write(store, vec![LogWrite::Leave(leave)]).await.remove(0);
    assert_eq!(left.map(|accepted| accepted.seq), Ok(4));
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!(
        (group.epoch, &group.public_view[..]),
        (3, &b"view of epoch 1"[..])
    );
    let leave = ViewChange::Leave(Bytes::from_static(b"proposal"));
    assert_eq!(group.view_changes, [of_epoch(1), of_epoch(2), leave]);

    let whole = ViewWrite::Whole(Bytes::from_static(b"whole"));
    write(store, vec![change(id, 4, whole)]).await;
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!((group.epoch, &group.public_view[..]), (4, &b"whole"[..]));
    assert_eq!(group.view_changes, []);
    let other = store.group_for(other, account(1)).await.unwrap().unwrap();
    assert_eq!(
        other.view_changes,
        [of_epoch(1)],
        "another group keeps its changes"
    );
    // A commit that loses changes nothing.
    write(store, vec![change(id, 5, ViewWrite::Change)]).await;
    let stale = change(id, 5, ViewWrite::Change);
    write(store, vec![stale]).await;
    let group = store.group(id).await.unwrap().unwrap();
    assert_eq!(group.view_changes, [of_epoch(4)]);
}

/// A commit of device 11 that adds a device of account 2, with a tree of this size.
fn adding_with_tree(id: ConversationId, number: u64, added: DeviceId, tree_bytes: usize) -> LogWrite {
    let commit = commit(key(id, device(0x11), number), account(1), number - 1);
    let mut commit = adding(commit, vec![(added, account(2))]);
    let mut tree = vec![0; tree_bytes];
    tree[..8].copy_from_slice(&number.to_be_bytes());
    if let Some(welcome) = &mut commit.welcome {
        welcome.tree_hash = payload_hash(&tree);
        welcome.ratchet_tree = tree.into();
    }
    LogWrite::Commit(Box::new(commit))
}

async fn waiting_tree(store: &dyn DeliveryStore, of: DeviceId) -> WelcomeTree {
    store.waiting_welcomes(of, ALL).await.unwrap().remove(0).tree
}

pub(crate) async fn a_large_tree_is_fetched_as_long_as_a_welcome_to_it_waits(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let added = device(0x22);
    write(store, vec![adding_with_tree(id, 2, added, WELCOME_TREE_MAX + 1)]).await;
    let WelcomeTree::Fetchable(hash) = waiting_tree(store, added).await else {
        panic!("the tree is too large to come along")
    };
    let fetch = |account_id, hash| store.ratchet_tree(id, account_id, hash);
    let tree = fetch(account(2), hash).await.unwrap().unwrap();
    assert_eq!((tree.len(), payload_hash(&tree)), (WELCOME_TREE_MAX + 1, hash));
    assert_eq!(
        fetch(account(3), hash).await.unwrap(),
        None,
        "not of the conversation"
    );
    assert_eq!(fetch(account(2), [7; 32]).await.unwrap(), None, "no such tree");
    let item = store.waiting_welcomes(added, ALL).await.unwrap().remove(0);
    store
        .acknowledge_welcomes(added, vec![item.item_id])
        .await
        .unwrap();
    assert_eq!(
        fetch(account(2), hash).await.unwrap(),
        None,
        "nobody waits for it"
    );
}

pub(crate) async fn of_too_many_bytes_of_trees_the_oldest_go(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    let half = usize::try_from(TREES_BYTES_PER_CONVERSATION_MAX / 2).unwrap();
    let (first, second, third) = (device(0x22), device(0x23), device(0x24));
    for (number, added) in (2..).zip([first, second]) {
        write(store, vec![adding_with_tree(id, number, added, half)]).await;
    }
    assert!(matches!(
        waiting_tree(store, first).await,
        WelcomeTree::Fetchable(_)
    ));
    write(store, vec![adding_with_tree(id, 4, third, half)]).await;
    assert_eq!(waiting_tree(store, first).await, WelcomeTree::Gone);
    for added in [second, third] {
        assert!(matches!(
            waiting_tree(store, added).await,
            WelcomeTree::Fetchable(_)
        ));
    }
    // One that is too large by itself is kept, and no other.
    let fourth = device(0x25);
    write(store, vec![adding_with_tree(id, 5, fourth, 2 * half + 1)]).await;
    assert_eq!(waiting_tree(store, third).await, WelcomeTree::Gone);
    assert!(matches!(
        waiting_tree(store, fourth).await,
        WelcomeTree::Fetchable(_)
    ));
}

fn packages(range: std::ops::Range<u8>) -> Vec<NewKeyPackage> {
    range
        .map(|number| NewKeyPackage {
            hash: [number; 32],
            key_package: Bytes::from(vec![number; 4]),
        })
        .collect()
}

fn publication(one_time: Vec<NewKeyPackage>, last_resort: Option<NewKeyPackage>) -> KeyPackagePublication {
    KeyPackagePublication {
        withdrawn: Vec::new(),
        one_time,
        last_resort,
        one_time_max: 4,
    }
}

pub(crate) async fn a_one_time_key_package_is_given_out_once(store: &dyn DeliveryStore) {
    let owner = device(0x21);
    let last_resort = packages(9..10).pop();
    assert_eq!(
        store
            .publish_key_packages(owner, publication(packages(1..3), last_resort))
            .await,
        Ok(Ok(2))
    );
    let mut given = Vec::new();
    for _ in 0..4 {
        let claimed = store.claim_key_packages(vec![device(0x22), owner]).await.unwrap();
        assert_eq!(claimed.len(), 1, "who has none is left out");
        given.push((claimed[0].key_package[0], claimed[0].one_time_left));
    }
    assert_eq!(given, [(1, 1), (2, 0), (9, 0), (9, 0)]);
    let asked = vec![device(0x22), owner];
    let last_resorts = store.last_resort_key_packages(asked).await.unwrap();
    let found = last_resorts
        .iter()
        .map(|claimed| (claimed.device_id, claimed.key_package[0]));
    assert_eq!(found.collect::<Vec<_>>(), [(owner, 9)]);
    let replacement = packages(10..11).pop();
    assert_eq!(
        store
            .publish_key_packages(owner, publication(vec![], replacement))
            .await,
        Ok(Ok(0))
    );
    assert_eq!(
        store.claim_key_packages(vec![owner]).await.unwrap()[0].key_package[0],
        10
    );
}

pub(crate) async fn key_packages_are_published_all_or_none(store: &dyn DeliveryStore) {
    let owner = device(0x21);
    assert_eq!(
        store
            .publish_key_packages(owner, publication(packages(1..4), None))
            .await,
        Ok(Ok(3))
    );
    let too_many = store
        .publish_key_packages(owner, publication(packages(5..7), None))
        .await;
    assert_eq!(too_many, Ok(Err(TooManyKeyPackages { kept: 3 })));
    let hashes = packages(1..4).iter().map(|package| package.hash).collect();
    assert_eq!(
        store.key_package_stock(owner).await,
        Ok(KeyPackageStock {
            one_time: 3,
            last_resort: false,
            hashes,
        })
    );
    assert_eq!(
        store
            .publish_key_packages(owner, publication(packages(1..2), None))
            .await,
        Ok(Ok(3)),
        "kept already"
    );
    assert_eq!(
        store
            .publish_key_packages(owner, publication(packages(5..6), None))
            .await,
        Ok(Ok(4))
    );
}

pub(crate) async fn withdrawn_key_packages_are_dropped_before_others_are_counted(store: &dyn DeliveryStore) {
    let (owner, other) = (device(0x21), device(0x22));
    let published = publication(packages(1..5), packages(9..10).pop());
    assert_eq!(store.publish_key_packages(owner, published).await, Ok(Ok(4)));
    let withdrawn: Vec<_> = [packages(1..4), packages(9..10)]
        .concat()
        .iter()
        .map(|package| package.hash)
        .collect();
    let withdrawal = KeyPackagePublication {
        withdrawn,
        ..publication(packages(5..8), None)
    };
    let foreign = KeyPackagePublication {
        one_time: Vec::new(),
        ..withdrawal.clone()
    };
    assert_eq!(store.publish_key_packages(other, foreign).await, Ok(Ok(0)));
    assert_eq!(store.key_package_stock(owner).await.unwrap().hashes.len(), 5);
    assert_eq!(store.publish_key_packages(owner, withdrawal).await, Ok(Ok(4)));
    let stock = store.key_package_stock(owner).await.unwrap();
    let left: Vec<_> = packages(4..8).iter().map(|package| package.hash).collect();
    assert_eq!((stock.hashes, stock.last_resort), (left, false));
}

pub(crate) async fn cursors_move_forward_up_to_the_head(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 3).await;
    // One that is beyond the head, one of a stranger, one of no conversation.
    let foreign = [
        cursor(id, device(0x31), 3),
        cursor(conversation(9), device(0x11), 3),
    ];
    let moves = [
        &[cursor(id, device(0x11), 99), cursor(id, device(0x21), 3)],
        &foreign[..],
    ]
    .concat();
    write_with(store, NOW, Vec::new(), moves).await;
    // Backwards.
    write_with(store, NOW, Vec::new(), vec![cursor(id, device(0x21), 1)]).await;
    for (account_id, device_id, acked_seq) in [
        (account(1), device(0x11), 4),
        (account(2), device(0x21), 3),
        (account(2), device(0x22), 0),
    ] {
        let heads = store.conversation_heads(account_id, device_id).await.unwrap();
        assert_eq!(heads[0].acked_seq, acked_seq);
    }
    assert_eq!(prune(store).await, 3);
    let next = LogBatch {
        accepted_at: NOW,
        writes: vec![message(key(id, device(0x11), 5), 1)],
        cursors: vec![cursor(id, device(0x21), 4)],
    };
    store.write_log(next).await.unwrap();
    assert_eq!(
        prune(store).await,
        1,
        "seq 5 is not stored by device 11, though it once said 99"
    );
}

pub(crate) async fn what_all_have_stored_or_is_too_old_is_pruned_in_steps(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 4).await;
    let late = NOW.plus(std::time::Duration::from_secs(1));
    write_with(
        store,
        late,
        vec![message(key(id, device(0x11), 6), 1)],
        Vec::new(),
    )
    .await;
    write_with(
        store,
        NOW,
        Vec::new(),
        vec![cursor(id, device(0x11), 3), cursor(id, device(0x21), 2)],
    )
    .await;
    assert_eq!(prune(store).await, 2);
    assert_eq!(seqs(store, id, account(2), 2).await, [3, 4, 5, 6]);
    let pruned = Ok(Err(ReadRefusal::Pruned {
        first_seq: 3,
        head_seq: 6,
        epoch: 1,
    }));
    assert_eq!(store.log_page(id, account(2), 1, ALL).await, pruned);
    let first = store.prune(step(2, late)).await.unwrap();
    assert_eq!((first.deleted, first.resume_after), (2, None));
    assert_eq!(
        store.prune(step(2, late)).await.unwrap().deleted,
        1,
        "not the one that is young enough"
    );
    assert_eq!(seqs(store, id, account(2), 5).await, [6]);
    // A log of which nothing is kept goes on.
    write_with(
        store,
        late,
        Vec::new(),
        vec![cursor(id, device(0x11), 6), cursor(id, device(0x21), 6)],
    )
    .await;
    assert_eq!(prune(store).await, 1);
    assert_eq!(
        places(&write(store, vec![message(key(id, device(0x11), 7), 1)]).await),
        [Ok(7)]
    );
    assert_eq!(seqs(store, id, account(2), 6).await, [7]);
}

pub(crate) async fn a_signed_out_device_cannot_send_and_is_not_waited_for(store: &dyn DeliveryStore) {
    let id = conversation(1);
    create(store, id).await;
    send(store, id, 1).await;
    store
        .publish_key_packages(device(0x21), publication(packages(1..3), packages(9..10).pop()))
        .await
        .unwrap()
        .unwrap();
    store.sign_out_device(device(0x21)).await.unwrap();
    assert_eq!(
        places(&write(store, vec![message(key(id, device(0x21), 1), 1)]).await),
        [Err(LogRefusal::SignedOut)]
    );
    let accepted = write(store, vec![message(key(id, device(0x11), 3), 1)])
        .await
        .remove(0)
        .unwrap();
    let Acceptance::Stored { recipients, .. } = accepted.acceptance else {
        panic!("not new")
    };
    assert_eq!(*recipients, [device(0x11)]);
    assert!(
        store
            .waiting_welcomes(device(0x21), ALL)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .claim_key_packages(vec![device(0x21)])
            .await
            .unwrap()
            .is_empty()
    );
    write_with(store, NOW, Vec::new(), vec![cursor(id, device(0x11), 3)]).await;
    assert_eq!(prune(store).await, 3);
}

pub(crate) async fn batches_at_the_same_time_do_not_disturb_each_other(store: &dyn DeliveryStore) {
    let mut ids = Vec::new();
    for number in 1..=4 {
        let mut create = creation(conversation(number));
        create.accounts = vec![account(1), account(10 + number)];
        write(store, vec![LogWrite::Create(Box::new(create))]).await;
        ids.push(conversation(number));
    }
    let ids: Arc<[ConversationId]> = ids.into();
    let sender = |id: ConversationId| async move {
        let mut placed = Vec::new();
        for number in 2..30 {
            let outcomes = write(store, vec![message(key(id, device(0x11), number), 1)]).await;
            placed.push(outcomes[0].as_ref().unwrap().seq);
        }
        assert_eq!(placed, (2..30).collect::<Vec<_>>());
    };
    tokio::join!(sender(ids[0]), sender(ids[1]), sender(ids[2]), sender(ids[3]));
    for id in ids.iter() {
        assert_eq!(seqs(store, *id, account(1), 1).await, (2..30).collect::<Vec<_>>());
    }
}
