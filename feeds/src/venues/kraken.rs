//! Decodes Kraken's spot prices (WebSocket v2's `ticker`).
//!
//! A ticker comes on every trade, whole. Which pairs there are the same socket tells first, under the
//! names that tickers use: `BTC/USD`, where Kraken's older interfaces say `XBT/USD`. Source: Kraken's
//! WebSocket v2 documentation, 2026.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use market::{Observation, Payload, Quote, QuoteKind, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::blank::{maybe_price, maybe_quantity};
use super::paced::Paced;
use super::spot_pairs::{DOLLARS_FIRST, Pair, SpotPairs};
use super::symbols::common_name;
use super::wire::{Nested, Scalar, all_or_nothing, parse, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://ws.kraken.com/v2";

const TICKER: &str = "ticker";
const INSTRUMENT: &str = "instrument";
/// Pairs in one message.
const BATCH: usize = 100;
/// Kraken does not end healthy connections; the list of pairs grows old.
const ROTATE_AFTER: Duration = Duration::from_hours(12);
/// Kraken cuts connections that are quiet for a minute.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Kraken {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        pairs: SpotPairs::new(config.instruments.clone(), DOLLARS_FIRST),
        unacknowledged: None,
        outgoing: Vec::new(),
        unserved: BTreeSet::new(),
        paced: Paced::default(),
    })
}

struct Kraken {
    url: String,
    pairs: SpotPairs,
    /// Pairs that were asked for; `None` before the venue listed them on this connection.
    unacknowledged: Option<BTreeSet<SmolStr>>,
    outgoing: Vec<String>,
    /// Pairs that the venue lists and does not serve.
    unserved: BTreeSet<SmolStr>,
    paced: Paced,
}

impl Decoder for Kraken {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let frame: Frame<'_> = parse(text(payload)?)?;
        if let Some(method) = &frame.method {
            return self.take_answer(&method.as_text(), &frame);
        }
        let Some(channel) = &frame.channel else {
            return Err(DecodeError::Unknown);
        };
        match channel.as_text().as_ref() {
            TICKER => self.take_tickers(&frame, out),
            INSTRUMENT => self.take_instruments(&frame),
            "heartbeat" => Ok(FrameKind::Keepalive),
            other => label(other)
                .map(FrameKind::Ignored)
                .ok_or_else(|| wrong("channel", other, "not a known channel")),
        }
    }
}

impl StreamProtocol for Kraken {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.unacknowledged = None;
        self.outgoing.clear();
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {
        self.unserved.clear();
    }

    /// The tickers are asked for once their pairs are known.
    fn subscribe(&mut self) -> Vec<String> {
        let params = serde_json::json!({ "channel": INSTRUMENT, "snapshot": true });
        vec![serde_json::json!({ "method": "subscribe", "params": params }).to_string()]
    }

    fn outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outgoing)
    }

    fn is_subscribed(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(BTreeSet::is_empty)
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Text { every: PING_EVERY, message: r#"{"method":"ping"}"#.to_owned() }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
    /// Left as it is until the channel is known.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// Answers.
    #[serde(borrow)]
    method: Option<Scalar<'a>>,
    success: Option<bool>,
    #[serde(borrow)]
    error: Option<Scalar<'a>>,
    #[serde(borrow)]
    result: Option<Nested<Answer<'a>>>,
    /// Of what was refused.
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    last: Option<Scalar<'a>>,
    #[serde(borrow)]
    bid: Option<Scalar<'a>>,
    #[serde(borrow)]
    ask: Option<Scalar<'a>>,
    /// Base units traded in 24 hours.
    #[serde(borrow)]
    volume: Option<Scalar<'a>>,
    /// RFC 3339; sent since 2025.
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow, default)]
    pairs: Vec<Nested<Row<'a>>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    base: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
}

