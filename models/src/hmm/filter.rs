//! The filter of a Gaussian hidden Markov model, one row at a time, without allocation.

use super::chain::{Belief, Chain};
use super::emission::Emission;
use crate::regimes::Start;

/// What is known of the regime after the rows so far. Made by [`Gaussian::online`](super::Gaussian::online).
#[derive(Clone, Debug)]
pub struct Filter(Sized);

/// By the number of states.
#[derive(Clone, Debug)]
enum Sized {
    Two(Online<2>),
    Three(Online<3>),
    Four(Online<4>),
}

#[derive(Clone, Debug)]
struct Online<const K: usize> {
    chain: Chain<K>,
    emission: Emission,
    width: usize,
    belief: Option<Belief<K>>,
    probabilities: [f64; K],
}

impl Filter {
    pub(super) fn new(parameters: &Start, emission: &Emission) -> Self {
        Self(match parameters.startprob.len() {
            2 => Sized::Two(Online::new(parameters, emission)),
            3 => Sized::Three(Online::new(parameters, emission)),
            _ => Sized::Four(Online::new(parameters, emission)),
        })
    }

    /// Takes the next row; the probability of each regime given it and all before it. `None`, and nothing
    /// taken, where the row has another number of columns or a number that is not finite.
    #[inline]
    pub fn step(&mut self, row: &[f64]) -> Option<&[f64]> {
        match &mut self.0 {
            Sized::Two(online) => online.step(row),
            Sized::Three(online) => online.step(row),
            Sized::Four(online) => online.step(row),
        }
    }

    /// Probability of each regime given the rows so far; `None` before the first.
    pub fn probabilities(&self) -> Option<&[f64]> {
        match &self.0 {
            Sized::Two(online) => online.probabilities(),
            Sized::Three(online) => online.probabilities(),
            Sized::Four(online) => online.probabilities(),
        }
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        match &mut self.0 {
            Sized::Two(online) => online.belief = None,
            Sized::Three(online) => online.belief = None,
            Sized::Four(online) => online.belief = None,
        }
    }
}

impl<const K: usize> Online<K> {
    fn new(parameters: &Start, emission: &Emission) -> Self {
        Self {
            chain: Chain::new(&parameters.startprob, &parameters.transmat),
            emission: emission.clone(),
            width: parameters.means.first().map_or(0, Vec::len),
            belief: None,
            probabilities: [0.0; K],
        }
    }

    #[inline]
    fn step(&mut self, row: &[f64]) -> Option<&[f64]> {
        if row.len() != self.width || row.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let densities = self.emission.of_row(row);
        let step = match &self.belief {
            Some(before) => {
                let (density, shift) = self.chain.shifted(&densities);
                self.chain.next(before, &density, shift)
            }
            None => self.chain.first(&densities),
        };
        self.belief = Some(step.belief);
        self.probabilities = self.chain.probabilities(&step.belief);
        Some(&self.probabilities)
    }

    fn probabilities(&self) -> Option<&[f64]> {
        self.belief.as_ref().map(|_| &self.probabilities[..])
    }
}
