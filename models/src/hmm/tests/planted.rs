//! Regimes that were planted are found, whatever the units, the seed and the order.

use super::*;

fn planted() -> Start {
    Start {
        startprob: vec![0.5, 0.3, 0.2],
        transmat: vec![vec![0.97, 0.02, 0.01], vec![0.03, 0.95, 0.02], vec![0.02, 0.05, 0.93]],
        means: vec![vec![0.3, 0.0], vec![-0.2, 0.5], vec![0.0, -0.5]],
        covars: vec![
            vec![vec![0.2, 0.05], vec![0.05, 0.1]],
            vec![vec![1.0, -0.4], vec![-0.4, 0.8]],
            vec![vec![6.0, 2.0], vec![2.0, 4.0]],
        ],
    }
}

#[test]
fn planted_regimes_are_found_and_numbered_by_variance() {
    let truth = Gaussian::new(&planted(), Covariance::Full).unwrap();
    let drawn = truth.simulate(4_000, 11);
    let table = table(2, drawn.values);
    let options = RegimeOptions { states: 3, ..RegimeOptions::default() };
    let fit = fit(&table, &options, Strength::default()).unwrap();
    assert!(fit.converged && fit.notes.is_empty(), "{:?}", fit.notes);
    assert!(fit.log_likelihood > truth.score(&table).unwrap() - 1.0);
    let (found, planted) = (fit.model.parameters(), planted());
    for i in 0..3 {
        for j in 0..3 {
            assert!(near(found.transmat[i][j], planted.transmat[i][j], 0.02));
        }
        for j in 0..2 {
            assert!(near(found.means[i][j], planted.means[i][j], 0.15));
            assert!(near(found.covars[i][j][j] / planted.covars[i][j][j], 1.0, 0.15));
        }
    }
    let report = report_of(&table, options).unwrap();
    let right = report.labels.iter().zip(&drawn.labels).filter(|(a, b)| a == b).count();
    assert!(right > 3_600, "{right}");
    assert!(near(report.expected_durations[0], 1.0 / (1.0 - found.transmat[0][0]), 1e-6));
    assert_eq!(report.parameters.len(), 3 + 9 + 6 + 9);
    let ll = report.log_likelihood.unwrap();
    assert!(near(report.aic.unwrap(), 2.0 * 23.0 - 2.0 * ll, 1e-9));
    assert!(near(report.bic.unwrap(), 23.0 * 4_000_f64.ln() - 2.0 * ll, 1e-6));
}

#[test]
fn units_do_not_matter() {
    let drawn = Gaussian::new(&planted(), Covariance::Full).unwrap().simulate(800, 5).values;
    let options = RegimeOptions { states: 3, ..RegimeOptions::default() };
    let plain = report_of(&table(2, drawn.clone()), options.clone()).unwrap();
    let moved = drawn.chunks(2).flat_map(|row| [row[0] * 1e6 - 3e7, row[1] * 1e-6]).collect();
    let scaled = report_of(&table(2, moved), options).unwrap();
    assert_eq!(plain.labels, scaled.labels);
    assert!(near(plain.log_likelihood.unwrap(), scaled.log_likelihood.unwrap(), 1e-4));
    for (a, b) in plain.parameters.iter().zip(&scaled.parameters) {
        let factor = match a.name.as_str() {
            "means[0].b" | "means[1].b" | "means[2].b" => 1e6,
            "covars[0].a.a" | "covars[1].a.a" | "covars[2].a.a" => 1e-12,
            "covars[0].b.b" | "covars[1].b.b" | "covars[2].b.b" => 1e12,
            "means[0].a" | "means[1].a" | "means[2].a" => {
                assert!(near(a.value, (b.value + 3e7) * 1e-6, 1e-6), "{}", a.name);
                continue;
            }
            _ => 1.0,
        };
        assert!(near(a.value, b.value * factor, 1e-5), "{} {} {}", a.name, a.value, b.value);
    }
}

#[test]
fn a_seed_gives_one_answer_and_other_seeds_the_same_regimes() {
    let drawn = Gaussian::new(&planted(), Covariance::Full).unwrap().simulate(800, 8).values;
    let table = table(2, drawn);
    let run =
        |seed| report_of(&table, RegimeOptions { states: 3, seed, ..RegimeOptions::default() }).unwrap();
    let one = run(1);
    assert_eq!(one, run(1));
    assert!(near(one.log_likelihood.unwrap(), run(2).log_likelihood.unwrap(), 1e-3));
}

