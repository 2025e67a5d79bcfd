//! What is forecast, and at which moments.

use std::time::Duration;

use market::{Timestamp, nyse};

use super::FeatureError;

/// Most rows of one set: 34 years of hours.
pub const MOST_ROWS: usize = 300_000;

/// Something whose regime is forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name: `vol-24h`.
    pub id: &'static str,
    /// One line on it.
    pub about: &'static str,
    /// When it is decided.
    pub grid: Grid,
    /// Rows of the window that the level is taken over, and of the next one.
    pub horizon: usize,
    pub(super) subject: Subject,
}

/// What the level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Realised volatility from hourly or daily closes, as the grid is.
    Volatility,
    /// Dollars liquidated.
    Burst,
    /// Net flow of the funds.
    Flows,
}

/// Every task, in the order in which tables show them.
pub const TASKS: [Task; 4] = [
    Task {
        id: "vol-24h",
        about: "volatility regime of the next 24 hours, from hourly closes",
        grid: Grid::Hourly,
        horizon: 24,
        subject: Subject::Volatility,
    },
    Task {
        id: "vol-5d",
        about: "volatility regime of the next 5 days, from daily closes",
        grid: Grid::Daily,
        horizon: 5,
        subject: Subject::Volatility,
    },
    Task {
        id: "burst-24h",
        about: "a burst of liquidations within the next 24 hours",
        grid: Grid::Hourly,
        horizon: 24,
        subject: Subject::Burst,
    },
    Task {
        id: "flows-5s",
        about: "direction of the funds' net flow over the next 5 sessions",
        grid: Grid::Sessions,
        horizon: 5,
        subject: Subject::Flows,
    },
];

/// The task called `id`.
pub fn task(id: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.id == id)
}

/// The moments of decision. A bar is known at its end in a backfill and a moment later live; a decision
/// some minutes after the full hour sees the same bars either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// Five minutes past each hour.
    Hourly,
    /// 00:15 UTC each day.
    Daily,
    /// 14:00 UTC on each day on which New York trades, when the flows of the session before are settled.
    Sessions,
}

impl Grid {
    /// How long after midnight UTC the first decision of a day is made.
    pub(super) fn offset(self) -> Duration {
        match self {
            Self::Hourly => Duration::from_mins(5),
            Self::Daily => Duration::from_mins(15),
            Self::Sessions => Duration::from_hours(14),
        }
    }

    fn step(self) -> Duration {
        match self {
            Self::Hourly => Duration::from_hours(1),
            Self::Daily | Self::Sessions => Duration::from_hours(24),
        }
    }

    fn is_decision(self, at: Timestamp) -> bool {
        match self {
            Self::Hourly | Self::Daily => true,
            Self::Sessions => nyse().is_trading_day(at.date()) == Some(true),
        }
    }

    /// The last moment of the regular grid, sessions or not, that is not after `at`.
    fn last_step(self, at: Timestamp) -> Option<Timestamp> {
        let step = i64::try_from(self.step().as_micros()).ok()?;
        let offset = i64::try_from(self.offset().as_micros()).ok()?;
        Timestamp::from_micros((at.as_micros() - offset).div_euclid(step) * step + offset)
    }

    /// The last decision that is not after `at`; `None` where there is none within a month.
    pub fn last_decision(self, at: Timestamp) -> Option<Timestamp> {
        let mut decision = self.last_step(at)?;
        for _ in 0..31 {
            if self.is_decision(decision) {
                return Some(decision);
            }
            decision = decision.minus(self.step());
        }
        None
    }

    /// Every decision from `from` to `to`, both included, ascending.
    ///
    /// # Errors
    /// There are more than [`MOST_ROWS`].
    pub fn decisions(self, from: Timestamp, to: Timestamp) -> Result<Vec<Timestamp>, FeatureError> {
        let span = to.since(from).as_micros();
        let rows = usize::try_from(span / self.step().as_micros()).unwrap_or(usize::MAX);
        if rows > MOST_ROWS {
            return Err(FeatureError::TooManyRows { rows, most: MOST_ROWS, from });
        }
        let mut decisions = Vec::with_capacity(rows + 1);
        let mut at = self.last_step(from).unwrap_or(Timestamp::EPOCH.plus(self.offset()));
        while at <= to {
            if at >= from && self.is_decision(at) {
                decisions.push(at);
            }
            at = at.plus(self.step());
        }
        Ok(decisions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn decisions_come_when_what_they_need_is_known() {
        for (grid, from, to, decisions) in [
            (
                Grid::Hourly,
                "2026-01-05T10:05:00Z",
                "2026-01-05T12:04:59Z",
                &["2026-01-05T10:05:00Z", "2026-01-05T11:05:00Z"][..],
            ),
            (Grid::Daily, "2026-01-05T00:15:01Z", "2026-01-06T12:00:00Z", &["2026-01-06T00:15:00Z"]),
            // A Friday, a weekend, a Monday, and Christmas.
            (
                Grid::Sessions,
                "2025-12-24T00:00:00Z",
                "2025-12-29T14:00:00Z",
                &["2025-12-24T14:00:00Z", "2025-12-26T14:00:00Z", "2025-12-29T14:00:00Z"],
            ),
        ] {
            let expected: Vec<Timestamp> = decisions.iter().map(|text| at(text)).collect();
            assert_eq!(grid.decisions(at(from), at(to)).unwrap(), expected, "{grid:?}");
            assert_eq!(grid.last_decision(at(to)), expected.last().copied(), "{grid:?}");
        }
    }

    #[test]
    fn a_grid_that_would_never_end_is_refused() {
        let error = Grid::Hourly.decisions(Timestamp::EPOCH, at("9999-01-01")).unwrap_err();
        assert!(error.to_string().contains("70378224") || error.to_string().contains("rows"), "{error}");
        assert!(Grid::Hourly.decisions(at("2026-01-02"), at("2026-01-01")).unwrap().is_empty());
    }

    #[test]
    fn tasks_are_found_by_their_ids() {
        let ids: Vec<&str> = TASKS.iter().map(|task| task.id).collect();
        assert_eq!(ids, ["vol-24h", "vol-5d", "burst-24h", "flows-5s"]);
        assert!(ids.iter().all(|id| task(id).is_some_and(|task| task.id == *id)) && task("vol-1h").is_none());
    }
}
