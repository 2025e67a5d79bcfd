//! When the New York Stock Exchange trades: sessions, trading days, and the clock of New York.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::reference::{self, Reader, ReferenceError};
use crate::time::{Date, Timestamp};

/// The part of the day in which a US share trades, by the hours of the consolidated tape in New York.
///
/// Venues that trade overnight are not on it: their hours count as closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Session {
    /// No session: nights, weekends, holidays.
    Closed,
    /// 04:00 to 09:30.
    Pre,
    /// 09:30 to 16:00; to 13:00 on half days.
    Regular,
    /// 16:00 to 20:00; 13:00 to 17:00 on half days.
    Post,
}

impl Session {
    /// The word in tables and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Pre => "pre",
            Self::Regular => "regular",
            Self::Post => "post",
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The exchange's calendar. Every answer is `None` outside the years it covers, rather than a guess.
#[derive(Clone, Debug)]
pub struct NyseCalendar {
    first: Date,
    last: Date,
    /// Weekdays without trading, and why.
    closed: BTreeMap<Date, String>,
    half_days: BTreeSet<Date>,
    /// By year: the moments at which New York goes to daylight time and back.
    daylight: BTreeMap<i16, (Timestamp, Timestamp)>,
}

/// The shipped calendar: `data/nyse.toml`.
pub fn nyse() -> &'static NyseCalendar {
    static CALENDAR: LazyLock<NyseCalendar> = LazyLock::new(|| {
        let text = include_str!("../../data/nyse.toml");
        NyseCalendar::parse(text, "data/nyse.toml").expect("a test parses the shipped calendar")
    });
    &CALENDAR
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Year {
    #[serde(deserialize_with = "reference::date")]
    daylight_from: Date,
    #[serde(deserialize_with = "reference::date")]
    daylight_until: Date,
    #[serde(deserialize_with = "reference::dates")]
    half_days: Vec<Date>,
    closed: BTreeMap<String, String>,
}

const OPEN: Duration = Duration::from_mins(9 * 60 + 30);
const CLOSE: Duration = Duration::from_hours(16);
const HALF_DAY_CLOSE: Duration = Duration::from_hours(13);
const PRE_OPEN: Duration = Duration::from_hours(4);
/// From the close to the end of late trading.
const LATE: Duration = Duration::from_hours(4);
/// New York's clock changes at 02:00: 07:00 UTC from standard time, 06:00 UTC from daylight time.
const SPRING: Duration = Duration::from_hours(7);
const AUTUMN: Duration = Duration::from_hours(6);

impl NyseCalendar {
    /// Reads a calendar of consecutive years.
    ///
    /// # Errors
    /// The text is no such calendar; the error names the year and what is wrong in it.
    fn parse(text: &str, origin: &str) -> Result<Self, ReferenceError> {
        let reader = Reader { origin };
        let mut closed = BTreeMap::new();
        let mut half_days = BTreeSet::new();
        let mut daylight: BTreeMap<i16, (Timestamp, Timestamp)> = BTreeMap::new();
        for (key, value) in reader.table(text)? {
            let number: i16 = key.parse().map_err(|_| reader.refuse(&key, "not a year"))?;
            let year: Year = reader.entry(&key, value)?;
            let days = [year.daylight_from, year.daylight_until].into_iter().chain(year.half_days.clone());
            for day in days {
                if day.year() != number {
                    return Err(reader.refuse(&key, format!("{day} is not in that year")));
                }
            }
            for (day, why) in year.closed {
                let day: Date = day.parse().map_err(|error| reader.refuse(&key, format!("{error}")))?;
                if day.year() != number || day.is_weekend() {
                    return Err(reader.refuse(&key, format!("closed.{day} is not a weekday of that year")));
                }
                closed.insert(day, why);
            }
            for day in year.half_days {
                if day.is_weekend() || closed.contains_key(&day) {
                    return Err(reader.refuse(&key, format!("half_days has {day}, a day without trading")));
                }
                half_days.insert(day);
            }
            let change = (year.daylight_from.start().plus(SPRING), year.daylight_until.start().plus(AUTUMN));
            if change.0 >= change.1 {
                return Err(reader.refuse(&key, "daylight_from is not before daylight_until"));
            }
            daylight.insert(number, change);
        }
        let ends = daylight.keys().next().copied().zip(daylight.keys().next_back().copied());
        let Some((first, last)) = ends else { return Err(reader.refuse("", "no year")) };
        if daylight.len() != usize::try_from(last - first).unwrap_or(0) + 1 {
            return Err(reader.refuse("", format!("years are missing between {first} and {last}")));
        }
        let bounds = Date::from_ymd(first, 1, 1).zip(Date::from_ymd(last, 12, 31));
        let Some((first, last)) = bounds else { return Err(reader.refuse("", "years before 1970")) };
        Ok(Self { first, last, closed, half_days, daylight })
    }

