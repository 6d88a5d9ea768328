//! One sender, many listeners: how fast a message reaches everybody in a large conversation.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use subrosa_wire::frames::{Append, ClientFrame, append::Payload, client_frame::Request, server_frame::Body};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    clock,
    latency::Latencies,
    limits::{DRAIN_TIMEOUT, FAN_OUT_UNDER_WAY, HUB_SETTLE},
    live::{Connection, Endpoint, Reader, Writer, refusal},
    load::Outbound,
    message::numbered,
    person::Person,
    probe::Probe,
    report::FanOut,
};

struct Run {
    origin: Instant,
    listeners: u64,
    delivered: Cell<u64>,
    latencies: RefCell<Latencies>,
    progress: Notify,
}

/// Sends for `measured`, a few messages at a time: the next one leaves when the one that is
/// [`FAN_OUT_UNDER_WAY`] before it has reached everybody. Must be called on a `LocalSet`.
pub(crate) async fn run(
    endpoint: &Endpoint,
    sender: &Person,
    listeners: &[&Person],
    outbound: &mut Outbound,
    measured: Duration,
    probe: &Probe,
) -> Result<FanOut> {
    let mut tasks = JoinSet::new();
    let run = Rc::new(Run {
        origin: clock::now(),
        listeners: listeners.len() as u64,
        delivered: Cell::new(0),
        latencies: RefCell::new(Latencies::new()),
        progress: Notify::new(),
    });
    for listener in listeners {
        let connection = Connection::open(endpoint, &listener.access_token).await?;
        // The writing half is kept: dropping it would close the connection.
        tasks.spawn_local(listen(connection, Rc::clone(&run)));
    }
    let Connection {
        reader, mut writer, ..
    } = Connection::open(endpoint, &sender.access_token).await?;
    tasks.spawn_local(watch_answers(reader));
    // Connections are announced to the hub just after Ready.
    sleep(HUB_SETTLE).await;

    let begun = clock::now();
    let before = probe.sample().await?;
    let sending = async {
        let mut sent = 0;
        while begun.elapsed() < measured {
            send(&mut writer, outbound, &run, sent).await?;
            sent += 1;
            run.reached_all(sent.saturating_sub(FAN_OUT_UNDER_WAY)).await?;
        }
        run.reached_all(sent).await?;
        anyhow::Ok(sent)
    };
    let sent = tokio::select! {
        sent = sending => sent?,
        Some(ended) = tasks.join_next() => {
            return Err(ended?.err().context("a connection ended")?).context("a listener could not listen to the end");
        }
    };
    let elapsed = begun.elapsed().as_secs_f64();
    let usage = probe.sample().await?.since(&before);
    #[expect(clippy::cast_precision_loss, reason = "far fewer messages than 2^52")]
    let (messages, deliveries) = (sent as f64, (sent * run.listeners) as f64);
    let send_to_receive = run.latencies.borrow().percentiles();
    Ok(FanOut {
        listeners: listeners.len(),
        messages_per_s: messages / elapsed,
        deliveries_per_s: deliveries / elapsed,
        send_to_receive,
        server_cpu_us_per_delivery: usage.cpu.as_secs_f64() * 1e6 / deliveries,
    })
}

impl Run {
    /// Waits until so many messages have reached everybody.
    async fn reached_all(&self, messages: u64) -> Result<()> {
        let reached = async {
            while self.delivered.get() < messages * self.listeners {
                self.progress.notified().await;
            }
        };
        timeout(DRAIN_TIMEOUT, reached).await.with_context(|| {
            format!(
                "{} of {} deliveries had come after {DRAIN_TIMEOUT:?}",
                self.delivered.get(),
                messages * self.listeners
            )
        })
    }
}

async fn send(writer: &mut Writer, outbound: &mut Outbound, run: &Run, number: u64) -> Result<()> {
    let mut send_id = [0; 16];
    let age = u64::try_from(run.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    send_id[..8].copy_from_slice(&age.to_be_bytes());
    send_id[8..].copy_from_slice(&number.to_be_bytes());
    outbound.last_send_number += 1;
    let append = Append {
        conversation_id: Bytes::copy_from_slice(outbound.conversation_id.as_bytes()),
        send_id: Bytes::copy_from_slice(&send_id),
        send_number: outbound.last_send_number,
        payload: Some(Payload::ApplicationMessage(numbered(
            &outbound.message,
            outbound.last_send_number,
        ))),
    };
    writer.put(&ClientFrame {
        request_id: u64::from(u32::MAX) + number,
        request: Some(Request::Append(append)),
    });
    writer.flush().await
}

async fn listen(mut connection: Connection, run: Rc<Run>) -> Result<()> {
    loop {
        let frame = connection.reader.next().await?;
        let now = clock::now();
        let Some(Body::Deliver(deliver)) = frame.body else {
            continue;
        };
        for entry in deliver.entries {
            let Some(nanos) = entry.send_id.first_chunk() else {
                bail!("an entry without a send id")
            };
            let sent_at = run.origin + Duration::from_nanos(u64::from_be_bytes(*nanos));
            run.latencies
                .borrow_mut()
                .record(now.saturating_duration_since(sent_at));
            run.delivered.set(run.delivered.get() + 1);
        }
        if run.delivered.get().is_multiple_of(run.listeners) {
            run.progress.notify_one();
        }
    }
}

async fn watch_answers(mut reader: Reader) -> Result<()> {
    loop {
        if let Some(Body::Problem(problem)) = reader.next().await?.body {
            return Err(refusal(&problem));
        }
    }
}
