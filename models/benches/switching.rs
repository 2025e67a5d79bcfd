//! How long a fit of a switching regression takes, standard errors included.

use divan::Bencher;
use models::switching::{SwitchingAutoregression, SwitchingRegression};
use models::{FeatureTable, RegimeOptions};

fn main() {
    divan::main();
}

/// Two regimes of these levels and deviations, by integer arithmetic: the same series in any language.
fn series(rows: usize, level: [f64; 2], deviation: [f64; 2]) -> FeatureTable {
    let mut state: u64 = 12_345;
    let mut draw = || {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        state / 65_536
    };
    let mut regime = 0;
    let values = (0..rows)
        .map(|_| {
            let sum: u64 = (0..12).map(|_| draw()).sum();
            let noise = (sum as f64 - 6.0 * 32_767.0) / 32_768.0;
            if draw() >= 31_900 {
                regime = 1 - regime;
            }
            level[regime] + deviation[regime] * noise
        })
        .collect();
    FeatureTable::new(&["y"], values).expect("a table")
}

/// Regimes that differ in both.
fn calm_and_wild(rows: usize) -> FeatureTable {
    series(rows, [0.05, -0.1], [0.6, 1.8])
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn mean_and_variance(bencher: Bencher<'_, '_>, rows: usize) {
    let table = calm_and_wild(rows);
    let model =
        SwitchingRegression::new(RegimeOptions { switching_variance: true, ..RegimeOptions::default() });
    bencher.bench_local(|| model.estimate(divan::black_box(&table)).expect("fits"));
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn mean_alone(bencher: Bencher<'_, '_>, rows: usize) {
    let table = series(rows, [0.05, 2.0], [0.6, 0.6]);
    let model = SwitchingRegression::new(RegimeOptions::default());
    bencher.bench_local(|| model.estimate(divan::black_box(&table)).expect("fits"));
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn three_regimes(bencher: Bencher<'_, '_>, rows: usize) {
    let table = calm_and_wild(rows);
    let model = SwitchingRegression::new(RegimeOptions {
        states: 3,
        switching_variance: true,
        ..RegimeOptions::default()
    });
    bencher.bench_local(|| model.estimate(divan::black_box(&table)).expect("fits"));
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn autoregression_of_order_2(bencher: Bencher<'_, '_>, rows: usize) {
    let table = calm_and_wild(rows);
    let model = SwitchingAutoregression::new(RegimeOptions {
        order: 2,
        switching_variance: true,
        ..RegimeOptions::default()
    });
    bencher.bench_local(|| model.estimate(divan::black_box(&table)).expect("fits"));
}
