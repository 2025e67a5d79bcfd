//! What cannot be fitted is said; what can be is finite, in any unit.

use proptest::prelude::*;

use super::made::{self, Draws};
use super::*;
use crate::regimes::Given;

fn noise(rows: usize, seed: u64) -> Vec<f64> {
    let mut draws = Draws(seed);
    (0..rows).map(|_| draws.noise()).collect()
}

fn estimate_both(options: &RegimeOptions, table: &FeatureTable) -> [Result<Switching, ModelError>; 2] {
    [
        SwitchingRegression::new(options.clone()).estimate(table),
        SwitchingAutoregression::new(options.clone()).estimate(table),
    ]
}

#[test]
fn what_cannot_be_is_named() {
    let y = noise(100, 1);
    let (flat, twice): (Vec<f64>, Vec<f64>) = y.iter().map(|y| (0.1, 2.0 * y + 1.0)).unzip();
    let x = noise(100, 2);
    let plain = RegimeOptions::default;
    let with = |exog: &[&str]| RegimeOptions { exog: words(exog), ..plain() };
    let tvtp = |columns: &[&str]| RegimeOptions { tvtp: words(columns), ..plain() };
    let given = |given| RegimeOptions { given: Some(given), ..plain() };
    let (only, three) = (table(&[("y", &y)]), table(&[("y", &y[..3])]));
    let nothing = RegimeOptions { constant: false, ..plain() };
    for (options, table, says) in [
        (RegimeOptions { states: 1, ..plain() }, &only, "--states is 1; use 2 to 4"),
        (RegimeOptions { states: 5, ..plain() }, &only, "--states is 5; use 2 to 4"),
        (with(&["w"]), &only, "--exog names w, which is no column; there are y"),
        (tvtp(&["w"]), &only, "--tvtp names w, which is no column"),
        (with(&["x", "x"]), &table(&[("y", &y), ("x", &x)]), "--exog names x twice"),
        (plain(), &table(&[("y", &y), ("x", &x)]), "--columns gives two series, y and x"),
        (with(&["y"]), &only, "--columns gives no series"),
        (with(&["const"]), &table(&[("y", &y), ("const", &x)]), "names a column const"),
        (plain(), &table(&[("y", &flat)]), "column y is constant"),
        (with(&["x"]), &table(&[("y", &y), ("x", &flat)]), "column x is constant"),
        (tvtp(&["x"]), &table(&[("y", &y), ("x", &flat)]), "column x is constant"),
        (
            with(&["x", "z"]),
            &table(&[("y", &y), ("x", &x), ("z", &x.iter().map(|x| 3.0 - x).collect::<Vec<_>>())]),
            "column z is a combination",
        ),
        (plain(), &three, "3 rows are too few"),
        (nothing, &only, "--no-constant leaves nothing that switches"),
        (with(&["x"]), &table(&[("y", &y), ("x", &twice)]), "leaves nothing to explain"),
        (given(Given::Ordered(vec![0.5])), &only, "--params gives 1 numbers; give"),
        (given(Given::Ordered(vec![f64::NAN; 5])), &only, "p[0->0] as NaN"),
    ] {
        // An autoregression has one parameter more and no lags of exog: its errors are its own, but as clear.
        let found = SwitchingRegression::new(options).estimate(table);
        let said = found.expect_err(says).to_string();
        assert!(said.contains(says), "{said}");
    }
    for (values, says) in [
        ([1.0, 0.5, 0.0, 1.0, 1.0], "use numbers above 0 that sum to less than 1"),
        ([0.5, 0.0, 0.0, 1.0, 1.0], "use numbers above 0"),
        ([0.5, 0.5, 0.0, 1.0, 0.0], "sigma2 as 0; use a number above 0"),
        ([0.5, 0.5, f64::INFINITY, 1.0, 1.0], "const[0] as inf"),
    ] {
        let found = SwitchingRegression::new(given(Given::Ordered(values.to_vec()))).estimate(&only);
        let said = found.expect_err(says).to_string();
        assert!(said.contains(says), "{said}");
    }
    for (order, says) in [(0, "--order is 0"), (12, "--order is 12")] {
        let options = RegimeOptions { order, ..plain() };
        let said = SwitchingAutoregression::new(options).estimate(&only).expect_err(says).to_string();
        assert!(said.contains(says), "{said}");
    }
    let names = [("p[0->0]", 0.9), ("p[1->0]", 0.1), ("const[0]", 0.0), ("const[1]", 1.0)];
    let mut values: std::collections::BTreeMap<String, f64> =
        names.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let lacking = SwitchingRegression::new(given(Given::Named(values.clone()))).estimate(&only);
    assert!(lacking.unwrap_err().to_string().contains("lacks sigma2"));
    values.insert("sigma2".into(), 1.0);
    values.insert("sigma3".into(), 1.0);
    let unknown = SwitchingRegression::new(given(Given::Named(values))).estimate(&only);
    assert!(unknown.unwrap_err().to_string().contains("names sigma3, which this model lacks"));
}

