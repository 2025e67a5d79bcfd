//! A Gaussian hidden Markov model with its parameters: what it says of rows, and rows that it makes.

use super::chain::{Chain, Trellis};
use super::columns::Columns;
use super::emission::Emission;
use super::filter::Filter;
use super::{fit, stated};
use crate::chance::Chance;
use crate::dense::Cholesky;
use crate::model::ModelError;
use crate::regimes::{Covariance, Start};
use crate::table::FeatureTable;

/// A Gaussian hidden Markov model of 2 to 4 regimes. Serialise its [`Gaussian::parameters`].
#[derive(Clone, Debug)]
pub struct Gaussian {
    parameters: Start,
    shape: Covariance,
    emission: Emission,
}

/// What a model says of rows; everything has one entry a row, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Log-likelihood, nats.
    pub log_likelihood: f64,
    /// Probability of each regime given the row and those before it.
    pub filtered: Vec<Vec<f64>>,
    /// Probability of each regime given all rows.
    pub smoothed: Vec<Vec<f64>>,
    /// The most likely path.
    pub path: Path,
}

/// The most likely sequence of regimes (Viterbi).
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// One a row. Of paths that are equally likely the one that ends in the lower regime.
    pub labels: Vec<usize>,
    /// Log-probability of this path together with the rows, nats.
    pub log_probability: f64,
}

/// Rows drawn from a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The regime of each row.
    pub labels: Vec<usize>,
    /// Rows × columns, row-major.
    pub values: Vec<f64>,
}

/// Does one thing for the number of states that there are, known when it is compiled.
macro_rules! with_states {
    ($states:expr, $call:ident, $of:expr $(, $argument:expr)*) => {
        match $states {
            2 => $of.$call::<2>($($argument),*),
            3 => $of.$call::<3>($($argument),*),
            _ => $of.$call::<4>($($argument),*),
        }
    };
}

impl Gaussian {
    /// The model with these parameters. Regimes stay in the order in which they are stated.
    ///
    /// # Errors
    /// They cannot be: shapes differ, probabilities do not sum to 1, a covariance is not positive definite.
    pub fn new(parameters: &Start, covariance: Covariance) -> Result<Self, ModelError> {
        let width = parameters.means.first().map_or(0, Vec::len);
        Self::stated(parameters, width, covariance, "the stated model")
    }

    /// As [`Gaussian::new`], of so many columns; `option` is where the parameters come from.
    pub(super) fn stated(
        parameters: &Start,
        width: usize,
        shape: Covariance,
        option: &'static str,
    ) -> Result<Self, ModelError> {
        let parameters = stated::checked(parameters, width, shape, option)?;
        let emission = Emission::new(&parameters, shape, 0.0).map_err(fit::collapsed)?;
        Ok(Self { parameters, shape, emission })
    }

    /// The parameters.
    pub fn parameters(&self) -> &Start {
        &self.parameters
    }

    /// The shape of the covariances.
    pub fn covariance(&self) -> Covariance {
        self.shape
    }

    /// How many regimes there are.
    pub fn states(&self) -> usize {
        self.parameters.startprob.len()
    }

    /// How many columns a row has.
    pub fn columns(&self) -> usize {
        self.parameters.means.first().map_or(0, Vec::len)
    }

    /// How many parameters are free, as hmmlearn counts them for its information criteria.
    pub fn free_parameters(&self) -> usize {
        fit::free_parameters(self.states(), self.columns(), self.shape)
    }

    /// Log-likelihood, filtered and smoothed probabilities and the most likely path.
    ///
    /// # Errors
    /// The table has another number of columns.
    pub fn evaluate(&self, table: &FeatureTable) -> Result<Evaluation, ModelError> {
        let columns = self.columns_of(table)?;
        Ok(with_states!(self.states(), evaluate_states, self, &columns))
    }

    /// Log-likelihood of all rows, nats.
    ///
    /// # Errors
    /// The table has another number of columns.
    pub fn score(&self, table: &FeatureTable) -> Result<f64, ModelError> {
        let columns = self.columns_of(table)?;
        Ok(with_states!(self.states(), score_states, self, &columns))
    }

    /// Rows × regimes: probability given the row and those before it.
    ///
    /// # Errors
    /// The table has another number of columns.
    pub fn filter(&self, table: &FeatureTable) -> Result<Vec<Vec<f64>>, ModelError> {
        let columns = self.columns_of(table)?;
        Ok(with_states!(self.states(), filter_states, self, &columns))
    }

    /// Rows × regimes: probability given all rows.
    ///
    /// # Errors
    /// The table has another number of columns.
    pub fn smooth(&self, table: &FeatureTable) -> Result<Vec<Vec<f64>>, ModelError> {
        Ok(self.evaluate(table)?.smoothed)
    }

    /// The most likely path.
    ///
    /// # Errors
    /// The table has another number of columns.
    pub fn viterbi(&self, table: &FeatureTable) -> Result<Path, ModelError> {
        Ok(self.evaluate(table)?.path)
    }

