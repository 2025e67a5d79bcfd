//! Decodes Coinbase's spot prices (Advanced Trade's `ticker_batch`).
//!
//! Each product is told at most every five seconds. Heartbeats are subscribed too: without them the
//! venue closes quiet connections. `sequence_num` counts the messages of a connection, whatever their
//! channel, so that a jump means that some were lost; the next heartbeat then asks for a new
//! connection, whose snapshot is whole. Products in USDC are other names of those in USD, and only the
//! latter are streamed. Source: Coinbase's Advanced Trade documentation, 2026.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use market::{Observation, Payload, Quote, QuoteKind, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::blank::{filled, maybe_price, maybe_quantity};
use super::paced::Paced;
use super::spot_pairs::{DOLLARS_FIRST, Pair, SpotPairs};
use super::wire::{Nested, Scalar, all_or_nothing, parse, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use sequence::Sequence;

mod sequence;

pub(super) const URL: &str = "wss://advanced-trade-ws.coinbase.com";
pub(super) const REST_URL: &str = "https://api.coinbase.com";

const CHANNEL: &str = "ticker_batch";
const HEARTBEATS: &str = "heartbeats";
/// Products in one message.
const BATCH: usize = 100;
/// Coinbase does not end healthy connections; the list of products grows old.
const ROTATE_AFTER: Duration = Duration::from_hours(12);
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(Coinbase {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        pairs: SpotPairs::new(config.instruments.clone(), DOLLARS_FIRST),
        is_listed: false,
        unacknowledged: None,
        sequence: Sequence::default(),
        paced: Paced::default(),
    })
}

struct Coinbase {
    url: String,
    rest_url: String,
    pairs: SpotPairs,
    /// Whether the list of products is there.
    is_listed: bool,
    /// What was asked for and is not listed among the subscriptions yet; `None` before asking.
    unacknowledged: Option<BTreeSet<SmolStr>>,
    sequence: Sequence,
    paced: Paced,
}

impl Decoder for Coinbase {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let frame: Frame<'_> = parse(text(payload)?)?;
        if let Some(number) = &frame.sequence_num {
            self.sequence.see(number.number("sequence_num")? as i64);
        }
        if let Some(channel) = &frame.channel {
            return self.take_message(&channel.as_text(), &frame, out);
        }
        if let Some(products) = &frame.products {
            return self.take_products(products);
        }
        match frame.kind.as_ref().map(Scalar::as_text).as_deref() {
            Some("error") => Ok(FrameKind::Refused(frame.complaint())),
            Some(kind) if is_of_the_exchange(kind) => Ok(FrameKind::Ignored("exchange message")),
            Some(other) => Err(wrong("type", other, "not a known kind of message")),
            None if frame.error.is_some() => Ok(FrameKind::Refused(frame.complaint())),
            None => Err(DecodeError::Unknown),
        }
    }
}

impl StreamProtocol for Coinbase {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.unacknowledged = None;
        self.sequence.follow_new_connection();
    }

    fn next_request(&mut self) -> Option<String> {
        let is_wanted = !self.is_listed;
        is_wanted.then(|| format!("{}/api/v3/brokerage/market/products?product_type=SPOT", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.is_listed = false;
    }

    /// The heartbeats first: the venue closes connections that ask for nothing within five seconds.
    fn subscribe(&mut self) -> Vec<String> {
        let products = self.pairs.chosen();
        let mut messages =
            vec![serde_json::json!({ "type": "subscribe", "channel": HEARTBEATS }).to_string()];
        for batch in products.chunks(BATCH) {
            let batch: Vec<&str> = batch.iter().map(SmolStr::as_str).collect();
            let message =
                serde_json::json!({ "type": "subscribe", "channel": CHANNEL, "product_ids": batch });
            messages.push(message.to_string());
        }
        let asked = products.into_iter().chain([SmolStr::new_static(HEARTBEATS)]);
        self.unacknowledged = Some(asked.collect());
        messages
    }

    fn is_subscribed(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(BTreeSet::is_empty)
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
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
    /// RFC 3339, with nanoseconds.
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
    #[serde(borrow)]
    sequence_num: Option<Scalar<'a>>,
    /// Left as it is until the channel is known: most channels are not ours.
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    /// REST.
    #[serde(borrow)]
    products: Option<Vec<Nested<Row<'a>>>>,
    #[serde(borrow)]
    error: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
    #[serde(borrow)]
    reason: Option<Scalar<'a>>,
    /// Complaints, and every message of the older Exchange API.
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
}

impl Frame<'_> {
    fn complaint(&self) -> String {
        let parts = [&self.error, &self.message, &self.reason];
        let words: Vec<_> = parts.into_iter().flatten().map(Scalar::as_text).collect();
        words.join(": ")
    }
}

#[derive(Deserialize)]
struct TickerEvent<'a> {
    #[serde(borrow, default)]
    tickers: Vec<Ticker<'a>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    product_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    /// Base units.
    #[serde(borrow)]
    volume_24_h: Option<Scalar<'a>>,
    /// Left out of batches, in production though not in the documentation.
    #[serde(borrow)]
    best_bid: Option<Scalar<'a>>,
    #[serde(borrow)]
    best_ask: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct SubscriptionEvent<'a> {
    #[serde(borrow, default)]
    subscriptions: BTreeMap<&'a str, Vec<Scalar<'a>>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    product_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    base_currency_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    quote_currency_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    product_type: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    /// The product whose book this one shows; it is streamed under that name only.
    #[serde(borrow)]
    alias: Option<Scalar<'a>>,
    is_disabled: Option<bool>,
    trading_disabled: Option<bool>,
}

