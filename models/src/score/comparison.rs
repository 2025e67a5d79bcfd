//! The Diebold–Mariano test: whether two forecasts of the same rows differ in mean loss by more than chance.
//!
//! dₜ is the forecast's loss less the other's. DM = d̄ / √(V / n), V = γ₀ + 2 Σ over k = 1 … h − 1 of wₖ γₖ with the
//! autocovariances γ of d (over n), as forecasts of h rows ahead leave errors that depend over h − 1 rows.
//! Small samples: DM × √((n + 1 − 2h + h (h − 1) / n) / n), against Student's t of n − 1 degrees of freedom.
//!
//! Weights: wₖ = 1 − k / h is Newey and West's (Bartlett's) kernel, whose V is never negative but takes
//! too little of the dependence that it knows of, so that p comes out too small for large h; wₖ = 1 (truncated)
//! is Diebold and Mariano's own, of the right size, and gives way to Bartlett's where V is not above 0. The kernel
//! used is in the answer.
//!
//! The test supposes that d is stationary and the forecasts are not nested estimates fitted to the same rows; it
//! is a companion of the bootstrap interval, not a replacement.
//!
//! Source: F. X. Diebold and R. S. Mariano, *Comparing predictive accuracy*, J. Bus. Econ. Stat. 13 (1995)
//! 253–263; D. Harvey, S. Leybourne and P. Newbold, *Testing the equality of prediction mean squared errors*,
//! Int. J. Forecasting 13 (1997) 281–291; W. K. Newey and K. D. West, Econometrica 55 (1987) 703–708.

use serde::{Deserialize, Serialize};

use super::student::student_two_sided;
use super::{ScoreError, finite, paired};

/// How autocovariances are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// 1 − k / h: Newey and West.
    Bartlett,
    /// 1 up to lag h − 1: Diebold and Mariano.
    Truncated,
}

/// A comparison of two forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DieboldMariano {
    /// The statistic, corrected for small samples; below 0 where the forecast loses less than the other.
    pub statistic: f64,
    /// Two-sided p-value by Student's t.
    pub p_value: f64,
    /// Mean loss of the forecast less the other's.
    pub mean_difference: f64,
    /// Its standard error, corrected for small samples.
    pub std_error: f64,
    /// Lags in the variance: the horizon − 1.
    pub lags: usize,
    /// Rows.
    pub n: usize,
    /// The weights used.
    pub kernel: Kernel,
}

/// Compares losses with another forecast's on the same rows; `horizon` is how many rows ahead they look.
///
/// # Errors
/// Columns of different length, a loss that is not finite, a horizon of 0, fewer than 2 × horizon + 2 rows, or
/// losses that differ by the same amount in every row.
pub fn diebold_mariano(
    model: &[f64],
    baseline: &[f64],
    horizon: usize,
    kernel: Kernel,
) -> Result<DieboldMariano, ScoreError> {
    paired(model.len(), baseline.len())?;
    finite(model)?;
    finite(baseline)?;
    if horizon == 0 {
        return Err(ScoreError::Option { name: "horizon", problem: "is 0; use at least 1".to_owned() });
    }
    let rows = model.len();
    let needed = horizon.saturating_mul(2).saturating_add(2);
    if rows < needed {
        return Err(ScoreError::TooFewRows { rows, needed });
    }
    let mut differences: Vec<f64> = model.iter().zip(baseline).map(|(a, b)| a - b).collect();
    finite(&differences)?;
    let (n, h) = (rows as f64, horizon as f64);
    let mean = differences.iter().sum::<f64>() / n;
    let size = differences.iter().fold(0.0f64, |top, difference| top.max(difference.abs()));
    for difference in &mut differences {
        *difference -= mean;
    }
    let covariance = |lag: usize| {
        differences.iter().zip(&differences[lag..]).map(|(early, late)| early * late).sum::<f64>() / n
    };
    let covariances: Vec<f64> = (0..horizon).map(covariance).collect();
    // What rounding alone leaves of a constant difference.
    if covariances[0] <= (size * 1e-14) * (size * 1e-14) {
        return Err(ScoreError::NoVariance { difference: mean });
    }
    let variance_by = |kernel: Kernel| {
        let weigh = |lag: usize| match kernel {
            Kernel::Bartlett => 1.0 - lag as f64 / h,
            Kernel::Truncated => 1.0,
        };
        covariances[0] + 2.0 * (1..horizon).map(|lag| weigh(lag) * covariances[lag]).sum::<f64>()
    };
    let mut used = kernel;
    let mut variance = variance_by(kernel);
    // A truncated sum that all but cancels is no variance to divide by.
    if kernel == Kernel::Truncated && variance <= covariances[0] * 1e-3 {
        used = Kernel::Bartlett;
        variance = variance_by(used);
    }
    if variance <= covariances[0] * 1e-12 {
        return Err(ScoreError::NoVariance { difference: mean });
    }
    let correction = libm::sqrt((n + 1.0 - 2.0 * h + h * (h - 1.0) / n) / n);
    let std_error = libm::sqrt(variance / n) / correction;
    let statistic = mean / std_error;
    let p_value = student_two_sided(statistic, n - 1.0).ok_or(ScoreError::NoVariance { difference: mean })?;
    Ok(DieboldMariano {
        statistic,
        p_value,
        mean_difference: mean,
        std_error,
        lags: horizon - 1,
        n: rows,
        kernel: used,
    })
}
