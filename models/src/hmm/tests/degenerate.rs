//! Rows and options that no fit can make sense of, and those that it must survive.

use proptest::prelude::*;

use super::*;
use crate::chance::Chance;

fn noise(rows: usize, seed: u64) -> Vec<f64> {
    let mut chance = Chance::new(seed);
    (0..rows).map(|_| chance.normal()).collect()
}

fn error(width: usize, values: Vec<f64>, options: RegimeOptions) -> String {
    report_of(&table(width, values), options).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_fitted_is_said_with_its_remedy() {
    let plain = RegimeOptions::default;
    let rows = noise(100, 1);
    let beside =
        |of: &dyn Fn(f64) -> f64| rows.iter().flat_map(|value| [*value, of(*value)]).collect::<Vec<_>>();
    let cases = [
        (1, rows[..3].to_vec(), plain(), "3 rows are too few for 2 regimes of 1 column; give at least 14"),
        (1, Vec::new(), plain(), "0 rows are too few"),
        (1, vec![7.0; 100], plain(), "column a is constant; leave it out"),
        (2, beside(&|_| 0.1), plain(), "column b is constant"),
        (
            2,
            beside(&|value| 3.0 * value - 2.0),
            plain(),
            "column b is a combination of the columns before it",
        ),
        (1, rows.clone(), RegimeOptions { states: 1, ..plain() }, "--states is 1; use 2 to 4"),
        (1, rows.clone(), RegimeOptions { states: 5, ..plain() }, "--states is 5; use 2 to 4"),
        (1, rows.iter().map(|value| value * 1e300).collect(), plain(), "give the column in other units"),
        (1, rows.iter().map(|value| value * 1e-300).collect(), plain(), "give the column in other units"),
    ];
    for (width, values, options, wanted) in cases {
        let error = error(width, values, options);
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_is_stated_wrongly_is_named() {
    let plain = || plain_start(2, 1);
    let cases = [
        (Start { startprob: vec![0.5, 0.4], ..plain() }, "startprob sums to 0.9; make it sum to 1"),
        (Start { startprob: vec![1.5, -0.5], ..plain() }, "startprob has a 1.5; give probabilities"),
        (Start { startprob: vec![1.0], ..plain() }, "startprob has 1 entries; state 2 to 4 regimes"),
        (Start { transmat: vec![vec![1.0, 0.0]], ..plain() }, "transmat has 1 rows; give it 2"),
        (
            Start { transmat: vec![vec![0.9, 0.1], vec![0.1, f64::NAN]], ..plain() },
            "transmat row 1 has a NaN; give probabilities",
        ),
        (Start { means: vec![vec![0.0]; 3], ..plain() }, "means has 3 entries; give one for each of the 2"),
        (
            Start { means: vec![vec![0.0, 1.0]; 2], ..plain() },
            "means of regime 0 has 2 entries for 1 columns",
        ),
        (
            Start { covars: vec![vec![vec![1.0]], vec![vec![0.0]]], ..plain() },
            "covars of regime 1 is not positive",
        ),
        (Start { covars: vec![vec![vec![1.0, 0.0]]; 2], ..plain() }, "covars of regime 0 is not 1 × 1"),
    ];
    let rows = noise(100, 1);
    for (start, wanted) in cases {
        let given = Some(crate::Given::Gaussian(start.clone()));
        for options in [
            RegimeOptions { start: Some(start), ..RegimeOptions::default() },
            RegimeOptions { given, ..RegimeOptions::default() },
        ] {
            let error = error(1, rows.clone(), options);
            assert!(error.contains(wanted) && error.starts_with("--"), "{error}");
        }
    }
    let skewed = vec![vec![vec![1.0, 0.5], vec![0.2, 1.0]]; 2];
    let start = Start { covars: skewed, ..plain_start(2, 2) };
    let options = RegimeOptions { start: Some(start.clone()), ..RegimeOptions::default() };
    assert!(error(2, rows.clone(), options).contains("has 0.5 at 0, 1 and 0.2 at 1, 0; make it symmetric"));
    let covars = vec![vec![vec![1.0, 0.5], vec![0.5, 1.0]]; 2];
    let start = Some(Start { covars, ..start });
    let options = RegimeOptions { start, covariance: Covariance::Diagonal, ..RegimeOptions::default() };
    assert!(error(2, rows, options).contains("has 0.5 at 0, 1; make it 0 or use --covariance full"));
    let given = |given| RegimeOptions { given: Some(given), ..RegimeOptions::default() };
    let short = error(1, noise(100, 1), given(crate::Given::Ordered(vec![0.5; 3])));
    assert!(short.contains("it has 3 values; give 10"), "{short}");
    let unknown = [("mu[0]".to_owned(), 1.0)].into_iter().collect();
    let unknown = error(1, noise(100, 1), given(crate::Given::Named(unknown)));
    assert!(unknown.contains("it names mu[0], which the model does not have"), "{unknown}");
    let lacking = [("startprob[0]".to_owned(), 1.0)].into_iter().collect();
    let lacking = error(1, noise(100, 1), given(crate::Given::Named(lacking)));
    assert!(lacking.contains("it lacks startprob[1]; give it"), "{lacking}");
}

#[test]
fn a_single_regime_is_said_to_explain_the_rows_as_well() {
    let report = report_of(&table(1, noise(500, 9)), RegimeOptions::default()).unwrap();
    assert!(
        report.notes.iter().any(|note| note.starts_with("a single regime has the lower BIC")),
        "{:?}",
        report.notes
    );
}

#[test]
fn one_row_at_sixty_sigma_is_a_regime_that_holds_next_to_nothing() {
    let mut values = noise(500, 9);
    values[250] = 60.0;
    let report = report_of(&table(1, values), RegimeOptions::default()).unwrap();
    let outlier = report.labels[250];
    assert_eq!(report.labels.iter().filter(|label| **label == outlier).count(), 1);
    let note = format!("regime {outlier} is the likeliest of only 1 of 500 rows");
    assert!(report.notes.contains(&note), "{:?}", report.notes);
    // The other regime is what it would have been without that row.
    let of_the_rest = format!("covars[{}].a.a", 1 - outlier);
    let variance = report.parameters.iter().find(|parameter| parameter.name == of_the_rest).unwrap().value;
    assert!((0.8..1.2).contains(&variance), "{variance}");
}

#[test]
fn rows_that_repeat_do_not_shrink_a_regime_to_nothing() {
    // Two rows of three are 0: the likelihood alone has no maximum.
    let values: Vec<f64> = (noise(300, 4).iter().enumerate())
        .map(|(row, value)| if row % 90 < 60 { 0.0 } else { *value })
        .collect();
    let report = report_of(&table(1, values.clone()), RegimeOptions::default()).unwrap();
    let variance =
        report.parameters.iter().find(|parameter| parameter.name == "covars[0].a.a").unwrap().value;
    assert!(variance > 1e-6 && report.labels[..60].iter().all(|label| *label == 0));
    let start = Some(plain_start(2, 1));
    let error = error(1, values, RegimeOptions { start, ..RegimeOptions::default() });
    assert!(error.contains("drove the variance of regime 0 to nothing"), "{error}");
}

#[test]
fn two_values_and_one_lone_value_are_survived() {
    let two = (0..60).map(|row| f64::from(u8::from(row % 20 < 10))).collect();
    assert_eq!(report_of(&table(1, two), RegimeOptions::default()).unwrap().n, 60);
    let mut lone = vec![5.0; 60];
    lone[30] = 6.0;
    for states in 2..=4 {
        let report = report_of(&table(1, lone.clone()), RegimeOptions { states, ..RegimeOptions::default() });
        assert_eq!(report.unwrap().states, states);
    }
}

#[test]
fn a_regime_that_is_never_left_has_no_duration() {
    let transmat = vec![vec![0.9, 0.1], vec![0.0, 1.0]];
    let given = Some(crate::Given::Gaussian(Start { transmat, ..plain_start(2, 1) }));
    let report =
        report_of(&table(1, noise(50, 2)), RegimeOptions { given, ..RegimeOptions::default() }).unwrap();
    assert!(report.expected_durations.is_empty());
    assert!(report.notes.iter().any(|note| note.contains("a regime is never left")));
}

#[test]
fn a_table_of_other_columns_is_refused() {
    let model = Gaussian::new(&plain_start(2, 2), Covariance::Full).unwrap();
    let error = model.score(&table(1, noise(10, 1))).unwrap_err().to_string();
    assert_eq!(error, "--columns names 1 columns; the model has 2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_table_is_fitted_soundly_or_refused(
        states in 2..=4_usize,
        width in 1..=3_usize,
        rows in 0..120_usize,
        seed in 0..1_000_u64,
        kind in 0..6_usize,
        full in prop::bool::ANY,
        spike in prop::option::of(-1e9..1e9_f64),
    ) {
        let mut values = noise(rows * width, seed);
        for (at, value) in values.iter_mut().enumerate() {
            *value = match kind {
                0 => *value,
                1 => value.round(),
                2 => value.powi(5) * 1e6,
                3 => f64::from(u8::from(*value > 0.5)),
                4 => *value * 1e-8 + 1e3,
                _ => *value + if at / width > rows / 2 { 50.0 } else { 0.0 },
            };
        }
        if let (Some(spike), Some(value)) = (spike, values.get_mut(rows / 2)) {
            *value = spike;
        }
        let covariance = if full { Covariance::Full } else { Covariance::Diagonal };
        let options = RegimeOptions { states, covariance, seed, ..RegimeOptions::default() };
        // A report is checked by `report_of`.
        if let Err(error) = report_of(&table(width, values), options) {
            let said = error.to_string();
            prop_assert!(
                !matches!(error, ModelError::Unsound { .. }) && !said.contains("NaN"),
                "{said}"
            );
        }
    }
}
