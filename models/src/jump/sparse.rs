//! Which columns tell the regimes apart: weights by the sums of squares between regimes, in turn with the fit.

use super::fitted::{JumpFit, Problem};
use super::search::centroids;
use super::series::{Series, sum};
use super::{JumpOptions, checked, starts, stop};
use crate::model::ModelError;
use crate::table::FeatureTable;

/// Rounds after which the weights are taken as they are.
const ROUNDS: usize = 30;
/// Weights that move by less than this share of their sum have settled.
const STILL: f64 = 1e-4;
/// A sum of squares below this is 0.
const NOTHING: f64 = 1e-6;
/// How closely a threshold is searched for, sums of squares being shares of the largest.
const THRESHOLD: f64 = 1e-8;

/// Fits a sparse jump model: about `max_feats` columns keep a weight, κ² in the paper. The penalty is divided by
/// √(columns), as the columns' weights are about 1 / √(columns).
///
/// # Errors
/// As [`super::fit`], or `max_feats` is below 1.
pub fn fit_sparse(
    table: &FeatureTable,
    options: &JumpOptions,
    max_feats: f64,
) -> Result<JumpFit, ModelError> {
    if !(max_feats >= 1.0 && max_feats.is_finite()) {
        let problem = format!("is {max_feats}; use a number of at least 1");
        return Err(ModelError::Option { option: "--max-feats", problem });
    }
    let columns = table.names().len();
    let root = libm::sqrt(columns as f64);
    let scaled = JumpOptions { penalty: options.penalty / root, ..options.clone() };
    let space = checked(table, &scaled)?;
    let plain = Series::new(table, None);
    let mut w = vec![1.0 / root; columns];
    let mut means: Option<Vec<f64>> = None;
    let mut round = 0;
    loop {
        round += 1;
        let weights: Vec<f64> = w.iter().map(|weight| libm::sqrt(*weight)).collect();
        let series = Series::new(table, Some(&weights));
        let mut starts = starts(&series, &scaled)?;
        // The last round's regimes, seen through the new weights, are one more place to start from.
        if let Some(means) = &means {
            starts.push(means.iter().enumerate().map(|(at, mean)| mean * weights[at % columns]).collect());
        }
        let problem = Problem { table, series, space: space.clone(), weights: Some(weights) };
        let fit = problem.solve(starts, stop(&scaled))?;
        let centers = centroids(&plain, &space, fit.path());
        let between = between(&plain, &fit, &centers);
        let top = between.iter().copied().fold(0.0, f64::max);
        if top <= 0.0 {
            return Ok(fit);
        }
        let shares: Vec<f64> = between.iter().map(|value| value / top).collect();
        let next = lasso(&shares, libm::sqrt(max_feats));
        let moved: f64 = next.iter().zip(&w).map(|(next, now)| (next - now).abs()).sum();
        if round >= ROUNDS || moved / w.iter().sum::<f64>() <= STILL {
            return Ok(fit);
        }
        (w, means) = (next, Some(centers));
    }
}

/// Each column's sum of squares between the regimes' means.
fn between(plain: &Series, fit: &JumpFit, centers: &[f64]) -> Vec<f64> {
    let columns = plain.columns();
    let rows: Vec<f64> = (0..fit.states()).map(|state| fit.rows_in(state)).collect();
    let of = |column: usize| {
        let middle = sum(plain.column(column)) / plain.rows() as f64;
        let apart = |(state, rows): (usize, &f64)| {
            let center = centers[state * columns + column];
            if center.is_nan() { 0.0 } else { rows * (center - middle) * (center - middle) }
        };
        let total: f64 = rows.iter().enumerate().map(apart).sum();
        if total < NOTHING { 0.0 } else { total }
    };
    (0..columns).map(of).collect()
}

/// The w of length 1 that maximises Σ w · `gains` with Σ w ≤ `most`: soft thresholding, the threshold by bisection.
fn lasso(gains: &[f64], most: f64) -> Vec<f64> {
    let top = gains.iter().copied().fold(0.0, f64::max);
    // Beyond the second largest gain one column alone is left, and its weight is 1.
    let second = gains.iter().copied().filter(|gain| *gain < top).fold(0.0, f64::max);
    let weights_sum = |threshold: f64| soft(gains, threshold).iter().sum::<f64>();
    let (mut low, mut high) = (0.0, second);
    if second < THRESHOLD || most >= weights_sum(low) {
        return soft(gains, 0.0);
    }
    if most <= weights_sum(high) {
        return soft(gains, high);
    }
    while high - low > THRESHOLD {
        let middle = f64::midpoint(low, high);
        if weights_sum(middle) < most {
            high = middle;
        } else {
            low = middle;
        }
    }
    soft(gains, f64::midpoint(low, high))
}

/// What of the gains is above a threshold, scaled to length 1.
fn soft(gains: &[f64], threshold: f64) -> Vec<f64> {
    let kept: Vec<f64> = gains.iter().map(|gain| (gain - threshold).max(0.0)).collect();
    let length = libm::sqrt(kept.iter().map(|gain| gain * gain).sum());
    kept.iter().map(|gain| gain / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_length_one_and_keep_to_the_bound() {
        let gains = [1.0, 0.9, 0.5, 0.2, 0.0];
        for most in [1.0, 1.2, 1.5, 1.9, 3.0] {
            let w = lasso(&gains, most);
            assert!((w.iter().map(|w| w * w).sum::<f64>() - 1.0).abs() < 1e-12);
            let sum: f64 = w.iter().sum();
            assert!(sum <= most + 1e-6, "{most} {sum}");
            assert!(w.windows(2).all(|pair| pair[0] >= pair[1]));
        }
        assert_eq!(lasso(&gains, 1.0), [1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(lasso(&[1.0], 1.0), [1.0]);
        let equal = lasso(&[1.0, 1.0], 1.0);
        assert!((equal[0] - equal[1]).abs() < 1e-15, "equal gains cannot be told apart");
    }
}
