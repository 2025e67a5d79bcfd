//! Every feed there is: one row each, one file each.

#[cfg(test)]
mod answers;
mod binance_coinm;
mod binance_context;
mod binance_open_interest;
mod binance_spot;
mod binance_usdm;
mod bitbo;
mod bitcoin_node;
mod bitfinex;
mod bitget;
mod bitmex;
mod blank;
mod bybit_inverse;
mod bybit_linear;
mod bybit_spot;
mod bybit_tickers;
mod chain;
mod coinbase;
mod coinglass;
mod contract_state;
mod deribit;
mod farside;
mod flow_ledger;
mod flow_page;
mod gate;
mod htx;
mod kraken;
mod kraken_futures;
mod mempool_space;
mod okx;
mod paced;
mod recent;
mod sosovalue;
mod spot_pairs;
mod symbols;
mod tables;
#[cfg(test)]
mod testing;
pub(crate) mod wire;

// Shares and funds.
mod alpaca;
pub(crate) mod browser;
mod conditions;
mod finnhub;
#[cfg(test)]
mod hostile;
mod massive;
mod nasdaq;
pub(crate) mod prices;
mod single;
pub(crate) mod tickers;
mod yahoo;
mod yahoo_stream;

use market::Completeness;

pub(crate) use symbols::{is_dollar, is_plain};

use crate::config::FeedConfig;
use crate::protocol::{Decoder, PollProtocol, StreamProtocol};

/// One feed: what it is called, what it is worth, where it lives and how it is understood.
pub struct FeedRow {
    /// The name in `config.toml`, in recordings and in every table.
    pub id: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// How much of what happens at the venue the stream tells.
    pub completeness: Completeness,
    /// The venue's own WebSocket URL; empty where there is none.
    pub url: &'static str,
    /// The venue's own REST base URL; empty where REST is not used.
    pub rest_url: &'static str,
    /// What it follows where the user names nothing.
    pub follows: Follows,
    /// Environment variables that hold what it signs in with; all are needed.
    pub keys: &'static [&'static str],
    /// How it is listened to and understood.
    pub protocol: Protocol,
}

/// What a feed follows where the user names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Everything that the venue lists.
    Everything,
    /// The coins among the shipped entities.
    Coins,
    /// The listed companies and funds among the shipped entities.
    Equities,
}

/// How a feed is listened to; each makes the decoder for one run, replay or rebuild.
#[derive(Clone, Copy)]
pub enum Protocol {
    /// A WebSocket.
    Stream(fn(&FeedConfig) -> Box<dyn StreamProtocol>),
    /// HTTP requests, again and again.
    Poll(fn(&FeedConfig) -> Box<dyn PollProtocol>),
    /// Calls to the user's own Bitcoin node, again and again.
    Node(fn(&FeedConfig) -> Box<dyn PollProtocol>),
}

impl FeedRow {
    /// What understands the feed's frames.
    pub fn decoder(&self, config: &FeedConfig) -> Box<dyn Decoder> {
        match self.protocol {
            Protocol::Stream(make) => make(config),
            Protocol::Poll(make) | Protocol::Node(make) => make(config),
        }
    }

    /// Environment variables that it signs in with where they are set.
    pub fn optional_keys(&self) -> &'static [&'static str] {
        match self.protocol {
            Protocol::Node(_) => &["BITCOIN_RPC_USER", "BITCOIN_RPC_PASSWORD"],
            Protocol::Stream(_) | Protocol::Poll(_) => &[],
        }
    }

    /// The server it talks to: the WebSocket's, or the one that is asked.
    pub fn home(&self) -> &'static str {
        if self.url.is_empty() { self.rest_url } else { self.url }
    }
}

