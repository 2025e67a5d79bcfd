//! How often a source is asked: at its own pace, or at the user's where the source bears that.

use std::time::Duration;

use market::FeedId;

use crate::config::FeedConfig;
use crate::protocol::PollProtocol;
use crate::venues::{FeedRow, Protocol};
use crate::watch::FeedError;

/// The least time between rounds at a server of the user's own: a mirror, a simulator.
const LEAST_ELSEWHERE: Duration = Duration::from_secs(1);

/// The least time between two asks of a server on this machine: a simulator.
const SPACING_HERE: Duration = Duration::from_millis(5);

/// Whether the feed asks a server on this machine.
fn is_here(config: &FeedConfig) -> bool {
    let rest = config.rest_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
    rest.is_some_and(|rest| ["127.0.0.1:", "[::1]:", "localhost:"].iter().any(|host| rest.starts_with(host)))
}

/// How often to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Between the starts of two rounds.
    pub(super) every: Duration,
    /// Between two rounds that the source answered, whatever it answered.
    pub(super) least: Duration,
    /// Between two asks.
    pub(super) spacing: Duration,
}

impl Pace {
    /// The pace of `protocol` with what the user set.
    pub(super) fn new(
        row: &FeedRow,
        config: &FeedConfig,
        protocol: &dyn PollProtocol,
    ) -> Result<Self, FeedError> {
        let is_elsewhere = config.rest_url.as_deref().is_some_and(|url| url != row.rest_url);
        let least = protocol.least_every();
        let least = if is_elsewhere { least.min(LEAST_ELSEWHERE) } else { least };
        let every = match config.poll_secs {
            None => protocol.every(),
            Some(secs) if secs > 0 && Duration::from_secs(secs) >= least => Duration::from_secs(secs),
            Some(secs) => {
                let least_secs = least.as_secs_f64().ceil().max(1.0) as u64;
                return Err(FeedError::PollSecs { feed: FeedId::new(row.id), secs, least_secs });
            }
        };
        let spacing = protocol.spacing();
        let spacing = if is_elsewhere && is_here(config) { spacing.min(SPACING_HERE) } else { spacing };
        Ok(Self { every, least, spacing })
    }
}

impl FeedRow {
    /// Whether the feed can be run as `config` says; what can be told without asking anyone.
    ///
    /// # Errors
    /// `poll_secs` is less than the source bears.
    pub fn check(&self, config: &FeedConfig) -> Result<(), FeedError> {
        match self.protocol {
            Protocol::Stream(_) => Ok(()),
            Protocol::Poll(make) | Protocol::Node(make) => {
                Pace::new(self, config, make(config).as_ref()).map(drop)
            }
        }
    }
}
