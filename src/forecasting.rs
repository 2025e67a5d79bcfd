//! When to fit and when to forecast: from the store's words to artefacts, forecasts, the ledger and the screen.
//!
//! One pass asks, for each target, whether a new moment of decision has come. If so: features as known then, an
//! artefact (trained anew when the last one is due), a forecast that is a pure function of the two, a record in
//! the ledger, and only then an event and an outlook for the screen. A target that cannot speak says why.

pub mod cards;
mod history;
mod live;
mod outlooks;
pub mod past;
mod records;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market::{FORECASTER, FeedId, LiveRecord, MarketEvent, Observation, Outlook, Silence, Timestamp};
use models::features::{self, FeatureSet};
use models::forecast::live::Expected;
use models::forecast::{self, Artefact, Inputs, Protocol, Task, Walk};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use self::cards::Scored;
pub use self::cards::{Card, Shelf, ShelfError, Spare, Stock};
pub use self::history::read as read_history;
use self::live::{Drift, Told};
pub use self::records::Replayer;
use crate::ledger::{self, Entry, Ledger, LedgerError, Next};

/// Records of the ledger that are looked through for what was said already.
const RECENT: u64 = 64;

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
    fn schedule(&self, task: &Task) -> (Task, Protocol) {
        let expiry = self.expire_days.map_or(task.expiry, |days| Duration::from_hours(24 * days));
        let (abstain_beyond, drift_delta) = (self.abstain_beyond, self.drift_delta);
        (Task { expiry, ..*task }, Protocol { abstain_beyond, drift_delta, ..Protocol::of(task) })
    }

    /// The targets' tasks, in the order of the configuration.
    pub fn tasks(&self) -> impl Iterator<Item = &'static Task> {
        self.targets.iter().filter_map(|id| forecast::task(id))
    }
}

/// Why a target has nothing to say, or a pass could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ForecastFailure {
    /// The features cannot be made.
    #[error("{target}: {source}")]
    Features {
        /// The target.
        target: &'static str,
        /// Why.
        source: Box<features::FeatureError>,
    },
    /// The model cannot be fitted or asked.
    #[error("{target}: {source}")]
    Model {
        /// The target.
        target: &'static str,
        /// Why.
        source: Box<forecast::ForecastError>,
    },
    /// Too little of the last window was observed to say in which regime it is.
    #[error(
        "{target}: only {percent:.0} % of the window up to {at} was observed, so its regime is not known; keep the feeds running, or fetch what is missing with `vigie backfill`"
    )]
    Unobserved {
        /// The target.
        target: &'static str,
        /// The row's time.
        at: Timestamp,
        /// Share of the window that was observed, percent.
        percent: f64,
    },
    /// The last row that can be made is too old to speak of now.
    #[error("{target}: the last row is of {at}; bring the store up to date with `vigie backfill`")]
    Late {
        /// The target.
        target: &'static str,
        /// The row's time.
        at: Timestamp,
    },
    /// There is no artefact to ask.
    #[error("{target}: no artefact is trained yet; run `vigie train`, or a watch")]
    Untrained {
        /// The target.
        target: &'static str,
    },
    /// An artefact cannot be kept or read.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// What a pass has to tell.
#[derive(Debug, Default)]
pub struct Said {
    /// Forecasts and readings, made durable by whoever takes them.
    pub events: Vec<MarketEvent>,
    /// What there is to show of each target.
    pub outlooks: Vec<Outlook>,
    /// Targets that have nothing to say, and why.
    pub silences: Vec<Silence>,
}

/// What was trained: the artefact, and how good it is.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The artefact.
    pub artefact: Artefact,
    /// Its card.
    pub card: Card,
}

/// The forecaster of one store.
pub struct Forecaster {
    config: ForecastConfig,
    store_dir: PathBuf,
    shelf: Shelf,
    trained: BTreeMap<&'static str, Trained>,
    /// The last outlook of each target.
    outlooks: BTreeMap<&'static str, Outlook>,
    /// What the ledger says was forecast.
    told: Told,
    /// Whether something was trained since artefacts were last pruned.
    has_trained: bool,
    /// When the drift was seen that each target was last trained anew for, or tried to be.
    answered: BTreeMap<&'static str, Timestamp>,
}

