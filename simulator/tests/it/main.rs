//! The simulator as a client sees it: bytes on real sockets, and the tape without them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod answers;
mod background;
mod beside;
mod client;
mod faults;
mod keepalive;
mod lifecycle;
mod tape;
mod venues;
mod wires;
