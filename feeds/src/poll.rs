//! Runs a feed that asks again and again for as long as the program runs: the same for every source.
//!
//! A round asks everything once, spaced out, and each answer that is new becomes a frame. Between rounds
//! the feed is live. A round that fails begins a gap, which the next good round ends. What was asked
//! and answered is remembered across restarts ([`memory`]), so that a source is never asked sooner, or
//! for more, than need be. Where answers come from is behind [`fetch::Fetch`]: HTTP, or the user's node.

pub(crate) mod fetch;
pub(crate) mod http;
mod memory;
pub(crate) mod pace;
mod pulse;
mod round;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use market::{FeedState, Gap, GapCause, Timestamp};
use tokio::time::Instant;
use tracing::{debug, info};

use crate::config::FeedConfig;
use crate::protocol::PollProtocol;
use crate::venues::FeedRow;
use crate::watch::backoff::{Backoff, Chance};
use crate::watch::failure::{Ended, Failure, Retry};
use crate::watch::gaps::GapKeeper;
use crate::watch::outlet::Outlet;
use crate::watch::timing::Timing;
use crate::watch::{FeedContext, FeedError, conclude, wait};

pub(crate) use self::fetch::{Answer, Body, Fetch, Question, Validators};

use self::http::HttpFetch;
use self::memory::Memory;
use self::pace::Pace;
use self::pulse::Pulse;

/// Makes the protocol of one run.
pub(crate) type MakePoll = fn(&FeedConfig) -> Box<dyn PollProtocol>;

/// Runs the feed that `make` makes the protocol of, over HTTP, until it is cancelled.
///
/// # Errors
/// Something that no retry can mend: an impossible URL, an unreadable `ca_file`, a refused key, rounds
/// closer together than the source bears.
pub(crate) async fn run(
    row: &'static FeedRow,
    make: MakePoll,
    config: FeedConfig,
    cx: FeedContext,
) -> Result<(), FeedError> {
    let timing = Timing::default();
    let source = Source { row, make, config };
    run_fetching(timing, source, cx, HttpFetch::new).await
}

/// What is asked, and how it is understood.
pub(crate) struct Source {
    /// The feed's row.
    pub(crate) row: &'static FeedRow,
    /// Makes the protocol.
    pub(crate) make: MakePoll,
    /// What the user set.
    pub(crate) config: FeedConfig,
}

