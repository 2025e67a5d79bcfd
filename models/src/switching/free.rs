//! Parameters without constraints, for a search: logits, logarithms of variances, partial autocorrelations.
//!
//! Autoregressive coefficients are kept stationary as statsmodels keeps them: r = x / √(1 + x²) are partial
//! autocorrelations (J. F. Monahan, *A note on enforcing stationarity in autoregressive-moving average
//! models*, Biometrika 71 (1984) 403–404).

use super::layout::{Layout, MOST_REGIMES};

/// Largest size of a logit of a constant transition: 1e-13.
const MOST_LOGIT: f64 = 30.0;
/// Largest size of a coefficient of a varying transition, per standard deviation of its covariate.
const MOST_SLOPE: f64 = 40.0;
/// Largest size of x: a partial autocorrelation of 1 − 5e-9.
const MOST_X: f64 = 1e4;

/// The variables of a search, one for each parameter.
pub(super) struct Free<'a> {
    pub layout: &'a Layout,
    /// No variance goes below this.
    pub least_variance: f64,
}

impl Free<'_> {
    pub fn variables(&self, theta: &[f64]) -> Vec<f64> {
        let layout = self.layout;
        let k = layout.regimes;
        let mut free = theta.to_vec();
        if !layout.varying {
            for from in 0..k {
                let rest = 1.0 - (0..k - 1).map(|to| theta[layout.transition(from, to, 0)]).sum::<f64>();
                for to in 0..k - 1 {
                    let place = layout.transition(from, to, 0);
                    free[place] = libm::log(theta[place].max(1e-13) / rest.max(1e-13));
                }
            }
        }
        for regime in 0..k {
            let place = layout.variance(regime);
            free[place] = libm::log(theta[place].max(self.least_variance));
            if layout.order > 0 {
                let phi: Vec<f64> = (0..layout.order).map(|lag| theta[layout.ar(lag, regime)]).collect();
                for (lag, r) in partial(&phi).iter().enumerate() {
                    let r = r.clamp(-0.99, 0.99);
                    free[layout.ar(lag, regime)] = r / libm::sqrt(1.0 - r * r);
                }
            }
        }
        for (at, free) in free.iter_mut().enumerate() {
            let (low, high) = self.bounds(at);
            *free = free.clamp(low, high);
        }
        free
    }

    pub fn parameters(&self, free: &[f64]) -> Vec<f64> {
        let layout = self.layout;
        let k = layout.regimes;
        let mut theta = free.to_vec();
        if !layout.varying {
            for from in 0..k {
                let mut top = 0.0f64;
                for to in 0..k - 1 {
                    top = top.max(free[layout.transition(from, to, 0)]);
                }
                let mut weights = [0.0; MOST_REGIMES];
                let mut sum = libm::exp(-top);
                for to in 0..k - 1 {
                    weights[to] = libm::exp(free[layout.transition(from, to, 0)] - top);
                    sum += weights[to];
                }
                for to in 0..k - 1 {
                    theta[layout.transition(from, to, 0)] = weights[to] / sum;
                }
            }
        }
        for regime in 0..k {
            let place = layout.variance(regime);
            theta[place] = libm::exp(free[place]);
            if layout.order > 0 {
                let r: Vec<f64> = (0..layout.order)
                    .map(|lag| {
                        let x = free[layout.ar(lag, regime)];
                        x / libm::sqrt(1.0 + x * x)
                    })
                    .collect();
                for (lag, phi) in coefficients(&r).iter().enumerate() {
                    theta[layout.ar(lag, regime)] = *phi;
                }
            }
        }
        theta
    }

    /// Turns a slope by parameters into one by free variables, in place.
    pub fn pull_back(&self, free: &[f64], theta: &[f64], slope: &mut [f64]) {
        let layout = self.layout;
        let k = layout.regimes;
        if !layout.varying {
            for from in 0..k {
                let places = (0..k - 1).map(|to| layout.transition(from, to, 0));
                let mean: f64 = places.clone().map(|place| theta[place] * slope[place]).sum();
                for place in places {
                    slope[place] = theta[place] * (slope[place] - mean);
                }
            }
        }
        let variances = if layout.switching_variance { k } else { 1 };
        for regime in 0..variances {
            slope[layout.variance(regime)] *= theta[layout.variance(regime)];
        }
        if layout.order > 0 {
            for regime in 0..if layout.switching_ar { k } else { 1 } {
                let x: Vec<f64> = (0..layout.order).map(|lag| free[layout.ar(lag, regime)]).collect();
                let r: Vec<f64> = x.iter().map(|x| x / libm::sqrt(1.0 + x * x)).collect();
                let by: Vec<f64> = (0..layout.order).map(|lag| slope[layout.ar(lag, regime)]).collect();
                for (lag, x) in x.iter().enumerate() {
                    let along = derivative(&r, lag);
                    let by_r: f64 = along.iter().zip(&by).map(|(along, by)| along * by).sum();
                    let root = libm::sqrt(1.0 + x * x);
                    slope[layout.ar(lag, regime)] = by_r / (root * root * root);
                }
            }
        }
    }

    /// How far a free variable may go.
    pub fn bounds(&self, at: usize) -> (f64, f64) {
        let layout = self.layout;
        if at < layout.transitions() {
            let most = if layout.varying { MOST_SLOPE } else { MOST_LOGIT };
            (-most, most)
        } else if at < layout.variance(0) {
            (-1e7, 1e7)
        } else if at < layout.ar(0, 0) {
            (libm::log(self.least_variance), 60.0)
        } else {
            (-MOST_X, MOST_X)
        }
    }
}

/// Coefficients of an autoregression with these partial autocorrelations (Durbin and Levinson).
fn coefficients(r: &[f64]) -> Vec<f64> {
    let mut phi: Vec<f64> = Vec::with_capacity(r.len());
    for (k, r) in r.iter().enumerate() {
        let shorter = phi.clone();
        for j in 0..k {
            phi[j] = shorter[j] - r * shorter[k - 1 - j];
        }
        phi.push(*r);
    }
    phi
}

/// How the coefficients change with partial autocorrelation `with`.
fn derivative(r: &[f64], with: usize) -> Vec<f64> {
    let (mut phi, mut slope): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for (k, r) in r.iter().enumerate() {
        let (shorter, slower) = (phi.clone(), slope.clone());
        let own = if k == with { 1.0 } else { 0.0 };
        for j in 0..k {
            phi[j] = shorter[j] - r * shorter[k - 1 - j];
            slope[j] = slower[j] - r * slower[k - 1 - j] - own * shorter[k - 1 - j];
        }
        phi.push(*r);
        slope.push(own);
    }
    slope
}

/// The partial autocorrelations of an autoregression; of one that is not stationary, some that are at ±1.
pub(super) fn partial(phi: &[f64]) -> Vec<f64> {
    let mut phi = phi.to_vec();
    let mut partial = vec![0.0; phi.len()];
    for k in (0..partial.len()).rev() {
        let r = phi[k].clamp(-1.0, 1.0);
        partial[k] = r;
        let rest = 1.0 - r * r;
        if rest < 1e-12 {
            continue;
        }
        let longer = phi.clone();
        for j in 0..k {
            phi[j] = (longer[j] + r * longer[k - 1 - j]) / rest;
        }
    }
    partial
}
