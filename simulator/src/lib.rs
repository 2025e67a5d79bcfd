//! Venues on 127.0.0.1 that speak the venues' own bytes.
//!
//! A seeded market ([`Scenario`]) liquidates positions; each venue's dialect tells of them as that
//! venue would (Binance one per symbol and second, Bybit in 500 ms batches, OKX a few per contract
//! and second); a server on one port sends that to whoever subscribes, with [`Faults`] on demand.
//! [`Tape`] is the same generator without the server.
//!
//! Beside them are sources where nobody is liquidated: spot prices, marks and funding, flows of funds,
//! shares, a chain of blocks. All of it is made up, follows the same prices, and is told as the real
//! source would tell it, on its sockets and in answer to its requests.
//!
//! This crate depends on no other crate of the workspace: a wire struct shared with the feeds would
//! make the same mistake on both ends, and pass.

mod blocks;
mod calendar;
mod chance;
mod contracts;
mod counters;
mod days;
mod equities;
mod error;
mod faults;
mod flows;
mod hawkes;
mod market;
mod new_york;
mod past;
mod rest;
mod rounds;
mod scenario;
mod scene;
mod server;
mod session;
mod spot;
mod tape;
mod throttle;
mod venue;
mod venues;
mod world;

pub use counters::{Counters, Counts};
pub use error::SimulatorError;
pub use faults::{Faults, FaultsError, Refusal, Silence};
pub use scenario::{After, Phase, Scenario, ScenarioError};
pub use server::{Running, SimulatorConfig, Tls, Tuning, start, start_with};
pub use tape::{Payload, SimFrame, Tape};
pub use venue::Venue;
