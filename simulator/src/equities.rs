//! Shares and funds on New York's exchanges: made-up prices that follow bitcoin's, each in its own way.

use crate::chance::Chance;
use crate::new_york::{Hours, bells, day_at, hours_at, is_session, last_session};
use crate::scene::Scene;

/// What an exchange lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Share,
    Fund,
}

/// One share or fund.
#[derive(Debug)]
pub(crate) struct Stock {
    pub(crate) ticker: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// USD where the market begins.
    price: f64,
    /// Percent that it moves when bitcoin moves one percent.
    beta: f64,
    /// Standard deviation of its own move in a day, as a fraction.
    own: f64,
    /// Millions of shares a day.
    volume: f64,
}

const fn share(
    ticker: &'static str,
    name: &'static str,
    price: f64,
    (beta, own): (f64, f64),
    volume: f64,
) -> Stock {
    Stock { ticker, name, kind: Kind::Share, price, beta, own, volume }
}

/// Miners, hosts of computing, treasuries, and what they are compared with. BITF is KEEL since April 2026:
/// nobody knows the old ticker.
#[rustfmt::skip]
pub(crate) const STOCKS: &[Stock] = &[
    share("MARA", "MARA Holdings, Inc.", 13.4, (1.5, 0.022), 42.0),
    share("RIOT", "Riot Platforms, Inc.", 15.1, (1.4, 0.024), 21.0),
    share("CLSK", "CleanSpark, Inc.", 12.7, (1.4, 0.025), 24.0),
    share("IREN", "IREN Limited", 46.3, (1.3, 0.034), 31.0),
    share("CIFR", "Cipher Mining Inc.", 18.6, (1.3, 0.036), 28.0),
    share("WULF", "TeraWulf Inc.", 14.2, (1.2, 0.035), 33.0),
    share("CORZ", "Core Scientific, Inc.", 17.3, (1.0, 0.028), 12.0),
    share("HUT", "Hut 8 Corp.", 41.5, (1.5, 0.031), 6.0),
    share("HIVE", "HIVE Digital Technologies Ltd.", 3.36, (1.5, 0.030), 15.0),
    share("BTDR", "Bitdeer Technologies Group", 13.9, (1.4, 0.034), 6.5),
    share("KEEL", "Keel Infrastructure Corp.", 3.08, (1.4, 0.033), 36.0),
    share("BTBT", "Bit Digital, Inc.", 2.41, (1.4, 0.026), 22.0),
    share("CAN", "Canaan Inc.", 0.912, (1.5, 0.036), 24.0),
    share("CANG", "Cango Inc.", 1.37, (1.2, 0.028), 1.1),
    share("ABTC", "American Bitcoin Corp.", 3.62, (1.6, 0.030), 8.0),
    share("APLD", "Applied Digital Corporation", 27.8, (0.9, 0.036), 26.0),
    share("GLXY", "Galaxy Digital Inc.", 26.9, (1.4, 0.026), 7.0),
    share("NBIS", "Nebius Group N.V.", 91.7, (0.7, 0.034), 14.0),
    share("CRWV", "CoreWeave, Inc.", 77.4, (0.7, 0.034), 22.0),
    share("MSTR", "Strategy Inc", 204.0, (1.4, 0.015), 17.0),
    share("BMNR", "BitMine Immersion Technologies, Inc.", 31.8, (1.6, 0.028), 40.0),
    share("SBET", "SharpLink Gaming, Inc.", 11.2, (1.6, 0.028), 20.0),
    share("COIN", "Coinbase Global, Inc.", 266.0, (1.1, 0.018), 9.0),
    share("MSFT", "Microsoft Corporation", 494.0, (0.25, 0.011), 22.0),
    share("GOOGL", "Alphabet Inc.", 291.0, (0.25, 0.014), 34.0),
    share("AMZN", "Amazon.com, Inc.", 232.0, (0.3, 0.014), 41.0),
    share("META", "Meta Platforms, Inc.", 612.0, (0.3, 0.015), 14.0),
    share("ORCL", "Oracle Corporation", 218.0, (0.35, 0.021), 19.0),
    share("NVDA", "NVIDIA Corporation", 186.0, (0.4, 0.016), 180.0),
    Stock { kind: Kind::Fund, ..share("WGMI", "CoinShares Bitcoin Mining ETF", 44.6, (1.3, 0.018), 0.9) },
    Stock { kind: Kind::Fund, ..share("BITQ", "Bitwise Crypto Industry Innovators ETF", 22.4, (1.2, 0.012), 0.3) },
    Stock { kind: Kind::Fund, ..share("IBIT", "iShares Bitcoin Trust ETF", 46.7, (1.0, 0.000_5), 48.0) },
    Stock { kind: Kind::Fund, ..share("QQQ", "Invesco QQQ Trust", 604.0, (0.2, 0.009), 52.0) },
    Stock { kind: Kind::Fund, ..share("SPY", "SPDR S&P 500 ETF Trust", 668.0, (0.15, 0.007), 70.0) },
];

