//! Tells how long bars and other stretches are by when they begin.

use std::time::Duration;

use market::{Interval, Timestamp};

use super::times::Written;

/// Days of an exchange are an hour shorter where its clock changes.
const SHORTEST_DAY: Duration = Duration::from_hours(23);
/// From one session to the next over the longest weekend, with an hour for the clock.
const LONGEST_BREAK: Duration = Duration::from_hours(5 * 24 + 1);
const WANTED: &str = "the length of the bars cannot be told by their times; say it: 1m, 5m, 1h, 4h or 1d";
const ODD: &str = "the times are those of bars of another length than 1m, 5m, 1h, 4h or 1d";

/// The length that the times tell: days, or the shortest time between two bars, where most of the others
/// are as long.
///
/// # Errors
/// They tell none; what to do.
pub(super) fn length_of(times: impl Iterator<Item = Written>) -> Result<Interval, &'static str> {
    let mut starts: Vec<Timestamp> = Vec::new();
    let mut has_days = false;
    for written in times {
        match written {
            Written::Day(day) => {
                has_days = true;
                starts.push(day.start());
            }
            Written::Moment(at, _) => starts.push(at),
        }
    }
    starts.sort();
    starts.dedup();
    let steps: Vec<Duration> = starts.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    let Some(shortest) = steps.iter().min().copied() else {
        return if has_days { Ok(Interval::Day) } else { Err(WANTED) };
    };
    let interval = match Interval::ALL.into_iter().find(|interval| interval.span() == shortest) {
        Some(interval) => interval,
        None if (SHORTEST_DAY..=LONGEST_BREAK).contains(&shortest) => Interval::Day,
        // Bars of a week, a month, 15 minutes.
        None => return Err(ODD),
    };
    if interval != Interval::Day {
        let as_long = steps.iter().filter(|step| **step == shortest).count();
        if has_days || as_long * 2 < steps.len() {
            return Err(WANTED);
        }
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: &[u64]) -> Result<Interval, &'static str> {
        let start: Timestamp = "2026-01-05T14:30:00Z".parse().unwrap();
        length_of(
            minutes.iter().map(|minutes| Written::Moment(start.plus(Duration::from_mins(*minutes)), None)),
        )
    }

    #[test]
    fn the_shortest_step_tells_the_length_where_most_are_as_long() {
        const DAY: u64 = 1440;
        let cases: [(&[u64], Result<Interval, &str>); 11] = [
            (&[0, 1, 2, 5], Ok(Interval::Minute)),
            (&[10, 0, 5, 5], Ok(Interval::FiveMinutes)),
            (&[0, 60, 120, 180, DAY, DAY + 60], Ok(Interval::Hour)),
            (&[0, 240, 480], Ok(Interval::FourHours)),
            (&[0, DAY, 2 * DAY, 5 * DAY], Ok(Interval::Day)),
            (&[0, DAY - 60, 2 * DAY - 60], Ok(Interval::Day)),
            (&[0, 3 * DAY, 7 * DAY], Ok(Interval::Day)),
            (&[0, 15, 30], Err(ODD)),
            (&[0, 7 * DAY, 14 * DAY], Err(ODD)),
            (&[0, DAY, 2 * DAY, 3 * DAY, 3 * DAY + 60], Err(WANTED)),
            (&[0], Err(WANTED)),
        ];
        for (minutes, expected) in cases {
            assert_eq!(at(minutes), expected, "{minutes:?}");
        }
        let day = Written::Day("2026-01-05".parse().unwrap());
        assert_eq!(length_of([day].into_iter()), Ok(Interval::Day));
    }
}
