//! What really happens: prices, and the positions that they liquidate.

mod beside;

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::contracts::{ASSETS, Contract};
use crate::hawkes::{Arrival, Hawkes, Kernel};
use crate::market::{Market, Move};
use crate::scenario::{After, Phase, Scenario};
use crate::venue::Venue;
use crate::venues::Share;

use beside::Beside;

/// Which position was liquidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Long,
    Short,
}

/// One liquidation, as it happened.
#[derive(Clone, Debug)]
pub(crate) struct Forced {
    pub(crate) at_micros: i64,
    pub(crate) contract: Arc<Contract>,
    pub(crate) position: Position,
    /// In units of the contract's last printed decimals.
    pub(crate) quantity: u64,
    /// What the forced order achieved.
    pub(crate) fill: u64,
    /// Where the position's margin was gone: beyond the fill.
    pub(crate) bankruptcy: u64,
    /// USD at the fill.
    pub(crate) usd: f64,
    /// Uniform numbers in `0..1` for the venues' incidentals (partial fills, position modes), drawn
    /// here so that no venue's throttle changes what happens next.
    pub(crate) dice: [f64; 2],
    /// Where prices were, for a liquidation on a large venue.
    pub(crate) moved: Option<Move>,
}

/// Median of an ordinary liquidation, USD, before the asset's own scale.
const MEDIAN_USD: f64 = 3_000.0;
/// Standard deviation of the logarithm of an ordinary liquidation.
const SPREAD: f64 = 1.5;
/// The heavy tail: Pareto from here, USD, with this exponent.
const TAIL_FROM_USD: f64 = 60_000.0;
const TAIL_EXPONENT: f64 = 1.2;
/// Nothing larger, USD: among the largest single orders on record.
const LARGEST_USD: f64 = 60_000_000.0;
/// Percent that one million USD of forced orders moves the market.
const IMPACT_PCT: f64 = 0.004;
/// Seconds over which the market's recent move is judged.
const MEMORY_SECS: f64 = 30.0;
/// Log-odds of a long being hit per percent of recent fall.
const LEAN_PER_PCT: f64 = 12.0;
/// Seconds in which the market forgets where it was: prices stay realistic however long a demo runs.
const MARKET_HOME_SECS: f64 = 6.0 * 3600.0;
const ASSET_HOME_SECS: f64 = 2.0 * 3600.0;

/// A price path in logarithms relative to the start, and the time it has been taken to.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    value: f64,
    at: f64,
}

impl Path {
    /// Takes the path to `at`: drift and deviation per second, drawn home over `home_secs`.
    fn advance(&mut self, at: f64, drift: f64, deviation: f64, home_secs: f64, rng: &mut ChaCha8Rng) {
        let step = (at - self.at).max(0.0);
        let noise: f64 = StandardNormal.sample(rng);
        self.value +=
            drift * step + deviation * step.sqrt() * noise - self.value * (step / home_secs).min(1.0);
        self.at = at;
    }
}

/// What decides a liquidation besides chance: the market at that moment.
#[derive(Clone, Copy)]
struct Moment {
    /// Seconds since the start.
    at: f64,
    /// The probability that an earlier liquidation caused this one.
    induced: f64,
    /// The probability that a long is hit.
    long_odds: f64,
}

/// The market. Time inside is market time, seconds since the start; liquidations are stamped with
/// the venues' time, which runs `pace` times slower.
pub(crate) struct World {
    rng: ChaCha8Rng,
    scenario: Scenario,
    /// The large venues' contracts.
    by_asset: Vec<Vec<Arc<Contract>>>,
    start_micros: i64,
    pace: f64,
    phase: usize,
    phase_end: f64,
    ended: bool,
    hawkes: Hawkes,
    market: Path,
    remembered: f64,
    own: Vec<Path>,
    last_asset: usize,
    beside: Beside,
    ahead: Option<Forced>,
}

