//! ADWIN against river, and on streams that nothing changed.

use proptest::prelude::*;

use super::*;
use crate::reference;

/// Uniform draws on [0, 1) by a congruential generator, with a step of `step` up or down every `at` values.
fn stream(seed: u64, n: u64, step: f64, at: u64) -> Vec<f64> {
    let mut state = seed;
    let draw = |t: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        if (t / at) % 2 == 1 { uniform + step } else { uniform }
    };
    (0..n).map(draw).collect()
}

/// Where it fires, and the width of the window that is left.
fn fires(delta: f64, stream: &[f64]) -> (Vec<(usize, usize)>, Adwin) {
    let mut watch = Adwin::new(delta);
    let mut fired = Vec::new();
    for (at, value) in stream.iter().enumerate() {
        if watch.update(*value) {
            fired.push((at, watch.width()));
        }
    }
    (fired, watch)
}

#[test]
fn it_fires_where_river_fires_and_keeps_the_same_window() {
    // river 0.26.1
    let (fired, watch) = fires(0.002, &stream(1, 5_000, 0.3, 700));
    let widths = [(767, 256), (1471, 224), (2175, 384), (2879, 160), (3583, 256), (4319, 288), (4991, 352)];
    assert_eq!(fired, widths);
    assert_eq!(watch.width(), 8);
    assert!((watch.mean().unwrap() - 0.701_768_790_858_161_8).abs() < 1e-12);

    assert_eq!(fires(0.002, &stream(2, 5_000, 0.1, 1_500)).0, [(1823, 1056), (3327, 864), (4959, 864)]);
    assert_eq!(fires(0.2, &stream(2, 5_000, 0.1, 1_500)).0, [(1599, 192), (3199, 576), (4767, 416)]);
    let (fired, watch) = fires(0.002, &stream(5, 6_000, 0.15, 333));
    assert_eq!(fired, [(447, 384), (1631, 1056)]);
    assert!((watch.mean().unwrap() - 0.581_066_697_528_445).abs() < 1e-12);
    let (fired, _) = fires(0.2, &stream(4, 3_000, 100.0, 40));
    assert_eq!(fired[..6], [(63, 28), (95, 20), (127, 12), (191, 32), (223, 28), (255, 20)]);
    assert_eq!((fired.len(), fired[fired.len() - 1]), (74, (2975, 20)));
}

#[test]
fn a_stream_without_a_change_is_kept_whole() {
    let (fired, watch) = fires(0.002, &stream(3, 20_000, 0.0, 100));
    assert_eq!((fired, watch.width()), (vec![], 20_000));
    assert!((watch.mean().unwrap() - 0.495_159_100_506_828_43).abs() < 1e-12);
    assert_eq!(fires(0.2, &stream(3, 20_000, 0.0, 100)).0, [(6815, 3744)]);
    assert_eq!(fires(0.002, &vec![3.5; 5_000]).0, []);
}

#[test]
fn the_published_stream_changes_once() {
    let Some(text) = reference::text("models/river_stream_12345.csv") else { return };
    let stream: Vec<f64> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert_eq!(stream.len(), 1_999);
    let (fired, watch) = fires(0.002, &stream);
    assert_eq!(fired, [(1023, 64)]);
    assert_eq!(watch.width(), 975);
}

#[test]
fn memory_grows_with_the_logarithm_of_the_window() {
    let (_, watch) = fires(0.002, &vec![1.0; 100_000]);
    assert_eq!(watch.width(), 100_000);
    let buckets: usize = watch.sizes.iter().map(VecDeque::len).sum();
    assert!(buckets <= 18 * MOST_BUCKETS, "{buckets}");
}

#[test]
fn scaling_the_stream_far_beyond_its_bounds_still_finds_a_step() {
    let large: Vec<f64> = stream(1, 5_000, 0.3, 700).iter().map(|value| value * 1e6).collect();
    let (fired, _) = fires(0.002, &large);
    assert!((700..900).contains(&fired[0].0), "{fired:?}");
}

#[test]
fn what_is_no_number_or_too_large_is_left_out() {
    let mut watch = Adwin::new(0.002);
    assert_eq!((watch.width(), watch.mean()), (0, None));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e101] {
        assert!(!watch.update(value));
    }
    assert_eq!((watch.width(), watch.mean()), (0, None));
    assert!(!watch.update(2.0));
    assert_eq!((watch.width(), watch.mean()), (1, Some(2.0)));
}

proptest! {
    #[test]
    fn any_stream_is_survived_and_the_window_is_what_came_last(
        delta in prop_oneof![Just(f64::NAN), any::<f64>(), 0.0..1.0_f64],
        stream in prop::collection::vec(prop_oneof![any::<f64>(), -1.0..1.0_f64, Just(1e100)], 0..400),
    ) {
        let mut watch = Adwin::new(delta);
        for value in &stream {
            watch.update(*value);
            let held: usize = watch.sizes.iter().enumerate().map(|(place, row)| row.len() << place).sum();
            prop_assert_eq!(held, watch.width());
            prop_assert!(watch.mean().is_none_or(f64::is_finite));
        }
    }

    #[test]
    fn the_mean_is_that_of_the_window(stream in prop::collection::vec(-10.0..10.0_f64, 1..600)) {
        let mut watch = Adwin::new(0.002);
        for value in &stream {
            watch.update(*value);
        }
        let window = &stream[stream.len() - watch.width()..];
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        prop_assert!((watch.mean().unwrap() - mean).abs() < 1e-9);
    }
}
