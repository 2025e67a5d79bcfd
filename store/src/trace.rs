//! What a store remembers of each feed's watch: when it was alive, and the gap it is in.

use std::collections::BTreeMap;

use market::{FeedId, Gap, GapCause, MarketEvent, Observation, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::Entry;

/// One feed's watch, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedTrace {
    /// The first moment at which it is known to have watched.
    pub first_alive: Timestamp,
    /// The last moment at which it is known to have watched.
    pub last_alive: Timestamp,
    /// The gap it is in, if it is in one.
    pub open_gap: Option<Gap>,
}

/// The watch of every feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Traces(pub(crate) BTreeMap<FeedId, FeedTrace>);

impl Traces {
    /// Takes a record in.
    pub(crate) fn fold(&mut self, entry: &Entry) {
        match entry {
            Entry::Frame { frame, .. } => self.alive(&frame.feed, frame.receive_time),
            Entry::Alive { feed, at } => self.alive(feed, *at),
            Entry::Gap(event) => self.gap(event),
            Entry::Alert(_) | Entry::Damage(_) | Entry::Batch { .. } => {}
        }
    }

    fn alive(&mut self, feed: &FeedId, at: Timestamp) {
        match self.0.get_mut(feed) {
            Some(trace) => {
                trace.first_alive = trace.first_alive.min(at);
                trace.last_alive = trace.last_alive.max(at);
            }
            None => {
                self.0.insert(feed.clone(), FeedTrace { first_alive: at, last_alive: at, open_gap: None });
            }
        }
    }

    fn gap(&mut self, event: &MarketEvent) {
        let Some(gap) = event.observation.gap() else { return };
        self.alive(&event.feed, gap.until.unwrap_or(gap.from));
        let Some(trace) = self.0.get_mut(&event.feed) else {
            return;
        };
        match gap.until {
            None => trace.open_gap = Some(gap.clone()),
            Some(_) if trace.open_gap.as_ref().is_some_and(|open| open.from == gap.from) => {
                trace.open_gap = None;
            }
            Some(_) => {}
        }
    }
}

/// Unreadable stretches of the journal, turned into gaps of the feeds that were being watched.
#[derive(Debug)]
pub(crate) struct Holes {
    /// When they were found.
    now: Timestamp,
    /// Since when each feed's watch is unknown, until a record shows it alive again.
    pending: BTreeMap<FeedId, Pending>,
    /// For feeds that first appear after a hole: the earliest moment the hole may reach back to.
    unknown_from: Option<(Timestamp, String)>,
    gaps: Vec<MarketEvent>,
}

#[derive(Debug)]
struct Pending {
    from: Timestamp,
    /// The gap that was open when the hole began: its end may be in the hole.
    open: Option<Gap>,
    detail: String,
}

impl Holes {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { now, pending: BTreeMap::new(), unknown_from: None, gaps: Vec::new() }
    }

    /// Notes that records are missing after everything that `traces` has taken in.
    pub(crate) fn open(&mut self, traces: &Traces, created: Option<Timestamp>, detail: &str) {
        for (feed, trace) in &traces.0 {
            self.pending.entry(feed.clone()).or_insert_with(|| Pending {
                from: trace.last_alive,
                open: trace.open_gap.clone(),
                detail: detail.to_owned(),
            });
        }
        if let (Some(created), None) = (created, &self.unknown_from) {
            self.unknown_from = Some((created, detail.to_owned()));
        }
    }

    /// Sees the next readable record, before `traces` (which then takes `closed` in as well).
    pub(crate) fn pass(&mut self, entry: &Entry, traces: &mut Traces) {
        match entry {
            Entry::Frame { frame, .. } => self.seen(&frame.feed, frame.receive_time, Proof::Frame, traces),
            Entry::Alive { feed, at } => self.seen(feed, *at, Proof::Live, traces),
            Entry::Gap(event) => self.gap(event, traces),
            Entry::Alert(_) | Entry::Damage(_) | Entry::Batch { .. } => {}
        }
    }

    fn gap(&mut self, event: &MarketEvent, traces: &mut Traces) {
        let Some(gap) = event.observation.gap() else { return };
        let open = self.pending.get(&event.feed).and_then(|pending| pending.open.as_ref());
        if open.is_some_and(|open| open.from == gap.from) {
            // The gap that was open before the hole reaches across it.
            if gap.until.is_some() {
                self.pending.remove(&event.feed);
            }
            return;
        }
        // A gap begins where its feed was last watching, so it was.
        self.seen(&event.feed, gap.from, Proof::Live, traces);
    }

    fn seen(&mut self, feed: &FeedId, at: Timestamp, proof: Proof, traces: &mut Traces) {
        if !self.pending.contains_key(feed) && !traces.0.contains_key(feed) {
            if let Some((from, detail)) = &self.unknown_from
                && *from < at
            {
                let gap = damaged(self.now, feed, *from, Some(at), detail);
                self.gaps.push(gap);
            }
            return;
        }
        let Some(pending) = self.pending.get(feed) else {
            return;
        };
        if pending.open.is_some() && proof == Proof::Frame {
            // A gap is open: frames come while a subscription is still being made. Wait for life.
            return;
        }
        let Some(pending) = self.pending.remove(feed) else {
            return;
        };
        let gap = match pending.open {
            Some(open) => event(self.now, feed, Gap { until: Some(at.max(open.from)), ..open }),
            None if at <= pending.from => return,
            None => damaged(self.now, feed, pending.from, Some(at), &pending.detail),
        };
        traces.fold(&Entry::Gap(gap.clone()));
        self.gaps.push(gap);
    }

    /// The gaps to record; those of feeds that never showed life again stay open.
    pub(crate) fn finish(mut self, traces: &mut Traces) -> Vec<MarketEvent> {
        for (feed, pending) in std::mem::take(&mut self.pending) {
            if traces.0.get(&feed).is_some_and(|trace| trace.open_gap.is_none()) {
                let gap = damaged(self.now, &feed, pending.from, None, &pending.detail);
                traces.fold(&Entry::Gap(gap.clone()));
                self.gaps.push(gap);
            }
        }
        self.gaps
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Bytes came.
    Frame,
    /// The feed was live.
    Live,
}

fn damaged(
    now: Timestamp,
    feed: &FeedId,
    from: Timestamp,
    until: Option<Timestamp>,
    detail: &str,
) -> MarketEvent {
    event(now, feed, Gap { from, until, cause: GapCause::JournalDamaged, detail: detail.to_owned() })
}

fn event(now: Timestamp, feed: &FeedId, gap: Gap) -> MarketEvent {
    MarketEvent {
        feed: feed.clone(),
        event_time: gap.from,
        receive_time: now,
        known_at: now,
        observation: Observation::Gap(gap),
    }
}
