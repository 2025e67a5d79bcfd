//! Follows mark prices and funding of Binance USD-M perpetuals, on a connection of its own.
//!
//! The venue sends each contract's mark every three seconds. Which contracts there are, and how many
//! hours lie between two payments, is asked over REST first.

use std::time::Duration;

use market::Payload;

use super::binance_usdm::UsdmDecoder;
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

/// Only the `/market` class carries mark prices since April 2026.
pub(super) const URL: &str = "wss://fstream.binance.com/market/stream";
pub(super) const REST_URL: &str = "https://fapi.binance.com";

/// All marks in one message; for those who follow everything.
const EVERY_MARK: &str = "!markPrice@arr";
/// Binance ends every connection after 24 hours.
const ROTATE_AFTER: Duration = Duration::from_hours(23);
/// Binance allows ten messages a second, pings included.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(BinanceContext {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        market: UsdmDecoder::new(config),
        missing: Answer::ALL.to_vec(),
        subscription: Subscription::NotAsked,
    })
}

struct BinanceContext {
    url: String,
    rest_url: String,
    market: UsdmDecoder,
    /// What is still to be asked over REST, in this order.
    missing: Vec<Answer>,
    subscription: Subscription,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Intervals,
    Premiums,
}

impl Answer {
    const ALL: [Self; 2] = [Self::Intervals, Self::Premiums];

    fn path(self) -> &'static str {
        match self {
            Self::Intervals => "/fapi/v1/fundingInfo",
            Self::Premiums => "/fapi/v1/premiumIndex",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Intervals => "funding intervals",
            Self::Premiums => "premium index",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subscription {
    NotAsked,
    /// Nothing that is wanted is listed.
    NothingToAsk,
    Asked,
    /// A mark came.
    Heard,
}

impl Decoder for BinanceContext {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let kind = self.market.decode(payload, out)?;
        if let FrameKind::Reference(label) = kind {
            self.missing.retain(|answer| answer.label() != label);
        }
        if matches!(kind, FrameKind::Data(_)) && self.subscription == Subscription::Asked {
            self.subscription = Subscription::Heard;
        }
        Ok(kind)
    }
}

impl StreamProtocol for BinanceContext {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.market.is_subscribed = false;
        self.subscription = Subscription::NotAsked;
    }

    fn next_request(&mut self) -> Option<String> {
        self.missing.first().map(|answer| format!("{}{}", self.rest_url, answer.path()))
    }

    fn forget_references(&mut self) {
        self.missing = Answer::ALL.to_vec();
    }

    fn subscribe(&mut self) -> Vec<String> {
        let context = &self.market.context;
        let streams: Vec<String> = match context.wanted() {
            Instruments::All => vec![EVERY_MARK.to_owned()],
            Instruments::Assets(_) => context
                .perpetuals()
                .into_iter()
                .flatten()
                .map(|symbol| format!("{}@markPrice", symbol.to_lowercase()))
                .collect(),
        };
        if streams.is_empty() {
            self.subscription = Subscription::NothingToAsk;
            return Vec::new();
        }
        self.subscription = Subscription::Asked;
        vec![serde_json::json!({ "method": "SUBSCRIBE", "params": streams, "id": 1 }).to_string()]
    }

    fn is_subscribed(&self) -> bool {
        match self.subscription {
            Subscription::NotAsked => false,
            Subscription::NothingToAsk | Subscription::Heard => true,
            Subscription::Asked => self.market.is_subscribed,
        }
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Ping { every: PING_EVERY }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

#[cfg(test)]
mod tests;
