//! The likelihood of Hamilton's switching-mean autoregression and its slope.
//!
//! What is seen depends on the regimes of this row and of `order` rows before it, so the filter runs over
//! histories of order + 1 regimes. A history is a number in base K whose leading digit is the newest regime.
//! Filter, smoother and slope are those of the regression (sources there), summed over histories.

use super::Likelihood;
use super::chain::Chain;
use super::layout::{Layout, MOST_REGIMES};
use super::product::{HALF_LOG_TWO_PI, LogProduct};

/// A switching-mean autoregression of a series.
#[derive(Clone, Debug)]
pub(super) struct Autoregression {
    layout: Layout,
    /// All rows, those too that only serve as lags.
    series: Vec<f64>,
    /// Rows × coefficients.
    regressors: Vec<f64>,
    width: usize,
    chain: Chain,
    covariates: Vec<f64>,
    /// Histories, and histories of all but the newest (or the oldest) regime.
    histories: usize,
    short: usize,
    /// Lags × short histories: the regime that a history has at a lag.
    digits: Vec<u8>,
    /// All rows × regimes: what the series is above its mean in a regime.
    above: Vec<f64>,
    /// Scored rows × histories: probability given this row and those before it.
    filtered: Vec<f64>,
    /// Scored rows × regimes.
    smoothed: Vec<f64>,
    /// Expectations of the last call.
    sums: Sums,
}

/// What the slope is made of, expected given all rows.
#[derive(Clone, Debug, Default)]
struct Sums {
    occupancy: Vec<f64>,
    /// By regime: Σ e².
    squares: Vec<f64>,
    /// By coefficient and regime (all in 0 where it does not switch): Σ e / σ² × how e falls with it.
    coefficients: Vec<f64>,
    /// By lag and regime: Σ e / σ² × what is above the mean at the lag.
    lags: Vec<f64>,
    /// The first regime of all.
    first: [f64; MOST_REGIMES],
}

/// Parameters as the filter reads them.
struct Reading {
    /// Regimes × coefficients.
    beta: Vec<f64>,
    /// Regimes × lags.
    phi: Vec<f64>,
    variance: Vec<f64>,
}

impl Autoregression {
    /// `regressors`: rows × coefficients of `layout`; `covariates`: rows × covariates or nothing.
    pub fn new(layout: Layout, series: Vec<f64>, regressors: Vec<f64>, covariates: Vec<f64>) -> Self {
        let (k, order) = (layout.regimes, layout.order);
        let short = k.pow(order as u32);
        let scored = series.len() - order;
        let mut digits = vec![0; order * short];
        for lag in 0..order {
            for history in 0..short {
                digits[lag * short + history] = (history / k.pow((order - 1 - lag) as u32) % k) as u8;
            }
        }
        Self {
            width: layout.coefficients.len(),
            chain: Chain::new(&layout, covariates.clone()),
            covariates,
            histories: short * k,
            short,
            digits,
            above: vec![0.0; series.len() * k],
            filtered: vec![0.0; scored * short * k],
            smoothed: vec![0.0; scored * k],
            sums: Sums::default(),
            layout,
            series,
            regressors,
        }
    }