/// The share or fund called `ticker`.
pub(crate) fn stock(ticker: &str) -> Option<&'static Stock> {
    STOCKS.iter().find(|stock| stock.ticker == ticker)
}

/// A day's prices, USD, and the shares traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DayBar {
    pub(crate) day: i64,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: u64,
}

impl Stock {
    /// Decimals of prices.
    pub(crate) fn decimals(&self) -> usize {
        if self.price < 1.0 { 4 } else { 2 }
    }

    /// `price` as it is quoted: in cents, or hundredths of them below a dollar.
    pub(crate) fn quoted(&self, price: f64) -> f64 {
        crate::scene::rounded(price, self.decimals() as i32)
    }

    fn chance(&self, scene: &Scene<'_>) -> Chance {
        scene.chance(self.ticker)
    }

    /// What it costs now, on whatever venue is open, USD.
    pub(crate) fn price(&self, scene: &Scene<'_>) -> f64 {
        let (chance, at) = (self.chance(scene), scene.secs());
        let own = self.own
            * (0.6 * chance.wave(at, 1_500.0) + 0.25 * chance.wave(at, 210.0) + 0.05 * chance.wave(at, 23.0));
        self.quoted(self.price * (self.beta * scene.moved() + own).exp())
    }

    /// The official price at the end of a session that is over, USD.
    pub(crate) fn close(&self, scene: &Scene<'_>, day: i64) -> f64 {
        let (chance, first) = (self.chance(scene), day_at(scene.start_micros));
        if day >= first {
            return self.quoted(self.price * (0.3 * self.own * chance.normal(day)).exp());
        }
        let slow = |day: i64| 6.0 * chance.wave(day as f64, 45.0) + 2.0 * chance.wave(day as f64, 9.0);
        let own = self.own * (slow(day) - slow(first) + 0.6 * chance.normal(day));
        self.quoted(self.price * (self.beta * scene.bitcoin_level(day) + own).exp())
    }

    /// The close of the session before `day`.
    pub(crate) fn close_before(&self, scene: &Scene<'_>, day: i64) -> f64 {
        self.close(scene, last_session(day - 1))
    }

    /// The bar of a session that is over.
    pub(crate) fn bar(&self, scene: &Scene<'_>, day: i64) -> DayBar {
        self.bar_to(scene, day, self.close(scene, day), 1.0)
    }

    /// The bar of the session that goes on, if one does.
    pub(crate) fn bar_so_far(&self, scene: &Scene<'_>) -> Option<DayBar> {
        if hours_at(scene.now_micros) != Hours::Regular {
            return None;
        }
        let day = day_at(scene.now_micros);
        let (open, close) = bells(day);
        let gone = (scene.now_micros / 1_000_000 - open) as f64 / (close - open) as f64;
        Some(self.bar_to(scene, day, self.price(scene), gone))
    }

    fn bar_to(&self, scene: &Scene<'_>, day: i64, close: f64, gone: f64) -> DayBar {
        let chance = self.chance(scene);
        let draw = |number: i64| chance.normal(day * 8 + number + 1_000_000);
        let before = self.close_before(scene, day);
        let open = self.quoted(before * (0.3 * self.own * draw(0)).exp());
        let reach = |number| (0.5 * self.own * draw(number).abs()).exp();
        let moved = (close / before).ln().abs();
        let shares = self.volume * 1e6 * (0.25 * draw(3)).exp() * (1.0 + 8.0 * moved) * gone;
        DayBar {
            day,
            open,
            high: self.quoted(open.max(close) * reach(1)).max(open).max(close),
            low: self.quoted(open.min(close) / reach(2)).min(open).min(close),
            close,
            volume: shares as u64,
        }
    }

