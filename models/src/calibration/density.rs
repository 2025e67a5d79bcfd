//! Whether a row is like those that the model was trained on: where it is not, the forecast abstains.
//!
//! The distance of a row is the length of its standardised features, either column by column (√Σ z²) or by their
//! correlation too (Mahalanobis: √(zᵀ R⁻¹ z), R shrunk toward independence: (1 − s) R + s I). The limit is a quantile of the
//! training rows' own distances: at 0.999 one training row in a thousand was stranger. A column that never varied in
//! training is left out, as no fitted model can have learnt from it.
//!
//! Source: P. C. Mahalanobis, *On the generalised distance in statistics*, Proc. Natl. Inst. Sci. India 2 (1936) 49–55; C. K.
//! Chow, *On optimum recognition error and reject tradeoff*, IEEE Trans. Inf. Theory 16 (1970) 41–46 (rejection).

use serde::{Deserialize, Serialize};

use super::{CalibrationError, scored};
use crate::dense::Cholesky;
use crate::scalar;

/// How columns count together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// Each for itself.
    Diagonal,
    /// By their correlation, shrunk toward independence by a share, 0 to 1.
    Full {
        /// The share.
        shrinkage: f64,
    },
}

/// What training rows looked like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DensityGuard {
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Standard deviation of each column; 0 where it never varied and is left out.
    pub scale: Vec<f64>,
    /// The lower Cholesky factor of the shrunk correlation, row-major; `None` where each column counts for itself.
    pub lower: Option<Vec<f64>>,
    /// The distance beyond which a row is outside.
    pub limit: f64,
}

impl DensityGuard {
    /// Learns from training rows: `values` is rows × `columns`, row-major; `quantile` (0.999) sets the limit.
    ///
    /// # Errors
    /// No rows or columns, a part of a row, a value that is not finite (`row` counts values then), a quantile or
    /// shrinkage outside [0, 1], or columns that repeat each other where nothing is shrunk.
    pub fn fit(
        values: &[f64],
        columns: usize,
        shape: Shape,
        quantile: f64,
    ) -> Result<Self, CalibrationError> {
        if columns == 0 || values.is_empty() {
            return Err(CalibrationError::Empty);
        }
        let rows = values.len() / columns;
        scored(values, rows * columns)?;
        let within = |name, value: f64| {
            let problem = format!("is {value}; use a share, 0 to 1");
            if (0.0..=1.0).contains(&value) {
                Ok(())
            } else {
                Err(CalibrationError::Option { name, problem })
            }
        };
        within("quantile", quantile)?;
        let (mut mean, mut scale) = (vec![0.0; columns], vec![0.0; columns]);
        for column in 0..columns {
            let of_column: Vec<f64> = values.iter().skip(column).step_by(columns).copied().collect();
            let (Some(middle), Some(spread)) = (scalar::mean(&of_column), scalar::std_dev(&of_column)) else {
                return Err(CalibrationError::Empty);
            };
            if !(middle.is_finite() && spread.is_finite()) {
                let problem = format!("{column} is too large to measure; rescale it");
                return Err(CalibrationError::Option { name: "column", problem });
            }
            mean[column] = middle;
            // What rounding leaves of a constant is no spread.
            scale[column] = if spread > middle.abs() * 1e-13 { spread } else { 0.0 };
        }
        let mut guard = Self { mean, scale, lower: None, limit: f64::INFINITY };
        if let Shape::Full { shrinkage } = shape {
            within("shrinkage", shrinkage)?;
            let correlation = guard.correlation(values, shrinkage);
            let factor = Cholesky::new(&correlation, columns).ok_or(CalibrationError::Singular)?;
            guard.lower = Some(factor.lower().to_vec());
        }
        let distances: Vec<f64> = values.chunks_exact(columns).map(|row| guard.distance(row)).collect();
        guard.limit =
            scalar::quantile(&scalar::sorted(&distances), quantile).ok_or(CalibrationError::Empty)?;
        guard.check()?;
        Ok(guard)
    }

