//! The full logistic regression, by linfa, behind a guard.
//!
//! linfa 0.8.1 calls the more frequent class positive, refuses a single class, and shrinks every column alike:
//! the class is read from its labels, a single class never gets here, and a column that is to be shrunk less is
//! given in a larger unit. Its fit starts from ours and must not be worse than it.

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};

/// Gradient at which linfa stops; a tighter one stalls.
const TOLERANCE: f64 = 1e-4;

/// What is fitted.
pub(super) struct Problem<'a> {
    /// Rows × columns, row-major, the first column being the constant.
    pub(super) values: &'a [f64],
    pub(super) columns: usize,
    pub(super) happened: &'a [bool],
    /// The penalty of each column: half of it times the squared weight. The constant's is not used.
    pub(super) ridge: &'a [f64],
}

impl Problem<'_> {
    /// The penalised negative log likelihood, the constant free.
    fn cost(&self, weights: &[f64]) -> f64 {
        let mut cost = 0.0;
        for (row, happened) in self.values.chunks_exact(self.columns).zip(self.happened) {
            let logit: f64 = row.iter().zip(weights).map(|(x, w)| x * w).sum();
            let wrong = if *happened { -logit } else { logit };
            cost += wrong.max(0.0) + libm::log1p(libm::exp(-wrong.abs()));
        }
        let penalty: f64 = self.ridge.iter().zip(weights).skip(1).map(|(r, w)| r * w * w).sum();
        cost + 0.5 * penalty
    }

    /// linfa's fit, started from `ours`; `ours` where linfa fails or does worse.
    pub(super) fn fit(&self, ours: &[f64]) -> Vec<f64> {
        let Some(theirs) = self.by_linfa(ours) else { return ours.to_vec() };
        let sound = theirs.iter().all(|weight| weight.is_finite());
        if sound && self.cost(&theirs) <= self.cost(ours) + 1e-3 { theirs } else { ours.to_vec() }
    }

    fn by_linfa(&self, ours: &[f64]) -> Option<Vec<f64>> {
        let width = self.columns - 1;
        let alpha = self.ridge[1..].iter().copied().fold(0.0, f64::max);
        if !(alpha > 0.0 && width > 0) {
            return None;
        }
        // A weight in a unit √(alpha / ridge) times larger is shrunk by `ridge`.
        let units: Vec<f64> = self.ridge[1..].iter().map(|ridge| libm::sqrt(alpha / ridge)).collect();
        let rows = self.happened.len();
        let records = Array2::from_shape_fn((rows, width), |(row, column)| {
            self.values[row * self.columns + column + 1] * units[column]
        });
        let targets = Array1::from_iter(self.happened.iter().copied());
        // The majority is linfa's positive class.
        let events = self.happened.iter().filter(|happened| **happened).count();
        let sign = if 2 * events > rows { 1.0 } else { -1.0 };
        let start: Array1<f64> = (0..width)
            .map(|column| sign * ours[column + 1] / units[column])
            .chain(std::iter::once(sign * ours[0]))
            .collect();
        let fitted = LogisticRegression::default()
            .alpha(alpha)
            .max_iterations(200)
            .gradient_tolerance(TOLERANCE)
            .initial_params(start)
            .fit(&Dataset::new(records, targets))
            .ok()?;
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let mut weights = vec![sign * fitted.intercept()];
        weights.extend(fitted.params().iter().zip(&units).map(|(weight, unit)| sign * weight * unit));
        Some(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::scalar::logistic;

    #[test]
    fn linfa_s_fit_has_the_right_sign_whichever_class_is_rarer() {
        for (constant, seed) in [(-1.5, 1), (1.5, 2)] {
            let mut chance = Chance::new(seed);
            let values: Vec<f64> = (0..1500).flat_map(|_| [1.0, chance.normal(), chance.normal()]).collect();
            let happened: Vec<bool> = values
                .chunks(3)
                .map(|row| chance.uniform() < logistic(constant + row[1] - 0.5 * row[2]))
                .collect();
            let problem =
                Problem { values: &values, columns: 3, happened: &happened, ridge: &[0.0, 1.0, 20.0] };
            let cold = problem.by_linfa(&[0.0; 3]).unwrap();
            for (weight, truth) in cold.iter().zip([constant, 1.0, -0.5]) {
                assert!((weight - truth).abs() < 0.25, "{cold:?}");
            }
            let warm = problem.fit(&cold);
            assert!(warm.iter().zip(&cold).all(|(a, b)| (a - b).abs() < 1e-3));
            assert!(problem.cost(&warm) <= problem.cost(&[constant, 1.0, -0.5]));
        }
    }

    #[test]
    fn one_class_is_left_to_us() {
        let problem = Problem {
            values: &[1.0, 0.5, 1.0, 0.7],
            columns: 2,
            happened: &[true, true],
            ridge: &[0.0, 1.0],
        };
        assert!(problem.by_linfa(&[0.0, 0.0]).is_none());
        assert!(problem.fit(&[0.25, 0.5])[1].total_cmp(&0.5).is_eq());
    }
}
