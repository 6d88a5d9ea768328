//! Conversations with many members, put into the data folder of a stopped server by its own storage layer. A
//! bench-only path: what it makes has no MLS group behind it, and none is needed to measure how one message
//! reaches many devices.

use std::path::Path;

use anyhow::{Result, bail};
use bytes::Bytes;
use subrosa_client::ambient;
use subrosa_mls::{ConversationKind, LogClaim, payload_hash};
use subrosa_server::store::{
    DeliveryStore as _, SqliteStore,
    delivery::{
        AccountChanges, Claim, CommitWrite, Committer, CreateWrite, LogBatch, LogWrite, SendKey, ViewWrite,
        WelcomeWrite,
    },
};
use subrosa_wire::{ConversationId, SendId};

use crate::{
    limits::CONTENT_BYTES,
    load::Outbound,
    message::{application_message, random},
    person::Person,
};

/// Makes one conversation for each set of members; the first member of each is the one to send. Returns how
/// that member sends to it.
pub(crate) async fn conversations(data: &Path, sets: &[Vec<&Person>]) -> Result<Vec<Outbound>> {
    let data = data.to_owned();
    let store = tokio::task::spawn_blocking(move || SqliteStore::open(&data)).await??;
    let mut outbound = Vec::with_capacity(sets.len());
    for members in sets {
        outbound.push(conversation(&store, members).await?);
    }
    store.close().await;
    Ok(outbound)
}

async fn conversation(store: &SqliteStore, members: &[&Person]) -> Result<Outbound> {
    let [creator, others @ ..] = members else {
        bail!("a conversation needs members")
    };
    let mut rng = ambient::SystemRandom;
    let conversation_id = ConversationId::from_bytes(random());
    let nothing = Bytes::from_static(b"bench");
    let first = CommitWrite {
        key: SendKey {
            conversation_id,
            device_id: creator.device_id(),
            send_id: SendId::from_bytes(random()),
            send_number: 1,
        },
        account_id: creator.account_id,
        committer: Committer::Member,
        epoch: 0,
        claim: LogClaim::of_no_place(1),
        commit: nothing.clone(),
        view: ViewWrite::Whole(nothing.clone()),
        group_info: nothing.clone(),
        added: others
            .iter()
            .map(|person| (person.device_id(), person.account_id))
            .collect(),
        removed: Vec::new(),
        welcome: Some(WelcomeWrite {
            shared: nothing.clone(),
            secrets: vec![nothing.clone(); others.len()],
            tree_hash: payload_hash(&nothing),
            ratchet_tree: nothing,
        }),
        accounts: AccountChanges::default(),
        joined_by: None,
        links: None,
    };
    let write = CreateWrite {
        claim: Claim::of(ConversationKind::Group),
        accounts: members.iter().map(|person| person.account_id).collect(),
        conversations_max: usize::MAX,
        first,
    };
    let batch = LogBatch {
        accepted_at: ambient::now(),
        writes: vec![LogWrite::Create(Box::new(write))],
        cursors: Vec::new(),
    };
    for outcome in store.write_log(batch).await? {
        if let Err(refusal) = outcome {
            bail!("the storage refused a conversation: {refusal:?}");
        }
    }
    let message = application_message(conversation_id, 1, CONTENT_BYTES, &mut rng);
    Ok(Outbound {
        conversation_id,
        last_send_number: 1,
        message,
    })
}
