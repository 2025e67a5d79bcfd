//! Deribit: trades with liquidations among them, JSON-RPC over `WebSocket` and HTTP, heartbeats.

mod history;
mod rpc;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::contract_tickers;
use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value, list, trimmed};
use crate::market::{Market, Prices};
use crate::rounds::WithRounds;
use crate::tape::{Dialect, SimFrame};
use crate::world::{Forced, Position};

pub(super) use rpc::{SUBSCRIPTION, answer, session};

pub(super) const ID: &str = "deribit";

/// Trades of one instrument and tenth of a second share a frame.
const BATCH_MICROS: i64 = 100_000;
/// Mean time between two ordinary trades.
const ORDINARY_MICROS: f64 = 2_000_000.0;

/// Inverse contracts count USD; linear ones coins.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTC-PERPETUAL", value: Value::Inverse(1.0), value_text: "10.0", price_step: (1, 5), lot_step: (0, 10), weight: 3.0 },
    Line { code: "ETH", symbol: "ETH-PERPETUAL", value: Value::Inverse(1.0), value_text: "1.0", price_step: (2, 5), lot_step: (0, 1), weight: 3.0 },
    Line { code: "BTC", symbol: "BTC_USDC-PERPETUAL", value: Value::Linear(1.0), value_text: "0.0001", price_step: (1, 5), lot_step: (4, 1), weight: 0.5 },
    Line { code: "ETH", symbol: "ETH_USDC-PERPETUAL", value: Value::Linear(1.0), value_text: "0.001", price_step: (2, 5), lot_step: (3, 1), weight: 0.5 },
    Line { code: "SOL", symbol: "SOL_USDC-PERPETUAL", value: Value::Linear(1.0), value_text: "0.1", price_step: (3, 5), lot_step: (1, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRP_USDC-PERPETUAL", value: Value::Linear(1.0), value_text: "1.0", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGE_USDC-PERPETUAL", value: Value::Linear(1.0), value_text: "1.0", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "NEAR_USDC-PERPETUAL", value: Value::Linear(1.0), value_text: "0.1", price_step: (4, 1), lot_step: (1, 1), weight: 1.0 },
];

pub(super) fn lists(delivery: Delivery) -> Vec<Contract> {
    let mut contracts = list(ID, "USD", PERPETUALS);
    let dated: Vec<Contract> = contracts
        .iter()
        .filter(|contract| matches!(contract.value, Value::Inverse(_)))
        .map(|contract| Contract {
            symbol: format!("{}-{}", contract.base, delivery.words()),
            term: delivery.term(),
            weight: 0.3,
            ..contract.clone()
        })
        .collect();
    contracts.extend(dated);
    for contract in &mut contracts {
        contract.family = currency(&contract.symbol).to_owned();
        if contract.family == "USDC" {
            contract.quote = "USDC";
        }
    }
    contracts
}

/// The currency that an instrument is settled in and listed under.
fn currency(symbol: &str) -> &str {
    let pair = symbol.split('-').next().unwrap_or_default();
    pair.split_once('_').map_or(pair, |(_, settled)| settled)
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut rng = market.chance(ID);
    let first = market.start_micros + pause(&mut rng);
    let contracts = market.of(ID).cloned().collect();
    let trades = Trades {
        rng,
        contracts,
        ordinary_at: Some(first),
        pending: BTreeMap::new(),
        leaves: None,
        sequence: BTreeMap::new(),
        taken: BTreeMap::new(),
        counterparties: 0,
        printed: 0,
    };
    Box::new(WithRounds { events: Box::new(trades), rounds: contract_tickers::of_deribit(market) })
}

fn pause(rng: &mut ChaCha8Rng) -> i64 {
    (-(1.0 - rng.random::<f64>()).ln() * ORDINARY_MICROS) as i64
}

/// The venue's trades, ordinary and forced.
struct Trades {
    rng: ChaCha8Rng,
    contracts: Vec<Arc<Contract>>,
    /// When the next ordinary trade happens; `None` once the market has ended.
    ordinary_at: Option<i64>,
    /// Trades that wait for their frame, by instrument, and how many liquidations they are.
    pending: BTreeMap<String, (Vec<String>, u64)>,
    leaves: Option<i64>,
    sequence: BTreeMap<String, u64>,
    /// The last millisecond that holds a liquidation, by instrument and position.
    taken: BTreeMap<(String, bool), i64>,
    counterparties: u64,
    printed: u64,
}

/// Whose margin ended in a trade: the taker's, the maker's, or both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Party {
    Taker,
    Maker,
    Both,
}

impl Trades {
    fn print(&mut self, contract: &Contract, trade: &Trade) {
        let seq = self.sequence.entry(contract.symbol.clone()).or_insert(40_000_000);
        *seq += 1;
        self.printed += 1;
        let row = row(contract, trade, (*seq, 66_000_000 + self.printed), self.rng.random_range(0..4));
        self.pending.entry(contract.symbol.clone()).or_default().0.push(row);
    }

