//! Decodes Binance COIN-M's forced orders (`forceOrder`) and mark prices.
//!
//! The stream tells at most one order per symbol and second: sums of it are a floor. `S` is the side of
//! the forced ORDER, so a `SELL` closed a long position. `z` counts contracts of 10 or 100 US dollars,
//! whose worth the price does not change. USD-M orders were seen on this socket in October 2026; they
//! are left to their own feed. Source: Binance's COIN-M documentation, 2026.
//!
//! Two paths of this host are in use and a wrong one is silent rather than refused, so a mark price
//! that speaks every second is subscribed beside the orders: until it speaks, nothing counts as
//! subscribed, and the next connection takes the other path.

use std::borrow::Cow;
use std::time::Duration;

use market::{Liquidation, Observation, Payload, PositionSide, Price, Quantity};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::blank::{maybe_millis, maybe_number, maybe_price};
use super::contract_state::{ContractState, Funding};
use super::paced::Paced;
use super::symbols::{Listed, Size, Symbols};
use super::wire::{Nested, Scalar, all_or_nothing, parse, price, quantity, required, text, wrong};
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use contracts::{Contracts, Row, parse_symbol};

mod contracts;

pub(super) const URL: &str = "wss://dstream.binance.com/ws/!forceOrder@arr";
/// The path that the split of the USD-M host suggests; both were in use in October 2026.
const OTHER_URL: &str = "wss://dstream.binance.com/market/ws/!forceOrder@arr";
pub(super) const REST_URL: &str = "https://dapi.binance.com";

const STREAM: &str = "!forceOrder@arr";
/// Speaks every second on a path that delivers.
const CONTROL: &str = "btcusd_perp@markPrice@1s";
const CONTROL_SYMBOL: &str = "BTCUSD_PERP";
const SUBSCRIBE_ID: i64 = 1;
/// The only dated USD-M pairs that ever ended in `USD`.
const DATED_USD_M: [&str; 2] = ["BTCBUSD", "ETHBUSD"];
/// Binance ends every connection after 24 hours; contract values grow old before that.
const ROTATE_AFTER: Duration = Duration::from_hours(23);
/// Binance allows ten messages a second, pings included.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    let place = match config.url.as_deref() {
        None | Some(URL) => Place::Ours { url: URL, attempt: Attempt::None },
        Some(OTHER_URL) => Place::Ours { url: OTHER_URL, attempt: Attempt::None },
        Some(url) => Place::Given(url.to_owned()),
    };
    Box::new(BinanceCoinm {
        place,
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        is_acknowledged: false,
        needs_contracts: true,
        symbols: Symbols::new(config.instruments.clone()),
        context: config.context.clone(),
        contracts: Contracts::default(),
        paced: Paced::default(),
    })
}

struct BinanceCoinm {
    place: Place,
    rest_url: String,
    is_acknowledged: bool,
    needs_contracts: bool,
    symbols: Symbols,
    /// Assets whose marks are followed.
    context: Instruments,
    contracts: Contracts,
    paced: Paced,
}

/// Where the venue is looked for.
enum Place {
    /// On one of its two paths.
    Ours { url: &'static str, attempt: Attempt },
    /// Where the user says, whose acknowledgement is believed.
    Given(String),
}

/// What became of the connection on this path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// None was made.
    None,
    /// The control stream has not spoken yet.
    Silent,
    /// It has.
    Speaking,
}

impl Decoder for BinanceCoinm {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| self.take(text, out))?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl StreamProtocol for BinanceCoinm {
    fn url(&self) -> &str {
        match &self.place {
            Place::Ours { url, .. } => url,
            Place::Given(url) => url,
        }
    }

    /// The other path is next where this one was tried and the control stream never spoke.
    fn reset(&mut self) {
        self.is_acknowledged = false;
        if let Place::Ours { url, attempt } = &mut self.place {
            if *attempt == Attempt::Silent {
                *url = if *url == URL { OTHER_URL } else { URL };
            }
            *attempt = Attempt::None;
        }
    }

