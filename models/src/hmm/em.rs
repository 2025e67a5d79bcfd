//! Steps of expectation–maximisation (Baum and Welch), with or without a prior.
//!
//! Without a prior a step is hmmlearn's with its own priors switched off. Source: L. E. Baum, T. Petrie,
//! G. Soules and N. Weiss, *A maximization technique occurring in the statistical analysis of probabilistic
//! functions of Markov chains*, Ann. Math. Stat. 41 (1970) 164–171.

use super::chain::{Chain, Trellis};
use super::columns::Columns;
use super::emission::{Collapsed, Emission};
use super::prior::Prior;
use crate::regimes::{Covariance, Start};

/// Least share of a column's variance that the columns before it may leave in a fitted state.
pub(super) const LEAST_LEFT: f64 = 1e-10;
/// Rows whose moments are summed at a time.
const BLOCK: usize = 256;

/// One fit of K states: parameters that climb.
#[derive(Clone, Debug)]
pub(super) struct Climb<'a, const K: usize> {
    columns: &'a Columns,
    shape: Covariance,
    prior: Option<&'a Prior>,
    trellis: Trellis<K>,
    moments: Moments,
    pub(super) parameters: Start,
    emission: Emission,
}

/// Where a climb has come to.
#[derive(Clone, Debug)]
pub(super) struct Summit {
    /// In the units of the columns.
    pub(super) parameters: Start,
    /// Log-likelihood before each step.
    pub(super) history: Vec<f64>,
    /// Log-likelihood plus log prior, up to a constant, before the last step.
    pub(super) objective: f64,
    /// Whether the last step gained next to nothing.
    pub(super) converged: bool,
}

/// How long to climb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// So many.
    Exactly(usize),
    /// Until a step gains less than [`SETTLED`], but not more than so many.
    Settle(usize),
}

/// A step that gains less than this has settled, nats over all rows.
pub(super) const SETTLED: f64 = 1e-7;

impl<'a, const K: usize> Climb<'a, K> {
    /// Starts at `parameters`, which are in the units of `columns`.
    ///
    /// # Errors
    /// A state's covariance is not positive definite.
    pub(super) fn new(
        columns: &'a Columns,
        shape: Covariance,
        prior: Option<&'a Prior>,
        parameters: Start,
    ) -> Result<Self, Collapsed> {
        let emission = Emission::new(&parameters, shape, 0.0)?;
        let moments = Moments::new(columns.width(), shape);
        Ok(Self {
            columns,
            shape,
            prior,
            trellis: Trellis::new(columns.rows()),
            moments,
            parameters,
            emission,
        })
    }

    /// Starts again from elsewhere.
    ///
    /// # Errors
    /// A state's covariance is not positive definite.
    pub(super) fn restart(&mut self, parameters: Start) -> Result<(), Collapsed> {
        self.emission = Emission::new(&parameters, self.shape, 0.0)?;
        self.parameters = parameters;
        Ok(())
    }

    /// Climbs.
    ///
    /// # Errors
    /// A state's covariance shrank to nothing.
    pub(super) fn climb(&mut self, steps: Steps) -> Result<Summit, Collapsed> {
        let (most, settles) = match steps {
            Steps::Exactly(steps) => (steps, false),
            Steps::Settle(steps) => (steps, true),
        };
        let mut history = Vec::new();
        let mut objective = f64::NEG_INFINITY;
        let mut converged = most == 0;
        while history.len() < most {
            let before = objective;
            let (log_likelihood, counts) = self.expect();
            objective = log_likelihood + self.prior.map_or(0.0, |prior| prior.log_density(&self.parameters));
            history.push(log_likelihood);
            self.maximise(&counts)?;
            converged = objective - before < SETTLED;
            if settles && converged {
                break;
            }
        }
        Ok(Summit { parameters: self.parameters.clone(), history, objective, converged })
    }

    /// The same columns under another prior.
    pub(super) fn under(&mut self, prior: Option<&'a Prior>) {
        self.prior = prior;
    }

    /// Rows expected in the state that has the fewest, at the last step.
    pub(super) fn fewest_rows(&self) -> f64 {
        let states = self.trellis.posterior.chunks_exact(self.columns.rows());
        states.map(sum).fold(f64::INFINITY, f64::min)
    }

    /// The log-likelihood, and how many moves from each state to each are expected.
    fn expect(&mut self) -> (f64, [[f64; K]; K]) {
        let chain = Chain::new(&self.parameters.startprob, &self.parameters.transmat);
        self.emission.of_rows(self.columns, &mut self.trellis.densities);
        let log_likelihood = self.trellis.forward(&chain);
        (log_likelihood, self.trellis.backward(&chain))
    }

