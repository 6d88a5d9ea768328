//! The suite of [`LinkStore`](crate::store::LinkStore). Each function is a rule and gets an empty store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use bytes::Bytes;
use subrosa_mls::{EntryKind, LINK_SIGNATURE_LEN};
use subrosa_wire::{AccountId, ConversationId, LinkId, Timestamp};

use super::{
    delivery::{NOW, account, adding, commit, conversation, creation, device, key, write},
    restoring::{entry_of, head, member, restore},
};
use crate::{
    limits::REVOKED_LINKS_MAX,
    store::{
        Store,
        delivery::{
            AccountChanges, Claim, CommitWrite, Committer, CreateWrite, LogOutcome, LogRefusal, LogWrite,
            RestoreWrite, RestoredCommit, RestoredEntry, RestoredGroup,
        },
        links::{
            AskRefusal, JoinRequestRecord, JoinRequestWrite, KeptLink, LinkClosed, LinkRecord, LinkWrite,
        },
    },
};

/// Makes a test of every rule for one backend: `$open` is an expression that gives a store and what keeps it.
macro_rules! link_store_conformance {
    ($open:expr) => {
        $crate::store::conformance::links::link_store_conformance!(@rules $open,
            a_link_is_put_and_put_again
            a_link_is_put_by_whoever_is_in_the_conversation_in_the_epoch_whose_policy_has_it
            a_link_of_another_conversation_is_not_taken_over
            whoever_comes_by_a_link_is_counted_with_the_commit
            a_limit_of_one_lets_in_exactly_one
            a_closed_link_refuses_the_commit_and_nothing_of_it_is_stored
            a_link_goes_with_the_commit_that_revokes_it
            a_revoked_link_is_remembered_for_a_time_and_a_bounded_number_of_them
            a_commit_changes_whether_one_only_asks_by_a_link
            an_account_asks_once_and_until_it_comes_in
            nobody_asks_by_a_closed_link_or_from_inside
            the_requests_of_a_conversation_are_bounded
            a_request_is_dropped_when_it_is_denied_or_too_old
            what_a_commit_did_to_links_is_put_back
        );
    };
    (@rules $open:expr, $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (store, _kept) = $open;
                $crate::store::conformance::links::$rule(&store).await;
            }
        )*
    };
}
pub(in crate::store) use link_store_conformance;

/// A group of accounts 1 and 2, with one device each.
async fn group(store: &dyn Store, id: ConversationId) {
    let create = CreateWrite {
        claim: Claim::Nothing,
        ..creation(id)
    };
    assert!(write(store, vec![LogWrite::Create(Box::new(create))]).await[0].is_ok());
}

const HOUR: Duration = Duration::from_hours(1);

fn link_id(number: u8) -> LinkId {
    LinkId::from_bytes([number; 16])
}

/// Account 1 puts a link without limits.
fn put(id: ConversationId, number: u8) -> LinkWrite {
    LinkWrite {
        link_id: link_id(number),
        conversation_id: id,
        account_id: account(1),
        epoch: 1,
        needs_approval: false,
        uses_max: None,
        expires_at: None,
        preview: Bytes::from_static(b"preview"),
        now: NOW,
    }
}

async fn put_link(store: &dyn Store, write: LinkWrite) {
    assert_eq!(store.put_link(write).await, Ok(Ok(())));
}

async fn link(store: &dyn Store, number: u8) -> LinkRecord {
    store.link(link_id(number)).await.unwrap().unwrap()
}

/// Why nobody comes by a link at this time.
async fn closed(store: &dyn Store, number: u8) -> Option<LinkClosed> {
    link(store, number).await.check(NOW).err()
}

/// The external commit by which device `number`1 of account `number` comes by a link.
fn joining(id: ConversationId, number: u8, epoch: u64, by: u8) -> CommitWrite {
    CommitWrite {
        committer: Committer::External,
        accounts: AccountChanges {
            added: vec![account(number)],
            removed: Vec::new(),
        },
        joined_by: Some(link_id(by)),
        ..commit(key(id, device(number << 4 | 1), 1), account(number), epoch)
    }
}

