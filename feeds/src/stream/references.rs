//! Fetches the REST answers without which a venue's frames cannot be understood.

use std::error::Error;

use bytes::Bytes;
use market::{GapCause, Payload};
use reqwest::header::RETRY_AFTER;
use tokio::time::Instant;

use super::failure::{Ended, Failure, HttpAnswer};
use super::session::{Notice, Session, Source};
use super::{FeedError, Station};

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
        let answer = HttpAnswer {
            status: status.as_u16(),
            reason: status.canonical_reason().unwrap_or_default(),
            retry_after: answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()),
            url,
        };
        return Err(answer.into_failure(&station.timing, station.outlet.now()).into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| classify(station, url, error))? {
        if body.len() + chunk.len() > LONGEST_BODY {
            let words = format!("the answer of {url} is longer than {LONGEST_BODY} bytes");
            return Err(Failure::new(GapCause::Refused, words).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(body))
}

fn classify(station: &Station<'_>, url: &str, error: reqwest::Error) -> Ended {
    if error.is_builder() {
        return Ended::Fatal(FeedError::RestUrl {
            feed: station.outlet.feed().clone(),
            url: url.to_owned(),
            source: error,
        });
    }
    // reqwest's own words stop short of the reason, which is in its sources.
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    Failure::new(GapCause::Unreachable, words).into()
}
