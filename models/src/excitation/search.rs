//! Finds the parameters under which what happened was most likely. Same input, same bits.
//!
//! At the greatest likelihood the expected number of events equals the number seen, whatever the
//! decay: scaling μ and α together by c adds N log c − c (μT + αG), greatest where μT + αG = N. So
//! two parameters shrink to one, θ = αG / N, the share of events laid to excitation, and for a given
//! decay the gain over a constant rate is Σ log(1 + θu), which is concave in θ: its one maximum is
//! found by a Newton iteration kept inside a shrinking bracket. What is left is a search over the
//! decay alone: a fixed grid, then bisection on the slope around the best point of the grid.

use super::likelihood::{Echo, Instants, Parameters};

/// The shortest half-life looked for, seconds. Below it, receive times tell of sockets and of
/// venues' batching, not of traders.
pub(super) const SHORTEST_HALF_LIFE: f64 = 0.01;
/// The longest half-life looked for is the span over this. A longer one cannot be told from a
/// baseline that drifts.
pub(super) const HALF_LIVES_IN_SPAN: f64 = 10.0;
/// Decays tried first, evenly spaced in their logarithm: closer than a factor of 1.5 for any span
/// up to a month.
const GRID: usize = 48;
/// Bisections around the best of the grid: they narrow log β to a part in 10¹².
const BISECTIONS: usize = 40;
/// Newton steps (or bisections where Newton would leave the bracket) towards the best share.
const SHARE_STEPS: usize = 80;
/// The baseline is kept at no less than this many events over the span: that no event ever comes
/// unprompted is more than a finite watch can show, and would forecast silence after any long one.
const FEWEST_UNPROMPTED: f64 = 0.5;

/// Where in the space of parameters the greatest likelihood lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Every parameter is free.
    Inside,
    /// No excitation at all is likelier than any: the branching ratio is 0 and the decay means nothing.
    NoExcitation,
    /// Only the excitation matters: the baseline stands at the least that is allowed.
    LeastBaseline,
    /// The likelihood still rises where the decays looked at end: at the shortest half-life.
    ShortestHalfLife,
    /// The same, at the longest half-life.
    LongestHalfLife,
}

impl Place {
    /// Which of baseline, branching and decay the likelihood is smooth in here, and so which have a
    /// standard error.
    pub fn free(self) -> &'static [usize] {
        match self {
            Self::Inside => &[0, 1, 2],
            Self::NoExcitation => &[0],
            Self::LeastBaseline => &[1, 2],
            Self::ShortestHalfLife | Self::LongestHalfLife => &[0, 1],
        }
    }
}

/// The greatest likelihood found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub parameters: Parameters,
    pub place: Place,
    /// Log-likelihood over that of a constant rate, nats, all events together; never negative.
    pub gain: f64,
}

/// The greatest likelihood at one decay.
#[derive(Clone, Copy, Debug)]
struct Point {
    log_decay: f64,
    /// θ: the share of events laid to excitation.
    share: f64,
    /// Whether `share` stands at the most that is allowed.
    capped: bool,
    gain: f64,
    /// How the gain changes with log β.
    slope: f64,
    parameters: Parameters,
}

/// Searches every decay from the shortest half-life to the longest that `instants` can tell.
/// Wants a positive span of more than `SHORTEST_HALF_LIFE × HALF_LIVES_IN_SPAN` seconds.
pub(super) fn search(instants: &Instants) -> Found {
    let mut profile = Profile::new(instants);
    let slowest = libm::log(core::f64::consts::LN_2 * HALF_LIVES_IN_SPAN / profile.span);
    let fastest = libm::log(core::f64::consts::LN_2 / SHORTEST_HALF_LIFE);
    let step = (fastest - slowest) / (GRID - 1) as f64;

    let mut best = profile.at(slowest);
    let mut best_at = 0;
    for at in 1..GRID {
        let point = profile.at(slowest + step * at as f64);
        if point.gain > best.gain {
            (best, best_at) = (point, at);
        }
    }
    if best.share <= 0.0 {
        return Found { parameters: best.parameters, place: Place::NoExcitation, gain: 0.0 };
    }
    let edge = if best_at == 0 && best.slope < 0.0 {
        Some(Place::LongestHalfLife)
    } else if best_at == GRID - 1 && best.slope > 0.0 {
        Some(Place::ShortestHalfLife)
    } else {
        None
    };
    if let Some(place) = edge {
        return Found { parameters: best.parameters, place, gain: best.gain };
    }
    let top = profile.climb(best, step);
    let place = if top.capped { Place::LeastBaseline } else { Place::Inside };
    Found { parameters: top.parameters, place, gain: top.gain }
}

