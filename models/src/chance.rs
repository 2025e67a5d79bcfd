//! Draws from a seed: the same seed, the same draws, on every machine.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// A stream of draws (`ChaCha20`).
pub(crate) struct Chance(ChaCha20Rng);

impl Chance {
    /// The stream of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// Uniform among 0 … `count` − 1; 0 where `count` is 0.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { self.0.random_range(0..count) }
    }

    /// Standard normal, by Box and Muller's polar-free formula through `libm`.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.uniform())
    }

    /// A seed for a stream of its own.
    pub(crate) fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_stream_and_its_normals_are_standard() {
        let (mut a, mut b) = (Chance::new(7), Chance::new(7));
        let draws: Vec<f64> = (0..20_000).map(|_| a.normal()).collect();
        assert!(draws.iter().all(|draw| draw.to_bits() == b.normal().to_bits()));
        let mean = draws.iter().sum::<f64>() / 2e4;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 2e4;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert!((0..100).all(|_| a.index(3) < 3) && a.index(0) == 0);
        assert_ne!(a.seed(), a.seed());
    }
}
