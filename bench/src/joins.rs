//! Many people who open the invite link of a room at once: how long until all of them are in, and what a talk in the room
//! notices.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use subrosa_client::ambient;
use subrosa_mls::{CommitPlan, InviteLink, LinkSecret, LogClaim, MemoryStore, Mls};
use subrosa_wire::{
    ConversationId, ProblemCode,
    frames::{
        FetchGroupByLink, FetchLog, PutLink, append::Payload, client_frame::Request, log_entry,
        server_frame::Body,
    },
};
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use crate::{
    clock,
    crowd::{Crowd, Member, append},
    latency::Latencies,
    limits::{CONTENT_BYTES, GROUP_SENDS_EVERY},
    live::{Connection, Endpoint, refusal},
    message::frame,
    person::Person,
    report::Joins,
};

/// Makes a room of the first `members` of these people, which the others join by a link.
pub(crate) async fn run(server: &str, people: &[Arc<Person>], members: usize) -> Result<Joins> {
    let (members, joiners) = people.split_at(members);
    let [owner, others @ ..] = members else {
        bail!("a room needs members")
    };
    let mut crowd = Crowd::found(server, owner).await?;
    crowd.add_all(others).await?;
    let link = LinkSecret::generate(&mut ambient::SystemRandom);
    open(&mut crowd, &link).await?;

    let endpoint = Endpoint::of(server)?;
    let (id, done) = (crowd.id, Notify::new());
    let mut talker = crowd.others.pop().context("somebody talks")?;
    let mut at_talker = crowd.connect(&talker.person).await?;
    let joining = async {
        let joined = join_all(&endpoint, joiners, (id, &link)).await;
        done.notify_one();
        joined
    };
    let (joined, pause) = tokio::join!(joining, talk(&mut talker, id, &mut at_talker, &done));
    let (all_in, fetches, times) = joined?;
    Ok(Joins {
        members: members.len(),
        joiners: joiners.len(),
        all_in_s: all_in.as_secs_f64(),
        join: times.percentiles(),
        fetches,
        pause_ms_max: pause?.as_secs_f64() * 1e3,
    })
}

/// Has all of them join at once. How long it took, how often the group was fetched, and how long each of them took.
async fn join_all(
    endpoint: &Endpoint,
    joiners: &[Arc<Person>],
    (id, link): (ConversationId, &LinkSecret),
) -> Result<(Duration, usize, Latencies)> {
    let begun = clock::now();
    let mut tasks = JoinSet::new();
    for person in joiners {
        let (person, link, endpoint) = (Arc::clone(person), link.clone(), endpoint.clone());
        tasks.spawn(async move {
            let fetches = join(&endpoint, &person, (id, &link)).await?;
            anyhow::Ok((begun.elapsed(), fetches))
        });
    }
    let (mut all_in, mut fetches, mut times) = (Duration::ZERO, 0, Latencies::new());
    while let Some(joined) = tasks.join_next().await {
        let (time, count) = joined??;
        all_in = all_in.max(time);
        fetches += count;
        times.record(time);
    }
    Ok((all_in, fetches, times))
}

/// Opens the room to whoever has the link.
async fn open(crowd: &mut Crowd, link: &LinkSecret) -> Result<()> {
    let policy = crowd.owner.policy().with_link(InviteLink {
        key: link.public_key(),
        needs_approval: false,
    })?;
    let bundle = crowd.owner.commit(CommitPlan {
        policy: Some(policy),
        ..CommitPlan::default()
    })?;
    let request = crowd.owner.append(crowd.id, bundle.clone());
    let person = Arc::clone(&crowd.owner.person);
    let mut connection = crowd.connect(&person).await?;
    connection.call(request).await?;
    crowd.owner.merge()?;
    for member in &mut crowd.others {
        member.apply(&bundle.commit)?;
    }
    let put = PutLink {
        conversation_id: Bytes::copy_from_slice(crowd.id.as_bytes()),
        access: access(&person, crowd.id, link),
        uses_max: 0,
        expires_at_ms: 0,
        preview: vec![0; 512].into(),
    };
    connection.call(Request::PutLink(put)).await?;
    Ok(())
}

