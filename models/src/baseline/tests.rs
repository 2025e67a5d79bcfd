//! Tests of the baselines: by hand, by brute force, against the forecaster's experts, and on poor data.

mod enumeration;
mod experts;
mod poor;

use super::{Baseline, Kind};
use crate::chance::Chance;
use crate::model::{Model, ModelError, Reading};
use crate::regimes::{Given, RegimeOptions, RegimeReport};
use crate::table::FeatureTable;

fn table(values: &[f64]) -> FeatureTable {
    FeatureTable::new(&["level"], values.to_vec()).unwrap()
}

fn options(horizon: usize) -> RegimeOptions {
    RegimeOptions { horizon, ..RegimeOptions::default() }
}

fn readings(kind: Kind, options: &RegimeOptions, values: &[f64]) -> Vec<Reading> {
    Baseline::new(kind, options.clone()).fit(&table(values)).unwrap().readings()
}

/// The report of a baseline, checked for what every report must hold.
fn report(kind: Kind, options: &RegimeOptions, values: &[f64]) -> Result<RegimeReport, ModelError> {
    let fitted = Baseline::new(kind, options.clone()).fit(&table(values))?;
    assert!(fitted.readings().iter().all(|reading| reading.value.is_finite()));
    let report = fitted.regimes().unwrap().clone();
    assert_eq!((report.model, report.states, report.n), (kind.id(), 2, values.len()));
    for rows in [&report.filtered, &report.smoothed] {
        assert_eq!(rows.len(), values.len());
        for (row, label) in rows.iter().zip(&report.labels) {
            assert!((row[*label] - 1.0).abs() < 1e-12 && row[1 - label].abs() < 1e-12);
        }
    }
    assert_eq!(report.shift.len(), values.len());
    assert!(report.shift.iter().all(|p| (1e-4..=1.0 - 1e-4).contains(p)), "{:?}", report.shift);
    for row in &report.transition {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12 && row.iter().all(|p| (0.0..=1.0).contains(p)));
    }
    for parameter in &report.parameters {
        assert!(parameter.value.is_finite(), "{parameter:?}");
        assert!(parameter.std_error.is_none_or(|error| error > 0.0 && error.is_finite()), "{parameter:?}");
    }
    for value in [report.log_likelihood, report.aic, report.bic].into_iter().flatten() {
        assert!(value.is_finite());
    }
    Ok(report)
}

fn value(report: &RegimeReport, name: &str) -> f64 {
    report.parameters.iter().find(|parameter| parameter.name == name).unwrap().value
}

fn error(report: &RegimeReport, name: &str) -> Option<f64> {
    report.parameters.iter().find(|parameter| parameter.name == name).unwrap().std_error
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} is not {b}");
}

/// A level that wanders back to 0: the log of a volatility, say.
fn wandering(rows: usize, seed: u64) -> Vec<f64> {
    let mut chance = Chance::new(seed);
    let mut level = 0.0;
    (0..rows)
        .map(|_| {
            level = 0.93 * level + 0.35 * chance.normal();
            level
        })
        .collect()
}

/// 1 1 5 1 5 5 1 1 5, split at 3, one row ahead: up 3 of 4 … by hand below.
const BY_HAND: [f64; 9] = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 1.0, 5.0];

#[test]
fn rates_are_those_counted_by_hand() {
    // Training rows 0…7: states 0 0 1 0 1 1 0 0, next 0 1 0 1 1 0 0 1: shifts at 1, 2, 3, 5, 7.
    let stated = RegimeOptions { boundary: Some(3.0), ..options(1) };
    let base = report(Kind::BaseRate, &stated, &BY_HAND).unwrap();
    near(value(&base, "shift"), 5.5 / 9.0);
    near(error(&base, "shift").unwrap(), (5.5 / 9.0 * (3.5 / 9.0) / 8.0f64).sqrt());
    near(base.log_likelihood.unwrap(), 5.0 * (5.5 / 9.0f64).ln() + 3.0 * (3.5 / 9.0f64).ln());
    near(base.aic.unwrap(), 2.0 - 2.0 * base.log_likelihood.unwrap());
    near(base.bic.unwrap(), 8.0f64.ln() - 2.0 * base.log_likelihood.unwrap());
    assert_eq!(base.labels, [0, 0, 1, 0, 1, 1, 0, 0, 1]);
    assert!(base.shift.iter().all(|p| (p - 5.5 / 9.0).abs() < 1e-12));

    // In the low regime rows 0 1 3 6 7, of which 1 3 7 shift; in the high one 2 4 5, of which 2 and 5.
    let markov = report(Kind::MarkovTable, &stated, &BY_HAND).unwrap();
    let (low, high) = (3.5 / 6.0, 2.5 / 4.0);
    near(value(&markov, "shift[0]"), low);
    near(value(&markov, "shift[1]"), high);
    near(error(&markov, "shift[1]").unwrap(), (high * (1.0 - high) / 3.0).sqrt());
    for (row, wanted) in markov.transition.iter().zip([[1.0 - low, low], [high, 1.0 - high]]) {
        near(row[0], wanted[0]);
        near(row[1], wanted[1]);
    }
    // Visits: 2, 1, 1, 2, 2, 1 rows, low and high by turns.
    near(markov.expected_durations[0], 5.0 / 3.0);
    near(markov.expected_durations[1], 4.0 / 3.0);
    near(*markov.shift.last().unwrap(), high);
    let likelihood = 3.0 * low.ln() + 2.0 * (1.0 - low).ln() + 2.0 * high.ln() + (1.0 - high).ln();
    near(markov.log_likelihood.unwrap(), likelihood);
    near(markov.aic.unwrap(), 4.0 - 2.0 * likelihood);
}

