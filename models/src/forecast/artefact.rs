//! What forecasts: plain numbers that turn one row into a probability, the same bits on every machine.

use market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calibration::{ConformalRegimes, DensityGuard, Platt, Recency, RegimeSet, VennAbers};
use crate::gate::Gate;
use crate::mixture::Mixture;
use crate::samples::{Column, Samples};
use crate::scalar::{clipped, logistic, logit};

use super::experts::{self, Expert};
use super::frame::Scaling;
use super::hidden::Hidden;
use super::outside::Offset;
use super::{ForecastError, Task};

/// The form of an artefact.
pub const SCHEMA: &str = "vigie-forecast/3";

/// Whether artefacts of the form `schema` can be read.
///
/// # Errors
/// They cannot.
pub fn check_schema(schema: &str) -> Result<(), ForecastError> {
    if schema == SCHEMA {
        return Ok(());
    }
    let problem = format!("has schema {schema}, and this program reads {SCHEMA}");
    Err(ForecastError::Artefact { problem })
}

/// Everything that a forecast needs. It round-trips through any text that keeps an f64's bits (TOML does, as
/// Rust writes the shortest digits that read back the same).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artefact {
    /// [`SCHEMA`].
    pub schema: String,
    /// What it forecasts: a task's id.
    pub task: String,
    /// Rows from a decision to the end of the window it speaks of.
    pub horizon: usize,
    /// The regimes' names, the one with the lower level first.
    pub regimes: Vec<String>,
    /// The columns it wants, in order.
    pub columns: Vec<String>,
    /// Each column's group.
    pub groups: Vec<String>,
    /// The first row that it learnt from.
    pub trained_from: Timestamp,
    /// The last row that it learnt from: decided then, resolved h rows later.
    pub trained_through: Timestamp,
    /// From when on it is not to be used.
    pub expires_at: Timestamp,
    /// Rows that it learnt from.
    pub rows: usize,
    /// How many of them were followed by a shift.
    pub shifts: usize,
    /// Forecasts of the walk that were resolved when its weights were last moved.
    pub resolved: usize,
    /// When the loss was last found to drift, over what the better baseline loses.
    pub drift: Option<Timestamp>,
    /// The boundary and the scaling.
    pub scaling: Scaling,
    /// The experts.
    pub experts: Vec<Expert>,
    /// The weights of the experts.
    pub mixture: Mixture,
    /// How far the blend of experts was off of late, by regime.
    pub recency: Recency,
    /// The line through the mixture's logit.
    pub platt: Platt,
    /// The hidden Markov model of the level; without it the filtered probabilities are 0 and 1.
    pub hidden: Option<Hidden>,
    /// What training rows looked like: the distance to the boundary, then the core columns.
    pub guard: Option<DensityGuard>,
    /// The offsets of outside groups.
    pub offsets: Vec<Offset>,
    /// Each offset's gate.
    pub gates: Vec<Gate>,
    /// The width; `None` while too little is resolved.
    pub venn_abers: Option<VennAbers>,
    /// The set of regimes; `None` while too little is resolved.
    pub conformal: Option<ConformalRegimes>,
}

/// What a forecast is made from, beside the artefact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// When it is made.
    pub time: Timestamp,
    /// The levels of windows side by side, oldest first; the last is the one that ends now. At most
    /// [`TRAIL`], all of which follow each other without a gap.
    pub trail: Vec<f64>,
    /// The row's features, in the order of the artefact's columns.
    pub row: Vec<f64>,
}

/// How many windows of levels a forecast looks back on.
pub const TRAIL: usize = 24;

impl Inputs {
    /// Those of a row of samples; `None` where its level is not known.
    pub fn of(samples: &Samples, row: usize, horizon: usize) -> Option<Self> {
        let time = *samples.times.get(row)?;
        let mut trail = Vec::new();
        let mut at = Some(row);
        while let Some(level) = at.and_then(|at| samples.level.get(at).copied().flatten()) {
            trail.push(level);
            at = at.and_then(|at| at.checked_sub(horizon.max(1)));
            if trail.len() == TRAIL {
                break;
            }
        }
        trail.reverse();
        if trail.is_empty() {
            return None;
        }
        Some(Self { time, trail, row: samples.row(row).to_vec() })
    }
}

