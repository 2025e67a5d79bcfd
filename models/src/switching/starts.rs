//! Where searches start: rows told apart by level, by size, by time, and by chance.

use super::autoregression::Autoregression;
use super::free::partial;
use super::layout::Layout;
use super::regression::Regression;
use crate::chance::Chance;
use crate::dense::Cholesky;
use crate::scalar;

/// Rows that a rough look takes, from so many places.
const ROUGH_ROWS: usize = 1536;
const ROUGH_PLACES: usize = 16;
/// Fewer rows than these are looked at in full.
const WHOLE_ROWS: usize = 2048;

/// Ordinary least squares of `series` on `width` regressors; `None` where they cannot be told apart.
pub(super) fn least_squares(series: &[f64], regressors: &[f64], width: usize) -> Option<Vec<f64>> {
    let mut square = vec![0.0; width * width];
    let mut beta = vec![0.0; width];
    for (row, y) in series.iter().enumerate() {
        let x = &regressors[row * width..(row + 1) * width];
        for i in 0..width {
            beta[i] += x[i] * y;
            for j in 0..width {
                square[i * width + j] += x[i] * x[j];
            }
        }
    }
    Cholesky::new(&square, width)?.solve(&mut beta);
    Some(beta)
}

/// Which rows a rough look takes of `rows`: all, or stretches evenly spread.
pub(super) fn rough_rows(rows: usize) -> Vec<usize> {
    if rows <= WHOLE_ROWS {
        return (0..rows).collect();
    }
    let length = ROUGH_ROWS / ROUGH_PLACES;
    (0..ROUGH_PLACES)
        .flat_map(|place| {
            let start = place * (rows - length) / (ROUGH_PLACES - 1);
            start..start + length
        })
        .collect()
}

/// Weights (rows × regimes) that first steps of maximisation start from, one set a start.
pub(super) fn assignments(
    residuals: &[f64],
    regimes: usize,
    random: usize,
    chance: &mut Chance,
) -> Vec<Vec<f64>> {
    let rows = residuals.len();
    let size: Vec<f64> = residuals.iter().map(|r| libm::log(r.abs() + 1e-6)).collect();
    let mut all = vec![
        by_rank(residuals, regimes),
        by_rank(&smooth(residuals, 9), regimes),
        by_size(residuals, regimes),
        by_rank(&smooth(&size, 31), regimes),
        by_time(rows, regimes),
    ];
    // Few rows at either end, and few at one.
    let cuts: &[&[f64]] = match regimes {
        2 => &[&[0.04], &[0.96]],
        3 => &[&[0.04, 0.96], &[0.1, 0.6], &[0.4, 0.9]],
        _ => &[&[0.04, 0.5, 0.96], &[0.1, 0.4, 0.7], &[0.3, 0.6, 0.9]],
    };
    all.extend(cuts.iter().map(|cuts| by_cuts(residuals, cuts)));
    for _ in 0..random {
        let length = 5 + chance.index((rows / 8).max(1));
        let mut weights = Vec::with_capacity(rows * regimes);
        let mut regime = chance.index(regimes);
        for row in 0..rows {
            if row % length == 0 {
                regime = (regime + 1 + chance.index(regimes - 1)) % regimes;
            }
            push(&mut weights, regime, regimes);
        }
        all.push(weights);
    }
    all
}

/// Rows told apart by how far the series goes around them: what a long series is looked at for in full.
pub(super) fn by_size(residuals: &[f64], regimes: usize) -> Vec<f64> {
    let squares: Vec<f64> = residuals.iter().map(|r| r * r).collect();
    by_rank(&smooth(&squares, 9), regimes)
}

/// One row's weights: mostly in one regime.
fn push(weights: &mut Vec<f64>, regime: usize, regimes: usize) {
    let rest = 0.1 / regimes as f64;
    weights.extend((0..regimes).map(|other| if other == regime { 0.9 + rest } else { rest }));
}

fn by_rank(values: &[f64], regimes: usize) -> Vec<f64> {
    let shares: Vec<f64> = (1..regimes).map(|at| at as f64 / regimes as f64).collect();
    by_cuts(values, &shares)
}

/// Rows by size, cut where such shares of them are below.
fn by_cuts(values: &[f64], shares: &[f64]) -> Vec<f64> {
    let sorted = scalar::sorted(values);
    let cuts: Vec<f64> =
        shares.iter().map(|share| scalar::quantile(&sorted, *share).unwrap_or(0.0)).collect();
    let mut weights = Vec::with_capacity(values.len() * (shares.len() + 1));
    for value in values {
        push(&mut weights, cuts.iter().filter(|cut| value > cut).count(), shares.len() + 1);
    }
    weights
}

