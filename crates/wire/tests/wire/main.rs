//! What is sent keeps its bytes, and what is received may be anything.
//!
//! The snapshots next to these files are the protocol: a change in one of them breaks every client and
//! server in the field. Adding a line is fine, changing one is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod frames;
mod hostile;
mod password;
mod rest;
mod samples;
mod words;
