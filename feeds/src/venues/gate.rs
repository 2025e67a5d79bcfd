//! Decodes Gate's liquidations of USDT perpetuals (`futures.public_liquidates`) and their tickers.
//!
//! The stream tells at most one order per contract and second: sums of it are a floor. The sign of `size`
//! is that of the forced ORDER, so a negative one closed a long; Gate's REST history has the opposite
//! sign. Sizes count contracts, whose base units Gate tells over REST, and prices are those of the
//! order. Source: Gate's futures API documentation, 2026.

use std::time::Duration;

use market::{Liquidation, Observation, Payload, PositionSide, Quantity, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::blank::{maybe_number, maybe_price};
use super::contract_state::{ContractState, Funding};
use super::paced::Paced;
use super::symbols::{Listed, Size, Symbols};
use super::wire::{Scalar, all_or_nothing, parse, price, required, text, wrong};
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use contracts::{Contracts, Row, parse_symbol};

mod contracts;

pub(super) const URL: &str = "wss://fx-ws.gateio.ws/v4/ws/usdt";
pub(super) const REST_URL: &str = "https://api.gateio.ws";

const LIQUIDATIONS: &str = "futures.public_liquidates";
const TICKERS: &str = "futures.tickers";
/// Gate asks for the time of every request and uses it where requests are signed; these are not, and
/// decoders have no clock.
const REQUEST_TIME: i64 = 1_700_000_000;
/// Gate does not end healthy connections; the contract values grow old.
const ROTATE_AFTER: Duration = Duration::from_hours(6);
const PING_EVERY: Duration = Duration::from_secs(20);
/// Contracts in one message.
const BATCH: usize = 100;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Gate {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        symbols: Symbols::new(config.instruments.clone()),
        context: config.context.clone(),
        contracts: Contracts::new(config.rest_url.as_deref().unwrap_or(REST_URL)),
        is_subscribed: false,
        asks: Vec::new(),
        paced: Paced::default(),
    })
}

struct Gate {
    url: String,
    symbols: Symbols,
    /// Assets whose tickers are followed.
    context: Instruments,
    contracts: Contracts,
    is_subscribed: bool,
    /// Messages about context, sent once liquidations are subscribed: their failure costs none.
    asks: Vec<String>,
    paced: Paced,
}

impl Decoder for Gate {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        if text.trim_start().starts_with('[') {
            self.contracts.take(&parse::<Vec<Row<'_>>>(text)?)?;
            return Ok(FrameKind::Reference("contracts"));
        }
        let frame: Frame<'_> = parse(text)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| self.take(&frame, out))?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl StreamProtocol for Gate {
    fn url(&self) -> &str {
        &self.url
    }

    /// Sizes as decimal strings, which Gate is moving to; without it, fractions of a contract are cut off.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("x-gate-size-decimal", "1")]
    }

    fn reset(&mut self) {
        self.is_subscribed = false;
        self.asks.clear();
    }

    fn next_request(&mut self) -> Option<String> {
        self.contracts.next_request()
    }

    fn forget_references(&mut self) {
        self.contracts.start_over();
    }

    fn subscribe(&mut self) -> Vec<String> {
        vec![ask(LIQUIDATIONS, &["!all"])]
    }