    /// A filter that takes one row at a time and has seen none; bit for bit what [`Gaussian::filter`] says.
    pub fn online(&self) -> Filter {
        Filter::new(&self.parameters, &self.emission)
    }

    /// Rows that a visit to each regime lasts on average, 1 / (1 − probability of staying); `None` of one
    /// that is never left.
    pub fn expected_durations(&self) -> Vec<Option<f64>> {
        let leaving = self.parameters.transmat.iter().enumerate().map(|(i, row)| {
            // Summed, because 1 − p rounds to 0 where p is next to 1.
            row.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, p)| p).sum::<f64>()
        });
        leaving.map(|leaving| Some(1.0 / leaving).filter(|rows| rows.is_finite())).collect()
    }

    /// Probability of each regime `steps` rows after one with these probabilities; `None` where there are
    /// not as many as regimes.
    pub fn ahead(&self, probabilities: &[f64], steps: usize) -> Option<Vec<f64>> {
        if probabilities.len() != self.states() {
            return None;
        }
        let mut now = probabilities.to_vec();
        for _ in 0..steps {
            now = (0..now.len())
                .map(|j| now.iter().zip(&self.parameters.transmat).map(|(p, row)| p * row[j]).sum())
                .collect();
        }
        Some(now)
    }

    /// So many rows drawn from the model.
    pub fn simulate(&self, rows: usize, seed: u64) -> Simulated {
        let mut chance = Chance::new(seed);
        let width = self.columns();
        let factors: Vec<Option<Cholesky>> =
            (self.parameters.covars.iter()).map(|matrix| Cholesky::new(&matrix.concat(), width)).collect();
        let mut simulated = Simulated { labels: Vec::new(), values: Vec::new() };
        let mut normals = vec![0.0; width];
        for _ in 0..rows {
            let shares = match simulated.labels.last() {
                Some(state) => &self.parameters.transmat[*state],
                None => &self.parameters.startprob,
            };
            let state = draw(shares, chance.uniform());
            normals.fill_with(|| chance.normal());
            let lower = factors[state].as_ref().map_or(&[][..], Cholesky::lower);
            for (mean, row) in self.parameters.means[state].iter().zip(lower.chunks_exact(width)) {
                let noise: f64 = row.iter().zip(&normals).map(|(weight, normal)| weight * normal).sum();
                simulated.values.push(mean + noise);
            }
            simulated.labels.push(state);
        }
        simulated
    }

    fn columns_of(&self, table: &FeatureTable) -> Result<Columns, ModelError> {
        let (given, wanted) = (table.names().len(), self.columns());
        if given == wanted {
            return Ok(Columns::new(table));
        }
        Err(ModelError::Option {
            option: "--columns",
            problem: format!("names {given} columns; the model has {wanted}"),
        })
    }

    fn trellis<const K: usize>(&self, columns: &Columns) -> (Chain<K>, Trellis<K>) {
        let mut trellis = Trellis::new(columns.rows());
        self.emission.of_rows(columns, &mut trellis.densities);
        (Chain::new(&self.parameters.startprob, &self.parameters.transmat), trellis)
    }

    fn score_states<const K: usize>(&self, columns: &Columns) -> f64 {
        let (chain, mut trellis) = self.trellis::<K>(columns);
        trellis.forward(&chain)
    }

    fn filter_states<const K: usize>(&self, columns: &Columns) -> Vec<Vec<f64>> {
        let (chain, mut trellis) = self.trellis::<K>(columns);
        trellis.forward(&chain);
        (0..columns.rows()).map(|row| trellis.filtered(&chain, row).to_vec()).collect()
    }

    fn evaluate_states<const K: usize>(&self, columns: &Columns) -> Evaluation {
        let (chain, mut trellis) = self.trellis::<K>(columns);
        let (labels, log_probability) = chain.best_path(&trellis.densities);
        let log_likelihood = trellis.forward(&chain);
        let rows = columns.rows();
        let filtered = (0..rows).map(|row| trellis.filtered(&chain, row).to_vec()).collect();
        trellis.backward(&chain);
        let smoothed = (0..rows).map(|row| {
            let weights: [f64; K] = core::array::from_fn(|state| trellis.posterior[state * rows + row]);
            let all: f64 = weights.iter().sum();
            weights.iter().map(|weight| weight / all).collect()
        });
        let smoothed = smoothed.collect();
        Evaluation { log_likelihood, filtered, smoothed, path: Path { labels, log_probability } }
    }
}

/// The place at which the running sum of `shares` passes `at`.
fn draw(shares: &[f64], at: f64) -> usize {
    let mut sum = 0.0;
    let passes = |share: &f64| {
        sum += share;
        at < sum
    };
    // Rounding may leave the whole sum short of 1: then it is the last that can be.
    shares.iter().position(passes).or_else(|| shares.iter().rposition(|share| *share > 0.0)).unwrap_or(0)
}