impl Kraken {
    fn take_tickers(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let tickers: Vec<Ticker<'_>> = parse(frame.raw_data()?)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| {
            let mut kind = FrameKind::Ignored("ticker without a time");
            for ticker in &tickers {
                let symbol = required("symbol", ticker.symbol.as_ref())?.as_text();
                let name = self.pairs.name("symbol", &symbol, read_symbol)?;
                let Some(timestamp) = ticker.timestamp.as_ref().map(Scalar::as_text) else { continue };
                let at = Timestamp::from_str(&timestamp)
                    .map_err(|_| wrong("timestamp", &timestamp, "not an RFC 3339 time"))?;
                kind = FrameKind::Data("ticker");
                let price = maybe_price("last", ticker.last.as_ref())?;
                let bid = maybe_price("bid", ticker.bid.as_ref())?;
                let ask = maybe_price("ask", ticker.ask.as_ref())?;
                let volume = maybe_quantity("volume", ticker.volume.as_ref())?;
                if let (Some(symbol), Some(price)) = (name, price) {
                    let quote = Quote {
                        symbol,
                        kind: QuoteKind::Last,
                        price,
                        bid,
                        ask,
                        previous_close: None,
                        volume,
                    };
                    out.push(Stamped::news(at, Observation::Quote(quote)));
                }
            }
            Ok(kind)
        })?;
        self.paced.sift(out, before);
        Ok(kind)
    }

    fn take_instruments(&mut self, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        if frame.kind.as_ref().is_none_or(|kind| kind.as_text() != "snapshot") {
            // What changes serves the next connection, which lists everything anew.
            return Ok(FrameKind::Ignored("instrument change"));
        }
        let listing: Listing<'_> = parse(frame.raw_data()?)?;
        if listing.pairs.is_empty() {
            return Err(wrong("pairs", "[]", "no pairs"));
        }
        self.pairs.replace(listing.pairs.iter().filter_map(Row::pair));
        let mut chosen = self.pairs.chosen();
        chosen.retain(|symbol| !self.unserved.contains(symbol));
        self.outgoing = chosen.chunks(BATCH).map(ask).collect();
        self.unacknowledged = Some(chosen.into_iter().collect());
        Ok(FrameKind::Reference("pairs"))
    }

    fn take_answer(&mut self, method: &str, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        match (method, frame.success) {
            ("pong", _) => Ok(FrameKind::Keepalive),
            ("subscribe", Some(true)) => {
                if let Some(Nested::Object(answer)) = &frame.result
                    && answer.channel.as_ref().is_some_and(|channel| channel.as_text() == TICKER)
                    && let (Some(symbol), Some(left)) = (&answer.symbol, &mut self.unacknowledged)
                {
                    left.remove(symbol.as_text().as_ref());
                }
                Ok(FrameKind::Ack)
            }
            ("subscribe", _) => {
                let symbol = frame.symbol.as_ref().map(Scalar::as_text).unwrap_or_default();
                if self.unacknowledged.as_ref().is_some_and(|left| left.contains(symbol.as_ref())) {
                    self.unserved.insert(SmolStr::new(&symbol));
                }
                let words = frame.error.as_ref().map(Scalar::as_text).unwrap_or_default();
                Ok(FrameKind::Refused(words.into_owned()))
            }
            ("unsubscribe", _) => Ok(FrameKind::Ignored("unsubscribe")),
            (other, _) => Err(wrong("method", other, "not a known method")),
        }
    }
}

fn ask(symbols: &[SmolStr]) -> String {
    let symbols: Vec<&str> = symbols.iter().map(SmolStr::as_str).collect();
    let params = serde_json::json!({ "channel": TICKER, "symbol": symbols });
    serde_json::json!({ "method": "subscribe", "params": params }).to_string()
}

fn read_symbol(symbol: &str) -> Option<Pair> {
    let (base, quote) = symbol.split_once('/')?;
    Pair::new(common_name(base), quote)
}

impl<'a> Frame<'a> {
    fn raw_data(&self) -> Result<&'a str, DecodeError> {
        self.data.map(RawValue::get).ok_or_else(|| wrong("data", "", "missing"))
    }
}

impl Row<'_> {
    /// The pair of a row that trades, be it with limits.
    fn pair(row: &Nested<Self>) -> Option<(SmolStr, Pair)> {
        let Nested::Object(row) = row else { return None };
        let status = row.status.as_ref()?.as_text();
        let is_trading = matches!(status.as_ref(), "online" | "limit_only" | "post_only");
        let pair = Pair::new(common_name(&row.base.as_ref()?.as_text()), &row.quote.as_ref()?.as_text())?;
        is_trading.then_some((SmolStr::new(row.symbol.as_ref()?.as_text()), pair))
    }
}

/// Other channels of this interface.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 5] = ["book", "level3", "ohlc", "status", "trade"];
    LABELS.into_iter().find(|label| *label == channel)
}

#[cfg(test)]
mod tests;
