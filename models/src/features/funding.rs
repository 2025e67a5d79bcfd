//! Group `funding`: what longs pay, and whether positions are being built or left.
//!
//! Funding is the median annual rate over the asset's perpetuals, each by its latest word. A change of open
//! interest is the median over contracts of the log of each one's own change, in base units where the venue tells
//! them, else in dollars: neither a contract that appears nor one that falls silent moves it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use market::{Contract, FeedId, FundingRate, MarketEvent, OpenInterest, Timestamp};

use super::robust::Rolling;
use super::task::Grid;
use crate::scalar;

/// A contract's word is carried forward for so long.
const CARRIED: Duration = Duration::from_hours(48);
/// Ages are cut here, days.
const OLDEST: f64 = 5.0;
const DAY: Duration = Duration::from_hours(24);
const FIVE_DAYS: Duration = Duration::from_hours(120);
/// A change is over at least its span and at most this much more: a weekend of the grid of sessions.
const SLACK: Duration = Duration::from_hours(96);

/// The group's columns.
pub(super) const COLUMNS: [&str; 5] =
    ["funding_z", "funding_change_z", "oi_change_1d_z", "oi_change_5d_z", "funding_age"];

/// The latest word on a contract.
#[derive(Clone, Copy, Debug)]
struct Told {
    event_time: Timestamp,
    known_at: Timestamp,
    value: f64,
}

impl Told {
    fn beats(&self, other: &Self) -> bool {
        let rank = |told: &Self| (told.event_time, told.known_at);
        rank(self).cmp(&rank(other)).then(self.value.total_cmp(&other.value)).is_gt()
    }

    fn is_fresh(&self, at: Timestamp) -> bool {
        at.since(self.event_time) <= CARRIED
    }
}

type Words = BTreeMap<(FeedId, String), Told>;

/// What stood at a row.
#[derive(Debug)]
struct Snapshot {
    at: Timestamp,
    funding: Option<f64>,
    /// Of each contract that is fresh: its place in the order of first words, and its open interest.
    interest: Vec<(usize, f64)>,
}

/// Funding and open interest, as known so far.
#[derive(Debug)]
pub(super) struct Funding {
    asset: String,
    rates: Words,
    interest: Words,
    numbers: BTreeMap<(FeedId, String), usize>,
    past: VecDeque<Snapshot>,
    rolling: [Rolling; 4],
}

impl Funding {
    /// Nothing known of `asset` yet.
    pub(super) fn new(asset: &str, grid: Grid) -> Self {
        let lookback = match grid {
            Grid::Hourly => 720,
            Grid::Daily | Grid::Sessions => 250,
        };
        Self {
            asset: asset.to_owned(),
            rates: Words::new(),
            interest: Words::new(),
            numbers: BTreeMap::new(),
            past: VecDeque::new(),
            rolling: std::array::from_fn(|_| Rolling::new(lookback)),
        }
    }

    /// Takes a rate in.
    pub(super) fn take_rate(&mut self, event: &MarketEvent, funding: &FundingRate) {
        let is_perp = match funding.instrument.contract {
            Contract::Perp => true,
            Contract::Future(_) => false,
        };
        if funding.instrument.asset() != self.asset || !is_perp {
            return;
        }
        if let Some(annual) = funding.annualised().filter(|rate| rate.is_finite()) {
            tell(&mut self.rates, (event.feed.clone(), funding.instrument.to_string()), event, annual);
        }
    }

    /// Takes an open interest in.
    pub(super) fn take_interest(&mut self, event: &MarketEvent, interest: &OpenInterest) {
        if interest.instrument.asset() != self.asset {
            return;
        }
        let units = interest.quantity.map(market::Quantity::get).or(interest.notional.map(market::Usd::get));
        let Some(units) = units.filter(|units| *units > 0.0) else { return };
        // A contract told in coins and then in dollars is two, or the change of unit would be a change.
        let unit = if interest.quantity.is_some() { "" } else { " in dollars" };
        let contract = (event.feed.clone(), format!("{}{unit}", interest.instrument));
        let next = self.numbers.len();
        self.numbers.entry(contract.clone()).or_insert(next);
        tell(&mut self.interest, contract, event, units);
    }

    fn past(&self, at: Timestamp, span: Duration) -> Option<&Snapshot> {
        let then = self.past.iter().rev().find(|past| at.since(past.at) >= span)?;
        (at.since(then.at) <= span + SLACK).then_some(then)
    }

    /// The group's columns at `at`, in the order of [`COLUMNS`].
    pub(super) fn at(&mut self, at: Timestamp) -> [f64; 5] {
        let fresh: Vec<f64> =
            self.rates.values().filter(|told| told.is_fresh(at)).map(|told| told.value).collect();
        let funding = scalar::median(&scalar::sorted(&fresh));
        let mut interest = Vec::new();
        for (contract, told) in self.interest.iter().filter(|(_, told)| told.is_fresh(at)) {
            if let Some(number) = self.numbers.get(contract) {
                interest.push((*number, told.value));
            }
        }
        interest.sort_unstable_by_key(|(number, _)| *number);
        let change = self.past(at, DAY).and_then(|past| Some(funding? - past.funding?));
        let one = self.past(at, DAY).and_then(|past| median_change(&past.interest, &interest));
        let five = self.past(at, FIVE_DAYS).and_then(|past| median_change(&past.interest, &interest));
        let values = [funding, change, one, five];
        let newest = self.rates.values().map(|told| told.event_time).max();
        let age = newest.map_or(OLDEST, |newest| at.since(newest).as_secs_f64() / DAY.as_secs_f64());
        self.past.push_back(Snapshot { at, funding, interest });
        while self.past.front().is_some_and(|past| at.since(past.at) > FIVE_DAYS + SLACK) {
            self.past.pop_front();
        }
        let mut row = [0.0; 5];
        for ((place, rolling), value) in row.iter_mut().zip(&mut self.rolling).zip(values) {
            *place = rolling.z(value);
        }
        row[4] = age.min(OLDEST);
        row
    }
}

fn tell(words: &mut Words, contract: (FeedId, String), event: &MarketEvent, value: f64) {
    // A word on what lies ahead is no fact yet: it counts as of when it was told.
    let told = Told { event_time: event.event_time.min(event.known_at), known_at: event.known_at, value };
    match words.get_mut(&contract) {
        Some(known) => {
            if told.beats(known) {
                *known = told;
            }
        }
        None => {
            words.insert(contract, told);
        }
    }
}

/// The median log change over the contracts that both have; both in order of their numbers.
fn median_change(then: &[(usize, f64)], now: &[(usize, f64)]) -> Option<f64> {
    let mut changes = Vec::new();
    let mut earlier = then.iter().peekable();
    for (number, value) in now {
        while earlier.next_if(|(other, _)| other < number).is_some() {}
        if let Some((_, before)) = earlier.next_if(|(other, _)| other == number) {
            changes.push(libm::log(*value) - libm::log(*before));
        }
    }
    scalar::median(&scalar::sorted(&changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_of_the_contracts_that_both_have() {
        let then = [(0, 100.0), (1, 50.0), (4, 10.0)];
        let now = [(0, 110.0), (2, 7.0), (4, 12.1)];
        let change = median_change(&then, &now).unwrap();
        assert!((change - f64::midpoint(1.1f64.ln(), 1.21f64.ln())).abs() < 1e-12);
        assert_eq!(median_change(&then, &[(7, 1.0)]), None);
    }
}
