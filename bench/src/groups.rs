//! What a group costs at several sizes, with real MLS groups and a real server: additions, self-updates, reading, how
//! long a sender waits while somebody adds people, and how fast a real client catches up.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use prost::Message as _;
use subrosa_client::{Client, Credentials, NewAccount};
use subrosa_mls::CommitBundle;
use subrosa_wire::{
    ConversationId, Handle, ProblemCode,
    frames::{FetchTree, Sync, append::Payload, client_frame::Request, server_frame::Body},
};
use tokio::{sync::Notify, time::sleep};

use crate::{
    clock,
    crowd::{Crowd, Member, append},
    limits::{
        CALL_TIMEOUT, CONTENT_BYTES, GROUP_ADDED, GROUP_MISSED_COMMITS, GROUP_MISSED_MESSAGES, GROUP_READS,
        GROUP_SENDS_EVERY,
    },
    live::{Connection, refusal},
    person::Person,
    probe::Probe,
    report::{GroupCommit, Groups},
};

/// Makes a group of these people at a server and measures it. `profile` is a folder for a client that joins it last.
pub(crate) async fn run(
    server: &str,
    people: &[Arc<Person>],
    profile: &Path,
    probe: &Probe,
) -> Result<Groups> {
    let [owner, others @ ..] = people else {
        bail!("a group needs members")
    };
    let (before, last) = others.split_at(others.len().saturating_sub(GROUP_ADDED));
    let mut crowd = Crowd::found(server, owner).await?;
    crowd.add_all(before).await?;
    let addition = measure_addition(&mut crowd, last, probe).await?;
    let joining_bytes = joining_bytes(&crowd, last).await?;
    let updates = settle(&mut crowd, probe).await?;
    let (read_ms, load_and_read_ms) = read(&mut crowd)?;
    let caught_up = catch_up(&mut crowd, server, profile).await?;
    Ok(Groups {
        devices: people.len(),
        read_ms,
        load_and_read_ms,
        addition: addition.cost,
        added: last.len(),
        welcome_bytes: addition.welcome_bytes,
        joining_bytes,
        pause_ms_max: addition.pause_ms_max,
        first_update: updates.first,
        update: updates.settled,
        client_reads_ms: caught_up.message_ms,
        client_applies_ms: caught_up.commit_ms,
    })
}

struct Addition {
    cost: GroupCommit,
    welcome_bytes: usize,
    pause_ms_max: f64,
}

/// Adds people while a member sends.
async fn measure_addition(crowd: &mut Crowd, people: &[Arc<Person>], probe: &Probe) -> Result<Addition> {
    let (bundle, candidates) = crowd.owner.addition_of(people)?;
    let welcome_bytes = bundle.welcome.as_ref().map_or(0, Vec::len);
    let request = crowd.owner.append(crowd.id, bundle.clone());
    let mut connection = crowd.connect(&crowd.owner.person).await?;
    let sender = match crowd.others.first() {
        Some(sender) => Some(crowd.connect(&sender.person).await?),
        None => None,
    };
    let (cost, pause) = if let (Some(member), Some(mut at_sender)) = (crowd.others.first_mut(), sender) {
        let done = Notify::new();
        let committing = async {
            let cost = submit(&mut connection, request, &bundle, probe).await;
            done.notify_one();
            cost
        };
        let sending = send_during(member, crowd.id, &mut at_sender, &bundle.commit, &done);
        let (cost, pause) = tokio::join!(committing, sending);
        (cost?, pause?)
    } else {
        let cost = submit(&mut connection, request, &bundle, probe).await?;
        (cost, Duration::ZERO)
    };
    crowd.applied(&bundle, candidates)?;
    Ok(Addition {
        cost,
        welcome_bytes,
        pause_ms_max: pause.as_secs_f64() * 1e3,
    })
}

