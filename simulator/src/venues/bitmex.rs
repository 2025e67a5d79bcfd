//! `BitMEX`: the keyed table `liquidation`, its control messages and the instruments' REST answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::contract_tickers;
use super::uuid;
use crate::calendar::{Delivery, iso};
use crate::contracts::{Contract, Line, Value as Worth, list, trimmed};
use crate::market::{Market, Prices, digest};
use crate::rest::{Answer, Request};
use crate::rounds::WithRounds;
use crate::scene::Scene;
use crate::session::{Caller, Door, Now, Patience, Session, ordered, quoted};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "bitmex";

/// Changes to the table leave on this grid.
const GRID_MICROS: i64 = 50_000;
/// The probability that a position's further liquidation enlarges the order that is still open.
const GROWS: f64 = 0.6;
/// The instruments' answer is renewed this often.
const MINUTE_MICROS: i64 = 60_000_000;
const TABLE: &str = "liquidation";
const INSTRUMENTS: &str = "instrument";

/// XBTUSD is inverse (1 USD), USDT contracts are linear, ETHUSD is a quanto: 100 satoshi per USD.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "XBTUSD", value: Worth::Inverse(1.0), value_text: "", price_step: (1, 1), lot_step: (0, 100), weight: 3.0 },
    Line { code: "BTC", symbol: "XBTUSDT", value: Worth::Linear(1e-6), value_text: "1000000", price_step: (1, 1), lot_step: (0, 100), weight: 1.0 },
    Line { code: "ETH", symbol: "ETHUSD", value: Worth::Quanto(1e-6), value_text: "", price_step: (2, 1), lot_step: (0, 1), weight: 2.0 },
    Line { code: "ETH", symbol: "ETHUSDT", value: Worth::Linear(1e-5), value_text: "100000", price_step: (2, 1), lot_step: (0, 1000), weight: 1.0 },
    Line { code: "SOL", symbol: "SOLUSDT", value: Worth::Linear(1e-4), value_text: "10000", price_step: (2, 1), lot_step: (0, 1000), weight: 1.0 },
    Line { code: "XRP", symbol: "XRPUSDT", value: Worth::Linear(1e-2), value_text: "100", price_step: (4, 1), lot_step: (0, 100), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGEUSDT", value: Worth::Linear(1e-1), value_text: "10", price_step: (5, 1), lot_step: (0, 100), weight: 1.0 },
    Line { code: "NEAR", symbol: "NEARUSDT", value: Worth::Linear(1e-3), value_text: "1000", price_step: (3, 1), lot_step: (0, 1000), weight: 1.0 },
    Line { code: "TAO", symbol: "TAOUSDT", value: Worth::Linear(1e-5), value_text: "100000", price_step: (2, 1), lot_step: (0, 1000), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    let mut contracts = list(ID, "USDT", PERPETUALS);
    for contract in &mut contracts {
        if contract.value_text.is_empty() {
            contract.quote = "USD";
        }
    }
    contracts
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut book = Book { rng: market.chance(ID), open: BTreeMap::new(), planned: BTreeMap::new(), count: 0 };
    book.plan(market.start_micros, Step::Begin);
    Box::new(WithRounds { events: Box::new(book), rounds: contract_tickers::of_bitmex(market) })
}

/// The engine's liquidation orders: inserted, filled, enlarged while open, deleted.
struct Book {
    rng: ChaCha8Rng,
    open: BTreeMap<String, Order>,
    planned: BTreeMap<(i64, u64), Step>,
    count: u64,
}

struct Order {
    contract: Arc<Contract>,
    position: Position,
    price: u64,
    leaves: u64,
}

/// What becomes of the table.
enum Step {
    /// What a connection that subscribes at the start hears first.
    Begin,
    Insert(String, Order),
    /// More of the same position, contracts.
    Grow(String, u64),
    /// Filled in part.
    Fill(String),
    Delete(String),
}

impl Book {
    /// Plans a step for the next moment of the grid at or after `at`.
    fn plan(&mut self, at: i64, step: Step) {
        let at = (at + GRID_MICROS - 1).div_euclid(GRID_MICROS) * GRID_MICROS;
        self.count += 1;
        self.planned.insert((at, self.count), step);
    }

    /// Performs a step: the action, the contract, the row and how many liquidations that tells.
    fn perform(&mut self, step: Step) -> Option<(&'static str, String, Value, u64)> {
        match step {
            Step::Begin => None,
            Step::Insert(id, order) => {
                let row = json!({
                    "orderID": id,
                    "symbol": order.contract.symbol,
                    "side": side(order.position),
                    "price": number(order.price, order.contract.price_step.0),
                    "leavesQty": order.leaves,
                });
                let symbol = order.contract.symbol.clone();
                self.open.insert(id, order);
                Some(("insert", symbol, row, 1))
            }
            Step::Grow(id, more) => {
                let order = self.open.get_mut(&id)?;
                order.leaves += more;
                let symbol = order.contract.symbol.clone();
                let row = json!({ "orderID": id, "symbol": symbol, "leavesQty": order.leaves });
                Some(("update", symbol, row, 1))
            }
            Step::Fill(id) => {
                let order = self.open.get_mut(&id)?;
                let lot = order.contract.lot_step.1;
                let left = (order.leaves as f64 / lot as f64 * self.rng.random_range(0.2..0.8)) as u64 * lot;
                if left == 0 || left >= order.leaves {
                    return None;
                }
                order.leaves = left;
                let symbol = order.contract.symbol.clone();
                let mut row = json!({ "orderID": id, "symbol": symbol, "leavesQty": left });
                if self.rng.random::<f64>() < 0.3 {
                    let ticks = self.rng.random_range(1..20) * order.contract.price_step.1;
                    order.price = match order.position {
                        Position::Long => order.price.saturating_sub(ticks).max(order.contract.price_step.1),
                        Position::Short => order.price + ticks,
                    };
                    row["price"] = number(order.price, order.contract.price_step.0);
                }
                Some(("update", symbol, row, 0))
            }
            Step::Delete(id) => {
                let order = self.open.remove(&id)?;
                let symbol = order.contract.symbol.clone();
                let row = json!({ "orderID": id, "symbol": symbol });
                Some(("delete", symbol, row, 0))
            }
        }
    }
}

impl Dialect for Book {
    fn note(&mut self, forced: Forced) {
        let at = forced.at_micros;
        let same = |order: &Order| {
            order.contract.symbol == forced.contract.symbol && order.position == forced.position
        };
        let open = self.open.iter().find(|(_, order)| same(order)).map(|(id, _)| id.clone());
        // An order that is deleted at the next moment of the grid is gone by then.
        let goes = |id: &String| {
            let end = (at + GRID_MICROS - 1).div_euclid(GRID_MICROS) * GRID_MICROS;
            self.planned
                .range(..=(end, u64::MAX))
                .any(|(_, step)| matches!(step, Step::Delete(gone) if gone == id))
        };
        if let Some(id) = open.filter(|id| !goes(id))
            && self.rng.random::<f64>() < GROWS
        {
            return self.plan(at, Step::Grow(id, forced.quantity));
        }
        let id = uuid(&mut self.rng);
        let order = Order {
            contract: forced.contract,
            position: forced.position,
            price: forced.bankruptcy,
            leaves: forced.quantity,
        };
        self.plan(at, Step::Insert(id.clone(), order));
        let lives = self.rng.random_range(1_000_000..6_000_000);
        for _ in 0..self.rng.random_range(0..3) {
            let after = self.rng.random_range(100_000..lives);
            self.plan(at + after, Step::Fill(id.clone()));
        }
        self.plan(at + lives, Step::Delete(id));
    }

    fn due(&self) -> Option<i64> {
        self.planned.keys().next().map(|(at, _)| *at)
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        // Neighbours of one action and contract share a frame.
        let mut told: Vec<(&'static str, String, Vec<Value>, u64)> = Vec::new();
        while let Some(entry) = self.planned.first_entry().filter(|entry| entry.key().0 <= now) {
            let step = entry.remove();
            if matches!(step, Step::Begin) {
                let text = partial("{}", [].iter());
                let topic = String::from("partial");
                out.push_back(SimFrame {
                    at_micros: now,
                    venue: ID,
                    payload: text.into(),
                    topic,
                    request: None,
                    events: 0,
                });
            }
            let Some((action, symbol, row, events)) = self.perform(step) else { continue };
            match told.last_mut() {
                Some((last, of, rows, count)) if *last == action && *of == symbol => {
                    rows.push(row);
                    *count += events;
                }
                _ => told.push((action, symbol, vec![row], events)),
            }
        }
        for (action, symbol, rows, events) in told {
            let text = message(action, "", rows.iter());
            let topic = format!("{TABLE}:{symbol}");
            out.push_back(SimFrame {
                at_micros: now,
                venue: ID,
                payload: text.into(),
                topic,
                request: None,
                events,
            });
        }
    }
}

/// The side of the liquidation ORDER: a long is closed by a Sell.
fn side(position: Position) -> &'static str {
    match position {
        Position::Long => "Sell",
        Position::Short => "Buy",
    }
}

fn number(units: u64, decimals: u8) -> Value {
    serde_json::from_str(&trimmed(units, decimals)).unwrap_or_default()
}

/// A message of the table, its fields in the venue's order.
fn message<'a>(action: &str, meta: &str, rows: impl Iterator<Item = &'a Value>) -> String {
    let rows: Vec<String> = rows.map(written).collect();
    format!("{{\"table\":\"{TABLE}\",\"action\":\"{action}\",{meta}\"data\":[{}]}}", rows.join(","))
}

