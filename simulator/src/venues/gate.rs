//! Gate USDT futures: `futures.public_liquidates`, its control messages and the contracts' REST answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::contract_tickers;
use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value as Worth, fixed, list, trimmed};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::WithRounds;
use crate::session::{Caller, Door, Now, Patience, Session, object, ordered};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::throttle::Throttle;
use crate::world::{Forced, Position};

pub(super) const ID: &str = "gate";

const CHANNEL: &str = "futures.public_liquidates";
const TICKERS: &str = "futures.tickers";
/// At most one event per contract in this time (documented).
const WINDOW_MICROS: i64 = 1_000_000;

/// Quantities are contracts of these many coins.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTC_USDT", value: Worth::Linear(0.0001), value_text: "0.0001", price_step: (1, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "ETH_USDT", value: Worth::Linear(0.01), value_text: "0.01", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "SOL_USDT", value: Worth::Linear(1.0), value_text: "1", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRP_USDT", value: Worth::Linear(10.0), value_text: "10", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGE_USDT", value: Worth::Linear(10.0), value_text: "10", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "TAO", symbol: "TAO_USDT", value: Worth::Linear(0.01), value_text: "0.01", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "FET", symbol: "FET_USDT", value: Worth::Linear(1.0), value_text: "1", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "NEAR_USDT", value: Worth::Linear(1.0), value_text: "1", price_step: (3, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "RENDER", symbol: "RENDER_USDT", value: Worth::Linear(1.0), value_text: "1", price_step: (3, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "WLD", symbol: "WLD_USDT", value: Worth::Linear(1.0), value_text: "1", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    list(ID, "USDT", PERPETUALS)
}

/// Of each contract's second the largest; `result` in one of the three shapes that the venue uses.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut shape = 0;
    let events = Throttle::new(WINDOW_MICROS, move |forced, now| {
        shape = (shape + 1) % 3;
        let row = row(forced);
        let result = match shape {
            0 => row,
            1 => format!("[{row}]"),
            _ => format!("[[{row}]]"),
        };
        let text = format!(
            "{{\"channel\":\"{CHANNEL}\",\"event\":\"update\",\"time\":{},\"time_ms\":{},\"result\":{result}}}",
            now / 1_000_000,
            now / 1000,
        );
        SimFrame {
            at_micros: now,
            venue: ID,
            payload: text.into(),
            topic: forced.contract.symbol.clone(),
            request: None,
            events: 1,
        }
    });
    Box::new(WithRounds { events: Box::new(events), rounds: contract_tickers::of_gate(market) })
}

/// The sign of `size` is the ORDER's: a long is closed by selling, below zero. `price` is the order's
/// too, and a bare number. Sizes are decimal strings here, as for clients that ask for those.
fn row(forced: &Forced) -> String {
    let contract = &*forced.contract;
    let sign = match forced.position {
        Position::Long => "-",
        Position::Short => "",
    };
    format!(
        "{{\"price\":{},\"size\":\"{sign}{}\",\"time_ms\":{},\"contract\":\"{}\"}}",
        trimmed(forced.bankruptcy, contract.price_step.0),
        forced.quantity,
        forced.at_micros / 1000,
        contract.symbol,
    )
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    let decimals = caller.headers.get("x-gate-size-decimal").is_some_and(|value| value == "1");
    Box::new(GateSession {
        door: caller.door,
        market: Arc::clone(caller.market),
        sizes: if decimals { Sizes::Decimal } else { Sizes::Integer },
        contracts: BTreeSet::new(),
        tickers: BTreeSet::new(),
    })
}

/// How a client gets sizes: by its `X-Gate-Size-Decimal` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sizes {
    Decimal,
    Integer,
}

/// A connection to Gate.
struct GateSession {
    door: Door,
    market: Arc<Market>,
    sizes: Sizes,
    contracts: BTreeSet<String>,
    /// Topics of tickers.
    tickers: BTreeSet<String>,
}

