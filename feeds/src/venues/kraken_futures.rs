//! Decodes Kraken Futures' trades that liquidated someone, and the tickers of its perpetuals.
//!
//! Every trade is told. `type` says what it was and `side` is the taker's, which in a liquidation is the
//! forced order: a sale closed a long. Terminations (positions assigned away where no order could save
//! them) are labelled and not counted. Quantities count US dollars for inverse contracts (`PI_`, `FI_`)
//! and base units for linear ones (`PF_`, `FF_`). Source: Kraken's futures API documentation, 2026.

use std::collections::BTreeSet;
use std::time::Duration;

use market::{Contract, Liquidation, Observation, Payload, PositionSide, Price};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::blank::{maybe_millis, maybe_number, maybe_price};
use super::contract_state::{ContractState, Funding};
use super::paced::Paced;
use super::recent::Recent;
use super::symbols::{Listed, Size, Symbols};
use super::wire::{Scalar, all_or_nothing, parse, price, quantity, required, text, wrong};
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use products::{Products, Row, is_linear, parse_symbol};

mod products;

pub(super) const URL: &str = "wss://futures.kraken.com/ws/v1";
pub(super) const REST_URL: &str = "https://futures.kraken.com";

/// Kraken does not end healthy connections; the list of products grows old.
const ROTATE_AFTER: Duration = Duration::from_hours(6);
/// Kraken ends connections that said nothing for a minute.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Products in one message.
const BATCH: usize = 50;
/// Liquidating trades remembered against a second telling.
const MOST_TRADES: usize = 16_384;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(KrakenFutures {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        symbols: Symbols::new(config.instruments.clone()),
        context: config.context.clone(),
        products: Products::default(),
        needs_products: true,
        subscription: Subscription::NotAsked,
        asks: Vec::new(),
        told: Recent::of(MOST_TRADES),
        paced: Paced::default(),
    })
}

struct KrakenFutures {
    url: String,
    rest_url: String,
    symbols: Symbols,
    /// Assets whose tickers are followed.
    context: Instruments,
    products: Products,
    needs_products: bool,
    subscription: Subscription,
    /// Messages about context, sent once trades are subscribed: their failure costs no trade.
    asks: Vec<String>,
    told: Recent,
    paced: Paced,
}

/// How far the trades are subscribed.
enum Subscription {
    NotAsked,
    /// These products are not acknowledged yet.
    Waiting(BTreeSet<SmolStr>),
    Complete,
}