/// Sends one message after the other until the commit is accepted and one was sent after it. Returns the longest time
/// between two acknowledgements.
async fn send_during(
    member: &mut Member,
    id: ConversationId,
    connection: &mut Connection,
    commit: &[u8],
    done: &Notify,
) -> Result<Duration> {
    let (mut longest, mut last) = (Duration::ZERO, clock::now());
    let mut is_last = false;
    loop {
        let message = member.encrypt(&[7; CONTENT_BYTES])?;
        let number = member.last_send_number + 1;
        let request = append(id, number, Payload::ApplicationMessage(message.into()));
        match connection.ask(request).await? {
            Body::Appended(_) => {
                member.last_send_number = number;
                longest = longest.max(last.elapsed());
                last = clock::now();
                if is_last {
                    return Ok(longest);
                }
            }
            Body::Problem(problem) if problem.known_code() == Some(ProblemCode::StaleEpoch) => {
                member.apply(commit)?;
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

/// What the server sends to one of the added devices.
async fn joining_bytes(crowd: &Crowd, added: &[Arc<Person>]) -> Result<usize> {
    let person = added.last().context("nobody was added")?;
    let mut connection = crowd.connect(person).await?;
    let Body::SyncState(state) = connection.call(Request::Sync(Sync {})).await? else {
        bail!("the server answered Sync with something else");
    };
    let id = crowd.id.as_bytes();
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

struct Updates {
    /// It finds the tree blank.
    first: GroupCommit,
    /// It finds no blank on its way.
    settled: GroupCommit,
}

/// Fills the tree beside the owner's way with one self-update in each subtree.
async fn settle(crowd: &mut Crowd, probe: &Probe) -> Result<Updates> {
    let mut first = None;
    for index in 0..crowd.others.len() {
        let bundle = crowd.others[index].update()?;
        let request = crowd.others[index].append(crowd.id, bundle.clone());
        let mut connection = crowd.connect(&crowd.others[index].person).await?;
        let cost = submit(&mut connection, request, &bundle, probe).await?;
        first.get_or_insert(cost);
        crowd.updated(index, &bundle)?;
    }
    let bundle = crowd.owner.update()?;
    let request = crowd.owner.append(crowd.id, bundle.clone());
    let mut connection = crowd.connect(&crowd.owner.person).await?;
    let settled = submit(&mut connection, request, &bundle, probe).await?;
    crowd.owner.merge()?;
    for member in &mut crowd.others {
        member.apply(&bundle.commit)?;
    }
    Ok(Updates {
        first: first.unwrap_or(settled),
        settled,
    })
}

/// The median of the times in which a member reads a message of the owner: with the group in memory, and with one
/// that is loaded for it.
fn read(crowd: &mut Crowd) -> Result<(f64, f64)> {
    let reader = crowd.others.first_mut().context("nobody reads")?;
    let (mut read, mut loaded) = (Vec::new(), Vec::new());
    for _ in 0..GROUP_READS {
        let message = crowd.owner.encrypt(&[7; CONTENT_BYTES])?;
        let begun = clock::now();
        reader.receive(&message)?;
        read.push(begun.elapsed());
        let message = crowd.owner.encrypt(&[7; CONTENT_BYTES])?;
        let begun = clock::now();
        reader.load(crowd.id)?;
        reader.receive(&message)?;
        loaded.push(begun.elapsed());
    }
    Ok((median_ms(read), median_ms(loaded)))
}

struct CaughtUp {
    message_ms: f64,
    commit_ms: f64,
}

/// A client of the SDK, with its database on disk, joins the group and is away twice: while much is said, and while
/// members renew their keys.
async fn catch_up(crowd: &mut Crowd, server: &str, profile: &Path) -> Result<CaughtUp> {
    let handle: Handle = format!("reader_of_{}", crowd.others.len()).parse()?;
    let account = NewAccount {
        credentials: Credentials {
            server: server.parse()?,
            handle: handle.clone(),
            password: "it reads what others say".to_owned().into(),
            device_name: None,
        },
        name: None,
    };
    let (client, _) = Client::sign_up(profile, account).await?;
    client.connect();
    // Its key packages are there, and later it has joined.
    client.settle(CALL_TIMEOUT).await?;
    crowd.invite(&handle).await?;
    client.close().await?;
    back(server, profile).await?;

    let texts = (0..GROUP_MISSED_MESSAGES).map(|number| format!("missed {number}"));
    crowd.say(&texts.collect::<Vec<_>>()).await?;
    let messages = back(server, profile).await?;
    crowd.renew(GROUP_MISSED_COMMITS).await?;
    crowd.say(&["the last one".to_owned()]).await?;
    let commits = back(server, profile).await?;
    // What was not read was not measured.
    let client = Client::open_at(profile, server.parse()?).await?;
    let chat = client
        .chat_by_conversation_id(crowd.id)
        .await?
        .context("the client has no group")?;
    let read = chat.messages(None, GROUP_MISSED_MESSAGES + 1).await?;
    ensure!(
        read.iter().any(|message| message.text == "the last one"),
        "the client has read {} messages",
        read.len()
    );
    client.close().await?;
    let each = |all: Duration, count: u32| all.as_secs_f64() * 1e3 / f64::from(count);
    Ok(CaughtUp {
        message_ms: each(messages, GROUP_MISSED_MESSAGES),
        commit_ms: each(commits, GROUP_MISSED_COMMITS),
    })
}

/// The time in which the client is up to date again, with connecting.
async fn back(server: &str, profile: &Path) -> Result<Duration> {
    let client = Client::open_at(profile, server.parse()?).await?;
    let begun = clock::now();
    client.connect();
    client.settle(CALL_TIMEOUT).await?;
    let taken = begun.elapsed();
    client.close().await?;
    Ok(taken)
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

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e3
}
