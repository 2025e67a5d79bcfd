//! Decodes HTX's liquidation orders of USDT-margined and coin-margined contracts.
//!
//! HTX promises nothing about how many of its liquidations the stream tells. `direction` is the side of
//! the ORDER that closed the position, so a `sell` closed a long. Linear contracts tell base units
//! (`amount`) and dollars (`trade_turnover`) themselves; coin-margined ones count contracts of 10 or 100
//! US dollars, which HTX tells over REST. Every message is gzip. Source: HTX's futures API documentation,
//! 2026.

use std::time::Duration;

use market::{Liquidation, Observation, Payload, PositionSide};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::blank::maybe_number;
use super::symbols::{Listed, Size, Symbols, dollars};
use super::wire::{Scalar, all_or_nothing, parse, price, quantity, required, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use contracts::{Contracts, Row, is_coin_margined, parse_symbol};
use gzip::Unpacker;

mod contracts;
mod gzip;

pub(super) const LINEAR_URL: &str = "wss://api.hbdm.com/linear-swap-notification";
pub(super) const COIN_MARGINED_URL: &str = "wss://api.hbdm.com/swap-notification";
pub(super) const REST_URL: &str = "https://api.hbdm.com";

const TOPIC: &str = "public.*.liquidation_orders";
/// HTX does not end healthy connections; the contract values grow old.
const ROTATE_AFTER: Duration = Duration::from_hours(6);
/// HTX itself asks every few seconds; this only keeps what is between us awake.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The longest value that is echoed, bytes: HTX sends a time.
const LONGEST_ECHO: usize = 64;
/// The topic was subscribed already.
const REPEATED: f64 = 2014.0;

/// USDT-margined swaps and futures.
pub(super) fn linear(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    protocol(LINEAR_URL, References::None, config)
}

/// Coin-margined swaps.
pub(super) fn coin_margined(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL).trim_end_matches('/');
    let url = format!("{rest_url}/swap-api/v1/swap_contract_info");
    protocol(COIN_MARGINED_URL, References::Wanted { url }, config)
}

fn protocol(home: &str, references: References, config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Htx {
        url: config.url.clone().unwrap_or_else(|| home.to_owned()),
        references,
        symbols: Symbols::new(config.instruments.clone()),
        contracts: Contracts::default(),
        is_subscribed: false,
        pong: None,
        unpacker: Unpacker::default(),
    })
}

struct Htx {
    url: String,
    references: References,
    symbols: Symbols,
    contracts: Contracts,
    is_subscribed: bool,
    /// What to answer the last ping with.
    pong: Option<String>,
    unpacker: Unpacker,
}

/// Whether contract values are needed.
enum References {
    /// The stream tells enough itself.
    None,
    Wanted {
        url: String,
    },
    Known {
        url: String,
    },
}

impl Decoder for Htx {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let mut unpacker = std::mem::take(&mut self.unpacker);
        let kind = unpacker.text(payload).and_then(|text| {
            let frame: Frame<'_> = parse(text)?;
            all_or_nothing(out, |out| self.take(&frame, out))
        });
        self.unpacker = unpacker;
        kind
    }
}

impl StreamProtocol for Htx {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.is_subscribed = false;
        self.pong = None;
    }

    fn next_request(&mut self) -> Option<String> {
        match &self.references {
            References::Wanted { url } => Some(url.clone()),
            References::None | References::Known { .. } => None,
        }
    }

    fn forget_references(&mut self) {
        if let References::Known { url } = &self.references {
            self.references = References::Wanted { url: url.clone() };
        }
    }

    fn subscribe(&mut self) -> Vec<String> {
        vec![format!(r#"{{"op":"sub","cid":"1","topic":"{TOPIC}"}}"#)]
    }

    fn outgoing(&mut self) -> Vec<String> {
        self.pong.take().into_iter().collect()
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed
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
    op: Option<Scalar<'a>>,
    #[serde(borrow)]
    topic: Option<Scalar<'a>>,
    /// A number in some messages and a string in others: echoed as it came.
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow, rename = "err-code")]
    err_code: Option<Scalar<'a>>,
    #[serde(borrow, rename = "err-msg", alias = "err_msg")]
    err_msg: Option<Scalar<'a>>,
    /// Liquidations, or the contracts of a REST answer.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// The market-data sockets' own words.
    #[serde(borrow)]
    ping: Option<&'a RawValue>,
    #[serde(borrow)]
    ch: Option<Scalar<'a>>,
    #[serde(borrow)]
    subbed: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    contract_code: Option<Scalar<'a>>,
    #[serde(borrow)]
    direction: Option<Scalar<'a>>,
    #[serde(borrow)]
    offset: Option<Scalar<'a>>,
    /// Contracts.
    #[serde(borrow)]
    volume: Option<Scalar<'a>>,
    /// Base units.
    #[serde(borrow)]
    amount: Option<Scalar<'a>>,
    /// Quote currency.
    #[serde(borrow)]
    trade_turnover: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    /// Milliseconds.
    #[serde(borrow)]
    created_at: Option<Scalar<'a>>,
}

