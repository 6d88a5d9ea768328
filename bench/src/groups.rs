//! What a group costs at several sizes, with real MLS groups and a real server: additions, self-updates, reading, and
//! how long a sender waits while somebody adds people.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use prost::Message as _;
use rand_core::RngCore as _;
use subrosa_client::ambient;
use subrosa_mls::{CommitBundle, CommitPlan, Group, GroupPolicy, LogClaim, MemoryStore, Mls, Received};
use subrosa_wire::{
    ConversationId, ProblemCode,
    frames::{
        Append, Commit, CreateConversation, FetchTree, Sync, append::Payload, client_frame::Request,
        server_frame::Body,
    },
};
use tokio::{sync::Notify, time::sleep};

use crate::{
    clock,
    limits::{CONTENT_BYTES, GROUP_ADDED, GROUP_ADDED_BEFORE, GROUP_READS, GROUP_SENDS_EVERY},
    live::{Connection, Endpoint, refusal},
    person::Person,
    probe::Probe,
    report::{GroupCommit, Groups},
};

/// A member whose side of the group is in this process.
struct Member<'a> {
    person: &'a Person,
    store: MemoryStore,
    group: Group,
    last_send_number: u64,
}

/// Somebody who is to be added, with the private part of a key package.
struct Candidate<'a> {
    person: &'a Person,
    store: MemoryStore,
    key_package: Vec<u8>,
}

/// A group, and those of its members that do something.
struct Company<'a> {
    id: ConversationId,
    endpoint: &'a Endpoint,
    probe: &'a Probe,
    /// The first leaf.
    owner: Member<'a>,
    /// Members in the order in which their self-updates fill the tree beside the owner's way.
    others: Vec<Member<'a>>,
}

/// Makes a group of these people and measures it.
pub(crate) async fn run(endpoint: &Endpoint, people: &[Person], probe: &Probe) -> Result<Groups> {
    let [owner, others @ ..] = people else {
        bail!("a group needs members")
    };
    let (before, last) = others.split_at(others.len().saturating_sub(GROUP_ADDED));
    let mut company = Company::found(endpoint, owner, probe).await?;
    let mut leaf = 1;
    for people in before.chunks(GROUP_ADDED_BEFORE) {
        company.add(people, leaf).await?;
        leaf += people.len();
    }
    let addition = company.measure_addition(last, leaf).await?;
    let joining_bytes = company.joining_bytes(last).await?;
    let (first_update, update) = company.settle().await?;
    let (read_ms, load_and_read_ms) = company.read()?;
    Ok(Groups {
        devices: people.len(),
        read_ms,
        load_and_read_ms,
        addition: addition.cost,
        added: last.len(),
        welcome_bytes: addition.welcome_bytes,
        joining_bytes,
        pause_ms_max: addition.pause_ms_max,
        first_update,
        update,
    })
}

struct Addition {
    cost: GroupCommit,
    welcome_bytes: usize,
    pause_ms_max: f64,
}

impl<'a> Company<'a> {
    async fn found(endpoint: &'a Endpoint, person: &'a Person, probe: &'a Probe) -> Result<Self> {
        let id = ConversationId::from_bytes(random());
        let store = MemoryStore::new();
        let mut connection = Connection::open(endpoint, &person.access_token).await?;
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
        Ok(Self {
            id,
            endpoint,
            probe,
            owner: Member {
                person,
                store,
                group,
                last_send_number: 1,
            },
            others: Vec::new(),
        })
    }

    /// Adds people, whose leaves begin at `first_leaf`. Those that will do something join.
    async fn add(&mut self, people: &'a [Person], first_leaf: usize) -> Result<()> {
        let (bundle, candidates) = self.owner.addition(people)?;
        let request = self.owner.append(self.id, bundle.clone());
        self.connect(self.owner.person).await?.call(request).await?;
        self.applied(&bundle, candidates, first_leaf)
    }

    /// The same for the last people, while a member sends.
    async fn measure_addition(&mut self, people: &'a [Person], first_leaf: usize) -> Result<Addition> {
        let (bundle, candidates) = self.owner.addition(people)?;
        let welcome_bytes = bundle.welcome.as_ref().map_or(0, Vec::len);
        let request = self.owner.append(self.id, bundle.clone());
        let mut connection = self.connect(self.owner.person).await?;
        let sender = self.others.first().map(|sender| sender.person);
        let sender = match sender {
            Some(person) => Some(self.connect(person).await?),
            None => None,
        };
        let (cost, pause) = if let (Some(member), Some(mut at_sender)) = (self.others.first_mut(), sender) {
            let done = Notify::new();
            let committing = async {
                let cost = submit(&mut connection, request, &bundle, self.probe).await;
                done.notify_one();
                cost
            };
            let sending = member.send_during(self.id, &mut at_sender, &bundle.commit, &done);
            let (cost, pause) = tokio::join!(committing, sending);
            (cost?, pause?)
        } else {
            let cost = submit(&mut connection, request, &bundle, self.probe).await?;
            (cost, Duration::ZERO)
        };
        self.applied(&bundle, candidates, first_leaf)?;
        Ok(Addition {
            cost,
            welcome_bytes,
            pause_ms_max: pause.as_secs_f64() * 1e3,
        })
    }

