//! The chain of regimes: its transitions, constant or varying, where it starts, and how the likelihood
//! changes with them.

use super::layout::{Layout, MOST_REGIMES};
use crate::dense;

/// No transition is held less likely than this (as statsmodels has it), so that nothing is impossible.
const LEAST: f64 = 1e-20;

/// Transition matrices at some parameters, and what was counted under them.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    regimes: usize,
    width: usize,
    varying: bool,
    /// Rows × covariates; empty where transitions are constant.
    covariates: Vec<f64>,
    /// One matrix, or one a row: row i, column j: probability that j follows i.
    matrices: Vec<f64>,
    /// The distribution at the first row: the steady state of the first row's matrix.
    pub initial: [f64; MOST_REGIMES],
    /// Expected transitions, i → j; of constant transitions.
    pub counts: [f64; MOST_REGIMES * MOST_REGIMES],
    slopes: Vec<f64>,
}

impl Chain {
    /// `covariates`: rows × covariates, the constant first; none where transitions are constant.
    pub fn new(layout: &Layout, covariates: Vec<f64>) -> Self {
        let k = layout.regimes;
        let matrices = if layout.varying { covariates.len() / layout.covariates } else { 1 };
        Self {
            regimes: k,
            width: layout.covariates,
            varying: layout.varying,
            covariates,
            matrices: vec![0.0; matrices * k * k],
            initial: [0.0; MOST_REGIMES],
            counts: [0.0; MOST_REGIMES * MOST_REGIMES],
            slopes: vec![0.0; layout.transitions()],
        }
    }

    /// Moves to other parameters (the first of `theta`) and forgets what was counted.
    pub fn set(&mut self, theta: &[f64]) {
        let (k, width) = (self.regimes, self.width);
        self.counts.fill(0.0);
        self.slopes.fill(0.0);
        if self.varying {
            for (matrix, z) in self.matrices.chunks_exact_mut(k * k).zip(self.covariates.chunks_exact(width))
            {
                for from in 0..k {
                    let mut logits = [0.0; MOST_REGIMES];
                    for to in 0..k - 1 {
                        for (at, z) in z.iter().enumerate() {
                            logits[to] += theta[(to * width + at) * k + from] * z;
                        }
                    }
                    softmax(&logits[..k], &mut matrix[from * k..from * k + k]);
                }
            }
        } else {
            for from in 0..k {
                let row = &mut self.matrices[from * k..from * k + k];
                let mut rest = 1.0;
                for to in 0..k - 1 {
                    let p = theta[to * k + from];
                    row[to] = p.max(LEAST);
                    rest -= p;
                }
                row[k - 1] = rest.max(LEAST);
            }
        }
        self.initial = steady_state(&self.matrices[..k * k], k);
    }

    /// The matrix of the transition into a row.
    pub fn at(&self, row: usize) -> &[f64] {
        let size = self.regimes * self.regimes;
        let start = if self.varying { row * size } else { 0 };
        &self.matrices[start..start + size]
    }

    pub fn is_varying(&self) -> bool {
        self.varying
    }

    /// Counts the transition into `row`, `joint` being the probability of i → j given all rows.
    pub fn count(&mut self, row: usize, joint: &[f64]) {
        let (k, width) = (self.regimes, self.width);
        if !self.varying {
            for (count, joint) in self.counts.iter_mut().zip(joint) {
                *count += joint;
            }
            return;
        }
        let z = &self.covariates[row * width..(row + 1) * width];
        let matrix = &self.matrices[row * k * k..(row + 1) * k * k];
        for from in 0..k {
            let leaving: f64 = joint[from * k..from * k + k].iter().sum();
            for to in 0..k - 1 {
                let surprise = joint[from * k + to] - leaving * matrix[from * k + to];
                for (at, z) in z.iter().enumerate() {
                    self.slopes[(to * width + at) * k + from] += surprise * z;
                }
            }
        }
    }

