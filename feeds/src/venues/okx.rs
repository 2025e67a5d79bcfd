//! Decodes OKX's liquidation orders of swaps and futures, and the state of a few swaps.
//!
//! The stream tells at most one order per contract and second and "does not represent the total
//! number of liquidations": sums of it are a floor. `posSide` is the side of the POSITION, `side`
//! that of the order. Sizes count contracts, whose values OKX tells over REST. Source: OKX's v5
//! documentation, 2026.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use market::{Instrument, Liquidation, Observation, Payload, PositionSide, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::paced::Paced;
use super::symbols::{Listed, Symbols, parse_yymmdd};
use super::wire::{OneOrMany, Scalar, all_or_nothing, parse, price, quantity, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use context::{Channel, Context};
use contracts::{Contracts, InstrumentRow, Kind};

mod context;
mod contracts;

pub(super) const URL: &str = "wss://ws.okx.com:8443/ws/v5/public";
pub(super) const REST_URL: &str = "https://www.okx.com";

const CHANNEL: &str = "liquidation-orders";
/// OKX does not end healthy connections; the contract values grow old.
const ROTATE_AFTER: Duration = Duration::from_hours(6);
/// OKX cuts connections on which nothing came for 30 s; WebSocket pings do not count.
const PING_EVERY: Duration = Duration::from_secs(20);
/// "The connection will soon be closed for a service upgrade": sent 60 s before.
const CLOSING_CODE: &str = "64008";

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(Okx {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        symbols: Symbols::new(config.instruments.clone()),
        contracts: Contracts::default(),
        missing: Kind::ALL.to_vec(),
        unacknowledged: Kind::ALL.to_vec(),
        context: Context::new(config.context.clone()),
        paced: Paced::default(),
    })
}

struct Okx {
    url: String,
    rest_url: String,
    symbols: Symbols,
    contracts: Contracts,
    /// Kinds whose contract values are still to be fetched, in this order.
    missing: Vec<Kind>,
    /// Kinds whose subscription is still to be acknowledged.
    unacknowledged: Vec<Kind>,
    /// Mark prices, funding and open interest.
    context: Context,
    paced: Paced,
}

impl Decoder for Okx {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let before = out.len();
        let kind = self.understand(payload, out)?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl Okx {
    fn understand(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        if text == "pong" || text == "ping" {
            return Ok(FrameKind::Keepalive);
        }
        let frame: Frame<'_> = parse(text)?;
        if let Some(event) = &frame.event {
            return self.take_event(&event.as_text(), &frame);
        }
        if let Some(arg) = &frame.arg {
            return self.take_data(arg, &frame, out);
        }
        if let Some(table) = &frame.table {
            return self.take_table(&table.as_text(), &frame, out);
        }
        if frame.code.is_some() {
            return self.take_rest(&frame);
        }
        Err(DecodeError::Unknown)
    }
}

impl StreamProtocol for Okx {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.unacknowledged = Kind::ALL.to_vec();
        self.context.reset();
    }

    fn next_request(&mut self) -> Option<String> {
        let kind = self.missing.first()?;
        Some(format!("{}/api/v5/public/instruments?instType={}", self.rest_url, kind.as_str()))
    }

    fn forget_references(&mut self) {
        self.missing = Kind::ALL.to_vec();
        self.context.forget_unserved();
    }

    fn subscribe(&mut self) -> Vec<String> {
        let args = Kind::ALL.map(|kind| serde_json::json!({ "channel": CHANNEL, "instType": kind.as_str() }));
        let mut messages = vec![serde_json::json!({ "op": "subscribe", "args": args }).to_string()];
        messages.extend(self.context.subscribe(self.contracts.swaps()));
        messages
    }

    fn is_subscribed(&self) -> bool {
        self.unacknowledged.is_empty() && self.context.is_acknowledged()
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
    arg: Option<Arg<'a>>,
    /// Left as it is until the channel is known: most channels are not ours.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    /// What version 3 called a channel, until 2021.
    #[serde(borrow)]
    table: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arg<'a> {
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
    #[serde(borrow)]
    inst_type: Option<Scalar<'a>>,
    #[serde(borrow)]
    inst_id: Option<Scalar<'a>>,
}

/// The liquidations of one contract.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    #[serde(borrow, default)]
    details: Vec<Detail<'a>>,
    #[serde(borrow)]
    inst_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    inst_family: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    /// Bankruptcy price.
    #[serde(borrow)]
    bk_px: Option<Scalar<'a>>,
    #[serde(borrow)]
    pos_side: Option<Scalar<'a>>,
    #[serde(borrow)]
    side: Option<Scalar<'a>>,
    /// Contracts, with a fraction at times.
    #[serde(borrow)]
    sz: Option<Scalar<'a>>,
    /// When it happened, ms; out of order, and late by minutes at times.
    #[serde(borrow)]
    ts: Option<Scalar<'a>>,
}

