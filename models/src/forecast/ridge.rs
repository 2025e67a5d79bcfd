//! Fits linear forms whose shrinkage the data choose: ridge regression and logistic regression by evidence.
//!
//! The strength of the ridge is the one under which the training rows are most probable (Gaussian prior,
//! Laplace's approximation), out of a fixed grid. Outcomes of overlapping windows repeat each other: a row
//! counts only in part ([`Overlap`]), so that the evidence is not taken for several times what it is. Columns that theory names (HAR) have a
//! strength of their own, and all others one that is at least as great. Without signal the strongest shrinkage
//! wins and nothing is learnt, which is what should happen.
//!
//! Source: D. J. C. MacKay, *Bayesian interpolation* and *The evidence framework applied to classification
//! networks*, Neural Computation 4 (1992) 415–447, 720–736.

use crate::dense::Cholesky;
use crate::scalar::logistic;

/// Strengths of the ridge that are tried, per standardised column.
const STRENGTHS: [f64; 8] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0];

/// The strengths of one fit: of the known columns, and of the others.
pub(crate) type Strengths = [f64; 2];

/// Fewest rows of a regime, and fewest shifts and stays among them, for anything but its base rate.
pub(crate) const FEWEST_ROWS: usize = 40;
pub(crate) const FEWEST_OF_A_CLASS: usize = 5;

/// Whether a regime's rows are enough for a logistic regression of the shifts out of it.
pub(crate) fn is_enough(shifted: &[bool]) -> bool {
    let shifts = shifted.iter().filter(|shifted| **shifted).count();
    shifted.len() >= FEWEST_ROWS && shifts.min(shifted.len() - shifts) >= FEWEST_OF_A_CLASS
}

/// Most Newton steps; a quadratic bowl needs one, and a logistic fit with a ridge six to ten.
const STEPS: usize = 25;

/// Rows × columns, row-major, with the first column constant 1.
pub(crate) struct Design<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) columns: usize,
    /// How many of the first columns are shrunk only lightly; the constant is one of them.
    pub(crate) free: usize,
    /// How many of the first columns are shrunk by the first strength; those after them by a second one, which
    /// is never weaker: they have more to prove.
    pub(crate) known: usize,
    /// How many rows say what one would.
    pub(crate) overlap: f64,
}

/// How many rows of windows that overlap say what one row says.
///
/// Windows of h that lie k apart share 1 − k/h of their rows, and so are correlated; the columns' windows as well as
/// the outcomes'. A sum of products over such rows has Σ ρ(column) ρ(outcome) over all k times the variance that
/// independent rows would give it (M. S. Bartlett, *Some aspects of the time-correlation problem in regard to tests of
/// significance*, J. R. Stat. Soc. 98 (1935) 536–543). An outcome that is a yes or a no keeps (2/π) asin ρ of a
/// normal's correlation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Overlap {
    /// Of outcomes that are numbers: 1 + 2 Σ (1 − k/h)².
    pub(crate) of_numbers: f64,
    /// Of outcomes that are a yes or a no: 1 + 2 Σ (1 − k/h) (2/π) asin(1 − k/h).
    pub(crate) of_labels: f64,
}

impl Overlap {
    /// Of windows of `horizon` rows.
    pub(crate) fn new(horizon: usize) -> Self {
        let mut overlap = Self { of_numbers: 1.0, of_labels: 1.0 };
        for k in 1..horizon {
            let shared = 1.0 - k as f64 / horizon as f64;
            overlap.of_numbers += 2.0 * shared * shared;
            overlap.of_labels += 4.0 * shared * libm::asin(shared) * std::f64::consts::FRAC_1_PI;
        }
        overlap
    }
}

/// The ridge of the columns that are left free, the constant apart.
const LIGHT: f64 = 1.0;
/// The ridge of the constant: enough to keep a separable fit finite.
const CONSTANT: f64 = 1e-3;

/// A linear form with the ridge that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    pub(crate) weights: Vec<f64>,
    pub(crate) strengths: Strengths,
    /// Residual standard deviation of a regression; 0 of a logistic fit.
    pub(crate) residual: f64,
    /// Newton steps of a logistic fit; 0 of a regression, which needs none.
    pub(crate) steps: usize,
}

