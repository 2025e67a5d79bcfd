//! The signs of life of a feed that asks, told while it waits for whatever it waits for.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use market::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::watch::FeedMessage;
use crate::watch::failure::Ended;
use crate::watch::outlet::Outlet;

/// Whether a feed is live, and when its source last proved that it can be asked.
pub(super) struct Pulse<'o> {
    outlet: &'o Outlet,
    every: Duration,
    next_beat: Instant,
    is_live: bool,
    proved_at: Timestamp,
}

impl<'o> Pulse<'o> {
    /// Not live yet; beats `every` so often once it is.
    pub(super) fn new(outlet: &'o Outlet, every: Duration) -> Self {
        Self { outlet, every, next_beat: Instant::now(), is_live: false, proved_at: outlet.now() }
    }

    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    pub(super) fn start(&mut self) {
        self.is_live = true;
        self.next_beat = Instant::now();
    }

    pub(super) fn stop(&mut self) {
        self.is_live = false;
    }

    /// Notes that the source gave a good answer `at` that moment.
    pub(super) fn prove(&mut self, at: Timestamp) {
        self.proved_at = at;
    }

    /// When the source last gave a good answer; when the feed started, until it has.
    pub(super) fn proved_at(&self) -> Timestamp {
        self.proved_at
    }

    /// When the next sign of life is due.
    pub(super) fn next_beat(&self) -> Instant {
        self.next_beat
    }

    /// Gives a sign of life, where one is due.
    pub(super) async fn tend(&mut self) -> Result<(), Ended> {
        if Instant::now() < self.next_beat {
            return Ok(());
        }
        self.next_beat = Instant::now() + self.every;
        if self.is_live { self.beat().await } else { Ok(()) }
    }

    /// Gives a sign of life.
    pub(super) async fn beat(&self) -> Result<(), Ended> {
        self.outlet.note_room();
        let message = FeedMessage::Alive { feed: self.outlet.feed().clone(), at: self.proved_at };
        self.outlet.send(message).await.map(drop)
    }

    /// What `work` gives, with signs of life meanwhile, unless the feed is stopped first; `work` must
    /// bear being dropped.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Ended> {
        let mut work = pin!(work);
        let mut stopped = pin!(self.outlet.stopped());
        loop {
            self.tend().await?;
            tokio::select! {
                biased;
                () = &mut stopped => return Err(Ended::Stopped),
                done = &mut work => return Ok(done),
                () = sleep_until(self.next_beat) => {}
            }
        }
    }
}
