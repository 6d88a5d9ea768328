//! The fan-out: hands what happened to the devices that it is for, and says which of them it did not reach.

use std::sync::Arc;

use bytes::BytesMut;
use subrosa_wire::{
    DeviceId,
    frames::{
        AccountRecord, LogEntry, Notice, Receipt, ReceiptChanged, RecordChanged, Signal, WelcomeItem,
        WelcomesWaiting, notice, server_frame::Body,
    },
};

use super::{
    hub::{Hub, Reached},
    outbox::{Outbox, encode_entry},
};

/// The way to devices, wherever they are connected. Today that is this server's hub.
#[derive(Debug, Clone)]
pub struct Fanout {
    hub: Arc<Hub>,
}

impl Fanout {
    /// A fan-out to the devices of one hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Begins a batch of pushes, which goes out by [`Batch::send`].
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            hub: &self.hub,
            buffer: BytesMut::new(),
            woken: Vec::new(),
        }
    }

    /// Sends a notice to a device.
    pub(crate) fn notice(&self, device_id: DeviceId, kind: notice::Kind) -> Reached {
        self.push(device_id, &Body::Notice(Notice { kind: Some(kind) }))
    }

    /// Sends the Welcomes that wait for a device.
    pub(crate) fn welcomes(&self, device_id: DeviceId, welcomes: Vec<WelcomeItem>) -> Reached {
        self.push(device_id, &Body::WelcomesWaiting(WelcomesWaiting { welcomes }))
    }

    /// Sends a changed record to devices of its account, with the account's newest change before this one. A connection
    /// that has no room for it closes: its device fetches what has changed when it comes back.
    pub(crate) fn record_changed(
        &self,
        device_ids: &[DeviceId],
        record: AccountRecord,
        after_change: u64,
    ) -> Reached {
        let body = Body::RecordChanged(RecordChanged {
            record: Some(record),
            after_change,
        });
        self.push_to_all(device_ids, body)
    }

    /// Sends a changed receipt to devices in its conversation, with the conversation's newest change before this one. A
    /// connection that has no room for it closes: its device fetches what has changed when it comes back.
    pub(crate) fn receipt_changed(
        &self,
        device_ids: &[DeviceId],
        receipt: Receipt,
        after_change: u64,
    ) -> Reached {
        let body = Body::ReceiptChanged(ReceiptChanged {
            receipt: Some(receipt),
            after_change,
        });
        self.push_to_all(device_ids, body)
    }

    /// Notifies a device that it was signed out, and ends its connections.
    pub(crate) fn sign_out(&self, device_id: DeviceId) {
        self.hub.sign_out(device_id);
    }

    fn push_to_all(&self, device_ids: &[DeviceId], body: Body) -> Reached {
        let mut batch = self.batch();
        let reached = self.hub.queue_to_all(device_ids, body, &mut batch.woken);
        batch.send();
        reached
    }

    fn push(&self, device_id: DeviceId, body: &Body) -> Reached {
        let mut batch = self.batch();
        let reached = batch.push(device_id, body);
        batch.send();
        reached
    }
}

/// Pushes and answers that go out together: each connection is woken once, so that it writes all of them at
/// once.
pub(crate) struct Batch<'a> {
    hub: &'a Hub,
    buffer: BytesMut,
    woken: Vec<Arc<Outbox>>,
}

