//! The HAR differences of a level: where it stood on average, over one, five and twenty-two horizons.

/// Windows, in horizons, that the level is averaged over: Corsi's day, week and month where the horizon is a day.
pub(super) const SPANS: [usize; 3] = [1, 5, 22];

/// The names of the differences.
pub(super) const NAMES: [&str; 3] = ["har_1", "har_5", "har_22"];

/// Mean of the last `span` × `horizon` margins less the margin, for each of [`SPANS`], a row a margin; the mean is of as
/// many rows as there are where these are fewer. Reads no later row.
pub(super) fn differences(margins: &[f64], horizon: usize) -> Vec<[f64; 3]> {
    let mut sums = Vec::with_capacity(margins.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for margin in margins {
        sum += margin;
        sums.push(sum);
    }
    let difference = |row: usize, span: usize| {
        let count = span.saturating_mul(horizon).min(row + 1);
        (sums[row + 1] - sums[row + 1 - count]) / count as f64 - margins[row]
    };
    (0..margins.len()).map(|row| SPANS.map(|span| difference(row, span))).collect()
}