    /// A connection for the next requests: one that nobody reads while this process is busy would be cut.
    async fn connect(&self, person: &Person) -> Result<Connection> {
        Connection::open(self.endpoint, &person.access_token).await
    }

    /// Everybody who does something takes an addition over.
    fn applied(
        &mut self,
        bundle: &CommitBundle,
        candidates: Vec<Candidate<'a>>,
        first_leaf: usize,
    ) -> Result<()> {
        for member in &mut self.others {
            member.apply(&bundle.commit)?;
        }
        self.owner.merge()?;
        let tree = self.owner.group.ratchet_tree()?;
        let welcome = bundle.welcome.as_ref().context("no welcome")?;
        for (leaf, candidate) in (first_leaf..).zip(candidates) {
            if leaf.is_power_of_two() {
                // The one with the highest leaf comes first.
                self.others.insert(0, candidate.join(self.id, welcome, &tree)?);
            }
        }
        Ok(())
    }

    /// What the server sends to one of the added devices.
    async fn joining_bytes(&self, added: &[Person]) -> Result<usize> {
        let person = added.last().context("nobody was added")?;
        let mut connection = self.connect(person).await?;
        let Body::SyncState(state) = connection.call(Request::Sync(Sync {})).await? else {
            bail!("the server answered Sync with something else");
        };
        let id = self.id.as_bytes();
        let item = state
            .welcomes
            .iter()
            .find(|item| item.conversation_id == id[..])
            .context("no Welcome waits for an added device")?;
        let mut bytes = item.encoded_len();
        if item.ratchet_tree.is_empty() {
            let fetch = FetchTree {
                conversation_id: item.conversation_id.clone(),
                tree_hash: item.tree_hash.clone(),
            };
            match connection.call(Request::FetchTree(fetch)).await? {
                Body::RatchetTree(tree) if !tree.ratchet_tree.is_empty() => bytes += tree.encoded_len(),
                other => bail!("the server answered FetchTree with {other:?}"),
            }
        }
        Ok(bytes)
    }

    /// Fills the tree beside the owner's way with one self-update in each subtree. Returns the first of them, and then
    /// that of the owner.
    async fn settle(&mut self) -> Result<(GroupCommit, GroupCommit)> {
        let mut first = None;
        for index in 0..self.others.len() {
            let member = &mut self.others[index];
            let bundle = member.update()?;
            let request = member.append(self.id, bundle.clone());
            let mut connection = self.connect(self.others[index].person).await?;
            let cost = submit(&mut connection, request, &bundle, self.probe).await?;
            first.get_or_insert(cost);
            self.owner.apply(&bundle.commit)?;
            for (other, member) in self.others.iter_mut().enumerate() {
                if other == index {
                    member.merge()?;
                } else {
                    member.apply(&bundle.commit)?;
                }
            }
        }
        let bundle = self.owner.update()?;
        let request = self.owner.append(self.id, bundle.clone());
        let mut connection = self.connect(self.owner.person).await?;
        let update = submit(&mut connection, request, &bundle, self.probe).await?;
        self.owner.merge()?;
        for member in &mut self.others {
            member.apply(&bundle.commit)?;
        }
        Ok((first.unwrap_or(update), update))
    }

    /// The median of the times in which a member reads a message of the owner: with the group in memory, and with one
    /// that is loaded for it.
    fn read(&mut self) -> Result<(f64, f64)> {
        let reader = self.others.first_mut().context("nobody reads")?;
        let (mut read, mut loaded) = (Vec::new(), Vec::new());
        for _ in 0..GROUP_READS {
            let message = self.owner.encrypt()?;
            let begun = clock::now();
            reader.receive(&message)?;
            read.push(begun.elapsed());
            let message = self.owner.encrypt()?;
            let begun = clock::now();
            reader.load(self.id)?;
            reader.receive(&message)?;
            loaded.push(begun.elapsed());
        }
        Ok((median_ms(read), median_ms(loaded)))
    }
}

impl<'a> Candidate<'a> {
    fn new(person: &'a Person) -> Result<Self> {
        let store = MemoryStore::new();
        let mut rng = ambient::SystemRandom;
        let mut made = Mls::new(&store, &mut rng, ambient::now()).key_packages(&person.identity, 1)?;
        let key_package = made.pop().context("no key package was made")?;
        Ok(Self {
            person,
            store,
            key_package,
        })
    }