    /// The shrunk correlation of training rows.
    fn correlation(&self, values: &[f64], shrinkage: f64) -> Vec<f64> {
        let columns = self.mean.len();
        let rows = (values.len() / columns) as f64;
        let mut correlation = vec![0.0; columns * columns];
        for row in values.chunks_exact(columns) {
            let standard: Vec<f64> = (0..columns).map(|column| self.standard(row, column)).collect();
            for i in 0..columns {
                for j in 0..=i {
                    correlation[i * columns + j] += standard[i] * standard[j] * (1.0 - shrinkage) / rows;
                }
            }
        }
        for i in 0..columns {
            correlation[i * columns + i] = 1.0;
            for j in 0..i {
                correlation[j * columns + i] = correlation[i * columns + j];
            }
        }
        correlation
    }

    /// A column's standardised value; 0 where the column is left out.
    fn standard(&self, row: &[f64], column: usize) -> f64 {
        if self.scale[column] > 0.0 { (row[column] - self.mean[column]) / self.scale[column] } else { 0.0 }
    }

    /// How far a row is from the training rows, in standard deviations; infinite where it has another length or
    /// holds a value that is not finite.
    pub fn distance(&self, row: &[f64]) -> f64 {
        let columns = self.mean.len();
        if row.len() != columns || row.iter().any(|value| !value.is_finite()) {
            return f64::INFINITY;
        }
        let mut standard: Vec<f64> = (0..columns).map(|column| self.standard(row, column)).collect();
        if let Some(lower) = &self.lower {
            for i in 0..columns {
                let (done, rest) = standard.split_at_mut(i);
                let above = &lower[i * columns..i * columns + i];
                let sum: f64 = above.iter().zip(done.iter()).map(|(factor, z)| factor * z).sum();
                rest[0] = (rest[0] - sum) / lower[i * columns + i];
            }
        }
        let squares: f64 = standard.iter().map(|z| z * z).sum();
        if squares.is_nan() { f64::INFINITY } else { libm::sqrt(squares) }
    }

    /// Whether a row is unlike the training rows.
    pub fn is_outside(&self, row: &[f64]) -> bool {
        self.distance(row) > self.limit
    }

    /// The column that is furthest from its own mean, in its own standard deviations; a value that is not finite
    /// counts as furthest. `None` where the row has another length or no column counts.
    pub fn most_unusual(&self, row: &[f64]) -> Option<usize> {
        if row.len() != self.mean.len() {
            return None;
        }
        if let Some(column) = row.iter().position(|value| !value.is_finite()) {
            return Some(column);
        }
        let counted = (0..row.len()).filter(|&column| self.scale[column] > 0.0);
        counted.max_by(|&a, &b| {
            self.standard(row, a).abs().total_cmp(&self.standard(row, b).abs()).then(b.cmp(&a))
        })
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// Numbers that are missing, not finite, or no scale, factor or limit.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let damaged = |problem| Err(CalibrationError::Damaged { what: "density guard", problem });
        let columns = self.mean.len();
        if columns == 0 || self.scale.len() != columns {
            return damaged("are not one mean and scale a column");
        }
        if self.mean.iter().any(|mean| !mean.is_finite())
            || self.scale.iter().any(|scale| !(*scale >= 0.0 && scale.is_finite()))
            || !(self.limit >= 0.0 && self.limit.is_finite())
        {
            return damaged("hold a number that is no mean, scale or limit");
        }
        if let Some(lower) = &self.lower {
            if lower.len() != columns * columns || lower.iter().any(|entry| !entry.is_finite()) {
                return damaged("hold no whole correlation");
            }
            if (0..columns).any(|i| lower[i * columns + i] <= 0.0) {
                return damaged("hold a correlation that cannot be inverted");
            }
        }
        Ok(())
    }
}
