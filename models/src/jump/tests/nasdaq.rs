//! The regimes of the Nasdaq-100 that jumpmodels' own example finds, from closing prices on.

use super::{counts, near, switches};
use crate::jump::{Grid, JumpOptions, Shape, fit, fit_sparse};
use crate::reference;
use crate::table::FeatureTable;

const NAMES: [&str; 9] =
    ["ret_5", "dd_5", "sortino_5", "ret_20", "dd_20", "sortino_20", "ret_60", "dd_60", "sortino_60"];

/// The running exponentially weighted mean, each weight half of that `half_life` rows later.
fn weighted(values: impl Iterator<Item = f64>, half_life: f64) -> Vec<f64> {
    let keep = (-(2.0_f64.ln()) / half_life).exp();
    let (mut total, mut weight) = (0.0, 0.0);
    let mean = |value: f64| {
        total = total * keep + value;
        weight = weight * keep + 1.0;
        total / weight
    };
    values.map(mean).collect()
}

/// Dates and their nine features: mean return, log downside deviation and their ratio, at three half-lives.
fn features() -> Option<Vec<(String, Vec<f64>)>> {
    let text = reference::text("models/NDX_1d.csv")?;
    let returns: Vec<(String, f64)> = text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split(',');
            Some((cells.next()?.to_owned(), cells.nth(1)?.parse().ok()?))
        })
        .collect();
    let mut rows: Vec<(String, Vec<f64>)> =
        returns.iter().map(|(date, _)| (date.clone(), Vec::new())).collect();
    for half_life in [5.0, 20.0, 60.0] {
        let mean = weighted(returns.iter().map(|(_, r)| *r), half_life);
        let downside = weighted(returns.iter().map(|(_, r)| r.min(0.0).powi(2)), half_life);
        for ((mean, downside), (_, row)) in mean.iter().zip(downside).zip(&mut rows) {
            row.extend([*mean, downside.sqrt().ln(), mean / downside.sqrt()]);
        }
    }
    Some(rows)
}

/// The features of the training years 2007–2021 and of the years after: clipped at three standard deviations of the
/// training years, then standardised by what that leaves of them.
fn years() -> Option<(FeatureTable, FeatureTable)> {
    let rows = features()?;
    let between = |from: &str, until: &str| -> Vec<Vec<f64>> {
        let held = rows.iter().filter(|(date, _)| date.as_str() >= from && date.as_str() < until);
        held.map(|(_, row)| row.clone()).collect()
    };
    let (mut train, mut test) = (between("2007-01-01", "2022-01-01"), between("2022-01-01", "2024-10-01"));
    for column in 0..NAMES.len() {
        let moments = |rows: &[Vec<f64>]| {
            let mean = rows.iter().map(|row| row[column]).sum::<f64>() / rows.len() as f64;
            let spread: f64 = rows.iter().map(|row| (row[column] - mean).powi(2)).sum();
            (mean, (spread / rows.len() as f64).sqrt())
        };
        let (mean, std) = moments(&train);
        let clip = |rows: &mut Vec<Vec<f64>>| {
            for row in rows {
                row[column] = row[column].clamp(mean - 3.0 * std, mean + 3.0 * std);
            }
        };
        clip(&mut train);
        clip(&mut test);
        let (mean, std) = moments(&train);
        for row in train.iter_mut().chain(&mut test) {
            row[column] = (row[column] - mean) / std;
        }
    }
    let table = |rows: &[Vec<f64>]| FeatureTable::new(&NAMES, rows.concat()).unwrap();
    Some((table(&train), table(&test)))
}

/// The regimes in jumpmodels' order, the better returns first, are in ours too: bear markets are the wilder ones.
#[test]
fn the_published_regimes_of_the_nasdaq_are_found() {
    let Some((train, test)) = years() else { return };
    assert_eq!((train.rows(), test.rows()), (3_777, 688));
    let fit = fit(&train, &JumpOptions::default()).unwrap();
    near(fit.objective(), 12_478.428_440_550_531);
    assert_eq!((fit.switches(), counts(&fit.labels(), 2)), (18, vec![3_046, 731]));
    let reference = reference::text("models/reference.json").unwrap();
    let reference: serde_json::Value = serde_json::from_str(&reference).unwrap();
    for (state, center) in fit.centers().into_iter().flatten().enumerate() {
        for (column, value) in center.iter().enumerate() {
            let known = reference["jumpmodels_ndx_lambda50"]["centers"][state][column].as_f64().unwrap();
            assert!((value - known).abs() < 1e-9, "{state} {column}: {value} {known}");
        }
    }
    let (online, offline) = (fit.predict_online(&test).unwrap(), fit.predict(&test).unwrap());
    assert_eq!((switches(&online), counts(&online, 2)), (4, vec![415, 273]));
    assert_eq!((switches(&offline), counts(&offline, 2)), (1, vec![424, 264]));
    let online = fit.predict_online(&train).unwrap();
    assert_eq!((switches(&online), counts(&online, 2)), (32, vec![2_925, 852]));
}

#[test]
fn other_penalties_and_more_regimes_agree_too() {
    let Some((train, _)) = years() else { return };
    let cases = [
        (2, 0.0, 9_982.310_998_237_574, 326),
        (2, 10.0, 11_055.853_055_321_726, 66),
        (2, 200.0, 14_345.496_408_724_975, 8),
        (3, 50.0, 11_044.261_219_343_7, 20),
    ];
    for (states, penalty, objective, changes) in cases {
        let fit = fit(&train, &JumpOptions { states, penalty, ..JumpOptions::default() }).unwrap();
        near(fit.objective(), objective);
        assert_eq!(fit.switches(), changes);
    }
}

#[test]
fn continuous_and_sparse_regimes_of_the_nasdaq_agree_too() {
    let Some((train, test)) = years() else { return };
    for (mode_loss, objective, weights) in [
        (true, 12_523.725_912_265_09, [2_992.05, 784.95]),
        (false, 12_454.837_120_243_234, [2_982.65, 794.35]),
    ] {
        let shape = Shape::Continuous(Grid { steps: 20, mode_loss });
        let fit = fit(&train, &JumpOptions { penalty: 600.0, shape, ..JumpOptions::default() }).unwrap();
        near(fit.objective(), objective);
        for (state, weight) in weights.iter().enumerate() {
            near(fit.probabilities().iter().map(|row| row[state]).sum(), *weight);
        }
        if mode_loss {
            let online = fit.predict_probabilities_online(&test).unwrap();
            near(online.iter().map(|row| row[0]).sum(), 405.5);
        }
    }
    let fit = fit_sparse(&train, &JumpOptions::default(), 3.0).unwrap();
    assert!((fit.objective() - 1_974.304_849_555_181_4).abs() < 1e-3, "{}", fit.objective());
    assert_eq!((fit.switches(), counts(&fit.labels(), 2)), (16, vec![2_839, 938]));
    let known = [0.0, 0.251_483, 0.0, 0.0, 0.604_438, 0.025_380, 0.753_775, 0.0, 0.857_112];
    for (weight, known) in fit.feat_weights().unwrap().iter().zip(known) {
        assert!((weight - known).abs() < 1e-4, "{weight} {known}");
    }
    assert_eq!(counts(&fit.predict_online(&test).unwrap(), 2), [380, 308]);
}
