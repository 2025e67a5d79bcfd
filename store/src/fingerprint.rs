//! Recognising a frame that a store already holds.

use std::fmt;

use market::{Payload, RawFrame};
use xxhash_rust::xxh3::Xxh3;

/// 128 bits that stand for a frame's feed, receive time and payload. Stable across versions.
///
/// Not safe against someone who forges frames on purpose; chance collisions are out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The fingerprint of a frame: `XXH3-128` over the feed's name, a zero byte, the receive time in
/// microseconds (little-endian), `t`, `b` or `a` for text, binary or answer, and the payload; an answer's
/// request and a zero byte before it.
pub fn fingerprint(frame: &RawFrame) -> Fingerprint {
    let kind: &[u8] = match frame.payload {
        Payload::Text(_) => b"t",
        Payload::Binary(_) => b"b",
        Payload::Answer { .. } => b"a",
    };
    let mut hash = Xxh3::new();
    hash.update(frame.feed.as_str().as_bytes());
    hash.update(&[0]);
    hash.update(&frame.receive_time.as_micros().to_le_bytes());
    hash.update(kind);
    if let Some(request) = frame.payload.request() {
        hash.update(request.as_bytes());
        hash.update(&[0]);
    }
    hash.update(frame.payload.as_bytes());
    Fingerprint(hash.digest128())
}

#[cfg(test)]
mod tests {
    use market::{FeedId, Timestamp};

    use super::*;

    fn frame(feed: &str, micros: i64, payload: Payload) -> RawFrame {
        RawFrame {
            feed: FeedId::new(feed),
            receive_time: Timestamp::from_micros(micros).expect("in range"),
            payload,
        }
    }

    #[test]
    fn a_fingerprint_never_changes_between_versions() {
        let known = frame("okx", 1_767_695_630_199_000, Payload::Text("{\"arg\":{}}".into()));
        assert_eq!(fingerprint(&known).to_string(), "60f32031b8096a8837a8510d9fa4f346");
    }

    #[test]
    fn every_part_counts() {
        let base = frame("okx", 1, Payload::Text("a".into()));
        for other in [
            frame("okx2", 1, Payload::Text("a".into())),
            frame("okx", 2, Payload::Text("a".into())),
            frame("okx", 1, Payload::Binary("a".into())),
            frame("okx", 1, Payload::Text("b".into())),
        ] {
            assert_ne!(fingerprint(&base), fingerprint(&other), "{other:?}");
        }
        assert_eq!(fingerprint(&base), fingerprint(&base.clone()));
    }
}
