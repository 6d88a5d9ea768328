//! The outbox of one connection: frames that wait to be written, bounded, coalesced when they are.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::{
    Message as _,
    encoding::{self, WireType},
};
use subrosa_wire::frames::{LogEntry, ServerFrame, server_frame::Body};
use tokio::sync::Notify;

use crate::limits::{
    CONNECTION_APPENDS_UNDER_WAY_MAX, CONNECTION_REQUESTS_UNDER_WAY_MAX, DELIVER_FRAME_BYTES_MAX,
    OUTBOX_BYTES_MAX, OUTBOX_BYTES_PAUSE, OUTBOX_BYTES_SIGNALS_MAX, OUTBOX_FRAMES_MAX,
    OUTBOX_FRAMES_SIGNALS_MAX,
};

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The server is about to stop: reconnect, to this or another one.
    Draining,
    /// The device was signed out: do not reconnect.
    SignedOut,
    /// The device reads more slowly than entries come: reconnect and fetch.
    FellBehind,
    /// The device has opened too many newer connections.
    Replaced,
}

impl Closing {
    /// The close code of the WebSocket (RFC 6455, section 7.4; 4000 and up are ours) and its reason.
    pub const fn code(self) -> (u16, &'static str) {
        match self {
            Self::Draining => (1012, "draining"),
            Self::SignedOut => (4001, "signed_out"),
            Self::FellBehind => (4002, "fell_behind"),
            Self::Replaced => (4003, "replaced"),
        }
    }
}

/// What was waiting in an outbox.
#[derive(Debug, Default)]
pub struct Drained {
    /// Encoded `ServerFrame`s, in order.
    pub frames: Vec<Bytes>,
    /// Whether the connection ends after these frames.
    pub closing: Option<Closing>,
}

/// Frames that wait for one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    // Takes no memory beyond itself while nothing waits.
    queue: Mutex<Queue>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    closing: Option<Closing>,
    appends_under_way: usize,
    requests_under_way: usize,
}

#[derive(Debug)]
enum Item {
    /// A whole frame.
    Frame(Bytes),
    /// An entry for a `Deliver` frame, from [`encode_entry`].
    Entry(Bytes),
    /// A whole frame with a signal, which gives way to everything else.
    Signal(Bytes),
}

impl Outbox {
    /// Queues an answer and lets it go out.
    pub(crate) fn push_answer(&self, request_id: u64, body: Body) {
        self.queue_answer(request_id, body);
        self.wake();
    }

    /// Queues an answer; it goes out with the next [`Self::wake`].
    pub(crate) fn queue_answer(&self, request_id: u64, body: Body) {
        let frame = ServerFrame {
            request_id,
            body: Some(body),
        };
        self.queue_frame(Bytes::from(frame.encode_to_vec()));
    }

    /// Queues an encoded frame; `false` if the connection closes and takes nothing more.
    pub(crate) fn queue_frame(&self, frame: Bytes) -> bool {
        let mut queue = self.lock();
        let is_open = queue.closing.is_none();
        if is_open {
            queue.push(Item::Frame(frame));
        }
        is_open
    }

    /// Queues an entry from [`encode_entry`]. If there is no room, the connection will close, and the answer is
    /// `false`: the entry can be fetched.
    pub(crate) fn queue_entry(&self, entry: Bytes) -> bool {
        self.queue_if_room(Item::Entry(entry))
    }

    /// Queues an encoded push that can be fetched, under the bounds of [`Self::queue_entry`].
    pub(crate) fn queue_push(&self, frame: Bytes) -> bool {
        self.queue_if_room(Item::Frame(frame))
    }

    /// Queues an encoded signal; `false` if it is dropped, because too much waits already or the connection closes.
    pub(crate) fn queue_signal(&self, frame: Bytes) -> bool {
        let mut queue = self.lock();
        let has_room = queue.items.len() < OUTBOX_FRAMES_SIGNALS_MAX
            && queue.bytes + frame.len() <= OUTBOX_BYTES_SIGNALS_MAX;
        if queue.closing.is_some() || !has_room {
            metrics::counter!("subrosa_signals_dropped_total").increment(1);
            return false;
        }
        queue.push(Item::Signal(frame));
        true
    }