impl World {
    /// The market of `market`'s seed and start, `pace` times faster than the venues' clocks.
    pub(crate) fn new(scenario: &Scenario, market: &Market, pace: f64) -> Self {
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(market.seed),
            scenario: scenario.clone(),
            by_asset: on_large_venues(&market.contracts),
            start_micros: market.start_micros,
            pace,
            phase: 0,
            phase_end: 0.0,
            ended: scenario.phases.is_empty(),
            hawkes: Hawkes::default(),
            market: Path::default(),
            remembered: 0.0,
            own: vec![Path::default(); ASSETS.len()],
            last_asset: 0,
            beside: Beside::new(market),
            ahead: None,
        };
        world.enter(0);
        world.ahead = world.next_large();
        world
    }

    /// Begins phase `index`.
    fn enter(&mut self, index: usize) {
        if let Some(phase) = self.scenario.phases.get(index) {
            self.phase = index;
            self.phase_end += phase.duration_secs;
            self.market.value += (1.0 + phase.jump_pct / 100.0).ln();
        }
    }

    /// Begins what comes after the current phase; `false` when that is nothing.
    fn enter_next(&mut self) -> bool {
        let next = self.phase + 1;
        if next < self.scenario.phases.len() {
            self.enter(next);
            return true;
        }
        match self.scenario.after {
            After::Loop => {
                self.enter(0);
                true
            }
            After::End => false,
        }
    }

    /// Takes the market to `at`, and its memory of where it was with it.
    fn advance(&mut self, at: f64, phase: &Phase) {
        let before = self.market.at;
        let drift = phase.drift_pct_per_min / 100.0 / 60.0;
        let deviation = phase.volatility_pct / 100.0 / 60.0_f64.sqrt();
        self.market.advance(at, drift, deviation, MARKET_HOME_SECS, &mut self.rng);
        let kept = (-(at - before).max(0.0) / MEMORY_SECS).exp();
        self.remembered = self.market.value + (self.remembered - self.market.value) * kept;
    }

    /// Turns an arrival into a liquidation on a large venue, and into those that it brings elsewhere.
    fn liquidate(&mut self, arrival: Arrival, phase: &Phase) -> Forced {
        self.advance(arrival.at, phase);
        let lean = (self.market.value - self.remembered) * 100.0 * LEAN_PER_PCT;
        let long_odds = 1.0 / (1.0 + lean.clamp(-6.0, 6.0).exp());
        let moment = Moment { at: arrival.at, induced: arrival.induced, long_odds };
        let position = drawn(long_odds, &mut self.rng);
        let contract = self.struck(arrival.induced);
        let asset = contract.asset;
        let own_deviation = phase.volatility_pct / 100.0 / 60.0_f64.sqrt() * 0.6;
        self.own[asset].advance(arrival.at, 0.0, own_deviation, ASSET_HOME_SECS, &mut self.rng);

        let moved = Move { market: self.market.value, own: self.own[asset].value };
        let closing = Closing {
            at_micros: self.micros(arrival.at),
            induced: arrival.induced,
            mid: ASSETS[asset].mid(moved),
            largest: LARGEST_USD,
        };
        let mut forced = closed(contract, position, closing, &mut self.rng);
        forced.moved = Some(moved);
        self.echo(moment, asset);
        self.market.value += toward(position) * (forced.usd / 1e6).min(10.0) * IMPACT_PCT / 100.0;
        forced
    }

    /// What a liquidation of `asset` on a large venue brings elsewhere.
    fn echo(&mut self, moment: Moment, asset: usize) {
        let (own, market) = (&self.own, self.market.value);
        let mid = |asset: usize| ASSETS[asset].mid(Move { market, own: own[asset].value });
        let (start, pace) = (self.start_micros, self.pace);
        self.beside.echo(moment, asset, mid, |at| start + (at / pace * 1e6) as i64);
    }

    fn micros(&self, at: f64) -> i64 {
        self.start_micros + (at / self.pace * 1e6) as i64
    }

    /// Whom it strikes; what another liquidation caused often strikes the same asset again.
    fn struck(&mut self, induced: f64) -> Arc<Contract> {
        if self.rng.random::<f64>() >= induced * 0.4 {
            let total: f64 = ASSETS.iter().map(|asset| asset.weight).sum();
            self.last_asset = pick(ASSETS.iter().map(|asset| asset.weight), self.rng.random::<f64>() * total);
        }
        let choices = &self.by_asset[self.last_asset];
        let weights = || choices.iter().map(|contract| contract.weight);
        let total: f64 = weights().sum();
        let chosen = pick(weights(), self.rng.random::<f64>() * total);
        Arc::clone(&choices[chosen])
    }

    /// The next liquidation on a large venue.
    fn next_large(&mut self) -> Option<Forced> {
        while !self.ended {
            let phase = self.scenario.phases[self.phase].clone();
            let kernel = Kernel {
                base: phase.rate_per_min / 60.0,
                branching: phase.branching,
                decay_secs: phase.decay_secs,
            };
            if let Some(arrival) = self.hawkes.next(kernel, self.phase_end, &mut self.rng) {
                return Some(self.liquidate(arrival, &phase));
            }
            self.advance(self.phase_end, &phase);
            self.ended = !self.enter_next();
        }
        None
    }
}

