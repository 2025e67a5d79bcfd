//! statsmodels 0.15.0 on made-up series: the same likelihood, estimates, standard errors and criteria.
//!
//! `MarkovRegression(y, k, …).fit(maxiter=500, gtol=1e-9)` and `MarkovAutoregression`. Where its search ends
//! at a lesser likelihood than ours, both are evaluated at its parameters instead.

use std::collections::BTreeMap;

use super::made::{self, Made};
use super::*;

/// What statsmodels says: log-likelihood, AIC, BIC, and (name, estimate, standard error).
struct Said<'a> {
    log_likelihood: f64,
    aic: f64,
    bic: f64,
    parameters: &'a [(&'a str, f64, f64)],
}

/// statsmodels' numbering → ours: regime `order[r]` of theirs is r.
fn renumbered(name: &str, order: &[usize]) -> String {
    let ours = |theirs: char| -> char {
        let theirs = theirs.to_digit(10).unwrap() as usize;
        char::from(b'0' + order.iter().position(|o| *o == theirs).unwrap() as u8)
    };
    let Some(open) = name.find('[') else { return name.to_owned() };
    let close = name.find(']').unwrap();
    let inside: String =
        name[open + 1..close].chars().map(|c| if c.is_ascii_digit() { ours(c) } else { c }).collect();
    format!("{}[{inside}]{}", &name[..open], &name[close + 1..])
}

/// `within`: of each estimate, in its standard errors.
fn assert_says(report: &RegimeReport, said: &Said<'_>, order: &[usize], within: f64) {
    assert_sound(report);
    let log = report.log_likelihood.unwrap();
    assert!((log - said.log_likelihood).abs() < 1e-5, "{log} is not {}", said.log_likelihood);
    assert!((report.aic.unwrap() - said.aic).abs() < 2e-5 && (report.bic.unwrap() - said.bic).abs() < 2e-5);
    assert_eq!(report.parameters.len(), said.parameters.len());
    for (name, estimate, std_error) in said.parameters {
        let ours = renumbered(name, order);
        // The last regime's transitions are not parameters of ours where the numbering differs.
        let Some(found) = report.parameters.iter().find(|p| p.name == ours) else {
            assert!(name.starts_with("p["), "{ours} is missing");
            continue;
        };
        if std_error.is_nan() {
            continue;
        }
        assert!(
            (found.value - estimate).abs() < within * std_error,
            "{ours} is {}, not {estimate} ± {std_error}",
            found.value
        );
        let error = found.std_error.unwrap();
        assert!((error / std_error - 1.0).abs() < 2e-3, "{ours} ± {error}, not ± {std_error}");
    }
}

fn fit(model: &str, options: &RegimeOptions, columns: &[(&str, &[f64])]) -> RegimeReport {
    let row = crate::find(model).unwrap();
    let fitted = (row.make)(options).fit(&table(columns)).unwrap();
    fitted.regimes().unwrap().clone()
}

fn named(said: &Said<'_>) -> Given {
    let values: BTreeMap<String, f64> =
        said.parameters.iter().map(|(name, value, _)| ((*name).to_owned(), *value)).collect();
    Given::Named(values)
}

#[test]
fn a_switching_regression_on_a_column() {
    let Made { y, x, .. } = made::sloped();
    let said = Said {
        log_likelihood: -415.618_486_262_3,
        aic: 847.236_972_52,
        bic: 879.168_688_90,
        parameters: &[
            ("p[0->0]", 0.970_880_372, 0.010_301_165_8),
            ("p[1->0]", 0.088_301_765_8, 0.031_480_856),
            ("const[0]", 0.000_211_617_412, 0.029_242_786_9),
            ("const[1]", 1.481_171_63, 0.113_752_512),
            ("x[0]", 0.528_778_336, 0.029_829_874_3),
            ("x[1]", -1.049_023_05, 0.105_148_616),
            ("sigma2[0]", 0.250_111_376, 0.020_855_913_5),
            ("sigma2[1]", 1.107_122_53, 0.167_494_611),
        ],
    };
    let options = RegimeOptions { exog: words(&["x"]), switching_variance: true, ..RegimeOptions::default() };
    let columns: [(&str, &[f64]); 2] = [("y", &y), ("x", &x)];
    let report = fit("ms", &options, &columns);
    assert!(report.converged);
    assert_says(&report, &said, &[0, 1], 1e-4);
    // The same numbers, given by name, are evaluated and keep their standard errors.
    let report = fit("ms", &RegimeOptions { given: Some(named(&said)), ..options }, &columns);
    assert_eq!(report.iterations, 0);
    assert_says(&report, &said, &[0, 1], 1e-4);
}

