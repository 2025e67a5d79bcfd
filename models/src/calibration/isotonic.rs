//! Isotonic regression: the rising step map that is nearest to what happened, in least squares.
//!
//! Pool adjacent violators: walk the rows in order of score, and merge neighbours whose means fall. Equal scores are
//! one row of their mean first. Between the steps it is linear, beyond the ends constant, as in scikit-learn's
//! `IsotonicRegression(out_of_bounds="clip")`.
//!
//! Source: M. Ayer et al., *An empirical distribution function for sampling with incomplete information*, Annals of
//! Mathematical Statistics 26 (1955) 641–647; R. E. Barlow et al., *Statistical Inference under Order Restrictions*
//! (1972), section 1.2.

use serde::{Deserialize, Serialize};

use super::{CalibrationError, ascending_runs, is_rising, scored};

/// A rising map from scores to values, linear between its knots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Scores of the knots, rising.
    pub x: Vec<f64>,
    /// Values at the knots, never falling.
    pub y: Vec<f64>,
}

impl Isotonic {
    /// Fits what happened (1) or did not (0) to scores.
    ///
    /// # Errors
    /// No rows, columns of different length, or a score that is not finite.
    pub fn of_labels(scores: &[f64], happened: &[bool]) -> Result<Self, CalibrationError> {
        let values: Vec<f64> = happened.iter().map(|&happened| f64::from(u8::from(happened))).collect();
        Self::fit(scores, &values, None)
    }

    /// Fits values to scores, each row with its weight (1 without).
    ///
    /// # Errors
    /// No rows, columns of different length, a score or value that is not finite, or a weight that is not above
    /// 0.
    pub fn fit(scores: &[f64], values: &[f64], weights: Option<&[f64]>) -> Result<Self, CalibrationError> {
        scored(scores, values.len())?;
        scored(values, scores.len())?;
        if let Some(weights) = weights {
            scored(weights, scores.len())?;
            if let Some(row) = weights.iter().position(|&weight| weight <= 0.0) {
                return Err(CalibrationError::Unusable { row, value: weights[row] });
            }
        }
        let weight_of = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let runs = ascending_runs(scores);
        let (mut xs, mut means, mut totals) = (Vec::new(), Vec::new(), Vec::new());
        for run in &runs {
            let total: f64 = run.iter().map(|&row| weight_of(row)).sum();
            xs.push(scores[run[0]]);
            means.push(run.iter().map(|&row| weight_of(row) * values[row]).sum::<f64>() / total);
            totals.push(total);
        }
        let fitted = pool_adjacent_violators(&means, &totals);
        let last = xs.len() - 1;
        // The inside of a flat stretch says nothing that its ends do not.
        let bends = |i: usize| i == 0 || i == last || fitted[i - 1] < fitted[i] || fitted[i] < fitted[i + 1];
        let knots: Vec<usize> = (0..=last).filter(|&i| bends(i)).collect();
        Ok(Self { x: knots.iter().map(|&i| xs[i]).collect(), y: knots.iter().map(|&i| fitted[i]).collect() })
    }

    /// The value at a score. That of NaN, and of a map without knots, is NaN: [`Self::check`] what was read back.
    pub fn at(&self, score: f64) -> f64 {
        let above = self.x.partition_point(|&x| x < score);
        match (above.checked_sub(1).and_then(|i| self.knot(i)), self.knot(above)) {
            _ if score.is_nan() => f64::NAN,
            (Some((x0, y0)), Some((x1, y1))) if score < x1 => {
                (y0 + (y1 - y0) / (x1 - x0) * (score - x0)).clamp(y0, y1)
            }
            (_, Some((_, y))) | (Some((_, y)), None) => y,
            (None, None) => f64::NAN,
        }
    }

    fn knot(&self, i: usize) -> Option<(f64, f64)> {
        Some((*self.x.get(i)?, *self.y.get(i)?))
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// No knots, scores that do not rise, values that fall, or a number that is not finite.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let damaged = |problem| Err(CalibrationError::Damaged { what: "isotonic map", problem });
        if self.x.is_empty() || self.x.len() != self.y.len() {
            return damaged("are not one value a knot");
        }
        if self.x.iter().chain(&self.y).any(|number| !number.is_finite()) {
            return damaged("hold a number that is not finite");
        }
        if !is_rising(&self.x) || self.y.windows(2).any(|pair| pair[0] > pair[1]) {
            return damaged("do not rise");
        }
        Ok(())
    }
}

/// The never-falling values nearest to `values` in weighted least squares; one weight above 0 a value, the rest is
/// ignored.
pub fn pool_adjacent_violators(values: &[f64], weights: &[f64]) -> Vec<f64> {
    // Mean, weight and length of each block.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let (mut sum, mut total, mut length, mut mean) = (value * weight, weight, 1, value);
        while let Some(&(before, its_weight, its_length)) = blocks.last() {
            if before < mean {
                break;
            }
            blocks.pop();
            sum += before * its_weight;
            total += its_weight;
            length += its_length;
            mean = sum / total;
        }
        blocks.push((mean, total, length));
    }
    blocks.into_iter().flat_map(|(mean, _, length)| std::iter::repeat_n(mean, length)).collect()
}
