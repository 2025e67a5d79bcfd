//! HTTP as every feed speaks it: identified, without a proxy, bounded, and with its failures in words.

use std::error::Error;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{ClientBuilder, Response};

use super::USER_AGENT;
use super::failure::HttpAnswer;
use super::timing::Timing;

/// A client that trusts whom `tls` trusts.
pub(crate) fn client(tls: &rustls::ClientConfig, timing: &Timing) -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .tls_backend_preconfigured(rustls::ClientConfig::clone(tls))
        .connect_timeout(timing.connect_within)
        .read_timeout(timing.connect_within)
        // A proxy is found in the environment, which feeds do not read.
        .no_proxy()
}

/// Why a body could not be read.
pub(crate) enum BodyError {
    /// The connection failed.
    Broken(reqwest::Error),
    /// It is longer than that many bytes.
    TooLong(usize),
}

/// The whole body of `answer`, at most `longest` bytes.
pub(crate) async fn body_of(answer: &mut Response, longest: usize) -> Result<Bytes, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > longest {
            return Err(BodyError::TooLong(longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(body))
}

/// The status line and headers of `answer`, to be turned into a failure.
pub(crate) fn refusal_of<'a>(
    status: reqwest::StatusCode,
    headers: &'a HeaderMap,
    url: &'a str,
) -> HttpAnswer<'a> {
    HttpAnswer {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default(),
        retry_after: headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()),
        url,
    }
}

/// reqwest's own words stop short of the reason, which is in its sources.
pub(crate) fn words_of(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
