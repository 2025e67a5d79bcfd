//! Calibration against scikit-learn's numbers, against brute force, and on what cannot be calibrated.

use proptest::prelude::*;

use super::conformal::Rows;
use super::*;
use crate::chance::Chance;
use crate::reference;
use crate::scalar;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + b.abs())
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|entry| entry.as_f64().expect("a number")).collect()
}

fn flags(text: &str) -> Vec<bool> {
    text.bytes().map(|byte| byte == b'1').collect()
}

/// Scores, many of them equal, and what happened.
fn scored_rows(most: usize) -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
    let row = ((-8..=8i8).prop_map(f64::from), any::<bool>());
    prop::collection::vec(row, 1..most).prop_map(|rows| rows.into_iter().unzip())
}

/// Forecasts whose logit is off: what happens follows `truth` of the logit that is said.
fn simulated(rows: usize, seed: u64, truth: Platt) -> (Vec<f64>, Vec<bool>) {
    let mut chance = Chance::new(seed);
    let row = |_| {
        let logit = -2.0 + 1.2 * chance.normal();
        (logit, chance.uniform() < truth.at(logit))
    };
    (0..rows).map(row).unzip()
}

#[test]
fn four_hundred_scores_are_calibrated_as_in_scikit_learn() {
    let Some((scores, happened, reference)) = reference::calibration_400() else { return };
    let isotonic = Isotonic::of_labels(&scores, &happened).unwrap();
    let agree = |ours: &[f64], theirs: &str| {
        let theirs = numbers(&reference[theirs]);
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(&a, &b)| near(a, b))
    };
    assert!(agree(&isotonic.x, "iso_x"), "{:?}", isotonic.x);
    assert!(agree(&isotonic.y, "iso_y"), "{:?}", isotonic.y);
    let asked: Vec<f64> = (0..=10).map(|tenth| isotonic.at(f64::from(tenth) / 10.0)).collect();
    assert!(agree(&asked, "iso_q"), "{asked:?}");

    let platt = Platt::fit(&scores, &happened).unwrap();
    for (ours, theirs) in [(platt.a, "platt_a"), (platt.b, "platt_b")] {
        let theirs = reference[theirs].as_f64().unwrap();
        assert!((ours - theirs).abs() < 1e-5, "{ours} {theirs}");
    }
}

#[test]
fn neighbours_that_fall_are_pooled() {
    let pooled = pool_adjacent_violators(&[1.0, 2.0, 6.0, 7.0, 3.0], &[1.0; 5]);
    assert!(pooled.iter().zip([1.0, 2.0, 16.0 / 3.0, 16.0 / 3.0, 16.0 / 3.0]).all(|(&a, b)| near(a, b)));
    let weighted = pool_adjacent_violators(&[4.0, 1.0], &[1.0, 2.0]);
    assert!(weighted.iter().all(|&value| near(value, 2.0)));
    assert!(pool_adjacent_violators(&[], &[]).is_empty());
}

#[test]
fn an_isotonic_map_averages_equal_scores_and_is_linear_between_and_flat_beyond() {
    let map = Isotonic::fit(&[2.0, 0.0, 2.0, 4.0, -0.0], &[3.0, 0.0, 1.0, 4.0, 1.0], None).unwrap();
    assert_eq!((&map.x[..], &map.y[..]), (&[0.0, 2.0, 4.0][..], &[0.5, 2.0, 4.0][..]));
    for (score, value) in
        [(-9.0, 0.5), (0.0, 0.5), (1.0, 1.25), (2.0, 2.0), (3.5, 3.5), (4.0, 4.0), (1e300, 4.0)]
    {
        assert!(near(map.at(score), value), "{score}");
    }
    assert!(map.at(f64::NAN).is_nan());
    let one = Isotonic::fit(&[7.0; 3], &[1.0, 0.0, 0.0], Some(&[2.0, 1.0, 1.0])).unwrap();
    assert!(near(one.at(-1.0), 0.5) && near(one.at(7.0), 0.5));
}

