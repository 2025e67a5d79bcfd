//! A hidden Markov chain of K states over rows of emission log densities: filter, smoother, most likely path.
//!
//! Nothing here knows what is emitted. Forward and backward are Rabiner's scaled recursions; each row's
//! densities are first divided by their largest, so a row that is far from every state cannot underflow. A
//! chain with a probability of transition below [`TINY`] is done in logarithms throughout instead: there an
//! underflow could hide the only path that is left.
//!
//! Sources: L. R. Rabiner, *A tutorial on hidden Markov models and selected applications in speech
//! recognition*, Proc. IEEE 77 (1989) 257–286, sections III and V.A; G. D. Forney, *The Viterbi algorithm*,
//! Proc. IEEE 61 (1973) 268–278.

#![expect(clippy::needless_range_loop, reason = "sums over states read as they are written, and unroll")]

use super::decay::{decay, decay_all};

/// Least probability of transition with which the scaled recursions lose nothing: whatever underflows in a
/// row (below e⁻⁶⁰⁰ of the largest) is dwarfed in the next by what comes from any other state.
const TINY: f64 = 1e-100;
/// A product of scales is turned into a logarithm before it falls below this.
const LOW: f64 = 1e-150;

/// Rows whose densities are done at a time.
const BLOCK: usize = 256;

/// Where the chain starts and how it moves.
#[derive(Clone, Debug)]
pub(super) struct Chain<const K: usize> {
    transition: [[f64; K]; K],
    log_start: [f64; K],
    log_transition: [[f64; K]; K],
    /// Whether arithmetic is in logarithms.
    in_logs: bool,
}

/// What is believed of the state at one row. Probabilities are weights × norm; that product is left to the
/// next row, which need not wait for the division. Where the chain is in logs, weights are the logarithms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belief<const K: usize> {
    weights: [f64; K],
    /// What the backward pass divides the row by: 1 / sum of weights, or a logarithm where the chain is in
    /// logs.
    norm: f64,
}

/// One row of a forward pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<const K: usize> {
    /// Given this row and those before it.
    pub(super) belief: Belief<K>,
    /// The logarithm of what the row's probability given those before it is `scale` times.
    shift: f64,
    scale: f64,
}

impl<const K: usize> Chain<K> {
    /// The chain with these probabilities: K, and K × K.
    pub(super) fn new(start: &[f64], transition: &[Vec<f64>]) -> Self {
        let start: [f64; K] = core::array::from_fn(|j| start[j]);
        let transition: [[f64; K]; K] = core::array::from_fn(|i| core::array::from_fn(|j| transition[i][j]));
        Self {
            transition,
            log_start: start.map(libm::log),
            log_transition: transition.map(|row| row.map(libm::log)),
            in_logs: transition.iter().flatten().any(|p| *p < TINY),
        }
    }

    /// The first row; `log_density` is of each state.
    #[inline]
    pub(super) fn first(&self, log_density: &[f64; K]) -> Step<K> {
        let terms: [f64; K] = core::array::from_fn(|j| self.log_start[j] + log_density[j]);
        if self.in_logs {
            return Self::normalised(terms, 0.0);
        }
        // The start belongs to what is compared: its probabilities may be 0 or next to it.
        let shift = largest(&terms);
        Self::scaled(terms.map(|term| libm::exp(term - shift)), shift)
    }

    /// The row after one at which `before` was believed; `density` and `shift` are of [`Self::shifted`].
    #[inline]
    pub(super) fn next(&self, before: &Belief<K>, density: &[f64; K], shift: f64) -> Step<K> {
        if self.in_logs {
            let terms = core::array::from_fn(|j| {
                log_sum(&core::array::from_fn::<f64, K, _>(|i| before.weights[i] + self.log_transition[i][j]))
                    + density[j]
            });
            return Self::normalised(terms, shift);
        }
        let mut weights = [0.0; K];
        for j in 0..K {
            let mut predicted = before.weights[0] * self.transition[0][j];
            for i in 1..K {
                predicted += before.weights[i] * self.transition[i][j];
            }
            weights[j] = predicted * (density[j] * before.norm);
        }
        Self::scaled(weights, shift)
    }

    /// A row's densities as [`Self::next`] wants them: divided by their largest, and the logarithm of that.
    #[inline]
    pub(super) fn shifted(&self, log_density: &[f64; K]) -> ([f64; K], f64) {
        let shift = largest(log_density);
        let below = log_density.map(|term| term - shift);
        (if self.in_logs { below } else { below.map(decay) }, shift)
    }

