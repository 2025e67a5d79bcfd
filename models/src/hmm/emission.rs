//! Log densities of Gaussian states: one row at a time, or many at once with the very same bits.

use super::columns::Columns;
use crate::dense::Cholesky;
use crate::regimes::{Covariance, Start};

/// Squared distances, in standard deviations, are not told apart beyond this; it keeps every density finite.
const FARTHEST: f64 = 1e300;
/// Rows that are done at a time: they stay in the first cache.
const BLOCK: usize = 256;

/// The densities of all states.
#[derive(Clone, Debug)]
pub(super) struct Emission {
    states: Vec<Density>,
}

/// The density of one state.
#[derive(Clone, Debug)]
struct Density {
    mean: Vec<f64>,
    /// The inverse of the covariance's Cholesky factor, row by row up to the diagonal; the diagonal alone
    /// where columns are independent. It turns a deviation into independent standard normals.
    whitening: Vec<f64>,
    independent: bool,
    /// Log density at the mean.
    peak: f64,
}

/// A state whose covariance is not positive definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Collapsed {
    pub(super) state: usize,
}

impl Emission {
    /// The states of `parameters`, whose shape must have been checked. A share of a column's variance that
    /// the columns before it leave unexplained must be above `least`.
    pub(super) fn new(parameters: &Start, shape: Covariance, least: f64) -> Result<Self, Collapsed> {
        let states = parameters.means.iter().zip(&parameters.covars).enumerate();
        let states = states.map(|(state, (mean, covariance))| {
            Density::new(mean, covariance, shape, least).ok_or(Collapsed { state })
        });
        Ok(Self { states: states.collect::<Result<_, _>>()? })
    }

    /// Each state's log density of `row`, nats.
    #[inline]
    pub(super) fn of_row<const K: usize>(&self, row: &[f64]) -> [f64; K] {
        let mut densities = [0.0; K];
        for (density, state) in densities.iter_mut().zip(&self.states) {
            *density = state.of_row(row);
        }
        densities
    }

    /// Each state's log density of `row` in turn, nats.
    pub(super) fn each<'a>(&'a self, row: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        self.states.iter().map(|state| state.of_row(row))
    }

    /// Each state's log density of each row, nats.
    pub(super) fn of_rows<const K: usize>(&self, columns: &Columns, out: &mut [[f64; K]]) {
        let mut whitened = [0.0; BLOCK];
        let mut distance = [0.0; BLOCK];
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let (whitened, distance) = (&mut whitened[..out.len()], &mut distance[..out.len()]);
            for (state, density) in self.states.iter().enumerate() {
                density.distances(columns, block * BLOCK, whitened, distance);
                for (row, distance) in out.iter_mut().zip(&*distance) {
                    row[state] = density.peak - 0.5 * distance.min(FARTHEST);
                }
            }
        }
    }
}

impl Density {
    fn new(mean: &[f64], covariance: &[Vec<f64>], shape: Covariance, least: f64) -> Option<Self> {
        let size = mean.len();
        let flat: Vec<f64> = covariance.iter().flatten().copied().collect();
        let factor = Cholesky::new(&flat, size)?;
        let lower = factor.lower();
        if (0..size).any(|i| {
            let left = lower[i * size + i] * lower[i * size + i];
            left.is_nan() || left <= least * flat[i * size + i]
        }) {
            return None;
        }
        let independent = shape == Covariance::Diagonal;
        let mut whitening = Vec::new();
        let mut unit = vec![0.0; size];
        let inverse: Vec<Vec<f64>> = (0..size)
            .map(|j| {
                unit.fill(0.0);
                unit[j] = 1.0;
                factor.forward(&mut unit);
                unit.clone()
            })
            .collect();
        for i in 0..size {
            let first = if independent { i } else { 0 };
            whitening.extend(inverse[first..=i].iter().map(|column| column[i]));
        }
        let peak = -0.5 * (size as f64 * libm::log(2.0 * core::f64::consts::PI) + factor.log_det());
        let sound = whitening.iter().all(|weight| weight.is_finite()) && peak.is_finite();
        sound.then(|| Self { mean: mean.to_vec(), whitening, independent, peak })
    }

    /// The squared distance is summed in the order of [`Self::distances`], so that bits are equal.
    #[inline]
    fn of_row(&self, row: &[f64]) -> f64 {
        let mut distance = 0.0;
        let mut weights = self.whitening.iter();
        for j in 0..self.mean.len() {
            let first = if self.independent { j } else { 0 };
            let mut whitened = 0.0;
            for ((value, mean), weight) in
                row[first..=j].iter().zip(&self.mean[first..=j]).zip(weights.by_ref())
            {
                whitened += weight * (value - mean);
            }
            distance += whitened * whitened;
        }
        self.peak - 0.5 * distance.min(FARTHEST)
    }

    /// Squared distances of the rows from `from` on.
    fn distances(&self, columns: &Columns, from: usize, whitened: &mut [f64], distance: &mut [f64]) {
        distance.fill(0.0);
        let mut weights = self.whitening.iter();
        for j in 0..self.mean.len() {
            let first = if self.independent { j } else { 0 };
            whitened.fill(0.0);
            for i in first..=j {
                let Some(weight) = weights.next() else { return };
                let mean = self.mean[i];
                let values = &columns.column(i)[from..from + whitened.len()];
                for (whitened, value) in whitened.iter_mut().zip(values) {
                    *whitened += weight * (value - mean);
                }
            }
            for (distance, whitened) in distance.iter_mut().zip(&*whitened) {
                *distance += whitened * whitened;
            }
        }
    }
}
