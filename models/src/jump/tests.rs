//! Jump models against jumpmodels, against every path of short series, and on what is no series.

use proptest::prelude::*;

use super::*;
use crate::model::{FittedModel, Model};
use crate::regimes::{Given, RegimeOptions, RegimeReport, Start};

mod nasdaq;

/// Uniform draws on [0, 1) by a congruential generator.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Four columns with three regimes in blocks of 50 rows, which differ in level and in spread.
fn made_up(rows: std::ops::Range<usize>) -> FeatureTable {
    let mut draws = Draws(1);
    let mut values = Vec::new();
    for row in 0..rows.end {
        let regime = (row / 50 * 7 % 3) as f64;
        for column in 0..4 {
            let noise = (0..4).map(|_| draws.next()).sum::<f64>() - 2.0;
            let level = if column % 2 == 0 { 0.5 } else { -0.25 };
            if row >= rows.start {
                values.push((0.6 + 0.9 * regime) * noise + (regime - 1.0) * level);
            }
        }
    }
    FeatureTable::new(&["a", "b", "c", "d"], values).unwrap()
}

fn table(columns: usize, values: &[f64]) -> FeatureTable {
    FeatureTable::new(&["a", "b", "c", "d"][..columns], values.to_vec()).unwrap()
}

fn counts(labels: &[usize], states: usize) -> Vec<usize> {
    (0..states).map(|state| labels.iter().filter(|label| **label == state).count()).collect()
}

fn switches(labels: &[usize]) -> usize {
    labels.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[track_caller]
fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
}

fn thorough(states: usize, penalty: f64) -> JumpOptions {
    JumpOptions { states, penalty, starts: 100, ..JumpOptions::default() }
}

#[test]
fn discrete_models_are_those_of_jumpmodels() {
    let (train, test) = (made_up(0..600), made_up(600..900));
    // jumpmodels 0.1.1, n_init=100; regimes in our order
    let cases = [
        (3, 10.0, 1_142.720_143_893_228_9, 8, vec![209, 351, 40], vec![190, 101, 9], vec![133, 167, 0]),
        (
            4,
            5.0,
            1_096.096_261_685_538_6,
            11,
            vec![204, 349, 37, 10],
            vec![147, 145, 5, 3],
            vec![133, 164, 0, 3],
        ),
        (2, 0.0, 899.178_326_213_010_6, 187, vec![428, 172], vec![222, 78], vec![222, 78]),
        (2, 1e6, 1_182.252_969_063_824_8, 0, vec![600, 0], vec![300, 0], vec![300, 0]),
    ];
    for (states, penalty, objective, changes, rows, online, offline) in cases {
        let fit = fit(&train, &thorough(states, penalty)).unwrap();
        near(fit.objective(), objective);
        assert_eq!((fit.switches(), fit.unsettled()), (changes, 0));
        assert_eq!(counts(&fit.labels(), states), rows);
        assert_eq!(counts(&fit.predict_online(&test).unwrap(), states), online);
        assert_eq!(counts(&fit.predict(&test).unwrap(), states), offline);
        assert_eq!(fit.predict(&train).unwrap(), fit.labels());
    }
    let fit = fit(&train, &thorough(3, 10.0)).unwrap();
    let calm = fit.centers()[0].clone().unwrap();
    let known =
        [-0.476_464_579_499_478, 0.285_520_928_569_998, -0.456_895_120_325_742, 0.194_223_037_616_074];
    known.iter().zip(&calm).for_each(|(known, found)| assert!((known - found).abs() < 1e-5, "{calm:?}"));
}

#[test]
fn continuous_models_are_those_of_jumpmodels() {
    let (train, test) = (made_up(0..600), made_up(600..900));
    let grid = |steps, mode_loss| Shape::Continuous(Grid { steps, mode_loss });
    // jumpmodels 0.1.1: cont=True, grid_size 0.05 or 0.1, mode_loss; n_init 30 or 20. Of equal weights the first
    // regime gets the label, and in the second case the order differs: 14 rows.
    let cases = [
        (2, grid(20, true), 30, 1_170.425_089_146_907_8, vec![559, 41], vec![558.85, 41.15], vec![300, 0]),
        (2, grid(20, false), 30, 1_145.104_446_866_141_2, vec![240, 360], vec![237.5, 362.5], vec![199, 101]),
        (
            3,
            grid(10, true),
            20,
            1_167.941_599_716_721_6,
            vec![511, 47, 42],
            vec![509.5, 47.5, 43.0],
            vec![278, 22, 0],
        ),
    ];
    for (states, shape, starts, objective, rows, weights, online) in cases {
        let fit = fit(&train, &JumpOptions { shape, starts, ..thorough(states, 100.0) }).unwrap();
        near(fit.objective(), objective);
        assert_eq!(counts(&fit.labels(), states), rows);
        for (state, weight) in weights.iter().enumerate() {
            near(fit.probabilities().iter().map(|row| row[state]).sum(), *weight);
        }
        assert_eq!(counts(&fit.predict_online(&test).unwrap(), states), online);
    }
}