#[test]
fn a_stretch_that_repeats_one_value_has_no_variance_to_estimate() {
    let mut y = noise(200, 9);
    y[60..140].fill(0.25);
    let options = RegimeOptions { switching_variance: true, ..RegimeOptions::default() };
    match SwitchingRegression::new(options).estimate(&table(&[("y", &y)])) {
        Ok(found) => assert_sound(found.report()),
        Err(error) => assert!(error.to_string().contains("drove the variance of a regime to nothing")),
    }
}

#[test]
fn one_regime_alone_and_an_outlier_still_give_finite_answers() {
    let plain = noise(300, 4);
    let mut outlier = plain.clone();
    outlier[150] = 60.0;
    for y in [&plain, &outlier] {
        for switching_variance in [false, true] {
            for states in [2, 3] {
                let options = RegimeOptions { states, switching_variance, ..RegimeOptions::default() };
                for found in estimate_both(&options, &table(&[("y", y)])) {
                    let found = match found {
                        Ok(found) => found,
                        // A row that stands alone is a regime of no variance, and there may be no other end.
                        Err(ModelError::Unsound { problem, remedy }) if switching_variance => {
                            assert!(problem.contains("to nothing") && remedy.contains("stand alone"));
                            continue;
                        }
                        Err(error) => panic!("{error}"),
                    };
                    assert_sound(found.report());
                    assert!(found.readings().iter().all(|reading| reading.value.is_finite()));
                }
            }
        }
    }
}

#[test]
fn units_do_not_matter() {
    let made = made::sloped();
    let options = RegimeOptions {
        exog: words(&["x"]),
        tvtp: words(&["z"]),
        switching_variance: true,
        ..RegimeOptions::default()
    };
    let fit = |scale: f64, shift: f64| -> [RegimeReport; 2] {
        let move_ = |column: &[f64]| column.iter().map(|v| v * scale + shift).collect::<Vec<f64>>();
        let (y, x, z) = (move_(&made.y), move_(&made.x), move_(&made.z));
        estimate_both(&options, &table(&[("y", &y), ("x", &x), ("z", &z)]))
            .map(|found| found.unwrap().report().clone())
    };
    let plain = fit(1.0, 0.0);
    for (scale, shift) in [(1e6, 0.0), (1e-6, 0.0), (1e-3, 50.0)] {
        for (plain, scaled) in plain.iter().zip(fit(scale, shift)) {
            assert_sound(&scaled);
            let log = scaled.log_likelihood.unwrap() + scaled.n as f64 * scale.ln();
            assert!((log - plain.log_likelihood.unwrap()).abs() < 1e-5, "{log} {plain:?}");
            let slope = value(&scaled, if scaled.model == "ms" { "x[1]" } else { "x" });
            let wanted = value(plain, if scaled.model == "ms" { "x[1]" } else { "x" });
            assert!((slope - wanted).abs() < 1e-4 * wanted.abs().max(0.1));
            assert!(
                (value(&scaled, "sigma2[1]") / scale / scale / value(plain, "sigma2[1]") - 1.0).abs() < 1e-3
            );
            assert!((value(&scaled, "p[0->0].tvtp1") * scale - value(plain, "p[0->0].tvtp1")).abs() < 1e-2);
            for (ours, theirs) in scaled.smoothed.iter().flatten().zip(plain.smoothed.iter().flatten()) {
                assert!((ours - theirs).abs() < 1e-3);
            }
        }
    }
}

