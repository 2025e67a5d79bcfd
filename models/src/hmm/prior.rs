//! What is believed of a hidden Markov model before its rows are seen; it only just rules the degenerate out.

use super::columns::Columns;
use crate::dense::Cholesky;
use crate::regimes::Start;

/// How strong the prior of a fit is, in rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strength {
    /// Rows that each regime has already been seen to stay. More than one makes regimes last: use it where
    /// flicker costs more than lateness.
    pub sticky: f64,
    /// Rows that each regime has already been seen to leave it, shared by where they went. Above 0 no
    /// regime is for ever.
    pub leaving: f64,
    /// Weight of the covariance of all rows in that of each regime, times √n. Above 0 no regime can shrink
    /// onto a few rows while starts are compared; where none does without it either, it is let go at the end.
    pub covariance: f64,
}

impl Default for Strength {
    fn default() -> Self {
        Self { sticky: 1.0, leaving: 0.01, covariance: 1.0 }
    }
}

/// A Dirichlet prior of each row of the transition matrix, heavier where a regime stays, and Chen and Tan's
/// penalty on covariances, −a (tr S Σ⁻¹ + ln |Σ|) for each regime with S the covariance of all clipped rows
/// and a = n^−½. Under it the likelihood is bounded. Chen and Tan prove consistency for mixtures of independent
/// rows; for a chain it is only tried.
///
/// Source: J. Chen and X. Tan, *Inference for multivariate normal mixtures*, J. Multivariate Anal. 100 (2009)
/// 1367–1383.
#[derive(Clone, Debug)]
pub(super) struct Prior {
    strength: Strength,
    states: usize,
    /// a.
    weight: f64,
    /// S, row-major.
    spread: Vec<f64>,
    width: usize,
}

impl Prior {
    /// For these columns; `spread` is S.
    pub(super) fn new(strength: Strength, states: usize, columns: &Columns, spread: Vec<f64>) -> Self {
        let weight = strength.covariance / libm::sqrt(columns.rows() as f64);
        Self { strength, states, weight, spread, width: columns.width() }
    }

    /// The same without the penalty on covariances.
    pub(super) fn without_covariance(&self) -> Self {
        Self { weight: 0.0, ..self.clone() }
    }

    /// Moves from state i to state j that count as seen.
    pub(super) fn count(&self, i: usize, j: usize) -> f64 {
        if i == j { self.strength.sticky } else { self.strength.leaving / (self.states - 1) as f64 }
    }

    /// Rows that the covariance of all rows counts for in each state.
    pub(super) fn rows(&self) -> f64 {
        2.0 * self.weight
    }

    /// Their scatter.
    pub(super) fn scatter(&self, i: usize, j: usize) -> f64 {
        self.rows() * self.spread[i * self.width + j]
    }

    /// The covariance of a state without rows.
    pub(super) fn alone(&self) -> Vec<Vec<f64>> {
        self.spread.chunks_exact(self.width).map(<[f64]>::to_vec).collect()
    }

    /// The log density, up to a constant.
    pub(super) fn log_density(&self, parameters: &Start) -> f64 {
        let mut log_density = 0.0;
        for (i, row) in parameters.transmat.iter().enumerate() {
            for (j, p) in row.iter().enumerate() {
                let count = self.count(i, j);
                if count > 0.0 {
                    log_density += count * libm::log(*p);
                }
            }
        }
        let mut column = vec![0.0; self.width];
        for covariance in &parameters.covars {
            let flat: Vec<f64> = covariance.iter().flatten().copied().collect();
            let Some(factor) = Cholesky::new(&flat, self.width) else { return f64::NEG_INFINITY };
            let mut trace = 0.0;
            for j in 0..self.width {
                for (i, entry) in column.iter_mut().enumerate() {
                    *entry = self.spread[i * self.width + j];
                }
                factor.solve(&mut column);
                trace += column[j];
            }
            log_density -= self.weight * (trace + factor.log_det());
        }
        log_density
    }
}
