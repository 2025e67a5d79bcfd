//! Opens a connection: references, upgrade, subscription, until the venue has acknowledged it all.

use std::collections::VecDeque;

use market::{FeedState, GapCause};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use super::Station;
use super::connection::{Link, showable};
use super::overlap::Seat;
use super::references::fetch_references;
use super::session::{Line, Notice, Session, answer};
use crate::watch::failure::{Ended, Failure};

/// Whether the phases of opening are the feed's state: not while another connection is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announce {
    /// They are.
    States,
    /// They are not.
    Nothing,
}

/// Opens a connection for `session` and subscribes to everything it wants.
pub(super) async fn open(
    station: &Station<'_>,
    session: &mut Session,
    seat: Seat,
    announce: Announce,
) -> Result<Link, Ended> {
    session.protocol.reset();
    session.closing = None;
    announce.state(station, FeedState::Connecting).await?;
    fetch_references(station, session).await?;
    let url = session.url();
    let (headers, heartbeat) = (session.protocol.headers(), session.protocol.heartbeat());
    // The handshake's future is 20 KB, which every future around it would carry for good.
    let dialled = Box::pin(Link::dial(station, &url, headers, heartbeat));
    let mut link = station.outlet.unless_stopped(dialled).await??;
    debug!(feed = %station.outlet.feed(), url = showable(&url), "connected");
    announce.state(station, FeedState::Subscribing).await?;
    subscribe(station, session, seat, &mut link).await?;
    info!(feed = %station.outlet.feed(), url = showable(&url), "subscribed");
    Ok(link)
}

/// Opens the connection that takes over from the one on the other seat, with references of its own.
pub(super) async fn open_successor(station: &Station<'_>, seat: Seat) -> Result<Line, Ended> {
    let mut session = station.new_session();
    let link = open(station, &mut session, seat, Announce::Nothing).await?;
    Ok(Line { session, link, seat })
}

impl Announce {
    async fn state(self, station: &Station<'_>, state: FeedState) -> Result<(), Ended> {
        match self {
            Self::States => station.outlet.state(state).await,
            Self::Nothing => Ok(()),
        }
    }
}

/// Sends the messages that subscribe, at the venue's pace, and waits for the last acknowledgement.
async fn subscribe(
    station: &Station<'_>,
    session: &mut Session,
    seat: Seat,
    link: &mut Link,
) -> Result<(), Ended> {
    let timing = &station.timing;
    let mut requests = VecDeque::from(session.protocol.subscribe());
    // While there are requests left, when the next one is sent; then, how long the venue may take.
    let mut due = Instant::now();
    if requests.is_empty() {
        due += timing.acknowledge_within;
    }
    while !requests.is_empty() || !session.protocol.is_subscribed() {
        if Instant::now() >= due {
            let Some(request) = requests.pop_front() else {
                let seconds = timing.acknowledge_within.as_secs_f64();
                return Err(rejected(format!("no acknowledgement within {seconds} s")));
            };
            link.say(request).await?;
            due = Instant::now()
                + if requests.is_empty() { timing.acknowledge_within } else { timing.between_requests };
        }
        let heard = tokio::select! {
            biased;
            () = station.outlet.stopped() => {
                link.close(timing.stop_within).await;
                return Err(Ended::Stopped);
            }
            heard = link.hear(station.outlet) => heard?,
            () = sleep_until(due) => continue,
        };
        let (notice, waited) = answer(station, session, link, (seat, heard)).await?;
        due += waited;
        match notice {
            Notice::Refused(words) => return Err(rejected(words)),
            // A frame that cannot be understood ends nothing.
            Notice::None | Notice::Unreadable(_) => {}
        }
    }
    Ok(())
}

fn rejected(words: String) -> Ended {
    Failure::new(GapCause::SubscriptionRejected, words).into()
}
