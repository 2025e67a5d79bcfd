//! What the history of a price says of its volatility: the level whose regime is forecast, and the columns it
//! is forecast from.
//!
//! Returns are log close-to-close returns r. The level is ln(√(mean r² of the last h) + 10⁻⁶). Columns are
//! differences of log volatilities to the level, shares and ratios: free of the price's unit, and of its
//! scale. A window is a number of returns: h and its multiples, so that one definition serves days and hours.
//!
//! Sources: F. Corsi, *A simple approximate long-memory model of realized volatility* (HAR), J. Financial
//! Econometrics 7 (2009) 174–196; `RiskMetrics` technical document (1996), 5.2 (exponential weights);
//! A. Patton and K. Sheppard, *Good volatility, bad volatility*, Rev. Econ. Stat. 97 (2015) 683–697
//! (downside share).

use market::Timestamp;

use crate::samples::{Column, Group, Samples};
use crate::scalar::{mean, std_dev};

use super::ForecastError;

/// Most returns that a row looks back on. What lies further back changes nothing.
pub const LOOKBACK: usize = 252;

/// Fewest returns that a row is made from, if 2 h is not more.
pub const LEAST: usize = 44;

/// Added to a volatility before its logarithm is taken, so that a still market has one.
const STILL: f64 = 1e-6;

/// Half-lives of the exponential weights, in fifths of the horizon.
const HALF_LIVES: [(&str, f64); 6] = [
    ("ewma_1", 1.0),
    ("ewma_2", 2.0),
    ("ewma_4", 4.0),
    ("ewma_8", 8.0),
    ("ewma_16", 16.0),
    ("ewma_32", 32.0),
];

/// The columns, in order, with the formula of each. V(k) is the log volatility of the last k returns, as the
/// level is of h; σ is that of the whole look-back, not logged; S is the sum of squares.
const COLUMNS: [&str; 29] = [
    // V of the last return (a fifth of the window's variance mixed in, so that a zero return has one) − level.
    "har_last",
    // V(2h/5), V(2h), V(4.4h), V(13.2h), V(look-back), each − level.
    "har_part",
    "har_double",
    "har_month",
    "har_quarter",
    "har_year",
    // Log of the exponentially weighted volatility, half-life 1, 2, 4 … fifths of h, − level.
    "ewma_1",
    "ewma_2",
    "ewma_4",
    "ewma_8",
    "ewma_16",
    "ewma_32",
    // Log of the volatility that mean |r| implies for normal returns, less V: low where jumps carry it.
    "calmness_window",
    "calmness_month",
    "calmness_quarter",
    // Largest r² as a share of S, over h and 4.4h.
    "jump_window",
    "jump_month",
    // Share of S in the older half of the window, and in its oldest return, which leaves it next.
    "older_share",
    "oldest_share",
    // Share of S from falls, over h and 4.4h.
    "falls_window",
    "falls_month",
    // Sum of returns over 1, h, 4.4h, in units of σ√k.
    "return_last",
    "return_window",
    "return_month",
    // Log price below its highest over the look-back and over 13.2h, in units of σ√k.
    "drawdown_year",
    "drawdown_quarter",
    // Standard deviation of V over the last (up to 8) windows of h side by side; the ones one and two back − level.
    "unrest",
    "before",
    "before_that",
];

/// The columns that [`features`] fills, in order.
pub fn columns() -> Vec<Column> {
    COLUMNS.iter().map(|name| Column { name: (*name).to_owned(), group: Group::Core }).collect()
}

/// The log volatility of the last `horizon` returns; `None` while there are fewer.
pub fn level(returns: &[f64], horizon: usize) -> Option<f64> {
    if horizon == 0 || returns.len() < horizon {
        return None;
    }
    Some(log_volatility(&returns[returns.len() - horizon..]))
}

