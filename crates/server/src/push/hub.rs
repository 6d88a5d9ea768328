//! The hub: which devices are connected here, and the way to them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use prost::Message as _;
use subrosa_wire::{
    DeviceId,
    frames::{Draining, Notice, ServerFrame, SignedOut, notice, server_frame::Body},
};

use super::outbox::{Closing, Drained, Outbox};
use crate::{
    limits::{CONNECTIONS_PER_DEVICE_MAX, RECONNECT_AFTER_MS},
    session::Session,
};

/// How far something went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Number of connections for which it is queued.
    pub(crate) connections: u64,
    /// Recipients of which no connection took it. They find it when they come back.
    pub(crate) missed: Vec<DeviceId>,
}

impl Reached {
    /// Queues something for all connections of a recipient, by `queue`, and notes how that went.
    fn note(
        &mut self,
        device_id: DeviceId,
        connections: &[Arc<Outbox>],
        woken: &mut Vec<Arc<Outbox>>,
        queue: impl Fn(&Outbox) -> bool,
    ) {
        let before = self.connections;
        for outbox in connections {
            self.connections += u64::from(queue(outbox));
            // One that has fallen behind is woken as well, so that it closes.
            woken.push(Arc::clone(outbox));
        }
        if self.connections == before {
            self.missed.push(device_id);
        }
    }
}

/// The connected devices of this server.
#[derive(Debug, Default)]
pub struct Hub {
    devices: RwLock<Devices>,
}

#[derive(Debug, Default)]
struct Devices {
    // Oldest connection first; a device without one is not here.
    connected: HashMap<DeviceId, Vec<Arc<Outbox>>>,
    draining: bool,
}

impl Hub {
    /// A hub without connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects a device. It is connected as long as the value lives.
    ///
    /// A device may have a few connections at a time, since an old one is often noticed late; if it has too
    /// many, its oldest is closed.
    pub fn connect(self: &Arc<Self>, session: Session) -> Connection {
        let outbox = Arc::new(Outbox::default());
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        if devices.draining {
            outbox.queue_frame(draining());
            outbox.close(Closing::Draining);
        }
        let connections = devices
            .connected
            .entry(session.device_id)
            .or_insert_with(|| Vec::with_capacity(1));
        if connections.len() >= CONNECTIONS_PER_DEVICE_MAX {
            connections.remove(0).close(Closing::Replaced);
        }
        connections.push(Arc::clone(&outbox));
        drop(devices);
        metrics::gauge!("subrosa_connections").increment(1);
        Connection {
            hub: Arc::clone(self),
            session,
            outbox,
        }
    }

    /// Number of connected devices.
    pub fn connected_devices(&self) -> usize {
        self.devices
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .connected
            .len()
    }

    /// Queues a push; the caller wakes the outboxes.
    pub(super) fn queue(&self, device_id: DeviceId, body: &Body, woken: &mut Vec<Arc<Outbox>>) -> Reached {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let mut reached = Reached::default();
        let Some(connections) = devices.connected.get(&device_id) else {
            reached.missed.push(device_id);
            return reached;
        };
        let frame = push_frame(body.clone());
        reached.note(device_id, connections, woken, |outbox| {
            outbox.queue_frame(frame.clone())
        });
        reached
    }

    /// Queues a push for several devices, as far as their connections have room; the caller wakes the outboxes.
    pub(super) fn queue_to_all(
        &self,
        device_ids: &[DeviceId],
        body: Body,
        woken: &mut Vec<Arc<Outbox>>,
    ) -> Reached {
        self.queue_by(Outbox::queue_push, device_ids, body, woken)
    }

    /// Queues a signal for several devices, as far as little waits for their connections; the caller wakes the outboxes.
    pub(super) fn queue_signal(
        &self,
        device_ids: &[DeviceId],
        body: Body,
        woken: &mut Vec<Arc<Outbox>>,
    ) -> Reached {
        self.queue_by(Outbox::queue_signal, device_ids, body, woken)
    }

    fn queue_by(
        &self,
        queue: fn(&Outbox, Bytes) -> bool,
        device_ids: &[DeviceId],
        body: Body,
        woken: &mut Vec<Arc<Outbox>>,
    ) -> Reached {
        let frame = push_frame(body);
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let mut reached = Reached::default();
        for device_id in device_ids {
            let connections = devices.connected.get(device_id).map_or(&[][..], Vec::as_slice);
            reached.note(*device_id, connections, woken, |outbox| {
                queue(outbox, frame.clone())
            });
        }
        reached
    }

    /// Queues an encoded entry for all recipients but its sender; the caller wakes the outboxes.
    pub(super) fn queue_entry(
        &self,
        recipients: &[DeviceId],
        sender: DeviceId,
        entry: &Bytes,
        woken: &mut Vec<Arc<Outbox>>,
    ) -> Reached {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let mut reached = Reached::default();
        for device_id in recipients.iter().filter(|device_id| **device_id != sender) {
            let connections = devices.connected.get(device_id).map_or(&[][..], Vec::as_slice);
            reached.note(*device_id, connections, woken, |outbox| {
                outbox.queue_entry(entry.clone())
            });
        }
        reached
    }

    /// Notifies a device that it was signed out, and ends its connections.
    pub(super) fn sign_out(&self, device_id: DeviceId) {
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        let frame = push_frame(Body::Notice(Notice {
            kind: Some(notice::Kind::SignedOut(SignedOut {})),
        }));
        for outbox in devices.connected.get(&device_id).into_iter().flatten() {
            outbox.queue_frame(frame.clone());
            outbox.close(Closing::SignedOut);
        }
    }