impl Forecaster {
    /// The forecaster of the store in `store_dir`.
    pub fn new(config: ForecastConfig, store_dir: &Path) -> Self {
        Self {
            shelf: Shelf::new(store_dir),
            store_dir: store_dir.to_owned(),
            config,
            trained: BTreeMap::new(),
            outlooks: BTreeMap::new(),
            told: Told::default(),
            has_trained: false,
            answered: BTreeMap::new(),
        }
    }

    /// What it runs on.
    pub fn config(&self) -> &ForecastConfig {
        &self.config
    }

    /// Whether a moment of decision has come since the last pass.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.config.tasks().any(|task| {
            let last = market::target(task.id).and_then(|target| target.grid.last_decision(now));
            let said = self.outlooks.get(task.id).map(|outlook| outlook.made_at);
            last.is_some() && said < last
        })
    }

    /// Forecasts whatever is due at `now`, and writes it down. A fit that is under way ends when `is_stopped` says so.
    ///
    /// # Errors
    /// The store cannot be read or the ledger not written. A target that cannot be forecast is a silence.
    pub fn pass(&mut self, now: Timestamp, is_stopped: &dyn Fn() -> bool) -> Result<Said, ForecastFailure> {
        let history = history::read(&self.store_dir, &self.config.asset, now)?;
        let mut ledger = Ledger::open(&ledger::dir_in(&self.store_dir), now)?;
        let recent_from = ledger.head().map_or(0, |head| head.count).saturating_sub(RECENT);
        let mut recent = Vec::new();
        ledger.reader().for_each(|entry| {
            self.told.take(&entry);
            if entry.sequence >= recent_from {
                recent.push(entry);
            }
            Ok::<_, LedgerError>(Next::GoOn)
        })?;
        let mut said = Said::default();
        for task in self.config.clone().tasks() {
            match self.speak(task, &history, (&mut ledger, &recent), now, is_stopped) {
                Ok(events) => said.events.extend(events),
                Err(error @ (ForecastFailure::Ledger(_) | ForecastFailure::Store(_))) => return Err(error),
                Err(error) => {
                    self.outlooks.remove(task.id);
                    said.silences.push(Silence { target: task.id.into(), reason: error.to_string() });
                }
            }
        }
        if std::mem::take(&mut self.has_trained)
            && let Err(error) = self.prune()
        {
            tracing::warn!(%error, "artefacts that nobody needs are still there");
        }
        let head = ledger.head().map(records::head);
        for outlook in self.outlooks.values_mut() {
            outlook.ledger.clone_from(&head);
        }
        let told = self.config.tasks().filter_map(|task| self.outlooks.get(task.id).cloned());
        said.outlooks = told.collect();
        Ok(said)
    }

    /// Removes artefacts that neither a record nor the next forecast needs; the ledger is open, so nobody else writes it.
    fn prune(&self) -> Result<(), ShelfError> {
        let spare = self.shelf.spare(self.told.named())?;
        if !spare.is_empty() {
            tracing::info!(artefacts = spare.len(), "removing artefacts that no record names");
        }
        self.shelf.remove(&spare)
    }

    /// What the artefacts on the shelf say of `now`, for a picture: nothing is trained or written down.
    ///
    /// # Errors
    /// The store cannot be read. A target without an artefact or a row is a silence.
    pub fn look(&self, now: Timestamp) -> Result<Said, ForecastFailure> {
        let history = history::read(&self.store_dir, &self.config.asset, now)?;
        let head = ledger::Reader::open(&ledger::dir_in(&self.store_dir)).and_then(|reader| reader.head());
        let head = head.ok().flatten().as_ref().map(records::head);
        let mut told = self.told_so_far();
        let mut said = Said::default();
        for task in self.config.tasks() {
            match self.look_at(task, &history, &mut told, now) {
                Ok(outlook) => said.outlooks.push(Outlook { ledger: head.clone(), ..outlook }),
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
        let history = history::read(&self.store_dir, &self.config.asset, then)?;
        let mut told = self.told_so_far();
        let mut said = Said::default();
        for task in self.config.tasks() {
            match self.rehearse_one(task, &history, &mut told, then) {
                Ok(outlook) => said.outlooks.push(outlook),
                Err(error) => {
                    said.silences.push(Silence { target: task.id.into(), reason: error.to_string() });
                }
            }
        }
        Ok(said)
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

    /// One target's forecast, if its moment has come; the events are those that are new.
    fn speak(
        &mut self,
        task: &'static Task,
        history: &features::History,
        (ledger, recent): (&mut Ledger, &[Entry]),
        now: Timestamp,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<MarketEvent>, ForecastFailure> {
        let set = feature_set(task, history, &self.config.asset, now)?;
        let (row, inputs) = last_inputs(task, &set, now)?;
        if self.outlooks.get(task.id).is_some_and(|outlook| outlook.made_at == inputs.time) {
            return Ok(Vec::new());
        }
        let (live, drift) = self.told.record(task, &set, &self.shelf, self.config.drift_delta);
        let trained = self.trained(task, &set, (now, drift), is_stopped)?.clone();
        let answer = trained.artefact.forecast(&inputs).map_err(model_error(task))?;
        let asset = self.config.asset.as_str();
        let mut event = outlooks::forecast(task, asset, &trained, &answer, inputs.time);
        let body = records::body(&event, &inputs, &set, row, &trained, &self.config);
        // What an earlier run said of this moment, word for word, is on record already.
        let known = recent.iter().find(|entry| entry.body == body);
        event.sequence = if let Some(entry) = known {
            entry.sequence
        } else {
            // A record that cannot be replayed is none: the artefact may have gone since it was trained.
            self.shelf.hold(&trained)?;
            let entry = ledger.append(body, now)?;
            self.told.take(&entry);
            entry.sequence
        };
        let outlook = outlooks::outlook(task, asset, &trained, &answer, &set, event.clone(), now);
        // This forecast is one of them by now.
        let (pending, abstained) = self.told.open(task, asset, inputs.time);
        let outlook = Outlook { live: LiveRecord { pending, abstained, ..live }, ..outlook };
        let reading = outlook.reading.clone();
        self.outlooks.insert(task.id, outlook);
        if known.is_some() {
            return Ok(Vec::new());
        }
        let told = |observation| MarketEvent {
            feed: FeedId::new(FORECASTER),
            event_time: inputs.time,
            receive_time: now,
            known_at: now,
            observation,
        };
        Ok(vec![told(Observation::Forecast(event)), told(Observation::Regime(reading))])
    }

    /// The artefact to use: the last one while it is fresh, one from the shelf, or a new one; an old one where none
    /// can be trained. Drift that is seen makes it train anew, once.
    fn trained(
        &mut self,
        task: &'static Task,
        set: &FeatureSet,
        (now, drift): (Timestamp, Option<Drift>),
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<&Trained, ForecastFailure> {
        let fresh_from = now.minus(Duration::from_hours(self.config.retrain_hours));
        let answered = self.answered.get(task.id).copied();
        let seen_at = drift.map(|drift| drift.seen_at).filter(|seen_at| answered != Some(*seen_at));
        let is_usable = |trained: &Trained| {
            trained.card.trained_at <= now
                && now < trained.artefact.expires_at
                && trained.artefact.accepts(&set.samples.columns).is_ok()
        };
        let is_fresh = |trained: &Trained| {
            let at = trained.card.trained_at;
            is_usable(trained) && at > fresh_from && seen_at.is_none_or(|seen_at| at > seen_at)
        };
        if !self.trained.get(task.id).is_some_and(is_fresh) {
            let kept = self.shelf.latest(task, &self.config.asset)?;
            let trained = if let Some(trained) = kept.clone().filter(is_fresh) {
                trained
            } else {
                if let (Some(seen_at), Some(Drift { since, .. })) = (seen_at, drift) {
                    tracing::warn!(task = task.id, %since, "live losses drifted; training anew");
                    self.answered.insert(task.id, seen_at);
                }
                let mut go_on =
                    |_, _| if is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                match train(&self.config, task, set, now, &mut go_on) {
                    Ok(trained) => {
                        self.shelf.keep(&trained)?;
                        self.has_trained = true;
                        trained
                    }
                    Err(error) => match kept.filter(|trained| is_usable(trained) && !is_stopped()) {
                        Some(old) => {
                            tracing::warn!(%error, model = old.card.id, "not trained anew; the last one goes on");
                            old
                        }
                        None => return Err(error),
                    },
                }
            };
            self.trained.insert(task.id, trained);
        }
        self.trained.get(task.id).ok_or_else(|| ForecastFailure::Late { target: task.id, at: now })
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
fn last_inputs(
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

fn model_error(task: &'static Task) -> impl Fn(forecast::ForecastError) -> ForecastFailure {
    move |source| ForecastFailure::Model { target: task.id, source: Box::new(source) }
}
