//! Reads days as people and web pages write them, and refuses to guess which number is the month.

use market::{Date, Timestamp};

/// What a date made of numbers alone means in one column: `03/04/2026`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing tells. Such dates are refused.
    #[default]
    Unknown,
    /// The day comes first.
    DayFirst,
    /// The month comes first.
    MonthFirst,
}

impl Order {
    /// The order of a column, told by the days above twelve in it.
    ///
    /// # Errors
    /// Some dates have the day first and some the month: no row can be trusted. The first of each.
    pub(crate) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, (String, String)> {
        let (mut day_first, mut month_first) = (None, None);
        for text in texts {
            let Some((first, second, _)) = numeric(text) else { continue };
            if first > 12 {
                day_first.get_or_insert(text);
            } else if second > 12 {
                month_first.get_or_insert(text);
            }
        }
        match (day_first, month_first) {
            (Some(day), Some(month)) => Err((day.trim().to_owned(), month.trim().to_owned())),
            (Some(_), None) => Ok(Self::DayFirst),
            (None, Some(_)) => Ok(Self::MonthFirst),
            (None, None) => Ok(Self::Unknown),
        }
    }
}

/// Reads a day: `2024-01-11` (with or without a time), `2024/01/11`, `20240111`, `11 Jan 2024`,
/// `Jan 11, 2024`, `11.01.2024`, and `11/01/2024` where `order` is known.
///
/// # Errors
/// The text is no such day; what is wrong with it.
pub(crate) fn read_day(text: &str, order: Order) -> Result<Date, &'static str> {
    const NO_DAY: &str = "not a day; write 2024-01-31";
    let text = text.trim();
    if let Some((first, second, year)) = numeric(text) {
        let is_german = text.contains('.');
        let (day, month) = match order {
            _ if is_german => (first, second),
            Order::DayFirst => (first, second),
            Order::MonthFirst => (second, first),
            Order::Unknown if first == second => (first, second),
            Order::Unknown => return Err("day and month cannot be told apart; write 2024-01-31"),
        };
        return Date::from_ymd(year, month, day).ok_or("no such day");
    }
    if let Some((year, month, day)) = year_first(text) {
        return Date::from_ymd(year, month, day).ok_or("no such day");
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '-' | '/'))
        .filter(|w| !w.is_empty())
        .collect();
    let [first, second, year] = words[..] else { return Err(NO_DAY) };
    let (day, month) = match (month_named(first), month_named(second)) {
        (Some(month), None) => (second, month),
        (None, Some(month)) => (first, month),
        (Some(_), Some(_)) | (None, None) => return Err(NO_DAY),
    };
    let day = digits(day, 1..=2).ok_or(NO_DAY)?;
    let year = digits(year, 4..=4).ok_or("a year of other than four digits")?;
    Date::from_ymd(year, month, day as i8).ok_or("no such day")
}

/// Reads a moment: RFC 3339 with a zone, or a day, which means its first microsecond.
///
/// # Errors
/// The text is no such moment; what is wrong with it.
pub(crate) fn read_moment(text: &str) -> Result<Timestamp, &'static str> {
    const NO_MOMENT: &str = "not a time with its zone; write 2024-01-31T21:00:00Z";
    let text = text.trim();
    // `Timestamp` takes a time of day without a zone for the whole day.
    let clock = text.split_once(['T', 't', ' ']).map_or("", |(_, clock)| clock);
    let has_zone = clock.is_empty() || clock.contains(['Z', 'z', '+', '-']);
    if has_zone { text.parse().map_err(|_| NO_MOMENT) } else { Err(NO_MOMENT) }
}

/// Three numbers with the year last: `11/01/2024`, `11.01.2024`, `11-01-2024`.
fn numeric(text: &str) -> Option<(i8, i8, i16)> {
    let text = text.trim();
    let mark = text.chars().find(|c| !c.is_ascii_digit())?;
    if !matches!(mark, '/' | '.' | '-') {
        return None;
    }
    let parts: Vec<&str> = text.split(mark).collect();
    let [first, second, year] = parts[..] else { return None };
    Some((digits(first, 1..=2)? as i8, digits(second, 1..=2)? as i8, digits(year, 4..=4)?))
}

