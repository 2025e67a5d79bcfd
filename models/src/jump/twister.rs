//! numpy's `RandomState`: the generator whose draws scikit-learn's seeds stand for.
//!
//! Source: M. Matsumoto and T. Nishimura, *Mersenne Twister: a 623-dimensionally equidistributed uniform
//! pseudo-random number generator*, ACM Trans. Model. Comput. Simul. 8 (1998) 3–30.

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// A stream of draws (MT19937).
pub(super) struct Twister {
    state: [u32; SIZE],
    at: usize,
}

impl Twister {
    /// The stream of `seed`; numpy knows those below 2³², of larger ones the halves are folded.
    pub(super) fn new(seed: u64) -> Self {
        let mut state = [seed as u32 ^ (seed >> 32) as u32; SIZE];
        for at in 1..SIZE {
            let before = state[at - 1];
            state[at] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(at as u32);
        }
        Self { state, at: SIZE }
    }

    /// Uniform in [0, 1), of 53 bits.
    pub(super) fn uniform(&mut self) -> f64 {
        let (high, low) = (self.next() >> 5, self.next() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn next(&mut self) -> u32 {
        if self.at == SIZE {
            self.twist();
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for at in 0..SIZE {
            let joined = (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % SIZE] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[at] = self.state[(at + SHIFT) % SIZE] ^ (joined >> 1) ^ odd;
        }
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_numpy() {
        // numpy.random.RandomState(seed).random_sample(3), and the thousandth
        for (seed, draws, thousandth) in [
            (
                0,
                [0.548_813_503_927_324_8, 0.715_189_366_372_419_5, 0.602_763_376_071_643_9],
                0.677_141_144_111_424_1,
            ),
            (
                1,
                [0.417_022_004_702_574, 0.720_324_493_442_158_1, 0.000_114_374_817_344_886_64],
                0.774_477_266_015_079_6,
            ),
            (
                12_345,
                [0.929_616_092_817_147_9, 0.316_375_554_581_785_9, 0.183_918_811_677_094_45],
                0.308_605_199_945_71,
            ),
        ] {
            let mut twister = Twister::new(seed);
            let found: Vec<f64> = (0..1_000).map(|_| twister.uniform()).collect();
            assert_eq!(found[..3], draws);
            assert_eq!(found[999..], [thousandth]);
        }
    }
}