#[test]
fn a_line_is_found_whatever_the_scores_unit_and_its_gradient_is_nothing() {
    let (logits, happened) = simulated(2_000, 3, Platt { a: 0.5, b: 0.3 });
    let line = Platt::fit(&logits, &happened).unwrap();
    assert!((line.a - 0.5).abs() < 0.15 && (line.b - 0.3).abs() < 0.3, "{line:?}");
    let errors: Vec<f64> =
        logits.iter().zip(&happened).map(|(&z, &y)| line.at(z) - f64::from(u8::from(y))).collect();
    let slope: f64 = errors.iter().zip(&logits).map(|(error, z)| error * z).sum();
    assert!(errors.iter().sum::<f64>().abs() < 1e-7 && slope.abs() < 1e-7);
    for (scale, shift) in [(1e6, 0.0), (1e-6, 5.0), (1.0, 1e5)] {
        let moved: Vec<f64> = logits.iter().map(|z| z * scale + shift).collect();
        let same = Platt::fit(&moved, &happened).unwrap();
        assert!((same.a * scale - line.a).abs() < 1e-6, "{scale} {shift}");
        assert!((same.at(moved[0]) - line.at(logits[0])).abs() < 1e-6);
    }
}

#[test]
fn a_prior_holds_the_line_back_in_proportion_to_its_strength() {
    let (logits, happened) = simulated(500, 9, Platt { a: 0.4, b: -0.5 });
    let likeliest = Platt::fit(&logits, &happened).unwrap();
    let at = |strength| Platt::toward_identity(&logits, &happened, strength).unwrap();
    let (loose, held, stiff) = (at(1e-9), at(30.0), at(1e9));
    assert!((loose.a - likeliest.a).abs() < 1e-6 && (loose.b - likeliest.b).abs() < 1e-6);
    assert!((stiff.a - 1.0).abs() < 1e-4 && stiff.b.abs() < 1e-4);
    assert!(likeliest.a < held.a && held.a < 1.0, "{held:?}");
    // The penalised gradient is nothing.
    let errors: Vec<f64> =
        logits.iter().zip(&happened).map(|(&z, &y)| held.at(z) - f64::from(u8::from(y))).collect();
    let slope: f64 = errors.iter().zip(&logits).map(|(error, z)| error * z).sum();
    assert!((slope + 30.0 * (held.a - 1.0)).abs() < 1e-6);
    assert!((errors.iter().sum::<f64>() + 30.0 * held.b).abs() < 1e-6);
}

#[test]
fn a_forecast_that_is_upside_down_is_flattened_and_not_turned() {
    let (logits, happened) = simulated(400, 2, Platt { a: -1.0, b: -3.0 });
    assert!(Platt::fit(&logits, &happened).unwrap().a < -0.5);
    let line = Platt::toward_identity(&logits, &happened, 0.5).unwrap();
    assert!(line.a.abs() < 1e-15);
    let share = happened.iter().filter(|&&happened| happened).count() as f64 / 400.0;
    assert!((line.at(0.0) - share).abs() < 0.02, "{line:?} {share}");
}

/// Mean log losses of a raw forecast and of the same recalibrated as it goes, each outcome 5 rows late.
fn as_it_goes(rows: usize, seed: u64, truth: Platt, strength: f64) -> (f64, f64) {
    let (logits, happened) = simulated(rows, seed, truth);
    let raw: Vec<f64> = logits.iter().map(|&z| scalar::clipped(scalar::logistic(z))).collect();
    let mut platt = SequentialPlatt::new(strength, 20).unwrap();
    let (mut before, mut after) = (0.0, 0.0);
    for row in 0..rows {
        if let Some(resolved) = row.checked_sub(5) {
            platt.resolve(raw[resolved], happened[resolved]).unwrap();
        }
        before += scalar::log_loss(raw[row], happened[row]) / rows as f64;
        after += scalar::log_loss(platt.recalibrate(raw[row]), happened[row]) / rows as f64;
    }
    (before, after)
}

#[test]
fn sequential_scaling_mends_what_is_wrong_and_does_no_harm_where_nothing_is() {
    let mean = |rows, truth, strength| {
        let worlds: Vec<(f64, f64)> = (0..20).map(|seed| as_it_goes(rows, seed, truth, strength)).collect();
        let sum = worlds.iter().fold((0.0, 0.0), |sum, world| (sum.0 + world.0, sum.1 + world.1));
        1.0 - sum.1 / sum.0
    };
    let overconfident = mean(400, Platt { a: 0.4, b: -0.9 }, 30.0);
    assert!(overconfident > 0.01, "{overconfident}");
    let sound = mean(60, Platt::IDENTITY, 30.0);
    assert!(sound > -0.01, "{sound}");
    let unheld = mean(60, Platt::IDENTITY, 1e-3);
    assert!(unheld < sound - 0.01, "without a prior it does harm: {unheld} {sound}");
}

