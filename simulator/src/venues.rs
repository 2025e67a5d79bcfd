//! The table of venues: a row and a file of its own is all that a simulated venue costs.

mod binance_usdm;
mod bybit_linear;
mod okx;

use crate::contracts::{Contract, Delivery};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::session::{Caller, Session};
use crate::tape::Dialect;

/// One venue: what it lists, how it tells of what happens there, and what it answers.
///
/// Every path below is the venue's own. One port serves them all: the first row that knows a path has
/// it. Under `/{id}` in front of the path only that venue is asked, whoever else has the same path.
pub(crate) struct VenueRow {
    /// The name of the product's feed.
    pub(crate) id: &'static str,
    /// How many of the market's liquidations happen here.
    pub(crate) share: Share,
    /// What is traded here, given the next delivery day.
    pub(crate) lists: fn(Delivery) -> Vec<Contract>,
    /// Makes the part that turns what happens into frames, for one run of the market.
    pub(crate) dialect: fn(&Market) -> Box<dyn Dialect>,
    /// Where clients connect; `None` for a venue that is only polled.
    pub(crate) socket: Option<Socket>,
    /// Answers a REST request; `None` when the path (or the method) is none of this venue's.
    pub(crate) answer: fn(&Request<'_>, &Market) -> Option<Answer>,
    /// Paths and queries whose answers a tape begins with, so that a recording explains itself.
    pub(crate) references: &'static [&'static str],
}

/// The `WebSocket` half of a venue.
pub(crate) struct Socket {
    /// Whether a path is one to connect to.
    pub(crate) serves: fn(&str) -> bool,
    /// Begins the conversation with a client.
    pub(crate) session: fn(Caller<'_>) -> Box<dyn Session>,
}

/// A venue's part of the market's liquidations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Share {
    /// One of the large venues that a scenario's rates speak of: its contracts' weights decide.
    Large,
    /// Liquidations here for each one on the large venues together.
    Beside(f64),
}

/// Every simulated venue, in the order in which simultaneous frames are told. New rows go to the end.
pub(crate) const VENUES: &[VenueRow] = &[
    VenueRow {
        id: binance_usdm::ID,
        share: Share::Large,
        lists: binance_usdm::lists,
        dialect: binance_usdm::dialect,
        socket: Some(Socket { serves: binance_usdm::serves, session: binance_usdm::session }),
        answer: |_, _| None,
        references: &[],
    },
    VenueRow {
        id: bybit_linear::ID,
        share: Share::Large,
        lists: bybit_linear::lists,
        dialect: bybit_linear::dialect,
        socket: Some(Socket { serves: |path| path == "/v5/public/linear", session: bybit_linear::session }),
        answer: bybit_linear::answer,
        references: &["/v5/market/instruments-info?category=linear&limit=1000"],
    },
    VenueRow {
        id: okx::ID,
        share: Share::Large,
        lists: okx::lists,
        dialect: okx::dialect,
        socket: Some(Socket { serves: |path| path == "/ws/v5/public", session: okx::session }),
        answer: okx::answer,
        references: &[
            "/api/v5/public/instruments?instType=SWAP",
            "/api/v5/public/instruments?instType=FUTURES",
        ],
    },
];
