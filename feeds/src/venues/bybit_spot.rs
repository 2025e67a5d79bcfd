//! Decodes Bybit's spot prices (`tickers`).
//!
//! Every message is a whole ticker, many a second: the last price, that of 24 hours ago, and what
//! traded since. Source: Bybit's v5 documentation, 2026.

use std::time::Duration;

use market::{Observation, Payload, Quote, QuoteKind};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::blank::{maybe_price, maybe_quantity};
use super::bybit_linear::subscription::Subscription;
use super::paced::Paced;
use super::spot_pairs::{Pair, SpotPairs, TETHER_FIRST};
use super::wire::{Nested, Scalar, parse, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://stream.bybit.com/v5/public/spot";
pub(super) use super::bybit_linear::REST_URL;

/// Bybit does not end healthy connections; the list of pairs grows old.
const ROTATE_AFTER: Duration = Duration::from_hours(12);
/// Bybit cuts connections that say nothing for long and recommends this pace.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(BybitSpot {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        pairs: SpotPairs::new(config.instruments.clone(), TETHER_FIRST),
        is_listed: false,
        subscription: Subscription::default(),
        paced: Paced::default(),
    })
}

struct BybitSpot {
    url: String,
    rest_url: String,
    pairs: SpotPairs,
    /// Whether the list of pairs is there.
    is_listed: bool,
    subscription: Subscription,
    paced: Paced,
}

impl Decoder for BybitSpot {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let frame: Frame<'_> = parse(text(payload)?)?;
        if let Some(topic) = &frame.topic {
            return self.take_data(&topic.as_text(), &frame, out);
        }
        if let Some(op) = &frame.op {
            return self.take_answer(&op.as_text(), &frame);
        }
        if let Some(code) = &frame.ret_code {
            return self.take_rest(code, &frame);
        }
        Err(DecodeError::Unknown)
    }
}

impl StreamProtocol for BybitSpot {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.subscription.reset();
    }

    /// One page holds every pair: this category has no others.
    fn next_request(&mut self) -> Option<String> {
        let is_wanted = !self.is_listed;
        is_wanted.then(|| format!("{}/v5/market/instruments-info?category=spot&limit=1000", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.is_listed = false;
        self.subscription.forget_dropped();
    }

    fn subscribe(&mut self) -> Vec<String> {
        self.subscription.start(self.pairs.chosen().iter().map(|symbol| format!("tickers.{symbol}")))
    }

    fn outgoing(&mut self) -> Vec<String> {
        self.subscription.outgoing()
    }

    fn is_subscribed(&self) -> bool {
        self.subscription.is_complete()
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Text { every: PING_EVERY, message: r#"{"req_id":"ping","op":"ping"}"#.to_owned() }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    /// Data.
    #[serde(borrow)]
    topic: Option<Scalar<'a>>,
    /// When the venue sent it, ms.
    #[serde(borrow)]
    ts: Option<Scalar<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// Answers to what we sent.
    #[serde(borrow)]
    op: Option<Scalar<'a>>,
    success: Option<bool>,
    #[serde(borrow)]
    ret_msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    req_id: Option<Scalar<'a>>,
    /// REST answers.
    #[serde(borrow, rename = "retCode")]
    ret_code: Option<Scalar<'a>>,
    #[serde(borrow, rename = "retMsg")]
    rest_msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    last_price: Option<Scalar<'a>>,
    #[serde(borrow)]
    prev_price24h: Option<Scalar<'a>>,
    /// Base units.
    #[serde(borrow)]
    volume24h: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    category: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    list: Vec<Nested<Row<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    #[serde(borrow)]
    base_coin: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote_coin: Option<Scalar<'a>>,
}

impl BybitSpot {
    fn take_data(
        &mut self,
        topic: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let channel = topic.split('.').next().unwrap_or(topic);
        if channel != "tickers" {
            let label = label(channel).ok_or_else(|| wrong("topic", topic, "not a known topic"))?;
            return Ok(FrameKind::Ignored(label));
        }
        let data = frame.data.ok_or_else(|| wrong("data", "", "missing"))?;
        let ticker: Ticker<'_> = parse(data.get())?;
        let symbol = required("symbol", ticker.symbol.as_ref())?.as_text();
        let name = self.pairs.name("symbol", &symbol, Pair::from_joined)?;
        let at = required("ts", frame.ts.as_ref())?.millis("ts")?;
        let price = maybe_price("lastPrice", ticker.last_price.as_ref())?;
        let previous_close = maybe_price("prevPrice24h", ticker.prev_price24h.as_ref())?;
        let volume = maybe_quantity("volume24h", ticker.volume24h.as_ref())?;
        if let (Some(symbol), Some(price)) = (name, price) {
            let quote =
                Quote { symbol, kind: QuoteKind::Last, price, bid: None, ask: None, previous_close, volume };
            let before = out.len();
            out.push(Stamped::news(at, Observation::Quote(quote)));
            self.paced.sift(out, before);
        }
        Ok(FrameKind::Data("ticker"))
    }

    fn take_answer(&mut self, op: &str, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        let words = frame.ret_msg.as_ref().map(Scalar::as_text).unwrap_or_default();
        match op {
            "ping" | "pong" => Ok(FrameKind::Keepalive),
            "subscribe" => {
                let req_id = frame.req_id.as_ref().map(Scalar::as_text).unwrap_or_default();
                match frame.success {
                    Some(true) => Ok(self.subscription.accepted(&req_id)),
                    Some(false) => Ok(self.subscription.refused(&req_id, &words)),
                    None => Err(wrong("success", "", "missing")),
                }
            }
            "unsubscribe" => Ok(FrameKind::Ignored("unsubscribe")),
            other => Err(wrong("op", other, "not a known operation")),
        }
    }

    fn take_rest(&mut self, code: &Scalar<'_>, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        if code.number("retCode")? != 0.0 {
            let words = frame.rest_msg.as_ref().map(Scalar::as_text).unwrap_or_default();
            return Ok(FrameKind::Refused(format!("{}: {words}", code.as_text())));
        }
        let result = frame.result.ok_or_else(|| wrong("result", "", "missing"))?;
        let page: Page<'_> = parse(result.get())?;
        if page.category.as_ref().is_none_or(|category| category.as_text() != "spot") {
            return Ok(FrameKind::Ignored("other category"));
        }
        let pairs: Vec<(SmolStr, Pair)> = page.list.iter().filter_map(Row::pair).collect();
        if pairs.is_empty() {
            return Err(wrong("list", "[]", "no pairs"));
        }
        self.pairs.replace(pairs.into_iter());
        self.is_listed = true;
        Ok(FrameKind::Reference("pairs"))
    }
}

impl Row<'_> {
    /// The pair of a row that trades.
    fn pair(row: &Nested<Self>) -> Option<(SmolStr, Pair)> {
        let Nested::Object(row) = row else { return None };
        let is_trading = row.status.as_ref()?.as_text() == "Trading";
        let pair = Pair::new(&row.base_coin.as_ref()?.as_text(), &row.quote_coin.as_ref()?.as_text())?;
        is_trading.then_some((SmolStr::new(row.symbol.as_ref()?.as_text()), pair))
    }
}

/// Other topics of this market.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 6] = ["kline", "kline_lt", "orderbook", "publicTrade", "priceLimit", "tickers_lt"];
    LABELS.into_iter().find(|label| *label == channel)
}

#[cfg(test)]
mod tests;
