//! Walks forward through samples: fits on what is known, forecasts what is not, and keeps every answer.

use std::ops::ControlFlow;

use market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::adwin::Adwin;
use crate::calibration::{ConformalRegimes, DensityGuard, Recency, SequentialPlatt, Shape, VennAbers};
use crate::gate::Gate;
use crate::mixture::Mixture;
use crate::samples::Samples;
use crate::scalar::{log_loss, logit, mean};

use super::artefact::{Abstention, Artefact, Baselines, FEWEST_RESOLVED, Inputs, SCHEMA};
use super::experts::{self, EXPERTS};
use super::frame::{Frame, core};
use super::hidden::Hidden;
use super::outside::{Offset, Resolved};
use super::ridge::Overlap;
use super::{ForecastError, Task};

/// The share of its weight that an expert gives up when an outcome is known: about one change of who is best in
/// a thousand rows.
const SHARE: f64 = 0.001;

/// How many independent outcomes the line through the logit is worth before it has seen any (per unit of
/// variance): a recalibration has to be seen over more than a thousand independent outcomes to count for half.
const PLATT_OUTCOMES: f64 = 300.0;

/// Windows, side by side, after which an outcome counts for half in what was learnt of late: half a year of daily
/// closes and windows of five.
const RECENT_WINDOWS: f64 = 25.0;

/// How much independent outcomes must tell (per unit of variance) for half of what was seen of late to be believed.
const RECENT_OUTCOMES: f64 = 8.0;

/// Windows, side by side, that are needed for a rehearsal.
const REHEARSAL_WINDOWS: usize = 100;

/// A row is outside the training density beyond this many times the distance that one training row in a
/// thousand exceeds.
pub const ABSTAIN_BEYOND: f64 = 1.5;
const GUARD_QUANTILE: f64 = 0.999;
const GUARD_SHRINKAGE: f64 = 0.1;

/// The chance that one look for drift finds some where there is none.
pub const DRIFT_DELTA: f64 = 0.002;

/// The level of the set of regimes.
const SET_LEVEL: f64 = 0.9;

/// How to walk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Rows before the first forecast that is scored. From half of them on, if that is a hundred windows, forecasts
    /// are rehearsed: made as later ones are, from what was known, so that weights have been learnt by then.
    pub min_train: usize,
    /// Rows from one fit to the next.
    pub refit: usize,
    /// Rows left out between training rows and the rows they are used on, beyond the horizon.
    pub embargo: usize,
    /// The first row that is scored is not before this. Forecasts before it train the weights all the same.
    pub from: Option<Timestamp>,
    /// The last row that is scored is not after this.
    pub to: Option<Timestamp>,
    /// Of the fits' and the intervals' draws.
    pub seed: u64,
    /// A row is outside the training density beyond this many times the distance that one training row in a
    /// thousand exceeds.
    pub abstain_beyond: f64,
    /// The chance that losses which do not drift are said to (ADWIN's delta), 0 to 1.
    pub drift_delta: f64,
}

impl Protocol {
    /// The first row that is forecast.
    fn first_row(&self, task: &Task) -> usize {
        (self.min_train / 2).max(REHEARSAL_WINDOWS * task.horizon).min(self.min_train)
    }

    /// A task's own.
    pub fn of(task: &Task) -> Self {
        Self {
            min_train: task.min_train,
            refit: task.refit,
            embargo: 0,
            from: None,
            to: None,
            seed: 1,
            abstain_beyond: ABSTAIN_BEYOND,
            drift_delta: DRIFT_DELTA,
        }
    }
}

