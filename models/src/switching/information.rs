//! Standard errors: the inverse of the observed information, by central differences of the exact slope.

use super::Likelihood;
use super::free::partial;
use crate::dense::Cholesky;

/// A probability nearer to 0 or 1 than this is at the edge.
const EDGE: f64 = 1e-7;
/// How far a difference reaches, as a part of a parameter's own size or of its distance to the edge.
const REACH: f64 = 1e-4;

/// The covariance matrix of the estimates at `theta` (standardised units), row-major, and which parameters
/// it covers: those at the edge of what is possible are held, and have no rows in it.
pub(super) struct Information {
    pub covariance: Vec<f64>,
    pub free: Vec<usize>,
}

/// `None` where the information is not positive definite: `theta` is no strict maximum.
pub(super) fn information<L: Likelihood>(
    likelihood: &mut L,
    theta: &[f64],
    least_variance: f64,
) -> Option<Information> {
    let reach = reaches(likelihood, theta, least_variance);
    let free: Vec<usize> = (0..theta.len()).filter(|at| reach[*at] > 0.0).collect();
    let size = free.len();
    let mut matrix = vec![0.0; size * size];
    let (mut above, mut below) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    let mut moved = theta.to_vec();
    for (i, at) in free.iter().enumerate() {
        let (up, down) = (theta[*at] + reach[*at], theta[*at] - reach[*at]);
        moved[*at] = up;
        likelihood.gradient(&moved, &mut above);
        moved[*at] = down;
        likelihood.gradient(&moved, &mut below);
        moved[*at] = theta[*at];
        for (j, other) in free.iter().enumerate() {
            let curvature = (below[*other] - above[*other]) / (up - down);
            matrix[i * size + j] += 0.5 * curvature;
            matrix[j * size + i] += 0.5 * curvature;
        }
    }
    // Scaled to a diagonal of 1 first, so that what is said to be singular does not depend on units.
    let scale: Vec<f64> = (0..size).map(|i| 1.0 / libm::sqrt(matrix[i * size + i])).collect();
    if scale.iter().any(|scale| !scale.is_finite()) {
        return None;
    }
    for i in 0..size {
        for j in 0..size {
            matrix[i * size + j] *= scale[i] * scale[j];
        }
    }
    let mut covariance = Cholesky::new(&matrix, size)?.inverse();
    // A correlation of 1 to working precision is a direction about which the data say nothing.
    if (0..size).any(|i| !(covariance[i * size + i] < 1e10)) {
        return None;
    }
    for i in 0..size {
        for j in 0..size {
            covariance[i * size + j] *= scale[i] * scale[j];
        }
    }
    Some(Information { covariance, free })
}

/// How far each parameter can be moved; 0 where it is at the edge.
fn reaches<L: Likelihood>(likelihood: &L, theta: &[f64], least_variance: f64) -> Vec<f64> {
    let layout = likelihood.layout();
    let mut reach: Vec<f64> = theta.iter().map(|value| REACH * (0.1 + value.abs())).collect();
    for from in 0..layout.regimes {
        let row = |to: usize| layout.transition(from, to, 0);
        if layout.varying {
            for to in 0..layout.regimes - 1 {
                for covariate in 0..layout.covariates {
                    let place = layout.transition(from, to, covariate);
                    if theta[place].abs() > 30.0 {
                        reach[place] = 0.0;
                    }
                }
            }
        } else {
            let last = 1.0 - (0..layout.regimes - 1).map(|to| theta[row(to)]).sum::<f64>();
            for to in 0..layout.regimes - 1 {
                let room = theta[row(to)].min(last);
                reach[row(to)] = if room > EDGE { REACH * room } else { 0.0 };
            }
        }
    }
    for regime in 0..layout.regimes {
        let place = layout.variance(regime);
        let at_edge = theta[place] <= 2.0 * least_variance;
        reach[place] = if at_edge { 0.0 } else { REACH * theta[place] };
        let phi: Vec<f64> = (0..layout.order).map(|lag| theta[layout.ar(lag, regime)]).collect();
        if partial(&phi).iter().any(|r| r.abs() > 1.0 - 1e-6) {
            for lag in 0..layout.order {
                reach[layout.ar(lag, regime)] = 0.0;
            }
        }
    }
    reach
}
