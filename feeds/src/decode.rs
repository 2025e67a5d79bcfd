//! One frame understood: shared by live feeds, replays and rebuilds, so that they cannot differ.

use std::borrow::Cow;

use market::{MarketEvent, RawFrame};

use crate::protocol::{Decoder, FrameKind, Stamped};

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was understood.
    Understood(FrameKind),
    /// It was not; the reason, in words.
    Rejected(String),
}

impl Verdict {
    /// Whether the frame belongs in the journal.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Understood(kind) => kind.is_kept(),
            Self::Rejected(_) => true,
        }
    }

    /// What is wrong with the frame, or with some of its rows, in words.
    pub fn complaint(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Rejected(reason) => Some(Cow::Borrowed(reason)),
            Self::Understood(FrameKind::DataWithout { refused, .. }) => Some(Cow::Owned(refused.join("; "))),
            Self::Understood(
                FrameKind::Data(_)
                | FrameKind::Reference(_)
                | FrameKind::Ack
                | FrameKind::Keepalive
                | FrameKind::Refused(_)
                | FrameKind::Closing(_)
                | FrameKind::Ignored(_),
            ) => None,
        }
    }

    /// What the frame is counted under.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Understood(kind) => kind.label(),
            Self::Rejected(_) => "rejected",
        }
    }
}

/// A frame, what it turned out to be, and the events in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The frame as it came.
    pub frame: RawFrame,
    /// What became of it.
    pub verdict: Verdict,
    /// The events in it, oldest first; empty unless it was understood as data.
    pub events: Vec<MarketEvent>,
}

/// Decodes `frame`. What it tells is known at its receive time, history in it since it was published.
pub fn decode_frame(decoder: &mut dyn Decoder, frame: RawFrame) -> Decoded {
    let mut stamped: Vec<Stamped> = Vec::new();
    let verdict = match decoder.decode(&frame.payload, &mut stamped) {
        Ok(kind) => Verdict::Understood(kind),
        Err(error) => {
            stamped.clear();
            Verdict::Rejected(error.to_string())
        }
    };
    let events = stamped
        .into_iter()
        .map(|Stamped { event_time, published, observation }| MarketEvent {
            feed: frame.feed.clone(),
            event_time: if event_time == Stamped::UNTOLD { frame.receive_time } else { event_time },
            receive_time: frame.receive_time,
            known_at: published.map_or(frame.receive_time, |at| at.min(frame.receive_time)),
            observation,
        })
        .collect();
    Decoded { frame, verdict, events }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use market::{FeedId, Gap, GapCause, Observation, Payload, Timestamp};

    use super::*;
    use crate::protocol::DecodeError;

    struct Untimed;

    impl Decoder for Untimed {
        fn decode(&mut self, _: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
            let gap =
                Gap { from: Timestamp::EPOCH, until: None, cause: GapCause::Silent, detail: String::new() };
            let told = Timestamp::from_millis(1_790_000_000_000).unwrap();
            out.push(Stamped::untimed(Observation::Gap(gap.clone())));
            out.push(Stamped::news(told, Observation::Gap(gap)));
            Ok(FrameKind::Data("event"))
        }
    }

    #[test]
    fn the_receive_time_stands_for_an_event_time_that_the_venue_does_not_tell() {
        let receive_time = Timestamp::from_millis(1_791_000_000_000).unwrap();
        let payload = Payload::Text(Bytes::from_static(b"x"));
        let decoded =
            decode_frame(&mut Untimed, RawFrame { feed: FeedId::new("bitmex"), receive_time, payload });
        let times: Vec<i64> =
            decoded.events.iter().map(|event| event.event_time.as_micros() / 1_000).collect();
        assert_eq!(times, [1_791_000_000_000, 1_790_000_000_000]);
    }
}
