//! Where a search starts: centroids drawn far apart from each other.
//!
//! Greedy k-means++: each further centroid is the best of 2 + ⌊ln K⌋ rows drawn with probability proportional
//! to the squared distance to the nearest centroid so far. Rows are drawn as scikit-learn draws them, from the
//! generator that it draws them from, so that one seed gives both the same starts.
//! Source: D. Arthur and S. Vassilvitskii, *k-means++: the advantages of careful seeding*, SODA (2007) 1027–1035.

use super::series::{Series, sum};
use super::twister::Twister;

/// Centroids for `states` regimes, states × columns, row-major.
pub(super) fn far_apart(series: &Series, states: usize, twister: &mut Twister) -> Vec<f64> {
    let rows = series.rows();
    let trials = 2 + libm::floor(libm::log(states as f64)) as usize;
    let mut centers: Vec<f64> = series.row(any_row(rows, twister.uniform())).collect();
    let mut nearest = vec![0.0; rows];
    series.losses(&centers, 0, &mut nearest);
    let mut trial = vec![0.0; rows];
    let mut best = vec![0.0; rows];
    for _ in 1..states {
        let total = sum(&nearest);
        // All drawn before the first is tried.
        let targets: Vec<f64> = (0..trials).map(|_| twister.uniform() * total).collect();
        let (mut least, mut chosen) = (f64::INFINITY, 0);
        for row in draw(&nearest, &targets) {
            let center: Vec<f64> = series.row(row).collect();
            series.losses(&center, 0, &mut trial);
            for (distance, known) in trial.iter_mut().zip(&nearest) {
                *distance = if *known < *distance { *known } else { *distance };
            }
            let left = sum(&trial);
            if left < least {
                (least, chosen) = (left, row);
                std::mem::swap(&mut best, &mut trial);
            }
        }
        centers.extend(series.row(chosen));
        std::mem::swap(&mut nearest, &mut best);
    }
    centers
}

/// The row that numpy's `choice` draws for `uniform`, all rows being equally likely: the first whose summed-up
/// share is beyond it.
fn any_row(rows: usize, uniform: f64) -> usize {
    let share = 1.0 / rows as f64;
    let running = |row: usize| (0..=row).fold(0.0, |total, _| total + share);
    let whole = running(rows - 1);
    let mut total = 0.0;
    for row in 0..rows {
        total += share;
        if total / whole > uniform {
            return row;
        }
    }
    rows - 1
}

/// For each target the first place at which the running sum of `weights` reaches it.
fn draw(weights: &[f64], targets: &[f64]) -> Vec<usize> {
    let mut places = vec![weights.len() - 1; targets.len()];
    let mut open: Vec<usize> = (0..targets.len()).collect();
    let mut next = f64::INFINITY;
    for target in targets {
        next = next.min(*target);
    }
    let mut running = 0.0;
    for (place, weight) in weights.iter().enumerate() {
        running += weight;
        if running >= next {
            open.retain(|at| {
                let is_reached = running >= targets[*at];
                if is_reached {
                    places[*at] = place;
                }
                !is_reached
            });
            next = open.iter().map(|at| targets[*at]).fold(f64::INFINITY, f64::min);
            if open.is_empty() {
                break;
            }
        }
    }
    places
}
