//! A group of made-up members at a real server, with real MLS: what stands around a client that is measured.
//!
//! Members are added without an update path, a few of them at a time do something, and one real account can be invited.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use subrosa_client::ambient;
use subrosa_engine::content::{Origin, compose};
use subrosa_mls::{CommitBundle, CommitPlan, Group, GroupPolicy, LogClaim, MemoryStore, Mls, Received};
use subrosa_wire::{
    AccountId, ConversationId, Handle,
    frames::{
        Append, ClaimKeyPackages, CreateConversation, append::Payload, client_frame::Request,
        server_frame::Body,
    },
};

use crate::{
    limits::GROUP_ADDED_BEFORE,
    live::{Connection, Endpoint},
    message::{frame, random},
    person::{Person, Registrar},
};

/// The group, and those of its members that do something.
pub struct Crowd {
    pub(crate) id: ConversationId,
    endpoint: Endpoint,
    registrar: Registrar,
    /// The first leaf.
    pub(crate) owner: Member,
    /// Those at the leaves that are powers of two, the highest first: each update of one of them fills the subtree
    /// beside the owner's way.
    pub(crate) others: Vec<Member>,
    /// Leaves, which are never removed.
    leaves: usize,
}

/// A member whose side of the group is in this process.
pub(crate) struct Member {
    pub(crate) person: Arc<Person>,
    store: MemoryStore,
    group: Group,
    pub(crate) last_send_number: u64,
}

/// Somebody who is to be added, with the private part of a key package.
pub(crate) struct Candidate {
    person: Arc<Person>,
    store: MemoryStore,
    key_package: Vec<u8>,
}

impl Crowd {
    /// Signs up this many people at a server and makes a group of them.
    pub async fn gather(server: &str, devices: usize) -> Result<Self> {
        // An error means that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let people = Registrar::new(server)?.sign_up_many(devices).await?;
        let people: Vec<_> = people.into_iter().map(Arc::new).collect();
        let (owner, others) = people.split_first().context("a group needs members")?;
        let mut crowd = Self::found(server, owner).await?;
        crowd.add_all(others).await?;
        // One update in each subtree beside the owner's way: no node on it is blank.
        crowd.renew(crowd.others.len().try_into()?).await?;
        Ok(crowd)
    }

    /// Adds whoever has this handle, with all devices that have a key package.
    pub async fn invite(&mut self, handle: &Handle) -> Result<()> {
        let account_id = self.registrar.account(&self.owner.person, handle).await?;
        let claim = Request::ClaimKeyPackages(ClaimKeyPackages {
            account_id: Bytes::copy_from_slice(account_id.as_bytes()),
        });
        let mut connection = self.connect(&self.owner.person).await?;
        let Body::KeyPackages(packages) = connection.call(claim).await? else {
            bail!("the server answered a claim with something else");
        };
        let packages = packages.devices.iter().map(|device| &device.key_package[..]);
        let bundle = self
            .owner
            .addition(packages.map(|package| (account_id, package)))?;
        let request = self.owner.append(self.id, bundle.clone());
        connection.call(request).await?;
        self.applied(&bundle, Vec::new())
    }

    /// The owner says this.
    pub async fn say(&mut self, texts: &[String]) -> Result<()> {
        let mut connection = self.connect(&self.owner.person).await?;
        let origin = Origin {
            sender: self.owner.person.account_id,
            conversation: self.id,
        };
        for text in texts {
            let (_, content) = origin.encode(&compose::text(&origin, random(), text))?;
            let message = self.owner.encrypt(&content)?;
            self.owner.last_send_number += 1;
            let payload = Payload::ApplicationMessage(message.into());
            let request = append(self.id, self.owner.last_send_number, payload);
            connection.call(request).await?;
        }
        Ok(())
    }