#[test]
fn sparse_models_are_those_of_jumpmodels() {
    let train = made_up(0..600);
    // jumpmodels 0.1.1, SparseJumpModel, n_init_jm=50
    let cases = [
        (
            3,
            2.0,
            429.791_464_835_049_2,
            [0.960_277_78, 0.195_407_1, 0.614_233_54, 0.276_791_19],
            vec![220, 337, 43],
        ),
        (
            2,
            3.0,
            432.116_954_378_320_6,
            [0.971_579_14, 0.047_348_38, 0.508_983_01, 0.452_186_68],
            vec![514, 86],
        ),
    ];
    for (states, max_feats, objective, weights, rows) in cases {
        let options = JumpOptions { starts: 50, ..thorough(states, 10.0) };
        let fit = fit_sparse(&train, &options, max_feats).unwrap();
        assert!((fit.objective() - objective).abs() < 1e-6 * objective, "{}", fit.objective());
        for (weight, known) in fit.feat_weights().unwrap().iter().zip(weights) {
            assert!((weight - known).abs() < 1e-6, "{weight} {known}");
        }
        assert_eq!(counts(&fit.labels(), states), rows);
        assert_eq!(fit.predict(&train).unwrap(), fit.labels(), "new rows are weighted too");
    }
}

/// Every sequence of `length` numbers below `base`.
fn sequences(base: usize, length: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..base.pow(length as u32)).map(move |mut code| {
        let digit = |_| {
            let digit = code % base;
            code /= base;
            digit
        };
        (0..length).map(digit).collect()
    })
}

fn half_squared(row: &[f64], center: &[f64]) -> f64 {
    row.iter().zip(center).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / 2.0
}

#[test]
fn the_cheapest_of_all_discrete_paths_is_found() {
    let mut draws = Draws(9);
    for states in 2..=4 {
        for penalty in [0.0, 0.3, 1.0, 5.0] {
            let rows = if states == 2 { 8 } else { 6 };
            let values: Vec<f64> = (0..rows * 2).map(|_| draws.next() * 4.0).collect();
            let centers: Vec<Vec<f64>> =
                (0..states).map(|_| vec![draws.next() * 4.0, draws.next() * 4.0]).collect();
            let cost = |path: &[usize]| {
                let losses: f64 = path
                    .iter()
                    .enumerate()
                    .map(|(t, s)| half_squared(&values[t * 2..t * 2 + 2], &centers[*s]))
                    .sum();
                losses + penalty * switches(path) as f64
            };
            let least = sequences(states, rows).map(|path| cost(&path)).fold(f64::INFINITY, f64::min);
            let options = JumpOptions { states, penalty, ..JumpOptions::default() };
            let fit = evaluate(&table(2, &values), &options, &centers).unwrap();
            near(fit.objective(), least);
            // In which order the regimes are told does not change what the labelled path costs.
            let told: Vec<Vec<f64>> = fit.centers().into_iter().flatten().collect();
            let losses: f64 = fit
                .labels()
                .iter()
                .enumerate()
                .map(|(t, s)| half_squared(&values[t * 2..t * 2 + 2], &told[*s]))
                .sum();
            near(losses + penalty * fit.switches() as f64, least);
        }
    }
}

