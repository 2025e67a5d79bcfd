//! What one connection is about: its protocol, and how a message becomes a frame on its way out.

use std::time::Duration;

use market::{Payload, RawFrame, Timestamp};
use tokio::time::Instant;
use tracing::warn;

use crate::decode::{Verdict, decode_frame};
use crate::protocol::{FrameKind, StreamProtocol};

use super::connection::{Heard, Link};
use super::overlap::Seat;
use crate::watch::FeedMessage;
use crate::watch::failure::Ended;

use super::Station;

/// A protocol, and what it knows from REST answers. Outlives connections.
pub(super) struct Session {
    pub(super) protocol: Box<dyn StreamProtocol>,
    /// When its references were complete.
    pub(super) referenced: Option<Instant>,
    /// The venue's words, where it announced the end of this connection.
    pub(super) closing: Option<String>,
}

/// Where a message came from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A REST answer.
    Rest,
    /// The WebSocket connection on this seat.
    Socket(Seat),
}

/// What a message meant for the connection.
pub(super) enum Notice {
    /// Nothing.
    None,
    /// The venue refused what we asked for, in these words.
    Refused(String),
    /// It could not be understood, for this reason.
    Unreadable(String),
}

impl Session {
    pub(super) fn new(protocol: Box<dyn StreamProtocol>) -> Self {
        Self { protocol, referenced: None, closing: None }
    }

    /// The WebSocket URL.
    pub(super) fn url(&self) -> String {
        self.protocol.url().to_owned()
    }

    /// Decodes a message and hands it on, unless the other connection did; how long that took where
    /// there was no room.
    pub(super) async fn take(
        &mut self,
        station: &Station<'_>,
        source: Source,
        message: (Payload, Timestamp),
    ) -> Result<(Notice, Duration), Ended> {
        let (payload, receive_time) = message;
        let feed = station.outlet.feed().clone();
        let decoded = decode_frame(self.protocol.as_mut(), RawFrame { feed, receive_time, payload });
        let notice = match &decoded.verdict {
            Verdict::Understood(FrameKind::Refused(words)) => Notice::Refused(words.clone()),
            Verdict::Understood(FrameKind::Closing(words)) => {
                self.closing = Some(words.clone());
                Notice::None
            }
            Verdict::Understood(
                FrameKind::Data(_)
                | FrameKind::DataWithout { .. }
                | FrameKind::Reference(_)
                | FrameKind::Ack
                | FrameKind::Keepalive
                | FrameKind::Ignored(_),
            ) => Notice::None,
            Verdict::Rejected(reason) => Notice::Unreadable(reason.clone()),
        };
        // The small talk belongs to one connection; the rest is the venue's word to all of them.
        let is_repeat = match source {
            Source::Rest => false,
            Source::Socket(seat) => {
                decoded.verdict.is_kept() && station.overlap().is_repeat(seat, &decoded.frame.payload)
            }
        };
        if is_repeat {
            return Ok((notice, Duration::ZERO));
        }
        let waited = station.outlet.send(FeedMessage::Frame(decoded)).await?;
        Ok((notice, waited))
    }
}

/// A subscribed connection with its session.
pub(super) struct Line {
    pub(super) session: Session,
    pub(super) link: Link,
    pub(super) seat: Seat,
}

impl Line {
    /// Takes in what was heard, and answers it; how long that took where there was no room.
    pub(super) async fn take(&mut self, station: &Station<'_>, heard: Heard) -> Result<Duration, Ended> {
        let (notice, waited) = answer(station, &mut self.session, &mut self.link, (self.seat, heard)).await?;
        if let Notice::Refused(words) = notice {
            warn!(feed = %station.outlet.feed(), words, "the venue refused part of the subscription");
        }
        Ok(waited)
    }
}

/// Takes in what was heard on `link`, then sends what the protocol has to say to it.
pub(super) async fn answer(
    station: &Station<'_>,
    session: &mut Session,
    link: &mut Link,
    (seat, heard): (Seat, Heard),
) -> Result<(Notice, Duration), Ended> {
    let Heard::Message(payload, at) = heard else {
        return Ok((Notice::None, Duration::ZERO));
    };
    let (notice, waited) = session.take(station, Source::Socket(seat), (payload, at)).await?;
    link.forgive(waited);
    for text in session.protocol.outgoing() {
        link.say(text).await?;
    }
    Ok((notice, waited))
}
