//! Making probabilities mean what they say, and saying how sure they are: recalibration, intervals, sets, and when
//! to say nothing.
//!
//! | question | type |
//! |---|---|
//! | which probability does a score stand for, any rising shape | [`Isotonic`] |
//! | the same by a straight line in the logit | [`Platt`], and as outcomes come in [`SequentialPlatt`] |
//! | how wide is that probability | [`VennAbers`] |
//! | which regimes may come, at nine times in ten | [`ConformalRegimes`] |
//! | was anything like this row ever seen | [`DensityGuard`] |
//!
//! What is fitted is plain numbers that an artefact can hold; `check` says whether numbers read back from one can
//! be used. Isotonic maps hurt below about 5,000 rows: prefer a [`Platt`] there.

mod conformal;
mod density;
mod isotonic;
mod platt;
#[cfg(test)]
mod tests;
mod venn_abers;

pub use conformal::{ConformalLimits, ConformalRegimes, ConformalRows, RegimeSet};
pub use density::{DensityGuard, Shape};
pub use isotonic::{Isotonic, pool_adjacent_violators};
pub use platt::{Platt, SequentialPlatt};
pub use venn_abers::{Steps, VennAbers, VennPair};

/// Why nothing could be calibrated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// There are no rows.
    #[error("there are no rows to calibrate with; wait until forecasts are resolved")]
    Empty,
    /// Two columns differ in length.
    #[error("there are {scores} scores for {outcomes} outcomes; give one outcome a score")]
    Ragged {
        /// How many scores there are.
        scores: usize,
        /// How many outcomes, or weights, or whole rows there are.
        outcomes: usize,
    },
    /// A value is NaN or infinite, or a weight is not above 0.
    #[error("row {row} has {value}, which cannot be used; leave the row out")]
    Unusable {
        /// The row, the first being 0.
        row: usize,
        /// What stands there.
        value: f64,
    },
    /// Everything happened, or nothing did.
    #[error("{} happened, so no score can be told from another; wait for both", if *.happened { "everything" } else { "nothing" })]
    OneClass {
        /// What all rows have in common.
        happened: bool,
    },
    /// All scores are equal.
    #[error("all scores are {value}, so they tell nothing apart")]
    Constant {
        /// The score.
        value: f64,
    },
    /// One threshold tells all events from the rest, so the likeliest slope is infinite.
    #[error(
        "the score {threshold} separates the events from the rest, so the likeliest slope is infinite; hold it back with a prior"
    )]
    Separable {
        /// The threshold.
        threshold: f64,
    },
    /// The search did not end.
    #[error("the fit did not converge; check the scores for extreme values")]
    NotConverged,
    /// Columns repeat each other.
    #[error("the columns repeat each other, so their covariance cannot be inverted; use a shrinkage above 0")]
    Singular,
    /// An option cannot be.
    #[error("{name} {problem}")]
    Option {
        /// Its name.
        name: &'static str,
        /// What is wrong, and the remedy: `is 2; use a share, 0 to 1`.
        problem: String,
    },
    /// Parameters read from an artefact cannot be used.
    #[error("the parameters of the {what} {problem}; train the model again")]
    Damaged {
        /// Whose parameters: `isotonic map`.
        what: &'static str,
        /// What is wrong with them.
        problem: &'static str,
    },
}

/// One score an outcome, at least one, every score finite.
fn scored(scores: &[f64], outcomes: usize) -> Result<(), CalibrationError> {
    if scores.len() != outcomes {
        return Err(CalibrationError::Ragged { scores: scores.len(), outcomes });
    }
    if scores.is_empty() {
        return Err(CalibrationError::Empty);
    }
    match scores.iter().position(|score| !score.is_finite()) {
        Some(row) => Err(CalibrationError::Unusable { row, value: scores[row] }),
        None => Ok(()),
    }
}

/// One probability an outcome, and at least one.
fn forecast(probabilities: &[f64], outcomes: usize) -> Result<(), CalibrationError> {
    scored(probabilities, outcomes)?;
    match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(row) => Err(CalibrationError::Unusable { row, value: probabilities[row] }),
        None => Ok(()),
    }
}

/// Rows in ascending order of score, in runs of equal scores.
fn ascending_runs(scores: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    // The first of two neighbours is never the larger, so "not below" is "equal", −0 and 0 included.
    order.chunk_by(|&a, &b| scores[a] >= scores[b]).map(<[usize]>::to_vec).collect()
}

/// Whether values rise from one to the next.
fn is_rising(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] < pair[1])
}

/// Whether values never fall and are probabilities.
fn are_rising_shares(values: &[f64]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value)) && values.windows(2).all(|pair| pair[0] <= pair[1])
}