#[test]
fn the_cheapest_of_all_continuous_paths_is_found() {
    let mut draws = Draws(5);
    let points: [&[&[f64]]; 2] = [
        &[&[1.0, 0.0], &[0.5, 0.5], &[0.0, 1.0]],
        &[
            &[1.0, 0.0, 0.0],
            &[0.5, 0.5, 0.0],
            &[0.5, 0.0, 0.5],
            &[0.0, 1.0, 0.0],
            &[0.0, 0.5, 0.5],
            &[0.0, 0.0, 1.0],
        ],
    ];
    for points in points {
        for mode_loss in [false, true] {
            let (states, rows, penalty) = (points[0].len(), 5, 1.5);
            let values: Vec<f64> = (0..rows).map(|_| draws.next() * 4.0).collect();
            let centers: Vec<Vec<f64>> = (0..states).map(|_| vec![draws.next() * 4.0]).collect();
            let distance = |p: usize, q: usize| {
                let apart: f64 = points[p].iter().zip(points[q]).map(|(a, b)| (a - b).abs()).sum();
                penalty * (apart / 2.0) * (apart / 2.0)
            };
            let mode = |p: usize| (0..points.len()).map(|q| (-distance(p, q)).exp()).sum::<f64>().ln();
            let cost = |path: &[usize]| {
                let losses = path.iter().zip(&values).map(|(p, value)| {
                    let mix = points[*p].iter().zip(&centers);
                    mix.map(|(weight, center)| weight * half_squared(&[*value], center)).sum::<f64>()
                });
                let moves = path.windows(2).map(|pair| {
                    let leave = if mode_loss { mode(pair[0]) - mode(0) } else { 0.0 };
                    distance(pair[0], pair[1]) + leave
                });
                losses.sum::<f64>() + moves.sum::<f64>()
            };
            let least = sequences(points.len(), rows).map(|path| cost(&path)).fold(f64::INFINITY, f64::min);
            let shape = Shape::Continuous(Grid { steps: 2, mode_loss });
            let options = JumpOptions { states, penalty, shape, ..JumpOptions::default() };
            near(evaluate(&table(1, &values), &options, &centers).unwrap().objective(), least);
        }
    }
}

#[test]
fn an_online_label_is_where_the_cheapest_path_so_far_ends() {
    let train = made_up(0..300);
    for shape in [Shape::Discrete, Shape::Continuous(Grid { steps: 5, mode_loss: true })] {
        let fit =
            fit(&train, &JumpOptions { states: 3, penalty: 3.0, shape, ..JumpOptions::default() }).unwrap();
        let online = fit.predict_online(&train).unwrap();
        for rows in [1, 2, 17, 120, 300] {
            let labels = fit.predict(&made_up(0..rows)).unwrap();
            assert_eq!(labels.last(), online.get(rows - 1), "{rows} rows of {shape:?}");
        }
    }
}

#[test]
fn a_row_that_is_none_leaves_the_filter_as_it_was() {
    let fit = fit(&made_up(0..200), &JumpOptions::default()).unwrap();
    let mut filter = fit.filter();
    assert_eq!(filter.probabilities(), [0.0, 0.0]);
    assert!(filter.step(&[0.1, 0.2, 0.3, 0.4]).is_some());
    let before = filter.probabilities();
    for row in [&[0.0; 3][..], &[0.0, f64::NAN, 0.0, 0.0], &[f64::INFINITY; 4], &[1e41; 4]] {
        assert_eq!(filter.step(row), None);
    }
    assert_eq!(filter.probabilities(), before);
}

#[test]
fn scaling_the_columns_and_the_penalty_alike_changes_nothing() {
    let train = made_up(0..300);
    for (scale, penalty) in [(1e6, 1e12), (1e-6, 1e-12)] {
        let scaled: Vec<f64> =
            (0..300).flat_map(|row| train.row(row).unwrap().to_vec()).map(|x| x * scale).collect();
        let options = |penalty| JumpOptions { states: 3, penalty: 10.0 * penalty, ..JumpOptions::default() };
        let (plain, scaled) =
            (fit(&train, &options(1.0)).unwrap(), fit(&table(4, &scaled), &options(penalty)).unwrap());
        if scale > 1.0 {
            assert_eq!(plain.labels(), scaled.labels());
            near(scaled.objective() / penalty, plain.objective());
        } else {
            // jumpmodels' rule ends a descent at a gain of 1e-8, whatever the scale.
            assert!(scaled.objective() / penalty >= plain.objective() * 0.999);
        }
    }
}

#[test]
fn a_seed_gives_the_same_bits_and_more_starts_never_a_worse_fit() {
    let train = made_up(0..300);
    let options = |starts| JumpOptions { states: 4, penalty: 2.0, starts, ..JumpOptions::default() };
    let (a, b) = (fit(&train, &options(3)).unwrap(), fit(&train, &options(3)).unwrap());
    assert_eq!(a.objective().to_bits(), b.objective().to_bits());
    assert_eq!((a.centers(), a.labels()), (b.centers(), b.labels()));
    assert!(fit(&train, &options(30)).unwrap().objective() <= a.objective());
}