#[test]
fn the_boundary_is_the_quantile_of_rows_whose_outcome_is_known() {
    // At a horizon of 3 the last three of eleven rows are not asked: the 0.7-quantile of 0 … 7 is 4.9.
    let values: Vec<f64> = (0..8).map(f64::from).chain([900.0, 901.0, 902.0]).collect();
    let found = report(Kind::BaseRate, &options(3), &values).unwrap();
    near(value(&found, "boundary"), 4.9);
    // Rows 2, 3 and 4 are below and, three on, above.
    near(value(&found, "shift"), 3.5 / 9.0);
    let quarter = RegimeOptions { quantile: 0.25, ..options(3) };
    near(value(&report(Kind::BaseRate, &quarter, &values).unwrap(), "boundary"), 1.75);
}

#[test]
fn the_last_row_s_probability_is_what_is_read_first() {
    let values = wandering(900, 4);
    for kind in Kind::ALL {
        let told = report(kind, &options(5), &values).unwrap();
        let readings = readings(kind, &options(5), &values);
        let of = |name| readings.iter().find(|reading| reading.name == name).unwrap().value;
        assert_eq!(readings[0].name, "shift");
        near(of("shift"), *told.shift.last().unwrap());
        assert_eq!((of("outcomes") as usize, of("boundary")), (895, value(&told, "boundary")));
        near(of("log_loss") * -895.0, told.log_likelihood.unwrap());
        match kind {
            Kind::BaseRate => near(of("log_loss"), of("log_loss_base")),
            _ => assert!(of("log_loss") < of("log_loss_base"), "{kind:?} knows more"),
        }
    }
}

#[test]
fn who_knows_more_of_a_level_that_returns_fits_it_better() {
    let values = wandering(3_000, 8);
    let likelihoods: Vec<f64> = Kind::ALL
        .iter()
        .map(|kind| report(*kind, &options(5), &values).unwrap().log_likelihood.unwrap())
        .collect();
    assert!(likelihoods.windows(2).all(|pair| pair[0] < pair[1]), "{likelihoods:?}");
    // Near the boundary a shift is likelier: up from below it, down from above.
    let margin = report(Kind::MarginOnly, &options(5), &values).unwrap();
    assert!(value(&margin, "margin[0]") > 0.3 && value(&margin, "margin[1]") < -0.3);
    assert!(margin.converged && margin.iterations > 1);
    for name in ["const[0]", "margin[0]", "const[1]", "margin[1]"] {
        assert!(error(&margin, name).unwrap() < 0.5, "{name}");
    }
}

#[test]
fn a_report_s_own_parameters_given_back_say_the_same() {
    let values = wandering(700, 2);
    for kind in Kind::ALL {
        let fitted = report(kind, &options(5), &values).unwrap();
        let numbers: Vec<f64> = fitted.parameters.iter().map(|parameter| parameter.value).collect();
        let named = fitted.parameters.iter().map(|p| (p.name.clone(), p.value)).collect();
        for given in [Given::Ordered(numbers), Given::Named(named)] {
            let given = RegimeOptions { given: Some(given), ..options(5) };
            let again = report(kind, &given, &values).unwrap();
            assert_eq!(again.shift, fitted.shift);
            assert_eq!((again.log_likelihood, again.aic), (fitted.log_likelihood, fitted.aic));
            assert_eq!((again.bic, again.transition), (fitted.bic, fitted.transition.clone()));
            assert!(again.converged && again.parameters.iter().all(|p| p.std_error.is_none()));
            // A row is read as it would have been on its own day: later rows change nothing.
            let earlier = report(kind, &given, &values[..500]).unwrap();
            assert!(earlier.shift.iter().zip(&fitted.shift).all(|(a, b)| a.to_bits() == b.to_bits()));
            // A single row can be asked, and has no outcome to be scored by.
            let alone = report(kind, &given, &values[..1]).unwrap();
            assert_eq!((alone.log_likelihood, alone.bic), (None, None));
        }
    }
}
