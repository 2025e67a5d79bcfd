//! Decodes Bitfinex's liquidated positions (`liq:global`).
//!
//! A position is told when its liquidation is triggered (its whole amount, `isMatch` 0) and again for each
//! execution (the executed part, `isMatch` 1), in either order. The sign of the amount is that of the
//! POSITION: above zero, a long was closed. Amounts are base units. Prices are those at which a part was
//! taken over; a trigger that has none carries the position's base price, at which it was opened.
//! Source: Bitfinex's WebSocket documentation, 2026.
//!
//! So that each position counts once, what was told of it is remembered by its id, and a frame tells what
//! it adds to that: the trigger what no execution told before, executions nothing that the trigger told.

use std::time::Duration;

use market::{Instrument, Liquidation, Observation, Payload, PositionSide, Price, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::symbols::{Listed, Size, Symbols};
use super::wire::{Scalar, all_or_nothing, parse, price, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use positions::{Amounts, Positions};

mod positions;

pub(super) const URL: &str = "wss://api-pub.bitfinex.com/ws/2";

const KEY: &str = "liq:global";
/// Adds the server's time to every frame.
const TIMESTAMPS: u32 = 32_768;
/// Bitfinex does not end healthy connections.
const ROTATE_AFTER: Duration = Duration::from_hours(23);
const PING_EVERY: Duration = Duration::from_secs(20);
/// The snapshot after subscribing repeats old liquidations. What is older than this when it is told was
/// public before.
const NEWS_WITHIN: Duration = Duration::from_mins(1);
/// Informational codes after which the server wants clients to go: restart, maintenance.
const CLOSING: [f64; 2] = [20_051.0, 20_060.0];

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Bitfinex {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        symbols: Symbols::new(config.instruments.clone()),
        is_subscribed: false,
        positions: Positions::default(),
    })
}

struct Bitfinex {
    url: String,
    symbols: Symbols,
    is_subscribed: bool,
    positions: Positions,
}

impl Decoder for Bitfinex {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        if text.trim_start().starts_with('[') {
            return all_or_nothing(out, |out| self.take_channel(&parse::<Vec<&RawValue>>(text)?, out));
        }
        self.take_event(&parse(text)?)
    }
}

