//! Reads the moments of a column of times: ISO, bare days, seconds to nanoseconds since 1970.

use market::{Date, Timestamp};

use super::dates::{Order, read_day, read_moment};

/// What a cell of times says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A day, without a time of day.
    Day(Date),
    /// A moment, and the day that is written with it in its own zone, where one is.
    Moment(Timestamp, Option<Date>),
}

/// Reads one cell.
///
/// # Errors
/// The text is no such time; what is wrong with it.
pub(super) fn read_time(text: &str, order: Order) -> Result<Written, &'static str> {
    let text = text.trim();
    if let Some(moment) = epoch(text) {
        return moment.map(|at| Written::Moment(at, None));
    }
    let has_clock = text.contains(':');
    if !has_clock {
        return read_day(text, order).map(Written::Day);
    }
    let day = read_day(text, order).ok();
    // Midnight without a zone is a day, written so by programs that know no days.
    if let (Some(day), Some(clock)) = (day, text.split(['T', ' ']).nth(1))
        && clock.split(':').all(|part| part.trim_matches(['0', '.']).is_empty())
    {
        return Ok(Written::Day(day));
    }
    let zoned = text.strip_suffix(" UTC").map_or_else(|| text.to_owned(), |plain| format!("{plain}Z"));
    read_moment(&zoned).map(|at| Written::Moment(at, day))
}

const NO_TIME: &str = "no time since 1970 in seconds, milliseconds, microseconds or nanoseconds";

/// Nine digits or more, counted since 1970 in the unit that puts them between 1973 and 5138.
fn epoch(text: &str) -> Option<Result<Timestamp, &'static str>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number =
        whole.len() >= 9 && [whole, fraction].iter().all(|part| part.bytes().all(|c| c.is_ascii_digit()));
    if !is_number {
        return None;
    }
    let Ok(count) = whole.parse::<i64>() else { return Some(Err(NO_TIME)) };
    let micros = match whole.len() {
        9..=11 => count.checked_mul(1_000_000).map(|micros| micros + micros_of(fraction)),
        12..=14 => count.checked_mul(1_000),
        15..=17 => Some(count),
        _ => Some(count / 1_000),
    };
    Some(micros.and_then(Timestamp::from_micros).ok_or(NO_TIME))
}

/// The microseconds in a fraction of a second's digits.
fn micros_of(fraction: &str) -> i64 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    digits.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        match read_time(text, Order::MonthFirst) {
            Ok(Written::Day(day)) => day.to_string(),
            Ok(Written::Moment(at, day)) => {
                format!("{at} {}", day.map_or("-".to_owned(), |day| day.to_string())).replace(".000000", "")
            }
            Err(problem) => format!("refused: {problem}"),
        }
    }

    #[test]
    fn every_style_of_time_is_read() {
        for (text, expected) in [
            ("2026-01-02", "2026-01-02"),
            ("01/13/2026", "2026-01-13"),
            ("Jan 2, 2026", "2026-01-02"),
            ("20260102", "2026-01-02"),
            ("2026-01-02 00:00:00", "2026-01-02"),
            ("2026-01-02T00:00:00.000", "2026-01-02"),
            ("2026-01-02 00:00:00+00:00", "2026-01-02T00:00:00Z 2026-01-02"),
            ("2026-01-02 00:00:00-05:00", "2026-01-02T05:00:00Z 2026-01-02"),
            ("2026-01-02 14:30:00 UTC", "2026-01-02T14:30:00Z 2026-01-02"),
            ("2026-01-02T14:30:00Z", "2026-01-02T14:30:00Z 2026-01-02"),
            ("1767364200", "2026-01-02T14:30:00Z -"),
            ("1767364200.5", "2026-01-02T14:30:00.500000Z -"),
            ("1767364200000", "2026-01-02T14:30:00Z -"),
            ("1767364200000000", "2026-01-02T14:30:00Z -"),
            ("1767364200000000000", "2026-01-02T14:30:00Z -"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_surely_one_moment_is_refused() {
        for text in [
            "",
            "now",
            "2026-01-02 14:30:00",
            "45301",
            "12:30",
            "2026-13-02",
            "99999999999999999999",
            "1e12",
            "-1767364200",
        ] {
            assert!(told(text).starts_with("refused"), "{text}: {}", told(text));
        }
        assert!(read_time("03/04/2026", Order::Unknown).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = read_time(&text, Order::DayFirst);
        }

        #[test]
        fn a_moment_is_the_same_in_every_unit(secs in 100_000_000_i64..99_999_999_999) {
            let texts = [secs.to_string(), format!("{secs}000"), format!("{secs}000000")];
            let read = texts.map(|text| read_time(&text, Order::Unknown));
            prop_assert!(read.iter().all(|one| *one == read[0] && one.is_ok()), "{:?}", read);
        }
    }
}
