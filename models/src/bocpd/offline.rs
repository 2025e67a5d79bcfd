//! A whole series: its likeliest segmentation, and how likely a change is at each row given all of them.

use super::{Bocpd, Prior};
use crate::model::ModelError;
use crate::table::FeatureTable;

/// What is said of a whole series.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmentation {
    /// Log density of the series over all segmentations, nats.
    pub log_evidence: f64,
    /// The first row of each segment of the likeliest segmentation, ascending.
    pub starts: Vec<usize>,
    /// For each row: the likeliest run length, given the row and those before it.
    pub run_lengths: Vec<usize>,
    /// For each row: the probability that a run began there, given the row and those before it; 0 at the first.
    pub filtered: Vec<f64>,
    /// For each row: the probability that a run began there, given all rows; 0 at the first.
    pub smoothed: Vec<f64>,
}

/// Segments the rows of `table`; a run lasts `run_length` rows on average. One prior a column.
///
/// # Errors
/// As [`Bocpd::new`], there are not as many priors as columns, or a value is beyond ±1e40.
pub fn segment(table: &FeatureTable, run_length: f64, priors: &[Prior]) -> Result<Segmentation, ModelError> {
    if priors.len() != table.names().len() {
        let problem = format!("has {} priors for {} columns", priors.len(), table.names().len());
        return Err(ModelError::Option { option: "--params", problem });
    }
    let rows = table.rows();
    let mut forward = Bocpd::new(run_length, priors)?;
    let mut before = Vec::with_capacity(rows);
    let mut previous = Vec::with_capacity(rows);
    let (mut run_lengths, mut filtered) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in 0..rows {
        before.push(forward.log_evidence());
        previous.push(forward.likeliest_start());
        take(&mut forward, table, row)?;
        run_lengths.push(forward.run_length());
        filtered.push(forward.change().unwrap_or(0.0));
    }
    let mut backward = Bocpd::new(run_length, priors)?;
    let mut smoothed = vec![0.0; rows];
    let whole = forward.log_evidence() + libm::log(run_length);
    for row in (1..rows).rev() {
        take(&mut backward, table, row)?;
        smoothed[row] = libm::exp(before[row] + backward.log_evidence() - whole).min(1.0);
    }
    Ok(Segmentation {
        log_evidence: forward.log_evidence(),
        starts: starts(&forward, &previous),
        run_lengths,
        filtered,
        smoothed,
    })
}

fn take(watch: &mut Bocpd, table: &FeatureTable, row: usize) -> Result<(), ModelError> {
    if table.row(row).and_then(|row| watch.step(row)).is_some() {
        return Ok(());
    }
    let problem = format!("cannot square row {row}, which is beyond ±1e40");
    Err(ModelError::Unsound { problem, remedy: "divide the columns by a power of ten" })
}

/// Follows the likeliest segmentation back: `previous[t]` is where the run began that ends before row t.
fn starts(watch: &Bocpd, previous: &[usize]) -> Vec<usize> {
    let mut starts = Vec::new();
    if previous.is_empty() {
        return starts;
    }
    let mut start = watch.likeliest_start();
    starts.push(start);
    while start > 0 {
        start = previous[start];
        starts.push(start);
    }
    starts.reverse();
    starts
}
