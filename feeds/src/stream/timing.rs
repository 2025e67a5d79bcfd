//! How long the runner waits for what.

use std::time::Duration;

/// Every wait of the runner but the venue's own (heartbeat, rotation) and the user's (backoff cap).
#[derive(Clone, Debug)]
pub(super) struct Timing {
    /// For the connection with TLS and upgrade, and for each part of a REST answer.
    pub(super) connect_within: Duration,
    /// For the acknowledgement, after the last message that subscribes.
    pub(super) acknowledge_within: Duration,
    /// Between two messages that subscribe: 8 a second, where Binance ends connections past 10.
    pub(super) between_requests: Duration,
    /// For one message to leave.
    pub(super) write_within: Duration,
    /// Heartbeats without a sign of life that end a connection.
    pub(super) silent_beats: u32,
    /// Between two signs of life to the hub.
    pub(super) alive_every: Duration,
    /// For room in the channel, before the feed counts as lagging.
    pub(super) lag_after: Duration,
    /// The longest first wait before trying again; doubles from there.
    pub(super) first_backoff: Duration,
    /// How long a connection must have been live for the backoff to start over.
    pub(super) settled_after: Duration,
    /// How long the old connection is still read once its successor is live.
    pub(super) drain_for: Duration,
    /// Before trying a venue again that refused us for good (451, 403).
    pub(super) refused_wait: Duration,
    /// After 429 without a `Retry-After`.
    pub(super) limited_wait: Duration,
    /// After 418 without a `Retry-After`.
    pub(super) banned_wait: Duration,
    /// How long REST answers serve before a new connection asks for them again.
    pub(super) references_for: Duration,
    /// For what is in hand when the feed is stopped: one frame, the close frame.
    pub(super) stop_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_within: Duration::from_secs(10),
            acknowledge_within: Duration::from_secs(10),
            between_requests: Duration::from_millis(125),
            write_within: Duration::from_secs(10),
            silent_beats: 3,
            alive_every: Duration::from_secs(5),
            lag_after: Duration::from_secs(1),
            first_backoff: Duration::from_secs(1),
            settled_after: Duration::from_mins(1),
            drain_for: Duration::from_secs(2),
            refused_wait: Duration::from_mins(15),
            limited_wait: Duration::from_mins(1),
            banned_wait: Duration::from_mins(10),
            references_for: Duration::from_hours(6),
            stop_within: Duration::from_millis(250),
        }
    }
}