    /// Asks all devices to reconnect later, and ends their connections and those that are still to come.
    pub fn drain(&self) {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        devices.draining = true;
        let frame = draining();
        for outbox in devices.connected.values().flatten() {
            outbox.queue_frame(frame.clone());
            outbox.close(Closing::Draining);
        }
    }

    fn disconnect(&self, device_id: DeviceId, outbox: &Arc<Outbox>) {
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = devices.connected.get_mut(&device_id) {
            connections.retain(|connected| !Arc::ptr_eq(connected, outbox));
            if connections.is_empty() {
                devices.connected.remove(&device_id);
            }
        }
        drop(devices);
        metrics::gauge!("subrosa_connections").decrement(1);
    }
}

fn draining() -> Bytes {
    let kind = notice::Kind::Draining(Draining {
        reconnect_after_ms: RECONNECT_AFTER_MS,
    });
    push_frame(Body::Notice(Notice { kind: Some(kind) }))
}

fn push_frame(body: Body) -> Bytes {
    Bytes::from(
        ServerFrame {
            request_id: 0,
            body: Some(body),
        }
        .encode_to_vec(),
    )
}

/// A connected device: the receiving end of its pushes and answers.
#[derive(Debug)]
pub struct Connection {
    hub: Arc<Hub>,
    session: Session,
    outbox: Arc<Outbox>,
}

impl Connection {
    /// Who is connected.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Waits until there are frames to send, or a reason to close.
    pub async fn drained(&self) -> Drained {
        self.outbox.drained().await
    }

    /// The frames to send now, if there are any.
    pub fn try_drain(&self) -> Option<Drained> {
        self.outbox.try_drain()
    }

    /// Whether the device may bring more requests now.
    pub fn has_room(&self) -> bool {
        self.outbox.has_room()
    }

    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.disconnect(self.session.device_id, &self.outbox);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use subrosa_wire::{AccountId, frames::StateChanged};

    use super::*;

    fn session(device: u8) -> Session {
        Session {
            account_id: AccountId::from_bytes([1; 16]),
            device_id: DeviceId::from_bytes([device; 16]),
        }
    }

    fn kinds(connection: &Connection) -> Vec<notice::Kind> {
        let frames = connection
            .try_drain()
            .map(|drained| drained.frames)
            .unwrap_or_default();
        let kind = |frame: &Bytes| match ServerFrame::decode(frame.clone()).unwrap().body {
            Some(Body::Notice(Notice { kind })) => kind,
            _ => None,
        };
        frames.iter().filter_map(kind).collect()
    }

    #[test]
    fn a_device_is_connected_as_long_as_its_connection_lives() {
        let hub = Arc::new(Hub::new());
        let connection = hub.connect(session(1));
        for device in [1, 2] {
            let kind = Some(notice::Kind::StateChanged(StateChanged {}));
            let notice = Body::Notice(Notice { kind });
            hub.queue(session(device).device_id, &notice, &mut Vec::new());
        }
        assert_eq!(kinds(&connection), [notice::Kind::StateChanged(StateChanged {})]);
        drop(connection);
        assert_eq!(hub.connected_devices(), 0);
    }

    #[test]
    fn an_entry_goes_to_every_connection_of_the_recipients_but_not_to_its_sender() {
        let hub = Arc::new(Hub::new());
        let (sender, one, other) = (
            hub.connect(session(1)),
            hub.connect(session(2)),
            hub.connect(session(2)),
        );
        let recipients = [session(1).device_id, session(2).device_id, session(3).device_id];
        let mut woken = Vec::new();
        let queued = hub.queue_entry(
            &recipients,
            session(1).device_id,
            &Bytes::from_static(b"x"),
            &mut woken,
        );
        assert_eq!((queued.connections, woken.len()), (2, 2));
        assert!(sender.try_drain().is_none());
        assert!(one.try_drain().is_some() && other.try_drain().is_some());
    }

    #[test]
    fn the_oldest_of_too_many_connections_is_closed() {
        let hub = Arc::new(Hub::new());
        let connections: Vec<_> = (0..=CONNECTIONS_PER_DEVICE_MAX)
            .map(|_| hub.connect(session(1)))
            .collect();
        assert_eq!(
            connections[0].try_drain().unwrap().closing,
            Some(Closing::Replaced)
        );
        assert!(
            connections[1..]
                .iter()
                .all(|connection| connection.try_drain().is_none())
        );
    }

    #[test]
    fn a_device_that_was_signed_out_is_told_and_closed() {
        let hub = Arc::new(Hub::new());
        let connection = hub.connect(session(1));
        hub.sign_out(session(1).device_id);
        let drained = connection.try_drain().unwrap();
        assert_eq!(
            (drained.frames.len(), drained.closing),
            (1, Some(Closing::SignedOut))
        );
    }

    #[test]
    fn a_draining_hub_closes_connections_that_are_there_and_those_that_come() {
        let hub = Arc::new(Hub::new());
        let before = hub.connect(session(1));
        hub.drain();
        let after = hub.connect(session(2));
        for connection in [before, after] {
            let drained = connection.try_drain().unwrap();
            assert_eq!(
                (drained.frames.len(), drained.closing),
                (1, Some(Closing::Draining))
            );
        }
    }
}
