//! The excitation model on cascades of known parameters, on chance, and on what cannot be fitted.

use core::f64::consts::LN_2;

use proptest::prelude::*;

use super::likelihood::Parameters;
use super::*;

/// `SplitMix64` (Steele, Lea, Flood 2014): enough chance for a simulation, the same everywhere.
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly from the open interval (0, 1).
    fn share(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    fn wait(&mut self, rate: f64) -> f64 {
        -libm::log(self.share()) / rate
    }
}

/// Draws a stretch of `secs` seconds by Ogata's thinning (1981), from an empty past.
fn cascade(truth: Parameters, secs: f64, seed: u64) -> Vec<f64> {
    burst(truth, secs, seed, 0)
}

/// The same, after `start` events at 0.
fn burst(truth: Parameters, secs: f64, seed: u64, start: usize) -> Vec<f64> {
    let mut chance = Chance(seed);
    let (mut times, mut time) = (vec![0.0; start], 0.0);
    let mut excited = truth.branching * truth.decay * start as f64;
    loop {
        let bound = truth.baseline + excited;
        let wait = chance.wait(bound);
        time += wait;
        if time > secs {
            return times;
        }
        excited *= libm::exp(-truth.decay * wait);
        if chance.share() * bound <= truth.baseline + excited {
            times.push(time);
            excited += truth.branching * truth.decay;
        }
    }
}

fn table(times: &[f64]) -> FeatureTable {
    FeatureTable::new(&Excitation.features().names(), times.to_vec()).unwrap()
}

fn readings(times: &[f64]) -> Vec<Reading> {
    Excitation.fit(&table(times)).unwrap().readings()
}

fn refusal(times: &[f64]) -> ModelError {
    match Excitation.fit(&table(times)) {
        Ok(_) => panic!("fitted"),
        Err(error) => error,
    }
}

fn reading(readings: &[Reading], name: &str) -> Reading {
    *readings.iter().find(|reading| reading.name == name).unwrap()
}

/// How many standard errors an estimate lies from the truth.
fn off(reading: Reading, truth: f64) -> f64 {
    (reading.value - truth) / reading.std_error.unwrap()
}

#[test]
fn the_parameters_of_a_simulated_cascade_are_recovered() {
    // Baseline per second, branching ratio, half-life in seconds, hours.
    for (baseline, branching, half_life, hours) in [
        (0.05, 0.7, 5.0, 8.0),
        (0.5, 0.3, 0.5, 2.0),
        (0.02, 0.9, 30.0, 12.0),
        (1.0, 0.5, 0.05, 0.5),
        (0.01, 0.6, 300.0, 60.0),
    ] {
        for seed in 0..3 {
            let truth = Parameters { baseline, branching, decay: LN_2 / half_life };
            let times = cascade(truth, hours * 3_600.0, seed);
            let readings = readings(&times);
            for (name, truth) in
                [("baseline_rate", baseline * 60.0), ("branching_ratio", branching), ("half_life", half_life)]
            {
                let reading = reading(&readings, name);
                assert!(off(reading, truth).abs() < 3.3, "{name} {truth}, seed {seed}: {reading:?}");
                assert!(reading.std_error.unwrap() < 0.5 * truth, "{reading:?}");
            }
            let out = reading(&readings, "gain_out_of_sample");
            assert!(out.value > 2.0 * out.std_error.unwrap(), "{branching} {half_life}: {out:?}");
            assert_eq!(reading(&readings, "events").value, times.len() as f64);
        }
    }
}