/// The columns of the row that ends with the last of `returns`, oldest first; `None` while there are fewer
/// than [`LEAST`] or two horizons. Only the last [`LOOKBACK`] are read, or two horizons where these are more:
/// whatever comes before, the bits are the same.
pub fn features(returns: &[f64], horizon: usize) -> Option<Vec<f64>> {
    let (fewest, most) = (LEAST.max(2 * horizon), LOOKBACK.max(2 * horizon));
    if horizon < 2 || returns.len() < fewest {
        return None;
    }
    let window = &returns[returns.len().saturating_sub(most)..];
    let count = window.len();
    let last = |k: usize| &window[count - k.min(count)..];
    let span = |tenths: usize| (tenths * horizon / 10).max(2).min(count);
    let (month, quarter) = (span(44), span(132));
    let near = last(horizon);
    let level = log_volatility(near);
    let sum = squares(near) + STILL * STILL;
    let month_sum = squares(last(month)) + STILL * STILL;
    let sigma = libm::exp(log_volatility(window));
    let newest = near[horizon - 1];

    let mut row = Vec::with_capacity(COLUMNS.len());
    let volatility = libm::exp(level);
    row.push(0.5 * libm::log(0.8 * newest * newest + 0.2 * volatility * volatility) - level);
    for k in [span(4), 2 * horizon, month, quarter, count] {
        row.push(log_volatility(last(k)) - level);
    }
    for (_, half_life) in HALF_LIVES {
        row.push(weighted(window, half_life * horizon as f64 / 5.0) - level);
    }
    for part in [near, last(month), last(quarter)] {
        row.push(calmness(part));
    }
    row.push(largest_square(near) / sum);
    row.push(largest_square(last(month)) / month_sum);
    row.push(squares(&near[..horizon / 2]) / sum);
    row.push(near[0] * near[0] / sum);
    row.push(falls(near) / sum);
    row.push(falls(last(month)) / month_sum);
    for k in [1, horizon, month] {
        row.push(last(k).iter().sum::<f64>() / (sigma * libm::sqrt(k as f64)));
    }
    for part in [window, last(quarter)] {
        row.push(drawdown(part) / (sigma * libm::sqrt(part.len() as f64)));
    }
    let windows: Vec<f64> = window.rchunks_exact(horizon).take(8).map(log_volatility).collect();
    row.push(std_dev(&windows).unwrap_or(0.0));
    row.push(windows[1] - level);
    row.push(windows.get(2).copied().unwrap_or(windows[1]) - level);
    Some(row)
}

/// Samples of a price's volatility: one row a close from the `warmup`-th return on (at least as many as
/// [`features`] needs). `prices` are closes, oldest first, one a grid step.
///
/// # Errors
/// Times do not ascend, a close is not positive and finite, there are too few, or the horizon is under 2.
pub fn samples(prices: &[(Timestamp, f64)], horizon: usize, warmup: usize) -> Result<Samples, ForecastError> {
    if horizon < 2 {
        return Err(ForecastError::Option {
            option: "--horizon",
            problem: format!("is {horizon}; use at least 2"),
        });
    }
    for (row, (time, close)) in prices.iter().enumerate() {
        if !(close.is_finite() && *close > 0.0) {
            return Err(ForecastError::NotAPrice { row, value: *close });
        }
        if row > 0 && prices[row - 1].0 >= *time {
            return Err(ForecastError::NotAscending { row });
        }
    }
    let first = warmup.max(LEAST).max(horizon.saturating_mul(2));
    if prices.len() <= first {
        return Err(ForecastError::TooFewRows { rows: prices.len(), needed: first + 1 });
    }
    let returns: Vec<f64> =
        prices.windows(2).map(|pair| libm::log(pair[1].1) - libm::log(pair[0].1)).collect();
    let mut samples = Samples {
        times: Vec::new(),
        level: Vec::new(),
        columns: columns(),
        values: Vec::with_capacity((prices.len() - first) * COLUMNS.len()),
    };
    for end in first..=returns.len() {
        let Some(row) = features(&returns[..end], horizon) else { continue };
        samples.times.push(prices[end].0);
        samples.level.push(level(&returns[..end], horizon));
        samples.values.extend(row);
    }
    Ok(samples)
}

fn squares(returns: &[f64]) -> f64 {
    returns.iter().map(|r| r * r).sum()
}

