//! What the server needs of a venue's connection: answers, subscriptions, patience.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use rand_chacha::ChaCha8Rng;

use crate::market::Market;
use crate::tape::{Payload, SimFrame};

/// Whether subscriptions are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Closed,
}

/// Who connects, and how.
pub(crate) struct Caller<'a> {
    /// The path as the venue knows it.
    pub(crate) path: &'a str,
    /// What follows the question mark; empty without one.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) door: Door,
    pub(crate) market: &'a Arc<Market>,
    /// The connection's own chance: for identifiers.
    pub(crate) rng: &'a mut ChaCha8Rng,
}

/// How long a venue bears what, as it documents it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    /// Without a sign of the client for this long, the connection is closed.
    pub(crate) idle: Option<Idle>,
    /// How often the venue sends a WebSocket ping.
    pub(crate) ping_every: Option<Duration>,
    /// How long after the last pong (or the start) the venue gives up.
    pub(crate) pong_within: Option<Duration>,
    /// How long a connection may live.
    pub(crate) lifetime: Option<Duration>,
    /// How many messages a client may send in one second, pings included.
    pub(crate) messages_per_sec: Option<usize>,
}

/// A venue's rule about clients that say nothing.
#[derive(Clone, Debug)]
pub(crate) struct Idle {
    pub(crate) limit: Duration,
    pub(crate) sign: Sign,
    pub(crate) close: Close,
}

/// What counts as a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Text messages alone.
    Text,
    /// WebSocket pings too.
    TextOrPing,
}

/// How a venue closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

/// A moment in a connection's life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// How long the connection has lived, by the venue's patience.
    pub(crate) since: Duration,
    /// The venue's clock, microseconds since 1970 UTC.
    pub(crate) micros: i64,
}

impl Now {
    pub(crate) fn millis(self) -> i64 {
        self.micros / 1000
    }
}

/// One connection's conversation, without its socket.
pub(crate) trait Session: Send {
    /// Takes note of a frame that was sent before this connection began; oldest first.
    fn recall(&mut self, _past: &SimFrame) {}

    /// What is said before the client has said anything.
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        Vec::new()
    }

    /// What is said to a text message.
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload>;

    /// A frame of the tape as this connection gets it: nothing unless subscribed.
    fn render(&mut self, frame: &SimFrame) -> Vec<Payload>;

    /// The venue's patience; asked again after every answer.
    fn patience(&self) -> Patience;

    /// When, in the connection's life, [`Session::ring`] is due; `None` for never.
    fn alarm(&self) -> Option<Duration> {
        None
    }

    /// What is said unasked when the alarm is due. It must set the next alarm.
    fn ring(&mut self, _now: Now) -> Result<Vec<Payload>, Close> {
        Ok(Vec::new())
    }
}

/// `text` as a JSON string, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON object as text, its fields in the order in which they stand here: venues' bytes have theirs.
macro_rules! ordered {
    ($($name:literal: $value:expr),+ $(,)?) => {
        $crate::session::object([$(($name, serde_json::json!($value))),+])
    };
}
pub(crate) use ordered;

/// What `ordered!` writes.
pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, serde_json::Value)>) -> String {
    let fields: Vec<String> =
        fields.into_iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    format!("{{{}}}", fields.join(","))
}
