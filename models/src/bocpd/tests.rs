//! Change points against every segmentation of short series, and on what is no series.

use proptest::prelude::*;

use super::*;
use crate::model::{FittedModel, Model};
use crate::reference;
use crate::regimes::{Given, RegimeOptions, RegimeReport};
use crate::scalar::log_sum_exp;
use crate::table::FeatureTable;

const PLAIN: Prior = Prior { mean: 0.0, strength: 1.0, shape: 1.0, rate: 1.0 };
const TOY: [f64; 10] = [0.5, -0.3, 0.9, 0.1, 4.2, 3.8, 4.4, -0.2, 0.4, 0.3];

fn table(columns: usize, values: &[f64]) -> FeatureTable {
    FeatureTable::new(&["a", "b", "c"][..columns], values.to_vec()).unwrap()
}

/// The log density of one run of one column in closed form, not row by row: Murphy (2007), equation 95.
fn run_density(values: &[f64], prior: Prior) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let strength = prior.strength + n;
    let shape = prior.shape + n / 2.0;
    let apart = prior.strength * n * (mean - prior.mean).powi(2) / (2.0 * strength);
    let rate = prior.rate + spread / 2.0 + apart;
    libm::lgamma(shape) - libm::lgamma(prior.shape) + prior.shape * prior.rate.ln() - shape * rate.ln()
        + 0.5 * (prior.strength / strength).ln()
        - n / 2.0 * (2.0 * std::f64::consts::PI).ln()
}

/// Every segmentation of the rows with its log weight: bit i says that a run ends with row i.
fn segmentations(rows: &[Vec<f64>], run_length: f64, priors: &[Prior]) -> Vec<(u32, f64)> {
    let n = rows.len();
    let weigh = |cuts: u32| {
        let mut total = 0.0;
        let mut from = 0;
        for row in 0..n {
            let is_last = row + 1 == n;
            let is_cut = cuts >> row & 1 == 1;
            if !is_last {
                let hazard = 1.0 / run_length;
                total += if is_cut { hazard.ln() } else { (1.0 - hazard).ln() };
            }
            if is_cut || is_last {
                for (column, prior) in priors.iter().enumerate() {
                    let values: Vec<f64> = rows[from..=row].iter().map(|row| row[column]).collect();
                    total += run_density(&values, *prior);
                }
                from = row + 1;
            }
        }
        (cuts, total)
    };
    (0..1 << (n - 1)).map(weigh).collect()
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-10 * b.abs().max(1.0), "{a} is not {b}");
}

/// Compares everything that is said of a series with sums and maxima over all its segmentations.
fn compare_with_all_segmentations(rows: &[Vec<f64>], run_length: f64, priors: &[Prior]) {
    let n = rows.len();
    let found = segment(&table(priors.len(), &rows.concat()), run_length, priors).unwrap();
    let all = segmentations(rows, run_length, priors);
    let sum_where = |all: &[(u32, f64)], keep: &dyn Fn(u32) -> bool| {
        log_sum_exp(&all.iter().filter(|(cuts, _)| keep(*cuts)).map(|(_, w)| *w).collect::<Vec<f64>>())
    };
    let whole = sum_where(&all, &|_| true);
    near(found.log_evidence, whole);
    for row in 1..n {
        near(found.smoothed[row], (sum_where(&all, &|cuts| cuts >> (row - 1) & 1 == 1) - whole).exp());
        let now = segmentations(&rows[..=row], run_length, priors);
        let change = sum_where(&now, &|cuts| cuts >> (row - 1) & 1 == 1) - sum_where(&now, &|_| true);
        near(found.filtered[row], change.exp());
    }
    let (cuts, _) = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let starts: Vec<usize> = (0..n).filter(|row| *row == 0 || cuts >> (row - 1) & 1 == 1).collect();
    assert_eq!(found.starts, starts);
}

