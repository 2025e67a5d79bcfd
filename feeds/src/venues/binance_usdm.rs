//! Decodes Binance USD-M's forced orders (`forceOrder`), and whatever else this market sends: its marks
//! and open interest belong to feeds of their own, which understand them by the same decoder.
//!
//! The stream tells at most one order per symbol and second, the largest one (the latest one
//! before April 2026): sums of it are a floor. `S` is the side of the forced ORDER, so a `SELL`
//! closed a long position. Source: Binance's USD-M WebSocket documentation, October 2026.

use std::time::Duration;

use market::{Instrument, Liquidation, Observation, Payload, PositionSide, Price, Quantity};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::paced::Paced;
use super::symbols::{Listed, Symbols, parse_yymmdd};
use super::wire::{Nested, OneOrMany, Scalar, all_or_nothing, parse, price, quantity, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use context::Context;

mod context;

/// Only the `/market` class carries forced orders since April 2026; the older paths accept the
/// subscription and then stay silent for ever.
pub(super) const URL: &str = "wss://fstream.binance.com/market/stream?streams=!forceOrder@arr";

const STREAM: &str = "!forceOrder@arr";
const SUBSCRIBE_ID: i64 = 1;
/// Binance ends every connection after 24 hours.
const ROTATE_AFTER: Duration = Duration::from_hours(23);
/// Binance allows ten messages a second, pings included.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Currencies that end USD-M symbols, longest first: `BTCFDUSD` is not `BTCFD` in `USD`.
const QUOTES: [&str; 14] = [
    "FDUSD", "RLUSD", "USDT", "USDC", "BUSD", "TUSD", "USD1", "USDP", "USDE", "BTC", "ETH", "BNB", "EUR",
    "TRY",
];
/// The only dated USD-M pairs that ever ended in `USD`. Every other one is coin-margined, even
/// where it reads like a pair in a stablecoin: `BNBUSD`, `DOTUSD`.
const DATED_USD_M: [&str; 2] = ["BTCBUSD", "ETHBUSD"];

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(BinanceUsdm {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        market: UsdmDecoder::new(config),
    })
}

struct BinanceUsdm {
    url: String,
    market: UsdmDecoder,
}

/// Understands everything that this market sends, on streams and over REST.
pub(super) struct UsdmDecoder {
    /// Whether the subscription was acknowledged, or a forced order came, which is as good.
    pub(super) is_subscribed: bool,
    symbols: Symbols,
    /// Marks, funding and open interest.
    pub(super) context: Context,
    paced: Paced,
}

impl UsdmDecoder {
    pub(super) fn new(config: &FeedConfig) -> Self {
        Self {
            is_subscribed: false,
            symbols: Symbols::new(config.instruments.clone()),
            context: Context::new(config.context.clone()),
            paced: Paced::default(),
        }
    }
}

impl Decoder for UsdmDecoder {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| {
            if !text.trim_start().starts_with('[') {
                return self.take(text, &parse(text)?, out);
            }
            let items: Vec<&RawValue> = parse(text)?;
            let first = items.first().ok_or(DecodeError::Unknown)?;
            if let Some(reference) = context::Reference::of(first.get())? {
                return self.context.take_list(reference, text);
            }
            let mut kind = None;
            for item in items {
                kind = Some(merge(kind, self.take(item.get(), &parse(item.get())?, out)?));
            }
            kind.ok_or(DecodeError::Unknown)
        })?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl Decoder for BinanceUsdm {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        self.market.decode(payload, out)
    }
}

