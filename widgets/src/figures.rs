//! How numbers, ages and times are written.
//!
//! Plain dollars and shares arrive as `f64`; nothing here prints `-0`, `NaN` or an exponent where a
//! person would write digits. Shares of coverage are rounded down: 99.96 % watched is not `100%`.

use std::time::Duration;

use market::{Date, Timestamp};

/// Dollars in at most five characters up to 999 T: `950`, `12.3k`, `987k`, `1.23M`. A minus is a sixth.
pub(crate) fn usd(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return "?".to_owned();
    }
    if size > 0.0 && size < 1.0 {
        return if value < 0.0 { ">-1" } else { "<1" }.to_owned();
    }
    if size < 999.5 {
        return unsigned_zero(format!("{value:.0}"));
    }
    let (scaled, suffix) = scale(value, 0.9995);
    let decimals = match scaled.abs() {
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.decimals$}{suffix}")
}

/// Dollars with two decimals and a suffix column, seven characters, so that the points of a column of
/// them stand under each other: `950.00 `, ` 12.35k`, `  1.23M`. Right-align it.
pub(crate) fn usd_aligned(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return "?   ".to_owned();
    }
    if size < 999.995 {
        return unsigned_zero(format!("{value:.2}")) + " ";
    }
    let (scaled, suffix) = scale(value, 0.999_995);
    format!("{scaled:.2}{suffix}")
}

/// The value in thousands, millions, billions or trillions; `carry` is where rounding reaches the next.
fn scale(value: f64, carry: f64) -> (f64, char) {
    for (unit, suffix) in [(1e12, 'T'), (1e9, 'B'), (1e6, 'M')] {
        if value.abs() >= unit * carry {
            return (value / unit, suffix);
        }
    }
    (value / 1e3, 'k')
}

/// A price with as many digits as its size deserves: `126,296.10`, `187.42`, `2.1834`, `0.00001234`.
pub(crate) fn price(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    if value != 0.0 && !(1e-12..1e12).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = if magnitude >= 0 { (4 - magnitude).max(2) } else { 3 - magnitude };
    grouped(&format!("{value:.0$}", decimals as usize))
}

/// A plain amount with its thousands apart: `1,113.7`.
pub(crate) fn dollars(value: f64, decimals: usize) -> String {
    if value.is_finite() { grouped(&format!("{value:.decimals$}")) } else { "?".to_owned() }
}

/// The price of a share: cents from a dollar on, and four figures below it.
pub(crate) fn share_price(value: f64) -> String {
    if (0.995..1e12).contains(&value) { dollars(value, 2) } else { price(value) }
}

