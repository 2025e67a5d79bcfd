//! Least squares: certified values, planted lines, degenerate data.

use proptest::prelude::*;

use super::*;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

/// The data and answers of NIST's certified problem Norris (Statistical Reference Datasets, 36 rows).
#[test]
fn the_certified_answers_of_norris_come_out() {
    let x = [
        0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9,
        338.0, 447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0,
        11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
    ];
    let y = [
        0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8,
        339.3, 448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9,
        10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
    ];
    let line = least_squares(&y, &[&x]).expect("fits");
    for (found, certified) in [
        (line.alpha.value, -0.262_323_073_774_029),
        (line.alpha.std_error, 0.232_818_234_301_152),
        (line.betas[0].value, 1.002_116_818_020_45),
        (line.betas[0].std_error, 0.429_796_848_199_937e-3),
        (line.residual_std, 0.884_796_396_144_373),
        (line.r_squared.expect("varies"), 0.999_993_745_883_712),
    ] {
        assert!((found / certified - 1.0).abs() < 1e-11, "{found} is not {certified}");
    }
    assert_eq!((line.rows, line.degrees_of_freedom()), (36, 34));
}

/// Textbook formulas for one regressor, written out: a second way to the same numbers.
#[test]
fn one_regressor_agrees_with_the_textbook() {
    let x = [0.01, -0.02, 0.015, 0.03, -0.01, 0.005];
    let y = [0.02, -0.05, 0.03, 0.05, -0.03, 0.02];
    let n = 6.0;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let sxx: f64 = x.iter().map(|x| (x - mx) * (x - mx)).sum();
    let sxy: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
    let beta = sxy / sxx;
    let sse: f64 = x.iter().zip(&y).map(|(x, y)| (y - my - beta * (x - mx)).powi(2)).sum();
    let s = (sse / 4.0).sqrt();
    let line = least_squares(&y, &[&x]).expect("fits");
    assert!(near(line.betas[0].value, beta) && near(line.betas[0].std_error, s / sxx.sqrt()));
    assert!(near(line.alpha.value, my - beta * mx));
    assert!(near(line.alpha.std_error, s * (1.0 / n + mx * mx / sxx).sqrt()));
    let at = 0.04;
    let forecast = s * (1.0 + 1.0 / n + (at - mx) * (at - mx) / sxx).sqrt();
    assert!(near(line.forecast_error(&[at], 1).expect("one value"), forecast));
    assert!(near(line.predict(&[at]).expect("one value"), my + beta * (at - mx)));
    assert_eq!((line.predict(&[]), line.forecast_error(&[at, at], 1)), (None, None));
}

#[test]
fn no_regressors_are_the_mean() {
    let line = least_squares(&[1.0, 2.0, 3.0, 6.0], &[]).expect("fits");
    assert!(near(line.alpha.value, 3.0) && near(line.residual_std * line.residual_std, 14.0 / 3.0));
    assert!(near(line.alpha.std_error, line.residual_std / 2.0));
    assert_eq!(line.r_squared, Some(0.0));
    let flat = least_squares(&[2.0; 4], &[]).expect("fits");
    assert_eq!((flat.r_squared, flat.residual_std.to_bits()), (None, 0.0_f64.to_bits()));
}

#[test]
fn what_has_no_line_is_refused_with_the_reason() {
    let up = [1.0, 2.0, 3.0, 4.0, 5.5];
    let other = [1.0, -1.0, 0.5, 2.0, 0.0];
    let sum: Vec<f64> = up.iter().zip(&other).map(|(a, b)| 2.0 * a - b).collect();
    let flat = [0.1; 5];
    let mut holed = up;
    holed[3] = f64::NAN;
    let mut huge = up;
    huge[1] = 1e200;
    let refused =
        |target: &[f64], regressors: &[&[f64]]| least_squares(target, regressors).unwrap_err().to_string();
    for (said, says) in [
        (refused(&up, &[&other[..]; 5]), "5 regressors are too many"),
        (refused(&up, &[&other[..4]]), "regressor 0 has 4 rows where the target has 5"),
        (refused(&up[..2], &[&other[..2]]), "2 rows cannot fit 1 regressors"),
        (refused(&up[..3], &[&other[..3], &up[..3]]), "give at least 4"),
        (refused(&[], &[]), "0 rows"),
        (refused(&holed, &[&other]), "row 3 of the target"),
        (refused(&other, &[&holed]), "row 3 of the regressor 0"),
        (refused(&huge, &[&other]), "row 1 of the target"),
        (refused(&up, &[&flat]), "regressor 0 is constant"),
        (refused(&up, &[&other, &other]), "regressor 1 is constant or a combination"),
        (refused(&other, &[&up, &other, &sum]), "regressor 2"),
    ] {
        assert!(said.contains(says), "{said}");
    }
}

