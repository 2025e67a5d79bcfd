//! Pairs of coins and what their tickers say.

use crate::contracts::{ASSETS, fixed};
use crate::scene::{Coin, LastDay, Scene};

/// A coin against dollars, or a dollar token.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) base: &'static str,
    pub(crate) coin: Coin,
    /// Decimals of prices.
    pub(crate) decimals: u8,
    /// Decimals of quantities.
    pub(crate) lot: u8,
}

impl Pair {
    /// How often a simulated venue tells of it, milliseconds.
    pub(crate) fn every_millis(&self) -> i64 {
        if matches!(self.base, "BTC" | "ETH") { 3_000 } else { 30_000 }
    }

    /// `units` of the last decimal, as a price.
    pub(crate) fn price(&self, units: u64) -> String {
        fixed(units, self.decimals)
    }

    pub(crate) fn units(&self, price: f64) -> u64 {
        ((price * 10_f64.powi(i32::from(self.decimals))).round() as u64).max(1)
    }

    /// A quantity of coins as the venue prints it.
    pub(crate) fn quantity(&self, coins: f64) -> String {
        let places = usize::from(self.lot);
        format!("{coins:.places$}")
    }
}

/// The pairs of these coins; what is no coin of the simulated world is left out.
pub(crate) fn pairs(bases: &'static [&'static str]) -> Vec<Pair> {
    let pair = |base: &&'static str| {
        let coin = Coin::named(base)?;
        let row = ASSETS.iter().find(|row| row.code == *base && row.bundle == 1);
        let (decimals, lot) = row.map_or((5, 1), |row| (row.price_step.0, row.lot_step.0 + 2));
        Some(Pair { base, coin, decimals, lot })
    };
    bases.iter().filter_map(pair).collect()
}

/// What a ticker says, prices in units of the pair's last decimal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) last: u64,
    pub(crate) bid: u64,
    pub(crate) ask: u64,
    pub(crate) open: u64,
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// Coins in 24 hours.
    pub(crate) volume: f64,
    /// USD in 24 hours.
    pub(crate) turnover: f64,
    /// Percent in 24 hours.
    pub(crate) change_pct: f64,
}

impl Tick {
    /// The ticker of `pair` on `venue`, which has `share` of the largest venue's trade. Venues are a little
    /// apart.
    pub(crate) fn of(scene: &Scene<'_>, venue: &str, pair: &Pair, share: f64) -> Self {
        let apart = scene.chance(venue).wave(scene.secs() + pair.coin.asset as f64 * 91.0, 29.0);
        let price = scene.spot(pair.coin) * (1.0 + 0.000_06 * apart);
        let LastDay { open, low, high, volume } = scene.last_day(pair.coin, share);
        let last = pair.units(price);
        let half = pair.units(price * 0.000_05);
        Self {
            last,
            bid: last.saturating_sub(half).max(1),
            ask: last + half,
            open: pair.units(open),
            low: pair.units(low).min(last),
            high: pair.units(high).max(last),
            volume,
            turnover: volume * price,
            change_pct: (price / open - 1.0) * 100.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Prices;
    use crate::scene::tests::{FRIDAY, market};

    #[test]
    fn a_ticker_is_between_its_day_and_venues_are_a_little_apart() {
        let (market, prices) = (market(), Prices::default());
        for pair in pairs(&["BTC", "TAO", "OCEAN", "ATH", "NOCOIN"]) {
            let mut far = 0.0_f64;
            for second in (0..600).step_by(7) {
                let scene = Scene::of(&market, &prices, FRIDAY + second * 1_000_000);
                let [one, other] = ["kraken", "coinbase"].map(|venue| Tick::of(&scene, venue, &pair, 0.3));
                assert!(
                    one.low <= one.bid && one.bid < one.last && one.last < one.ask && one.last <= one.high
                );
                far = far.max((one.last as f64 / other.last as f64 - 1.0).abs());
            }
            // A tick of the cheapest is almost a tenth of a percent.
            assert!(far < 0.001, "{} {far}", pair.base);
        }
        assert_eq!(pairs(&["NOCOIN"]).len(), 0);
    }

    #[test]
    fn pairs_print_their_own_decimals() {
        let pairs = pairs(&["BTC", "OCEAN"]);
        assert_eq!([pairs[0].price(8_245_000), pairs[1].price(13_274)], ["82450.00", "0.13274"]);
        assert_eq!(pairs[0].quantity(1.5), "1.50000");
    }
}
