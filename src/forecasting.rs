//! When to fit and when to forecast: from the store's words to artefacts, forecasts, the ledger and the screen.
//!
//! One pass asks, for each target, whether a new moment of decision has come. If so: features as known then, an
//! artefact (trained anew when the last one is due), a forecast that is a pure function of the two, a record in
//! the ledger, and only then an event and an outlook for the screen. A target that cannot speak says why.

mod cards;
mod config;
mod failure;
mod history;
mod live;
mod looks;
mod outlooks;
pub mod past;
mod pruning;
mod records;
mod shelf;
#[cfg(test)]
mod tests;
mod training;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market::{FORECASTER, FeedId, Grid, LiveRecord, MarketEvent, Observation, Outlook, Silence, Timestamp};
use models::features::{self, FeatureSet};
use models::forecast::Task;

pub use self::cards::Card;
pub use self::config::ForecastConfig;
pub use self::failure::ForecastFailure;
pub use self::history::read as read_history;
use self::live::{Drift, Told};
pub use self::pruning::{Pruning, prune};
pub use self::records::Replayer;
pub use self::shelf::{Shelf, ShelfError, Spare, Stock};
pub use self::training::{Trained, feature_set, train};
use self::training::{last_inputs, model_error};
use crate::ledger::{self, Ledger};

/// What a pass has to tell at one moment.
#[derive(Debug, Default)]
pub struct Said {
    /// Forecasts and readings that are new, made durable by whoever takes them.
    pub events: Vec<MarketEvent>,
    /// What there is to show of each target that has spoken, in the configuration's order.
    pub outlooks: Vec<Outlook>,
    /// Targets that have nothing to say, and why.
    pub silences: Vec<Silence>,
}

impl Said {
    /// Takes in what is told later: events add up, and of what there is to show the later stands.
    pub fn add(&mut self, later: Self) {
        self.events.extend(later.events);
        (self.outlooks, self.silences) = (later.outlooks, later.silences);
    }
}

/// The forecaster of one store.
pub struct Forecaster {
    config: ForecastConfig,
    store_dir: PathBuf,
    shelf: Shelf,
    trained: BTreeMap<&'static str, Trained>,
    /// The last outlook of each target.
    outlooks: BTreeMap<&'static str, Outlook>,
    /// Why each of the others has none.
    silences: BTreeMap<&'static str, Silence>,
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
            silences: BTreeMap::new(),
            told: Told::default(),
            has_trained: false,
            answered: BTreeMap::new(),
        }
    }

    /// What it runs on.
    pub fn config(&self) -> &ForecastConfig {
        &self.config
    }

    /// Whether a pass at `now` may say what one at `before` could not: a target's own moment of decision has come, or it
    /// had nothing to say of its last one, and there is more of the past (`has_news`) or another hour's bars.
    pub fn is_due(&self, before: Timestamp, now: Timestamp, has_news: bool) -> bool {
        let has_news = has_news || Grid::Hourly.last_decision(before) < Grid::Hourly.last_decision(now);
        self.config.tasks().any(|task| {
            let last = market::target(task.id).and_then(|target| target.grid.last_decision(now));
            let said = self.outlooks.get(task.id).map(|outlook| outlook.made_at);
            last.is_some() && said < last && (has_news || Some(before) < last)
        })
    }

    /// Forecasts whatever is due at `now`, and writes it down: target by target, in the configuration's order. Each is
    /// told with all that stands as soon as its own record is in the ledger, so that no fit of a later one holds it up.
    /// A fit that is under way ends when `is_stopped` says so, and with it the pass.
    ///
    /// # Errors
    /// The store cannot be read or the ledger not written. A target that cannot be forecast is a silence.
    pub fn pass(
        &mut self,
        now: Timestamp,
        is_stopped: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(Said),
    ) -> Result<(), ForecastFailure> {
        let history = history::read(&self.store_dir, &self.config.asset, now)?;
        let mut ledger = Ledger::open(&ledger::dir_in(&self.store_dir), now)?;
        self.told.follow(&ledger)?;
        for task in self.config.clone().tasks() {
            match self.speak(task, &history, &mut ledger, now, is_stopped) {
                Ok(None) => {}
                Ok(Some(events)) => tell(self.standing(events, &ledger)),
                Err(error @ (ForecastFailure::Ledger(_) | ForecastFailure::Store(_))) => return Err(error),
                Err(_) if is_stopped() => return Ok(()),
                Err(error) => {
                    self.outlooks.remove(task.id);
                    let silence = Silence { target: task.id.into(), reason: error.to_string() };
                    self.silences.insert(task.id, silence);
                    tell(self.standing(Vec::new(), &ledger));
                }
            }
        }
        if std::mem::take(&mut self.has_trained)
            && let Err(error) = self.prune()
        {
            tracing::warn!(%error, "artefacts that nobody needs are still there");
        }
        Ok(())
    }

    /// What there is to show of every target now, beside events that are new.
    fn standing(&self, events: Vec<MarketEvent>, ledger: &Ledger) -> Said {
        let head = ledger.head().map(records::head);
        let outlook = |task: &Task| {
            let outlook = self.outlooks.get(task.id)?.clone();
            Some(Outlook { ledger: head.clone(), ..outlook })
        };
        Said {
            events,
            outlooks: self.config.tasks().filter_map(outlook).collect(),
            silences: self.config.tasks().filter_map(|task| self.silences.get(task.id).cloned()).collect(),
        }
    }

    /// One target's forecast, if its moment has come, with the events that are new; none where it has spoken of it.
    fn speak(
        &mut self,
        task: &'static Task,
        history: &features::History,
        ledger: &mut Ledger,
        now: Timestamp,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<MarketEvent>>, ForecastFailure> {
        let set = feature_set(task, history, &self.config.asset, now)?;
        let (row, inputs) = last_inputs(task, &set, now)?;
        if self.outlooks.get(task.id).is_some_and(|outlook| outlook.made_at == inputs.time) {
            return Ok(None);
        }
        let (live, drift) = self.told.record(task, &set, &self.shelf, self.config.drift_delta);
        let trained = self.trained(task, &set, (now, drift), is_stopped)?.clone();
        let answer = trained.artefact.forecast(&inputs).map_err(model_error(task))?;
        let asset = self.config.asset.as_str();
        let mut event = outlooks::forecast(task, asset, &trained, &answer, inputs.time);
        let body = records::body(&event, &inputs, &set, row, &trained, &self.config);
        // What an earlier run said of this moment, word for word, is on record already.
        let known = self.told.sequence_of(&body);
        event.sequence = if let Some(sequence) = known {
            sequence
        } else {
            // A record that cannot be replayed is none: the artefact may have gone since it was trained.
            self.shelf.hold(&trained)?;
            let entry = ledger.append(body, now)?;
            let sequence = entry.sequence;
            self.told.take(entry);
            sequence
        };
        let outlook = outlooks::outlook(task, asset, &trained, &answer, &set, event.clone(), now);
        // This forecast is one of them by now.
        let (pending, abstained) = self.told.open(task, asset, inputs.time);
        let outlook = Outlook { live: LiveRecord { pending, abstained, ..live }, ..outlook };
        let reading = outlook.reading.clone();
        self.outlooks.insert(task.id, outlook);
        self.silences.remove(task.id);
        if known.is_some() {
            return Ok(Some(Vec::new()));
        }
        let told = |observation| MarketEvent {
            feed: FeedId::new(FORECASTER),
            event_time: inputs.time,
            receive_time: now,
            known_at: now,
            observation,
        };
        Ok(Some(vec![told(Observation::Forecast(event)), told(Observation::Regime(reading))]))
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
