//! Liquidated notional over the last 5 minutes, hour and day, exact to the event.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::event::{Liquidation, MarketEvent, PositionSide};
use crate::feed::FeedId;
use crate::instrument::Instrument;
use crate::money::Usd;
use crate::time::Timestamp;

/// One of the three windows the desk reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What its column is called.
    pub label: &'static str,
    /// How far back it reaches.
    pub span: Duration,
}

/// The windows, shortest first.
pub const WINDOWS: [Window; 3] = [
    Window { label: "5m", span: Duration::from_mins(5) },
    Window { label: "1h", span: Duration::from_hours(1) },
    Window { label: "24h", span: Duration::from_hours(24) },
];

/// Most events the windows hold: some 150 MB, ten times the busiest day on record.
const ENTRIES_MAX: usize = 4_000_000;
/// Width of one bin of the intensity strip.
const BIN: Duration = Duration::from_secs(10);
/// Bins of the strip: the last hour.
const BINS: usize = 360;

/// What one side lost in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideTotals {
    /// Liquidations.
    pub events: u64,
    /// How many of them have no known notional, and so are not in the sum.
    pub unknown: u64,
    micros: i128,
}

impl SideTotals {
    /// Summed notional of the events whose notional is known.
    pub fn notional(&self) -> Usd {
        Usd::from_micros(self.micros)
    }

    /// Adds another sum, as of another instrument or venue.
    pub fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.unknown += other.unknown;
        self.micros += other.micros;
    }

    fn add(&mut self, micros: Option<i128>) {
        self.events += 1;
        match micros {
            Some(micros) => self.micros += micros,
            None => self.unknown += 1,
        }
    }

    fn remove(&mut self, micros: Option<i128>) {
        self.events -= 1;
        match micros {
            Some(micros) => self.micros -= micros,
            None => self.unknown -= 1,
        }
    }
}

/// Long and short totals of one instrument at one venue, one pair for each of [`WINDOWS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalRow {
    /// The feed.
    pub feed: FeedId,
    /// The instrument.
    pub instrument: Instrument,
    /// Closed long positions, by window.
    pub long: [SideTotals; WINDOWS.len()],
    /// Closed short positions, by window.
    pub short: [SideTotals; WINDOWS.len()],
}

/// Notional by side in ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StripBin {
    /// Closed longs.
    pub long: SideTotals,
    /// Closed shorts.
    pub short: SideTotals,
}

/// What the windows say at one moment.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// One row for each instrument at each venue with anything in the last day, in order of first
    /// appearance.
    pub rows: Vec<TotalRow>,
    /// The last hour in ten-second bins, oldest first; the last bin is still filling.
    pub strip: Vec<StripBin>,
    /// When the last bin of the strip began.
    pub strip_last: Option<Timestamp>,
    /// Events dropped from the day's window for want of room. Above zero, the totals are too low.
    pub forgotten: u64,
}

impl Totals {
    /// Long and short sums over all rows that `keep` accepts, for `WINDOWS[window]`.
    pub fn sum(&self, window: usize, mut keep: impl FnMut(&TotalRow) -> bool) -> (SideTotals, SideTotals) {
        let mut long = SideTotals::default();
        let mut short = SideTotals::default();
        for row in self.rows.iter().filter(|row| keep(row)) {
            long.merge(&row.long[window]);
            short.merge(&row.short[window]);
        }
        (long, short)
    }
}

#[derive(Clone, Copy)]
struct Entry {
    at: Timestamp,
    row: u32,
    position: PositionSide,
    micros: Option<i128>,
}

/// The rolling sums behind [`Totals`]: every event of the last day, and one cursor per window.
///
/// Windows count by receive time, which never steps back here: an event that carries an earlier
/// time than its predecessor counts at its predecessor's.
pub struct RollingWindows {
    entries: VecDeque<Entry>,
    /// How many of `entries`, counted from the front, have left each window.
    expired: [usize; WINDOWS.len()],
    rows: Vec<TotalRow>,
    index: HashMap<(FeedId, Instrument), u32>,
    strip: VecDeque<StripBin>,
    strip_last: Option<i64>,
    now: Timestamp,
    forgotten: u64,
}

