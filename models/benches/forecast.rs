//! What a forecast costs: one row, and a whole day's work on ten years of days.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Duration;

use divan::Bencher;
use market::Timestamp;
use models::forecast::{Inputs, Protocol, TASKS, Walk, volatility, walk};

/// Ten years of days.
const DAYS: usize = 3_650;

fn main() {
    divan::main();
}

/// Closes of a price whose volatility clusters, from a generator of a line (no quality is asked of it).
fn prices(days: usize) -> Vec<(Timestamp, f64)> {
    let mut state = 88_172_645_463_325_252u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let (mut variance, mut log_close) = (4e-4, 0.0);
    (0..days)
        .map(|day| {
            let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            let r = f64::sqrt(variance) * normal;
            variance = 1e-5 + 0.1 * r * r + 0.875 * variance;
            log_close += r;
            (Timestamp::EPOCH.plus(Duration::from_hours(24 * day as u64)), f64::exp(log_close))
        })
        .collect()
}

fn carried() -> (Vec<(Timestamp, f64)>, Walk) {
    let [_, task, ..] = TASKS;
    let prices = prices(DAYS);
    let samples = volatility::samples(&prices[..DAYS - 1], task.horizon, 252).expect("prices are sound");
    let walked = walk(&samples, &task, &Protocol::of(&task), &mut |_, _| ControlFlow::Continue(()));
    (prices, walked.expect("the walk has regimes"))
}

/// Columns of ten years, the new row forecast with the state of yesterday's walk, a fit to all rows, its forecast.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn daily_refit_and_forecast(bencher: Bencher) {
    let [_, task, ..] = TASKS;
    let (prices, walked) = carried();
    bencher.with_inputs(|| walked.clone()).bench_values(|mut walked| {
        let samples = volatility::samples(&prices, task.horizon, 252).expect("prices are sound");
        walked.advance(&samples, &task, &mut |_, _| ControlFlow::Continue(())).expect("it goes on");
        let inputs = Inputs::of(&samples, samples.rows() - 1, task.horizon).expect("the level is known");
        let artefact = walked.refit(&samples, &task).expect("it fits");
        black_box(artefact.forecast(&inputs).expect("it forecasts"))
    });
}

/// One forecast by an artefact.
#[divan::bench]
fn one_forecast(bencher: Bencher) {
    let [_, task, ..] = TASKS;
    let (prices, walked) = carried();
    let samples = volatility::samples(&prices, task.horizon, 252).expect("prices are sound");
    let inputs = Inputs::of(&samples, samples.rows() - 1, task.horizon).expect("the level is known");
    let artefact = walked.artefact.expect("it was fitted");
    bencher.bench(|| black_box(artefact.forecast(black_box(&inputs))));
}
