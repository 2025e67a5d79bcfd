//! Asks Binance USD-M for the open interest of perpetuals, which no stream tells.
//!
//! Each answer costs a weight of 1, of 2,400 a minute. What the contracts are worth takes their mark
//! price, so that it is asked right before.

use std::collections::VecDeque;
use std::time::Duration;

use market::{Payload, Timestamp};

use super::binance_usdm::UsdmDecoder;
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

pub(super) const REST_URL: &str = "https://fapi.binance.com";

const EVERY_SECS: u64 = 60;
/// How long the list of contracts serves.
const LIST_FOR: Duration = Duration::from_hours(6);
const PREMIUMS: &str = "/fapi/v1/premiumIndex";

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::new(BinanceOpenInterest {
        every: Duration::from_secs(config.poll_secs.unwrap_or(EVERY_SECS).max(1)),
        market: UsdmDecoder::new(config),
        listed_at: None,
        queue: VecDeque::new(),
        list: List::Known,
    })
}

struct BinanceOpenInterest {
    every: Duration,
    market: UsdmDecoder,
    /// The round in which the list of contracts was asked for last.
    listed_at: Option<Timestamp>,
    queue: VecDeque<String>,
    list: List,
}

/// How far this round is with the list of contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Known,
    Due,
    /// Its answer tells every mark too.
    Asked,
}

impl Decoder for BinanceOpenInterest {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        self.market.decode(payload, out)
    }
}

impl PollProtocol for BinanceOpenInterest {
    fn every(&self) -> Duration {
        self.every
    }

    fn begin(&mut self, now: Timestamp) {
        self.queue.clear();
        let is_old = self.listed_at.is_none_or(|at| now.since(at) >= LIST_FOR);
        if is_old || self.market.context.perpetuals().is_none() {
            self.listed_at = Some(now);
            self.list = List::Due;
            return;
        }
        self.list = List::Known;
        for symbol in self.market.context.perpetuals().into_iter().flatten() {
            self.queue.push_back(format!("{PREMIUMS}?symbol={symbol}"));
            self.queue.push_back(ask_for(symbol));
        }
    }

    fn next_ask(&mut self) -> Option<Ask> {
        match self.list {
            List::Due => {
                self.list = List::Asked;
                return Some(Ask::get(PREMIUMS));
            }
            List::Asked => {
                self.list = List::Known;
                let symbols = self.market.context.perpetuals().into_iter().flatten();
                self.queue = symbols.map(|symbol| ask_for(symbol)).collect();
            }
            List::Known => {}
        }
        self.queue.pop_front().map(Ask::get)
    }
}

fn ask_for(symbol: &str) -> String {
    format!("/fapi/v1/openInterest?symbol={symbol}")
}

#[cfg(test)]
mod tests;