impl Coinbase {
    fn take_message(
        &mut self,
        channel: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        match channel {
            "ticker" | CHANNEL => {
                let before = out.len();
                all_or_nothing(out, |out| self.take_tickers(frame, out))?;
                self.paced.sift(out, before);
                Ok(FrameKind::Data("ticker"))
            }
            // Not on the message that jumped: what it tells is true.
            HEARTBEATS => Ok(self.sequence.take_loss().map_or(FrameKind::Keepalive, FrameKind::Closing)),
            "subscriptions" => self.take_subscriptions(frame),
            other => label(other)
                .map(FrameKind::Ignored)
                .ok_or_else(|| wrong("channel", other, "not a known channel")),
        }
    }

    fn take_tickers(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<(), DecodeError> {
        let timestamp = required("timestamp", frame.timestamp.as_ref())?.as_text();
        let at = Timestamp::from_str(&timestamp)
            .map_err(|_| wrong("timestamp", &timestamp, "not an RFC 3339 time"))?;
        let events: Vec<TickerEvent<'_>> = parse(frame.raw_events()?)?;
        for ticker in events.iter().flat_map(|event| &event.tickers) {
            let product = required("product_id", ticker.product_id.as_ref())?.as_text();
            let name = self.pairs.name("product_id", &product, |id| Pair::from_parted(id, '-'))?;
            let price = maybe_price("price", ticker.price.as_ref())?;
            let bid = maybe_price("best_bid", ticker.best_bid.as_ref())?;
            let ask = maybe_price("best_ask", ticker.best_ask.as_ref())?;
            let volume = maybe_quantity("volume_24_h", ticker.volume_24_h.as_ref())?;
            if let (Some(symbol), Some(price)) = (name, price) {
                let quote =
                    Quote { symbol, kind: QuoteKind::Last, price, bid, ask, previous_close: None, volume };
                out.push(Stamped::news(at, Observation::Quote(quote)));
            }
        }
        Ok(())
    }

    /// Each answer lists all that is subscribed on this connection so far.
    fn take_subscriptions(&mut self, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        let events: Vec<SubscriptionEvent<'_>> = parse(frame.raw_events()?)?;
        if let Some(unacknowledged) = &mut self.unacknowledged {
            for (channel, names) in events.iter().flat_map(|event| &event.subscriptions) {
                match *channel {
                    HEARTBEATS => {
                        unacknowledged.remove(HEARTBEATS);
                    }
                    CHANNEL => names.iter().for_each(|name| {
                        unacknowledged.remove(name.as_text().as_ref());
                    }),
                    _ => {}
                }
            }
        }
        Ok(FrameKind::Ack)
    }

    fn take_products(&mut self, products: &[Nested<Row<'_>>]) -> Result<FrameKind, DecodeError> {
        if products.is_empty() {
            return Err(wrong("products", "[]", "no products"));
        }
        self.pairs.replace(products.iter().filter_map(Row::pair));
        self.is_listed = true;
        Ok(FrameKind::Reference("products"))
    }
}

impl<'a> Frame<'a> {
    fn raw_events(&self) -> Result<&'a str, DecodeError> {
        self.events.map(RawValue::get).ok_or_else(|| wrong("events", "", "missing"))
    }
}

impl Row<'_> {
    /// The pair of a product that trades and is streamed.
    fn pair(row: &Nested<Self>) -> Option<(SmolStr, Pair)> {
        let Nested::Object(row) = row else { return None };
        let is_streamed = row.product_type.as_ref().is_none_or(|kind| kind.as_text() == "SPOT")
            && row.status.as_ref()?.as_text() == "online"
            && filled(row.alias.as_ref()).is_none()
            && row.is_disabled != Some(true)
            && row.trading_disabled != Some(true);
        let pair =
            Pair::new(&row.base_currency_id.as_ref()?.as_text(), &row.quote_currency_id.as_ref()?.as_text())?;
        is_streamed.then_some((SmolStr::new(row.product_id.as_ref()?.as_text()), pair))
    }
}

/// Other channels of Advanced Trade.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 6] =
        ["candles", "futures_balance_summary", "l2_data", "market_trades", "status", "user"];
    LABELS.into_iter().find(|label| *label == channel)
}

/// Messages of the older Exchange API, which recordings of 2021 and later hold.
fn is_of_the_exchange(kind: &str) -> bool {
    const KINDS: [&str; 15] = [
        "activate",
        "auction",
        "change",
        "done",
        "heartbeat",
        "l2update",
        "last_match",
        "match",
        "open",
        "received",
        "rfq_match",
        "snapshot",
        "status",
        "subscriptions",
        "ticker",
    ];
    KINDS.contains(&kind)
}

#[cfg(test)]
mod tests;
