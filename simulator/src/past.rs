//! The hours before the market began: bars and liquidations with planted regimes, calm and stormy.
//!
//! Every six hours the regime is drawn anew with one chance in twenty, and three draws in ten are
//! stormy; returns are three times as large there. Within a day, prices go from one close to the next.
//! The same seed gives the same hours, whenever they are asked for.

mod forced;

use crate::days::utc_day;
use crate::market::Prices;
use crate::scene::{Coin, Scene};

pub(crate) use forced::forced;

const HOUR_MICROS: i64 = 3_600_000_000;
const HOURS: i64 = 24;
/// Hours between two moments at which the regime may change.
const SLOT_HOURS: i64 = 6;
/// Chance that a slot draws the regime anew.
const ANEW: f64 = 0.05;
/// Chance that the regime drawn is the stormy one.
const STORMY: f64 = 0.3;
/// Deviation of an hour's return while calm.
const CALM: f64 = 0.003;
/// How many times as large returns are while stormy.
const TIMES: f64 = 3.0;

/// Prices of one stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PastBar {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    /// Coins.
    pub(crate) volume: f64,
}

/// Whether an hour, counted since 1970, is in the stormy regime.
pub(crate) fn is_stormy(scene: &Scene<'_>, hour: i64) -> bool {
    let chance = scene.chance("regimes");
    let mut slot = hour.div_euclid(SLOT_HOURS);
    // The regime was drawn at the last slot that drew it.
    while chance.uniform(slot * 2) >= ANEW {
        slot -= 1;
    }
    chance.uniform(slot * 2 + 1) < STORMY
}

/// Coin's bar of `hours` whole hours from `hour` on, counted since 1970; `None` where they are not over yet.
pub(crate) fn bar(scene: &Scene<'_>, coin: Coin, hour: i64, hours: i64) -> Option<PastBar> {
    if (hour + hours) * HOUR_MICROS > scene.now_micros {
        return None;
    }
    let mut prices = (hour..=hour + hours).map(|hour| price_at(scene, coin, hour));
    let open = prices.next()?;
    let (mut high, mut low, mut close) = (open, open, open);
    let reach = scene.chance(coin.code()).uniform(hour * 8 + hours.min(7)) * 0.5 * deviation(scene, hour);
    for price in prices {
        (high, low, close) = (high.max(price), low.min(price), price);
    }
    let busy = if is_stormy(scene, hour) { 2.4 } else { 0.8 };
    let turn = scene.chance("turnover").uniform(hour) * 0.6 + 0.7;
    let volume = 1.6e6 * hours as f64 * busy * turn / close;
    Some(PastBar { open, high: high * (1.0 + reach), low: low * (1.0 - reach), close, volume })
}

fn deviation(scene: &Scene<'_>, hour: i64) -> f64 {
    let swell = 1.0 + 0.25 * scene.chance("swell").wave(hour as f64, 60.0);
    CALM * swell * if is_stormy(scene, hour) { TIMES } else { 1.0 }
}

/// The price at the beginning of an hour: what is over stays as it is, wherever prices go later.
fn price_at(scene: &Scene<'_>, coin: Coin, hour: i64) -> f64 {
    let at = hour * HOUR_MICROS;
    if at > scene.start_micros {
        return Scene { now_micros: at, ..*scene }.spot(coin);
    }
    let origin = Prices::default();
    let beginning = || Scene { now_micros: scene.start_micros, prices: &origin, ..*scene }.spot(coin);
    if at == scene.start_micros {
        return beginning();
    }
    let day = utc_day(at);
    let first = day * HOURS;
    // The day on which the market began ends where it begins.
    let (length, end) = if day == scene.first_day() {
        let length = (scene.start_micros.div_euclid(HOUR_MICROS) + 1 - first).max(1);
        (length, beginning())
    } else {
        (HOURS, scene.close_of(coin, day))
    };
    let begin = scene.close_of(coin, day - 1);
    let part = (hour - first) as f64 / length as f64;
    let (here, whole) = (walk(scene, coin, first, hour), walk(scene, coin, first, first + length));
    let bridge = here - whole * part;
    (begin.ln() + (end / begin).ln() * part + bridge).exp()
}

/// The sum of the hours' returns from `from` up to `to`: the market's part and the coin's own.
fn walk(scene: &Scene<'_>, coin: Coin, from: i64, to: i64) -> f64 {
    let (market, own) = (scene.chance("hours"), scene.chance(coin.code()));
    let own_share = if coin == Coin::BITCOIN { 0.0 } else { 0.6 };
    let step = |hour: i64| deviation(scene, hour) * (market.normal(hour) + own_share * own.normal(hour));
    (from..to).map(step).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Prices;
    use crate::scene::tests::{FRIDAY, market};

    fn hours_back(count: i64) -> std::ops::Range<i64> {
        let last = FRIDAY.div_euclid(HOUR_MICROS);
        last - count..last
    }

    #[test]
    fn hours_join_and_the_last_leads_to_where_the_market_begins() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let bars: Vec<PastBar> =
            hours_back(300).map(|hour| bar(&scene, Coin::BITCOIN, hour, 1).unwrap()).collect();
        for pair in bars.windows(2) {
            assert!((pair[0].close / pair[1].open - 1.0).abs() < 1e-12);
        }
        for bar in &bars {
            assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high);
            assert!(bar.low > 0.0 && bar.volume > 0.0);
        }
        let spot = scene.spot(Coin::BITCOIN);
        assert!((bars[299].close / spot - 1.0).abs() < 0.05, "{} {spot}", bars[299].close);
        assert_eq!(bar(&scene, Coin::BITCOIN, FRIDAY.div_euclid(HOUR_MICROS), 1), None, "it is not over");
    }

    #[test]
    fn a_day_is_made_of_its_hours() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let first = (utc_day(FRIDAY) - 9) * HOURS;
        let day = bar(&scene, Coin::BITCOIN, first, HOURS).unwrap();
        let hours: Vec<PastBar> =
            (first..first + HOURS).map(|hour| bar(&scene, Coin::BITCOIN, hour, 1).unwrap()).collect();
        assert_eq!((day.open, day.close), (hours[0].open, hours[23].close));
        assert!((day.close / scene.close_of(Coin::BITCOIN, utc_day(FRIDAY) - 9) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn stormy_hours_move_three_times_as_much_and_spells_last_for_days() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let (mut squares, mut counts, mut changes, mut before) = ([0.0; 2], [0.0; 2], 0, None);
        for hour in hours_back(12_000) {
            let stormy = is_stormy(&scene, hour);
            changes += usize::from(before.is_some_and(|before| before != stormy));
            before = Some(stormy);
            let bar = bar(&scene, Coin::BITCOIN, hour, 1).unwrap();
            squares[usize::from(stormy)] += (bar.close / bar.open).ln().powi(2);
            counts[usize::from(stormy)] += 1.0;
        }
        let ratio = (squares[1] / counts[1] / (squares[0] / counts[0])).sqrt();
        assert!((2.2..3.8).contains(&ratio), "{ratio}");
        assert!((0.15..0.45).contains(&(counts[1] / 12_000.0)), "{counts:?}");
        assert!((15..120).contains(&changes), "{changes}");
    }
}
