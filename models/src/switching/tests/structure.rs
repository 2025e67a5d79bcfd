//! Slopes, numbering and units: what the numbers must be whatever the data.

use super::made;
use super::*;
use crate::regimes::Given;

/// The slope by central differences of the log-likelihood.
fn assert_slope_is_true<L: Likelihood>(likelihood: &mut L, theta: &[f64], case: &str) {
    let mut slope = vec![0.0; theta.len()];
    let mut unused = slope.clone();
    likelihood.gradient(theta, &mut slope);
    for at in 0..theta.len() {
        let step = 1e-5 * theta[at].abs().max(0.1);
        let mut moved = theta.to_vec();
        moved[at] = theta[at] + step;
        let above = likelihood.gradient(&moved, &mut unused);
        moved[at] = theta[at] - step;
        let below = likelihood.gradient(&moved, &mut unused);
        let by = (above - below) / (2.0 * step);
        assert!(
            (by - slope[at]).abs() < 1e-5 * (1.0 + by.abs()),
            "{case}: slope {at} is {}, by differences {by}",
            slope[at]
        );
    }
}

fn options() -> RegimeOptions {
    RegimeOptions::default()
}

#[test]
fn the_slope_is_that_of_the_likelihood() {
    let made = made::leaning();
    let short = |column: &[f64]| column[..60].to_vec();
    let (y, x, z) = (short(&made.y), short(&made.x), short(&made.z));
    let whole = table(&[("y", &y), ("x", &x), ("z", &z)]);
    let narrow = table(&[("y", &y), ("x", &x)]);
    for states in 2..=4 {
        for varying in [false, true] {
            for switching in [false, true] {
                for constant in [false, true] {
                    let options = RegimeOptions {
                        states,
                        lags: 1,
                        order: 2,
                        exog: words(&["x"]),
                        tvtp: if varying { words(&["z"]) } else { Vec::new() },
                        constant,
                        switching_variance: switching || !constant,
                        switching_ar: switching,
                        // Nothing is asked of the data.
                        given: Some(Given::Ordered(Vec::new())),
                        ..options()
                    };
                    let case = format!("{states} {varying} {switching} {constant}");
                    let from = if varying { &whole } else { &narrow };
                    for kind in [Kind::Regression, Kind::Autoregression] {
                        let series = series::read(kind, &options, from).unwrap();
                        let layout = series.layout.clone();
                        let mut theta = vec![0.0; layout.parameters()];
                        for (at, value) in theta.iter_mut().enumerate() {
                            *value = 0.1 + 0.07 * ((at * 7 % 11) as f64);
                            if at < layout.transitions() && !varying {
                                *value = (0.2 + 0.05 * (at % 5) as f64) / (states - 1) as f64;
                            }
                            if at >= layout.ar(0, 0) {
                                *value *= 0.4;
                            }
                        }
                        let (y, x, z) = (series.values, series.regressors, series.covariates);
                        match kind {
                            Kind::Regression => {
                                assert_slope_is_true(&mut Regression::new(layout, y, x, z), &theta, &case);
                            }
                            Kind::Autoregression => {
                                assert_slope_is_true(
                                    &mut Autoregression::new(layout, y, x, z),
                                    &theta,
                                    &case,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
