//! Scores against references, against slower and plainer ways to the same numbers, and on what cannot be scored.

use proptest::prelude::*;

use super::*;
use crate::chance::Chance;
use crate::reference;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + b.abs())
}

fn flags(text: &str) -> Vec<bool> {
    text.bytes().map(|byte| byte == b'1').collect()
}

/// Probabilities, many of them equal, and what happened.
fn forecasts() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
    let row = (prop_oneof![(0..=20u8).prop_map(|n| f64::from(n) / 20.0), 0.0..=1.0], any::<bool>());
    prop::collection::vec(row, 1..120).prop_map(|rows| rows.into_iter().unzip())
}

#[test]
fn four_hundred_forecasts_score_as_in_scikit_learn() {
    let Some((scores, happened, reference)) = reference::calibration_400() else { return };
    let of = |name: &str| reference[name].as_f64().expect("a number");
    assert!(near(brier(&scores, &happened).unwrap(), of("brier")));
    assert!(near(auc(&scores, &happened).unwrap(), of("auc")));
    assert!(near(average_precision(&scores, &happened).unwrap(), of("ap")));
    // The reference clips at 1e-6 and we at 1e-4: one forecast of 1, which came true, costs more here.
    let ours = mean_log_loss(&scores, &happened).unwrap();
    let certain = scores.iter().zip(&happened).filter(|&(&p, &happened)| happened && p >= 1.0).count();
    let clip = certain as f64 * ((1.0f64 - 1e-6).ln() - (1.0f64 - 1e-4).ln()) / 400.0;
    assert_eq!(certain, 1);
    assert!((ours - clip - of("logloss")).abs() < 1e-12, "{ours}");
}

#[test]
fn the_parts_of_a_brier_score_by_hand() {
    // Two bins of one value each: 0.2 happened once in two, 0.8 always.
    let (p, y) = ([0.2, 0.2, 0.8, 0.8], flags("0111"));
    let parts = murphy(&p, &y, Binning::EqualWidth(2)).unwrap();
    assert!(near(parts.score, (0.04 + 0.64 + 0.04 + 0.04) / 4.0));
    assert!(near(parts.reliability, (2.0 * 0.09 + 2.0 * 0.04) / 4.0));
    assert!(near(parts.resolution, (2.0 * 0.0625 + 2.0 * 0.0625) / 4.0));
    assert!(near(parts.uncertainty, 0.1875));
    assert!(parts.within_variance < 1e-30 && parts.within_covariance.abs() < 1e-30);
}

#[test]
fn a_reliability_diagram_counts_rows_and_keeps_equal_forecasts_together() {
    let p = [0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.6, 0.95, 1.0];
    let y = flags("010000111");
    let shape = |binning| -> Vec<(usize, usize, f64, f64)> {
        let points = reliability(&p, &y, binning).unwrap();
        assert!(points.iter().all(|bin| bin.low <= bin.observed && bin.observed <= bin.high));
        points.iter().map(|bin| (bin.n, bin.events, bin.from, bin.to)).collect()
    };
    assert_eq!(shape(Binning::EqualCount(3)), [(5, 1, 0.1, 0.1), (1, 0, 0.4, 0.4), (3, 3, 0.6, 1.0)]);
    assert_eq!(shape(Binning::EqualWidth(2)), [(6, 1, 0.0, 0.5), (3, 3, 0.5, 1.0)]);
    assert_eq!(shape(Binning::EqualWidth(10)).len(), 4, "empty bins are left out");
    assert_eq!(shape(Binning::EqualCount(100)).len(), 5, "one a value at most");
}

/// Brown, Cai and `DasGupta`'s formula, worked by hand to four digits.
#[test]
fn wilsons_interval_is_the_textbooks() {
    for (events, n, low, high) in
        [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 30, 0.0059, 0.1667)]
    {
        let found = wilson(events, n, 1.959_964).unwrap();
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{events}/{n} {found:?}");
    }
    assert!(wilson(0, 0, 1.96).is_none() && wilson(3, 2, 1.96).is_none() && wilson(1, 2, f64::NAN).is_none());
}

