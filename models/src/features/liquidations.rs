//! Group `liquidations`: how much is being liquidated, on which side, and how much of it sets off more.
//!
//! Dollars are summed by hour of the venue's time (of the word's, where the venue's lies after it), each hour
//! ending at a minute of decision; what is told late enters its own hour from then on. Intensity of a side after
//! hour t: λₜ = λₜ₋₁ 2^(−1/H) + nₜ, with nₜ the hour's millions of dollars and half-life H: the exponential kernel
//! of a self-exciting process (Hawkes 1971). A liquidation of unknown value is no part of any sum, nor is one of
//! a feed that does not count yet; once it does, its past does too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use market::{FeedId, Gap, Liquidation, MarketEvent, PositionSide, Timestamp};

use super::robust::Rolling;
use super::task::Grid;
use super::watch::Watch;

/// Micro-dollars in a million dollars.
const MICROS: f64 = 1e12;
/// With less of a window watched, nothing is said of it.
pub(super) const LEAST_COVERAGE: f64 = 0.5;
const HOUR_MICROS: i64 = 3_600_000_000;

/// The group's columns.
pub(super) const COLUMNS: [&str; 7] = [
    "liq_long_fast_z",
    "liq_long_slow_z",
    "liq_short_fast_z",
    "liq_short_slow_z",
    "liq_imbalance_z",
    "liq_notional_z",
    "liq_coverage",
];

/// How the group is looked at from a grid.
#[derive(Clone, Copy, Debug)]
struct Spans {
    /// Half-lives of the intensities, hours.
    half_lives: [f64; 2],
    /// Hours of the imbalance and of the coverage.
    window: i64,
    /// Hours of the notional.
    step: i64,
    /// Rows that say what is usual.
    lookback: usize,
}

impl Spans {
    fn of(grid: Grid) -> Self {
        match grid {
            Grid::Hourly => Self { half_lives: [1.0, 24.0], window: 24, step: 1, lookback: 720 },
            Grid::Daily | Grid::Sessions => {
                Self { half_lives: [24.0, 120.0], window: 120, step: 24, lookback: 250 }
            }
        }
    }
}

/// A self-exciting intensity on a grid of hours, millions of dollars.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intensity {
    half_life: f64,
    level: f64,
    hour: Option<i64>,
}

impl Intensity {
    pub(super) fn new(half_life_hours: f64) -> Self {
        Self { half_life: half_life_hours, level: 0.0, hour: None }
    }

    fn decay(&self, hours: i64) -> f64 {
        libm::exp2(-(hours.max(0) as f64) / self.half_life)
    }

    /// Moves to `hour` and takes in what was told since the last time, by hour, oldest first.
    fn advance(&mut self, hour: i64, news: impl Iterator<Item = (i64, f64)>) -> f64 {
        if let Some(before) = self.hour {
            self.level *= self.decay(hour - before);
        }
        self.hour = Some(hour);
        for (at, millions) in news {
            self.level += millions * self.decay(hour - at);
        }
        self.level
    }

    /// What a steady stream of this intensity sums to over `hours`, millions of dollars.
    pub(super) fn as_sum_over(&self, hours: f64) -> f64 {
        self.level * (1.0 - libm::exp2(-1.0 / self.half_life)) * hours
    }
}

/// Micro-dollars by hour: of longs, of shorts.
type Hours = BTreeMap<i64, [i128; 2]>;

/// The asset's liquidations, as known so far.
#[derive(Debug)]
pub(super) struct Liquidations {
    asset: String,
    /// Microseconds after the full hour at which the hours here end.
    offset: i64,
    spans: Spans,
    /// What each feed told.
    told: BTreeMap<FeedId, Hours>,
    /// The feeds that count, as of the last row.
    counted: BTreeSet<FeedId>,
    /// What they told, together.
    hours: Hours,
    /// What they told since the last row.
    news: Hours,
    watch: Watch,
    sides: [[Intensity; 2]; 2],
    all: Intensity,
    rolling: [Rolling; 6],
}

impl Liquidations {
    /// No liquidations of `asset` yet; `horizon` hours is the half-life of [`Liquidations::intensity`].
    pub(super) fn new(asset: &str, grid: Grid, horizon: usize) -> Self {
        let spans = Spans::of(grid);
        let offset = i64::try_from(grid.offset().as_micros()).unwrap_or(0) % HOUR_MICROS;
        Self {
            asset: asset.to_owned(),
            offset,
            spans,
            told: BTreeMap::new(),
            counted: BTreeSet::new(),
            hours: Hours::new(),
            news: Hours::new(),
            watch: Watch::default(),
            sides: [spans.half_lives.map(Intensity::new); 2],
            all: Intensity::new(horizon as f64),
            rolling: std::array::from_fn(|_| Rolling::new(spans.lookback)),
        }
    }

    /// The hour that holds `at`: hours end with their last microsecond included.
    fn hour(&self, at: Timestamp) -> i64 {
        (at.as_micros() - self.offset - 1).div_euclid(HOUR_MICROS) + 1
    }

    /// Takes a liquidation in.
    pub(super) fn take(&mut self, event: &MarketEvent, liquidation: &Liquidation) {
        let is_of_asset = liquidation.instrument.asset() == self.asset;
        self.watch.hear(&event.feed, event.known_at, is_of_asset);
        let (true, Some(notional)) = (is_of_asset, liquidation.notional) else { return };
        let side = match liquidation.position {
            PositionSide::Long => 0,
            PositionSide::Short => 1,
        };
        let hour = self.hour(event.event_time.min(event.known_at));
        let micros = notional.as_micros().abs();
        if !self.told.contains_key(&event.feed) {
            self.told.insert(event.feed.clone(), Hours::new());
        }
        if let Some(told) = self.told.get_mut(&event.feed) {
            told.entry(hour).or_default()[side] += micros;
        }
        if self.counted.contains(&event.feed) {
            for sums in [&mut self.hours, &mut self.news] {
                sums.entry(hour).or_default()[side] += micros;
            }
        }
    }

