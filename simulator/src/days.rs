//! Days, counted since 1970-01-01, and how sources write them.

use crate::calendar::civil;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY_MICROS: i64 = 86_400_000_000;

/// The UTC day of a moment, microseconds since 1970.
pub(crate) fn utc_day(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// The day's first moment in UTC, milliseconds since 1970.
pub(crate) fn start_millis(day: i64) -> i64 {
    day * (DAY_MICROS / 1000)
}

/// 0 for Sunday to 6 for Saturday.
pub(crate) fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7) // 1970-01-01 was a Thursday
}

/// The day of a date (Howard Hinnant's algorithm).
pub(crate) fn day_of(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// `2026-11-20`.
pub(crate) fn iso(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `20 Nov 2026`.
pub(crate) fn british(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{day:02} {} {year}", MONTHS[month as usize - 1])
}

/// `Nov 20, 2026`.
pub(crate) fn american(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{} {day:02}, {year}", MONTHS[month as usize - 1])
}

/// `11/20/2026`.
pub(crate) fn slashed(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{month:02}/{day:02}/{year}")
}

/// Reads what [`iso`] writes.
pub(crate) fn from_iso(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let is_possible = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_possible.then(|| day_of(year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_each_sources_way() {
        let day = day_of(2026, 11, 20);
        assert_eq!(day, 20_777);
        assert_eq!(
            [iso(day), british(day), american(day), slashed(day)],
            ["2026-11-20", "20 Nov 2026", "Nov 20, 2026", "11/20/2026"].map(str::to_owned)
        );
        assert_eq!((weekday(day), weekday(day + 2)), (5, 0));
        assert_eq!(
            (utc_day(start_millis(day) * 1000), utc_day(start_millis(day) * 1000 - 1)),
            (day, day - 1)
        );
    }

    #[test]
    fn iso_days_are_read_back_and_others_are_not() {
        for day in [0, 11_016, 20_777, 20_882] {
            assert_eq!(from_iso(&iso(day)), Some(day));
        }
        for text in ["", "2026-11", "2026-13-01", "x-y-z", "2026-11-20-1"] {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }
}
