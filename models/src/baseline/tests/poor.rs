//! What cannot be fitted is said; what can be is finite, in any unit.

use proptest::prelude::*;

use super::*;

fn refused(kind: Kind, options: &RegimeOptions, values: &[f64]) -> String {
    report(kind, options, values).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let plain = options(5);
    for kind in Kind::ALL {
        let id = kind.id();
        assert_eq!(
            refused(kind, &plain, &[1.0, 2.0, 3.0]),
            format!("3 rows are too few for {id} at a horizon of 5; give at least 7")
        );
        assert_eq!(refused(kind, &plain, &[4.0; 50]), "column level is constant; leave it out");
        let late: Vec<f64> = [0.0; 30].into_iter().chain([1.0; 5]).collect();
        assert_eq!(
            refused(kind, &plain, &late),
            "the fit finds level of one level only among the 30 rows whose outcome is known; give a longer \
             series, or a shorter horizon"
        );
        let huge: Vec<f64> = (0..50).map(|row| 1e200 * f64::from(row)).collect();
        assert!(
            refused(kind, &plain, &huge)
                .starts_with("the fit cannot square column level, which reaches 1e200")
        );
        let two = FeatureTable::new(&["a", "b"], vec![1.0; 40]).unwrap();
        let said = Baseline::new(kind, plain.clone()).fit(&two).err().unwrap().to_string();
        assert_eq!(said, format!("--columns gives a, b; {id} reads one level, give one column"));
        let none = FeatureTable::new(&["a"], Vec::new()).unwrap();
        assert!(
            Baseline::new(kind, plain.clone()).fit(&none).err().unwrap().to_string().starts_with("0 rows")
        );
    }
}

#[test]
fn one_regime_is_refused_with_the_boundary_that_made_it() {
    let values = wandering(100, 1);
    let above = RegimeOptions { boundary: Some(50.0), ..options(5) };
    let below = RegimeOptions { boundary: Some(-50.0), ..options(5) };
    for kind in Kind::ALL {
        assert_eq!(
            refused(kind, &above, &values),
            "--boundary is 50, and none of the 95 rows whose outcome is known lies above it; choose another"
        );
        assert_eq!(
            refused(kind, &below, &values),
            "--boundary is -50, and none of the 95 rows whose outcome is known lies at or below it; choose another"
        );
        let mostly_ones: Vec<f64> = (0..60).map(|row| f64::from(u8::from(row % 4 != 0))).collect();
        assert_eq!(
            refused(kind, &options(5), &mostly_ones),
            "--quantile is 0.7, which puts the boundary at 1, and none of the 55 rows whose outcome is known lies \
             above it; choose a lower one"
        );
    }
}

