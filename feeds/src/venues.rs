//! Every feed there is: one row each, one file each.

mod binance_usdm;
mod bybit_linear;
mod okx;
mod symbols;
#[cfg(test)]
mod testing;
mod wire;

use market::Completeness;

use crate::config::FeedConfig;
use crate::protocol::StreamProtocol;

/// One feed: what it is called, what it is worth, where it lives and how it is understood.
pub struct FeedRow {
    /// The name in `config.toml`, in recordings and in every table.
    pub id: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// How much of what happens at the venue the stream tells.
    pub completeness: Completeness,
    /// The venue's own WebSocket URL.
    pub url: &'static str,
    /// The venue's own REST base URL; empty where REST is not used.
    pub rest_url: &'static str,
    /// Makes the decoder for one connection, replay or rebuild.
    pub protocol: fn(&FeedConfig) -> Box<dyn StreamProtocol>,
}

/// The only registry of feeds; help, docs, completion and config checks walk it.
pub const FEEDS: &[FeedRow] = &[
    FeedRow {
        id: "binance-usdm",
        about: "Binance USD-M futures: forced orders, at most one per symbol and second",
        completeness: Completeness::Sampled,
        url: binance_usdm::URL,
        rest_url: "",
        protocol: binance_usdm::protocol,
    },
    FeedRow {
        id: "bybit-linear",
        about: "Bybit USDT and USDC contracts: every liquidation, twice a second",
        completeness: Completeness::Complete,
        url: bybit_linear::URL,
        rest_url: bybit_linear::REST_URL,
        protocol: bybit_linear::protocol,
    },
    FeedRow {
        id: "okx",
        about: "OKX swaps and futures: liquidations, at most one per contract and second",
        completeness: Completeness::Partial,
        url: okx::URL,
        rest_url: okx::REST_URL,
        protocol: okx::protocol,
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
            assert_eq!((row.protocol)(&FeedConfig::default()).url(), row.url);
            let elsewhere =
                FeedConfig { url: Some("ws://127.0.0.1:9/x".to_owned()), ..FeedConfig::default() };
            assert_eq!((row.protocol)(&elsewhere).url(), "ws://127.0.0.1:9/x");
        }
    }
}
