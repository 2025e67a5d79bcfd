//! Finds the rows at which the level or the variance changed, as they come: Bayesian online change points.
//!
//! # The model
//! A series is cut into runs. Within a run the values of a column are normal with a mean μ and a precision τ of
//! the run's own, drawn from a normal–gamma [`Prior`]: τ ~ Gamma(α, rate β), μ | τ ~ N(m, 1 / (κ τ)).
//! Columns are independent given the cuts. After every row a run ends with probability 1 / `run_length`, whatever
//! its age. The run length r is how many rows the current run holds; r = 0 says that it ended
//! with the latest row, which has probability 1 / `run_length` by assumption.
//!
//! [`Bocpd`] goes row by row: the predictive density of each run is Student's t, and the run lengths' joint
//! probabilities follow by Adams and MacKay's recursion. Their sum over the run lengths is the **evidence**:
//! the density of the series summed over all its segmentations. [`segment`] looks back as well: the
//! most likely segmentation (the recursion with maxima for sums) and the probability that a change
//! came at each row given the whole series, p(rows before) · p(rows from there on) / (`run_length` · p(all)), where
//! the second factor is the evidence of the series turned round.
//!
//! # What is left out
//! Run lengths less likely than [`NEGLIGIBLE`], and of more than [`MOST_RUNS`] the least likely, are forgotten, so
//! memory and time per row are bounded. The evidence is then a sum over fewer segmentations, and so never
//! overstated; a run that was forgotten cannot come back, however well later rows would have spoken for it. Series of up
//! to [`MOST_RUNS`] rows lose only what is negligible.
//!
//! # As a model of regimes
//! [`ChangePoints`] takes each column's prior from the column: m its median, κ = α = 1, β its squared robust
//! scale (1.4826 · median absolute deviation, or the standard deviation where that is 0). This is the
//! prior (0, 1, 1, 1) of the column standardised robustly, and the evidence is in the column's own units. The
//! report's `labels` number the segments of the most likely segmentation, `states` says how many there are, and
//! `filtered` and `smoothed` have two columns for any number of segments: the probability that no change
//! came at this row, and that one did. The first row is no change.
//!
//! Sources: R. P. Adams and D. J. C. MacKay, *Bayesian online changepoint detection*, arXiv:0710.3742 (2007);
//! K. P. Murphy, *Conjugate Bayesian analysis of the Gaussian distribution* (2007), section 3; P. Fearnhead,
//! *Exact and efficient Bayesian inference for multiple changepoint problems*, Stat. Comput. 16 (2006) 203–213.

mod offline;
mod report;
mod runs;
#[cfg(test)]
mod tests;

pub use offline::{Segmentation, segment};
pub use report::ChangePoints;

use crate::model::ModelError;
use runs::Runs;

/// Run lengths whose probability is below this are forgotten.
pub const NEGLIGIBLE: f64 = 1e-12;
/// Most run lengths that are kept.
pub const MOST_RUNS: usize = 1_000;

/// Values beyond this are refused: their squares would overflow.
const LARGEST: f64 = 1e40;

/// What is believed of a column's mean μ and precision τ before a run's first row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// m: the expected mean, in the column's unit.
    pub mean: f64,
    /// κ > 0: how many rows that expectation is worth.
    pub strength: f64,
    /// α > 0: half of how many rows the expectation of the precision is worth.
    pub shape: f64,
    /// β > 0: α times the expected variance, roughly, in the column's unit squared.
    pub rate: f64,
}

/// A watch for changes of a series' level or variance.
#[derive(Clone, Debug)]
pub struct Bocpd {
    runs: Runs,
    rows: usize,
    log_evidence: f64,
}

impl Bocpd {
    /// A watch that has seen nothing; a run lasts `run_length` rows on average. One prior a column.
    ///
    /// # Errors
    /// `run_length` is not above 1, there are no columns, or a prior's numbers are out of range.
    pub fn new(run_length: f64, priors: &[Prior]) -> Result<Self, ModelError> {
        if !(run_length > 1.0 && run_length <= 1e12) {
            let problem = format!("is {run_length}; use a number above 1 and up to 1e12");
            return Err(ModelError::Option { option: "--run-length", problem });
        }
        let is_sound = |prior: &Prior| {
            prior.mean.abs() <= LARGEST
                && (1e-12..=1e12).contains(&prior.strength)
                && (1e-12..=1e12).contains(&prior.shape)
                && (1e-80..=1e80).contains(&prior.rate)
        };
        if priors.is_empty() || !priors.iter().all(is_sound) {
            let problem = "is no normal–gamma prior; give finite mu0 and positive kappa0, alpha0 and beta0 for every column";
            return Err(ModelError::Option { option: "--params", problem: problem.to_owned() });
        }
        Ok(Self { runs: Runs::new(run_length, priors), rows: 0, log_evidence: 0.0 })
    }

    /// Takes the next row and returns the log density that was given to it, nats. `None`, and nothing is changed,
    /// where it has another number of columns, or a value that is not finite or beyond ±1e40.
    pub fn step(&mut self, row: &[f64]) -> Option<f64> {
        if row.len() != self.runs.columns() || !row.iter().all(|value| value.abs() <= LARGEST) {
            return None;
        }
        let density = self.runs.step(row);
        self.rows += 1;
        self.log_evidence += density;
        Some(density)
    }

    /// Rows seen.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The log density of all rows seen, nats.
    pub fn log_evidence(&self) -> f64 {
        self.log_evidence
    }

    /// The run lengths that are kept, ascending, with their probabilities given the rows seen.
    pub fn run_lengths(&self) -> Vec<(usize, f64)> {
        self.runs.lengths()
    }

    /// The likeliest run length, the shortest of equals.
    pub fn run_length(&self) -> usize {
        let mut best = (0, -1.0);
        for (length, probability) in self.run_lengths() {
            if probability > best.1 {
                best = (length, probability);
            }
        }
        best.0
    }

    /// The probability that the latest row began a run, given the rows seen; `None` before the second row.
    pub fn change(&self) -> Option<f64> {
        (self.rows > 1).then(|| self.runs.change())
    }

    /// The first row of the current run in the likeliest segmentation of the rows seen.
    fn likeliest_start(&self) -> usize {
        self.runs.likeliest_start()
    }
}
