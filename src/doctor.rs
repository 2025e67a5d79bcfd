//! Checks everything that a watch rests on, and says what to do where something is amiss.
//!
//! Feeds are checked with the very runner that watches them, against the servers that are configured:
//! name, connection, subscription, first frame, clock. Nothing is kept.

mod feed;
mod machine;

use serde::Serialize;

pub use feed::examine_feeds;
pub use machine::{examine_disk, examine_store, examine_terminal};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and might surprise.
    Warn,
    /// Does not work.
    Fail,
}

impl Verdict {
    /// A word of fixed width, so that colour is not needed to tell them apart.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok  ",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What it belongs to: a feed's name, `store`, `disk`, `terminal`, `clock`.
    pub of: String,
    /// What was looked at: `dns`, `connect`, `subscribe`, `first frame`, …
    pub what: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found, with figures and units.
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: String,
}

impl Check {
    fn ok(of: &str, what: &'static str, found: impl Into<String>) -> Self {
        Self { of: of.to_owned(), what, verdict: Verdict::Ok, found: found.into(), remedy: String::new() }
    }

    fn warn(of: &str, what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, remedy: remedy.into(), ..Self::ok(of, what, found) }
    }

    fn fail(of: &str, what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, remedy: remedy.into(), ..Self::ok(of, what, found) }
    }
}
