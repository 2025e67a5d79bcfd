//! Positions that were closed by force before the market began: few in calm hours, many in stormy ones.
//!
//! The same seed gives the same ones, whenever they are asked for. Falls strike longs, rises shorts.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{HOUR_MICROS, is_stormy, price_at};
use crate::contracts::{ASSETS, Contract};
use crate::scene::{Coin, Scene};
use crate::world::{Closing, Forced, closed, drawn};

/// Liquidations an hour of a bitcoin contract, for each unit of its weight, while calm.
const CALM_RATE: f64 = 0.35;
/// The same while stormy.
const STORMY_RATE: f64 = 1.8;
/// The probability that an earlier one caused one, while stormy: those are larger.
const INDUCED: f64 = 0.5;
/// Log-odds of a long being hit per percent that the hour falls.
const LEAN_PER_PCT: f64 = 1.5;
/// Nothing larger, USD.
const LARGEST_USD: f64 = 5_000_000.0;

/// The positions in `contract` that were closed in an hour, counted since 1970, oldest first; none once the market
/// has begun.
pub(crate) fn forced(scene: &Scene<'_>, contract: &Arc<Contract>, hour: i64) -> Vec<Forced> {
    let begins = hour * HOUR_MICROS;
    if begins >= scene.start_micros {
        return Vec::new();
    }
    let subject = format!("closed before, {} {}", contract.venue, contract.symbol);
    let mut rng = ChaCha8Rng::seed_from_u64(scene.chance(&subject).bits(hour));
    let stormy = is_stormy(scene, hour);
    let (rate, induced) = if stormy { (STORMY_RATE, INDUCED) } else { (CALM_RATE, 0.0) };
    let rate = rate * contract.weight * ASSETS[contract.asset].weight / ASSETS[0].weight;
    let mut prices = None;
    let mut all = Vec::new();
    let mut at = 0.0;
    loop {
        at -= (1.0 - rng.random::<f64>()).ln() / rate;
        let at_micros = begins + (at * HOUR_MICROS as f64) as i64;
        if at >= 1.0 || at_micros >= scene.start_micros {
            return all;
        }
        let (open, step) = *prices.get_or_insert_with(|| move_in(scene, Coin::of(contract.asset), hour));
        let lean = (step * 100.0 * LEAN_PER_PCT).clamp(-4.0, 4.0);
        let position = drawn(1.0 / (1.0 + lean.exp()), &mut rng);
        let closing = Closing { at_micros, induced, mid: open * (step * at).exp(), largest: LARGEST_USD };
        all.push(closed(Arc::clone(contract), position, closing, &mut rng));
    }
}

/// The price where an hour begins and its logarithmic return; in the hour of the market's beginning none, for it is
/// not over then.
fn move_in(scene: &Scene<'_>, coin: Coin, hour: i64) -> (f64, f64) {
    let open = price_at(scene, coin, hour);
    if (hour + 1) * HOUR_MICROS > scene.start_micros {
        return (open, 0.0);
    }
    (open, (price_at(scene, coin, hour + 1) / open).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Move, Prices};
    use crate::scene::tests::{FRIDAY, market};
    use crate::world::Position;

    #[test]
    fn bursts_fall_into_stormy_hours_and_strike_the_side_that_loses() {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY);
        let contract = market.of("deribit").find(|one| one.symbol == "BTC-PERPETUAL").unwrap();
        let last = FRIDAY.div_euclid(HOUR_MICROS);
        let (mut count, mut usd, mut hours) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        let (mut falls, mut longs_in_falls, mut silence) = (0.0, 0.0, 0);
        for hour in last - 6_000..last {
            let all = forced(&scene, contract, hour);
            let stormy = usize::from(is_stormy(&scene, hour));
            hours[stormy] += 1.0;
            count[stormy] += all.len() as f64;
            usd[stormy] += all.iter().map(|one| one.usd).sum::<f64>();
            assert!(all.is_sorted_by_key(|one| one.at_micros));
            assert!(all.iter().all(|one| one.at_micros.div_euclid(HOUR_MICROS) == hour));
            if move_in(&scene, Coin::BITCOIN, hour).1 < -0.003 {
                falls += all.len() as f64;
                longs_in_falls += all.iter().filter(|one| one.position == Position::Long).count() as f64;
            }
            silence = if all.is_empty() { silence + 1 } else { 0 };
            assert!(silence < 20, "no feed is silent for a day");
        }
        let rates = [count[0] / hours[0], count[1] / hours[1]];
        assert!((0.7..1.5).contains(&rates[0]) && (4.0..7.0).contains(&rates[1]), "{rates:?}");
        assert!(usd[1] / hours[1] > 5.0 * usd[0] / hours[0], "{usd:?}");
        assert!(longs_in_falls / falls > 0.6, "{longs_in_falls} of {falls}");
    }

    #[test]
    fn what_is_over_stays_as_it_is_and_nothing_is_told_after_the_beginning() {
        let (market, prices) = (market(), Prices::default());
        let mut later = Prices::default();
        later.follow(0, Move { market: -0.1, own: 0.02 });
        let contract = market.of("deribit").find(|one| one.symbol == "BTC-PERPETUAL").unwrap();
        let told = |prices: &Prices, now: i64| {
            let scene = Scene::of(&market, prices, now);
            let last = FRIDAY.div_euclid(HOUR_MICROS);
            let all = (last - 50..last + 3).flat_map(|hour| forced(&scene, contract, hour));
            all.map(|one| (one.at_micros, one.quantity, one.fill, one.position)).collect::<Vec<_>>()
        };
        let before = told(&prices, FRIDAY);
        assert!(before.len() > 20 && before.iter().all(|(at, ..)| *at < FRIDAY));
        assert_eq!(told(&later, FRIDAY + 2 * HOUR_MICROS), before);
    }
}
