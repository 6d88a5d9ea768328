//! One device of a load: a task that writes what is due, and one that reads what comes.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use anyhow::{Result, bail};
use bytes::Bytes;
use subrosa_wire::frames::{
    Acknowledge, Append, ClientFrame, Cursor, append::Payload, client_frame::Request, server_frame::Body,
};
use tokio::sync::Notify;

use super::{Outbound, Pace, Participant, Run};
use crate::{
    clock,
    live::{Reader, Writer, refusal},
    message::numbered,
};

/// Requests of a load count from here, those of its preparation from 1.
const FIRST_APPEND: u64 = 1 << 32;
/// Acknowledgements of cursors, whose answers nobody waits for.
const FIRST_ACKNOWLEDGE: u64 = 1 << 48;

/// What the two tasks of a device share.
#[derive(Default)]
pub(super) struct DeviceState {
    /// Wakes the writer: a message is due, there is room, or a cursor is to be told.
    pub(super) wake: Arc<Notify>,
    /// By request, when the message was due.
    under_way: RefCell<HashMap<u64, Instant>>,
    /// The newest entry of each conversation that was received and not yet acknowledged.
    cursors: RefCell<HashMap<Bytes, u64>>,
    acknowledge: Cell<bool>,
}

impl DeviceState {
    /// Lets the writer tell the server what was received, if anything was.
    pub(super) fn acknowledge_soon(&self) {
        if !self.cursors.borrow().is_empty() {
            self.acknowledge.set(true);
            self.wake.notify_one();
        }
    }

    fn take_cursors(&self) -> Option<Acknowledge> {
        self.acknowledge.take().then(|| Acknowledge {
            cursors: self
                .cursors
                .borrow_mut()
                .drain()
                .map(|(conversation_id, seq)| Cursor { conversation_id, seq })
                .collect(),
        })
    }
}

/// Sends what is due until the run is over and everything is acknowledged.
pub(super) async fn write(
    device: usize,
    mut participant: Participant,
    mut writer: Writer,
    state: Rc<DeviceState>,
    run: Rc<Run>,
) -> Result<Participant> {
    let mut sent = 0;
    let mut acknowledgements = 0;
    loop {
        let now = clock::now();
        let due = if now < run.give_up_at {
            Due::of(&run.pace, device, sent, now)
        } else {
            Due::nothing_more(sent)
        };
        {
            let mut under_way = state.under_way.borrow_mut();
            while sent < due.messages
                && under_way.len() < run.under_way_max
                && !participant.conversations.is_empty()
            {
                let due_at = match run.pace {
                    Pace::Scheduled(schedule) => schedule.device_due_at(device, sent),
                    Pace::Saturated { .. } => now,
                };
                let request_id = FIRST_APPEND + sent;
                let turn = usize::try_from(sent).unwrap_or_default() % participant.conversations.len();
                let append = append(
                    &mut participant.conversations[turn],
                    &run.meter.send_id(due_at, device, sent),
                );
                writer.put(&ClientFrame {
                    request_id,
                    request: Some(Request::Append(append)),
                });
                under_way.insert(request_id, due_at);
                sent += 1;
            }
        }
        if let Some(cursors) = state.take_cursors() {
            let request_id = FIRST_ACKNOWLEDGE + acknowledgements;
            writer.put(&ClientFrame {
                request_id,
                request: Some(Request::Acknowledge(cursors)),
            });
            acknowledgements += 1;
        }
        writer.flush().await?;
        if due.was_last(sent) && state.under_way.borrow().is_empty() {
            if let Pace::Scheduled(schedule) = run.pace {
                for index in sent..schedule.device_total(device) {
                    run.meter.given_up(schedule.device_due_at(device, index), now);
                }
            }
            return Ok(participant);
        }
        state.wake.notified().await;
    }
}

/// Counts answers and deliveries until the connection ends, which is an error.
pub(super) async fn read(mut reader: Reader, state: Rc<DeviceState>, run: Rc<Run>) -> Result<()> {
    loop {
        let frame = reader.next().await?;
        let now = clock::now();
        match frame.body {
            Some(Body::Appended(_)) => {
                let Some(due_at) = state.under_way.borrow_mut().remove(&frame.request_id) else {
                    bail!("the server answered request {} twice", frame.request_id);
                };
                run.meter.acknowledged(due_at, now);
                state.wake.notify_one();
            }
            Some(Body::Deliver(deliver)) => {
                let mut cursors = state.cursors.borrow_mut();
                for entry in deliver.entries {
                    run.meter.delivered(&entry.send_id, now);
                    let newest = cursors.entry(entry.conversation_id).or_default();
                    *newest = entry.seq.max(*newest);
                }
            }
            Some(Body::Problem(problem)) => return Err(refusal(&problem)),
            _ => {}
        }
    }
}

fn append(outbound: &mut Outbound, send_id: &subrosa_wire::SendId) -> Append {
    outbound.last_send_number += 1;
    Append {
        conversation_id: Bytes::copy_from_slice(outbound.conversation_id.as_bytes()),
        send_id: Bytes::copy_from_slice(send_id.as_bytes()),
        send_number: outbound.last_send_number,
        payload: Some(Payload::ApplicationMessage(numbered(
            &outbound.message,
            outbound.last_send_number,
        ))),
    }
}

/// What a device has to send so far.
struct Due {
    messages: u64,
    total: u64,
}

impl Due {
    fn of(pace: &Pace, device: usize, sent: u64, now: Instant) -> Self {
        match pace {
            Pace::Scheduled(schedule) => Self {
                messages: schedule.device_due(device, now),
                total: schedule.device_total(device),
            },
            Pace::Saturated { until } if now < *until => Self {
                messages: u64::MAX,
                total: u64::MAX,
            },
            Pace::Saturated { .. } => Self::nothing_more(sent),
        }
    }

    /// What has not been sent will not be.
    fn nothing_more(sent: u64) -> Self {
        Self {
            messages: sent,
            total: sent,
        }
    }

    /// Whether a device that has sent so many has sent all.
    fn was_last(&self, sent: u64) -> bool {
        sent >= self.total
    }
}
