//! What is listed where: assets, contracts, tick sizes and contract values.

use crate::calendar::Delivery;
use crate::market::Move;
use crate::venues::VENUES;

/// Something whose price moves.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) code: &'static str,
    /// USD at the start of a scenario: levels of late 2026, rounded.
    pub(crate) price: f64,
    /// Percent that the asset moves when the market moves one percent.
    pub(crate) beta: f64,
    /// Relative share of all liquidations.
    pub(crate) weight: f64,
    /// Coins in one unit of a Binance or Bybit contract: `1000PEPEUSDT`.
    pub(crate) bundle: u32,
    /// Printed decimals and tick (in units of the last decimal) on Binance and Bybit.
    pub(crate) price_step: (u8, u64),
    /// Printed decimals and step of quantities on Binance and Bybit.
    pub(crate) lot_step: (u8, u64),
    /// OKX: coins per USDT-margined swap contract, price decimals.
    pub(crate) okx: Option<(&'static str, u8)>,
}

impl Asset {
    /// USD per coin once prices have gone there.
    pub(crate) fn mid(&self, to: Move) -> f64 {
        self.price * (self.beta * to.market + to.own).clamp(-3.0, 3.0).exp()
    }
}

#[rustfmt::skip]
pub(crate) const ASSETS: &[Asset] = &[
    Asset { code: "BTC", price: 82_450.0, beta: 1.0, weight: 26.0, bundle: 1, price_step: (2, 10), lot_step: (3, 1), okx: Some(("0.01", 1)) },
    Asset { code: "ETH", price: 2_430.0, beta: 1.3, weight: 22.0, bundle: 1, price_step: (2, 1), lot_step: (3, 1), okx: Some(("0.1", 2)) },
    Asset { code: "SOL", price: 98.2, beta: 1.5, weight: 10.0, bundle: 1, price_step: (3, 10), lot_step: (1, 1), okx: Some(("1", 2)) },
    Asset { code: "XRP", price: 1.384, beta: 1.3, weight: 6.0, bundle: 1, price_step: (4, 1), lot_step: (1, 1), okx: Some(("100", 4)) },
    Asset { code: "DOGE", price: 0.0892, beta: 1.5, weight: 5.0, bundle: 1, price_step: (5, 1), lot_step: (0, 1), okx: Some(("1000", 5)) },
    Asset { code: "HYPE", price: 38.4, beta: 1.5, weight: 4.0, bundle: 1, price_step: (3, 1), lot_step: (2, 1), okx: Some(("0.1", 3)) },
    Asset { code: "ZEC", price: 412.0, beta: 1.6, weight: 4.0, bundle: 1, price_step: (2, 1), lot_step: (3, 1), okx: Some(("0.1", 2)) },
    Asset { code: "SUI", price: 1.12, beta: 1.6, weight: 3.0, bundle: 1, price_step: (5, 10), lot_step: (0, 10), okx: Some(("1", 4)) },
    Asset { code: "BNB", price: 742.0, beta: 0.9, weight: 2.0, bundle: 1, price_step: (2, 10), lot_step: (2, 1), okx: Some(("0.01", 1)) },
    Asset { code: "ADA", price: 0.312, beta: 1.4, weight: 2.0, bundle: 1, price_step: (4, 1), lot_step: (0, 1), okx: Some(("100", 4)) },
    Asset { code: "LINK", price: 10.4, beta: 1.4, weight: 2.0, bundle: 1, price_step: (3, 1), lot_step: (1, 1), okx: Some(("1", 3)) },
    Asset { code: "AVAX", price: 11.8, beta: 1.5, weight: 1.5, bundle: 1, price_step: (3, 1), lot_step: (1, 1), okx: Some(("1", 3)) },
    Asset { code: "LTC", price: 68.4, beta: 1.1, weight: 1.0, bundle: 1, price_step: (2, 1), lot_step: (1, 1), okx: Some(("1", 2)) },
    Asset { code: "PEPE", price: 0.000_004_52, beta: 1.8, weight: 2.5, bundle: 1000, price_step: (7, 10), lot_step: (0, 100), okx: Some(("10000000", 9)) },
    Asset { code: "TAO", price: 268.0, beta: 1.6, weight: 3.5, bundle: 1, price_step: (2, 1), lot_step: (3, 1), okx: Some(("0.01", 1)) },
    Asset { code: "FET", price: 0.2140, beta: 1.7, weight: 1.8, bundle: 1, price_step: (4, 1), lot_step: (0, 1), okx: Some(("10", 4)) },
    Asset { code: "RENDER", price: 1.862, beta: 1.6, weight: 1.8, bundle: 1, price_step: (4, 1), lot_step: (1, 1), okx: Some(("1", 3)) },
    Asset { code: "NEAR", price: 1.624, beta: 1.6, weight: 1.8, bundle: 1, price_step: (4, 1), lot_step: (1, 1), okx: Some(("10", 3)) },
    Asset { code: "WLD", price: 0.521, beta: 1.7, weight: 2.0, bundle: 1, price_step: (4, 1), lot_step: (1, 1), okx: Some(("1", 4)) },
    Asset { code: "VIRTUAL", price: 0.832, beta: 1.8, weight: 1.5, bundle: 1, price_step: (4, 1), lot_step: (0, 1), okx: Some(("1", 4)) },
    Asset { code: "ARKM", price: 0.1764, beta: 1.7, weight: 0.8, bundle: 1, price_step: (5, 1), lot_step: (0, 1), okx: Some(("1", 4)) },
    Asset { code: "ICP", price: 3.12, beta: 1.5, weight: 1.0, bundle: 1, price_step: (3, 1), lot_step: (1, 1), okx: Some(("0.01", 3)) },
    Asset { code: "GRT", price: 0.041_2, beta: 1.6, weight: 0.5, bundle: 1, price_step: (5, 1), lot_step: (1, 1), okx: Some(("10", 5)) },
    Asset { code: "AKT", price: 0.472, beta: 1.6, weight: 0.6, bundle: 1, price_step: (4, 1), lot_step: (1, 1), okx: None },
    Asset { code: "ATH", price: 0.012_64, beta: 1.7, weight: 0.5, bundle: 1, price_step: (6, 1), lot_step: (0, 10), okx: None },
    Asset { code: "IO", price: 0.1582, beta: 1.7, weight: 0.4, bundle: 1, price_step: (5, 1), lot_step: (1, 1), okx: None },
];