impl StreamProtocol for BinanceUsdm {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.market.is_subscribed = false;
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    /// The URL already names the stream, but a connection says nothing until someone is liquidated,
    /// and silence proves nothing. Subscribing again changes nothing at the venue, and its answer
    /// tells a live subscription from a dead one at birth. It also makes a bare URL work.
    fn subscribe(&mut self) -> Vec<String> {
        vec![format!(r#"{{"method":"SUBSCRIBE","params":["{STREAM}"],"id":{SUBSCRIBE_ID}}}"#)]
    }

    fn is_subscribed(&self) -> bool {
        self.market.is_subscribed
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
    data: Option<OneOrMany<Event<'a>>>,
    /// A bare event.
    #[serde(borrow)]
    e: Option<Scalar<'a>>,
    #[serde(borrow)]
    o: Option<Nested<Order<'a>>>,
    /// Answers.
    #[serde(default, deserialize_with = "read_answer")]
    result: Answer,
    #[serde(borrow)]
    id: Option<Scalar<'a>>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
    /// REST answers.
    #[serde(rename = "openInterest")]
    open_interest: Option<IgnoredAny>,
    #[serde(rename = "markPrice")]
    mark_price: Option<IgnoredAny>,
    /// REST answers that captures hold.
    symbols: Option<IgnoredAny>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    e: Option<Scalar<'a>>,
    #[serde(borrow)]
    o: Option<Nested<Order<'a>>>,
    /// Not an event but an answer of REST, which recorders file as one.
    #[serde(rename = "openInterest")]
    open_interest: Option<IgnoredAny>,
}

impl Event<'_> {
    fn tells(&self) -> Option<Told> {
        Told::of(self.e.as_ref(), self.open_interest.is_some())
    }
}

/// What of a contract's state an event tells.
#[derive(Clone, Copy)]
enum Told {
    Mark,
    OpenInterest,
}

impl Told {
    fn of(e: Option<&Scalar<'_>>, has_open_interest: bool) -> Option<Self> {
        match e {
            Some(e) if e.as_text() == "markPriceUpdate" => Some(Self::Mark),
            None if has_open_interest => Some(Self::OpenInterest),
            Some(_) | None => None,
        }
    }
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    /// Symbol.
    #[serde(borrow)]
    s: Option<Scalar<'a>>,
    /// Side of the order.
    #[serde(borrow, rename = "S")]
    side: Option<Scalar<'a>>,
    /// Ordered quantity, base units.
    #[serde(borrow)]
    q: Option<Scalar<'a>>,
    /// Order price, near the bankruptcy price.
    #[serde(borrow)]
    p: Option<Scalar<'a>>,
    /// Average fill price.
    #[serde(borrow)]
    ap: Option<Scalar<'a>>,
    /// Filled quantity, base units. Its neighbour `l` is the last fill alone and undercounts.
    #[serde(borrow)]
    z: Option<Scalar<'a>>,
    /// Trade time, ms. The event time `E` is up to a second later, because Binance batches.
    #[serde(borrow, rename = "T")]
    time: Option<Scalar<'a>>,
    /// Market: 1 USD-M, 2 COIN-M; sent since autumn 2026.
    #[serde(borrow)]
    st: Option<Scalar<'a>>,
}

/// The `result` of an answer: `null` is a yes, which differs from no `result` at all.
#[derive(Default)]
enum Answer {
    #[default]
    Absent,
    Given,
}

fn read_answer<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Answer, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| Answer::Given)
}