    /// The first and the last day covered.
    pub fn covers(&self) -> (Date, Date) {
        (self.first, self.last)
    }

    /// What New York's clock is behind UTC on a day and in an hour: four hours in summer, else five.
    fn behind(&self, at: Timestamp) -> Option<Duration> {
        let (spring, autumn) = self.daylight.get(&at.date().year())?;
        Some(Duration::from_hours(if (*spring..*autumn).contains(&at) { 4 } else { 5 }))
    }

    /// New York's day and the time since its midnight. The hour that the clock shows twice is told
    /// once from each side; no session touches it.
    fn local(&self, at: Timestamp) -> Option<(Date, Duration)> {
        // The last hours of the last covered day are the next year in UTC, and standard time.
        let behind =
            self.behind(at).or_else(|| (at.date() == self.last.next()).then_some(Duration::from_hours(5)))?;
        let wall = at.minus(behind);
        (self.first..=self.last)
            .contains(&wall.date())
            .then(|| (wall.date(), wall.since(wall.date().start())))
    }

    /// The moment at which New York's clock shows `since_midnight` on `date`. Sessions lie after 03:00.
    fn moment(&self, date: Date, since_midnight: Duration) -> Option<Timestamp> {
        // Noon UTC is after either change of the clock.
        let behind = self.behind(date.start().plus(Duration::from_hours(12)))?;
        Some(date.start().plus(since_midnight).plus(behind))
    }

    /// New York's calendar day at `at`.
    pub fn trade_date(&self, at: Timestamp) -> Option<Date> {
        self.local(at).map(|(date, _)| date)
    }

    /// Which session it is at `at`.
    pub fn session(&self, at: Timestamp) -> Option<Session> {
        let (date, clock) = self.local(at)?;
        if !self.is_trading_day(date)? {
            return Some(Session::Closed);
        }
        let close = self.close_clock(date);
        Some(match clock {
            clock if clock < PRE_OPEN || clock >= close + LATE => Session::Closed,
            clock if clock < OPEN => Session::Pre,
            clock if clock < close => Session::Regular,
            _ => Session::Post,
        })
    }

    /// Whether there is a session on `date`.
    pub fn is_trading_day(&self, date: Date) -> Option<bool> {
        let is_covered = (self.first..=self.last).contains(&date);
        is_covered.then(|| !date.is_weekend() && !self.closed.contains_key(&date))
    }

    /// Why there is no session on this weekday: `Good Friday`.
    pub fn holiday(&self, date: Date) -> Option<&str> {
        self.closed.get(&date).map(String::as_str)
    }

    /// Whether the session on `date` ends at 13:00.
    pub fn is_half_day(&self, date: Date) -> Option<bool> {
        self.is_trading_day(date).map(|_| self.half_days.contains(&date))
    }

    fn close_clock(&self, date: Date) -> Duration {
        if self.half_days.contains(&date) { HALF_DAY_CLOSE } else { CLOSE }
    }

    /// When the regular session of `date` begins; `None` too where there is none.
    pub fn open(&self, date: Date) -> Option<Timestamp> {
        self.is_trading_day(date)?.then(|| self.moment(date, OPEN))?
    }

    /// When the regular session of `date` ends; `None` too where there is none.
    pub fn close(&self, date: Date) -> Option<Timestamp> {
        self.is_trading_day(date)?.then(|| self.moment(date, self.close_clock(date)))?
    }

    /// The last trading day before `date`.
    pub fn previous_trading_day(&self, date: Date) -> Option<Date> {
        self.walk(date, -1)
    }

    /// The first trading day after `date`.
    pub fn next_trading_day(&self, date: Date) -> Option<Date> {
        self.walk(date, 1)
    }

    fn walk(&self, from: Date, step: i32) -> Option<Date> {
        let mut day = from.plus_days(step)?;
        while !self.is_trading_day(day)? {
            day = day.plus_days(step)?;
        }
        Some(day)
    }

    /// The end of the last regular session that was over at `at`; `at` itself when it is a close.
    pub fn last_close_before(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.trade_date(at)?;
        match self.close(today) {
            Some(close) if close <= at => Some(close),
            _ => self.close(self.previous_trading_day(today)?),
        }
    }
}

#[cfg(test)]
mod tests;
