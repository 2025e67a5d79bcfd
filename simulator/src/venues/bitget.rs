//! Bitget v3: the market-wide `liquidation` topic and its control messages.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value as Worth, list, trimmed};
use crate::market::{Market, Prices};
use crate::session::{Caller, Close, Door, Idle, Now, Patience, Session, Sign, ordered};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "bitget";

/// Pushes leave every second when there is something.
const PUSH_MICROS: i64 = 1_000_000;
/// The oldest that a liquidation was seen to be when it was pushed.
const LATEST_MICROS: f64 = 20_000_000.0;

/// Quantities are coins.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTCUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (1, 1), lot_step: (4, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "ETHUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (2, 1), lot_step: (2, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "SOLUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (3, 1), lot_step: (1, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRPUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGEUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "TAO", symbol: "TAOUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (2, 1), lot_step: (3, 1), weight: 1.0 },
    Line { code: "FET", symbol: "FETUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (5, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "NEARUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (5, 1), weight: 1.0 },
    Line { code: "RENDER", symbol: "RENDERUSDT", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (5, 1), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    list(ID, "USDT", PERPETUALS)
}

pub(super) fn dialect(_market: &Market) -> Box<dyn Dialect> {
    Box::new(Pushes::default())
}

/// Every liquidation, in the push of its second or a later one: most are seconds old, a few twenty.
#[derive(Default)]
struct Pushes {
    /// With the time of its push; in no order.
    waiting: Vec<(i64, Forced)>,
}

impl Dialect for Pushes {
    fn note(&mut self, forced: Forced) {
        let late = (forced.dice[1].powi(6) * (LATEST_MICROS - PUSH_MICROS as f64)) as i64;
        let leaves = ((forced.at_micros + late).div_euclid(PUSH_MICROS) + 1) * PUSH_MICROS;
        self.waiting.push((leaves, forced));
    }

    fn due(&self) -> Option<i64> {
        self.waiting.iter().map(|(leaves, _)| *leaves).min()
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        let mut rows: Vec<Forced> =
            self.waiting.extract_if(.., |(leaves, _)| *leaves <= now).map(|(_, forced)| forced).collect();
        if rows.is_empty() {
            return;
        }
        rows.sort_by_key(|forced| std::cmp::Reverse(forced.at_micros));
        let told: Vec<String> = rows.iter().map(row).collect();
        let text = format!(
            concat!(
                "{{\"action\":\"update\",\"arg\":{{\"instType\":\"usdt-futures\",\"topic\":\"liquidation\"}},",
                "\"data\":[{}],\"ts\":{}}}"
            ),
            told.join(","),
            now / 1000
        );
        out.push_back(SimFrame {
            at_micros: now,
            venue: ID,
            payload: text.into(),
            topic: "usdt-futures".into(),
            request: None,
            events: rows.len() as u64,
        });
    }
}

/// `side` is that of the POSITION: a liquidated long is a `buy`.
fn row(forced: &Forced) -> String {
    let contract = &*forced.contract;
    let side = match forced.position {
        Position::Long => "buy",
        Position::Short => "sell",
    };
    format!(
        "{{\"symbol\":\"{}\",\"side\":\"{side}\",\"price\":\"{}\",\"amount\":\"{}\",\"ts\":\"{}\"}}",
        contract.symbol,
        trimmed(forced.bankruptcy, contract.price_step.0),
        trimmed(forced.quantity, contract.lot_step.0),
        forced.at_micros / 1000,
    )
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BitgetSession { door: caller.door, kinds: BTreeSet::new() })
}

/// A connection to Bitget.
struct BitgetSession {
    door: Door,
    kinds: BTreeSet<String>,
}

impl BitgetSession {
    fn change(&mut self, op: &str, arg: &Value) -> String {
        let word = |key: &str| arg[key].as_str().unwrap_or_default();
        let (kind, topic) = (word("instType"), word("topic"));
        let is_known =
            topic == "liquidation" && matches!(kind, "usdt-futures" | "usdc-futures" | "coin-futures");
        if !is_known || self.door == Door::Closed {
            let words = format!("instType:{kind},topic:{topic} doesn't exist");
            return ordered! { "event": "error", "arg": arg, "code": "30001", "msg": words };
        }
        if op == "subscribe" {
            self.kinds.insert(kind.to_owned());
        } else {
            self.kinds.remove(kind);
        }
        ordered! { "event": op, "arg": arg }
    }
}

impl Session for BitgetSession {
    fn answer(&mut self, text: &str, _now: Now) -> Vec<Payload> {
        if text == "ping" {
            return vec!["pong".into()];
        }
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let args = request["args"].as_array().map_or(&[][..], Vec::as_slice);
        match request["op"].as_str() {
            Some(op @ ("subscribe" | "unsubscribe")) if !args.is_empty() => {
                args.iter().map(|arg| self.change(op, arg).into()).collect()
            }
            _ => vec![ordered! { "event": "error", "code": "30003", "msg": "Illegal request" }.into()],
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if self.kinds.contains(&frame.topic) { vec![frame.payload.clone()] } else { Vec::new() }
    }

    /// A ping every 30 s is asked for; two minutes without one, and the connection ends.
    fn patience(&self) -> Patience {
        let close = Close { code: 1000, reason: "" };
        let idle = Idle { limit: Duration::from_mins(2), sign: Sign::Text, close };
        Patience { idle: Some(idle), messages_per_sec: Some(10), ..Patience::default() }
    }
}
