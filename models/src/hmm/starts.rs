//! Where a fit of a hidden Markov model starts: rows sorted into regimes by linfa's k-means and Gaussian
//! mixture, and by how wild the rows around each are.
//!
//! Of linfa only a partition of the rows is taken. Its last bits depend on the processor, and one row at 20
//! sigma makes its probabilities infinite; rows are therefore clipped first, and sorted into what it found
//! by our own arithmetic.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{GaussianMixtureModel, KMeans};
use ndarray::Array2;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use super::columns::Columns;
use super::emission::Emission;
use super::prior::Prior;
use crate::chance::Chance;
use crate::regimes::{Covariance, Start};

/// Most rows that linfa sees; of more, every so manieth.
const SEEN: usize = 1_000;
/// Seeds that each of linfa's two is started from; its own `n_runs` does not draw again.
const SEEDS: usize = 3;
/// Rows over which wildness is averaged.
const WINDOWS: [usize; 2] = [5, 21];
/// Probability of staying that every start begins with.
const STAY: f64 = 0.9;

/// What is wanted of starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) states: usize,
    pub(super) shape: Covariance,
    pub(super) seed: u64,
}

/// Where to start.
#[derive(Clone, Debug)]
pub(super) struct Starts {
    /// Different from one another.
    pub(super) parameters: Vec<Start>,
    /// How many were tried.
    pub(super) tried: usize,
    /// How many of those linfa did not settle.
    pub(super) unsettled: usize,
}

impl Starts {
    /// Of standardised columns; `clipped` are they without what is far off.
    pub(super) fn new(columns: &Columns, clipped: &Columns, prior: &Prior, wanted: Wanted) -> Self {
        let Wanted { states, shape, seed } = wanted;
        let mut chance = Chance::new(seed);
        let mut partitions: Vec<Vec<usize>> = Vec::new();
        let mut unsettled = 0;
        if has_distinct_rows(clipped, states) {
            let records = records(clipped);
            for _ in 0..SEEDS {
                let seed = chance.seed();
                for found in
                    [k_means(clipped, &records, states, seed), mixture(clipped, &records, states, seed)]
                {
                    match found {
                        Some(partition) => partitions.push(partition),
                        None => unsettled += 1,
                    }
                }
            }
        } else {
            unsettled = 2 * SEEDS;
        }
        partitions.extend(WINDOWS.iter().map(|window| by_wildness(clipped, states, *window)));
        let mut distinct: Vec<Vec<usize>> = Vec::new();
        for partition in partitions {
            if !distinct.contains(&partition) {
                distinct.push(partition);
            }
        }
        Self {
            parameters: distinct
                .iter()
                .filter_map(|labels| start(columns, labels, states, shape, prior))
                .collect(),
            tried: 2 * SEEDS + WINDOWS.len(),
            unsettled,
        }
    }
}

/// Whether there are at least `count` different rows.
fn has_distinct_rows(columns: &Columns, count: usize) -> bool {
    let mut seen: Vec<Vec<u64>> = Vec::new();
    for row in 0..columns.rows() {
        let bits: Vec<u64> = columns.row(row).map(f64::to_bits).collect();
        if !seen.contains(&bits) {
            seen.push(bits);
        }
        if seen.len() >= count {
            return true;
        }
    }
    false
}

/// The rows that linfa sees.
fn records(columns: &Columns) -> Array2<f64> {
    let stride = columns.rows().div_ceil(SEEN).max(1);
    Array2::from_shape_fn((columns.rows().div_ceil(stride), columns.width()), |(row, column)| {
        columns.column(column)[row * stride]
    })
}

/// Rows by the nearest of linfa's centroids.
fn k_means(columns: &Columns, records: &Array2<f64>, states: usize, seed: u64) -> Option<Vec<usize>> {
    let model = KMeans::params_with_rng(states, Xoshiro256Plus::seed_from_u64(seed))
        .n_runs(1)
        .max_n_iterations(100)
        .tolerance(1e-4)
        .fit(&DatasetBase::from(records.clone()))
        .ok()?;
    let centroids = model.centroids();
    if centroids.dim() != (states, columns.width()) || centroids.iter().any(|entry| !entry.is_finite()) {
        return None;
    }
    let labels = (0..columns.rows()).map(|row| {
        let distances = (0..states).map(|state| {
            columns.row(row).zip(centroids.row(state)).map(|(value, at)| (value - at) * (value - at)).sum()
        });
        least(distances)
    });
    Some(labels.collect())
}