    /// This many members renew their leaf keys, one after the other.
    pub async fn renew(&mut self, count: u32) -> Result<()> {
        for at in (0..self.others.len()).cycle().take(count as usize) {
            let bundle = self.others[at].update()?;
            let request = self.others[at].append(self.id, bundle.clone());
            self.connect(&self.others[at].person).await?.call(request).await?;
            self.updated(at, &bundle)?;
        }
        Ok(())
    }

    /// Makes a group of one.
    pub(crate) async fn found(server: &str, person: &Arc<Person>) -> Result<Self> {
        let endpoint = Endpoint::of(server)?;
        let id = ConversationId::from_bytes(random());
        let store = MemoryStore::new();
        let mut connection = Connection::open(&endpoint, &person.access_token).await?;
        let (group, request) = {
            let mut rng = ambient::SystemRandom;
            let mls = Mls::new(&store, &mut rng, ambient::now());
            let mut group = mls.create_group(&person.identity, id, &GroupPolicy::group(person.account_id))?;
            let (group_info, ratchet_tree) =
                (group.group_info(&mls, &person.identity)?, group.ratchet_tree()?);
            let claim = LogClaim::of_no_place(1);
            let bundle = group.commit(&mls, &person.identity, CommitPlan::default(), &claim)?;
            group.merge_pending_commit(&mls)?;
            let request = CreateConversation {
                conversation_id: Bytes::copy_from_slice(id.as_bytes()),
                send_id: Bytes::copy_from_slice(&random::<16>()),
                group_info: group_info.into(),
                ratchet_tree: ratchet_tree.into(),
                commit: Some(frame(bundle)),
            };
            (group, request)
        };
        connection.call(Request::CreateConversation(request)).await?;
        let owner = Member {
            person: person.clone(),
            store,
            group,
            last_send_number: 1,
        };
        Ok(Self {
            id,
            endpoint,
            registrar: Registrar::new(server)?,
            owner,
            others: Vec::new(),
            leaves: 1,
        })
    }

    /// Adds people by as few commits as may be. Those that will do something join.
    pub(crate) async fn add_all(&mut self, people: &[Arc<Person>]) -> Result<()> {
        for people in people.chunks(GROUP_ADDED_BEFORE) {
            let (bundle, candidates) = self.owner.addition_of(people)?;
            let request = self.owner.append(self.id, bundle.clone());
            self.connect(&self.owner.person).await?.call(request).await?;
            self.applied(&bundle, candidates)?;
        }
        Ok(())
    }

    /// A connection for the next requests: one that nobody reads while this process is busy would be cut.
    pub(crate) async fn connect(&self, person: &Person) -> Result<Connection> {
        Connection::open(&self.endpoint, &person.access_token).await
    }

    /// Everybody who does something takes over an addition of the owner's.
    pub(crate) fn applied(&mut self, bundle: &CommitBundle, candidates: Vec<Candidate>) -> Result<()> {
        for member in &mut self.others {
            member.apply(&bundle.commit)?;
        }
        self.owner.merge()?;
        let tree = self.owner.group.ratchet_tree()?;
        let welcome = bundle.welcome.as_ref().context("no welcome")?;
        for candidate in candidates {
            if self.leaves.is_power_of_two() {
                // The one with the highest leaf comes first.
                self.others.insert(0, candidate.join(self.id, welcome, &tree)?);
            }
            self.leaves += 1;
        }
        Ok(())
    }

    /// Everybody takes over an update of one of the others.
    pub(crate) fn updated(&mut self, at: usize, bundle: &CommitBundle) -> Result<()> {
        self.owner.apply(&bundle.commit)?;
        for (other, member) in self.others.iter_mut().enumerate() {
            if other == at {
                member.merge()?;
            } else {
                member.apply(&bundle.commit)?;
            }
        }
        Ok(())
    }
}

impl Candidate {
    fn new(person: &Arc<Person>) -> Result<Self> {
        let store = MemoryStore::new();
        let mut rng = ambient::SystemRandom;
        let mut made = Mls::new(&store, &mut rng, ambient::now()).key_packages(&person.identity, 1)?;
        let key_package = made.pop().context("no key package was made")?;
        Ok(Self {
            person: person.clone(),
            store,
            key_package,
        })
    }