#[test]
fn the_same_table_gives_the_same_bits() {
    let made = made::persistent();
    let options = RegimeOptions { order: 2, seed: 3, ..RegimeOptions::default() };
    let data = table(&[("y", &made.y)]);
    for (first, second) in estimate_both(&options, &data).into_iter().zip(estimate_both(&options, &data)) {
        assert_eq!(first.unwrap().report(), second.unwrap().report());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Any table, any options: an error or a sound report, never a panic.
    #[test]
    fn anything_gives_an_error_or_a_sound_report(
        rows in 1usize..60,
        seed in 0u64..1_000_000,
        states in 2usize..=4,
        lags in 0usize..3,
        order in 1usize..3,
        flags in 0u8..32,
        scale in -9i32..9,
        steps in 1u32..6,
    ) {
        let mut draws = Draws(seed);
        let mut column = |coarse: bool| -> Vec<f64> {
            (0..rows)
                .map(|_| {
                    let value = draws.noise();
                    // Few different values: ties, stretches of one value.
                    let value = if coarse { (value * f64::from(steps) / 3.0).round() } else { value };
                    value * 10f64.powi(scale)
                })
                .collect()
        };
        let flag = |bit: u8| flags >> bit & 1 == 1;
        let (y, x) = (column(flag(0)), column(flag(0)));
        let options = RegimeOptions {
            states,
            lags,
            order,
            exog: if flag(1) { words(&["x"]) } else { Vec::new() },
            tvtp: if flag(1) && !flag(2) { Vec::new() } else { words(&["x"]) },
            constant: flag(3),
            switching_variance: flag(4),
            seed,
            ..RegimeOptions::default()
        };
        let data = table(&[("y", &y), ("x", &x)]);
        for found in estimate_both(&options, &data) {
            match found {
                Ok(found) => assert_sound(found.report()),
                Err(error) => prop_assert!(!error.to_string().contains("NaN"), "{}", error),
            }
        }
    }
}

#[test]
fn a_series_that_its_regimes_give_exactly_is_refused() {
    let step: Vec<f64> = (0..200).map(|row| if row < 100 { 0.0 } else { 1.0 }).collect();
    for switching_variance in [false, true] {
        let options = RegimeOptions { switching_variance, ..RegimeOptions::default() };
        let error = SwitchingRegression::new(options).estimate(&table(&[("y", &step)])).unwrap_err();
        assert!(error.to_string().contains("the regimes give the series exactly"), "{error}");
    }
}

#[test]
fn where_a_coefficient_of_a_transition_runs_away_none_of_its_logit_has_an_error() {
    // Regime 1 never lasts: the constant of its logit grows without end, and says nothing of z's coefficient.
    let (z, error) = (noise(400, 12), noise(400, 13));
    let mut last = 0;
    let y: Vec<f64> = (0..400)
        .map(|row| {
            last = usize::from(last == 0 && z[row] + error[row] > 1.0);
            error[(row + 7) % 400] + 12.0 * last as f64
        })
        .collect();
    let options = RegimeOptions { tvtp: words(&["z"]), ..RegimeOptions::default() };
    let found = SwitchingRegression::new(options).estimate(&table(&[("y", &y), ("z", &z)])).unwrap();
    assert_sound(found.report());
    let error = |name: &str| found.report().parameters.iter().find(|p| p.name == name).unwrap().std_error;
    assert_eq!((error("p[1->0].tvtp0"), error("p[1->0].tvtp1")), (None, None));
    for name in ["p[0->0].tvtp0", "p[0->0].tvtp1", "const[0]", "const[1]", "sigma2"] {
        assert!(error(name).is_some_and(|error| error > 0.0), "{name}");
    }
}
