//! Decodes Bybit's liquidations (`allLiquidation`) and the tickers of a few contracts: USDT and USDC
//! contracts here, inverse ones in `bybit_inverse.rs` by the same code.
//!
//! The stream tells every liquidation, twice a second. `S` is the side of the POSITION: `Buy`
//! means that a long was closed ("When you receive a Buy update, this means that a long position
//! has been liquidated", Bybit's v5 documentation, 2026). There is no stream for all symbols, so
//! the roster of instruments is fetched first.

use std::time::Duration;

use market::{Contract, Liquidation, Observation, Payload, PositionSide, Quantity};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::bybit_tickers::{Extent, Ticker, Tickers};
use super::paced::Paced;
use super::symbols::{Listed, Symbols, dollars};
use super::wire::{OneOrMany, Scalar, all_or_nothing, parse, price, quantity, required, text, wrong};
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use roster::{Roster, RosterPage};
use subscription::Subscription;

pub(super) use roster::Category;

mod roster;
pub(super) mod subscription;

pub(super) const URL: &str = "wss://stream.bybit.com/v5/public/linear";
pub(super) const REST_URL: &str = "https://api.bybit.com";

const CHANNEL: &str = "allLiquidation.";
const TICKERS: &str = "tickers.";
/// Characters of topics that Bybit documents as a connection's most. Tickers beyond it are left out:
/// they must not cost the liquidations.
const LONGEST_TOPICS: usize = 21_000;
/// Bybit does not end healthy connections; the roster grows old.
const ROTATE_AFTER: Duration = Duration::from_hours(6);
/// Bybit cuts connections that say nothing for long and recommends this pace.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    protocol_of(Category::Linear, URL, config)
}

/// Understands the contracts of one category, at `home` unless told otherwise.
pub(super) fn protocol_of(category: Category, home: &str, config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(BybitLinear {
        category,
        url: config.url.clone().unwrap_or_else(|| home.to_owned()),
        symbols: Symbols::new(config.instruments.clone()),
        roster: Roster::new(config.rest_url.as_deref().unwrap_or(REST_URL), category),
        subscription: Subscription::default(),
        context: config.context.clone(),
        tickers: Tickers::default(),
        paced: Paced::default(),
    })
}

struct BybitLinear {
    category: Category,
    url: String,
    symbols: Symbols,
    roster: Roster,
    subscription: Subscription,
    /// Assets whose tickers are followed.
    context: Instruments,
    tickers: Tickers,
    paced: Paced,
}

impl Decoder for BybitLinear {
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

impl StreamProtocol for BybitLinear {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.subscription.reset();
        self.tickers.reset();
    }

    fn next_request(&mut self) -> Option<String> {
        self.roster.next_request()
    }

    fn forget_references(&mut self) {
        self.roster.start_over();
        self.subscription.forget_dropped();
    }

    fn subscribe(&mut self) -> Vec<String> {
        let (symbols, context, category) = (&self.symbols, &self.context, self.category);
        let liquidations = self.roster.trading(|instrument| symbols.wants(instrument));
        let mut topics: Vec<String> = liquidations.map(|symbol| format!("{CHANNEL}{symbol}")).collect();
        let mut room = LONGEST_TOPICS.saturating_sub(topics.iter().map(String::len).sum());
        let followed = self.roster.trading(|instrument| {
            instrument.contract == Contract::Perp
                && instrument.quote == category.followed_quote()
                && context.wants(instrument.asset())
        });
        for topic in followed.map(|symbol| format!("{TICKERS}{symbol}")) {
            let Some(left) = room.checked_sub(topic.len()) else { break };
            room = left;
            topics.push(topic);
        }
        self.subscription.start(topics.into_iter())
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
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
    /// When the venue sent it, ms.
    #[serde(borrow)]
    ts: Option<Scalar<'a>>,
    /// Left as it is until the topic is known: most topics are not ours.
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

/// One liquidation, under the names of 2025 or any earlier year.
#[derive(Deserialize)]
struct Item<'a> {
    /// When the venue updated it, ms.
    #[serde(borrow, rename = "T", alias = "updatedTime", alias = "time")]
    time: Option<Scalar<'a>>,
    #[serde(borrow, rename = "s", alias = "symbol")]
    symbol: Option<Scalar<'a>>,
    /// Side of the position.
    #[serde(borrow, rename = "S", alias = "side")]
    side: Option<Scalar<'a>>,
    /// Base units of linear contracts, US dollars of inverse ones.
    #[serde(borrow, rename = "v", alias = "size", alias = "qty")]
    size: Option<Scalar<'a>>,
    /// Bankruptcy price, a few per cent off the market.
    #[serde(borrow, rename = "p", alias = "price")]
    price: Option<Scalar<'a>>,
    /// Sent until 2021 only.
    #[serde(borrow)]
    id: Option<Scalar<'a>>,
}

impl BybitLinear {
    fn take_data(
        &mut self,
        topic: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let channel = topic.split('.').next().unwrap_or(topic);
        match channel {
            "allLiquidation" | "liquidation" => {}
            "tickers" => return self.take_ticker(frame, out),
            other => {
                let label = label(other).ok_or_else(|| wrong("topic", topic, "not a known topic"))?;
                return Ok(FrameKind::Ignored(label));
            }
        }
        let data = frame.data.ok_or_else(|| wrong("data", "", "missing"))?;
        let items: OneOrMany<Item<'_>> = parse(data.get())?;
        all_or_nothing(out, |out| items.as_slice().iter().try_for_each(|item| self.take_item(item, out)))?;
        Ok(FrameKind::Data("liquidation"))
    }