/// A liquidation as version 3 told it, until 2021.
#[derive(Deserialize)]
struct OldRow<'a> {
    #[serde(borrow)]
    instrument_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    #[serde(borrow)]
    size: Option<Scalar<'a>>,
    /// 3 closes a long, 4 closes a short.
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
    /// RFC 3339.
    #[serde(borrow)]
    created_at: Option<Scalar<'a>>,
}

/// What all versions say about a liquidation, under one set of names.
struct Told<'v, 'a> {
    position: PositionSide,
    event_time: Timestamp,
    price: (&'static str, Option<&'v Scalar<'a>>),
    contracts: (&'static str, Option<&'v Scalar<'a>>),
}

impl Okx {
    fn take_event(&mut self, event: &str, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        let code = words(frame.code.as_ref());
        let said = || format!("{code}: {}", words(frame.msg.as_ref()));
        match event {
            "subscribe" => {
                let arg = frame.arg.as_ref().ok_or_else(|| wrong("arg", "", "missing"))?;
                let channel = words(arg.channel.as_ref());
                if channel == CHANNEL {
                    let acknowledged = Kind::parse(&words(arg.inst_type.as_ref()));
                    self.unacknowledged.retain(|kind| Some(*kind) != acknowledged);
                } else if let Some(channel) = Channel::parse(&channel) {
                    self.context.acknowledged(channel, &words(arg.inst_id.as_ref()));
                }
                Ok(FrameKind::Ack)
            }
            "error" => {
                self.context.refused(&words(frame.msg.as_ref()));
                Ok(FrameKind::Refused(said()))
            }
            "notice" if code == CLOSING_CODE => Ok(FrameKind::Closing(said())),
            "notice" => Ok(FrameKind::Ignored("notice")),
            "unsubscribe" => Ok(FrameKind::Ignored("unsubscribe")),
            "channel-conn-count" | "channel-conn-count-error" => Ok(FrameKind::Ignored("channel-conn-count")),
            other => Err(wrong("event", other, "not a known event")),
        }
    }

    fn take_data(
        &mut self,
        arg: &Arg<'_>,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let channel = required("channel", arg.channel.as_ref())?.as_text();
        match channel.as_ref() {
            CHANNEL => {}
            "liquidations" => return self.take_flat(arg, frame, out),
            other => {
                if let Some(channel) = Channel::parse(other) {
                    let told = (channel, raw_data(frame)?);
                    let (contracts, symbols) = (&self.contracts, &mut self.symbols);
                    return all_or_nothing(out, |out| self.context.take(told, contracts, symbols, out));
                }
                let label = label(other).ok_or_else(|| wrong("channel", other, "not a known channel"))?;
                return Ok(FrameKind::Ignored(label));
            }
        }
        match words(arg.inst_type.as_ref()).as_ref() {
            "SWAP" | "FUTURES" => {}
            "MARGIN" => return Ok(FrameKind::Ignored("margin liquidation")),
            "OPTION" => return Ok(FrameKind::Ignored("option liquidation")),
            other => return Err(wrong("instType", other, "not a known kind of instrument")),
        }
        let batches: Vec<Batch<'_>> = parse(raw_data(frame)?)?;
        all_or_nothing(out, |out| {
            for batch in &batches {
                let inst_id = required("instId", batch.inst_id.as_ref())?.as_text();
                let family = batch.inst_family.as_ref().map(Scalar::as_text);
                for detail in &batch.details {
                    self.take_told(&inst_id, family.as_deref(), &detail.told()?, out)?;
                }
            }
            Ok(FrameKind::Data("liquidation"))
        })
    }

    /// What recorders generated from REST until 2023: the contract in `arg`, no `details`.
    fn take_flat(
        &mut self,
        arg: &Arg<'_>,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let inst_id = required("instId", arg.inst_id.as_ref())?.as_text();
        let details: OneOrMany<Detail<'_>> = parse(raw_data(frame)?)?;
        all_or_nothing(out, |out| {
            for detail in details.as_slice() {
                self.take_told(&inst_id, None, &detail.told()?, out)?;
            }
            Ok(FrameKind::Data("liquidation"))
        })
    }

    fn take_table(
        &mut self,
        table: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        if table != "swap/liquidation" && table != "futures/liquidation" {
            return Err(wrong("table", table, "not a known table"));
        }
        let rows: Vec<OldRow<'_>> = parse(raw_data(frame)?)?;
        all_or_nothing(out, |out| {
            for row in &rows {
                let inst_id = required("instrument_id", row.instrument_id.as_ref())?.as_text();
                self.take_told(&inst_id, None, &row.told()?, out)?;
            }
            Ok(FrameKind::Data("liquidation"))
        })
    }

    fn take_told(
        &mut self,
        inst_id: &str,
        family: Option<&str>,
        told: &Told<'_, '_>,
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let listed = self.symbols.look_up("instId", inst_id, parse_symbol)?;
        let liquidation = liquidation(told, listed, &self.contracts, family)?;
        if listed.is_wanted {
            let observation = Observation::Liquidation(liquidation);
            out.push(Stamped::news(told.event_time, observation));
        }
        Ok(())
    }

    fn take_rest(&mut self, frame: &Frame<'_>) -> Result<FrameKind, DecodeError> {
        let code = words(frame.code.as_ref());
        if code != "0" {
            return Ok(FrameKind::Refused(format!("{code}: {}", words(frame.msg.as_ref()))));
        }
        let rows: Vec<InstrumentRow<'_>> = parse(raw_data(frame)?)?;
        let kind = match rows.first() {
            // An empty list answers what was asked, and nothing of that kind is listed.
            None => self.missing.first().copied(),
            Some(row) if row.is_reference() => Kind::parse(&words(row.inst_type.as_ref())),
            Some(_) => return Ok(FrameKind::Ignored("other answer")),
        };
        let Some(kind) = kind else {
            return Ok(FrameKind::Ignored("other instruments"));
        };
        self.contracts.replace(kind, &rows);
        self.missing.retain(|missing| *missing != kind);
        Ok(FrameKind::Reference("instruments"))
    }
}

fn words<'v>(part: Option<&'v Scalar<'_>>) -> Cow<'v, str> {
    part.map(Scalar::as_text).unwrap_or_default()
}

fn raw_data<'a>(frame: &Frame<'a>) -> Result<&'a str, DecodeError> {
    frame.data.map(RawValue::get).ok_or_else(|| wrong("data", "", "missing"))
}

