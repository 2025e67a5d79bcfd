//! What every forecast of a regime shift must beat: four baselines, as models of their own.
//!
//! # The question
//! A **level** x is one column, any that the user has: the log of realised volatility, a spread, a flow. With a
//! boundary b and a horizon of h rows,
//!
//! - stateₜ = 1 where xₜ > b, else 0;
//! - yₜ = 1 where stateₜ₊ₕ differs from stateₜ: a **shift**.
//!
//! Rows t < n − h, whose outcome the series holds, are the training rows. b is the quantile of *their* levels
//! (0.70 by default), or is stated. This is the protocol of `docs/evidence.md`, fitted once, at the series' end.
//!
//! # The models
//! | id | P(yₜ = 1) |
//! |---|---|
//! | `base-rate` | (k + ½) / (n + 1): k of n training rows shifted |
//! | `markov-table` | the same, of the training rows in stateₜ |
//! | `margin-only` | logistic(c + a mₜ), c and a of stateₜ, mₜ = (xₜ − b) / spread |
//! | `har-logistic` | logistic(c + a mₜ + Σ βⱼ zⱼₜ), all of stateₜ, j = 1, 5, 22 |
//!
//! The spread is what the levels' 10 % and 90 % quantiles would be the spread of in a normal distribution
//! (their standard deviation, where these are equal); m is held inside ±4. The HAR differences are
//! dⱼₜ = mean of m over the last j h rows − mₜ, of as many rows as there are where the series is younger, and z is d
//! standardised by the training rows, inside ±4. Windows of 1, 5 and 22 horizons are Corsi's day, week and month
//! where a day is what is forecast; they enter as differences to the level, because that is in m already.
//!
//! Logistic fits carry a ridge: 1 on a, strengths that the evidence chooses on the βs (`forecast::ridge`). Windows that
//! overlap repeat each other, so a row counts there as 1 / (1 + 2 Σ ρₖ), as in the forecaster, whose experts `base`,
//! `markov`, `margin-only` and `har-logistic` are these models. A regime with fewer than 40 training rows, or than 5
//! shifts or stays among them, keeps its own share in place of a logistic.
//!
//! Sources: F. Corsi, *A simple approximate long-memory model of realized volatility*, J. Financial Econometrics 7
//! (2009) 174–196; R. E. Krichevsky and V. K. Trofimov (1981) for the ½.

mod har;
mod level;
mod report;
mod rule;
#[cfg(test)]
mod tests;

use crate::model::{FittedModel, Model, ModelError};
use crate::regimes::RegimeOptions;
use crate::table::{FeatureSpec, FeatureTable};

/// Which of the baselines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How often windows shift.
    BaseRate,
    /// The same, by the regime now.
    MarkovTable,
    /// Logistic in the distance to the boundary, by regime.
    MarginOnly,
    /// Logistic in it and in the HAR differences, by regime.
    HarLogistic,
}

impl Kind {
    /// Every baseline, each knowing more than the one before.
    pub const ALL: [Self; 4] = [Self::BaseRate, Self::MarkovTable, Self::MarginOnly, Self::HarLogistic];

    /// The model's id.
    pub fn id(self) -> &'static str {
        match self {
            Self::BaseRate => "base-rate",
            Self::MarkovTable => "markov-table",
            Self::MarginOnly => "margin-only",
            Self::HarLogistic => "har-logistic",
        }
    }

    /// The baseline called `id`.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }
}

/// A baseline, unfitted, of one level of the user's. It has use for `horizon`, `boundary`, `quantile` and `given`: the
/// parameters of a report, to forecast rows that did not teach them.
#[derive(Clone, Debug)]
pub struct Baseline {
    kind: Kind,
    options: RegimeOptions,
}

impl Baseline {
    /// The baseline with these options.
    pub fn new(kind: Kind, options: RegimeOptions) -> Self {
        Self { kind, options }
    }
}

impl Model for Baseline {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        let level = level::read(self.kind, &self.options, train)?;
        let learnt = match &self.options.given {
            Some(given) => rule::stated(self.kind, given)?,
            None => rule::learn(self.kind, &level)?,
        };
        Ok(Box::new(report::Fitted::new(self.kind, &level, learnt)))
    }
}