#[test]
fn skill_is_the_share_of_the_loss_that_is_saved() {
    let baseline = vec![0.5; 100];
    let same = skill(&baseline, &baseline, Bootstrap::of_horizon(5, 1)).unwrap();
    assert_eq!((same.value, same.interval), (0.0, Some(Interval { low: 0.0, high: 0.0 })));
    let better: Vec<f64> = baseline.iter().map(|loss| loss * 0.8).collect();
    let saved = skill(&better, &baseline, Bootstrap::of_horizon(1, 1)).unwrap();
    assert!(near(saved.value, 0.2) && near(saved.model_loss, 0.4) && near(saved.baseline_loss, 0.5));
    let few = skill(&better[..39], &baseline[..39], Bootstrap::of_horizon(1, 1)).unwrap();
    assert_eq!(few.interval, None, "39 rows are fewer than two blocks of 20");
    assert_eq!(Bootstrap::of_horizon(24, 0).block, 96);
}

/// The same draws, summed row by row.
#[test]
fn prefix_sums_redraw_the_same_rows_as_a_plain_bootstrap() {
    let mut chance = Chance::new(5);
    let model: Vec<f64> = (0..107).map(|_| chance.uniform()).collect();
    let baseline: Vec<f64> = (0..107).map(|_| chance.uniform() + 0.1).collect();
    let bootstrap = Bootstrap { block: 10, draws: 200, level: 0.9, seed: 11 };
    let mut chance = Chance::new(11);
    let mut plain: Vec<f64> = (0..200)
        .map(|_| {
            let mut rows = Vec::new();
            while rows.len() < 107 {
                let start = chance.index(98);
                rows.extend(start..start + 10);
            }
            rows.truncate(107);
            let sum = |losses: &[f64]| rows.iter().map(|&row| losses[row]).sum::<f64>();
            1.0 - sum(&model) / sum(&baseline)
        })
        .collect();
    plain.sort_by(f64::total_cmp);
    let found = skill(&model, &baseline, bootstrap).unwrap();
    let interval = found.interval.unwrap();
    assert!(near(interval.low, crate::scalar::quantile(&plain, 0.05).unwrap()));
    assert!(near(interval.high, crate::scalar::quantile(&plain, 0.95).unwrap()));
    assert_eq!(skill(&model, &baseline, bootstrap), Ok(found), "a seed gives one answer");
}

/// Losses that depend on their neighbours, as volatility makes them: 19 of 20 intervals hold the truth, or a
/// little fewer, as is known of percentile intervals; single rows would hold it far less often.
#[test]
fn the_interval_covers_the_true_skill_of_dependent_losses() {
    let (mut by_blocks, mut by_rows) = (0, 0);
    let worlds = 150;
    for world in 0..worlds {
        let mut chance = Chance::new(1_000 + world);
        let (mut model, mut baseline, mut state) = (Vec::new(), Vec::new(), 0.0);
        for _ in 0..600 {
            state = 0.6 * state + 0.8 * chance.normal();
            // Means 1.8 and 2: a skill of 0.1.
            model.push((1.8 + 0.4 * state).max(0.0));
            baseline.push(2.0 + 0.2 * chance.normal());
        }
        let held = |block| {
            let bootstrap = Bootstrap { block, draws: 150, level: 0.95, seed: world };
            let interval = skill(&model, &baseline, bootstrap).unwrap().interval.unwrap();
            interval.low <= 0.1 && 0.1 <= interval.high
        };
        by_blocks += u64::from(held(30));
        by_rows += u64::from(held(1));
    }
    let share = |count: u64| count as f64 / worlds as f64;
    assert!((0.86..=0.99).contains(&share(by_blocks)), "{}", share(by_blocks));
    assert!(share(by_rows) < 0.8, "{}", share(by_rows));
}