/// Rows by the likeliest component of linfa's Gaussian mixture.
fn mixture(columns: &Columns, records: &Array2<f64>, states: usize, seed: u64) -> Option<Vec<usize>> {
    let model = GaussianMixtureModel::params_with_rng(states, Xoshiro256Plus::seed_from_u64(seed))
        .n_runs(1)
        .max_n_iterations(100)
        .tolerance(1e-4)
        .reg_covariance(1e-4)
        .fit(&DatasetBase::from(records.clone()))
        .ok()?;
    let (weights, means, covariances) = (model.weights(), model.means(), model.covariances());
    let numbers = weights.iter().chain(means).chain(covariances);
    if means.dim() != (states, columns.width()) || numbers.into_iter().any(|entry| !entry.is_finite()) {
        return None;
    }
    let parameters = Start {
        startprob: weights.to_vec(),
        transmat: Vec::new(),
        means: means.rows().into_iter().map(|row| row.to_vec()).collect(),
        covars: (covariances.outer_iter())
            .map(|matrix| matrix.rows().into_iter().map(|row| row.to_vec()).collect())
            .collect(),
    };
    let emission = Emission::new(&parameters, Covariance::Full, 0.0).ok()?;
    let labels = (0..columns.rows()).map(|row| {
        let row: Vec<f64> = columns.row(row).collect();
        least(
            emission
                .each(&row)
                .zip(&parameters.startprob)
                .map(|(density, weight)| -(density + libm::log(*weight))),
        )
    });
    Some(labels.collect())
}

/// Rows in as many equal parts as there are states, by the mean squared size of the rows around them.
fn by_wildness(columns: &Columns, states: usize, window: usize) -> Vec<usize> {
    let rows = columns.rows();
    let sizes: Vec<f64> = (0..rows).map(|row| columns.row(row).map(|value| value * value).sum()).collect();
    let around: Vec<f64> = (0..rows)
        .map(|row| {
            let near = &sizes[row.saturating_sub(window / 2)..(row + window / 2 + 1).min(rows)];
            near.iter().sum::<f64>() / near.len() as f64
        })
        .collect();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| around[*a].total_cmp(&around[*b]));
    let mut labels = vec![0; rows];
    for (rank, row) in order.into_iter().enumerate() {
        labels[row] = rank * states / rows;
    }
    labels
}

/// The place of the least; the first of equals.
fn least(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::INFINITY);
    for (place, value) in values.enumerate() {
        if value < best.1 {
            best = (place, value);
        }
    }
    best.0
}

/// Parameters of rows sorted so; `None` where a state has no row or too few to have a covariance.
fn start(
    columns: &Columns,
    labels: &[usize],
    states: usize,
    shape: Covariance,
    prior: &Prior,
) -> Option<Start> {
    let width = columns.width();
    let mut parameters = Start {
        startprob: vec![1.0 / states as f64; states],
        transmat: (0..states)
            .map(|i| {
                (0..states).map(|j| if i == j { STAY } else { (1.0 - STAY) / (states - 1) as f64 }).collect()
            })
            .collect(),
        means: Vec::new(),
        covars: Vec::new(),
    };
    for state in 0..states {
        let rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] == state).collect();
        if rows.is_empty() {
            return None;
        }
        let count = rows.len() as f64;
        let mean: Vec<f64> =
            (0..width).map(|j| rows.iter().map(|row| columns.column(j)[*row]).sum::<f64>() / count).collect();
        let entry = |i: usize, j: usize| {
            let (a, b) = (columns.column(i), columns.column(j));
            let scatter: f64 = rows.iter().map(|row| (a[*row] - mean[i]) * (b[*row] - mean[j])).sum();
            let kept = if i == j || shape == Covariance::Full { scatter } else { 0.0 };
            (kept + prior.scatter(i, j)) / (count + prior.rows())
        };
        parameters.covars.push((0..width).map(|i| (0..width).map(|j| entry(i, j)).collect()).collect());
        parameters.means.push(mean);
    }
    Some(parameters)
}
