//! Runs one feed's WebSocket for as long as the program runs: the same for every venue.
//!
//! Phases: fetch references, connect, subscribe ([`opening`]); watch, and replace the connection
//! before the venue ends it ([`live`]); after a failure note the gap, wait, and start over. What goes
//! wrong becomes a [`FeedState`] and a [`Gap`], never silence. Only what no retry can mend returns.

mod backoff;
mod connection;
mod failure;
mod gaps;
mod live;
mod opening;
mod outlet;
mod overlap;
mod references;
mod session;
mod timing;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market::{Clock, FeedId, FeedState, Gap, MarketEvent, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::FeedConfig;
use crate::decode::Decoded;
use crate::protocol::StreamProtocol;
use crate::tls::{TlsError, client_config};

use self::backoff::{Backoff, Chance};
use self::failure::{Ended, Failure, Retry};
use self::gaps::GapKeeper;
use self::live::watch;
use self::opening::{Announce, open};
use self::outlet::Outlet;
use self::overlap::{Overlap, Seat};
use self::session::{Line, Session};
use self::timing::Timing;

/// How every feed names itself to a venue.
const USER_AGENT: &str = concat!("vigie/", env!("CARGO_PKG_VERSION"));

/// What a feed tells the hub, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedMessage {
    /// A frame or a REST answer, as received and as understood; keepalives included.
    Frame(Decoded),
    /// The feed does something else now.
    State {
        /// The feed.
        feed: FeedId,
        /// Since when.
        at: Timestamp,
        /// What it does.
        state: FeedState,
    },
    /// A gap opened (`until` is `None`), or was closed: the same `from` again, with its `until`.
    Gap(MarketEvent),
    /// The feed is still live; sent every 5 s.
    Alive {
        /// The feed.
        feed: FeedId,
        /// When its connection last proved itself.
        at: Timestamp,
    },
}

/// What a feed needs from the program around it.
pub struct FeedContext {
    /// The feed's name.
    pub feed: FeedId,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where messages go. A full channel makes the feed wait; nothing is dropped.
    pub out: mpsc::Sender<FeedMessage>,
    /// Ends the feed.
    pub cancel: CancellationToken,
    /// A gap that is known already, because the program was not running: closed when first live.
    pub open_gap: Option<Gap>,
    /// Seeds the jitter of waits; different for every feed.
    pub seed: u64,
}

/// What no retry can mend.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The WebSocket URL is none.
    #[error("feeds.{feed}.url is {url:?}, which is no WebSocket URL ({reason}); write wss://host/path")]
    Url {
        /// The feed.
        feed: FeedId,
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A REST URL is none.
    #[error(
        "feeds.{feed}.rest_url leads to {url:?}, which is no URL; write https://host without a final slash"
    )]
    RestUrl {
        /// The feed.
        feed: FeedId,
        /// The URL.
        url: String,
        /// The HTTP client's words.
        source: reqwest::Error,
    },
    /// TLS cannot be set up.
    #[error("feeds.{feed}: {source}")]
    Tls {
        /// The feed.
        feed: FeedId,
        /// Why.
        source: TlsError,
    },
    /// The HTTP client cannot be set up.
    #[error("feeds.{feed}: set up the HTTP client: {source}")]
    Http {
        /// The feed.
        feed: FeedId,
        /// Its words.
        source: reqwest::Error,
    },
}

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
    let FeedContext { feed, clock, out, cancel, open_gap, seed } = cx;
    let outlet = Outlet::new(feed.clone(), clock, out, cancel, &timing);
    let outcome = match Station::new(timing, make, config, &outlet) {
        Ok(station) => match keep_watching(&station, open_gap, seed).await {
            Err(Ended::Fatal(error)) => Err(error),
            // Every failure is answered by another attempt, so that only a stop is left.
            Err(Ended::Stopped | Ended::Failed(_)) => Ok(()),
            Ok(never) => match never {},
        },
        Err(error) => Err(error),
    };
    let last_state = match &outcome {
        Ok(()) => FeedState::Stopped,
        Err(error) => FeedState::Failed { reason: error.to_string() },
    };
    info!(feed = %feed, state = last_state.as_str(), "feed ended");
    // Where nobody listens any more, nobody misses the last state.
    let _ = outlet.state(last_state).await;
    outcome
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
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(rustls::ClientConfig::clone(&tls))
            .connect_timeout(timing.connect_within)
            .read_timeout(timing.connect_within)
            // A proxy is found in the environment, which feeds do not read.
            .no_proxy()
            .build()
            .map_err(|source| FeedError::Http { feed: feed(), source })?;
        let overlap = Mutex::default();
        let station = Self { make, config, timing, tls, http, outlet, overlap };
        let url = station.new_session().url();
        match connection::check_url(&url) {
            Ok(()) => Ok(station),
            Err(reason) => Err(FeedError::Url { feed: feed(), url, reason }),
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
        wait(outlet, &mut backoff, &failure).await?;
    }
}

/// Waits as long as `failure` asks for.
async fn wait(outlet: &Outlet, backoff: &mut Backoff, failure: &Failure) -> Result<(), Ended> {
    let (wait, state) = match failure.retry {
        Retry::Backoff => {
            let wait = backoff.next_wait();
            (wait, FeedState::Waiting { until: outlet.now().plus(wait) })
        }
        Retry::After(refusal, wait) => (wait, refusal.state(outlet.now().plus(wait))),
    };
    warn!(
        feed = %outlet.feed(),
        cause = %failure.cause,
        detail = failure.detail,
        retry_in_secs = wait.as_secs_f64(),
        "not watching"
    );
    outlet.state(state).await?;
    outlet.unless_stopped(tokio::time::sleep(wait)).await
}