fn written(row: &Value) -> String {
    let fields = ["orderID", "symbol", "side", "price", "leavesQty"];
    let present = fields.iter().filter_map(|key| row.get(key).map(|value| format!("\"{key}\":{value}")));
    format!("{{{}}}", present.collect::<Vec<_>>().join(","))
}

fn partial<'a>(filter: &str, rows: impl Iterator<Item = &'a Value>) -> String {
    let meta = format!(
        concat!(
            "\"keys\":[\"orderID\"],\"types\":{{\"orderID\":\"guid\",\"symbol\":\"symbol\",\"side\":\"symbol\",",
            "\"price\":\"float\",\"leavesQty\":\"long\"}},\"filter\":{},"
        ),
        filter
    );
    message("partial", &meta, rows)
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    let asked = crate::rest::parameter(caller.query, "subscribe").unwrap_or_default();
    let asked = asked.split(',').filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
    Box::new(BitmexSession {
        door: caller.door,
        market: Arc::clone(caller.market),
        asked,
        topics: Vec::new(),
        table: BTreeMap::new(),
    })
}

/// A connection to `BitMEX`. It follows the table from before it began, for its partials.
struct BitmexSession {
    door: Door,
    market: Arc<Market>,
    /// Topics named in the URL.
    asked: Vec<String>,
    topics: Vec<String>,
    table: BTreeMap<String, Value>,
}

