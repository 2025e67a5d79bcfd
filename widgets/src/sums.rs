//! The sums a totals table shows: of the whole, by venue, by asset, by instrument.

use std::cmp::Reverse;
use std::collections::HashMap;

use market::{Board, Completeness, FeedHealth, SideTotals, TotalRow, WINDOWS};

/// Windows in a row of sums.
pub(crate) const COUNT: usize = WINDOWS.len();

/// One row of a totals table.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The venue, asset or instrument.
    pub label: String,
    /// What to call it in little room.
    pub brief: String,
    pub long: [SideTotals; COUNT],
    pub short: [SideTotals; COUNT],
    /// Share of each window that was watched: the least over the feeds it sums.
    pub coverage: [f64; COUNT],
    /// Share of each window that the best of its feeds watched.
    pub best: [f64; COUNT],
    /// The venue that watched least of the longest window, where it sums several.
    pub least: Option<String>,
    /// Whether any of its feeds tells only part of what happens.
    pub told: Completeness,
}

impl Line {
    fn new(label: &str, brief: &str) -> Self {
        let (label, brief) = (label.to_owned(), brief.to_owned());
        let zero = [SideTotals::default(); COUNT];
        let (coverage, best) = ([1.0; COUNT], [0.0; COUNT]);
        let told = Completeness::Complete;
        Self { label, brief, long: zero, short: zero, coverage, best, least: None, told }
    }

    fn add(&mut self, row: &TotalRow) {
        for window in 0..COUNT {
            self.long[window].merge(&row.long[window]);
            self.short[window].merge(&row.short[window]);
        }
    }

    fn of_feed(&mut self, watch: &FeedWatch) {
        for (least, share) in self.coverage.iter_mut().zip(watch.coverage) {
            *least = least.min(share);
        }
        for (best, share) in self.best.iter_mut().zip(watch.coverage) {
            *best = best.max(share);
        }
        if watch.told != Completeness::Complete {
            self.told = watch.told;
        }
    }

    /// Both sides' notional in a window, micro-dollars.
    fn size(&self, window: usize) -> i128 {
        self.long[window].notional().as_micros() + self.short[window].notional().as_micros()
    }

    /// Events of unknown notional in a window.
    pub(crate) fn unknown(&self, window: usize) -> u64 {
        self.long[window].unknown + self.short[window].unknown
    }

    /// Whether the true sum may be higher: the venue tells only part, or part of the window went unseen.
    pub(crate) fn is_floor(&self, window: usize, side: &SideTotals) -> bool {
        self.told != Completeness::Complete || self.coverage[window] < 1.0 || side.unknown > 0
    }
}

/// What one feed's sums are worth.
struct FeedWatch {
    told: Completeness,
    coverage: [f64; COUNT],
}

impl FeedWatch {
    fn of(feed: &FeedHealth, board: &Board) -> Self {
        Self {
            told: feed.completeness,
            coverage: WINDOWS.map(|window| feed.coverage(window.span, board.now)),
        }
    }
}

/// The whole, and the venues in configured order; venues no longer configured follow. Feeds that tell states
/// rather than events have nothing to sum, and no say in how well the sums were watched.
pub(crate) fn by_venue(board: &Board) -> (Line, Vec<Line>) {
    let mut venues = Vec::with_capacity(board.feeds.len());
    let mut all = Line::new("all venues", "all");
    for feed in crate::watch::of_events(board) {
        let watch = FeedWatch::of(feed, board);
        let brief = crate::watch::name_in(board, feed.feed.as_str(), 0);
        let mut line = Line::new(feed.feed.as_str(), &brief);
        line.of_feed(&watch);
        if watch.coverage[COUNT - 1] < all.coverage[COUNT - 1] {
            all.least = Some(line.brief.clone());
        }
        all.of_feed(&watch);
        venues.push(line);
    }
    let configured = venues.len();
    for row in &board.totals.rows {
        all.add(row);
        let at = venues.iter().position(|line| line.label == row.feed.as_str()).unwrap_or_else(|| {
            venues.push(unwatched(row.feed.as_str()));
            venues.len() - 1
        });
        venues[at].add(row);
    }
    if venues.len() > configured || configured == 0 {
        all.of_feed(&FeedWatch { told: Completeness::Partial, coverage: [0.0; COUNT] });
    }
    (all, venues)
}

/// A line for a feed the board no longer knows: how well it was watched cannot be said.
fn unwatched(feed: &str) -> Line {
    let mut line = Line::new(feed, crate::watch::venue(feed));
    line.of_feed(&FeedWatch { told: Completeness::Partial, coverage: [0.0; COUNT] });
    line
}

/// One line for each asset over all venues, the largest in `window` first; each as well watched as `all`.
pub(crate) fn by_asset(board: &Board, all: &Line, window: usize) -> Vec<Line> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for row in &board.totals.rows {
        let asset = row.instrument.asset();
        let at = *places.entry(asset).or_insert_with(|| {
            let mut line = Line::new(asset, asset);
            line.coverage = all.coverage;
            line.best = all.best;
            line.least.clone_from(&all.least);
            line.told = all.told;
            lines.push(line);
            lines.len() - 1
        });
        lines[at].add(row);
    }
    largest_first(lines, window)
}