/// The report of a model of regimes, checked for what every report must hold.
fn report(model: &JumpModel, table: &FeatureTable) -> Result<RegimeReport, ModelError> {
    let fitted: Box<dyn FittedModel> = model.fit(table)?;
    assert!(fitted.readings().iter().all(|reading| reading.value.is_finite()));
    let report = fitted.regimes().unwrap().clone();
    let (n, states) = (report.n, report.states);
    assert_eq!((n, report.labels.len()), (table.rows(), table.rows()));
    for rows in [&report.filtered, &report.smoothed] {
        assert_eq!(rows.len(), n);
        for row in rows {
            assert_eq!(row.len(), states);
            assert!(
                row.iter().all(|p| (0.0..=1.0).contains(p)) && (row.iter().sum::<f64>() - 1.0).abs() < 1e-9
            );
        }
    }
    for row in &report.transition {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    assert!(report.labels.iter().all(|label| *label < states));
    assert!(report.parameters.iter().all(|parameter| parameter.value.is_finite()));
    assert!(report.expected_durations.iter().all(|rows| *rows >= 1.0));
    assert!(report.objective.is_some_and(f64::is_finite) && report.log_likelihood.is_none());
    Ok(report)
}

#[test]
fn a_report_says_what_was_found_in_order_of_variance() {
    let options = RegimeOptions { states: 3, penalty: 10.0, ..RegimeOptions::default() };
    let told = report(&JumpModel::discrete(options.clone()), &made_up(0..600)).unwrap();
    assert_eq!((told.model, told.states, told.converged), ("jump", 3, true));
    assert_eq!(told.parameters.len(), 12);
    assert_eq!(told.parameters[5].name, "means[1].b");
    assert_eq!(told.transition.len(), 3);
    assert!(told.transition[0][0] > 0.95 && told.expected_durations[0] > 20.0);
    assert_eq!(told.notes, Vec::<String>::new());
    let told = report(&JumpModel::continuous(options.clone()), &made_up(0..200)).unwrap();
    assert_eq!(told.model, "jump-continuous");
    let told = report(&JumpModel::sparse(options, 2.0), &made_up(0..600)).unwrap();
    assert_eq!((told.model, told.parameters.len()), ("jump-sparse", 16));
    assert_eq!(told.parameters[12].name, "feat_weights.a");
}

#[test]
fn given_centroids_are_evaluated_and_a_stated_start_is_where_the_descent_begins() {
    let train = made_up(0..600);
    let options = RegimeOptions { states: 3, penalty: 10.0, ..RegimeOptions::default() };
    let plain = report(&JumpModel::discrete(options.clone()), &train).unwrap();
    let values: Vec<f64> = plain.parameters.iter().map(|parameter| parameter.value).collect();
    let names = plain.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.value));
    let start = Start {
        startprob: Vec::new(),
        transmat: Vec::new(),
        means: values.chunks(4).map(<[f64]>::to_vec).collect(),
        covars: Vec::new(),
    };
    for given in
        [Given::Ordered(values.clone()), Given::Named(names.collect()), Given::Gaussian(start.clone())]
    {
        let options = RegimeOptions { given: Some(given), ..options.clone() };
        let told = report(&JumpModel::discrete(options), &train).unwrap();
        assert_eq!(told.labels, plain.labels);
        assert!(told.converged && told.iterations == 0);
        near(told.objective.unwrap(), plain.objective.unwrap());
    }
    let from = RegimeOptions { start: Some(start), ..options.clone() };
    let told = report(&JumpModel::discrete(from), &train).unwrap();
    assert_eq!((told.iterations, told.labels), (1, plain.labels));

    let short = RegimeOptions { given: Some(Given::Ordered(values[1..].to_vec())), ..options };
    let error = report(&JumpModel::discrete(short), &train).unwrap_err().to_string();
    assert!(error.starts_with("--params has means of another shape"), "{error}");
}

