//! How good a walk was: against the better naive forecast and against the margin alone, with intervals.

use market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::score::{
    self, AlarmRule, Alarms, Binning, Bootstrap, Calendar, DieboldMariano, Episodes, Kernel, Murphy,
    ReliabilityBin, Skill,
};

use super::experts::EXPERTS;
use super::walk::{Row, Walk};
use super::{ForecastError, Task};

/// The share of rows on which an alarm may stand, for precision and recall.
const ALARM_RATE: f64 = 0.1;

/// Bins of a reliability diagram, of about as many forecasts each.
const BINS: usize = 10;

/// Mean log losses in nats, over the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// The forecast.
    pub model: f64,
    /// The base rate.
    pub base: f64,
    /// The table of transitions.
    pub markov: f64,
    /// The margin alone.
    pub margin_only: f64,
}

/// A share with its 95 % interval (moving blocks), and what it is measured against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// 1 − loss / the other's loss.
    pub value: f64,
    /// Lower end; `None` where there are too few rows for two blocks.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The other: `markov`.
    pub against: String,
}

/// What a group of outside features was worth: the loss with it alone against the loss without any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// The group.
    pub group: String,
    /// Scored rows in which it said anything: in the others nothing was known of it, or nothing learnt yet.
    #[serde(default)]
    pub spoke: usize,
    /// Its gain over all scored rows.
    pub gain: Share,
    /// The wealth of its gate at the end.
    pub evidence: f64,
    /// Whether it was admitted at the end.
    pub is_admitted: bool,
}

/// Alarms at a stated rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmScore {
    /// Precision and recall, row by row.
    pub rows: Alarms,
    /// The same by episodes: lead time, false alarms a month.
    pub episodes: Episodes,
}

/// One scored row, for charts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// When it was made.
    pub time: Timestamp,
    /// The probability.
    pub probability: f64,
    /// Whether the shift came.
    pub shifted: bool,
}

/// The score of a walk. Every row with a known outcome from `from` to `to` counts, those that abstained too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Rows scored.
    pub n: usize,
    /// The first of them.
    pub from: Timestamp,
    /// The last of them.
    pub to: Timestamp,
    /// How often the regime changed from one scored row to the next: about as many independent events as there are.
    /// Windows overlap, so that each is the outcome of several rows.
    pub flips: usize,
    /// Rows whose next window's regime differed.
    pub shifts: usize,
    /// `shifts` / `n`.
    pub event_rate: f64,
    /// Mean log losses.
    pub log_loss: Losses,
    /// Skill against the better of the base rate and the table of transitions.
    pub skill: Share,
    /// Skill against the margin alone.
    pub skill_over_margin: Share,
    /// Whether the difference to the better baseline could be chance.
    pub diebold_mariano: Option<DieboldMariano>,
    /// The Brier score and its parts.
    pub brier: Murphy,
    /// Forecasts by probability.
    pub reliability: Vec<ReliabilityBin>,
    /// Share of rows whose outcome was in the set of regimes, among those that had one.
    pub coverage: Option<f64>,
    /// What alarms on it would have been worth.
    pub alarms: AlarmScore,
    /// Rows that abstained.
    pub abstained: usize,
    /// The losses of those rows alone; `None` where there were none.
    pub abstained_loss: Option<Losses>,
    /// Mean log loss of each expert.
    pub experts: Vec<(String, f64)>,
    /// What each outside group was worth.
    pub ablation: Vec<Ablation>,
    /// The draws of the intervals.
    pub bootstrap: Bootstrap,
}

impl Walk {
    /// The rows that are scored: those of the protocol's span whose outcome is known, rehearsals left out.
    pub fn scored(&self) -> impl Iterator<Item = (&Row, bool)> {
        let (from, to) = (self.protocol.from, self.protocol.to);
        self.rows.iter().filter_map(move |row| {
            let within = row.row >= self.protocol.min_train
                && from.is_none_or(|from| row.time >= from)
                && to.is_none_or(|to| row.time <= to);
            row.shifted.filter(|_| within).map(|shifted| (row, shifted))
        })
    }