    /// Puts together anew what the feeds told that count at `at`, where they are others than before.
    fn count(&mut self, at: Timestamp) {
        if self.watch.counted(at).eq(&self.counted) {
            return;
        }
        self.counted = self.watch.counted(at).cloned().collect();
        self.hours.clear();
        for told in self.counted.iter().filter_map(|feed| self.told.get(feed)) {
            for (hour, [long, short]) in told {
                let sums = self.hours.entry(*hour).or_default();
                *sums = [sums[0] + long, sums[1] + short];
            }
        }
        self.news.clone_from(&self.hours);
        self.all = Intensity::new(self.all.half_life);
        self.sides = [self.spans.half_lives.map(Intensity::new); 2];
    }

    /// Takes a gap in.
    pub(super) fn take_gap(&mut self, event: &MarketEvent, gap: &Gap) {
        self.watch.take_gap(&event.feed, event.known_at, gap);
    }

    fn sum(&self, last: i64, hours: i64) -> [i128; 2] {
        let window = self.hours.range(last - hours + 1..=last);
        window.fold([0, 0], |sum, (_, side)| [sum[0] + side[0], sum[1] + side[1]])
    }

    /// US dollars liquidated in the `hours` before `at`.
    pub(super) fn usd(&self, at: Timestamp, hours: i64) -> f64 {
        let [long, short] = self.sum(self.hour(at), hours);
        (long + short) as f64 / 1e6
    }

    /// Whether the asset's liquidations have been told of for so long.
    pub(super) fn reaches(&self, at: Timestamp, hours: i64) -> bool {
        self.hours.first_key_value().is_some_and(|(first, _)| self.hour(at) - first >= hours)
    }

    /// The share of the `hours` before `at` that was watched.
    pub(super) fn coverage(&self, at: Timestamp, hours: i64) -> f64 {
        let span = Duration::from_hours(hours.unsigned_abs());
        self.watch.coverage(at.minus(span), at)
    }

    /// The intensity of both sides with the half-life that was asked for, as of the last row.
    pub(super) fn intensity(&self) -> Intensity {
        self.all
    }

    /// The group's columns at `at`, in the order of [`COLUMNS`].
    pub(super) fn at(&mut self, at: Timestamp) -> [f64; 7] {
        let hour = self.hour(at);
        self.count(at);
        let news = std::mem::take(&mut self.news);
        for (side, intensities) in self.sides.iter_mut().enumerate() {
            for intensity in intensities {
                intensity.advance(hour, news.iter().map(|(at, sums)| (*at, sums[side] as f64 / MICROS)));
            }
        }
        self.all.advance(hour, news.iter().map(|(at, sums)| (*at, (sums[0] + sums[1]) as f64 / MICROS)));
        // Twice as far as the longest window reaches.
        self.watch.forget(at.minus(Duration::from_hours(240)));

        let coverage = self.coverage(at, self.spans.window);
        let is_seen = coverage >= LEAST_COVERAGE;
        let [long, short] = self.sum(hour, self.spans.window);
        let imbalance = (long + short > 0).then(|| (long - short) as f64 / (long + short) as f64);
        let [[long_fast, long_slow], [short_fast, short_slow]] =
            self.sides.map(|side| side.map(|intensity| libm::log1p(intensity.level * 1e6)));
        let notional = libm::log1p(self.usd(at, self.spans.step));
        let values =
            [Some(long_fast), Some(long_slow), Some(short_fast), Some(short_slow), imbalance, Some(notional)];
        let mut row = [0.0; 7];
        for ((place, rolling), value) in row.iter_mut().zip(&mut self.rolling).zip(values) {
            *place = rolling.z(value.filter(|_| is_seen));
        }
        row[6] = coverage;
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intensity_decays_by_half_and_takes_late_news_at_their_age() {
        let mut intensity = Intensity::new(24.0);
        assert!((intensity.advance(0, [(0, 8.0)].into_iter()) - 8.0).abs() < 1e-12);
        assert!((intensity.advance(24, std::iter::empty()) - 4.0).abs() < 1e-12);
        let late = intensity.advance(48, [(24, 2.0)].into_iter());
        assert!((late - 3.0).abs() < 1e-12, "as if it had been told in time: {late}");
    }

    #[test]
    fn a_steady_stream_is_its_own_sum() {
        let mut intensity = Intensity::new(24.0);
        for hour in 0..2_000 {
            intensity.advance(hour, [(hour, 3.0)].into_iter());
        }
        assert!((intensity.as_sum_over(24.0) - 72.0).abs() < 1e-6);
    }

    #[test]
    fn hours_end_at_the_minute_of_decision() {
        let liquidations = Liquidations::new("BTC", Grid::Hourly, 24);
        let hour = |text: &str| liquidations.hour(text.parse().unwrap());
        assert_eq!(hour("2026-01-05T10:05:00Z"), hour("2026-01-05T09:05:00.000001Z"));
        assert_eq!(hour("2026-01-05T10:05:00.000001Z"), hour("2026-01-05T10:05:00Z") + 1);
    }
}