    fn queue_if_room(&self, item: Item) -> bool {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return false;
        }
        if !queue.has_room_for(&item) {
            queue.drop_signals();
        }
        let has_room = queue.has_room_for(&item);
        if has_room {
            queue.push(item);
        } else {
            metrics::counter!("subrosa_connections_fell_behind_total").increment(1);
            queue.items = VecDeque::new();
            queue.bytes = 0;
            queue.closing = Some(Closing::FellBehind);
        }
        has_room
    }

    /// Ends the connection once what is queued has gone out. The first reason stands.
    pub(crate) fn close(&self, closing: Closing) {
        self.lock().closing.get_or_insert(closing);
        self.wake();
    }

    /// Lets what is queued go out.
    pub(crate) fn wake(&self) {
        self.ready.notify_one();
    }

    /// Waits until something is queued and takes all of it.
    pub(crate) async fn drained(&self) -> Drained {
        loop {
            if let Some(drained) = self.try_drain() {
                return drained;
            }
            self.ready.notified().await;
        }
    }

    /// Takes what is queued; `None` if nothing is.
    pub(crate) fn try_drain(&self) -> Option<Drained> {
        let mut queue = self.lock();
        if queue.items.is_empty() && queue.closing.is_none() {
            return None;
        }
        queue.bytes = 0;
        let items = std::mem::take(&mut queue.items);
        let closing = queue.closing;
        drop(queue);
        Some(Drained {
            frames: coalesce(items),
            closing,
        })
    }

    /// Whether the connection may bring more requests now.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.bytes < OUTBOX_BYTES_PAUSE
            && queue.appends_under_way < CONNECTION_APPENDS_UNDER_WAY_MAX
            && queue.requests_under_way < CONNECTION_REQUESTS_UNDER_WAY_MAX
    }

    pub(crate) fn append_begins(&self) {
        self.lock().appends_under_way += 1;
    }

    pub(crate) fn append_ends(&self) {
        self.lock().appends_under_way -= 1;
    }

    pub(crate) fn request_begins(&self, weight: usize) {
        self.lock().requests_under_way += weight;
    }

    pub(crate) fn request_ends(&self, weight: usize) {
        self.lock().requests_under_way -= weight;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, item: Item) {
        self.bytes += item.len();
        self.items.push_back(item);
    }

    fn has_room_for(&self, item: &Item) -> bool {
        self.items.len() < OUTBOX_FRAMES_MAX && self.bytes + item.len() <= OUTBOX_BYTES_MAX
    }

    fn drop_signals(&mut self) {
        self.items.retain(|item| !matches!(item, Item::Signal(_)));
        self.bytes = self.items.iter().map(Item::len).sum();
    }
}

impl Item {
    fn len(&self) -> usize {
        let (Self::Frame(bytes) | Self::Entry(bytes) | Self::Signal(bytes)) = self;
        bytes.len()
    }
}

/// Field numbers of frames.proto, for the one frame that is put together from encoded parts.
const SERVER_FRAME_DELIVER: u32 = 20;
const DELIVER_ENTRIES: u32 = 1;

/// Encodes an entry once for all connections: a field `entries` of a `Deliver`. Such fields one after the
/// other are a `Deliver` with all the entries.
pub(super) fn encode_entry(buffer: &mut BytesMut, entry: &LogEntry) -> Bytes {
    encoding::message::encode(DELIVER_ENTRIES, entry, buffer);
    buffer.split().freeze()
}

/// Puts entries that follow each other into one frame, up to a size.
fn coalesce(items: VecDeque<Item>) -> Vec<Bytes> {
    let mut frames = Vec::with_capacity(items.len().min(64));
    let mut entries: Vec<Bytes> = Vec::new();
    let mut entries_len = 0;
    for item in items {
        match item {
            Item::Entry(entry) => {
                if entries_len + entry.len() > DELIVER_FRAME_BYTES_MAX {
                    flush(&mut frames, &mut entries, &mut entries_len);
                }
                entries_len += entry.len();
                entries.push(entry);
            }
            Item::Frame(frame) | Item::Signal(frame) => {
                flush(&mut frames, &mut entries, &mut entries_len);
                frames.push(frame);
            }
        }
    }
    flush(&mut frames, &mut entries, &mut entries_len);
    frames
}

