//! Group `range`: how far prices ranged within their bars, against how far they went from close to close.
//!
//! Parkinson's volatility over k bars: √(mean of ln(high ÷ low)² ÷ (4 ln 2)), an estimate of the same volatility as
//! that from closes (M. Parkinson, *The extreme value method for estimating the variance of the rate of return*,
//! J. Business 53 (1980) 61–65). Where it is the larger one, prices came back from where they had been. It looks at
//! as many hours, or UTC days, as the task's window has rows.

use market::Timestamp;

use super::prices::{Coin, Move, day_of, hour_of};
use super::robust::Rolling;
use super::task::{Grid, Task};

/// 4 ln 2: what the mean squared range of a Brownian motion is, in variances.
const PARKINSON: f64 = 2.772_588_722_239_781;
/// Keeps the logarithm of a market that stood still finite, as in the level.
const FLOOR: f64 = 1e-6;
/// Of this share of the window's bars range and return are told, or nothing is said.
const LEAST_SHARE: f64 = 0.75;

/// The group's columns.
pub(super) const COLUMNS: [&str; 3] = ["range_last_z", "range_window_z", "range_told"];

/// What is usual, as known so far.
#[derive(Debug)]
pub(super) struct Range {
    is_hourly: bool,
    bars: i64,
    rolling: [Rolling; 2],
}

impl Range {
    /// Nothing known yet.
    pub(super) fn new(task: &Task) -> Self {
        let (is_hourly, lookback) = match task.grid {
            Grid::Hourly => (true, 720),
            Grid::Daily | Grid::Sessions => (false, 250),
        };
        let rolling = std::array::from_fn(|_| Rolling::new(lookback));
        Self { is_hourly, bars: task.horizon as i64, rolling }
    }

    /// The group's columns at `at`, in the order of [`COLUMNS`].
    pub(super) fn at(&mut self, coin: &Coin, at: Timestamp) -> [f64; 3] {
        let now = if self.is_hourly { hour_of(at) } else { day_of(at) };
        let moves: Vec<(i64, Move)> = if self.is_hourly {
            coin.hourly(now - self.bars, now).collect()
        } else {
            coin.daily(now - self.bars, now).collect()
        };
        let range = |bar: i64| if self.is_hourly { coin.hour_range(bar) } else { coin.day_range(bar) };
        let (mut ranges, mut returns, mut known, mut last) = (0.0, 0.0, 0_u32, None);
        for (bar, step) in moves {
            let Some(range) = range(bar) else { continue };
            ranges += range * range;
            returns += step.log_return * step.log_return;
            known += 1;
            last = (bar == now - 1).then_some(range);
        }
        let told = f64::from(known) / self.bars as f64;
        let of_closes = volatility(returns / f64::from(known));
        let beyond = |squared: f64| volatility(squared / PARKINSON) - of_closes;
        let is_told = told >= LEAST_SHARE;
        let values = [last.map(|range| beyond(range * range)), Some(beyond(ranges / f64::from(known)))];
        let mut row = [0.0, 0.0, told];
        for ((place, rolling), value) in row.iter_mut().zip(&mut self.rolling).zip(values) {
            *place = rolling.z(value.filter(|_| is_told));
        }
        row
    }
}

fn volatility(variance: f64) -> f64 {
    libm::log(libm::sqrt(variance) + FLOOR)
}