#[test]
fn the_incomplete_beta_function_has_its_closed_forms() {
    for x in [0.0, 1e-9, 0.05, 0.3, 0.5, 0.77, 0.999, 1.0] {
        for a in [0.5f64, 1.0, 2.5, 40.0, 3_000.0] {
            let found = regularised_beta(x, a, 1.0).unwrap();
            assert!((found - f64::powf(x, a)).abs() < 1e-11, "{x} {a}");
            let mirror = 1.0 - regularised_beta(1.0 - x, 1.0, a).unwrap();
            assert!((found - mirror).abs() < 1e-11);
        }
        // I_x(a, b) is the chance of at least a successes in a + b − 1.
        let binomial = |k: u32| {
            let ways = [1.0, 9.0, 36.0, 84.0, 126.0, 126.0, 84.0, 36.0, 9.0, 1.0][k as usize];
            ways * f64::powi(x, k as i32) * f64::powi(1.0 - x, 9 - k as i32)
        };
        let sum: f64 = (4..=9).map(binomial).sum();
        assert!((regularised_beta(x, 4.0, 6.0).unwrap() - sum).abs() < 1e-13);
    }
    for (x, a, b) in [(-0.1, 1.0, 1.0), (f64::NAN, 1.0, 1.0), (0.5, 0.0, 1.0), (0.5, 1.0, f64::INFINITY)] {
        assert!(regularised_beta(x, a, b).is_none());
    }
}

#[test]
fn students_t_has_its_closed_forms_and_its_table() {
    for t in [0.0f64, 0.1, 1.0, 2.5, 30.0] {
        let cauchy = 1.0 - 2.0 / std::f64::consts::PI * t.atan();
        assert!((student_two_sided(t, 1.0).unwrap() - cauchy).abs() < 1e-13);
        let of_two = 1.0 - t / (2.0 + t * t).sqrt();
        assert!((student_two_sided(-t, 2.0).unwrap() - of_two).abs() < 1e-13);
        let normal = libm::erfc(t / std::f64::consts::SQRT_2);
        assert!((student_two_sided(t, 1e9).unwrap() - normal).abs() < 1e-6);
    }
    for (degrees_of_freedom, t) in
        [(5.0, 2.570_582), (10.0, 2.228_139), (30.0, 2.042_272), (120.0, 1.979_930)]
    {
        assert!((student_two_sided(t, degrees_of_freedom).unwrap() - 0.05).abs() < 1e-6);
    }
    assert!(student_two_sided(f64::NAN, 5.0).is_none() && student_two_sided(1.0, 0.0).is_none());
    assert_eq!(student_two_sided(f64::INFINITY, 5.0), Some(0.0));
}

#[test]
fn a_comparison_by_hand() {
    let model = [1.0, 2.0, 3.0, 2.0, 4.0, 1.0];
    let baseline = [2.0, 2.0, 5.0, 1.0, 5.0, 3.0];
    // d = −1 0 −2 1 −1 −2; mean −5/6; squared deviations 1/36 25/36 49/36 121/36 1/36 49/36.
    let one = diebold_mariano(&model, &baseline, 1, Kernel::Bartlett).unwrap();
    let gamma = 246.0 / 36.0 / 6.0;
    assert!(near(one.mean_difference, -5.0 / 6.0) && one.lags == 0 && one.n == 6);
    assert!(near(one.statistic, -5.0 / 6.0 / (gamma / 5.0f64).sqrt()), "n − 1 in place of n");
    // Lag 1 products of deviations −1 5 −7 11 −1 −7 (sixths): −5 −35 −77 −11 7.
    let gamma_1 = -121.0 / 36.0 / 6.0;
    let two = diebold_mariano(&model, &baseline, 2, Kernel::Bartlett).unwrap();
    let corrected = (3.0 + 2.0 / 6.0) / 6.0;
    assert!(near(two.statistic, -5.0 / 6.0 / ((gamma + gamma_1) / 6.0).sqrt() * f64::sqrt(corrected)));
    let truncated = diebold_mariano(&model, &baseline, 2, Kernel::Truncated).unwrap();
    assert!(near(truncated.std_error, ((gamma + 2.0 * gamma_1) / 6.0 / corrected).sqrt()));
    assert_eq!((two.kernel, truncated.kernel), (Kernel::Bartlett, Kernel::Truncated));
    let swapped = diebold_mariano(&baseline, &model, 1, Kernel::Bartlett).unwrap();
    assert!(near(swapped.statistic, -one.statistic) && near(swapped.p_value, one.p_value));
}

