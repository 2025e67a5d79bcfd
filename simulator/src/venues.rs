//! The table of venues: a row and a file of its own is all that a simulated venue costs.

mod alpaca;
mod binance_coinm;
mod binance_context;
mod binance_spot;
mod binance_usdm;
mod bitbo;
mod bitcoin_node;
mod bitfinex;
mod bitget;
mod bitmex;
mod bybit_inverse;
mod bybit_linear;
mod bybit_spot;
mod bybit_tickers;
mod coinbase;
mod coinglass;
mod contract_tickers;
mod deribit;
mod farside;
mod finnhub;
mod gate;
mod htx;
mod htx_coinm;
mod kraken;
mod kraken_futures;
mod massive;
mod mempool_space;
mod nasdaq;
mod okx;
mod okx_context;
#[cfg(test)]
mod sides;
mod sosovalue;
mod trades;
mod yahoo;
mod yahoo_stream;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::calendar::Delivery;
use crate::contracts::Contract;
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
    pub(crate) session: fn(&mut Caller<'_>) -> Box<dyn Session>,
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
    VenueRow {
        id: binance_coinm::ID,
        share: Share::Beside(0.04),
        lists: binance_coinm::lists,
        dialect: binance_coinm::dialect,
        socket: Some(Socket { serves: binance_coinm::serves, session: binance_coinm::session }),
        answer: binance_coinm::answer,
        references: &["/dapi/v1/exchangeInfo"],
    },
    VenueRow {
        id: bybit_inverse::ID,
        share: Share::Beside(0.03),
        lists: bybit_inverse::lists,
        dialect: bybit_inverse::dialect,
        socket: Some(Socket { serves: |path| path == "/v5/public/inverse", session: bybit_inverse::session }),
        answer: bybit_linear::answer,
        references: &["/v5/market/instruments-info?category=inverse&limit=1000"],
    },
    VenueRow {
        id: bitmex::ID,
        share: Share::Beside(0.03),
        lists: bitmex::lists,
        dialect: bitmex::dialect,
        socket: Some(Socket { serves: |path| path == "/realtime", session: bitmex::session }),
        answer: bitmex::answer,
        references: &["/api/v1/instrument/active"],
    },
    VenueRow {
        id: deribit::ID,
        share: Share::Beside(0.02),
        lists: deribit::lists,
        dialect: deribit::dialect,
        socket: Some(Socket { serves: |path| path == "/ws/api/v2", session: deribit::session }),
        answer: deribit::answer,
        references: &["/api/v2/public/get_instruments?currency=any&kind=future"],
    },
    VenueRow {
        id: kraken_futures::ID,
        share: Share::Beside(0.03),
        lists: kraken_futures::lists,
        dialect: kraken_futures::dialect,
        socket: Some(Socket { serves: |path| path == "/ws/v1", session: kraken_futures::session }),
        answer: kraken_futures::answer,
        references: &["/derivatives/api/v3/instruments"],
    },
    VenueRow {
        id: gate::ID,
        share: Share::Beside(0.10),
        lists: gate::lists,
        dialect: gate::dialect,
        socket: Some(Socket { serves: |path| path == "/v4/ws/usdt", session: gate::session }),
        answer: gate::answer,
        references: &["/api/v4/futures/usdt/contracts"],
    },
    VenueRow {
        id: htx::ID,
        share: Share::Beside(0.06),
        lists: htx::lists,
        dialect: htx::dialect,
        socket: Some(Socket { serves: |path| path == "/linear-swap-notification", session: htx::session }),
        answer: htx::answer,
        references: &["/linear-swap-api/v1/swap_contract_info"],
    },
    VenueRow {
        id: bitget::ID,
        share: Share::Beside(0.08),
        lists: bitget::lists,
        dialect: bitget::dialect,
        socket: Some(Socket { serves: |path| path == "/v3/ws/public", session: bitget::session }),
        answer: |_, _| None,
        references: &[],
    },
    VenueRow {
        id: bitfinex::ID,
        share: Share::Beside(0.02),
        lists: bitfinex::lists,
        dialect: bitfinex::dialect,
        socket: Some(Socket { serves: |path| path == "/ws/2", session: bitfinex::session }),
        answer: |_, _| None,
        references: &[],
    },
    VenueRow {
        id: htx_coinm::ID,
        share: Share::Beside(0.01),
        lists: htx_coinm::lists,
        dialect: htx_coinm::dialect,
        socket: Some(Socket { serves: |path| path == "/swap-notification", session: htx_coinm::session }),
        answer: htx_coinm::answer,
        references: &["/swap-api/v1/swap_contract_info"],
    },
    // What liquidates nobody: prices, funding and open interest.
    VenueRow {
        dialect: binance_context::dialect,
        socket: Some(Socket { serves: binance_context::serves, session: binance_context::session }),
        answer: binance_context::answer,
        references: &["/fapi/v1/fundingInfo", "/fapi/v1/premiumIndex"],
        ..background(binance_context::ID)
    },
    VenueRow {
        dialect: binance_context::polls,
        answer: binance_context::answer,
        references: &["/fapi/v1/premiumIndex"],
        ..background(binance_context::OPEN_INTEREST_ID)
    },
    VenueRow {
        dialect: binance_spot::dialect,
        socket: Some(Socket { serves: binance_spot::serves, session: binance_spot::session }),
        answer: binance_spot::answer,
        references: &["/api/v3/exchangeInfo"],
        ..background(binance_spot::ID)
    },
    VenueRow {
        dialect: bybit_spot::dialect,
        socket: Some(Socket { serves: |path| path == "/v5/public/spot", session: bybit_spot::session }),
        answer: bybit_spot::answer,
        references: &["/v5/market/instruments-info?category=spot&limit=1000"],
        ..background(bybit_spot::ID)
    },
    VenueRow {
        dialect: coinbase::dialect,
        socket: Some(Socket { serves: coinbase::serves, session: coinbase::session }),
        answer: coinbase::answer,
        references: &["/api/v3/brokerage/market/products"],
        ..background(coinbase::ID)
    },
    VenueRow {
        dialect: kraken::dialect,
        socket: Some(Socket { serves: |path| path == "/v2", session: kraken::session }),
        ..background(kraken::ID)
    },
    // Flows of funds.
    VenueRow { dialect: farside::dialect, answer: farside::answer, ..background(farside::ID) },
    VenueRow { dialect: bitbo::dialect, answer: bitbo::answer, ..background(bitbo::ID) },
    VenueRow { dialect: sosovalue::dialect, answer: sosovalue::answer, ..background(sosovalue::ID) },
    VenueRow { dialect: coinglass::dialect, answer: coinglass::answer, ..background(coinglass::ID) },
    // Shares.
    VenueRow { dialect: yahoo::dialect, answer: yahoo::answer, ..background(yahoo::ID) },
    VenueRow {
        dialect: yahoo_stream::dialect,
        socket: Some(Socket { serves: yahoo_stream::serves, session: yahoo_stream::session }),
        ..background(yahoo_stream::ID)
    },
    VenueRow {
        dialect: finnhub::dialect,
        socket: Some(Socket { serves: finnhub::serves, session: finnhub::session }),
        ..background(finnhub::ID)
    },
    VenueRow {
        dialect: alpaca::dialect,
        socket: Some(Socket { serves: alpaca::serves, session: alpaca::session }),
        ..background(alpaca::ID)
    },
    VenueRow {
        dialect: massive::dialect,
        socket: Some(Socket { serves: |path| path == "/stocks", session: massive::session }),
        ..background(massive::ID)
    },
    VenueRow { dialect: nasdaq::dialect, answer: nasdaq::answer, ..background(nasdaq::ID) },
    // The chain. A node answers at the root of its port.
    VenueRow { dialect: bitcoin_node::dialect, answer: bitcoin_node::answer, ..background(bitcoin_node::ID) },
    VenueRow {
        dialect: mempool_space::dialect,
        answer: mempool_space::answer,
        ..background(mempool_space::ID)
    },
];

/// A row where nothing is liquidated.
const fn background(id: &'static str) -> VenueRow {
    VenueRow {
        id,
        share: Share::Beside(0.0),
        lists: |_| Vec::new(),
        dialect: |_| Box::new(()),
        socket: None,
        answer: |_, _| None,
        references: &[],
    }
}

/// A random identifier in the form of a version 4 UUID.
fn uuid(rng: &mut ChaCha8Rng) -> String {
    let bits = (rng.random::<u128>() & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
