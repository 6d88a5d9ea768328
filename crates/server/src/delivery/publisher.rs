//! The publisher: the one place from which answers to sends and new entries go out, after they are durable,
//! in the order of the logs.

use std::future::Future;

use bytes::Bytes;
use subrosa_mls::LogHash;
use subrosa_wire::{
    DeviceId, Timestamp,
    frames::{self, log_entry},
    limits::WELCOME_TREE_MAX,
};
use tokio::sync::mpsc;

use super::{
    answers::{AnswerTo, appended},
    requests::{device_bytes, id_bytes},
    sync::welcome_item,
    tags::EntryTags,
};
use crate::{
    limits::PUBLICATIONS_QUEUED_MAX,
    push::{Batch, Fanout},
    store::{
        StoreError,
        delivery::{
            Acceptance, Accepted, CommitWrite, LogOutcome, LogWrite, SendKey, WelcomeRecord, WelcomeTree,
        },
    },
};

/// What became of a write, and who is to know.
pub(super) struct Publication {
    pub(super) write: LogWrite,
    pub(super) answer: AnswerTo,
    pub(super) outcome: Result<LogOutcome, StoreError>,
}

/// The way to the publisher.
pub(super) struct Publisher(mpsc::Sender<Vec<Publication>>);

impl Publisher {
    /// The way to the publisher, and its task, which ends when the other end is gone.
    pub(super) fn new(fanout: Fanout, tags: EntryTags) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, mut queue) = mpsc::channel::<Vec<Publication>>(PUBLICATIONS_QUEUED_MAX);
        let run = async move {
            while let Some(batch) = queue.recv().await {
                publish(&fanout, &tags, batch);
            }
        };
        (Self(sender), run)
    }

    pub(super) async fn publish(&self, batch: Vec<Publication>) {
        if self.0.send(batch).await.is_err() {
            tracing::error!("the publisher has ended: answers are lost");
        }
    }
}

/// Queues everything first and wakes each connection once, so that it writes all of it at once.
fn publish(fanout: &Fanout, tags: &EntryTags, batch: Vec<Publication>) {
    let mut outgoing = fanout.batch();
    let (mut accepted_count, mut pushed, mut missed) = (0, 0, 0);
    for Publication {
        write,
        answer,
        outcome,
    } in batch
    {
        let key = *key_of(&write);
        let answered = match outcome {
            Ok(Ok(accepted)) => {
                accepted_count += 1;
                let appended = appended(tags, &key, &accepted);
                let tag = appended.tag.clone();
                let answered = answer.queue(Ok(appended));
                if let Acceptance::Stored {
                    recipients,
                    welcomed,
                    hash_before,
                } = &accepted.acceptance
                {
                    let entry = live_entry(&key, &accepted, tag, &write);
                    let reached = outgoing.entry(&entry, recipients, key.device_id);
                    pushed += reached.connections;
                    missed += reached.missed.len() as u64;
                    push_welcomes(
                        &mut outgoing,
                        &key,
                        (accepted.seq, *hash_before),
                        welcomed,
                        &write,
                    );
                }
                answered
            }
            Ok(Err(refusal)) => answer.queue(Err(refusal.into())),
            Err(error) => answer.queue(Err(error.into())),
        };
        if let Some(outbox) = answered {
            outgoing.answered(outbox);
        }
    }
    outgoing.send();
    metrics::counter!("subrosa_appends_total").increment(accepted_count);
    metrics::counter!("subrosa_entries_pushed_total").increment(pushed);
    metrics::counter!("subrosa_recipients_missed_total").increment(missed);
}

fn key_of(write: &LogWrite) -> &SendKey {
    match write {
        LogWrite::Application(write) => &write.key,
        LogWrite::Commit(write) => &write.key,
        LogWrite::Leave(write) => &write.key,
        LogWrite::Create(write) => &write.first.key,
    }
}

fn commit_of(write: &LogWrite) -> Option<&CommitWrite> {
    match write {
        LogWrite::Application(_) | LogWrite::Leave(_) => None,
        LogWrite::Commit(write) => Some(write),
        LogWrite::Create(write) => Some(&write.first),
    }
}

fn live_entry(key: &SendKey, accepted: &Accepted, tag: Bytes, write: &LogWrite) -> frames::LogEntry {
    frames::LogEntry {
        conversation_id: id_bytes(key.conversation_id.as_bytes()),
        seq: accepted.seq,
        send_id: id_bytes(key.send_id.as_bytes()),
        accepted_at_ms: Timestamp::as_millis(accepted.accepted_at),
        sender_device: device_bytes(key.device_id),
        tag,
        payload: Some(match write {
            LogWrite::Application(write) => log_entry::Payload::ApplicationMessage(write.message.clone()),
            LogWrite::Commit(write) => log_entry::Payload::Commit(write.commit.clone()),
            LogWrite::Leave(write) => log_entry::Payload::Leave(write.proposal.clone()),
            LogWrite::Create(write) => log_entry::Payload::Commit(write.first.commit.clone()),
        }),
    }
}

fn push_welcomes(
    outgoing: &mut Batch<'_>,
    key: &SendKey,
    (seq, hash_before): (u64, LogHash),
    welcomed: &[(DeviceId, u64)],
    write: &LogWrite,
) {
    let Some(commit) = commit_of(write) else { return };
    let Some(welcome) = &commit.welcome else { return };
    let tree = if welcome.ratchet_tree.len() <= WELCOME_TREE_MAX {
        WelcomeTree::Here(welcome.ratchet_tree.clone())
    } else {
        WelcomeTree::Fetchable(welcome.tree_hash)
    };
    for ((device_id, item_id), secrets) in welcomed.iter().zip(&welcome.secrets) {
        let item = welcome_item(WelcomeRecord {
            item_id: *item_id,
            conversation_id: key.conversation_id,
            seq,
            hash_before: Some(hash_before),
            shared: welcome.shared.clone(),
            secrets: Some(secrets.clone()),
            tree: tree.clone(),
        });
        outgoing.welcome(*device_id, item);
    }
}