#[test]
fn a_variance_that_is_not_above_nothing_gives_way_to_newey_and_west() {
    // Falls and rises in turn: γ₁ is all but −γ₀, and γ₀ + 2 γ₁ is below 0.
    let model: Vec<f64> = (0..40).map(|row| f64::from(row % 2) + 0.01 * f64::from(row % 3)).collect();
    let answer = diebold_mariano(&model, &[0.4; 40], 2, Kernel::Truncated).unwrap();
    assert!(answer.kernel == Kernel::Bartlett && answer.statistic.is_finite());
}

/// Losses that differ by chance alone, over h rows: p-values are uniform.
#[test]
fn p_values_are_uniform_where_neither_forecast_is_better() {
    let p_values = |horizon: usize, rows: usize, kernel| -> Vec<f64> {
        let worlds = 0..1_500u64;
        let world = |seed| {
            let mut chance = Chance::new(seed);
            let noise: Vec<f64> = (0..rows + horizon - 1).map(|_| chance.normal()).collect();
            let model: Vec<f64> = noise.windows(horizon).map(|window| window.iter().sum()).collect();
            diebold_mariano(&model, &vec![0.0; rows], horizon, kernel).unwrap().p_value
        };
        worlds.map(world).collect()
    };
    let share_below = |p_values: &[f64], level: f64| {
        p_values.iter().filter(|&&p| p < level).count() as f64 / p_values.len() as f64
    };
    let single = p_values(1, 30, Kernel::Bartlett);
    for level in [0.05, 0.1, 0.25, 0.5, 0.75, 0.9] {
        assert!(
            (share_below(&single, level) - level).abs() < 0.04,
            "{level} {}",
            share_below(&single, level)
        );
    }
    let overlapping = share_below(&p_values(5, 250, Kernel::Truncated), 0.05);
    let newey_west = share_below(&p_values(5, 250, Kernel::Bartlett), 0.05);
    assert!((0.03..0.08).contains(&overlapping), "{overlapping}");
    assert!(newey_west > overlapping && newey_west < 0.15, "{newey_west}");
}

#[test]
fn alarms_at_a_stated_rate_never_exceed_it() {
    let p = [0.9, 0.8, 0.8, 0.7, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1];
    let y = flags("1010100000");
    for (rate, threshold, alarms_raised, hits) in [
        (0.0, None, 0, 0),
        (0.1, Some(0.9), 1, 1),
        (0.2, Some(0.9), 1, 1), // 0.8 would be three
        (0.3, Some(0.8), 3, 2),
        (0.5, Some(0.2), 5, 3),
        (0.9, Some(0.2), 5, 3),
        (1.0, Some(0.1), 10, 3),
    ] {
        let found = alarms(&p, &y, AlarmRule::Rate(rate)).unwrap();
        assert_eq!((found.threshold, found.alarms, found.hits), (threshold, alarms_raised, hits), "{rate}");
        assert_eq!(found.recall, Some(hits as f64 / 3.0));
        assert_eq!(found.precision, (alarms_raised > 0).then(|| hits as f64 / alarms_raised as f64));
    }
    let fixed = alarms(&p, &y, AlarmRule::Threshold(0.75)).unwrap();
    assert_eq!((fixed.alarms, fixed.hits, fixed.rate), (3, 2, 0.3));
    assert_eq!(alarms(&p, &[false; 10], AlarmRule::Rate(0.3)).unwrap().recall, None);
    for rule in [AlarmRule::Rate(1.1), AlarmRule::Rate(f64::NAN), AlarmRule::Threshold(-0.1)] {
        assert!(matches!(alarms(&p, &y, rule), Err(ScoreError::Option { .. })));
    }
}

