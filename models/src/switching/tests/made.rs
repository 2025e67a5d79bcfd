//! Series made by integer arithmetic, so that anyone can make them again in any language.

/// Draws of a linear congruential generator (the constants of ANSI C).
pub(super) struct Draws(pub u64);

impl Draws {
    /// 0 … 32767.
    pub fn next(&mut self) -> u64 {
        self.0 = (self.0 * 1_103_515_245 + 12_345) % 2_147_483_648;
        self.0 / 65_536
    }

    /// Nearly standard normal: twelve uniform draws.
    pub fn noise(&mut self) -> f64 {
        let sum: u64 = (0..12).map(|_| self.next()).sum();
        (sum as f64 - 6.0 * 32_767.0) / 32_768.0
    }
}

/// What a made-up series is like.
pub(super) struct Recipe {
    pub rows: usize,
    pub seed: u64,
    pub mean: &'static [f64],
    pub sd: &'static [f64],
    /// Of 32768: how many draws stay in a regime.
    pub stay: f64,
    /// Of column x, by regime.
    pub slope: Option<&'static [f64]>,
    pub ar: f64,
    /// How much more is added to `stay` in regime 0, and taken from it in regime 1, where z is above 0.
    pub lean: Option<f64>,
}

/// The series, a column x, and a persistent column z.
pub(super) struct Made {
    pub y: Vec<f64>,
    pub x: Vec<f64>,
    pub z: Vec<f64>,
}

pub(super) fn make(recipe: &Recipe) -> Made {
    let k = recipe.mean.len();
    let mut draws = Draws(recipe.seed);
    let (mut regime, mut deviation, mut z) = (0, 0.0, 0.0);
    let mut made = Made { y: Vec::new(), x: Vec::new(), z: Vec::new() };
    for _ in 0..recipe.rows {
        let x = draws.noise();
        z = 0.5 * z + draws.noise();
        let draw = draws.next() as f64;
        let lean = recipe
            .lean
            .map_or(0.0, |lean| (if regime == 0 { lean } else { -lean }) * if z > 0.0 { 1.0 } else { -1.0 });
        if draw >= recipe.stay + lean {
            let further = if k > 2 { draws.next() as usize % (k - 1) } else { 0 };
            regime = (regime + 1 + further) % k;
        }
        let error = recipe.sd[regime] * draws.noise();
        deviation = recipe.ar * deviation + error;
        let slope = recipe.slope.map_or(0.0, |slope| slope[regime] * x);
        made.y.push(recipe.mean[regime] + slope + deviation);
        made.x.push(x);
        made.z.push(z);
    }
    made
}

/// Two regimes that differ in level, slope and variance; 400 rows.
pub(super) fn sloped() -> Made {
    make(&Recipe {
        rows: 400,
        seed: 12_345,
        mean: &[0.0, 1.5],
        sd: &[0.5, 1.2],
        stay: 31_500.0,
        slope: Some(&[0.5, -1.0]),
        ar: 0.0,
        lean: None,
    })
}

/// Three regimes; 600 rows.
pub(super) fn three() -> Made {
    make(&Recipe {
        rows: 600,
        seed: 777,
        mean: &[-2.0, 0.0, 3.0],
        sd: &[0.5, 0.8, 1.0],
        stay: 31_500.0,
        slope: None,
        ar: 0.0,
        lean: None,
    })
}

/// Two means with persistent deviations; 300 rows.
pub(super) fn persistent() -> Made {
    make(&Recipe {
        rows: 300,
        seed: 4_242,
        mean: &[-1.0, 2.0],
        sd: &[0.6, 0.6],
        stay: 31_000.0,
        slope: None,
        ar: 0.5,
        lean: None,
    })
}

/// Two means whose transitions follow z; 500 rows.
pub(super) fn leaning() -> Made {
    make(&Recipe {
        rows: 500,
        seed: 99,
        mean: &[0.0, 2.0],
        sd: &[0.7, 0.7],
        stay: 30_000.0,
        slope: None,
        ar: 0.0,
        lean: Some(2_400.0),
    })
}