impl Htx {
    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        if let Some(op) = &frame.op {
            return self.take_op(&op.as_text(), frame, out);
        }
        if let Some(value) = frame.ping {
            self.answer("ping", value, |echo| format!(r#"{{"pong":{echo}}}"#))?;
            return Ok(FrameKind::Keepalive);
        }
        if let Some(ch) = &frame.ch {
            let ch = ch.as_text();
            let kind = ch.split('.').nth(2).unwrap_or_default();
            return label(kind)
                .map(FrameKind::Ignored)
                .ok_or_else(|| wrong("ch", &ch, "not a known channel"));
        }
        if frame.subbed.is_some() {
            return Ok(FrameKind::Ack);
        }
        match frame.status.as_ref().map(Scalar::as_text).as_deref() {
            Some("ok") => {
                let rows = frame.data.ok_or_else(|| wrong("data", "", "missing"))?;
                self.contracts.replace(&parse::<Vec<Row<'_>>>(rows.get())?)?;
                if let References::Wanted { url } = &self.references {
                    self.references = References::Known { url: url.clone() };
                }
                Ok(FrameKind::Reference("contracts"))
            }
            Some("error") => Ok(FrameKind::Refused(refusal(frame))),
            Some(_) | None => Err(DecodeError::Unknown),
        }
    }

    fn take_op(
        &mut self,
        op: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        match op {
            "ping" => {
                let value = frame.ts.ok_or_else(|| wrong("ts", "", "missing"))?;
                self.answer("ts", value, |echo| format!(r#"{{"op":"pong","ts":{echo}}}"#))?;
                Ok(FrameKind::Keepalive)
            }
            "pong" => Ok(FrameKind::Keepalive),
            "sub" => {
                let code = required("err-code", frame.err_code.as_ref())?.number("err-code")?;
                if code != 0.0 && code != REPEATED {
                    return Ok(FrameKind::Refused(refusal(frame)));
                }
                let topic = frame.topic.as_ref().map(Scalar::as_text);
                self.is_subscribed |= topic.as_deref() == Some(TOPIC);
                Ok(FrameKind::Ack)
            }
            "notify" => self.take_notice(frame, out),
            "error" => Ok(FrameKind::Refused(refusal(frame))),
            "close" => Ok(FrameKind::Closing(refusal(frame))),
            "unsub" => Ok(FrameKind::Ignored("unsub")),
            other => Err(wrong("op", other, "not a known operation")),
        }
    }

    fn answer(
        &mut self,
        field: &'static str,
        value: &RawValue,
        words: impl Fn(&str) -> String,
    ) -> Result<(), DecodeError> {
        let echo = value.get();
        if echo.len() > LONGEST_ECHO || echo.starts_with(['{', '[']) {
            return Err(wrong(field, echo, "no time to be echoed"));
        }
        self.pong = Some(words(echo));
        Ok(())
    }

    fn take_notice(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let topic = required("topic", frame.topic.as_ref())?.as_text();
        let kind = topic.rsplit('.').next().unwrap_or_default();
        if kind != "liquidation_orders" {
            let label = label(kind).ok_or_else(|| wrong("topic", &topic, "not a known topic"))?;
            return Ok(FrameKind::Ignored(label));
        }
        let data = frame.data.ok_or_else(|| wrong("data", "", "missing"))?;
        for order in &parse::<Vec<Order<'_>>>(data.get())? {
            let code = required("contract_code", order.contract_code.as_ref())?.as_text();
            let listed = self.symbols.look_up("contract_code", &code, parse_symbol)?;
            let event_time = required("created_at", order.created_at.as_ref())?.millis("created_at")?;
            let seen = liquidation(order, listed, self.contracts.value(&code))?;
            if listed.is_wanted {
                out.push(Stamped::news(event_time, Observation::Liquidation(seen)));
            }
        }
        Ok(FrameKind::Data("liquidation"))
    }
}

/// What the venue said, or that it said nothing.
fn refusal(frame: &Frame<'_>) -> String {
    let parts = [&frame.err_code, &frame.err_msg].into_iter().flatten().map(Scalar::as_text);
    let words: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    if words.is_empty() { "no reason given".to_owned() } else { words.join(": ") }
}

fn liquidation(order: &Order<'_>, listed: &Listed, value: Option<f64>) -> Result<Liquidation, DecodeError> {
    let price = price("price", order.price.as_ref())?;
    let contracts = quantity("volume", order.volume.as_ref())?.get();
    let size = if is_coin_margined(listed) {
        match value {
            Some(dollars) => Size::of_quote("volume", contracts * dollars, price, listed)?,
            None => Size::default(),
        }
    } else {
        let told = maybe_number("amount", order.amount.as_ref())?.filter(|amount| *amount > 0.0);
        let base = told.or(value.map(|units| contracts * units));
        let mut size = match base {
            Some(base) => Size::of_base("amount", base, price, listed)?,
            None => Size::default(),
        };
        let turnover = maybe_number("trade_turnover", order.trade_turnover.as_ref())?;
        if let (Some(turnover), true) = (turnover.filter(|turnover| *turnover > 0.0), listed.is_in_dollars) {
            size.notional = Some(dollars(turnover)?);
        }
        size
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: position(order)?,
        price,
        quantity: size.quantity,
        notional: size.notional,
        venue_id: None,
    })
}

/// The order closes what it is opposite to.
fn position(order: &Order<'_>) -> Result<PositionSide, DecodeError> {
    match order.offset.as_ref().map(Scalar::as_text).as_deref() {
        // `both`: positions are netted, and the order still closes.
        Some("close" | "both") | None => {}
        Some(other) => return Err(wrong("offset", other, "not the closing of a position")),
    }
    match required("direction", order.direction.as_ref())?.as_text().as_ref() {
        "sell" => Ok(PositionSide::Long),
        "buy" => Ok(PositionSide::Short),
        other => Err(wrong("direction", other, "neither sell nor buy")),
    }
}

/// Other topics and channels of this venue. An unknown one is kept as not understood, so that a renamed
/// topic of liquidations is noticed.
fn label(kind: &str) -> Option<&'static str> {
    const LABELS: [&str; 9] = [
        "bbo",
        "contract_elements",
        "contract_info",
        "depth",
        "detail",
        "funding_rate",
        "index",
        "kline",
        "trade",
    ];
    LABELS.into_iter().find(|label| *label == kind)
}

#[cfg(test)]
mod tests;
