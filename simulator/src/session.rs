//! What the server needs of a venue's connection: answers, subscriptions, patience.

use std::time::Duration;

use crate::tape::SimFrame;
use crate::venue::Venue;

/// Whether subscriptions are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Closed,
}

/// How long a venue bears what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    /// Without a message of the client for this long, the connection is closed so.
    pub(crate) idle: Option<(Duration, u16, &'static str)>,
    /// How often the venue sends a WebSocket ping.
    pub(crate) ping_every: Option<Duration>,
    /// How long after the last pong (or the start) the venue gives up.
    pub(crate) pong_within: Option<Duration>,
    /// How long a connection may live.
    pub(crate) lifetime: Option<Duration>,
    /// How many messages a client may send in one second, pings included.
    pub(crate) messages_per_sec: Option<usize>,
}

/// One connection's conversation, without its socket.
pub(crate) trait Session: Send {
    fn venue(&self) -> Venue;

    /// What is said before the client has said anything.
    fn opening(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What is said to a text message.
    fn answer(&mut self, text: &str) -> Vec<String>;

    /// A data frame as this connection gets it: nothing unless subscribed.
    fn render(&self, frame: &SimFrame) -> Vec<String>;

    fn patience(&self) -> Patience;
}

/// `text` as a JSON string, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
