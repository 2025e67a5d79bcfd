//! Binance COIN-M: coin-margined contracts on the `forceOrder` stream, and now and then someone else's.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::binance_usdm::{self, BinanceSession, place};
use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Term, Value, fixed, list};
use crate::market::{Market, Prices};
use crate::rest::{Answer, Request};
use crate::session::{Caller, Session};
use crate::tape::{Dialect, SimFrame};
use crate::throttle::Throttle;
use crate::world::{Forced, Position};

pub(super) const ID: &str = "binance-coinm";

/// Both forms of the path were seen delivering in October 2026.
const LIVE: [&str; 2] = ["", "/market"];

/// The share of frames followed by one that tells of a USD-M contract, as measured in October 2026.
const INTRUDERS: f64 = 0.15;

#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "BTCUSD_PERP", value: Value::Inverse(100.0), value_text: "100", price_step: (1, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "ETHUSD_PERP", value: Value::Inverse(10.0), value_text: "10", price_step: (2, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "SOLUSD_PERP", value: Value::Inverse(10.0), value_text: "10", price_step: (3, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "XRPUSD_PERP", value: Value::Inverse(10.0), value_text: "10", price_step: (4, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "DOGEUSD_PERP", value: Value::Inverse(10.0), value_text: "10", price_step: (5, 1), lot_step: (0, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "NEARUSD_PERP", value: Value::Inverse(10.0), value_text: "10", price_step: (3, 1), lot_step: (0, 1), weight: 1.0 },
];

pub(super) fn lists(delivery: Delivery) -> Vec<Contract> {
    let mut contracts = list(ID, "USD", PERPETUALS);
    let dated = |contract: &Contract| Contract {
        symbol: format!("{}USD_{}", contract.base, delivery.digits()),
        term: delivery.term(),
        weight: 0.15,
        ..contract.clone()
    };
    let quarterly: Vec<Contract> =
        contracts.iter().filter(|one| matches!(one.base.as_str(), "BTC" | "ETH")).map(dated).collect();
    contracts.extend(quarterly);
    for contract in &mut contracts {
        contract.family = format!("{}USD", contract.base);
    }
    contracts
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let strangers = market.of(binance_usdm::ID).take(40).cloned().collect();
    Box::new(Stream { own: binance_usdm::throttle(ID), strangers, rng: market.chance(ID) })
}

pub(super) fn serves(path: &str) -> bool {
    place(path, &LIVE).is_some()
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BinanceSession::new(caller, &LIVE))
}

/// The venue's own throttled stream, with USD-M orders among it: those are `st` 1, and no liquidation
/// here.
struct Stream {
    own: Throttle,
    strangers: Vec<Arc<Contract>>,
    rng: ChaCha8Rng,
}

impl Dialect for Stream {
    fn note(&mut self, forced: Forced) {
        self.own.note(forced);
    }

    fn due(&self) -> Option<i64> {
        self.own.due()
    }

    fn tell(&mut self, now: i64, prices: &Prices, out: &mut VecDeque<SimFrame>) {
        self.own.tell(now, prices, out);
        if self.rng.random::<f64>() >= INTRUDERS {
            return;
        }
        let contract = Arc::clone(&self.strangers[self.rng.random_range(0..self.strangers.len())]);
        let fill = contract.price_units(prices.mid(contract.asset));
        let quantity = contract.quantity_units(self.rng.random_range(200.0..20_000.0), fill);
        let position = if self.rng.random() { Position::Long } else { Position::Short };
        let dice = [self.rng.random(), self.rng.random()];
        let usd = contract.usd(quantity, fill);
        let at_micros = now - 900_000;
        let forced = Forced {
            at_micros,
            contract,
            position,
            quantity,
            fill,
            bankruptcy: fill,
            usd,
            dice,
            moved: None,
        };
        out.push_back(binance_usdm::frame(ID, &forced, now, 0));
    }
}

/// `GET /dapi/v1/exchangeInfo`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.gets("/dapi/v1/exchangeInfo") {
        return None;
    }
    let symbols: Vec<String> = market.of(ID).map(|contract| symbol(contract)).collect();
    Some(Answer::json(format!(
        concat!(
            "{{\"timezone\":\"UTC\",\"serverTime\":{},\"rateLimits\":[{{\"rateLimitType\":\"REQUEST_WEIGHT\",",
            "\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":2400}}],\"exchangeFilters\":[],\"symbols\":[{}]}}"
        ),
        request.now_micros / 1000,
        symbols.join(",")
    )))
}

fn symbol(contract: &Contract) -> String {
    let (kind, delivers) = match contract.term {
        Term::Perpetual => ("PERPETUAL", 4_133_404_800_000),
        Term::Dated(millis) => ("CURRENT_QUARTER", millis),
    };
    let (decimals, tick) = contract.price_step;
    format!(
        concat!(
            "{{\"symbol\":\"{}\",\"pair\":\"{}\",\"contractType\":\"{}\",\"deliveryDate\":{},",
            "\"onboardDate\":1597042800000,\"contractStatus\":\"TRADING\",\"contractSize\":{},\"marginAsset\":\"{}\",",
            "\"maintMarginPercent\":\"2.5000\",\"requiredMarginPercent\":\"5.0000\",\"baseAsset\":\"{}\",",
            "\"quoteAsset\":\"USD\",\"pricePrecision\":{},\"quantityPrecision\":0,\"baseAssetPrecision\":8,",
            "\"quotePrecision\":8,\"equalQtyPrecision\":4,\"triggerProtect\":\"0.0500\",\"underlyingType\":\"COIN\",",
            "\"underlyingSubType\":[],\"filters\":[{{\"filterType\":\"PRICE_FILTER\",\"tickSize\":\"{}\"}},",
            "{{\"filterType\":\"LOT_SIZE\",\"stepSize\":\"1\",\"maxQty\":\"1000000\",\"minQty\":\"1\"}}],",
            "\"orderTypes\":[\"LIMIT\",\"MARKET\"],\"timeInForce\":[\"GTC\",\"IOC\",\"FOK\",\"GTX\"]}}"
        ),
        contract.symbol,
        contract.family,
        kind,
        delivers,
        contract.value_text,
        contract.base,
        contract.base,
        decimals,
        fixed(tick, decimals),
    )
}
