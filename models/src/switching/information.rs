//! Standard errors: the inverse of the observed information, by differences of the exact slope.

use super::Likelihood;
use super::free::partial;
use super::layout::Layout;
use crate::dense::Cholesky;

/// A probability nearer to 0 or 1 than this is at the edge.
const EDGE: f64 = 1e-7;
/// A coefficient of a varying transition beyond this, per standard deviation, is at the edge: the same probability.
const MOST_LOGIT: f64 = 16.0;
/// How far a difference reaches, as a part of a parameter's own size or of its distance to the edge: an error
/// of some 1e-6 of the curvature, both of cutting off and of rounding.
const REACH: f64 = 1e-6;

/// The covariance matrix of the estimates at some parameters (standardised units).
pub(super) struct Information {
    /// Ways along which the parameters can move: places, and how far each goes. What is at the edge of what
    /// is possible is in none.
    pub ways: Vec<Way>,
    /// Ways × ways.
    pub covariance: Vec<f64>,
}

/// One way: (place, how far), and how far a difference may reach along it.
pub(super) struct Way {
    pub along: Vec<(usize, f64)>,
    reach: f64,
}

/// `slope` is that at `theta`. `None` where the information is not positive definite: `theta` is no strict
/// maximum.
pub(super) fn information<L: Likelihood>(
    likelihood: &mut L,
    theta: &[f64],
    slope: &[f64],
    least_variance: f64,
) -> Option<Information> {
    let ways = ways(likelihood.layout(), theta, least_variance);
    let size = ways.len();
    let mut matrix = vec![0.0; size * size];
    let mut there = vec![0.0; theta.len()];
    for (i, way) in ways.iter().enumerate() {
        let mut moved = theta.to_vec();
        for (place, by) in &way.along {
            moved[*place] += way.reach * by;
        }
        likelihood.gradient(&moved, &mut there);
        for (j, other) in ways.iter().enumerate() {
            let turn: f64 = other.along.iter().map(|(place, by)| by * (slope[*place] - there[*place])).sum();
            let curvature = turn / way.reach;
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
    if (0..size).any(|i| covariance[i * size + i].is_nan() || covariance[i * size + i] > 1e10) {
        return None;
    }
    for i in 0..size {
        for j in 0..size {
            covariance[i * size + j] *= scale[i] * scale[j];
        }
    }
    Some(Information { ways, covariance })
}

/// Every way along which the parameters can move.
fn ways(layout: &Layout, theta: &[f64], least_variance: f64) -> Vec<Way> {
    let k = layout.regimes;
    let single = |place: usize, reach: f64| Way { along: vec![(place, 1.0)], reach };
    let own = |place: usize| single(place, REACH * (0.1 + theta[place].abs()));
    let mut ways = Vec::with_capacity(theta.len());
    if layout.varying {
        // Where one coefficient of a logit runs away, the others only say how they go with it.
        for from in 0..k {
            for to in 0..k - 1 {
                let places = (0..layout.covariates).map(|at| layout.transition(from, to, at));
                if places.clone().all(|place| theta[place].abs() < MOST_LOGIT) {
                    ways.extend(places.map(own));
                }
            }
        }
    } else {
        for from in 0..k {
            let mut row: Vec<f64> = (0..k - 1).map(|to| theta[layout.transition(from, to, 0)]).collect();
            row.push(1.0 - row.iter().sum::<f64>());
            // What one transition gains, the likeliest loses.
            let likeliest = (0..k).fold(0, |top, to| if row[to] > row[top] { to } else { top });
            for to in (0..k).filter(|to| *to != likeliest && row[*to] > EDGE) {
                let mut along = Vec::with_capacity(2);
                for (to, by) in [(to, 1.0), (likeliest, -1.0)] {
                    if to + 1 < k {
                        along.push((layout.transition(from, to, 0), by));
                    }
                }
                ways.push(Way { along, reach: REACH * row[to] });
            }
        }
    }
    ways.extend((layout.transitions()..layout.variance(0)).map(own));
    for (place, variance) in theta.iter().enumerate().take(layout.ar(0, 0)).skip(layout.variance(0)) {
        if *variance > 2.0 * least_variance {
            ways.push(single(place, REACH * variance));
        }
    }
    for regime in 0..if layout.switching_ar { k } else { 1 } {
        let places = (0..layout.order).map(|lag| layout.ar(lag, regime));
        let phi: Vec<f64> = places.clone().map(|place| theta[place]).collect();
        if partial(&phi).iter().all(|r| r.abs() < 1.0 - 1e-6) {
            ways.extend(places.map(own));
        }
    }
    ways
}