/// Three numbers with the year first, and whatever time of day follows.
fn year_first(text: &str) -> Option<(i16, i8, i8)> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, rest) = text.split_at(4);
        let (month, day) = rest.split_at(2);
        return Some((digits(year, 4..=4)?, digits(month, 2..=2)? as i8, digits(day, 2..=2)? as i8));
    }
    let day = text.split(['T', ' ']).next()?;
    let mark = if day.contains('/') { '/' } else { '-' };
    let parts: Vec<&str> = day.split(mark).collect();
    let [year, month, day] = parts[..] else { return None };
    Some((digits(year, 4..=4)?, digits(month, 1..=2)? as i8, digits(day, 1..=2)? as i8))
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let fits = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

fn month_named(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let is_month =
        |name: &str| word == *name || word == name[..3] || (word == "sept" && name.starts_with("sept"));
    let at = MONTHS.iter().position(|name| is_month(name))?;
    Some(at as i8 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_style_of_day_is_read() {
        let day = Date::from_ymd(2024, 1, 31).unwrap();
        let styles = [
            "2024-01-31",
            "2024-1-31",
            "2024/01/31",
            "20240131",
            "31 Jan 2024",
            "31 January 2024",
            "31-Jan-2024",
            "31/JAN/2024",
            "Jan 31, 2024",
            "January 31 2024",
            "Jan. 31, 2024",
            "31.01.2024",
            "31.1.2024",
            "2024-01-31T21:00:00Z",
            "2024-01-31 21:00:00",
            " 2024-01-31 ",
        ];
        for text in styles {
            assert_eq!(read_day(text, Order::Unknown), Ok(day), "{text:?}");
        }
        assert_eq!(read_day("Sept 5, 2024", Order::Unknown), Ok(Date::from_ymd(2024, 9, 5).unwrap()));
        assert_eq!(read_day("Sep 5, 2024", Order::Unknown), Ok(Date::from_ymd(2024, 9, 5).unwrap()));
    }

    #[test]
    fn day_and_month_are_told_apart_by_the_column_or_not_at_all() {
        let order = |texts: &[&'static str]| Order::of(texts.iter().copied());
        assert_eq!(order(&["03/04/2026", "13/04/2026"]), Ok(Order::DayFirst));
        assert_eq!(order(&["03/04/2026", "04/13/2026"]), Ok(Order::MonthFirst));
        assert_eq!(order(&["03/04/2026", "Total", "2026-04-13"]), Ok(Order::Unknown));
        assert_eq!(
            order(&["04/13/2026", "13/04/2026"]),
            Err(("13/04/2026".to_owned(), "04/13/2026".to_owned()))
        );
        let third_of_april = Date::from_ymd(2026, 4, 3).unwrap();
        assert_eq!(read_day("03/04/2026", Order::DayFirst), Ok(third_of_april));
        assert_eq!(read_day("04/03/2026", Order::MonthFirst), Ok(third_of_april));
        assert!(read_day("03/04/2026", Order::Unknown).is_err());
        assert_eq!(read_day("04/04/2026", Order::Unknown), Ok(Date::from_ymd(2026, 4, 4).unwrap()));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "Total",
            "Seed",
            "31 Feb 2024",
            "2024-02-30",
            "11 Jan 24",
            "Jan 2024",
            "45301",
            "Jan Feb 2024",
            "2024-13-01",
            "11 Jan 2024 5",
            "1/2/3/4",
            "32.01.2024",
            "123 Jan 2024",
            "+1 Jan 2024",
        ] {
            assert!(read_day(text, Order::DayFirst).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_moment_needs_its_zone() {
        assert_eq!(
            read_moment("2025-11-18T02:10:00Z").map(|at| at.to_string()),
            Ok("2025-11-18T02:10:00.000000Z".to_owned())
        );
        assert_eq!(read_moment("2025-11-17T21:10:00-05:00"), read_moment("2025-11-18T02:10:00Z"));
        assert_eq!(read_moment("2025-11-18"), read_moment("2025-11-18T00:00:00Z"));
        assert!(read_moment("2025-11-18T02:10:00").is_err() && read_moment("now").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = read_day(&text, Order::DayFirst);
            let _ = Order::of([text.as_str()].into_iter());
            let _ = read_moment(&text);
        }

        #[test]
        fn every_day_is_read_back(days in 0..40_000) {
            let day = Date::from_days(days).unwrap();
            prop_assert_eq!(read_day(&day.to_string(), Order::Unknown), Ok(day));
            prop_assert_eq!(read_day(&day.compact(), Order::Unknown), Ok(day));
        }
    }
}
