//! A time axis of equal bins that ends now, and how well each bin was watched.

use market::{Board, Timestamp};

use crate::figures::minute;
use crate::panel::View;
use crate::pen::Pen;
use crate::watch;

/// Seconds per column that read well. All are multiples of the strip's ten seconds.
pub(crate) const STEPS: [i64; 9] = [10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];
/// Seconds the axis reaches back by choice: as far as the strip.
const REACH: i64 = 3_600;
/// Minutes between two labels that read well.
const TICKS: [i64; 9] = [1, 2, 5, 10, 15, 30, 60, 120, 720];

/// Columns of equal time, aligned to whole bins so that nothing shimmers as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Seconds per column.
    pub step: i64,
    /// Columns, oldest first; the last one is still filling.
    pub columns: u16,
    /// Number of the last column's bin since the epoch.
    last: i64,
}

/// How well a column was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    Fully,
    Partly,
    Unwatched,
}

impl Axis {
    pub(crate) fn new(now: Timestamp, columns: u16, step: i64) -> Self {
        let step = step.max(1);
        Self { step, columns, last: now.as_micros().div_euclid(step * 1_000_000) }
    }

    /// The finest step whose columns reach back to `since`, or the hour where that is longer ago.
    pub(crate) fn fitting(now: Timestamp, columns: u16, since: Timestamp) -> i64 {
        let wanted = i64::try_from(now.since(since).as_secs()).unwrap_or(REACH).clamp(60, REACH);
        // Four fifths are enough: finer columns say more than the oldest minutes do.
        let reaches = |step: &&i64| **step * i64::from(columns) * 5 >= wanted * 4;
        STEPS.iter().find(reaches).copied().unwrap_or(STEPS[STEPS.len() - 1])
    }

    /// The axis of a strip that stands alone: its hour, in columns of the finest ten seconds that fit.
    pub(crate) fn of_strip(now: Timestamp, columns: u16) -> Self {
        let columns = i64::from(columns.max(1));
        let step = (REACH + columns - 1) / columns;
        let step = (step + 9) / 10 * 10;
        Self::new(now, u16::try_from(REACH / step).unwrap_or(1).max(1), step)
    }

    /// Which column a moment falls into.
    pub(crate) fn column(&self, moment: Timestamp) -> Option<u16> {
        let bin = moment.as_micros().div_euclid(self.step * 1_000_000);
        let column = bin - self.last + i64::from(self.columns) - 1;
        u16::try_from(column).ok().filter(|column| *column < self.columns)
    }

    /// When a column begins; the epoch where it would be before that.
    pub(crate) fn start(&self, column: u16) -> Timestamp {
        let bin = self.last + 1 - i64::from(self.columns) + i64::from(column);
        Timestamp::from_micros(bin.saturating_mul(self.step * 1_000_000)).unwrap_or(Timestamp::EPOCH)
    }

    /// Seconds from end to end.
    pub(crate) fn reach(&self) -> i64 {
        self.step * i64::from(self.columns)
    }

    /// How well the feeds of events watched each column, oldest first.
    pub(crate) fn watched(&self, board: &Board) -> Vec<Watched> {
        let feeds: Vec<_> = watch::of_events(board).collect();
        let columns = (0..self.columns).map(|column| {
            let (from, to) = (self.start(column), self.start(column + 1).min(board.now));
            let watching = feeds.iter().filter(|feed| {
                let has_begun = feed.watched_since.is_some_and(|since| since <= to);
                let missed = |gap: &market::Gap| gap.from < to && gap.until.is_none_or(|until| until > from);
                has_begun && !feed.recent_gaps.iter().any(missed)
            });
            match watching.count() {
                0 => Watched::Unwatched,
                all if all == feeds.len() => Watched::Fully,
                _ => Watched::Partly,
            }
        });
        columns.collect()
    }

    /// Draws the axis from column `x` on: a line that is broken where a feed was blind and missing where all
    /// were, with the time under way.
    pub(crate) fn draw(&self, pen: &mut Pen<'_>, x: u16, y: u16, view: &View<'_>) {
        let theme = view.theme;
        let watched = self.watched(view.board);
        let style = |column: u16| match watched.get(usize::from(column)) {
            Some(Watched::Fully) | None => ('─', theme.dim),
            Some(Watched::Partly) => ('╌', theme.warn),
            Some(Watched::Unwatched) => (' ', theme.border),
        };
        for column in 0..self.columns {
            let (glyph, style) = style(column);
            pen.glyph(x + column, y, glyph, style);
        }
        let Some(tick) = TICKS.into_iter().find(|tick| tick * 60 >= self.step * 12) else {
            return;
        };
        for column in 0..self.columns.saturating_sub(5) {
            let start = self.start(column);
            // The first column that begins within the tick.
            if start.as_micros().rem_euclid(tick * 60_000_000) >= self.step * 1_000_000 {
                continue;
            }
            pen.glyph(x + column, y, '┴', theme.dim);
            for (c, at) in minute(start).chars().zip(column + 1..) {
                pen.glyph(x + at, y, c, style(at).1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_column_holds_now_and_is_aligned() {
        let axis = Axis::new(at("2026-01-06T10:33:50Z"), 52, 60);
        assert_eq!(axis.column(at("2026-01-06T10:33:50Z")), Some(51));
        assert_eq!(axis.column(at("2026-01-06T10:33:00Z")), Some(51));
        assert_eq!(axis.column(at("2026-01-06T10:32:59.999999Z")), Some(50));
        assert_eq!(axis.column(at("2026-01-06T10:34:00Z")), None, "the future");
        assert_eq!(axis.start(0), at("2026-01-06T09:42:00Z"));
        assert_eq!(axis.column(at("2026-01-06T09:41:59Z")), None);
        assert_eq!(Axis::new(Timestamp::EPOCH, 52, 60).start(0), Timestamp::EPOCH);
    }

    #[test]
    fn the_step_reaches_the_watch_or_the_hour() {
        let now = at("2026-01-06T10:33:50Z");
        for (columns, since, step) in [
            (52, "2026-01-01", 60),
            (119, "2026-01-01", 30),
            (360, "2026-01-01", 10),
            (1, "2026-01-01", 3_600),
            (52, "2026-01-06T10:30:00Z", 10),
            (52, "2026-01-06T10:15:00Z", 20),
        ] {
            assert_eq!(Axis::fitting(now, columns, at(since)), step, "{columns} columns since {since}");
        }
    }
}
