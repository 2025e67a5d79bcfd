//! Gives rows of history to the live feed's own decoder, in the live feed's own words, so that sides,
//! units and names are decided in one place.

use market::{Payload, Timestamp};

use crate::config::{FeedConfig, Instruments};
use crate::protocol::{Ask, DecodeError, FrameKind, Stamped, StreamProtocol};
use crate::venues::{Protocol, find};

use super::history::Span;

/// The live decoder of a stream, and what it told and refused since the last answer.
pub(super) struct Retold {
    live: Box<dyn StreamProtocol>,
    told: Vec<Stamped>,
    refused: Vec<String>,
}

impl Retold {
    /// The decoder of feed `id`, which keeps every instrument and asks below an empty base URL; `None`
    /// where that feed is no stream.
    pub(super) fn of(id: &str) -> Option<Self> {
        let config = FeedConfig {
            rest_url: Some(String::new()),
            instruments: Instruments::All,
            context: Instruments::Assets(Vec::new()),
            ..FeedConfig::default()
        };
        match find(id)?.protocol {
            Protocol::Stream(make) => {
                Some(Self { live: make(&config), told: Vec::new(), refused: Vec::new() })
            }
            Protocol::Poll(_) | Protocol::Node(_) => None,
        }
    }

    /// The next request that the decoder needs the answer of.
    pub(super) fn next_reference(&mut self) -> Option<Ask> {
        self.live.next_request().map(Ask::get)
    }

    /// Takes in the answer to it.
    pub(super) fn learn(&mut self, answer: &Payload) -> Result<(), DecodeError> {
        let payload = Payload::Text(answer.as_bytes().to_vec().into());
        match self.live.decode(&payload, &mut Vec::new())? {
            FrameKind::Reference(_) => Ok(()),
            FrameKind::Refused(words) => Err(DecodeError::Page { reason: words }),
            FrameKind::Data(_)
            | FrameKind::DataWithout { .. }
            | FrameKind::Ack
            | FrameKind::Keepalive
            | FrameKind::Closing(_)
            | FrameKind::Ignored(_) => Err(DecodeError::Unknown),
        }
    }

    /// Gives one frame to the decoder. `at` names it where it is refused.
    pub(super) fn take(&mut self, at: Timestamp, frame: String) {
        let payload = Payload::Text(frame.into());
        match self.live.decode(&payload, &mut self.told) {
            Ok(FrameKind::DataWithout { refused, .. }) => {
                self.refused.extend(refused.into_iter().map(|words| format!("{at}: {words}")));
            }
            Ok(FrameKind::Refused(words)) => self.refused.push(format!("{at}: {words}")),
            Ok(
                FrameKind::Data(_)
                | FrameKind::Reference(_)
                | FrameKind::Ack
                | FrameKind::Keepalive
                | FrameKind::Closing(_)
                | FrameKind::Ignored(_),
            ) => {}
            Err(error) => self.refused.push(format!("{at}: {error}")),
        }
    }

    /// Notes a row that did not even make a frame.
    pub(super) fn refuse(&mut self, words: String) {
        self.refused.push(words);
    }

    /// The liquidations of `span` told since the last call, each known since it happened, and what was
    /// refused.
    pub(super) fn drain(&mut self, span: Span) -> (Vec<Stamped>, Vec<String>) {
        let told = std::mem::take(&mut self.told).into_iter();
        let told = told
            .filter(|stamped| stamped.observation.liquidation().is_some() && span.has(stamped.event_time))
            .map(|stamped| Stamped { published: Some(stamped.event_time), ..stamped })
            .collect();
        (told, std::mem::take(&mut self.refused))
    }
}
