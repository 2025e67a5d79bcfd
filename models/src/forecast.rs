//! Whether a market will leave its regime: experts, weighed by how they did, scored on rows they never saw.
//!
//! A **level** (the log of realised volatility, say) is in one of two regimes, above its boundary or not. Row t
//! asks: will the level of row t + h, whose window shares no row with this one's, be on the other side? The
//! walk answers every row with what was known by then, in this order:
//!
//! 1. every `refit` rows, the boundary, the scaling and the [`experts`] are fitted to the rows whose answers
//!    are known (an expanding window, purged by h rows);
//! 2. the experts' logits are averaged with the weights of a fixed-share mixture, which learns from an answer
//!    when it is known, h rows later;
//! 3. the average passes a line that the answers so far have fitted (sequential Platt), held near the identity;
//! 4. groups of outside features add an offset where an e-process has admitted them;
//! 5. Venn–Abers gives the width, conformal prediction the set of regimes, a density guard the abstention, and
//!    ADWIN watches the loss for drift.
//!
//! Every expert is a linear form in the features, one for each regime, so that a forecast is the exact sum of its
//! [`Driver`]s. What forecasts is an [`Artefact`]: plain numbers. [`Artefact::forecast`] is a pure function of it and of
//! its [`Inputs`], in scalar arithmetic of a fixed order: the same bits on every machine.
//!
//! Shrinkage is chosen by the evidence of the training rows themselves. First weights, the strength of the
//! recalibration and the rehearsal were chosen on series other than the headline ones, though not blind to these:
//! `docs/evidence.md` says what was seen of them when.

mod artefact;
pub mod audit;
mod evaluation;
pub mod experts;
pub(crate) mod frame;
mod full;
mod hidden;
pub mod live;
mod outside;
mod prices;
pub(crate) mod ridge;
#[cfg(test)]
mod tests;
pub mod volatility;
mod walk;

use std::time::Duration;

use market::{Grid, TARGETS, Target};

pub use artefact::{
    Abstention, Answer, Artefact, Baselines, Driver, GroupAnswer, Inputs, SCHEMA, Standing, TRAIL,
    check_schema,
};
pub use evaluation::{Ablation, AlarmScore, Evaluation, Losses, Scored as EvaluatedRow, Share};
pub use hidden::Hidden;
pub use market::{Boundary, STORMY};
pub use prices::PriceProtocol;
pub use walk::{ABSTAIN_BEYOND, DRIFT_DELTA, Protocol, Row, Walk, walk};

/// What is forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// Its name: `vol-24h`.
    pub id: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// Rows from a decision to the end of the window it speaks of; the window is as long.
    pub horizon: usize,
    /// Where one regime ends and the other begins.
    pub boundary: Boundary,
    /// The regimes' names, the one with the lower level first.
    pub regimes: [&'static str; 2],
    /// Rows before the first forecast.
    pub min_train: usize,
    /// Rows from one fit to the next.
    pub refit: usize,
    /// For how long a fit may be used after the last row that it learnt from.
    pub expiry: Duration,
}

impl Task {
    /// The task of a target: how it is walked follows from how often it is decided.
    pub const fn of(target: &Target) -> Self {
        let (min_train, refit, days) = match target.grid {
            Grid::Hourly => (2_000, 168, 14),
            Grid::Daily => (365, 21, 45),
            Grid::Sessions => (200, 21, 45),
        };
        Self {
            id: target.id,
            about: target.about,
            horizon: target.horizon,
            boundary: target.boundary,
            regimes: target.regimes,
            min_train,
            refit,
            expiry: Duration::from_hours(24 * days),
        }
    }
}

/// The tasks of all [`TARGETS`], in their order.
pub const TASKS: [Task; TARGETS.len()] = {
    let mut tasks = [Task::of(&TARGETS[0]); TARGETS.len()];
    let mut at = 1;
    while at < TARGETS.len() {
        tasks[at] = Task::of(&TARGETS[at]);
        at += 1;
    }
    tasks
};

/// The task called `id`.
pub fn task(id: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.id == id)
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// There are too few rows.
    #[error("{rows} rows are too few; give at least {needed}")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Nothing tells two regimes apart.
    #[error(
        "the {rows} training rows hold {shifts} shifts of regime; take a longer stretch, in which the regime changes"
    )]
    OneRegime {
        /// Training rows whose outcome is known.
        rows: usize,
        /// How many of them were followed by a shift.
        shifts: usize,
    },
    /// Samples do not fill their rows.
    #[error("the samples have {what}; give every row its time, its level and a value a column")]
    Ragged {
        /// What does not fit: `300 levels for 299 rows`.
        what: String,
    },
    /// A value is not finite.
    #[error("row {row}, column {column} is {value}; give finite values, 0 for what was not known")]
    NotFinite {
        /// The row, the first being 0.
        row: usize,
        /// The column's name.
        column: String,
        /// The value.
        value: f64,
    },
    /// Times go backwards.
    #[error("row {row} is not later than the row before it; order rows by time, one a time")]
    NotAscending {
        /// The first such row, the first of all being 0.
        row: usize,
    },
    /// A close is no price.
    #[error("row {row} closes at {value}, which is no price; leave the row out")]
    NotAPrice {
        /// The row, the first being 0.
        row: usize,
        /// What stands there.
        value: f64,
    },
    /// The inputs are not the ones that the artefact was trained on.
    #[error(
        "the artefact wants column {wanted:?} at place {place}, and the inputs have {found:?}; train it again"
    )]
    OtherColumns {
        /// The place, the first being 0.
        place: usize,
        /// What the artefact was trained on; empty where it wants no more.
        wanted: String,
        /// What there is; empty where there is none.
        found: String,
    },
    /// The artefact is of another version of the program, or damaged.
    #[error("the artefact {problem}; train it again")]
    Artefact {
        /// What is wrong with it: `has schema vigie-forecast/2, and this program reads vigie-forecast/3`.
        problem: String,
    },
    /// An option cannot be.
    #[error("{option} {problem}")]
    Option {
        /// The option as the command line spells it: `--horizon`.
        option: &'static str,
        /// What is wrong, and the remedy: `is 0; use at least 2`.
        problem: String,
    },
    /// It was stopped before its end.
    #[error("stopped after {done} of {total} rows")]
    Stopped {
        /// Rows done.
        done: usize,
        /// Rows in all.
        total: usize,
    },
    /// The forecasts cannot be scored.
    #[error(transparent)]
    Score(#[from] crate::score::ScoreError),
    /// A part of the calibration cannot be.
    #[error(transparent)]
    Calibration(#[from] crate::calibration::CalibrationError),
    /// The mixture cannot be.
    #[error(transparent)]
    Mixture(#[from] crate::mixture::MixtureError),
    /// A gate cannot be.
    #[error(transparent)]
    Gate(#[from] crate::gate::GateError),
}
