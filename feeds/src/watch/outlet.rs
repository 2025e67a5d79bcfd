//! Where a feed's messages leave it, in order and stamped with a time that never runs backwards.
//!
//! The channel is bounded. When it is full the feed waits, and while it waits it does not read its
//! socket: the venue feels the pressure through TCP, and nothing is dropped here.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use market::{Clock, FeedId, FeedState, Timestamp};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::FeedMessage;
use super::failure::Ended;
use super::timing::Timing;

/// The way out of one feed, shared by its connections.
pub(crate) struct Outlet {
    feed: FeedId,
    clock: Arc<dyn Clock>,
    out: mpsc::Sender<FeedMessage>,
    cancel: CancellationToken,
    lag_after: Duration,
    stop_within: Duration,
    latest_micros: AtomicI64,
    clock_stepped_back: AtomicBool,
    pace: AtomicU8,
}

/// Not live: a wait for room is nobody's news.
const ELSEWHERE: u8 = 0;
/// Live, and the channel has room.
const FLOWING: u8 = 1;
/// Live, and the channel was full for too long.
const LAGGING: u8 = 2;

impl Outlet {
    pub(crate) fn new(
        feed: FeedId,
        clock: Arc<dyn Clock>,
        out: mpsc::Sender<FeedMessage>,
        cancel: CancellationToken,
        timing: &Timing,
    ) -> Self {
        Self {
            feed,
            clock,
            out,
            cancel,
            lag_after: timing.lag_after,
            stop_within: timing.stop_within,
            latest_micros: AtomicI64::new(0),
            clock_stepped_back: AtomicBool::new(false),
            pace: AtomicU8::new(ELSEWHERE),
        }
    }

    pub(crate) fn feed(&self) -> &FeedId {
        &self.feed
    }

    /// The clock's time, or the latest one it showed where it stepped back.
    pub(crate) fn now(&self) -> Timestamp {
        let shown = self.clock.now();
        let latest = self.latest_micros.fetch_max(shown.as_micros(), Ordering::Relaxed);
        if latest <= shown.as_micros() {
            return shown;
        }
        let latest = Timestamp::from_micros(latest).unwrap_or(shown);
        if !self.clock_stepped_back.swap(true, Ordering::Relaxed) {
            warn!(feed = %self.feed, %shown, %latest, "clock stepped back; receive times stand still until it catches up");
        }
        latest
    }

    /// Hands `message` on; how long that took where there was no room.
    ///
    /// # Errors
    /// Nobody listens any more, or the feed was stopped and there is still no room.
    pub(crate) async fn send(&self, message: FeedMessage) -> Result<Duration, Ended> {
        match self.out.try_send(message) {
            Ok(()) => {
                self.note_room();
                Ok(Duration::ZERO)
            }
            Err(TrySendError::Closed(_)) => Err(Ended::Stopped),
            Err(TrySendError::Full(message)) => self.send_when_there_is_room(message).await,
        }
    }

    async fn send_when_there_is_room(&self, message: FeedMessage) -> Result<Duration, Ended> {
        let began = Instant::now();
        self.wait_for_room(message).await?;
        let is_late = began.elapsed() >= self.lag_after;
        let lags = is_late
            && self.pace.compare_exchange(FLOWING, LAGGING, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if lags {
            warn!(feed = %self.feed, waited_secs = began.elapsed().as_secs_f64(), "lagging: the hub is slower than the venue");
            self.wait_for_room(self.state_message(FeedState::Lagging)).await?;
        }
        Ok(began.elapsed())
    }

    async fn wait_for_room(&self, message: FeedMessage) -> Result<(), Ended> {
        let stopped = async {
            self.cancel.cancelled().await;
            tokio::time::sleep(self.stop_within).await;
        };
        tokio::select! {
            biased;
            permit = self.out.reserve() => {
                permit.map_err(|_| Ended::Stopped)?.send(message);
                Ok(())
            }
            () = stopped => {
                warn!(feed = %self.feed, "stopped with one message that found no room");
                Err(Ended::Stopped)
            }
        }
    }

    /// Ends the lagging once half of the channel is free again.
    pub(crate) fn note_room(&self) {
        let is_lagging = self.pace.load(Ordering::Relaxed) == LAGGING;
        if !is_lagging || self.out.capacity() * 2 < self.out.max_capacity() {
            return;
        }
        if self.out.try_send(self.state_message(FeedState::Live)).is_ok() {
            self.pace.store(FLOWING, Ordering::Relaxed);
        }
    }

    /// Says what the feed does now.
    pub(crate) async fn state(&self, state: FeedState) -> Result<(), Ended> {
        let pace = if state.is_watching() { FLOWING } else { ELSEWHERE };
        self.pace.store(pace, Ordering::Relaxed);
        self.send(self.state_message(state)).await.map(drop)
    }

    fn state_message(&self, state: FeedState) -> FeedMessage {
        FeedMessage::State { feed: self.feed.clone(), at: self.now(), state }
    }

    /// Until the feed is stopped.
    pub(crate) async fn stopped(&self) {
        self.cancel.cancelled().await;
    }

    /// What `work` gives, unless the feed is stopped first; `work` must bear being dropped.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            biased;
            () = self.stopped() => Err(Ended::Stopped),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use market::ManualClock;

    use super::*;

    #[test]
    fn time_stands_still_while_the_clock_is_behind() {
        let at = |secs: i64| Timestamp::from_millis(secs * 1000).unwrap();
        let clock = Arc::new(ManualClock::new(at(100)));
        let (out, _inbox) = mpsc::channel(1);
        let cancel = CancellationToken::new();
        let outlet = Outlet::new(FeedId::new("x"), clock.clone(), out, cancel, &Timing::default());
        let mut stamps = Vec::new();
        for shown in [100, 105, 60, 104, 106] {
            clock.set(at(shown));
            stamps.push(outlet.now());
        }
        assert_eq!(stamps, [100, 105, 105, 105, 106].map(at));
    }
}