/// A quantity of base units in at most eight characters up to 999 T.
pub(crate) fn quantity(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() || size >= 1e15 {
        return if size.is_finite() { format!("{value:.1e}") } else { "?".to_owned() };
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-6 {
        return format!("{value:.1e}");
    }
    if size < 0.001 {
        return format!("{value:.6}");
    }
    if size < 999.999_5 {
        return format!("{value:.3}");
    }
    if size < 99_999.5 {
        return grouped(&format!("{value:.0}"));
    }
    usd(value)
}

/// A count with its thousands apart; from ten million on shortened: `12,345`, `12.3M`.
pub(crate) fn count(value: u64) -> String {
    if value >= 10_000_000 { usd(value as f64) } else { grouped(&value.to_string()) }
}

/// How long ago: `3s`, `4m12s`, `2h05m`, `3d04h`.
pub(crate) fn age(span: Duration) -> String {
    let secs = span.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    if days > 999 {
        return ">999d".to_owned();
    }
    if days > 99 {
        return format!("{days}d");
    }
    if days > 0 {
        return format!("{days}d{hours:02}h");
    }
    if hours > 0 {
        return format!("{hours}h{minutes:02}m");
    }
    if minutes > 0 { format!("{minutes}m{:02}s", secs % 60) } else { format!("{secs}s") }
}

/// A round span in words: `10 s`, `2 min`, `1 h`.
pub(crate) fn span(secs: i64) -> String {
    match secs {
        secs if secs >= 7_200 && secs % 3_600 == 0 => format!("{} h", secs / 3_600),
        secs if secs >= 60 && secs % 60 == 0 => format!("{} min", secs / 60),
        secs if secs >= 180 => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    }
}

/// A share, rounded down, in at most five characters: `100%`, `99.9%`, `8.3%`, `<0.1%`, `0%`.
pub(crate) fn percent(share: f64) -> String {
    if share.is_nan() {
        return "?".to_owned();
    }
    let share = share.clamp(0.0, 1.0);
    if share >= 1.0 {
        return "100%".to_owned();
    }
    if share == 0.0 {
        return "0%".to_owned();
    }
    // A billionth of slack, so that 0.3 does not read 29.9.
    let tenths = (share * 1_000.0 + 1e-9).floor() as u32;
    if tenths == 0 { "<0.1%".to_owned() } else { format!("{}.{}%", tenths / 10, tenths % 10) }
}

/// How far ahead, in words: `3 d 4 h`, `4 h 05 min`, `12 min`, `40 s`.
pub(crate) fn ahead(span: Duration) -> String {
    let secs = span.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (100.., ..) => format!("{} d", grouped(&days.to_string())),
        (1.., ..) => format!("{days} d {hours} h"),
        (_, 1.., _) => format!("{hours} h {minutes:02} min"),
        (_, _, 1..) => format!("{minutes} min"),
        _ => format!("{secs} s"),
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `10 Sep 2025`.
pub(crate) fn date(date: Date) -> String {
    let text = date.compact();
    let month = text.get(4..6).and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let name = MONTHS.get(month.wrapping_sub(1)).unwrap_or(&"?");
    format!("{} {name} {}", text.get(6..).unwrap_or(""), text.get(..4).unwrap_or(""))
}

/// `10 Sep`.
pub(crate) fn day(date: Date) -> String {
    let mut text = self::date(date);
    text.truncate(6);
    text
}

/// `14:03:27`, UTC.
pub(crate) fn clock(moment: Timestamp) -> String {
    let secs = moment.as_micros().div_euclid(1_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", secs / 3_600, secs / 60 % 60, secs % 60)
}

/// `14:03`, UTC.
pub(crate) fn minute(moment: Timestamp) -> String {
    let mut text = clock(moment);
    text.truncate(5);
    text
}

/// `14:03:27.123456`, UTC.
pub(crate) fn clock_micros(moment: Timestamp) -> String {
    format!("{}.{:06}", clock(moment), moment.as_micros().rem_euclid(1_000_000))
}

/// Puts commas between the thousands of a plain decimal.
fn grouped(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::with_capacity(text.len() + whole.len() / 3 + 1);
    out.push_str(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(rest);
    unsigned_zero(out)
}

/// Takes the minus off a number that rounded to zero.
fn unsigned_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if !rest.bytes().any(|c| c.is_ascii_digit() && c != b'0') => rest.to_owned(),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_are_three_digits_and_a_unit() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-0.2, ">-1"),
            (0.42, "<1"),
            (950.0, "950"),
            (999.4, "999"),
            (999.6, "1.00k"),
            (12_345.0, "12.3k"),
            (99_960.0, "100k"),
            (987_123.0, "987k"),
            (999_600.0, "1.00M"),
            (1_234_567.0, "1.23M"),
            (19_200_000_000.0, "19.2B"),
            (-1_234_567.0, "-1.23M"),
            (1e15, "1000T"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(usd(value), text, "{value}");
        }
    }

    #[test]
    fn the_points_of_a_column_stand_under_each_other() {
        for (value, text) in [
            (0.0, "0.00 "),
            (-0.001, "0.00 "),
            (4.2, "4.20 "),
            (950.0, "950.00 "),
            (999.996, "1.00k"),
            (12_345.0, "12.35k"),
            (999_999.0, "1.00M"),
            (1_234_567.0, "1.23M"),
            (999.99e12, "999.99T"),
        ] {
            assert_eq!(usd_aligned(value), text, "{value}");
        }
    }

    #[test]
    fn a_price_has_the_digits_its_size_deserves() {
        for (value, text) in [
            (126_296.1, "126,296.10"),
            (1_234_567.891, "1,234,567.89"),
            (3_912.5, "3,912.50"),
            (187.42, "187.42"),
            (12.3456, "12.346"),
            (2.1834, "2.1834"),
            (0.162_34, "0.1623"),
            (0.000_012_34, "0.00001234"),
            (1e-15, "1.00e-15"),
            (1e300, "1.00e300"),
        ] {
            assert_eq!(price(value), text, "{value}");
        }
    }

    #[test]
    fn a_quantity_fits_eight_columns() {
        for (value, text) in [
            (0.0, "0"),
            (0.000_000_01, "1.0e-8"),
            (0.000_5, "0.000500"),
            (0.512_3, "0.512"),
            (12.5, "12.500"),
            (999.9996, "1,000"),
            (45_678.4, "45,678"),
            (456_789.0, "457k"),
            (1_234_567_890.0, "1.23B"),
            (1e20, "1.0e20"),
        ] {
            assert_eq!(quantity(value), text, "{value}");
        }
    }

    #[test]
    fn ages_name_their_two_largest_units() {
        for (secs, text) in
            [(0, "0s"), (3, "3s"), (252, "4m12s"), (7_500, "2h05m"), (273_600, "3d04h"), (u64::MAX, ">999d")]
        {
            assert_eq!(age(Duration::from_secs(secs)), text);
        }
        for (secs, text) in
            [(10, "10 s"), (90, "90 s"), (60, "1 min"), (500, "8 min"), (3_600, "60 min"), (7_200, "2 h")]
        {
            assert_eq!(span(secs), text);
        }
    }

    #[test]
    fn days_and_what_is_ahead_are_words() {
        let day_of = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(date(day_of("2025-09-10")), "10 Sep 2025");
        assert_eq!(day(day_of("2026-01-06")), "06 Jan");
        for (secs, text) in [
            (40, "40 s"),
            (720, "12 min"),
            (14_700, "4 h 05 min"),
            (273_600, "3 d 4 h"),
            (86_400 * 1_204, "1,204 d"),
        ] {
            assert_eq!(ahead(Duration::from_secs(secs)), text);
        }
    }

    #[test]
    fn shares_are_told_to_the_cent() {
        for (value, text) in [(67.754, "67.75"), (3.4, "3.40"), (0.8123, "0.8123"), (1_234.5, "1,234.50")] {
            assert_eq!(share_price(value), text);
        }
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        for (share, text) in [
            (1.0, "100%"),
            (0.999_96, "99.9%"),
            (0.3, "30.0%"),
            (0.083_4, "8.3%"),
            (0.000_2, "<0.1%"),
            (0.0, "0%"),
            (-0.0, "0%"),
            (7.0, "100%"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(percent(share), text, "{share}");
        }
    }

    #[test]
    fn times_are_utc() {
        let moment: Timestamp = "2026-01-06T10:33:50.199Z".parse().unwrap();
        assert_eq!(clock(moment), "10:33:50");
        assert_eq!(minute(moment), "10:33");
        assert_eq!(clock_micros(moment), "10:33:50.199000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12_345_678), "12.3M");
    }

    proptest! {
        #[test]
        fn figures_keep_their_width_and_never_say_minus_zero(value in -1e15_f64..1e15, small in -2.0_f64..2.0) {
            for value in [value, small] {
                let value_abs = value.abs();
                prop_assert!(usd(value_abs).len() <= 5, "{}", usd(value_abs));
                prop_assert!(usd_aligned(value_abs).len() <= 8);
                prop_assert!(quantity(value_abs).len() <= 8, "{}", quantity(value_abs));
                for text in [usd(value), usd_aligned(value), price(value), quantity(value), percent(value)] {
                    let says_zero = text.starts_with('-') && !text.bytes().any(|c| (b'1'..=b'9').contains(&c));
                    prop_assert!(!says_zero, "{}", text);
                }
            }
        }
    }
}
