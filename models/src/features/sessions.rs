//! New York's sessions, counted, so that windows over them are ranges of numbers.

use std::sync::LazyLock;

use market::{Date, Timestamp, nyse};

/// Every session of the calendar, oldest first.
#[derive(Debug)]
pub(super) struct Sessions {
    dates: Vec<Date>,
    closes: Vec<Timestamp>,
}

/// The sessions of the shipped calendar.
pub(super) fn sessions() -> &'static Sessions {
    static SESSIONS: LazyLock<Sessions> = LazyLock::new(|| {
        let (mut day, last) = nyse().covers();
        let (mut dates, mut closes) = (Vec::new(), Vec::new());
        while day <= last {
            if let Some(close) = nyse().close(day) {
                dates.push(day);
                closes.push(close);
            }
            day = day.next();
        }
        Sessions { dates, closes }
    });
    &SESSIONS
}

impl Sessions {
    /// The number of the session on `date`; `None` where New York was closed or the calendar ends.
    pub(super) fn on(&self, date: Date) -> Option<usize> {
        self.dates.binary_search(&date).ok()
    }

    /// The day of a session.
    pub(super) fn date(&self, session: usize) -> Option<Date> {
        self.dates.get(session).copied()
    }

    /// When a session ended.
    pub(super) fn close(&self, session: usize) -> Option<Timestamp> {
        self.closes.get(session).copied()
    }

    /// The session that ended at `at`.
    pub(super) fn ending(&self, at: Timestamp) -> Option<usize> {
        self.closes.binary_search(&at).ok()
    }

    /// How many sessions were over at `at`: also the number of the first one that was not.
    pub(super) fn over_at(&self, at: Timestamp) -> usize {
        self.closes.partition_point(|close| *close <= at)
    }

    /// Sessions that ended after session `last` and by `at`.
    pub(super) fn since(&self, last: usize, at: Timestamp) -> usize {
        self.over_at(at).saturating_sub(last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekend_is_no_session_and_a_session_counts_once_it_is_over() {
        let friday = sessions().on("2025-11-14".parse().unwrap()).unwrap();
        let monday = sessions().on("2025-11-17".parse().unwrap()).unwrap();
        assert_eq!(monday, friday + 1);
        assert!(sessions().on("2025-11-15".parse().unwrap()).is_none());
        for (at, age) in
            [("2025-11-14T22:00:00Z", 0), ("2025-11-17T20:59:59Z", 0), ("2025-11-17T21:00:00Z", 1)]
        {
            assert_eq!(sessions().since(friday, at.parse().unwrap()), age, "{at}");
        }
        assert_eq!(
            sessions().ending("2025-11-28T18:00:00Z".parse().unwrap()),
            sessions().on("2025-11-28".parse().unwrap())
        );
    }
}