/// Runs the feed of `source` with answers from what `make_fetch` makes.
///
/// # Errors
/// As [`run`].
pub(crate) async fn run_fetching<F: Fetch>(
    timing: Timing,
    source: Source,
    cx: FeedContext,
    make_fetch: impl FnOnce(&Source, &Timing) -> Result<F, FeedError>,
) -> Result<(), FeedError> {
    let FeedContext { feed, clock, out, cancel, open_gap, seed, cache_dir } = cx;
    let outlet = Outlet::new(feed.clone(), clock, out, cancel, &timing);
    let file = cache_dir.map(|dir| dir.join(format!("{feed}.json")));
    let chance = Chance::new(seed);
    let outcome = match make_fetch(&source, &timing) {
        Ok(fetch) => match Watch::new(&timing, &source, &outlet, fetch) {
            Ok(mut watch) => match watch.keep_asking(file, open_gap, chance).await {
                Err(Ended::Fatal(error)) => Err(error),
                // Every failure is answered by another attempt, so that only a stop is left.
                Err(Ended::Stopped | Ended::Failed(_)) => Ok(()),
                Ok(never) => match never {},
            },
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    conclude(&outlet, outcome).await
}

/// One feed while it runs.
struct Watch<'o, F> {
    outlet: &'o Outlet,
    protocol: Box<dyn PollProtocol>,
    fetch: F,
    pace: Pace,
    pulse: Pulse<'o>,
    memory: Memory,
    first_backoff: Duration,
    backoff_cap: Duration,
    last_ask: Option<Instant>,
}

impl<'o, F: Fetch> Watch<'o, F> {
    fn new(timing: &Timing, source: &Source, outlet: &'o Outlet, fetch: F) -> Result<Self, FeedError> {
        let Source { row, make, config } = source;
        let protocol = make(config);
        let pace = Pace::new(row, config, protocol.as_ref())?;
        Ok(Self {
            outlet,
            protocol,
            fetch,
            pace,
            pulse: Pulse::new(outlet, timing.alive_every),
            memory: Memory::of(config),
            first_backoff: timing.first_backoff.max(pace.every / 100),
            backoff_cap: Duration::from_secs(config.backoff_cap_secs).max(pace.every),
            last_ask: None,
        })
    }

    async fn keep_asking(
        &mut self,
        file: Option<PathBuf>,
        open_gap: Option<Gap>,
        chance: Chance,
    ) -> Result<Infallible, Ended> {
        let outlet = self.outlet;
        let mut backoff = Backoff::new(self.first_backoff, self.backoff_cap, chance);
        let mut gaps = GapKeeper::new(open_gap);
        self.memory.load(file).await;
        self.rest_as_before(&mut gaps).await?;
        loop {
            let began = outlet.now();
            let due = Due { at: began.plus(self.pace.every), instant: Instant::now() + self.pace.every };
            if !self.pulse.is_live() {
                outlet.state(FeedState::Connecting).await?;
            }
            match self.round(began).await {
                Ok(()) => {
                    backoff.reset();
                    self.memory.finish_round(began);
                    self.memory.save().await;
                    self.go_live(&mut gaps).await?;
                    self.rest(due).await?;
                }
                Err(Ended::Failed(failure)) => {
                    self.pulse.stop();
                    gaps.open(outlet, self.pulse.proved_at(), &failure).await?;
                    self.wait(&mut backoff, &failure).await?;
                }
                Err(ended @ (Ended::Stopped | Ended::Fatal(_))) => return Err(ended),
            }
        }
    }

    /// Goes on where the last run of the program stopped: live, while its last round is fresh; waiting,
    /// where the source had refused us for longer.
    async fn rest_as_before(&mut self, gaps: &mut GapKeeper) -> Result<(), Ended> {
        let now = self.outlet.now();
        if let Some(until) = self.memory.held_until(now) {
            let words = "refused before this start, and not to be asked again yet";
            gaps.open(self.outlet, now, &Failure::new(GapCause::Refused, words)).await?;
            self.outlet.state(FeedState::Waiting { until }).await?;
            let instant = Instant::now() + until.since(now);
            return self.rest(Due { at: until, instant }).await;
        }
        let Some(asked_at) = self.memory.last_round(now) else { return Ok(()) };
        let at = asked_at.plus(self.pace.every);
        if at <= now {
            return Ok(());
        }
        info!(feed = %self.outlet.feed(), %asked_at, next = %at, "asked shortly before this start");
        self.pulse.prove(asked_at);
        self.go_live(gaps).await?;
        self.rest(Due { at, instant: Instant::now() + at.since(now) }).await
    }

    async fn go_live(&mut self, gaps: &mut GapKeeper) -> Result<(), Ended> {
        if self.pulse.is_live() {
            return Ok(());
        }
        gaps.close(self.outlet).await?;
        self.outlet.state(FeedState::Live).await?;
        self.pulse.start();
        Ok(())
    }

    /// Until `due`, by the clock or by the machine, whichever is first: a laptop that slept asks at once.
    async fn rest(&mut self, due: Due) -> Result<(), Ended> {
        self.pulse.tend().await?;
        while self.outlet.now() < due.at && Instant::now() < due.instant {
            self.pulse.during(tokio::time::sleep_until(due.instant.min(self.pulse.next_beat()))).await?;
        }
        debug!(feed = %self.outlet.feed(), "next round");
        Ok(())
    }

    /// Waits after `failure`: never less than the source's least pace, where it had answered at all.
    async fn wait(&mut self, backoff: &mut Backoff, failure: &Failure) -> Result<(), Ended> {
        let has_answered = failure.cause != GapCause::Unreachable;
        let at_least = if has_answered { self.pace.least } else { Duration::ZERO };
        if let Retry::After(_, wait) = failure.retry {
            self.memory.hold_until(self.outlet.now().plus(wait.max(at_least)));
            self.memory.save().await;
        }
        wait(self.outlet, backoff, failure, at_least).await
    }
}

/// When something is due.
#[derive(Clone, Copy)]
struct Due {
    at: Timestamp,
    instant: Instant,
}
