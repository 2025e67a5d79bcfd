//! Models of market states: a table of features in, estimates with their errors out.
//!
//! A model is made from its row in [`MODELS`], says which [`Feature`]s it wants, and is fitted to a
//! [`FeatureTable`]; only what is fitted can answer. There is no clock, file or chance in here, and
//! arithmetic runs in a fixed order through `libm`: the same table gives the same bits everywhere.

pub mod adwin;
pub mod bocpd;
pub mod calibration;
mod chance;
mod dense;
pub mod event_study;
pub mod excitation;
pub mod features;
pub mod forecast;
pub mod gate;
pub mod hmm;
pub mod jump;
pub mod mixture;
mod model;
#[cfg(test)]
mod reference;
pub mod regimes;
pub mod regression;
mod samples;
pub mod scalar;
pub mod score;
pub mod switching;
mod table;

pub use model::{FittedModel, Model, ModelError, Reading};
pub use regimes::{Covariance, Given, Parameter, RegimeOptions, RegimeReport, Start};
pub use samples::{Column, Group, Samples};
pub use table::{Feature, FeatureSpec, FeatureTable, TableError};

/// BLAKE3 of this crate's sources and of the versions it is built with, hex: a forecast records which code made it.
pub const CODE: &str = env!("MODELS_CODE");

/// One model that can be asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct ModelRow {
    /// The name in `config.toml` and on the command line.
    pub id: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// Whether it reads regimes in any series of the user's.
    pub reads_regimes: bool,
    /// Makes the model, unfitted. What the options cannot be is said when it is fitted.
    pub make: fn(&RegimeOptions) -> Box<dyn Model>,
}

/// Every model, in the order in which help lists them.
pub const MODELS: &[ModelRow] = &[
    ModelRow {
        id: "excitation",
        about: "How many liquidations are set off by earlier ones, and how fast that fades (Hawkes process)",
        reads_regimes: false,
        make: |_| Box::new(excitation::Excitation),
    },
    ModelRow {
        id: "hmm",
        about: "Regimes that last, each with its own mean and covariance (Gaussian hidden Markov model)",
        reads_regimes: true,
        make: |options| Box::new(hmm::GaussianHmm::new(options.clone())),
    },
    ModelRow {
        id: "ms",
        about: "Markov-switching regression: level, slopes or variance differ by regime",
        reads_regimes: true,
        make: |options| Box::new(switching::SwitchingRegression::new(options.clone())),
    },
    ModelRow {
        id: "ms-ar",
        about: "Hamilton's Markov-switching autoregression: the mean differs by regime, and deviations persist",
        reads_regimes: true,
        make: |options| Box::new(switching::SwitchingAutoregression::new(options.clone())),
    },
    ModelRow {
        id: "jump",
        about: "Regimes that last: a clustering of rows in which every switch has its price",
        reads_regimes: true,
        make: |options| Box::new(jump::JumpModel::discrete(options.clone())),
    },
    ModelRow {
        id: "jump-continuous",
        about: "The jump model with shares of regimes instead of one",
        reads_regimes: true,
        make: |options| Box::new(jump::JumpModel::continuous(options.clone())),
    },
    ModelRow {
        id: "jump-sparse",
        about: "The jump model that also chooses which columns count",
        reads_regimes: true,
        make: |options| Box::new(jump::JumpModel::sparse(options.clone(), options.max_feats)),
    },
    ModelRow {
        id: "bocpd",
        about: "When the level or the variance changed, and how likely each row is to begin a new stretch",
        reads_regimes: true,
        make: |options| Box::new(bocpd::ChangePoints::new(options.clone())),
    },
];

/// The model called `id`.
pub fn find(id: &str) -> Option<&'static ModelRow> {
    MODELS.iter().find(|row| row.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_model_is_found_by_its_own_id_and_can_be_made() {
        let ids: BTreeSet<&str> = MODELS.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), MODELS.len(), "ids are unique");
        for row in MODELS {
            assert_eq!(find(row.id).map(|found| found.about), Some(row.about));
            assert!(row.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(!row.about.is_empty() && row.about.len() <= 100 && !row.about.contains('\n'));
            let _ = (row.make)(&RegimeOptions::default()).features();
        }
        assert!(find("astrology").is_none());
    }
}
