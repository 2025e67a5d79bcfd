//! Fits a straight line through returns: ordinary least squares with an intercept, errors included.
//!
//! y = α + Σ βⱼ xⱼ + ε, by orthogonalising the centred, scaled regressors one after the other (modified
//! Gram–Schmidt), which loses fewer digits than the normal equations. Standard errors are the classical
//! ones: residual variance over n − k − 1 times the diagonal of (X'X)⁻¹; they hold for errors of one
//! variance without memory, which daily returns are only roughly.
//!
//! Sources: G. H. Golub and C. F. Van Loan, *Matrix Computations*, 4th ed. (2013), section 5.3.5;
//! W. H. Greene, *Econometric Analysis*, 7th ed. (2012), sections 4.3 and 4.6 (forecast error).

/// Most regressors beside the intercept.
pub const MOST_REGRESSORS: usize = 4;

/// A regressor of which less than this share of its own length is left, once the ones before it are taken
/// out, is taken for a combination of them.
const COLLINEAR: f64 = 1e-7;

/// An estimate with its standard error, in one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// A fitted line.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// The intercept, in the target's unit.
    pub alpha: Estimate,
    /// The slopes, in the order of the regressors: target units per regressor unit.
    pub betas: Vec<Estimate>,
    /// Standard deviation of the residuals, n − k − 1 degrees of freedom.
    pub residual_std: f64,
    /// Share of the target's variance explained, 0 to 1; `None` where the target does not vary.
    pub r_squared: Option<f64>,
    /// Rows fitted.
    pub rows: usize,
    /// The regressors' means.
    means: Vec<f64>,
    /// Inverse of the centred regressors' cross products, k × k, row-major.
    inverse: Vec<f64>,
}

/// Why there is no line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RegressionError {
    /// More regressors than are fitted.
    #[error("{regressors} regressors are too many; use at most {MOST_REGRESSORS}")]
    TooManyRegressors {
        /// How many there are.
        regressors: usize,
    },
    /// A regressor has another length than the target.
    #[error("regressor {regressor} has {rows} rows where the target has {expected}")]
    Ragged {
        /// Which, the first being 0.
        regressor: usize,
        /// Its rows.
        rows: usize,
        /// The target's rows.
        expected: usize,
    },
    /// Fewer rows than leave an error to estimate.
    #[error("{rows} rows cannot fit {regressors} regressors and an intercept; give at least {needed}")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many regressors.
        regressors: usize,
        /// How many rows are needed.
        needed: usize,
    },
    /// A value is NaN or infinite, or so large that its square is.
    #[error("row {row} of the {column} is not finite, or too large to square; leave the row out")]
    NotFinite {
        /// The row, the first being 0.
        row: usize,
        /// `target`, or which regressor.
        column: String,
    },
    /// A regressor does not vary, or is a combination of those before it.
    #[error("regressor {regressor} is constant or a combination of those before it; leave it out")]
    Collinear {
        /// Which, the first being 0.
        regressor: usize,
    },
}

/// Largest magnitude accepted: squares of it can be summed without overflow.
pub(crate) const LARGEST: f64 = 1e100;

/// Fits `target` on `regressors`, each a column as long as the target. No regressors: the mean.
///
/// # Errors
/// Too many regressors, columns of unequal length, rows ≤ regressors + 1, a value that is not finite or above
/// 1e100, or a regressor that is constant or a combination of the others.
pub fn least_squares(target: &[f64], regressors: &[&[f64]]) -> Result<Regression, RegressionError> {
    let (rows, k) = (target.len(), regressors.len());
    check(target, regressors)?;
    let (target_mean, mut residuals) = centred(target);
    let total: f64 = dot(&residuals, &residuals);
    let mut means = Vec::with_capacity(k);
    let mut scales = Vec::with_capacity(k);
    // Orthonormal columns, and R with X = Q R, of the centred columns scaled to length 1.
    let mut orthonormal: Vec<Vec<f64>> = Vec::with_capacity(k);
    let mut upper = vec![0.0; k * k];
    for (j, regressor) in regressors.iter().enumerate() {
        let (mean, mut column) = centred(regressor);
        let scale = dot(&column, &column).sqrt();
        let largest = regressor.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        // What centring leaves of a constant is rounding: parts in 1e16 of its size, in every row.
        if scale <= 1e-13 * largest * (rows as f64).sqrt() {
            return Err(RegressionError::Collinear { regressor: j });
        }
        divide(&mut column, scale);
        // Twice is enough (Kahan and Parlett): the second pass removes what rounding left.
        for _ in 0..2 {
            for (i, earlier) in orthonormal.iter().enumerate() {
                let along = dot(earlier, &column);
                upper[i * k + j] += along;
                subtract(&mut column, along, earlier);
            }
        }
        let left = dot(&column, &column).sqrt();
        if left <= COLLINEAR {
            return Err(RegressionError::Collinear { regressor: j });
        }
        upper[j * k + j] = left;
        divide(&mut column, left);
        orthonormal.push(column);
        means.push(mean);
        scales.push(scale);
    }
    let mut along = vec![0.0; k];
    for (component, column) in along.iter_mut().zip(&orthonormal) {
        *component = dot(column, &residuals);
        subtract(&mut residuals, *component, column);
    }
    let unexplained = dot(&residuals, &residuals);
    let residual_variance = unexplained / (rows - k - 1) as f64;
    let root = inverse_of_upper(&upper, k);
    // (X'X)⁻¹ = R⁻¹ R⁻ᵀ, back in the regressors' units.
    let mut inverse = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..k {
            let product: f64 = (i.max(j)..k).map(|at| root[i * k + at] * root[j * k + at]).sum();
            inverse[i * k + j] = product / (scales[i] * scales[j]);
        }
    }
    let betas: Vec<Estimate> = (0..k)
        .map(|i| {
            let solved: f64 = (i..k).map(|at| root[i * k + at] * along[at]).sum();
            Estimate { value: solved / scales[i], std_error: (residual_variance * inverse[i * k + i]).sqrt() }
        })
        .collect();
    let shift: f64 = betas.iter().zip(&means).map(|(beta, mean)| beta.value * mean).sum();
    let mut fitted = Regression {
        alpha: Estimate { value: target_mean - shift, std_error: 0.0 },
        betas,
        residual_std: residual_variance.sqrt(),
        r_squared: (total > 0.0).then(|| (1.0 - unexplained / total).clamp(0.0, 1.0)),
        rows,
        means,
        inverse,
    };
    // The intercept is the line's height where every regressor is 0.
    fitted.alpha.std_error = (residual_variance * fitted.leverage(&vec![0.0; k], 1.0)).sqrt();
    Ok(fitted)
}

