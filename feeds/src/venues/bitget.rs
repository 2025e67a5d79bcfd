//! Decodes Bitget's liquidations of futures (`liquidation`, version 3).
//!
//! Once a second the stream tells, per symbol, the largest liquidated long and the largest liquidated
//! short: sums of it are a floor. `side` is that of the POSITION. `amount` is what it was worth in the
//! quote currency: in real frames it is the price times a quantity of the contract's own step, to the last
//! digit. What it counts for coin-margined contracts was never seen, so their size stays unknown.
//! Source: Bitget's unified-account documentation, 2026.

use std::time::Duration;

use market::{Instrument, Liquidation, Observation, Payload, PositionSide};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbols::{Listed, Size, Symbols, parse_month_code};
use super::wire::{Scalar, all_or_nothing, parse, price, quantity, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://ws.bitget.com/v3/ws/public";

const TOPIC: &str = "liquidation";
/// Bitget ends every connection after 24 hours.
const ROTATE_AFTER: Duration = Duration::from_hours(23);
/// Bitget ends connections that said nothing for two minutes and asks for a ping every half.
const PING_EVERY: Duration = Duration::from_secs(25);

/// Bitget's kinds of futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Market {
    Usdt,
    Usdc,
    Coin,
}

impl Market {
    const ALL: [Self; 3] = [Self::Usdt, Self::Usdc, Self::Coin];

    fn as_str(self) -> &'static str {
        match self {
            Self::Usdt => "usdt-futures",
            Self::Usdc => "usdc-futures",
            Self::Coin => "coin-futures",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|market| market.as_str() == text)
    }
}

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Bitget {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        symbols: Symbols::new(config.instruments.clone()),
        unacknowledged: Market::ALL.to_vec(),
    })
}

struct Bitget {
    url: String,
    symbols: Symbols,
    /// Markets whose subscription is still to be acknowledged.
    unacknowledged: Vec<Market>,
}

impl Decoder for Bitget {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        if text == "pong" || text == "ping" {
            return Ok(FrameKind::Keepalive);
        }
        let frame: Frame<'_> = parse(text)?;
        if let Some(event) = &frame.event {
            return self.take_event(&event.as_text(), &frame);
        }
        let arg = frame.arg.as_ref().ok_or(DecodeError::Unknown)?;
        let topic = required("topic", arg.topic.as_ref())?.as_text();
        if topic != TOPIC {
            let label = label(&topic).ok_or_else(|| wrong("topic", &topic, "not a known topic"))?;
            return Ok(FrameKind::Ignored(label));
        }
        let market = arg.market()?;
        let data = frame.data.ok_or_else(|| wrong("data", "", "missing"))?;
        let items: Vec<Item<'_>> = parse(data.get())?;
        all_or_nothing(out, |out| items.iter().try_for_each(|item| self.take_item(market, item, out)))?;
        Ok(FrameKind::Data("liquidation"))
    }
}

impl StreamProtocol for Bitget {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.unacknowledged = Market::ALL.to_vec();
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    fn subscribe(&mut self) -> Vec<String> {
        let args =
            Market::ALL.map(|market| serde_json::json!({ "instType": market.as_str(), "topic": TOPIC }));
        vec![serde_json::json!({ "op": "subscribe", "args": args }).to_string()]
    }

    fn is_subscribed(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Text { every: PING_EVERY, message: "ping".to_owned() }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Option<Scalar<'a>>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    arg: Option<Arg<'a>>,
    /// Left as it is until the topic is known.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arg<'a> {
    #[serde(borrow)]
    inst_type: Option<Scalar<'a>>,
    #[serde(borrow)]
    topic: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    /// Side of the position.
    #[serde(borrow)]
    side: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    /// Quote currency.
    #[serde(borrow)]
    amount: Option<Scalar<'a>>,
    /// When it happened, ms; up to some twenty seconds before it is told.
    #[serde(borrow)]
    ts: Option<Scalar<'a>>,
}

impl Arg<'_> {
    fn market(&self) -> Result<Market, DecodeError> {
        let inst_type = required("instType", self.inst_type.as_ref())?.as_text();
        Market::parse(&inst_type).ok_or_else(|| wrong("instType", &inst_type, "not a known kind of futures"))
    }
}

impl Bitget {
    fn take_event(&mut self, event: &str, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        match event {
            "subscribe" => {
                if let Some(arg) = frame.arg.as_ref() {
                    let market = arg.market()?;
                    self.unacknowledged.retain(|waiting| *waiting != market);
                }
                Ok(FrameKind::Ack)
            }
            "error" => {
                let words = |part: &Option<Scalar<'_>>| {
                    part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
                };
                Ok(FrameKind::Refused(format!("{}: {}", words(&frame.code), words(&frame.msg))))
            }
            "unsubscribe" => Ok(FrameKind::Ignored("unsubscribe")),
            other => Err(wrong("event", other, "not a known event")),
        }
    }

    fn take_item(
        &mut self,
        market: Market,
        item: &Item<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let symbol = required("symbol", item.symbol.as_ref())?.as_text();
        let listed = self.symbols.look_up("symbol", &symbol, parse_symbol)?;
        let event_time = required("ts", item.ts.as_ref())?.millis("ts")?;
        let seen = liquidation(market, item, listed)?;
        if listed.is_wanted {
            out.push(Stamped::news(event_time, Observation::Liquidation(seen)));
        }
        Ok(())
    }
}

fn liquidation(market: Market, item: &Item<'_>, listed: &Listed) -> Result<Liquidation, DecodeError> {
    let price = price("price", item.price.as_ref())?;
    let amount = quantity("amount", item.amount.as_ref())?;
    let size = match market {
        Market::Usdt | Market::Usdc => Size::of_quote("amount", amount.get(), price, listed)?,
        Market::Coin => Size::default(),
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: position(required("side", item.side.as_ref())?)?,
        price,
        quantity: size.quantity,
        notional: size.notional,
        venue_id: None,
    })
}

/// The side of the position itself, not of the order that closed it.
fn position(side: &Scalar<'_>) -> Result<PositionSide, DecodeError> {
    match side.as_text().as_ref() {
        "buy" => Ok(PositionSide::Long),
        "sell" => Ok(PositionSide::Short),
        other => Err(wrong("side", other, "neither buy nor sell")),
    }
}

/// `BTCUSDT`, `BTCPERP` (in USDC), `BTCUSD`, and `BTCUSDH27`, which expires on the last Friday of March 2027.
fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let perp = |base: &str, quote| (!base.is_empty()).then(|| Instrument::perp(base, quote));
    for (ending, quote) in [("PERP", "USDC"), ("USDT", "USDT"), ("USDC", "USDC"), ("USD", "USD")] {
        if let Some(base) = symbol.strip_suffix(ending) {
            return perp(base, quote);
        }
    }
    let (pair, expiry) = symbol.split_at_checked(symbol.len().checked_sub(3)?)?;
    let base = pair.strip_suffix("USD").filter(|base| !base.is_empty())?;
    Some(Instrument::future(base, "USD", parse_month_code(expiry)?))
}

/// Other topics of this venue. An unknown one is kept as not understood, so that a renamed liquidation
/// topic is noticed.
fn label(topic: &str) -> Option<&'static str> {
    const LABELS: [&str; 7] = ["books", "books1", "books5", "books50", "kline", "publicTrade", "ticker"];
    LABELS.into_iter().find(|label| *label == topic)
}

#[cfg(test)]
mod tests;