/// How a quantity becomes money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// Coins per unit of quantity: value = quantity × coins × price.
    Linear(f64),
    /// USD per unit of quantity, whatever the price.
    Inverse(f64),
    /// Bitcoin per unit of quantity and USD of price: value = quantity × factor × price, in bitcoin.
    Quanto(f64),
}

/// When a contract ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Perpetual,
    /// Delivery at this time, milliseconds since 1970 UTC.
    Dated(i64),
}

/// One contract on one venue.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    /// The venue's id.
    pub(crate) venue: &'static str,
    /// As the venue writes it.
    pub(crate) symbol: String,
    /// The pair or family it belongs to: `BTCUSDT`, `BTC-USDT`.
    pub(crate) family: String,
    /// Index into [`ASSETS`].
    pub(crate) asset: usize,
    pub(crate) base: String,
    pub(crate) quote: &'static str,
    pub(crate) value: Value,
    /// The contract value as the venue writes it (OKX).
    pub(crate) value_text: &'static str,
    pub(crate) term: Term,
    pub(crate) price_step: (u8, u64),
    pub(crate) lot_step: (u8, u64),
    /// Coins per priced unit: 1000 for `1000PEPEUSDT`.
    pub(crate) bundle: f64,
    /// Relative share of its asset's liquidations.
    pub(crate) weight: f64,
}

impl Contract {
    /// A USDT perpetual whose quantity is in (bundles of) coins, with the asset's own steps.
    pub(crate) fn paired(venue: &'static str, asset: usize, weight: f64) -> Self {
        let row = &ASSETS[asset];
        let base = if row.bundle == 1 { row.code.to_owned() } else { format!("{}{}", row.bundle, row.code) };
        Self {
            venue,
            symbol: format!("{base}USDT"),
            family: format!("{base}USDT"),
            asset,
            base,
            quote: "USDT",
            value: Value::Linear(1.0),
            value_text: "",
            term: Term::Perpetual,
            price_step: row.price_step,
            lot_step: row.lot_step,
            bundle: f64::from(row.bundle),
            weight,
        }
    }

    /// A price in USD per coin as a whole number of the last printed decimal, on the tick.
    pub(crate) fn price_units(&self, per_coin: f64) -> u64 {
        let (decimals, tick) = self.price_step;
        let ticks = (per_coin * self.bundle * power(decimals) / tick as f64).round();
        (ticks as u64).max(1) * tick
    }

    /// A price in units of the last printed decimal, as USD per priced unit.
    pub(crate) fn price(&self, units: u64) -> f64 {
        units as f64 / power(self.price_step.0)
    }

    /// The quantity, in units of its last printed decimal, that is worth `usd`; at least one lot.
    pub(crate) fn quantity_units(&self, usd: f64, price_units: u64) -> u64 {
        let (decimals, step) = self.lot_step;
        let lots = (usd / self.worth(1.0, price_units) * power(decimals) / step as f64).round();
        (lots as u64).max(1) * step
    }

    /// What a quantity is worth, USD.
    pub(crate) fn usd(&self, quantity_units: u64, price_units: u64) -> f64 {
        self.worth(quantity_units as f64 / power(self.lot_step.0), price_units)
    }

