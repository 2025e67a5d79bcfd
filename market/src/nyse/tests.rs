//! New York's calendar against its rules and other calendars.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

#[test]
fn a_day_has_its_sessions_in_winter_in_summer_and_on_half_days() {
    for (moment, session) in [
        ("2025-11-13T08:59:59Z", Session::Closed),
        ("2025-11-13T09:00:00Z", Session::Pre),
        ("2025-11-13T14:29:59Z", Session::Pre),
        ("2025-11-13T14:30:00Z", Session::Regular),
        ("2025-11-13T20:59:59Z", Session::Regular),
        ("2025-11-13T21:00:00Z", Session::Post),
        ("2025-11-14T00:59:59Z", Session::Post),
        ("2025-11-14T01:00:00Z", Session::Closed),
        ("2025-08-14T07:59:59Z", Session::Closed),
        ("2025-08-14T08:00:00Z", Session::Pre),
        ("2025-08-14T13:30:00Z", Session::Regular),
        ("2025-08-14T20:00:00Z", Session::Post),
        ("2025-08-15T00:00:00Z", Session::Closed),
        ("2025-11-28T17:59:59Z", Session::Regular),
        ("2025-11-28T18:00:00Z", Session::Post),
        ("2025-11-28T22:00:00Z", Session::Closed),
        ("2025-11-27T15:00:00Z", Session::Closed),
        ("2025-11-29T15:00:00Z", Session::Closed),
        ("2012-10-29T15:00:00Z", Session::Closed),
        ("2018-12-05T15:00:00Z", Session::Closed),
        ("2025-01-09T15:00:00Z", Session::Closed),
        ("2010-01-01T05:00:00Z", Session::Closed),
        ("2029-01-01T04:59:59Z", Session::Closed),
    ] {
        assert_eq!(nyse().session(at(moment)), Some(session), "{moment}");
    }
}

#[test]
fn outside_its_years_the_calendar_does_not_answer() {
    let calendar = nyse();
    assert_eq!(calendar.covers(), (day("2010-01-01"), day("2028-12-31")));
    for moment in
        ["2009-12-31T15:00:00Z", "2010-01-01T04:59:59Z", "2029-01-01T05:00:00Z", "2030-06-03T15:00:00Z"]
    {
        assert_eq!(calendar.session(at(moment)), None, "{moment}");
        assert_eq!(calendar.trade_date(at(moment)), None, "{moment}");
    }
    for date in ["2009-12-31", "2029-01-02"] {
        let date = day(date);
        assert_eq!((calendar.is_trading_day(date), calendar.is_half_day(date)), (None, None));
        assert_eq!((calendar.open(date), calendar.close(date)), (None, None));
    }
    assert_eq!(calendar.previous_trading_day(day("2010-01-04")), None);
    assert_eq!(calendar.next_trading_day(day("2028-12-29")), None);
    assert_eq!(calendar.last_close_before(at("2010-01-04T20:00:00Z")), None);
}

#[test]
fn the_last_close_is_the_one_that_was_over() {
    for (moment, close) in [
        ("2025-11-13T20:59:59Z", "2025-11-12T21:00:00Z"),
        ("2025-11-13T21:00:00Z", "2025-11-13T21:00:00Z"),
        ("2025-11-14T03:00:00Z", "2025-11-13T21:00:00Z"),
        ("2025-11-16T12:00:00Z", "2025-11-14T21:00:00Z"),
        ("2025-12-01T12:00:00Z", "2025-11-28T18:00:00Z"),
        ("2025-03-10T12:00:00Z", "2025-03-07T21:00:00Z"),
        ("2025-03-11T12:00:00Z", "2025-03-10T20:00:00Z"),
    ] {
        assert_eq!(nyse().last_close_before(at(moment)), Some(at(close)), "{moment}");
    }
    assert_eq!(nyse().holiday(day("2012-10-29")), Some("Hurricane Sandy"));
}

