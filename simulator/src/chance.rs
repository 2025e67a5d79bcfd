//! Chance that can be asked about any moment: the same seed, subject and number give the same draw.
//!
//! Sources that are polled answer whenever they are asked, so that what they tell cannot come from a
//! sequence of draws.

use std::f64::consts::TAU;

use crate::market::digest;

/// One subject's draws, numbered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: u64, subject: &str) -> Self {
        Self(mixed(seed ^ digest(subject.as_bytes())))
    }

    /// 64 random bits.
    pub(crate) fn bits(self, number: i64) -> u64 {
        mixed(self.0.wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// At least 0 and below 1.
    pub(crate) fn uniform(self, number: i64) -> f64 {
        (self.bits(number) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of mean 0 and deviation 1 (Box and Muller's transform).
    pub(crate) fn normal(self, number: i64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(number)).ln()).sqrt();
        radius * (TAU * self.uniform(!number)).cos()
    }

    /// A smooth path between -1 and 1 that turns about once in every `period`: draws at its multiples,
    /// with smooth steps between them.
    pub(crate) fn wave(self, at: f64, period: f64) -> f64 {
        let place = at / period;
        let (before, part) = (place.floor(), place - place.floor());
        let point = |number: f64| self.uniform(number as i64) * 2.0 - 1.0;
        let (from, to) = (point(before), point(before + 1.0));
        from + (to - from) * part * part * (3.0 - 2.0 * part)
    }
}

/// The finalizer of `SplitMix64`: every bit of the result depends on every bit of `bits`.
fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_seed_subject_and_number_alone() {
        let draw = |seed, subject, number| Chance::of(seed, subject).bits(number);
        assert_eq!(draw(1, "fees", 5), draw(1, "fees", 5));
        for other in [draw(2, "fees", 5), draw(1, "mempool", 5), draw(1, "fees", 6), draw(1, "fees", -5)] {
            assert_ne!(draw(1, "fees", 5), other);
        }
    }

    #[test]
    fn normal_draws_have_mean_0_and_deviation_1() {
        let chance = Chance::of(3, "normal");
        let draws: Vec<f64> = (-10_000..10_000).map(|number| chance.normal(number)).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn a_wave_stays_between_its_bounds_and_never_jumps() {
        let chance = Chance::of(4, "wave");
        let mut last = chance.wave(-100.0, 20.0);
        for step in 1..2_000 {
            let value = chance.wave(-100.0 + f64::from(step) * 0.1, 20.0);
            assert!((-1.0..=1.0).contains(&value) && (value - last).abs() < 0.02, "{step}: {value}");
            last = value;
        }
    }
}
