//! How sure the estimates are, and how well they forecast what they have not seen.

use super::LEAST_SPAN_SECS;
use super::likelihood::Instants;
use super::search::search;
use crate::model::ModelError;

/// Share of the scored events that the parameters are fitted to; the rest is forecast.
const FITTED_SHARE: f64 = 0.7;
/// Fewest different times in the fitted part.
const FEWEST_FITTED_TIMES: usize = 15;
/// Fewest different times in the forecast part.
const FEWEST_FORECAST_TIMES: usize = 8;

/// A forecast's score against a constant rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    /// Mean log-likelihood gain, nats per event.
    pub gain: f64,
    /// Standard error of `gain`.
    pub std_error: f64,
    /// Events forecast.
    pub events: f64,
}

/// Fits the first 70 % of the events, forecasts the rest one after the other.
///
/// # Errors
/// Either part has too few different times, or the first spans too little to be fitted.
pub(super) fn out_of_sample(instants: &Instants) -> Result<Score, ModelError> {
    let cut = cut(instants);
    if cut < FEWEST_FITTED_TIMES {
        return Err(ModelError::NoScore { reason: "the first 70 % came at fewer than 15 different times" });
    }
    if instants.len() - cut < FEWEST_FORECAST_TIMES {
        return Err(ModelError::NoScore { reason: "the last 30 % came at fewer than 8 different times" });
    }
    let fitted = instants.first(cut);
    if fitted.span() < LEAST_SPAN_SECS {
        return Err(ModelError::NoScore { reason: "the first 70 % span less than 10 s" });
    }
    let gains =
        instants.gains(search(&fitted).parameters, fitted.scored() / fitted.span(), cut..instants.len());
    let counts = &instants.counts()[cut..];
    let events: f64 = counts.iter().sum();
    let gain = gains.iter().sum::<f64>() / events;
    let residuals: Vec<f64> = gains.iter().zip(counts).map(|(gained, count)| gained - gain * count).collect();
    Ok(Score { gain, std_error: long_run_deviation(&residuals) / events, events })
}

/// How many instants hold the first 70 % of the scored events; no instant is cut in two.
fn cut(instants: &Instants) -> usize {
    let wanted = FITTED_SHARE * instants.scored();
    let mut held = 0.0;
    for (at, count) in instants.counts().iter().enumerate().skip(1) {
        held += count;
        if held >= wanted {
            return at + 1;
        }
    }
    instants.len()
}

/// The standard deviation of the sum of `residuals`, which have mean 0 and may depend on their
/// neighbours: Bartlett weights up to lag 4 (n / 100)^{2/9} (Newey and West 1987).
fn long_run_deviation(residuals: &[f64]) -> f64 {
    let lags = libm::floor(4.0 * libm::pow(residuals.len() as f64 / 100.0, 2.0 / 9.0)) as usize;
    let mut variance: f64 = residuals.iter().map(|residual| residual * residual).sum();
    for lag in 1..=lags.min(residuals.len().saturating_sub(1)) {
        let weight = 1.0 - lag as f64 / (lags + 1) as f64;
        let together: f64 = residuals.iter().zip(&residuals[lag..]).map(|(left, right)| left * right).sum();
        variance += 2.0 * weight * together;
    }
    variance.max(0.0).sqrt()
}

/// Standard errors of the parameters in `free`, the others being held where they are: the square
/// roots of the diagonal of the inverse of `information`; `None` for a parameter that is held, and
/// for all where the matrix is not positive definite.
pub(super) fn standard_errors(information: &[[f64; 3]; 3], free: &[usize]) -> [Option<f64>; 3] {
    let mut errors = [None; 3];
    for &wanted in free {
        // With the wanted parameter last, the last pivot of the Cholesky decomposition is the
        // information on it that is left once the others are accounted for.
        let order: Vec<usize> = free.iter().copied().filter(|&at| at != wanted).chain([wanted]).collect();
        match last_pivot(information, &order) {
            Some(left) => errors[wanted] = Some(1.0 / left.sqrt()),
            None => return [None; 3],
        }
    }
    errors
}

/// The last pivot of the matrix restricted to `order`; `None` unless it is positive definite and
/// its error finite.
fn last_pivot(matrix: &[[f64; 3]; 3], order: &[usize]) -> Option<f64> {
    let mut rest = *matrix;
    let mut pivot = None;
    for (done, &at) in order.iter().enumerate() {
        let found = rest[at][at];
        // Relative to the diagonal before elimination, so that units do not matter.
        if !found.is_finite() || found <= 1e-12 * matrix[at][at] {
            return None;
        }
        for &row in &order[done + 1..] {
            let share = rest[row][at] / found;
            for &column in &order[done + 1..] {
                rest[row][column] -= share * rest[at][column];
            }
        }
        pivot = Some(found);
    }
    pivot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_errors_are_those_of_the_inverse() {
        // The inverse of this matrix has the diagonal 0.375, 0.5, 0.375; of its upper 2 × 2, 2/3.
        let matrix = [[4.0, -2.0, 0.0], [-2.0, 4.0, -2.0], [0.0, -2.0, 4.0]];
        let close = |error: Option<f64>, variance: f64| {
            let error = error.unwrap();
            assert!((error * error - variance).abs() < 1e-14, "{error}");
        };
        let all = standard_errors(&matrix, &[0, 1, 2]);
        for (error, variance) in all.into_iter().zip([0.375, 0.5, 0.375]) {
            close(error, variance);
        }
        let two = standard_errors(&matrix, &[0, 1]);
        close(two[0], 1.0 / 3.0);
        close(two[1], 1.0 / 3.0);
        assert_eq!(two[2], None);
        assert_eq!(
            standard_errors(&[[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]], &[0, 1, 2]),
            [None; 3]
        );
    }

    #[test]
    fn the_cut_leaves_ties_whole() {
        let mut times: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(cut(&Instants::new(&times)), 43); // 42 of the 59 events after the first
        times.extend([40.0; 40]);
        times.sort_by(f64::total_cmp);
        assert_eq!(cut(&Instants::new(&times)), 41); // 40 single ones, then 41 at once
    }

    #[test]
    fn neighbours_that_agree_widen_the_deviation() {
        let alternating: Vec<f64> = (0..400).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let blocks: Vec<f64> = (0..400).map(|at| if at / 20 % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!(long_run_deviation(&alternating) < 10.0);
        assert!(long_run_deviation(&blocks) > 40.0);
    }
}