    fn join(self, id: ConversationId, welcome: &[u8], tree: &[u8]) -> Result<Member<'a>> {
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

impl Member<'_> {
    /// A commit that adds these people; it is pending.
    fn addition<'b>(&mut self, people: &'b [Person]) -> Result<(CommitBundle, Vec<Candidate<'b>>)> {
        let candidates: Vec<_> = people.iter().map(Candidate::new).collect::<Result<_>>()?;
        let mut plan = CommitPlan::default();
        for candidate in &candidates {
            let account_id = candidate.person.account_id;
            let mut rng = ambient::SystemRandom;
            let mls = Mls::new(&self.store, &mut rng, ambient::now());
            plan.add
                .push(mls.verify_key_package(&candidate.key_package, account_id)?);
        }
        Ok((self.commit(plan)?, candidates))
    }

    fn update(&mut self) -> Result<CommitBundle> {
        self.commit(CommitPlan::default())
    }

    fn commit(&mut self, plan: CommitPlan) -> Result<CommitBundle> {
        let claim = LogClaim::of_no_place(self.last_send_number + 1);
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        Ok(self.group.commit(&mls, &self.person.identity, plan, &claim)?)
    }

    /// The next send of this member: a commit.
    fn append(&mut self, id: ConversationId, bundle: CommitBundle) -> Request {
        self.last_send_number += 1;
        append(id, self.last_send_number, Payload::Commit(frame(bundle)))
    }

    fn merge(&mut self) -> Result<()> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        Ok(self.group.merge_pending_commit(&mls)?)
    }

    /// Applies a commit of somebody else, unless it is applied.
    fn apply(&mut self, commit: &[u8]) -> Result<()> {
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

    fn load(&mut self, id: ConversationId) -> Result<()> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        self.group = mls.load_group(id)?.context("the group is gone")?;
        Ok(())
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        match self.group.process(&mls, message)? {
            Received::Application(_) => Ok(()),
            unexpected => bail!("a message was taken for {unexpected:?}"),
        }
    }

    /// A message with the number that follows the last send.
    fn encrypt(&mut self) -> Result<Vec<u8>> {
        let claim = LogClaim::of_no_place(self.last_send_number + 1);
        let mut rng = ambient::SystemRandom;
        let mls = Mls::new(&self.store, &mut rng, ambient::now());
        Ok(self
            .group
            .encrypt(&mls, &self.person.identity, &[7; CONTENT_BYTES], &claim)?)
    }

    /// Sends one message after the other until the commit is accepted and one was sent after it. Returns the longest time
    /// between two acknowledgements.
    async fn send_during(
        &mut self,
        id: ConversationId,
        connection: &mut Connection,
        commit: &[u8],
        done: &Notify,
    ) -> Result<Duration> {
        let (mut longest, mut last) = (Duration::ZERO, clock::now());
        let mut is_last = false;
        loop {
            let message = self.encrypt()?;
            let number = self.last_send_number + 1;
            let request = append(id, number, Payload::ApplicationMessage(message.into()));
            match connection.ask(request).await? {
                Body::Appended(_) => {
                    self.last_send_number = number;
                    longest = longest.max(last.elapsed());
                    last = clock::now();
                    if is_last {
                        return Ok(longest);
                    }
                }
                Body::Problem(problem) if problem.known_code() == Some(ProblemCode::StaleEpoch) => {
                    self.apply(commit)?;
                    continue;
                }
                Body::Problem(problem) => return Err(refusal(&problem)),
                other => bail!("the server answered an append with {other:?}"),
            }
            tokio::select! {
                () = done.notified() => is_last = true,
                () = sleep(GROUP_SENDS_EVERY) => {}
            }
        }
    }
}

/// Sends a commit and says what it costs.
async fn submit(
    connection: &mut Connection,
    request: Request,
    bundle: &CommitBundle,
    probe: &Probe,
) -> Result<GroupCommit> {
    let before = probe.sample().await?;
    let begun = clock::now();
    connection.call(request).await?;
    let acknowledged = begun.elapsed();
    let usage = probe.sample().await?.since(&before);
    Ok(GroupCommit {
        bytes: bundle.commit.len() + bundle.group_info.len(),
        acknowledged_ms: acknowledged.as_secs_f64() * 1e3,
        written_bytes: usage.written_bytes,
    })
}

fn append(id: ConversationId, send_number: u64, payload: Payload) -> Request {
    Request::Append(Append {
        conversation_id: Bytes::copy_from_slice(id.as_bytes()),
        send_id: Bytes::copy_from_slice(&random::<16>()),
        send_number,
        payload: Some(payload),
    })
}

fn frame(bundle: CommitBundle) -> Commit {
    Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.map(Bytes::from).unwrap_or_default(),
    }
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e3
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ambient::SystemRandom.fill_bytes(&mut bytes);
    bytes
}