/// The large venues' contracts by asset: each venue's first before any venue's second, the order in
/// which chance picks.
fn on_large_venues(contracts: &[Arc<Contract>]) -> Vec<Vec<Arc<Contract>>> {
    let is_large = |id| Venue::find(id).is_some_and(|venue| venue.row().share == Share::Large);
    let mut by_asset: Vec<(Vec<_>, Vec<_>)> = vec![(Vec::new(), Vec::new()); ASSETS.len()];
    for contract in contracts.iter().filter(|contract| is_large(contract.venue)) {
        let (firsts, others) = &mut by_asset[contract.asset];
        let is_first = firsts.iter().all(|one: &Arc<Contract>| one.venue != contract.venue);
        if is_first { firsts } else { others }.push(Arc::clone(contract));
    }
    by_asset.into_iter().map(|(firsts, others)| [firsts, others].concat()).collect()
}

/// Which way a position is closed: longs into the bid, shorts into the ask.
fn toward(position: Position) -> f64 {
    match position {
        Position::Long => -1.0,
        Position::Short => 1.0,
    }
}

pub(crate) fn drawn(long_odds: f64, rng: &mut ChaCha8Rng) -> Position {
    if rng.random::<f64>() < long_odds { Position::Long } else { Position::Short }
}

/// The circumstances in which a position is closed by force.
#[derive(Clone, Copy)]
pub(crate) struct Closing {
    pub(crate) at_micros: i64,
    /// The probability that an earlier liquidation caused this one.
    pub(crate) induced: f64,
    /// USD per coin.
    pub(crate) mid: f64,
    /// Nothing larger, USD.
    pub(crate) largest: f64,
}

/// A position closed by force. A long is filled below mid, and its margin ended lower still.
pub(crate) fn closed(
    contract: Arc<Contract>,
    position: Position,
    closing: Closing,
    rng: &mut ChaCha8Rng,
) -> Forced {
    let Closing { at_micros, induced, mid, largest } = closing;
    let toward = toward(position);
    let fill = contract.price_units(mid * (1.0 + toward * rng.random_range(0.0..0.002)));
    let bankruptcy = contract.price_units(mid * (1.0 + toward * rng.random_range(0.0022..0.0055)));
    let wanted = size(induced, rng) * (ASSETS[contract.asset].weight / 10.0).powf(0.35);
    let quantity = contract.quantity_units(wanted.min(largest), fill);
    let usd = contract.usd(quantity, fill);
    let dice = [rng.random(), rng.random()];
    Forced { at_micros, contract, position, quantity, fill, bankruptcy, usd, dice, moved: None }
}