/// The holidays by the exchange's rule 7.2, computed rather than listed; special closings are not in it.
#[expect(clippy::many_single_char_names, reason = "the computus is published in these letters")]
fn by_rule(date: Date) -> bool {
    let civil: jiff::civil::Date = date.to_string().parse().expect("a day");
    let (year, month, day) = (civil.year(), civil.month(), civil.day());
    let weekday = civil.weekday().to_monday_one_offset();
    // Sundays move to Monday, Saturdays to Friday; New Year's Day does not move into the old year.
    let observed = |m: i8, d: i8| {
        (month, day) == (m, d)
            || weekday == 1 && civil.yesterday().is_ok_and(|sunday| (sunday.month(), sunday.day()) == (m, d))
            || weekday == 5
                && m != 1
                && civil.tomorrow().is_ok_and(|saturday| (saturday.month(), saturday.day()) == (m, d))
    };
    let nth = |m: i8, of_week: i8, nth: i8| month == m && weekday == of_week && (day - 1) / 7 + 1 == nth;
    // Easter Sunday: the anonymous Gregorian computus (Nature, 20 April 1876).
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let n = h + l - 7 * ((a + 11 * h + 22 * l) / 451) + 114;
    let easter = Date::from_ymd(year, (n / 31) as i8, (n % 31 + 1) as i8).expect("a day");
    observed(1, 1)
        || nth(1, 1, 3)
        || nth(2, 1, 3)
        || date.plus_days(2) == Some(easter)
        || month == 5 && weekday == 1 && day > 24
        || year >= 2022 && observed(6, 19)
        || observed(7, 4)
        || nth(9, 1, 1)
        || nth(11, 4, 4)
        || observed(12, 25)
}

#[test]
fn the_holidays_are_those_of_the_rule_and_four_special_closings() {
    let (first, last) = nyse().covers();
    let mut special = Vec::new();
    let mut date = first;
    while date <= last {
        let is_closed = nyse().holiday(date).is_some();
        if is_closed && !by_rule(date) {
            special.push(date.to_string());
        }
        assert!(is_closed || date.is_weekend() || !by_rule(date), "{date} is a holiday by the rule");
        date = date.next();
    }
    assert_eq!(special, ["2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"]);
}

#[test]
fn half_days_are_the_eves_and_the_day_after_thanksgiving() {
    let calendar = nyse();
    for date in &calendar.half_days {
        let text = date.to_string();
        let is_eve = text.ends_with("-07-03") || text.ends_with("-12-24");
        let after = calendar.holiday(date.plus_days(-1).expect("a day")) == Some("Thanksgiving Day");
        assert!(is_eve || after, "{date}");
    }
    let mut date = calendar.first;
    while date < calendar.last {
        let text = date.to_string();
        let is_eve = text.ends_with("-07-03") || text.ends_with("-12-24");
        // On a Friday the eve is the observed holiday or an ordinary day.
        let trades = calendar.is_trading_day(date) == Some(true);
        let before_holiday = calendar.holiday(date.next()).is_some();
        if trades && is_eve && before_holiday || calendar.holiday(date) == Some("Thanksgiving Day") {
            let half = if trades { date } else { date.next() };
            assert_eq!(calendar.is_half_day(half), Some(true), "{half}");
        }
        date = date.next();
    }
}

#[test]
fn new_yorks_clock_is_that_of_the_time_zone_database() {
    let zone = TimeZone::get("America/New_York").expect("bundled");
    let (first, last) = nyse().covers();
    // Every quarter of an hour of nineteen years would be slow; every hour finds every change.
    let mut moment = first.start().plus(Duration::from_hours(5));
    let end = last.next().start().plus(Duration::from_hours(5));
    while moment < end {
        let theirs = jiff::Timestamp::from_microsecond(moment.as_micros()).expect("in range");
        let theirs = theirs.to_zoned(zone.clone());
        let (date, clock) = nyse().local(moment).expect("covered");
        assert_eq!(date.to_string(), theirs.date().to_string(), "{moment}");
        assert_eq!(clock.as_secs() / 3600, u64::try_from(theirs.hour()).expect("an hour"), "{moment}");
        moment = moment.plus(Duration::from_hours(1));
    }
}

