//! Runs any feed, whichever way it is listened to.

use crate::config::FeedConfig;
use crate::venues::{FeedRow, Protocol};
use crate::watch::outlet::Outlet;
use crate::watch::timing::Timing;
use crate::watch::{FeedContext, FeedError, conclude};
use crate::{node, poll, stream};

/// Runs the feed `row` until it is cancelled.
///
/// # Errors
/// Something that no retry can mend: an impossible URL, an unreadable `ca_file`, a key that is missing
/// or refused, rounds closer together than the source bears.
pub async fn run(row: &'static FeedRow, config: FeedConfig, cx: FeedContext) -> Result<(), FeedError> {
    if let Some(name) = row.missing_key(&config) {
        let error = FeedError::KeyMissing { feed: cx.feed.clone(), name };
        let outlet = Outlet::new(cx.feed, cx.clock, cx.out, cx.cancel, &Timing::default());
        return conclude(&outlet, Err(error)).await;
    }
    match row.protocol {
        Protocol::Stream(make) => stream::run(make, config, cx).await,
        Protocol::Poll(make) => poll::run(row, make, config, cx).await,
        Protocol::Node(make) => node::run(row, make, config, cx).await,
    }
}

impl FeedRow {
    /// The first environment variable that the feed needs and `config` has no key from.
    pub fn missing_key(&self, config: &FeedConfig) -> Option<&'static str> {
        self.keys.iter().copied().find(|name| config.keys.get(name).is_none_or(str::is_empty))
    }
}

#[cfg(test)]
mod tests;