    /// The millisecond of a liquidation: one instrument, moment and side is one liquidation there, in one
    /// fill or several.
    fn moment(&mut self, symbol: &str, at_micros: i64, of_long: bool) -> i64 {
        let taken = self.taken.entry((symbol.to_owned(), of_long)).or_insert(i64::MIN);
        *taken = (at_micros / 1000).max(taken.saturating_add(1));
        *taken
    }

    fn leave_after(&mut self, at: i64) {
        let next = (at.div_euclid(BATCH_MICROS) + 1) * BATCH_MICROS;
        self.leaves.get_or_insert(next);
    }

    fn ordinary(&mut self, at: i64, prices: &Prices) {
        let contract = Arc::clone(&self.contracts[self.rng.random_range(0..self.contracts.len())]);
        let price = contract.price_units(prices.mid(contract.asset) * self.rng.random_range(0.9995..1.0005));
        let amount = contract.quantity_units(self.rng.random_range(50.0..40_000.0), price);
        let sells = self.rng.random();
        self.print(&contract, &Trade { millis: at / 1000, price, amount, sells, party: None });
        self.leave_after(at);
    }
}

/// A trade as the venue writes it, under its place in the instrument's sequence and its number.
fn row(contract: &Contract, trade: &Trade, (seq, number): (u64, u64), tick: u8) -> String {
    let id = match contract.family.as_str() {
        "BTC" => number.to_string(),
        other => format!("{other}-{number}"),
    };
    let price = trimmed(trade.price, contract.price_step.0);
    let party = match trade.party {
        None => "",
        Some(Party::Taker) => "\"liquidation\":\"T\",",
        Some(Party::Maker) => "\"liquidation\":\"M\",",
        Some(Party::Both) => "\"liquidation\":\"MT\",",
    };
    format!(
        concat!(
            "{{\"trade_seq\":{},\"trade_id\":\"{}\",\"timestamp\":{},\"tick_direction\":{},\"price\":{},",
            "\"mark_price\":{},{}\"instrument_name\":\"{}\",\"index_price\":{},\"direction\":\"{}\",\"amount\":{}}}"
        ),
        seq,
        id,
        trade.millis,
        tick,
        price,
        price,
        party,
        contract.symbol,
        price,
        if trade.sells { "sell" } else { "buy" },
        trimmed(trade.amount, contract.lot_step.0),
    )
}

/// One trade.
struct Trade {
    millis: i64,
    price: u64,
    amount: u64,
    sells: bool,
    party: Option<Party>,
}

impl Dialect for Trades {
    fn note(&mut self, forced: Forced) {
        let contract = Arc::clone(&forced.contract);
        let is_long = forced.position == Position::Long;
        let party = match forced.dice[0] {
            die if die < 0.77 => Party::Taker,
            die if die < 0.97 => Party::Maker,
            _ => Party::Both,
        };
        // A liquidated long sells: as the taker, or to a buying taker as the maker.
        let sells = is_long != (party == Party::Maker);
        let mut millis = self.moment(&contract.symbol, forced.at_micros, is_long);
        let mut events = 1;
        if party == Party::Both {
            millis = self.moment(&contract.symbol, millis * 1000, !is_long);
            self.taken.insert((contract.symbol.clone(), is_long), millis);
            self.counterparties += 1;
            events += 1;
        }
        let lot = contract.lot_step.1;
        let lots = forced.quantity / lot;
        let first = if forced.dice[1] < 0.3 && lots > 1 { (lots / 3).max(1) * lot } else { forced.quantity };
        for amount in [first, forced.quantity - first] {
            if amount > 0 {
                let party = Some(party);
                self.print(&contract, &Trade { millis, price: forced.fill, amount, sells, party });
            }
        }
        if let Some((_, count)) = self.pending.get_mut(&contract.symbol) {
            *count += events;
        }
        self.leave_after(forced.at_micros);
    }

    fn due(&self) -> Option<i64> {
        [self.leaves, self.ordinary_at].into_iter().flatten().min()
    }

    fn tell(&mut self, now: i64, prices: &Prices, out: &mut VecDeque<SimFrame>) {
        if self.ordinary_at.is_some_and(|at| at <= now) {
            self.ordinary(now, prices);
            self.ordinary_at = Some(now + pause(&mut self.rng).max(1));
        }
        if self.leaves.is_none_or(|at| at > now) {
            return;
        }
        self.leaves = None;
        for (symbol, (trades, events)) in std::mem::take(&mut self.pending) {
            let text = format!(
                "{}\"channel\":\"trades.{symbol}.100ms\",\"data\":[{}]}}}}",
                rpc::SUBSCRIPTION,
                trades.join(",")
            );
            let topic = format!("trades.{symbol}");
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

    fn hush(&mut self) {
        self.ordinary_at = None;
    }

    fn happened(&self, noted: u64) -> u64 {
        noted + self.counterparties
    }
}
