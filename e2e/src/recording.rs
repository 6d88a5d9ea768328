//! The bytes of a connection, and what is inside of them: a WebSocket masks what a client sends (RFC 6455,
//! section 5.3), so that a search in the raw bytes alone would find nothing.

/// Both directions of one TCP connection.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// From the client.
    pub to_server: Vec<u8>,
    /// From the server.
    pub to_client: Vec<u8>,
}

impl Recording {
    /// Whether this connection became a WebSocket.
    pub fn is_websocket(&self) -> bool {
        self.to_client.starts_with(b"HTTP/1.1 101 ")
    }

    /// The unmasked messages of the client, if it is a WebSocket.
    pub fn client_messages(&self) -> Vec<Vec<u8>> {
        if self.is_websocket() {
            messages(body(&self.to_server))
        } else {
            Vec::new()
        }
    }

    /// The messages of the server, if it is a WebSocket.
    pub fn server_messages(&self) -> Vec<Vec<u8>> {
        if self.is_websocket() {
            messages(body(&self.to_client))
        } else {
            Vec::new()
        }
    }
}

/// What follows the HTTP head.
fn body(stream: &[u8]) -> &[u8] {
    let end = stream.windows(4).position(|window| window == b"\r\n\r\n");
    end.map_or(&[], |end| &stream[end + 4..])
}

/// The messages of one direction of a WebSocket; what a cut has left unfinished is the last one.
fn messages(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut fragments = Vec::new();
    while let Some((frame, rest)) = Frame::read(stream) {
        stream = rest;
        if frame.is_control {
            messages.push(frame.payload);
            continue;
        }
        fragments.extend(frame.payload);
        if frame.is_last {
            messages.push(std::mem::take(&mut fragments));
        }
    }
    if !fragments.is_empty() {
        messages.push(fragments);
    }
    messages
}

/// One frame (RFC 6455, section 5.2).
struct Frame {
    is_last: bool,
    is_control: bool,
    payload: Vec<u8>,
}

impl Frame {
    fn read(stream: &[u8]) -> Option<(Self, &[u8])> {
        let (&[first, second], mut rest) = stream.split_first_chunk()?;
        let len = match second & 0x7f {
            126 => {
                let (len, after) = rest.split_first_chunk()?;
                rest = after;
                u64::from(u16::from_be_bytes(*len))
            }
            127 => {
                let (len, after) = rest.split_first_chunk()?;
                rest = after;
                u64::from_be_bytes(*len)
            }
            len => u64::from(len),
        };
        let mut mask = [0; 4];
        if second & 0x80 != 0 {
            let (found, after) = rest.split_first_chunk()?;
            mask = *found;
            rest = after;
        }
        // A cut connection ends in the middle of a frame: that part counts, too.
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
        let (payload, rest) = rest.split_at(len);
        let payload = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        Some((
            Self {
                is_last: first & 0x80 != 0,
                is_control: first & 0x08 != 0,
                payload,
            },
            rest,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_and_fragmented_messages_are_put_together() {
        let mut to_server = b"GET /v1/live HTTP/1.1\r\n\r\n".to_vec();
        // "Hello", masked: the example of RFC 6455, section 5.7.
        to_server.extend([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        let mut to_client = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
        // "Hel" and "lo" with a ping between them, and the first byte of a message that was cut.
        to_client.extend([
            0x01, 0x03, 0x48, 0x65, 0x6c, 0x89, 0x00, 0x80, 0x02, 0x6c, 0x6f, 0x82, 0x02, 0x21,
        ]);
        let recording = Recording { to_server, to_client };
        assert_eq!(recording.client_messages(), [b"Hello".to_vec()]);
        assert_eq!(
            recording.server_messages(),
            [b"".to_vec(), b"Hello".to_vec(), b"!".to_vec()]
        );
    }
}
