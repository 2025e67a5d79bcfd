//! The cheapest path through the states, the centroids being given: dynamic programming, forward and back.

use super::series::Series;
use super::simplex::Simplex;

/// Rows whose losses are worked out at a time, so that they stay in the nearest cache.
const BLOCK: usize = 256;

/// Stands for the loss to a regime that no row belongs to, where weights of 0 would make infinity no number.
const UNREACHABLE: f64 = 1e100;

/// What the states are: the regimes themselves, or a grid of mixtures of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Space {
    Discrete { states: usize, penalty: f64 },
    Continuous { states: usize, simplex: Simplex },
}

impl Space {
    pub(super) fn states(&self) -> usize {
        match self {
            Self::Discrete { states, .. } | Self::Continuous { states, .. } => *states,
        }
    }

    /// How many states a path can be in.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Discrete { states, .. } => *states,
            Self::Continuous { simplex, .. } => simplex.len(),
        }
    }

    /// The cheapest path for `centers` (states × columns, row-major; NaN of a regime without rows), into `path`;
    /// its cost.
    pub(super) fn decode(&self, series: &Series, centers: &[f64], path: &mut [u16]) -> f64 {
        match self {
            Self::Discrete { states: 2, penalty } => discrete::<2>(series, centers, *penalty, path),
            Self::Discrete { states: 3, penalty } => discrete::<3>(series, centers, *penalty, path),
            Self::Discrete { penalty, .. } => discrete::<4>(series, centers, *penalty, path),
            Self::Continuous { simplex, states } => continuous(series, centers, *states, simplex, path),
        }
    }

    /// One row further without looking back: `values`, the least cost of being in each state, after a row
    /// whose losses to the regimes are `losses`. All 0 before the first row. Returns the cheapest state.
    pub(super) fn advance(&self, values: &mut [f64], losses: &[f64], is_first: bool) -> usize {
        match self {
            Self::Discrete { penalty, .. } => {
                let leap = values.iter().copied().fold(f64::INFINITY, f64::min) + penalty;
                for (value, loss) in values.iter_mut().zip(losses) {
                    *value = value.min(leap) + loss;
                }
            }
            Self::Continuous { simplex, .. } => {
                let mut arrive = vec![0.0; simplex.len()];
                if !is_first {
                    simplex.relax(values, &mut arrive, &mut vec![0; simplex.len()]);
                }
                for (point, (value, cost)) in values.iter_mut().zip(&arrive).enumerate() {
                    *value = cost + mixed(simplex.point(point), losses);
                }
            }
        }
        // Only differences matter; without this a long stream would wear the digits away.
        let (place, least) = argmin(values);
        for value in values {
            *value -= least;
        }
        place
    }
}

fn argmin(values: &[f64]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (place, value) in values.iter().enumerate() {
        if *value < best.1 {
            best = (place, *value);
        }
    }
    best
}

fn mixed(weights: &[f64], losses: &[f64]) -> f64 {
    weights.iter().zip(losses).map(|(weight, loss)| weight * loss.min(UNREACHABLE)).sum()
}

/// A switch costs the same between any two regimes, so only the cheapest regime is ever left: O(rows × K).
/// Each row keeps one byte: which regime was cheapest before it (high half), and which regimes are
/// best reached from there rather than from themselves (one bit each).
fn discrete<const K: usize>(series: &Series, centers: &[f64], penalty: f64, path: &mut [u16]) -> f64 {
    let columns = series.columns();
    let mut block = [[0.0; BLOCK]; K];
    let mut steps = vec![0_u8; series.rows()];
    let mut values = [0.0; K];
    for (index, steps) in steps.chunks_mut(BLOCK).enumerate() {
        for (state, losses) in block.iter_mut().enumerate() {
            let center = &centers[state * columns..(state + 1) * columns];
            series.losses(center, index * BLOCK, &mut losses[..steps.len()]);
        }
        for (at, step) in steps.iter_mut().enumerate() {
            let (mut least, mut place) = (values[0], 0_u8);
            for (state, value) in values.iter().enumerate().skip(1) {
                place = if *value < least { state as u8 } else { place };
                least = if *value < least { *value } else { least };
            }
            let leap = least + penalty;
            let mut leaps = 0_u8;
            for state in 0..K {
                leaps |= u8::from(leap < values[state]) << state;
                values[state] = if leap < values[state] { leap } else { values[state] } + block[state][at];
            }
            *step = place << 4 | leaps;
        }
    }
    let (last, cost) = argmin(&values);
    let mut state = last as u8;
    for (place, step) in path.iter_mut().zip(&steps).rev() {
        *place = u16::from(state);
        state = if step >> state & 1 == 1 { step >> 4 } else { state };
    }
    cost
}

fn continuous(series: &Series, centers: &[f64], states: usize, simplex: &Simplex, path: &mut [u16]) -> f64 {
    let (rows, columns, size) = (series.rows(), series.columns(), simplex.len());
    let mut block = vec![[0.0; BLOCK]; states];
    let mut from = vec![0_u16; rows * size];
    let (mut values, mut arrive) = (vec![0.0; size], vec![0.0; size]);
    let mut losses = vec![0.0; states];
    for start in (0..rows).step_by(BLOCK) {
        let length = BLOCK.min(rows - start);
        for (center, losses) in centers.chunks_exact(columns).zip(&mut block) {
            series.losses(center, start, &mut losses[..length]);
        }
        for at in 0..length {
            for (loss, all) in losses.iter_mut().zip(&block) {
                *loss = all[at];
            }
            if start + at > 0 {
                let row = start + at;
                simplex.relax(&mut values, &mut arrive, &mut from[row * size..(row + 1) * size]);
            }
            for (point, (value, cost)) in values.iter_mut().zip(&arrive).enumerate() {
                *value = cost + mixed(simplex.point(point), &losses);
            }
        }
    }
    let (mut point, cost) = argmin(&values);
    for row in (0..rows).rev() {
        path[row] = point as u16;
        point = usize::from(from[row * size + point]);
    }
    cost
}