impl Batch<'_> {
    /// Adds an entry of a log, for all recipients but its sender.
    pub(crate) fn entry(&mut self, entry: &LogEntry, recipients: &[DeviceId], sender: DeviceId) -> Reached {
        let encoded = encode_entry(&mut self.buffer, entry);
        self.hub
            .queue_entry(recipients, sender, &encoded, &mut self.woken)
    }

    /// Adds a Welcome for a device.
    pub(crate) fn welcome(&mut self, device_id: DeviceId, welcome: WelcomeItem) -> Reached {
        let welcomes = vec![welcome];
        self.push(device_id, &Body::WelcomesWaiting(WelcomesWaiting { welcomes }))
    }

    /// Adds a signal for devices. A connection for which too much waits does not get it.
    pub(crate) fn signal(&mut self, device_ids: &[DeviceId], signal: Signal) -> Reached {
        self.hub
            .queue_signal(device_ids, Body::Signal(signal), &mut self.woken)
    }

    /// Adds a connection in whose outbox an answer waits.
    pub(crate) fn answered(&mut self, outbox: Arc<Outbox>) {
        self.woken.push(outbox);
    }

    fn push(&mut self, device_id: DeviceId, body: &Body) -> Reached {
        self.hub.queue(device_id, body, &mut self.woken)
    }

    /// Lets all of it go out.
    pub(crate) fn send(mut self) {
        // Most batches wake the same connections again and again.
        self.woken.sort_unstable_by_key(Arc::as_ptr);
        self.woken.dedup_by_key(|outbox| Arc::as_ptr(outbox));
        for outbox in self.woken {
            outbox.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use subrosa_wire::{
        AccountId,
        frames::{StateChanged, log_entry},
    };

    use super::*;
    use crate::{limits::OUTBOX_FRAMES_MAX, push::Connection, session::Session};

    fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 16])
    }

    fn connect(hub: &Arc<Hub>, number: u8) -> Connection {
        hub.connect(Session {
            account_id: AccountId::from_bytes([1; 16]),
            device_id: device(number),
        })
    }

    fn entry() -> LogEntry {
        LogEntry {
            seq: 1,
            payload: Some(log_entry::Payload::ApplicationMessage(Bytes::from_static(b"x"))),
            ..LogEntry::default()
        }
    }

    fn send_entry(hub: &Arc<Hub>, recipients: &[DeviceId]) -> Reached {
        let fanout = Fanout::new(Arc::clone(hub));
        let mut batch = fanout.batch();
        let reached = batch.entry(&entry(), recipients, device(1));
        batch.send();
        reached
    }

    #[test]
    fn recipients_that_are_not_connected_are_named_and_the_sender_is_not() {
        let hub = Arc::new(Hub::new());
        let (_one, _other) = (connect(&hub, 2), connect(&hub, 2));
        let recipients = [device(1), device(2), device(3), device(4)];
        assert_eq!(
            send_entry(&hub, &recipients),
            Reached {
                connections: 2,
                missed: vec![device(3), device(4)]
            }
        );
    }

    #[test]
    fn a_device_whose_connection_closes_is_not_reached() {
        let hub = Arc::new(Hub::new());
        let slow = connect(&hub, 2);
        for _ in 0..OUTBOX_FRAMES_MAX {
            assert_eq!(send_entry(&hub, &[device(2)]).missed, []);
        }
        for _ in 0..2 {
            assert_eq!(send_entry(&hub, &[device(2)]).missed, [device(2)]);
        }
        drop(slow);
        let draining = connect(&hub, 2);
        hub.drain();
        assert_eq!(send_entry(&hub, &[device(2)]).missed, [device(2)]);
        drop(draining);
    }

    #[test]
    fn a_changed_record_goes_to_every_connection_of_the_devices_and_those_without_are_named() {
        let hub = Arc::new(Hub::new());
        let fanout = Fanout::new(Arc::clone(&hub));
        let connections = [connect(&hub, 1), connect(&hub, 1), connect(&hub, 2)];
        let reached = fanout.record_changed(&[device(1), device(3)], AccountRecord::default(), 0);
        assert_eq!(
            reached,
            Reached {
                connections: 2,
                missed: vec![device(3)]
            }
        );
        let is_queued = connections.map(|connection| connection.try_drain().is_some());
        assert_eq!(is_queued, [true, true, false]);
    }

    #[test]
    fn a_signal_goes_to_every_connection_of_the_devices_once_the_batch_is_sent() {
        let hub = Arc::new(Hub::new());
        let fanout = Fanout::new(Arc::clone(&hub));
        let connections = [connect(&hub, 1), connect(&hub, 1), connect(&hub, 2)];
        let mut batch = fanout.batch();
        let reached = batch.signal(&[device(1), device(3)], Signal::default());
        batch.send();
        assert_eq!(
            reached,
            Reached {
                connections: 2,
                missed: vec![device(3)]
            }
        );
        let is_queued = connections.map(|connection| connection.try_drain().is_some());
        assert_eq!(is_queued, [true, true, false]);
    }

    #[test]
    fn a_notice_says_whether_it_reached_its_device() {
        let hub = Arc::new(Hub::new());
        let fanout = Fanout::new(Arc::clone(&hub));
        let _connection = connect(&hub, 1);
        let notice = || notice::Kind::StateChanged(StateChanged {});
        assert_eq!(fanout.notice(device(1), notice()).missed, []);
        assert_eq!(fanout.notice(device(2), notice()).missed, [device(2)]);
    }
}
