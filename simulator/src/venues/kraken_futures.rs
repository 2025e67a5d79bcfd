//! Kraken Futures: the `trade` feed with liquidations among it, snapshots, and the instruments' REST answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::contract_tickers;
use super::uuid;
use crate::calendar::{Delivery, iso};
use crate::contracts::{Contract, Line, Value as Worth, list, trimmed};
use crate::market::{Market, Prices};
use crate::rest::{Answer, Request};
use crate::rounds::WithRounds;
use crate::session::{Caller, Close, Door, Idle, Now, Patience, Session, Sign, ordered, quoted};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "kraken-futures";

/// Mean time between two ordinary trades.
const ORDINARY_MICROS: f64 = 2_000_000.0;
/// Trades in a snapshot at most.
const SNAPSHOT: usize = 100;
/// Trades of each product from before the market began.
const HISTORY: usize = 24;
/// The number of a product's first trade in the market.
const FIRST_SEQ: u64 = 100_000;

/// `PI_` contracts are inverse (1 USD), `PF_` quantities are coins.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "PF_XBTUSD", value: Worth::Linear(1.0), value_text: "", price_step: (0, 1), lot_step: (4, 1), weight: 3.0 },
    Line { code: "BTC", symbol: "PI_XBTUSD", value: Worth::Inverse(1.0), value_text: "", price_step: (1, 5), lot_step: (0, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "PF_ETHUSD", value: Worth::Linear(1.0), value_text: "", price_step: (1, 1), lot_step: (3, 1), weight: 3.0 },
    Line { code: "ETH", symbol: "PI_ETHUSD", value: Worth::Inverse(1.0), value_text: "", price_step: (2, 5), lot_step: (0, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "PF_SOLUSD", value: Worth::Linear(1.0), value_text: "", price_step: (2, 1), lot_step: (2, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "PF_XRPUSD", value: Worth::Linear(1.0), value_text: "", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "PF_DOGEUSD", value: Worth::Linear(1.0), value_text: "", price_step: (6, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "TAO", symbol: "PF_TAOUSD", value: Worth::Linear(1.0), value_text: "", price_step: (2, 1), lot_step: (2, 1), weight: 1.0 },
    Line { code: "FET", symbol: "PF_FETUSD", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "PF_NEARUSD", value: Worth::Linear(1.0), value_text: "", price_step: (3, 1), lot_step: (1, 1), weight: 1.0 },
    Line { code: "RENDER", symbol: "PF_RENDERUSD", value: Worth::Linear(1.0), value_text: "", price_step: (3, 1), lot_step: (1, 1), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    list(ID, "USD", PERPETUALS)
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut rng = market.chance(ID);
    let first = market.start_micros + pause(&mut rng);
    let contracts = market.of(ID).cloned().collect();
    let trades = Trades {
        rng,
        contracts,
        ordinary_at: Some(first),
        forced: VecDeque::new(),
        sequence: BTreeMap::new(),
    };
    Box::new(WithRounds { events: Box::new(trades), rounds: contract_tickers::of_kraken(market) })
}

fn pause(rng: &mut ChaCha8Rng) -> i64 {
    (-(1.0 - rng.random::<f64>()).ln() * ORDINARY_MICROS) as i64
}

/// The venue's trades: each leaves alone, at once.
struct Trades {
    rng: ChaCha8Rng,
    contracts: Vec<Arc<Contract>>,
    /// When the next ordinary trade happens; `None` once the market has ended.
    ordinary_at: Option<i64>,
    forced: VecDeque<Forced>,
    sequence: BTreeMap<String, u64>,
}

struct Trade {
    seq: u64,
    at_micros: i64,
    price: u64,
    quantity: u64,
    /// Whether the taker sells.
    sells: bool,
    kind: &'static str,
}

impl Trade {
    fn ordinary(contract: &Contract, mid: f64, (seq, at_micros): (u64, i64), rng: &mut ChaCha8Rng) -> Self {
        let price = contract.price_units(mid * rng.random_range(0.9995..1.0005));
        let quantity = contract.quantity_units(rng.random_range(50.0..20_000.0), price);
        // A termination is a position assigned at its zero-equity price: counted apart, and no liquidation.
        let kind = match rng.random_range(0..100) {
            0 => "termination",
            1 => "assignment",
            2 => "block",
            _ => "fill",
        };
        Self { seq, at_micros, price, quantity, sells: rng.random(), kind }
    }

    /// As in a snapshot and, alone, as a message.
    fn written(&self, contract: &Contract, rng: &mut ChaCha8Rng) -> String {
        format!(
            concat!(
                "{{\"feed\":\"trade\",\"product_id\":\"{}\",\"uid\":\"{}\",\"side\":\"{}\",\"type\":\"{}\",",
                "\"seq\":{},\"time\":{},\"qty\":{},\"price\":{}}}"
            ),
            contract.symbol,
            uuid(rng),
            if self.sells { "sell" } else { "buy" },
            self.kind,
            self.seq,
            self.at_micros / 1000,
            trimmed(self.quantity, contract.lot_step.0),
            trimmed(self.price, contract.price_step.0),
        )
    }
}

impl Trades {
    fn print(&mut self, contract: &Contract, trade: &Trade, events: u64) -> SimFrame {
        SimFrame {
            at_micros: trade.at_micros,
            venue: ID,
            payload: trade.written(contract, &mut self.rng).into(),
            topic: contract.symbol.clone(),
            request: None,
            events,
        }
    }

    fn next_seq(&mut self, symbol: &str) -> u64 {
        let seq = self.sequence.entry(symbol.to_owned()).or_insert(FIRST_SEQ);
        *seq += 1;
        *seq - 1
    }
}

impl Dialect for Trades {
    fn note(&mut self, forced: Forced) {
        self.forced.push_back(forced);
    }

    fn due(&self) -> Option<i64> {
        [self.forced.front().map(|forced| forced.at_micros), self.ordinary_at].into_iter().flatten().min()
    }

    fn tell(&mut self, now: i64, prices: &Prices, out: &mut VecDeque<SimFrame>) {
        // `side` is the taker's, the forced order: a long is closed by a sell.
        while let Some(forced) = self.forced.pop_front_if(|forced| forced.at_micros <= now) {
            let trade = Trade {
                seq: self.next_seq(&forced.contract.symbol),
                at_micros: now,
                price: forced.fill,
                quantity: forced.quantity,
                sells: forced.position == Position::Long,
                kind: "liquidation",
            };
            let frame = self.print(&forced.contract, &trade, 1);
            out.push_back(frame);
        }
        if self.ordinary_at.is_some_and(|at| at <= now) {
            let contract = Arc::clone(&self.contracts[self.rng.random_range(0..self.contracts.len())]);
            let seq = self.next_seq(&contract.symbol);
            let trade = Trade::ordinary(&contract, prices.mid(contract.asset), (seq, now), &mut self.rng);
            let frame = self.print(&contract, &trade, 0);
            out.push_back(frame);
            self.ordinary_at = Some(now + pause(&mut self.rng).max(1));
        }
    }

    fn hush(&mut self) {
        self.ordinary_at = None;
    }
}

/// Trades of a product from before the market began, newest first; some are liquidations. Every
/// connection sees the same.
fn history(contract: &Contract, market: &Market) -> Vec<String> {
    let mut rng = market.chance(&format!("{ID}, before, {}", contract.symbol));
    let mid = Prices::default().mid(contract.asset);
    let mut at_micros = market.start_micros;
    let mut trades = Vec::new();
    for number in 1..=HISTORY {
        at_micros -= rng.random_range(500_000..30_000_000);
        let seq = FIRST_SEQ - number as u64;
        let mut trade = Trade::ordinary(contract, mid, (seq, at_micros), &mut rng);
        if number % 7 == 3 {
            trade.kind = "liquidation";
        }
        trades.push(trade.written(contract, &mut rng));
    }
    trades
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(KrakenSession {
        door: caller.door,
        market: Arc::clone(caller.market),
        products: BTreeSet::new(),
        lately: BTreeMap::new(),
        heartbeat: None,
    })
}

/// A connection to Kraken Futures. It knows the last trades, for its snapshots.
struct KrakenSession {
    door: Door,
    market: Arc<Market>,
    products: BTreeSet<String>,
    /// Newest first, by product.
    lately: BTreeMap<String, VecDeque<String>>,
    /// When the next heartbeat is due, once subscribed.
    heartbeat: Option<Duration>,
}

const HEARTBEAT: Duration = Duration::from_secs(1);

impl KrakenSession {
    fn remember(&mut self, frame: &SimFrame) {
        if frame.topic.starts_with("ticker:") {
            return;
        }
        let trades = self.lately.entry(frame.topic.clone()).or_default();
        trades.push_front(frame.text().unwrap_or_default().to_owned());
        trades.truncate(SNAPSHOT);
    }

    fn subscribe(&mut self, product: &str) -> Vec<Payload> {
        let name = product.to_uppercase();
        let Some(contract) = self.market.of(ID).find(|contract| contract.symbol == name) else {
            return vec![r#"{"event":"error","message":"Invalid product id"}"#.into()];
        };
        let lately = self.lately.get(&name);
        let lately = lately.into_iter().flatten().cloned();
        let trades: Vec<String> = lately.chain(history(contract, &self.market)).take(SNAPSHOT).collect();
        let again = !self.products.insert(name.clone());
        let mut said = Vec::new();
        if again {
            said.push(r#"{"event":"alert","message":"Already subscribed to feed, re-requesting"}"#.into());
        }
        said.push(
            format!(r#"{{"event":"subscribed","feed":"trade","product_ids":[{}]}}"#, quoted(&name)).into(),
        );
        said.push(
            format!(
                r#"{{"feed":"trade_snapshot","product_id":{},"trades":[{}]}}"#,
                quoted(&name),
                trades.join(",")
            )
            .into(),
        );
        said
    }
}

impl Session for KrakenSession {
    fn recall(&mut self, past: &SimFrame) {
        self.remember(past);
    }

    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        vec![r#"{"event":"info","version":1}"#.into()]
    }

    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![r#"{"event":"alert","message":"Json Error"}"#.into()];
        };
        let word = |key: &str| request[key].as_str().unwrap_or_default();
        let products: Vec<&str> =
            request["product_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match (word("event"), word("feed")) {
            ("subscribe", "trade") if self.door == Door::Closed => {
                vec![r#"{"event":"error","message":"Feed is not available"}"#.into()]
            }
            ("subscribe", "trade") if products.is_empty() => {
                vec![r#"{"event":"error","message":"Invalid product id"}"#.into()]
            }
            ("subscribe", "ticker") => {
                let known = |name: &String| self.market.of(ID).any(|contract| contract.symbol == *name);
                let names: Vec<String> =
                    products.iter().map(|product| product.to_uppercase()).filter(known).collect();
                self.products.extend(names.iter().map(|name| contract_tickers::topic(name)));
                names
                    .into_iter()
                    .map(|name| {
                        let name = quoted(&name);
                        format!(r#"{{"event":"subscribed","feed":"ticker","product_ids":[{name}]}}"#).into()
                    })
                    .collect()
            }
            ("subscribe", "trade") => {
                products.into_iter().flat_map(|product| self.subscribe(product)).collect()
            }
            ("unsubscribe", "trade") => {
                for product in &products {
                    self.products.remove(&product.to_uppercase());
                }
                let names = json!(products);
                vec![format!(r#"{{"event":"unsubscribed","feed":"trade","product_ids":{names}}}"#).into()]
            }
            ("subscribe", "heartbeat") => {
                self.heartbeat = Some(now.since + HEARTBEAT);
                vec![r#"{"event":"subscribed","feed":"heartbeat"}"#.into()]
            }
            ("unsubscribe", "heartbeat") => {
                self.heartbeat = None;
                vec![r#"{"event":"unsubscribed","feed":"heartbeat"}"#.into()]
            }
            ("subscribe" | "unsubscribe", _) => {
                vec![r#"{"event":"error","message":"Invalid feed"}"#.into()]
            }
            _ => vec![r#"{"event":"alert","message":"Bad websocket message"}"#.into()],
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        self.remember(frame);
        if self.products.contains(&frame.topic) { vec![frame.payload.clone()] } else { Vec::new() }
    }

    /// A client must ping once a minute, unless it subscribed to heartbeats.
    fn patience(&self) -> Patience {
        let close = Close { code: 1000, reason: "" };
        let idle = Idle { limit: Duration::from_mins(1), sign: Sign::TextOrPing, close };
        Patience { idle: self.heartbeat.is_none().then_some(idle), ..Patience::default() }
    }

    fn alarm(&self) -> Option<Duration> {
        self.heartbeat
    }

    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        self.heartbeat = Some(now.since + HEARTBEAT);
        Ok(vec![format!(r#"{{"feed":"heartbeat","time":{}}}"#, now.millis()).into()])
    }
}

/// `GET /derivatives/api/v3/instruments`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.gets("/derivatives/api/v3/instruments") {
        return None;
    }
    let rows: Vec<Value> = market.of(ID).map(|contract| instrument(contract)).collect();
    Some(Answer::json(
        ordered! { "result": "success", "instruments": rows, "serverTime": iso(request.now_micros) },
    ))
}

fn instrument(contract: &Contract) -> Value {
    let is_inverse = matches!(contract.value, Worth::Inverse(_));
    let tick: Value =
        serde_json::from_str(&trimmed(contract.price_step.1, contract.price_step.0)).unwrap_or_default();
    let mut row = json!({
        "symbol": contract.symbol,
        "type": if is_inverse { "futures_inverse" } else { "flexible_futures" },
        "tickSize": tick,
        "contractSize": 1,
        "tradeable": true,
        "base": contract.base,
        "quote": "USD",
        "pair": format!("{}:USD", contract.base),
        "contractValueTradePrecision": contract.lot_step.0,
        "fundingRateCoefficient": if is_inverse { 8 } else { 1 },
        "maxRelativeFundingRate": 0.001,
        "openingDate": "2022-01-01T00:00:00.000Z",
        "postOnly": false,
    });
    if is_inverse {
        row["underlying"] = format!("rr_{}", &contract.symbol[3..].to_lowercase()).into();
    }
    row
}
