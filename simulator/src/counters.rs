//! What really happened, what each venue told of it, and what became of what was told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::venue::Venue;

/// One venue's counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Liquidations that happened.
    pub happened: u64,
    /// Liquidations that the venue's stream tells of; the rest falls to its throttle.
    pub told: u64,
    /// Different liquidations written, well formed, to the socket of at least one connection that
    /// subscribed to them. A client that reads on gets them; one cut off in mid-frame may not.
    pub sent: u64,
    /// Data frames written, repeats and malformed ones included.
    pub frames: u64,
    /// Data frames written a second time on purpose.
    pub repeated: u64,
    /// Data frames written after the one that followed them.
    pub reordered: u64,
    /// Data frames written broken on purpose.
    pub malformed: u64,
    /// Data frames that fell into a silence and were never written.
    pub withheld: u64,
    /// WebSocket connections accepted.
    pub connections: u64,
    /// Upgrades refused with an HTTP status.
    pub refused: u64,
    /// Connections dropped abruptly on purpose.
    pub dropped: u64,
    /// Connections ended because the client did not read.
    pub evicted: u64,
}

/// The live counts of a running simulator; clones share them, and they outlive it.
#[derive(Clone, Debug)]
pub struct Counters(Arc<[Tallies]>);

#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) happened: AtomicU64,
    pub(crate) told: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) reordered: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) withheld: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) evicted: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self(Venue::all().map(|_| Tallies::default()).collect())
    }
}

impl Counters {
    /// One venue's counts now.
    pub fn of(&self, venue: Venue) -> Counts {
        let tallies = self.tallies(venue);
        let read = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        Counts {
            happened: read(&tallies.happened),
            told: read(&tallies.told),
            sent: read(&tallies.sent),
            frames: read(&tallies.frames),
            repeated: read(&tallies.repeated),
            reordered: read(&tallies.reordered),
            malformed: read(&tallies.malformed),
            withheld: read(&tallies.withheld),
            connections: read(&tallies.connections),
            refused: read(&tallies.refused),
            dropped: read(&tallies.dropped),
            evicted: read(&tallies.evicted),
        }
    }

    /// Different liquidations written to at least one connection, by venue id.
    pub fn sent(&self) -> BTreeMap<&'static str, u64> {
        Venue::all().map(|venue| (venue.id(), self.of(venue).sent)).collect()
    }

    pub(crate) fn tallies(&self, venue: Venue) -> &Tallies {
        &self.0[venue.index()]
    }
}

pub(crate) fn count(tally: &AtomicU64) {
    tally.fetch_add(1, Ordering::Relaxed);
}