impl Decoder for KrakenFutures {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        let frame: Frame<'_> = parse(text)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| self.take(&frame, text, out))?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl StreamProtocol for KrakenFutures {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.subscription = Subscription::NotAsked;
        self.asks.clear();
    }

    fn next_request(&mut self) -> Option<String> {
        self.needs_products.then(|| format!("{}/derivatives/api/v3/instruments", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.needs_products = true;
    }

    fn subscribe(&mut self) -> Vec<String> {
        let symbols = &self.symbols;
        let wanted: Vec<&str> = self.products.tradeable(|instrument| symbols.wants(instrument)).collect();
        self.subscription = if wanted.is_empty() {
            Subscription::Complete
        } else {
            Subscription::Waiting(wanted.iter().copied().map(SmolStr::new).collect())
        };
        let context = &self.context;
        let followed: Vec<&str> = self
            .products
            .tradeable(|instrument| {
                instrument.contract == Contract::Perp && context.wants(instrument.asset())
            })
            .filter(|symbol| is_linear(symbol))
            .collect();
        self.asks = ask("ticker", &followed);
        ask("trade", &wanted)
    }

    fn outgoing(&mut self) -> Vec<String> {
        if self.is_subscribed() { std::mem::take(&mut self.asks) } else { Vec::new() }
    }

    fn is_subscribed(&self) -> bool {
        matches!(self.subscription, Subscription::Complete)
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Ping { every: PING_EVERY }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

fn ask(feed: &str, products: &[&str]) -> Vec<String> {
    let message = |batch: &[&str]| {
        serde_json::json!({ "event": "subscribe", "feed": feed, "product_ids": batch }).to_string()
    };
    products.chunks(BATCH).map(message).collect()
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Option<Scalar<'a>>,
    #[serde(borrow)]
    feed: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
    #[serde(borrow)]
    product_ids: Option<&'a RawValue>,
    /// REST answers.
    #[serde(borrow)]
    result: Option<Scalar<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    instruments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    product_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    uid: Option<Scalar<'a>>,
    /// The taker's side.
    #[serde(borrow)]
    side: Option<Scalar<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
    /// Milliseconds.
    #[serde(borrow)]
    time: Option<Scalar<'a>>,
    #[serde(borrow)]
    qty: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    product_id: Option<Scalar<'a>>,
    /// Milliseconds.
    #[serde(borrow)]
    time: Option<Scalar<'a>>,
    #[serde(borrow, rename = "markPrice")]
    mark_price: Option<Scalar<'a>>,
    /// US dollars of inverse contracts, base units of linear ones.
    #[serde(borrow, rename = "openInterest")]
    open_interest: Option<Scalar<'a>>,
    /// Fraction per hour; its neighbour `funding_rate` is in the settlement currency per contract.
    #[serde(borrow)]
    relative_funding_rate: Option<Scalar<'a>>,
    /// When the next rate begins, ms; zero where none is due.
    #[serde(borrow)]
    next_funding_rate_time: Option<Scalar<'a>>,
}

impl KrakenFutures {
    fn take(
        &mut self,
        frame: &Frame<'_>,
        text: &str,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        if let Some(event) = &frame.event {
            return self.take_event(&event.as_text(), frame);
        }
        if let Some(feed) = &frame.feed {
            return match feed.as_text().as_ref() {
                "trade" => self.take_trade(&parse(text)?, out),
                "ticker" => self.take_ticker(&parse(text)?, out),
                // The last hundred trades: they were told when they happened, or were missed.
                "trade_snapshot" => Ok(FrameKind::Ignored("trade snapshot")),
                "heartbeat" => Ok(FrameKind::Keepalive),
                other => label(other)
                    .map(FrameKind::Ignored)
                    .ok_or_else(|| wrong("feed", other, "not a known feed")),
            };
        }
        if let Some(instruments) = frame.instruments {
            self.products.replace(&parse::<Vec<Row<'_>>>(instruments.get())?)?;
            self.needs_products = false;
            return Ok(FrameKind::Reference("instruments"));
        }
        match (&frame.result, frame.error) {
            (Some(result), Some(error)) if result.as_text() == "error" => {
                Ok(FrameKind::Refused(error.get().chars().take(120).collect()))
            }
            (_, _) => Err(DecodeError::Unknown),
        }
    }

    fn take_event(&mut self, event: &str, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        let words = |part: &Option<Scalar<'_>>| {
            part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
        };
        match event {
            "subscribed" => {
                let products = frame.product_ids.ok_or_else(|| wrong("product_ids", "", "missing"))?;
                let products: Vec<Scalar<'_>> = parse(products.get())?;
                if let (Subscription::Waiting(waiting), "trade") =
                    (&mut self.subscription, &*words(&frame.feed))
                {
                    for product in products {
                        waiting.remove(product.as_text().to_ascii_uppercase().as_str());
                    }
                    if waiting.is_empty() {
                        self.subscription = Subscription::Complete;
                    }
                }
                Ok(FrameKind::Ack)
            }
            "error" | "alert" | "subscribed_failed" => Ok(FrameKind::Refused(words(&frame.message))),
            "info" => Ok(FrameKind::Ignored("info")),
            "unsubscribed" => Ok(FrameKind::Ignored("unsubscribed")),
            other => Err(wrong("event", other, "not a known event")),
        }
    }

    fn take_trade(&mut self, trade: &Trade<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        match required("type", trade.kind.as_ref())?.as_text().as_ref() {
            "liquidation" => {}
            "fill" => return Ok(FrameKind::Ignored("trade")),
            "termination" => return Ok(FrameKind::Ignored("termination")),
            "assignment" => return Ok(FrameKind::Ignored("assignment")),
            "block" => return Ok(FrameKind::Ignored("block trade")),
            other => return Err(wrong("type", other, "not a known type of trade")),
        }
        let symbol = required("product_id", trade.product_id.as_ref())?.as_text();
        let listed = self.symbols.look_up("product_id", &symbol, parse_symbol)?;
        let event_time = required("time", trade.time.as_ref())?.millis("time")?;
        let uid = SmolStr::new(required("uid", trade.uid.as_ref())?.as_text());
        let seen = liquidation(trade, listed, uid.clone())?;
        if self.told.is_new(&uid) && listed.is_wanted {
            out.push(Stamped::news(event_time, Observation::Liquidation(seen)));
        }
        Ok(FrameKind::Data("liquidation"))
    }

    fn take_ticker(&mut self, ticker: &Ticker<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let symbol = required("product_id", ticker.product_id.as_ref())?.as_text();
        let listed = self.symbols.look_up("product_id", &symbol, parse_symbol)?;
        let at = required("time", ticker.time.as_ref())?.millis("time")?;
        let mark = maybe_price("markPrice", ticker.mark_price.as_ref())?;
        let open = match (maybe_number("openInterest", ticker.open_interest.as_ref())?, mark) {
            (Some(amount), Some(mark)) => size("openInterest", amount, mark, listed)?,
            (_, None) | (None, _) => Size::default(),
        };
        let rate = maybe_number("relative_funding_rate", ticker.relative_funding_rate.as_ref())?;
        let next = maybe_millis("next_funding_rate_time", ticker.next_funding_rate_time.as_ref())?;
        if !self.context.wants(listed.instrument.asset()) {
            return Ok(FrameKind::Ignored("ticker"));
        }
        let funding = rate.map(|rate| Funding { rate, interval_hours: Some(1.0), next });
        ContractState { mark, funding, open }.tell(listed, at, out);
        Ok(FrameKind::Data("ticker"))
    }
}

fn liquidation(trade: &Trade<'_>, listed: &Listed, uid: SmolStr) -> Result<Liquidation, DecodeError> {
    let price = price("price", trade.price.as_ref())?;
    let size = size("qty", quantity("qty", trade.qty.as_ref())?.get(), price, listed)?;
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: position(required("side", trade.side.as_ref())?)?,
        price,
        quantity: size.quantity,
        notional: size.notional,
        venue_id: Some(uid),
    })
}

/// `amount` in the contract's own unit.
fn size(field: &'static str, amount: f64, price: Price, listed: &Listed) -> Result<Size, DecodeError> {
    if is_linear(&listed.symbol) {
        Size::of_base(field, amount, price, listed)
    } else {
        Size::of_quote(field, amount, price, listed)
    }
}

/// The taker is the forced order, opposite to the position that it closes.
fn position(side: &Scalar<'_>) -> Result<PositionSide, DecodeError> {
    match side.as_text().as_ref() {
        "sell" => Ok(PositionSide::Long),
        "buy" => Ok(PositionSide::Short),
        other => Err(wrong("side", other, "neither sell nor buy")),
    }
}

/// Other feeds of this venue. An unknown one is kept as not understood, so that a renamed feed of trades
/// is noticed.
fn label(feed: &str) -> Option<&'static str> {
    const LABELS: [&str; 4] = ["book", "book_snapshot", "ticker_lite", "challenge"];
    LABELS.into_iter().find(|label| *label == feed)
}

#[cfg(test)]
mod tests;