impl Default for RollingWindows {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            expired: [0; WINDOWS.len()],
            rows: Vec::new(),
            index: HashMap::new(),
            strip: VecDeque::new(),
            strip_last: None,
            now: Timestamp::EPOCH,
            forgotten: 0,
        }
    }
}

impl RollingWindows {
    /// Counts a liquidation; other observations change nothing here.
    pub fn apply(&mut self, event: &MarketEvent) {
        if let Some(liquidation) = event.observation.liquidation() {
            self.count(&event.feed, event.receive_time, liquidation);
        }
    }

    fn count(&mut self, feed: &FeedId, at: Timestamp, liquidation: &Liquidation) {
        self.advance(at);
        let row = self.row_of(feed, &liquidation.instrument);
        let micros = liquidation.notional.map(Usd::as_micros);
        let entry = Entry { at: self.now, row, position: liquidation.position, micros };
        if self.entries.len() == ENTRIES_MAX {
            self.drop_oldest();
            self.forgotten += 1;
        }
        let totals = &mut self.rows[row as usize];
        for window in 0..WINDOWS.len() {
            totals.side(entry.position)[window].add(micros);
        }
        if let Some(bin) = self.strip.back_mut() {
            match entry.position {
                PositionSide::Long => bin.long.add(micros),
                PositionSide::Short => bin.short.add(micros),
            }
        }
        self.entries.push_back(entry);
    }

    /// Lets time pass: whatever left a window by `now` leaves its sums.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        for (window, expired) in self.expired.iter_mut().enumerate() {
            let start = self.now.minus(WINDOWS[window].span);
            while let Some(entry) = self.entries.get(*expired).filter(|entry| entry.at <= start) {
                self.rows[entry.row as usize].side(entry.position)[window].remove(entry.micros);
                *expired += 1;
            }
        }
        while self.expired[WINDOWS.len() - 1] > 0 {
            self.entries.pop_front();
            for expired in &mut self.expired {
                *expired -= 1;
            }
        }
        self.advance_strip();
    }

    /// The sums as of the last `advance` or `apply`.
    pub fn totals(&self) -> Totals {
        let last = WINDOWS.len() - 1;
        Totals {
            rows: self
                .rows
                .iter()
                .filter(|row| row.long[last].events + row.short[last].events > 0)
                .cloned()
                .collect(),
            strip: self.strip.iter().copied().collect(),
            strip_last: self.strip_last.and_then(|bin| Timestamp::from_micros(bin * BIN.as_micros() as i64)),
            forgotten: self.forgotten,
        }
    }

    fn row_of(&mut self, feed: &FeedId, instrument: &Instrument) -> u32 {
        let key = (feed.clone(), instrument.clone());
        if let Some(&row) = self.index.get(&key) {
            return row;
        }
        let row = self.rows.len() as u32;
        self.rows.push(TotalRow {
            feed: key.0.clone(),
            instrument: key.1.clone(),
            long: Default::default(),
            short: Default::default(),
        });
        self.index.insert(key, row);
        row
    }

    /// Takes the oldest entry out of every sum it is still in.
    fn drop_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        for (window, expired) in self.expired.iter_mut().enumerate() {
            if *expired > 0 {
                *expired -= 1;
            } else {
                self.rows[entry.row as usize].side(entry.position)[window].remove(entry.micros);
            }
        }
    }

    fn advance_strip(&mut self) {
        let bin = self.now.as_micros() / BIN.as_micros() as i64;
        let behind = self.strip_last.map_or(BINS as i64, |last| bin - last);
        for _ in 0..behind.clamp(0, BINS as i64) {
            self.strip.push_back(StripBin::default());
        }
        while self.strip.len() > BINS {
            self.strip.pop_front();
        }
        self.strip_last = Some(bin);
    }
}

