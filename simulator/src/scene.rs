//! The market at a moment, as everything that is not a liquidation sees it: spot, marks, funding, open
//! interest, and the days before.
//!
//! All of it follows the prices that liquidations move, and is the same for whoever asks.

use crate::chance::Chance;
use crate::contracts::ASSETS;
use crate::days::utc_day;
use crate::market::{Market, Prices};

/// Seconds between two payments of funding.
const FUNDING_SECS: i64 = 8 * 3600;
/// USD of open positions, one side, for each unit of an asset's weight on the largest venue.
const OPEN_USD: f64 = 300_000_000.0;
/// What nobody is liquidated in, and trades near a ratio to an asset: its code, the asset, the ratio.
const FOLLOWERS: [(&str, &str, f64); 8] = [
    ("OCEAN", "FET", 0.62),
    ("TRAC", "FET", 1.9),
    ("AIOZ", "RENDER", 0.068),
    ("LPT", "RENDER", 2.1),
    ("NMR", "TAO", 0.034),
    ("EIGEN", "NEAR", 0.38),
    ("GRASS", "VIRTUAL", 0.31),
    ("ELIZAOS", "ARKM", 0.021),
];

/// A coin with a price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Coin {
    code: &'static str,
    /// Index into [`ASSETS`].
    pub(crate) asset: usize,
    ratio: f64,
}

impl Coin {
    pub(crate) const BITCOIN: Self = Self { code: "BTC", asset: 0, ratio: 1.0 };

    pub(crate) fn of(asset: usize) -> Self {
        Self { code: ASSETS[asset].code, asset, ratio: 1.0 }
    }

    /// Its code: `BTC`.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The coin called `code`.
    pub(crate) fn named(code: &str) -> Option<Self> {
        let listed = |code: &str| ASSETS.iter().position(|row| row.code == code);
        if let Some(asset) = listed(code) {
            return Some(Self::of(asset));
        }
        let (code, asset, ratio) = FOLLOWERS.into_iter().find(|(follower, ..)| *follower == code)?;
        Some(Self { code, asset: listed(asset)?, ratio })
    }
}

/// A market and a moment of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) seed: u64,
    pub(crate) start_micros: i64,
    pub(crate) prices: &'a Prices,
    pub(crate) now_micros: i64,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(market: &Market, prices: &'a Prices, now_micros: i64) -> Self {
        Self { seed: market.seed, start_micros: market.start_micros, prices, now_micros }
    }

    pub(crate) fn chance(&self, subject: &str) -> Chance {
        Chance::of(self.seed, subject)
    }

    /// Seconds since the market began.
    pub(crate) fn secs(&self) -> f64 {
        (self.now_micros - self.start_micros) as f64 / 1e6
    }

    pub(crate) fn millis(&self) -> i64 {
        self.now_micros / 1000
    }

    /// The UTC day on which the market began.
    pub(crate) fn first_day(&self) -> i64 {
        utc_day(self.start_micros)
    }

    pub(crate) fn today(&self) -> i64 {
        utc_day(self.now_micros)
    }

    /// USD for one coin: where liquidations left the price, and a little to and fro.
    pub(crate) fn spot(&self, coin: Coin) -> f64 {
        let chance = self.chance(coin.code);
        let at = self.secs();
        let apart = if coin.code == ASSETS[coin.asset].code { 0.0 } else { 0.006 * chance.wave(at, 1_100.0) };
        let stir = 0.000_3 * chance.wave(at, 13.0) + 0.000_7 * chance.wave(at, 71.0) + apart;
        self.prices.mid(coin.asset) * coin.ratio * (1.0 + stir)
    }

    /// How far bitcoin is from where it began, as a logarithm.
    pub(crate) fn moved(&self) -> f64 {
        (self.spot(Coin::BITCOIN) / ASSETS[0].price).ln()
    }

    /// A perpetual's mark price on `venue`, USD.
    pub(crate) fn mark(&self, venue: &str, asset: usize) -> f64 {
        let premium = self.chance(venue).wave(self.secs() + asset as f64 * 50.0, 45.0);
        self.spot(Coin::of(asset)) * (1.0 + 0.000_25 * premium)
    }

    /// A perpetual's funding expected at the next payment, a fraction for eight hours; it changes every
    /// minute.
    pub(crate) fn funding(&self, venue: &str, asset: usize) -> f64 {
        let minute = self.now_micros.div_euclid(60_000_000) as f64;
        let lean = self.chance(venue).wave(minute + asset as f64 * 977.0, 37.0);
        // In steps, so that not every liquidation changes it.
        let moved = ((self.prices.mid(0) / ASSETS[0].price).ln() / 0.01).round() * 0.01;
        let rate = 0.000_06 + 0.000_09 * lean + 0.002 * moved.clamp(-0.05, 0.05);
        (rate * 1e8).round() / 1e8
    }

    /// When funding is paid next, milliseconds since 1970 UTC.
    pub(crate) fn next_funding(&self) -> i64 {
        let secs = self.now_micros.div_euclid(1_000_000);
        (secs.div_euclid(FUNDING_SECS) + 1) * FUNDING_SECS * 1000
    }

    /// Coins in open positions, one side, on a venue that has `share` of the largest one's. Falls as prices
    /// fall: positions are liquidated.
    pub(crate) fn open_interest(&self, venue: &str, asset: usize, share: f64) -> f64 {
        let row = &ASSETS[asset];
        let price = self.prices.mid(asset);
        let at = self.secs() + asset as f64 * 400.0;
        let chance = self.chance(venue);
        let stir = 1.0 + 0.02 * chance.wave(at, 900.0) + 0.002 * chance.wave(at, 40.0);
        OPEN_USD * row.weight * share / row.price * (price / row.price).powf(0.8) * stir
    }

    /// Bitcoin at the end of a day, as a logarithm relative to where the market began.
    pub(crate) fn bitcoin_level(&self, day: i64) -> f64 {
        let chance = self.chance("bitcoin, the days before");
        if day >= self.first_day() {
            return 0.006 * chance.normal(day);
        }
        let slow = |day: i64| {
            let day = day as f64;
            0.16 * chance.wave(day, 120.0) + 0.07 * chance.wave(day, 26.0) + 0.03 * chance.wave(day, 6.0)
        };
        slow(day) - slow(self.first_day()) + 0.011 * chance.normal(day)
    }

    /// Bitcoin's move from the end of the day before to the end of `day`.
    pub(crate) fn bitcoin_return(&self, day: i64) -> f64 {
        self.bitcoin_level(day) - self.bitcoin_level(day - 1)
    }

    /// A coin's price at the end of a day that is over, USD.
    pub(crate) fn close_of(&self, coin: Coin, day: i64) -> f64 {
        let row = &ASSETS[coin.asset];
        let own = if coin.asset == 0 || day >= self.first_day() {
            0.0
        } else {
            let chance = self.chance(coin.code);
            let slow = |day: i64| 0.12 * chance.wave(day as f64, 40.0) + 0.04 * chance.wave(day as f64, 7.0);
            slow(day) - slow(self.first_day())
        };
        row.price * coin.ratio * (row.beta * self.bitcoin_level(day) + own).exp()
    }

    /// The last day of a coin: its price 24 hours ago, the lowest, the highest, and the coins traded on a
    /// venue that has `share` of the largest one's.
    pub(crate) fn last_day(&self, coin: Coin, share: f64) -> LastDay {
        let open = self.close_of(coin, self.today() - 1);
        let last = self.spot(coin);
        let chance = self.chance("last day");
        let reach = |number| 1.0 + 0.004 + 0.01 * chance.uniform(coin.asset as i64 * 2 + number);
        let row = &ASSETS[coin.asset];
        let turn = 1.0 + 0.2 * chance.wave(self.secs(), 3600.0) + self.secs() / 86_400.0 * 0.1;
        LastDay {
            open,
            low: open.min(last) / reach(0),
            high: open.max(last) * reach(1),
            volume: 4.0e7 * row.weight * share / (row.price * coin.ratio) * turn,
        }
    }
}