/// The only registry of feeds; help, docs, completion and config checks walk it.
pub const FEEDS: &[FeedRow] = &[
    FeedRow {
        id: "binance-usdm",
        about: "Binance USD-M futures: forced orders, at most one per symbol and second",
        completeness: Completeness::Sampled,
        url: binance_usdm::URL,
        rest_url: "",
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(binance_usdm::protocol),
    },
    FeedRow {
        id: "bybit-linear",
        about: "Bybit USDT and USDC contracts: every liquidation, twice a second",
        completeness: Completeness::Complete,
        url: bybit_linear::URL,
        rest_url: bybit_linear::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(bybit_linear::protocol),
    },
    FeedRow {
        id: "okx",
        about: "OKX swaps and futures: liquidations, at most one per contract and second",
        completeness: Completeness::Partial,
        url: okx::URL,
        rest_url: okx::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(okx::protocol),
    },
    // Shares and funds.
    FeedRow {
        id: "yahoo",
        about: "Yahoo charts: daily bars and last prices of shares, funds and bitcoin, every 5 minutes",
        completeness: Completeness::Latest,
        url: "",
        rest_url: yahoo::REST_URL,
        follows: Follows::Equities,
        keys: &[],
        protocol: Protocol::Poll(yahoo::protocol),
    },
    FeedRow {
        id: "yahoo-stream",
        about: "Yahoo streamer: last prices of up to 100 shares, funds and bitcoin, every few seconds",
        completeness: Completeness::Latest,
        url: yahoo_stream::URL,
        rest_url: "",
        follows: Follows::Equities,
        keys: &[],
        protocol: Protocol::Stream(yahoo_stream::protocol),
    },
    FeedRow {
        id: "finnhub",
        about: "Finnhub: trades of up to 50 US shares, with a key",
        completeness: Completeness::Latest,
        url: finnhub::URL,
        rest_url: "",
        follows: Follows::Equities,
        keys: &[finnhub::KEY],
        protocol: Protocol::Stream(finnhub::protocol),
    },
    FeedRow {
        id: "alpaca",
        about: "Alpaca: trades and minute bars of US shares on IEX, or of all with a paid key",
        completeness: Completeness::Latest,
        url: alpaca::URL,
        rest_url: "",
        follows: Follows::Equities,
        keys: &[alpaca::KEY_ID, alpaca::SECRET_KEY],
        protocol: Protocol::Stream(alpaca::protocol),
    },
    FeedRow {
        id: "massive",
        about: "Massive (once Polygon): trades and minute bars of US shares, with a key",
        completeness: Completeness::Latest,
        url: massive::URL,
        rest_url: "",
        follows: Follows::Equities,
        keys: &[massive::KEY],
        protocol: Protocol::Stream(massive::protocol),
    },
    FeedRow {
        id: "nasdaq",
        about: "Nasdaq: daily bars of US shares and funds, twice a day",
        completeness: Completeness::Latest,
        url: "",
        rest_url: nasdaq::REST_URL,
        follows: Follows::Equities,
        keys: &[],
        protocol: Protocol::Poll(nasdaq::protocol),
    },
    FeedRow {
        id: "binance-coinm",
        about: "Binance COIN-M futures: forced orders, at most one per symbol and second",
        completeness: Completeness::Sampled,
        url: binance_coinm::URL,
        rest_url: binance_coinm::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(binance_coinm::protocol),
    },
    FeedRow {
        id: "bybit-inverse",
        about: "Bybit inverse contracts: every liquidation, twice a second",
        completeness: Completeness::Complete,
        url: bybit_inverse::URL,
        rest_url: bybit_inverse::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(bybit_inverse::protocol),
    },
    FeedRow {
        id: "deribit",
        about: "Deribit perpetuals and futures: every trade that liquidated a side",
        completeness: Completeness::Complete,
        url: deribit::URL,
        rest_url: "",
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(deribit::protocol),
    },
    FeedRow {
        id: "kraken-futures",
        about: "Kraken Futures: every trade that liquidated a position",
        completeness: Completeness::Complete,
        url: kraken_futures::URL,
        rest_url: kraken_futures::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(kraken_futures::protocol),
    },
    FeedRow {
        id: "gate",
        about: "Gate USDT perpetuals: liquidations, at most one per contract and second",
        completeness: Completeness::Sampled,
        url: gate::URL,
        rest_url: gate::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(gate::protocol),
    },
    FeedRow {
        id: "htx",
        about: "HTX USDT-margined contracts: liquidation orders",
        completeness: Completeness::Partial,
        url: htx::LINEAR_URL,
        rest_url: "",
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(htx::linear),
    },
    FeedRow {
        id: "htx-coinm",
        about: "HTX coin-margined swaps: liquidation orders",
        completeness: Completeness::Partial,
        url: htx::COIN_MARGINED_URL,
        rest_url: htx::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(htx::coin_margined),
    },
    FeedRow {
        id: "bitget",
        about: "Bitget futures: the largest liquidation per symbol, side and second",
        completeness: Completeness::Sampled,
        url: bitget::URL,
        rest_url: "",
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(bitget::protocol),
    },
    FeedRow {
        id: "bitfinex",
        about: "Bitfinex derivatives: liquidated positions",
        completeness: Completeness::Partial,
        url: bitfinex::URL,
        rest_url: "",
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(bitfinex::protocol),
    },
    FeedRow {
        id: "bitmex",
        about: "BitMEX: every liquidation order that enters the book",
        completeness: Completeness::Complete,
        url: bitmex::URL,
        rest_url: bitmex::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(bitmex::protocol),
    },
    FeedRow {
        id: "bitcoin-node",
        about: "the user's own Bitcoin node: tip, difficulty, hash rate, mempool, fees",
        completeness: Completeness::Latest,
        url: "",
        rest_url: bitcoin_node::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Node(bitcoin_node::protocol),
    },
    FeedRow {
        id: "mempool-space",
        about: "mempool.space: the chain for those who run no node",
        completeness: Completeness::Latest,
        url: "",
        rest_url: mempool_space::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Poll(mempool_space::protocol),
    },
    // US spot fund flows: tables asked for a few times a day.
    FeedRow {
        id: "farside",
        about: "Farside: US spot fund flows by fund and day; Bitcoin, Ether, Solana",
        completeness: Completeness::Latest,
        url: "",
        rest_url: farside::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Poll(farside::protocol),
    },
    FeedRow {
        id: "bitbo",
        about: "Bitbo: US spot Bitcoin fund flows by fund and day",
        completeness: Completeness::Latest,
        url: "",
        rest_url: bitbo::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Poll(bitbo::protocol),
    },
    FeedRow {
        id: "sosovalue",
        about: "SoSoValue: US spot fund flows, daily totals; Bitcoin, Ether, Solana (free key)",
        completeness: Completeness::Latest,
        url: "",
        rest_url: sosovalue::REST_URL,
        follows: Follows::Everything,
        keys: &[sosovalue::KEY],
        protocol: Protocol::Poll(sosovalue::protocol),
    },
    FeedRow {
        id: "coinglass",
        about: "CoinGlass: US spot fund flows by fund and day; four coins (paid key)",
        completeness: Completeness::Latest,
        url: "",
        rest_url: coinglass::REST_URL,
        follows: Follows::Everything,
        keys: &[coinglass::KEY],
        protocol: Protocol::Poll(coinglass::protocol),
    },
    // Context and spot prices.
    FeedRow {
        id: "binance-context",
        about: "Binance USD-M perpetuals: mark price and funding, every three seconds",
        completeness: Completeness::Latest,
        url: binance_context::URL,
        rest_url: binance_context::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Stream(binance_context::protocol),
    },
    FeedRow {
        id: "binance-open-interest",
        about: "Binance USD-M perpetuals: open interest, asked every minute",
        completeness: Completeness::Latest,
        url: "",
        rest_url: binance_open_interest::REST_URL,
        follows: Follows::Everything,
        keys: &[],
        protocol: Protocol::Poll(binance_open_interest::protocol),
    },
    FeedRow {
        id: "binance-spot",
        about: "Binance spot: last prices of coins, once a second",
        completeness: Completeness::Latest,
        url: binance_spot::URL,
        rest_url: binance_spot::REST_URL,
        follows: Follows::Coins,
        keys: &[],
        protocol: Protocol::Stream(binance_spot::protocol),
    },
    FeedRow {
        id: "bybit-spot",
        about: "Bybit spot: last prices of coins",
        completeness: Completeness::Latest,
        url: bybit_spot::URL,
        rest_url: bybit_spot::REST_URL,
        follows: Follows::Coins,
        keys: &[],
        protocol: Protocol::Stream(bybit_spot::protocol),
    },
    FeedRow {
        id: "coinbase",
        about: "Coinbase spot: last prices of coins, every five seconds",
        completeness: Completeness::Latest,
        url: coinbase::URL,
        rest_url: coinbase::REST_URL,
        follows: Follows::Coins,
        keys: &[],
        protocol: Protocol::Stream(coinbase::protocol),
    },
    FeedRow {
        id: "kraken",
        about: "Kraken spot: last prices of coins, on every trade",
        completeness: Completeness::Latest,
        url: kraken::URL,
        rest_url: "",
        follows: Follows::Coins,
        keys: &[],
        protocol: Protocol::Stream(kraken::protocol),
    },
];

