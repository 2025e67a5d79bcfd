//! Every path of regimes of a short series, one by one: likelihood, filter, smoother, best path.

use super::made::Draws;
use super::*;

/// All there is to say of a short series, by enumeration of every path from the chain's first row.
struct Truth {
    log_likelihood: f64,
    filtered: Vec<Vec<f64>>,
    smoothed: Vec<Vec<f64>>,
    best: Vec<usize>,
}

/// `initial` and `transition` (into a row) of the chain; `log_density` of a row under the path so far.
fn enumerate(
    k: usize,
    rows: usize,
    skipped: usize,
    initial: &[f64],
    transition: impl Fn(usize, usize, usize) -> f64,
    log_density: impl Fn(usize, &[usize]) -> f64,
) -> Truth {
    let mut filtered = vec![vec![0.0; k]; rows - skipped];
    let mut smoothed = filtered.clone();
    let (mut best, mut top) = (Vec::new(), f64::NEG_INFINITY);
    let mut total = 0.0;
    for end in skipped..rows {
        let length = end + 1;
        let mut sum = 0.0;
        for number in 0..k.pow(length as u32) {
            let path: Vec<usize> = (0..length).map(|row| number / k.pow(row as u32) % k).collect();
            let mut log = initial[path[0]].ln();
            for row in 1..length {
                log += transition(row, path[row - 1], path[row]).ln();
            }
            for row in skipped..length {
                log += log_density(row, &path);
            }
            let p = log.exp();
            sum += p;
            filtered[end - skipped][path[end]] += p;
            if length == rows {
                for row in skipped..rows {
                    smoothed[row - skipped][path[row]] += p;
                }
                if log > top {
                    (top, best) = (log, path[skipped..].to_vec());
                }
            }
        }
        filtered[end - skipped].iter_mut().for_each(|p| *p /= sum);
        total = sum;
    }
    smoothed.iter_mut().flatten().for_each(|p| *p /= total);
    Truth { log_likelihood: total.ln(), filtered, smoothed, best }
}

fn normal(error: f64, variance: f64) -> f64 {
    -0.5 * (error * error / variance + (2.0 * std::f64::consts::PI * variance).ln())
}

/// The steady state, by walking there.
fn settled(k: usize, p: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut now = vec![1.0 / k as f64; k];
    for _ in 0..20_000 {
        now = (0..k).map(|to| (0..k).map(|from| now[from] * p(from, to)).sum()).collect();
    }
    now
}

fn assert_same(found: &Switching, truth: &Truth, case: &str) {
    let report = found.report();
    let log = report.log_likelihood.unwrap();
    assert!((log - truth.log_likelihood).abs() < 1e-9, "{case}: {log} is not {}", truth.log_likelihood);
    for (ours, theirs) in [(&report.filtered, &truth.filtered), (&report.smoothed, &truth.smoothed)] {
        for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            assert!((ours - theirs).abs() < 1e-9, "{case}: {ours} is not {theirs}");
        }
    }
    assert_eq!(report.labels, truth.best, "{case}");
    assert_sound(report);
}

/// Numbers between −2 and 2.
fn some(draws: &mut Draws, count: usize) -> Vec<f64> {
    (0..count).map(|_| draws.noise().clamp(-2.0, 2.0)).collect()
}

/// Row by row: probabilities of all transitions but the last, away from 0.
fn rows_of_chances(draws: &mut Draws, k: usize) -> Vec<Vec<f64>> {
    (0..k)
        .map(|_| {
            let weights: Vec<f64> = (0..k).map(|_| 0.1 + draws.next() as f64 / 32_768.0).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|weight| weight / sum).collect()
        })
        .collect()
}

#[test]
fn a_regression_says_what_every_path_says() {
    let mut draws = Draws(31);
    for (k, rows) in [(2, 1), (2, 8), (3, 7), (4, 6)] {
        for case in 0..3 {
            let (y, x) = (some(&mut draws, rows), some(&mut draws, rows));
            let p = rows_of_chances(&mut draws, k);
            let (level, slope) = (some(&mut draws, k), some(&mut draws, k));
            // Ascending, so that the numbering is kept.
            let variance: Vec<f64> = (0..k).map(|r| 0.3 + 0.4 * r as f64).collect();
            let mut given = Vec::new();
            for to in 0..k - 1 {
                given.extend(p.iter().map(|row| row[to]));
            }
            given.extend(&level);
            given.extend(&slope);
            given.extend(&variance);
            let found = SwitchingRegression::new(RegimeOptions {
                states: k,
                exog: words(&["x"]),
                switching_variance: true,
                given: Some(Given::Ordered(given)),
                ..RegimeOptions::default()
            })
            .estimate(&table(&[("y", &y), ("x", &x)]))
            .unwrap();
            let truth = enumerate(
                k,
                rows,
                0,
                &settled(k, |from, to| p[from][to]),
                |_, from, to| p[from][to],
                |row, path| {
                    let r = path[row];
                    normal(y[row] - level[r] - slope[r] * x[row], variance[r])
                },
            );
            assert_same(&found, &truth, &format!("{k} regimes, {rows} rows, case {case}"));
        }
    }
}