/// One forecast, with all that explains it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The regime now: 0 or 1.
    pub state: u8,
    /// Probability of each regime now, as the filter sees it.
    pub filtered: [f64; 2],
    /// Probability that the next window's regime differs.
    pub probability: f64,
    /// Its logit: the sum of the drivers' contributions.
    pub logit: f64,
    /// Lower end of the Venn–Abers interval; 0 while too little is resolved.
    pub low: f64,
    /// Upper end of the Venn–Abers interval; 1 while too little is resolved.
    pub high: f64,
    /// Which regimes the next window may be in, at nine times in ten, ascending.
    pub regimes: Vec<u8>,
    /// What naive forecasts say.
    pub baselines: Baselines,
    /// The mixture's probability before recalibration and outside groups.
    pub mixed: f64,
    /// Each expert's name, probability and weight.
    pub experts: Vec<Standing>,
    /// The exact parts of the logit: first the constant, then the largest in size.
    pub drivers: Vec<Driver>,
    /// What each outside group would make of it.
    pub groups: Vec<GroupAnswer>,
    /// Why the forecast should not be used, if it should not. The numbers are given all the same, for scoring.
    pub abstained: Option<Abstention>,
}

/// What naive forecasts say of the same shift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The share of all training rows that shifted.
    pub base: f64,
    /// The same, of those in the regime of now.
    pub markov: f64,
    /// By the regime and the distance to its boundary alone.
    pub margin_only: f64,
}

/// One expert's say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The expert.
    pub name: String,
    /// Its probability of a shift.
    pub probability: f64,
    /// Its weight in the mixture; all sum to 1.
    pub weight: f64,
}

/// One feature's part in a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// The feature; `constant` for what no feature moves, `distance_to_boundary` for the level itself.
    pub name: String,
    /// Its value as the model sees it: standardised; the constant's is 1.
    pub value: f64,
    /// What it adds to the logit.
    pub contribution: f64,
}

/// What an outside group makes of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupAnswer {
    /// The group.
    pub group: String,
    /// Whether its offset is in the probability.
    pub is_admitted: bool,
    /// The wealth of its gate.
    pub evidence: f64,
    /// Forecasts on which the evidence rests.
    pub resolved: u64,
    /// The probability with this group and no other.
    pub with: f64,
    /// The probability with no group at all.
    pub without: f64,
}

/// Why a forecast should not be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Abstention {
    /// No training row was like this one.
    OutsideTraining {
        /// The column that is furthest from what it was.
        column: String,
        /// How far the row is from the training rows, in standard deviations.
        distance: f64,
        /// How far one may be.
        limit: f64,
    },
    /// The artefact is too old.
    Expired {
        /// Since when.
        at: Timestamp,
    },
}

impl std::fmt::Display for Abstention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutsideTraining { column, distance, limit } => write!(
                f,
                "unlike any training row: {distance:.1} deviations away where {limit:.1} is the limit, {column} furthest"
            ),
            Self::Expired { at } => write!(f, "the model expired at {at}; train it again"),
        }
    }
}

/// Venn–Abers and conformal answers need this many resolved forecasts.
pub(crate) const FEWEST_RESOLVED: usize = 100;

