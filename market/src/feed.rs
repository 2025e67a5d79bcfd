//! A feed's name, its state and its health.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::event::Gap;
use crate::time::Timestamp;

/// A feed's name, as in `config.toml` and in recordings: `binance-usdm`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeedId(SmolStr);

impl FeedId {
    /// The feed called `name`.
    pub fn new(name: &str) -> Self {
        Self(SmolStr::new(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How much of what happened at the venue its public stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// Every event.
    Complete,
    /// At most one event per symbol per second: sums are a floor.
    Sampled,
    /// An unknown part: sums are a floor.
    Partial,
    /// States rather than events: only the latest of each counts, and none is summed.
    Latest,
}

impl Completeness {
    /// `complete`, `sampled`, `partial` or `latest`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Sampled => "sampled",
            Self::Partial => "partial",
            Self::Latest => "latest",
        }
    }
}

/// What a feed is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// Not started yet.
    Starting,
    /// Opening the connection.
    Connecting,
    /// Connected; waiting for the venue to acknowledge the subscription.
    Subscribing,
    /// Subscribed and fresh.
    Live,
    /// Live, but events wait more than a second for the rest of the program.
    Lagging,
    /// Between two attempts.
    Waiting {
        /// When the next attempt starts.
        until: Timestamp,
    },
    /// HTTP 451: the venue does not serve this region. Tried again slowly.
    RegionBlocked {
        /// When the next attempt starts.
        until: Timestamp,
    },
    /// HTTP 403: the venue's firewall refuses us. Tried again slowly.
    Forbidden {
        /// When the next attempt starts.
        until: Timestamp,
    },
    /// HTTP 429: too many requests.
    RateLimited {
        /// When the venue lets us try again.
        until: Timestamp,
    },
    /// HTTP 418: banned for ignoring earlier limits.
    Banned {
        /// When the venue lets us try again.
        until: Timestamp,
    },
    /// Stopped by something that no retry can mend.
    Failed {
        /// What it was.
        reason: String,
    },
    /// Ended on request, or the recording is over.
    Stopped,
}

impl FeedState {
    /// One or two words for a table cell.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connecting => "connecting",
            Self::Subscribing => "subscribing",
            Self::Live => "live",
            Self::Lagging => "lagging",
            Self::Waiting { .. } => "waiting",
            Self::RegionBlocked { .. } => "451 region",
            Self::Forbidden { .. } => "403 forbidden",
            Self::RateLimited { .. } => "429 limited",
            Self::Banned { .. } => "418 banned",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether events are arriving as they happen.
    pub fn is_watching(&self) -> bool {
        matches!(self, Self::Live | Self::Lagging)
    }

    /// Whether nothing more will come.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Stopped)
    }

    /// When the next attempt starts, where one is planned.
    pub fn retries_at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until }
            | Self::RegionBlocked { until }
            | Self::Forbidden { until }
            | Self::RateLimited { until }
            | Self::Banned { until } => Some(*until),
            Self::Starting
            | Self::Connecting
            | Self::Subscribing
            | Self::Live
            | Self::Lagging
            | Self::Failed { .. }
            | Self::Stopped => None,
        }
    }
}

/// One feed as the desk sees it: transport and data freshness kept apart, every loss counted.
#[derive(Clone, Debug)]
pub struct FeedHealth {
    /// The feed.
    pub feed: FeedId,
    /// Host of the server it listens to; empty for a recording.
    pub source: String,
    /// Whether that server is another than the venue's own: a relay, or a simulator.
    pub is_relayed: bool,
    /// What its public stream is worth.
    pub completeness: Completeness,
    /// What it is doing.
    pub state: FeedState,
    /// When the connection last proved itself, by any frame at all.
    pub last_frame: Option<Timestamp>,
    /// When something last happened at the venue, by our receive time.
    pub last_event: Option<Timestamp>,
    /// Frames received, keepalives included.
    pub frames: u64,
    /// Events decoded from them.
    pub events: u64,
    /// Frames that could not be decoded; each is kept with its reason.
    pub rejected: u64,
    /// Frames known and not wanted.
    pub ignored: u64,
    /// Connections made after the first.
    pub reconnects: u64,
    /// Gaps since the watch began.
    pub gaps: u64,
    /// When the watch over this feed began; before it, nothing is known.
    pub watched_since: Option<Timestamp>,
    /// Gaps of the last day, oldest first; the last one may be open.
    pub recent_gaps: Vec<Gap>,
}

/// Gaps older than this no longer matter to any window.
const GAPS_KEPT: Duration = Duration::from_hours(25);

impl FeedHealth {
    /// A feed that has not started.
    pub fn new(feed: FeedId, completeness: Completeness) -> Self {
        Self {
            feed,
            source: String::new(),
            is_relayed: false,
            completeness,
            state: FeedState::Starting,
            last_frame: None,
            last_event: None,
            frames: 0,
            events: 0,
            rejected: 0,
            ignored: 0,
            reconnects: 0,
            gaps: 0,
            watched_since: None,
            recent_gaps: Vec::new(),
        }
    }

    /// Notes a gap that opened, or closes the open one that began at the same moment.
    pub fn note_gap(&mut self, gap: &Gap) {
        if let Some(known) = self.recent_gaps.iter_mut().find(|known| known.from == gap.from) {
            *known = gap.clone();
            return;
        }
        self.gaps += 1;
        let oldest = gap.from.minus(GAPS_KEPT);
        self.recent_gaps.retain(|known| known.until.is_none_or(|until| until >= oldest));
        self.recent_gaps.push(gap.clone());
    }

    /// The share of the `window` before `now` that was really watched, from 0 to 1.
    ///
    /// Time before the watch began and time inside gaps count as unwatched.
    pub fn coverage(&self, window: Duration, now: Timestamp) -> f64 {
        let Some(since) = self.watched_since else {
            return 0.0;
        };
        if window.is_zero() {
            return 0.0;
        }
        let start = now.minus(window).max(since);
        let mut watched = now.since(start);
        for gap in &self.recent_gaps {
            let until = gap.until.unwrap_or(now).min(now);
            watched = watched.saturating_sub(until.since(gap.from.max(start)));
        }
        watched.as_secs_f64() / window.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::GapCause;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + secs * 1_000_000).expect("in range")
    }

    fn gap(from: i64, until: Option<i64>) -> Gap {
        Gap { from: at(from), until: until.map(at), cause: GapCause::Disconnected, detail: String::new() }
    }

    #[test]
    fn coverage_is_the_share_really_watched() {
        let mut health = FeedHealth::new(FeedId::new("okx"), Completeness::Partial);
        let window = Duration::from_secs(100);
        assert!(health.coverage(window, at(100)).abs() < 1e-12, "never watched");
        health.watched_since = Some(at(50));
        assert!((health.coverage(window, at(100)) - 0.5).abs() < 1e-12);
        health.note_gap(&gap(80, None));
        assert!((health.coverage(window, at(100)) - 0.3).abs() < 1e-12, "open gap");
        health.note_gap(&gap(80, Some(90)));
        assert_eq!(health.gaps, 1, "closing a gap is not a second gap");
        assert!((health.coverage(window, at(100)) - 0.4).abs() < 1e-12);
        assert!((health.coverage(window, at(150)) - 0.9).abs() < 1e-12);
        assert!((health.coverage(window, at(300)) - 1.0).abs() < 1e-12);
    }
}
