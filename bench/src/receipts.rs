//! What one text costs when everybody says that they have received and read it: with receipts as registers, and, for
//! comparison, with receipts as messages.
//!
//! A delivery is one item of a frame to one device: an entry of the log, a receipt that was pushed, a receipt of a page.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use rand_core::RngCore as _;
use subrosa_client::ambient;
use subrosa_wire::{
    ConversationId,
    frames::{
        Acknowledge, Append, ClientFrame, Cursor, FetchReceipts, PutReceipt, ReceiptsAfter, append::Payload,
        client_frame::Request, server_frame::Body,
    },
    limits::SIGNAL_ACCOUNTS_MAX,
};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    limits::{DRAIN_TIMEOUT, HUB_SETTLE, RECEIPT_BYTES, REPORT_BYTES, REPORTS_UNDER_WAY},
    live::{Connection, Endpoint, Reader, Writer, refusal},
    load::Outbound,
    message::{application_message, numbered},
    person::Person,
    probe::Probe,
    report::{Receipts, TextCost},
};

/// How members say how far they have come.
#[derive(Clone, Copy)]
enum Reporting {
    /// One register for each device, replaced at the server.
    Registers,
    /// A message to everybody each time.
    Messages,
}

/// Received, then read: the most that a member says about one text.
const REPORTS_PER_READER: u64 = 2;

struct Member {
    writer: Writer,
    account_id: Bytes,
    last_send_number: u64,
    receipt_version: u64,
    requests: u64,
}

/// What the tasks that listen have counted.
#[derive(Default)]
struct Arrived {
    /// Items, to all devices.
    deliveries: Cell<u64>,
    /// Answers to what was sent, to all devices.
    answers: Cell<u64>,
    /// The newest place in the log that somebody was shown.
    seq: Cell<u64>,
    /// The last receipt that the author has fetched, and the newest that it was told of.
    fetched: RefCell<Option<(u64, u64)>>,
    progress: Notify,
}

struct Conversation {
    id: ConversationId,
    text: Bytes,
    report: Bytes,
    receipt: Bytes,
    /// The author first.
    members: Vec<Member>,
    arrived: Rc<Arrived>,
    /// The author's receipts are up to date to this change.
    known_change: u64,
}

/// Has the first of `people` write `texts` texts, one after the other, with either way of reporting. Must be called on a
/// `LocalSet`.
pub(crate) async fn run(
    endpoint: &Endpoint,
    people: &[&Person],
    outbound: &Outbound,
    texts: Texts,
    probe: &Probe,
) -> Result<Receipts> {
    let mut tasks = JoinSet::new();
    let mut conversation = Conversation::connect(endpoint, people, outbound, &mut tasks).await?;
    let registers = conversation
        .measure(Reporting::Registers, texts.with_registers, probe, &mut tasks)
        .await?;
    let messages = conversation
        .measure(Reporting::Messages, texts.with_messages, probe, &mut tasks)
        .await?;
    Ok(Receipts {
        members: people.len(),
        registers,
        messages,
    })
}

/// How many texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Texts {
    with_registers: u64,
    with_messages: u64,
}

impl Texts {
    /// Enough that the server's CPU time, which is counted in hundredths of a second, can be told, and so few that it
    /// ends soon.
    pub(crate) fn for_members(members: usize) -> Self {
        let members = members as u64;
        let readers = members.saturating_sub(1).max(1);
        Self {
            with_registers: (20_000 / (readers * REPORTS_PER_READER)).clamp(4, 1_000),
            with_messages: (1_000_000 / (readers * readers * REPORTS_PER_READER)).clamp(1, 1_000),
        }
    }
}