async fn commit_now(store: &dyn Store, write_now: CommitWrite) -> LogOutcome {
    write(store, vec![LogWrite::Commit(Box::new(write_now))])
        .await
        .remove(0)
}

/// A commit of device 11 after which the group has these links.
fn keeping(id: ConversationId, epoch: u64, links: &[KeptLink]) -> CommitWrite {
    CommitWrite {
        links: Some(links.to_vec()),
        ..commit(key(id, device(0x11), epoch + 1), account(1), epoch)
    }
}

fn kept(number: u8, needs_approval: bool) -> KeptLink {
    KeptLink {
        link_id: link_id(number),
        needs_approval,
    }
}

fn asking(id: ConversationId, who: AccountId, by: u8) -> JoinRequestWrite {
    JoinRequestWrite {
        conversation_id: id,
        link_id: link_id(by),
        request: JoinRequestRecord {
            account_id: who,
            signature: [by; LINK_SIGNATURE_LEN],
            note: Bytes::from_static(b"note"),
            asked_at: NOW,
        },
        requests_max: 10,
    }
}

async fn askers(store: &dyn Store, id: ConversationId) -> Vec<AccountId> {
    let requests = store.join_requests(id).await.unwrap();
    requests.iter().map(|request| request.account_id).collect()
}

pub(in crate::store) async fn a_link_is_put_and_put_again(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    assert_eq!(store.link(link_id(1)).await, Ok(None));
    put_link(store, put(id, 1)).await;
    let expected = LinkRecord {
        link_id: link_id(1),
        conversation_id: id,
        members: 2,
        needs_approval: false,
        uses: 0,
        uses_max: None,
        expires_at: None,
        preview: Bytes::from_static(b"preview"),
        created_at: NOW,
        revoked_at: None,
    };
    assert_eq!(link(store, 1).await, expected);
    let again = LinkWrite {
        needs_approval: true,
        uses_max: Some(3),
        expires_at: Some(NOW.plus(HOUR)),
        preview: Bytes::from_static(b"another"),
        now: NOW.plus(HOUR),
        ..put(id, 1)
    };
    let expected = LinkRecord {
        needs_approval: true,
        uses_max: Some(3),
        expires_at: Some(NOW.plus(HOUR)),
        preview: Bytes::from_static(b"another"),
        ..expected
    };
    for _ in 0..2 {
        put_link(store, again.clone()).await;
        assert_eq!(link(store, 1).await, expected);
    }
    put_link(
        store,
        LinkWrite {
            now: NOW.plus(HOUR),
            ..put(id, 2)
        },
    )
    .await;
    let links = store.links(id, account(2)).await.unwrap().unwrap();
    let ids: Vec<_> = links.iter().map(|link| link.link_id).collect();
    assert_eq!(ids, [link_id(1), link_id(2)]);
    for (id, account_id) in [(id, account(3)), (conversation(2), account(1))] {
        assert_eq!(store.links(id, account_id).await, Ok(None));
    }
}

pub(in crate::store) async fn a_link_is_put_by_whoever_is_in_the_conversation_in_the_epoch_whose_policy_has_it(
    store: &dyn Store,
) {
    let id = conversation(1);
    group(store, id).await;
    let stranger = LinkWrite {
        account_id: account(3),
        ..put(id, 1)
    };
    for write in [stranger, put(conversation(2), 1)] {
        assert_eq!(store.put_link(write).await, Ok(Err(LogRefusal::NotAMember)));
    }
    for epoch in [0, 2] {
        let stale = LogRefusal::StaleEpoch {
            head_seq: 1,
            epoch: 1,
        };
        let write = LinkWrite { epoch, ..put(id, 1) };
        assert_eq!(store.put_link(write).await, Ok(Err(stale)));
    }
    assert_eq!(store.link(link_id(1)).await, Ok(None));
}

