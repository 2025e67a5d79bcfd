//! How much of a share's move on a day was its own: an event study against what moves with it.
//!
//! # The model
//! On an estimation window before the event, daily simple returns are regressed on the market's, by ordinary
//! least squares: the **market model**. The abnormal return is what the event window's returns exceed the
//! line by, summed over its days (arithmetic sums, so that return = expected + abnormal exactly).
//!
//! The standard error is that of a forecast: the days' own noise and the line's, which both the estimation
//! window's length and an unusual market day widen: s² (m + x'(X'X)⁻¹x) for m days with summed regressors x.
//! t has n − k − 1 degrees of freedom. It supposes that the event's day is as volatile as the estimation
//! window; days of news rarely are, so |t| flatters.
//!
//! # What the regressors change
//! Peers that fell for the same reason take their share of it out, and with it whatever the event did to them.
//! An abnormal return against bitcoin alone and one against peers answer different questions: show which.
//!
//! Source: A. C. `MacKinlay`, *Event Studies in Economics and Finance*, Journal of Economic Literature 35
//! (1997) 13–39, equations 3 to 20.

mod alignment;

pub use alignment::{Aligned, Closes, ClosesError, PeersReturn, align, peers_basket};

use crate::regression::{Estimate, LARGEST, Regression, RegressionError, least_squares};

/// Which days are explained, and which teach how. Counted in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Design {
    /// The event's row.
    pub event: usize,
    /// The event window's first row, relative to the event: 0, or below for days before it.
    pub from: i32,
    /// Its last row, relative to the event; the window includes it.
    pub to: i32,
    /// Rows in the estimation window.
    pub estimation: usize,
    /// How many rows before the event the estimation window ends: with 11, its last row is `event − 11`.
    pub gap: usize,
}

impl Design {
    /// The event's day alone, learnt from 120 sessions that end 11 before it.
    pub fn on(event: usize) -> Self {
        Self { event, from: 0, to: 0, estimation: 120, gap: 11 }
    }
}

/// What an event did.
#[derive(Clone, Debug, PartialEq)]
pub struct EventStudy {
    /// The event window's return: the sum of its simple daily returns.
    pub window_return: f64,
    /// What the market model expected of it.
    pub expected: f64,
    /// `window_return − expected`.
    pub abnormal_return: f64,
    /// The forecast's standard error.
    pub std_error: f64,
    /// `abnormal_return / std_error`; `None` where the model fits without error.
    pub t: Option<f64>,
    /// Degrees of freedom of `t`.
    pub degrees_of_freedom: usize,
    /// Rows in the event window.
    pub n_window: usize,
    /// Rows in the estimation window.
    pub n_estimation: usize,
    /// The line's intercept: return a day.
    pub alpha: Estimate,
    /// The slopes, in the order of the regressors.
    pub betas: Vec<Estimate>,
    /// Share of variance explained in the estimation window; `None` where the target did not vary.
    pub r_squared: Option<f64>,
    /// Standard deviation of the residuals: return a day.
    pub residual_std: f64,
    /// The model's name.
    pub estimator: &'static str,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EventStudyError {
    /// The event window is empty.
    #[error("the event window ends at {to} and begins at {from}; let it begin first")]
    EmptyWindow {
        /// Its first row, relative to the event.
        from: i32,
        /// Its last row, relative to the event.
        to: i32,
    },
    /// The estimation window runs into the event window.
    #[error(
        "the estimation window ends {gap} rows before the event and the event window begins at {from}; widen the gap"
    )]
    Overlap {
        /// The gap asked for.
        gap: usize,
        /// The event window's first row, relative to the event.
        from: i32,
    },
    /// The windows reach beyond the data.
    #[error("the windows need rows {first} to {last} of {rows}; {remedy}")]
    OutOfData {
        /// The first row needed.
        first: i64,
        /// The last row needed.
        last: i64,
        /// How many rows there are.
        rows: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// A regressor has another length than the target.
    #[error("regressor {regressor} has {rows} rows where the target has {expected}; align them first")]
    Ragged {
        /// Which, the first being 0.
        regressor: usize,
        /// Its rows.
        rows: usize,
        /// The target's rows.
        expected: usize,
    },
    /// A return in the event window is NaN, infinite, or beyond 1e100.
    #[error("row {row} of the event window is not finite, or is no return")]
    NotFinite {
        /// The row.
        row: usize,
    },
    /// The estimation window has no line.
    #[error("fit the market model on rows {first} to {last}: {source}")]
    Fit {
        /// The estimation window's first row.
        first: usize,
        /// Its last row.
        last: usize,
        /// Why.
        source: RegressionError,
    },
}

