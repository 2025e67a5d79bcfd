//! What can be asked of a forecaster without anything being written down.

use std::ops::ControlFlow;

use market::{LiveRecord, Outlook, Silence, Timestamp};
use models::features::{self, FeatureSet};
use models::forecast::Task;

use super::live::Told;
use super::training::{last_inputs, model_error};
use super::{ForecastFailure, Forecaster, Said, Trained, feature_set, history, outlooks, records, train};
use crate::ledger;

impl Forecaster {
    /// What the artefacts on the shelf say of `now`, for a picture: nothing is trained or written down.
    ///
    /// # Errors
    /// The store cannot be read. A target without an artefact or a row is a silence.
    pub fn look(&self, now: Timestamp) -> Result<Said, ForecastFailure> {
        let head = ledger::Reader::open(&ledger::dir_in(&self.store_dir)).and_then(|reader| reader.head());
        let head = head.ok().flatten().as_ref().map(records::head);
        self.of_each(now, |task, history, told| {
            let outlook = self.look_at(task, history, told, now)?;
            Ok(Outlook { ledger: head.clone(), ..outlook })
        })
    }

    /// What `say` makes of each target, from what is known at `at`; a silence where it fails.
    fn of_each(
        &self,
        at: Timestamp,
        say: impl Fn(&'static Task, &features::History, &mut Told) -> Result<Outlook, ForecastFailure>,
    ) -> Result<Said, ForecastFailure> {
        let history = history::read(&self.store_dir, &self.config.asset, at)?;
        let mut told = self.told_so_far();
        let mut said = Said::default();
        for task in self.config.tasks() {
            match say(task, &history, &mut told) {
                Ok(outlook) => said.outlooks.push(outlook),
                Err(error) => {
                    said.silences.push(Silence { target: task.id.into(), reason: error.to_string() });
                }
            }
        }
        Ok(said)
    }

    fn look_at(
        &self,
        task: &'static Task,
        history: &features::History,
        told: &mut Told,
        now: Timestamp,
    ) -> Result<Outlook, ForecastFailure> {
        let trained = self
            .shelf
            .latest(task, &self.config.asset)?
            .ok_or(ForecastFailure::Untrained { target: task.id })?;
        let set = feature_set(task, history, &self.config.asset, now)?;
        let (live, _) = told.record(task, &set, &self.shelf, self.config.drift_delta);
        Ok(Outlook { live, ..self.outlook_by(&trained, task, &set, now)? })
    }

    /// What the ledger says was forecast; nothing where it cannot be read, which is for a pass to complain of.
    fn told_so_far(&self) -> Told {
        Told::of_store(&self.store_dir).unwrap_or_else(|error| {
            tracing::warn!(%error, "what became of earlier forecasts cannot be told");
            Told::default()
        })
    }

    /// How the forecasts of `task` did that were made by `now`.
    ///
    /// # Errors
    /// The store or the ledger cannot be read, or the features cannot be made.
    pub fn live(&self, task: &'static Task, now: Timestamp) -> Result<LiveRecord, ForecastFailure> {
        let mut told = Told::of_store(&self.store_dir)?;
        let history = history::read(&self.store_dir, &self.config.asset, now)?;
        let set = feature_set(task, &history, &self.config.asset, now)?;
        Ok(told.record(task, &set, &self.shelf, self.config.drift_delta).0)
    }

    /// What would have been said at `then` from what was known then, trained on nothing later. Nothing is
    /// written down.
    ///
    /// # Errors
    /// The store cannot be read. A target that could not have been forecast is a silence.
    pub fn rehearse(&self, then: Timestamp) -> Result<Said, ForecastFailure> {
        self.of_each(then, |task, history, told| self.rehearse_one(task, history, told, then))
    }

    fn rehearse_one(
        &self,
        task: &'static Task,
        history: &features::History,
        told: &mut Told,
        then: Timestamp,
    ) -> Result<Outlook, ForecastFailure> {
        let set = feature_set(task, history, &self.config.asset, then)?;
        let trained = train(&self.config, task, &set, then, &mut |_, _| ControlFlow::Continue(()))?;
        let (live, _) = told.record(task, &set, &self.shelf, self.config.drift_delta);
        Ok(Outlook { live, ..self.outlook_by(&trained, task, &set, then)? })
    }

    /// An outlook that is no record.
    fn outlook_by(
        &self,
        trained: &Trained,
        task: &'static Task,
        set: &FeatureSet,
        at: Timestamp,
    ) -> Result<Outlook, ForecastFailure> {
        let asset = self.config.asset.as_str();
        let (_, inputs) = last_inputs(task, set, at)?;
        let answer = trained.artefact.forecast(&inputs).map_err(model_error(task))?;
        let forecast = outlooks::forecast(task, asset, trained, &answer, inputs.time);
        Ok(outlooks::outlook(task, asset, trained, &answer, set, forecast, at))
    }
}
