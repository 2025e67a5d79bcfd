//! Whether rows where it happened were ranked above the others. Says nothing of whether the probabilities are
//! right, and looks good on rare events by ranking the easy rows: a companion of skill, never a headline.

use super::{ScoreError, both_classes, finite, paired};

/// Rows in descending order of score, in runs of equal scores: (rows, events) of each.
fn runs(scores: &[f64], happened: &[bool]) -> Result<(Vec<(usize, usize)>, usize), ScoreError> {
    paired(scores.len(), happened.len())?;
    finite(scores)?;
    let events = both_classes(happened)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    // The first of two neighbours is never the smaller, so "not above" is "equal", −0 and 0 included.
    let runs = order
        .chunk_by(|&a, &b| scores[a] <= scores[b])
        .map(|run| (run.len(), run.iter().filter(|&&row| happened[row]).count()));
    Ok((runs.collect(), events))
}

/// The area under the ROC curve: the chance that a row where it happened has a higher score than a row where it
/// did not, ties counting half (the Mann–Whitney statistic over n₁ n₀). 0.5 is no better than a coin.
///
/// Source: J. A. Hanley and B. J. `McNeil`, *The meaning and use of the area under a receiver operating
/// characteristic (ROC) curve*, Radiology 143 (1982) 29–36.
///
/// # Errors
/// No rows, columns of different length, a score that is not finite, or only one kind of outcome.
pub fn auc(scores: &[f64], happened: &[bool]) -> Result<f64, ScoreError> {
    let (runs, events) = runs(scores, happened)?;
    let quiet = scores.len() - events;
    let mut above = 0;
    let mut pairs = 0.0;
    for (rows, hits) in runs {
        let misses = rows - hits;
        pairs += misses as f64 * (above as f64 + hits as f64 / 2.0);
        above += hits;
    }
    Ok(pairs / (events as f64 * quiet as f64))
}

/// Average precision: Σ (recallₖ − recallₖ₋₁) precisionₖ over the distinct thresholds, highest first, without
/// interpolation (scikit-learn's `average_precision_score`). The share of events is what guessing gets.
///
/// Source: M. Zhu, *Recall, precision and average precision*, University of Waterloo (2004); J. Davis and M.
/// Goadrich, *The relationship between precision-recall and ROC curves*, ICML (2006) 233–240.
///
/// # Errors
/// As [`auc`].
pub fn average_precision(scores: &[f64], happened: &[bool]) -> Result<f64, ScoreError> {
    let (runs, events) = runs(scores, happened)?;
    let (mut rows_above, mut hits_above) = (0, 0);
    let mut area = 0.0;
    for (rows, hits) in runs {
        rows_above += rows;
        hits_above += hits;
        area += hits as f64 / events as f64 * (hits_above as f64 / rows_above as f64);
    }
    Ok(area)
}
