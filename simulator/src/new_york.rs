//! When New York's exchanges trade: days, bells, daylight saving time.
//!
//! Rules: Energy Policy Act of 2005, section 110; NYSE's "Holidays and Trading Hours".

use crate::calendar::civil;
use crate::days::{day_of, weekday};

const HOUR: i64 = 3600;

/// What the exchanges do at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hours {
    /// From 04:00 to the opening bell.
    Before,
    Regular,
    /// From the closing bell to 20:00.
    After,
    Closed,
}

/// Seconds that New York's clocks are ahead of UTC at a moment: -18000, or -14400 in summer.
pub(crate) fn offset_secs(micros: i64) -> i64 {
    let secs = micros.div_euclid(1_000_000);
    let (year, ..) = civil(secs.div_euclid(86_400));
    // Both changes are at 02:00 of the clock that goes.
    let from = nth_sunday(year, 3, 2) * 86_400 + 7 * HOUR;
    let until = nth_sunday(year, 11, 1) * 86_400 + 6 * HOUR;
    if (from..until).contains(&secs) { -4 * HOUR } else { -5 * HOUR }
}

/// New York's day at a moment.
pub(crate) fn day_at(micros: i64) -> i64 {
    (micros.div_euclid(1_000_000) + offset_secs(micros)).div_euclid(86_400)
}

/// The bells of a day, seconds since 1970 UTC.
pub(crate) fn bells(day: i64) -> (i64, i64) {
    // At noon, when the day's clock change is over.
    let midnight = day * 86_400 - offset_secs((day * 86_400 + 17 * HOUR) * 1_000_000);
    let close = if is_half_day(day) { 13 * HOUR } else { 16 * HOUR };
    (midnight + 9 * HOUR + HOUR / 2, midnight + close)
}

/// What happens at a moment.
pub(crate) fn hours_at(micros: i64) -> Hours {
    let day = day_at(micros);
    let (open, close) = bells(day);
    let secs = micros.div_euclid(1_000_000);
    let midnight = open - 9 * HOUR - HOUR / 2;
    match secs {
        _ if !is_session(day) => Hours::Closed,
        _ if (open..close).contains(&secs) => Hours::Regular,
        _ if (midnight + 4 * HOUR..open).contains(&secs) => Hours::Before,
        _ if (close..midnight + 20 * HOUR).contains(&secs) => Hours::After,
        _ => Hours::Closed,
    }
}

/// Whether the exchanges trade on a day at all.
pub(crate) fn is_session(day: i64) -> bool {
    (1..=5).contains(&weekday(day)) && !is_holiday(day)
}

/// The last day of trading up to and including `day`.
pub(crate) fn last_session(day: i64) -> i64 {
    // No holidays last longer.
    (day - 10..=day).rev().find(|day| is_session(*day)).unwrap_or(day)
}

/// The last `count` days of trading up to and including `day`, oldest first.
pub(crate) fn sessions_through(day: i64, count: usize) -> Vec<i64> {
    let mut sessions: Vec<i64> =
        (0..).map(|back| day - back).filter(|day| is_session(*day)).take(count).collect();
    sessions.reverse();
    sessions
}

fn nth_sunday(year: i64, month: u32, number: i64) -> i64 {
    nth_weekday(year, month, 0, number)
}

fn nth_weekday(year: i64, month: u32, wanted: i64, number: i64) -> i64 {
    let first = day_of(year, month, 1);
    first + (wanted - weekday(first)).rem_euclid(7) + 7 * (number - 1)
}

fn last_monday_of_may(year: i64) -> i64 {
    let last = day_of(year, 5, 31);
    last - (weekday(last) - 1).rem_euclid(7)
}

/// A fixed holiday: on Friday or Monday when it falls on a weekend.
fn observed(day: i64) -> i64 {
    match weekday(day) {
        6 => day - 1,
        0 => day + 1,
        _ => day,
    }
}

fn is_holiday(day: i64) -> bool {
    let (year, month, _) = civil(day);
    let new_year = day_of(year, 1, 1);
    match month {
        // On a Saturday it is not made up for: the year before must be closed in full.
        1 => day == nth_weekday(year, 1, 1, 3) || (weekday(new_year) != 6 && day == observed(new_year)),
        2 => day == nth_weekday(year, 2, 1, 3),
        3 | 4 => day == easter(year) - 2,
        5 => day == last_monday_of_may(year),
        6 => day == observed(day_of(year, 6, 19)),
        7 => day == observed(day_of(year, 7, 4)),
        9 => day == nth_weekday(year, 9, 1, 1),
        11 => day == nth_weekday(year, 11, 4, 4),
        12 => day == observed(day_of(year, 12, 25)),
        _ => false,
    }
}

fn is_half_day(day: i64) -> bool {
    let (year, month, date) = civil(day);
    is_session(day)
        && ((month == 7 && date == 3)
            || (month == 12 && date == 24)
            || day == nth_weekday(year, 11, 4, 4) + 1)
}

/// Easter Sunday (the anonymous Gregorian algorithm, Nature, 1876).
fn easter(year: i64) -> i64 {
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let sum = epact + weekday - 7 * late + 114;
    day_of(year, (sum / 31) as u32, (sum % 31 + 1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::iso;

    fn micros(day: i64, hour: i64, minute: i64) -> i64 {
        (day * 86_400 + hour * 3600 + minute * 60) * 1_000_000
    }

    #[test]
    fn the_closed_weekdays_of_2026_are_the_exchanges() {
        let year = day_of(2026, 1, 1)..day_of(2027, 1, 1);
        let closed: Vec<String> =
            year.filter(|day| (1..=5).contains(&weekday(*day)) && !is_session(*day)).map(iso).collect();
        let known = [
            "2026-01-01",
            "2026-01-19",
            "2026-02-16",
            "2026-04-03",
            "2026-05-25",
            "2026-06-19",
            "2026-07-03",
            "2026-09-07",
            "2026-11-26",
            "2026-12-25",
        ];
        assert_eq!(closed, known);
    }

    #[test]
    fn bells_ring_an_hour_earlier_in_utc_in_summer_and_half_days_end_at_one() {
        let winter = day_of(2026, 11, 20);
        assert_eq!(bells(winter), (winter * 86_400 + 14 * 3600 + 1800, winter * 86_400 + 21 * 3600));
        let summer = day_of(2026, 7, 1);
        assert_eq!(bells(summer), (summer * 86_400 + 13 * 3600 + 1800, summer * 86_400 + 20 * 3600));
        let half = day_of(2026, 11, 27);
        assert_eq!(bells(half).1, half * 86_400 + 18 * 3600);
    }

    #[test]
    fn a_day_is_before_within_and_after_the_bells() {
        let day = day_of(2026, 11, 20);
        for (hour, minute, hours) in [
            (8, 59, Hours::Closed),
            (9, 0, Hours::Before),
            (14, 29, Hours::Before),
            (14, 30, Hours::Regular),
            (20, 59, Hours::Regular),
            (21, 0, Hours::After),
        ] {
            assert_eq!(hours_at(micros(day, hour, minute)), hours, "{hour}:{minute:02}");
        }
        assert_eq!(hours_at(micros(day + 1, 15, 0)), Hours::Closed);
        assert_eq!(day_at(micros(day, 4, 59)), day - 1);
    }

    #[test]
    fn sessions_leave_out_weekends_and_thanksgiving() {
        let sessions: Vec<String> = sessions_through(day_of(2026, 11, 29), 4).into_iter().map(iso).collect();
        assert_eq!(sessions, ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27"]);
        assert_eq!(iso(last_session(day_of(2026, 11, 22))), "2026-11-20");
    }
}
