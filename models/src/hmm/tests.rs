//! What the tests of the hidden Markov model share.

mod degenerate;
mod enumeration;
mod online;
mod peers;
mod planted;

use super::*;
use crate::{Covariance, Start};

/// Regimes that stay with 0.9, means 0.8 apart, variances from 0.5 in steps of 1, columns independent.
fn plain_start(states: usize, width: usize) -> Start {
    let away = 0.1 / (states - 1) as f64;
    let unit = |i, j, value| if i == j { value } else { 0.0 };
    Start {
        startprob: vec![1.0 / states as f64; states],
        transmat: (0..states)
            .map(|i| (0..states).map(|j| if i == j { 0.9 } else { away }).collect())
            .collect(),
        means: (0..states).map(|i| vec![(i as f64 - (states - 1) as f64 / 2.0) * 0.8; width]).collect(),
        covars: (0..states)
            .map(|state| {
                (0..width).map(|i| (0..width).map(|j| unit(i, j, state as f64 + 0.5)).collect()).collect()
            })
            .collect(),
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn table(width: usize, values: Vec<f64>) -> FeatureTable {
    FeatureTable::new(&NAMES[..width], values).unwrap()
}

fn report_of(table: &FeatureTable, options: RegimeOptions) -> Result<RegimeReport, ModelError> {
    let report = GaussianHmm::new(options).fit(table)?.regimes().unwrap().clone();
    assert_sound(&report);
    Ok(report)
}

/// What every report promises.
fn assert_sound(report: &RegimeReport) {
    let shares = [&report.filtered, &report.smoothed, &report.transition];
    for row in shares.into_iter().flatten() {
        assert_eq!(row.len(), report.states);
        assert!(row.iter().all(|p| (0.0..=1.0 + 1e-12).contains(p)), "{row:?}");
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
    }
    assert_eq!(
        (report.filtered.len(), report.smoothed.len(), report.labels.len()),
        (report.n, report.n, report.n)
    );
    assert!(report.labels.iter().all(|label| *label < report.states));
    let numbers = report.parameters.iter().map(|parameter| parameter.value);
    let numbers = numbers.chain([report.log_likelihood, report.aic, report.bic].into_iter().flatten());
    assert!(numbers.chain(report.expected_durations.iter().copied()).all(f64::is_finite));
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}
