//! From what is known to features, and from those to an artefact with its card.

use std::ops::ControlFlow;

use market::Timestamp;
use models::features::{self, FeatureSet};
use models::forecast::live::Expected;
use models::forecast::{self, Artefact, Inputs, Task, Walk};

use super::cards::Scored;
use super::{Card, ForecastConfig, ForecastFailure};

/// What was trained: the artefact, and how good it is.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The artefact.
    pub artefact: Artefact,
    /// Its card.
    pub card: Card,
}

/// The features of a task, as known by `now`.
///
/// # Errors
/// Nothing is known to make them from.
pub fn feature_set(
    task: &'static Task,
    history: &features::History,
    asset: &str,
    now: Timestamp,
) -> Result<FeatureSet, ForecastFailure> {
    let failed = |source| ForecastFailure::Features { target: task.id, source: Box::new(source) };
    let target = market::target(task.id).ok_or(ForecastFailure::Late { target: task.id, at: now })?;
    features::samples(history, target, asset, now).map_err(failed)
}

/// The last row that can be forecast from, if it is the one that is due.
pub(super) fn last_inputs(
    task: &'static Task,
    set: &FeatureSet,
    now: Timestamp,
) -> Result<(usize, Inputs), ForecastFailure> {
    let row = set.samples.rows().saturating_sub(1);
    let Some(at) = set.samples.times.get(row).copied() else {
        return Err(ForecastFailure::Late { target: task.id, at: now });
    };
    if set.task.grid.last_decision(now).is_some_and(|due| at < due) {
        return Err(ForecastFailure::Late { target: task.id, at });
    }
    let percent = set.notes.get(row).map_or(0.0, |note| note.coverage * 100.0);
    Inputs::of(&set.samples, row, task.horizon)
        .map(|inputs| (row, inputs))
        .ok_or(ForecastFailure::Unobserved { target: task.id, at, percent })
}

/// Walks forward through all that is known, scores the walk, and fits to its end.
///
/// # Errors
/// There is too little to learn from, or `progress` broke it off.
pub fn train(
    config: &ForecastConfig,
    task: &'static Task,
    set: &FeatureSet,
    now: Timestamp,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Trained, ForecastFailure> {
    let (scheduled, protocol) = config.schedule(task);
    let mut walk: Walk =
        forecast::walk(&set.samples, &scheduled, &protocol, progress).map_err(model_error(task))?;
    let evaluation = walk.report(&scheduled).ok();
    let artefact = walk.refit(&set.samples, &scheduled).map_err(model_error(task))?.clone();
    // The refit has settled what it could; only what is settled is expected.
    let expected = Expected::of(&walk, task.horizon);
    let card = Card::of(task, set, &artefact, Scored { protocol, evaluation, expected }, now);
    Ok(Trained { artefact, card })
}

pub(super) fn model_error(task: &'static Task) -> impl Fn(forecast::ForecastError) -> ForecastFailure {
    move |source| ForecastFailure::Model { target: task.id, source: Box::new(source) }
}
