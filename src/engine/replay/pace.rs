//! When the next recorded frame is due.

use std::time::{Duration, Instant};

use market::Timestamp;

use super::Speed;

/// Maps the recording's clock onto ours, from the first frame on.
pub(super) struct Pace {
    speed: Speed,
    start: Option<(Instant, Timestamp)>,
}

impl Pace {
    pub(super) fn new(speed: Speed) -> Self {
        Self { speed, start: None }
    }

    /// How long until `at` is due; `None` once it is.
    pub(super) fn wait_until(&mut self, at: Timestamp) -> Option<Duration> {
        let Speed::Times(times) = self.speed else { return None };
        let (_, first) = *self.start.get_or_insert_with(|| (Instant::now(), at));
        let due = at.since(first).div_f64(times);
        let wait = due.checked_sub(self.elapsed())?;
        (!wait.is_zero()).then_some(wait)
    }

    /// The recording's time now; the epoch before the first frame.
    pub(super) fn now(&self) -> Timestamp {
        let Speed::Times(times) = self.speed else { return Timestamp::EPOCH };
        self.start.map_or(Timestamp::EPOCH, |(_, first)| first.plus(self.elapsed().mul_f64(times)))
    }

    fn elapsed(&self) -> Duration {
        self.start.map_or(Duration::ZERO, |(started, _)| started.elapsed())
    }
}
