//! A table by columns, as arithmetic wants it, and the units in which a fit is done.

use crate::dense::Cholesky;
use crate::model::ModelError;
use crate::regimes::{Covariance, Start};
use crate::scalar::{mean, median, sorted, std_dev};
use crate::table::FeatureTable;

/// A column's standard deviation has to lie between this and its inverse, so that squares and products of
/// covariances are finite and not 0.
const LEAST_SCALE: f64 = 1e-75;
/// A column whose standard deviation is below this share of its size is constant but for rounding.
const ROUNDING: f64 = 1e-13;
/// A column is a combination of those before it where these leave less of its variance than this.
const UNEXPLAINED: f64 = 1e-8;

/// Robust standard deviations from the median beyond which a row does not count for how far a column spreads.
const CLIP: f64 = 6.0;
/// A median absolute deviation of normal rows is this share of their standard deviation.
const MAD_OF_NORMAL: f64 = 0.674_489_750_196_081_7;

/// Rows × columns, column by column.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    rows: usize,
    values: Vec<f64>,
}

impl Columns {
    pub(super) fn new(table: &FeatureTable) -> Self {
        let columns = table.names().iter().filter_map(|name| table.column(name));
        Self { rows: table.rows(), values: columns.flatten().collect() }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn column(&self, column: usize) -> &[f64] {
        &self.values[column * self.rows..(column + 1) * self.rows]
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().skip(row).step_by(self.rows).copied()
    }

    /// Each column made anew, of the same length.
    fn map_columns(&self, of: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        Self { rows: self.rows, values: self.values.chunks_exact(self.rows).flat_map(of).collect() }
    }

    /// Columns cut off [`CLIP`] robust standard deviations from the median; as they are where more than half
    /// of the rows are equal. No column becomes constant by this.
    pub(super) fn clipped(&self) -> Self {
        self.map_columns(|column| {
            let middle = median(&sorted(column)).unwrap_or(0.0);
            let distances: Vec<f64> = column.iter().map(|value| (value - middle).abs()).collect();
            let reach = CLIP * median(&sorted(&distances)).unwrap_or(0.0) / MAD_OF_NORMAL;
            if reach > 0.0 {
                column.iter().map(|value| value.clamp(middle - reach, middle + reach)).collect()
            } else {
                column.to_vec()
            }
        })
    }

    /// Columns in standard deviations from their means.
    pub(super) fn in_deviations(&self) -> Self {
        self.map_columns(|column| {
            let (mean, scale) = (mean(column).unwrap_or(0.0), std_dev(column).unwrap_or(1.0));
            column.iter().map(|value| (value - mean) / scale).collect()
        })
    }

    pub(super) fn width(&self) -> usize {
        self.values.len().checked_div(self.rows).unwrap_or(0)
    }
}

/// Where each column lies and how far it spreads. A fit is done in standard deviations from the mean, so
/// that it is the same whatever units the columns come in.
#[derive(Clone, Debug)]
pub(super) struct Units {
    means: Vec<f64>,
    scales: Vec<f64>,
}

impl Units {
    /// Of a table with rows.
    ///
    /// # Errors
    /// A column is constant, or too large or too small to be squared.
    pub(super) fn new(table: &FeatureTable, columns: &Columns) -> Result<Self, ModelError> {
        let mut units = Self { means: Vec::new(), scales: Vec::new() };
        for (name, j) in table.names().iter().zip(0..) {
            let values = columns.column(j);
            let count = values.len() as f64;
            let size = values.iter().fold(0.0_f64, |top, value| top.max(value.abs()));
            let mean = values.iter().map(|value| value / count).sum::<f64>();
            let widest = values.iter().fold(0.0_f64, |top, value| top.max((value - mean).abs()));
            if widest <= ROUNDING * size {
                return Err(ModelError::ConstantColumn { column: name.clone() });
            }
            let squares: f64 =
                values.iter().map(|value| ((value - mean) / widest) * ((value - mean) / widest)).sum();
            let scale = widest * libm::sqrt(squares / count);
            if !(LEAST_SCALE..=1.0 / LEAST_SCALE).contains(&scale) {
                return Err(ModelError::Unsound {
                    problem: format!("met a standard deviation of {scale:e} in column {name}"),
                    remedy: "give the column in other units",
                });
            }
            units.means.push(mean);
            units.scales.push(scale);
        }
        Ok(units)
    }

    /// The table in these units.
    pub(super) fn standardised(&self, columns: &Columns) -> Columns {
        let mut values = columns.values.clone();
        for (column, (mean, scale)) in
            values.chunks_exact_mut(columns.rows).zip(self.means.iter().zip(&self.scales))
        {
            for value in column {
                *value = (*value - mean) / scale;
            }
        }
        Columns { rows: columns.rows, values }
    }

    /// Parameters in these units.
    pub(super) fn inward(&self, parameters: &Start) -> Start {
        self.converted(
            parameters,
            |mean, j| (mean - self.means[j]) / self.scales[j],
            |entry, i, j| entry / self.scales[i] / self.scales[j],
        )
    }

    /// Parameters in the table's own units.
    pub(super) fn outward(&self, parameters: &Start) -> Start {
        self.converted(
            parameters,
            |mean, j| self.means[j] + mean * self.scales[j],
            |entry, i, j| entry * self.scales[i] * self.scales[j],
        )
    }

    fn converted(
        &self,
        parameters: &Start,
        mean: impl Fn(f64, usize) -> f64,
        entry: impl Fn(f64, usize, usize) -> f64,
    ) -> Start {
        let width = self.means.len();
        Start {
            startprob: parameters.startprob.clone(),
            transmat: parameters.transmat.clone(),
            means: parameters.means.iter().map(|row| (0..width).map(|j| mean(row[j], j)).collect()).collect(),
            covars: (parameters.covars.iter())
                .map(|matrix| {
                    (0..width).map(|i| (0..width).map(|j| entry(matrix[i][j], i, j)).collect()).collect()
                })
                .collect(),
        }
    }

    /// The log-likelihood of so many rows in the table's own units is that in these units plus this.
    pub(super) fn log_jacobian(&self, rows: usize) -> f64 {
        -(rows as f64) * self.scales.iter().map(|scale| libm::log(*scale)).sum::<f64>()
    }
}

/// The covariance matrix of columns, row-major; 0 off the diagonal where only that is modelled.
///
/// # Errors
/// A column is a combination of those before it; which, the first being 0.
pub(super) fn covariance_of(columns: &Columns, shape: Covariance) -> Result<Vec<f64>, usize> {
    let width = columns.width();
    let means: Vec<f64> = (0..width).map(|j| mean(columns.column(j)).unwrap_or(0.0)).collect();
    let mut matrix = vec![0.0; width * width];
    for i in 0..width {
        for j in if shape == Covariance::Diagonal { i..=i } else { 0..=i } {
            let pairs = columns.column(i).iter().zip(columns.column(j));
            let sum: f64 = pairs.map(|(a, b)| (a - means[i]) * (b - means[j])).sum();
            matrix[i * width + j] = sum / columns.rows as f64;
            matrix[j * width + i] = matrix[i * width + j];
        }
    }
    for size in 1..=width {
        let corner: Vec<f64> = (0..size).flat_map(|i| matrix[i * width..i * width + size].to_vec()).collect();
        let left = Cholesky::new(&corner, size).map_or(0.0, |factor| {
            let pivot = factor.lower()[size * size - 1];
            pivot * pivot
        });
        let least = UNEXPLAINED * matrix[(size - 1) * (width + 1)];
        if left.is_nan() || left <= least {
            return Err(size - 1);
        }
    }
    Ok(matrix)
}