impl Artefact {
    /// Whether samples of these columns can be forecast.
    ///
    /// # Errors
    /// A column has another name, another place or another group, or is missing.
    pub fn accepts(&self, columns: &[Column]) -> Result<(), ForecastError> {
        for place in 0..self.columns.len().max(columns.len()) {
            let wanted = self.columns.get(place).zip(self.groups.get(place));
            let found = columns.get(place);
            let same = wanted.zip(found).is_some_and(|((name, group), column)| {
                *name == column.name && group == column.group.as_str()
            });
            if !same {
                return Err(ForecastError::OtherColumns {
                    place,
                    wanted: wanted.map(|(name, _)| name.clone()).unwrap_or_default(),
                    found: found.map(|column| column.name.clone()).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// Whether an artefact that was read from a file can be used for `task`.
    ///
    /// # Errors
    /// Another schema or task, or numbers that do not fit together or are not finite.
    pub fn check(&self, task: &Task) -> Result<(), ForecastError> {
        let wrong = |problem: String| Err(ForecastError::Artefact { problem });
        check_schema(&self.schema)?;
        if self.task != task.id || self.horizon != task.horizon {
            return wrong(format!("forecasts {} over {} rows, not {}", self.task, self.horizon, task.id));
        }
        let core = self.groups.iter().filter(|group| group.as_str() == "core").count();
        let width = core + usize::from(self.hidden.is_some());
        let fits = self.columns.len() == self.groups.len()
            && self.scaling.mean.len() == core
            && self.scaling.scale.len() == core
            && self.regimes.len() == 2
            && self.experts.len() == self.mixture.log_weights.len()
            && self.experts.len() == experts::EXPERTS.len()
            && self.experts.iter().all(|expert| expert.forms.iter().all(|form| form.columns.len() == width))
            && self.gates.len() == self.offsets.len()
            && self.offsets.iter().all(|offset| {
                offset.plain.len() == offset.places.len()
                    && offset.signed.len() == offset.places.len()
                    && offset.places.iter().all(|place| *place < self.columns.len())
            });
        if !fits {
            return wrong("has parts of different sizes".to_owned());
        }
        let numbers =
            self.experts.iter().flat_map(|expert| expert.forms.iter()).flat_map(|form| {
                [form.constant, form.margin].into_iter().chain(form.columns.iter().copied())
            });
        let weights =
            self.offsets.iter().flat_map(|offset| offset.plain.iter().chain(&offset.signed)).copied();
        let scaling = self.scaling.mean.iter().chain(&self.scaling.scale).copied();
        let sound = numbers.chain(weights).chain(scaling).all(f64::is_finite)
            && self.scaling.boundary.is_finite()
            && self.scaling.spread > 0.0
            && self.scaling.spread.is_finite();
        if !sound {
            return wrong("holds a number that is not finite".to_owned());
        }
        self.mixture.check()?;
        self.platt.check()?;
        self.recency.check()?;
        for gate in &self.gates {
            gate.check()?;
        }
        if let Some(hidden) = &self.hidden {
            hidden.check()?;
        }
        if let Some(guard) = &self.guard {
            guard.check()?;
        }
        if let Some(venn_abers) = &self.venn_abers {
            venn_abers.check()?;
        }
        if let Some(conformal) = &self.conformal {
            conformal.check()?;
        }
        Ok(())
    }

    /// The forecast of one row: a pure function of the artefact and the inputs.
    ///
    /// # Errors
    /// The inputs have no level or another number of columns than the artefact, or a value is not finite.
    pub fn forecast(&self, inputs: &Inputs) -> Result<Answer, ForecastError> {
        let level = self.accept(inputs)?;
        let core = inputs.row.iter().zip(&self.groups).filter(|(_, group)| group.as_str() == "core");
        let mut view = self.scaling.view(level, core.map(|(value, _)| *value));
        let state = view.state;
        let mut filtered = if state == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        if let Some(reader) = self.hidden.as_ref().and_then(Hidden::reader) {
            let (now, expected) = reader.read(&inputs.trail, &self.scaling);
            filtered = now;
            view.columns.push(expected);
        }
        let weights = self.mixture.weights();
        let total: f64 = weights.iter().sum();
        let mut parts = vec![0.0; view.columns.len() + 2];
        let (mut pooled, mut said) = (0.0, Vec::with_capacity(self.experts.len()));
        for (place, (expert, weight)) in self.experts.iter().zip(&weights).enumerate() {
            let weight = weight / total;
            let (mut logit, of_expert) = expert.forms[state].parts(&view);
            if place == experts::RECENT {
                logit = experts::held(logit + self.recency.shift(state));
            }
            pooled += weight * logit;
            for (sum, part) in parts.iter_mut().zip(&of_expert) {
                *sum += weight * part;
            }
            let probability = clipped(logistic(logit));
            said.push(Standing { name: expert.name.clone(), probability, weight });
        }
        let without = self.platt.a * pooled + self.platt.b;
        let mut logit_now = without;
        let mut drivers = Vec::new();
        let mut groups = Vec::new();
        for (offset, gate) in self.offsets.iter().zip(&self.gates) {
            let of_group = offset.parts(state, &inputs.row);
            let sum: f64 = of_group.iter().sum();
            groups.push(GroupAnswer {
                group: offset.group.clone(),
                is_admitted: gate.admitted,
                evidence: gate.wealth(),
                resolved: gate.resolved,
                with: clipped(logistic(without + sum)),
                without: clipped(logistic(without)),
            });
            if gate.admitted {
                logit_now += sum;
                drivers.extend(offset.places.iter().zip(of_group).map(|(place, contribution)| Driver {
                    name: self.columns[*place].clone(),
                    value: inputs.row[*place],
                    contribution,
                }));
            }
        }
        let probability = clipped(logistic(logit_now));
        let logit_now = logit(probability);
        self.explain(&mut drivers, &parts, &view, logit_now);
        let pair = self.venn_abers.as_ref().map(|venn_abers| venn_abers.pair(logit_now));
        let set =
            self.conformal.as_ref().map_or(RegimeSet { stay: true, leave: true }, |c| c.set(probability));
        let said_by = |place: usize| said[place].probability;
        Ok(Answer {
            state: state as u8,
            filtered,
            probability,
            logit: logit_now,
            low: pair.map_or(0.0, |pair| pair.p0.min(probability)),
            high: pair.map_or(1.0, |pair| pair.p1.max(probability)),
            regimes: set.regimes(state as u8, 2),
            baselines: Baselines {
                base: said_by(experts::BASE),
                markov: said_by(experts::MARKOV),
                margin_only: said_by(experts::MARGIN_ONLY),
            },
            mixed: clipped(logistic(pooled)),
            experts: said,
            drivers,
            groups,
            abstained: self.abstention(inputs, level),
        })
    }

    /// The level now, once the inputs are seen to be what the artefact wants.
    fn accept(&self, inputs: &Inputs) -> Result<f64, ForecastError> {
        if inputs.row.len() != self.columns.len() {
            let place = inputs.row.len().min(self.columns.len());
            let wanted = self.columns.get(place).cloned().unwrap_or_default();
            let found = if wanted.is_empty() { format!("column {place}") } else { String::new() };
            return Err(ForecastError::OtherColumns { place, wanted, found });
        }
        if let Some(place) = inputs.row.iter().position(|value| !value.is_finite()) {
            let (column, value) = (self.columns[place].clone(), inputs.row[place]);
            return Err(ForecastError::NotFinite { row: 0, column, value });
        }
        if let Some(value) = inputs.trail.iter().find(|value| !value.is_finite()) {
            return Err(ForecastError::NotFinite { row: 0, column: "level".to_owned(), value: *value });
        }
        inputs.trail.last().copied().ok_or(ForecastError::TooFewRows { rows: 0, needed: 1 })
    }

    /// Adds the drivers that the experts share, and the constant that closes the sum, and puts them in order.
    fn explain(&self, drivers: &mut Vec<Driver>, parts: &[f64], view: &super::frame::View, logit: f64) {
        let slope = self.platt.a;
        drivers.push(Driver {
            name: "distance_to_boundary".to_owned(),
            value: view.margin,
            contribution: slope * parts[1],
        });
        let core = self.columns.iter().zip(&self.groups).filter(|(_, group)| group.as_str() == "core");
        let names = core.map(|(name, _)| name.as_str()).chain(std::iter::once("hidden_markov"));
        for ((name, value), part) in names.zip(&view.columns).zip(&parts[2..]) {
            drivers.push(Driver { name: name.to_owned(), value: *value, contribution: slope * part });
        }
        drivers.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        let moved: f64 = drivers.iter().map(|driver| driver.contribution).sum();
        drivers.insert(0, Driver { name: "constant".to_owned(), value: 1.0, contribution: logit - moved });
    }

    fn abstention(&self, inputs: &Inputs, level: f64) -> Option<Abstention> {
        if inputs.time >= self.expires_at {
            return Some(Abstention::Expired { at: self.expires_at });
        }
        let guard = self.guard.as_ref()?;
        let core = inputs.row.iter().zip(&self.groups).filter(|(_, group)| group.as_str() == "core");
        let row: Vec<f64> =
            std::iter::once(self.raw_margin(level)).chain(core.map(|(value, _)| *value)).collect();
        if !guard.is_outside(&row) {
            return None;
        }
        let place = guard.most_unusual(&row).unwrap_or(0);
        let mut core = self.columns.iter().zip(&self.groups).filter(|(_, group)| group.as_str() == "core");
        let column = match place.checked_sub(1) {
            Some(place) => core.nth(place).map(|(name, _)| name.clone()),
            None => Some("distance_to_boundary".to_owned()),
        };
        Some(Abstention::OutsideTraining {
            column: column.unwrap_or_default(),
            distance: guard.distance(&row),
            limit: guard.limit,
        })
    }

    /// The distance to the boundary in spreads, however far.
    pub(crate) fn raw_margin(&self, level: f64) -> f64 {
        (level - self.scaling.boundary) / self.scaling.spread
    }
}
