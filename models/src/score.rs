//! How good a forecast of a yes or a no was: scores, their intervals, and what alarms on it are worth.
//!
//! Every function takes rows in time order, oldest first: the probability that was given and what happened, or
//! the losses that follow from them. Rows that nobody can score (no event at all, a NaN) are an error with its
//! reason, never a NaN.
//!
//! | question | function |
//! |---|---|
//! | how far off were the probabilities | [`mean_log_loss`], [`brier`], [`murphy`] |
//! | do 30 % forecasts happen 30 % of the time | [`reliability`] |
//! | is it better than the baseline, and how surely | [`skill`], [`diebold_mariano`] |
//! | does it rank the rows | [`auc`], [`average_precision`] |
//! | what are its alarms worth | [`alarms()`], [`episodes`] |

mod alarms;
mod comparison;
mod proper;
mod ranking;
mod reliability;
mod skill;
mod student;
#[cfg(test)]
mod tests;

pub use alarms::{AlarmRule, Alarms, Calendar, Episodes, alarms, episodes, onsets, threshold_at_rate};
pub use comparison::{DieboldMariano, Kernel, diebold_mariano};
pub use proper::{brier, log_losses, mean_log_loss, squared_errors};
pub use ranking::{auc, average_precision};
pub use reliability::{Binning, Murphy, ReliabilityBin, murphy, reliability, wilson};
pub use skill::{Bootstrap, Skill, skill};
pub use student::{regularised_beta, student_two_sided};

use serde::{Deserialize, Serialize};

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Why there is no score.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// There are no rows.
    #[error("there are no rows to score; take a longer stretch")]
    Empty,
    /// Two columns differ in length.
    #[error("there are {forecasts} forecasts for {outcomes} outcomes; give one outcome a forecast")]
    Ragged {
        /// How many forecasts (or losses of the model) there are.
        forecasts: usize,
        /// How many outcomes (or losses of the baseline) there are.
        outcomes: usize,
    },
    /// A forecast is no probability.
    #[error("row {row} forecasts {value}, which is no probability; leave abstentions out")]
    NotProbability {
        /// The row, the first being 0.
        row: usize,
        /// What stands there.
        value: f64,
    },
    /// A score or a loss is NaN or infinite.
    #[error("row {row} has {value}, which is not finite")]
    NotFinite {
        /// The row, the first being 0.
        row: usize,
        /// What stands there.
        value: f64,
    },
    /// Everything happened, or nothing did.
    #[error("{} happened, so there is nothing to tell apart; take a stretch with both", if *.happened { "everything" } else { "nothing" })]
    OneClass {
        /// What all rows have in common.
        happened: bool,
    },
    /// There are too few rows.
    #[error("{rows} rows are too few; give at least {needed}")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The baseline never lost anything, so no share of its loss can be saved.
    #[error("the baseline's loss is 0, so skill against it has no meaning")]
    NoLoss,
    /// The two forecasts differ by the same amount everywhere.
    #[error(
        "the losses differ by {difference} in every row, so the difference has no variance to test against"
    )]
    NoVariance {
        /// The difference.
        difference: f64,
    },
    /// An option cannot be.
    #[error("{name} {problem}")]
    Option {
        /// Its name.
        name: &'static str,
        /// What is wrong, and the remedy: `is 0; use at least 1`.
        problem: String,
    },
}

/// One forecast an outcome, and at least one.
fn paired(forecasts: usize, outcomes: usize) -> Result<(), ScoreError> {
    if forecasts != outcomes {
        return Err(ScoreError::Ragged { forecasts, outcomes });
    }
    if forecasts == 0 { Err(ScoreError::Empty) } else { Ok(()) }
}

/// Probabilities, one an outcome.
fn probabilities_of(probabilities: &[f64], happened: &[bool]) -> Result<(), ScoreError> {
    paired(probabilities.len(), happened.len())?;
    match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(row) => Err(ScoreError::NotProbability { row, value: probabilities[row] }),
        None => Ok(()),
    }
}

/// Numbers, every one finite.
fn finite(values: &[f64]) -> Result<(), ScoreError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(ScoreError::NotFinite { row, value: values[row] }),
        None => Ok(()),
    }
}

/// How often it happened, where it both did and did not.
fn both_classes(happened: &[bool]) -> Result<usize, ScoreError> {
    let events = happened.iter().filter(|&&happened| happened).count();
    if events == 0 || events == happened.len() {
        return Err(ScoreError::OneClass { happened: events > 0 });
    }
    Ok(events)
}
