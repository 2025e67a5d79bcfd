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

/// The time between two asks of a source that wants `spacing`: less where `config` points at a simulator.
pub(crate) fn spacing_of(spacing: Duration, home: &str, config: &FeedConfig) -> Duration {
    let is_elsewhere = config.rest_url.as_deref().is_some_and(|url| url != home);
    if is_elsewhere && is_here(config) { spacing.min(SPACING_HERE) } else { spacing }
}

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
        Ok(Self { every, least, spacing: spacing_of(protocol.spacing(), row.rest_url, config) })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_simulator_on_this_machine_is_asked_faster_than_its_source() {
        const HOME: &str = "https://source.example";
        let two = Duration::from_secs(2);
        for (url, spacing) in [
            (None, two),
            (Some(HOME), two),
            (Some("https://mirror.example"), two),
            (Some("http://127.0.0.1.example:80"), two),
            (Some("http://127.0.0.1:9443/source"), SPACING_HERE),
            (Some("http://[::1]:9443"), SPACING_HERE),
        ] {
            let config = FeedConfig { rest_url: url.map(str::to_owned), ..FeedConfig::default() };
            assert_eq!(spacing_of(two, HOME, &config), spacing, "{url:?}");
            assert_eq!(spacing_of(Duration::ZERO, HOME, &config), Duration::ZERO);
        }
    }
}
