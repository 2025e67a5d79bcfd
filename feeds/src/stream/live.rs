//! Watches a live feed, and replaces its connection before the venue ends it, without a gap.

use std::convert::Infallible;
use std::future::pending;
use std::mem;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use market::{FeedState, Timestamp};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::connection::Heard;
use super::opening::open_successor;
use super::session::{Line, Session};
use crate::watch::FeedMessage;
use crate::watch::backoff::{Backoff, Chance};
use crate::watch::failure::{Ended, Failure, Retry};

use super::Station;

/// The largest share of a connection's life by which it is replaced early, so that feeds that were
/// started together do not reconnect together.
const ROTATION_JITTER: f64 = 0.05;
/// No venue keeps a connection for longer.
const LONGEST_LIFE: Duration = Duration::from_hours(24 * 7);
/// Where a connection is never replaced: longer than any program runs.
const NEVER: Duration = Duration::from_hours(24 * 365 * 10);

/// What is left when watching ended.
pub(super) struct Lost {
    /// The session, for the next connection.
    pub(super) session: Session,
    /// When a connection last proved itself.
    pub(super) proved_at: Timestamp,
    /// How long the feed was live.
    pub(super) lived: Duration,
    /// Why it is not any more.
    pub(super) ended: Ended,
}

/// Watches through `line` and the connections that take over from it, until one ends unreplaced.
pub(super) async fn watch<'s>(station: &'s Station<'s>, line: Line, chance: Chance) -> Lost {
    station.overlap().end();
    let mut watch = Watch::new(station, line, chance);
    let began = Instant::now();
    let ended = match watch.run().await {
        Err(ended) => ended,
        Ok(never) => match never {},
    };
    if matches!(ended, Ended::Stopped) {
        watch.close().await;
    }
    let proved_at = watch.proved_at();
    Lost { session: watch.current.session, proved_at, lived: began.elapsed(), ended }
}

struct Watch<'s> {
    station: &'s Station<'s>,
    current: Line,
    successor: Successor<'s>,
    /// When `current` went live.
    since: Instant,
    alive_at: Instant,
    rotate_at: Instant,
    retry: Backoff,
    chance: Chance,
}

/// How far the change from one connection to the next has come.
enum Successor<'s> {
    /// None is due.
    None,
    /// The next connection is being opened; the current one still delivers.
    Opening(BoxFuture<'s, Result<Line, Ended>>),
    /// The next connection is the current one. The old one, if it still stands, is read for the
    /// frames that it alone has.
    Fading { old: Option<Box<Line>>, until: Instant },
}

enum News {
    Opened(Box<Result<Line, Ended>>),
    Heard(Result<Heard, Failure>),
    Faded,
}

impl Successor<'_> {
    /// Waits for the next news of the change. Bears being dropped.
    async fn next(&mut self, station: &Station<'_>) -> News {
        match self {
            Self::None => pending().await,
            Self::Opening(opening) => News::Opened(Box::new(opening.await)),
            Self::Fading { old: Some(old), until } => tokio::select! {
                heard = old.link.hear(station.outlet) => News::Heard(heard),
                () = sleep_until(*until) => News::Faded,
            },
            Self::Fading { old: None, until } => {
                sleep_until(*until).await;
                News::Faded
            }
        }
    }
}

impl<'s> Watch<'s> {
    fn new(station: &'s Station<'s>, current: Line, chance: Chance) -> Self {
        let now = Instant::now();
        let retry = station.backoff(chance.clone());
        let mut watch = Self {
            station,
            current,
            successor: Successor::None,
            since: now,
            alive_at: now,
            rotate_at: now,
            retry,
            chance,
        };
        watch.plan_rotation();
        watch
    }