fn access(person: &Person, id: ConversationId, link: &LinkSecret) -> Bytes {
    let access = link.prove_access(id, person.account_id, person.device_id());
    Bytes::copy_from_slice(&access.encode())
}

/// Joins, as a client does. Returns how often the group was fetched.
async fn join(
    endpoint: &Endpoint,
    person: &Person,
    (id, link): (ConversationId, &LinkSecret),
) -> Result<usize> {
    let mut connection = Connection::open(endpoint, &person.access_token).await?;
    let mut fetches = 0;
    loop {
        let fetch = FetchGroupByLink {
            conversation_id: Bytes::copy_from_slice(id.as_bytes()),
            access: access(person, id, link),
        };
        let state = match connection.ask(Request::FetchGroupByLink(fetch)).await? {
            Body::GroupState(state) => state,
            Body::Problem(problem) if problem.known_code() == Some(ProblemCode::NotYourTurn) => {
                sleep(Duration::from_millis(problem.retry_after_ms.into())).await;
                continue;
            }
            Body::Problem(problem) => return Err(refusal(&problem)),
            other => bail!("the server showed {other:?} in place of a group"),
        };
        fetches += 1;
        let bundle = {
            let (store, mut rng) = (MemoryStore::new(), ambient::SystemRandom);
            let mls = Mls::new(&store, &mut rng, ambient::now());
            let leaves: Vec<_> = state.leaves.iter().map(|leave| leave.to_vec()).collect();
            let staged = mls.stage_external_join(
                &person.identity,
                &state.group_info,
                &state.ratchet_tree,
                &leaves,
                id,
            )?;
            let claim = LogClaim::of_no_place(1);
            staged.commit_by_link(&mls, &person.identity, &claim, link)?.1
        };
        let request = append(id, 1, Payload::Commit(frame(bundle)));
        match connection.ask(request).await? {
            Body::Appended(_) => return Ok(fetches),
            Body::Problem(problem) if problem.known_code() == Some(ProblemCode::StaleEpoch) => {}
            Body::Problem(problem) => return Err(refusal(&problem)),
            other => bail!("the server answered a commit with {other:?}"),
        }
    }
}

/// Sends one message after the other until all are in. Returns the longest time between two acknowledgements.
async fn talk(
    member: &mut Member,
    id: ConversationId,
    connection: &mut Connection,
    done: &Notify,
) -> Result<Duration> {
    let (mut longest, mut last) = (Duration::ZERO, clock::now());
    let mut cursor = None;
    loop {
        let message = member.encrypt(&[7; CONTENT_BYTES])?;
        let number = member.last_send_number + 1;
        let request = append(id, number, Payload::ApplicationMessage(message.into()));
        match connection.ask(request).await? {
            Body::Appended(appended) => {
                member.last_send_number = number;
                longest = longest.max(last.elapsed());
                last = clock::now();
                cursor.get_or_insert(appended.seq);
            }
            Body::Problem(problem) if problem.known_code() == Some(ProblemCode::StaleEpoch) => {
                cursor = Some(follow(member, id, connection, cursor.unwrap_or_default()).await?);
                continue;
            }
            Body::Problem(problem) => return Err(refusal(&problem)),
            other => bail!("the server answered an append with {other:?}"),
        }
        tokio::select! {
            () = done.notified() => return Ok(longest),
            () = sleep(GROUP_SENDS_EVERY) => {}
        }
    }
}

/// Takes over the commits behind a place of the log. Returns the place that it has reached.
async fn follow(
    member: &mut Member,
    id: ConversationId,
    connection: &mut Connection,
    mut after_seq: u64,
) -> Result<u64> {
    loop {
        let fetch = FetchLog {
            conversation_id: Bytes::copy_from_slice(id.as_bytes()),
            after_seq,
            ..FetchLog::default()
        };
        let Body::LogPage(page) = connection.call(Request::FetchLog(fetch)).await? else {
            bail!("the server answered with something else than the log");
        };
        let Some(last) = page.entries.last() else {
            return Ok(after_seq);
        };
        after_seq = last.seq;
        for entry in &page.entries {
            if let Some(log_entry::Payload::Commit(commit)) = &entry.payload {
                member.apply(commit)?;
            }
        }
    }
}
