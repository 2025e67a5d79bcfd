//! The trades of the time before the market began, as the host that keeps all of them tells them.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Party, Trade, row};
use crate::contracts::Contract;
use crate::past;
use crate::scene::{Coin, Scene};
use crate::world::{Forced, Position};

const HOUR_MILLIS: i64 = 3_600_000;
/// The first hour that is told: 1 January 2024.
const FIRST_HOUR: i64 = 473_352;
/// Trades have numbers by the hour: there are never so many in one.
const NUMBERS: i64 = 128;

/// What is wanted.
pub(super) struct Asked {
    pub(super) from_millis: i64,
    /// Included.
    pub(super) through_millis: i64,
    pub(super) count: usize,
    pub(super) is_ascending: bool,
}

/// At most `count` trades between two moments, from the end of the stretch where the asked order begins, and
/// whether there are more.
pub(super) fn trades(scene: &Scene<'_>, contract: &Arc<Contract>, asked: &Asked) -> (Vec<String>, bool) {
    let through = asked.through_millis.min(scene.start_micros / 1000 - 1);
    let from = asked.from_millis.max(FIRST_HOUR * HOUR_MILLIS);
    let mut told = Vec::new();
    let (first, last) = (from.div_euclid(HOUR_MILLIS), through.div_euclid(HOUR_MILLIS));
    for step in 0..=(last - first) {
        let hour = if asked.is_ascending { first + step } else { last - step };
        let mut rows = in_hour(scene, contract, hour);
        rows.retain(|(millis, _)| (from..=through).contains(millis));
        if !asked.is_ascending {
            rows.reverse();
        }
        told.extend(rows.into_iter().map(|(_, row)| row));
        if told.len() > asked.count {
            told.truncate(asked.count);
            return (told, true);
        }
    }
    (told, false)
}

/// The trades of an hour, oldest first: one that liquidated nobody, and those that did.
fn in_hour(scene: &Scene<'_>, contract: &Arc<Contract>, hour: i64) -> Vec<(i64, String)> {
    let subject = format!("traded before, {}", contract.symbol);
    let mut rng = ChaCha8Rng::seed_from_u64(scene.chance(&subject).bits(hour));
    let mut all: Vec<Trade> = past::forced(scene, contract, hour).iter().map(closing).collect();
    if let Some(bar) = past::bar(scene, Coin::of(contract.asset), hour, 1) {
        let price = contract.price_units(bar.low + (bar.high - bar.low) * rng.random::<f64>());
        let amount = contract.quantity_units(rng.random_range(50.0..40_000.0), price);
        let millis = hour * HOUR_MILLIS + rng.random_range(0..HOUR_MILLIS);
        all.push(Trade { millis, price, amount, sells: rng.random(), party: None });
    }
    all.sort_by_key(|trade| trade.millis);
    let numbered = all.iter().zip(hour * NUMBERS..);
    numbered
        .map(|(trade, number)| {
            let number = number.unsigned_abs();
            (trade.millis, row(contract, trade, (number, number), rng.random_range(0..4)))
        })
        .collect()
}

/// The trade that closed a position: mostly the taker's, now and then the maker's.
fn closing(forced: &Forced) -> Trade {
    let party = if forced.dice[0] < 0.8 { Party::Taker } else { Party::Maker };
    let is_long = forced.position == Position::Long;
    Trade {
        millis: forced.at_micros / 1000,
        price: forced.fill,
        amount: forced.quantity,
        sells: is_long != (party == Party::Maker),
        party: Some(party),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::market::Prices;
    use crate::scene::tests::{FRIDAY, market};

    fn pages(span_hours: i64, count: usize, is_ascending: bool) -> Vec<Value> {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY + 600_000_000);
        let contract = market.of("deribit").find(|one| one.symbol == "BTC-PERPETUAL").unwrap();
        let end = FRIDAY / 1000;
        let mut asked = Asked {
            from_millis: end - span_hours * HOUR_MILLIS,
            through_millis: end + HOUR_MILLIS,
            count,
            is_ascending,
        };
        let mut all: Vec<Value> = Vec::new();
        loop {
            let (rows, has_more) = trades(&scene, contract, &asked);
            all.extend(rows.iter().map(|row| serde_json::from_str::<Value>(row).unwrap()));
            if !has_more {
                return all;
            }
            let last = all.last().unwrap()["timestamp"].as_i64().unwrap();
            if is_ascending {
                asked.from_millis = last + 1;
            } else {
                asked.through_millis = last - 1;
            }
        }
    }

    #[test]
    fn pages_from_either_end_tell_the_same_trades_once() {
        let all = pages(200, 1_000, true);
        assert!(all.len() > 300, "{}", all.len());
        assert!(all.is_sorted_by_key(|trade| trade["timestamp"].as_i64()));
        assert_eq!(pages(200, 37, true), all);
        let mut backwards = pages(200, 37, false);
        backwards.reverse();
        assert_eq!(backwards, all);
        let ids: std::collections::BTreeSet<&str> =
            all.iter().map(|trade| trade["trade_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), all.len());
        assert!(all.iter().all(|trade| trade["timestamp"].as_i64().unwrap() < FRIDAY / 1000));
        let liquidating = all.iter().filter(|trade| trade.get("liquidation").is_some()).count();
        assert!(liquidating > 150 && liquidating < all.len(), "{liquidating} of {}", all.len());
    }
}
