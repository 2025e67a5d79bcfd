//! Dates as the venues write them.

use crate::contracts::Term;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The day on which dated contracts end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Milliseconds since 1970 UTC.
    pub(crate) millis: i64,
    year: i64,
    month: u32,
    day: u32,
}

impl Delivery {
    /// The next last Friday of a quarter, 08:00 UTC, at least a week away.
    pub(crate) fn next(start_micros: i64) -> Self {
        const DAY: i64 = 86_400;
        let earliest = start_micros.div_euclid(1_000_000) + 7 * DAY;
        let mut day = earliest.div_euclid(DAY) + 1;
        loop {
            let (year, month, day_of_month) = civil(day);
            let friday = (day + 4).rem_euclid(7) == 5; // 1970-01-01 was a Thursday
            if friday && month % 3 == 0 && civil(day + 7).1 != month {
                return Self { millis: (day * DAY + 8 * 3600) * 1000, year, month, day: day_of_month };
            }
            day += 1;
        }
    }

    /// `261225`.
    pub(crate) fn digits(self) -> String {
        format!("{:02}{:02}{:02}", self.year % 100, self.month, self.day)
    }

    /// `25DEC26`.
    pub(crate) fn words(self) -> String {
        format!("{:02}{}{:02}", self.day, MONTHS[self.month as usize - 1], self.year % 100)
    }

    /// `Z26`: the futures trade's letter of the month.
    pub(crate) fn letter(self) -> String {
        const LETTERS: [char; 12] = ['F', 'G', 'H', 'J', 'K', 'M', 'N', 'Q', 'U', 'V', 'X', 'Z'];
        format!("{}{:02}", LETTERS[self.month as usize - 1], self.year % 100)
    }

    pub(crate) fn term(self) -> Term {
        Term::Dated(self.millis)
    }
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant's algorithm).
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = (if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 }) as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `2026-11-22T14:03:09.125Z`.
pub(crate) fn iso(micros: i64) -> String {
    let millis = micros.div_euclid(1000);
    let (year, month, day) = civil(millis.div_euclid(86_400_000));
    let of_day = millis.rem_euclid(86_400_000);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOV_22_2026: i64 = 1_795_305_600_000_000;

    #[test]
    fn dated_contracts_deliver_at_the_end_of_the_next_quarter_a_week_away() {
        let christmas = Delivery { millis: 1_798_185_600_000, year: 2026, month: 12, day: 25 };
        assert_eq!(Delivery::next(NOV_22_2026), christmas);
        let late = NOV_22_2026 + 30 * 86_400 * 1_000_000;
        let march = Delivery::next(late);
        assert_eq!((march.year, march.month, march.day), (2027, 3, 26));
    }

    #[test]
    fn days_and_moments_are_written_as_the_venues_write_them() {
        let christmas = Delivery::next(NOV_22_2026);
        assert_eq!(
            [christmas.digits(), christmas.words(), christmas.letter()],
            ["261225", "25DEC26", "Z26"].map(str::to_owned)
        );
        assert_eq!(iso(NOV_22_2026 + 50_589_125_999), "2026-11-22T14:03:09.125Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
    }
}
