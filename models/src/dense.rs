//! Small dense matrices: what a covariance, a Hessian or a Newton step needs, in a fixed order.
//!
//! Source: G. H. Golub and C. F. Van Loan, *Matrix Computations*, 4th ed. (2013), sections 3.1, 4.2.

/// The lower triangle L of a symmetric positive-definite matrix: A = L Lᵀ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cholesky {
    size: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factorises `matrix` (size × size, row-major; the lower triangle is read). `None` where it is not
    /// positive definite, or not finite.
    pub(crate) fn new(matrix: &[f64], size: usize) -> Option<Self> {
        let mut lower = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..=i {
                let mut sum = matrix[i * size + j];
                for k in 0..j {
                    sum -= lower[i * size + k] * lower[j * size + k];
                }
                if i == j {
                    if !(sum > 0.0 && sum.is_finite()) {
                        return None;
                    }
                    lower[i * size + i] = libm::sqrt(sum);
                } else {
                    lower[i * size + j] = sum / lower[j * size + j];
                }
            }
        }
        Some(Self { size, lower })
    }

    /// ln |A|.
    pub(crate) fn log_det(&self) -> f64 {
        (0..self.size).map(|i| 2.0 * libm::log(self.lower[i * self.size + i])).sum()
    }

    /// Solves L z = b in place.
    pub(crate) fn forward(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let mut sum = b[i];
            for (entry, known) in self.lower[i * self.size..].iter().zip(&b[..i]) {
                sum -= entry * known;
            }
            b[i] = sum / self.lower[i * self.size + i];
        }
    }

    /// Solves A x = b in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        for i in (0..self.size).rev() {
            let mut sum = b[i];
            for (k, known) in b.iter().enumerate().skip(i + 1) {
                sum -= self.lower[k * self.size + i] * known;
            }
            b[i] = sum / self.lower[i * self.size + i];
        }
    }

    /// bᵀ A⁻¹ b; `b` is used up.
    pub(crate) fn distance(&self, b: &mut [f64]) -> f64 {
        self.forward(b);
        b.iter().map(|z| z * z).sum()
    }

    /// A⁻¹, row-major.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.size * self.size];
        let mut column = vec![0.0; self.size];
        for j in 0..self.size {
            column.fill(0.0);
            column[j] = 1.0;
            self.solve(&mut column);
            for i in 0..self.size {
                inverse[i * self.size + j] = column[i];
            }
        }
        inverse
    }

    /// L, row-major.
    pub(crate) fn lower(&self) -> &[f64] {
        &self.lower
    }
}

/// Solves A x = b in place by elimination with partial pivoting (`matrix` is size × size, row-major, and is
/// used up). `false` where A is singular to working precision.
pub(crate) fn solve(matrix: &mut [f64], b: &mut [f64]) -> bool {
    let size = b.len();
    let scale = matrix.iter().fold(0.0f64, |top, entry| top.max(entry.abs()));
    for column in 0..size {
        let mut pivot = column;
        for row in column + 1..size {
            if matrix[row * size + column].abs() > matrix[pivot * size + column].abs() {
                pivot = row;
            }
        }
        let top = matrix[pivot * size + column];
        if !(top.abs() > scale * 1e-14 && top.is_finite()) {
            return false;
        }
        if pivot != column {
            for k in 0..size {
                matrix.swap(pivot * size + k, column * size + k);
            }
            b.swap(pivot, column);
        }
        for row in column + 1..size {
            let factor = matrix[row * size + column] / top;
            if factor.abs() > 0.0 {
                for k in column..size {
                    matrix[row * size + k] -= factor * matrix[column * size + k];
                }
                b[row] -= factor * b[column];
            }
        }
    }
    for row in (0..size).rev() {
        let mut sum = b[row];
        for k in row + 1..size {
            sum -= matrix[row * size + k] * b[k];
        }
        b[row] = sum / matrix[row * size + row];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-10
    }

    const A: [f64; 9] = [4.0, 2.0, 0.4, 2.0, 5.0, 1.0, 0.4, 1.0, 3.0];

    #[test]
    fn a_factorised_matrix_solves_inverts_and_has_its_determinant() {
        let factor = Cholesky::new(&A, 3).unwrap();
        let det = 4.0 * (15.0 - 1.0) - 2.0 * (6.0 - 0.4) + 0.4 * (2.0 - 2.0);
        assert!(near(factor.log_det(), f64::ln(det)));
        let inverse = factor.inverse();
        for i in 0..3 {
            for j in 0..3 {
                let entry: f64 = (0..3).map(|k| A[i * 3 + k] * inverse[k * 3 + j]).sum();
                assert!(near(entry, f64::from(u8::from(i == j))));
            }
        }
        let b = [1.0, -2.0, 0.5];
        let (mut by_factor, mut by_elimination) = (b, b);
        factor.solve(&mut by_factor);
        assert!(solve(&mut A.to_vec(), &mut by_elimination));
        assert!((0..3).all(|i| near(by_factor[i], by_elimination[i])));
        let quadratic: f64 = (0..3).map(|i| b[i] * by_factor[i]).sum();
        assert!(near(factor.distance(&mut b.clone()), quadratic));
        assert!(near(factor.lower()[0], 2.0));
    }

    #[test]
    fn what_is_singular_or_indefinite_is_said_to_be() {
        assert!(Cholesky::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::new(&[f64::NAN], 1).is_none());
        assert!(!solve(&mut [1.0, 2.0, 2.0, 4.0], &mut [1.0, 1.0]));
    }
}
