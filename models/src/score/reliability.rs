//! Whether what was called 30 % happened 30 % of the time, and what the Brier score is made of.
//!
//! # The decomposition
//! Rows fall into bins k of nₖ rows with mean forecast fₖ and observed share oₖ; o is the share of all rows:
//!
//! ```text
//! Brier = reliability − resolution + uncertainty + within variance − within covariance
//! reliability        Σ nₖ (fₖ − oₖ)² / n       0 is best
//! resolution         Σ nₖ (oₖ − o)² / n        more is better
//! uncertainty        o (1 − o)                 the Brier score of always saying o
//! within variance    Σ (f − fₖ)² / n           over rows
//! within covariance  2 Σ (y − oₖ)(f − fₖ) / n  over rows
//! ```
//!
//! The first three are A. H. Murphy, *A new vector partition of the probability score*, J. Appl. Meteorol. 12
//! (1973) 595–600, exact only where every bin holds one forecast value; the last two make it exact for any
//! bins: D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe, *Two extra components in the Brier score
//! decomposition*, Weather and Forecasting 23 (2008) 752–757. Few rows in a bin flatter resolution and worsen
//! reliability by chance, both by about oₖ (1 − oₖ) a bin over n: take few bins.

use serde::{Deserialize, Serialize};

use super::{Interval, ScoreError, brier, probabilities_of};

/// The 97.5 % quantile of the standard normal.
const Z_95: f64 = 1.959_963_984_540_054;

/// How rows are put into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Binning {
    /// This many bins of nearly the same number of rows. Equal forecasts stay together, so that there may be
    /// fewer bins.
    EqualCount(usize),
    /// This many bins of the same width in probability; the last includes 1.
    EqualWidth(usize),
}

/// A point of the reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Its lower end: the bin's own (equal width), or its least forecast (equal count).
    pub from: f64,
    /// Its upper end, likewise.
    pub to: f64,
    /// Rows.
    pub n: usize,
    /// Rows where it happened.
    pub events: usize,
    /// Mean forecast.
    pub mean_forecast: f64,
    /// Observed share: `events / n`.
    pub observed: f64,
    /// Wilson's 95 % interval of the share: the lower end. It supposes independent rows; where windows
    /// overlap, the truth is wider.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What a Brier score is made of: `score = reliability − resolution + uncertainty + within_variance −
/// within_covariance`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Murphy {
    /// The Brier score.
    pub score: f64,
    /// How far forecasts are from what happened, bin by bin; 0 is best.
    pub reliability: f64,
    /// How far the bins are from the overall share; more is better.
    pub resolution: f64,
    /// What always saying the overall share costs.
    pub uncertainty: f64,
    /// Variance of the forecasts within bins.
    pub within_variance: f64,
    /// Twice the covariance of forecast and outcome within bins.
    pub within_covariance: f64,
}

/// The rows of each bin that has any, in order of the forecast, with the bin's ends.
fn bins_of(
    probabilities: &[f64],
    happened: &[bool],
    binning: Binning,
) -> Result<Vec<(f64, f64, Vec<usize>)>, ScoreError> {
    probabilities_of(probabilities, happened)?;
    let (Binning::EqualCount(count) | Binning::EqualWidth(count)) = binning;
    if count == 0 {
        return Err(ScoreError::Option { name: "bins", problem: "is 0; use at least 1".to_owned() });
    }
    let rows = probabilities.len();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]).then(a.cmp(&b)));
    let mut bins: Vec<(f64, f64, Vec<usize>)> = Vec::new();
    match binning {
        Binning::EqualWidth(_) => {
            // Beyond 2^32 bins every row has one of its own anyhow.
            let count = count.min(1 << 32);
            let place = |row: usize| ((probabilities[row] * count as f64) as usize).min(count - 1);
            for chunk in order.chunk_by(|&a, &b| place(a) == place(b)) {
                let bin = place(chunk[0]) as f64;
                bins.push((bin / count as f64, (bin + 1.0) / count as f64, chunk.to_vec()));
            }
        }
        Binning::EqualCount(_) => {
            let count = count.min(rows);
            let edge = |bin: usize| (bin * rows).div_ceil(count);
            let (mut start, mut bin) = (0, 1);
            while start < rows {
                // Past the bins that equal forecasts have filled already.
                while edge(bin) <= start {
                    bin += 1;
                }
                let mut end = edge(bin).min(rows);
                while end < rows && probabilities[order[end]] <= probabilities[order[end - 1]] {
                    end += 1;
                }
                let members = order[start..end].to_vec();
                bins.push((probabilities[members[0]], probabilities[members[members.len() - 1]], members));
                start = end;
            }
        }
    }
    Ok(bins)
}