#[test]
fn an_onset_is_where_the_first_window_of_a_run_ends() {
    //                   0123456789
    assert_eq!(onsets(&flags("0011000100"), 3), [5, 10], "the runs' windows touch no row in common");
    assert_eq!(onsets(&flags("0011001000"), 3), [5], "rows 3 and 6 are three apart: one event");
    assert_eq!(onsets(&flags("0000000001"), 3), [12]);
    assert!(onsets(&flags("0000"), 3).is_empty() && onsets(&[], 3).is_empty());
}

#[test]
fn lead_and_false_alarms_are_told_by_episode() {
    let calendar = Calendar { horizon: 3, rows_per_month: 10.0 };
    //                     0         1         2
    //                     012345678901234567890123
    let alarmed = flags("011110000010000001010001");
    let found = episodes(&alarmed, &[6, 19], calendar).unwrap();
    // 1–4 holds 6: from row 3 on within the horizon, from row 1 by episode. 10 is false. 17–19 holds 19.
    // 23 looks beyond the end: open.
    assert_eq!((found.events, found.caught, found.episodes), (2, 2, 4));
    assert_eq!((found.false_episodes, found.open_episodes), (1, 1));
    assert_eq!((found.lead_rows, found.episode_lead_rows), (Some(2.5), Some(3.5)));
    assert!(near(found.false_per_month, 1.0 / 2.4));
    let late = episodes(&alarmed, &[10], calendar).unwrap();
    assert_eq!((late.caught, late.lead_rows), (0, None), "an alarm at the event itself is no warning");
    let silent = episodes(&[false; 24], &[6, 19], calendar).unwrap();
    assert_eq!((silent.caught, silent.episodes, silent.false_per_month), (0, 0, 0.0));
    let beyond = episodes(&alarmed, &[26], calendar).unwrap();
    assert_eq!((beyond.caught, beyond.lead_rows, beyond.open_episodes), (1, Some(3.0), 0));
    for (events, calendar) in [
        (vec![3, 3], calendar),
        (vec![1], Calendar { horizon: 0, ..calendar }),
        (vec![1], Calendar { rows_per_month: 0.0, ..calendar }),
    ] {
        assert!(matches!(episodes(&alarmed, &events, calendar), Err(ScoreError::Option { .. })));
    }
    assert_eq!(episodes(&[], &[], calendar), Err(ScoreError::Empty));
}