    fn worth(&self, quantity: f64, price_units: u64) -> f64 {
        match self.value {
            Value::Linear(coins) => quantity * coins * self.price(price_units),
            Value::Inverse(usd) => quantity * usd,
            // At the first price of bitcoin: this only decides how many contracts a size is.
            Value::Quanto(factor) => quantity * factor * self.price(price_units) * ASSETS[0].price,
        }
    }
}

/// One perpetual of a venue's list.
pub(crate) struct Line {
    /// The asset's code in [`ASSETS`].
    pub(crate) code: &'static str,
    /// As the venue writes it.
    pub(crate) symbol: &'static str,
    pub(crate) value: Value,
    /// The contract value as the venue writes it; empty where it does not.
    pub(crate) value_text: &'static str,
    pub(crate) price_step: (u8, u64),
    pub(crate) lot_step: (u8, u64),
    /// Relative share of its asset's liquidations on the venue.
    pub(crate) weight: f64,
}

/// A venue's list of perpetuals in one quote currency.
pub(crate) fn list(venue: &'static str, quote: &'static str, lines: &[Line]) -> Vec<Contract> {
    let contract = |line: &Line| {
        let asset = ASSETS.iter().position(|row| row.code == line.code)?;
        Some(Contract {
            symbol: line.symbol.to_owned(),
            family: line.symbol.to_owned(),
            base: line.code.to_owned(),
            quote,
            value: line.value,
            value_text: line.value_text,
            price_step: line.price_step,
            lot_step: line.lot_step,
            bundle: 1.0,
            ..Contract::paired(venue, asset, line.weight)
        })
    };
    lines.iter().filter_map(contract).collect()
}

/// Everything listed at `start_micros`, venue by venue; dated contracts deliver at the next quarter's end.
pub(crate) fn listed(start_micros: i64) -> Vec<Contract> {
    let delivery = Delivery::next(start_micros);
    VENUES.iter().flat_map(|row| (row.lists)(delivery)).collect()
}

fn power(decimals: u8) -> f64 {
    10_u64.pow(u32::from(decimals)) as f64
}

/// `units` of the last of `decimals` decimals, all decimals written: `(8233830, 2)` is `82338.30`.
pub(crate) fn fixed(units: u64, decimals: u8) -> String {
    if decimals == 0 {
        return units.to_string();
    }
    let one = 10_u64.pow(u32::from(decimals));
    format!("{}.{:0width$}", units / one, units % one, width = usize::from(decimals))
}

/// As [`fixed`], without trailing zeros: OKX writes `8.5`, never `8.50`.
pub(crate) fn trimmed(units: u64, decimals: u8) -> String {
    let text = fixed(units, decimals);
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOV_22_2026: i64 = 1_795_305_600_000_000;

    #[test]
    fn numbers_are_written_as_the_venues_write_them() {
        assert_eq!(fixed(8_233_830, 2), "82338.30");
        assert_eq!(fixed(7, 5), "0.00007");
        assert_eq!(fixed(1861, 0), "1861");
        assert_eq!(trimmed(855, 2), "8.55");
        assert_eq!(trimmed(800, 2), "8");
        assert_eq!(trimmed(100, 0), "100");
    }

    #[test]
    fn about_25_assets_are_listed_and_no_symbol_twice_on_a_venue() {
        let contracts = listed(NOV_22_2026);
        assert!((24..=28).contains(&ASSETS.len()));
        let mut names: Vec<_> = contracts.iter().map(|one| (one.venue, one.symbol.clone())).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), contracts.len());
        for wanted in ["1000PEPEUSDT", "BTCUSDT_261225", "BTCUSDT-25DEC26", "BTC-USD-SWAP", "BTC-USD-261225"]
        {
            assert!(contracts.iter().any(|one| one.symbol == wanted), "{wanted}");
        }
        assert!(!contracts.iter().any(|one| one.venue == "okx" && one.symbol.starts_with("AKT")));
    }

    #[test]
    fn quantities_are_worth_what_was_asked_within_a_lot() {
        for contract in listed(NOV_22_2026) {
            let price = contract.price_units(ASSETS[contract.asset].price);
            let quantity = contract.quantity_units(1_000_000.0, price);
            let off = contract.usd(quantity, price) / 1_000_000.0 - 1.0;
            assert!(off.abs() < 0.001, "{} {off}", contract.symbol);
            assert_eq!(quantity % contract.lot_step.1, 0);
            assert_eq!(price % contract.price_step.1, 0);
        }
    }

    #[test]
    fn a_btc_swap_contract_is_a_hundredth_of_a_bitcoin() {
        let contracts = listed(NOV_22_2026);
        let btc = contracts.iter().find(|one| one.symbol == "BTC-USDT-SWAP").unwrap();
        let worth = btc.usd(855, 826_557);
        assert!((worth - 7067.06).abs() < 0.01, "{worth}");
    }
}