#[test]
fn standard_errors_are_as_large_as_the_errors_really_are() {
    const STRETCHES: u64 = 60;
    let truth = Parameters { baseline: 0.2, branching: 0.6, decay: LN_2 / 4.0 };
    let mut squares = [0.0; 3];
    for seed in 100..100 + STRETCHES {
        let readings = readings(&cascade(truth, 4_000.0, seed));
        for (square, (name, truth)) in squares.iter_mut().zip([
            ("baseline_rate", 12.0),
            ("branching_ratio", truth.branching),
            ("half_life", 4.0),
        ]) {
            let off = off(reading(&readings, name), truth);
            *square += off * off / STRETCHES as f64;
        }
    }
    for square in squares {
        assert!((0.6..1.6).contains(&square), "mean squared distances in standard errors: {squares:?}");
    }
}

#[test]
fn the_likelihood_is_no_greater_anywhere_near() {
    let truth = Parameters { baseline: 0.1, branching: 0.6, decay: 0.3 };
    let instants = Instants::new(&cascade(truth, 20_000.0, 7));
    let found = search(&instants);
    assert_eq!(found.place, Place::Inside);
    let rate = instants.scored() / instants.span();
    let gain = |parameters| instants.gains(parameters, rate, 1..instants.len()).iter().sum::<f64>();
    let top = gain(found.parameters);
    assert!((top - found.gain).abs() < 1e-8 * top, "{top} against {}", found.gain);
    assert!(top >= gain(truth));
    let Parameters { baseline, branching, decay } = found.parameters;
    for step in [1e-4, -1e-4, 1e-2, -1e-2, 0.3, -0.3] {
        for near in [
            Parameters { baseline: baseline * (1.0 + step), ..found.parameters },
            Parameters { branching: branching * (1.0 + step), ..found.parameters },
            Parameters { decay: decay * (1.0 + step), ..found.parameters },
        ] {
            assert!(gain(near) < top, "{near:?} beats {:?}", found.parameters);
        }
    }
}

#[test]
fn a_constant_rate_shows_next_to_no_excitation_and_no_gain() {
    const STRETCHES: u32 = 30;
    let (mut branching_sum, mut beyond, mut better, mut sure) = (0.0, 0, 0, 0);
    for seed in 0..STRETCHES {
        let truth = Parameters { baseline: 0.3, branching: 0.0, decay: 1.0 };
        let readings = readings(&cascade(truth, 5_000.0, seed.into()));
        let branching = reading(&readings, "branching_ratio");
        branching_sum += branching.value;
        beyond += u32::from(branching.value > 3.0 * branching.std_error.unwrap_or(0.0));
        let inside = reading(&readings, "gain_in_sample").value;
        assert!((0.0..BY_CHANCE / 1_400.0).contains(&inside), "seed {seed}: {inside}");
        let out = reading(&readings, "gain_out_of_sample");
        better += u32::from(out.value > 0.0);
        sure += u32::from(out.value > 2.0 * out.std_error.unwrap());
    }
    let mean = branching_sum / f64::from(STRETCHES);
    assert!(mean < 0.1 && beyond <= 2, "mean branching ratio {mean}, {beyond} beyond three errors of 0");
    assert!(better < STRETCHES / 2 && sure <= 1, "gain above 0 in {better}, by two errors in {sure}");
}

#[test]
fn regular_times_show_no_excitation_and_no_half_life() {
    let times: Vec<f64> = (0..200).map(|at| f64::from(at) * 2.0).collect();
    let readings = readings(&times);
    let names: Vec<&str> = readings.iter().map(|reading| reading.name).collect();
    assert!(!names.contains(&"half_life"), "{names:?}");
    assert_eq!(reading(&readings, "branching_ratio").value, 0.0);
    assert_eq!(reading(&readings, "branching_ratio").std_error, None);
    let baseline = reading(&readings, "baseline_rate");
    assert!((baseline.value - 30.0).abs() < 1e-9);
    assert!((baseline.std_error.unwrap() - 30.0 / 199_f64.sqrt()).abs() < 1e-9);
    assert_eq!(reading(&readings, "gain_out_of_sample").value, 0.0);
}

