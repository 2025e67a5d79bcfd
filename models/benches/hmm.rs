//! How long a Gaussian hidden Markov model takes: 20 steps of expectation–maximisation, a whole fit, a row.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails where it stands")]

use divan::Bencher;
use divan::counter::ItemsCount;
use models::hmm::{Gaussian, Strength, fit};
use models::{Covariance, FeatureTable, RegimeOptions, Start};

fn main() {
    divan::main();
}

/// Regimes that stay with 0.9, means 0.8 apart, variances from 0.5 in steps of 1.
fn stated(states: usize, width: usize) -> Start {
    let away = 0.1 / (states - 1) as f64;
    let unit = |i, j, value| if i == j { value } else { 0.0 };
    Start {
        startprob: vec![1.0 / states as f64; states],
        transmat: (0..states)
            .map(|i| (0..states).map(|j| if i == j { 0.9 } else { away }).collect())
            .collect(),
        means: (0..states).map(|i| vec![(i as f64 - (states - 1) as f64 / 2.0) * 0.8; width]).collect(),
        covars: (0..states)
            .map(|state| {
                (0..width).map(|i| (0..width).map(|j| unit(i, j, state as f64 + 0.5)).collect()).collect()
            })
            .collect(),
    }
}

fn rows(states: usize, width: usize, count: usize) -> FeatureTable {
    let model = Gaussian::new(&stated(states, width), Covariance::Full).unwrap();
    let names = ["a", "b", "c", "d"];
    FeatureTable::new(&names[..width], model.simulate(count, 7).values).unwrap()
}

#[divan::bench(args = [1_000, 10_000, 100_000])]
fn em_20_steps_3_states_4_columns(bencher: Bencher<'_, '_>, count: usize) {
    let table = rows(3, 4, count);
    let options =
        RegimeOptions { iterations: Some(20), start: Some(stated(3, 4)), ..RegimeOptions::default() };
    bencher.bench_local(|| fit(&table, &options, Strength::default()).unwrap());
}

#[divan::bench(args = [(2, 1), (3, 4)])]
fn fit_2_500_rows_from_many_starts(bencher: Bencher<'_, '_>, (states, width): (usize, usize)) {
    let table = rows(states, width, 2_500);
    let options = RegimeOptions { states, ..RegimeOptions::default() };
    bencher.bench_local(|| fit(&table, &options, Strength::default()).unwrap());
}

#[divan::bench(args = [(2, 1), (2, 2), (3, 1), (3, 2), (3, 4), (4, 4)])]
fn filter_step(bencher: Bencher<'_, '_>, (states, width): (usize, usize)) {
    let model = Gaussian::new(&stated(states, width), Covariance::Full).unwrap();
    let values = model.simulate(1_000, 7).values;
    let mut filter = model.online();
    bencher.counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        for row in values.chunks_exact(width) {
            divan::black_box(filter.step(divan::black_box(row)));
        }
    });
}