impl TotalRow {
    fn side(&mut self, position: PositionSide) -> &mut [SideTotals; WINDOWS.len()] {
        match position {
            PositionSide::Long => &mut self.long,
            PositionSide::Short => &mut self.short,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Observation;
    use crate::money::Price;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis).expect("in range")
    }

    fn liquidation(millis: i64, position: PositionSide, usd: Option<f64>) -> MarketEvent {
        MarketEvent {
            feed: FeedId::new("okx"),
            event_time: at(millis),
            receive_time: at(millis),
            known_at: at(millis),
            observation: Observation::Liquidation(Liquidation {
                symbol: "BTC-USDT-SWAP".into(),
                instrument: Instrument::perp("BTC", "USDT"),
                position,
                price: Price::new(60_000.0).expect("a price"),
                quantity: None,
                notional: usd.map(|usd| Usd::new(usd).expect("finite")),
                venue_id: None,
            }),
        }
    }

    #[test]
    fn an_event_leaves_each_window_when_its_time_is_up() {
        let mut windows = RollingWindows::default();
        windows.apply(&liquidation(0, PositionSide::Long, Some(100.25)));
        windows.apply(&liquidation(1, PositionSide::Short, None));
        let sums = |windows: &RollingWindows, window| windows.totals().sum(window, |_| true);
        assert_eq!(sums(&windows, 0).0.notional(), Usd::new(100.25).expect("finite"));
        assert_eq!((sums(&windows, 0).1.events, sums(&windows, 0).1.unknown), (1, 1));
        windows.advance(at(299_999));
        assert_eq!(sums(&windows, 0).0.events, 1);
        windows.advance(at(300_000));
        assert_eq!(sums(&windows, 0).0, SideTotals::default());
        assert_eq!(sums(&windows, 1).0.events, 1);
        windows.advance(at(86_400_001));
        assert!(windows.totals().rows.is_empty());
    }

    #[test]
    fn the_strip_covers_one_hour_and_forgets_what_is_older() {
        let mut windows = RollingWindows::default();
        windows.apply(&liquidation(0, PositionSide::Long, Some(5.0)));
        assert_eq!(windows.totals().strip.len(), BINS);
        assert_eq!(windows.totals().strip.last().map(|bin| bin.long.events), Some(1));
        windows.advance(at(20_000));
        assert_eq!(windows.totals().strip[BINS - 3].long.events, 1);
        windows.advance(at(3_700_000));
        assert!(windows.totals().strip.iter().all(|bin| *bin == StripBin::default()));
    }

    proptest! {
        /// The rolling sums equal a sum from scratch, whatever the order of events.
        #[test]
        fn rolling_equals_from_scratch(steps in prop::collection::vec((0_i64..4_000_000, any::<bool>(), prop::option::of(0.0_f64..1e7)), 0..200)) {
            let mut windows = RollingWindows::default();
            let mut seen: Vec<(Timestamp, PositionSide, Option<i128>)> = Vec::new();
            let mut clock = 0;
            for (step, is_long, usd) in steps {
                clock += step;
                let position = if is_long { PositionSide::Long } else { PositionSide::Short };
                windows.apply(&liquidation(clock, position, usd));
                seen.push((at(clock), position, usd.map(|usd| Usd::new(usd).expect("finite").as_micros())));
                for (window, Window { span, .. }) in WINDOWS.iter().enumerate() {
                    let mut long = SideTotals::default();
                    for (_, _, micros) in seen.iter().filter(|(t, side, _)| *side == PositionSide::Long && *t > at(clock).minus(*span)) {
                        long.add(*micros);
                    }
                    prop_assert_eq!(windows.totals().sum(window, |_| true).0, long);
                }
            }
        }
    }
}