    /// Scores the walk.
    ///
    /// # Errors
    /// Nothing to score: no row with a known outcome, or every outcome the same.
    pub fn report(&self, task: &Task) -> Result<Evaluation, ForecastError> {
        let rows: Vec<&Row> = self.scored().map(|(row, _)| row).collect();
        let happened: Vec<bool> = self.scored().map(|(_, shifted)| shifted).collect();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Err(crate::score::ScoreError::Empty.into());
        };
        let losses = |probability: &dyn Fn(&Row) -> f64| {
            score::log_losses(&rows.iter().map(|row| probability(row)).collect::<Vec<_>>(), &happened)
        };
        let model = losses(&|row| row.probability)?;
        let base = losses(&|row| row.baselines.base)?;
        let markov = losses(&|row| row.baselines.markov)?;
        let margin = losses(&|row| row.baselines.margin_only)?;
        let bootstrap = Bootstrap::of_horizon(task.horizon, self.protocol.seed);
        let (against, better) =
            if mean(&base) < mean(&markov) { ("base", &base) } else { ("markov", &markov) };
        let probabilities: Vec<f64> = rows.iter().map(|row| row.probability).collect();
        let of_rows = |kept: &dyn Fn(&Row) -> bool| {
            let of = |losses: &[f64]| {
                let kept: Vec<f64> =
                    losses.iter().zip(&rows).filter(|(_, row)| kept(row)).map(|(loss, _)| *loss).collect();
                mean(&kept)
            };
            Losses { model: of(&model), base: of(&base), markov: of(&markov), margin_only: of(&margin) }
        };
        let abstained = rows.iter().filter(|row| row.abstained.is_some()).count();
        let shifts = happened.iter().filter(|happened| **happened).count();
        Ok(Evaluation {
            n: rows.len(),
            from: first.time,
            to: last.time,
            flips: rows.windows(2).filter(|pair| pair[0].state != pair[1].state).count(),
            shifts,
            event_rate: shifts as f64 / rows.len() as f64,
            log_loss: of_rows(&|_| true),
            skill: share(&score::skill(&model, better, bootstrap)?, against),
            skill_over_margin: share(&score::skill(&model, &margin, bootstrap)?, "margin-only"),
            diebold_mariano: score::diebold_mariano(&model, better, task.horizon, Kernel::Bartlett).ok(),
            brier: score::murphy(&probabilities, &happened, Binning::EqualCount(BINS))?,
            reliability: score::reliability(&probabilities, &happened, Binning::EqualCount(BINS))?,
            coverage: coverage(&rows),
            alarms: alarms(task, &rows, &probabilities, &happened)?,
            abstained,
            abstained_loss: (abstained > 0).then(|| of_rows(&|row| row.abstained.is_some())),
            experts: EXPERTS
                .iter()
                .enumerate()
                .map(|(place, (name, _))| Ok(((*name).to_owned(), mean(&losses(&|row| row.experts[place])?))))
                .collect::<Result<_, ForecastError>>()?,
            ablation: self.ablation(&rows, &happened, bootstrap)?,
            bootstrap,
        })
    }

    fn ablation(
        &self,
        rows: &[&Row],
        happened: &[bool],
        bootstrap: Bootstrap,
    ) -> Result<Vec<Ablation>, ForecastError> {
        let Some(artefact) = &self.artefact else { return Ok(Vec::new()) };
        let without = score::log_losses(&rows.iter().map(|row| row.without).collect::<Vec<_>>(), happened)?;
        let groups = artefact.offsets.iter().zip(&artefact.gates).enumerate();
        groups
            .map(|(place, (offset, gate))| {
                let with: Vec<f64> = rows.iter().map(|row| row.with[place]).collect();
                let spoke =
                    rows.iter().filter(|row| row.with[place].to_bits() != row.without.to_bits()).count();
                let with = score::log_losses(&with, happened)?;
                Ok(Ablation {
                    group: offset.group.clone(),
                    spoke,
                    gain: share(&score::skill(&with, &without, bootstrap)?, "without"),
                    evidence: gate.wealth(),
                    is_admitted: gate.admitted,
                })
            })
            .collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    crate::scalar::mean(values).unwrap_or(0.0)
}

pub(super) fn share(skill: &Skill, against: &str) -> Share {
    Share {
        value: skill.value,
        low: skill.interval.map(|interval| interval.low),
        high: skill.interval.map(|interval| interval.high),
        against: against.to_owned(),
    }
}

/// The share of rows whose outcome was in the set, among rows whose set could leave one out.
fn coverage(rows: &[&Row]) -> Option<f64> {
    let scored: Vec<bool> =
        rows.iter().filter_map(|row| row.shifted.map(|shifted| row.set[usize::from(shifted)])).collect();
    let covered = scored.iter().filter(|covered| **covered).count();
    (!scored.is_empty()).then(|| covered as f64 / scored.len() as f64)
}

fn alarms(
    task: &Task,
    rows: &[&Row],
    probabilities: &[f64],
    happened: &[bool],
) -> Result<AlarmScore, ForecastError> {
    let of_rows = score::alarms(probabilities, happened, AlarmRule::Rate(ALARM_RATE))?;
    let alarmed: Vec<bool> =
        probabilities.iter().map(|p| of_rows.threshold.is_some_and(|threshold| *p >= threshold)).collect();
    // An event is the regime's change itself, seen at the row whose window first shows it.
    let events: Vec<usize> = (1..rows.len()).filter(|row| rows[*row].state != rows[row - 1].state).collect();
    let months = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => last.time.since(first.time).as_secs_f64() / (86_400.0 * 365.25 / 12.0),
        _ => 0.0,
    };
    let rows_per_month = if months > 0.0 { rows.len() as f64 / months } else { rows.len() as f64 };
    let calendar = Calendar { horizon: task.horizon, rows_per_month };
    Ok(AlarmScore { rows: of_rows, episodes: score::episodes(&alarmed, &events, calendar)? })
}
