//! What a backfill came to.

use market::Timestamp;
use serde::Serialize;
use serde::ser::Serializer;
use smol_str::SmolStr;

use super::history::Span;

/// Refused rows that are named; the others are counted.
pub(super) const MOST_REFUSALS: usize = 20;

/// What one source's backfill came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackfillReport {
    /// The source.
    pub source: &'static str,
    /// The feed under which its events are kept.
    pub feed: &'static str,
    /// The first moment wanted.
    #[serde(serialize_with = "rfc3339")]
    pub from: Timestamp,
    /// The first moment no longer wanted, or not over yet.
    #[serde(rename = "to", serialize_with = "rfc3339")]
    pub until: Timestamp,
    /// Requests sent.
    pub asked: u64,
    /// Requests answered, in whatever words.
    pub answered: u64,
    /// Events told.
    pub events: u64,
    /// Those that the store did not hold.
    pub new: u64,
    /// Rows that could not be understood.
    pub refused: u64,
    /// The first of them, each with what is wrong with it.
    pub refusals: Vec<String>,
    /// Whether everything that was wanted is told and settled.
    pub complete: bool,
    /// What was not had, by symbol.
    pub skipped: Vec<Skipped>,
    /// Why the run ended before its time.
    pub failed: Option<String>,
}

impl BackfillReport {
    /// Whether requests were sent and not one was answered.
    pub fn is_unreachable(&self) -> bool {
        self.asked > 0 && self.answered == 0
    }
}

/// A stretch that was not had.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skipped {
    /// Of what.
    pub symbol: SmolStr,
    /// Its first moment.
    #[serde(serialize_with = "rfc3339")]
    pub from: Timestamp,
    /// The first moment after it.
    #[serde(rename = "to", serialize_with = "rfc3339")]
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

impl Skipped {
    pub(super) fn new(symbol: &SmolStr, span: Span, reason: &str) -> Self {
        let Span { from, until } = span;
        Self { symbol: symbol.clone(), from, until, reason: reason.to_owned() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over so")]
fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
