//! Polls Farside Investors' tables of US spot fund flows: Bitcoin, Ether and Solana, by fund and day.
//!
//! Figures are millions of US dollars with one decimal; `-` means not reported yet, and a day's row
//! appears around noon UTC with a total of 0.0 and nothing reported. No API and no licence to
//! redistribute: asked at most once an hour.

use std::time::Duration;

use crate::config::FeedConfig;
use crate::protocol::PollProtocol;

use super::flow_page::{FlowPages, Page, Site};

/// Where it lives.
pub(super) const REST_URL: &str = "https://farside.co.uk";

const SITE: Site = Site {
    pages: &[
        Page { asset: "BTC", path: "/bitcoin-etf-flow-all-data/" },
        Page { asset: "ETH", path: "/ethereum-etf-flow-all-data/" },
        Page { asset: "SOL", path: "/sol/" },
    ],
    every: Duration::from_hours(1),
    least_every: Duration::from_hours(1),
    spacing: Duration::from_secs(5),
};

/// Its protocol.
pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::new(FlowPages::new(SITE, config))
}

#[cfg(test)]
mod tests;
