//! Climbs a log-likelihood to its top: quasi-Newton steps from a Hessian taken by differences of the slope.
//!
//! J. Nocedal and S. J. Wright, *Numerical Optimization*, 2nd ed. (2006), algorithms 3.1, 6.1.

use super::Likelihood;
use super::free::Free;
use crate::dense::Cholesky;

/// A climb has settled where one more step would gain less than this, nats.
const SETTLED: f64 = 1e-12;
/// Steps between two looks at the curvature.
const REFRESH: usize = 15;
/// No free variable moves further than this in one step.
const LONGEST_STEP: f64 = 3.0;

/// Where a climb ended.
#[derive(Clone, Debug)]
pub(super) struct Top {
    pub theta: Vec<f64>,
    pub log_likelihood: f64,
    pub converged: bool,
    pub steps: usize,
    /// The inverse of minus the curvature, in free variables, as far as it was learnt.
    pub inverse: Vec<f64>,
}

/// What is climbed, in free variables.
struct Hill<'a, L> {
    likelihood: &'a mut L,
    least_variance: f64,
}

impl<L: Likelihood> Hill<'_, L> {
    /// Height at `x`; its slope goes to `slope`.
    fn at(&mut self, x: &[f64], slope: &mut [f64]) -> f64 {
        let layout = self.likelihood.layout().clone();
        let free = Free { layout: &layout, least_variance: self.least_variance };
        let theta = free.parameters(x);
        let height = self.likelihood.gradient(&theta, slope);
        free.pull_back(x, &theta, slope);
        if slope.iter().all(|s| s.is_finite()) { height } else { f64::NAN }
    }

    /// The inverse of minus the curvature at `x`, made positive definite.
    fn inverse_curvature(&mut self, x: &[f64], slope: &[f64]) -> Vec<f64> {
        let size = x.len();
        let mut curvature = vec![0.0; size * size];
        let (mut moved, mut there) = (x.to_vec(), vec![0.0; size]);
        for i in 0..size {
            let step = 1e-5 * (1.0 + x[i].abs());
            moved[i] = x[i] + step;
            let height = self.at(&moved, &mut there);
            moved[i] = x[i];
            for j in 0..size {
                let by = if height.is_finite() { (slope[j] - there[j]) / step } else { 0.0 };
                curvature[i * size + j] += 0.5 * by;
                curvature[j * size + i] += 0.5 * by;
            }
        }
        let largest = (0..size).fold(1e-6f64, |top, i| top.max(curvature[i * size + i].abs()));
        let mut lift = 0.0;
        loop {
            let mut lifted = curvature.clone();
            for i in 0..size {
                let own = curvature[i * size + i].abs();
                lifted[i * size + i] += lift * (own + 1e-3 * largest) + 1e-9 * largest;
            }
            if let Some(factor) = Cholesky::new(&lifted, size) {
                return factor.inverse();
            }
            lift = if lift > 0.0 { lift * 4.0 } else { 1e-3 };
            if lift > 1e6 {
                let mut identity = vec![0.0; size * size];
                for i in 0..size {
                    identity[i * size + i] = 1.0 / largest;
                }
                return identity;
            }
        }
    }
}

