//! Published examples, where their data are at hand.

use super::*;

/// The columns of a file of the references by name; `None`, saying so, where it is not there.
fn reference(file: &str) -> Option<Vec<Vec<f64>>> {
    let path = crate::reference::path(&format!("models/{file}"))?;
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); reader.headers().unwrap().len()];
    for record in reader.records() {
        for (column, field) in columns.iter_mut().zip(&record.unwrap()) {
            column.push(field.parse().unwrap());
        }
    }
    Some(columns)
}

fn near(found: f64, wanted: f64, within: f64) {
    assert!((found - wanted).abs() < within, "{found} is not {wanted}");
}

/// J. D. Hamilton (1989): quarterly growth of real GNP, 1951 to 1984, AR(4) around two means.
#[test]
fn hamilton_s_business_cycle() {
    let Some(growth) = reference("hamilton_rgnp.csv") else { return };
    let growth = table(&[("rgnp", &growth[0])]);
    let published = vec![
        0.754_673,
        0.095_915,
        -0.358_811,
        1.163_516,
        0.591_368_462_403_740_6,
        0.013_486,
        -0.057_521,
        -0.246_983,
        -0.212_923,
    ];
    let options = RegimeOptions { order: 4, ..RegimeOptions::default() };
    let given = RegimeOptions { given: Some(Given::Ordered(published.clone())), ..options.clone() };
    let evaluated = SwitchingAutoregression::new(given).estimate(&growth).unwrap();
    near(evaluated.report().log_likelihood.unwrap(), -181.263_394_264_010_64, 1e-9);

    let fitted = SwitchingAutoregression::new(options).estimate(&growth).unwrap();
    let report = fitted.report();
    assert!(report.converged && report.n == 131 && report.skipped == 4);
    near(report.log_likelihood.unwrap(), -181.263_394_281_246_2, 1e-6);
    for (parameter, wanted) in report.parameters.iter().zip(&published) {
        near(parameter.value, *wanted, 5e-5);
        assert!(parameter.std_error.is_some());
    }
    let names: Vec<&str> = report.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        names,
        ["p[0->0]", "p[1->0]", "const[0]", "const[1]", "sigma2", "ar.L1", "ar.L2", "ar.L3", "ar.L4"]
    );
    near(report.expected_durations[1], 1.0 / 0.095_915, 1e-2);
    near(report.aic.unwrap(), 380.526_788_5, 1e-5);

    // The published tables are of the recession, or of the expansion: whichever regime it is, 131 rows.
    for (file, ours) in [
        ("hamilton_ar4_filtered.csv", &evaluated.report().filtered),
        ("hamilton_ar4_smoothed.csv", &evaluated.report().smoothed),
    ] {
        let Some(wanted) = reference(file) else { return };
        assert_eq!(wanted[0].len(), ours.len());
        let first = (ours[0][0] - wanted[0][0]).abs() < (ours[0][1] - wanted[0][0]).abs();
        for (ours, wanted) in ours.iter().zip(&wanted[0]) {
            near(ours[usize::from(!first)], *wanted, 1e-5);
        }
    }
    assert_sound(report);
}

/// The federal funds rate, 1954 to 2010, quarterly: the example of Stata's manual and of statsmodels.
#[test]
fn the_federal_funds_rate() {
    let Some(rate) = reference("fedfunds.csv") else { return };
    let rate = table(&[("fedfunds", &rate[0])]);
    let fit = |options: RegimeOptions| -> RegimeReport {
        let fitted = SwitchingRegression::new(options).estimate(&rate).unwrap();
        assert_sound(fitted.report());
        fitted.report().clone()
    };
    let two = fit(RegimeOptions::default());
    near(two.log_likelihood.unwrap(), -508.635_917_637_6, 1e-7);
    assert_eq!(two.n, 226);
    for (parameter, (wanted, error)) in two.parameters.iter().zip([
        (0.982_093_798, 0.010_400_255_7),
        (0.050_358_733_3, 0.026_843_398_2),
        (3.708_770_04, 0.176_708_338),
        (9.556_793_4, 0.299_988_928),
        (4.441_816_59, 0.425_175_984),
    ]) {
        near(parameter.value, wanted, 1e-4 * error);
        near(parameter.std_error.unwrap(), error, 1e-4 * error);
    }

    // statsmodels ends at a lesser top (−505.7016), where both say the same.
    let switching = RegimeOptions { switching_variance: true, ..RegimeOptions::default() };
    let theirs = vec![0.970_750_694, 0.025_765_892_5, 2.431_772_14, 7.327_863_73, 1.468_410_22, 8.624_633_23];
    let at = fit(RegimeOptions { given: Some(Given::Ordered(theirs)), ..switching.clone() });
    near(at.log_likelihood.unwrap(), -505.701_633_396_8, 1e-6);
    near(at.parameters[5].std_error.unwrap(), 1.039_809_27, 1e-4);
    near(fit(switching).log_likelihood.unwrap(), -496.145_549, 1e-5);

    let lagged = fit(RegimeOptions { lags: 1, ..RegimeOptions::default() });
    assert_eq!((lagged.n, lagged.skipped), (225, 1));
    near(lagged.log_likelihood.unwrap(), -264.710_688_541_7, 1e-6);
    assert!(lagged.parameters.iter().any(|p| p.name == "fedfunds.L1[1]"));

    // And at −466.0006 with three.
    let three = fit(RegimeOptions { states: 3, ..RegimeOptions::default() });
    near(three.log_likelihood.unwrap(), -457.691_429, 1e-5);
    // 0 → 2 never happens: what leaves regime 0 goes to 1, and has its error; the impossible has none.
    assert!(value(&three, "p[2->0]") < 1e-8);
    for parameter in &three.parameters {
        assert_eq!(parameter.std_error.is_none(), parameter.name == "p[2->0]", "{}", parameter.name);
    }

    // Of which statsmodels finds no better than −277.099.
    let both = fit(RegimeOptions { lags: 1, switching_variance: true, ..RegimeOptions::default() });
    near(both.log_likelihood.unwrap(), -226.393_808, 1e-5);
}