    fn next_request(&mut self) -> Option<String> {
        self.needs_contracts.then(|| format!("{}/dapi/v1/exchangeInfo", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.needs_contracts = true;
    }

    fn subscribe(&mut self) -> Vec<String> {
        if let Place::Ours { attempt, .. } = &mut self.place {
            *attempt = Attempt::Silent;
        }
        let mut streams = vec![STREAM.to_owned(), CONTROL.to_owned()];
        let context = &self.context;
        let marks = self.contracts.trading_perpetuals(|instrument| context.wants(instrument.asset()));
        streams.extend(
            marks
                .map(|symbol| format!("{}@markPrice@1s", symbol.to_lowercase()))
                .filter(|mark| mark != CONTROL),
        );
        let message = serde_json::json!({ "method": "SUBSCRIBE", "params": streams, "id": SUBSCRIBE_ID });
        vec![message.to_string()]
    }

    fn is_subscribed(&self) -> bool {
        let speaks = match &self.place {
            Place::Ours { attempt, .. } => *attempt == Attempt::Speaking,
            Place::Given(_) => true,
        };
        self.is_acknowledged && speaks
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
    /// Answers: `null` is a yes, which differs from no `result` at all.
    #[serde(default, deserialize_with = "is_given")]
    result: bool,
    #[serde(borrow)]
    id: Option<Scalar<'a>>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
    /// REST answers.
    #[serde(borrow)]
    symbols: Option<&'a RawValue>,
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

/// What kind of event it is, and whose.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    e: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct ForceOrder<'a> {
    #[serde(borrow)]
    o: Option<Nested<Order<'a>>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    /// Symbol.
    #[serde(borrow)]
    s: Option<Scalar<'a>>,
    /// Pair, without the contract.
    #[serde(borrow)]
    ps: Option<Scalar<'a>>,
    /// Side of the order.
    #[serde(borrow, rename = "S")]
    side: Option<Scalar<'a>>,
    /// Ordered contracts.
    #[serde(borrow)]
    q: Option<Scalar<'a>>,
    /// Order price, near the bankruptcy price.
    #[serde(borrow)]
    p: Option<Scalar<'a>>,
    /// Average fill price.
    #[serde(borrow)]
    ap: Option<Scalar<'a>>,
    /// Filled contracts. Its neighbour `l` is the last fill alone and undercounts.
    #[serde(borrow)]
    z: Option<Scalar<'a>>,
    /// Trade time, ms.
    #[serde(borrow, rename = "T")]
    time: Option<Scalar<'a>>,
    /// Market: 1 USD-M, 2 COIN-M; sent since autumn 2026.
    #[serde(borrow)]
    st: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    s: Option<Scalar<'a>>,
    /// When it was sent, ms.
    #[serde(borrow, rename = "E")]
    sent: Option<Scalar<'a>>,
    #[serde(borrow)]
    p: Option<Scalar<'a>>,
    /// Funding rate; blank or absent for dated contracts.
    #[serde(borrow)]
    r: Option<Scalar<'a>>,
    /// Next funding time, ms; zero or absent for dated contracts.
    #[serde(borrow, rename = "T")]
    next: Option<Scalar<'a>>,
}

fn is_given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl BinanceCoinm {
    fn take(&mut self, text: &str, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        if text.trim_start().starts_with('[') {
            return self.take_list(text, out)?.ok_or(DecodeError::Unknown);
        }
        let frame: Frame<'_> = parse(text)?;
        if let Some(data) = frame.data.map(RawValue::get) {
            if data.starts_with('[') {
                return Ok(self.take_list(data, out)?.unwrap_or(FrameKind::Ignored("empty list")));
            }
            return self.take_event(data, out);
        }
        if frame.e.is_some() {
            return self.take_event(text, out);
        }
        if let Some(refusal) = &frame.error {
            return Ok(refused(refusal.code.as_ref(), refusal.msg.as_ref()));
        }
        if frame.code.is_some() && frame.msg.is_some() {
            return Ok(refused(frame.code.as_ref(), frame.msg.as_ref()));
        }
        if let (true, Some(id)) = (frame.result, &frame.id) {
            self.is_acknowledged |= id.number("id").is_ok_and(|id| id as i64 == SUBSCRIBE_ID);
            return Ok(FrameKind::Ack);
        }
        if let Some(symbols) = frame.symbols {
            self.contracts.replace(&parse::<Vec<Nested<Row<'_>>>>(symbols.get())?)?;
            self.needs_contracts = false;
            return Ok(FrameKind::Reference("contracts"));
        }
        if frame.last_update_id.is_some() {
            return Ok(FrameKind::Ignored("depth"));
        }
        Err(DecodeError::Unknown)
    }

    /// Data in a list outweighs what was ignored beside it.
    fn take_list(&mut self, list: &str, out: &mut Vec<Stamped>) -> Result<Option<FrameKind>, DecodeError> {
        let mut kind = None;
        for event in parse::<Vec<&RawValue>>(list)? {
            let next = self.take_event(event.get(), out)?;
            if !matches!(kind, Some(FrameKind::Data(_))) {
                kind = Some(next);
            }
        }
        Ok(kind)
    }

    fn take_event(&mut self, event: &str, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let head: Head<'_> = parse(event)?;
        let e = required("e", head.e.as_ref())?.as_text();
        match e.as_ref() {
            "forceOrder" => match parse::<ForceOrder<'_>>(event)?.o {
                Some(Nested::Object(order)) => self.take_order(&order, out),
                Some(Nested::Other) | None => Err(wrong("o", "", "not an order")),
            },
            "markPriceUpdate" => self.take_mark(&parse(event)?, out),
            other => label(other)
                .map(FrameKind::Ignored)
                .ok_or_else(|| wrong("e", other, "not a known kind of event")),
        }
    }

    fn take_order(&mut self, order: &Order<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let symbol = required("s", order.s.as_ref())?.as_text();
        if is_usd_m(order, &symbol)? {
            return Ok(FrameKind::Ignored("usd-m order"));
        }
        let listed = self.symbols.look_up("s", &symbol, parse_symbol)?;
        let event_time = required("T", order.time.as_ref())?.millis("T")?;
        let seen = liquidation(order, listed, self.contracts.worth(&listed.symbol))?;
        if listed.is_wanted {
            out.push(Stamped::news(event_time, Observation::Liquidation(seen)));
        }
        Ok(FrameKind::Data("liquidation"))
    }

    fn take_mark(&mut self, mark: &Mark<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let symbol = required("s", mark.s.as_ref())?.as_text();
        let listed = self.symbols.look_up("s", &symbol, parse_symbol)?;
        let at = required("E", mark.sent.as_ref())?.millis("E")?;
        let next = maybe_millis("T", mark.next.as_ref())?;
        let rate = maybe_number("r", mark.r.as_ref())?;
        let state = ContractState {
            mark: maybe_price("p", mark.p.as_ref())?,
            // Dated contracts carry a rate of zero and no time. The interval is told nowhere here.
            funding: match (rate, next) {
                (Some(rate), Some(_)) => Some(Funding { rate, interval_hours: None, next }),
                (None, _) | (_, None) => None,
            },
            open: Size::default(),
        };
        if let (Place::Ours { attempt, .. }, CONTROL_SYMBOL) = (&mut self.place, symbol.as_ref()) {
            *attempt = Attempt::Speaking;
        }
        if !self.context.wants(listed.instrument.asset()) {
            return Ok(FrameKind::Ignored("control"));
        }
        state.tell(listed, at, out);
        Ok(FrameKind::Data("mark price"))
    }
}

/// Whether the order is the other market's: by the frame's own word, or by a pair that does not end in
/// `USD` before the contract. Every COIN-M symbol names its contract.
fn is_usd_m(order: &Order<'_>, symbol: &str) -> Result<bool, DecodeError> {
    match order.st.as_ref().map(Scalar::as_text).as_deref() {
        Some("1") => return Ok(true),
        Some("2") | None => {}
        Some(other) => return Err(wrong("st", other, "neither 1 (USD-M) nor 2 (COIN-M)")),
    }
    let pair = match (&order.ps, symbol.split_once('_')) {
        (_, None) => return Ok(true),
        (Some(pair), Some(_)) => pair.as_text(),
        (None, Some((pair, _))) => Cow::Borrowed(pair),
    };
    Ok(!pair.ends_with("USD") || DATED_USD_M.contains(&pair.as_ref()))
}

fn liquidation(order: &Order<'_>, listed: &Listed, worth: Option<f64>) -> Result<Liquidation, DecodeError> {
    let (price, size) = (filled_price(order)?, filled_contracts(order)?);
    let size = match worth {
        Some(worth) => Size::of_quote("z", size * worth, price, listed)?,
        None => Size::default(),
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: position(required("S", order.side.as_ref())?)?,
        price,
        quantity: size.quantity,
        notional: size.notional,
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
fn filled_contracts(order: &Order<'_>) -> Result<f64, DecodeError> {
    match &order.z {
        Some(filled) if filled.size("z")? > 0.0 => quantity("z", order.z.as_ref()),
        Some(_) | None => quantity("q", order.q.as_ref()),
    }
    .map(Quantity::get)
}

/// `ap`; while nothing is filled yet, the order's own price.
fn filled_price(order: &Order<'_>) -> Result<Price, DecodeError> {
    match &order.ap {
        Some(average) if average.size("ap")? > 0.0 => price("ap", order.ap.as_ref()),
        Some(_) | None => price("p", order.p.as_ref()),
    }
}

fn refused(code: Option<&Scalar<'_>>, msg: Option<&Scalar<'_>>) -> FrameKind {
    let words = |part: Option<&Scalar<'_>>| part.map(|part| part.as_text().into_owned()).unwrap_or_default();
    FrameKind::Refused(format!("{}: {}", words(code), words(msg)))
}

/// Other events of this venue, by their `e`. An unknown one is kept as not understood, so that a
/// renamed forced order is noticed.
fn label(e: &str) -> Option<&'static str> {
    const LABELS: [&str; 12] = [
        "24hrMiniTicker",
        "24hrTicker",
        "aggTrade",
        "bookTicker",
        "contractInfo",
        "continuous_kline",
        "depthUpdate",
        "indexPriceUpdate",
        "indexPrice_kline",
        "kline",
        "markPrice_kline",
        "trade",
    ];
    LABELS.into_iter().find(|label| *label == e)
}

#[cfg(test)]
mod tests;
