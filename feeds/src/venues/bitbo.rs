//! Polls Bitbo's table of US spot Bitcoin fund flows, by fund and day: a second look beside Farside.
//!
//! Figures are millions of US dollars, days are written `Feb 04, 2026`, outflows with a plain minus.

use std::time::Duration;

use crate::config::FeedConfig;
use crate::protocol::PollProtocol;

use super::flow_page::{FlowPages, Page, Site};

/// Where it lives.
pub(super) const REST_URL: &str = "https://bitbo.io";

const SITE: Site = Site {
    pages: &[Page { asset: "BTC", path: "/treasuries/etf-flows/" }],
    every: Duration::from_hours(1),
    least_every: Duration::from_mins(30),
    spacing: Duration::from_secs(5),
};

/// Its protocol.
pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::new(FlowPages::new(SITE, config))
}

#[cfg(test)]
mod tests;