/// One forecast of a walk, as it was made, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its place in the samples.
    pub row: usize,
    /// When it was made.
    pub time: Timestamp,
    /// The regime then: 0 or 1.
    pub state: u8,
    /// The boundary of then.
    pub boundary: f64,
    /// Whether the regime h rows later differed, by the boundary of then; `None` while that is not known.
    pub shifted: Option<bool>,
    /// The probability of a shift that was forecast.
    pub probability: f64,
    /// Lower end of its width.
    pub low: f64,
    /// Upper end of its width.
    pub high: f64,
    /// The mixture's probability, before recalibration.
    pub mixed: f64,
    /// The probability with no outside group.
    pub without: f64,
    /// The probability with each outside group alone.
    pub with: Vec<f64>,
    /// Whether the regime of h rows later was to be in the set: stay, leave.
    pub set: [bool; 2],
    /// The baselines.
    pub baselines: Baselines,
    /// Each expert's probability.
    pub experts: Vec<f64>,
    /// Why it abstained, if it did. It is scored all the same.
    pub abstained: Option<Abstention>,
}

/// A walk as far as it has come. It can be kept, and taken up again with more rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// How it walks.
    pub protocol: Protocol,
    /// Every forecast, oldest first, the scored and the others.
    pub rows: Vec<Row>,
    /// What forecast the last row.
    pub artefact: Option<Artefact>,
    /// The row at which it was fitted.
    pub fitted_at: usize,
    /// The next row to be forecast.
    pub next: usize,
    /// How many of `rows`, from the first, have been looked at for their outcome.
    settled: usize,
    /// Why the last fit could not be made, where it could not.
    #[serde(skip)]
    unfitted: Option<ForecastError>,
    mixture: Mixture,
    recency: Recency,
    platt: SequentialPlatt,
    offsets: Vec<Offset>,
    gates: Vec<Gate>,
}

