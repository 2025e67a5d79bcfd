//! What became of the forecasts that were made: read from the ledger, settled by today's features, scored, watched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use market::{Baselines, LiveRecord, LiveScore, Timestamp};
use models::features::FeatureSet;
use models::forecast::Task;
use models::forecast::live::{self, FEWEST_WINDOWS, Outcome};

use super::outlooks::interval;
use super::shelf::Shelf;
use crate::ledger::{self, Body, Digest, Entry, Exact, Ledger, LedgerError, Next};

/// Of the draws behind intervals.
const SEED: u64 = 1;

/// Records that are looked through for what was said already.
const RECENT: usize = 64;

/// Everything that the ledger says was forecast.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Records that were taken in.
    taken: u64,
    /// The last of them.
    recent: VecDeque<Entry>,
    /// The artefacts that records name.
    named: BTreeSet<String>,
    /// By target and asset, then by the moment of decision.
    made: BTreeMap<(String, String), BTreeMap<Timestamp, Made>>,
    /// What is known of artefacts, by id; `None` of those that are gone.
    kept: BTreeMap<String, Option<Kept>>,
}

/// One forecast, as far as it is scored.
#[derive(Clone, Debug)]
struct Made {
    until: Timestamp,
    regime: u8,
    /// Probability and baselines; `None` of an abstention.
    said: Option<(f64, Baselines)>,
    model: String,
    hash: Digest,
}

/// What is to be known of an artefact to settle its forecasts.
#[derive(Clone, Copy, Debug)]
struct Kept {
    boundary: f64,
    trained_at: Timestamp,
}

/// Live losses that rose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drift {
    /// The first forecast of those that lose more.
    pub since: Timestamp,
    /// When that could be known.
    pub seen_at: Timestamp,
}

/// A forecast whose outcome is known.
struct Settled<'a> {
    outcome: Outcome,
    made: &'a Made,
    trained_at: Timestamp,
}

impl Told {
    /// Everything in the ledger of a store; nothing where there is none.
    pub(super) fn of_store(store_dir: &Path) -> Result<Self, LedgerError> {
        let mut told = Self::default();
        match ledger::Reader::open(&ledger::dir_in(store_dir)) {
            Err(LedgerError::NotALedger { .. }) => {}
            reader => told.read(&reader?)?,
        }
        Ok(told)
    }

    /// Takes in what `ledger` has beyond what was taken in: usually nothing, as its one writer took in what it wrote.
    pub(super) fn follow(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let known = self.recent.back().map(|entry| (entry.sequence + 1, entry.hash));
        // Each record holds the hash of the one before: of one last hash everything is the same.
        if ledger.head().map(|head| (head.count, head.hash)) == known {
            return Ok(());
        }
        self.read(&ledger.reader())
    }

    fn read(&mut self, reader: &ledger::Reader) -> Result<(), LedgerError> {
        reader.for_each(|entry| {
            self.take(entry);
            Ok(Next::GoOn)
        })
    }

    /// Where this was said before, word for word, if it was lately.
    pub(super) fn sequence_of(&self, body: &Body) -> Option<u64> {
        self.recent.iter().find(|entry| entry.body == *body).map(|entry| entry.sequence)
    }