    /// The same model of `rows` consecutive rows in the middle.
    pub fn cut(&self, rows: usize) -> Self {
        let start = (self.series.len() - rows) / 2;
        let pick = |values: &[f64], width: usize| {
            values.get(start * width..(start + rows) * width).unwrap_or_default().to_vec()
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

    pub fn series(&self) -> &[f64] {
        &self.series
    }

    pub fn regressors(&self) -> &[f64] {
        &self.regressors
    }

    pub fn scored(&self) -> usize {
        self.series.len() - self.layout.order
    }

    fn read(&self, theta: &[f64]) -> Reading {
        let layout = &self.layout;
        let regimes = 0..layout.regimes;
        Reading {
            beta: regimes
                .clone()
                .flat_map(|regime| (0..self.width).map(move |at| theta[layout.coefficient(at, regime)]))
                .collect(),
            phi: regimes
                .clone()
                .flat_map(|regime| (0..layout.order).map(move |lag| theta[layout.ar(lag, regime)]))
                .collect(),
            variance: regimes.map(|regime| theta[layout.variance(regime)]).collect(),
        }
    }

    fn measure(&mut self, reading: &Reading) {
        let (k, d) = (self.layout.regimes, self.width);
        for (row, y) in self.series.iter().enumerate() {
            let x = &self.regressors[row * d..(row + 1) * d];
            for regime in 0..k {
                let beta = &reading.beta[regime * d..(regime + 1) * d];
                let mean: f64 = x.iter().zip(beta).map(|(x, beta)| x * beta).sum();
                self.above[row * k + regime] = y - mean;
            }
        }
    }

    /// What a row is above its prediction, by history.
    fn errors(&self, row: usize, reading: &Reading, out: &mut [f64]) {
        let (k, order) = (self.layout.regimes, self.layout.order);
        for regime in 0..k {
            let out = &mut out[regime * self.short..(regime + 1) * self.short];
            out[0] = self.above[row * k + regime];
            // Digit by digit: `filled` histories become `filled` × k.
            let mut filled = 1;
            for lag in 0..order {
                let phi = reading.phi[regime * order + lag];
                let above = &self.above[(row - lag - 1) * k..(row - lag) * k];
                for history in (0..filled).rev() {
                    let start = out[history];
                    for (past, above) in above.iter().enumerate() {
                        out[history * k + past] = start - phi * above;
                    }
                }
                filled *= k;
            }
        }
    }

    /// The distribution of the regimes of the first `order` rows, by short history.
    fn beginning(&self) -> Vec<f64> {
        let (k, order) = (self.layout.regimes, self.layout.order);
        let mut joint = self.chain.initial[..k].to_vec();
        for row in 1..order {
            let matrix = self.chain.at(row);
            let size = joint.len();
            let mut longer = vec![0.0; size * k];
            for to in 0..k {
                for (history, p) in joint.iter().enumerate() {
                    longer[to * size + history] = matrix[history / (size / k) * k + to] * p;
                }
            }
            joint = longer;
        }
        joint
    }

    fn forward(&mut self, reading: &Reading) -> f64 {
        let (k, m, short, order) = (self.layout.regimes, self.histories, self.short, self.layout.order);
        let tail = short / k;
        let peak: Vec<f64> =
            reading.variance.iter().map(|v| -HALF_LOG_TWO_PI - 0.5 * libm::log(*v)).collect();
        let mut before = self.beginning();
        let (mut predicted, mut logs) = (vec![0.0; m], vec![0.0; m]);
        let (mut taken, mut product) = (0.0, LogProduct::ONE);
        for row in order..self.series.len() {
            let matrix = self.chain.at(row);
            for to in 0..k {
                for from in 0..k {
                    let p = matrix[from * k + to];
                    let chunk = from * tail..(from + 1) * tail;
                    let out = &mut predicted[to * short + from * tail..to * short + (from + 1) * tail];
                    for (out, before) in out.iter_mut().zip(&before[chunk]) {
                        *out = p * before;
                    }
                }
            }
            self.errors(row, reading, &mut logs);
            let mut top = f64::NEG_INFINITY;
            for (regime, (peak, variance)) in peak.iter().zip(&reading.variance).enumerate() {
                let precision = 0.5 / variance;
                for at in regime * short..(regime + 1) * short {
                    logs[at] = peak - logs[at] * logs[at] * precision;
                    // A history that cannot be must not set the scale.
                    if predicted[at] > 1e-100 && logs[at] > top {
                        top = logs[at];
                    }
                }
            }
            let filtered = &mut self.filtered[(row - order) * m..(row - order + 1) * m];
            let mut seen = 0.0;
            for at in 0..m {
                let lift = (logs[at] - top).min(230.0);
                filtered[at] = if lift > -700.0 { predicted[at] * libm::exp(lift) } else { 0.0 };
                seen += filtered[at];
            }
            let share = 1.0 / seen;
            for (history, out) in before.iter_mut().enumerate() {
                *out = 0.0;
                for filtered in &mut filtered[history * k..history * k + k] {
                    *filtered *= share;
                    *out += *filtered;
                }
            }
            taken += top;
            product.push(seen);
        }
        taken + product.log()
    }

    fn backward(&mut self, reading: &Reading) {
        let (k, m, short, order) = (self.layout.regimes, self.histories, self.short, self.layout.order);
        let (d, tail) = (self.width, short / k);
        let mut sums = Sums {
            occupancy: vec![0.0; k],
            squares: vec![0.0; k],
            coefficients: vec![0.0; d * k],
            lags: vec![0.0; order * k],
            first: [0.0; MOST_REGIMES],
        };
        let mut ahead = vec![1.0; short];
        let (mut joint, mut errors) = (vec![0.0; m], vec![0.0; m]);
        let (mut by_lag, mut pulls) = (vec![0.0; k * order * k], vec![0.0; short]);
        let mut pairs = [0.0; MOST_REGIMES * MOST_REGIMES];
        for row in (order..self.series.len()).rev() {
            let at = row - order;
            self.errors(row, reading, &mut errors);
            by_lag.fill(0.0);
            let filtered = &self.filtered[at * m..(at + 1) * m];
            for regime in 0..k {
                let start = regime * short;
                let mut inside = 0.0;
                for (group, ahead) in ahead[regime * tail..(regime + 1) * tail].iter().enumerate() {
                    for history in group * k..(group + 1) * k {
                        let weight = filtered[start + history] * ahead;
                        joint[start + history] = weight;
                        inside += weight;
                        let error = errors[start + history];
                        pulls[history] = weight * error;
                        sums.squares[regime] += weight * error * error;
                    }
                }
                // Histories differ by their oldest regime first: summed over it, they are those of one lag less.
                let mut left = short;
                for lag in (0..order).rev() {
                    left /= k;
                    for group in 0..left {
                        let mut sum = 0.0;
                        for past in 0..k {
                            let pull = pulls[group * k + past];
                            by_lag[(regime * order + lag) * k + past] += pull;
                            sum += pull;
                        }
                        pulls[group] = sum;
                    }
                }
                self.smoothed[at * k + regime] = inside;
                sums.occupancy[regime] += inside;
                self.pull(&mut sums, reading, row, regime, pulls[0], &by_lag);
            }
            for from in 0..k {
                for to in 0..k {
                    let start = to * short + from * tail;
                    pairs[from * k + to] = joint[start..start + tail].iter().sum();
                }
            }
            self.chain.count(row, &pairs[..k * k]);
            if row == order {
                self.count_beginning(&joint, &mut sums);
                break;
            }
            let earlier = &self.filtered[(at - 1) * m..at * m];
            for history in 0..short {
                let was: f64 = earlier[history * k..history * k + k].iter().sum();
                let is: f64 = (0..k).map(|to| joint[to * short + history]).sum();
                ahead[history] = if was > 0.0 { is / was } else { 0.0 };
            }
        }
        self.sums = sums;
    }

    /// Adds one row's and regime's part of the slope; `pull` is Σ weight × error, `by_lag` the same by regime,
    /// lag and the regime at that lag.
    fn pull(&self, sums: &mut Sums, reading: &Reading, row: usize, regime: usize, pull: f64, by_lag: &[f64]) {
        let (k, order, d) = (self.layout.regimes, self.layout.order, self.width);
        let precision = 1.0 / reading.variance[regime];
        for at in 0..d {
            let x = self.regressors[row * d + at];
            let switching = self.layout.coefficients[at].switching;
            sums.coefficients[at * k + if switching { regime } else { 0 }] += pull * x * precision;
        }
        for lag in 0..order {
            let phi = reading.phi[regime * order + lag];
            let earlier = row - lag - 1;
            for past in 0..k {
                let g = by_lag[(regime * order + lag) * k + past] * precision;
                sums.lags[lag * k + regime] += g * self.above[earlier * k + past];
                for at in 0..d {
                    let x = self.regressors[earlier * d + at];
                    let switching = self.layout.coefficients[at].switching;
                    sums.coefficients[at * k + if switching { past } else { 0 }] -= g * phi * x;
                }
            }
        }
    }

    /// Counts the transitions before the first scored row, from the smoothed histories of that row.
    fn count_beginning(&mut self, joint: &[f64], sums: &mut Sums) {
        let (k, order, short) = (self.layout.regimes, self.layout.order, self.short);
        for row in 1..order {
            // The regime of row r is at lag order − r − 1 of the short history (lag 0 being row order − 1).
            let (to_lag, from_lag) = (order - row - 1, order - row);
            let mut pairs = [0.0; MOST_REGIMES * MOST_REGIMES];
            for (place, weight) in joint.iter().enumerate() {
                let history = place % short;
                let from = usize::from(self.digits[from_lag * short + history]);
                let to = usize::from(self.digits[to_lag * short + history]);
                pairs[from * k + to] += weight;
            }
            self.chain.count(row, &pairs[..k * k]);
        }
        for (place, weight) in joint.iter().enumerate() {
            sums.first[usize::from(self.digits[(order - 1) * short + place % short])] += weight;
        }
    }
}

impl Likelihood for Autoregression {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn gradient(&mut self, theta: &[f64], out: &mut [f64]) -> f64 {
        let reading = self.read(theta);
        self.chain.set(&theta[..self.layout.transitions()]);
        self.measure(&reading);
        let log = self.forward(&reading);
        self.backward(&reading);
        out.fill(0.0);
        let (layout, k) = (&self.layout, self.layout.regimes);
        self.chain.gradient(&self.sums.first[..k], &mut out[..layout.transitions()]);
        for regime in 0..k {
            for at in 0..self.width {
                out[layout.coefficient(at, regime)] += self.sums.coefficients[at * k + regime];
            }
            for lag in 0..layout.order {
                out[layout.ar(lag, regime)] += self.sums.lags[lag * k + regime];
            }
            let variance = reading.variance[regime];
            out[layout.variance(regime)] +=
                (self.sums.squares[regime] / variance - self.sums.occupancy[regime]) / (2.0 * variance);
        }
        log
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn occupancy(&self) -> Vec<f64> {
        self.sums.occupancy.clone()
    }

    fn filtered(&self) -> Vec<Vec<f64>> {
        let marginal = |row: &[f64]| row.chunks_exact(self.short).map(|part| part.iter().sum()).collect();
        self.filtered.chunks_exact(self.histories).map(marginal).collect()
    }

    fn smoothed(&self) -> Vec<Vec<f64>> {
        self.smoothed.chunks_exact(self.layout.regimes).map(<[f64]>::to_vec).collect()
    }

    fn path(&mut self, theta: &[f64]) -> Vec<usize> {
        let reading = self.read(theta);
        self.chain.set(&theta[..self.layout.transitions()]);
        self.measure(&reading);
        let (k, m, short, order) = (self.layout.regimes, self.histories, self.short, self.layout.order);
        let mut before: Vec<f64> = self.beginning().iter().map(|p| libm::log(*p)).collect();
        let (mut best, mut errors) = (vec![0.0; m], vec![0.0; m]);
        let mut came_from = vec![0u8; self.scored() * short];
        for row in order..self.series.len() {
            self.errors(row, &reading, &mut errors);
            let logs: Vec<f64> = self.chain.at(row).iter().map(|p| libm::log(*p)).collect();
            for (place, best) in best.iter_mut().enumerate() {
                let (to, history) = (place / short, place % short);
                let variance = reading.variance[to];
                let density = -0.5 * (libm::log(variance) + errors[place] * errors[place] / variance);
                *best = before[history] + logs[history / (short / k) * k + to] + density;
            }
            for (history, before) in before.iter_mut().enumerate() {
                let ends = &best[history * k..history * k + k];
                let top = (0..k).fold(0, |top, at| if ends[at] > ends[top] { at } else { top });
                came_from[(row - order) * short + history] = top as u8;
                *before = ends[top];
            }
        }
        let mut here = (0..short).fold(0, |top, at| if before[at] > before[top] { at } else { top });
        let mut path = vec![0; self.scored()];
        for row in (0..self.scored()).rev() {
            path[row] = here / (short / k);
            // Drop the newest regime, append the oldest one's best.
            here = here % (short / k) * k + usize::from(came_from[row * short + here]);
        }
        path
    }
}
