//! How training rows see the features: the boundary, the scaling, and the labels that are known.

use serde::{Deserialize, Serialize};

use crate::samples::{Group, Samples};
use crate::scalar::{quantile, sorted, std_dev};

use super::{Boundary, ForecastError};

/// Standardised features count no further out than this: what lies beyond a training row's four standard
/// deviations is as unusual as they come, and a linear form must not run away with it.
const FAR: f64 = 4.0;

/// The 10 % and 90 % quantiles of a normal distribution are this many standard deviations apart.
const DECILES: f64 = 2.563;

/// The boundary and the scaling that training rows gave. Plain numbers of an artefact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The level that separates the regimes; the higher one is strictly above.
    pub boundary: f64,
    /// The unit of the distance to the boundary: the levels' spread (their outer deciles, as of a normal).
    pub spread: f64,
    /// Mean of each core column over the training rows.
    pub mean: Vec<f64>,
    /// Standard deviation of each core column; 0 where it never varied, and counts for nothing.
    pub scale: Vec<f64>,
}

/// One row, as the experts see it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    /// The regime: 0 or 1.
    pub(crate) state: usize,
    /// The distance to the boundary in spreads, at most four either way.
    pub(crate) margin: f64,
    /// The core columns, standardised, at most four either way.
    pub(crate) columns: Vec<f64>,
}

impl Scaling {
    /// The boundary that training levels give, and the unit of the distance to it; no columns yet. `None` where the
    /// levels do not vary.
    pub(crate) fn of_levels(levels: &[f64], boundary: Boundary) -> Option<Self> {
        let levels = sorted(levels);
        let boundary = match boundary {
            Boundary::Quantile(share) => quantile(&levels, share)?,
            Boundary::Fixed(line) => line,
        };
        let mut spread = (quantile(&levels, 0.9)? - quantile(&levels, 0.1)?) / DECILES;
        if spread <= 0.0 {
            spread = std_dev(&levels).unwrap_or(0.0);
        }
        let varies = spread > 0.0 && spread.is_finite();
        varies.then_some(Self { boundary, spread, mean: Vec::new(), scale: Vec::new() })
    }

    /// Learns the columns' means and standard deviations from training rows, `width` values each.
    pub(crate) fn learn_columns<R>(&mut self, rows: impl ExactSizeIterator<Item = R> + Clone, width: usize)
    where
        R: Iterator<Item = f64>,
    {
        let count = rows.len() as f64;
        let mut mean = vec![0.0; width];
        let mut scale = vec![0.0; width];
        for row in rows.clone() {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += value / count;
            }
        }
        for row in rows {
            for ((sum, value), mean) in scale.iter_mut().zip(row).zip(&mean) {
                let rest = value - mean;
                *sum += rest * rest / count;
            }
        }
        for (scale, mean) in scale.iter_mut().zip(&mean) {
            let deviation = libm::sqrt(*scale);
            *scale = if deviation > 1e-9 * (1.0 + mean.abs()) { deviation } else { 0.0 };
        }
        (self.mean, self.scale) = (mean, scale);
    }

    pub(crate) fn state(&self, level: f64) -> usize {
        usize::from(level > self.boundary)
    }

    pub(crate) fn margin(&self, level: f64) -> f64 {
        ((level - self.boundary) / self.spread).clamp(-FAR, FAR)
    }

    /// A row's view; `core` are its core columns.
    pub(crate) fn view(&self, level: f64, core: impl Iterator<Item = f64>) -> View {
        let columns = core
            .zip(self.mean.iter().zip(&self.scale))
            .map(
                |(value, (mean, scale))| {
                    if *scale > 0.0 { ((value - mean) / scale).clamp(-FAR, FAR) } else { 0.0 }
                },
            )
            .collect();
        View { state: self.state(level), margin: self.margin(level), columns }
    }
}

/// The training rows of one fit.
pub(crate) struct Frame {
    pub(crate) scaling: Scaling,
    /// The training rows, oldest first, as places in the samples.
    pub(crate) rows: Vec<usize>,
    pub(crate) views: Vec<View>,
    /// Whether the regime h rows later differs.
    pub(crate) shifted: Vec<bool>,
    /// The distance to the boundary h rows later, in spreads.
    pub(crate) ahead: Vec<f64>,
}

/// Places of the core columns.
pub(crate) fn core(samples: &Samples) -> Vec<usize> {
    let all = samples.columns.iter().enumerate();
    all.filter(|(_, column)| column.group == Group::Core).map(|(place, _)| place).collect()
}

impl Frame {
    /// The frame of a fit at row `at`: it learns from rows t < `at` − h − `embargo` whose level and whose
    /// level h rows later are known.
    pub(crate) fn new(
        samples: &Samples,
        horizon: usize,
        boundary: Boundary,
        at: usize,
        embargo: usize,
    ) -> Result<Self, ForecastError> {
        let end = at.saturating_sub(horizon + embargo).min(samples.rows());
        let levels: Vec<f64> = samples.level[..end].iter().flatten().copied().collect();
        let rows: Vec<usize> = (0..end)
            .filter(|row| {
                samples.level[*row].is_some() && samples.level.get(row + horizon).is_some_and(Option::is_some)
            })
            .collect();
        let one_regime = |shifts| ForecastError::OneRegime { rows: rows.len(), shifts };
        let mut scaling = Scaling::of_levels(&levels, boundary).ok_or(one_regime(0))?;
        let places = core(samples);
        let of_row = |row: &usize| {
            let values = samples.row(*row);
            places.iter().map(move |place| values[*place])
        };
        scaling.learn_columns(rows.iter().map(of_row), places.len());
        let mut frame = Self { scaling, rows, views: Vec::new(), shifted: Vec::new(), ahead: Vec::new() };
        for row in &frame.rows {
            let (Some(level), Some(later)) = (samples.level[*row], samples.level[row + horizon]) else {
                continue;
            };
            let view = frame.scaling.view(level, of_row(row));
            frame.shifted.push(frame.scaling.state(later) != view.state);
            frame.ahead.push(frame.scaling.margin(later));
            frame.views.push(view);
        }
        let shifts = frame.shifted.iter().filter(|shifted| **shifted).count();
        if shifts == 0 || shifts == frame.rows.len() {
            return Err(ForecastError::OneRegime { rows: frame.rows.len(), shifts });
        }
        Ok(frame)
    }
}
