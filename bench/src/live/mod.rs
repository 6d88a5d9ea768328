//! Connections that cost the generator little: the WebSocket handshake by a library, then frames by hand, as
//! many in one read or write as there are.

mod connection;
mod session;
pub mod websocket;

pub(crate) use connection::{Connection, Endpoint, Reader, Writer, refusal};
pub(crate) use session::Session;
pub(crate) use websocket::{Opcode, put_server_frame, take_frame};
