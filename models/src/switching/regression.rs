//! The likelihood of a switching regression, its slope, and steps of expectation–maximisation.
//!
//! J. D. Hamilton, *A new approach to the economic analysis of nonstationary time series and the business
//! cycle*, Econometrica 57 (1989) 357–384 (filter); C.-J. Kim, *Dynamic linear models with Markov-switching*,
//! J. Econometrics 60 (1994) 1–22 (smoother); J. D. Hamilton, *Analysis of time series subject to changes in
//! regime*, J. Econometrics 45 (1990) 39–70 (EM). The slope is Fisher's identity: that of the complete
//! data's likelihood, expected given all rows, which one pass forward and one back give.

use super::Likelihood;
use super::chain::Chain;
use super::layout::{Layout, MOST_REGIMES};
use super::product::{HALF_LOG_TWO_PI, LogProduct};
use crate::dense::Cholesky;

/// A switching regression of a series on columns.
#[derive(Clone, Debug)]
pub(super) struct Regression {
    layout: Layout,
    rows: usize,
    /// How many regressors there are.
    width: usize,
    series: Vec<f64>,
    /// Rows × regressors.
    regressors: Vec<f64>,
    /// Rows × products: of each pair of (regressors, series), the upper triangle row by row.
    products: Vec<f64>,
    chain: Chain,
    /// Covariates of the chain, kept for cutting.
    covariates: Vec<f64>,
    /// Rows × regimes: probability given this row and those before it.
    filtered: Vec<f64>,
    /// Rows × regimes: densities, then their share in what was seen, then probability given all rows.
    smoothed: Vec<f64>,
    /// Regimes × products, weighted by the smoothed probabilities.
    moments: Vec<f64>,
}

impl Regression {
    /// `regressors`: rows × coefficients of `layout`; `covariates`: rows × covariates or nothing.
    pub fn new(layout: Layout, series: Vec<f64>, regressors: Vec<f64>, covariates: Vec<f64>) -> Self {
        let (rows, width) = (series.len(), layout.coefficients.len());
        let size = (width + 1) * (width + 2) / 2;
        let mut products = Vec::with_capacity(rows * size);
        for (row, y) in series.iter().enumerate() {
            let x = &regressors[row * width..(row + 1) * width];
            for (at, x_at) in x.iter().enumerate() {
                products.extend(x[at..].iter().map(|other| x_at * other));
                products.push(x_at * y);
            }
            products.push(y * y);
        }
        let k = layout.regimes;
        Self {
            rows,
            width,
            chain: Chain::new(&layout, covariates.clone()),
            covariates,
            filtered: vec![0.0; rows * k],
            smoothed: vec![0.0; rows * k],
            moments: vec![0.0; k * size],
            layout,
            series,
            regressors,
            products,
        }
    }

    /// The same model of some of the rows.
    pub fn cut(&self, rows: &[usize]) -> Self {
        let pick = |values: &[f64], width: usize| -> Vec<f64> {
            rows.iter()
                .flat_map(|row| {
                    values.get(row * width..(row + 1) * width).unwrap_or_default().iter().copied()
                })
                .collect()
        };
        Self::new(
            self.layout.clone(),
            pick(&self.series, 1),
            pick(&self.regressors, self.width),
            if self.covariates.is_empty() {
                Vec::new()
            } else {
                pick(&self.covariates, self.layout.covariates)
            },
        )
    }

