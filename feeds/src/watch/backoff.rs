//! How long to wait before trying again: exponential, capped, with full jitter.

use std::time::Duration;

/// Chance from a seed (`SplitMix64`): for jitter, where quality hardly matters and replay does.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in 0.0 ≤ x < 1.0.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The waits between attempts that fail one after another.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
    chance: Chance,
}

impl Backoff {
    /// Waits of at most `first`, then twice that, up to `cap`.
    pub(crate) fn new(first: Duration, cap: Duration, chance: Chance) -> Self {
        Self { first, cap: cap.max(first), failures: 0, chance }
    }

    /// The wait after one more failure: anything from a tenth of `first` (venues count connections a
    /// second) to the current ceiling.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(self.chance.share()).max(self.first / 10)
    }

    /// The longest that the next wait can be.
    pub(crate) fn ceiling(&self) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        doubled.min(self.cap)
    }

    /// Starts over, after a connection that lasted.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_cap_and_start_over_on_reset() {
        let mut backoff = Backoff::new(SECOND, 10 * SECOND, Chance::new(1));
        let mut ceilings = Vec::new();
        for _ in 0..6 {
            ceilings.push(backoff.ceiling().as_secs());
            let ceiling = backoff.ceiling();
            let wait = backoff.next_wait();
            assert!(wait <= ceiling && wait >= SECOND / 10, "{wait:?}");
        }
        assert_eq!(ceilings, [1, 2, 4, 8, 10, 10]);
        for _ in 0..100 {
            assert!(backoff.next_wait() <= 10 * SECOND, "no overflow, however long the venue is down");
        }
        backoff.reset();
        assert_eq!(backoff.ceiling(), SECOND);
    }

    #[test]
    fn jitter_fills_the_whole_range_and_repeats_with_its_seed() {
        let shares = |seed| {
            let mut chance = Chance::new(seed);
            (0..1000).map(|_| chance.share()).collect::<Vec<f64>>()
        };
        let drawn = shares(7);
        assert_eq!(drawn, shares(7));
        assert_ne!(drawn, shares(8));
        assert!(drawn.iter().all(|share| (0.0..1.0).contains(share)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        assert!(drawn.iter().any(|share| *share < 0.05) && drawn.iter().any(|share| *share > 0.95));
    }
}
