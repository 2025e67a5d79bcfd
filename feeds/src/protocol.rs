//! The pure half of a WebSocket feed: what to ask, what to say, what the answers mean.

use std::time::Duration;

use market::{Observation, Payload, Timestamp};

/// An observation with the venue's own time; the runner adds the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    /// The venue's time of the event, or [`Stamped::UNTOLD`].
    pub event_time: Timestamp,
    /// When a person could first have known it, where that was before the answer that tells it now:
    /// history in a REST answer. `None` for news.
    pub published: Option<Timestamp>,
    /// What was seen.
    pub observation: Observation,
}

impl Stamped {
    /// Stands for an event time that the venue does not tell; no market is as old as the epoch.
    pub const UNTOLD: Timestamp = Timestamp::EPOCH;

    /// News of a moment that the venue does not tell: the receive time will stand for it.
    pub fn untimed(observation: Observation) -> Self {
        Self::news(Self::UNTOLD, observation)
    }

    /// News of `event_time`.
    pub fn news(event_time: Timestamp, observation: Observation) -> Self {
        Self { event_time, published: None, observation }
    }

    /// History: known since `published`.
    pub fn history(event_time: Timestamp, published: Timestamp, observation: Observation) -> Self {
        Self { event_time, published: Some(published), observation }
    }
}

/// What a frame turned out to be. The labels count frames by kind in health and replay reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Market data of the kind that this feed exists for (possibly with no wanted instrument in it).
    Data(&'static str),
    /// As [`FrameKind::Data`], without some of its rows, each refused for the reason given: they are
    /// counted and kept like a frame that is refused as a whole.
    DataWithout {
        /// What the frame is counted under.
        label: &'static str,
        /// The rows, each with what is wrong with it.
        refused: Vec<String>,
    },
    /// A REST answer that later frames need to be understood: contract values, rosters.
    Reference(&'static str),
    /// The venue acknowledged (part of) the subscription.
    Ack,
    /// An answer to our keepalive, or the venue's own.
    Keepalive,
    /// The venue refused (part of) the subscription, in its own words.
    Refused(String),
    /// The venue will close this connection soon: open the next one now.
    Closing(String),
    /// Understood, and not wanted: the label says what it is.
    Ignored(&'static str),
}

impl FrameKind {
    /// What the frame is counted under.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Data(label)
            | Self::DataWithout { label, .. }
            | Self::Reference(label)
            | Self::Ignored(label) => label,
            Self::Ack => "ack",
            Self::Keepalive => "keepalive",
            Self::Refused(_) => "refused",
            Self::Closing(_) => "closing",
        }
    }

    /// Whether the frame belongs in the journal: everything but the small talk of a connection.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Data(_)
            | Self::DataWithout { .. }
            | Self::Reference(_)
            | Self::Refused(_)
            | Self::Closing(_) => true,
            Self::Ack | Self::Keepalive | Self::Ignored(_) => false,
        }
    }
}

/// A frame that could not be understood. It is counted, kept with this reason, and ends nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not the JSON that this venue sends.
    #[error("not valid JSON for this venue: {reason}")]
    Malformed {
        /// The parser's words.
        reason: String,
    },
    /// A field is there, but its value cannot be right.
    #[error("{field} is {value:?}, {problem}")]
    Field {
        /// The field's name on the wire.
        field: &'static str,
        /// Its value, as text.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not the page or the table that this source shows.
    #[error("not what this source shows: {reason}")]
    Page {
        /// What is there instead.
        reason: String,
    },
    /// Valid JSON of no known shape.
    #[error("no known kind of frame")]
    Unknown,
}

/// How a connection is kept alive and proved alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// WebSocket ping frames.
    Ping {
        /// How often.
        every: Duration,
    },
    /// A text message of the venue's own.
    Text {
        /// How often.
        every: Duration,
        /// The message.
        message: String,
    },
}

impl Heartbeat {
    /// How often the runner speaks.
    pub fn every(&self) -> Duration {
        match self {
            Self::Ping { every } | Self::Text { every, .. } => *every,
        }
    }
}

/// Understands what one feed sends. No socket, no clock: deterministic in the frames it is given.
/// Live feeds, replays and rebuilds drive the same one.
pub trait Decoder: Send {
    /// Understands one frame and appends what it saw to `out`, oldest first.
    ///
    /// # Errors
    /// The frame is not what this venue sends; nothing was appended.
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError>;
}

/// The pure half of a WebSocket feed.
///
/// The runner drives it so: `reset`; every URL of `next_request` fetched and its body given to
/// `decode`; connect; send `subscribe`; then every frame to `decode`, and after each one send what
/// `outgoing` has; live as soon as `is_subscribed`. Replays and rebuilds call `decode` alone.
pub trait StreamProtocol: Decoder {
    /// The WebSocket URL.
    fn url(&self) -> &str;

    /// HTTP headers of the upgrade request, beside our own.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Forgets what belonged to the last connection (acknowledgements), keeps references.
    fn reset(&mut self);

    /// The next REST URL whose answer is needed before subscribing; `None` when all are in.
    /// Called again after each answer was decoded (paging).
    fn next_request(&mut self) -> Option<String>;

    /// Makes `next_request` start over, because the references are too old.
    fn forget_references(&mut self);

    /// The messages that subscribe to everything wanted.
    fn subscribe(&mut self) -> Vec<String>;

    /// Messages to send now, in answer to what was decoded; each is returned once.
    fn outgoing(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the venue has acknowledged everything that `subscribe` asked for.
    fn is_subscribed(&self) -> bool;

    /// How the connection is kept alive.
    fn heartbeat(&self) -> Heartbeat;

    /// After how long the venue ends every connection, or the references grow old, whichever is
    /// sooner: the runner opens the next connection before that. [`Duration::MAX`] where the venue
    /// allows one connection alone, which is then never replaced while it stands.
    fn rotate_after(&self) -> Duration;
}

/// What a polled feed asks next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Path and query below the feed's `rest_url`, or the method of a node. Kept with the answer as
    /// [`Payload::Answer`]'s `request`, so it never holds a key. What follows a `#` is not sent: it
    /// tells apart asks, and answers, of one URL.
    pub request: String,
    /// The body of a POST, JSON; a GET without one. For a node, the method's parameters.
    pub body: Option<String>,
    /// HTTP headers beside our own.
    pub headers: Vec<(&'static str, String)>,
}

impl Ask {
    /// A GET of `request`.
    pub fn get(request: impl Into<String>) -> Self {
        Self { request: request.into(), body: None, headers: Vec::new() }
    }
}

/// The pure half of a feed that asks again and again.
///
/// The runner drives it so: at every round `begin`, then each ask of `next_ask` in turn, its answer
/// given to `decode` as [`Payload::Answer`]; live after the first whole round.
///
/// An answer that the source calls unchanged, or that is byte for byte the one it gave to the same ask
/// in the last round (of this run or of the one before), is not decoded again: `next_ask` must get on
/// without it, and what it told is in the store.
pub trait PollProtocol: Decoder {
    /// Time between the starts of two rounds.
    fn every(&self) -> Duration;

    /// The least that a user may set `every` to: what the source bears.
    fn least_every(&self) -> Duration {
        self.every()
    }

    /// The least time between two asks.
    fn spacing(&self) -> Duration {
        Duration::from_millis(250)
    }

    /// Starts a round at `now`.
    fn begin(&mut self, now: Timestamp);

    /// The next ask of this round; `None` when the round is over. Called again after each answer.
    fn next_ask(&mut self) -> Option<Ask>;
}