    fn outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asks)
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    fn heartbeat(&self) -> Heartbeat {
        let message = format!(r#"{{"time":{REQUEST_TIME},"channel":"futures.ping"}}"#);
        Heartbeat::Text { every: PING_EVERY, message }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

fn ask(channel: &str, payload: &[&str]) -> String {
    let event = "subscribe";
    serde_json::json!({ "time": REQUEST_TIME, "channel": channel, "event": event, "payload": payload })
        .to_string()
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    /// Seconds.
    #[serde(borrow)]
    time: Option<Scalar<'a>>,
    #[serde(borrow)]
    time_ms: Option<Scalar<'a>>,
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
    #[serde(borrow)]
    event: Option<Scalar<'a>>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
    /// Left as it is until the channel is known: most channels are not ours.
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    /// REST answers.
    #[serde(borrow)]
    label: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
    asks: Option<IgnoredAny>,
    bids: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    contract: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    /// Contracts, with the sign of the order.
    #[serde(borrow)]
    size: Option<Scalar<'a>>,
    #[serde(borrow)]
    time_ms: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    contract: Option<Scalar<'a>>,
    #[serde(borrow)]
    mark_price: Option<Scalar<'a>>,
    /// Fraction per interval.
    #[serde(borrow)]
    funding_rate: Option<Scalar<'a>>,
    /// Contracts open.
    #[serde(borrow)]
    total_size: Option<Scalar<'a>>,
}

impl Gate {
    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let words = |part: &Option<Scalar<'_>>| {
            part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
        };
        let Some(channel) = frame.channel.as_ref().map(Scalar::as_text) else {
            return match (&frame.label, &frame.asks, &frame.bids) {
                (Some(_), _, _) => {
                    Ok(FrameKind::Refused(format!("{}: {}", words(&frame.label), words(&frame.message))))
                }
                (None, Some(_), Some(_)) => Ok(FrameKind::Ignored("order book")),
                (None, _, _) => Err(DecodeError::Unknown),
            };
        };
        if let Some(Refusal { code, message }) = &frame.error {
            return Ok(FrameKind::Refused(format!("{channel}: {}: {}", words(code), words(message))));
        }
        if channel == "futures.pong" || channel == "futures.ping" {
            return Ok(FrameKind::Keepalive);
        }
        match words(&frame.event).as_str() {
            "subscribe" => {
                if channel == LIQUIDATIONS {
                    self.is_subscribed = true;
                    self.follow();
                }
                Ok(FrameKind::Ack)
            }
            "unsubscribe" => Ok(FrameKind::Ignored("unsubscribe")),
            "update" | "all" => self.take_update(&channel, frame, out),
            other => Err(wrong("event", other, "not a known event")),
        }
    }

    /// Asks for the tickers of the contracts whose assets are followed.
    fn follow(&mut self) {
        let context = &self.context;
        let followed: Vec<&str> =
            self.contracts.trading(|instrument| context.wants(instrument.asset())).collect();
        self.asks = followed.chunks(BATCH).map(|batch| ask(TICKERS, batch)).collect();
    }

    fn take_update(
        &mut self,
        channel: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let is_ticker = match channel {
            LIQUIDATIONS => false,
            TICKERS => true,
            other => {
                let label = label(other).ok_or_else(|| wrong("channel", other, "not a known channel"))?;
                return Ok(FrameKind::Ignored(label));
            }
        };
        let result = frame.result.ok_or_else(|| wrong("result", "", "missing"))?;
        let mut items = Vec::new();
        flatten(result, 0, &mut items)?;
        for item in items {
            if is_ticker {
                self.take_ticker(&parse(item)?, frame_time(frame)?, out)?;
            } else {
                self.take_order(&parse(item)?, frame, out)?;
            }
        }
        Ok(FrameKind::Data(if is_ticker { "ticker" } else { "liquidation" }))
    }

    fn take_order(
        &mut self,
        order: &Order<'_>,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let symbol = required("contract", order.contract.as_ref())?.as_text();
        let listed = self.symbols.look_up("contract", &symbol, parse_symbol)?;
        let event_time = match &order.time_ms {
            Some(time) => time.millis("time_ms")?,
            None => frame_time(frame)?,
        };
        let seen = liquidation(order, listed, self.contracts.base_units(&symbol))?;
        if listed.is_wanted {
            out.push(Stamped::news(event_time, Observation::Liquidation(seen)));
        }
        Ok(())
    }

    fn take_ticker(
        &mut self,
        ticker: &Ticker<'_>,
        at: Timestamp,
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let symbol = required("contract", ticker.contract.as_ref())?.as_text();
        let listed = self.symbols.look_up("contract", &symbol, parse_symbol)?;
        let mark = maybe_price("mark_price", ticker.mark_price.as_ref())?;
        let interval_hours = self.contracts.funding_hours(&symbol);
        let funding = maybe_number("funding_rate", ticker.funding_rate.as_ref())?.map(|rate| Funding {
            rate,
            interval_hours,
            next: None,
        });
        let total = maybe_number("total_size", ticker.total_size.as_ref())?;
        let open = match (total, self.contracts.base_units(&symbol), mark) {
            (Some(total), Some(units), Some(mark)) => {
                Size::of_base("total_size", total * units, mark, listed)?
            }
            (_, _, _) => Size::default(),
        };
        if self.context.wants(listed.instrument.asset()) {
            ContractState { mark, funding, open }.tell(listed, at, out);
        }
        Ok(())
    }
}

/// `result` is an object, a list, or a list in a list.
fn flatten<'a>(result: &'a RawValue, depth: u8, items: &mut Vec<&'a str>) -> Result<(), DecodeError> {
    if !result.get().starts_with('[') {
        items.push(result.get());
        return Ok(());
    }
    if depth > 1 {
        return Err(wrong("result", result.get(), "a list in a list in a list"));
    }
    for inner in parse::<Vec<&RawValue>>(result.get())? {
        flatten(inner, depth + 1, items)?;
    }
    Ok(())
}

/// `time_ms`; frames of before 2022 have seconds alone.
fn frame_time(frame: &Frame<'_>) -> Result<Timestamp, DecodeError> {
    if let Some(millis) = &frame.time_ms {
        return millis.millis("time_ms");
    }
    let seconds = required("time", frame.time.as_ref())?;
    let millis = seconds.number("time")? * 1_000.0;
    Scalar::Float(millis.round()).millis("time")
}

fn liquidation(
    order: &Order<'_>,
    listed: &Listed,
    base_units: Option<f64>,
) -> Result<Liquidation, DecodeError> {
    let price = price("price", order.price.as_ref())?;
    let signed = required("size", order.size.as_ref())?;
    let contracts = signed.number("size")?;
    let position = if contracts < 0.0 {
        PositionSide::Long
    } else if contracts > 0.0 {
        PositionSide::Short
    } else {
        return Err(wrong("size", &signed.as_text(), "no order, and so of no side"));
    };
    // The size may be one that no contract value makes sense of; that must not pass unnoticed.
    Quantity::new(contracts.abs()).map_err(|_| wrong("size", &signed.as_text(), "not a size"))?;
    let size = match base_units {
        Some(units) => Size::of_base("size", contracts.abs() * units, price, listed)?,
        None => Size::default(),
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position,
        price,
        quantity: size.quantity,
        notional: size.notional,
        venue_id: None,
    })
}

/// Other channels of this venue. An unknown one is kept as not understood, so that a renamed channel of
/// liquidations is noticed.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 8] = [
        "futures.book_ticker",
        "futures.candlesticks",
        "futures.contract_stats",
        "futures.obu",
        "futures.order_book",
        "futures.order_book_update",
        "futures.trades",
        "futures.trades_v2",
    ];
    LABELS.into_iter().find(|label| *label == channel)
}

#[cfg(test)]
mod tests;
