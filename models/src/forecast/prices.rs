//! Forecasts the volatility regime of any price series, and scores it: `evaluate --input`.

use std::time::Duration;

use market::Timestamp;

use crate::samples::Samples;

use super::volatility::{self, LEAST, LOOKBACK};
use super::walk::Protocol;
use super::{Boundary, ForecastError, STORMY, TASKS, Task};

/// How a price series is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceProtocol {
    /// Closes in a window, and from a decision to the end of the window it speaks of.
    pub horizon: usize,
    /// Rows before the first forecast.
    pub min_train: usize,
    /// Rows from one fit to the next.
    pub refit: usize,
    /// The first scored row is not before this; every row before it may train.
    pub from: Option<Timestamp>,
    /// The last scored row is not after this.
    pub to: Option<Timestamp>,
    /// Of the fits' and the intervals' draws.
    pub seed: u64,
}

impl PriceProtocol {
    /// Returns before the first row. A row knows most with a whole look-back of [`LOOKBACK`]; a series that trains
    /// on few rows has no such stretch to spare, and its rows begin earlier: at an eighth of the training rows, at
    /// [`LEAST`] and at two horizons at the soonest.
    pub fn look_back(&self) -> usize {
        (self.min_train / 8).clamp(LEAST, LOOKBACK).max(self.horizon.saturating_mul(2))
    }

    /// Closes in a series of which one forecast can be scored: the look-back, the first training, the window that
    /// the forecast speaks of, and the close that it is made at.
    pub fn fewest(&self) -> usize {
        self.look_back().saturating_add(self.min_train).saturating_add(self.horizon).saturating_add(1)
    }

    /// The rows that are walked through.
    ///
    /// # Errors
    /// Closes that are none, or too few of them for one forecast to be scored.
    pub fn samples(&self, prices: &[(Timestamp, f64)]) -> Result<Samples, ForecastError> {
        if self.horizon >= 2 && prices.len() < self.fewest() {
            return Err(ForecastError::TooFewRows { rows: prices.len(), needed: self.fewest() });
        }
        volatility::samples(prices, self.horizon, self.look_back())
    }

    /// How they are walked through.
    pub fn walk(&self) -> Protocol {
        Protocol { from: self.from, to: self.to, seed: self.seed, ..Protocol::of(&self.task()) }
    }

    /// The task: [`Task`] `vol-5d` over another horizon.
    pub fn task(&self) -> Task {
        let [_, daily, ..] = TASKS;
        Task {
            id: "vol",
            about: "volatility regime of the next window",
            horizon: self.horizon,
            boundary: Boundary::Quantile(STORMY),
            min_train: self.min_train,
            refit: self.refit,
            // A walk refits on its own schedule, however long that is.
            expiry: Duration::from_hours(24 * 365 * 100),
            ..daily
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::forecast::walk;

    fn prices(count: usize) -> Vec<(Timestamp, f64)> {
        let mut chance = crate::chance::Chance::new(3);
        let mut price = 100.0;
        (0..count)
            .map(|row| {
                price *= libm::exp(if row % 90 < 30 { 0.03 } else { 0.01 } * chance.normal());
                (Timestamp::from_micros(row as i64 * 86_400_000_000).unwrap(), price)
            })
            .collect()
    }

    #[test]
    fn the_fewest_closes_are_scored_once_and_one_less_is_refused_with_their_number() {
        for (horizon, min_train, fewest) in [(5, 500, 62 + 500 + 5 + 1), (2, 60, 44 + 60 + 2 + 1)] {
            let protocol = PriceProtocol { horizon, min_train, refit: 63, from: None, to: None, seed: 1 };
            assert_eq!(protocol.fewest(), fewest);
            let all = prices(fewest);
            let samples = protocol.samples(&all).unwrap();
            let go_on = &mut |_, _| ControlFlow::Continue(());
            let walk = walk(&samples, &protocol.task(), &protocol.walk(), go_on).unwrap();
            assert_eq!(walk.scored().count(), 1);
            let refused = protocol.samples(&all[1..]).unwrap_err();
            assert_eq!(refused, ForecastError::TooFewRows { rows: fewest - 1, needed: fewest });
        }
        let endless = PriceProtocol {
            horizon: usize::MAX,
            min_train: usize::MAX,
            refit: 1,
            from: None,
            to: None,
            seed: 1,
        };
        assert!(matches!(endless.samples(&prices(100)), Err(ForecastError::TooFewRows { rows: 100, .. })));
    }
}