/// One line for each instrument at each venue, the largest in `window` first.
pub(crate) fn by_instrument(board: &Board, venues: &[Line], window: usize) -> Vec<Line> {
    let lines = board.totals.rows.iter().map(|row| {
        let feed = row.feed.as_str();
        let venue = crate::watch::ticker(feed);
        let name = format!("{venue} {}", row.instrument);
        let mut line = Line::new(&name, &format!("{venue} {}", crate::tape::pair(&row.instrument)));
        line.add(row);
        if let Some(venue) = venues.iter().find(|venue| venue.label == feed) {
            line.coverage = venue.coverage;
            line.best = venue.best;
            line.told = venue.told;
        }
        line
    });
    largest_first(lines.collect(), window)
}

/// Sorts by the notional of `window`, then of the longest, then by name: never by chance.
pub(crate) fn largest_first(mut lines: Vec<Line>, window: usize) -> Vec<Line> {
    lines.sort_by_cached_key(|line| {
        (Reverse(line.size(window)), Reverse(line.size(COUNT - 1)), line.label.clone())
    });
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use market::{
        FeedId, FeedState, Instrument, Liquidation, MarketEvent, Mode, Observation, PositionSide, Price,
        RollingWindows, Timestamp, Usd,
    };

    use super::*;

    fn now() -> Timestamp {
        "2026-01-06T14:00:00Z".parse().unwrap()
    }

    /// Bybit and OKX, watched for two days, with one liquidation for each `(feed, base, dollars)`.
    fn board(events: &[(&str, &str, Option<f64>)]) -> Board {
        let mut board = Board::new(Mode::Live, now());
        for (name, told) in [("bybit-linear", Completeness::Complete), ("okx", Completeness::Partial)] {
            board.add_feed(FeedId::new(name), told);
            let since = now().minus(std::time::Duration::from_hours(48));
            board.note_state(&FeedId::new(name), since, FeedState::Live);
        }
        board.now = now();
        let mut windows = RollingWindows::default();
        for (feed, base, usd) in events {
            let event = MarketEvent {
                feed: FeedId::new(feed),
                event_time: now(),
                receive_time: now(),
                known_at: now(),
                observation: Observation::Liquidation(Liquidation {
                    symbol: "".into(),
                    instrument: Instrument::perp(base, "USDT"),
                    position: PositionSide::Long,
                    price: Price::new(1.0).unwrap(),
                    quantity: None,
                    notional: usd.map(|usd| Usd::new(usd).unwrap()),
                    venue_id: None,
                }),
            };
            windows.apply(&event);
            board.apply(&Arc::new(event));
        }
        board.totals = windows.totals();
        board
    }

    #[test]
    fn a_sum_is_exact_only_where_everything_was_told_and_watched() {
        let mut board = board(&[("bybit-linear", "BTC", Some(5.0)), ("okx", "BTC", Some(7.0))]);
        let floors = |board: &Board| {
            let (all, venues) = by_venue(board);
            [&all, &venues[0], &venues[1]].map(|line| line.is_floor(0, &line.long[0]))
        };
        assert_eq!(floors(&board), [true, false, true], "okx tells only part");
        board.feeds[0].watched_since = Some(now().minus(std::time::Duration::from_secs(100)));
        assert_eq!(floors(&board), [true, true, true], "two of bybit's five minutes are watched");
        let (all, venues) = by_venue(&board);
        assert!((all.coverage[0] - 1.0 / 3.0).abs() < 1e-9, "the least of the venues");
        assert!((venues[1].coverage[0] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_event_of_unknown_notional_makes_a_floor() {
        let (_, venues) =
            by_venue(&board(&[("bybit-linear", "BTC", Some(5.0)), ("bybit-linear", "BTC", None)]));
        assert!(venues[0].is_floor(0, &venues[0].long[0]));
        assert_eq!(venues[0].unknown(0), 1);
    }

    #[test]
    fn assets_gather_their_multiples_and_come_largest_first() {
        let board = board(&[
            ("okx", "PEPE", Some(30.0)),
            ("bybit-linear", "1000PEPE", Some(30.0)),
            ("okx", "BTC", Some(50.0)),
            ("okx", "ETH", Some(50.0)),
        ]);
        let (all, venues) = by_venue(&board);
        let names = |lines: &[Line]| lines.iter().map(|line| line.label.clone()).collect::<Vec<_>>();
        assert_eq!(names(&by_asset(&board, &all, 1)), ["PEPE", "BTC", "ETH"], "equals by name");
        let instruments = by_instrument(&board, &venues, 1);
        assert_eq!(names(&instruments)[0], "OKX BTC-USDT-PERP");
        assert_eq!(instruments.len(), 4);
    }

    #[test]
    fn a_feed_of_states_is_no_part_of_the_sums() {
        let mut board = board(&[("bybit-linear", "BTC", Some(5.0))]);
        board.add_feed(FeedId::new("farside"), Completeness::Latest);
        let (all, venues) = by_venue(&board);
        assert_eq!(venues.len(), 2);
        assert!((all.coverage[0] - 1.0).abs() < 1e-9, "farside was never watched, and has nothing to miss");
    }

    #[test]
    fn sums_of_a_feed_no_longer_configured_are_kept_and_not_trusted() {
        let (all, venues) = by_venue(&board(&[("deribit", "BTC", Some(5.0))]));
        assert_eq!(venues[2].label, "deribit");
        assert!(venues[2].is_floor(0, &venues[2].long[0]));
        assert!(all.coverage[0].abs() < 1e-9);
    }
}