    /// The same model with transitions that do not vary.
    pub fn with_constant_transitions(&self) -> Self {
        let mut layout = self.layout.clone();
        (layout.varying, layout.covariates) = (false, 1);
        Self::new(layout, self.series.clone(), self.regressors.clone(), Vec::new())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What a row's series is above its prediction under coefficients `beta`.
    pub fn residual(&self, row: usize, beta: &[f64]) -> f64 {
        let x = &self.regressors[row * self.width..(row + 1) * self.width];
        self.series[row] - x.iter().zip(beta).map(|(x, beta)| x * beta).sum::<f64>()
    }

    /// Regime `k`'s coefficients.
    fn coefficients(&self, theta: &[f64]) -> Vec<f64> {
        let mut beta = Vec::with_capacity(self.layout.regimes * self.width);
        for regime in 0..self.layout.regimes {
            beta.extend((0..self.width).map(|at| theta[self.layout.coefficient(at, regime)]));
        }
        beta
    }

    /// The log-likelihood at `theta`; leaves filtered and smoothed probabilities, counts and moments behind.
    pub fn expect(&mut self, theta: &[f64]) -> f64 {
        self.chain.set(&theta[..self.layout.transitions()]);
        match self.layout.regimes {
            2 => self.expect_of::<2>(theta),
            3 => self.expect_of::<3>(theta),
            _ => self.expect_of::<4>(theta),
        }
    }

    fn expect_of<const K: usize>(&mut self, theta: &[f64]) -> f64 {
        let mut log = self.densities::<K>(theta);
        log += self.forward::<K>();
        self.backward::<K>();
        self.moments.fill(0.0);
        match self.width {
            0 => self.weigh::<K, 1>(),
            1 => self.weigh::<K, 3>(),
            2 => self.weigh::<K, 6>(),
            _ => self.weigh_any::<K>(),
        }
        log
    }

    /// Fills `smoothed` with densities relative to each row's largest; the logarithm of what was taken out.
    fn densities<const K: usize>(&mut self, theta: &[f64]) -> f64 {
        let beta = self.coefficients(theta);
        let (mut peak, mut precision) = ([0.0; K], [0.0; K]);
        for regime in 0..K {
            let variance = theta[self.layout.variance(regime)];
            peak[regime] = -HALF_LOG_TWO_PI - 0.5 * libm::log(variance);
            precision[regime] = 0.5 / variance;
        }
        let constant_only = self.width == 1 && self.layout.has_constant();
        let mut taken = 0.0;
        for (row, out) in self.smoothed.as_chunks_mut::<K>().0.iter_mut().enumerate() {
            let y = self.series[row];
            let mut logs = [0.0; K];
            let mut top = f64::NEG_INFINITY;
            for regime in 0..K {
                let mean = if constant_only {
                    beta[regime]
                } else {
                    let x = &self.regressors[row * self.width..(row + 1) * self.width];
                    let beta = &beta[regime * self.width..(regime + 1) * self.width];
                    x.iter().zip(beta).map(|(x, beta)| x * beta).sum()
                };
                let error = y - mean;
                logs[regime] = peak[regime] - error * error * precision[regime];
                top = if logs[regime] > top { logs[regime] } else { top };
            }
            if K == 2 {
                // One exponential, and nothing for a processor to guess wrong.
                let less = libm::exp(-(logs[0] - logs[1]).abs());
                out[0] = if logs[0] < logs[1] { less } else { 1.0 };
                out[1] = if logs[0] < logs[1] { 1.0 } else { less };
            } else {
                for regime in 0..K {
                    out[regime] = libm::exp(logs[regime] - top);
                }
            }
            taken += top;
        }
        taken
    }

    /// Hamilton's filter: fills `filtered`, and turns densities into their share in what was seen.
    fn forward<const K: usize>(&mut self) -> f64 {
        let varying = self.chain.is_varying();
        let mut matrix = square::<K>(self.chain.at(0));
        let mut joint = [0.0; K];
        joint.copy_from_slice(&self.chain.initial[..K]);
        let mut share = 1.0;
        let mut product = LogProduct::ONE;
        let (filtered, _) = self.filtered.as_chunks_mut::<K>();
        let (densities, _) = self.smoothed.as_chunks_mut::<K>();
        for (row, (filtered, density)) in filtered.iter_mut().zip(densities).enumerate() {
            if row > 0 {
                if varying {
                    matrix = square::<K>(self.chain.at(row));
                }
                joint = next(&joint, &matrix);
            }
            // Scaled by what was seen one row ago, so that no row waits for its own division.
            let mut seen = 0.0;
            for regime in 0..K {
                joint[regime] *= density[regime] * share;
                seen += joint[regime];
            }
            share = 1.0 / seen;
            for regime in 0..K {
                filtered[regime] = joint[regime] * share;
                density[regime] *= share;
            }
            product.push(seen);
        }
        product.log()
    }

    /// Kim's smoother: turns `smoothed` into what it says, and counts transitions.
    fn backward<const K: usize>(&mut self) {
        let varying = self.chain.is_varying();
        let mut matrix = square::<K>(self.chain.at(0));
        let mut ahead = [1.0; K];
        let mut counts = [[0.0; K]; K];
        let mut joint = [0.0; MOST_REGIMES * MOST_REGIMES];
        for row in (0..self.rows).rev() {
            let here = row * K;
            let mut arriving = [0.0; K];
            for regime in 0..K {
                arriving[regime] = self.smoothed[here + regime] * ahead[regime];
                self.smoothed[here + regime] = self.filtered[here + regime] * ahead[regime];
            }
            if row == 0 {
                break;
            }
            let mut before = [0.0; K];
            before.copy_from_slice(&self.filtered[here - K..here]);
            if varying {
                matrix = square::<K>(self.chain.at(row));
                for from in 0..K {
                    for to in 0..K {
                        joint[from * K + to] = before[from] * matrix[from][to] * arriving[to];
                    }
                }
                self.chain.count(row, &joint[..K * K]);
            } else {
                for from in 0..K {
                    for to in 0..K {
                        counts[from][to] += before[from] * arriving[to];
                    }
                }
            }
            for from in 0..K {
                let mut sum = 0.0;
                for to in 0..K {
                    sum += matrix[from][to] * arriving[to];
                }
                ahead[from] = sum;
            }
        }
        if !varying {
            for from in 0..K {
                for to in 0..K {
                    self.chain.counts[from * K + to] = counts[from][to] * matrix[from][to];
                }
            }
        }
    }

    fn weigh<const K: usize, const Q: usize>(&mut self) {
        let mut moments = [[0.0; Q]; K];
        let (weights, _) = self.smoothed.as_chunks::<K>();
        let (products, _) = self.products.as_chunks::<Q>();
        for (weight, products) in weights.iter().zip(products) {
            for regime in 0..K {
                for at in 0..Q {
                    moments[regime][at] += weight[regime] * products[at];
                }
            }
        }
        for (out, moments) in self.moments.chunks_exact_mut(Q).zip(&moments) {
            out.copy_from_slice(moments);
        }
    }

    fn weigh_any<const K: usize>(&mut self) {
        let size = self.moments.len() / K;
        for (weights, products) in self.smoothed.chunks_exact(K).zip(self.products.chunks_exact(size)) {
            for (weight, moments) in weights.iter().zip(self.moments.chunks_exact_mut(size)) {
                for (moment, product) in moments.iter_mut().zip(products) {
                    *moment += weight * product;
                }
            }
        }
    }

    /// Weighs every row as `weights` (rows × regimes, rows summing to 1) say, instead of as a likelihood does.
    pub fn assign(&mut self, weights: &[f64]) {
        self.smoothed.copy_from_slice(weights);
        self.moments.fill(0.0);
        match self.layout.regimes {
            2 => self.weigh_any::<2>(),
            3 => self.weigh_any::<3>(),
            _ => self.weigh_any::<4>(),
        }
    }

    /// The expected number of rows in each regime.
    pub fn occupancy(&self) -> Vec<f64> {
        if self.layout.has_constant() {
            // The constant's square, weighed.
            let size = self.moments.len() / self.layout.regimes;
            return self.moments.iter().step_by(size).copied().collect();
        }
        let mut sums = vec![0.0; self.layout.regimes];
        for weights in self.smoothed.chunks_exact(self.layout.regimes) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += weight;
            }
        }
        sums
    }

    /// The step of maximisation: coefficients and variances from the moments, no variance below `floor`.
    pub fn maximise(&self, theta: &mut [f64], floor: f64) {
        let (d, k) = (self.width, self.layout.regimes);
        let size = (d + 1) * (d + 2) / 2;
        let place = |i: usize, j: usize| i * (2 * d + 3 - i) / 2 + (j - i);
        let occupancy = self.occupancy();
        let mut pooled = 0.0;
        for regime in 0..k {
            let moments = &self.moments[regime * size..(regime + 1) * size];
            let mut square = vec![0.0; d * d];
            for i in 0..d {
                for j in 0..d {
                    square[i * d + j] = moments[place(i.min(j), i.max(j))];
                }
                // Keeps a regime of too few rows from having no answer.
                square[i * d + i] += 1e-9 * (1.0 + square[i * d + i]);
            }
            let mut beta: Vec<f64> = (0..d).map(|i| moments[place(i, d)]).collect();
            let Some(factor) = Cholesky::new(&square, d) else { continue };
            factor.solve(&mut beta);
            let explained: f64 = (0..d).map(|i| beta[i] * moments[place(i, d)]).sum();
            let left = (moments[place(d, d)] - explained).max(0.0);
            pooled += left;
            for (at, beta) in beta.iter().enumerate() {
                theta[self.layout.coefficient(at, regime)] = *beta;
            }
            if self.layout.switching_variance {
                theta[self.layout.variance(regime)] = (left / occupancy[regime].max(1e-9)).max(floor);
            }
        }
        if !self.layout.switching_variance {
            theta[self.layout.variance(0)] = (pooled / self.rows as f64).max(floor);
        }
    }

    /// The same for constant transitions, from what was counted, none below `least`.
    pub fn maximise_transitions(&self, theta: &mut [f64], least: f64) {
        let k = self.layout.regimes;
        for from in 0..k {
            let counts = &self.chain.counts[from * k..from * k + k];
            let all: f64 = counts.iter().sum();
            if all > 0.0 {
                let whole = all + all * least * k as f64;
                for to in 0..k - 1 {
                    theta[self.layout.transition(from, to, 0)] = (counts[to] + all * least) / whole;
                }
            }
        }
    }
}

