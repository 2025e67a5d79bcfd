//! What a venue really sent: raw bytes with the time they reached us.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::feed::FeedId;
use crate::time::Timestamp;

/// The bytes of one message, as the venue sent them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// A text message: valid UTF-8. Also the body of a REST answer that a decoder needs.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// The answer to a request of a feed that asks: a body that may not say itself what it is about.
    Answer {
        /// What was asked: path and query, or the method of a node. Never a host, never a key.
        request: SmolStr,
        /// The body.
        body: Bytes,
    },
}

impl Payload {
    /// The bytes, whatever their kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) | Self::Answer { body: bytes, .. } => bytes,
        }
    }

    /// What was asked for, where this answers a request.
    pub fn request(&self) -> Option<&str> {
        match self {
            Self::Answer { request, .. } => Some(request),
            Self::Text(_) | Self::Binary(_) => None,
        }
    }
}

/// One message of one feed. A REST answer that a decoder needs (contract values, rosters) is a
/// frame like any other, so that a journal or a recording is complete by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFrame {
    /// The feed it arrived on.
    pub feed: FeedId,
    /// When our socket returned the bytes.
    pub receive_time: Timestamp,
    /// What the venue sent.
    pub payload: Payload,
}