fn falls(returns: &[f64]) -> f64 {
    returns.iter().filter(|r| **r < 0.0).map(|r| r * r).sum()
}

fn largest_square(returns: &[f64]) -> f64 {
    returns.iter().fold(0.0, |top, r| f64::max(top, r * r))
}

fn log_volatility(returns: &[f64]) -> f64 {
    libm::log(libm::sqrt(squares(returns) / returns.len() as f64) + STILL)
}

/// The log volatility with weights that halve every `half_life` returns.
fn weighted(returns: &[f64], half_life: f64) -> f64 {
    let keep = libm::exp(-std::f64::consts::LN_2 / half_life);
    let (mut sum, mut weight) = (0.0, 0.0);
    for r in returns {
        sum = sum * keep + r * r;
        weight = weight * keep + 1.0;
    }
    libm::log(libm::sqrt(sum / weight) + STILL)
}

/// Log of √(π/2) mean |r| over the root mean square: 0 for normal returns, lower the more jumps carry.
fn calmness(returns: &[f64]) -> f64 {
    let sizes: Vec<f64> = returns.iter().map(|r| r.abs()).collect();
    let implied = mean(&sizes).unwrap_or(0.0) * libm::sqrt(std::f64::consts::FRAC_PI_2);
    libm::log(implied + STILL) - log_volatility(returns)
}

/// How far the sum of returns ends below its highest point, the start included; never above 0.
fn drawdown(returns: &[f64]) -> f64 {
    let (mut now, mut top) = (0.0f64, 0.0f64);
    for r in returns {
        now += r;
        top = top.max(now);
    }
    now - top
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns(count: usize) -> Vec<f64> {
        let mut chance = crate::chance::Chance::new(5);
        (0..count).map(|_| 0.01 * chance.normal()).collect()
    }

    #[test]
    fn a_row_is_the_same_bits_whatever_lies_beyond_the_lookback() {
        let all = returns(900);
        for horizon in [5, 24] {
            let whole = features(&all, horizon).unwrap();
            let tail = features(&all[900 - LOOKBACK..], horizon).unwrap();
            assert_eq!(whole.len(), columns().len());
            assert!(whole.iter().zip(&tail).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn columns_do_not_know_the_price_s_scale_and_a_still_market_is_finite() {
        let all = returns(300);
        let larger: Vec<f64> = all.iter().map(|r| r * 3.0).collect();
        let (small, large) = (features(&all, 5).unwrap(), features(&larger, 5).unwrap());
        for ((a, b), name) in small.iter().zip(&large).zip(COLUMNS) {
            assert!((a - b).abs() < 2e-3, "{name}: {a} {b}");
        }
        let still = features(&[0.0; 60], 5).unwrap();
        assert!(still.iter().all(|value| value.is_finite()));
        let crash = features(&[&[0.0; 59][..], &[-0.9]].concat(), 5).unwrap();
        assert!(crash.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn the_level_is_the_log_of_the_root_mean_square() {
        let level = level(&[9.0, 0.03, -0.04], 2).unwrap();
        assert!((level - (0.00125f64.sqrt() + 1e-6).ln()).abs() < 1e-12);
        assert!(super::level(&[0.1], 2).is_none());
        assert!(features(&[0.01; 43], 5).is_none() && features(&[0.01; 44], 5).is_some());
    }

    #[test]
    fn prices_that_are_none_are_refused_with_their_row() {
        let at = |row: i64| Timestamp::from_micros(row * 86_400_000_000).unwrap();
        let prices = |count: i64| (0..count).map(|row| (at(row), 100.0)).collect::<Vec<_>>();
        let said = |prices: &[(Timestamp, f64)]| samples(prices, 5, 44).unwrap_err().to_string();
        assert!(said(&prices(44)).contains("at least 45"));
        let mut zero = prices(60);
        zero[7].1 = 0.0;
        assert!(said(&zero).contains("row 7"));
        let mut twice = prices(60);
        twice[9].0 = twice[8].0;
        assert!(said(&twice).contains("row 9"));
        assert_eq!(samples(&prices(60), 5, 44).unwrap().rows(), 16);
    }
}
