//! Direct conversations with honest MLS groups, made with the server like any other.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use subrosa_client::ambient;
use subrosa_mls::{CommitPlan, Group, GroupPolicy, LogClaim, MemoryStore, Mls, Received};
use subrosa_wire::{
    ConversationId,
    frames::{Commit, CreateConversation, client_frame::Request, server_frame::Body},
};

use crate::{
    live::Connection,
    message::{frame, random},
    person::Person,
};

/// A conversation of two, with both sides' groups in this process.
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    /// The creator and the one who was added.
    pub(crate) sides: [Side; 2],
}

/// One member.
pub(crate) struct Side {
    group: Group,
    store: MemoryStore,
    /// The number of its newest entry in the log.
    pub(crate) last_send_number: u64,
}

/// A conversation that both sides are in, and what the server must be told so that it knows of it.
pub(crate) struct Draft {
    conversation: Conversation,
    request: CreateConversation,
}

impl Conversation {
    /// Makes the groups of `creator` and `other`.
    pub(crate) fn draft(creator: &Person, other: &Person) -> Result<Draft> {
        let id = ConversationId::from_bytes(random());
        let (creator_store, other_store) = (MemoryStore::new(), MemoryStore::new());
        let mut rng = ambient::SystemRandom;
        let key_package = Mls::new(&other_store, &mut rng, ambient::now())
            .key_packages(&other.identity, 1)?
            .pop()
            .context("no key package was made")?;

        let mls = Mls::new(&creator_store, &mut rng, ambient::now());
        let policy = GroupPolicy::direct(creator.account_id, other.account_id)?;
        let mut group = mls.create_group(&creator.identity, id, &policy)?;
        let (group_info, ratchet_tree) = (group.group_info(&mls, &creator.identity)?, group.ratchet_tree()?);
        let added = mls.verify_key_package(&key_package, other.account_id)?;
        let plan = CommitPlan {
            add: vec![added],
            ..CommitPlan::default()
        };
        let bundle = group.commit(&mls, &creator.identity, plan, &LogClaim::of_no_place(1))?;
        group.merge_pending_commit(&mls)?;
        let welcome = bundle
            .welcome
            .clone()
            .context("the commit came without a welcome")?;
        let joined_tree = group.ratchet_tree()?;

        let mls = Mls::new(&other_store, &mut rng, ambient::now());
        let joined = mls
            .stage_welcome(&other.identity, &welcome, &joined_tree, id)?
            .accept(&mls)?;

        let request = CreateConversation {
            conversation_id: Bytes::copy_from_slice(id.as_bytes()),
            send_id: Bytes::copy_from_slice(&random::<16>()),
            group_info: group_info.into(),
            ratchet_tree: ratchet_tree.into(),
            commit: Some(frame(bundle)),
        };
        let sides = [
            Side {
                group,
                store: creator_store,
                last_send_number: 1,
            },
            Side {
                group: joined,
                store: other_store,
                last_send_number: 0,
            },
        ];
        Ok(Draft {
            conversation: Conversation { id, sides },
            request,
        })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.sides[0].group.epoch()
    }

    /// One side renews its keys with its next send, and both go on to the next epoch.
    pub(crate) fn self_update(&mut self, side: usize, people: [&Person; 2]) -> Result<Commit> {
        let mut rng = ambient::SystemRandom;
        let [committer, other] = if side == 0 { [0, 1] } else { [1, 0] };
        let Side {
            group,
            store,
            last_send_number,
        } = &mut self.sides[committer];
        *last_send_number += 1;
        let claim = LogClaim::of_no_place(*last_send_number);
        let mls = Mls::new(store, &mut rng, ambient::now());
        let bundle = group.commit(&mls, &people[committer].identity, CommitPlan::default(), &claim)?;
        group.merge_pending_commit(&mls)?;

        let Side { group, store, .. } = &mut self.sides[other];
        let mls = Mls::new(store, &mut rng, ambient::now());
        match group.process(&mls, &bundle.commit)? {
            Received::Commit(staged) => group.merge(&mls, staged)?,
            unexpected => bail!("a commit was taken for {unexpected:?}"),
        }
        Ok(frame(bundle))
    }

    /// A message of one side, its next send, encrypted for the present epoch.
    pub(crate) fn encrypt(&mut self, side: usize, person: &Person, content: &[u8]) -> Result<Bytes> {
        let mut rng = ambient::SystemRandom;
        let Side {
            group,
            store,
            last_send_number,
        } = &mut self.sides[side];
        *last_send_number += 1;
        let claim = LogClaim::of_no_place(*last_send_number);
        let mls = Mls::new(store, &mut rng, ambient::now());
        Ok(group.encrypt(&mls, &person.identity, content, &claim)?.into())
    }
}

impl Draft {
    /// Tells the server, on a connection of the creator.
    pub(crate) async fn create(self, connection: &mut Connection) -> Result<Conversation> {
        match connection.call(Request::CreateConversation(self.request)).await? {
            Body::Appended(_) => Ok(self.conversation),
            other => bail!("the server answered a new conversation with {other:?}"),
        }
    }
}