#[test]
fn what_cannot_be_scored_says_why() {
    let (none, all) = ([false; 4], [true; 4]);
    let p = [0.1, 0.2, 0.3, 0.4];
    let bins = Binning::EqualCount(2);
    assert_eq!(brier(&[], &[]), Err(ScoreError::Empty));
    assert_eq!(mean_log_loss(&p, &none[..3]), Err(ScoreError::Ragged { forecasts: 4, outcomes: 3 }));
    let wrong = mean_log_loss(&[0.1, 1.5, 0.3, 0.4], &none);
    assert_eq!(wrong, Err(ScoreError::NotProbability { row: 1, value: 1.5 }));
    assert!(matches!(brier(&[f64::NAN; 4], &none), Err(ScoreError::NotProbability { row: 0, .. })));
    assert!(matches!(murphy(&p, &none, Binning::EqualWidth(0)), Err(ScoreError::Option { .. })));
    for (outcomes, happened) in [(&none, false), (&all, true)] {
        assert_eq!(auc(&p, outcomes), Err(ScoreError::OneClass { happened }));
        assert_eq!(average_precision(&p, outcomes), Err(ScoreError::OneClass { happened }));
        let parts = murphy(&p, outcomes, bins).unwrap();
        assert!(parts.uncertainty.abs() < 1e-15 && parts.resolution.abs() < 1e-15);
        assert_eq!(reliability(&p, outcomes, bins).unwrap().len(), 2);
    }
    assert_eq!(auc(&[0.5; 4], &flags("0101")), Ok(0.5), "constant scores rank nothing");
    assert!(matches!(auc(&[f64::INFINITY; 4], &all), Err(ScoreError::NotFinite { row: 0, .. })));

    let bootstrap = Bootstrap::of_horizon(1, 0);
    assert_eq!(skill(&[], &[], bootstrap), Err(ScoreError::Empty));
    assert_eq!(skill(&[0.1; 50], &[0.0; 50], bootstrap), Err(ScoreError::NoLoss));
    assert!(matches!(skill(&[-0.1; 50], &[0.1; 50], bootstrap), Err(ScoreError::Option { .. })));
    assert!(matches!(skill(&[f64::NAN; 50], &[0.1; 50], bootstrap), Err(ScoreError::NotFinite { .. })));
    for options in [
        Bootstrap { block: 0, ..bootstrap },
        Bootstrap { draws: 0, ..bootstrap },
        Bootstrap { level: 1.0, ..bootstrap },
        Bootstrap { level: f64::NAN, ..bootstrap },
    ] {
        assert!(matches!(skill(&[0.1; 50], &[0.1; 50], options), Err(ScoreError::Option { .. })));
    }

    let same = diebold_mariano(&[0.3; 50], &[0.1; 50], 1, Kernel::Bartlett);
    assert!(matches!(same, Err(ScoreError::NoVariance { .. })), "{same:?}");
    let few = diebold_mariano(&[0.3; 11], &[0.1; 11], 5, Kernel::Bartlett);
    assert_eq!(few, Err(ScoreError::TooFewRows { rows: 11, needed: 12 }));
    let none_ahead = diebold_mariano(&[0.3; 11], &[0.1; 11], 0, Kernel::Bartlett);
    assert!(matches!(none_ahead, Err(ScoreError::Option { .. })));
}

#[test]
fn every_error_is_a_sentence_with_a_remedy() {
    for (error, said) in [
        (
            ScoreError::OneClass { happened: false },
            "nothing happened, so there is nothing to tell apart; take a stretch with both",
        ),
        (
            ScoreError::NotProbability { row: 3, value: 1.5 },
            "row 3 forecasts 1.5, which is no probability; leave abstentions out",
        ),
        (
            ScoreError::Option { name: "block", problem: "is 0; use at least 1".to_owned() },
            "block is 0; use at least 1",
        ),
    ] {
        assert_eq!(error.to_string(), said);
    }
}

