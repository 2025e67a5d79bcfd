//! Gets answers over HTTP: identified, conditional, bounded, and never sending a key to another host.

use market::{FeedId, GapCause};
use reqwest::header::{
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use reqwest::{RequestBuilder, StatusCode, redirect};

use crate::config::FeedConfig;
use crate::tls::client_config;
use crate::venues::FeedRow;
use crate::watch::FeedError;
use crate::watch::failure::{Ended, Failure};
use crate::watch::http::{self, BodyError};
use crate::watch::timing::Timing;

use super::Source;
use super::fetch::{Answer, Body, Fetch, Question, Validators};

/// The longest answer accepted, in bytes. Farside's whole table is 0.5 MB.
const LONGEST_BODY: usize = 16 << 20;
/// More redirects than any source needs.
const MOST_REDIRECTS: usize = 5;

/// Asks below one base URL.
pub(crate) struct HttpFetch {
    feed: FeedId,
    base: String,
    keys: &'static [&'static str],
    client: reqwest::Client,
    timing: Timing,
}

impl HttpFetch {
    pub(super) fn new(source: &Source, timing: &Timing) -> Result<Self, FeedError> {
        Self::below_base(source.row, &source.config, timing)
    }

    /// Asks below `config`'s `rest_url`, or the row's own.
    pub(crate) fn below_base(row: &FeedRow, config: &FeedConfig, timing: &Timing) -> Result<Self, FeedError> {
        let feed = FeedId::new(row.id);
        let base = config.rest_url.clone().unwrap_or_else(|| row.rest_url.to_owned());
        let tls = client_config(config.ca_file.as_deref())
            .map_err(|source| FeedError::Tls { feed: feed.clone(), source })?;
        let client = http::client(&tls, timing)
            .timeout(timing.answer_within)
            .redirect(redirect::Policy::custom(stay_at_home))
            .build()
            .map_err(|source| FeedError::Http { feed: feed.clone(), source })?;
        if let Err(source) = client.get(&base).build() {
            return Err(FeedError::RestUrl { feed, url: base, source });
        }
        Ok(Self { feed, base, keys: row.keys, client, timing: timing.clone() })
    }

    fn request(&self, question: Question<'_>, url: &str) -> RequestBuilder {
        let Question { ask, validators, .. } = question;
        let mut headers = Vec::new();
        let mut request = if let Some(body) = &ask.body {
            headers.push((CONTENT_TYPE, "application/json"));
            self.client.post(url).body(body.clone())
        } else {
            headers.extend(validators.etag.as_deref().map(|tag| (IF_NONE_MATCH, tag)));
            headers.extend(validators.last_modified.as_deref().map(|date| (IF_MODIFIED_SINCE, date)));
            self.client.get(url)
        };
        let overrides = |name: &HeaderName| ask.headers.iter().any(|(own, _)| name == own);
        for (name, value) in headers.iter().filter(|(name, _)| !overrides(name)) {
            request = request.header(name, *value);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        request
    }

    fn classify(&self, url: &str, error: reqwest::Error) -> Ended {
        if error.is_builder() {
            return Ended::Fatal(FeedError::RestUrl {
                feed: self.feed.clone(),
                url: url.to_owned(),
                source: error,
            });
        }
        Failure::new(GapCause::Unreachable, http::words_of(&error)).into()
    }

    /// What a status other than success means for the round; `None` where only this ask is concerned.
    fn refusal(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        question: Question<'_>,
        url: &str,
    ) -> Option<Ended> {
        let concerns_all =
            matches!(status.as_u16(), 401 | 403 | 407 | 418 | 429 | 451) || status.is_redirection();
        if !concerns_all {
            return None;
        }
        let refusal = http::refusal_of(status, headers, url);
        if status == StatusCode::UNAUTHORIZED && !self.keys.is_empty() {
            let (feed, names) = (self.feed.clone(), self.keys.join(", "));
            let answer = format!("HTTP 401 Unauthorized from {url}");
            return Some(Ended::Fatal(FeedError::KeyRefused { feed, names, answer }));
        }
        Some(refusal.into_failure(&self.timing, question.now).into())
    }
}

impl Fetch for HttpFetch {
    async fn fetch(&mut self, question: Question<'_>) -> Result<Answer, Ended> {
        // What follows a `#` tells asks apart that are sent to one URL.
        let path = question.ask.request.split('#').next().unwrap_or_default();
        let url = format!("{}{path}", self.base);
        let sent = self.request(question, &url).send().await;
        let mut answer = sent.map_err(|error| self.classify(&url, error))?;
        let status = answer.status();
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Answer::Unchanged);
        }
        if let Some(ended) = self.refusal(status, answer.headers(), question, &url) {
            return Err(ended);
        }
        let words = format!("HTTP {status}");
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Ok(Answer::None(format!("{words} from {url}")));
        }
        let header =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let validators = Validators { etag: header(ETAG), last_modified: header(LAST_MODIFIED) };
        let complaint = (!status.is_success()).then_some(words);
        match http::body_of(&mut answer, LONGEST_BODY).await {
            Ok(bytes) => Ok(Answer::Body(Body { bytes, complaint, validators })),
            Err(BodyError::Broken(error)) => Err(self.classify(&url, error)),
            Err(BodyError::TooLong(longest)) => {
                Ok(Answer::None(format!("the answer of {url} is longer than {longest} bytes")))
            }
        }
    }
}

/// Follows a redirect on the same host alone: the next one would be given our keys.
fn stay_at_home(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let is_home = attempt.previous().last().is_some_and(|from| {
        let to = attempt.url();
        let is_no_weaker = from.scheme() == to.scheme() || to.scheme() == "https";
        from.host_str() == to.host_str() && is_no_weaker
    });
    if is_home && attempt.previous().len() <= MOST_REDIRECTS { attempt.follow() } else { attempt.stop() }
}