#[test]
fn sequential_scaling_refits_on_schedule_on_everything_resolved_so_far() {
    let (logits, happened) = simulated(90, 8, Platt { a: 0.5, b: 0.0 });
    let mut platt = SequentialPlatt::new(4.0, 40).unwrap();
    for (row, (&z, &y)) in logits.iter().zip(&happened).enumerate() {
        platt.resolve(scalar::logistic(z), y).unwrap();
        if row + 1 < 40 {
            assert_eq!(platt.platt, Platt::IDENTITY);
            assert!(near(platt.recalibrate(0.2), 0.2));
        }
    }
    let by_80 = Platt::toward_identity(&platt.logits[..80], &happened[..80], 4.0).unwrap();
    assert_eq!(platt.platt, by_80);
    let before = platt.clone();
    assert!(platt.resolve(f64::NAN, true).is_err() && platt.resolve(1.1, true).is_err());
    assert_eq!(platt, before, "what is refused leaves nothing behind");
    assert!(SequentialPlatt::new(0.0, 1).is_err() && SequentialPlatt::new(1.0, 0).is_err());
}

#[test]
fn what_was_seen_of_late_is_one_step_towards_the_outcomes_of_a_regime() {
    let mut recency = Recency::new(2.0, 0.5).unwrap();
    assert!((0..3).all(|regime| near(recency.shift(regime), 0.0)), "nothing seen, nothing added");
    recency.resolve(1, 0.2, true).unwrap();
    assert!(near(recency.shift(1), 0.8 / (0.5 + 0.16)) && near(recency.shift(0), 0.0));
    recency.resolve(0, 0.5, false).unwrap();
    recency.resolve(1, 0.2, false).unwrap();
    // Two outcomes later the first of the regime counts for half, the one between for √½ in its own.
    assert!(near(recency.shift(1), (0.4 - 0.2) / (0.5 + 0.08 + 0.16)), "{recency:?}");
    let root = libm::sqrt(0.5);
    assert!(near(recency.shift(0), -0.5 * root / (0.5 + 0.25 * root)), "{recency:?}");
    let before = recency.clone();
    assert!(recency.resolve(1, f64::NAN, true).is_err() && recency.resolve(0, 1.5, true).is_err());
    assert_eq!(recency, before, "what is refused leaves nothing behind");
    for (half_life, strength, named) in
        [(0.0, 1.0, "half-life"), (f64::NAN, 1.0, "half-life"), (1.0, -1.0, "strength")]
    {
        let said = Recency::new(half_life, strength).unwrap_err().to_string();
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn what_was_seen_of_late_mends_a_change_within_a_regime_and_costs_little_where_nothing_changed() {
    // Regimes take turns; of the second half on, shifts out of regime 1 are rarer by 1.5 in the logit than is said.
    let gain = |change: f64| {
        let (mut raw, mut moved) = (0.0, 0.0);
        for seed in 0..20 {
            let mut chance = Chance::new(seed);
            let mut recency = Recency::new(125.0, 8.0).unwrap();
            for row in 0..800 {
                let (regime, logit) = (row % 2, -1.0 + chance.normal());
                let truth = if regime == 1 && row >= 400 { logit + change } else { logit };
                let happened = chance.uniform() < scalar::logistic(truth);
                raw += scalar::log_loss(scalar::logistic(logit), happened);
                moved += scalar::log_loss(scalar::logistic(logit + recency.shift(regime)), happened);
                recency.resolve(regime, scalar::logistic(logit), happened).unwrap();
            }
        }
        1.0 - moved / raw
    };
    let (changed, unchanged) = (gain(-1.5), gain(0.0));
    assert!(changed > 0.03, "{changed}");
    assert!(unchanged > -0.01, "{unchanged}");
}

/// The definition: both isotonic fits, from scratch.
fn brute_force_pair(scores: &[f64], happened: &[bool], score: f64) -> VennPair {
    let with = |label: bool| {
        let (mut scores, mut happened) = (scores.to_vec(), happened.to_vec());
        scores.push(score);
        happened.push(label);
        Isotonic::of_labels(&scores, &happened).unwrap().at(score)
    };
    VennPair { p0: with(false), p1: with(true) }
}

#[test]
fn the_venn_abers_pair_by_hand() {
    let venn = VennAbers::fit(&[1.0, 2.0, 3.0, 4.0], &flags("0101")).unwrap();
    for (score, p0, p1) in [
        (0.0, 0.0, 0.5), // (1, 0, 1, 0, 1): pools the first four
        (1.0, 0.0, 0.5), // half at 1, then 1 0 1: pools the first three
        (2.0, 1.0 / 3.0, 2.0 / 3.0),
        (4.0, 0.5, 1.0),
        (5.0, 0.5, 1.0),
    ] {
        let pair = venn.pair(score);
        assert!(near(pair.p0, p0) && near(pair.p1, p1), "{score} {pair:?}");
    }
    let pair = VennPair { p0: 0.2, p1: 0.4 };
    assert!(near(pair.combined(), 0.4 / 1.2) && near(pair.width(), 0.2));
    assert_eq!(venn.pair(f64::NAN), VennPair { p0: 0.0, p1: 1.0 });
}

#[test]
fn venn_abers_widens_where_rows_are_few_and_says_something_of_one_kind_too() {
    let quiet = VennAbers::fit(&(0..99).map(f64::from).collect::<Vec<_>>(), &[false; 99]).unwrap();
    let (low, high) = (quiet.pair(0.0), quiet.pair(98.0));
    assert!(low.p0.abs() < 1e-15 && near(low.p1, 0.01) && near(high.p1, 0.5), "{low:?} {high:?}");
    let (logits, happened) = simulated(3_000, 1, Platt::IDENTITY);
    let venn = VennAbers::fit(&logits, &happened).unwrap();
    assert!(venn.pair(-2.0).width() < 0.05 && venn.pair(9.0).width() > 0.1);
    for z in [-3.5, -2.0, -1.0] {
        assert!((venn.pair(z).combined() - scalar::logistic(z)).abs() < 0.06, "{z}");
    }
}

#[test]
fn a_conformal_set_by_hand() {
    let p = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.15, 0.35];
    let rows = Rows::new(&p, &flags("00000000011"), 0.75).unwrap();
    assert_eq!(rows.p_values(0.45), (0.6, 1.0));
    assert_eq!(rows.p_values(0.15), (0.9, 2.0 / 3.0));
    assert_eq!(rows.p_values(0.95), (0.1, 1.0));
    let limits = rows.limits();
    assert_eq!((limits.stay_to, limits.leave_from), (0.8, 0.0));
    let sets = ConformalRegimes::fit(&p, &flags("00000000011"), 0.75).unwrap();
    assert_eq!(sets, limits);
    for (probability, stay, leave) in
        [(0.05, true, true), (0.45, true, true), (0.75, true, true), (0.85, false, true)]
    {
        assert_eq!(sets.set(probability), RegimeSet { stay, leave }, "{probability}");
    }
    assert_eq!(sets.set(f64::NAN), RegimeSet { stay: true, leave: true });
    assert_eq!(RegimeSet { stay: true, leave: true }.regimes(1, 2), [0, 1]);
    assert_eq!(RegimeSet { stay: false, leave: true }.regimes(1, 3), [0, 2]);
    // Too few rows of a label to ever exclude it.
    let few = ConformalRegimes::fit(&p[..8], &[false; 8], 0.9).unwrap();
    assert!((0..=10).all(|tenth| few.set(f64::from(tenth) / 10.0) == RegimeSet { stay: true, leave: true }));
    // Unlike either: the likelier label stays.
    let apart: Vec<f64> = (0..40).map(|row| if row < 20 { 0.1 } else { 0.9 }).collect();
    let outcomes: Vec<bool> = (0..40).map(|row| row >= 20).collect();
    let middle = ConformalRegimes::fit(&apart, &outcomes, 0.9).unwrap().set(0.5);
    assert_eq!(middle, RegimeSet { stay: true, leave: false });
}

#[test]
fn each_label_is_covered_at_its_level_the_rare_one_too() {
    let (mut missed, mut seen) = ([0u32; 2], [0u32; 2]);
    for world in 0..30 {
        let (logits, happened) = simulated(900, world, Platt { a: 0.7, b: -0.3 });
        let p: Vec<f64> = logits.iter().map(|&z| scalar::logistic(z)).collect();
        let sets = ConformalRegimes::fit(&p[..500], &happened[..500], 0.9).unwrap();
        for (&p, &happened) in p[500..].iter().zip(&happened[500..]) {
            let set = sets.set(p);
            seen[usize::from(happened)] += 1;
            missed[usize::from(happened)] += u32::from(!if happened { set.leave } else { set.stay });
        }
    }
    for (missed, seen) in missed.iter().zip(seen) {
        let share = f64::from(*missed) / f64::from(seen);
        assert!((0.07..0.115).contains(&share), "{share} of {seen}");
    }
}

#[test]
fn a_guard_measures_by_hand_and_sees_what_single_columns_hide() {
    let mut chance = Chance::new(1);
    let mut rows = Vec::new();
    for _ in 0..4_000 {
        let common = chance.normal();
        rows.extend([10.0 + common, -3.0 + 100.0 * (0.95 * common + 0.312 * chance.normal()), 7.0]);
    }
    let by_column = DensityGuard::fit(&rows, 3, Shape::Diagonal, 0.999).unwrap();
    let whole = DensityGuard::fit(&rows, 3, Shape::Full { shrinkage: 0.01 }, 0.999).unwrap();
    assert!(by_column.scale[2].abs() < 1e-15, "a constant column is left out");
    let z = |row: &[f64], column: usize| (row[column] - by_column.mean[column]) / by_column.scale[column];
    let odd = [12.0, -203.0, 1e9];
    assert!(near(by_column.distance(&odd), z(&odd, 0).hypot(z(&odd, 1))));
    assert!(!by_column.is_outside(&odd) && whole.is_outside(&odd), "two ordinary values that never met");
    assert!(by_column.is_outside(&[10.0, 1e4, 7.0]) && by_column.most_unusual(&[10.0, 1e4, 7.0]) == Some(1));
    // zᵀ R⁻¹ z of two columns in closed form.
    let correlation: f64 = rows.chunks(3).map(|row| z(row, 0) * z(row, 1)).sum::<f64>() / 4_000.0 * 0.99;
    let (u, v) = (z(&odd, 0), z(&odd, 1));
    let square = (u * u - 2.0 * correlation * u * v + v * v) / (1.0 - correlation * correlation);
    assert!((whole.distance(&odd) - square.sqrt()).abs() < 1e-9);
    for guard in [&by_column, &whole] {
        let outside = rows.chunks(3).filter(|row| guard.is_outside(row)).count();
        assert!(outside == 4, "one in a thousand: {outside}");
        for row in [&[f64::NAN, 0.0, 0.0][..], &[0.0, f64::INFINITY, 0.0], &[0.0, 0.0], &[]] {
            assert!(guard.is_outside(row) && guard.distance(row).is_infinite());
        }
    }
    assert_eq!(by_column.most_unusual(&[0.0, f64::NAN, 0.0]), Some(1));
    assert_eq!(by_column.most_unusual(&[0.0]), None);
}

#[test]
fn what_cannot_be_calibrated_says_why() {
    let (scores, mixed) = ([0.1, 0.4, 0.3, 0.8], flags("0101"));
    for error in [
        Isotonic::of_labels(&[], &[]).unwrap_err(),
        Platt::fit(&[], &[]).unwrap_err(),
        VennAbers::fit(&[], &[]).unwrap_err(),
        ConformalRegimes::fit(&[], &[], 0.9).unwrap_err(),
        DensityGuard::fit(&[], 2, Shape::Diagonal, 0.9).unwrap_err(),
        DensityGuard::fit(&[1.0], 0, Shape::Diagonal, 0.9).unwrap_err(),
    ] {
        assert_eq!(error, CalibrationError::Empty);
    }
    let ragged = CalibrationError::Ragged { scores: 4, outcomes: 3 };
    assert_eq!(VennAbers::fit(&scores, &mixed[..3]), Err(ragged.clone()));
    assert_eq!(Platt::fit(&scores, &mixed[..3]), Err(ragged));
    assert!(matches!(
        DensityGuard::fit(&scores, 3, Shape::Diagonal, 0.9),
        Err(CalibrationError::Ragged { .. })
    ));
    for bad in [f64::NAN, f64::INFINITY] {
        let scores = [0.1, bad, 0.3, 0.8];
        assert!(matches!(Platt::fit(&scores, &mixed), Err(CalibrationError::Unusable { row: 1, .. })));
        assert!(matches!(
            Platt::toward_identity(&scores, &mixed, 1.0),
            Err(CalibrationError::Unusable { row: 1, .. })
        ));
        assert!(matches!(
            Isotonic::of_labels(&scores, &mixed),
            Err(CalibrationError::Unusable { row: 1, .. })
        ));
        assert!(matches!(VennAbers::fit(&scores, &mixed), Err(CalibrationError::Unusable { row: 1, .. })));
        assert!(matches!(
            DensityGuard::fit(&scores, 2, Shape::Diagonal, 0.9),
            Err(CalibrationError::Unusable { row: 1, .. })
        ));
    }
    assert!(matches!(
        ConformalRegimes::fit(&[0.1, 1.4], &mixed[..2], 0.9),
        Err(CalibrationError::Unusable { row: 1, .. })
    ));
    assert!(matches!(
        Isotonic::fit(&[1.0], &[1.0], Some(&[0.0])),
        Err(CalibrationError::Unusable { row: 0, .. })
    ));

    assert_eq!(Platt::fit(&scores, &[false; 4]), Err(CalibrationError::OneClass { happened: false }));
    assert_eq!(Platt::fit(&[0.3; 4], &mixed), Err(CalibrationError::Constant { value: 0.3 }));
    assert_eq!(Platt::fit(&scores, &flags("0001")), Err(CalibrationError::Separable { threshold: 0.8 }));
    assert_eq!(Platt::fit(&scores, &flags("1010")), Err(CalibrationError::Separable { threshold: 0.4 }));
    // A prior makes sense of all of them.
    for (scores, happened) in
        [(scores, flags("0000")), ([0.3; 4], mixed.clone()), ([-9.0, -9.0, 9.0, 9.0], flags("0011"))]
    {
        let line = Platt::toward_identity(&scores, &happened, 0.01).unwrap();
        assert!(line.a.is_finite() && line.a >= 0.0 && line.b.is_finite());
    }
    assert_eq!(Platt::toward_identity(&[], &[], 1.0), Ok(Platt::IDENTITY));
    for bad in [0.0, -1.0, f64::NAN] {
        assert!(matches!(Platt::toward_identity(&scores, &mixed, bad), Err(CalibrationError::Option { .. })));
    }
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            ConformalRegimes::fit(&scores, &mixed, level),
            Err(CalibrationError::Option { .. })
        ));
    }
    let twins = [1.0, 2.0, 2.0, 4.0, 5.0, 10.0, 3.0, 6.0];
    let unshrunk = DensityGuard::fit(&twins, 2, Shape::Full { shrinkage: 0.0 }, 0.9);
    assert!(matches!(unshrunk, Err(CalibrationError::Singular)), "{unshrunk:?}");
    assert!(DensityGuard::fit(&twins, 2, Shape::Full { shrinkage: 0.1 }, 0.9).is_ok());
    for (shape, quantile) in [(Shape::Diagonal, 1.5), (Shape::Full { shrinkage: -0.1 }, 0.9)] {
        assert!(matches!(
            DensityGuard::fit(&twins, 2, shape, quantile),
            Err(CalibrationError::Option { .. })
        ));
    }
    assert!(matches!(
        DensityGuard::fit(&[1e300, -1e300], 1, Shape::Diagonal, 0.9),
        Err(CalibrationError::Option { .. })
    ));
}

