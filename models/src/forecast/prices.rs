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
    /// on few rows has no such stretch to spare, and its rows begin earlier.
    fn warmup(&self) -> usize {
        (self.min_train / 8).clamp(LEAST, LOOKBACK)
    }

    /// The rows that are walked through.
    ///
    /// # Errors
    /// Closes that are none, or too few of them.
    pub fn samples(&self, prices: &[(Timestamp, f64)]) -> Result<Samples, ForecastError> {
        volatility::samples(prices, self.horizon, self.warmup())
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
