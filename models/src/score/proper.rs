//! Proper scores: what a probability costs once it is known what happened.
//!
//! Log loss: −ln p of what happened, in nats, p kept inside [1e-4, 1 − 1e-4] so that one certain error
//! costs 9.21 and not everything. I. J. Good, *Rational decisions*, J. R. Stat. Soc. B 14 (1952) 107–114.
//! Brier score: (p − y)². G. W. Brier, *Verification of forecasts expressed in terms of probability*, Monthly
//! Weather Review 78 (1950) 1–3 (half of his sum over both classes, as is the custom). Both are least, in
//! the mean, for whoever says what they believe.

use super::{ScoreError, probabilities_of};
use crate::scalar;

/// The log loss of each row, nats.
///
/// # Errors
/// No rows, columns of different length, or a forecast outside [0, 1].
pub fn log_losses(probabilities: &[f64], happened: &[bool]) -> Result<Vec<f64>, ScoreError> {
    probabilities_of(probabilities, happened)?;
    Ok(probabilities.iter().zip(happened).map(|(&p, &happened)| scalar::log_loss(p, happened)).collect())
}

/// The mean log loss, nats.
///
/// # Errors
/// As [`log_losses`].
pub fn mean_log_loss(probabilities: &[f64], happened: &[bool]) -> Result<f64, ScoreError> {
    scalar::mean(&log_losses(probabilities, happened)?).ok_or(ScoreError::Empty)
}

/// The squared error of each row, 0 to 1.
///
/// # Errors
/// As [`log_losses`].
pub fn squared_errors(probabilities: &[f64], happened: &[bool]) -> Result<Vec<f64>, ScoreError> {
    probabilities_of(probabilities, happened)?;
    let errors = probabilities.iter().zip(happened).map(|(&p, &happened)| {
        let error = p - f64::from(u8::from(happened));
        error * error
    });
    Ok(errors.collect())
}

/// The Brier score: the mean squared error, 0 to 1.
///
/// # Errors
/// As [`log_losses`].
pub fn brier(probabilities: &[f64], happened: &[bool]) -> Result<f64, ScoreError> {
    scalar::mean(&squared_errors(probabilities, happened)?).ok_or(ScoreError::Empty)
}
