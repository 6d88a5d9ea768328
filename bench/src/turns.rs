//! The realistic mix: turns of a conversation, each a self-update commit that the server validates, then three
//! messages in the new epoch. All of it is honest MLS, made before the clock runs.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc, time::Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use rand_core::RngCore as _;
use subrosa_client::ambient;
use subrosa_wire::{
    ConversationId,
    frames::{Append, Commit, append::Payload, client_frame::Request, server_frame::Body},
};
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    clock,
    latency::Latencies,
    limits::CONTENT_BYTES,
    live::{Connection, Endpoint, Session},
    load::{Pacer, Schedule},
    party::Party,
    probe::Probe,
    report::Turns,
};

/// Messages of a turn.
const MESSAGES: usize = 3;

/// The turns of one conversation that are ready to be taken, in order.
pub(crate) struct Script {
    conversation_id: ConversationId,
    turns: VecDeque<Turn>,
}

/// What one person does before the other answers.
struct Turn {
    person: usize,
    /// The number of the commit; the messages follow.
    send_number: u64,
    commit: Commit,
    messages: [Bytes; MESSAGES],
}

struct Run {
    commit: RefCell<Latencies>,
    turn: RefCell<Latencies>,
}

/// Prepares `turns` turns in each conversation. The party's groups and send numbers move on with them.
pub(crate) fn prepare(party: &mut Party, turns: usize) -> Result<Vec<Script>> {
    let content = [b'x'; CONTENT_BYTES];
    let people = &party.people;
    party
        .conversations
        .iter_mut()
        .map(|(pair, conversation)| {
            let pair_people = [&people[pair[0]], &people[pair[1]]];
            let turns = (0..turns)
                .map(|number| {
                    let side = number % 2;
                    let send_number = conversation.sides[side].last_send_number + 1;
                    let commit = conversation.self_update(side, pair_people)?;
                    let mut messages = [const { Bytes::new() }; MESSAGES];
                    for message in &mut messages {
                        *message = conversation.encrypt(side, pair_people[side], &content)?;
                    }
                    Ok(Turn {
                        person: pair[side],
                        send_number,
                        commit,
                        messages,
                    })
                })
                .collect::<Result<_>>()?;
            Ok(Script {
                conversation_id: conversation.id,
                turns,
            })
        })
        .collect()
}

/// Takes the first `count` turns of each script, at `rate` turns per second of all of them together, or as
/// fast as the server lets each conversation go on. Must be called on a `LocalSet`.
pub(crate) async fn run(
    endpoint: &Endpoint,
    party: &Party,
    scripts: &mut [Script],
    count: usize,
    rate: Option<u32>,
    probe: Option<&Probe>,
) -> Result<Turns> {
    let mut connections = JoinSet::new();
    let mut sessions = Vec::with_capacity(party.people.len());
    for person in &party.people {
        let connection = Connection::open(endpoint, &person.access_token).await?;
        sessions.push(Session::start(connection, &mut connections));
    }
    let sessions = Rc::new(sessions);
    let run = Rc::new(Run {
        commit: RefCell::new(Latencies::new()),
        turn: RefCell::new(Latencies::new()),
    });

    let before = match probe {
        Some(probe) => Some(probe.sample().await?),
        None => None,
    };
    let origin = clock::now();
    let total = count * scripts.len();
    let schedule = rate.map(|rate| Schedule::of_total(origin, rate, scripts.len(), total));
    let wake: Vec<_> = scripts.iter().map(|_| Arc::new(Notify::new())).collect();
    let mut playing = JoinSet::new();
    for (index, script) in scripts.iter_mut().enumerate() {
        let turns = script.turns.drain(..count.min(script.turns.len())).collect();
        let part = Part {
            index,
            conversation_id: script.conversation_id,
            turns,
            schedule,
            wake: Arc::clone(&wake[index]),
        };
        playing.spawn_local(part.play(Rc::clone(&sessions), Rc::clone(&run)));
    }
    let pacer = schedule
        .map(|schedule| Pacer::start(schedule, wake))
        .transpose()?;
    let finished = async {
        while let Some(played) = playing.join_next().await {
            played??;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        finished = finished => finished?,
        Some(ended) = connections.join_next() => {
            return Err(ended?.err().context("a connection ended")?).context("a turn could not be taken");
        }
    }
    let elapsed = origin.elapsed().as_secs_f64();
    drop(pacer);
    let usage = match (probe, before) {
        (Some(probe), Some(before)) => Some(probe.sample().await?.since(&before)),
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "far fewer turns than 2^52")]
    let taken = total.max(1) as f64;
    let (commit, turn) = (run.commit.borrow().percentiles(), run.turn.borrow().percentiles());
    Ok(Turns {
        offered_per_s: rate,
        turns_per_s: taken / elapsed,
        commit,
        turn,
        server_cpu_us_per_turn: usage.map(|usage| usage.cpu.as_secs_f64() * 1e6 / taken),
    })
}

/// One conversation's part in a run.
struct Part {
    index: usize,
    conversation_id: ConversationId,
    turns: Vec<Turn>,
    schedule: Option<Schedule>,
    wake: Arc<Notify>,
}

impl Part {
    async fn play(self, sessions: Rc<Vec<Rc<Session>>>, run: Rc<Run>) -> Result<()> {
        for (number, turn) in self.turns.into_iter().enumerate() {
            let due_at = match self.schedule {
                Some(schedule) => {
                    let due_at = schedule.device_due_at(self.index, number as u64);
                    while clock::now() < due_at {
                        self.wake.notified().await;
                    }
                    due_at
                }
                None => clock::now(),
            };
            take(&sessions[turn.person], self.conversation_id, turn, due_at, &run)
                .await
                .context("taking a turn")?;
        }
        Ok(())
    }
}

/// The messages leave once the commit is accepted: before that a client cannot know their epoch.
async fn take(session: &Session, id: ConversationId, turn: Turn, due_at: Instant, run: &Run) -> Result<()> {
    let commit = append(id, turn.send_number, Payload::Commit(turn.commit));
    expect_appended(session.call(commit).await?)?;
    run.commit
        .borrow_mut()
        .record(clock::now().saturating_duration_since(due_at));
    let answers: Vec<_> = (turn.send_number + 1..)
        .zip(turn.messages)
        .map(|(number, message)| session.call(append(id, number, Payload::ApplicationMessage(message))))
        .collect();
    for answer in answers {
        expect_appended(answer.await?)?;
    }
    run.turn
        .borrow_mut()
        .record(clock::now().saturating_duration_since(due_at));
    Ok(())
}

fn append(id: ConversationId, send_number: u64, payload: Payload) -> Request {
    let mut send_id = [0; 16];
    ambient::SystemRandom.fill_bytes(&mut send_id);
    Request::Append(Append {
        conversation_id: Bytes::copy_from_slice(id.as_bytes()),
        send_id: Bytes::copy_from_slice(&send_id),
        send_number,
        payload: Some(payload),
    })
}

fn expect_appended(body: Body) -> Result<()> {
    match body {
        Body::Appended(_) => Ok(()),
        other => bail!("the server answered an append with {other:?}"),
    }
}