    fn join(self, id: ConversationId, welcome: &[u8], tree: &[u8]) -> Result<Member> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        let group = mls
            .stage_welcome(&self.person.identity, welcome, tree, id)?
            .accept(&mls)?;
        Ok(Member {
            person: self.person,
            store: self.store,
            group,
            last_send_number: 0,
        })
    }
}

impl Member {
    /// A commit that adds these people; it is pending.
    pub(crate) fn addition_of(&mut self, people: &[Arc<Person>]) -> Result<(CommitBundle, Vec<Candidate>)> {
        let candidates: Vec<_> = people.iter().map(Candidate::new).collect::<Result<_>>()?;
        let packages = candidates
            .iter()
            .map(|candidate| (candidate.person.account_id, &candidate.key_package[..]));
        Ok((self.addition(packages)?, candidates))
    }

    fn addition<'b>(
        &mut self,
        packages: impl Iterator<Item = (AccountId, &'b [u8])>,
    ) -> Result<CommitBundle> {
        let mut plan = CommitPlan::default();
        for (account_id, package) in packages {
            let mut rng = ambient::SystemRandom;
            let mls = Mls::new(&self.store, &mut rng, ambient::now());
            plan.add.push(mls.verify_key_package(package, account_id)?);
        }
        self.commit(plan)
    }

    pub(crate) fn update(&mut self) -> Result<CommitBundle> {
        self.commit(CommitPlan::default())
    }

    pub(crate) fn policy(&self) -> GroupPolicy {
        self.group.policy().clone()
    }

    pub(crate) fn commit(&mut self, plan: CommitPlan) -> Result<CommitBundle> {
        let claim = LogClaim::of_no_place(self.last_send_number + 1);
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        Ok(self.group.commit(&mls, &self.person.identity, plan, &claim)?)
    }

    /// The next send of this member: a commit.
    pub(crate) fn append(&mut self, id: ConversationId, bundle: CommitBundle) -> Request {
        self.last_send_number += 1;
        append(id, self.last_send_number, Payload::Commit(frame(bundle)))
    }

    pub(crate) fn merge(&mut self) -> Result<()> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        Ok(self.group.merge_pending_commit(&mls)?)
    }

    /// Applies a commit of somebody else, unless it is applied.
    pub(crate) fn apply(&mut self, commit: &[u8]) -> Result<()> {
        if subrosa_mls::peek(commit)?.epoch < self.group.epoch() {
            return Ok(());
        }
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        match self.group.process(&mls, commit)? {
            Received::Commit(staged) => Ok(self.group.merge(&mls, staged)?),
            unexpected => bail!("a commit was taken for {unexpected:?}"),
        }
    }

    /// Loads the group from the store again.
    pub(crate) fn load(&mut self, id: ConversationId) -> Result<()> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        self.group = mls.load_group(id)?.context("the group is gone")?;
        Ok(())
    }

    pub(crate) fn receive(&mut self, message: &[u8]) -> Result<()> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        match self.group.process(&mls, message)? {
            Received::Application(_) => Ok(()),
            unexpected => bail!("a message was taken for {unexpected:?}"),
        }
    }

    /// A message with the number that follows the last send.
    pub(crate) fn encrypt(&mut self, content: &[u8]) -> Result<Vec<u8>> {
        let claim = LogClaim::of_no_place(self.last_send_number + 1);
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        Ok(self.group.encrypt(&mls, &self.person.identity, content, &claim)?)
    }
}

/// A send to a conversation.
pub(crate) fn append(id: ConversationId, send_number: u64, payload: Payload) -> Request {
    Request::Append(Append {
        conversation_id: Bytes::copy_from_slice(id.as_bytes()),
        send_id: Bytes::copy_from_slice(&random::<16>()),
        send_number,
        payload: Some(payload),
    })
}
