//! HTX coin-margined swaps, in the words of the linear ones.

use super::htx::{Batches, HtxSession, contract_info};
use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value, list};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::session::{Caller, Session};
use crate::tape::Dialect;

pub(super) const ID: &str = "htx-coinm";

/// `volume` is in contracts of 100 USD of bitcoin and 10 USD of anything else.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTC-USD", value: Value::Inverse(100.0), value_text: "100", price_step: (1, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "ETH-USD", value: Value::Inverse(10.0), value_text: "10", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "SOL-USD", value: Value::Inverse(10.0), value_text: "10", price_step: (3, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRP-USD", value: Value::Inverse(10.0), value_text: "10", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGE-USD", value: Value::Inverse(10.0), value_text: "10", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    list(ID, "USD", PERPETUALS)
}

pub(super) fn dialect(_market: &Market) -> Box<dyn Dialect> {
    Box::new(Batches::new(ID))
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(HtxSession::new(ID, caller))
}

/// `GET /swap-api/v1/swap_contract_info?contract_code=`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    contract_info(request, market, (ID, "/swap-api/v1/swap_contract_info"))
}