fn flush(frames: &mut Vec<Bytes>, entries: &mut Vec<Bytes>, entries_len: &mut usize) {
    if entries.is_empty() {
        return;
    }
    let mut frame = BytesMut::with_capacity(*entries_len + 16);
    encoding::encode_key(SERVER_FRAME_DELIVER, WireType::LengthDelimited, &mut frame);
    encoding::encode_varint(*entries_len as u64, &mut frame);
    for entry in entries.drain(..) {
        frame.put(entry);
    }
    *entries_len = 0;
    frames.push(frame.freeze());
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use subrosa_wire::frames::{Deliver, Pong, log_entry};

    use super::*;
    use crate::limits::LARGE_REQUEST_WEIGHT;

    fn entry(seq: u64, payload: usize) -> LogEntry {
        LogEntry {
            conversation_id: Bytes::from_static(&[7; 16]),
            seq,
            send_id: Bytes::from_static(&[8; 16]),
            accepted_at_ms: 9,
            payload: Some(log_entry::Payload::ApplicationMessage(vec![1; payload].into())),
            sender_device: Bytes::from_static(&[6; 16]),
            tag: Bytes::from_static(&[5; 16]),
        }
    }

    fn decode(drained: &Drained) -> Vec<ServerFrame> {
        drained
            .frames
            .iter()
            .map(|frame| ServerFrame::decode(frame.clone()).unwrap())
            .collect()
    }

    #[test]
    fn entries_that_wait_together_become_one_frame_as_the_proto_file_defines_it() {
        let outbox = Outbox::default();
        let mut buffer = BytesMut::new();
        for seq in 1..=3 {
            outbox.queue_entry(encode_entry(&mut buffer, &entry(seq, 300)));
        }
        let frames = decode(&outbox.try_drain().unwrap());
        let deliver = Deliver {
            entries: (1..=3).map(|seq| entry(seq, 300)).collect(),
        };
        assert_eq!(
            frames,
            [ServerFrame {
                request_id: 0,
                body: Some(Body::Deliver(deliver))
            }]
        );
        assert!(outbox.try_drain().is_none());
    }

    #[test]
    fn the_order_of_answers_and_entries_is_kept() {
        let outbox = Outbox::default();
        let mut buffer = BytesMut::new();
        outbox.queue_entry(encode_entry(&mut buffer, &entry(1, 1)));
        outbox.queue_answer(5, Body::Pong(Pong { server_time_ms: 1 }));
        outbox.queue_entry(encode_entry(&mut buffer, &entry(2, 1)));
        let frames = decode(&outbox.try_drain().unwrap());
        assert_eq!(
            frames.iter().map(|frame| frame.request_id).collect::<Vec<_>>(),
            [0, 5, 0]
        );
    }

    #[test]
    fn a_frame_of_entries_is_bounded() {
        let outbox = Outbox::default();
        let mut buffer = BytesMut::new();
        for seq in 1..=12 {
            outbox.queue_entry(encode_entry(
                &mut buffer,
                &entry(seq, DELIVER_FRAME_BYTES_MAX / 5),
            ));
        }
        let drained = outbox.try_drain().unwrap();
        assert_eq!(drained.frames.len(), 3);
        assert!(
            drained
                .frames
                .iter()
                .all(|frame| frame.len() <= DELIVER_FRAME_BYTES_MAX + 16)
        );
    }

    #[test]
    fn a_connection_that_falls_behind_is_closed_and_frees_its_queue() {
        let outbox = Outbox::default();
        let mut buffer = BytesMut::new();
        let encoded = encode_entry(&mut buffer, &entry(1, 1));
        for _ in 0..=OUTBOX_FRAMES_MAX {
            outbox.queue_entry(encoded.clone());
        }
        let drained = outbox.try_drain().unwrap();
        assert_eq!(
            (drained.frames.len(), drained.closing),
            (0, Some(Closing::FellBehind))
        );
        outbox.queue_entry(encoded);
        assert!(outbox.try_drain().unwrap().frames.is_empty());
    }

    #[test]
    fn pushes_that_can_be_fetched_are_bounded_as_entries_are() {
        let outbox = Outbox::default();
        let half = Bytes::from(vec![1; OUTBOX_BYTES_MAX / 2]);
        assert!(outbox.queue_push(half.clone()) && outbox.queue_push(half.clone()));
        assert!(!outbox.queue_push(half));
        let drained = outbox.try_drain().unwrap();
        assert_eq!(
            (drained.frames.len(), drained.closing),
            (0, Some(Closing::FellBehind))
        );
    }

    fn signals(outbox: &Outbox, count: usize) -> usize {
        (0..count)
            .filter(|_| outbox.queue_signal(Bytes::from_static(b"signal")))
            .count()
    }

    #[test]
    fn signals_are_dropped_where_much_waits_and_close_nothing() {
        let outbox = Outbox::default();
        assert_eq!(signals(&outbox, OUTBOX_FRAMES_MAX + 1), OUTBOX_FRAMES_SIGNALS_MAX);
        let drained = outbox.try_drain().unwrap();
        assert_eq!(
            (drained.frames.len(), drained.closing),
            (OUTBOX_FRAMES_SIGNALS_MAX, None)
        );
        outbox.queue_frame(Bytes::from(vec![1; OUTBOX_BYTES_SIGNALS_MAX]));
        assert_eq!(signals(&outbox, 1), 0);
        outbox.try_drain();
        outbox.close(Closing::Draining);
        assert_eq!(signals(&outbox, 1), 0);
    }

    #[test]
    fn signals_give_way_to_what_would_not_fit_beside_them() {
        let outbox = Outbox::default();
        assert_eq!(signals(&outbox, 3), 3);
        for _ in 0..OUTBOX_FRAMES_MAX {
            assert!(outbox.queue_push(Bytes::from_static(b"push")));
        }
        let drained = outbox.try_drain().unwrap();
        assert_eq!(drained.closing, None);
        assert_eq!(drained.frames.len(), OUTBOX_FRAMES_MAX);
        assert!(drained.frames.iter().all(|frame| frame == "push"));

        assert_eq!(signals(&outbox, 1), 1);
        assert!(outbox.queue_push(Bytes::from(vec![1; OUTBOX_BYTES_MAX])));
        assert_eq!(outbox.try_drain().unwrap().frames.len(), 1);
    }

    #[test]
    fn signals_and_entries_keep_their_order() {
        let outbox = Outbox::default();
        let mut buffer = BytesMut::new();
        signals(&outbox, 1);
        outbox.queue_entry(encode_entry(&mut buffer, &entry(1, 1)));
        signals(&outbox, 1);
        let frames = outbox.try_drain().unwrap().frames;
        assert_eq!(frames.len(), 3);
        assert!(frames[0] == "signal" && frames[2] == "signal");
    }

    #[test]
    fn too_many_requests_under_way_pause_the_connection() {
        let outbox = Outbox::default();
        assert!(outbox.has_room());
        for _ in 0..CONNECTION_REQUESTS_UNDER_WAY_MAX {
            outbox.request_begins(1);
        }
        assert!(!outbox.has_room());
        outbox.request_ends(1);
        assert!(outbox.has_room());
    }

    #[test]
    fn a_few_large_answers_under_way_pause_the_connection() {
        let outbox = Outbox::default();
        for _ in 0..CONNECTION_REQUESTS_UNDER_WAY_MAX / LARGE_REQUEST_WEIGHT {
            assert!(outbox.has_room());
            outbox.request_begins(LARGE_REQUEST_WEIGHT);
        }
        assert!(!outbox.has_room());
    }

    #[test]
    fn an_idle_outbox_is_small() {
        assert!(size_of::<Outbox>() <= 160, "{}", size_of::<Outbox>());
    }
}
