//! The frames of RFC 6455, section 5: whole binary messages out, whatever a peer sends in.

use anyhow::{Result, bail};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message;

use crate::limits::FRAME_MAX;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// What a frame is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A message.
    Binary,
    /// The end.
    Close,
    /// To be answered by a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

/// A frame that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub opcode: Opcode,
    /// What it carries, unmasked.
    pub payload: Bytes,
}

/// Appends a message as a client sends it. The mask is all zeroes, which saves the generator work and the
/// server none: it unmasks all the same.
pub(crate) fn put_client_frame(out: &mut BytesMut, message: &impl Message) {
    put_header(out, MASKED, message.encoded_len());
    out.put_u32(0);
    put_payload(out, message);
}

/// Appends a message as a server sends it.
pub(crate) fn put_server_frame(out: &mut BytesMut, message: &impl Message) {
    put_header(out, 0, message.encoded_len());
    put_payload(out, message);
}

fn put_payload(out: &mut BytesMut, message: &impl Message) {
    out.reserve(message.encoded_len());
    message.encode_raw(out);
}

fn put_header(out: &mut BytesMut, masked: u8, len: usize) {
    out.put_u8(FINAL | 0x2);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ ..LENGTH_16), _) => out.put_u8(masked | short),
        (_, Ok(medium)) => {
            out.put_u8(masked | LENGTH_16);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(masked | LENGTH_64);
            out.put_u64(len as u64);
        }
    }
}

/// Takes the first frame off what has arrived; `None` if it is not complete yet. Fails at what no server of
/// this protocol sends.
pub fn take_frame(input: &mut BytesMut) -> Result<Option<Frame>> {
    let Some(&[first, second]) = input.first_chunk() else {
        return Ok(None);
    };
    if first & FINAL == 0 {
        bail!("the peer splits its messages, which no server of this protocol does");
    }
    let opcode = match first & 0x0f {
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xa => Opcode::Pong,
        other => bail!("the peer sent a frame with opcode {other}"),
    };
    let (len, mut header_len) = match second & !MASKED {
        LENGTH_16 => {
            let Some(&[_, _, a, b]) = input.first_chunk() else {
                return Ok(None);
            };
            (usize::from(u16::from_be_bytes([a, b])), 4)
        }
        LENGTH_64 => {
            let Some(&[_, _, ref len @ ..]) = input.first_chunk::<10>() else {
                return Ok(None);
            };
            (usize::try_from(u64::from_be_bytes(*len))?, 10)
        }
        short => (usize::from(short), 2),
    };
    if len > FRAME_MAX {
        bail!("the peer sent a frame of {len} bytes, at most {FRAME_MAX} are possible");
    }
    let masked = second & MASKED != 0;
    if masked {
        header_len += 4;
    }
    if input.len() < header_len + len {
        return Ok(None);
    }
    let mask = if masked {
        u32::from_be_bytes([
            input[header_len - 4],
            input[header_len - 3],
            input[header_len - 2],
            input[header_len - 1],
        ])
    } else {
        0
    };
    input.advance(header_len);
    let mut payload = input.split_to(len);
    if mask != 0 {
        for (byte, key) in payload.iter_mut().zip(mask.to_be_bytes().into_iter().cycle()) {
            *byte ^= key;
        }
    }
    Ok(Some(Frame {
        opcode,
        payload: payload.freeze(),
    }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use subrosa_wire::frames::{ClientFrame, Hello, ServerFrame, client_frame::Request};

    use super::*;

    fn hello(token_len: usize) -> ClientFrame {
        let hello = Hello {
            access_token: "x".repeat(token_len),
            ..Hello::default()
        };
        ClientFrame {
            request_id: 1,
            request: Some(Request::Hello(hello)),
        }
    }

    #[test]
    fn frames_of_every_length_come_out_as_they_went_in() {
        let mut stream = BytesMut::new();
        let lengths = [0, 1, 100, 120, 125, 126, 127, 1000, 65_500, 65_600, 200_000];
        for len in lengths {
            put_client_frame(&mut stream, &hello(len));
            put_server_frame(
                &mut stream,
                &ServerFrame {
                    request_id: len as u64 + 1,
                    body: None,
                },
            );
        }
        for len in lengths {
            let frame = take_frame(&mut stream).unwrap().unwrap();
            assert_eq!(ClientFrame::decode(frame.payload).unwrap(), hello(len));
            let frame = take_frame(&mut stream).unwrap().unwrap();
            assert_eq!(
                ServerFrame::decode(frame.payload).unwrap().request_id,
                len as u64 + 1
            );
        }
        assert!(stream.is_empty());
    }

    #[test]
    fn a_frame_that_has_not_arrived_completely_is_left_alone() {
        let mut whole = BytesMut::new();
        put_client_frame(&mut whole, &hello(1000));
        for len in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..len]);
            assert_eq!(take_frame(&mut part).unwrap(), None);
            assert_eq!(part.len(), len);
        }
    }

    /// The example of RFC 6455, section 5.7, with a binary opcode.
    #[test]
    fn a_mask_is_taken_off() {
        let mut stream =
            BytesMut::from([0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58].as_slice());
        assert_eq!(take_frame(&mut stream).unwrap().unwrap().payload, "Hello");
    }

    #[test]
    fn a_frame_of_absurd_length_is_refused_before_it_has_arrived() {
        let mut stream = BytesMut::from([0x82, 0x7f, 0, 0, 0xff, 0, 0, 0, 0, 0].as_slice());
        assert!(take_frame(&mut stream).is_err());
    }
}
