//! How long the runners wait for what.

use std::time::Duration;

/// Every wait of the runners but the venue's own (heartbeat, rotation) and the user's (backoff cap).
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// For the connection with TLS and upgrade, and for each part of a REST answer.
    pub(crate) connect_within: Duration,
    /// For the whole of an answer to a feed that asks.
    pub(crate) answer_within: Duration,
    /// For the acknowledgement, after the last message that subscribes.
    pub(crate) acknowledge_within: Duration,
    /// Between two messages that subscribe: 8 a second, where Binance ends connections past 10.
    pub(crate) between_requests: Duration,
    /// For one message to leave.
    pub(crate) write_within: Duration,
    /// Heartbeats without a sign of life that end a connection.
    pub(crate) silent_beats: u32,
    /// Between two signs of life to the hub.
    pub(crate) alive_every: Duration,
    /// For room in the channel, before the feed counts as lagging.
    pub(crate) lag_after: Duration,
    /// The longest first wait before trying again; doubles from there.
    pub(crate) first_backoff: Duration,
    /// How long a connection must have been live for the backoff to start over.
    pub(crate) settled_after: Duration,
    /// How long the old connection is still read once its successor is live.
    pub(crate) drain_for: Duration,
    /// Before trying a venue again that refused us for good (451, 403).
    pub(crate) refused_wait: Duration,
    /// After 429 without a `Retry-After`.
    pub(crate) limited_wait: Duration,
    /// After 418 without a `Retry-After`.
    pub(crate) banned_wait: Duration,
    /// How long REST answers serve before a new connection asks for them again.
    pub(crate) references_for: Duration,
    /// For what is in hand when the feed is stopped: one frame, the close frame.
    pub(crate) stop_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_within: Duration::from_secs(10),
            answer_within: Duration::from_mins(1),
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
