//! Every path of a short series, one by one: what the recursions must equal.

use proptest::prelude::*;

use super::*;
use crate::scalar::log_sum_exp;

/// Log-likelihood, filtered and smoothed probabilities and the best path's log-probability, from the
/// definitions alone.
struct Enumerated {
    log_likelihood: f64,
    filtered: Vec<Vec<f64>>,
    smoothed: Vec<Vec<f64>>,
    best: f64,
}

/// Log density of a normal vector, by the determinant and inverse of a matrix of one or two columns.
fn log_density(row: &[f64], mean: &[f64], covariance: &[Vec<f64>]) -> f64 {
    let two_pi = 2.0 * core::f64::consts::PI;
    let d: Vec<f64> = row.iter().zip(mean).map(|(value, mean)| value - mean).collect();
    let c = covariance;
    if d.len() == 1 {
        return -0.5 * ((two_pi * c[0][0]).ln() + d[0] * d[0] / c[0][0]);
    }
    let det = c[0][0] * c[1][1] - c[0][1] * c[1][0];
    let far = (c[1][1] * d[0] * d[0] - 2.0 * c[0][1] * d[0] * d[1] + c[0][0] * d[1] * d[1]) / det;
    -0.5 * (2.0 * two_pi.ln() + det.ln() + far)
}

/// The path of a number in base `states`.
fn path(mut number: usize, states: usize, rows: usize) -> Vec<usize> {
    (0..rows)
        .map(|_| {
            let digit = number % states;
            number /= states;
            digit
        })
        .collect()
}

fn log_joint(start: &Start, table: &FeatureTable, path: &[usize]) -> f64 {
    let mut sum = 0.0;
    for (row, &state) in path.iter().enumerate() {
        sum += match row.checked_sub(1) {
            None => start.startprob[state].ln(),
            Some(before) => start.transmat[path[before]][state].ln(),
        };
        sum += log_density(table.row(row).unwrap(), &start.means[state], &start.covars[state]);
    }
    sum
}

/// Shares of the paths of `rows` rows whose state at `at` is each state, and the log of all.
fn shares(start: &Start, table: &FeatureTable, rows: usize, at: usize) -> (Vec<f64>, f64) {
    let states = start.startprob.len();
    let mut terms = vec![Vec::new(); states];
    for number in 0..states.pow(rows as u32) {
        let path = path(number, states, rows);
        terms[path[at]].push(log_joint(start, table, &path));
    }
    let of_each: Vec<f64> = terms.iter().map(|terms| log_sum_exp(terms)).collect();
    let all = log_sum_exp(&of_each);
    (of_each.iter().map(|of_one| (of_one - all).exp()).collect(), all)
}

fn enumerate(start: &Start, table: &FeatureTable) -> Enumerated {
    let (states, rows) = (start.startprob.len(), table.rows());
    let best =
        (0..states.pow(rows as u32)).map(|number| log_joint(start, table, &path(number, states, rows)));
    Enumerated {
        log_likelihood: shares(start, table, rows, 0).1,
        filtered: (0..rows).map(|row| shares(start, table, row + 1, row).0).collect(),
        smoothed: (0..rows).map(|row| shares(start, table, rows, row).0).collect(),
        best: best.fold(f64::NEG_INFINITY, f64::max),
    }
}

fn assert_equal(start: &Start, table: &FeatureTable) {
    let model = Gaussian::new(start, Covariance::Full).unwrap();
    let ours = model.evaluate(table).unwrap();
    let known = enumerate(model.parameters(), table);
    let tolerance = 1e-9 * known.log_likelihood.abs().max(1.0);
    assert!(
        near(ours.log_likelihood, known.log_likelihood, tolerance),
        "{} {}",
        ours.log_likelihood,
        known.log_likelihood
    );
    for (a, b) in [(&ours.filtered, &known.filtered), (&ours.smoothed, &known.smoothed)] {
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!(near(*a, *b, 1e-8), "{a} is not {b}");
        }
    }
    assert!(near(ours.path.log_probability, known.best, tolerance));
    assert!(near(log_joint(model.parameters(), table, &ours.path.labels), known.best, tolerance));
    assert_eq!(model.filter(table).unwrap(), ours.filtered);
    assert_eq!(model.score(table).unwrap().to_bits(), ours.log_likelihood.to_bits());
}

/// Probabilities from weights; a weight below `none` is a probability of 0.
fn shares_of(weights: &[f64], none: f64) -> Vec<f64> {
    let weights: Vec<f64> = weights.iter().map(|weight| if *weight < none { 0.0 } else { *weight }).collect();
    let all: f64 = weights.iter().sum();
    if all > 0.0 {
        weights.iter().map(|weight| weight / all).collect()
    } else {
        vec![1.0 / weights.len() as f64; weights.len()]
    }
}

prop_compose! {
    fn parameters(none: f64)(
        states in 2..=4_usize,
        width in 1..=2_usize,
        weights in prop::collection::vec(0.01..1.0_f64, 20),
        means in prop::collection::vec(-3.0..3.0_f64, 8),
        scales in prop::collection::vec(0.2..3.0_f64, 8),
        correlations in prop::collection::vec(-0.9..0.9_f64, 4),
        values in prop::collection::vec(-4.0..4.0_f64, 16),
        rows in 1..=8_usize,
    ) -> (Start, FeatureTable) {
        // 4⁸ paths of 8 rows, twice a row, are too many to be worth while.
        let rows = rows.min(if states == 4 { 5 } else { 7 });
        let rows_of = |state: usize| &weights[state * 4..state * 4 + states];
        let covariance = |state: usize| -> Vec<Vec<f64>> {
            let at = |i: usize, j: usize| {
                let scale = scales[state * 2 + i] * scales[state * 2 + j];
                if i == j { scale } else { scale * correlations[state] }
            };
            (0..width).map(|i| (0..width).map(|j| at(i, j)).collect()).collect()
        };
        let start = Start {
            startprob: shares_of(&weights[16..16 + states], none),
            transmat: (0..states).map(|state| shares_of(rows_of(state), none)).collect(),
            means: (0..states).map(|state| means[state * 2..state * 2 + width].to_vec()).collect(),
            covars: (0..states).map(covariance).collect(),
        };
        (start, table(width, values[..rows * width].to_vec()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn filter_smoother_and_best_path_equal_enumeration((start, table) in parameters(0.0)) {
        assert_equal(&start, &table);
    }

    #[test]
    fn also_where_moves_are_impossible((start, table) in parameters(0.4)) {
        assert_equal(&start, &table);
    }
}

#[test]
fn two_regimes_of_eight_rows_and_a_row_at_sixty_sigma() {
    let values = vec![0.1, -0.4, 0.3, 60.0, 0.2, 1.9, 2.2, 2.4];
    assert_equal(&plain_start(2, 1), &table(1, values.clone()));
    // A regime that cannot be come back to: the one path that is left must not underflow.
    let start = Start { transmat: vec![vec![0.9, 0.1], vec![0.0, 1.0]], ..plain_start(2, 1) };
    assert_equal(&start, &table(1, values.clone()));
    let narrow = Start { covars: vec![vec![vec![1e-2]], vec![vec![1e-3]]], ..start };
    assert_equal(&narrow, &table(1, values));
}
