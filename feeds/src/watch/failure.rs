//! Why watching ended, and when to try again.

use std::time::Duration;

use market::{Date, FeedState, GapCause, Timestamp};

use super::FeedError;
use super::timing::Timing;

/// The longest ban that a venue announces (Binance: three days); longer waits are taken for that.
const LONGEST_WAIT: Duration = Duration::from_hours(72);

/// How a phase of the runner ended, other than well.
#[derive(Debug)]
pub(crate) enum Ended {
    /// On request, or because nobody listens any more.
    Stopped,
    /// By something that a later attempt may mend.
    Failed(Failure),
    /// By something that none can.
    Fatal(FeedError),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Something that went wrong and may go better later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Why the feed cannot look.
    pub(crate) cause: GapCause,
    /// The particulars.
    pub(crate) detail: String,
    /// When to try again.
    pub(crate) retry: Retry,
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After the backoff.
    Backoff,
    /// After the wait that goes with an HTTP status.
    After(Refusal, Duration),
}

/// An HTTP status that says more than "not now".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 451.
    RegionBlocked,
    /// 403.
    Forbidden,
    /// 429.
    RateLimited,
    /// 418.
    Banned,
}

impl Refusal {
    /// The state that shows it.
    pub(crate) fn state(self, until: Timestamp) -> FeedState {
        match self {
            Self::RegionBlocked => FeedState::RegionBlocked { until },
            Self::Forbidden => FeedState::Forbidden { until },
            Self::RateLimited => FeedState::RateLimited { until },
            Self::Banned => FeedState::Banned { until },
        }
    }
}

impl Failure {
    /// A failure of `cause`, tried again after the backoff.
    pub(crate) fn new(cause: GapCause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), retry: Retry::Backoff }
    }
}

/// An HTTP answer that is not the one we asked for.
pub(crate) struct HttpAnswer<'a> {
    /// Its status.
    pub(crate) status: u16,
    /// The status in words, where it has some.
    pub(crate) reason: &'a str,
    /// Its `Retry-After` header.
    pub(crate) retry_after: Option<&'a str>,
    /// The URL that gave it.
    pub(crate) url: &'a str,
}

impl HttpAnswer<'_> {
    /// What the answer means for the next attempt.
    pub(crate) fn into_failure(self, timing: &Timing, now: Timestamp) -> Failure {
        let asked = || self.retry_after.and_then(|value| parse_retry_after(value, now));
        let retry = match self.status {
            451 => Retry::After(Refusal::RegionBlocked, timing.refused_wait),
            403 => Retry::After(Refusal::Forbidden, timing.refused_wait),
            429 => Retry::After(Refusal::RateLimited, asked().unwrap_or(timing.limited_wait)),
            418 => Retry::After(Refusal::Banned, asked().unwrap_or(timing.banned_wait)),
            _ => Retry::Backoff,
        };
        let detail = format!("HTTP {} {} from {}", self.status, self.reason, self.url);
        Failure { cause: GapCause::Refused, detail, retry }
    }
}

/// Understands `Retry-After`: seconds, or a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => parse_http_date(value)?.since(now),
    };
    Some(wait.clamp(Duration::from_secs(1), LONGEST_WAIT))
}

fn parse_http_date(value: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = value.split_ascii_whitespace().collect();
    let [_weekday, day, month, year, time, "GMT"] = parts[..] else {
        return None;
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)? as i8;
    let date = Date::from_ymd(year.parse().ok()?, month, day.parse().ok()?)?;
    let clock: Vec<u64> = time.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hour @ 0..24, minute @ 0..60, second @ 0..=60] = clock[..] else {
        return None;
    };
    Some(date.start().plus(Duration::from_secs(hour * 3600 + minute * 60 + second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("99999999999", Some(LONGEST_WAIT.as_secs())),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(1)),
            ("Sun, 06 Nov 2094 08:00:00 GMT", Some(LONGEST_WAIT.as_secs())),
            ("Sun, 31 Feb 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("soon", None),
            ("-3", None),
            ("", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(parse_retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn each_status_has_its_own_wait() {
        let timing = Timing::default();
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let cases = [
            (451, None, Retry::After(Refusal::RegionBlocked, minutes(15))),
            (403, Some("5"), Retry::After(Refusal::Forbidden, minutes(15))),
            (429, None, Retry::After(Refusal::RateLimited, minutes(1))),
            (429, Some("5"), Retry::After(Refusal::RateLimited, Duration::from_secs(5))),
            (429, Some("garbage"), Retry::After(Refusal::RateLimited, minutes(1))),
            (418, None, Retry::After(Refusal::Banned, minutes(10))),
            (418, Some("7200"), Retry::After(Refusal::Banned, minutes(120))),
            (503, Some("5"), Retry::Backoff),
            (404, None, Retry::Backoff),
        ];
        for (status, retry_after, retry) in cases {
            let answer = HttpAnswer { status, reason: "Words", retry_after, url: "wss://venue/ws" };
            let failure = answer.into_failure(&timing, Timestamp::EPOCH);
            assert_eq!(failure.retry, retry, "{status} {retry_after:?}");
            assert_eq!(failure.cause, GapCause::Refused);
            assert_eq!(failure.detail, format!("HTTP {status} Words from wss://venue/ws"));
        }
    }
}