impl StreamProtocol for Bitfinex {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.is_subscribed = false;
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    fn subscribe(&mut self) -> Vec<String> {
        vec![
            format!(r#"{{"event":"conf","flags":{TIMESTAMPS}}}"#),
            format!(r#"{{"event":"subscribe","channel":"status","key":"{KEY}"}}"#),
        ]
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Text { every: PING_EVERY, message: r#"{"event":"ping","cid":1}"#.to_owned() }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// Messages that are objects.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "event")]
    name: Option<Scalar<'a>>,
    #[serde(borrow)]
    key: Option<Scalar<'a>>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
}

/// One row of the channel, its fields by position.
struct Row<'a>(Vec<Option<Scalar<'a>>>);

impl<'a> Row<'a> {
    const ID: usize = 1;
    const MILLIS: usize = 2;
    const SYMBOL: usize = 4;
    const AMOUNT: usize = 5;
    const BASE_PRICE: usize = 6;
    const IS_MATCH: usize = 8;
    const PRICE: usize = 11;

    fn at(&self, index: usize) -> Option<&Scalar<'a>> {
        self.0.get(index).and_then(Option::as_ref)
    }
}

impl Bitfinex {
    fn take_event(&mut self, event: &Event<'_>) -> Result<FrameKind, DecodeError> {
        let words = |part: &Option<Scalar<'_>>| {
            part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
        };
        let said = || format!("{}: {}", words(&event.code), words(&event.msg));
        match event.name.as_ref().ok_or(DecodeError::Unknown)?.as_text().as_ref() {
            "subscribed" => {
                self.is_subscribed |= words(&event.key) == KEY;
                Ok(FrameKind::Ack)
            }
            "conf" => Ok(FrameKind::Ack),
            "pong" => Ok(FrameKind::Keepalive),
            "error" => Ok(FrameKind::Refused(said())),
            "info" => {
                let code = event.code.as_ref().map(|code| code.number("code")).transpose()?;
                let is_closing = code.is_some_and(|code| CLOSING.contains(&code));
                Ok(if is_closing { FrameKind::Closing(said()) } else { FrameKind::Ignored("info") })
            }
            "unsubscribed" => Ok(FrameKind::Ignored("unsubscribed")),
            other => Err(wrong("event", other, "not a known event")),
        }
    }

    /// `[channel, rows or a word, …]`; with time stamps switched on, the server's time is behind it.
    fn take_channel(
        &mut self,
        parts: &[&RawValue],
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let [channel, body, rest @ ..] = parts else { return Err(DecodeError::Unknown) };
        parse::<Scalar<'_>>(channel.get())?.number("channel")?;
        match body.get() {
            "\"hb\"" => return Ok(FrameKind::Keepalive),
            "\"cs\"" => return Ok(FrameKind::Ignored("checksum")),
            _ => {}
        }
        let sent = rest.iter().find_map(|part| parse::<Scalar<'_>>(part.get()).ok()?.millis("sent").ok());
        let rows: Vec<&RawValue> = parse(body.get())?;
        // One row comes bare or in a list.
        let rows =
            if rows.first().is_some_and(|first| first.get().starts_with('[')) { rows } else { vec![*body] };
        let mut added = Vec::new();
        for row in rows {
            let row = Row(parse(row.get())?);
            if row.at(0).map(Scalar::as_text).as_deref() != Some("pos") {
                return Err(DecodeError::Unknown);
            }
            added.extend(self.understand(&row)?);
        }
        if added.is_empty() {
            return Ok(FrameKind::Ignored("margin liquidation"));
        }
        // All rows were understood: only now they count.
        for told in added {
            self.tell(&told, sent, out)?;
        }
        Ok(FrameKind::Data("liquidation"))
    }

    /// What a row tells; `None` for a margin position, which is no contract.
    fn understand(&mut self, row: &Row<'_>) -> Result<Option<Told>, DecodeError> {
        let symbol = required("symbol", row.at(Row::SYMBOL))?.as_text();
        if !symbol.contains("F0") {
            return Ok(None);
        }
        let listed = self.symbols.look_up("symbol", &symbol, parse_symbol)?.clone();
        let signed = required("amount", row.at(Row::AMOUNT))?;
        let amount = signed.number("amount")?;
        if amount == 0.0 {
            return Err(wrong("amount", &signed.as_text(), "no position, and so of no side"));
        }
        let price = match row.at(Row::PRICE) {
            Some(_) => price("price", row.at(Row::PRICE))?,
            None => price("basePrice", row.at(Row::BASE_PRICE))?,
        };
        Size::of_base("amount", amount.abs(), price, &listed)?;
        let is_execution = match row.at(Row::IS_MATCH).map(Scalar::as_text).as_deref() {
            Some("1") => true,
            Some("0") | None => false,
            Some(other) => return Err(wrong("isMatch", other, "neither 0 nor 1")),
        };
        Ok(Some(Told {
            id: SmolStr::new(required("posId", row.at(Row::ID))?.as_text()),
            at: required("mts", row.at(Row::MILLIS))?.millis("mts")?,
            listed,
            position: if amount > 0.0 { PositionSide::Long } else { PositionSide::Short },
            price,
            is_execution,
            amounts: Amounts::of(is_execution, amount.abs()),
        }))
    }

    fn tell(
        &mut self,
        told: &Told,
        sent: Option<Timestamp>,
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let added = self.positions.add(&told.id, told.amounts);
        if added <= 0.0 || !told.listed.is_wanted {
            return Ok(());
        }
        let size = Size::of_base("amount", added, told.price, &told.listed)?;
        let observation = Observation::Liquidation(Liquidation {
            symbol: told.listed.symbol.clone(),
            instrument: told.listed.instrument.clone(),
            position: told.position,
            price: told.price,
            quantity: size.quantity,
            notional: size.notional,
            venue_id: Some(told.event_id()),
        });
        let is_old = sent.is_some_and(|sent| sent > told.at.plus(NEWS_WITHIN));
        out.push(if is_old {
            Stamped::history(told.at, told.at, observation)
        } else {
            Stamped::news(told.at, observation)
        });
        Ok(())
    }
}

/// A row, understood.
struct Told {
    id: SmolStr,
    at: Timestamp,
    listed: Listed,
    position: PositionSide,
    price: Price,
    is_execution: bool,
    amounts: Amounts,
}

impl Told {
    /// The position's id for its trigger; an execution's has its time too, for a position may have several.
    fn event_id(&self) -> SmolStr {
        if self.is_execution {
            SmolStr::new(format!("{}:{}", self.id, self.at.as_micros() / 1_000))
        } else {
            self.id.clone()
        }
    }
}

/// `tBTCF0:USTF0`, where `UST` is Tether.
fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let (base, quote) = symbol.strip_prefix('t')?.split_once(':')?;
    let (base, quote) = (base.strip_suffix("F0")?, quote.strip_suffix("F0")?);
    let is_pair = !base.is_empty() && !quote.is_empty() && !quote.contains([':', '-']);
    is_pair.then(|| Instrument::perp(base, if quote == "UST" { "USDT" } else { quote }))
}

#[cfg(test)]
mod tests;