impl Regression {
    /// Degrees of freedom of the residuals: rows − regressors − 1.
    pub fn degrees_of_freedom(&self) -> usize {
        self.rows - self.betas.len() - 1
    }

    /// The line's height at `row`, one value a regressor; `None` for a row of another length.
    pub fn predict(&self, row: &[f64]) -> Option<f64> {
        (row.len() == self.betas.len()).then(|| {
            let slopes: f64 = self.betas.iter().zip(row).map(|(beta, value)| beta.value * value).sum();
            self.alpha.value + slopes
        })
    }

    /// The standard error of the sum of `count` targets forecast from rows that sum to `sum`: their own noise
    /// and the line's. s² (m + x'(X'X)⁻¹x), x the summed rows with m for the intercept; for one row that
    /// is the textbook's s² (1 + x'(X'X)⁻¹x). `None` for a row of another length.
    pub fn forecast_error(&self, sum: &[f64], count: usize) -> Option<f64> {
        (sum.len() == self.betas.len()).then(|| {
            let variance = count as f64 + self.leverage(sum, count as f64);
            self.residual_std * variance.sqrt()
        })
    }

    /// x'(X'X)⁻¹x for rows that sum to `sum`, `count` of them, by way of the centred cross products.
    fn leverage(&self, sum: &[f64], count: f64) -> f64 {
        let k = self.means.len();
        let away: Vec<f64> = sum.iter().zip(&self.means).map(|(sum, mean)| sum - count * mean).collect();
        let mut leverage = count * count / self.rows as f64;
        for i in 0..k {
            for j in 0..k {
                leverage += away[i] * self.inverse[i * k + j] * away[j];
            }
        }
        leverage
    }
}

fn check(target: &[f64], regressors: &[&[f64]]) -> Result<(), RegressionError> {
    let (rows, k) = (target.len(), regressors.len());
    if k > MOST_REGRESSORS {
        return Err(RegressionError::TooManyRegressors { regressors: k });
    }
    if let Some(j) = regressors.iter().position(|regressor| regressor.len() != rows) {
        return Err(RegressionError::Ragged { regressor: j, rows: regressors[j].len(), expected: rows });
    }
    if rows <= k + 1 {
        return Err(RegressionError::TooFewRows { rows, regressors: k, needed: k + 2 });
    }
    let unusable =
        |column: &[f64]| column.iter().position(|value| !value.is_finite() || value.abs() > LARGEST);
    if let Some(row) = unusable(target) {
        return Err(RegressionError::NotFinite { row, column: "target".to_owned() });
    }
    for (j, regressor) in regressors.iter().enumerate() {
        if let Some(row) = unusable(regressor) {
            return Err(RegressionError::NotFinite { row, column: format!("regressor {j}") });
        }
    }
    Ok(())
}

/// A column's mean, and the column less it. The second pass takes out what rounding left in the first.
fn centred(column: &[f64]) -> (f64, Vec<f64>) {
    let rows = column.len() as f64;
    let first = column.iter().sum::<f64>() / rows;
    let mean = first + column.iter().map(|value| value - first).sum::<f64>() / rows;
    (mean, column.iter().map(|value| value - mean).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn subtract(from: &mut [f64], times: f64, what: &[f64]) {
    for (value, part) in from.iter_mut().zip(what) {
        *value -= times * part;
    }
}

fn divide(column: &mut [f64], by: f64) {
    for value in column {
        *value /= by;
    }
}

/// The inverse of an upper triangular matrix, k × k, row-major.
fn inverse_of_upper(upper: &[f64], k: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; k * k];
    for j in 0..k {
        inverse[j * k + j] = 1.0 / upper[j * k + j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|at| upper[i * k + at] * inverse[at * k + j]).sum();
            inverse[i * k + j] = -sum / upper[i * k + i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests;