    /// [`Self::shifted`] of many rows in place, to the same bits.
    fn shift_all(&self, log_densities: &mut [[f64; K]], shifts: &mut [f64]) {
        for (row, shift) in log_densities.iter_mut().zip(shifts) {
            *shift = largest(row);
            for term in row {
                *term -= *shift;
            }
        }
        if !self.in_logs {
            decay_all(log_densities.as_flattened_mut());
        }
    }

    #[inline]
    fn scaled(weights: [f64; K], shift: f64) -> Step<K> {
        let mut scale = weights[0];
        for weight in &weights[1..] {
            scale += weight;
        }
        Step { belief: Belief { weights, norm: 1.0 / scale }, shift, scale }
    }

    fn normalised(terms: [f64; K], shift: f64) -> Step<K> {
        let norm = log_sum(&terms);
        Step {
            belief: Belief { weights: terms.map(|term| term - norm), norm },
            shift: shift + norm,
            scale: 1.0,
        }
    }

    /// A belief as the backward pass wants it: probabilities, or logarithms where the chain is in logs.
    #[inline]
    fn kept(&self, belief: &Belief<K>) -> [f64; K] {
        if self.in_logs { belief.weights } else { self.probabilities(belief) }
    }

    /// The probabilities of a belief.
    #[inline]
    pub(super) fn probabilities(&self, belief: &Belief<K>) -> [f64; K] {
        if self.in_logs {
            belief.weights.map(libm::exp)
        } else {
            belief.weights.map(|weight| weight * belief.norm)
        }
    }

    /// The most likely path, and its log-probability together with the rows. Of equals the lower state.
    pub(super) fn best_path(&self, log_densities: &[[f64; K]]) -> (Vec<usize>, f64) {
        let Some((first, rest)) = log_densities.split_first() else { return (Vec::new(), 0.0) };
        let mut best: [f64; K] = core::array::from_fn(|j| self.log_start[j] + first[j]);
        let mut from = Vec::with_capacity(rest.len());
        for density in rest {
            let mut came = [0_u8; K];
            let mut next = [0.0; K];
            for j in 0..K {
                let mut top = best[0] + self.log_transition[0][j];
                for (i, best) in best.iter().enumerate().skip(1) {
                    let term = best + self.log_transition[i][j];
                    if term > top {
                        top = term;
                        came[j] = i as u8;
                    }
                }
                next[j] = top + density[j];
            }
            best = next;
            from.push(came);
        }
        let mut state = 0;
        for j in 1..K {
            if best[j] > best[state] {
                state = j;
            }
        }
        let log_probability = best[state];
        let mut path = vec![state; log_densities.len()];
        for (row, came) in from.iter().enumerate().rev() {
            state = usize::from(came[state]);
            path[row] = state;
        }
        (path, log_probability)
    }
}

/// What a pass over all rows works in; made once, used for every step of a fit.
#[derive(Clone, Debug)]
pub(super) struct Trellis<const K: usize> {
    /// In: each row's log densities. A forward pass uses them up: it leaves all but the first row as
    /// [`Chain::shifted`] says.
    pub(super) densities: Vec<[f64; K]>,
    /// Probabilities, or their logarithms where the chain is in logs.
    beliefs: Vec<[f64; K]>,
    norms: Vec<f64>,
    /// Out: states × rows, the probability of each state given all rows, up to rounding that grows with
    /// the number of rows.
    pub(super) posterior: Vec<f64>,
}

