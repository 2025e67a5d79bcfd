//! Runs any feed, whichever way it is listened to.

use crate::config::FeedConfig;
use crate::stream::{self, FeedContext, FeedError};
use crate::venues::{FeedRow, Protocol};

/// Runs the feed `row` until it is cancelled.
///
/// # Errors
/// Something that no retry can mend: an impossible URL, an unreadable `ca_file`, a missing key.
pub async fn run(row: &'static FeedRow, config: FeedConfig, cx: FeedContext) -> Result<(), FeedError> {
    match row.protocol {
        Protocol::Stream(make) => stream::run(make, config, cx).await,
        Protocol::Poll(_) | Protocol::Node(_) => unimplemented!("the runner of polled feeds"),
    }
}
