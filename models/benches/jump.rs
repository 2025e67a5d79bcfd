//! How long a jump model of 3 regimes takes to fit to 4 columns, from 10 starts, and to label a row.

use divan::Bencher;
use models::FeatureTable;
use models::jump::{JumpOptions, fit};

fn main() {
    divan::main();
}

/// Three regimes in blocks of 50 rows, which differ in level and in spread.
fn made_up(rows: usize) -> FeatureTable {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut values = Vec::with_capacity(rows * 4);
    for row in 0..rows {
        let regime = (row / 50 * 7 % 3) as f64;
        for level in [0.5, -0.25, 0.5, -0.25] {
            let noise = (0..4).map(|_| uniform()).sum::<f64>() - 2.0;
            values.push((0.6 + 0.9 * regime) * noise + (regime - 1.0) * level);
        }
    }
    FeatureTable::new(&["a", "b", "c", "d"], values).expect("finite numbers")
}

#[divan::bench(args = [1_000, 10_000, 100_000])]
fn fit_three_regimes(bencher: Bencher<'_, '_>, rows: usize) {
    let table = made_up(rows);
    let options = JumpOptions { states: 3, penalty: 10.0, ..JumpOptions::default() };
    bencher.bench_local(|| fit(divan::black_box(&table), &options).expect("fits"));
}

#[divan::bench(sample_size = 1_000)]
fn label_a_row(bencher: Bencher<'_, '_>) {
    let table = made_up(1_000);
    let options = JumpOptions { states: 3, penalty: 10.0, ..JumpOptions::default() };
    let mut filter = fit(&table, &options).expect("fits").filter();
    bencher.bench_local(|| filter.step(divan::black_box(&[0.1, -0.2, 0.3, 0.4])));
}