fn liquidation(
    told: &Told<'_, '_>,
    listed: &Listed,
    contracts: &Contracts,
    family: Option<&str>,
) -> Result<Liquidation, DecodeError> {
    let price = price(told.price.0, told.price.1)?;
    let count = quantity(told.contracts.0, told.contracts.1)?;
    let (quantity, notional) = match contracts.find(listed, family) {
        Some(contract) => contract.measure(count, price, listed)?,
        None => (None, None),
    };
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: told.position,
        price,
        quantity,
        notional,
        venue_id: None,
    })
}

impl<'a> Detail<'a> {
    fn told(&self) -> Result<Told<'_, 'a>, DecodeError> {
        Ok(Told {
            position: position(&words(self.pos_side.as_ref()), &words(self.side.as_ref()))?,
            event_time: required("ts", self.ts.as_ref())?.millis("ts")?,
            price: ("bkPx", self.bk_px.as_ref()),
            contracts: ("sz", self.sz.as_ref()),
        })
    }
}

impl<'a> OldRow<'a> {
    fn told(&self) -> Result<Told<'_, 'a>, DecodeError> {
        let position = match words(self.kind.as_ref()).as_ref() {
            "3" => PositionSide::Long,
            "4" => PositionSide::Short,
            other => return Err(wrong("type", other, "neither 3 (close long) nor 4 (close short)")),
        };
        let created_at = required("created_at", self.created_at.as_ref())?.as_text();
        let event_time = Timestamp::from_str(&created_at)
            .map_err(|_| wrong("created_at", &created_at, "not an RFC 3339 time"))?;
        Ok(Told {
            position,
            event_time,
            price: ("price", self.price.as_ref()),
            contracts: ("size", self.size.as_ref()),
        })
    }
}

/// `posSide` names the position; where positions are netted, the order's side tells it: closing a
/// long sells.
fn position(pos_side: &str, order_side: &str) -> Result<PositionSide, DecodeError> {
    match (pos_side, order_side) {
        ("long", _) | ("net", "sell") => Ok(PositionSide::Long),
        ("short", _) | ("net", "buy") => Ok(PositionSide::Short),
        ("net", other) => Err(wrong("side", other, "neither sell nor buy")),
        (other, _) => Err(wrong("posSide", other, "neither long, short nor net")),
    }
}

/// `BTC-USDT-SWAP`, or `BTC-USD-220520` for the future that expires on 2022-05-20.
fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let mut parts = symbol.rsplitn(3, '-');
    let (contract, quote, base) = (parts.next()?, parts.next()?, parts.next()?);
    if base.is_empty() || quote.is_empty() {
        return None;
    }
    if contract == "SWAP" {
        return Some(Instrument::perp(base, quote));
    }
    Some(Instrument::future(base, quote, parse_yymmdd(contract)?))
}

/// Other channels of this venue. An unknown one is kept as not understood, so that a renamed
/// liquidation channel is noticed.
fn label(channel: &str) -> Option<&'static str> {
    const LABELS: [&str; 19] = [
        "adl-warning",
        "bbo-tbt",
        "books",
        "books-l2-tbt",
        "books5",
        "books50-l2-tbt",
        "estimated-price",
        "index-tickers",
        "instruments",
        "opt-summary",
        "option-trades",
        "price-limit",
        "public-block-trades",
        "public-struc-block-trades",
        "status",
        "tickers",
        "trades",
        "trades-all",
        "block-tickers",
    ];
    LABELS.into_iter().find(|label| *label == channel)
}

#[cfg(test)]
mod tests;