impl UsdmDecoder {
    /// Takes in what `text` says, of which `frame` is the outline.
    fn take(
        &mut self,
        text: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let told = match &frame.data {
            Some(events) => events.as_slice().first().and_then(Event::tells),
            None => Told::of(frame.e.as_ref(), frame.open_interest.is_some()),
        };
        match told {
            Some(Told::Mark) => return self.context.take_marks(text, &mut self.symbols, out),
            Some(Told::OpenInterest) => return self.context.take_open_interest(text, &mut self.symbols, out),
            None => {}
        }
        if let Some(events) = &frame.data {
            let mut kind = None;
            for event in events.as_slice() {
                kind = Some(merge(kind, self.take_event(event.e.as_ref(), event.o.as_ref(), out)?));
            }
            return Ok(kind.unwrap_or(FrameKind::Ignored("empty list")));
        }
        if frame.e.is_some() {
            return self.take_event(frame.e.as_ref(), frame.o.as_ref(), out);
        }
        if let Some(refusal) = &frame.error {
            return Ok(refused(refusal.code.as_ref(), refusal.msg.as_ref()));
        }
        if frame.code.is_some() && frame.msg.is_some() {
            return Ok(refused(frame.code.as_ref(), frame.msg.as_ref()));
        }
        if let (Answer::Given, Some(id)) = (&frame.result, &frame.id) {
            self.is_subscribed |= id.number("id").is_ok_and(|id| id as i64 == SUBSCRIBE_ID);
            return Ok(FrameKind::Ack);
        }
        if frame.mark_price.is_some() {
            return self.context.take_premium(text);
        }
        if frame.symbols.is_some() {
            return Ok(FrameKind::Ignored("exchangeInfo"));
        }
        if frame.last_update_id.is_some() {
            return Ok(FrameKind::Ignored("depth"));
        }
        Err(DecodeError::Unknown)
    }

    fn take_event(
        &mut self,
        e: Option<&Scalar<'_>>,
        order: Option<&Nested<Order<'_>>>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let e = required("e", e)?.as_text();
        if e != "forceOrder" {
            return label(&e)
                .map(FrameKind::Ignored)
                .ok_or_else(|| wrong("e", &e, "not a known kind of event"));
        }
        let Some(Nested::Object(order)) = order else {
            return Err(wrong("o", "", "not an order"));
        };
        let kind = self.take_order(order, out)?;
        self.is_subscribed = true;
        Ok(kind)
    }

    fn take_order(&mut self, order: &Order<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let symbol = required("s", order.s.as_ref())?.as_text();
        let market = market_of(order.st.as_ref(), &symbol)?;
        if market == Market::Elsewhere {
            return Ok(FrameKind::Ignored("coin-m order"));
        }
        let listed = self.symbols.look_up("s", &symbol, market.parser())?;
        let event_time = required("T", order.time.as_ref())?.millis("T")?;
        let stamped =
            Stamped::news(event_time, Observation::Liquidation(liquidation(order, listed, market)?));
        if listed.is_wanted {
            out.push(stamped);
        }
        Ok(FrameKind::Data("liquidation"))
    }
}

fn liquidation(order: &Order<'_>, listed: &Listed, market: Market) -> Result<Liquidation, DecodeError> {
    let (filled, price) = (filled_quantity(order)?, filled_price(order)?);
    let (quantity, notional) = match market {
        Market::UsdM => (Some(filled), listed.notional(filled, price)?),
        // Contracts of a worth that this feed is not told.
        Market::CoinM | Market::Elsewhere => (None, None),
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: position(required("S", order.side.as_ref())?)?,
        price,
        quantity,
        notional,
        venue_id: None,
    })
}

/// The forced order is opposite to the position that it closes.
fn position(order_side: &Scalar<'_>) -> Result<PositionSide, DecodeError> {
    match order_side.as_text().as_ref() {
        "SELL" => Ok(PositionSide::Long),
        "BUY" => Ok(PositionSide::Short),
        other => Err(wrong("S", other, "neither SELL nor BUY")),
    }
}

/// `z`; while nothing is filled yet, what was ordered.
fn filled_quantity(order: &Order<'_>) -> Result<Quantity, DecodeError> {
    match &order.z {
        Some(filled) if filled.size("z")? > 0.0 => quantity("z", order.z.as_ref()),
        Some(_) | None => quantity("q", order.q.as_ref()),
    }
}

/// `ap`; while nothing is filled yet, the order's own price.
fn filled_price(order: &Order<'_>) -> Result<Price, DecodeError> {
    match &order.ap {
        Some(average) if average.size("ap")? > 0.0 => price("ap", order.ap.as_ref()),
        Some(_) | None => price("p", order.p.as_ref()),
    }
}