#[test]
fn bursts_to_which_nothing_is_added_may_stand_at_the_least_baseline_without_an_error_on_it() {
    let truth = Parameters { baseline: 1e-9, branching: 0.8, decay: LN_2 / 4.0 };
    let mut at_least = 0;
    for seed in 0..40 {
        let times = burst(truth, 1e4, seed, 50);
        let instants = Instants::new(&times);
        let found = search(&instants);
        assert!(found.parameters.baseline * instants.span() > 0.5 - 1e-9, "{found:?}");
        if found.place == Place::LeastBaseline {
            at_least += 1;
            let errors = score::standard_errors(&instants.information(found.parameters), found.place.free());
            assert!(errors[0].is_none() && errors[1].is_some() && errors[2].is_some(), "{errors:?}");
        }
    }
    assert!(at_least >= 4, "{at_least} of 40");
}

#[test]
fn frames_of_several_liquidations_are_no_excitation_in_themselves() {
    let truth = Parameters { baseline: 0.3, branching: 0.0, decay: 1.0 };
    let times: Vec<f64> = cascade(truth, 10_000.0, 3).into_iter().flat_map(|time| [time; 3]).collect();
    let readings = readings(&times);
    assert!(reading(&readings, "branching_ratio").value < 0.15);
    assert_eq!(reading(&readings, "events").value, times.len() as f64);
}

#[test]
fn the_zero_of_the_clock_does_not_matter() {
    let truth = Parameters { baseline: 0.1, branching: 0.5, decay: 0.5 };
    // Times in 2⁻¹⁰ s, so that moving them is exact.
    let times: Vec<f64> =
        cascade(truth, 5_000.0, 9).iter().map(|time| (time * 1_024.0).round() / 1_024.0).collect();
    let later: Vec<f64> = times.iter().map(|time| time + 1_048_576.0).collect();
    assert_eq!(readings(&times), readings(&later));
}

#[test]
fn the_same_times_give_the_same_bits_on_every_machine() {
    let truth = Parameters { baseline: 0.1, branching: 0.7, decay: 0.3 };
    let times = cascade(truth, 5_000.0, 11);
    let bits = |times: &[f64]| -> Vec<(u64, Option<u64>)> {
        readings(times).iter().map(|r| (r.value.to_bits(), r.std_error.map(f64::to_bits))).collect()
    };
    assert_eq!(bits(&times), bits(&times));
    let seen: Vec<String> = readings(&times)
        .iter()
        .map(|r| {
            format!("{} {:016x} {:016x}", r.name, r.value.to_bits(), r.std_error.map_or(0, f64::to_bits))
        })
        .collect();
    assert_eq!(seen, GOLDEN);
}

/// Change these only together with the model: they are what a stored fit is compared with.
const GOLDEN: [&str; 7] = [
    "baseline_rate 40171e15565d97be 3fde14824f68ae43",
    "branching_ratio 3fe6f2247cc0b02e 3f9cb8050a4ea956",
    "half_life 4002854ba045cd32 3fc7c6066183ab06",
    "events 409a6c0000000000 0000000000000000",
    "gain_in_sample 3fd44eeff85be0e9 0000000000000000",
    "gain_out_of_sample 3fd14d5624bec2ae 3fad7f0789997b34",
    "events_out_of_sample 407fb00000000000 0000000000000000",
];

