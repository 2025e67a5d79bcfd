//! Runs one feed's WebSocket for as long as the program runs: the same for every venue.
//!
//! Phases: fetch references, connect, subscribe ([`opening`]); watch, and replace the connection
//! before the venue ends it ([`live`]); after a failure note the gap, wait, and start over. What goes
//! wrong becomes a `FeedState` and a [`Gap`], never silence. Only what no retry can mend returns.

mod connection;
mod live;
mod opening;
mod overlap;
mod references;
mod session;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market::Gap;

use crate::config::FeedConfig;
use crate::protocol::StreamProtocol;
use crate::tls::client_config;
use crate::watch::backoff::{Backoff, Chance};
use crate::watch::failure::Ended;
use crate::watch::gaps::GapKeeper;
use crate::watch::http;
use crate::watch::outlet::Outlet;
use crate::watch::timing::Timing;
use crate::watch::{FeedContext, FeedError, conclude, wait};

use self::live::watch;
use self::opening::{Announce, open};
use self::overlap::{Overlap, Seat};
use self::session::{Line, Session};

/// Runs the feed that `make` makes the protocol of until it is cancelled.
///
/// # Errors
/// Something that no retry can mend: an impossible URL, an unreadable `ca_file`.
pub(crate) async fn run(make: MakeStream, config: FeedConfig, cx: FeedContext) -> Result<(), FeedError> {
    run_with(Timing::default(), make, config, cx).await
}

async fn run_with(
    timing: Timing,
    make: MakeStream,
    config: FeedConfig,
    cx: FeedContext,
) -> Result<(), FeedError> {
    let FeedContext { feed, clock, out, cancel, open_gap, seed, cache_dir: _ } = cx;
    let outlet = Outlet::new(feed, clock, out, cancel, &timing);
    let outcome = match Station::new(timing, make, config, &outlet) {
        Ok(station) => match keep_watching(&station, open_gap, seed).await {
            Err(Ended::Fatal(error)) => Err(error),
            // Every failure is answered by another attempt, so that only a stop is left.
            Err(Ended::Stopped | Ended::Failed(_)) => Ok(()),
            Ok(never) => match never {},
        },
        Err(error) => Err(error),
    };
    conclude(&outlet, outcome).await
}

/// Makes the protocol of one run.
pub(crate) type MakeStream = fn(&FeedConfig) -> Box<dyn StreamProtocol>;

/// What every phase of one feed shares.
struct Station<'o> {
    make: MakeStream,
    config: FeedConfig,
    timing: Timing,
    tls: Arc<rustls::ClientConfig>,
    http: reqwest::Client,
    outlet: &'o Outlet,
    overlap: Mutex<Overlap>,
}

impl<'o> Station<'o> {
    fn new(
        timing: Timing,
        make: MakeStream,
        config: FeedConfig,
        outlet: &'o Outlet,
    ) -> Result<Self, FeedError> {
        let feed = || outlet.feed().clone();
        let tls = client_config(config.ca_file.as_deref())
            .map_err(|source| FeedError::Tls { feed: feed(), source })?;
        let http =
            http::client(&tls, &timing).build().map_err(|source| FeedError::Http { feed: feed(), source })?;
        let overlap = Mutex::default();
        let station = Self { make, config, timing, tls, http, outlet, overlap };
        let url = station.new_session().url();
        match connection::check_url(&url) {
            Ok(()) => Ok(station),
            Err(reason) => {
                let url = connection::showable(&url).to_owned();
                Err(FeedError::Url { feed: feed(), url, reason })
            }
        }
    }

    fn new_session(&self) -> Session {
        Session::new((self.make)(&self.config))
    }

    fn overlap(&self) -> MutexGuard<'_, Overlap> {
        self.overlap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backoff(&self, chance: Chance) -> Backoff {
        Backoff::new(self.timing.first_backoff, Duration::from_secs(self.config.backoff_cap_secs), chance)
    }
}

/// Watches, and after every failure notes the gap, waits and watches again.
async fn keep_watching(station: &Station<'_>, open_gap: Option<Gap>, seed: u64) -> Result<Infallible, Ended> {
    let outlet = station.outlet;
    let mut backoff = station.backoff(Chance::new(seed));
    let mut gaps = GapKeeper::new(open_gap);
    let mut session = station.new_session();
    let mut proved_at = outlet.now();
    loop {
        let ended = match open(station, &mut session, Seat::Even, Announce::States).await {
            Ok(link) => {
                gaps.close(outlet).await?;
                let chance = Chance::new(seed.rotate_left(32));
                let lost = watch(station, Line { session, link, seat: Seat::Even }, chance).await;
                if lost.lived >= station.timing.settled_after {
                    backoff.reset();
                }
                session = lost.session;
                proved_at = lost.proved_at;
                lost.ended
            }
            Err(ended) => ended,
        };
        let failure = match ended {
            Ended::Failed(failure) => failure,
            Ended::Stopped | Ended::Fatal(_) => return Err(ended),
        };
        gaps.open(outlet, proved_at, &failure).await?;
        wait(outlet, &mut backoff, &failure, Duration::ZERO).await?;
    }
}