/// The feed called `name`.
pub fn find(name: &str) -> Option<&'static FeedRow> {
    FEEDS.iter().find(|row| row.id == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feed_is_found_by_its_own_name_and_no_other() {
        for row in FEEDS {
            assert_eq!(find(row.id).map(|found| found.about), Some(row.about));
            assert_eq!(FEEDS.iter().filter(|other| other.id == row.id).count(), 1, "{}", row.id);
        }
        assert!(find("binance").is_none() && find("").is_none());
    }

    #[test]
    fn a_feed_lives_at_its_venue_unless_told_otherwise() {
        for row in FEEDS {
            let Protocol::Stream(make) = row.protocol else { continue };
            let at_home = make(&FeedConfig::default());
            assert!(at_home.url().starts_with(row.url), "{}", row.id);
            let elsewhere =
                FeedConfig { url: Some("ws://127.0.0.1:9/x".to_owned()), ..FeedConfig::default() };
            assert!(make(&elsewhere).url().starts_with("ws://127.0.0.1:9/x"), "{}", row.id);
        }
    }

    /// Whose frames each test of the shared recording holds, by the beginning of its name.
    const SOURCES: [(&str, Option<&str>); 16] = [
        ("deribit", Some("deribit")),
        ("bitmex", Some("bitmex")),
        ("okex-futures", Some("okx")),
        ("okex-swap", Some("okx")),
        ("bitfinex derivatives", Some("bitfinex")),
        // A clone of Binance that has no feed here; its frames read alike.
        ("aster", Some("binance-usdm")),
        ("binance futures", Some("binance-usdm")),
        ("binance delivery", Some("binance-coinm")),
        ("cryptofacilities", Some("kraken-futures")),
        ("ftx", None),
        ("huobi-dm,", Some("htx")),
        ("huobi-dm-swap", Some("htx-coinm")),
        ("huobi-dm-linear-swap", Some("htx")),
        ("bybit", Some("bybit-linear")),
        ("bitget", Some("bitget")),
        ("lighter", None),
    ];

    #[test]
    #[expect(clippy::print_stderr, reason = "what is not supported must be said")]
    fn every_real_liquidation_of_a_venue_that_we_read_tells_its_side_alone() {
        let frames = testing::expected_frames().unwrap_or_default();
        let (mut told, mut unsupported) = (0, Vec::new());
        for (test, frame, sides) in &frames {
            let (_, feed) = SOURCES.into_iter().find(|(source, _)| test.starts_with(source)).expect(test);
            let Some(feed) = feed else {
                unsupported.push(test.as_str());
                continue;
            };
            let Some(Protocol::Stream(make)) = find(feed).map(|row| row.protocol) else {
                panic!("{feed} is no stream");
            };
            let (kind, events) = testing::decode(make(&FeedConfig::default()).as_mut(), frame);
            assert!(kind.is_ok(), "{test}: {kind:?}: {frame}");
            let mut found: Vec<&str> = events
                .iter()
                .filter_map(|stamped| stamped.observation.liquidation())
                .map(|liquidation| liquidation.position.as_str())
                .collect();
            let mut sides: Vec<&str> = sides.iter().map(String::as_str).collect();
            found.sort_unstable();
            sides.sort_unstable();
            assert_eq!(found, sides, "{test}: {frame}");
            told += 1;
        }
        if !frames.is_empty() {
            eprintln!("{told} frames tell their sides; not supported: {}", unsupported.join(", "));
            assert_eq!((told, unsupported.len()), (frames.len() - 3, 3));
        }
    }
}
