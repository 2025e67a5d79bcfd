//! What every model is: something that can be fitted, and then can answer.

use crate::regimes::RegimeReport;
use crate::table::{FeatureSpec, FeatureTable};

/// A model that has seen no data. It cannot answer; only what [`Model::fit`] returns can.
pub trait Model: Send + Sync {
    /// What it wants to be fitted to.
    fn features(&self) -> FeatureSpec;

    /// Fits the model. Deterministic: the same table gives the same bits.
    ///
    /// # Errors
    /// A column is missing, or the table cannot identify the model; the error says what would.
    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError>;
}

/// A model that has been fitted.
pub trait FittedModel: Send + Sync {
    /// What was learnt, and how well it predicts; in a fixed order, every value finite. A reading
    /// that the data could not pin down is left out rather than invented.
    fn readings(&self) -> Vec<Reading>;

    /// What it says of every row it was fitted to, where it is a model of regimes.
    fn regimes(&self) -> Option<&RegimeReport> {
        None
    }
}

/// One number that a model stands behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// What it is called in tables: `branching_ratio`.
    pub name: &'static str,
    /// The estimate, in `unit`.
    pub value: f64,
    /// Its standard error, in `unit`; `None` where there is none: counts, and estimates at the
    /// edge of what is possible.
    pub std_error: Option<f64>,
    /// The unit, as a column header shows it; empty for a pure number.
    pub unit: &'static str,
    /// One line on what it means.
    pub about: &'static str,
}

/// Why a model could not be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The table lacks a column.
    #[error("the table has no column {column}; build it from the model's feature spec")]
    MissingColumn {
        /// The column's name.
        column: &'static str,
    },
    /// Times go backwards.
    #[error("row {row} is earlier than the row before it; order rows by receive time")]
    NotAscending {
        /// The first such row, the first of all being 0.
        row: usize,
    },
    /// There are too few rows.
    #[error("{events} liquidations are too few to fit; take a longer stretch, with at least {needed}")]
    TooFewEvents {
        /// How many there are.
        events: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Every row has one and the same time.
    #[error("all {events} liquidations have the same receive time; take a longer stretch")]
    IdenticalTimes {
        /// How many there are.
        events: usize,
    },
    /// There are enough rows, but too few different times among them.
    #[error(
        "the liquidations came at only {distinct} different times; take a longer stretch, with at least {needed}"
    )]
    TooFewTimes {
        /// How many different times there are.
        distinct: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The times lie too close together, or too far apart to be seconds.
    #[error("the liquidations span {span_secs} s; take a stretch of {least_secs} s to {most_secs:e} s")]
    NoSpan {
        /// From the first to the last, seconds.
        span_secs: f64,
        /// The least that can be fitted, seconds.
        least_secs: f64,
        /// The most that can be fitted, seconds.
        most_secs: f64,
    },
    /// The fit cannot be scored on data that it has not seen, so it is not shown either.
    #[error("the fit cannot be scored out of sample because {reason}; take a longer stretch")]
    NoScore {
        /// What stands in the way.
        reason: &'static str,
    },
    /// The likelihood is greatest where the search ends, so the estimate would be the search's own limit.
    #[error(
        "the fit did not converge: the likelihood still rises at a half-life of {half_life_secs} s, where the search ends; {remedy}"
    )]
    NotConverged {
        /// The half-life at the end of the search, seconds.
        half_life_secs: f64,
        /// What to do.
        remedy: &'static str,
    },
    /// There are too few rows.
    #[error("{rows} rows are too few for {wanted}; give at least {needed}")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
        /// For what: `2 regimes of 3 columns`.
        wanted: String,
    },
    /// A column cannot tell regimes apart.
    #[error("column {column} is constant; leave it out")]
    ConstantColumn {
        /// The column's name.
        column: String,
    },
    /// Columns repeat each other.
    #[error("column {column} is a combination of the columns before it; leave it out")]
    Collinear {
        /// The column's name.
        column: String,
    },
    /// An option cannot be.
    #[error("{option} {problem}")]
    Option {
        /// The option as the command line spells it: `--states`.
        option: &'static str,
        /// What is wrong, and the remedy: `is 1; use 2 to 4`.
        problem: String,
    },
    /// The search ended without an answer that can be stood behind.
    #[error("the fit {problem}; {remedy}")]
    Unsound {
        /// What happened: `drove the variance of regime 1 to nothing`.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
}
