//! Writes a forecast down so that it can be made again, and makes it again.

use market::{Forecast, LedgerHead};
use models::features::FeatureSet;
use models::forecast::{self, Inputs, Task};
use smol_str::SmolStr;

use super::shelf::Shelf;
use super::{ForecastConfig, Trained, outlooks};
use crate::ledger::{Answer, Body, Digest, Entry, Exact, Forecaster, Head, ModelRef};

/// Names of the inputs that are levels, oldest first; the rest are features by their own names.
const TRAIL: &str = "trail_";

/// What the ledger keeps of a forecast.
pub(super) fn body(
    forecast: &Forecast,
    inputs: &Inputs,
    set: &FeatureSet,
    row: usize,
    trained: &Trained,
    config: &ForecastConfig,
) -> Body {
    let levels = inputs.trail.iter().enumerate().map(|(at, level)| (format!("{TRAIL}{at}"), *level));
    let columns = set.samples.columns.iter().map(|column| column.name.clone());
    let features = columns.zip(inputs.row.iter().copied());
    let task = set.task;
    Body {
        decided_at: inputs.time,
        known_at: set.notes.get(row).map_or(inputs.time, |note| note.known_through),
        target: forecast.target.to_string(),
        asset: forecast.asset.to_string(),
        horizon: format!("{} rows", task.horizon),
        until: forecast.until,
        inputs: levels.chain(features).map(|(name, value)| (name, Exact::from(value))).collect(),
        config: config_digest(config),
        model: ModelRef { id: trained.card.id.clone(), hash: trained.card.hash },
        code: code_digest(),
        answer: Answer::of(forecast),
    }
}

fn config_digest(config: &ForecastConfig) -> Digest {
    Digest::of(toml::to_string(config).unwrap_or_default().as_bytes())
}

/// The digest of the code that forecasts.
pub(super) fn code_digest() -> Digest {
    Digest::of(models::CODE.as_bytes())
}

pub(super) fn head(head: &Head) -> LedgerHead {
    LedgerHead { count: head.count, head: SmolStr::new(head.hash.to_string()) }
}

/// Makes a recorded forecast again, from the record's inputs and the artefact that it names.
pub struct Replayer {
    task: &'static Task,
    trained: Trained,
}

impl Replayer {
    /// With the artefact that `entry` names, from `shelf`.
    ///
    /// # Errors
    /// In words: the target is unknown, or the artefact is not there or another one.
    pub fn of(entry: &Entry, shelf: &Shelf) -> Result<Self, String> {
        let body = &entry.body;
        let task = forecast::task(&body.target).ok_or_else(|| format!("{} is no target", body.target))?;
        let trained = shelf.load(task, &body.model.id).map_err(|error| error.to_string())?;
        Ok(Self { task, trained })
    }
}

impl Forecaster for Replayer {
    fn answer(&self, entry: &Entry) -> Result<Answer, String> {
        let (body, trained) = (&entry.body, &self.trained);
        if trained.card.hash != body.model.hash {
            return Err(format!("the artefact {} is not the one that made the forecast", body.model.id));
        }
        let (trail, row): (Vec<_>, Vec<_>) =
            body.inputs.iter().partition(|(name, _)| name.starts_with(TRAIL));
        let names = row.iter().map(|(name, _)| name.as_str());
        if !names.eq(trained.artefact.columns.iter().map(String::as_str)) {
            return Err("the record's inputs are not the artefact's columns".to_owned());
        }
        let inputs = Inputs {
            time: body.decided_at,
            trail: trail.iter().map(|(_, value)| value.value()).collect(),
            row: row.iter().map(|(_, value)| value.value()).collect(),
        };
        let answer = trained.artefact.forecast(&inputs).map_err(|error| error.to_string())?;
        Ok(Answer::of(&outlooks::forecast(self.task, &body.asset, trained, &answer, body.decided_at)))
    }
}
