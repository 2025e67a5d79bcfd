//! What is to be known of an artefact: what it was trained on, how good it is, and what it cannot do.

use market::Timestamp;
use models::features::FeatureSet;
use models::forecast::live::Expected;
use models::forecast::{Artefact, Evaluation, Protocol, Task};
use serde::{Deserialize, Serialize};

use super::{records, shelf};
use crate::ledger::Digest;

/// Figures of the hash in an id.
const FIGURES: usize = 12;

/// What is to be known of an artefact before its forecasts are believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Target, asset and the first figures of the hash.
    pub id: String,
    /// BLAKE3 of the artefact's file.
    pub hash: Digest,
    /// What it forecasts.
    pub target: String,
    /// Of which asset.
    pub asset: String,
    /// When it was trained.
    pub trained_at: Timestamp,
    /// The first row that it learnt from.
    pub first: Timestamp,
    /// The last row that it learnt from.
    pub last: Timestamp,
    /// From when on it is not used.
    pub expires_at: Timestamp,
    /// Rows that it learnt from.
    pub rows: usize,
    /// BLAKE3 of all rows of features, in order.
    pub data: Digest,
    /// The pairs whose prices it rests on.
    pub prices: Vec<String>,
    /// The features, with their groups.
    pub features: Vec<String>,
    /// How it was walked: windows, refits, seed.
    pub protocol: Protocol,
    /// The program's version.
    pub version: String,
    /// BLAKE3 of the code that fits and forecasts.
    pub code: Digest,
    /// How it did on rows that it had not seen; `None` where nothing could be scored.
    pub evaluation: Option<Evaluation>,
    /// What its walk lost, window by window: what its live forecasts are expected to lose. Empty in cards of before.
    #[serde(default)]
    pub expected: Expected,
    /// What it is known to get wrong.
    pub failures: Vec<String>,
}

impl Card {
    pub(super) fn of(
        task: &Task,
        set: &FeatureSet,
        artefact: &Artefact,
        Scored { protocol, evaluation, expected }: Scored,
        now: Timestamp,
    ) -> Self {
        let hash = Digest::of(shelf::text_of(artefact).as_bytes());
        let mut data = blake3::Hasher::new();
        for row in 0..set.samples.rows() {
            data.update(&set.row_bytes(row).unwrap_or_default());
        }
        let figures: String = hash.to_string().chars().take(FIGURES).collect();
        let column = |column: &models::Column| format!("{} ({})", column.name, column.group.as_str());
        Self {
            id: format!("{}-{}-{figures}", task.id, set.asset.to_lowercase()),
            hash,
            target: task.id.to_owned(),
            asset: set.asset.clone(),
            trained_at: now,
            first: artefact.trained_from,
            last: artefact.trained_through,
            expires_at: artefact.expires_at,
            rows: artefact.rows,
            data: Digest::from_bytes(*data.finalize().as_bytes()),
            prices: set
                .prices
                .iter()
                .map(|used| format!("{} ({} rows)", used.symbol, used.returns))
                .collect(),
            features: set.samples.columns.iter().map(column).collect(),
            protocol,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            code: records::code_digest(),
            failures: failures(artefact, evaluation.as_ref()),
            evaluation,
            expected,
        }
    }
}

/// What a walk has to say of the artefact at its end.
pub(super) struct Scored {
    pub protocol: Protocol,
    pub evaluation: Option<Evaluation>,
    pub expected: Expected,
}

/// What the scores themselves say against the artefact, then what holds for every one of its kind.
fn failures(artefact: &Artefact, evaluation: Option<&Evaluation>) -> Vec<String> {
    let mut failures = Vec::new();
    match evaluation {
        None => failures.push("nothing could be scored yet: its skill is not known".to_owned()),
        Some(evaluation) => {
            for (share, what) in [
                (&evaluation.skill, "the better of base rate and Markov table"),
                (&evaluation.skill_over_margin, "the margin alone"),
            ] {
                if share.low.is_none_or(|low| low <= 0.0) {
                    failures.push(format!("no measurable gain over {what}"));
                }
            }
            if evaluation.flips < 100 {
                let flips = evaluation.flips;
                failures.push(format!("only {flips} changes of regime were scored: intervals are wide"));
            }
        }
    }
    if let Some(at) = artefact.drift {
        failures.push(format!("its losses drifted at {at}"));
    }
    failures.push("windows overlap: neighbouring forecasts share their outcome".to_owned());
    failures.push("a shift without a precedent in the training rows is not foreseen".to_owned());
    failures
}