impl Likelihood for Regression {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn gradient(&mut self, theta: &[f64], out: &mut [f64]) -> f64 {
        let log = self.expect(theta);
        out.fill(0.0);
        let (d, k) = (self.width, self.layout.regimes);
        let size = (d + 1) * (d + 2) / 2;
        let place = |i: usize, j: usize| i.min(j) * (2 * d + 3 - i.min(j)) / 2 + (i.max(j) - i.min(j));
        self.chain.gradient(&self.smoothed[..k], &mut out[..self.layout.transitions()]);
        let beta = self.coefficients(theta);
        let occupancy = self.occupancy();
        for regime in 0..k {
            let moments = &self.moments[regime * size..(regime + 1) * size];
            let beta = &beta[regime * d..(regime + 1) * d];
            let variance = theta[self.layout.variance(regime)];
            let mut squares = moments[place(d, d)];
            for i in 0..d {
                let fitted: f64 = (0..d).map(|j| moments[place(i, j)] * beta[j]).sum();
                let product = moments[place(i, d)];
                squares += beta[i] * (fitted - 2.0 * product);
                out[self.layout.coefficient(i, regime)] += (product - fitted) / variance;
            }
            out[self.layout.variance(regime)] += (squares / variance - occupancy[regime]) / (2.0 * variance);
        }
        log
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn occupancy(&self) -> Vec<f64> {
        Regression::occupancy(self)
    }