    async fn run(&mut self) -> Result<Infallible, Ended> {
        let station = self.station;
        station.outlet.state(FeedState::Live).await?;
        let mut stopped = pin!(station.outlet.stopped());
        loop {
            self.tend().await?;
            let wake_at = self.wake_at();
            // Not biased: a flood on one connection must not starve the other, nor the stop.
            tokio::select! {
                () = stopped.as_mut() => return Err(Ended::Stopped),
                heard = self.current.link.hear(station.outlet) => self.take_current(heard).await?,
                news = self.successor.next(station) => self.take_news(news).await?,
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// Does what is due: a sign of life to the hub, the opening of the next connection.
    async fn tend(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        if now >= self.alive_at {
            self.alive_at = now + self.station.timing.alive_every;
            self.station.outlet.note_room();
            let feed = self.station.outlet.feed().clone();
            self.station.outlet.send(FeedMessage::Alive { feed, at: self.proved_at() }).await?;
        }
        if let Some(words) = self.current.session.closing.take() {
            info!(feed = %self.station.outlet.feed(), words, "the venue will end this connection soon");
            self.rotate_at = self.rotate_at.min(now + self.pause_before_rotation());
        }
        if now >= self.rotate_at && matches!(self.successor, Successor::None) {
            self.station.overlap().begin();
            let opening = open_successor(self.station, self.current.seat.other());
            self.successor = Successor::Opening(Box::pin(opening));
        }
        Ok(())
    }

    fn wake_at(&self) -> Instant {
        match self.successor {
            Successor::None => self.alive_at.min(self.rotate_at),
            Successor::Opening(_) | Successor::Fading { .. } => self.alive_at,
        }
    }

    async fn take_current(&mut self, heard: Result<Heard, Failure>) -> Result<(), Ended> {
        let failure = match heard {
            Ok(heard) => {
                let waited = self.current.take(self.station, heard).await;
                return self.settle(waited);
            }
            Err(failure) => failure,
        };
        self.fall_back(failure)
    }

    async fn take_news(&mut self, news: News) -> Result<(), Ended> {
        match news {
            News::Opened(opened) => self.take_successor(*opened),
            News::Heard(heard) => self.take_old(heard).await,
            News::Faded => {
                let change = mem::replace(&mut self.successor, Successor::None);
                self.station.overlap().end();
                if let Successor::Fading { old: Some(mut old), .. } = change {
                    old.link.close(self.station.timing.stop_within).await;
                }
                Ok(())
            }
        }
    }

    /// The next connection is live, or could not be made.
    fn take_successor(&mut self, opened: Result<Line, Ended>) -> Result<(), Ended> {
        let now = Instant::now();
        let until = now + self.station.timing.drain_for;
        match opened {
            Ok(line) => {
                info!(feed = %self.station.outlet.feed(), "connection replaced");
                let old = mem::replace(&mut self.current, line);
                self.successor = Successor::Fading { old: Some(Box::new(old)), until };
                self.since = now;
                self.plan_rotation();
                Ok(())
            }
            Err(Ended::Failed(failure)) => {
                let wait = match failure.retry {
                    Retry::Backoff => self.retry.next_wait(),
                    Retry::After(_, wait) => wait,
                };
                warn!(
                    feed = %self.station.outlet.feed(),
                    cause = %failure.cause,
                    detail = failure.detail,
                    retry_in_secs = wait.as_secs_f64(),
                    "connection not replaced; the old one goes on"
                );
                self.successor = Successor::Fading { old: None, until };
                self.rotate_at = now + wait;
                Ok(())
            }
            Err(ended @ (Ended::Stopped | Ended::Fatal(_))) => Err(ended),
        }
    }

    async fn take_old(&mut self, heard: Result<Heard, Failure>) -> Result<(), Ended> {
        let Successor::Fading { old, .. } = &mut self.successor else {
            return Ok(());
        };
        match (old.as_mut(), heard) {
            (Some(line), Ok(heard)) => match line.take(self.station, heard).await {
                Ok(waited) => {
                    self.current.link.forgive(waited);
                    Ok(())
                }
                // It could not be written to. Its time was over anyway.
                Err(Ended::Failed(_)) => {
                    *old = None;
                    Ok(())
                }
                Err(ended @ (Ended::Stopped | Ended::Fatal(_))) => Err(ended),
            },
            (Some(_), Err(_)) => {
                *old = None;
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    fn settle(&mut self, waited: Result<Duration, Ended>) -> Result<(), Ended> {
        match waited {
            Ok(waited) => {
                if let Successor::Fading { old: Some(old), .. } = &mut self.successor {
                    old.link.forgive(waited);
                }
                Ok(())
            }
            Err(Ended::Failed(failure)) => self.fall_back(failure),
            Err(ended @ (Ended::Stopped | Ended::Fatal(_))) => Err(ended),
        }
    }

    /// The current connection ended: the old one goes on where it still stands.
    fn fall_back(&mut self, failure: Failure) -> Result<(), Ended> {
        let Successor::Fading { old, .. } = &mut self.successor else {
            return Err(failure.into());
        };
        let Some(old) = old.take() else {
            return Err(failure.into());
        };
        warn!(
            feed = %self.station.outlet.feed(),
            cause = %failure.cause,
            detail = failure.detail,
            "the new connection ended at once; the old one goes on"
        );
        self.current = *old;
        self.rotate_at = Instant::now() + self.retry.next_wait();
        Ok(())
    }

    /// Plans the replacement of the current connection, somewhat before its time is over.
    fn plan_rotation(&mut self) {
        let longest = longest_life(self.current.session.protocol.rotate_after());
        self.rotate_at = self.since + longest.mul_f64(1.0 - ROTATION_JITTER * self.chance.share());
    }

    /// At once, unless this connection is itself so young that the venue seems to send everyone away.
    fn pause_before_rotation(&mut self) -> Duration {
        if self.since.elapsed() < self.station.timing.settled_after {
            return self.retry.next_wait();
        }
        self.retry.reset();
        Duration::ZERO
    }

    fn proved_at(&self) -> Timestamp {
        let current = self.current.link.proved_at();
        match &self.successor {
            Successor::Fading { old: Some(old), .. } => current.max(old.link.proved_at()),
            Successor::None | Successor::Opening(_) | Successor::Fading { old: None, .. } => current,
        }
    }

    async fn close(&mut self) {
        let within = self.station.timing.stop_within;
        self.current.link.close(within).await;
        if let Successor::Fading { old: Some(old), .. } = &mut self.successor {
            old.link.close(within).await;
        }
    }
}

/// How long a connection may live by what its protocol says.
fn longest_life(rotate_after: Duration) -> Duration {
    if rotate_after == Duration::MAX { NEVER } else { rotate_after.min(LONGEST_LIFE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_lives_a_week_at_most_unless_it_cannot_be_replaced() {
        let hours = Duration::from_hours;
        for (asked, life) in [(hours(24), hours(24)), (hours(24 * 30), LONGEST_LIFE), (Duration::MAX, NEVER)]
        {
            assert_eq!(longest_life(asked), life);
        }
        let _no_overflow = Instant::now() + NEVER;
    }
}