fn by_time(rows: usize, regimes: usize) -> Vec<f64> {
    let mut weights = Vec::with_capacity(rows * regimes);
    for row in 0..rows {
        push(&mut weights, row * regimes / rows, regimes);
    }
    weights
}

/// The mean over a window around each row.
fn smooth(values: &[f64], window: usize) -> Vec<f64> {
    let half = window / 2;
    let mut sums = Vec::with_capacity(values.len() + 1);
    let mut sum = 0.0;
    sums.push(0.0);
    for value in values {
        sum += value;
        sums.push(sum);
    }
    (0..values.len())
        .map(|row| {
            let (from, to) = (row.saturating_sub(half), (row + half + 1).min(values.len()));
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

/// The parameters that an EM of a regression starts from: rows weighted as `weights` say.
pub(super) fn from_assignment(
    rough: &mut Regression,
    layout: &Layout,
    weights: &[f64],
    floor: f64,
) -> Vec<f64> {
    let k = layout.regimes;
    let mut theta = vec![0.0; layout.parameters()];
    for from in 0..k {
        for to in 0..k - 1 {
            theta[layout.transition(from, to, 0)] = if from == to { 0.9 } else { 0.1 / (k - 1) as f64 };
        }
    }
    for regime in 0..k {
        theta[layout.variance(regime)] = 1.0;
    }
    rough.assign(weights);
    rough.maximise(&mut theta, floor);
    theta
}

/// statsmodels' own start: coefficients between nothing and least squares, in the user's units.
pub(super) fn customary(layout: &Layout, beta: &[f64], variance: f64) -> Vec<f64> {
    let k = layout.regimes;
    let mut theta = vec![0.0; layout.parameters()];
    for place in &mut theta[..layout.transitions()] {
        *place = if layout.varying { 0.0 } else { 1.0 / k as f64 };
    }
    for regime in 0..k {
        let share = regime as f64 / k as f64;
        for (at, coefficient) in layout.coefficients.iter().enumerate() {
            let share = if coefficient.switching { share } else { 1.0 };
            theta[layout.coefficient(at, regime)] = beta[at] * share;
        }
        for lag in 0..layout.order {
            let share = if layout.switching_ar { share } else { 1.0 };
            theta[layout.ar(lag, regime)] = beta[layout.coefficients.len() + lag] * share;
        }
        theta[layout.variance(regime)] = if layout.switching_variance {
            variance * (0.1 + 0.9 * regime as f64 / (k - 1) as f64)
        } else {
            variance
        };
    }
    theta
}

/// Takes the transitions of `from` (constant) over into `to` (perhaps varying), and all that both have.
pub(super) fn transplant(from: &Layout, theta: &[f64], to: &Layout) -> Vec<f64> {
    let k = from.regimes;
    let mut out = vec![0.0; to.parameters()];
    for i in 0..k {
        let last = 1.0 - (0..k - 1).map(|j| theta[from.transition(i, j, 0)]).sum::<f64>();
        for j in 0..k - 1 {
            let p = theta[from.transition(i, j, 0)];
            out[to.transition(i, j, 0)] =
                if to.varying { libm::log(p.max(1e-9) / last.max(1e-9)) } else { p };
        }
    }
    out[to.transitions()..].copy_from_slice(&theta[from.transitions()..]);
    out
}

/// An autoregression's ordinary fit, without regimes.
pub(super) struct Plain {
    /// Of the regressors, then of the lags.
    pub beta: Vec<f64>,
    /// Stationary.
    pub phi: Vec<f64>,
    pub variance: f64,
}

pub(super) fn plain(model: &Autoregression, layout: &Layout) -> Option<Plain> {
    let (width, order) = (layout.coefficients.len(), layout.order);
    let series = model.series();
    let all = width + order;
    let mut columns = Vec::with_capacity((series.len() - order) * all);
    for row in order..series.len() {
        columns.extend(&model.regressors()[row * width..(row + 1) * width]);
        columns.extend((1..=order).map(|lag| series[row - lag]));
    }
    let beta = least_squares(&series[order..], &columns, all)?;
    let left = |row: usize| -> f64 {
        let x = &columns[row * all..(row + 1) * all];
        series[row + order] - x.iter().zip(&beta).map(|(x, beta)| x * beta).sum::<f64>()
    };
    let rows = series.len() - order;
    let variance = (0..rows).map(|row| left(row) * left(row)).sum::<f64>() / rows as f64;
    let mut phi = beta[width..].to_vec();
    while partial(&phi).iter().any(|r| r.abs() > 0.98) {
        for phi in &mut phi {
            *phi *= 0.9;
        }
    }
    Some(Plain { beta, phi, variance })
}
