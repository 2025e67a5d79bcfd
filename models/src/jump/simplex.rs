//! The states of a continuous jump model: a grid on the probability simplex, and what a move on it costs.

/// How finely the simplex is cut, and what moves on it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Steps from 0 to 1 along an edge: 20 is a grid of 0.05. The number of points, and with it the cost, grows
    /// as its power: with 20 steps there are 21 points of 2 regimes, 231 of 3 and 1,771 of 4.
    pub steps: usize,
    /// Whether each point's moves are charged such that e^−cost sums to the same over all moves from
    /// any point, so that the penalty corresponds to a table of transition probabilities.
    pub mode_loss: bool,
}

impl Default for Grid {
    fn default() -> Self {
        Self { steps: 20, mode_loss: true }
    }
}

/// The points of a grid, and the cost of each move between them: `leave[q] + penalty · (‖p − q‖₁ / 2)²`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Simplex {
    states: usize,
    /// Points × states, row-major; the first is (1, 0, …).
    points: Vec<f64>,
    /// What leaving (or staying at) each point costs whatever the move's length.
    leave: Vec<f64>,
    /// The cost of moves by their length in steps.
    by_length: Vec<f64>,
    /// For each point every point, the nearest first, with its distance in steps.
    nearest: Vec<(u16, u16)>,
}

impl Simplex {
    pub(super) fn new(states: usize, penalty: f64, grid: Grid) -> Self {
        let counts = compositions(states, grid.steps);
        let size = counts.len();
        let points = counts.iter().flatten().map(|count| *count as f64 / grid.steps as f64).collect();
        let by_length: Vec<f64> = (0..=grid.steps)
            .map(|length| {
                let share = length as f64 / grid.steps as f64;
                penalty * (share * share)
            })
            .collect();
        let mut nearest = Vec::with_capacity(size * size);
        let mut leave = Vec::with_capacity(size);
        for here in &counts {
            let from = nearest.len();
            nearest.extend(counts.iter().zip(0_u16..).map(|(there, place)| (place, length(here, there))));
            // Stable: points of one distance stay in the grid's order.
            nearest[from..].sort_by_key(|&(_, length)| length);
            let moves: Vec<f64> =
                nearest[from..].iter().map(|&(_, length)| -by_length[usize::from(length)]).collect();
            leave.push(if grid.mode_loss { crate::scalar::log_sum_exp(&moves) } else { 0.0 });
        }
        let corner = leave[0];
        for cost in &mut leave {
            *cost -= corner;
        }
        Self { states, points, leave, by_length, nearest }
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.leave.len()
    }

    /// The probabilities at a point.
    pub(super) fn point(&self, point: usize) -> &[f64] {
        &self.points[point * self.states..(point + 1) * self.states]
    }

    /// The least costs of arriving at each point in `arrive`, and from where, given those of having been at each
    /// in `values`, which are used up.
    pub(super) fn relax(&self, values: &mut [f64], arrive: &mut [f64], from: &mut [u16]) {
        let size = self.len();
        let mut least = f64::INFINITY;
        for (value, leave) in values.iter_mut().zip(&self.leave) {
            *value += leave;
            least = least.min(*value);
        }
        for (here, near) in self.nearest.chunks_exact(size).enumerate() {
            let (mut best, mut place) = (f64::INFINITY, here as u16);
            for &(there, length) in near {
                let cost = self.by_length[usize::from(length)];
                // Everything further away costs at least as much.
                if least + cost >= best {
                    break;
                }
                let total = values[usize::from(there)] + cost;
                if total < best {
                    (best, place) = (total, there);
                }
            }
            arrive[here] = best;
            from[here] = place;
        }
    }
}

/// Half the L1 distance, in steps.
fn length(here: &[usize], there: &[usize]) -> u16 {
    let sum: usize = here.iter().zip(there).map(|(a, b)| a.abs_diff(*b)).sum();
    (sum / 2) as u16
}

/// All ways of sharing `total` among `states`, the largest first share first.
fn compositions(states: usize, total: usize) -> Vec<Vec<usize>> {
    if states == 1 {
        return vec![vec![total]];
    }
    let mut all = Vec::new();
    for first in (0..=total).rev() {
        for mut rest in compositions(states - 1, total - first) {
            rest.insert(0, first);
            all.push(rest);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_are_those_of_the_simplex_and_the_corners_cost_alike() {
        let simplex = Simplex::new(3, 10.0, Grid { steps: 4, mode_loss: true });
        assert_eq!(simplex.len(), 15);
        assert_eq!(simplex.point(0), [1.0, 0.0, 0.0]);
        assert_eq!(simplex.point(1), [0.75, 0.25, 0.0]);
        assert_eq!(simplex.point(14), [0.0, 0.0, 1.0]);
        assert!((0..15).all(|point| (simplex.point(point).iter().sum::<f64>() - 1.0).abs() < 1e-15));
        assert!(simplex.leave[0].abs() < 1e-15 && (simplex.leave[0] - simplex.leave[14]).abs() < 1e-12);
        assert!(simplex.leave.iter().all(|cost| *cost >= -1e-12), "{:?}", simplex.leave);
    }

    #[test]
    fn every_point_s_moves_sum_to_one_and_the_same() {
        let simplex = Simplex::new(3, 10.0, Grid { steps: 4, mode_loss: true });
        let sums: Vec<f64> = (0..15)
            .map(|q| {
                let near = &simplex.nearest[q * 15..(q + 1) * 15];
                let costs = near.iter().map(|(_, length)| simplex.by_length[usize::from(*length)]);
                costs.map(|cost| (-(cost + simplex.leave[q])).exp()).sum()
            })
            .collect();
        assert!(sums.iter().all(|sum| (sum - sums[0]).abs() < 1e-12), "{sums:?}");
    }

    #[test]
    fn stopping_early_finds_what_trying_everything_finds() {
        let simplex = Simplex::new(3, 7.0, Grid { steps: 5, mode_loss: true });
        let size = simplex.len();
        let start: Vec<f64> = (0..size).map(|place| ((place * 37 + 11) % 23) as f64 / 3.0).collect();
        let (mut values, mut arrive, mut from) = (start.clone(), vec![0.0; size], vec![0; size]);
        simplex.relax(&mut values, &mut arrive, &mut from);
        for (here, cost) in arrive.iter().enumerate() {
            let costs = (0..size).map(|there| {
                let apart: f64 =
                    simplex.point(here).iter().zip(simplex.point(there)).map(|(a, b)| (a - b).abs()).sum();
                start[there] + simplex.leave[there] + 7.0 * (apart / 2.0).powi(2)
            });
            let least = costs.fold(f64::INFINITY, f64::min);
            assert!((cost - least).abs() < 1e-12, "{here}");
        }
    }
}