#[test]
fn what_was_fitted_comes_back_from_json_to_the_last_bit_and_damage_is_seen() {
    fn back<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + core::fmt::Debug>(value: &T) {
        let text = toml::to_string(value).unwrap();
        assert_eq!(&toml::from_str::<T>(&text).unwrap(), value);
    }
    let (logits, happened) = simulated(300, 5, Platt::IDENTITY);
    let p: Vec<f64> = logits.iter().map(|&z| scalar::logistic(z)).collect();
    let isotonic = Isotonic::of_labels(&p, &happened).unwrap();
    let venn = VennAbers::fit(&logits, &happened).unwrap();
    let sets = ConformalRegimes::fit(&p, &happened, 0.9).unwrap();
    let guard = DensityGuard::fit(&logits, 3, Shape::Full { shrinkage: 0.1 }, 0.999).unwrap();
    let mut sequential = SequentialPlatt::new(2.0, 10).unwrap();
    for (&p, &happened) in p.iter().zip(&happened) {
        sequential.resolve(p, happened).unwrap();
    }
    back(&isotonic);
    back(&venn);
    back(&sets);
    back(&guard);
    back(&sequential);
    let mut recency = Recency::new(125.0, 21.5).unwrap();
    for (row, (&p, &happened)) in p.iter().zip(&happened).enumerate() {
        recency.resolve(row % 2, p, happened).unwrap();
    }
    back(&recency);
    let sound = [
        isotonic.check(),
        venn.check(),
        sets.check(),
        guard.check(),
        sequential.check(),
        recency.check(),
        Platt::IDENTITY.check(),
    ];
    assert!(sound.iter().all(Result::is_ok));

    let mut falling = isotonic.clone();
    falling.y.reverse();
    let mut unequal = isotonic;
    unequal.x.pop();
    let mut unsorted = venn.clone();
    unsorted.lower.at.swap(0, 1);
    let mut no_shares = venn;
    no_shares.upper.value.push(2.0);
    no_shares.upper.at.push(1e9);
    let no_level = ConformalRegimes { level: 1.0, ..sets };
    let nothing_between = ConformalRegimes { stay_to: 0.2, leave_from: 0.3, ..sets };
    let no_number = ConformalRegimes { leave_from: f64::NAN, ..sets };
    let of_nothing = ConformalRegimes { rows_stayed: 0, rows_left: 0, ..sets };
    let mut no_limit = guard.clone();
    no_limit.limit = -1.0;
    let mut no_factor = guard.clone();
    no_factor.lower = Some(vec![0.0; 9]);
    let mut short = guard;
    short.scale.pop();
    let mut cut = sequential.clone();
    cut.happened.pop();
    sequential.platt.a = f64::INFINITY;
    let mut negative = recency.clone();
    negative.information[0] = -1.0;
    recency.surprise[1] = f64::NAN;
    let refused = [
        falling.check(),
        unequal.check(),
        unsorted.check(),
        no_shares.check(),
        no_level.check(),
        nothing_between.check(),
        no_number.check(),
        of_nothing.check(),
        no_limit.check(),
        no_factor.check(),
        short.check(),
        cut.check(),
        sequential.check(),
        negative.check(),
        recency.check(),
    ];
    for (place, refusal) in refused.iter().enumerate() {
        assert!(matches!(refusal, Err(CalibrationError::Damaged { .. })), "{place} {refusal:?}");
    }
}