/// Walks through all of `samples`. `progress` is told rows done and rows in all, and may break off.
///
/// # Errors
/// Samples that cannot be walked (see [`Walk::begin`] and [`Walk::advance`]), or it was broken off.
pub fn walk(
    samples: &Samples,
    task: &Task,
    protocol: &Protocol,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Walk, ForecastError> {
    let mut walk = Walk::begin(samples, task, protocol)?;
    walk.advance(samples, task, progress)?;
    Ok(walk)
}

impl Walk {
    /// A walk that has not begun.
    ///
    /// # Errors
    /// Samples that are no samples, too few rows for one forecast, or options that cannot be.
    pub fn begin(samples: &Samples, task: &Task, protocol: &Protocol) -> Result<Self, ForecastError> {
        let option =
            |option, problem: &str| Err(ForecastError::Option { option, problem: problem.to_owned() });
        if task.horizon == 0 {
            return option("--horizon", "is 0; use at least 1");
        }
        if protocol.refit == 0 {
            return option("--refit", "is 0; use at least 1");
        }
        let least = (10 * task.horizon).max(60);
        if protocol.min_train < least {
            let problem = format!("is {}; use at least {least}", protocol.min_train);
            return Err(ForecastError::Option { option: "--min-train", problem });
        }
        check(samples)?;
        let needed = protocol.min_train.saturating_add(1);
        if samples.rows() < needed {
            return Err(ForecastError::TooFewRows { rows: samples.rows(), needed });
        }
        let first = EXPERTS.map(|(_, weight)| weight);
        let rate = 1.0 / task.horizon as f64;
        let mixture = Mixture::new(EXPERTS.len(), SHARE)?.with_first(&first)?.with_rate(rate)?;
        let overlap = Overlap::new(task.horizon).of_labels;
        let recency = Recency::new(RECENT_WINDOWS * task.horizon as f64, RECENT_OUTCOMES * overlap)?;
        let offsets = Offset::of_groups(samples);
        let gate = Gate::new(u32::try_from(task.horizon).unwrap_or(u32::MAX))?;
        Ok(Self {
            protocol: *protocol,
            rows: Vec::new(),
            artefact: None,
            fitted_at: 0,
            next: protocol.first_row(task),
            settled: 0,
            unfitted: None,
            mixture,
            recency,
            platt: SequentialPlatt::new(PLATT_OUTCOMES * overlap, (4 * task.horizon).max(20))?,
            gates: vec![gate; offsets.len()],
            offsets,
        })
    }

    /// Forecasts every row that has come since. The rows before must be the ones that it has walked already.
    ///
    /// # Errors
    /// Samples that are no samples or not the same ones, training rows of one regime only, or it was broken
    /// off; what has been walked stays, and it can be taken up from there.
    pub fn advance(
        &mut self,
        samples: &Samples,
        task: &Task,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<(), ForecastError> {
        check(samples)?;
        self.is_same(samples)?;
        let total = samples.rows();
        while self.next < total {
            let row = self.next;
            self.settle(samples, task, row)?;
            let is_first = row == self.protocol.first_row(task) || row == self.protocol.min_train;
            if is_first || row >= self.fitted_at.saturating_add(self.protocol.refit) {
                match self.fit(samples, task, row) {
                    Err(error @ ForecastError::OneRegime { .. }) => {
                        // Nothing to learn from yet, or no more: what there was goes on until the next fit.
                        self.unfitted = Some(error);
                        self.fitted_at = row;
                    }
                    other => other?,
                }
            }
            self.forecast(samples, row)?;
            self.next = row + 1;
            if progress(row + 1, total).is_break() {
                return Err(ForecastError::Stopped { done: row + 1, total });
            }
        }
        match self.unfitted.take() {
            Some(error) if self.artefact.is_none() => Err(error),
            _ => Ok(()),
        }
    }

    /// Fits anew to everything that is known at the end of `samples`: what a daily refit does. The artefact is
    /// for rows after them.
    ///
    /// # Errors
    /// The walk has not reached the end of the samples, or the training rows are of one regime only.
    pub fn refit(&mut self, samples: &Samples, task: &Task) -> Result<&Artefact, ForecastError> {
        self.is_same(samples)?;
        if self.next < samples.rows() {
            return Err(ForecastError::Stopped { done: self.next, total: samples.rows() });
        }
        self.settle(samples, task, samples.rows() - 1)?;
        self.fit(samples, task, samples.rows())?;
        self.artefact.as_ref().ok_or(ForecastError::TooFewRows { rows: 0, needed: 1 })
    }

    /// The last forecast's row must be where it was.
    fn is_same(&self, samples: &Samples) -> Result<(), ForecastError> {
        let Some(last) = self.rows.last() else { return Ok(()) };
        if samples.times.get(last.row) == Some(&last.time) {
            return Ok(());
        }
        let what = format!("another row {} than the walk that is taken up; begin it again", last.row);
        Err(ForecastError::Ragged { what })
    }

    /// Learns from every outcome that is known at row `now`.
    fn settle(&mut self, samples: &Samples, task: &Task, now: usize) -> Result<(), ForecastError> {
        while let Some(row) = self.rows.get_mut(self.settled) {
            let end = row.row + task.horizon;
            if end > now {
                break;
            }
            self.settled += 1;
            let later = samples.level.get(end).copied().flatten();
            let Some(later) = later else { continue };
            let shifted = u8::from(later > row.boundary) != row.state;
            row.shifted = Some(shifted);
            self.mixture.update(&row.experts, shifted)?;
            self.recency.resolve(usize::from(row.state), row.experts[experts::BLEND], shifted)?;
            self.platt.resolve(row.mixed, shifted)?;
            for (gate, with) in self.gates.iter_mut().zip(&row.with) {
                gate.resolve(*with, row.without, shifted)?;
            }
        }
        Ok(())
    }

    /// Fits everything to what is known at row `at`.
    fn fit(&mut self, samples: &Samples, task: &Task, at: usize) -> Result<(), ForecastError> {
        let mut frame = Frame::new(samples, task.horizon, task.boundary, at, self.protocol.embargo)?;
        let places = core(samples);
        let har: Vec<usize> = (0..places.len())
            .filter(|place| samples.columns[places[*place]].name.starts_with("har_"))
            .collect();
        let guard = guard(samples, &frame, &places, self.protocol.abstain_beyond);
        let hidden = Hidden::fit(samples, &frame, task.horizon);
        if let Some(reader) = hidden.as_ref().and_then(Hidden::reader) {
            for (view, row) in frame.views.iter_mut().zip(&frame.rows) {
                let trail = Inputs::of(samples, *row, task.horizon).map(|inputs| inputs.trail);
                view.columns.push(reader.read(&trail.unwrap_or_default(), &frame.scaling).1);
            }
        }
        let experts = experts::fit(&frame, &har, hidden.as_ref().map(|_| places.len()), task.horizon);
        self.learn_outside(samples);
        let settled: Vec<&Row> = self.rows.iter().filter(|row| row.shifted.is_some()).collect();
        let happened: Vec<bool> = settled.iter().filter_map(|row| row.shifted).collect();
        let probabilities: Vec<f64> = settled.iter().map(|row| row.probability).collect();
        let logits: Vec<f64> = probabilities.iter().map(|p| logit(*p)).collect();
        let enough = happened.len() >= FEWEST_RESOLVED;
        let (Some(first), Some(last)) = (frame.rows.first(), frame.rows.last()) else {
            return Err(ForecastError::OneRegime { rows: 0, shifts: 0 });
        };
        let trained_through = samples.times[*last];
        self.artefact = Some(Artefact {
            schema: SCHEMA.to_owned(),
            task: task.id.to_owned(),
            horizon: task.horizon,
            regimes: task.regimes.iter().map(|name| (*name).to_owned()).collect(),
            columns: samples.columns.iter().map(|column| column.name.clone()).collect(),
            groups: samples.columns.iter().map(|column| column.group.as_str().to_owned()).collect(),
            trained_from: samples.times[*first],
            trained_through,
            expires_at: trained_through.plus(task.expiry),
            rows: frame.rows.len(),
            shifts: frame.shifted.iter().filter(|shifted| **shifted).count(),
            resolved: happened.len(),
            drift: self.drift(task.horizon),
            scaling: frame.scaling,
            experts,
            mixture: self.mixture.clone(),
            recency: self.recency.clone(),
            platt: self.platt.platt,
            hidden,
            guard,
            offsets: self.offsets.clone(),
            gates: self.gates.clone(),
            venn_abers: if enough { Some(VennAbers::fit(&logits, &happened)?) } else { None },
            conformal: if enough {
                Some(ConformalRegimes::fit(&probabilities, &happened, SET_LEVEL)?)
            } else {
                None
            },
        });
        self.fitted_at = at;
        self.unfitted = None;
        Ok(())
    }

    fn learn_outside(&mut self, samples: &Samples) {
        let resolved: Vec<Resolved> = self
            .rows
            .iter()
            .filter_map(|row| {
                let shifted = row.shifted?;
                Some(Resolved {
                    row: row.row,
                    state: usize::from(row.state),
                    logit: logit(row.without),
                    shifted,
                })
            })
            .collect();
        for offset in &mut self.offsets {
            offset.learn(samples, &resolved);
        }
    }

    /// When the loss, over what the better baseline lost, was last found to have risen (ADWIN). Windows overlap, so
    /// that it is asked once a horizon, of the mean over one.
    pub fn drift(&self, horizon: usize) -> Option<Timestamp> {
        let settled = || self.rows.iter().filter_map(|row| row.shifted.map(|shifted| (row, shifted)));
        let sum =
            |of: fn(&Row) -> f64| settled().map(|(row, shifted)| log_loss(of(row), shifted)).sum::<f64>();
        let base: fn(&Row) -> f64 = |row| row.baselines.base;
        let markov: fn(&Row) -> f64 = |row| row.baselines.markov;
        let better = if sum(base) < sum(markov) { base } else { markov };
        let mut watch = Adwin::new(self.protocol.drift_delta);
        let (mut found, mut block) = (None, Vec::with_capacity(horizon));
        for (row, shifted) in settled() {
            block.push(log_loss(row.probability, shifted) - log_loss(better(row), shifted));
            if block.len() < horizon.max(1) {
                continue;
            }
            let before = watch.mean().unwrap_or(0.0);
            if watch.update(mean(&block).unwrap_or(0.0)) && watch.mean().is_some_and(|after| after > before) {
                found = Some(row.time);
            }
            block.clear();
        }
        found
    }

    /// Forecasts one row with the last fit and everything learnt since.
    fn forecast(&mut self, samples: &Samples, at: usize) -> Result<(), ForecastError> {
        let Some(artefact) = &mut self.artefact else { return Ok(()) };
        artefact.mixture.clone_from(&self.mixture);
        artefact.recency.clone_from(&self.recency);
        artefact.platt = self.platt.platt;
        artefact.gates.clone_from(&self.gates);
        artefact.resolved = self.platt.happened.len();
        let Some(inputs) = Inputs::of(samples, at, artefact.horizon) else { return Ok(()) };
        let answer = artefact.forecast(&inputs)?;
        let without = answer.groups.first().map_or(answer.probability, |group| group.without);
        let stays = answer.regimes.contains(&answer.state);
        let leaves = answer.regimes.contains(&(1 - answer.state));
        self.rows.push(Row {
            row: at,
            time: inputs.time,
            state: answer.state,
            boundary: artefact.scaling.boundary,
            shifted: None,
            probability: answer.probability,
            low: answer.low,
            high: answer.high,
            mixed: answer.mixed,
            without,
            with: answer.groups.iter().map(|group| group.with).collect(),
            set: [stays, leaves],
            baselines: answer.baselines,
            experts: answer.experts.iter().map(|expert| expert.probability).collect(),
            abstained: answer.abstained,
        });
        Ok(())
    }
}

/// What training rows looked like: the distance to the boundary, then the core columns.
fn guard(samples: &Samples, frame: &Frame, places: &[usize], beyond: f64) -> Option<DensityGuard> {
    let mut values = Vec::with_capacity(frame.rows.len() * (places.len() + 1));
    for row in &frame.rows {
        let level = samples.level[*row]?;
        values.push((level - frame.scaling.boundary) / frame.scaling.spread);
        let of_row = samples.row(*row);
        values.extend(places.iter().map(|place| of_row[*place]));
    }
    let shape = Shape::Full { shrinkage: GUARD_SHRINKAGE };
    let mut guard = DensityGuard::fit(&values, places.len() + 1, shape, GUARD_QUANTILE).ok()?;
    guard.limit *= beyond;
    Some(guard)
}

/// Whether samples are samples: every row complete, every number finite, times ascending.
fn check(samples: &Samples) -> Result<(), ForecastError> {
    let (rows, width) = (samples.rows(), samples.columns.len());
    if samples.level.len() != rows {
        let what = format!("{} levels for {rows} rows", samples.level.len());
        return Err(ForecastError::Ragged { what });
    }
    if samples.values.len() != rows * width {
        let what = format!("{} values for {rows} rows of {width} columns", samples.values.len());
        return Err(ForecastError::Ragged { what });
    }
    if let Some(row) = (1..rows).find(|row| samples.times[row - 1] >= samples.times[*row]) {
        return Err(ForecastError::NotAscending { row });
    }
    if let Some(place) = samples.values.iter().position(|value| !value.is_finite()) {
        let (row, column) = (place / width, samples.columns[place % width].name.clone());
        return Err(ForecastError::NotFinite { row, column, value: samples.values[place] });
    }
    for (row, level) in samples.level.iter().enumerate() {
        if let Some(value) = level.filter(|value| !value.is_finite()) {
            return Err(ForecastError::NotFinite { row, column: "level".to_owned(), value });
        }
    }
    Ok(())
}