pub(in crate::store) async fn a_link_of_another_conversation_is_not_taken_over(store: &dyn Store) {
    for number in [1, 2] {
        group(store, conversation(number)).await;
    }
    put_link(store, put(conversation(1), 1)).await;
    let before = link(store, 1).await;
    let taken = store.put_link(put(conversation(2), 1)).await;
    assert_eq!(taken, Ok(Err(LogRefusal::Link(LinkClosed::Unknown))));
    // Nobody comes to another conversation by it, either.
    let refused = commit_now(store, joining(conversation(2), 3, 1, 1)).await;
    assert_eq!(refused, Err(LogRefusal::Link(LinkClosed::Unknown)));
    let refused = store.ask_to_join(asking(conversation(2), account(3), 1)).await;
    assert_eq!(refused, Ok(Err(AskRefusal::Link(LinkClosed::Unknown))));
    assert_eq!(link(store, 1).await, before);
}

pub(in crate::store) async fn whoever_comes_by_a_link_is_counted_with_the_commit(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    put_link(store, put(id, 1)).await;
    assert!(commit_now(store, joining(id, 3, 1, 1)).await.is_ok());
    let after = link(store, 1).await;
    assert_eq!((after.uses, after.members), (1, 3));
    // A retry is no second use, and a commit that loses a race is none.
    let retried = commit_now(store, joining(id, 3, 1, 1)).await;
    assert_eq!(retried.unwrap().seq, 2);
    assert!(commit_now(store, joining(id, 4, 1, 1)).await.is_err());
    assert_eq!(link(store, 1).await.uses, 1);
    assert!(commit_now(store, joining(id, 4, 2, 1)).await.is_ok());
    // Who decides anew goes on counting.
    put_link(
        store,
        LinkWrite {
            epoch: 3,
            uses_max: Some(2),
            ..put(id, 1)
        },
    )
    .await;
    assert_eq!(link(store, 1).await.uses, 2);
    assert_eq!(closed(store, 1).await, Some(LinkClosed::UsedUp));
}

pub(in crate::store) async fn a_limit_of_one_lets_in_exactly_one(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    put_link(
        store,
        LinkWrite {
            uses_max: Some(1),
            ..put(id, 1)
        },
    )
    .await;
    // In one batch, each for the epoch that it would have if the one before it is refused or not.
    let commits = [(3, 1), (4, 1), (4, 2), (5, 2)];
    let writes = commits.map(|(who, epoch)| LogWrite::Commit(Box::new(joining(id, who, epoch, 1))));
    let outcomes = write(store, writes.into()).await;
    assert!(outcomes[0].is_ok());
    assert!(matches!(outcomes[1], Err(LogRefusal::StaleEpoch { .. })));
    for refused in &outcomes[2..] {
        assert_eq!(*refused, Err(LogRefusal::Link(LinkClosed::UsedUp)));
    }
    let after = link(store, 1).await;
    assert_eq!((after.uses, after.members), (1, 3));
}

pub(in crate::store) async fn a_closed_link_refuses_the_commit_and_nothing_of_it_is_stored(
    store: &dyn Store,
) {
    let id = conversation(1);
    group(store, id).await;
    let expired = LinkWrite {
        expires_at: Some(NOW),
        ..put(id, 1)
    };
    let lasts = LinkWrite {
        expires_at: Some(NOW.plus(Duration::from_millis(1))),
        ..put(id, 2)
    };
    put_link(store, expired).await;
    put_link(store, lasts).await;
    let before = store.group(id).await.unwrap();
    for (by, reason) in [(1, LinkClosed::Expired), (9, LinkClosed::Unknown)] {
        let refused = commit_now(store, joining(id, 3, 1, by)).await;
        assert_eq!(refused, Err(LogRefusal::Link(reason)));
    }
    assert_eq!(store.group(id).await.unwrap(), before);
    assert_eq!(store.is_conversation_of(id, account(3)).await, Ok(false));
    assert_eq!(link(store, 1).await.uses, 0);
    assert!(commit_now(store, joining(id, 3, 1, 2)).await.is_ok());
}

