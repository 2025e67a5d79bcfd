//! The numbers of hmmlearn, depmixS4 and a textbook.

use serde_json::Value;

use super::super::chain::{Chain, Trellis};
use super::*;

/// A file of reference data; `None` on a machine without it.
fn reference(name: &str) -> Option<String> {
    crate::reference::text(&format!("models/{name}"))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(entries) => entries.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

fn assert_near(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!(near(*a, *b, tolerance * b.abs().max(1.0)), "{a} is not {b}");
    }
}

#[test]
fn twenty_steps_from_a_stated_start_are_hmmlearns() {
    let (Some(golden), Some(series)) = (reference("reference.json"), reference("hmm_k2_d1_n1000.csv")) else {
        return;
    };
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let golden = &golden["hmmlearn_em20_k2_d1_n1000"];
    let values = series.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let table = table(1, values);
    let options =
        RegimeOptions { iterations: Some(20), start: Some(plain_start(2, 1)), ..Default::default() };
    let fit = fit(&table, &options, Strength::default()).unwrap();
    assert_near(&fit.history, &numbers(&golden["history"]), 1e-11);
    assert_near(&[fit.log_likelihood], &numbers(&golden["final_ll"]), 1e-11);
    let Start { startprob, transmat, means, covars } = fit.model.parameters();
    assert_near(startprob, &numbers(&golden["startprob"]), 1e-9);
    assert_near(&transmat.concat(), &numbers(&golden["transmat"]), 1e-9);
    assert_near(&means.concat(), &numbers(&golden["means"]), 1e-9);
    assert_near(&covars.concat().concat(), &numbers(&golden["covars"]), 1e-9);
    let report = report_of(&table, options).unwrap();
    assert!(near(report.log_likelihood.unwrap(), -1_336.794_634, 1e-6));
    assert_eq!((report.iterations, report.converged), (20, true));

    // Left to itself, the search ends in the same place but for its weak prior.
    let found = report_of(&table, RegimeOptions::default()).unwrap();
    assert!(near(found.log_likelihood.unwrap(), -1_336.794_634, 1e-3), "{:?}", found.log_likelihood);
}

/// 600 rows of 4 columns from whole numbers alone, so that Python makes the same: x ← (1103515245 x + 12345)
/// mod 2³¹ from 20240229, six u = x / 2³¹ to a column, e = Σu − 3; with s = ⌊t / 40⌋ mod 3 column j is
/// 0.7 (s − 1) + (0.6 + 0.7 s)(eⱼ + eⱼ₋₁ / 2).
fn made_up() -> FeatureTable {
    let mut x: u64 = 20_240_229;
    let mut values = Vec::new();
    for row in 0..600 {
        let state = f64::from((row / 40) % 3);
        let mut before = 0.0;
        for column in 0..4 {
            let mut sum = 0.0;
            for _ in 0..6 {
                x = (1_103_515_245 * x + 12_345) % 2_147_483_648;
                sum += x as f64 / 2_147_483_648.0;
            }
            let e = sum - 3.0;
            let carried = if column > 0 { 0.5 * before } else { 0.0 };
            values.push((state - 1.0) * 0.7 + (0.6 + 0.7 * state) * (e + carried));
            before = e;
        }
    }
    table(4, values)
}