impl GateSession {
    /// What a request on the channel comes to.
    fn change(&mut self, (channel, event): (&str, &str), payload: &[String]) -> Result<(), (u32, String)> {
        if self.door == Door::Closed {
            return Err((3, "internal error".into()));
        }
        if payload.is_empty() {
            return Err((1, "invalid request body: payload".into()));
        }
        let is_known =
            |name: &String| name == "!all" || self.market.of(ID).any(|contract| contract.symbol == *name);
        if let Some(unknown) = payload.iter().find(|name| !is_known(name)) {
            return Err((2, format!("unknown contract {unknown}")));
        }
        let topics = || payload.iter().map(|name| contract_tickers::topic(name));
        match event {
            "subscribe" if channel == TICKERS => self.tickers.extend(topics()),
            "unsubscribe" if channel == TICKERS => topics().for_each(|topic| {
                self.tickers.remove(&topic);
            }),
            "subscribe" => self.contracts.extend(payload.iter().cloned()),
            "unsubscribe" => self.contracts.retain(|name| !payload.contains(name)),
            other => return Err((2, format!("unknown event {other}"))),
        }
        Ok(())
    }
}

impl Session for GateSession {
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let word = |key: &str| request[key].as_str().unwrap_or_default();
        let (channel, event) = (word("channel"), word("event"));
        let outcome = match channel {
            "futures.ping" => {
                let pong = ordered! {
                    "time": now.millis() / 1000,
                    "time_ms": now.millis(),
                    "channel": "futures.pong",
                    "event": "",
                    "error": Value::Null,
                    "result": Value::Null,
                };
                return vec![pong.into()];
            }
            CHANNEL | TICKERS => {
                let named = request["payload"].as_array().map_or(&[][..], Vec::as_slice);
                let payload: Vec<String> =
                    named.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect();
                self.change((channel, event), &payload)
            }
            "" => Err((1, "invalid request body".to_owned())),
            other => Err((2, format!("unknown channel {other}"))),
        };
        let status = if outcome.is_ok() { "success" } else { "fail" };
        let mut fields = vec![
            ("time", json!(now.millis() / 1000)),
            ("time_ms", json!(now.millis())),
            ("channel", json!(channel)),
            ("event", json!(event)),
            ("payload", request["payload"].clone()),
            ("result", json!({ "status": status })),
        ];
        if let Some(id) = request.get("id") {
            fields.insert(2, ("id", id.clone()));
        }
        if let Err((code, message)) = outcome {
            fields.push(("error", json!({ "code": code, "message": message })));
        }
        vec![object(fields).into()]
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if self.tickers.contains(&frame.topic) {
            return vec![frame.payload.clone()];
        }
        let is_liquidation = frame.events > 0;
        if !is_liquidation || !(self.contracts.contains("!all") || self.contracts.contains(&frame.topic)) {
            return Vec::new();
        }
        match self.sizes {
            Sizes::Decimal => vec![frame.payload.clone()],
            Sizes::Integer => vec![undecorated(frame.text().unwrap_or_default()).into()],
        }
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }
}

/// The frame with its sizes as bare integers.
fn undecorated(text: &str) -> String {
    const KEY: &str = "\"size\":\"";
    let mut parts = text.split(KEY);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str("\"size\":");
        plain.push_str(&part.replacen('"', "", 1));
    }
    plain
}

/// `GET /api/v4/futures/usdt/contracts`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.gets("/api/v4/futures/usdt/contracts") {
        return None;
    }
    let prices = market.prices();
    let rows: Vec<Value> = market
        .of(ID)
        .map(|contract| {
            let (decimals, tick) = contract.price_step;
            let mid = fixed(contract.price_units(prices.mid(contract.asset)), decimals);
            json!({
                "name": contract.symbol,
                "type": "direct",
                "quanto_multiplier": contract.value_text,
                "mark_type": "index",
                "last_price": mid,
                "mark_price": mid,
                "index_price": mid,
                "order_price_round": fixed(tick, decimals),
                "mark_price_round": fixed(tick, decimals),
                "order_size_min": 1,
                "order_size_max": 1_000_000,
                "leverage_min": "1",
                "leverage_max": "100",
                "funding_interval": 28800,
                "in_delisting": false,
            })
        })
        .collect();
    Some(Answer::json(Value::from(rows).to_string()))
}