pub(in crate::store) async fn a_link_goes_with_the_commit_that_revokes_it(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    group(store, conversation(2)).await;
    for number in [1, 2] {
        put_link(store, put(id, number)).await;
    }
    put_link(store, put(conversation(2), 3)).await;
    for (who, by) in [(3, 1), (4, 2)] {
        assert_eq!(store.ask_to_join(asking(id, account(who), by)).await, Ok(Ok(())));
    }
    assert!(commit_now(store, keeping(id, 1, &[kept(2, false)])).await.is_ok());
    let revoked = link(store, 1).await;
    assert_eq!((revoked.revoked_at, revoked.preview), (Some(NOW), Bytes::new()));
    assert_eq!(closed(store, 1).await, Some(LinkClosed::Revoked));
    assert_eq!((closed(store, 2).await, closed(store, 3).await), (None, None));
    assert_eq!(askers(store, id).await, [account(4)]);
    let links = store.links(id, account(1)).await.unwrap().unwrap();
    assert_eq!(links.len(), 1);
    let refused = commit_now(store, joining(id, 3, 2, 1)).await;
    assert_eq!(refused, Err(LogRefusal::Link(LinkClosed::Revoked)));
    // The policy has it again, and somebody decides about it.
    let epoch = 2;
    put_link(store, LinkWrite { epoch, ..put(id, 1) }).await;
    assert_eq!(closed(store, 1).await, None);
}

pub(in crate::store) async fn a_revoked_link_is_remembered_for_a_time_and_a_bounded_number_of_them(
    store: &dyn Store,
) {
    let id = conversation(1);
    group(store, id).await;
    let all = u8::try_from(REVOKED_LINKS_MAX).unwrap() + 5;
    for number in 1..=all {
        put_link(store, put(id, number)).await;
    }
    assert!(commit_now(store, keeping(id, 1, &[kept(1, false)])).await.is_ok());
    let remembered = async || {
        let mut count = 0;
        for number in 2..=all {
            count += u32::from(store.link(link_id(number)).await.unwrap().is_some());
        }
        count
    };
    assert_eq!(remembered().await, REVOKED_LINKS_MAX);
    let long_ago = Timestamp::from_millis(0);
    store.forget_links(NOW, long_ago).await.unwrap();
    assert_eq!(remembered().await, REVOKED_LINKS_MAX);
    let later = NOW.plus(Duration::from_millis(1));
    store.forget_links(later, long_ago).await.unwrap();
    assert_eq!(remembered().await, 0);
    assert_eq!(closed(store, 1).await, None);
}

pub(in crate::store) async fn a_commit_changes_whether_one_only_asks_by_a_link(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    put_link(store, put(id, 1)).await;
    for (epoch, needs_approval) in [(1, true), (2, false)] {
        let write = keeping(id, epoch, &[kept(1, needs_approval), kept(7, true)]);
        assert!(commit_now(store, write).await.is_ok());
        assert_eq!(link(store, 1).await.needs_approval, needs_approval);
    }
    // Nobody has decided about the other one yet.
    assert_eq!(store.link(link_id(7)).await, Ok(None));
}

pub(in crate::store) async fn an_account_asks_once_and_until_it_comes_in(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    put_link(store, put(id, 1)).await;
    for note in ["one", "two"] {
        let mut ask = asking(id, account(3), 1);
        ask.request.note = Bytes::from(note);
        assert_eq!(store.ask_to_join(ask.clone()).await, Ok(Ok(())));
        assert_eq!(store.join_requests(id).await, Ok(vec![ask.request]));
    }
    assert_eq!(store.ask_to_join(asking(id, account(4), 1)).await, Ok(Ok(())));
    assert_eq!(askers(store, id).await, [account(3), account(4)]);
    let added = CommitWrite {
        accounts: AccountChanges {
            added: vec![account(3)],
            removed: Vec::new(),
        },
        ..adding(
            commit(key(id, device(0x11), 2), account(1), 1),
            vec![(device(0x31), account(3))],
        )
    };
    assert!(commit_now(store, added).await.is_ok());
    assert_eq!(askers(store, id).await, [account(4)]);
    // It has come by the link.
    assert_eq!(link(store, 1).await.uses, 1);
}

