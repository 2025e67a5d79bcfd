//! Cuts pages of rows so that no moment is told by halves: rows of one moment may be one event.

use std::time::Duration;

use market::Timestamp;

use super::history::{Left, Span};

/// The finest difference between two rows' times.
const TICK: Duration = Duration::from_millis(1);

/// From which end a source tells what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Each page goes on where the last one ended.
    OldestFirst,
    /// Each page ends where the last one began.
    NewestFirst,
}

/// The rows of one page that are told now, and what is missing afterwards.
#[derive(Debug)]
pub(crate) struct Cut<T> {
    /// In order of time.
    pub(crate) rows: Vec<(Timestamp, T)>,
    /// What is missing; `None` where the page got no further.
    pub(crate) left: Option<Left>,
    /// A moment with more rows than a page holds: those beyond are lost.
    pub(crate) crowded: Option<Timestamp>,
}

/// Cuts `rows`, one page of what is `missing`. Where the page `is_partial`, the rows at its far end are
/// held back: the next page begins with all of that moment.
pub(crate) fn cut<T>(
    missing: Span,
    direction: Direction,
    rows: Vec<(Timestamp, T)>,
    is_partial: bool,
) -> Cut<T> {
    let one_moment = rows.first().map(|(at, _)| *at).filter(|first| rows.iter().all(|(at, _)| at == first));
    let mut rows: Vec<(Timestamp, T)> = rows.into_iter().filter(|(at, _)| missing.has(*at)).collect();
    rows.sort_by_key(|(at, _)| *at);
    if !is_partial {
        return Cut { rows, left: Some(Left::Nothing), crowded: None };
    }
    let edge = match direction {
        Direction::OldestFirst => rows.last(),
        Direction::NewestFirst => rows.first(),
    };
    let Some(edge) = edge.map(|(at, _)| *at) else {
        return Cut { rows, left: None, crowded: None };
    };
    // There is nothing to tell it whole with.
    let is_alone = rows.iter().all(|(at, _)| *at == edge);
    if !is_alone {
        rows.retain(|(at, _)| *at != edge);
    }
    let span = match (direction, is_alone) {
        (Direction::OldestFirst, false) => Span { from: edge, ..missing },
        (Direction::OldestFirst, true) => Span { from: edge.plus(TICK), ..missing },
        (Direction::NewestFirst, false) => Span { until: edge.plus(TICK), ..missing },
        (Direction::NewestFirst, true) => Span { until: edge, ..missing },
    };
    let left = if span.is_empty() { Left::Nothing } else { Left::Span(span) };
    Cut { rows, left: Some(left), crowded: one_moment }
}

/// Milliseconds since the epoch.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_micros() / 1_000
}

/// Seconds since the epoch.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_micros() / 1_000_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis).unwrap()
    }

    /// What a source with `rows` tells of `missing` at once: the first `size` of them from its end.
    fn page(rows: &[i64], missing: Span, direction: Direction, size: usize) -> (Vec<(Timestamp, i64)>, bool) {
        let mut rows: Vec<i64> = rows.iter().copied().filter(|row| missing.has(at(*row))).collect();
        rows.sort_unstable();
        if direction == Direction::NewestFirst {
            rows.reverse();
        }
        let is_partial = rows.len() >= size;
        (rows.into_iter().take(size).map(|row| (at(row), row)).collect(), is_partial)
    }

    proptest! {
        #[test]
        fn every_moment_is_told_once_and_whole_whichever_end_comes_first(
            rows in prop::collection::vec(0_i64..60, 0..80), size in 1_usize..20, newest_first: bool,
        ) {
            let direction = if newest_first { Direction::NewestFirst } else { Direction::OldestFirst };
            let mut missing = Span { from: at(10), until: at(50) };
            let (mut told, mut crowded, mut pages) = (Vec::new(), Vec::new(), 0);
            loop {
                let (rows, is_partial) = page(&rows, missing, direction, size);
                let cut = cut(missing, direction, rows, is_partial);
                told.extend(cut.rows.into_iter().map(|(_, row)| row));
                crowded.extend(cut.crowded);
                match cut.left {
                    Some(Left::Nothing) | None => break,
                    Some(Left::Span(span)) => {
                        prop_assert!(span.secs() < missing.secs(), "no progress: {span:?}");
                        missing = span;
                    }
                    Some(other) => prop_assert!(false, "{other:?}"),
                }
                pages += 1;
                prop_assert!(pages < 200);
            }
            let mut expected: Vec<i64> = rows.into_iter().filter(|row| (10..50).contains(row)).collect();
            // Of a moment with more rows than a page holds, a page is told, and that is said.
            for moment in &crowded {
                let same = |row: &&i64| at(**row) == *moment;
                let extra = expected.iter().filter(same).count().saturating_sub(size);
                for _ in 0..extra {
                    let place = expected.iter().position(|row| at(*row) == *moment).unwrap();
                    expected.swap_remove(place);
                }
            }
            expected.sort_unstable();
            told.sort_unstable();
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_page_that_repeats_itself_gets_no_further() {
        let missing = Span { from: at(0), until: at(10) };
        let cut = cut(missing, Direction::NewestFirst, vec![(at(10), ()), (at(99), ())], true);
        assert!(cut.rows.is_empty() && cut.left.is_none());
    }
}
