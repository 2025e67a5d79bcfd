//! What every model of regimes is asked and what it answers: options in, one report out.
//!
//! Words are those of statsmodels and hmmlearn where these agree with the field; `docs/models.md` maps
//! them. Regimes are numbered from 0 in order of variance (of mean, where the variance does not switch), so
//! that 0 is always the calmest and a refit cannot swap their meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::forecast::STORMY;

/// The shape of a regime's covariance matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Covariance {
    /// Every entry free.
    #[default]
    Full,
    /// Columns independent within a regime.
    Diagonal,
}

/// A stated start of a Gaussian hidden Markov model, in hmmlearn's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Probability of each regime at the first row; sums to 1.
    pub startprob: Vec<f64>,
    /// Row i, column j: probability that regime j follows regime i; rows sum to 1.
    pub transmat: Vec<Vec<f64>>,
    /// Regimes × columns.
    pub means: Vec<Vec<f64>>,
    /// Regimes × columns × columns.
    pub covars: Vec<Vec<Vec<f64>>>,
}

/// Parameters that are given instead of fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// In the order in which a report lists them.
    Ordered(Vec<f64>),
    /// By the names by which a report lists them; all of them.
    Named(BTreeMap<String, f64>),
    /// Of a Gaussian hidden Markov model.
    Gaussian(Start),
}

/// What is wanted of a model of regimes. A model ignores what it has no use for.
#[derive(Clone, Debug, PartialEq)]
pub struct RegimeOptions {
    /// How many regimes, 2 to 4.
    pub states: usize,
    /// Shape of the covariances of a hidden Markov model.
    pub covariance: Covariance,
    /// Lags of the series itself that a switching regression regresses on.
    pub lags: usize,
    /// Order of a switching-mean autoregression.
    pub order: usize,
    /// Columns that a switching regression regresses on.
    pub exog: Vec<String>,
    /// Columns on which the probabilities of transition depend, through a logistic function.
    pub tvtp: Vec<String>,
    /// Whether a switching regression has a constant.
    pub constant: bool,
    /// Whether the variance switches.
    pub switching_variance: bool,
    /// Whether the coefficients of an autoregression switch.
    pub switching_ar: bool,
    /// What one switch costs in a jump model; in units of half a squared distance of the series as given.
    pub penalty: f64,
    /// The budget of a sparse jump model: at most about this many features squared together, at least 1.
    pub max_feats: f64,
    /// Expected rows between changes of a change-point model.
    pub run_length: f64,
    /// How many rows ahead a baseline says whether the regime will have changed, at least 1.
    pub horizon: usize,
    /// The level above which a baseline's regime is the high one; without it the quantile below.
    pub boundary: Option<f64>,
    /// The quantile of the training levels that is a baseline's boundary, strictly between 0 and 1.
    pub quantile: f64,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Exactly so many steps of expectation–maximisation instead of as many as it takes.
    pub iterations: Option<usize>,
    /// Where the search starts, instead of many places.
    pub start: Option<Start>,
    /// Evaluate at these parameters instead of fitting.
    pub given: Option<Given>,
}

impl Default for RegimeOptions {
    fn default() -> Self {
        Self {
            states: 2,
            covariance: Covariance::Full,
            lags: 0,
            order: 1,
            exog: Vec::new(),
            tvtp: Vec::new(),
            constant: true,
            switching_variance: false,
            switching_ar: false,
            penalty: 50.0,
            max_feats: 3.0,
            run_length: 250.0,
            horizon: 5,
            boundary: None,
            quantile: STORMY,
            seed: 0,
            iterations: None,
            start: None,
            given: None,
        }
    }
}

/// One estimated number.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name: `p[0->0]`, `const[1]`, `sigma2[0]`, `ar.L1`, `means[0].ret`.
    pub name: String,
    /// The estimate.
    pub value: f64,
    /// Its standard error; `None` where there is none: estimates at the edge of what is possible, and
    /// models without a likelihood.
    pub std_error: Option<f64>,
}

/// What a model of regimes says of a series. Rows are in order of time; every number is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct RegimeReport {
    /// The model's id.
    pub model: &'static str,
    /// How many regimes there are; of a change-point model, how many segments.
    pub states: usize,
    /// Rows scored: those of the series less what lags take.
    pub n: usize,
    /// Rows at the beginning that lags take, and which have no filtered row.
    pub skipped: usize,
    /// Log-likelihood in nats; `None` of a model without one.
    pub log_likelihood: Option<f64>,
    /// What the model minimised, where it has no likelihood.
    pub objective: Option<f64>,
    /// Akaike's criterion.
    pub aic: Option<f64>,
    /// Schwarz's criterion.
    pub bic: Option<f64>,
    /// Whether the search settled; true where nothing was searched.
    pub converged: bool,
    /// Steps of the search.
    pub iterations: usize,
    /// The estimates.
    pub parameters: Vec<Parameter>,
    /// Row i, column j: probability that regime j follows regime i (its mean over the rows, where it
    /// varies); empty where the model has none.
    pub transition: Vec<Vec<f64>>,
    /// Rows that a visit to each regime lasts on average; empty where the model has none.
    pub expected_durations: Vec<f64>,
    /// Rows × regimes: probability given this row and those before it.
    pub filtered: Vec<Vec<f64>>,
    /// Rows × regimes: probability given all rows.
    pub smoothed: Vec<Vec<f64>>,
    /// The regime of each row: the most likely path, or the segment's number.
    pub labels: Vec<usize>,
    /// The probability that the regime at the horizon is another than the row's; empty of models that forecast none.
    pub shift: Vec<f64>,
    /// What a reader should know: `2 of 10 starts did not settle`.
    pub notes: Vec<String>,
}

/// Mean length of the visits to each regime, rows; empty where one is never visited.
pub(crate) fn mean_visits(labels: &[usize], states: usize) -> Vec<f64> {
    let mut visits = vec![(0.0, 0.0); states];
    for visit in labels.chunk_by(|a, b| a == b) {
        let (count, rows) = &mut visits[visit[0]];
        *count += 1.0;
        *rows += visit.len() as f64;
    }
    if visits.iter().any(|(count, _)| *count <= 0.0) {
        return Vec::new();
    }
    visits.iter().map(|(count, rows)| rows / count).collect()
}