impl BitmexSession {
    fn follow(&mut self, frame: &SimFrame) {
        let message: Value = serde_json::from_str(frame.text().unwrap_or_default()).unwrap_or_default();
        for row in message["data"].as_array().into_iter().flatten() {
            let Some(id) = row["orderID"].as_str() else { continue };
            match message["action"].as_str() {
                Some("insert") => {
                    self.table.insert(id.to_owned(), row.clone());
                }
                Some("update") => {
                    if let Some(known) = self.table.get_mut(id) {
                        for (key, value) in row.as_object().into_iter().flatten() {
                            known[key] = value.clone();
                        }
                    }
                }
                Some("delete") => {
                    self.table.remove(id);
                }
                Some(_) | None => {}
            }
        }
    }

    /// Says what becomes of one topic of a request.
    fn subscribe(&mut self, topic: &str, request: &Value, now: Now) -> Vec<Payload> {
        let refused = |status: u16, error: String, meta: Value| {
            ordered! { "status": status, "error": error, "meta": meta, "request": request }
        };
        let (table, symbol) = topic.split_once(':').map_or((topic, None), |(table, one)| (table, Some(one)));
        let listed = symbol.and_then(|symbol| self.market.of(ID).find(|one| one.symbol == symbol));
        let said = if self.door == Door::Closed {
            refused(403, "Access Denied".into(), json!({}))
        } else if table != TABLE && table != INSTRUMENTS {
            refused(400, format!("Unknown table: {table}"), json!({}))
        } else if symbol.is_some() && listed.is_none() {
            refused(400, "Unknown or expired symbol.".into(), json!({ "symbol": symbol }))
        } else if self.topics.iter().any(|known| known == topic) {
            refused(400, format!("You are already subscribed to this topic: {topic}"), json!({}))
        } else {
            let filter = symbol.map_or("{}".into(), |symbol| format!("{{\"symbol\":{}}}", quoted(symbol)));
            let state = if table == TABLE {
                partial(
                    &filter,
                    self.table.values().filter(|row| symbol.is_none_or(|symbol| row["symbol"] == symbol)),
                )
            } else {
                let prices = self.market.prices();
                let rows: Vec<Value> = self
                    .market
                    .of(ID)
                    .filter(|one| symbol.is_none_or(|symbol| one.symbol == symbol))
                    .map(|one| {
                        let mut row = instrument(one, &prices, now.micros);
                        let scene = Scene::of(&self.market, &prices, now.micros);
                        for (name, value) in contract_tickers::instrument(&scene, one) {
                            row[name] = serde_json::from_str(&value).unwrap_or_default();
                        }
                        row
                    })
                    .collect();
                ordered! {
                    "table": table, "action": "partial", "keys": ["symbol"], "filter": json!({ "symbol": symbol }), "data": rows,
                }
            };
            self.topics.push(topic.to_owned());
            let ack = format!("{{\"success\":true,\"subscribe\":{},\"request\":{request}}}", quoted(topic));
            return vec![ack.into(), state.into()];
        };
        vec![said.into()]
    }
}