#[test]
fn a_constant_variance() {
    let Made { y, x, .. } = made::sloped();
    let said = Said {
        log_likelihood: -450.671_774_490_6,
        aic: 915.343_548_98,
        bic: 943.283_800_81,
        parameters: &[
            ("p[0->0]", 0.965_608_243, 0.011_154_911_2),
            ("p[1->0]", 0.121_847_56, 0.038_877_697),
            ("const[0]", 0.007_853_411_74, 0.036_915_696_1),
            ("const[1]", 1.531_926_04, 0.075_411_382_6),
            ("x[0]", 0.532_820_107, 0.037_862_057_3),
            ("x[1]", -1.128_750_59, 0.068_032_745_5),
            ("sigma2", 0.411_818_65, 0.030_629_163),
        ],
    };
    let options = RegimeOptions { exog: words(&["x"]), ..RegimeOptions::default() };
    assert_says(&fit("ms", &options, &[("y", &y), ("x", &x)]), &said, &[0, 1], 1e-3);
}

#[test]
fn no_constant() {
    let Made { y, x, .. } = made::sloped();
    let said = Said {
        log_likelihood: -464.257_614_858_6,
        aic: 940.515_229_72,
        bic: 964.464_017_00,
        parameters: &[
            ("p[0->0]", 0.970_451_576, 0.010_536_863_2),
            ("p[1->0]", 0.087_573_996_8, 0.031_178_799_5),
            ("x[0]", 0.532_786_563, 0.030_395_142_8),
            ("x[1]", -0.894_362_023, 0.181_035_894),
            ("sigma2[0]", 0.251_755_952, 0.021_469_542_9),
            ("sigma2[1]", 3.218_254_44, 0.472_643_081),
        ],
    };
    let options = RegimeOptions {
        exog: words(&["x"]),
        constant: false,
        switching_variance: true,
        ..RegimeOptions::default()
    };
    assert_says(&fit("ms", &options, &[("y", &y), ("x", &x)]), &said, &[0, 1], 1e-3);
}

#[test]
fn three_regimes() {
    let Made { y, .. } = made::three();
    // One transition is at the edge, which statsmodels gives no standard error.
    let said = Said {
        log_likelihood: -780.824_073_037_1,
        aic: 1_585.648_146_07,
        bic: 1_638.411_301_94,
        parameters: &[
            ("p[0->0]", 0.932_443_813, 0.019_269_779_9),
            ("p[1->0]", 0.020_036_883_6, 0.010_227_130_5),
            ("p[2->0]", 0.043_023_776_5, 0.014_805_338_9),
            ("p[0->1]", 0.038_966_355_1, 0.015_308_201_2),
            ("p[1->1]", 0.965_891_217, 0.013_280_499_4),
            ("p[2->1]", 9.737_449_39e-16, f64::NAN),
            ("const[0]", -0.040_750_520_2, 0.067_664_395),
            ("const[1]", -1.993_303_84, 0.035_284_215_8),
            ("const[2]", 3.025_734_98, 0.069_644_874_4),
            ("sigma2[0]", 0.739_894_585, 0.090_622_851),
            ("sigma2[1]", 0.254_171_397, 0.025_843_330_2),
            ("sigma2[2]", 0.914_204_594, 0.095_162_891_7),
        ],
    };
    let options = RegimeOptions { states: 3, switching_variance: true, ..RegimeOptions::default() };
    let report = fit("ms", &options, &[("y", &y)]);
    assert_says(&report, &said, &[1, 0, 2], 1e-3);
    // 2 → 1 of statsmodels is 2 → 0 of ours.
    let edge = report.parameters.iter().find(|p| p.name == "p[2->0]").unwrap();
    assert!(edge.value < 1e-8 && edge.std_error.is_none());
}