/// hmmlearn 0.3.3, `covars_prior`, `covars_weight` and `min_covar` 0.
#[test]
fn three_regimes_of_four_columns_are_hmmlearns() {
    let table = made_up();
    assert!(near(table.row(0).unwrap()[0], -0.113_416_831_102_222_23, 1e-15));
    let run = |covariance| {
        let start = Some(plain_start(3, 4));
        let options = RegimeOptions { covariance, iterations: Some(20), start, ..RegimeOptions::default() };
        (fit(&table, &options, Strength::default()).unwrap(), report_of(&table, options).unwrap())
    };

    let (fit, report) = run(Covariance::Full);
    let history = [
        -3_368.063_430_891_738_3,
        -3_000.409_081_781_809,
        -2_977.608_708_959_792_2,
        -2_974.134_815_225_849,
        -2_973.240_998_745_437_5,
    ];
    assert_near(&fit.history[..5], &history, 1e-11);
    assert_near(
        &[fit.history[19], fit.log_likelihood],
        &[-2_973.089_950_554_28, -2_973.089_950_554_282],
        1e-11,
    );
    let parameters = fit.model.parameters();
    assert_near(&parameters.transmat[0], &[0.974_887_343_707_945_2, 0.025_112_656_292_054_773, 0.0], 1e-9);
    assert_near(
        &parameters.means[2],
        &[0.814_224_765_823_708_1, 0.861_304_369_254_184_5, 0.694_330_473_916_351, 0.743_490_591_238_861_4],
        1e-9,
    );
    assert_near(
        &parameters.covars[2][1],
        &[0.894_133_515_365_087_5, 2.255_083_086_967_77, 0.899_445_604_193_894_9, 0.084_488_210_577_779_07],
        1e-9,
    );
    assert_near(
        &[report.aic.unwrap(), report.bic.unwrap()],
        &[6_046.179_901_108_564, 6_266.026_383_869_372],
        1e-10,
    );
    let path = fit.model.viterbi(&table).unwrap();
    assert!(near(path.log_probability, -2_976.680_608_966_350_5, 1e-7));
    assert_eq!(path.labels.iter().sum::<usize>(), 603);
    assert!(near(report.smoothed[299][1], 0.999_944_500_390_702_4, 1e-9));
    assert!(near(report.smoothed[320][1], 0.000_729_845_704_483_299_1, 1e-9));

    let (fit, report) = run(Covariance::Diagonal);
    assert_near(
        &[fit.history[4], fit.history[19]],
        &[-3_183.248_936_809_579_4, -3_182.002_104_306_391],
        1e-11,
    );
    assert!(near(fit.log_likelihood, -3_182.002_089_761_156, 1e-7));
    assert_near(
        &[report.aic.unwrap(), report.bic.unwrap()],
        &[6_428.004_179_522_312, 6_568.705_928_489_229],
        1e-10,
    );
    assert!(near(fit.model.parameters().covars[2][3][3], 2.935_613_790_973_95, 1e-8));
    assert!(near(fit.model.viterbi(&table).unwrap().log_probability, -3_185.335_896_354_510_6, 1e-7));
}

#[test]
fn the_umbrella_world_of_the_textbooks() {
    // S. Russell and P. Norvig, Artificial Intelligence, section 15.2: umbrella seen on days 1, 2, 4 and 5.
    let chain = Chain::<2>::new(&[0.5, 0.5], &[vec![0.7, 0.3], vec![0.3, 0.7]]);
    let seen = [true, true, false, true, true];
    let mut trellis = Trellis::<2>::new(seen.len());
    for (row, seen) in trellis.densities.iter_mut().zip(seen) {
        *row = if seen { [f64::ln(0.9), f64::ln(0.2)] } else { [f64::ln(0.1), f64::ln(0.8)] };
    }
    let (path, _) = chain.best_path(&trellis.densities);
    assert_eq!(path, [0, 0, 1, 0, 0]);
    assert!(near(trellis.forward(&chain), -3.3725, 5e-5));
    trellis.backward(&chain);
    for (rain, known) in trellis.posterior.iter().zip([0.8673, 0.8204, 0.3075, 0.8204, 0.8673]) {
        assert!(near(*rain, known, 5e-5), "{rain} is not {known}");
    }
}

#[test]
fn the_speed_of_answers_is_depmixs4s() {
    let Some(text) = reference("speed.csv") else { return };
    let values = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    let table = FeatureTable::new(&["rt"], values).unwrap();
    let check = |report: &RegimeReport, tolerance: f64| {
        let value = |name: &str| {
            report
                .parameters
                .iter()
                .find(|parameter| parameter.name == name)
                .unwrap_or_else(|| panic!("{name}"))
                .value
        };
        let (ll, aic, bic) = (report.log_likelihood.unwrap(), report.aic.unwrap(), report.bic.unwrap());
        assert!(
            near(ll, -88.730_584, tolerance) && near(aic, 191.46, 0.01) && near(bic, 220.05, 0.01),
            "{ll}"
        );
        // The quicker answers vary less: depmixS4's second state is our first.
        for (name, known) in [
            ("transmat[0->0]", 0.884),
            ("transmat[0->1]", 0.116),
            ("transmat[1->0]", 0.084),
            ("transmat[1->1]", 0.916),
            ("means[0].rt", 5.510),
            ("means[1].rt", 6.385),
        ] {
            assert!(near(value(name), known, 1e-3), "{name} is {}", value(name));
        }
        assert!(near(value("covars[0].rt.rt").sqrt(), 0.192, 1e-3));
        assert!(near(value("covars[1].rt.rt").sqrt(), 0.244, 1e-3));
    };
    check(&report_of(&table, RegimeOptions::default()).unwrap(), 1.5e-3);

    // From there on without the prior: maximum likelihood to the last digit that is known.
    let start =
        fit(&table, &RegimeOptions::default(), Strength::default()).unwrap().model.parameters().clone();
    let report = report_of(&table, RegimeOptions { start: Some(start), ..RegimeOptions::default() }).unwrap();
    assert!(report.converged);
    check(&report, 2e-6);
}