#[test]
#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a skipped test must say so")]
fn spy_traded_on_every_trading_day_and_on_no_other() {
    let shared = std::env::var("VIGIE_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join("data/equities/SPY.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return;
    };
    let traded: BTreeSet<Date> =
        text.lines().skip(1).filter_map(|line| line.split(',').next()?.parse().ok()).collect();
    let last = *traded.last().expect("rows");
    let mut date = nyse().first;
    while date <= last {
        assert_eq!(nyse().is_trading_day(date), Some(traded.contains(&date)), "{date}");
        date = date.next();
    }
}

/// `nyse-holiday-cal` was written by others from the exchange's own pages, for other years than ours. It
/// lacks the one day of mourning in its years.
#[test]
fn an_independent_calendar_agrees_on_every_day_but_one_that_it_lacks() {
    use nyse_holiday_cal::HolidayCal;

    let (first, last) = nyse().covers();
    let mut compared = 0;
    let mut differ = Vec::new();
    let mut date = first;
    while date <= last {
        let theirs: chrono::NaiveDate = date.to_string().parse().unwrap();
        if let Ok(is_open) = theirs.is_busday() {
            compared += 1;
            if nyse().is_trading_day(date) != Some(is_open) {
                differ.push(date.to_string());
            }
        }
        date = date.next();
    }
    assert!(compared > 3_000, "only {compared} days are in both calendars");
    assert_eq!(differ, ["2025-01-09"]);
}

#[test]
fn what_is_no_calendar_is_refused_with_its_place() {
    let year =
        |body: &str| format!("[2025]\ndaylight_from = 2025-03-09\ndaylight_until = 2025-11-02\n{body}");
    for (text, says) in [
        (String::new(), "no year"),
        ("[soon]".to_owned(), "soon: not a year"),
        (year("half_days = []"), "missing field `closed`"),
        (year("half_days = [2025-11-29]\nclosed = {}"), "2025: half_days has 2025-11-29"),
        (year("half_days = [2024-11-29]\nclosed = {}"), "2025: 2024-11-29 is not in that year"),
        (year("half_days = []\nclosed = { 2025-02-30 = \"x\" }"), "2025-02-30"),
        (year("half_days = []\nclosed = { 2025-11-01 = \"x\" }"), "closed.2025-11-01 is not a weekday"),
        (year("half_days = []\nclosed = {}\nopens = 9"), "unknown field `opens`"),
    ] {
        let said = NyseCalendar::parse(&text, "own.toml").expect_err("refused").to_string();
        assert!(said.starts_with("own.toml: ") && said.contains(says), "{said}");
    }
}

proptest! {
    #[test]
    fn opens_and_closes_lie_in_their_own_day_and_walks_come_back(days in 14_610..21_549_i32) {
        let calendar = nyse();
        let date = Date::from_days(days).expect("a day");
        let (Some(open), Some(close)) = (calendar.open(date), calendar.close(date)) else {
            prop_assert_ne!(calendar.is_trading_day(date), Some(true));
            return Ok(());
        };
        prop_assert_eq!(calendar.trade_date(open), Some(date));
        prop_assert_eq!(calendar.trade_date(close), Some(date));
        prop_assert_eq!(calendar.session(open), Some(Session::Regular));
        prop_assert_eq!(calendar.session(close), Some(Session::Post));
        prop_assert_eq!(calendar.session(open.minus(Duration::from_micros(1))), Some(Session::Pre));
        prop_assert_eq!(calendar.last_close_before(close), Some(close));
        if let Some(next) = calendar.next_trading_day(date) {
            prop_assert_eq!(calendar.previous_trading_day(next), Some(date));
            prop_assert_eq!(calendar.last_close_before(calendar.open(next).expect("opens")), Some(close));
        }
    }
}
