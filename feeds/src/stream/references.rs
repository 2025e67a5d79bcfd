//! Fetches the REST answers without which a venue's frames cannot be understood.

use bytes::Bytes;
use market::{GapCause, Payload};
use tokio::time::Instant;

use super::session::{Notice, Session, Source};
use crate::watch::FeedError;
use crate::watch::failure::{Ended, Failure};
use crate::watch::http::{self, BodyError};

use super::Station;

/// The longest REST answer accepted, in bytes. OKX's list of options is 6 MB.
const LONGEST_BODY: usize = 64 << 20;
/// More answers than any venue has pages: a protocol that asks on is going in circles.
const MOST_REQUESTS: u32 = 500;

/// Fetches what `session` needs before it can subscribe; nothing, while its references are fresh.
pub(super) async fn fetch_references(station: &Station<'_>, session: &mut Session) -> Result<(), Ended> {
    let is_old = session.referenced.is_some_and(|since| since.elapsed() >= station.timing.references_for);
    if is_old {
        session.protocol.forget_references();
        session.referenced = None;
    }
    for _ in 0..MOST_REQUESTS {
        let Some(url) = session.protocol.next_request() else {
            session.referenced.get_or_insert_with(Instant::now);
            return Ok(());
        };
        let body = station.outlet.unless_stopped(fetch(station, &url)).await??;
        let payload = match std::str::from_utf8(&body) {
            Ok(_) => Payload::Text(body),
            Err(_) => Payload::Binary(body),
        };
        let at = station.outlet.now();
        let (notice, _) = session.take(station, Source::Rest, (payload, at)).await?;
        match notice {
            Notice::None => {}
            Notice::Refused(words) => {
                return Err(Failure::new(GapCause::Refused, format!("{words} ({url})")).into());
            }
            Notice::Unreadable(reason) => {
                let words = format!("the answer of {url} cannot be read: {reason}");
                return Err(Failure::new(GapCause::Refused, words).into());
            }
        }
    }
    let words = format!("the venue's lists did not end after {MOST_REQUESTS} requests");
    Err(Failure::new(GapCause::Refused, words).into())
}

async fn fetch(station: &Station<'_>, url: &str) -> Result<Bytes, Ended> {
    let mut answer = station.http.get(url).send().await.map_err(|error| classify(station, url, error))?;
    let status = answer.status();
    if !status.is_success() {
        let refusal = http::refusal_of(status, answer.headers(), url);
        return Err(refusal.into_failure(&station.timing, station.outlet.now()).into());
    }
    http::body_of(&mut answer, LONGEST_BODY).await.map_err(|error| match error {
        BodyError::Broken(error) => classify(station, url, error),
        BodyError::TooLong(longest) => {
            let words = format!("the answer of {url} is longer than {longest} bytes");
            Failure::new(GapCause::Refused, words).into()
        }
    })
}

fn classify(station: &Station<'_>, url: &str, error: reqwest::Error) -> Ended {
    if error.is_builder() {
        return Ended::Fatal(FeedError::RestUrl {
            feed: station.outlet.feed().clone(),
            url: url.to_owned(),
            source: error,
        });
    }
    Failure::new(GapCause::Unreachable, http::words_of(&error)).into()
}