proptest! {
    #[test]
    fn the_parts_of_a_brier_score_add_up((p, y) in forecasts(), bins in 1usize..15, widths in any::<bool>()) {
        let binning = if widths { Binning::EqualWidth(bins) } else { Binning::EqualCount(bins) };
        let parts = murphy(&p, &y, binning).unwrap();
        let sum = parts.reliability - parts.resolution + parts.uncertainty
            + parts.within_variance - parts.within_covariance;
        prop_assert!((sum - parts.score).abs() < 1e-12, "{parts:?}");
        prop_assert!(parts.reliability >= 0.0 && parts.resolution >= 0.0 && parts.within_variance >= 0.0);
        let points = reliability(&p, &y, binning).unwrap();
        prop_assert!(points.len() <= bins);
        prop_assert_eq!(points.iter().map(|bin| bin.n).sum::<usize>(), p.len());
        prop_assert_eq!(points.iter().map(|bin| bin.events).sum::<usize>(), y.iter().filter(|&&y| y).count());
        for bin in &points {
            prop_assert!(bin.from <= bin.mean_forecast + 1e-12 && bin.mean_forecast <= bin.to + 1e-12);
            prop_assert!(0.0 <= bin.low && bin.low <= bin.observed && bin.observed <= bin.high && bin.high <= 1.0);
        }
        prop_assert!(points.windows(2).all(|pair| pair[0].to <= pair[1].from));
    }

    #[test]
    fn ranking_agrees_with_counting_every_pair_and_every_threshold((p, y) in forecasts()) {
        let events = y.iter().filter(|&&y| y).count();
        if events == 0 || events == y.len() {
            prop_assert_eq!(auc(&p, &y), Err(ScoreError::OneClass { happened: events > 0 }));
            return Ok(());
        }
        let mut won = 0.0;
        for (a, _) in p.iter().zip(&y).filter(|&(_, &y)| y) {
            for (b, _) in p.iter().zip(&y).filter(|&(_, &y)| !y) {
                won += if a > b { 1.0 } else if a < b { 0.0 } else { 0.5 };
            }
        }
        let pairs = (events * (y.len() - events)) as f64;
        prop_assert!(near(auc(&p, &y).unwrap(), won / pairs));

        let mut thresholds = p.clone();
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        let (mut area, mut recall_before) = (0.0, 0.0);
        for threshold in thresholds.into_iter().rev() {
            let at = alarms(&p, &y, AlarmRule::Threshold(threshold)).unwrap();
            let recall = at.recall.unwrap();
            area += (recall - recall_before) * at.precision.unwrap();
            recall_before = recall;
        }
        prop_assert!(near(average_precision(&p, &y).unwrap(), area));
    }

    #[test]
    fn a_rate_is_kept_and_used_up_as_far_as_ties_allow((p, y) in forecasts(), rate in 0.0..=1.0) {
        let found = alarms(&p, &y, AlarmRule::Rate(rate)).unwrap();
        prop_assert!(found.rate <= rate + 1e-9);
        let next = p.iter().copied().filter(|&p| found.threshold.is_none_or(|threshold| p < threshold));
        if let Some(next) = next.max_by(f64::total_cmp) {
            let more = alarms(&p, &y, AlarmRule::Threshold(next)).unwrap();
            prop_assert!(more.rate > rate, "{next} still fits");
        }
    }

    #[test]
    fn episodes_are_consistent(alarmed in prop::collection::vec(any::<bool>(), 1..80), happened in prop::collection::vec(prop::bool::weighted(0.1), 1..80), horizon in 1usize..8) {
        let events = onsets(&happened, horizon);
        prop_assert!(events.windows(2).all(|pair| pair[1] - pair[0] > horizon));
        let found = episodes(&alarmed, &events, Calendar { horizon, rows_per_month: 21.0 }).unwrap();
        let caught = events.iter().filter(|&&event| {
            (event.saturating_sub(horizon)..event).any(|row| alarmed.get(row).copied().unwrap_or(false))
        });
        prop_assert_eq!(found.caught, caught.count());
        prop_assert!(found.false_episodes + found.open_episodes <= found.episodes);
        if let (Some(lead), Some(by_episode)) = (found.lead_rows, found.episode_lead_rows) {
            prop_assert!(1.0 <= lead && lead <= horizon as f64 && lead <= by_episode);
        }
    }

    #[test]
    fn a_skill_is_a_number_or_a_reason(losses in prop::collection::vec((0.0..10.0, 0.0..10.0), 0..150), block in 1usize..60, seed in any::<u64>()) {
        let (model, baseline): (Vec<f64>, Vec<f64>) = losses.into_iter().unzip();
        let bootstrap = Bootstrap { block, draws: 50, level: 0.9, seed };
        if let Ok(found) = skill(&model, &baseline, bootstrap) {
            prop_assert!(found.value.is_finite());
            prop_assert!(found.interval.is_none_or(|interval| interval.low <= interval.high && interval.high <= 1.0));
        }
        for kernel in [Kernel::Bartlett, Kernel::Truncated] {
            if let Ok(found) = diebold_mariano(&model, &baseline, block, kernel) {
                prop_assert!((0.0..=1.0).contains(&found.p_value) && found.statistic.is_finite());
            }
        }
    }
}
