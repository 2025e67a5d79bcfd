//! Removes artefacts that neither a record of the ledger nor the next forecast needs.

use std::path::Path;

use market::Timestamp;

use super::live::Told;
use super::{ForecastFailure, Forecaster, Shelf, ShelfError, Spare};
use crate::ledger::{self, Ledger};

impl Forecaster {
    /// Removes artefacts that neither a record nor the next forecast needs; the ledger is open, so nobody else writes it.
    pub(super) fn prune(&self) -> Result<(), ShelfError> {
        let spare = self.shelf.spare(self.told.named())?;
        if !spare.is_empty() {
            tracing::info!(artefacts = spare.len(), "removing artefacts that no record names");
        }
        self.shelf.remove(&spare)
    }
}

/// Artefacts of a store that neither a record nor the next forecast needs; removed where that is wanted.
///
/// # Errors
/// The ledger cannot be read, or is being written; a file cannot be read or removed.
pub fn prune(store_dir: &Path, pruning: Pruning, now: Timestamp) -> Result<Vec<Spare>, ForecastFailure> {
    let dir = ledger::dir_in(store_dir);
    let shelf = Shelf::new(store_dir);
    // Held until they are removed: a record that is written meanwhile might name one of them.
    let _held = match (pruning, ledger::Reader::open(&dir)) {
        (Pruning::Remove, Ok(_)) => Some(Ledger::open(&dir, now)?),
        (Pruning::Remove | Pruning::Look, _) => None,
    };
    let spare = shelf.spare(Told::of_store(store_dir)?.named())?;
    if pruning == Pruning::Remove {
        shelf.remove(&spare)?;
    }
    Ok(spare)
}

/// Whether artefacts are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruning {
    /// They are.
    Remove,
    /// They are only named.
    Look,
}
