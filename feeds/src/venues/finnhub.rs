//! Decodes Finnhub's trades of US shares.
//!
//! The key is part of the URL, which is why no URL's query is ever shown. Finnhub acknowledges nothing:
//! what was asked for counts as subscribed, and a refusal comes later, as an error message.

use std::fmt::Write;
use std::time::Duration;

use market::{Observation, Payload};
use serde::Deserialize;

use super::prices::last;
use super::tickers::{Pace, Tickers};
use super::wire::{Scalar, all_or_nothing, parse, price, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://ws.finnhub.io/";
pub(super) const KEY: &str = "FINNHUB_API_KEY";

/// Symbols that a free key may follow; one more and Finnhub refuses.
const MOST: usize = 50;
const PING_EVERY: Duration = Duration::from_secs(20);
/// Finnhub allows one connection for each key, so that none is replaced before it ends.
const ROTATE_AFTER: Duration = Duration::MAX;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let mut url = config.url.clone().unwrap_or_else(|| URL.to_owned());
    if let Some(key) = config.keys.get(KEY) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str("token=");
        url.push_str(&percent_encoded(key));
    }
    Box::new(Finnhub {
        url,
        tickers: Tickers::new(&config.instruments, &[], Some(MOST)),
        pace: Pace::default(),
        has_asked: false,
    })
}

struct Finnhub {
    /// With the key.
    url: String,
    tickers: Tickers,
    pace: Pace,
    has_asked: bool,
}

impl StreamProtocol for Finnhub {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.has_asked = false;
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    fn subscribe(&mut self) -> Vec<String> {
        self.tickers.report("finnhub");
        self.has_asked = true;
        let ask = |symbol| serde_json::json!({ "type": "subscribe", "symbol": symbol }).to_string();
        self.tickers.followed().iter().map(ask).collect()
    }

    fn is_subscribed(&self) -> bool {
        self.has_asked
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Ping { every: PING_EVERY }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    data: Vec<Trade<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
}

/// One trade, with its conditions left aside: Finnhub's codes for them are its own.
#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow, rename = "s")]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow, rename = "p")]
    price: Option<Scalar<'a>>,
    /// When, milliseconds.
    #[serde(borrow, rename = "t")]
    time: Option<Scalar<'a>>,
}

impl Decoder for Finnhub {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        // A frame of news has other things in `data`.
        let Kind { kind } = parse(text)?;
        let kind = kind.ok_or(DecodeError::Unknown)?;
        match kind.as_text().as_ref() {
            "trade" => {
                let frame: Frame<'_> = parse(text)?;
                all_or_nothing(out, |out| frame.data.iter().try_for_each(|trade| self.take(trade, out)))?;
                Ok(FrameKind::Data("trade"))
            }
            "ping" => Ok(FrameKind::Keepalive),
            "news" => Ok(FrameKind::Ignored("news")),
            "error" => {
                let frame: Frame<'_> = parse(text)?;
                let words = frame.msg.as_ref().map(Scalar::as_text).unwrap_or_default();
                Ok(FrameKind::Refused(words.into_owned()))
            }
            other => Err(wrong("type", other, "not a known kind of message")),
        }
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
}

impl Finnhub {
    fn take(&mut self, trade: &Trade<'_>, out: &mut Vec<Stamped>) -> Result<(), DecodeError> {
        let (symbol, is_wanted) =
            self.tickers.look_up("s", &required("s", trade.symbol.as_ref())?.as_text())?;
        let at = required("t", trade.time.as_ref())?.millis("t")?;
        let price = price("p", trade.price.as_ref())?;
        if is_wanted && self.pace.is_due(&symbol, at) {
            out.push(Stamped::news(at, Observation::Quote(last(symbol, price))));
        }
        Ok(())
    }
}

/// `text` as it may stand in a query.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