    /// How the log-likelihood changes with the parameters of the transitions. `first` is the distribution
    /// of the first regime given all rows.
    pub fn gradient(&self, first: &[f64], out: &mut [f64]) {
        let k = self.regimes;
        let start = self.start_gradient(first);
        let matrix = &self.matrices[..k * k];
        if self.varying {
            out.copy_from_slice(&self.slopes);
            let z = &self.covariates[..self.width];
            for from in 0..k {
                let mean: f64 = (0..k).map(|to| matrix[from * k + to] * start[from * k + to]).sum();
                for to in 0..k - 1 {
                    let by_logit = matrix[from * k + to] * (start[from * k + to] - mean);
                    for (at, z) in z.iter().enumerate() {
                        out[(to * self.width + at) * k + from] += by_logit * z;
                    }
                }
            }
        } else {
            for from in 0..k {
                let by =
                    |to: usize| self.counts[from * k + to] / matrix[from * k + to] + start[from * k + to];
                let last = by(k - 1);
                for to in 0..k - 1 {
                    out[to * k + from] = by(to) - last;
                }
            }
        }
    }

    /// How Σ `first`ₖ log πₖ changes with each entry of the first matrix, along changes that keep rows
    /// summing to 1: dπ = π dP Z with the fundamental matrix Z = (I − P + 1π)⁻¹ (P. J. Schweitzer,
    /// *Perturbation theory and finite Markov chains*, J. Appl. Prob. 5 (1968) 401–413).
    fn start_gradient(&self, first: &[f64]) -> [f64; MOST_REGIMES * MOST_REGIMES] {
        let k = self.regimes;
        let mut gradient = [0.0; MOST_REGIMES * MOST_REGIMES];
        let mut matrix = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..k {
                let identity = if i == j { 1.0 } else { 0.0 };
                matrix[i * k + j] = identity - self.matrices[i * k + j] + self.initial[j];
            }
        }
        // (Z w)ⱼ with wₖ = firstₖ / πₖ.
        let mut weights: Vec<f64> = first.iter().zip(&self.initial).map(|(first, pi)| first / pi).collect();
        if dense::solve(&mut matrix, &mut weights) {
            for i in 0..k {
                for j in 0..k {
                    gradient[i * k + j] = self.initial[i] * weights[j];
                }
            }
        }
        gradient
    }

    /// The mean over all matrices.
    pub fn mean(&self) -> Vec<Vec<f64>> {
        let k = self.regimes;
        let count = (self.matrices.len() / (k * k)) as f64;
        (0..k)
            .map(|from| {
                (0..k)
                    .map(|to| self.matrices.iter().skip(from * k + to).step_by(k * k).sum::<f64>() / count)
                    .collect()
            })
            .collect()
    }
}

/// Probabilities from logits.
fn softmax(logits: &[f64], out: &mut [f64]) {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for (out, logit) in out.iter_mut().zip(logits) {
        *out = libm::exp(logit - top);
        sum += *out;
    }
    for out in out {
        *out = (*out / sum).max(LEAST);
    }
}

/// The distribution that the chain keeps once it has it, by elimination without subtraction (W. K. Grassmann,
/// M. I. Taksar, D. P. Heyman, *Regenerative analysis and steady state distributions for Markov chains*, Oper.
/// Res. 33 (1985) 1107–1116).
pub(super) fn steady_state(matrix: &[f64], k: usize) -> [f64; MOST_REGIMES] {
    let mut p = [0.0; MOST_REGIMES * MOST_REGIMES];
    p[..k * k].copy_from_slice(matrix);
    for last in (1..k).rev() {
        let leaving: f64 = p[last * k..last * k + last].iter().sum();
        for i in 0..last {
            p[i * k + last] /= leaving;
        }
        for i in 0..last {
            for j in 0..last {
                p[i * k + j] += p[i * k + last] * p[last * k + j];
            }
        }
    }
    let mut pi = [0.0; MOST_REGIMES];
    pi[0] = 1.0;
    for j in 1..k {
        pi[j] = (0..j).map(|i| pi[i] * p[i * k + j]).sum();
    }
    let sum: f64 = pi[..k].iter().sum();
    for pi in &mut pi[..k] {
        *pi = (*pi / sum).max(LEAST);
    }
    pi
}