#[test]
fn ten_rows_agree_with_all_their_segmentations() {
    let rows: Vec<Vec<f64>> = TOY.iter().map(|x| vec![*x]).collect();
    compare_with_all_segmentations(&rows, 7.0, &[PLAIN]);
    compare_with_all_segmentations(&rows, 2.5, &[Prior { mean: 1.5, strength: 0.3, shape: 2.5, rate: 0.7 }]);
    let two: Vec<Vec<f64>> = TOY.iter().zip(TOY.iter().rev()).map(|(a, b)| vec![*a, b * 10.0]).collect();
    let other = Prior { mean: 5.0, strength: 0.5, shape: 1.5, rate: 30.0 };
    compare_with_all_segmentations(&two, 7.0, &[PLAIN, other]);
}

#[test]
fn the_published_toy_has_its_evidence_run_lengths_and_posterior() {
    let Some(text) = reference::text("models/reference.json") else { return };
    let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
    let toy = &reference["bocpd_toy"];
    let numbers = |key: &str| -> Vec<f64> {
        toy[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let mut watch = Bocpd::new(toy["lam"].as_f64().unwrap(), &[PLAIN]).unwrap();
    let values = numbers("x");
    let mut likeliest = Vec::new();
    for value in &values {
        watch.step(&[*value]).unwrap();
        likeliest.push(watch.run_length() as f64);
    }
    near(watch.log_evidence(), toy["log_evidence"].as_f64().unwrap());
    near(watch.log_evidence(), -21.862_712_233_158_767);
    assert_eq!(likeliest, numbers("map"));
    let posterior = watch.run_lengths();
    assert_eq!(posterior.len(), 11);
    for (length, (known, (run, probability))) in numbers("final_posterior").iter().zip(posterior).enumerate()
    {
        assert_eq!(run, length);
        near(probability, *known);
    }
    let rows: Vec<Vec<f64>> = values.iter().map(|x| vec![*x]).collect();
    compare_with_all_segmentations(&rows, 7.0, &[PLAIN]);
    // The same through the options, the prior being given.
    let given = Some(Given::Ordered(vec![0.0, 1.0, 1.0, 1.0]));
    let told =
        report(&RegimeOptions { run_length: 7.0, given, ..RegimeOptions::default() }, &table(1, &values));
    near(told.unwrap().log_likelihood.unwrap(), -21.862_712_233_158_767);
}

/// Uniform draws on [−½, ½) by a congruential generator.
fn noise(seed: u64, rows: usize) -> Vec<f64> {
    let mut state = seed;
    let draw = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..rows).map(draw).collect()
}

#[test]
fn a_long_series_without_a_change_stays_within_bounds_and_says_little_less() {
    // The exact sum over all segmentations of these 3,000 rows, by the same recursion with nothing forgotten.
    let values = noise(1, 3_000);
    let mut watch = Bocpd::new(250.0, &[PLAIN]).unwrap();
    let mut exact = Bocpd::new(250.0, &[PLAIN]).unwrap();
    exact.runs.forget_nothing();
    for value in &values {
        watch.step(&[*value]).unwrap();
        exact.step(&[*value]).unwrap();
        assert!(watch.run_lengths().len() <= MOST_RUNS + 1);
    }
    let less = exact.log_evidence() - watch.log_evidence();
    assert!((-1e-9..1e-3).contains(&less), "{less}");
    assert_eq!(watch.run_length(), exact.run_length());
}

/// The report of a change-point model, checked for what every report must hold.
fn report(options: &RegimeOptions, table: &FeatureTable) -> Result<RegimeReport, ModelError> {
    let fitted: Box<dyn FittedModel> = ChangePoints::new(options.clone()).fit(table)?;
    assert!(fitted.readings().iter().all(|reading| reading.value.is_finite()));
    let report = fitted.regimes().unwrap().clone();
    for rows in [&report.filtered, &report.smoothed] {
        assert_eq!(rows.len(), table.rows());
        for row in rows {
            assert!(row.len() == 2 && row.iter().all(|p| (0.0..=1.0).contains(p)), "{row:?}");
        }
    }
    assert_eq!((report.labels.len(), report.labels[0]), (table.rows(), 0));
    assert!(report.labels.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1));
    assert_eq!(report.labels.last().map(|last| last + 1), Some(report.states));
    assert!(report.log_likelihood.unwrap().is_finite());
    assert!(report.parameters.iter().all(|parameter| parameter.value.is_finite()));
    Ok(report)
}

