//! Level and core of volatility tasks: from the asset's returns as known by then.

use market::Timestamp;

use super::own::Row;
use super::prices::{Coin, Move, day_of, hour_of};
use super::task::{Grid, Task};
use crate::forecast::volatility::{LOOKBACK, features, level};

pub(super) use crate::forecast::volatility::columns;

/// At least three quarters of a window's returns make a level.
const LEAST_SHARE: f64 = 0.75;

/// The row of volatility at `at`, and which pair told the last return; `None` of the core until there are
/// enough returns.
pub(super) fn row(coin: &Coin, task: &Task, at: Timestamp) -> (Row, Option<usize>) {
    let horizon = task.horizon as i64;
    let reach = 2 * LOOKBACK as i64;
    let moves: Vec<(i64, Move)> = match task.grid {
        Grid::Hourly => coin.hourly(hour_of(at) - reach, hour_of(at)).collect(),
        Grid::Daily | Grid::Sessions => coin.daily(day_of(at) - reach, day_of(at)).collect(),
    };
    let now = match task.grid {
        Grid::Hourly => hour_of(at),
        Grid::Daily | Grid::Sessions => day_of(at),
    };
    let of_window = moves.iter().filter(|(slot, _)| *slot >= now - horizon).count();
    let coverage = of_window as f64 / task.horizon as f64;
    let returns: Vec<f64> =
        moves[moves.len().saturating_sub(LOOKBACK)..].iter().map(|(_, step)| step.log_return).collect();
    let core = features(&returns, task.horizon);
    let is_seen = coverage >= LEAST_SHARE && core.is_some();
    let level = level(&returns, of_window).filter(|_| is_seen);
    let last = moves.last().filter(|(slot, _)| *slot == now - 1).map(|(_, step)| step.pair);
    let core = core.unwrap_or_else(|| vec![0.0; columns().len()]);
    (Row { level, coverage, core }, last)
}