/// USD of one liquidation: log-normal body, Pareto tail, the tail fatter within a cascade.
fn size(induced: f64, rng: &mut ChaCha8Rng) -> f64 {
    if rng.random::<f64>() < 0.015 + 0.035 * induced {
        let uniform = 1.0 - rng.random::<f64>();
        return TAIL_FROM_USD * uniform.powf(-1.0 / TAIL_EXPONENT);
    }
    let noise: f64 = StandardNormal.sample(rng);
    MEDIAN_USD * (SPREAD * noise).exp()
}

/// The index at which the running sum of `weights` passes `point`.
fn pick(weights: impl Iterator<Item = f64>, point: f64) -> usize {
    let mut left = point;
    let mut last = 0;
    for (index, weight) in weights.enumerate() {
        last = index;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

impl Iterator for World {
    type Item = Forced;

    fn next(&mut self) -> Option<Forced> {
        let ahead_at = self.ahead.as_ref().map_or(i64::MAX, |ahead| ahead.at_micros);
        // What a later liquidation brings elsewhere comes later still, so these are in order.
        if let Some(elsewhere) = self.beside.before(ahead_at) {
            return Some(elsewhere);
        }
        let next = self.next_large();
        std::mem::replace(&mut self.ahead, next)
    }
}

/// A liquidation for tests: `quantity` in units of the contract's last decimal, at its asset's first
/// price, on the first venue that lists the symbol.
#[cfg(test)]
pub(crate) fn sample(symbol: &str, position: Position, quantity: u64, at_ms: i64) -> Forced {
    sample_on("", symbol, position, (quantity, at_ms))
}

/// As [`sample`], on one venue, or on any where `venue` is empty.
#[cfg(test)]
pub(crate) fn sample_on(
    venue: &str,
    symbol: &str,
    position: Position,
    (quantity, at_ms): (u64, i64),
) -> Forced {
    const NOVEMBER_2026: i64 = 1_795_305_600_000_000;
    let listed = crate::contracts::listed(NOVEMBER_2026).into_iter();
    let mut listed = listed.filter(|contract| venue.is_empty() || contract.venue == venue);
    let contract = listed.find(|contract| contract.symbol == symbol).unwrap();
    let fill = contract.price_units(ASSETS[contract.asset].price);
    let usd = contract.usd(quantity, fill);
    let contract = Arc::new(contract);
    Forced {
        at_micros: at_ms * 1000,
        contract,
        position,
        quantity,
        fill,
        bankruptcy: fill,
        usd,
        dice: [0.5, 0.5],
        moved: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(name: &str, seed: u64) -> World {
        World::new(&Scenario::builtin(name).unwrap(), &Market::new(seed, 0), 1.0)
    }

    fn between(name: &str, from_secs: i64, to_secs: i64) -> Vec<Forced> {
        world(name, 7)
            .skip_while(|one| one.at_micros < from_secs * 1_000_000)
            .take_while(|one| one.at_micros < to_secs * 1_000_000)
            .collect()
    }

    fn longs(all: &[Forced]) -> f64 {
        all.iter().filter(|one| one.position == Position::Long).count() as f64 / all.len() as f64
    }

    #[test]
    fn a_squeeze_liquidates_longs_by_the_hundred_a_minute_and_the_rebound_shorts() {
        let squeeze = between("cascade", 160, 230);
        let a_minute = squeeze.len() as f64 * 60.0 / 70.0;
        assert!((250.0..1500.0).contains(&a_minute), "{a_minute}");
        assert!(longs(&squeeze) > 0.85, "{}", longs(&squeeze));
        let rebound = between("cascade", 260, 290);
        assert!(longs(&rebound) < 0.25, "{}", longs(&rebound));
    }

    #[test]
    fn a_calm_market_liquidates_both_sides() {
        let calm = between("calm", 0, 100_000);
        let share = longs(&calm);
        assert!((0.4..0.6).contains(&share), "{share}");
    }

    #[test]
    fn sizes_have_a_median_of_a_few_thousand_and_a_heavy_tail() {
        let mut sizes: Vec<f64> = world("cascade", 3).take(50_000).map(|one| one.usd).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes[sizes.len() / 2];
        assert!((1_500.0..6_000.0).contains(&median), "{median}");
        let millions = sizes.iter().filter(|usd| **usd > 1e6).count();
        assert!((20..300).contains(&millions), "{millions}");
        assert!(sizes.last().is_some_and(|largest| *largest <= LARGEST_USD * 1.01));
    }

    #[test]
    fn prices_stay_realistic_over_two_days_of_cascades() {
        let mut extremes = (f64::INFINITY, 0.0_f64);
        for one in world("cascade", 11).take_while(|one| one.at_micros < 2 * 86_400 * 1_000_000) {
            if one.contract.symbol == "BTCUSDT" {
                let price = one.contract.price(one.fill);
                extremes = (extremes.0.min(price), extremes.1.max(price));
            }
        }
        assert!(extremes.0 > 35_000.0 && extremes.1 < 170_000.0, "{extremes:?}");
    }

    #[test]
    fn a_long_is_filled_above_its_bankruptcy_price_and_a_short_below() {
        for one in world("cascade", 5).take(5_000) {
            match one.position {
                Position::Long => assert!(one.fill >= one.bankruptcy),
                Position::Short => assert!(one.fill <= one.bankruptcy),
            }
            let apart = one.fill.abs_diff(one.bankruptcy) as f64 / one.fill as f64;
            assert!(apart < 0.02, "{apart} {}", one.contract.symbol);
        }
    }

    #[test]
    fn a_scenario_that_ends_ends() {
        let text = "name='t'\nabout='t'\nafter='end'\n[[phase]]\nname='one'\nduration_secs=60\nrate_per_min=60\nbranching=0.5\ndecay_secs=2\nvolatility_pct=0.1\n";
        let scenario = Scenario::from_toml(text, "t").unwrap();
        let all: Vec<_> = World::new(&scenario, &Market::new(1, 0), 1.0).collect();
        assert!(all.len() > 20 && all.last().is_some_and(|one| one.at_micros < 60_000_000));
    }
    #[test]
    fn the_large_venues_are_the_same_whatever_other_venues_there_are() {
        let is_large = |id: &str| Venue::find(id).unwrap().row().share == Share::Large;
        let scenario = Scenario::builtin("cascade").unwrap();
        let mut alone = Market::new(7, 0);
        alone.contracts.retain(|contract| is_large(contract.venue));
        let alone = World::new(&scenario, &alone, 1.0).take(3_000);
        let among = World::new(&scenario, &Market::new(7, 0), 1.0).filter(|one| is_large(one.contract.venue));
        for (one, other) in alone.zip(among) {
            assert_eq!(
                (one.at_micros, &one.contract.symbol, one.quantity, one.fill, one.bankruptcy, one.dice),
                (
                    other.at_micros,
                    &other.contract.symbol,
                    other.quantity,
                    other.fill,
                    other.bankruptcy,
                    other.dice
                )
            );
        }
    }

    #[test]
    fn the_other_venues_have_their_share_at_the_large_venues_prices_and_in_order() {
        let mut happened = std::collections::BTreeMap::new();
        let (mut last, mut bitcoin) = (i64::MIN, 0.0);
        for one in world("cascade", 9).take(60_000) {
            assert!(one.at_micros >= last, "{} {}", one.contract.venue, one.contract.symbol);
            last = one.at_micros;
            *happened.entry(one.contract.venue).or_insert(0.0) += 1.0;
            if one.contract.base == "BTC" {
                let price = one.contract.price(one.fill);
                assert!(
                    bitcoin == 0.0 || (price / bitcoin - 1.0_f64).abs() < 0.08,
                    "{price} after {bitcoin}"
                );
                bitcoin = price;
            }
        }
        let large: f64 = ["binance-usdm", "bybit-linear", "okx"].iter().map(|id| happened[id]).sum();
        for venue in Venue::all() {
            let Share::Beside(share) = venue.row().share else { continue };
            let found = happened.get(venue.id()).copied().unwrap_or(0.0) / large;
            assert!((found - share).abs() < 0.01, "{venue} {found}");
        }
    }
}