impl Design<'_> {
    fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.columns)
    }

    /// The ridge of each column.
    pub(crate) fn ridge(&self, [known, other]: Strengths) -> Vec<f64> {
        let mut ridge = vec![other; self.columns];
        ridge[..self.known.max(self.free)].fill(known);
        ridge[..self.free].fill(LIGHT);
        ridge[0] = CONSTANT;
        ridge
    }

    /// Every pair of strengths to be tried; one column of each kind is enough to try its strengths.
    fn tried(&self) -> Vec<Strengths> {
        let mut tried = Vec::new();
        for known in STRENGTHS {
            if self.known >= self.columns {
                tried.push([known, known]);
                continue;
            }
            tried.extend(STRENGTHS.iter().filter(|other| **other >= known).map(|other| [known, *other]));
        }
        tried
    }

    /// Σ ln of the strengths over the columns that they shrink.
    fn log_strength(&self, [known, other]: Strengths) -> f64 {
        let others = self.columns - self.known.clamp(self.free, self.columns);
        (self.columns - self.free - others) as f64 * libm::log(known) + others as f64 * libm::log(other)
    }

    /// Ridge regression of `target` on the columns, the constant unshrunk. `None` without rows, or where the
    /// target does not vary.
    pub(crate) fn regress(&self, target: &[f64]) -> Option<Fit> {
        let k = self.columns;
        let count = target.len() as f64;
        let mut centre = vec![0.0; k];
        for row in self.rows() {
            for (sum, value) in centre.iter_mut().zip(row) {
                *sum += value / count;
            }
        }
        centre[0] = 0.0;
        let middle = target.iter().sum::<f64>() / count;
        let mut gram = vec![0.0; k * k];
        let mut along = vec![0.0; k];
        let mut total = 0.0;
        let mut shifted = vec![0.0; k];
        for (row, value) in self.rows().zip(target) {
            for ((to, from), mid) in shifted.iter_mut().zip(row).zip(&centre) {
                *to = from - mid;
            }
            shifted[0] = 0.0;
            let rest = value - middle;
            accumulate(&mut gram, &shifted, 1.0 / self.overlap);
            for (sum, value) in along.iter_mut().zip(&shifted) {
                *sum += rest * value / self.overlap;
            }
            total += rest * rest / self.overlap;
        }
        let effective = count / self.overlap;
        if !(total > 0.0 && effective > 2.0) {
            return None;
        }
        let mut best: Option<(f64, Fit)> = None;
        for strengths in self.tried() {
            let mut matrix = gram.clone();
            for (i, ridge) in self.ridge(strengths).iter().enumerate() {
                matrix[i * k + i] += ridge;
            }
            matrix[0] = 1.0;
            let factor = Cholesky::new(&matrix, k)?;
            let mut weights = along.clone();
            factor.solve(&mut weights);
            let explained: f64 = weights.iter().zip(&along).map(|(w, a)| w * a).sum();
            let rest = (total - explained).max(total * 1e-9);
            let evidence = 0.5 * (self.log_strength(strengths) - factor.log_det())
                - 0.5 * (effective - 1.0) * libm::log(rest / effective);
            if best.as_ref().is_none_or(|(top, _)| evidence > *top) {
                let shift: f64 = weights.iter().zip(&centre).map(|(w, c)| w * c).sum();
                weights[0] = middle - shift;
                let residual = libm::sqrt(rest / effective);
                best = Some((evidence, Fit { weights, strengths, residual, steps: 0 }));
            }
        }
        best.map(|(_, fit)| fit)
    }

    /// Logistic regression whose ridge the evidence chooses. `None` where Newton's method does not settle.
    pub(crate) fn classify(&self, happened: &[bool]) -> Option<Fit> {
        let mut fit = Fit { weights: vec![0.0; self.columns], strengths: [0.0; 2], residual: 0.0, steps: 0 };
        for step in 0..STEPS {
            let bowl = self.bowl(&fit.weights, happened, &vec![0.0; happened.len()]);
            // The strengths are chosen anew with each of the first steps, and held from then on.
            let tried = if step < 6 { self.tried() } else { vec![fit.strengths] };
            let mut best: Option<(f64, Vec<f64>, Strengths)> = None;
            for strengths in tried {
                let (weights, evidence) = self.descend(&bowl, &fit.weights, strengths)?;
                if best.as_ref().is_none_or(|(top, ..)| evidence > *top) {
                    best = Some((evidence, weights, strengths));
                }
            }
            let (_, weights, strengths) = best?;
            let moved = step_towards(&mut fit.weights, &weights);
            let held = strengths.iter().zip(&fit.strengths).all(|(new, old)| new.total_cmp(old).is_eq());
            fit.strengths = strengths;
            fit.steps = step + 1;
            if held && moved < 1e-7 {
                return Some(fit);
            }
        }
        None
    }

    /// Logistic regression with `ridge` on each column towards 0, and an offset a row.
    pub(crate) fn classify_from(
        &self,
        happened: &[bool],
        offsets: &[f64],
        ridge: &[f64],
    ) -> Option<Vec<f64>> {
        self.climb(happened, offsets, ridge).map(|(weights, _)| weights)
    }

    /// The same, with the Newton steps that it took.
    fn climb(&self, happened: &[bool], offsets: &[f64], ridge: &[f64]) -> Option<(Vec<f64>, usize)> {
        let mut weights = vec![0.0; self.columns];
        for step in 1..=STEPS {
            let bowl = self.bowl(&weights, happened, offsets);
            let target = newton(&bowl, &weights, ridge)?.0;
            if step_towards(&mut weights, &target) < 1e-9 {
                return Some((weights, step));
            }
        }
        None
    }

    /// Logistic regression of the shifts out of one regime: margin-only where every column is free, and else with
    /// the ridge that the evidence chooses. `None` where Newton's method does not settle.
    pub(crate) fn classify_shifts(&self, shifted: &[bool]) -> Option<Fit> {
        if self.free < self.columns {
            return self.classify(shifted);
        }
        // Nothing is left whose strength could be chosen.
        let strengths = [LIGHT; 2];
        let none = vec![0.0; shifted.len()];
        let (weights, steps) = self.climb(shifted, &none, &self.ridge(strengths))?;
        Some(Fit { weights, strengths, residual: 0.0, steps })
    }

    /// Standard errors of a logistic fit: roots of the diagonal of the inverse of the penalised log likelihood's
    /// negated Hessian, a row counting as 1/overlap. `None` where it cannot be inverted.
    pub(crate) fn errors(&self, fit: &Fit, happened: &[bool]) -> Option<Vec<f64>> {
        let k = self.columns;
        let mut matrix = self.bowl(&fit.weights, happened, &vec![0.0; happened.len()]).curvature;
        for (i, ridge) in self.ridge(fit.strengths).iter().enumerate() {
            matrix[i * k + i] += ridge;
        }
        let inverse = Cholesky::new(&matrix, k)?.inverse();
        Some((0..k).map(|i| libm::sqrt(inverse[i * k + i])).collect())
    }

    /// The log likelihood around `weights`, to second order; a row counts as 1/overlap.
    fn bowl(&self, weights: &[f64], happened: &[bool], offsets: &[f64]) -> Bowl {
        let k = self.columns;
        let mut bowl = Bowl { gradient: vec![0.0; k], curvature: vec![0.0; k * k] };
        for ((row, happened), offset) in self.rows().zip(happened).zip(offsets) {
            let along: f64 = row.iter().zip(weights).map(|(x, w)| x * w).sum();
            let p = logistic(along + offset);
            let surprise = (f64::from(u8::from(*happened)) - p) / self.overlap;
            for (sum, x) in bowl.gradient.iter_mut().zip(row) {
                *sum += surprise * x;
            }
            accumulate(&mut bowl.curvature, row, (p * (1.0 - p)).max(1e-6) / self.overlap);
        }
        bowl
    }

    /// The top of the penalised bowl at these strengths, and the log evidence there, up to a constant.
    fn descend(&self, bowl: &Bowl, weights: &[f64], strengths: Strengths) -> Option<(Vec<f64>, f64)> {
        let ridge = self.ridge(strengths);
        let (top, log_det) = newton(bowl, weights, &ridge)?;
        let k = self.columns;
        let moved: Vec<f64> = top.iter().zip(weights).map(|(to, from)| to - from).collect();
        let mut gain = 0.0;
        for i in 0..k {
            gain += bowl.gradient[i] * moved[i] - 0.5 * ridge[i] * top[i] * top[i];
            for j in 0..k {
                gain -= 0.5 * moved[i] * bowl.curvature[i.max(j) * k + i.min(j)] * moved[j];
            }
        }
        Some((top, gain + 0.5 * (self.log_strength(strengths) - log_det)))
    }
}

