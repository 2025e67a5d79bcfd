//! Why there is no forecast.

use market::Timestamp;
use models::{features, forecast};

use super::ShelfError;
use crate::ledger::LedgerError;

/// Why a target has nothing to say, or a pass could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ForecastFailure {
    /// The features cannot be made.
    #[error("{target}: {source}")]
    Features {
        /// The target.
        target: &'static str,
        /// Why.
        source: Box<features::FeatureError>,
    },
    /// The model cannot be fitted or asked.
    #[error("{target}: {source}")]
    Model {
        /// The target.
        target: &'static str,
        /// Why.
        source: Box<forecast::ForecastError>,
    },
    /// Too little of the last window was observed to say in which regime it is.
    #[error(
        "{target}: only {percent:.0} % of the window up to {} was observed, so its regime is not known; keep the feeds running, or fetch what is missing with `vigie backfill`",
        .at.to_minute()
    )]
    Unobserved {
        /// The target.
        target: &'static str,
        /// The row's time.
        at: Timestamp,
        /// Share of the window that was observed, percent.
        percent: f64,
    },
    /// The last row that can be made is too old to speak of now.
    #[error("{target}: the last row is of {}; bring the store up to date with `vigie backfill`", .at.to_minute())]
    Late {
        /// The target.
        target: &'static str,
        /// The row's time.
        at: Timestamp,
    },
    /// There is no artefact to ask.
    #[error("{target}: no artefact is trained yet; run `vigie train`, or a watch")]
    Untrained {
        /// The target.
        target: &'static str,
    },
    /// An artefact cannot be kept or read.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}
