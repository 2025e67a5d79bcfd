//! Says, but not too often, that frames were not understood.

use std::collections::BTreeMap;
use std::time::Duration;

use market::{FeedId, Timestamp};

/// Frames that were not understood are logged this often.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// Says once a minute and feed that frames were not understood.
#[derive(Default)]
pub(super) struct Rejections {
    said: BTreeMap<FeedId, (Timestamp, u64)>,
}

impl Rejections {
    pub(super) fn note(&mut self, feed: &FeedId, at: Timestamp, reason: &str) {
        let (said_at, unsaid) = self.said.entry(feed.clone()).or_insert((Timestamp::EPOCH, 0));
        *unsaid += 1;
        if at.since(*said_at) >= SAY_EVERY {
            tracing::warn!(%feed, frames = *unsaid, reason, "frames not understood; kept in the frames table");
            (*said_at, *unsaid) = (at, 0);
        }
    }
}
