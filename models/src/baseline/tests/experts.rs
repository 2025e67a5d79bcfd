//! The baselines are the forecaster's experts of the same names: on the same rows the same numbers.

use std::time::Duration;

use market::Timestamp;

use super::*;
use crate::baseline::har;
use crate::forecast::Boundary;
use crate::forecast::experts;
use crate::forecast::frame::Frame;
use crate::samples::{Column, Group, Samples};

/// The level as the forecaster has it, with the baselines' HAR differences as its core columns.
fn samples(values: &[f64], margins: &[f64], horizon: usize) -> Samples {
    let day = |row: usize| Timestamp::EPOCH.plus(Duration::from_hours(24 * row as u64));
    let column = |name: &str| Column { name: name.to_owned(), group: Group::Core };
    Samples {
        times: (0..values.len()).map(day).collect(),
        level: values.iter().map(|value| Some(*value)).collect(),
        columns: har::NAMES.map(column).to_vec(),
        values: har::differences(margins, horizon).concat(),
    }
}

#[test]
fn a_baseline_says_what_the_forecaster_s_expert_of_its_name_says() {
    for (horizon, seed) in [(1, 5), (5, 6), (24, 7)] {
        let values = wandering(1_400, seed);
        for (boundary, stated) in [
            (Boundary::Quantile(0.7), None),
            (Boundary::Quantile(0.5), None),
            (Boundary::Fixed(0.4), Some(0.4)),
        ] {
            let quantile = if let Boundary::Quantile(share) = boundary { share } else { 0.7 };
            let options = RegimeOptions { boundary: stated, quantile, ..options(horizon) };
            let margin = report(Kind::MarginOnly, &options, &values).unwrap();
            let (line, spread) = (value(&margin, "boundary"), value(&margin, "spread"));
            let margins: Vec<f64> = values.iter().map(|x| ((x - line) / spread).clamp(-4.0, 4.0)).collect();
            let samples = samples(&values, &margins, horizon);
            let frame = Frame::new(&samples, horizon, boundary, values.len(), 0).unwrap();
            assert_eq!(frame.scaling.boundary.to_bits(), line.to_bits());
            let experts = experts::fit(&frame, &[0, 1, 2], None, horizon);
            for (kind, name) in Kind::ALL.into_iter().zip(["base", "markov", "margin-only", "har-logistic"]) {
                let told = report(kind, &options, &values).unwrap();
                let expert = experts.iter().find(|expert| expert.name == name).unwrap();
                for (row, view) in frame.rows.iter().zip(&frame.views) {
                    assert_eq!(told.labels[*row], view.state);
                    let logit = expert.forms[view.state].parts(view).0;
                    let p = crate::scalar::logistic(logit);
                    assert!(
                        (told.shift[*row] - p).abs() < 1e-9,
                        "{name}, row {row}: {} {p}",
                        told.shift[*row]
                    );
                }
            }
        }
    }
}