/// 300 rows whose level steps up at 100 and whose spread grows at 200.
fn steps() -> Vec<f64> {
    let step = |(row, noise): (usize, f64)| match row {
        0..100 => noise,
        100..200 => noise + 2.0,
        _ => noise * 8.0 + 2.0,
    };
    noise(4, 300).into_iter().enumerate().map(step).collect()
}

#[test]
fn changes_of_level_and_of_variance_are_found_where_they_are() {
    let told = report(&RegimeOptions { run_length: 100.0, ..RegimeOptions::default() }, &table(1, &steps()))
        .unwrap();
    let starts: Vec<usize> = (1..300).filter(|row| told.labels[*row] != told.labels[row - 1]).collect();
    assert_eq!(told.states, 3);
    assert!(starts[0] == 100 && starts[1].abs_diff(200) <= 2, "{starts:?}");
    assert!(told.smoothed[100][1] > 0.99 && told.smoothed[50][1] < 0.01);
    let around: f64 = (195..210).map(|row| told.smoothed[row][1]).sum();
    assert!(around > 0.9, "{around}");
    let means: Vec<f64> = told
        .parameters
        .iter()
        .filter(|parameter| parameter.name.starts_with("means["))
        .map(|parameter| parameter.value)
        .collect();
    assert!(means.len() == 3 && means[0].abs() < 0.1 && (means[1] - 2.0).abs() < 0.1, "{means:?}");
}

#[test]
fn the_unit_of_a_column_moves_the_evidence_and_nothing_else() {
    let options = RegimeOptions { run_length: 100.0, ..RegimeOptions::default() };
    let plain = report(&options, &table(1, &steps())).unwrap();
    for scale in [1e6, 1e-6] {
        let scaled: Vec<f64> = steps().iter().map(|value| value * scale).collect();
        let told = report(&options, &table(1, &scaled)).unwrap();
        assert_eq!(told.labels, plain.labels);
        let evidence = told.log_likelihood.unwrap() + 300.0 * f64::ln(scale);
        assert!((evidence - plain.log_likelihood.unwrap()).abs() < 1e-6);
    }
}

#[test]
fn poor_data_get_a_clear_error_or_a_sound_answer() {
    let options = RegimeOptions { run_length: 50.0, ..RegimeOptions::default() };
    let error = |values: &[f64]| report(&options, &table(1, values)).unwrap_err().to_string();
    assert_eq!(error(&[1.0, 2.0]), "2 rows are too few for change points; give at least 3");
    assert_eq!(error(&[4.0; 20]), "column a is constant; leave it out");
    assert_eq!(
        error(&[1.0, 2.0, 1e200]),
        "the fit cannot square column a, which reaches 1e200; divide the column by a power of ten"
    );
    assert_eq!(
        error(&[1e-200, 2e-200, 3e-200]),
        "the fit cannot square the scale of column a, 1.482602218505602e-200; multiply the column by a power of ten"
    );
    assert_eq!(report(&options, &table(1, &[1.0, 2.0, 4.0])).unwrap().states, 1, "three rows");
    assert_eq!(report(&options, &table(1, &noise(1, 200))).unwrap().states, 1, "one regime");
    let collinear: Vec<f64> = steps().iter().flat_map(|x| [*x, 2.0 * x]).collect();
    assert_eq!(report(&options, &table(2, &collinear)).unwrap().states, 3, "told twice");
    let mut outlier = noise(1, 200);
    outlier[90] = 60.0;
    let told = report(&options, &table(1, &outlier)).unwrap();
    assert!(told.states <= 3 && told.labels[199] <= 2, "an outlier is a short stretch at most");
    let mostly_zero: Vec<f64> = (0..100).map(|row| f64::from(u8::from(row % 10 == 0))).collect();
    assert!(report(&options, &table(1, &mostly_zero)).is_ok(), "no median deviation");
}