#[test]
fn options_that_cannot_be_are_refused() {
    let values = wandering(100, 1);
    for (options, said) in [
        (RegimeOptions { states: 3, ..options(5) }, "--states is 3, and margin-only knows 2 regimes"),
        (options(0), "--horizon is 0; use at least 1 row"),
        (options(usize::MAX), "100 rows are too few for margin-only at a horizon of"),
        (RegimeOptions { quantile: 1.0, ..options(5) }, "--quantile is 1; use a share between 0 and 1"),
        (RegimeOptions { quantile: f64::NAN, ..options(5) }, "--quantile is NaN"),
        (RegimeOptions { boundary: Some(f64::NAN), ..options(5) }, "--boundary is NaN"),
        (RegimeOptions { boundary: Some(f64::INFINITY), ..options(5) }, "--boundary is inf"),
    ] {
        let told = refused(Kind::MarginOnly, &options, &values);
        assert!(told.starts_with(said), "{told}");
    }
    let given = |given| RegimeOptions { given: Some(given), ..options(5) };
    let named = |pairs: &[(&str, f64)]| {
        Given::Named(pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
    };
    for (given, said) in [
        (
            given(Given::Ordered(vec![1.0])),
            "--params has 1 numbers; of markov-table give boundary, shift[0], shift[1]",
        ),
        (given(named(&[("boundary", 1.0), ("shift[0]", 0.1)])), "--params has no shift[1]; of markov-table"),
        (given(named(&[("mu", 1.0)])), "--params names mu, which is none; of markov-table"),
        (given(Given::Ordered(vec![1.0, 0.2, 1.5])), "--params has 1.5 as shift[1]; give a probability"),
        (
            given(Given::Ordered(vec![f64::NAN, 0.2, 0.5])),
            "--params has NaN as boundary; give a number of ordinary size",
        ),
        (
            RegimeOptions { boundary: Some(0.0), ..given(Given::Ordered(vec![0.0, 0.2, 0.5])) },
            "--boundary is among the parameters that are given",
        ),
    ] {
        let told = refused(Kind::MarkovTable, &given, &values);
        assert!(told.starts_with(said), "{told}");
    }
    let flat = given(Given::Ordered(vec![0.0, 0.0, 1.0, 1.0, 1.0, 1.0]));
    assert_eq!(refused(Kind::MarginOnly, &flat, &values), "--params has 0 as spread; give a number above 0");
}

#[test]
fn three_rows_and_a_trend_are_answered_by_shares() {
    let three = report(Kind::MarginOnly, &options(1), &[1.0, 2.0, 3.0]).unwrap();
    assert!(three.converged && three.iterations == 0);
    assert!(
        three.notes[0].starts_with("regime 0 has 1 rows with 1 shifts, and a logistic wants 40"),
        "{three:?}"
    );
    near(three.shift[0], 0.75);
    near(three.shift[2], 0.25);
    // A line: its HAR differences are one number each, a copy of the constant.
    let line: Vec<f64> = (0..400).map(f64::from).collect();
    let told = report(Kind::HarLogistic, &options(20), &line).unwrap();
    assert!(
        told.shift[380] < 0.02 && told.shift[260] > 2.0 * told.shift[100],
        "it crosses once, from below, and never back"
    );
    assert!(error(&told, "margin[1]").is_none() && told.notes[0].starts_with("regime 1 has"));
    // One row ahead, the mean over one window is the level itself.
    let alone = report(Kind::HarLogistic, &options(1), &wandering(900, 4)).unwrap();
    near(value(&alone, "har_1[0]"), 0.0);
    assert_eq!((error(&alone, "har_1[0]"), error(&alone, "har_5[0]").is_some()), (None, true));
    near(alone.aic.unwrap(), 2.0 * 8.0 - 2.0 * alone.log_likelihood.unwrap());
}

#[test]
fn given_parameters_speak_of_a_series_in_one_regime() {
    let given =
        RegimeOptions { given: Some(Given::Ordered(vec![9.0, 1.0, -2.0, 0.5, 0.3, -0.4])), ..options(5) };
    let told = report(Kind::MarginOnly, &given, &[4.0; 20]).unwrap();
    assert!(told.transition.is_empty() && told.expected_durations.is_empty());
    assert_eq!(told.notes[0], "no transition table: every row is in one regime");
}

#[test]
fn an_outlier_of_sixty_deviations_moves_little() {
    let values = wandering(1_000, 9);
    let mut struck = values.clone();
    struck[500] = 60.0;
    for kind in Kind::ALL {
        let (plain, told) =
            (report(kind, &options(5), &values).unwrap(), report(kind, &options(5), &struck).unwrap());
        let rows = 0..1_000;
        let moved = rows.clone().filter(|row| plain.labels[*row] != told.labels[*row]).count();
        assert!(moved <= 3, "{kind:?}: {moved} rows are in another regime");
        // The averages remember it for 22 windows.
        let held = rows.filter(|row| !(500..611).contains(row) && plain.labels[*row] == told.labels[*row]);
        for row in held {
            let (a, b) = (plain.shift[row], told.shift[row]);
            assert!((a - b).abs() < 0.06, "{kind:?}, row {row}: {a} {b}");
        }
    }
}

#[test]
fn unit_and_zero_of_the_level_move_no_probability() {
    let values = wandering(900, 3);
    for kind in Kind::ALL {
        let plain = report(kind, &options(5), &values).unwrap();
        for (scale, shift) in [(1e6, 0.0), (1e-6, 0.0), (1e-30, 0.0), (-0.0 + 1.0, 100.0), (1e6, -3e6)] {
            let moved: Vec<f64> = values.iter().map(|value| value * scale + shift).collect();
            let told = report(kind, &options(5), &moved).unwrap();
            assert_eq!(told.labels, plain.labels);
            near(value(&told, "boundary") / scale, value(&plain, "boundary") + shift / scale);
            for (a, b) in told.shift.iter().zip(&plain.shift) {
                assert!((a - b).abs() < 1e-7, "{kind:?} × {scale} + {shift}: {a} {b}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_series_makes_a_number_that_is_none(
        values in prop::collection::vec(
            prop_oneof![4 => -3.0..3.0_f64, 2 => Just(0.0),
                1 => any::<f64>().prop_filter("finite", |x| x.is_finite())], 0..160),
        horizon in 0..12_usize,
        quantile in prop_oneof![0.0..1.0_f64, any::<f64>()],
        boundary in prop_oneof![Just(None), (-3.0..3.0_f64).prop_map(Some), any::<f64>().prop_map(Some)],
    ) {
        for kind in Kind::ALL {
            let _ = report(kind, &RegimeOptions { boundary, quantile, ..options(horizon) }, &values);
        }
    }

    #[test]
    fn no_parameters_make_a_number_that_is_none(
        values in prop::collection::vec(-1e6..1e6_f64, 1..40),
        given in prop::collection::vec(prop_oneof![8 => -3.0..3.0_f64, 1 => Just(1e99), 1 => any::<f64>()], 18),
    ) {
        for (kind, count) in [(Kind::MarginOnly, 6), (Kind::HarLogistic, 18)] {
            let given = RegimeOptions { given: Some(Given::Ordered(given[..count].to_vec())), ..options(2) };
            let _ = report(kind, &given, &values);
        }
    }
}
