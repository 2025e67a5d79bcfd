//! HTX linear swaps: `liquidation_orders`, every frame compressed, pings with a time in quotes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value as Worth, list, trimmed};
use crate::market::{Market, Prices};
use crate::rest::{Answer, Request};
use crate::session::{Caller, Close, Door, Now, Patience, Session, ordered, quoted};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "htx";

/// Liquidations of one contract and tenth of a second share a frame.
const BATCH_MICROS: i64 = 100_000;
const PING_EVERY: Duration = Duration::from_secs(5);
/// Pings that may stay unanswered.
const MOST_UNANSWERED: u32 = 5;
const ALL: &str = "public.*.liquidation_orders";

/// Quantities are contracts of these many coins.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTC-USDT", value: Worth::Linear(0.001), value_text: "0.001", price_step: (1, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "ETH-USDT", value: Worth::Linear(0.01), value_text: "0.01", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "SOL-USDT", value: Worth::Linear(0.1), value_text: "0.1", price_step: (3, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRP-USDT", value: Worth::Linear(10.0), value_text: "10", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGE-USDT", value: Worth::Linear(100.0), value_text: "100", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "NEAR-USDT", value: Worth::Linear(1.0), value_text: "1", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "FET", symbol: "FET-USDT", value: Worth::Linear(10.0), value_text: "10", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "TAO", symbol: "TAO-USDT", value: Worth::Linear(0.01), value_text: "0.01", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    list(ID, "USDT", PERPETUALS)
}

pub(super) fn dialect(_market: &Market) -> Box<dyn Dialect> {
    Box::new(Batches::new(ID))
}

/// Every liquidation, those of one contract and moment in one frame.
pub(super) struct Batches {
    venue: &'static str,
    rows: BTreeMap<String, Vec<Forced>>,
    leaves: Option<i64>,
}

impl Batches {
    pub(super) fn new(venue: &'static str) -> Self {
        Self { venue, rows: BTreeMap::new(), leaves: None }
    }
}

impl Dialect for Batches {
    fn note(&mut self, forced: Forced) {
        let next = (forced.at_micros.div_euclid(BATCH_MICROS) + 1) * BATCH_MICROS;
        self.leaves.get_or_insert(next);
        self.rows.entry(forced.contract.symbol.clone()).or_default().push(forced);
    }

    fn due(&self) -> Option<i64> {
        self.leaves
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        self.leaves = None;
        for (symbol, rows) in std::mem::take(&mut self.rows) {
            let told: Vec<String> = rows.iter().map(row).collect();
            let text = notice(ALL, &format!("\"ts\":{},\"data\":[{}]}}", now / 1000, told.join(",")));
            let payload = packed(&text);
            let events = rows.len() as u64;
            out.push_back(SimFrame {
                at_micros: now,
                venue: self.venue,
                payload,
                topic: symbol,
                request: None,
                events,
            });
        }
    }
}

fn notice(topic: &str, rest: &str) -> String {
    format!("{{\"op\":\"notify\",\"topic\":{},{rest}", quoted(topic))
}

/// `direction` is the ORDER's: a long is closed by a sell. `volume` is in contracts; linear contracts
/// tell coins (`amount`) and USDT (`trade_turnover`) too. All are numbers.
fn row(forced: &Forced) -> String {
    let contract = &*forced.contract;
    let direction = match forced.position {
        Position::Long => "sell",
        Position::Short => "buy",
    };
    let decimals = contract.price_step.0;
    let (volume, worth) = match contract.value {
        Worth::Inverse(_) => (forced.quantity.to_string(), String::new()),
        Worth::Linear(_) | Worth::Quanto(_) => {
            let (size, size_decimals) = scaled(contract.value_text);
            let amount = forced.quantity * size;
            let worth = format!(
                ",\"amount\":{},\"trade_turnover\":{},\"business_type\":\"swap\",\"pair\":\"{}\"",
                trimmed(amount, size_decimals),
                trimmed(amount * forced.fill, size_decimals + decimals),
                contract.symbol,
            );
            (format!("{}.0", forced.quantity), worth)
        }
    };
    format!(
        concat!(
            "{{\"symbol\":\"{}\",\"contract_code\":\"{}\",\"direction\":\"{}\",\"offset\":\"close\",\"volume\":{},",
            "\"price\":{},\"created_at\":{}{}}}"
        ),
        contract.base,
        contract.symbol,
        direction,
        volume,
        trimmed(forced.fill, decimals),
        forced.at_micros / 1000,
        worth,
    )
}

/// A decimal number as a whole number and its decimals: `0.01` is `(1, 2)`.
fn scaled(text: &str) -> (u64, u8) {
    let decimals = text.split_once('.').map_or(0, |(_, after)| after.len() as u8);
    (text.replace('.', "").parse().unwrap_or(1), decimals)
}

/// Compressed, as every frame is.
fn packed(text: &str) -> Payload {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory cannot fail.
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    Payload::Binary(written.unwrap_or_default())
}

fn unpacked(payload: &Payload) -> String {
    let mut text = String::new();
    let read = GzDecoder::new(payload.as_bytes()).read_to_string(&mut text);
    read.map_or_else(|_| String::new(), |_| text)
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(HtxSession::new(ID, caller))
}

/// A connection to HTX.
pub(super) struct HtxSession {
    venue: &'static str,
    door: Door,
    market: Arc<Market>,
    topics: BTreeSet<String>,
    next_ping: Duration,
    /// The `ts` of pings that wait for their pong.
    unanswered: VecDeque<String>,
}

