//! The pure half of a backfill: what to ask next of a source's past, and what its answers mean.

use market::{Payload, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::protocol::{Ask, DecodeError, Stamped};

/// From a moment, up to and without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Its first moment.
    pub(crate) from: Timestamp,
    /// The first moment after it.
    pub(crate) until: Timestamp,
}

impl Span {
    /// Nothing of the time at `at`.
    pub(crate) fn empty(at: Timestamp) -> Self {
        Self { from: at, until: at }
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(self) -> bool {
        self.from >= self.until
    }

    /// Whether `at` is in it.
    pub(crate) fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Its length in seconds.
    pub(crate) fn secs(self) -> f64 {
        self.until.since(self.from).as_secs_f64()
    }
}

/// One symbol and what is still missing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lane {
    /// What is asked for, in the words of [`super::BackfillRow::symbols`].
    pub(crate) symbol: SmolStr,
    /// What was not told yet; asked for from one end or the other.
    pub(crate) missing: Span,
    /// What cannot be had, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<Lost>,
}

/// A stretch that the source does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// Which.
    pub(crate) span: Span,
    /// Why, in words.
    pub(crate) reason: String,
}

impl Lane {
    /// Gives up what is missing.
    pub(crate) fn lose(&mut self, span: Span, reason: String) {
        let span = match &self.lost {
            None => span,
            Some(Lost { span: known, .. }) => {
                Span { from: known.from.min(span.from), until: known.until.max(span.until) }
            }
        };
        self.lost = Some(Lost { span, reason });
        self.missing = Span::empty(self.missing.until);
    }
}

/// What to do about a lane.
pub(crate) enum Next {
    /// Ask.
    Ask(Ask),
    /// Nothing: it cannot be had, for this reason.
    Skip(String),
}

/// An answer to be understood.
pub(crate) struct Answered<'a> {
    /// A [`Payload::Answer`].
    pub(crate) payload: &'a Payload,
    /// The status, where it was not one of success.
    pub(crate) complaint: Option<&'a str>,
    /// The time.
    pub(crate) now: Timestamp,
}

/// What one answer told.
#[derive(Debug)]
pub(crate) struct Page {
    /// What is to be kept, oldest first.
    pub(crate) told: Vec<Stamped>,
    /// Rows that could not be understood, each with what is wrong with it.
    pub(crate) refused: Vec<String>,
    /// What is missing now.
    pub(crate) left: Left,
}

impl Page {
    /// Everything that was missing was told.
    pub(crate) fn last(told: Vec<Stamped>) -> Self {
        Self { told, refused: Vec::new(), left: Left::Nothing }
    }

    /// The source has nothing, for this reason.
    pub(crate) fn none(reason: impl Into<String>) -> Self {
        Self { told: Vec::new(), refused: Vec::new(), left: Left::Unobtainable(reason.into()) }
    }
}

/// What is missing of a lane after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing.
    Nothing,
    /// This much; all of it, where the source wants to be asked otherwise.
    Span(Span),
    /// All that was missing but what this answer told, and it cannot be had, for this reason.
    Unobtainable(String),
    /// This much, which cannot be had, for this reason.
    Lost(Span, String),
}

/// The pure half of one source. No socket, no clock; whatever is asked and not answered is asked again,
/// so that asking changes nothing.
pub(crate) trait History: Send {
    /// The next request whose answer is needed before any lane can be asked or understood.
    fn next_reference(&mut self) -> Option<Ask> {
        None
    }

    /// Takes in the answer to it.
    ///
    /// # Errors
    /// The answer is not what was asked for.
    fn learn(&mut self, _answer: &Payload) -> Result<(), DecodeError> {
        Ok(())
    }

    /// What to do about the part of `lane` that is missing.
    fn next(&mut self, lane: &Lane) -> Next;

    /// Understands the answer to what [`History::next`] asked.
    ///
    /// # Errors
    /// The answer is not one of this source, or it asks to be asked again.
    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError>;
}
