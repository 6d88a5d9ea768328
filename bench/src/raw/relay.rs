//! A relay that speaks the frames of the server and does nothing but relay: no storage, no checks, no limits.
//! What the same generator reaches with it is what connections and framing alone permit.
//!
//! Its devices are numbers: the access token is the number, and a conversation id begins with those of its two
//! devices, four bytes each.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use prost::Message as _;
use subrosa_client::ambient;
use subrosa_wire::{
    ConversationId,
    frames::{
        Acknowledged, Append, Appended, ClientFrame, Deliver, LogEntry, Ready, ServerFrame, append,
        client_frame::Request, log_entry, server_frame::Body,
    },
    limits::PROTOCOL_VERSION,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinSet,
};

use crate::{
    child::parent_is_done,
    limits::{CONTENT_BYTES, READ_BYTES},
    live::{Opcode, put_server_frame, take_frame},
    load::{Outbound, Participant},
    message::application_message,
};

/// What waits for one connection.
#[derive(Default)]
struct Outbox {
    waiting: RefCell<BytesMut>,
    wake: Notify,
}

/// All there is to know.
#[derive(Default)]
struct Relay {
    outboxes: RefCell<HashMap<u32, Rc<Outbox>>>,
    // One count for all logs: nobody looks at it.
    seq: Cell<u64>,
}

/// Devices of the relay: `devices` of them, each in conversations with `conversations` others.
pub(crate) fn participants(devices: u32, conversations: u32) -> Vec<Participant> {
    let mut participants: Vec<_> = (0..devices)
        .map(|device| Participant {
            access_token: device.to_string(),
            conversations: Vec::new(),
        })
        .collect();
    for device in 0..devices {
        for distance in 1..=conversations {
            let id = conversation_id(device, (device + distance) % devices);
            participants[device as usize].conversations.push(Outbound {
                conversation_id: id,
                last_send_number: 0,
                message: application_message(id, 1, CONTENT_BYTES, &mut ambient::SystemRandom),
            });
        }
    }
    participants
}

fn conversation_id(one: u32, other: u32) -> ConversationId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&one.to_be_bytes());
    id[4..8].copy_from_slice(&other.to_be_bytes());
    ConversationId::from_bytes(id)
}

/// Relays on a free port of this machine until standard input ends; `listening` is told the base address.
/// Must be called on a `LocalSet`.
pub(crate) async fn run(listening: impl Fn(&str)) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    listening(&format!("http://{}", listener.local_addr()?));
    tokio::select! {
        ended = relay(listener) => ended,
        done = parent_is_done() => done,
    }
}

/// Relays for ever. Must be called on a `LocalSet`.
pub(crate) async fn relay(listener: TcpListener) -> Result<()> {
    let relay = Rc::new(Relay::default());
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn_local(Rc::clone(&relay).connection(stream));
    }
}

impl Relay {
    async fn connection(self: Rc<Self>, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let stream = tokio_tungstenite::accept_async(stream).await?.into_inner();
        let (reader, writer) = stream.into_split();
        let outbox = Rc::new(Outbox::default());
        tokio::select! {
            ended = self.read(reader, &outbox) => ended,
            ended = write(writer, &outbox) => ended,
        }
    }

    async fn read(&self, mut reader: OwnedReadHalf, outbox: &Rc<Outbox>) -> Result<()> {
        let mut arrived = BytesMut::new();
        loop {
            while let Some(frame) = take_frame(&mut arrived)? {
                if frame.opcode == Opcode::Binary {
                    self.answer(ClientFrame::decode(frame.payload)?, outbox)?;
                }
            }
            arrived.reserve(READ_BYTES);
            if reader.read_buf(&mut arrived).await? == 0 {
                return Ok(());
            }
        }
    }

    fn answer(&self, frame: ClientFrame, outbox: &Rc<Outbox>) -> Result<()> {
        let body = match frame.request.context("a frame without a request")? {
            Request::Hello(hello) => {
                self.outboxes
                    .borrow_mut()
                    .insert(hello.access_token.parse()?, Rc::clone(outbox));
                Body::Ready(Ready {
                    protocol_version: PROTOCOL_VERSION,
                    ..Ready::default()
                })
            }
            Request::Append(append) => Body::Appended(self.relay(append, outbox)?),
            Request::Acknowledge(_) => Body::Acknowledged(Acknowledged {}),
            other => bail!("the relay does not know {other:?}"),
        };
        outbox.put(&ServerFrame {
            request_id: frame.request_id,
            body: Some(body),
        });
        Ok(())
    }

    fn relay(&self, append: Append, sender: &Rc<Outbox>) -> Result<Appended> {
        let seq = self.seq.get() + 1;
        self.seq.set(seq);
        let Some(append::Payload::ApplicationMessage(message)) = append.payload else {
            bail!("the relay takes application messages only");
        };
        let outboxes = self.outboxes.borrow();
        for device in members(&append.conversation_id)? {
            if let Some(outbox) = outboxes.get(&device)
                && !Rc::ptr_eq(outbox, sender)
            {
                let entry = LogEntry {
                    conversation_id: append.conversation_id.clone(),
                    seq,
                    send_id: append.send_id.clone(),
                    accepted_at_ms: 0,
                    payload: Some(log_entry::Payload::ApplicationMessage(message.clone())),
                    ..LogEntry::default()
                };
                outbox.put(&ServerFrame {
                    request_id: 0,
                    body: Some(Body::Deliver(Deliver { entries: vec![entry] })),
                });
            }
        }
        Ok(Appended {
            conversation_id: append.conversation_id,
            seq,
            epoch: 1,
            ..Appended::default()
        })
    }
}

impl Outbox {
    fn put(&self, frame: &ServerFrame) {
        put_server_frame(&mut self.waiting.borrow_mut(), frame);
        self.wake.notify_one();
    }
}

async fn write(mut writer: OwnedWriteHalf, outbox: &Outbox) -> Result<()> {
    loop {
        outbox.wake.notified().await;
        let mut waiting = outbox.waiting.take();
        writer.write_all_buf(&mut waiting).await?;
    }
}

fn members(conversation_id: &[u8]) -> Result<[u32; 2]> {
    let (Some(one), Some(other)) = (conversation_id.first_chunk(), conversation_id.get(4..8)) else {
        bail!("not a conversation id");
    };
    Ok([u32::from_be_bytes(*one), u32::from_be_bytes(other.try_into()?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_id_names_its_two_devices() {
        let id = conversation_id(7, 70_000);
        assert_eq!(members(id.as_bytes()).ok(), Some([7, 70_000]));
        assert!(members(&id.as_bytes()[..7]).is_err());
    }
}