    /// Shares traded today so far, before and after hours included.
    pub(crate) fn shares_today(&self, scene: &Scene<'_>) -> u64 {
        let day = day_at(scene.now_micros);
        match hours_at(scene.now_micros) {
            Hours::Regular => self.bar_so_far(scene).map_or(0, |bar| bar.volume),
            Hours::After => self.bar(scene, day).volume,
            Hours::Before | Hours::Closed => 0,
        }
    }

    /// The minute's bar that ended at the last full minute: open, high, low, close, shares.
    pub(crate) fn last_minute(&self, scene: &Scene<'_>) -> ([f64; 4], u64) {
        let minute = scene.now_micros.div_euclid(60_000_000);
        let at = |ago: i64| self.price(&Scene { now_micros: scene.now_micros - ago * 1_000_000, ..*scene });
        let path = [at(60), at(45), at(30), at(15), at(0)];
        let high = path.into_iter().fold(f64::MIN, f64::max);
        let low = path.into_iter().fold(f64::MAX, f64::min);
        let shares = self.volume * 1e6 / 390.0 * (0.4 + 1.2 * self.chance(scene).uniform(minute));
        ([path[0], high, low, path[4]], shares as u64)
    }
}

/// The last session that is over at a moment.
pub(crate) fn last_over(now_micros: i64) -> i64 {
    let today = day_at(now_micros);
    let is_over = is_session(today) && now_micros / 1_000_000 >= bells(today).1;
    if is_over { today } else { last_session(today - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::iso;
    use crate::market::Prices;
    use crate::new_york::sessions_through;
    use crate::scene::tests::{FRIDAY, market};

    #[test]
    fn every_bar_of_every_share_holds_together_and_leads_to_the_price_now() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        for stock in STOCKS {
            let days = sessions_through(last_over(FRIDAY), 250);
            let bars: Vec<DayBar> = days.iter().map(|day| stock.bar(&scene, *day)).collect();
            for bar in bars.iter().copied().chain(stock.bar_so_far(&scene)) {
                let within = bar.low..=bar.high;
                assert!(
                    within.contains(&bar.open) && within.contains(&bar.close),
                    "{} {bar:?}",
                    stock.ticker
                );
                assert!(bar.low > 0.0 && bar.volume > 0);
            }
            let gap = (stock.price(&scene) / bars[249].close).ln().abs();
            assert!(gap < 0.25, "{} {gap}", stock.ticker);
        }
        assert_eq!(iso(last_over(FRIDAY)), "2026-11-19");
    }

    #[test]
    fn miners_move_more_than_bitcoin_and_an_index_less() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let deviation = |ticker: &str| {
            let (stock, days) = (stock(ticker).unwrap(), sessions_through(last_over(FRIDAY), 250));
            let moves = days
                .windows(2)
                .map(|pair| (stock.close(&scene, pair[1]) / stock.close(&scene, pair[0])).ln());
            (moves.map(|one| one * one).sum::<f64>() / 249.0).sqrt()
        };
        let [miner, bitcoin, index] = ["IREN", "IBIT", "SPY"].map(deviation);
        assert!(miner > bitcoin && bitcoin > index, "{miner} {bitcoin} {index}");
        assert!((0.02..0.09).contains(&miner), "{miner}");
    }

    #[test]
    fn a_session_goes_on_between_the_bells_alone() {
        let (market, prices) = (market(), Prices::default());
        let at = |hours: i64| Scene::of(&market, &prices, FRIDAY + hours * 3_600_000_000);
        let mara = stock("MARA").unwrap();
        let [open, close, weekend] = [0, 7, 24].map(|hours| mara.bar_so_far(&at(hours)).is_some());
        assert_eq!([open, close, weekend], [true, false, false]);
        assert!(mara.shares_today(&at(7)) > mara.shares_today(&at(0)));
        assert_eq!(stock("BITF").map(|stock| stock.ticker), None);
        let (minute, shares) = mara.last_minute(&at(0));
        assert!(minute[1] >= minute[0].max(minute[3]) && minute[2] <= minute[0].min(minute[3]) && shares > 0);
    }
}
