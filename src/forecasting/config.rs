//! What may be set of the forecaster: `[forecast]`, checked.

use std::time::Duration;

use models::forecast::{self, Protocol, Task};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::past;

/// `[forecast]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastConfig {
    /// Whether a watch forecasts.
    pub enabled: bool,
    /// The asset whose regimes are read.
    pub asset: SmolStr,
    /// What is forecast, by id.
    pub targets: Vec<SmolStr>,
    /// Hours after which an artefact is trained anew.
    pub retrain_hours: u64,
    /// Days after its last training row from which an artefact is not used; each target's own where not given.
    pub expire_days: Option<u64>,
    /// A row is abstained on beyond this many times the distance that one training row in a thousand exceeds.
    pub abstain_beyond: f64,
    /// The chance that losses which do not drift are said to, 0 to 1.
    pub drift_delta: f64,
    /// Sources whose past is fetched, at first and then as it grows: see [`past::PASTS`].
    pub fetch: Vec<SmolStr>,
    /// Days of the past that are fetched at first, at least.
    pub history_days: u64,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            asset: "BTC".into(),
            targets: market::TARGETS.iter().map(|target| target.id.into()).collect(),
            retrain_hours: 24,
            expire_days: None,
            abstain_beyond: forecast::ABSTAIN_BEYOND,
            drift_delta: forecast::DRIFT_DELTA,
            fetch: vec!["binance".into(), "yahoo".into()],
            history_days: 540,
        }
    }
}

impl ForecastConfig {
    /// Checks what serde cannot: the error is the key and the problem.
    ///
    /// # Errors
    /// An unknown target, or a number that cannot be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(unknown) = self.targets.iter().find(|id| forecast::task(id).is_none()) {
            return Err(("targets", format!("names {unknown:?}; known are {}", market::target_names())));
        }
        if let Some(unknown) = self.fetch.iter().find(|id| past::find(id).is_none()) {
            let known: Vec<&str> = past::PASTS.iter().map(|row| row.id).collect();
            return Err(("fetch", format!("names {unknown:?}; known are {}", known.join(", "))));
        }
        if let Some(twice) = self.fetch.iter().enumerate().find(|(at, id)| self.fetch[..*at].contains(id)) {
            return Err(("fetch", format!("names {:?} twice; name it once", twice.1)));
        }
        let is_symbol = !self.asset.is_empty()
            && self.asset.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if !is_symbol {
            return Err(("asset", format!("is {:?}; write a coin in capitals, such as BTC", self.asset)));
        }
        if self.retrain_hours == 0 {
            return Err(("retrain_hours", "is 0; use at least 1".to_owned()));
        }
        if self.expire_days == Some(0) {
            return Err(("expire_days", "is 0; use at least 1, or leave it out".to_owned()));
        }
        if !(1.0..=1e6).contains(&self.abstain_beyond) {
            return Err(("abstain_beyond", format!("is {}; use 1 to 1000000", self.abstain_beyond)));
        }
        if !(1e-9..1.0).contains(&self.drift_delta) {
            return Err(("drift_delta", format!("is {}; use more than 0 and less than 1", self.drift_delta)));
        }
        if !(30..=3_650).contains(&self.history_days) {
            return Err(("history_days", format!("is {}; use 30 to 3650", self.history_days)));
        }
        Ok(())
    }

    /// The sources whose past is fetched, in the order of the configuration.
    pub fn sources(&self) -> impl Iterator<Item = &'static past::PastRow> {
        self.fetch.iter().filter_map(|id| past::find(id))
    }

    /// How a target is walked, and for how long its artefact may be used.
    pub(super) fn schedule(&self, task: &Task) -> (Task, Protocol) {
        let expiry = self.expire_days.map_or(task.expiry, |days| Duration::from_hours(24 * days));
        let (abstain_beyond, drift_delta) = (self.abstain_beyond, self.drift_delta);
        (Task { expiry, ..*task }, Protocol { abstain_beyond, drift_delta, ..Protocol::of(task) })
    }

    /// The targets' tasks, in the order of the configuration.
    pub fn tasks(&self) -> impl Iterator<Item = &'static Task> {
        self.targets.iter().filter_map(|id| forecast::task(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_cannot_be_is_refused_with_its_key() {
        assert_eq!(ForecastConfig::default().check(), Ok(()));
        let refused = |change: fn(&mut ForecastConfig)| {
            let mut config = ForecastConfig::default();
            change(&mut config);
            config.check().expect_err("it cannot be").0
        };
        assert_eq!(refused(|config| config.targets = vec!["astrology".into()]), "targets");
        assert_eq!(refused(|config| config.asset = "bitcoin".into()), "asset");
        assert_eq!(refused(|config| config.fetch = vec!["gate".into()]), "fetch");
        assert_eq!(refused(|config| config.fetch = vec!["okx".into(), "okx".into()]), "fetch");
        assert_eq!(refused(|config| config.retrain_hours = 0), "retrain_hours");
        assert_eq!(refused(|config| config.history_days = 1), "history_days");
        assert_eq!(refused(|config| config.expire_days = Some(0)), "expire_days");
        assert_eq!(refused(|config| config.abstain_beyond = 0.5), "abstain_beyond");
        assert_eq!(refused(|config| config.drift_delta = f64::NAN), "drift_delta");
    }
}
