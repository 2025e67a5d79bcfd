//! Turns a model's answer into the desk's words: an event to keep, and an outlook to show.

use std::sync::Arc;

use market::{
    Baselines, Chances, Driver, Forecast, GroupStanding, Interval95, LiveRecord, ModelStanding, Outlook,
    RegimeReading, ReliabilityBin, Scoreboard, Timestamp,
};
use models::features::FeatureSet;
use models::forecast::{Answer, Evaluation, Inputs, Share, Task};
use smol_str::SmolStr;

use super::Trained;

/// Rows that the ribbon shows at most.
const RIBBON: usize = 400;

/// The forecast as it is kept; its place in the ledger is not known yet.
pub(super) fn forecast(
    task: &Task,
    asset: &str,
    trained: &Trained,
    answer: &Answer,
    at: Timestamp,
) -> Forecast {
    let abstained = answer.abstained.as_ref().map(ToString::to_string);
    let chances = Chances { probability: answer.probability, low: answer.low, high: answer.high };
    Forecast {
        target: task.id.into(),
        asset: asset.into(),
        regime: answer.state,
        // A task that is no target has no window; the ledger refuses one that does not lie ahead.
        until: market::target(task.id).map_or(at, |target| target.until(at)),
        shift: abstained.is_none().then_some(chances),
        regimes: if abstained.is_none() { answer.regimes.clone() } else { Vec::new() },
        abstained: abstained.map(SmolStr::from),
        baselines: Baselines {
            base: answer.baselines.base,
            markov: answer.baselines.markov,
            margin_only: answer.baselines.margin_only,
        },
        model: SmolStr::new(&trained.card.id),
        sequence: 0,
    }
}

/// Everything there is to show of a target but what became of its forecasts, and the ledger.
pub(super) fn outlook(
    task: &Task,
    asset: &str,
    trained: &Trained,
    answer: &Answer,
    set: &FeatureSet,
    forecast: Forecast,
    now: Timestamp,
) -> Outlook {
    let at = set.samples.times.last().copied().unwrap_or(now);
    let names: Vec<SmolStr> = trained.artefact.regimes.iter().map(SmolStr::new).collect();
    let name = names.get(usize::from(answer.state)).cloned().unwrap_or_default();
    let reading = RegimeReading {
        target: task.id.into(),
        asset: asset.into(),
        regime: answer.state,
        name,
        probabilities: answer.filtered.to_vec(),
        since: since(trained, set, answer.state).unwrap_or(at),
        model: SmolStr::new(&trained.card.id),
    };
    Outlook {
        target: task.id.into(),
        about: task.about.into(),
        asset: asset.into(),
        names,
        reading,
        read_at: at,
        ribbon: ribbon(task, trained, set),
        forecast,
        made_at: at,
        drivers: drivers(answer),
        groups: answer
            .groups
            .iter()
            .map(|group| GroupStanding {
                name: SmolStr::new(&group.group),
                is_admitted: group.is_admitted,
                evidence: group.evidence,
                resolved: group.resolved as usize,
            })
            .collect(),
        score: trained.card.evaluation.as_ref().map(scoreboard),
        live: LiveRecord::default(),
        model: ModelStanding {
            id: SmolStr::new(&trained.card.id),
            trained_through: trained.artefact.trained_through,
            expires_at: trained.artefact.expires_at,
            rows: trained.artefact.rows,
            drift: trained.artefact.drift,
        },
        ledger: None,
    }
}

fn drivers(answer: &Answer) -> Vec<Driver> {
    let driver = |driver: &models::forecast::Driver| Driver {
        name: SmolStr::new(&driver.name),
        value: driver.value,
        contribution: driver.contribution,
    };
    answer.drivers.iter().map(driver).collect()
}

/// Probability of the last regime at each of the last rows, as the artefact reads them.
fn ribbon(task: &Task, trained: &Trained, set: &FeatureSet) -> Arc<[(Timestamp, f64)]> {
    let rows = set.samples.rows();
    let read = |row: usize| {
        let inputs = Inputs::of(&set.samples, row, task.horizon)?;
        let answer = trained.artefact.forecast(&inputs).ok()?;
        Some((inputs.time, answer.filtered[1]))
    };
    (rows.saturating_sub(RIBBON)..rows).filter_map(read).collect()
}

/// Since when the level has been on its side of the boundary without a break; an unknown level is a break.
fn since(trained: &Trained, set: &FeatureSet, state: u8) -> Option<Timestamp> {
    let boundary = trained.artefact.scaling.boundary;
    let is_same = |level: &Option<f64>| level.is_some_and(|level| u8::from(level > boundary) == state);
    let run = set.samples.level.iter().rev().take_while(|level| is_same(level)).count();
    set.samples.times.get(set.samples.rows() - run.min(set.samples.rows())).copied()
}

pub(super) fn interval(share: &Share) -> Interval95 {
    // Too few rows for an interval: everything is possible.
    Interval95 {
        value: share.value,
        low: share.low.unwrap_or(f64::NEG_INFINITY),
        high: share.high.unwrap_or(f64::INFINITY),
    }
}

/// An evaluation as the screen shows it.
pub(super) fn scoreboard(evaluation: &Evaluation) -> Scoreboard {
    Scoreboard {
        n: evaluation.n,
        shifts: evaluation.shifts,
        from: evaluation.from,
        to: evaluation.to,
        log_loss: evaluation.log_loss.model,
        baselines: Baselines {
            base: evaluation.log_loss.base,
            markov: evaluation.log_loss.markov,
            margin_only: evaluation.log_loss.margin_only,
        },
        skill: interval(&evaluation.skill),
        over_margin: interval(&evaluation.skill_over_margin),
        brier: evaluation.brier.score,
        reliability: evaluation
            .reliability
            .iter()
            .map(|bin| ReliabilityBin { forecast: bin.mean_forecast, happened: bin.observed, count: bin.n })
            .collect(),
        abstained: evaluation.abstained,
    }
}
