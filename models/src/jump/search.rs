//! Coordinate descent from many starts: the cheapest path for the centroids, the centroids of that path, and
//! again until neither moves.

use super::decode::Space;
use super::series::{Series, sum};

/// When a descent ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// After so many steps.
    pub(super) iterations: usize,
    /// When a step gains no more than this.
    pub(super) tolerance: f64,
}

/// Where a descent ended.
#[derive(Clone, Debug)]
pub(super) struct Descent {
    /// States × columns, row-major; NaN of a regime without rows.
    pub(super) centers: Vec<f64>,
    pub(super) path: Vec<u16>,
    pub(super) cost: f64,
    pub(super) iterations: usize,
    pub(super) is_settled: bool,
}

/// Descends from `centers`.
pub(super) fn descend(series: &Series, space: &Space, mut centers: Vec<f64>, stop: Stop) -> Descent {
    let mut path = vec![0; series.rows()];
    let mut before = vec![0; series.rows()];
    let mut cost = space.decode(series, &centers, &mut path);
    let (mut cost_before, mut iterations, mut is_settled) = (f64::INFINITY, 0, false);
    loop {
        is_settled |= iterations > 0 && (is_same(&path, &before) || cost_before - cost <= stop.tolerance);
        if is_settled || iterations >= stop.iterations {
            return Descent { centers, path, cost, iterations, is_settled };
        }
        iterations += 1;
        std::mem::swap(&mut path, &mut before);
        cost_before = cost;
        centers = centroids(series, space, &before);
        cost = space.decode(series, &centers, &mut path);
    }
}

/// The best of the descents from `starts`, the first of equals, and how many did not settle.
pub(super) fn best(
    series: &Series,
    space: &Space,
    starts: Vec<Vec<f64>>,
    stop: Stop,
) -> Option<(Descent, usize)> {
    let mut best: Option<Descent> = None;
    let mut unsettled = 0;
    for start in starts {
        let found = descend(series, space, start, stop);
        unsettled += usize::from(!found.is_settled);
        if best.as_ref().is_none_or(|best| found.cost < best.cost) {
            best = Some(found);
        }
    }
    best.map(|best| (best, unsettled))
}

/// Whether two paths part the rows alike, whatever they call the parts.
fn is_same(a: &[u16], b: &[u16]) -> bool {
    if a == b {
        return true;
    }
    let size = a.iter().chain(b).copied().max().map_or(0, |top| usize::from(top) + 1);
    let (mut there, mut back) = (vec![None; size], vec![None; size]);
    a.iter().zip(b).all(|(&a, &b)| {
        *there[usize::from(a)].get_or_insert(b) == b && *back[usize::from(b)].get_or_insert(a) == a
    })
}

/// The mean row of each regime, weighted where the path is one of mixtures; NaN of a regime without rows.
pub(super) fn centroids(series: &Series, space: &Space, path: &[u16]) -> Vec<f64> {
    let states = space.states();
    let (totals, weights) = match space {
        Space::Discrete { .. } => by_visit(series, states, path),
        Space::Continuous { simplex, .. } => {
            let columns = series.columns();
            let mut weights = vec![0.0; states];
            let mut totals = vec![0.0; states * columns];
            for (state, weight) in weights.iter_mut().enumerate() {
                let shares: Vec<f64> =
                    path.iter().map(|point| simplex.point(usize::from(*point))[state]).collect();
                *weight = sum(&shares);
                for column in 0..columns {
                    let values = series.column(column).iter().zip(&shares);
                    totals[state * columns + column] = values.map(|(value, share)| value * share).sum();
                }
            }
            (totals, weights)
        }
    };
    let means = totals.chunks_exact(series.columns()).zip(&weights);
    means.flat_map(|(totals, weight)| totals.iter().map(move |total| total / weight)).collect()
}

/// Sums over the rows of each regime, visit by visit, and how many rows there are.
fn by_visit(series: &Series, states: usize, path: &[u16]) -> (Vec<f64>, Vec<f64>) {
    let columns = series.columns();
    let mut weights = vec![0.0; states];
    let mut totals = vec![0.0; states * columns];
    let mut from = 0;
    for visit in path.chunk_by(|a, b| a == b) {
        let (state, until) = (usize::from(visit[0]), from + visit.len());
        weights[state] += visit.len() as f64;
        for column in 0..columns {
            totals[state * columns + column] += sum(&series.column(column)[from..until]);
        }
        from = until;
    }
    (totals, weights)
}
