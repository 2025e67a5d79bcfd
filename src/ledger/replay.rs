//! Makes a forecast again from what its record holds, and compares every bit.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::ScopedJoinHandle;

use super::entry::{Answer, Entry};
use super::words::{Digest, Exact};

/// Makes forecasts from stored inputs: the engine behind it loads the artefact that the record names, by its hash.
pub trait Forecaster {
    /// What the artefact says to the record's inputs, and to nothing else.
    ///
    /// # Errors
    /// In words: the artefact is not there, is another one, or cannot take these inputs.
    fn answer(&self, entry: &Entry) -> Result<Answer, String>;
}

/// A field that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The answer's field.
    pub field: &'static str,
    /// What the record says.
    pub recorded: String,
    /// What was computed now.
    pub computed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, recorded, computed } = self;
        write!(f, "{field}: recorded {recorded}, computed {computed}")
    }
}

/// What came of making a forecast again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many times it was made.
    pub times: u64,
    /// How often each answer came, by its hash. One entry means that all were the same.
    pub answers: BTreeMap<Digest, u64>,
    /// The recorded answer's hash.
    pub recorded: Digest,
    /// How the first answer that is not the recorded one differs; empty where all are the recorded one.
    pub differences: Vec<Difference>,
}

impl Replayed {
    /// Whether every answer was the recorded one, to the bit.
    pub fn is_exact(&self) -> bool {
        self.differences.is_empty() && self.answers.keys().eq([&self.recorded])
    }
}

/// Why a forecast cannot be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence} cannot be replayed: {problem}")]
pub struct ReplayError {
    /// The record.
    pub sequence: u64,
    /// Why.
    pub problem: String,
}

/// Makes the forecast of `entry` again, once.
///
/// # Errors
/// The forecaster cannot.
pub fn replay(entry: &Entry, forecaster: &dyn Forecaster) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::none(entry);
    replayed.take(entry, &answer(entry, forecaster)?);
    Ok(replayed)
}

/// Makes the forecast of `entry` again `times` times, on `threads` threads at once; at least once, on at least one.
///
/// # Errors
/// The forecaster cannot, or panics.
pub fn replay_many(
    entry: &Entry,
    forecaster: &(dyn Forecaster + Sync),
    times: u64,
    threads: u64,
) -> Result<Replayed, ReplayError> {
    let times = times.max(1);
    let threads = threads.clamp(1, times);
    let share = |thread: u64| times / threads + u64::from(thread < times % threads);
    let work = |thread: u64| {
        let mut replayed = Replayed::none(entry);
        for _ in 0..share(thread) {
            replayed.take(entry, &answer(entry, forecaster)?);
        }
        Ok(replayed)
    };
    let parts = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        // Every thread is waited for before any failure is told: a scope passes on the panics of those that are not.
        let ended: Vec<_> = running.into_iter().map(ScopedJoinHandle::join).collect();
        let panicked =
            |_| ReplayError { sequence: entry.sequence, problem: "the forecast panicked".to_owned() };
        ended.into_iter().map(|outcome| outcome.map_err(panicked)?).collect::<Result<Vec<_>, _>>()
    })?;
    let mut all = Replayed::none(entry);
    for part in parts {
        all.times += part.times;
        for (hash, count) in part.answers {
            *all.answers.entry(hash).or_default() += count;
        }
        if all.differences.is_empty() {
            all.differences = part.differences;
        }
    }
    Ok(all)
}

fn answer(entry: &Entry, forecaster: &dyn Forecaster) -> Result<Answer, ReplayError> {
    forecaster.answer(entry).map_err(|problem| ReplayError { sequence: entry.sequence, problem })
}

impl Replayed {
    fn none(entry: &Entry) -> Self {
        let recorded = entry.body.answer.digest();
        Self { times: 0, answers: BTreeMap::new(), recorded, differences: Vec::new() }
    }

    fn take(&mut self, entry: &Entry, answer: &Answer) {
        self.times += 1;
        *self.answers.entry(answer.digest()).or_default() += 1;
        if self.differences.is_empty() {
            self.differences = compare(&entry.body.answer, answer);
        }
    }
}

/// Field by field, in the order of the record.
fn compare(recorded: &Answer, computed: &Answer) -> Vec<Difference> {
    let words = |figure: Option<Exact>| {
        figure.map_or_else(|| "nothing".to_owned(), |exact| format!("{} ({exact})", exact.value()))
    };
    let pairs = recorded.figures().into_iter().zip(computed.figures());
    let figures = pairs.map(|((field, ours), (_, theirs))| (field, words(ours), words(theirs)));
    let others = [
        ("regime", format!("{:?}", recorded.regime), format!("{:?}", computed.regime)),
        ("regimes", format!("{:?}", recorded.regimes), format!("{:?}", computed.regimes)),
        ("abstained", format!("{:?}", recorded.abstained), format!("{:?}", computed.abstained)),
    ];
    figures
        .chain(others)
        .filter(|(_, recorded, computed)| recorded != computed)
        .map(|(field, recorded, computed)| Difference { field, recorded, computed })
        .collect()
}
