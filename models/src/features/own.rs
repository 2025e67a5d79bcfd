//! Group `core` of `burst-24h` and `flows-5s`: the history of the level itself, relative to the level.

use market::Timestamp;

use super::flows::Flows;
use super::liquidations::{LEAST_COVERAGE, Liquidations};
use super::robust::Rolling;
use super::sessions::sessions;

/// Columns of liquidation bursts.
pub(super) const BURST: [&str; 8] =
    ["har_6h", "har_5d", "har_20d", "ewma_1w", "ewma_5w", "ewma_20w", "since_burst", "intensity"];
/// Columns of fund flows.
pub(super) const FLOWS: [&str; 8] =
    ["har_1s", "har_10s", "har_20s", "ewma_1w", "ewma_5w", "ewma_20w", "since_turn", "flow_size"];

/// Half-lives of the averages of the level, windows.
const HALF_LIVES: [f64; 3] = [1.0, 5.0, 20.0];
/// A level in the highest tenth of the last so many is a burst.
const BURST_SHARE: f64 = 0.9;
const BURST_ROWS: usize = 720;
/// Times since are cut here, windows.
const LONGEST_SINCE: f64 = 20.0;

/// What is known of the level at one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The level; `None` where too little of its window was seen.
    pub(super) level: Option<f64>,
    /// How much of the window was seen, 0 to 1.
    pub(super) coverage: f64,
    /// The core columns; zeros where there is no level.
    pub(super) core: Vec<f64>,
}

/// The averages of the level, and how long ago it last did something.
#[derive(Debug)]
pub(super) struct Own {
    horizon: usize,
    averages: [Option<f64>; 3],
    rolling: Rolling,
    /// Rows since the last burst, or since the level last changed its sign.
    since: Option<usize>,
    was_positive: Option<bool>,
}

impl Own {
    /// No history yet, of a level over `horizon` rows.
    pub(super) fn new(horizon: usize) -> Self {
        Self {
            horizon,
            averages: [None; 3],
            rolling: Rolling::new(BURST_ROWS),
            since: None,
            was_positive: None,
        }
    }

    /// The averages, less the level, after taking it in.
    fn averages(&mut self, level: f64) -> [f64; 3] {
        let horizon = self.horizon as f64;
        let mut beyond = [0.0; 3];
        for ((average, half_life), beyond) in self.averages.iter_mut().zip(HALF_LIVES).zip(&mut beyond) {
            let kept = libm::exp2(-1.0 / (half_life * horizon));
            let new = average.map_or(level, |old| kept * old + (1.0 - kept) * level);
            *average = Some(new);
            *beyond = new - level;
        }
        beyond
    }

    /// ln(1 + windows since what `happened` last did), counted in rows.
    fn since(&mut self, happened: bool) -> f64 {
        self.since = if happened { Some(0) } else { self.since.map(|rows| rows + 1) };
        let windows = self.since.map_or(LONGEST_SINCE, |rows| rows as f64 / self.horizon as f64);
        libm::log1p(windows.min(LONGEST_SINCE))
    }

    /// The row of liquidations at `at`; to be asked after the group's columns, which advance the intensity.
    pub(super) fn burst(&mut self, liquidations: &Liquidations, at: Timestamp) -> Row {
        let hours = self.horizon as i64;
        let coverage = liquidations.coverage(at, hours);
        if coverage < LEAST_COVERAGE {
            self.since = self.since.map(|rows| rows + 1);
            return Row { level: None, coverage, core: vec![0.0; BURST.len()] };
        }
        let level = libm::log1p(liquidations.usd(at, hours));
        // What another span would sum to in a window of the level's length.
        let over = |span: i64| {
            if !liquidations.reaches(at, span) {
                return 0.0;
            }
            libm::log1p(liquidations.usd(at, span) * hours as f64 / span as f64) - level
        };
        let har = [over(6), over(5 * 24), over(20 * 24)];
        let is_burst = self.rolling.quantile(level, BURST_SHARE).is_some_and(|high| level >= high);
        let since = self.since(is_burst);
        let steady = liquidations.intensity().as_sum_over(hours as f64) * 1e6;
        let core = [&har[..], &self.averages(level), &[since, libm::log1p(steady) - level]].concat();
        Row { level: Some(level), coverage, core }
    }

    /// The row of flows at `at`, millions of US dollars: of the last sessions that were over.
    pub(super) fn flows(&mut self, flows: &Flows, at: Timestamp) -> Row {
        let none = |coverage| Row { level: None, coverage, core: vec![0.0; FLOWS.len()] };
        let Some(last) = sessions().over_at(at).checked_sub(1) else { return none(0.0) };
        let window: Vec<f64> = flows.totals(last, self.horizon).into_iter().flatten().collect();
        let coverage = window.len() as f64 / self.horizon as f64;
        if window.len() < self.horizon {
            self.since = self.since.map(|rows| rows + 1);
            return none(coverage);
        }
        let level: f64 = window.iter().sum();
        let over = |count: usize| {
            let known: Vec<f64> = flows.totals(last, count).into_iter().flatten().collect();
            if known.len() * 5 < count * 4 {
                return 0.0;
            }
            known.iter().sum::<f64>() / known.len() as f64 * self.horizon as f64 - level
        };
        let har = [over(1), over(10), over(20)];
        let is_positive = level > 0.0;
        let has_turned = self.was_positive.is_some_and(|was| was != is_positive);
        self.was_positive = Some(is_positive);
        let since = self.since(has_turned);
        let size: f64 = window.iter().map(|flow| flow.abs()).sum();
        let core = [&har[..], &self.averages(level), &[since, libm::log1p(size)]].concat();
        Row { level: Some(level), coverage, core }
    }
}
