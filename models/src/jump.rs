//! Finds regimes that last: a clustering of rows in which every switch has its price.
//!
//! # The model
//! Regime s has a centroid θ(s). The path s(1) … s(T) and the centroids minimise
//! Σ ½ ‖x(t) − θ(s(t))‖² + λ · (number of switches).
//! λ = 0 is k-means; a large λ never switches. **The series is taken as it is given**: λ is in units of its
//! squared distances, so columns should be of one scale (standardise them first, and clip outliers: one row at
//! 60 standard deviations is a regime of its own to any clustering). Multiplying the columns by c and λ by c² gives
//! the same path.
//!
//! - **Discrete**: as above. The path is exact for given centroids (dynamic programming, O(T K)).
//! - **Continuous**: the state is a point p of the probability simplex, on a [`Grid`]; a row loses
//!   Σ p(s) ½ ‖x − θ(s)‖² and a move from p to q costs λ (‖p − q‖₁ / 2)², to which `mode_loss` adds
//!   ln Σ e^{−λ (‖p − q‖₁ / 2)²} over all q, less its value at a corner.
//! - **Sparse**: columns are multiplied by √w, λ divided by √(columns), and w ≥ 0 maximises Σ w · (sum of
//!   squares between regimes) subject to ‖w‖₂ ≤ 1, ‖w‖₁ ≤ κ = √`max_feats`: columns that do not tell regimes
//!   apart get the weight 0.
//!
//! # The fit
//! Coordinate descent from [`JumpOptions::starts`] seeded k-means++ starts, the best kept. The objective has
//! many local minima; more starts may find a better one. Objective, starts (by the same seed), stopping rule, grid
//! and weights are those of the Python package jumpmodels, and so are the numbers.
//!
//! # Order, and what is left out
//! Regimes are ordered by variance: the sum over the columns of the variance within the regime as a share of
//! the column's own, so that 0 is the calmest. A regime of a single row has no variance and comes after those that
//! have one. A regime that no row belongs to has no centroid either, and a report leaves it out and says so.
//!
//! **Online labels** look back only: the state in which the cheapest path through the rows so far ends. The
//! centroids are those of the whole training series all the same.
//!
//! # Sources
//! P. Nystrup, E. Lindström and H. Madsen, *Learning hidden Markov models with persistent states by
//! penalizing jumps*, Expert Syst. Appl. 150 (2020) 113307. P. Nystrup, P. N. Kolm and E. Lindström, *Greedy online
//! classification of persistent market states using realized intraday volatility features*, J. Financ. Data Sci.
//! 2 (2020) 25–39; *Feature selection in jump models*, Expert Syst. Appl. 184 (2021) 115558. A. O. Aydınhan,
//! P. N. Kolm, J. M. Mulvey and Y. Shu, *Identifying patterns in financial markets: extending the statistical jump
//! model for regime identification*, Ann. Oper. Res. (2024). D. M. Witten and R. Tibshirani, *A framework for
//! feature selection in clustering*, J. Am. Stat. Assoc. 105 (2010) 713–726.

mod decode;
mod fitted;
mod report;
mod search;
mod series;
mod simplex;
mod sparse;
mod start;
#[cfg(test)]
mod tests;
mod twister;

pub use fitted::{JumpFilter, JumpFit};
pub use report::JumpModel;
pub use simplex::Grid;
pub use sparse::fit_sparse;

use crate::model::ModelError;
use crate::table::FeatureTable;
use decode::Space;
use fitted::Problem;
use search::Stop;
use series::Series;
use simplex::Simplex;
use twister::Twister;

/// Values beyond this are refused: sums of their squares lose what tells regimes apart, or overflow.
const LARGEST: f64 = 1e40;

/// Most points of a continuous model's grid: the table of moves between them grows with their square.
const MOST_POINTS: usize = 2_000;

/// What a state is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// One regime at a time.
    #[default]
    Discrete,
    /// A mixture of regimes that moves over a grid.
    Continuous(Grid),
}

/// What is wanted of a jump model.
#[derive(Clone, Debug, PartialEq)]
pub struct JumpOptions {
    /// How many regimes, 2 to 4.
    pub states: usize,
    /// What one switch costs, λ: in units of the series' squared distances.
    pub penalty: f64,
    /// What a state is.
    pub shape: Shape,
    /// How many drawn starts are descended from.
    pub starts: usize,
    /// Steps after which a descent is given up.
    pub iterations: usize,
    /// A descent ends when a step gains no more than this.
    pub tolerance: f64,
    /// Seed of the draws.
    pub seed: u64,
    /// Centroids to descend from instead of drawn ones, states × columns.
    pub from: Option<Vec<Vec<f64>>>,
}

impl Default for JumpOptions {
    fn default() -> Self {
        Self {
            states: 2,
            penalty: 50.0,
            shape: Shape::Discrete,
            starts: 10,
            iterations: 1_000,
            tolerance: 1e-8,
            seed: 0,
            from: None,
        }
    }
}