impl HtxSession {
    pub(super) fn new(venue: &'static str, caller: &mut Caller<'_>) -> Self {
        Self {
            venue,
            door: caller.door,
            market: Arc::clone(caller.market),
            topics: BTreeSet::new(),
            next_ping: PING_EVERY,
            unanswered: VecDeque::new(),
        }
    }

    fn is_topic(&self, topic: &str) -> bool {
        let code = topic.strip_prefix("public.").and_then(|rest| rest.strip_suffix(".liquidation_orders"));
        code.is_some_and(|code| {
            code == "*" || self.market.of(self.venue).any(|contract| contract.symbol == code)
        })
    }

    /// `err-code` and its words; 0 is success.
    fn change(&mut self, op: &str, topic: &str) -> (u32, &'static str) {
        if self.door == Door::Closed {
            return (2002, "authentication required");
        }
        if !self.is_topic(topic) {
            return (2011, "contract doesn't exist");
        }
        if op == "unsub" {
            return if self.topics.remove(topic) { (0, "") } else { (2012, "topic not subscribed") };
        }
        if self.topics.insert(topic.to_owned()) { (0, "") } else { (2014, "repeated subscription") }
    }
}

impl Session for HtxSession {
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![packed(
                &ordered! { "op": "error", "err-code": 2030, "err-msg": "invalid json", "ts": now.millis() },
            )];
        };
        let word = |key: &str| request[key].as_str().unwrap_or_default();
        match word("op") {
            // Only the very value of the ping counts, quotes included.
            "pong" => {
                if let Some(ts) = request["ts"].as_str()
                    && let Some(at) = self.unanswered.iter().position(|waiting| waiting == ts)
                {
                    self.unanswered.drain(..=at);
                }
                Vec::new()
            }
            op @ ("sub" | "unsub") => {
                let (code, words) = self.change(op, word("topic"));
                let cid = request.get("cid").map(|cid| format!("\"cid\":{cid},")).unwrap_or_default();
                let words = if code == 0 { String::new() } else { format!(",\"err-msg\":{}", quoted(words)) };
                vec![packed(&format!(
                    "{{\"op\":\"{op}\",{cid}\"topic\":{},\"ts\":{},\"err-code\":{code}{words}}}",
                    quoted(word("topic")),
                    now.millis(),
                ))]
            }
            _ => {
                vec![packed(
                    &ordered! { "op": "error", "err-code": 2000, "err-msg": "invalid op", "ts": now.millis() },
                )]
            }
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        let wanted = self.topics.iter().filter_map(|topic| {
            if topic == ALL {
                return Some(frame.payload.clone());
            }
            let code = topic.strip_prefix("public.")?.strip_suffix(".liquidation_orders")?;
            if code != frame.topic {
                return None;
            }
            let text = unpacked(&frame.payload);
            Some(packed(&notice(topic, text.strip_prefix(&notice(ALL, ""))?)))
        });
        wanted.collect()
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }

    fn alarm(&self) -> Option<Duration> {
        Some(self.next_ping)
    }

    /// A ping every five seconds; five unanswered, and the venue says bye.
    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        if self.unanswered.len() >= MOST_UNANSWERED as usize {
            return Err(Close { code: 1000, reason: "Bye" });
        }
        self.next_ping = now.since + PING_EVERY;
        let ts = now.millis().to_string();
        let ping = packed(&format!("{{\"op\":\"ping\",\"ts\":\"{ts}\"}}"));
        self.unanswered.push_back(ts);
        Ok(vec![ping])
    }
}

/// `GET /linear-swap-api/v1/swap_contract_info?contract_code=`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    contract_info(request, market, (ID, "/linear-swap-api/v1/swap_contract_info"))
}

/// What a venue lists, at a path.
pub(super) fn contract_info(
    request: &Request<'_>,
    market: &Market,
    (venue, path): (&str, &str),
) -> Option<Answer> {
    if !request.gets(path) {
        return None;
    }
    let wanted = request.asked("contract_code").filter(|code| !code.is_empty());
    let rows: Vec<Value> = market
        .of(venue)
        .filter(|contract| wanted.is_none_or(|code| code.eq_ignore_ascii_case(&contract.symbol)))
        .map(|contract| info(contract))
        .collect();
    let ts = request.now_micros / 1000;
    if rows.is_empty() {
        let words = "The contract doesn't exist.";
        return Some(Answer::json(
            ordered! { "status": "error", "err_code": 1332, "err_msg": words, "ts": ts },
        ));
    }
    Some(Answer::json(ordered! { "status": "ok", "data": rows, "ts": ts }))
}

fn info(contract: &Contract) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut row = json!({
        "symbol": contract.base,
        "contract_code": contract.symbol,
        "contract_size": parsed(contract.value_text),
        "price_tick": parsed(&trimmed(contract.price_step.1, contract.price_step.0)),
        "delivery_time": "",
        "create_date": "20201021",
        "contract_status": 1,
        "settlement_date": "1640764800000",
    });
    if contract.quote == "USDT" {
        row["delivery_date"] = "".into();
        row["support_margin_mode"] = "all".into();
        row["business_type"] = "swap".into();
        row["pair"] = contract.symbol.as_str().into();
        row["contract_type"] = "swap".into();
        row["trade_partition"] = "USDT".into();
    }
    row
}