    fn maximise(&mut self, counts: &[[f64; K]; K]) -> Result<(), Collapsed> {
        let rows = self.columns.rows();
        let first: [f64; K] = core::array::from_fn(|state| self.trellis.posterior[state * rows]);
        let all: f64 = first.iter().sum();
        self.parameters.startprob = first.iter().map(|share| share / all).collect();
        for (i, row) in self.parameters.transmat.iter_mut().enumerate() {
            let mut weights = counts[i];
            for (j, weight) in weights.iter_mut().enumerate() {
                *weight += self.prior.map_or(0.0, |prior| prior.count(i, j));
            }
            let all: f64 = weights.iter().sum();
            // A state that no row before the last was in says nothing of where it goes.
            if all > 0.0 {
                *row = weights.iter().map(|weight| weight / all).collect();
            }
        }
        for (state, weights) in self.trellis.posterior.chunks_exact(rows).enumerate() {
            let mean = &mut self.parameters.means[state];
            self.moments.gather(self.columns, weights, mean);
            let Some(moved) = self.moments.about_the_mean() else {
                // Without rows a state stays where it is, unless a prior says how wide it is.
                match self.prior {
                    Some(prior) => self.parameters.covars[state] = prior.alone(),
                    None => return Err(Collapsed { state }),
                }
                continue;
            };
            for (mean, moved) in mean.iter_mut().zip(moved) {
                *mean += moved;
            }
            let weight = self.moments.weight + self.prior.map_or(0.0, Prior::rows);
            let covariance = &mut self.parameters.covars[state];
            for (i, row) in covariance.iter_mut().enumerate() {
                for (j, entry) in row.iter_mut().enumerate() {
                    let own = self.prior.map_or(0.0, |prior| prior.scatter(i, j));
                    *entry = (self.moments.scatter(i, j) + own) / weight;
                }
            }
        }
        self.emission = Emission::new(&self.parameters, self.shape, LEAST_LEFT)?;
        let penalised = self.prior.is_some_and(|prior| prior.rows() > 0.0);
        let floor = if penalised { 0.0 } else { LEAST_LEFT };
        // Columns are standardised: 1 is the variance of all rows.
        let flat = |covariance: &Vec<Vec<f64>>| (0..covariance.len()).any(|j| covariance[j][j] <= floor);
        match self.parameters.covars.iter().position(flat) {
            Some(state) => Err(Collapsed { state }),
            None => Ok(()),
        }
    }
}

/// Weighted sums of one state's rows, about where its mean was.
#[derive(Clone, Debug)]
struct Moments {
    shape: Covariance,
    weight: f64,
    first: Vec<f64>,
    /// Row-major, lower triangle.
    second: Vec<f64>,
    deviations: Vec<f64>,
    weighted: Vec<f64>,
}

impl Moments {
    fn new(width: usize, shape: Covariance) -> Self {
        Self {
            shape,
            weight: 0.0,
            first: vec![0.0; width],
            second: vec![0.0; width * width],
            deviations: vec![0.0; width * BLOCK],
            weighted: vec![0.0; BLOCK],
        }
    }

    fn gather(&mut self, columns: &Columns, weights: &[f64], about: &[f64]) {
        let width = about.len();
        self.weight = 0.0;
        self.first.fill(0.0);
        self.second.fill(0.0);
        for (block, weights) in weights.chunks(BLOCK).enumerate() {
            let rows = block * BLOCK..block * BLOCK + weights.len();
            self.weight += sum(weights);
            for (j, about) in about.iter().enumerate() {
                let deviations = &mut self.deviations[j * BLOCK..j * BLOCK + weights.len()];
                for (deviation, value) in deviations.iter_mut().zip(&columns.column(j)[rows.clone()]) {
                    *deviation = value - about;
                }
            }
            for i in 0..width {
                let first = self.first_of(i);
                let deviations = &self.deviations[i * BLOCK..i * BLOCK + weights.len()];
                let weighted = &mut self.weighted[..weights.len()];
                for ((weighted, deviation), weight) in weighted.iter_mut().zip(deviations).zip(weights) {
                    *weighted = weight * deviation;
                }
                self.first[i] += sum(weighted);
                for j in first..=i {
                    let deviations = &self.deviations[j * BLOCK..j * BLOCK + weights.len()];
                    self.second[i * width + j] += dot(weighted, deviations);
                }
            }
        }
    }

    /// Moves the second moments to the mean, and says how far the mean is from where it was; `None` without
    /// rows.
    fn about_the_mean(&mut self) -> Option<Vec<f64>> {
        if self.weight < f64::MIN_POSITIVE {
            return None;
        }
        let width = self.first.len();
        let moved: Vec<f64> = self.first.iter().map(|first| first / self.weight).collect();
        for i in 0..width {
            for (j, moved) in moved.iter().enumerate().take(i + 1).skip(self.first_of(i)) {
                self.second[i * width + j] -= self.first[i] * moved;
            }
        }
        Some(moved)
    }

    /// The first column whose product with column i is wanted.
    fn first_of(&self, i: usize) -> usize {
        if self.shape == Covariance::Diagonal { i } else { 0 }
    }

    fn scatter(&self, i: usize, j: usize) -> f64 {
        self.second[i.max(j) * self.first.len() + i.min(j)]
    }
}

/// Sums run in this many lanes, in a fixed order: it is what lets them be done two or four at a time.
const LANES: usize = 8;

fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().chain(rest).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((chunks_a, rest_a), (chunks_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in chunks_a.iter().zip(chunks_b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}
