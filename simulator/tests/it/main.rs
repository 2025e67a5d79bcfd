//! The simulator as a client sees it: bytes on real sockets, and the tape without them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod client;
mod faults;
mod lifecycle;
mod tape;
mod venues;