impl<const K: usize> Trellis<K> {
    /// For so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            densities: vec![[0.0; K]; rows],
            beliefs: vec![[0.0; K]; rows],
            norms: vec![0.0; rows],
            posterior: vec![0.0; K * rows],
        }
    }

    /// Filters; the log-likelihood. 0 of no rows.
    pub(super) fn forward(&mut self, chain: &Chain<K>) -> f64 {
        let mut shifts = 0.0;
        let mut logs = 0.0;
        let mut product = 1.0;
        let mut took = |step: Step<K>, believed: &mut [f64; K], norm: &mut f64| {
            *believed = chain.kept(&step.belief);
            *norm = step.belief.norm;
            shifts += step.shift;
            product *= step.scale;
            if product < LOW {
                logs += libm::log(product);
                product = 1.0;
            }
            step.belief
        };
        let (Some((first, densities)), Some((first_belief, beliefs)), Some((first_norm, norms))) =
            (self.densities.split_first_mut(), self.beliefs.split_first_mut(), self.norms.split_first_mut())
        else {
            return 0.0;
        };
        let mut belief = took(chain.first(first), first_belief, first_norm);
        let blocks = densities.chunks_mut(BLOCK).zip(beliefs.chunks_mut(BLOCK)).zip(norms.chunks_mut(BLOCK));
        for ((densities, beliefs), norms) in blocks {
            // A row's shift waits where its norm will be.
            chain.shift_all(densities, norms);
            for ((density, believed), norm) in densities.iter().zip(beliefs).zip(norms) {
                belief = took(chain.next(&belief, density, *norm), believed, norm);
            }
        }
        shifts + logs + libm::log(product)
    }

    /// Probabilities of the states of one row, given it and those before it.
    pub(super) fn filtered(&self, chain: &Chain<K>, row: usize) -> [f64; K] {
        if chain.in_logs { self.beliefs[row].map(libm::exp) } else { self.beliefs[row] }
    }

    /// Smooths after [`Self::forward`]; how many moves from each state to each are expected.
    pub(super) fn backward(&mut self, chain: &Chain<K>) -> [[f64; K]; K] {
        if chain.in_logs { self.backward_in_logs(chain) } else { self.backward_scaled(chain) }
    }

    fn backward_scaled(&mut self, chain: &Chain<K>) -> [[f64; K]; K] {
        let rows = self.densities.len();
        let mut counts = [[0.0; K]; K];
        let Some(last) = rows.checked_sub(1) else { return counts };
        let mut states = self.posterior.chunks_exact_mut(rows);
        let posterior: [&mut [f64]; K] = core::array::from_fn(|_| states.next().unwrap_or_default());
        let mut ahead = [1.0; K];
        for j in 0..K {
            posterior[j][last] = self.beliefs[last][j];
        }
        for row in (0..last).rev() {
            let norm = self.norms[row + 1];
            let density = &self.densities[row + 1];
            let belief = &self.beliefs[row];
            let mut weight = [0.0; K];
            for j in 0..K {
                weight[j] = ahead[j] * (density[j] * norm);
            }
            for i in 0..K {
                let mut sum = chain.transition[i][0] * weight[0];
                counts[i][0] += belief[i] * weight[0];
                for j in 1..K {
                    counts[i][j] += belief[i] * weight[j];
                    sum += chain.transition[i][j] * weight[j];
                }
                ahead[i] = sum;
                posterior[i][row] = belief[i] * sum;
            }
        }
        for i in 0..K {
            for j in 0..K {
                counts[i][j] *= chain.transition[i][j];
            }
        }
        counts
    }

    fn backward_in_logs(&mut self, chain: &Chain<K>) -> [[f64; K]; K] {
        let rows = self.densities.len();
        let mut counts = [[0.0; K]; K];
        let Some(last) = rows.checked_sub(1) else { return counts };
        let mut ahead = [0.0; K];
        for row in (0..rows).rev() {
            if row < last {
                let weight: [f64; K] =
                    core::array::from_fn(|j| ahead[j] + self.densities[row + 1][j] - self.norms[row + 1]);
                for i in 0..K {
                    let terms: [f64; K] = core::array::from_fn(|j| chain.log_transition[i][j] + weight[j]);
                    for j in 0..K {
                        counts[i][j] += libm::exp(self.beliefs[row][i] + terms[j]);
                    }
                    ahead[i] = log_sum(&terms);
                }
            }
            for j in 0..K {
                self.posterior[j * rows + row] = libm::exp(self.beliefs[row][j] + ahead[j]);
            }
        }
        counts
    }
}

/// The largest; −∞ is fine, NaN is not.
#[inline]
fn largest<const K: usize>(terms: &[f64; K]) -> f64 {
    let mut top = terms[0];
    for &term in &terms[1..] {
        if term > top {
            top = term;
        }
    }
    top
}

/// ln Σ e^x; −∞ where every term is.
#[inline]
fn log_sum<const K: usize>(terms: &[f64; K]) -> f64 {
    let top = largest(terms);
    if top.is_infinite() {
        return top;
    }
    top + libm::log(terms.iter().map(|term| libm::exp(term - top)).sum())
}