#[test]
fn switching_mean_autoregressions() {
    let Made { y, .. } = made::persistent();
    let columns: [(&str, &[f64]); 1] = [("y", &y)];
    let first = Said {
        log_likelihood: -334.695_901_361_5,
        aic: 681.391_802_72,
        bic: 703.594_464_16,
        parameters: &[
            ("p[0->0]", 0.962_309_911, 0.014_227_643_6),
            ("p[1->0]", 0.051_423_984_2, 0.019_513_742_1),
            ("const[0]", -1.210_709_07, 0.100_658_971),
            ("const[1]", 2.056_484_17, 0.113_323_999),
            ("sigma2", 0.384_790_461, 0.031_751_587_9),
            ("ar.L1", 0.556_393_417, 0.049_004_756_7),
        ],
    };
    let second = Said {
        log_likelihood: -333.840_372_399_0,
        aic: 681.680_744_80,
        bic: 707.560_399_20,
        parameters: &[
            ("p[0->0]", 0.962_074_12, 0.014_312_844_4),
            ("p[1->0]", 0.051_426_520_8, 0.019_502_803_3),
            ("const[0]", -1.206_319_43, 0.099_903_350_6),
            ("const[1]", 2.056_654_89, 0.112_204_957),
            ("sigma2", 0.384_911_337, 0.031_807_621_8),
            ("ar.L1", 0.564_784_751, 0.058_506_300_1),
            ("ar.L2", -0.014_537_328_6, 0.061_011_924_4),
        ],
    };
    let switching = Said {
        log_likelihood: -333.646_883_018_6,
        aic: 681.293_766_04,
        bic: 707.196_871_05,
        parameters: &[
            ("p[0->0]", 0.962_112_503, 0.014_275_388_1),
            ("p[1->0]", 0.051_317_254_8, 0.019_425_220_4),
            ("const[0]", -1.224_598_34, 0.087_338_014_7),
            ("const[1]", 2.047_772_06, 0.127_068_629),
            ("sigma2", 0.381_182_984, 0.031_369_798_6),
            ("ar.L1[0]", 0.482_752_827, 0.070_114_652_3),
            ("ar.L1[1]", 0.626_726_892, 0.068_568_056_1),
        ],
    };
    for (said, order, switching_ar) in [(&first, 1, false), (&second, 2, false), (&switching, 1, true)] {
        let options = RegimeOptions { order, switching_ar, ..RegimeOptions::default() };
        assert_says(&fit("ms-ar", &options, &columns), said, &[0, 1], 1e-3);
    }
}

/// Where statsmodels stops short, ours goes on; at its own parameters both say the same.
#[test]
fn better_ends_than_those_of_statsmodels() {
    let Made { y, x, .. } = made::persistent();
    let variance = Said {
        log_likelihood: -372.284_996_129_8,
        aic: 758.569_992_26,
        bic: 784.473_097_27,
        parameters: &[
            ("p[0->0]", 0.882_464_322, 0.044_531_497_3),
            ("p[1->0]", 0.752_978_562, 0.189_519_942),
            ("const[0]", 0.096_229_171, 0.525_698_429),
            ("const[1]", 0.267_773_69, 0.633_963_053),
            ("sigma2[0]", 0.405_393_082, 0.050_744_624_3),
            ("sigma2[1]", 3.834_533_87, 1.281_319_13),
            ("ar.L1", 0.916_578_28, 0.023_797_519),
        ],
    };
    let options = RegimeOptions { switching_variance: true, ..RegimeOptions::default() };
    let given = RegimeOptions { given: Some(named(&variance)), ..options.clone() };
    let at = fit("ms-ar", &given, &[("y", &y)]);
    assert!((at.log_likelihood.unwrap() - variance.log_likelihood).abs() < 1e-5);
    assert!(fit("ms-ar", &options, &[("y", &y)]).log_likelihood.unwrap() > -335.0);

    // statsmodels calls the one coefficient of a column `x1[1]`.
    let column = Said {
        log_likelihood: -396.556_479_430_2,
        aic: 807.112_958_86,
        bic: 833.016_063_87,
        parameters: &[
            ("p[0->0]", 0.963_610_02, 0.0),
            ("p[1->0]", 0.999_999_999, 0.0),
            ("const[0]", 0.186_144_969, 0.0),
            ("const[1]", 1.875_207_26, 0.0),
            ("x1[1]", -0.028_764_467_2, 0.0),
            ("sigma2", 0.680_915_322, 0.0),
            ("ar.L1", 0.885_670_968, 0.0),
        ],
    };
    let options = RegimeOptions { exog: words(&["flow"]), ..RegimeOptions::default() };
    let given = RegimeOptions { given: Some(named(&column)), ..options.clone() };
    let columns: [(&str, &[f64]); 2] = [("y", &y), ("flow", &x)];
    let at = fit("ms-ar", &given, &columns);
    assert!((at.log_likelihood.unwrap() - column.log_likelihood).abs() < 1e-5);
    let best = fit("ms-ar", &options, &columns);
    assert!(best.log_likelihood.unwrap() > -335.0 && value(&best, "flow").abs() < 0.1);
}