/// Where an event on this socket is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Market {
    /// This feed's own market.
    UsdM,
    /// The coin-margined market, by its symbol alone: a frame of before autumn 2026, which does not name
    /// its market. Its `z` counts contracts of 10 or 100 USD, so its size and worth stay unknown.
    CoinM,
    /// The coin-margined market, by the frame's own word: left to that market's feed, or it would be
    /// counted twice.
    Elsewhere,
}

impl Market {
    /// What understands its symbols.
    fn parser(self) -> fn(&str) -> Option<Instrument> {
        match self {
            Self::UsdM => parse_symbol,
            Self::CoinM | Self::Elsewhere => parse_coin_m_symbol,
        }
    }
}

fn market_of(market: Option<&Scalar<'_>>, symbol: &str) -> Result<Market, DecodeError> {
    if let Some(market) = market {
        return match market.as_text().as_ref() {
            "1" => Ok(Market::UsdM),
            "2" => Ok(Market::Elsewhere),
            other => Err(wrong("st", other, "neither 1 (USD-M) nor 2 (COIN-M)")),
        };
    }
    let is_coin_m = symbol.split_once('_').is_some_and(|(pair, contract)| {
        contract == "PERP" || (pair.ends_with("USD") && !DATED_USD_M.contains(&pair))
    });
    Ok(if is_coin_m { Market::CoinM } else { Market::UsdM })
}

/// `BTCUSD_PERP`, or `BTCUSD_261225`.
fn parse_coin_m_symbol(symbol: &str) -> Option<Instrument> {
    let (pair, contract) = symbol.split_once('_')?;
    let base = pair.strip_suffix("USD").filter(|base| !base.is_empty())?;
    Some(match contract {
        "PERP" => Instrument::perp(base, "USD"),
        expiry => Instrument::future(base, "USD", parse_yymmdd(expiry)?),
    })
}

/// `BTCUSDT`, or `BTCUSDT_251226` for the future that expires on 2025-12-26.
fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let (pair, expiry) = match symbol.split_once('_') {
        Some((pair, expiry)) => (pair, Some(parse_yymmdd(expiry)?)),
        None => (symbol, None),
    };
    let (base, quote) = split_quote(pair)?;
    Some(match expiry {
        Some(expiry) => Instrument::future(base, quote, expiry),
        None => Instrument::perp(base, quote),
    })
}

fn split_quote(pair: &str) -> Option<(&str, &'static str)> {
    QUOTES
        .iter()
        .find_map(|quote| pair.strip_suffix(quote).map(|base| (base, *quote)))
        .filter(|(base, _)| !base.is_empty())
}

/// Data in a list outweighs what was ignored beside it.
fn merge(so_far: Option<FrameKind>, next: FrameKind) -> FrameKind {
    match so_far {
        Some(data @ FrameKind::Data(_)) => data,
        Some(_) | None => next,
    }
}

fn refused(code: Option<&Scalar<'_>>, msg: Option<&Scalar<'_>>) -> FrameKind {
    let words = |part: Option<&Scalar<'_>>| part.map(|part| part.as_text().into_owned()).unwrap_or_default();
    FrameKind::Refused(format!("{}: {}", words(code), words(msg)))
}

/// Other events of this venue, by their `e`. An unknown one is kept as not understood, so that a
/// renamed forced order is noticed.
fn label(e: &str) -> Option<&'static str> {
    const LABELS: [&str; 14] = [
        "24hrMiniTicker",
        "24hrTicker",
        "aggTrade",
        "assetIndexUpdate",
        "bookTicker",
        "compositeIndex",
        "continuous_kline",
        "contractInfo",
        "depthUpdate",
        "indexPriceUpdate",
        "kline",
        "markPrice_kline",
        // Of options, on their own connection.
        "openInterest",
        "trade",
    ];
    LABELS.into_iter().find(|label| *label == e)
}

#[cfg(test)]
mod tests;