/// Measures an event: `target` and each of `market` are simple daily returns (0.01 is one percent), oldest first,
/// one row a session, aligned (see [`align`]). Without regressors the model is the constant mean return.
///
/// # Errors
/// Windows that are empty, overlap or reach beyond the data, columns of unequal length, returns that are not
/// finite, or an estimation window without a line.
pub fn event_study(target: &[f64], market: &[&[f64]], design: Design) -> Result<EventStudy, EventStudyError> {
    let Design { event, from, to, estimation, gap } = design;
    let rows = target.len();
    if let Some(regressor) = market.iter().position(|column| column.len() != rows) {
        return Err(EventStudyError::Ragged { regressor, rows: market[regressor].len(), expected: rows });
    }
    if from > to {
        return Err(EventStudyError::EmptyWindow { from, to });
    }
    let at = |offset: i64| i64::try_from(event).unwrap_or(i64::MAX).saturating_add(offset);
    let span = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let last_taught = at(-span(gap));
    let first_taught = last_taught.saturating_sub(span(estimation)).saturating_add(1);
    let (first, last) = (at(i64::from(from)), at(i64::from(to)));
    if last_taught >= first {
        return Err(EventStudyError::Overlap { gap, from });
    }
    if first_taught < 0 || last >= span(rows) {
        let remedy = if first_taught < 0 {
            "the history is too short before the event: take a shorter estimation window"
        } else {
            "the event window has not passed yet"
        };
        return Err(EventStudyError::OutOfData { first: first_taught.min(first), last, rows, remedy });
    }
    let taught = first_taught as usize..last_taught as usize + 1;
    let window = first as usize..last as usize + 1;
    let columns: Vec<&[f64]> = market.iter().map(|column| &column[taught.clone()]).collect();
    let line = least_squares(&target[taught.clone()], &columns).map_err(|source| EventStudyError::Fit {
        first: taught.start,
        last: taught.end.saturating_sub(1),
        source,
    })?;
    for row in window.clone() {
        let is_usable = |value: f64| value.abs() <= LARGEST;
        if !is_usable(target[row]) || market.iter().any(|column| !is_usable(column[row])) {
            return Err(EventStudyError::NotFinite { row });
        }
    }
    let sums: Vec<f64> = market.iter().map(|column| column[window.clone()].iter().sum()).collect();
    Ok(measure(target[window.clone()].iter().sum(), &sums, window.len(), line))
}

fn measure(window_return: f64, sums: &[f64], days: usize, line: Regression) -> EventStudy {
    let slopes: f64 = line.betas.iter().zip(sums).map(|(beta, sum)| beta.value * sum).sum();
    let expected = line.alpha.value * days as f64 + slopes;
    let abnormal_return = window_return - expected;
    // The sums are as many as the slopes: both come from the regressors.
    let std_error = line.forecast_error(sums, days).unwrap_or(f64::NAN);
    EventStudy {
        window_return,
        expected,
        abnormal_return,
        std_error,
        t: (std_error > 0.0).then(|| abnormal_return / std_error),
        degrees_of_freedom: line.degrees_of_freedom(),
        n_window: days,
        n_estimation: line.rows,
        alpha: line.alpha,
        r_squared: line.r_squared,
        residual_std: line.residual_std,
        estimator: match line.betas.len() {
            0 => "constant mean return",
            1 => "market model, OLS",
            _ => "market model of several factors, OLS",
        },
        betas: line.betas,
    }
}

/// Several events of one kind, taken together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossSection {
    /// Mean abnormal return.
    pub mean: f64,
    /// Its standard error from the spread between events.
    pub std_error: f64,
    /// `mean / std_error`, n − 1 degrees of freedom; `None` where the events do not differ.
    pub t: Option<f64>,
    /// How many events.
    pub n: usize,
}

/// The mean of several events' abnormal returns, with the error that their spread shows (`MacKinlay`'s
/// equation 19 and the remark after it): it allows days of news to be more volatile than others. Events must not
/// share days: shared shocks make it too small. `None` for fewer than two events or a value that is not finite.
pub fn cross_section(abnormal_returns: &[f64]) -> Option<CrossSection> {
    let n = abnormal_returns.len();
    if n < 2 || abnormal_returns.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mean = abnormal_returns.iter().sum::<f64>() / n as f64;
    let spread: f64 = abnormal_returns.iter().map(|value| (value - mean) * (value - mean)).sum();
    let std_error = (spread / (n - 1) as f64 / n as f64).sqrt();
    Some(CrossSection { mean, std_error, t: (std_error > 0.0).then(|| mean / std_error), n })
}

#[cfg(test)]
mod tests;