/// The reliability diagram's points, in order of the forecast; empty bins are left out.
///
/// # Errors
/// No rows, columns of different length, a forecast outside [0, 1], or no bins.
pub fn reliability(
    probabilities: &[f64],
    happened: &[bool],
    binning: Binning,
) -> Result<Vec<ReliabilityBin>, ScoreError> {
    let bins = bins_of(probabilities, happened, binning)?;
    let points = bins.into_iter().map(|(from, to, rows)| {
        let n = rows.len();
        let events = rows.iter().filter(|&&row| happened[row]).count();
        let total: f64 = rows.iter().map(|&row| probabilities[row]).sum();
        let observed = events as f64 / n as f64;
        let Interval { low, high } = wilson(events, n, Z_95).unwrap_or(Interval { low: 0.0, high: 1.0 });
        ReliabilityBin { from, to, n, events, mean_forecast: total / n as f64, observed, low, high }
    });
    Ok(points.collect())
}

/// The Brier score's parts.
///
/// # Errors
/// As [`reliability`].
pub fn murphy(probabilities: &[f64], happened: &[bool], binning: Binning) -> Result<Murphy, ScoreError> {
    let bins = bins_of(probabilities, happened, binning)?;
    let n = probabilities.len() as f64;
    let share = happened.iter().filter(|&&happened| happened).count() as f64 / n;
    let mut parts = Murphy {
        score: brier(probabilities, happened)?,
        reliability: 0.0,
        resolution: 0.0,
        uncertainty: share * (1.0 - share),
        within_variance: 0.0,
        within_covariance: 0.0,
    };
    for (_, _, rows) in &bins {
        let members = rows.len() as f64;
        let observed = rows.iter().filter(|&&row| happened[row]).count() as f64 / members;
        let forecast = rows.iter().map(|&row| probabilities[row]).sum::<f64>() / members;
        parts.reliability += members * (forecast - observed) * (forecast - observed) / n;
        parts.resolution += members * (observed - share) * (observed - share) / n;
        for &row in rows {
            let off = probabilities[row] - forecast;
            let outcome = f64::from(u8::from(happened[row])) - observed;
            parts.within_variance += off * off / n;
            parts.within_covariance += 2.0 * outcome * off / n;
        }
    }
    Ok(parts)
}

/// The interval of a share by inverting the normal test, `z` standard errors wide (1.96 for 95 %): never
/// outside [0, 1], and sound for few events. `None` of no rows, more events than rows, or a `z` that is not
/// above 0.
///
/// Source: E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, J. Am. Stat.
/// Assoc. 22 (1927) 209–212; L. D. Brown, T. T. Cai and A. `DasGupta`, Statistical Science 16 (2001) 101–133.
pub fn wilson(events: usize, n: usize, z: f64) -> Option<Interval> {
    if n == 0 || events > n || !(z > 0.0 && z.is_finite()) {
        return None;
    }
    let (n, share) = (n as f64, events as f64 / n as f64);
    let spread = z * z / n;
    let middle = (share + spread / 2.0) / (1.0 + spread);
    let half = z * libm::sqrt(share * (1.0 - share) / n + spread / (4.0 * n)) / (1.0 + spread);
    Some(Interval { low: (middle - half).clamp(0.0, share), high: (middle + half).clamp(share, 1.0) })
}