impl Session for BitmexSession {
    fn recall(&mut self, past: &SimFrame) {
        self.follow(past);
    }

    fn opening(&mut self, now: Now) -> Vec<Payload> {
        let welcome = ordered! {
            "info": "Welcome to the BitMEX Realtime API.",
            "version": "2.0.0",
            "timestamp": iso(now.micros),
            "docs": "https://www.bitmex.com/app/wsAPI",
            "heartbeatEnabled": false,
            "limit": json!({ "remaining": 719 }),
        };
        let mut said = vec![welcome.into()];
        for topic in std::mem::take(&mut self.asked) {
            said.extend(self.subscribe(&topic, &json!({ "op": "subscribe", "args": topic }), now));
        }
        said
    }

    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        if text == "ping" {
            return vec!["pong".into()];
        }
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let args: Vec<String> = match &request["args"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(all) => all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        match request["op"].as_str() {
            Some("subscribe") if !args.is_empty() => {
                args.iter().flat_map(|topic| self.subscribe(topic, &request, now)).collect()
            }
            Some("unsubscribe") if !args.is_empty() => {
                self.topics.retain(|topic| !args.contains(topic));
                let said = |topic| ordered! { "success": true, "unsubscribe": topic, "request": request };
                args.iter().map(|topic| said(topic).into()).collect()
            }
            _ => {
                let error = "Unrecognized request.";
                vec![ordered! { "status": 400, "error": error, "meta": json!({}), "request": text }.into()]
            }
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        self.follow(frame);
        let wanted = |topic: &&String| {
            let (table, _) = frame.topic.split_once(':').unwrap_or((&frame.topic, ""));
            **topic == frame.topic || *topic == table
        };
        self.topics.iter().filter(wanted).map(|_| frame.payload.clone()).collect()
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }
}

/// `GET /api/v1/instrument/active`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.gets("/api/v1/instrument/active") {
        return None;
    }
    let prices = market.prices();
    let rows: Vec<Value> =
        market.of(ID).map(|contract| instrument(contract, &prices, request.now_micros)).collect();
    let body = Value::from(rows).to_string();
    let etag = format!("W/\"{:x}-{:016x}\"", body.len(), digest(body.as_bytes()));
    Some(Answer::json(body).tagged(&etag, request))
}

fn instrument(contract: &Contract, prices: &Prices, now_micros: i64) -> Value {
    let (decimals, tick) = contract.price_step;
    let mid = number(contract.price_units(prices.mid(contract.asset)), decimals);
    let (multiplier, settles_in) = match contract.value {
        Worth::Inverse(_) => (-100_000_000.0, "XBt"),
        Worth::Quanto(factor) => (factor * 1e8, "XBt"),
        Worth::Linear(coins) => (coins * 1e6, "USDt"),
    };
    let is_inverse = matches!(contract.value, Worth::Inverse(_));
    let is_linear = matches!(contract.value, Worth::Linear(_));
    let base = if contract.base == "BTC" { "XBT" } else { contract.base.as_str() };
    json!({
        "symbol": contract.symbol,
        "rootSymbol": base,
        "state": "Open",
        "typ": "FFWCSX",
        "listing": "2023-11-14T04:00:00.000Z",
        "positionCurrency": if is_inverse { "USD" } else if is_linear { base } else { "" },
        "underlying": base,
        "quoteCurrency": contract.quote,
        "underlyingSymbol": format!("{base}="),
        "lotSize": contract.lot_step.1,
        "tickSize": number(tick, decimals),
        "multiplier": multiplier.round() as i64,
        "settlCurrency": settles_in,
        "underlyingToPositionMultiplier": contract.value_text.parse::<u64>().ok(),
        "underlyingToSettleMultiplier": is_inverse.then_some(-100_000_000),
        "quoteToSettleMultiplier": is_linear.then_some(1_000_000),
        "isQuanto": matches!(contract.value, Worth::Quanto(_)),
        "isInverse": is_inverse,
        "fundingInterval": "2000-01-01T08:00:00.000Z",
        "lastPrice": mid,
        "markPrice": mid,
        "timestamp": iso(now_micros.div_euclid(MINUTE_MICROS) * MINUTE_MICROS),
    })
}