#[test]
fn varying_transitions_say_what_every_path_says() {
    let mut draws = Draws(77);
    for (k, rows) in [(2, 8), (3, 6), (4, 5)] {
        let (y, z, w) = (some(&mut draws, rows), some(&mut draws, rows), some(&mut draws, rows));
        let level: Vec<f64> = (0..k).map(|r| r as f64 - 1.0).collect();
        let gamma = some(&mut draws, (k - 1) * 3 * k);
        let p = |row: usize, from: usize, to: usize| -> f64 {
            let weight = |to: usize| -> f64 {
                if to + 1 == k {
                    return 1.0;
                }
                let at = |covariate: usize| gamma[(to * 3 + covariate) * k + from];
                (at(0) + at(1) * z[row] + at(2) * w[row]).exp()
            };
            weight(to) / (0..k).map(weight).sum::<f64>()
        };
        let mut given = gamma.clone();
        given.extend(&level);
        given.push(0.8);
        let found = SwitchingRegression::new(RegimeOptions {
            states: k,
            tvtp: words(&["z", "w"]),
            given: Some(Given::Ordered(given)),
            ..RegimeOptions::default()
        })
        .estimate(&table(&[("y", &y), ("z", &z), ("w", &w)]))
        .unwrap();
        let truth = enumerate(k, rows, 0, &settled(k, |from, to| p(0, from, to)), p, |row, path| {
            normal(y[row] - level[path[row]], 0.8)
        });
        assert_same(&found, &truth, &format!("{k} regimes"));
        assert!(found.next().is_none(), "the next row's covariates are unknown");
        for (row, predicted) in found.predicted().iter().enumerate().skip(1) {
            for (to, predicted) in predicted.iter().enumerate() {
                let p: f64 = (0..k).map(|from| truth.filtered[row - 1][from] * p(row, from, to)).sum();
                assert!((p - predicted).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn an_autoregression_says_what_every_path_says() {
    let mut draws = Draws(5);
    for (k, order, rows, varying) in [
        (2, 1, 8, false),
        (2, 3, 8, false),
        (3, 2, 6, false),
        (2, 2, 8, true),
        (3, 1, 5, true),
        (4, 1, 5, false),
    ] {
        let (y, x, z) = (some(&mut draws, rows), some(&mut draws, rows), some(&mut draws, rows));
        let chances = rows_of_chances(&mut draws, k);
        let gamma = some(&mut draws, (k - 1) * 2 * k);
        let p = |row: usize, from: usize, to: usize| -> f64 {
            if !varying {
                return chances[from][to];
            }
            let weight = |to: usize| -> f64 {
                let at = |covariate: usize| gamma[(to * 2 + covariate) * k + from];
                if to + 1 == k { 1.0 } else { (at(0) + at(1) * z[row]).exp() }
            };
            weight(to) / (0..k).map(weight).sum::<f64>()
        };
        let level = some(&mut draws, k);
        let slope = draws.noise();
        let variance: Vec<f64> = (0..k).map(|r| 0.3 + 0.4 * r as f64).collect();
        let phi: Vec<f64> = some(&mut draws, order * k).iter().map(|phi| phi * 0.3).collect();
        let mut given = Vec::new();
        if varying {
            given.extend(&gamma);
        } else {
            for to in 0..k - 1 {
                given.extend(chances.iter().map(|row| row[to]));
            }
        }
        given.extend(&level);
        given.push(slope);
        given.extend(&variance);
        given.extend(&phi);
        let found = SwitchingAutoregression::new(RegimeOptions {
            states: k,
            order,
            exog: words(&["x"]),
            tvtp: if varying { words(&["z"]) } else { Vec::new() },
            switching_variance: true,
            switching_ar: true,
            given: Some(Given::Ordered(given)),
            ..RegimeOptions::default()
        })
        .estimate(&if varying {
            table(&[("y", &y), ("x", &x), ("z", &z)])
        } else {
            table(&[("y", &y), ("x", &x)])
        })
        .unwrap();
        let above = |row: usize, regime: usize| y[row] - level[regime] - slope * x[row];
        let truth = enumerate(k, rows, order, &settled(k, |from, to| p(0, from, to)), p, |row, path| {
            let lagged: f64 = (0..order)
                .map(|lag| phi[lag * k + path[row]] * above(row - lag - 1, path[row - lag - 1]))
                .sum();
            normal(above(row, path[row]) - lagged, variance[path[row]])
        });
        assert_same(&found, &truth, &format!("{k} regimes, order {order}, varying {varying}"));
    }
}