/// A log likelihood to second order: its gradient, and its negated curvature (lower triangle).
struct Bowl {
    gradient: Vec<f64>,
    curvature: Vec<f64>,
}

/// Where the penalised bowl is highest, and the log determinant of its curvature.
fn newton(bowl: &Bowl, weights: &[f64], ridge: &[f64]) -> Option<(Vec<f64>, f64)> {
    let k = weights.len();
    let mut matrix = bowl.curvature.clone();
    let mut step = bowl.gradient.clone();
    for i in 0..k {
        matrix[i * k + i] += ridge[i];
        step[i] -= ridge[i] * weights[i];
    }
    let factor = Cholesky::new(&matrix, k)?;
    factor.solve(&mut step);
    Some((weights.iter().zip(&step).map(|(w, s)| w + s).collect(), factor.log_det()))
}

/// Adds `weight` × the outer product of `row` with itself to the lower triangle of `matrix`.
fn accumulate(matrix: &mut [f64], row: &[f64], weight: f64) {
    let k = row.len();
    for (i, x) in row.iter().enumerate() {
        let scaled = weight * x;
        for (entry, other) in matrix[i * k..=i * k + i].iter_mut().zip(row) {
            *entry += scaled * other;
        }
    }
}

/// Moves `weights` to `target`, at most 5 in any of them; how far the farthest went.
fn step_towards(weights: &mut [f64], target: &[f64]) -> f64 {
    let farthest = weights.iter().zip(target).fold(0.0f64, |far, (from, to)| far.max((to - from).abs()));
    let share = if farthest > 5.0 { 5.0 / farthest } else { 1.0 };
    for (from, to) in weights.iter_mut().zip(target) {
        *from += share * (to - *from);
    }
    farthest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    /// 600 rows of a constant and 4 standard normal columns.
    fn normals() -> Vec<f64> {
        let mut chance = Chance::new(11);
        (0..600)
            .flat_map(|_| std::iter::once(1.0).chain((0..4).map(|_| chance.normal()).collect::<Vec<_>>()))
            .collect()
    }

    #[test]
    fn a_signal_is_found_and_its_absence_shrinks_everything_away() {
        let values = normals();
        let design = Design { values: &values, columns: 5, free: 1, known: 5, overlap: 1.0 };
        let mut chance = Chance::new(12);
        let target: Vec<f64> =
            values.chunks(5).map(|row| 0.5 + 2.0 * row[1] - row[3] + 0.1 * chance.normal()).collect();
        let fit = design.regress(&target).unwrap();
        for (weight, truth) in fit.weights.iter().zip([0.5, 2.0, 0.0, -1.0, 0.0]) {
            assert!((weight - truth).abs() < 0.03, "{:?}", fit.weights);
        }
        assert!((0.09..0.15).contains(&fit.residual));
        let noise: Vec<f64> = (0..600).map(|_| chance.normal()).collect();
        let nothing = design.regress(&noise).unwrap();
        assert!(nothing.strengths[0] >= 100.0, "{nothing:?}");
        assert!(nothing.weights[1..].iter().all(|w| w.abs() < 0.1), "{nothing:?}");

        let drawn: Vec<bool> =
            values.chunks(5).map(|row| chance.uniform() < logistic(-1.0 + 1.5 * row[2])).collect();
        let fit = design.classify(&drawn).unwrap();
        assert!((fit.weights[2] - 1.5).abs() < 0.4 && (fit.weights[0] + 1.0).abs() < 0.3);
        let coin: Vec<bool> = (0..600).map(|_| chance.uniform() < 0.3).collect();
        let nothing = design.classify(&coin).unwrap();
        assert!(nothing.weights[1..].iter().all(|w| w.abs() < 0.1), "{nothing:?}");
    }

    #[test]
    fn windows_that_overlap_count_as_fewer_rows() {
        assert!((Overlap::new(1).of_labels - 1.0).abs() < 1e-12);
        let five = Overlap::new(5);
        assert!((five.of_numbers - (1.0 + 2.0 * (0.64 + 0.36 + 0.16 + 0.04))).abs() < 1e-12);
        assert!(five.of_labels < five.of_numbers && five.of_numbers < 5.0);
        assert!((five.of_labels - 2.69).abs() < 0.01);
    }

    #[test]
    fn a_ridge_fit_is_where_its_gradient_vanishes() {
        let values = normals();
        let design = Design { values: &values, columns: 5, free: 1, known: 5, overlap: 5.0 };
        let happened: Vec<bool> = values.chunks(5).map(|row| row[1] + row[4] > 0.4).collect();
        let ridge = [0.1, 2.0, 2.0, 2.0, 2.0];
        let weights = design.classify_from(&happened, &vec![0.3; 600], &ridge).unwrap();
        let bowl = design.bowl(&weights, &happened, &vec![0.3; 600]);
        for i in 0..5 {
            assert!((bowl.gradient[i] - ridge[i] * weights[i]).abs() < 1e-7);
        }
    }

    #[test]
    fn separable_labels_and_constant_targets_do_not_run_away() {
        let values = normals();
        let design = Design { values: &values, columns: 5, free: 1, known: 5, overlap: 1.0 };
        let split: Vec<bool> = values.chunks(5).map(|row| row[1] > 0.0).collect();
        let fit = design.classify(&split).unwrap();
        assert!(fit.weights.iter().all(|w| w.is_finite() && w.abs() < 50.0));
        assert!(design.regress(&[1.0; 600]).is_none());
    }
}