#[test]
fn regimes_are_told_apart_by_variance_alone() {
    let start = Start {
        means: vec![vec![0.0]; 2],
        covars: vec![vec![vec![1.0]], vec![vec![9.0]]],
        transmat: vec![vec![0.98, 0.02], vec![0.04, 0.96]],
        ..plain_start(2, 1)
    };
    let drawn = Gaussian::new(&start, Covariance::Full).unwrap().simulate(3_000, 2);
    let report = report_of(&table(1, drawn.values), RegimeOptions::default()).unwrap();
    let right = report.labels.iter().zip(&drawn.labels).filter(|(a, b)| a == b).count();
    assert!(right > 2_700, "{right}");
}

#[test]
fn a_report_is_evaluated_again_from_its_own_parameters() {
    let drawn = Gaussian::new(&planted(), Covariance::Full).unwrap().simulate(800, 4).values;
    let table = table(2, drawn);
    for covariance in [Covariance::Full, Covariance::Diagonal] {
        let options = RegimeOptions { states: 3, covariance, ..RegimeOptions::default() };
        let known = report_of(&table, options.clone()).unwrap();
        let ordered = known.parameters.iter().map(|parameter| parameter.value).collect();
        let named =
            known.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.value)).collect();
        for given in [crate::Given::Ordered(ordered), crate::Given::Named(named)] {
            let again = report_of(&table, RegimeOptions { given: Some(given), ..options.clone() }).unwrap();
            assert!(near(again.log_likelihood.unwrap(), known.log_likelihood.unwrap(), 1e-8));
            assert_eq!((again.labels, again.iterations), (known.labels.clone(), 0));
        }
    }
}

#[test]
fn regimes_given_in_another_order_are_numbered_by_variance_and_it_is_said() {
    let Start { startprob, transmat, mut means, mut covars } = plain_start(2, 1);
    means.reverse();
    covars.reverse();
    let given = Some(crate::Given::Gaussian(Start { startprob, transmat, means, covars }));
    let rows = table(1, vec![0.1, 0.4, -0.3, 2.0]);
    let report = report_of(&rows, RegimeOptions { given, ..RegimeOptions::default() }).unwrap();
    assert_eq!(report.notes[0], "regimes are numbered by variance, not as they were given");
    let covariances: Vec<f64> = report.parameters[8..].iter().map(|parameter| parameter.value).collect();
    assert_eq!(covariances, [0.5, 1.5]);
}

#[test]
fn exactly_as_many_steps_are_done_as_are_asked_for() {
    let drawn = Gaussian::new(&planted(), Covariance::Full).unwrap().simulate(400, 4).values;
    let table = table(2, drawn);
    for steps in [0, 1, 7] {
        let options = RegimeOptions { states: 3, iterations: Some(steps), ..RegimeOptions::default() };
        assert_eq!(report_of(&table, options).unwrap().iterations, steps);
    }
}

#[test]
fn regimes_far_narrower_than_the_whole_are_as_wide_as_their_rows() {
    // Levels 50 apart, each a hundredth of that wide: 2/√n of a row of the whole would be most of a regime's variance.
    let mut chance = crate::chance::Chance::new(3);
    let values: Vec<f64> =
        (0..300).map(|row| 0.5 * chance.normal() + if row / 25 % 2 == 0 { 0.0 } else { 50.0 }).collect();
    let of_rows = |high: bool| {
        let side: Vec<f64> = values.iter().copied().filter(|value| (*value > 25.0) == high).collect();
        let mean = side.iter().sum::<f64>() / side.len() as f64;
        side.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / side.len() as f64
    };
    let report = report_of(&table(1, values.clone()), RegimeOptions::default()).unwrap();
    let mut wanted = [of_rows(false), of_rows(true)];
    wanted.sort_by(f64::total_cmp);
    let covars = report.parameters.iter().filter(|parameter| parameter.name.starts_with("covars"));
    for (parameter, wanted) in covars.zip(wanted) {
        assert!(near(parameter.value / wanted, 1.0, 1e-6), "{} {wanted}", parameter.value);
    }

    // Nothing is left to climb but what the sticky prior holds back.
    let given = |name: &str| -> Vec<f64> {
        report.parameters.iter().filter(|p| p.name.starts_with(name)).map(|p| p.value).collect()
    };
    let start = Start {
        startprob: given("startprob"),
        transmat: given("transmat").chunks(2).map(<[f64]>::to_vec).collect(),
        means: given("means").into_iter().map(|mean| vec![mean]).collect(),
        covars: given("covars").into_iter().map(|variance| vec![vec![variance]]).collect(),
    };
    let on = report_of(&table(1, values), RegimeOptions { start: Some(start), ..RegimeOptions::default() });
    let gained = on.unwrap().log_likelihood.unwrap() - report.log_likelihood.unwrap();
    assert!((-1e-9..0.02).contains(&gained), "{gained}");
}