#[test]
fn poor_data_get_a_clear_error_or_a_sound_answer() {
    let model =
        |states| JumpModel::discrete(RegimeOptions { states, penalty: 1.0, ..RegimeOptions::default() });
    let error = |model: &JumpModel, table: &FeatureTable| report(model, table).unwrap_err().to_string();
    let wave: Vec<f64> = (0..60).map(|row| f64::from(row % 7) + if row >= 30 { 20.0 } else { 0.0 }).collect();

    assert_eq!(error(&model(2), &table(1, &[1.0, 2.0])), "2 rows are too few for 2 regimes; give at least 3");
    assert_eq!(report(&model(2), &table(1, &[1.0, 1.1, 9.0])).unwrap().labels, [0, 0, 1], "three rows");
    assert_eq!(error(&model(2), &table(1, &[5.0; 30])), "column a is constant; leave it out");
    assert_eq!(error(&model(1), &table(1, &wave)), "--states is 1; use 2 to 4");
    let huge = error(&model(2), &table(1, &[1.0, 2.0, 1e200, 3.0]));
    assert_eq!(
        huge,
        "the fit cannot square column a, which reaches 1e200; divide the column by a power of ten"
    );

    let beside: Vec<f64> = wave.iter().flat_map(|x| [*x, 3.0]).collect();
    let told = report(&model(2), &table(2, &beside)).unwrap();
    assert_eq!(told.labels, report(&model(2), &table(1, &wave)).unwrap().labels);
    assert_eq!(told.notes, ["column b is constant and tells no regimes apart",][..]);

    let collinear: Vec<f64> = wave.iter().flat_map(|x| [*x, 2.0 * x]).collect();
    assert_eq!(report(&model(2), &table(2, &collinear)).unwrap().labels, told.labels);

    let mut outlier = wave.clone();
    outlier[10] = 60.0 * 10.0;
    let told = report(&model(2), &table(1, &outlier)).unwrap();
    assert_eq!(counts(&told.labels, 2), [59, 1], "a regime of its own, as to any clustering");

    let one = JumpModel::discrete(RegimeOptions { penalty: 1e9, ..RegimeOptions::default() });
    let told = report(&one, &table(1, &wave)).unwrap();
    assert_eq!((told.states, told.labels), (1, vec![0; 60]));
    assert!(told.notes[0].starts_with("2 regimes were asked for and 1 found"), "{:?}", told.notes);
}

#[test]
fn options_that_cannot_be_are_refused() {
    let train = made_up(0..60);
    let plain = JumpOptions::default();
    let continuous = |steps| Shape::Continuous(Grid { steps, mode_loss: true });
    let cases = [
        (JumpOptions { states: 5, ..plain.clone() }, "--states is 5; use 2 to 4"),
        (JumpOptions { penalty: -1.0, ..plain.clone() }, "--penalty is -1; use a number of at least 0"),
        (JumpOptions { penalty: f64::NAN, ..plain.clone() }, "--penalty is NaN; use a number of at least 0"),
        (JumpOptions { starts: 0, ..plain.clone() }, "--starts is 0; use at least 1"),
        (
            JumpOptions { shape: continuous(0), ..plain.clone() },
            "--grid has 0 steps and so 1 points of 2 regimes; use 1 to 2000 points",
        ),
        (
            JumpOptions { states: 4, shape: continuous(100), ..plain.clone() },
            "--grid has 100 steps and so 176851 points of 4 regimes; use 1 to 2000 points",
        ),
        (
            JumpOptions { from: Some(vec![vec![0.0; 4]]), ..plain.clone() },
            "--start has means of another shape, or not finite; give 2 rows of 4 numbers",
        ),
    ];
    for (options, said) in cases {
        assert_eq!(fit(&train, &options).unwrap_err().to_string(), said);
    }
    for max_feats in [0.5, f64::NAN, f64::INFINITY] {
        assert!(fit_sparse(&train, &plain, max_feats).is_err());
    }
    let fit = fit(&train, &plain).unwrap();
    let error = fit.predict(&table(1, &[1.0])).unwrap_err().to_string();
    assert_eq!(error, "--columns are a; give a, b, c, d");
    assert_eq!(fit.predict(&table(4, &[])).unwrap(), Vec::<usize>::new());
}

proptest! {
    #[test]
    fn no_series_makes_a_number_that_is_none(
        rows in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![-3.0..3.0_f64, Just(0.0), any::<f64>().prop_filter("finite", |x| x.is_finite())], 2),
            0..40),
        states in 1..6_usize,
        penalty in prop_oneof![Just(0.0), 0.0..100.0_f64, any::<f64>()],
        kind in 0..3,
        max_feats in 0.9..3.0_f64,
    ) {
        let options = RegimeOptions { states, penalty, iterations: Some(20), ..RegimeOptions::default() };
        let model = match kind {
            0 => JumpModel::discrete(options),
            1 if states < 3 => JumpModel::continuous(options),
            _ => JumpModel::sparse(options, max_feats),
        };
        let _ = report(&model, &table(2, &rows.concat()));
    }

    #[test]
    fn no_step_of_the_descent_makes_it_worse(seed in any::<u64>(), penalty in 0.0..20.0_f64) {
        let train = made_up(0..150);
        let cost = |iterations| {
            let options = JumpOptions { states: 3, penalty, seed, starts: 1, iterations, ..JumpOptions::default() };
            fit(&train, &options).unwrap().objective()
        };
        let costs: Vec<f64> = (0..6).map(cost).collect();
        prop_assert!(costs.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9), "{costs:?}");
    }
}