#[test]
fn transitions_that_follow_a_column() {
    let Made { y, z, .. } = made::leaning();
    let columns: [(&str, &[f64]); 2] = [("y", &y), ("z", &z)];
    let plain = Said {
        log_likelihood: -657.356_892_831_5,
        aic: 1_328.713_785_66,
        bic: 1_358.216_042_35,
        parameters: &[
            ("p[0->0].tvtp0", 2.498_406_4, 0.283_085_189),
            ("p[1->0].tvtp0", -2.404_194_94, 0.303_419_223),
            ("p[0->0].tvtp1", 0.798_509_846, 0.233_747_565),
            ("p[1->0].tvtp1", 0.796_743_033, 0.256_104_23),
            ("const[0]", 0.006_928_640_45, 0.046_367_444_7),
            ("const[1]", 1.961_778_86, 0.053_204_022_4),
            ("sigma2", 0.515_468_378, 0.036_995_877_9),
        ],
    };
    let options = RegimeOptions { tvtp: words(&["z"]), ..RegimeOptions::default() };
    let report = fit("ms", &options, &columns);
    assert_says(&report, &plain, &[0, 1], 1e-3);
    // The mean transition is one of probabilities, and durations follow it.
    let stay = report.transition[0][0];
    assert!((report.expected_durations[0] * (1.0 - stay) - 1.0).abs() < 1e-9);

    let autoregression = Said {
        log_likelihood: -652.850_245_249_8,
        aic: 1_323.700_490_50,
        bic: 1_361.595_891_19,
        parameters: &[
            ("p[0->0].tvtp0", 2.502_177_95, 0.288_944_948),
            ("p[1->0].tvtp0", -2.408_960_11, 0.305_944_2),
            ("p[0->0].tvtp1", 0.800_994_118, 0.241_958_68),
            ("p[1->0].tvtp1", 0.801_319_776, 0.260_469_783),
            ("const[0]", 0.017_866_524, 0.049_656_931_7),
            ("const[1]", 1.959_686_29, 0.056_668_246_1),
            ("sigma2", 0.514_151_228, 0.037_573_370_2),
            ("ar.L1", 0.087_690_262_6, 0.051_530_269),
            ("ar.L2", -0.021_854_958_2, 0.051_256_709_4),
        ],
    };
    let options = RegimeOptions { order: 2, ..options };
    assert_says(&fit("ms-ar", &options, &columns), &autoregression, &[0, 1], 1e-3);

    // Given in the other numbering, with the signs of its logits, it is the same model.
    let plain_given = [-2.404_194_94, 2.498_406_4, 0.796_743_033, 0.798_509_846].map(|gamma| -gamma);
    let mut given = plain_given.to_vec();
    given.extend([1.961_778_86, 0.006_928_640_45, 0.515_468_378]);
    let report = fit(
        "ms",
        &RegimeOptions {
            tvtp: words(&["z"]),
            given: Some(Given::Ordered(given)),
            ..RegimeOptions::default()
        },
        &columns,
    );
    assert_says(&report, &plain, &[0, 1], 1e-3);
}

/// Drawn from three regimes; the one in the middle is short.
#[rustfmt::skip]
const THREE: [i32; 149] = [
    -3, -3, 1, 5, -14, -16, -2, -5, -12, -3, 1, -1, 1, -2, -6, -9, -5, 0, 1, -2, -8, 11, -21, -27, -14, -26, -23, -10, -26, -27, -14, -27, -22, -19, -10, -16, -20, -12, -20, -17, -16, -8, -20, -19, -14, -29, -17, -20, -22, -14, -26, -28, -3, -3, 9, 1, -2, 7, -10, 10, 0, -7, -5, -6, 12, -13, -3, -6, 13, -6, 11, -7, -9, -14, 5, 0, -8, -3, -8, 4, -4, -2, -2, -10, -20, -23, -22, -20, -12, -21, -8, -22, -23, -2, -28, -25, -1, -1, 3, 7, 6, -8, -8, -13, 7, 10, -1, -9, 1, -2, -3, -6, -4, -5, 8, -2, -25, -16, -32, -21, -19, -17, -17, -22, -13, -18, 1, 3, -4, -2, -5, 7, -6, -5, -2, -3, 8, 3, -3, -3, 0, 20, 11, -11, -3, 12, 14, -18, -26,
];

#[test]
fn three_regimes_of_few_rows_are_found_as_well_as_by_many_random_starts() {
    let y: Vec<f64> = THREE.iter().map(|y| f64::from(*y)).collect();
    let options = RegimeOptions { states: 3, ..RegimeOptions::default() };
    let report = fit("ms", &options, &[("y", &y)]);
    // `MarkovRegression(y, 3).fit(search_reps=…)`: the best of 0, 20 and 40 random starts.
    assert!(report.log_likelihood.unwrap() > -517.883_967, "{:?}", report.log_likelihood);
}