pub(in crate::store) async fn nobody_asks_by_a_closed_link_or_from_inside(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    put_link(store, put(id, 1)).await;
    put_link(
        store,
        LinkWrite {
            expires_at: Some(NOW),
            ..put(id, 2)
        },
    )
    .await;
    let refusal = |refusal| Ok(Err(refusal));
    for (who, by, reason) in [
        (3, 2, AskRefusal::Link(LinkClosed::Expired)),
        (3, 9, AskRefusal::Link(LinkClosed::Unknown)),
        (2, 1, AskRefusal::IsMember),
    ] {
        let asked = store.ask_to_join(asking(id, account(who), by)).await;
        assert_eq!(asked, refusal(reason));
    }
    let nowhere = asking(conversation(2), account(3), 1);
    assert_eq!(
        store.ask_to_join(nowhere).await,
        refusal(AskRefusal::Link(LinkClosed::Unknown))
    );
    assert!(askers(store, id).await.is_empty());
}

pub(in crate::store) async fn the_requests_of_a_conversation_are_bounded(store: &dyn Store) {
    for number in [1, 2] {
        group(store, conversation(number)).await;
        put_link(store, put(conversation(number), number)).await;
    }
    let ask = |who: u8, number: u8| JoinRequestWrite {
        requests_max: 2,
        ..asking(conversation(number), account(who), number)
    };
    for who in [3, 4, 3] {
        assert_eq!(store.ask_to_join(ask(who, 1)).await, Ok(Ok(())));
    }
    assert_eq!(store.ask_to_join(ask(5, 1)).await, Ok(Err(AskRefusal::TooMany)));
    assert_eq!(store.ask_to_join(ask(5, 2)).await, Ok(Ok(())));
    store
        .drop_join_request(conversation(1), account(4))
        .await
        .unwrap();
    assert_eq!(store.ask_to_join(ask(5, 1)).await, Ok(Ok(())));
}

pub(in crate::store) async fn a_request_is_dropped_when_it_is_denied_or_too_old(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    group(store, conversation(2)).await;
    put_link(store, put(id, 1)).await;
    for who in [3, 4, 5] {
        let mut ask = asking(id, account(who), 1);
        ask.request.asked_at = NOW.plus(HOUR * u32::from(who));
        assert_eq!(store.ask_to_join(ask).await, Ok(Ok(())));
    }
    for (id, who) in [(id, 3), (id, 3), (conversation(2), 4), (conversation(9), 4)] {
        store.drop_join_request(id, account(who)).await.unwrap();
    }
    assert_eq!(askers(store, id).await, [account(4), account(5)]);
    let long_ago = Timestamp::from_millis(0);
    store.forget_links(long_ago, NOW.plus(HOUR * 5)).await.unwrap();
    assert_eq!(askers(store, id).await, [account(5)]);
}

pub(in crate::store) async fn what_a_commit_did_to_links_is_put_back(store: &dyn Store) {
    let id = conversation(1);
    group(store, id).await;
    for number in [1, 2] {
        put_link(store, put(id, number)).await;
    }
    let before = head(store, id).await;
    let comes_in = RestoredEntry {
        commit: Some(RestoredCommit {
            committer: Committer::External,
            added: vec![member(device(0x31), true)],
            removed: Vec::new(),
            accounts: AccountChanges {
                added: vec![account(3)],
                removed: Vec::new(),
            },
            joined_by: Some(link_id(1)),
        }),
        ..entry_of(EntryKind::Commit, key(id, device(0x31), 1), before, 2)
    };
    let write_back = RestoreWrite {
        group: Some(RestoredGroup {
            epoch: 2,
            public_view: Bytes::from_static(b"view"),
            group_info: Bytes::from_static(b"info"),
            links: vec![kept(1, true)],
        }),
        ..restore(id, before, vec![comes_in])
    };
    store.restore_log(write_back).await.unwrap().unwrap();
    let first = link(store, 1).await;
    assert_eq!((first.uses, first.needs_approval), (1, true));
    assert_eq!(closed(store, 2).await, Some(LinkClosed::Revoked));
}
