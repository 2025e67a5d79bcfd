//! Decodes Binance's spot prices (`24hrMiniTicker`) from its host for market data alone.
//!
//! The stream tells each pair once a second where something changed: the last price, that of 24 hours
//! ago, and what traded since. Source: Binance's spot documentation, 2026.

use std::collections::BTreeSet;
use std::time::Duration;

use market::{Observation, Payload, Quote, QuoteKind};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::blank::{maybe_price, maybe_quantity};
use super::paced::Paced;
use super::spot_pairs::{Pair, SpotPairs, TETHER_FIRST};
use super::wire::{Nested, Scalar, all_or_nothing, parse, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://data-stream.binance.vision/stream";
pub(super) const REST_URL: &str = "https://data-api.binance.vision";

/// Streams in one message; a connection takes 1,024.
const BATCH: usize = 200;
/// Binance ends every connection after 24 hours.
const ROTATE_AFTER: Duration = Duration::from_hours(23);
/// Binance allows five messages a second here, pings included.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(BinanceSpot {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        pairs: SpotPairs::new(config.instruments.clone(), TETHER_FIRST),
        is_listed: false,
        is_asked: false,
        unanswered: BTreeSet::new(),
        paced: Paced::default(),
    })
}

struct BinanceSpot {
    url: String,
    rest_url: String,
    pairs: SpotPairs,
    /// Whether the list of pairs is there.
    is_listed: bool,
    is_asked: bool,
    /// Ids of the messages that subscribe and were not answered yet.
    unanswered: BTreeSet<i64>,
    paced: Paced,
}

