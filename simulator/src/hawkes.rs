//! When liquidations happen: a Hawkes process with an exponential kernel, by Ogata's thinning.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The process's parameters during one phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    /// Arrivals per second that no other arrival caused.
    pub(crate) base: f64,
    /// Mean number of further arrivals that each arrival causes, below 1.
    pub(crate) branching: f64,
    /// Mean seconds between an arrival and one it causes.
    pub(crate) decay_secs: f64,
}

/// One arrival.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// Seconds since the start.
    pub(crate) at: f64,
    /// The probability that an earlier arrival caused this one.
    pub(crate) induced: f64,
}

/// The process's state: how excited it is, and since when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hawkes {
    /// Arrivals per second on top of the base rate.
    excitation: f64,
    /// Seconds since the start.
    now: f64,
}

impl Hawkes {
    /// The next arrival before `until`; `None` when there is none, and then `now` is `until`.
    pub(crate) fn next(&mut self, kernel: Kernel, until: f64, rng: &mut ChaCha8Rng) -> Option<Arrival> {
        loop {
            // The intensity only falls until the next arrival, so its value now bounds it.
            let bound = kernel.base + self.excitation;
            let wait = if bound > 0.0 { -(1.0 - rng.random::<f64>()).ln() / bound } else { f64::INFINITY };
            let at = self.now + wait;
            if at >= until {
                self.decay(until, kernel.decay_secs);
                return None;
            }
            self.decay(at, kernel.decay_secs);
            let intensity = kernel.base + self.excitation;
            if rng.random::<f64>() * bound <= intensity {
                let induced = self.excitation / intensity;
                self.excitation += kernel.branching / kernel.decay_secs;
                return Some(Arrival { at, induced });
            }
        }
    }

    fn decay(&mut self, to: f64, decay_secs: f64) {
        self.excitation *= (-(to - self.now).max(0.0) / decay_secs).exp();
        self.now = to;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn arrivals(kernel: Kernel, until: f64, seed: u64) -> Vec<Arrival> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut hawkes = Hawkes::default();
        std::iter::from_fn(|| hawkes.next(kernel, until, &mut rng)).collect()
    }

    #[test]
    fn the_mean_rate_is_the_base_rate_over_one_minus_branching() {
        for (branching, seed) in [(0.0, 1), (0.3, 2), (0.6, 3), (0.85, 4)] {
            let kernel = Kernel { base: 1.0, branching, decay_secs: 3.0 };
            let seconds = 200_000.0;
            let rate = arrivals(kernel, seconds, seed).len() as f64 / seconds;
            let expected = 1.0 / (1.0 - branching);
            assert!((rate / expected - 1.0).abs() < 0.03, "branching {branching}: {rate} against {expected}");
        }
    }

    #[test]
    fn the_share_of_induced_arrivals_is_the_branching_ratio() {
        let all = arrivals(Kernel { base: 1.0, branching: 0.6, decay_secs: 3.0 }, 100_000.0, 5);
        let share = all.iter().map(|arrival| arrival.induced).sum::<f64>() / all.len() as f64;
        assert!((share - 0.6).abs() < 0.02, "{share}");
    }

    #[test]
    fn arrivals_cluster_where_a_poisson_process_would_not() {
        // Fano factor of counts in long windows: 1 for Poisson, 1 / (1 - n)^2 for Hawkes.
        let fano = |branching: f64| {
            let (until, window) = (400_000.0, 200.0);
            let mut counts = vec![0.0_f64; (until / window) as usize];
            for arrival in arrivals(Kernel { base: 0.5, branching, decay_secs: 2.0 }, until, 6) {
                counts[(arrival.at / window) as usize] += 1.0;
            }
            let mean = counts.iter().sum::<f64>() / counts.len() as f64;
            counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64 / mean
        };
        assert!((0.85..1.15).contains(&fano(0.0)), "{}", fano(0.0));
        assert!((3.2..4.8).contains(&fano(0.5)), "{}", fano(0.5));
    }

    #[test]
    fn without_base_rate_nothing_ever_happens() {
        assert!(arrivals(Kernel { base: 0.0, branching: 0.9, decay_secs: 1.0 }, 1e6, 7).is_empty());
    }
}
