//! Bybit v5 inverse: coin-margined contracts, in the words of the linear ones.

use super::bybit_linear::{Batches, BybitSession};
use super::bybit_tickers;
use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value, list};
use crate::market::Market;
use crate::rounds::WithRounds;
use crate::session::{Caller, Session};
use crate::tape::Dialect;

pub(super) const ID: &str = "bybit-inverse";

/// `v` is in contracts of one USD.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTCUSD", value: Value::Inverse(1.0), value_text: "", price_step: (2, 10), lot_step: (0, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "ETHUSD", value: Value::Inverse(1.0), value_text: "", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "SOLUSD", value: Value::Inverse(1.0), value_text: "", price_step: (3, 5), lot_step: (0, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRPUSD", value: Value::Inverse(1.0), value_text: "", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGEUSD", value: Value::Inverse(1.0), value_text: "", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
];

pub(super) fn lists(delivery: Delivery) -> Vec<Contract> {
    let mut contracts = list(ID, "USD", PERPETUALS);
    let dated = |contract: &Contract| Contract {
        symbol: format!("{}{}", contract.symbol, delivery.letter()),
        term: delivery.term(),
        weight: 0.15,
        ..contract.clone()
    };
    let quarterly: Vec<Contract> =
        contracts.iter().filter(|one| matches!(one.base.as_str(), "BTC" | "ETH")).map(dated).collect();
    contracts.extend(quarterly);
    contracts
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    Box::new(WithRounds { events: Box::new(Batches::new(ID)), rounds: bybit_tickers::rounds(ID, market) })
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BybitSession::new(ID, caller))
}
