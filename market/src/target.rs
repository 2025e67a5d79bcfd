//! What is forecast: every target, when it is decided, and what its regimes are. A row here is a target everywhere.

use std::time::Duration;

use crate::nyse::nyse;
use crate::time::Timestamp;

/// Most decisions that are listed at once: 34 years of hours.
pub const MOST_DECISIONS: usize = 300_000;

/// Something whose regime is forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Its name, of which the end says how far it looks: `vol-24h`.
    pub id: &'static str,
    /// One line on it, for help and the screen.
    pub about: &'static str,
    /// When it is decided.
    pub grid: Grid,
    /// Decisions from one to the end of the window that it speaks of; the window before it, of which the level is
    /// taken, is as long.
    pub horizon: usize,
    /// What the level is.
    pub subject: Subject,
    /// Where one regime ends and the other begins.
    pub boundary: Boundary,
    /// The regimes' names, the one with the lower level first.
    pub regimes: [&'static str; 2],
}

/// What the level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Realised volatility from hourly or daily closes, as the grid is.
    Volatility,
    /// Dollars liquidated.
    Burst,
    /// Net flow of the funds.
    Flows,
}

/// Where one regime ends and the other begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Boundary {
    /// At this quantile of the training rows' levels, 0 to 1.
    Quantile(f64),
    /// Here.
    Fixed(f64),
}

/// The quantile above which a market counts as stormy.
pub const STORMY: f64 = 0.70;

/// Every target, in the order in which help and tables have them.
pub const TARGETS: [Target; 4] = [
    Target {
        id: "vol-24h",
        about: "volatility regime of the next 24 h",
        grid: Grid::Hourly,
        horizon: 24,
        subject: Subject::Volatility,
        boundary: Boundary::Quantile(STORMY),
        regimes: ["calm", "stormy"],
    },
    Target {
        id: "vol-5d",
        about: "volatility regime of the next 5 days",
        grid: Grid::Daily,
        horizon: 5,
        subject: Subject::Volatility,
        boundary: Boundary::Quantile(STORMY),
        regimes: ["calm", "stormy"],
    },
    Target {
        id: "burst-24h",
        about: "burst of liquidations within 24 h",
        grid: Grid::Hourly,
        horizon: 24,
        subject: Subject::Burst,
        boundary: Boundary::Quantile(STORMY),
        regimes: ["quiet", "burst"],
    },
    Target {
        id: "flows-5s",
        about: "net flow of the funds over the next 5 sessions",
        grid: Grid::Sessions,
        horizon: 5,
        subject: Subject::Flows,
        boundary: Boundary::Fixed(0.0),
        regimes: ["outflow", "inflow"],
    },
];

/// The target called `id`.
pub fn target(id: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.id == id)
}

/// The targets' names as a sentence lists them: `vol-24h, vol-5d`.
pub fn target_names() -> String {
    TARGETS.map(|target| target.id).join(", ")
}

impl Target {
    /// When the window ends that a forecast of `at`, one of the grid's decisions, speaks of.
    pub fn until(&self, at: Timestamp) -> Timestamp {
        let rows = self.horizon as u64;
        match self.grid {
            Grid::Hourly => at.plus(Duration::from_hours(rows)),
            Grid::Daily => at.plus(Duration::from_hours(24 * rows)),
            // The decision of the session that many sessions on.
            Grid::Sessions => {
                let mut date = at.date();
                for _ in 0..rows {
                    date = nyse().next_trading_day(date).unwrap_or_else(|| date.next());
                }
                date.start().plus(at.since(at.date().start()))
            }
        }
    }
}

/// More decisions than any market has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDecisions {
    /// How many.
    pub count: usize,
    /// The first moment asked for.
    pub from: Timestamp,
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
    pub fn offset(self) -> Duration {
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
    /// There are more than [`MOST_DECISIONS`].
    pub fn decisions(self, from: Timestamp, to: Timestamp) -> Result<Vec<Timestamp>, TooManyDecisions> {
        let span = to.since(from).as_micros();
        let rows = usize::try_from(span / self.step().as_micros()).unwrap_or(usize::MAX);
        if rows > MOST_DECISIONS {
            return Err(TooManyDecisions { count: rows, from });
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
        assert_eq!(error, TooManyDecisions { count: 70_380_768, from: Timestamp::EPOCH });
        assert!(Grid::Hourly.decisions(at("2026-01-02"), at("2026-01-01")).unwrap().is_empty());
    }

    #[test]
    fn targets_are_found_by_their_ids() {
        assert!(TARGETS.iter().all(|row| target(row.id) == Some(row)) && target("vol-1h").is_none());
        assert_eq!(target_names(), "vol-24h, vol-5d, burst-24h, flows-5s");
    }

    #[test]
    fn a_window_ends_at_a_decision_of_the_grid() {
        for (id, made, until) in [
            ("vol-24h", "2026-01-05T10:05:00Z", "2026-01-06T10:05:00Z"),
            ("vol-5d", "2026-01-05T00:15:00Z", "2026-01-10T00:15:00Z"),
            // Christmas and a weekend are no sessions.
            ("flows-5s", "2025-12-23T14:00:00Z", "2025-12-31T14:00:00Z"),
        ] {
            let row = target(id).unwrap();
            assert_eq!(row.until(at(made)), at(until), "{id}");
            assert_eq!(row.grid.decisions(at(made), at(until)).unwrap().len(), row.horizon + 1, "{id}");
        }
    }
}
