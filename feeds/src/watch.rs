//! What the runners of feeds share, however a feed is listened to: its messages, its end, its waits.

pub(crate) mod backoff;
pub(crate) mod failure;
pub(crate) mod gaps;
pub(crate) mod http;
pub(crate) mod outlet;
pub(crate) mod timing;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use market::{Clock, FeedId, FeedState, Gap, MarketEvent, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::decode::Decoded;
use crate::tls::TlsError;

use self::backoff::Backoff;
use self::failure::{Ended, Failure, Retry};
use self::outlet::Outlet;

/// How every feed names itself to a venue.
pub(crate) const USER_AGENT: &str = concat!("vigie/", env!("CARGO_PKG_VERSION"));

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
    /// Where polled feeds remember what they have asked, one small file a feed; nowhere where `None`.
    /// It goes with the store: what is remembered as told is taken to be in it.
    pub cache_dir: Option<PathBuf>,
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
    /// What the feed signs in with is not there.
    #[error("feeds.{feed} needs a key: set the environment variable {name}, or feeds.{feed}.enabled = false")]
    KeyMissing {
        /// The feed.
        feed: FeedId,
        /// The environment variable.
        name: &'static str,
    },
    /// The source does not accept what the feed signs in with.
    #[error("feeds.{feed}: {answer}; check the key in the environment variable {names}")]
    KeyRefused {
        /// The feed.
        feed: FeedId,
        /// Environment variables, with commas.
        names: String,
        /// What the source said.
        answer: String,
    },
    /// Rounds closer together than the source bears.
    #[error(
        "feeds.{feed}.poll_secs is {secs}; this source is asked at most every {least_secs} s, so use at least {least_secs}"
    )]
    PollSecs {
        /// The feed.
        feed: FeedId,
        /// What was set.
        secs: u64,
        /// The least that may be.
        least_secs: u64,
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

/// Tells the last state of a feed that ended with `outcome`.
pub(crate) async fn conclude(outlet: &Outlet, outcome: Result<(), FeedError>) -> Result<(), FeedError> {
    let last_state = match &outcome {
        Ok(()) => FeedState::Stopped,
        Err(error) => FeedState::Failed { reason: error.to_string() },
    };
    info!(feed = %outlet.feed(), state = last_state.as_str(), "feed ended");
    // Where nobody listens any more, nobody misses the last state.
    let _ = outlet.state(last_state).await;
    outcome
}

/// Waits as long as `failure` asks for, and no less than `at_least`.
pub(crate) async fn wait(
    outlet: &Outlet,
    backoff: &mut Backoff,
    failure: &Failure,
    at_least: Duration,
) -> Result<(), Ended> {
    let (wait, state) = match failure.retry {
        Retry::Backoff => {
            let wait = backoff.next_wait().max(at_least);
            (wait, FeedState::Waiting { until: outlet.now().plus(wait) })
        }
        Retry::After(refusal, wait) => {
            let wait = wait.max(at_least);
            (wait, refusal.state(outlet.now().plus(wait)))
        }
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