/// Climbs from `theta`, at most `most` steps, with an inverse of the curvature to begin with or its own. `None` where the likelihood is not finite at the start.
pub(super) fn climb<L: Likelihood>(
    likelihood: &mut L,
    theta: &[f64],
    least_variance: f64,
    most: usize,
    inverse: Option<Vec<f64>>,
) -> Option<Top> {
    let layout = likelihood.layout().clone();
    let free = Free { layout: &layout, least_variance };
    let bounds: Vec<(f64, f64)> = (0..theta.len()).map(|at| free.bounds(at)).collect();
    let size = theta.len();
    let mut hill = Hill { likelihood, least_variance };
    let mut x = free.variables(theta);
    let mut slope = vec![0.0; size];
    let mut height = hill.at(&x, &mut slope);
    if !height.is_finite() {
        return None;
    }
    // A borrowed curvature is not fresh: it is replaced before a climb gives up on it.
    let mut age = usize::from(inverse.is_some());
    let mut inverse = inverse.unwrap_or_else(|| hill.inverse_curvature(&x, &slope));
    let (mut steps, mut idle) = (0, 0);
    let mut converged = false;
    let (mut moved, mut there) = (x.clone(), slope.clone());
    while steps < most {
        // What lies at a bound and would go beyond stays.
        let stays: Vec<bool> = (0..size)
            .map(|i| (x[i] <= bounds[i].0 && slope[i] < 0.0) || (x[i] >= bounds[i].1 && slope[i] > 0.0))
            .collect();
        let push: Vec<f64> = (0..size).map(|i| if stays[i] { 0.0 } else { slope[i] }).collect();
        let mut way: Vec<f64> = (0..size)
            .map(|i| if stays[i] { 0.0 } else { (0..size).map(|j| inverse[i * size + j] * push[j]).sum() })
            .collect();
        let gain: f64 = way.iter().zip(&push).map(|(way, push)| way * push).sum();
        if gain <= SETTLED {
            // Too small a gain is believed at once; a loss only of a fresh curvature.
            if age == 0 || gain >= 0.0 {
                converged = gain >= -SETTLED;
                break;
            }
            (inverse, age) = (hill.inverse_curvature(&x, &slope), 0);
            continue;
        }
        steps += 1;
        let longest = way.iter().fold(0.0f64, |top, step| top.max(step.abs()));
        if longest > LONGEST_STEP {
            for step in &mut way {
                *step *= LONGEST_STEP / longest;
            }
        }
        let rise: f64 = way.iter().zip(&push).map(|(way, push)| way * push).sum();
        let noise = 1e-14 * (1.0 + height.abs());
        let mut part = 1.0;
        let mut found = None;
        for _ in 0..30 {
            for i in 0..size {
                moved[i] = (x[i] + part * way[i]).clamp(bounds[i].0, bounds[i].1);
            }
            let reached = hill.at(&moved, &mut there);
            if reached.is_finite() && reached >= height + 1e-4 * part * rise - noise {
                found = Some(reached);
                break;
            }
            // The top of the parabola through what is known, kept inside [0.1, 0.5] of the last try.
            let fall = part * rise - (reached - height);
            let best = if fall.is_finite() && fall > 0.0 { 0.5 * part * part * rise / fall } else { 0.0 };
            part = best.clamp(0.1 * part, 0.5 * part);
        }
        let Some(reached) = found else {
            if age == 0 {
                // No rise to be had: the top, to working precision, unless much was still expected.
                converged = gain < 1e-6;
                break;
            }
            (inverse, age) = (hill.inverse_curvature(&x, &slope), 0);
            continue;
        };
        let gone: Vec<f64> = moved.iter().zip(&x).map(|(to, from)| to - from).collect();
        let bends: Vec<f64> = slope.iter().zip(&there).map(|(from, to)| from - to).collect();
        idle = if reached - height < 1e-10 * (1.0 + height.abs() * 1e-3) { idle + 1 } else { 0 };
        x.copy_from_slice(&moved);
        slope.copy_from_slice(&there);
        height = reached;
        age += 1;
        if idle >= 8 {
            converged = true;
            break;
        }
        if age >= REFRESH {
            (inverse, age) = (hill.inverse_curvature(&x, &slope), 0);
        } else {
            update(&mut inverse, &gone, &bends);
        }
    }
    Some(Top { theta: free.parameters(&x), log_likelihood: height, converged, steps, inverse })
}

/// The update of Broyden, Fletcher, Goldfarb and Shanno, left out where the curvature does not allow it.
fn update(inverse: &mut [f64], moves: &[f64], turns: &[f64]) {
    let size = moves.len();
    let along: f64 = moves.iter().zip(turns).map(|(m, t)| m * t).sum();
    let sizes =
        libm::sqrt(moves.iter().map(|m| m * m).sum::<f64>() * turns.iter().map(|t| t * t).sum::<f64>());
    if along.is_nan() || along <= 1e-10 * sizes || along <= 0.0 {
        return;
    }
    let turned: Vec<f64> =
        (0..size).map(|i| (0..size).map(|j| inverse[i * size + j] * turns[j]).sum()).collect();
    let across: f64 = turned.iter().zip(turns).map(|(a, t)| a * t).sum();
    for i in 0..size {
        for j in 0..size {
            inverse[i * size + j] += (1.0 + across / along) * moves[i] * moves[j] / along
                - (turned[i] * moves[j] + moves[i] * turned[j]) / along;
        }
    }
}