    /// Takes in a record that it has not seen yet. Of several of one moment the first that gave a probability counts.
    pub(super) fn take(&mut self, entry: Entry) {
        if entry.sequence < self.taken {
            return;
        }
        self.taken = entry.sequence + 1;
        self.named.insert(entry.body.model.id.clone());
        self.note(&entry.body);
        self.recent.push_back(entry);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn note(&mut self, body: &Body) {
        let answer = &body.answer;
        let Some(regime) = answer.regime else { return };
        let value = |figure: Option<Exact>| figure.map(Exact::value);
        let said = || {
            let baselines = Baselines {
                base: value(answer.base)?,
                markov: value(answer.markov)?,
                margin_only: value(answer.margin_only)?,
            };
            Some((value(answer.probability)?, baselines))
        };
        let made = Made {
            until: body.until,
            regime,
            said: said(),
            model: body.model.id.clone(),
            hash: body.model.hash,
        };
        let of_target = self.made.entry((body.target.clone(), body.asset.clone())).or_default();
        let before = of_target.entry(body.decided_at).or_insert_with(|| made.clone());
        if before.said.is_none() {
            *before = made;
        }
    }

    /// The artefacts that records name: what a replay needs.
    pub(super) fn named(&self) -> &BTreeSet<String> {
        &self.named
    }

    /// Of what was said of `task` by `now`: how many forecasts are pending, and how many abstained.
    pub(super) fn open(&self, task: &Task, asset: &str, now: Timestamp) -> (usize, usize) {
        let of_target = self.made.get(&(task.id.to_owned(), asset.to_owned()));
        let made = || of_target.into_iter().flat_map(|made| made.range(..=now)).map(|(_, made)| made);
        let pending = made().filter(|made| made.said.is_some() && made.until > now).count();
        (pending, made().filter(|made| made.said.is_none()).count())
    }

    /// How the forecasts of `task` did that were made by the last row of `set`, and whether they drift.
    pub(super) fn record(
        &mut self,
        task: &Task,
        set: &FeatureSet,
        artefacts: &Shelf,
        drift_delta: f64,
    ) -> (LiveRecord, Option<Drift>) {
        let Some(&now) = set.samples.times.last() else { return (LiveRecord::default(), None) };
        let (pending, abstained) = self.open(task, &set.asset, now);
        let mut record = LiveRecord { pending, abstained, ..LiveRecord::default() };
        let Self { made, kept, .. } = self;
        let Some(made) = made.get(&(task.id.to_owned(), set.asset.clone())) else { return (record, None) };
        let mut settled = Vec::new();
        for (&time, made) in made.range(..=now) {
            let Some((probability, baselines)) = made.said.filter(|_| made.until <= now) else { continue };
            let kept = kept.entry(made.model.clone()).or_insert_with(|| read(artefacts, made));
            let level = set.samples.times.binary_search(&made.until).ok();
            let level = level.and_then(|row| set.samples.level.get(row).copied().flatten());
            let Some((level, kept)) = level.zip(*kept) else {
                record.unknown += 1;
                continue;
            };
            let shifted = u8::from(level > kept.boundary) != made.regime;
            let baselines = models::forecast::Baselines {
                base: baselines.base,
                markov: baselines.markov,
                margin_only: baselines.margin_only,
            };
            let outcome = Outcome { time, probability, baselines, shifted };
            settled.push(Settled { outcome, made, trained_at: kept.trained_at });
        }
        let outcomes: Vec<Outcome> = settled.iter().map(|settled| settled.outcome).collect();
        record.score = live::LiveScore::of(&outcomes, task.horizon, SEED).ok().as_ref().map(score);
        let drift = drift(&settled, task.horizon, drift_delta, artefacts);
        record.drift = drift.map(|drift| drift.since);
        (record, drift)
    }
}

fn read(shelf: &Shelf, made: &Made) -> Option<Kept> {
    let kept = || {
        let card = shelf.card(&made.model)?;
        let boundary = shelf.boundary(&card, made.hash)?;
        Ok::<_, super::ShelfError>(Kept { boundary, trained_at: card.trained_at })
    };
    match kept() {
        Ok(kept) => Some(kept),
        Err(error) => {
            tracing::warn!(%error, "what became of forecasts cannot be told without their artefact");
            None
        }
    }
}

/// The last drift found, while it stands. Each finding ends a stretch; the next one begins with the forecasts of an
/// artefact that was trained since, and is compared with what that one's walk lost.
fn drift(settled: &[Settled<'_>], horizon: usize, delta: f64, shelf: &Shelf) -> Option<Drift> {
    let mut stretch = settled;
    let mut found = None;
    while let Some(first) = stretch.first() {
        let expected = shelf.card(&first.made.model).map(|card| card.expected).unwrap_or_default();
        let outcomes: Vec<Outcome> = stretch.iter().map(|settled| settled.outcome).collect();
        let Some(rise) = expected.rise(&outcomes, horizon, delta) else {
            if stretch.len() >= FEWEST_WINDOWS * horizon {
                found = None;
            }
            break;
        };
        let seen_at = stretch[rise.seen].made.until;
        found = Some(Drift { since: stretch[rise.since].outcome.time, seen_at });
        let is_after =
            |settled: &Settled<'_>| settled.outcome.time >= seen_at && settled.trained_at > seen_at;
        let Some(next) = stretch.iter().position(is_after) else { break };
        stretch = &stretch[next..];
    }
    found
}

fn score(score: &live::LiveScore) -> LiveScore {
    LiveScore {
        n: score.n,
        shifts: score.shifts,
        from: score.from,
        to: score.to,
        log_loss: score.log_loss.model,
        baselines: Baselines {
            base: score.log_loss.base,
            markov: score.log_loss.markov,
            margin_only: score.log_loss.margin_only,
        },
        skill: interval(&score.skill),
        over_margin: interval(&score.skill_over_margin),
    }
}