/// The least sum of squares over every way to cut the rows into blocks whose means do not fall.
fn best_by_brute_force(values: &[f64], weights: &[f64]) -> f64 {
    let n = values.len();
    let mut best = f64::INFINITY;
    for cuts in 0..1u32 << (n - 1) {
        let (mut cost, mut before, mut start, mut rises) = (0.0, f64::NEG_INFINITY, 0, true);
        for end in 1..=n {
            if end < n && cuts & (1 << (end - 1)) == 0 {
                continue;
            }
            let total: f64 = weights[start..end].iter().sum();
            let mean = (start..end).map(|i| values[i] * weights[i]).sum::<f64>() / total;
            rises &= mean >= before - 1e-12;
            cost += (start..end).map(|i| weights[i] * (values[i] - mean).powi(2)).sum::<f64>();
            (before, start) = (mean, end);
        }
        if rises && cost < best {
            best = cost;
        }
    }
    best
}

proptest! {
    #[test]
    fn pooling_is_the_least_squares_answer(rows in prop::collection::vec(((-4..=4i8).prop_map(f64::from), (1..=3u8).prop_map(f64::from)), 1..10)) {
        let (values, weights): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
        let pooled = pool_adjacent_violators(&values, &weights);
        prop_assert_eq!(pooled.len(), values.len());
        prop_assert!(pooled.windows(2).all(|pair| pair[0] <= pair[1]));
        let cost: f64 = (0..values.len()).map(|i| weights[i] * (values[i] - pooled[i]).powi(2)).sum();
        prop_assert!((cost - best_by_brute_force(&values, &weights)).abs() < 1e-9);
    }

    #[test]
    fn an_isotonic_map_rises_and_survives_its_own_check((scores, happened) in scored_rows(60), asked in prop::collection::vec(-10.0..10.0, 2..20)) {
        let map = Isotonic::of_labels(&scores, &happened).unwrap();
        prop_assert_eq!(map.check(), Ok(()));
        let mut asked: Vec<f64> = asked;
        asked.sort_by(f64::total_cmp);
        let values: Vec<f64> = asked.iter().map(|&score| map.at(score)).collect();
        prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
    }

    #[test]
    fn venn_abers_equals_both_isotonic_fits_from_scratch((scores, happened) in scored_rows(50)) {
        let venn = VennAbers::fit(&scores, &happened).unwrap();
        prop_assert_eq!(venn.check(), Ok(()));
        let mut before = VennPair { p0: 0.0, p1: 0.0 };
        for half in -20..=20i8 {
            let score = f64::from(half) / 2.0;
            let (found, wanted) = (venn.pair(score), brute_force_pair(&scores, &happened, score));
            // A block's share is one division in the one and a mean of means in the other.
            prop_assert!((found.p0 - wanted.p0).abs() < 1e-14 && (found.p1 - wanted.p1).abs() < 1e-14, "{score}: {found:?} {wanted:?}");
            prop_assert!(found.p0 <= found.p1);
            prop_assert!(found.p0 <= found.combined() && found.combined() <= found.p1);
            prop_assert!(before.p0 <= found.p0 && before.p1 <= found.p1);
            before = found;
        }
    }

    #[test]
    fn a_prior_always_gives_a_line_that_costs_no_more_than_the_identity((logits, happened) in scored_rows(40), strength in 1e-3..100.0) {
        let line = Platt::toward_identity(&logits, &happened, strength).unwrap();
        prop_assert!(line.a >= 0.0 && line.b.is_finite());
        let cost = |line: Platt| -> f64 {
            let penalty = strength / 2.0 * ((line.a - 1.0).powi(2) + line.b.powi(2));
            let loss = |(&z, &y): (&f64, &bool)| {
                let wrong = if y { -line.a * z - line.b } else { line.a * z + line.b };
                scalar::log_sum_exp(&[0.0, wrong])
            };
            penalty + logits.iter().zip(&happened).map(loss).sum::<f64>()
        };
        let least = cost(line);
        prop_assert!(least <= cost(Platt::IDENTITY) + 1e-9);
        for (a, b) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
            let beside = Platt { a: (line.a + a).max(0.0), b: line.b + b };
            prop_assert!(least <= cost(beside) + 1e-9);
        }
    }

    #[test]
    fn limits_answer_as_the_rows_do_at_and_beside_every_one_of_them(
        (logits, happened) in scored_rows(60),
        share in 0.0..=1.0,
        level in prop_oneof![1e-12..1.0, Just(0.9)],
        asked in 0.0..=1.0,
    ) {
        // Some certain, some all but the same.
        let p: Vec<f64> = logits.iter().map(|&z| (scalar::logistic(z * 4.0) * 1.2 - 0.1).clamp(0.0, 1.0)).collect();
        let happened: Vec<bool> = happened.iter().zip(&p).map(|(&h, &p)| h || p > share).collect();
        let rows = Rows::new(&p, &happened, level).unwrap();
        let limits = rows.limits();
        prop_assert_eq!(limits.check(), Ok(()));
        let ends = [0.0, -0.0, 1.0, asked, 0_f64.next_up(), 1_f64.next_down()];
        for at in p.into_iter().flat_map(|p| [p, p.next_up(), p.next_down()]).chain(ends) {
            if (0.0..=1.0).contains(&at) {
                prop_assert_eq!(limits.set(at), rows.set(at), "{} of {:?}", at, rows);
            }
        }
    }

    #[test]
    fn conformal_sets_are_never_empty_and_grow_with_the_level((logits, happened) in scored_rows(60), asked in 0.0..=1.0) {
        let p: Vec<f64> = logits.iter().map(|&z| scalar::logistic(z)).collect();
        let at = |level| ConformalRegimes::fit(&p, &happened, level).unwrap().set(asked);
        let (narrow, wide) = (at(0.6), at(0.95));
        prop_assert!((narrow.stay || narrow.leave) && (wide.stay || wide.leave));
        let whole = (u8::from(narrow.stay) + u8::from(narrow.leave), u8::from(wide.stay) + u8::from(wide.leave));
        prop_assert!(whole.0 <= whole.1);
    }
}