impl Conversation {
    async fn connect(
        endpoint: &Endpoint,
        people: &[&Person],
        outbound: &Outbound,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<Self> {
        let arrived = Rc::new(Arrived::default());
        let mut members = Vec::with_capacity(people.len());
        for (index, person) in people.iter().enumerate() {
            let Connection { reader, writer, .. } = Connection::open(endpoint, &person.access_token).await?;
            tasks.spawn_local(listen(reader, Rc::clone(&arrived)));
            members.push(Member {
                writer,
                account_id: person.account_id.to_vec().into(),
                last_send_number: if index == 0 { outbound.last_send_number } else { 0 },
                receipt_version: 0,
                requests: 0,
            });
        }
        // Connections are announced to the hub just after Ready.
        sleep(HUB_SETTLE).await;
        let mut rng = ambient::SystemRandom;
        let mut receipt = vec![0; RECEIPT_BYTES];
        rng.fill_bytes(&mut receipt);
        Ok(Self {
            id: outbound.conversation_id,
            text: outbound.message.clone(),
            report: application_message(outbound.conversation_id, 1, REPORT_BYTES, &mut rng),
            receipt: receipt.into(),
            members,
            arrived,
            known_change: 0,
        })
    }

    async fn measure(
        &mut self,
        reporting: Reporting,
        texts: u64,
        probe: &Probe,
        tasks: &mut JoinSet<Result<()>>,
    ) -> Result<TextCost> {
        // The first one is not counted: it fills what the server keeps in memory.
        self.text(reporting, tasks).await?;
        let deliveries = self.arrived.deliveries.get();
        let before = probe.sample().await?;
        for _ in 0..texts {
            self.text(reporting, tasks).await?;
        }
        let usage = probe.sample().await?.since(&before);
        let delivered = self.arrived.deliveries.get() - deliveries;
        #[expect(clippy::cast_precision_loss, reason = "far fewer deliveries than 2^52")]
        let (texts_counted, delivered) = (texts as f64, delivered as f64);
        Ok(TextCost {
            texts,
            deliveries_per_text: delivered / texts_counted,
            server_cpu_us_per_text: usage.cpu.as_secs_f64() * 1e6 / texts_counted,
        })
    }

    /// One text, until its author knows that everybody has read it.
    async fn text(&mut self, reporting: Reporting, tasks: &mut JoinSet<Result<()>>) -> Result<()> {
        let readers = self.members.len() as u64 - 1;
        let mut deliveries = self.arrived.deliveries.get() + readers;
        let mut answers = self.arrived.answers.get() + 1;
        self.append(0, self.text.clone()).await?;
        self.arrived.reach(deliveries, answers, tasks).await?;
        let seq = self.arrived.seq.get();
        for report in 0..REPORTS_PER_READER {
            for reader in 1..self.members.len() {
                match reporting {
                    Reporting::Registers => {
                        self.put_receipt(reader).await?;
                        if self.members.len() <= SIGNAL_ACCOUNTS_MAX {
                            deliveries += 1;
                        }
                    }
                    Reporting::Messages => {
                        self.append(reader, self.report.clone()).await?;
                        deliveries += readers;
                    }
                }
                answers += 1;
                if report == 0 {
                    self.acknowledge(reader, seq).await?;
                    answers += 1;
                }
                // What waits for a device at the server is bounded.
                self.arrived
                    .reach(
                        deliveries.saturating_sub(REPORTS_UNDER_WAY * readers),
                        answers.saturating_sub(REPORTS_UNDER_WAY),
                        tasks,
                    )
                    .await?;
            }
            self.arrived.reach(deliveries, answers, tasks).await?;
        }
        if matches!(reporting, Reporting::Registers) && self.members.len() > SIGNAL_ACCOUNTS_MAX {
            self.fetch_receipts(tasks).await?;
        }
        Ok(())
    }

    async fn append(&mut self, member: usize, message: Bytes) -> Result<()> {
        let mut send_id = [0; 16];
        ambient::SystemRandom.fill_bytes(&mut send_id);
        let conversation_id = self.id.to_vec().into();
        let member = &mut self.members[member];
        member.last_send_number += 1;
        let append = Append {
            conversation_id,
            send_id: send_id.to_vec().into(),
            send_number: member.last_send_number,
            payload: Some(Payload::ApplicationMessage(numbered(
                &message,
                member.last_send_number,
            ))),
        };
        member.send(Request::Append(append)).await
    }

    async fn put_receipt(&mut self, reader: usize) -> Result<()> {
        let readers = vec![self.members[0].account_id.clone()];
        let (conversation_id, sealed) = (self.id.to_vec().into(), self.receipt.clone());
        let reader = &mut self.members[reader];
        reader.receipt_version += 1;
        let put = PutReceipt {
            conversation_id,
            version: reader.receipt_version,
            sealed,
            readers,
        };
        reader.send(Request::PutReceipt(put)).await
    }

    async fn acknowledge(&mut self, reader: usize, seq: u64) -> Result<()> {
        let cursor = Cursor {
            conversation_id: self.id.to_vec().into(),
            seq,
        };
        let acknowledge = Acknowledge {
            cursors: vec![cursor],
        };
        self.members[reader].send(Request::Acknowledge(acknowledge)).await
    }

    /// As the author of a text in a large group does when somebody looks who has read it.
    async fn fetch_receipts(&mut self, tasks: &mut JoinSet<Result<()>>) -> Result<()> {
        loop {
            let after = ReceiptsAfter {
                conversation_id: self.id.to_vec().into(),
                after_change: self.known_change,
            };
            let answers = self.arrived.answers.get() + 1;
            self.members[0]
                .send(Request::FetchReceipts(FetchReceipts {
                    conversations: vec![after],
                }))
                .await?;
            self.arrived.reach(0, answers, tasks).await?;
            let Some((last, newest)) = self.arrived.fetched.take() else {
                bail!("a page of receipts is without the conversation")
            };
            self.known_change = last;
            if last >= newest {
                return Ok(());
            }
        }
    }
}

impl Member {
    async fn send(&mut self, request: Request) -> Result<()> {
        self.requests += 1;
        self.writer.put(&ClientFrame {
            request_id: u64::from(u32::MAX) + self.requests,
            request: Some(request),
        });
        self.writer.flush().await
    }
}

impl Arrived {
    /// Waits until this many items and answers have arrived.
    async fn reach(&self, deliveries: u64, answers: u64, tasks: &mut JoinSet<Result<()>>) -> Result<()> {
        let reached = async {
            while self.deliveries.get() < deliveries || self.answers.get() < answers {
                self.progress.notified().await;
            }
        };
        tokio::select! {
            reached = timeout(DRAIN_TIMEOUT, reached) => reached.with_context(|| {
                format!(
                    "{} of {deliveries} deliveries and {} of {answers} answers had come after {DRAIN_TIMEOUT:?}",
                    self.deliveries.get(),
                    self.answers.get()
                )
            }),
            Some(ended) = tasks.join_next() => {
                Err(ended?.err().context("a connection ended")?).context("a member could not listen to the end")
            }
        }
    }
}

async fn listen(mut reader: Reader, arrived: Rc<Arrived>) -> Result<()> {
    loop {
        let items = match reader.next().await?.body {
            Some(Body::Problem(problem)) => return Err(refusal(&problem)),
            Some(Body::Deliver(deliver)) => {
                if let Some(last) = deliver.entries.last() {
                    arrived.seq.set(arrived.seq.get().max(last.seq));
                }
                deliver.entries.len()
            }
            Some(Body::ReceiptChanged(_)) => 1,
            Some(Body::ReceiptsPage(page)) => {
                let fetched = page.conversations.first().map(|receipts| {
                    let newest = receipts.newest_change;
                    let last = receipts.receipts.last().map_or(newest, |last| last.change);
                    (last, newest)
                });
                *arrived.fetched.borrow_mut() = fetched;
                arrived.answers.set(arrived.answers.get() + 1);
                page.conversations
                    .iter()
                    .map(|receipts| receipts.receipts.len())
                    .sum()
            }
            Some(Body::Appended(_) | Body::ReceiptPut(_) | Body::Acknowledged(_)) => {
                arrived.answers.set(arrived.answers.get() + 1);
                0
            }
            _ => 0,
        };
        arrived.deliveries.set(arrived.deliveries.get() + items as u64);
        arrived.progress.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_conversations_write_many_texts_and_large_ones_few() {
        let texts = |members| {
            let Texts {
                with_registers,
                with_messages,
            } = Texts::for_members(members);
            (with_registers, with_messages)
        };
        assert_eq!(
            [2, 10, 100, 1_000].map(texts),
            [(1_000, 1_000), (1_000, 1_000), (101, 51), (10, 1)]
        );
    }
}
