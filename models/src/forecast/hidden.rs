//! What a hidden Markov model of the level expects of the next window.
//!
//! Two normal regimes of the level, seen at windows side by side, so that one step of the chain is one horizon. It is
//! filtered over the trail of levels that the inputs carry, from its stationary distribution on: what lies further
//! back is forgotten by then, and a forecast needs nothing but its artefact and its inputs.

use serde::{Deserialize, Serialize};

use crate::hmm::{self, Gaussian, Strength};
use crate::regimes::{Covariance, RegimeOptions, Start};
use crate::samples::Samples;
use crate::scalar::{clipped, logit};
use crate::table::FeatureTable;

use super::ForecastError;
use super::frame::{Frame, Scaling};

/// Fewest windows side by side that it is fitted to.
const FEWEST: usize = 40;

/// Steps of expectation–maximisation: enough to settle two regimes of one column.
const STEPS: usize = 40;

/// A two-regime Gaussian hidden Markov model of the levels of windows side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hidden {
    /// Its parameters; of the distance to the boundary, in spreads. The regime with the lower mean comes first.
    pub parameters: Start,
}

impl Hidden {
    /// Fits the levels of the training rows that lie whole horizons before the last one. `None` where there are too few
    /// or where they hold no two regimes.
    pub(crate) fn fit(samples: &Samples, frame: &Frame, horizon: usize) -> Option<Self> {
        let last = *frame.rows.last()?;
        let mut margins: Vec<f64> = (0..=last)
            .rev()
            .step_by(horizon)
            .filter_map(|row| samples.level[row].map(|level| frame.scaling.margin(level)))
            .collect();
        margins.reverse();
        if margins.len() < FEWEST {
            return None;
        }
        let table = FeatureTable::new(&["level"], margins).ok()?;
        // Below and above the boundary, and as long as a stay lasts where 3 rows in 10 are above it.
        let start = Start {
            startprob: vec![0.7, 0.3],
            transmat: vec![vec![0.85, 0.15], vec![0.35, 0.65]],
            means: vec![vec![-0.8], vec![0.8]],
            covars: vec![vec![vec![0.5]], vec![vec![0.5]]],
        };
        let options =
            RegimeOptions { start: Some(start), iterations: Some(STEPS), ..RegimeOptions::default() };
        let fit = hmm::fit(&table, &options, Strength::default()).ok()?;
        let mut parameters = fit.model.parameters().clone();
        if parameters.means[0][0] > parameters.means[1][0] {
            parameters.means.reverse();
            parameters.covars.reverse();
            parameters.transmat.reverse();
            parameters.transmat.iter_mut().for_each(|row| row.reverse());
        }
        // The share of time in each regime: where a trail begins.
        let (up, down) = (parameters.transmat[0][1], parameters.transmat[1][0]);
        parameters.startprob = vec![down / (up + down), up / (up + down)];
        let hidden = Self { parameters };
        hidden.check().is_ok().then_some(hidden)
    }

    /// The model, ready to be asked.
    pub(crate) fn reader(&self) -> Option<Reader> {
        Gaussian::new(&self.parameters, Covariance::Full).ok().map(Reader)
    }

    /// Whether the parameters can be used.
    pub(crate) fn check(&self) -> Result<(), ForecastError> {
        let sound = self.parameters.startprob.len() == 2
            && self.parameters.means.iter().all(|mean| mean.len() == 1)
            && self.reader().is_some();
        let problem = "holds a hidden Markov model that cannot be".to_owned();
        if sound { Ok(()) } else { Err(ForecastError::Artefact { problem }) }
    }
}

/// A model that can be asked.
pub(crate) struct Reader(Gaussian);

impl Reader {
    /// The probability of each regime at the end of the trail, and the logit of the next window being beyond
    /// the boundary.
    pub(crate) fn read(&self, trail: &[f64], scaling: &Scaling) -> ([f64; 2], f64) {
        let mut filter = self.0.online();
        for level in trail {
            filter.step(&[scaling.margin(*level)]);
        }
        let parameters = self.0.parameters();
        let now = match filter.probabilities() {
            Some([low, high]) => [*low, *high],
            _ => [parameters.startprob[0], parameters.startprob[1]],
        };
        let mut beyond = 0.0;
        for state in 0..2 {
            let share = now[0] * parameters.transmat[0][state] + now[1] * parameters.transmat[1][state];
            let deviation = libm::sqrt(parameters.covars[state][0][0]);
            let away = -parameters.means[state][0] / deviation;
            beyond += share * 0.5 * libm::erfc(away / std::f64::consts::SQRT_2);
        }
        (now, logit(clipped(beyond)))
    }
}
