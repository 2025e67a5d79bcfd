//! Group `calendar`: the hour of the day and the day of the week, UTC, as points on a circle.

use std::f64::consts::TAU;

use market::Timestamp;

use super::prices::{day_of, hour_of};
use super::task::Grid;

/// The columns of hourly rows.
const HOURLY: [&str; 4] = ["hour_sin", "hour_cos", "weekday_sin", "weekday_cos"];

/// The group's columns: of daily rows the weekday, of sessions none, for five of them are a week whichever comes first.
pub(super) fn columns(grid: Grid) -> &'static [&'static str] {
    match grid {
        Grid::Hourly => &HOURLY,
        Grid::Daily => &HOURLY[2..],
        Grid::Sessions => &[],
    }
}

/// The group's columns at `at`, in the order of [`columns`].
pub(super) fn at(grid: Grid, at: Timestamp) -> Vec<f64> {
    let on_circle = |part: i64, whole: i64| {
        let angle = TAU * part.rem_euclid(whole) as f64 / whole as f64;
        [libm::sin(angle), libm::cos(angle)]
    };
    // 1 January 1970 was a Thursday; Monday is at the top.
    let (hour, weekday) = (on_circle(hour_of(at), 24), on_circle(day_of(at) + 3, 7));
    match grid {
        Grid::Hourly => [hour, weekday].concat(),
        Grid::Daily => weekday.to_vec(),
        Grid::Sessions => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_and_monday_are_at_the_top_and_days_go_round() {
        let row = |text: &str| at(Grid::Hourly, text.parse().unwrap());
        let near = |row: Vec<f64>, expected: [f64; 4]| {
            row.iter().zip(expected).all(|(value, expected)| (value - expected).abs() < 1e-12)
        };
        let tuesday = [(TAU / 7.0).sin(), (TAU / 7.0).cos()];
        assert!(near(row("2026-01-05T00:05:00Z"), [0.0, 1.0, 0.0, 1.0]), "a Monday");
        assert!(near(row("2026-01-06T06:05:00Z"), [1.0, 0.0, tuesday[0], tuesday[1]]));
        assert!(near(row("2026-01-04T18:59:00Z"), [-1.0, 0.0, -tuesday[0], tuesday[1]]), "a Sunday");
        for grid in [Grid::Hourly, Grid::Daily, Grid::Sessions] {
            let row = at(grid, "2026-01-06T06:05:00Z".parse().unwrap());
            assert_eq!(row.len(), columns(grid).len(), "{grid:?}");
        }
    }
}