#[test]
fn what_cannot_be_fitted_is_refused_with_what_would_help() {
    let even = |n: u32, step: f64| -> Vec<f64> { (0..n).map(|at| f64::from(at) * step).collect() };
    assert_eq!(refusal(&[]), ModelError::TooFewEvents { events: 0, needed: 50 });
    assert_eq!(refusal(&even(49, 1.0)), ModelError::TooFewEvents { events: 49, needed: 50 });
    assert_eq!(refusal(&[7.0; 60]), ModelError::IdenticalTimes { events: 60 });
    assert!(matches!(refusal(&even(1_000, 0.009)), ModelError::NoSpan { span_secs, .. } if span_secs < 9.0));
    assert!(matches!(refusal(&even(100, 1e306)), ModelError::NoSpan { .. }));
    let few: Vec<f64> = (0..60).map(|at| f64::from(at / 10) * 10.0).collect();
    assert_eq!(refusal(&few), ModelError::TooFewTimes { distinct: 6, needed: 30 });
    let mut back = even(60, 1.0);
    back[40] = 3.0;
    assert_eq!(refusal(&back), ModelError::NotAscending { row: 40 });
    let mut late = even(60, 0.1);
    late[59] = 100.0;
    assert_eq!(refusal(&late), ModelError::NoScore { reason: "the first 70 % span less than 10 s" });
    let unnamed = FeatureTable::new(&["price"], even(60, 1.0)).unwrap();
    assert_eq!(
        Excitation.fit(&unnamed).err().map(|error| error.to_string()).unwrap(),
        "the table has no column elapsed_secs; build it from the model's feature spec"
    );
}

#[test]
fn times_that_show_the_socket_and_not_the_market_are_refused() {
    let truth = Parameters { baseline: 0.3, branching: 0.0, decay: 1.0 };
    let mut pairs: Vec<f64> =
        cascade(truth, 3_000.0, 5).iter().flat_map(|time| [*time, time + 2e-5]).collect();
    pairs.sort_by(f64::total_cmp);
    let error = refusal(&pairs);
    assert!(
        matches!(error, ModelError::NotConverged { half_life_secs, .. } if half_life_secs < 0.011),
        "{error}"
    );
}

#[test]
fn a_rate_that_only_drifts_is_not_sold_as_a_half_life() {
    let mut chance = Chance(1);
    let mut times = vec![0.0];
    for at in 0..2_000 {
        times.push(times[at] + chance.wait(0.05 + at as f64 / 500.0));
    }
    let error = refusal(&times);
    assert!(
        matches!(error, ModelError::NotConverged { half_life_secs, .. } if half_life_secs > 10.0),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the times, the answer is finite readings or an error in words.
    #[test]
    fn no_ascending_times_make_it_panic(
        start in -1e9_f64..1e9,
        steps in prop::collection::vec(
            prop_oneof![Just(0.0), 0.0_f64..1e-6, 0.0_f64..1.0, 0.0_f64..1e4, 0.0_f64..1e300],
            0..160,
        ),
        scale in prop_oneof![Just(1.0), Just(1e-4), Just(1e-300), Just(1e3)],
    ) {
        let mut time = start;
        let times: Vec<f64> = steps.iter().map(|step| { time += step * scale; time }).filter(|time| time.is_finite()).collect();
        check(&times)?;
    }

    /// The same with steps of the kind that are fitted, so that most cases get to the end.
    #[test]
    fn every_fit_is_finite(
        steps in prop::collection::vec(prop_oneof![3 => Just(0.0), 5 => 0.0_f64..0.1, 5 => 0.0_f64..10.0, 1 => 0.0_f64..1e5], 50..200),
    ) {
        let mut time = 0.0;
        let times: Vec<f64> = steps.iter().map(|step| { time += step; time }).collect();
        check(&times)?;
    }
}

fn check(times: &[f64]) -> Result<(), TestCaseError> {
    match Excitation.fit(&table(times)) {
        Ok(fitted) => {
            let readings = fitted.readings();
            for reading in &readings {
                prop_assert!(reading.value.is_finite(), "{reading:?}");
                prop_assert!(
                    reading.std_error.is_none_or(|error| error.is_finite() && error >= 0.0),
                    "{reading:?}"
                );
            }
            prop_assert!(reading(&readings, "gain_in_sample").value >= 0.0);
            prop_assert!(reading(&readings, "branching_ratio").value >= 0.0);
            prop_assert!(reading(&readings, "baseline_rate").value > 0.0);
        }
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}