#[test]
fn options_and_priors_that_cannot_be_are_refused() {
    let refuse = |run_length, given| {
        let options = RegimeOptions { run_length, given, ..RegimeOptions::default() };
        report(&options, &table(1, &steps())).unwrap_err().to_string()
    };
    assert_eq!(refuse(1.0, None), "--run-length is 1; use a number above 1 and up to 1e12");
    assert_eq!(refuse(f64::NAN, None), "--run-length is NaN; use a number above 1 and up to 1e12");
    let ordered = |values: &[f64]| Some(Given::Ordered(values.to_vec()));
    assert!(refuse(9.0, ordered(&[0.0, 1.0])).starts_with("--params has 2 numbers; give 4 for each column"));
    assert!(refuse(9.0, ordered(&[0.0, 1.0, -1.0, 1.0])).starts_with("--params is no normal–gamma prior"));
    let named = [("mu0.a", 0.0), ("kappa0.a", 1.0), ("alpha0.a", 1.0)];
    let named = named.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    assert!(refuse(9.0, Some(Given::Named(named))).starts_with("--params lacks one of mu0.a"));
}

#[test]
fn a_report_s_own_prior_given_back_says_the_same() {
    let options = RegimeOptions { run_length: 100.0, ..RegimeOptions::default() };
    let plain = report(&options, &table(1, &steps())).unwrap();
    let named = plain.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.value)).collect();
    let given = Some(Given::Named(named));
    let again = report(&RegimeOptions { given, ..options }, &table(1, &steps())).unwrap();
    assert_eq!(again, plain);
}

#[test]
fn a_row_that_is_none_leaves_the_watch_as_it_was() {
    let mut watch = Bocpd::new(7.0, &[PLAIN]).unwrap();
    assert!(watch.step(&[0.5]).is_some() && watch.change().is_none());
    let before = (watch.rows(), watch.log_evidence(), watch.run_lengths());
    for row in [&[][..], &[1.0, 2.0], &[f64::NAN], &[f64::INFINITY], &[1e41]] {
        assert_eq!(watch.step(row), None);
    }
    assert_eq!((watch.rows(), watch.log_evidence(), watch.run_lengths()), before);
}

proptest! {
    #[test]
    fn no_series_makes_a_number_that_is_none(
        values in prop::collection::vec(
            prop_oneof![-3.0..3.0_f64, Just(0.0), any::<f64>().prop_filter("finite", |x| x.is_finite())], 0..60),
        run_length in prop_oneof![1.0..500.0_f64, any::<f64>()],
    ) {
        let even = &values[..values.len() / 2 * 2];
        let _ = report(&RegimeOptions { run_length, ..RegimeOptions::default() }, &table(2, even));
    }

    #[test]
    fn run_lengths_are_probabilities(values in prop::collection::vec(-1e6..1e6_f64, 1..80)) {
        let mut watch = Bocpd::new(20.0, &[PLAIN]).unwrap();
        for value in values {
            prop_assert!(watch.step(&[value]).unwrap().is_finite());
            let whole: f64 = watch.run_lengths().iter().map(|(_, p)| p).sum();
            prop_assert!((whole - 1.0).abs() < 1e-9);
            prop_assert!((watch.run_lengths()[0].1 - 1.0 / 20.0).abs() < 1e-12);
        }
    }
}