    fn take_item(&mut self, item: &Item<'_>, out: &mut Vec<Stamped>) -> Result<(), DecodeError> {
        let symbol = required("s", item.symbol.as_ref())?.as_text();
        let roster = &self.roster;
        let listed = self.symbols.look_up("s", &symbol, |symbol| roster.instrument(symbol))?;
        let event_time = required("T", item.time.as_ref())?.millis("T")?;
        let stamped = Stamped::news(event_time, Observation::Liquidation(liquidation(item, listed)?));
        if listed.is_wanted {
            out.push(stamped);
        }
        Ok(())
    }

    fn take_ticker(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let data = frame.data.ok_or_else(|| wrong("data", "", "missing"))?;
        let ticker: Ticker<'_> = parse(data.get())?;
        let symbol = ticker.symbol()?;
        if is_option(&symbol) {
            return Ok(FrameKind::Ignored("option ticker"));
        }
        let extent = Extent::parse(frame.kind.as_ref())?;
        let at = required("ts", frame.ts.as_ref())?.millis("ts")?;
        let roster = &self.roster;
        let listed = self.symbols.look_up("symbol", &symbol, |symbol| roster.instrument(symbol))?;
        if self.context.wants(listed.instrument.asset()) {
            let before = out.len();
            self.tickers.take(listed, (extent, at), &ticker, out)?;
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
        let Some(result) = frame.result else {
            return Err(wrong("result", "", "missing"));
        };
        let page: RosterPage<'_> = parse(result.get())?;
        if page.category.as_ref().is_none_or(|category| category.as_text() != self.category.as_str()) {
            return Ok(FrameKind::Ignored("other category"));
        }
        if !page.is_roster() {
            return Ok(FrameKind::Ignored("other answer"));
        }
        self.roster.take(&page)?;
        self.symbols.clear();
        Ok(FrameKind::Reference("instruments"))
    }
}

fn liquidation(item: &Item<'_>, listed: &Listed) -> Result<Liquidation, DecodeError> {
    let price = price("p", item.price.as_ref())?;
    let size = quantity("v", item.size.as_ref())?;
    // Inverse contracts are worth one dollar each, whatever the price.
    let (quantity, notional) = if listed.instrument.quote == "USD" {
        let base = Quantity::new(size.get() / price.get());
        let base = base.map_err(|_| wrong("v", &size.to_string(), "not a size at this price"))?;
        (base, Some(dollars(size.get())?))
    } else {
        (size, listed.notional(size, price)?)
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: position(required("S", item.side.as_ref())?)?,
        price,
        quantity: Some(quantity),
        notional,
        venue_id: item.id.as_ref().map(|id| SmolStr::new(id.as_text())),
    })
}

/// The side of the position itself, not of the order that closed it.
fn position(side: &Scalar<'_>) -> Result<PositionSide, DecodeError> {
    match side.as_text().as_ref() {
        "Buy" => Ok(PositionSide::Long),
        "Sell" => Ok(PositionSide::Short),
        other => Err(wrong("S", other, "neither Buy nor Sell")),
    }
}

/// `SOL-28APR23-24-C`, also `BTC-27MAR26-100000-P-USDT`: options, which are on another connection.
fn is_option(symbol: &str) -> bool {
    matches!(symbol.split('-').nth(3), Some("C" | "P"))
}

/// Other topics of this venue. An unknown one is kept as not understood, so that a renamed
/// liquidation topic is noticed.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 8] = [
        "adlAlert",
        "insurance",
        "kline",
        "kline_lt",
        "orderbook",
        "priceLimit",
        "publicTrade",
        "tickers_lt",
    ];
    LABELS.into_iter().find(|label| *label == channel)
}

#[cfg(test)]
mod tests;
