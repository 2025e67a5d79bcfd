//! Whether a forecast ever knew what came after it: what follows a cut is scrambled, and nothing before may change.

use std::ops::ControlFlow;

use market::Timestamp;

use crate::chance::Chance;
use crate::samples::Samples;

use super::walk::{Protocol, Row, walk};
use super::{ForecastError, Task};

/// What an audit looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// How many cuts were made.
    pub cuts: usize,
    /// Forecasts before a cut that were compared, bit by bit.
    pub compared: usize,
    /// Forecasts from a cut on that did change: that the scrambling was felt at all.
    pub changed: usize,
}

/// A forecast that changed with what came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the forecast of {row} changes when what follows {cut} is scrambled: it knew the future")]
pub struct Leak {
    /// When the forecast was made.
    pub row: Timestamp,
    /// The last moment that was left as it was.
    pub cut: Timestamp,
}

/// Why an audit did not pass.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AuditError {
    /// Something leaks.
    #[error(transparent)]
    Leak(#[from] Leak),
    /// A walk failed.
    #[error(transparent)]
    Walk(#[from] ForecastError),
}

/// Walks through samples as they are, and again for each cut with all that follows it scrambled. `make` makes
/// samples of a history of numbers, as a feature store does of events: the last of its rows is made as soon as the
/// last number is known, the row before it a number earlier, and so on.
///
/// # Errors
/// A forecast before a cut changed, or a walk failed.
pub fn audit(
    history: &[f64],
    make: &dyn Fn(&[f64]) -> Samples,
    task: &Task,
    protocol: &Protocol,
    cuts: usize,
) -> Result<Audit, AuditError> {
    let run = |history: &[f64]| walk(&make(history), task, protocol, &mut |_, _| ControlFlow::Continue(()));
    let truth = run(history)?;
    // How many numbers are known before the first row.
    let before = history.len().saturating_sub(make(history).rows());
    let mut chance = Chance::new(protocol.seed);
    let mut audit = Audit { cuts, compared: 0, changed: 0 };
    for _ in 0..cuts {
        let first = before + protocol.min_train;
        let cut = first + chance.index(history.len().saturating_sub(first + 1));
        let mut scrambled = history.to_vec();
        for number in &mut scrambled[cut + 1..] {
            // Drawn from anywhere, and moved: neither the order nor the values are left.
            *number = history[chance.index(history.len())] + chance.normal();
        }
        let other = run(&scrambled)?;
        let last = truth.rows.iter().rfind(|row| row.row + before <= cut).map(|row| row.time);
        for (row, now) in truth.rows.iter().zip(&other.rows) {
            if row.row + before > cut {
                audit.changed += usize::from(bits(row) != bits(now));
                continue;
            }
            audit.compared += 1;
            if bits(row) != bits(now) {
                return Err(Leak { row: row.time, cut: last.unwrap_or(row.time) }.into());
            }
        }
    }
    Ok(audit)
}

/// Every bit that a forecast has. What came of it is known later, and no part of it.
fn bits(row: &Row) -> Vec<u64> {
    let numbers = [
        row.probability,
        row.low,
        row.high,
        row.mixed,
        row.without,
        row.boundary,
        row.baselines.base,
        row.baselines.markov,
        row.baselines.margin_only,
    ];
    let all = numbers.iter().chain(&row.with).chain(&row.experts).map(|number| number.to_bits());
    let rest = [u64::from(row.state), u64::from(row.set[0]), u64::from(row.set[1])];
    all.chain(rest).chain([u64::from(row.abstained.is_some()), row.row as u64]).collect()
}