    fn filtered(&self) -> Vec<Vec<f64>> {
        self.filtered.chunks_exact(self.layout.regimes).map(<[f64]>::to_vec).collect()
    }

    fn smoothed(&self) -> Vec<Vec<f64>> {
        self.smoothed.chunks_exact(self.layout.regimes).map(<[f64]>::to_vec).collect()
    }

    fn path(&mut self, theta: &[f64]) -> Vec<usize> {
        let k = self.layout.regimes;
        self.chain.set(&theta[..self.layout.transitions()]);
        let beta = self.coefficients(theta);
        let log_density = |row: usize, regime: usize| -> f64 {
            let variance = theta[self.layout.variance(regime)];
            let error = self.residual(row, &beta[regime * self.width..(regime + 1) * self.width]);
            -0.5 * (libm::log(variance) + error * error / variance)
        };
        let mut best: Vec<f64> =
            (0..k).map(|regime| libm::log(self.chain.initial[regime]) + log_density(0, regime)).collect();
        let mut came_from = vec![0u8; self.rows * k];
        let mut next = vec![0.0; k];
        let mut logs: Vec<f64> = self.chain.at(0).iter().map(|p| libm::log(*p)).collect();
        for row in 1..self.rows {
            if self.chain.is_varying() {
                logs = self.chain.at(row).iter().map(|p| libm::log(*p)).collect();
            }
            for to in 0..k {
                let mut top = 0;
                for from in 1..k {
                    if best[from] + logs[from * k + to] > best[top] + logs[top * k + to] {
                        top = from;
                    }
                }
                came_from[row * k + to] = top as u8;
                next[to] = best[top] + logs[top * k + to] + log_density(row, to);
            }
            std::mem::swap(&mut best, &mut next);
        }
        let mut here = (0..k).fold(0, |top, regime| if best[regime] > best[top] { regime } else { top });
        let mut path = vec![0; self.rows];
        for row in (0..self.rows).rev() {
            path[row] = here;
            here = usize::from(came_from[row * k + here]);
        }
        path
    }
}

/// A matrix of known size.
fn square<const K: usize>(matrix: &[f64]) -> [[f64; K]; K] {
    let mut square = [[0.0; K]; K];
    for (row, from) in square.iter_mut().zip(matrix.chunks_exact(K)) {
        row.copy_from_slice(from);
    }
    square
}

/// The distribution one row on.
fn next<const K: usize>(now: &[f64; K], matrix: &[[f64; K]; K]) -> [f64; K] {
    let mut next = [0.0; K];
    for (now, row) in now.iter().zip(matrix) {
        for (next, p) in next.iter_mut().zip(row) {
            *next += now * p;
        }
    }
    next
}
