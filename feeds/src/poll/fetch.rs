//! Where answers come from: the seam between the runner and HTTP, or the user's node.

use std::future::Future;

use bytes::Bytes;
use market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::protocol::Ask;
use crate::watch::failure::Ended;

/// Gets one answer.
pub(crate) trait Fetch: Send {
    /// Asks once. The future bears being dropped.
    ///
    /// # Errors
    /// [`Ended::Failed`] where the source as a whole cannot be asked now, which ends the round: not
    /// reachable ([`market::GapCause::Unreachable`], tried again after the backoff), or refusing us.
    /// [`Ended::Fatal`] where no later attempt can mend it: a refused key, an impossible URL.
    fn fetch(&mut self, question: Question<'_>) -> impl Future<Output = Result<Answer, Ended>> + Send;
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The ask.
    pub(crate) ask: &'a Ask,
    /// What the source said of its last answer to the same ask; empty where it need not be known.
    pub(crate) validators: &'a Validators,
    /// The time.
    pub(crate) now: Timestamp,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The source says that its last answer still stands.
    Unchanged,
    /// A body to be decoded.
    Body(Body),
    /// No answer to this ask, for this reason; others may go better.
    None(String),
}

/// A body, and what was said with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// The status, where it was not one of success: `HTTP 404 Not Found`.
    pub(crate) complaint: Option<String>,
    /// For asking again.
    pub(crate) validators: Validators,
}

/// What a source gives with an answer, so that it need not give the same answer twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    /// Its `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// Its `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<String>,
}
