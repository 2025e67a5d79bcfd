//! What happens on the venues beside the large ones: some liquidations more, close after theirs.
//!
//! Each venue's chance is a stream of its own, so that what happens on one is the same whatever other
//! venues there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::contracts::{ASSETS, Contract};
use crate::market::Market;
use crate::venues::{Share, VENUES};
use crate::world::{Closing, Forced, Moment, closed, drawn, pick};

/// Mean seconds of market time from a liquidation on a large venue to one that it brings elsewhere.
const LAG_SECS: f64 = 0.8;
/// Nothing larger, USD: the largest positions are on the large venues.
const LARGEST_USD: f64 = 5_000_000.0;
/// The probability that it strikes the same asset, where the venue lists it.
const SAME_ASSET: f64 = 0.5;

/// The venues beside the large ones.
pub(super) struct Beside {
    venues: Vec<Smaller>,
    waiting: BTreeMap<(i64, u64), Forced>,
    count: u64,
}

struct Smaller {
    rng: ChaCha8Rng,
    share: f64,
    contracts: Vec<Arc<Contract>>,
}

impl Beside {
    pub(super) fn new(market: &Market) -> Self {
        let venues = VENUES.iter().filter_map(|row| match row.share {
            Share::Large => None,
            Share::Beside(share) => Some(Smaller {
                rng: market.chance(&format!("{}, what happens", row.id)),
                share,
                contracts: market.of(row.id).cloned().collect(),
            }),
        });
        let venues = venues.filter(|venue| !venue.contracts.is_empty()).collect();
        Self { venues, waiting: BTreeMap::new(), count: 0 }
    }

    /// What a liquidation of `asset` at `moment` brings, at prices near `mid`, in venue time as `micros`
    /// has it.
    pub(super) fn echo(
        &mut self,
        moment: Moment,
        asset: usize,
        mid: impl Fn(usize) -> f64,
        micros: impl Fn(f64) -> i64,
    ) {
        for venue in &mut self.venues {
            if venue.rng.random::<f64>() >= venue.share {
                continue;
            }
            let lag = -(1.0 - venue.rng.random::<f64>()).ln() * LAG_SECS;
            let position = drawn(moment.long_odds, &mut venue.rng);
            let same = venue.rng.random::<f64>() < SAME_ASSET
                && venue.contracts.iter().any(|contract| contract.asset == asset);
            let weights = || {
                venue.contracts.iter().map(|contract| {
                    let is_possible = !same || contract.asset == asset;
                    if is_possible { contract.weight * ASSETS[contract.asset].weight } else { 0.0 }
                })
            };
            let total: f64 = weights().sum();
            let chosen = pick(weights(), venue.rng.random::<f64>() * total);
            let contract = Arc::clone(&venue.contracts[chosen]);
            let at_micros = micros(moment.at + lag);
            let mid = mid(contract.asset);
            let closing = Closing { at_micros, induced: moment.induced, mid, largest: LARGEST_USD };
            let forced = closed(contract, position, closing, &mut venue.rng);
            self.count += 1;
            self.waiting.insert((at_micros, self.count), forced);
        }
    }

    /// The next one, if it comes before `at_micros`.
    pub(super) fn before(&mut self, at_micros: i64) -> Option<Forced> {
        let entry = self.waiting.first_entry().filter(|entry| entry.key().0 < at_micros)?;
        Some(entry.remove())
    }
}
