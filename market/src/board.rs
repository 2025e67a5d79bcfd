//! What every front end shows: the state of the watch at one moment.

use std::path::PathBuf;
use std::sync::Arc;

use crate::alert::{Alert, RuleStatus};
use crate::desk::Desk;
use crate::event::MarketEvent;
use crate::feed::{Completeness, FeedHealth, FeedId, FeedState};
use crate::occasion::Occasion;
use crate::outlook::{Outlook, Silence};
use crate::ring::Ring;
use crate::time::Timestamp;
use crate::windows::Totals;

/// Liquidations the tape remembers.
const TAPE: usize = 4_000;
/// Alerts the Board remembers.
const ALERTS: usize = 200;

/// Where the events come from. Shown on every screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real venues.
    Live,
    /// The built-in simulator: nothing shown happened.
    Simulated,
    /// A recording, on its own clock.
    Replay,
}

impl Mode {
    /// `LIVE`, `SIMULATED` or `REPLAY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Simulated => "SIMULATED",
            Self::Replay => "REPLAY",
        }
    }
}

/// How the store is doing.
#[derive(Clone, Debug, Default)]
pub struct StoreHealth {
    /// Where it is; `None` while nothing is kept.
    pub path: Option<PathBuf>,
    /// Sequence number of the last record handed to the journal.
    pub appended: u64,
    /// Sequence number of the last record known to be on disk.
    pub durable: u64,
    /// What went wrong, if writing has stopped.
    pub failure: Option<String>,
}

/// A snapshot of the watch. The hub alone writes it; front ends get it behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Board {
    /// Where the events come from.
    pub mode: Mode,
    /// The moment it describes.
    pub now: Timestamp,
    /// The last liquidations, oldest first.
    pub tape: Ring<Arc<MarketEvent>>,
    /// Sums over the windows.
    pub totals: Totals,
    /// Every configured feed, in configured order.
    pub feeds: Vec<FeedHealth>,
    /// The last alerts, oldest first.
    pub alerts: Ring<Arc<Alert>>,
    /// Every rule, in order of name.
    pub rules: Vec<RuleStatus>,
    /// The store.
    pub store: StoreHealth,
    /// Flows, stocks, coins, contracts and treasuries.
    pub desk: Arc<Desk>,
    /// Dated facts that no feed tells, in order of time: shipped ones and the user's own.
    pub occasions: Arc<[Occasion]>,
    /// What the forecaster says, one for each target; empty while it has nothing to go by.
    pub outlooks: Arc<[Outlook]>,
    /// Targets of the forecaster that have nothing to say.
    pub silences: Arc<[Silence]>,
}

impl Board {
    /// A board on which nothing has happened yet.
    pub fn new(mode: Mode, now: Timestamp) -> Self {
        Self {
            mode,
            now,
            tape: Ring::new(TAPE),
            totals: Totals::default(),
            feeds: Vec::new(),
            alerts: Ring::new(ALERTS),
            rules: Vec::new(),
            store: StoreHealth::default(),
            desk: Arc::default(),
            occasions: Arc::default(),
            outlooks: Arc::default(),
            silences: Arc::default(),
        }
    }

    /// Takes up a feed, in the order in which panels list them.
    pub fn add_feed(&mut self, feed: FeedId, completeness: Completeness) {
        self.feeds.push(FeedHealth::new(feed, completeness));
    }

    /// One feed's health.
    pub fn feed(&self, feed: &FeedId) -> Option<&FeedHealth> {
        self.feeds.iter().find(|health| health.feed == *feed)
    }

    /// One feed's health, to change it.
    pub fn feed_mut(&mut self, feed: &FeedId) -> Option<&mut FeedHealth> {
        self.feeds.iter_mut().find(|health| health.feed == *feed)
    }

    /// Takes an event in.
    pub fn apply(&mut self, event: &Arc<MarketEvent>) {
        self.now = self.now.max(event.receive_time);
        if let Some(gap) = event.observation.gap() {
            if let Some(health) = self.feed_mut(&event.feed) {
                health.note_gap(gap);
            }
            return;
        }
        if event.observation.is_our_own() {
            return;
        }
        if let Some(health) = self.feed_mut(&event.feed) {
            health.events += 1;
            health.last_event = health.last_event.max(Some(event.receive_time));
        }
        if event.observation.liquidation().is_some() {
            self.tape.push(Arc::clone(event));
        }
    }

    /// Notes that a frame of any kind arrived.
    pub fn note_frame(&mut self, feed: &FeedId, at: Timestamp) {
        if let Some(health) = self.feed_mut(feed) {
            health.frames += 1;
        }
        self.note_alive(feed, at);
    }

    /// Notes that the feed's transport proved itself, by a frame or by a keepalive below frames.
    pub fn note_alive(&mut self, feed: &FeedId, at: Timestamp) {
        self.now = self.now.max(at);
        if let Some(health) = self.feed_mut(feed) {
            health.last_frame = health.last_frame.max(Some(at));
        }
    }

    /// Notes a feed's new state. The watch begins when a feed is first live.
    pub fn note_state(&mut self, feed: &FeedId, at: Timestamp, state: FeedState) {
        self.now = self.now.max(at);
        let Some(health) = self.feed_mut(feed) else {
            return;
        };
        if state.is_watching() && health.watched_since.is_none() {
            health.watched_since = Some(at);
        }
        health.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Observation;
    use crate::outlook::{FORECASTER, RegimeReading};

    #[test]
    fn what_the_forecaster_says_counts_in_no_feeds_health() {
        let now: Timestamp = "2026-01-06T12:00:00Z".parse().unwrap();
        let mut board = Board::new(Mode::Live, Timestamp::EPOCH);
        // Even if a feed went by its name.
        board.add_feed(FeedId::new(FORECASTER), Completeness::Complete);
        let reading = RegimeReading {
            target: "vol-24h".into(),
            asset: "BTC".into(),
            regime: 1,
            name: "stormy".into(),
            probabilities: vec![0.25, 0.75],
            since: now,
            model: "m".into(),
        };
        board.apply(&Arc::new(MarketEvent {
            feed: FeedId::new(FORECASTER),
            event_time: now,
            receive_time: now,
            known_at: now,
            observation: Observation::Regime(reading),
        }));
        assert_eq!((board.feeds[0].events, board.feeds[0].last_event), (0, None));
        assert_eq!((board.now, board.tape.is_empty()), (now, true));
    }
}