/// How often venues tell of an asset in a simulated market, milliseconds: the large ones as often as they
/// really do, the rest less often, so that a recording stays small.
pub(crate) fn pace_of(code: &str) -> i64 {
    match code {
        "BTC" | "ETH" => 3_000,
        "SOL" | "XRP" | "TAO" => 15_000,
        _ => 60_000,
    }
}

/// What tickers say of the last 24 hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastDay {
    pub(crate) open: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Coins.
    pub(crate) volume: f64,
}

/// `value` rounded to this many decimals: what a source prints, as a number.
pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
    let one = 10_f64.powi(decimals);
    (value * one).round() / one
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// 2026-11-20 15:00 UTC, a Friday: exchanges are open.
    pub(crate) const FRIDAY: i64 = (20_777 * 86_400 + 15 * 3600) * 1_000_000;

    /// A market that began at [`FRIDAY`].
    pub(crate) fn market() -> Market {
        Market::new(7, FRIDAY)
    }

    #[test]
    fn everything_starts_near_the_assets_first_price_and_never_jumps() {
        let (market, prices) = (market(), Prices::default());
        let mut last = [0.0; 3];
        for second in 0..600 {
            let scene = Scene::of(&market, &prices, FRIDAY + second * 1_000_000);
            let now = [
                scene.spot(Coin::BITCOIN),
                scene.mark("okx", 0),
                scene.open_interest("okx", 0, 0.4) / 40_000.0 * 82_450.0,
            ];
            for (value, before) in now.into_iter().zip(last) {
                assert!((0.9..1.1).contains(&(value / ASSETS[0].price)), "{value}");
                assert!(second == 0 || (value / before - 1.0).abs() < 0.000_5, "{value} after {before}");
            }
            last = now;
        }
    }

    #[test]
    fn funding_is_a_few_basis_points_and_due_at_the_next_eighth_hour() {
        let (market, prices) = (market(), Prices::default());
        for minute in 0..500 {
            let scene = Scene::of(&market, &prices, FRIDAY + minute * 60_000_000);
            let rate = scene.funding("okx", 1);
            assert!(rate.abs() < 0.000_5, "{rate}");
            let wait = scene.next_funding() - scene.millis();
            assert!((1..=28_800_000).contains(&wait) && scene.next_funding() % 28_800_000 == 0);
        }
    }

    #[test]
    fn the_days_before_lead_to_where_the_market_begins() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let returns: Vec<f64> = (1..400).map(|back| scene.bitcoin_return(scene.first_day() - back)).collect();
        let variance = returns.iter().map(|one| one * one).sum::<f64>() / returns.len() as f64;
        assert!((0.012..0.04).contains(&variance.sqrt()), "{}", variance.sqrt());
        let yesterday = scene.close_of(Coin::BITCOIN, scene.first_day() - 1);
        assert!((yesterday / ASSETS[0].price - 1.0).abs() < 0.08, "{yesterday}");
    }

    #[test]
    fn ocean_follows_fet_at_some_distance_and_an_unknown_coin_is_none() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let price = |code| scene.spot(Coin::named(code).unwrap());
        assert!((price("OCEAN") / price("FET") / 0.62 - 1.0).abs() < 0.01);
        assert_eq!(Coin::named("LUNA"), None);
        let day = scene.last_day(Coin::BITCOIN, 1.0);
        assert!(day.low < day.open && day.open < day.high && day.volume > 1_000.0);
    }
}