/// Fits a jump model to every column of `table`, as they are.
///
/// # Errors
/// An option cannot be, there are fewer rows than regimes and one more, every column is constant, or a value
/// is beyond ±1e40.
pub fn fit(table: &FeatureTable, options: &JumpOptions) -> Result<JumpFit, ModelError> {
    let space = checked(table, options)?;
    let series = Series::new(table, None);
    let starts = starts(&series, options)?;
    Problem { table, series, space, weights: None }.solve(starts, stop(options))
}

/// The cheapest path through every row of `table` for given centroids, states × columns, which are not fitted.
///
/// # Errors
/// As [`fit`], or the centroids are not of that shape and finite.
pub fn evaluate(
    table: &FeatureTable,
    options: &JumpOptions,
    centers: &[Vec<f64>],
) -> Result<JumpFit, ModelError> {
    let space = checked(table, options)?;
    let series = Series::new(table, None);
    let stop = Stop { iterations: 0, tolerance: options.tolerance };
    let flat = flattened(centers, options.states, series.columns(), "--params")?;
    Problem { table, series, space, weights: None }.solve(vec![flat], stop)
}

fn stop(options: &JumpOptions) -> Stop {
    Stop { iterations: options.iterations, tolerance: options.tolerance }
}

/// Where the descents begin.
fn starts(series: &Series, options: &JumpOptions) -> Result<Vec<Vec<f64>>, ModelError> {
    if let Some(centers) = &options.from {
        return Ok(vec![flattened(centers, options.states, series.columns(), "--start")?]);
    }
    let mut twister = Twister::new(options.seed);
    Ok((0..options.starts).map(|_| start::far_apart(series, options.states, &mut twister)).collect())
}

fn flattened(
    centers: &[Vec<f64>],
    states: usize,
    columns: usize,
    option: &'static str,
) -> Result<Vec<f64>, ModelError> {
    let is_shaped = centers.len() == states && centers.iter().all(|center| center.len() == columns);
    let flat = centers.concat();
    if !is_shaped || !flat.iter().all(|value| value.abs() <= LARGEST) {
        let problem =
            format!("has means of another shape, or not finite; give {states} rows of {columns} numbers");
        return Err(ModelError::Option { option, problem });
    }
    Ok(flat)
}

/// The states of the model, once options and table are found to be such as can be fitted.
fn checked(table: &FeatureTable, options: &JumpOptions) -> Result<Space, ModelError> {
    let refuse = |option, problem| Err(ModelError::Option { option, problem });
    let states = options.states;
    if !(2..=4).contains(&states) {
        return refuse("--states", format!("is {states}; use 2 to 4"));
    }
    if !(0.0..=LARGEST).contains(&options.penalty) {
        return refuse("--penalty", format!("is {}; use a number of at least 0", options.penalty));
    }
    if options.starts == 0 && options.from.is_none() {
        return refuse("--starts", "is 0; use at least 1".to_owned());
    }
    if let Shape::Continuous(grid) = options.shape {
        let points = points(states, grid.steps);
        if grid.steps == 0 || points > MOST_POINTS {
            let problem = format!(
                "has {} steps and so {points} points of {states} regimes; use 1 to {MOST_POINTS} points",
                grid.steps
            );
            return refuse("--grid", problem);
        }
    }
    if table.rows() <= states {
        let wanted = format!("{states} regimes");
        return Err(ModelError::TooFewRows { rows: table.rows(), needed: states + 1, wanted });
    }
    check_values(table)?;
    Ok(match options.shape {
        Shape::Discrete => Space::Discrete { states, penalty: options.penalty },
        Shape::Continuous(grid) => {
            Space::Continuous { states, simplex: Simplex::new(states, options.penalty, grid) }
        }
    })
}

/// How many points a grid has: the ways of sharing `steps` among `states`.
fn points(states: usize, steps: usize) -> usize {
    (1..states).fold(1_usize, |points, k| points.saturating_mul(steps.saturating_add(k)) / k)
}

fn check_values(table: &FeatureTable) -> Result<(), ModelError> {
    let mut varies = false;
    for name in table.names() {
        let Some(mut column) = table.column(name) else { continue };
        let first = column.next();
        let (mut top, mut is_constant) = (first.map_or(0.0, f64::abs), true);
        for value in column {
            top = value.abs().max(top);
            is_constant &= first.is_some_and(|first| first.total_cmp(&value).is_eq());
        }
        if top > LARGEST {
            let problem = format!("cannot square column {name}, which reaches {top:e}");
            return Err(ModelError::Unsound { problem, remedy: "divide the column by a power of ten" });
        }
        varies |= !is_constant;
    }
    match table.names().first() {
        Some(name) if !varies => Err(ModelError::ConstantColumn { column: name.clone() }),
        _ => Ok(()),
    }
}