/// The likelihood with everything but the decay already at its best.
struct Profile<'a> {
    instants: &'a Instants,
    span: f64,
    scored: f64,
    echoes: Vec<Echo>,
    /// u: the intensity of excitation alone at each instant but the first, as a multiple of the
    /// constant rate, less 1.
    excess: Vec<f64>,
}

impl<'a> Profile<'a> {
    fn new(instants: &'a Instants) -> Self {
        Self {
            instants,
            span: instants.span(),
            scored: instants.scored(),
            echoes: Vec::with_capacity(instants.len()),
            excess: Vec::with_capacity(instants.len()),
        }
    }

    /// Events after the first instant, with how many came together.
    fn scored_counts(&self) -> impl Iterator<Item = f64> + '_ {
        self.instants.counts().iter().skip(1).copied()
    }

    fn at(&mut self, log_decay: f64) -> Point {
        let decay = libm::exp(log_decay);
        self.instants.echo(decay, &mut self.echoes);
        let last = self.echoes.last().copied().unwrap_or_default();
        let before = &self.instants.counts()[..self.instants.len() - 1];
        // G: the events that one expected follower each would have brought by the end of the span.
        let reach = before.iter().sum::<f64>() - last.sum;
        self.excess.clear();
        self.excess.extend(self.echoes.iter().skip(1).map(|echo| decay * echo.sum / reach * self.span - 1.0));

        let most = 1.0 - FEWEST_UNPROMPTED / self.scored;
        let share = self.best_share(most);
        let gain = self
            .scored_counts()
            .zip(&self.excess)
            .map(|(count, &excess)| count * libm::log1p(share * excess))
            .sum::<f64>();
        let parameters = Parameters {
            baseline: (1.0 - share) * self.scored / self.span,
            branching: share * self.scored / reach,
            decay,
        };
        let by_decay = self
            .scored_counts()
            .zip(self.echoes.iter().skip(1))
            .map(|(count, echo)| {
                let intensity = parameters.baseline + parameters.branching * decay * echo.sum;
                count * ((echo.sum - decay * echo.aged) / intensity)
            })
            .sum::<f64>()
            - last.aged;
        let slope = decay * parameters.branching * by_decay;
        Point { log_decay, share, capped: share >= most, gain, slope, parameters }
    }

    /// The θ in [0, most] at which Σ log(1 + θu) is greatest.
    fn best_share(&self, most: f64) -> f64 {
        let slopes = |share: f64| {
            let (mut first, mut second) = (0.0, 0.0);
            for (count, &excess) in self.scored_counts().zip(&self.excess) {
                let ratio = excess / (1.0 + share * excess);
                first += count * ratio;
                second -= count * (ratio * ratio);
            }
            (first, second)
        };
        if slopes(0.0).0 <= 0.0 {
            return 0.0;
        }
        if slopes(most).0 >= 0.0 {
            return most;
        }
        let (mut low, mut high) = (0.0, most);
        let mut share = most / 2.0;
        for _ in 0..SHARE_STEPS {
            let (first, second) = slopes(share);
            if first > 0.0 {
                low = share;
            } else {
                high = share;
            }
            let newton = share - first / second;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            if (next - share).abs() <= 1e-15 * share {
                return next;
            }
            share = next;
        }
        share
    }

    /// Climbs from `base` to the top of the hill that it stands on, no further than `reach` in log β.
    /// No step loses likelihood beyond rounding.
    fn climb(&mut self, base: Point, reach: f64) -> Point {
        let sign = if base.slope >= 0.0 { 1.0 } else { -1.0 };
        // `low` rises towards the top; beyond `high` it does not, or not above `low`.
        let mut low = base;
        let mut high = base.log_decay + sign * reach;
        for _ in 0..BISECTIONS {
            let middle = self.at(f64::midpoint(low.log_decay, high));
            let rises = sign * middle.slope > 0.0;
            if rises && middle.gain >= low.gain - 1e-12 * (1.0 + low.gain) {
                low = middle;
            } else {
                high = middle.log_decay;
            }
        }
        low
    }
}