impl Decoder for BinanceSpot {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| {
            if text.trim_start().starts_with('[') {
                return self.take_events(text, out);
            }
            self.take(&parse(text)?, text, out)
        })?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl StreamProtocol for BinanceSpot {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.is_asked = false;
        self.unanswered.clear();
    }

    fn next_request(&mut self) -> Option<String> {
        const QUERY: &str = "permissions=SPOT&symbolStatus=TRADING&showPermissionSets=false";
        (!self.is_listed).then(|| format!("{}/api/v3/exchangeInfo?{QUERY}", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.is_listed = false;
    }

    fn subscribe(&mut self) -> Vec<String> {
        let streams: Vec<String> = self
            .pairs
            .chosen()
            .iter()
            .map(|symbol| format!("{}@miniTicker", symbol.to_lowercase()))
            .collect();
        self.is_asked = true;
        let batches = (1..).zip(streams.chunks(BATCH));
        let messages: Vec<(i64, String)> = batches
            .map(|(id, params)| {
                (id, serde_json::json!({ "method": "SUBSCRIBE", "params": params, "id": id }).to_string())
            })
            .collect();
        self.unanswered = messages.iter().map(|(id, _)| *id).collect();
        messages.into_iter().map(|(_, message)| message).collect()
    }

    fn is_subscribed(&self) -> bool {
        self.is_asked && self.unanswered.is_empty()
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Ping { every: PING_EVERY }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    /// The combined envelope.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// A bare event.
    #[serde(borrow)]
    e: Option<Scalar<'a>>,
    /// Answers.
    #[serde(borrow)]
    id: Option<Scalar<'a>>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
    /// The list of pairs.
    #[serde(borrow)]
    symbols: Option<Vec<Nested<Row<'a>>>>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    #[serde(borrow)]
    base_asset: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote_asset: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    e: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct MiniTicker<'a> {
    /// Event time, ms.
    #[serde(borrow, rename = "E")]
    time: Option<Scalar<'a>>,
    #[serde(borrow)]
    s: Option<Scalar<'a>>,
    /// Last price.
    #[serde(borrow)]
    c: Option<Scalar<'a>>,
    /// Price 24 hours ago.
    #[serde(borrow)]
    o: Option<Scalar<'a>>,
    /// Base units traded in 24 hours.
    #[serde(borrow)]
    v: Option<Scalar<'a>>,
}

impl BinanceSpot {
    fn take(
        &mut self,
        frame: &Frame<'_>,
        text: &str,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        if let Some(data) = frame.data {
            return self.take_events(data.get(), out);
        }
        if frame.e.is_some() {
            return self.take_events(text, out);
        }
        if let Some(rows) = &frame.symbols {
            return self.take_list(rows);
        }
        if let Some(refusal) = &frame.error {
            return Ok(refused(refusal.code.as_ref(), refusal.msg.as_ref()));
        }
        if frame.code.is_some() && frame.msg.is_some() {
            return Ok(refused(frame.code.as_ref(), frame.msg.as_ref()));
        }
        if let Some(Ok(id)) = frame.id.as_ref().map(|id| id.number("id")) {
            self.unanswered.remove(&(id as i64));
            return Ok(FrameKind::Ack);
        }
        if frame.last_update_id.is_some() {
            return Ok(FrameKind::Ignored("depth"));
        }
        Err(DecodeError::Unknown)
    }

    fn take_events(&mut self, text: &str, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let events: Vec<&RawValue> =
            if text.trim_start().starts_with('[') { parse(text)? } else { vec![parse(text)?] };
        let mut kind = None;
        for event in events {
            let outline: Outline<'_> = parse(event.get())?;
            let e = required("e", outline.e.as_ref())?.as_text();
            if e != "24hrMiniTicker" {
                let label = label(&e).ok_or_else(|| wrong("e", &e, "not a known kind of event"))?;
                kind = kind.or(Some(FrameKind::Ignored(label)));
                continue;
            }
            self.take_ticker(&parse(event.get())?, out)?;
            kind = Some(FrameKind::Data("ticker"));
        }
        kind.ok_or(DecodeError::Unknown)
    }

    fn take_ticker(&mut self, ticker: &MiniTicker<'_>, out: &mut Vec<Stamped>) -> Result<(), DecodeError> {
        let symbol = required("s", ticker.s.as_ref())?.as_text();
        let name = self.pairs.name("s", &symbol, Pair::from_joined)?;
        let at = required("E", ticker.time.as_ref())?.millis("E")?;
        let price = maybe_price("c", ticker.c.as_ref())?;
        let previous_close = maybe_price("o", ticker.o.as_ref())?;
        let volume = maybe_quantity("v", ticker.v.as_ref())?;
        if let (Some(symbol), Some(price)) = (name, price) {
            let quote =
                Quote { symbol, kind: QuoteKind::Last, price, bid: None, ask: None, previous_close, volume };
            out.push(Stamped::news(at, Observation::Quote(quote)));
        }
        Ok(())
    }

    fn take_list(&mut self, rows: &[Nested<Row<'_>>]) -> Result<FrameKind, DecodeError> {
        if rows.is_empty() {
            return Err(wrong("symbols", "[]", "no pairs"));
        }
        self.pairs.replace(rows.iter().filter_map(Row::pair));
        self.is_listed = true;
        Ok(FrameKind::Reference("pairs"))
    }
}

impl Row<'_> {
    /// The pair of a row that trades.
    fn pair(row: &Nested<Self>) -> Option<(SmolStr, Pair)> {
        let Nested::Object(row) = row else { return None };
        let is_trading = row.status.as_ref()?.as_text() == "TRADING";
        let pair = Pair::new(&row.base_asset.as_ref()?.as_text(), &row.quote_asset.as_ref()?.as_text())?;
        is_trading.then_some((SmolStr::new(row.symbol.as_ref()?.as_text()), pair))
    }
}

fn refused(code: Option<&Scalar<'_>>, msg: Option<&Scalar<'_>>) -> FrameKind {
    let words = |part: Option<&Scalar<'_>>| part.map(|part| part.as_text().into_owned()).unwrap_or_default();
    FrameKind::Refused(format!("{}: {}", words(code), words(msg)))
}

/// Other events of this market, by their `e`.
fn label(e: &str) -> Option<&'static str> {
    const LABELS: [&str; 8] =
        ["1dTicker", "1hTicker", "24hrTicker", "aggTrade", "avgPrice", "depthUpdate", "kline", "trade"];
    LABELS.into_iter().find(|label| *label == e)
}

#[cfg(test)]
mod tests;
