//! One kind of time: microseconds since 1970-01-01T00:00:00 UTC.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment: microseconds since the Unix epoch, UTC. Zones exist only at the edge of the program.
///
/// Shown and parsed as RFC 3339 with `Z`; a bare date means its first microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The last moment that can be shown: 9999-12-30T22:00:00Z, jiff's own limit.
const LATEST_MICROS: i64 = 253_402_207_200_000_000;
/// The first moment accepted from outside: the epoch. No market here is older.
const EARLIEST_MICROS: i64 = 0;

impl Timestamp {
    /// The epoch itself.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch; `None` outside the years 1970 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (EARLIEST_MICROS..=LATEST_MICROS).contains(&micros).then_some(Self(micros))
    }

    /// From milliseconds since the epoch, as most venues send; `None` outside 1970 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        millis.checked_mul(1_000).and_then(Self::from_micros)
    }

    /// Microseconds since the epoch.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment plus `span`, at most the latest moment.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(LATEST_MICROS))
    }

    /// This moment minus `span`, at least the epoch.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(EARLIEST_MICROS))
    }

    /// The UTC calendar day.
    pub fn date(self) -> Date {
        Date(self.0.div_euclid(86_400_000_000) as i32)
    }

    /// To the minute, as people write it: `2026-01-31T09:30Z`.
    pub fn to_minute(self) -> String {
        self.to_jiff().strftime("%Y-%m-%dT%H:%MZ").to_string()
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.to_jiff())
    }
}

/// Text that is neither an RFC 3339 time nor an ISO date between 1970 and 9999.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time; write 2026-01-31 or 2026-01-31T09:30:00Z")]
pub struct ParseTimeError {
    /// What was given.
    pub text: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.parse::<jiff::Timestamp>() {
            Ok(moment) => Self::from_micros(moment.as_microsecond()),
            Err(_) => Date::from_str(text).ok().map(Date::start),
        };
        parsed.ok_or_else(|| ParseTimeError { text: text.to_owned() })
    }
}

/// A UTC calendar day, as days since 1970-01-01. Shown and parsed as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Date(i32);

impl Date {
    /// From days since 1970-01-01; `None` outside the years 1970 to 9999.
    pub fn from_days(days: i32) -> Option<Self> {
        (0..=2_932_895).contains(&days).then_some(Self(days))
    }

    /// From a civil year, month and day; `None` when there is no such day.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        let civil = jiff::civil::Date::new(year, month, day).ok()?;
        let moment = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Self::from_days(i32::try_from(moment.as_second().div_euclid(86_400)).ok()?)
    }

    /// The first microsecond of the day.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * 86_400_000_000)
    }

    /// The day after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The day `days` after this one, or before it when negative; `None` outside the years 1970 to 9999.
    pub fn plus_days(self, days: i32) -> Option<Self> {
        self.0.checked_add(days).and_then(Self::from_days)
    }

    /// How many days after `earlier` this is; negative when it is before it.
    pub fn days_since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// The civil year.
    pub fn year(self) -> i16 {
        self.civil().year()
    }

    /// Whether it is a Saturday or a Sunday.
    pub fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        matches!((self.0 + 3).rem_euclid(7), 5 | 6)
    }

    fn civil(self) -> jiff::civil::Date {
        self.start().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// The day as `YYYYMMDD`, the form dated futures carry in their names.
    pub fn compact(self) -> String {
        let civil = self.civil();
        format!("{:04}{:02}{:02}", civil.year(), civil.month(), civil.day())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.civil())
    }
}

impl FromStr for Date {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseTimeError { text: text.to_owned() };
        let civil: jiff::civil::Date = text.parse().map_err(|_| refused())?;
        Self::from_ymd(civil.year(), civil.month(), civil.day()).ok_or_else(refused)
    }
}

/// Where the program learns what time it is; injected, so that tests and replays set it.
pub trait Clock: Send + Sync {
    /// The current moment.
    fn now(&self) -> Timestamp;
}

/// A clock that shows what it was last told: for replays and tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Shows `moment` from now on.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.0, Ordering::Release);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_prints_microseconds_and_parses_back() {
        let moment = Timestamp::from_millis(1_767_695_630_199).expect("in range");
        assert_eq!(moment.to_string(), "2026-01-06T10:33:50.199000Z");
        assert_eq!(moment.to_string().parse(), Ok(moment));
        assert_eq!(moment.to_minute(), "2026-01-06T10:33Z");
    }

    #[test]
    fn a_bare_date_is_its_first_microsecond() {
        assert_eq!("2026-01-06".parse(), Ok(Date::from_ymd(2026, 1, 6).expect("a day").start()));
        assert!("06/01/2026".parse::<Timestamp>().is_err());
        assert!("2026-02-30".parse::<Timestamp>().is_err());
    }

    #[test]
    fn days_are_counted_and_weekends_known() {
        let friday = Date::from_ymd(2025, 10, 10).expect("a day");
        let found: Vec<bool> =
            (0..4).map(|days| friday.plus_days(days).expect("a day").is_weekend()).collect();
        assert_eq!(found, [false, true, true, false]);
        let halving = Date::from_ymd(2024, 4, 20).expect("a day");
        assert_eq!((friday.days_since(halving), halving.days_since(friday)), (538, -538));
        assert_eq!(halving.plus_days(538), Some(friday));
        assert_eq!((friday.year(), Date::from_days(0).and_then(|day| day.plus_days(-1))), (2025, None));
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        let moment: Timestamp = "2026-01-06T05:33:50-05:00".parse().expect("valid");
        assert_eq!(moment.to_string(), "2026-01-06T10:33:50.000000Z");
    }

    proptest! {
        #[test]
        fn every_moment_survives_text(micros in EARLIEST_MICROS..=LATEST_MICROS) {
            let moment = Timestamp::from_micros(micros).expect("in range");
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
            prop_assert!(moment.date().start() <= moment && moment < moment.date().next().start());
            prop_assert_eq!(moment.date().to_string().parse(), Ok(moment.date()));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Timestamp>();
            let _ = text.parse::<Date>();
        }
    }
}