/// Columns of unlike size and offset, and noise, from plain arithmetic.
fn columns(rows: usize, k: usize, seed: u32) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24) - 0.5
    };
    let columns = (0..k).map(|_| (0..rows).map(|_| next()).collect()).collect();
    (columns, (0..rows).map(|_| next()).collect())
}

fn fit(target: &[f64], columns: &[Vec<f64>]) -> Regression {
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    least_squares(target, &columns).expect("fits")
}

proptest! {
    #[test]
    fn planted_coefficients_are_recovered(
        seed in any::<u32>(),
        rows in 12_usize..200,
        truth in proptest::collection::vec(-5.0..5.0_f64, 1..=5),
    ) {
        let k = truth.len() - 1;
        let (columns, noise) = columns(rows, k, seed);
        let exact: Vec<f64> = (0..rows)
            .map(|row| truth[0] + (0..k).map(|j| truth[j + 1] * columns[j][row]).sum::<f64>())
            .collect();
        let line = fit(&exact, &columns);
        prop_assert!((line.alpha.value - truth[0]).abs() < 1e-9);
        for j in 0..k {
            prop_assert!((line.betas[j].value - truth[j + 1]).abs() < 1e-9);
        }
        prop_assert!(line.residual_std < 1e-9);
        // With noise they are within eight of their own standard errors.
        let noisy: Vec<f64> = exact.iter().zip(&noise).map(|(y, e)| y + e).collect();
        let line = fit(&noisy, &columns);
        for j in 0..k {
            let beta = line.betas[j];
            prop_assert!((beta.value - truth[j + 1]).abs() < 8.0 * beta.std_error, "{beta:?}");
        }
    }

    #[test]
    fn residuals_are_orthogonal_to_what_explains(seed in any::<u32>(), rows in 8_usize..60, k in 0_usize..=4) {
        let (columns, target) = columns(rows, k, seed);
        let line = fit(&target, &columns);
        let residuals: Vec<f64> = (0..rows)
            .map(|row| {
                let at: Vec<f64> = columns.iter().map(|column| column[row]).collect();
                target[row] - line.predict(&at).expect("k values")
            })
            .collect();
        prop_assert!(residuals.iter().sum::<f64>().abs() < 1e-9);
        for column in &columns {
            prop_assert!(dot(column, &residuals).abs() < 1e-9);
        }
        let variance = dot(&residuals, &residuals) / line.degrees_of_freedom() as f64;
        prop_assert!(near(variance, line.residual_std * line.residual_std));
    }

    #[test]
    fn a_regressor_in_another_unit_changes_its_slope_alone(
        seed in any::<u32>(),
        factor in prop_oneof![1e-6..1e-3_f64, 0.1..10.0_f64, 1e3..1e6_f64],
        offset in -3.0..3.0_f64,
    ) {
        let (mut columns, target) = columns(40, 3, seed);
        let before = fit(&target, &columns);
        columns[1].iter_mut().for_each(|value| *value = (*value + offset) * factor);
        let after = fit(&target, &columns);
        prop_assert!(near(after.betas[1].value * factor, before.betas[1].value));
        prop_assert!(near(after.betas[1].std_error * factor, before.betas[1].std_error));
        prop_assert!(near(after.betas[0].value, before.betas[0].value));
        prop_assert!(near(after.residual_std, before.residual_std));
        let (row, moved) = ([0.1, 0.2, 0.3], [0.1, (0.2 + offset) * factor, 0.3]);
        prop_assert!(near(after.predict(&moved).expect("3"), before.predict(&row).expect("3")));
        prop_assert!(near(after.forecast_error(&moved, 1).expect("3"), before.forecast_error(&row, 1).expect("3")));
    }

    #[test]
    fn no_numbers_panic(
        target in proptest::collection::vec(any::<f64>(), 0..12),
        other in proptest::collection::vec(any::<f64>(), 0..12),
    ) {
        if let Ok(line) = least_squares(&target, &[&other]) {
            prop_assert!(line.alpha.value.is_finite() && line.alpha.std_error.is_finite());
            prop_assert!(line.betas.iter().all(|beta| beta.value.is_finite() && beta.std_error.is_finite()));
        }
    }
}
