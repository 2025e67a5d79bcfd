//! How likely a stretch of event times is under a self-exciting process, in one pass over it.

use std::ops::Range;

/// A self-exciting process with an exponential kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parameters {
    /// μ: the rate of events that nothing set off, per second.
    pub baseline: f64,
    /// α: how many events one event sets off directly, on average.
    pub branching: f64,
    /// β: how fast an event's effect fades, per second; its half-life is ln 2 / β.
    pub decay: f64,
}

/// The different times at which events came, oldest first, with how many came at each. Everything
/// at the first instant is history: it excites what follows and is not scored itself, because
/// without knowing what came before it there is nothing to score it with.
#[derive(Clone, Debug)]
pub(super) struct Instants {
    /// Seconds since the instant before; 0 for the first.
    gaps: Vec<f64>,
    /// Events at the instant; at least 1.
    counts: Vec<f64>,
}

/// The excitation just before an instant: sums over all strictly earlier events i, of age s = t − tᵢ.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Echo {
    /// Σ e^{−βs}.
    pub sum: f64,
    /// Σ s e^{−βs}, seconds: minus the first derivative of `sum` by β.
    pub aged: f64,
    /// Σ s² e^{−βs}, seconds²: the second derivative of `sum` by β.
    pub aged_twice: f64,
}

impl Echo {
    /// The echo `gap` seconds later, after `count` events at the instant that it belongs to.
    /// This recursion is what makes a pass O(n) (Ozaki 1979).
    fn after(self, count: f64, gap: f64, decay: f64) -> Self {
        let fade = libm::exp(-decay * gap);
        if fade == 0.0 {
            return Self::default();
        }
        let now = self.sum + count;
        Self {
            sum: fade * now,
            aged: fade * (self.aged + gap * now),
            aged_twice: fade * (self.aged_twice + gap * (2.0 * self.aged + gap * now)),
        }
    }
}

impl Instants {
    /// Groups `times`, which must not descend and must be finite.
    pub fn new(times: &[f64]) -> Self {
        let mut instants = Self { gaps: Vec::with_capacity(times.len()), counts: Vec::new() };
        let mut last = None;
        for &time in times {
            match (last, instants.counts.last_mut()) {
                (Some(before), Some(count)) if time <= before => *count += 1.0,
                (before, _) => {
                    instants.gaps.push(before.map_or(0.0, |before| time - before));
                    instants.counts.push(1.0);
                    last = Some(time);
                }
            }
        }
        instants
    }

    /// The first `len` instants.
    pub fn first(&self, len: usize) -> Self {
        Self { gaps: self.gaps[..len].to_vec(), counts: self.counts[..len].to_vec() }
    }

    /// How many different times there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// From the first instant to the last, seconds.
    pub fn span(&self) -> f64 {
        self.gaps.iter().sum()
    }

    /// How many events came at each instant.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Events after the first instant.
    pub fn scored(&self) -> f64 {
        self.counts.iter().skip(1).sum()
    }

    /// Writes the echo before each instant into `echoes`.
    pub fn echo(&self, decay: f64, echoes: &mut Vec<Echo>) {
        echoes.clear();
        let mut echo = Echo::default();
        let mut before = 0.0;
        for (&gap, &count) in self.gaps.iter().zip(&self.counts) {
            echo = echo.after(before, gap, decay);
            before = count;
            echoes.push(echo);
        }
    }

    /// For each instant of `scored` (never the first): the log-likelihood of what came then and of
    /// nothing having come since the instant before, in nats, less the same under a constant rate of
    /// `naive_rate` events per second. Earlier instants serve as history.
    ///
    /// Summed over every instant but the first this is the whole log-likelihood less the naive one:
    /// Σ log λ(tₖ) − ∫ λ, each of the events at one instant seeing λ just before it.
    pub fn gains(&self, parameters: Parameters, naive_rate: f64, scored: Range<usize>) -> Vec<f64> {
        let Parameters { baseline, branching, decay } = parameters;
        let mut gains = Vec::with_capacity(scored.len());
        let mut echo = Echo::default();
        let mut before = 0.0;
        for (at, (&gap, &count)) in self.gaps.iter().zip(&self.counts).enumerate() {
            let excited = echo.sum + before;
            echo = echo.after(before, gap, decay);
            before = count;
            if at == 0 || !scored.contains(&at) {
                continue;
            }
            let intensity = baseline + branching * decay * echo.sum;
            let expected = baseline * gap - branching * excited * libm::expm1(-decay * gap);
            gains.push(count * libm::log(intensity / naive_rate) - expected + naive_rate * gap);
        }
        gains
    }

    /// Minus the second derivatives of the log-likelihood by baseline, branching and decay: the
    /// observed information, whose inverse is the estimates' covariance.
    pub fn information(&self, parameters: Parameters) -> [[f64; 3]; 3] {
        let Parameters { baseline, branching, decay } = parameters;
        let mut echoes = Vec::with_capacity(self.len());
        self.echo(decay, &mut echoes);
        let mut information = [[0.0; 3]; 3];
        for (echo, &count) in echoes.iter().zip(&self.counts).skip(1) {
            let intensity = baseline + branching * decay * echo.sum;
            let by_branching = decay * echo.sum;
            let by_branching_decay = echo.sum - decay * echo.aged;
            let by_decay = branching * by_branching_decay;
            let by_decay_twice = branching * (decay * echo.aged_twice - 2.0 * echo.aged);
            let slopes = [1.0 / intensity, by_branching / intensity, by_decay / intensity];
            for (row, &left) in information.iter_mut().zip(&slopes) {
                for (cell, &right) in row.iter_mut().zip(&slopes) {
                    *cell += count * (left * right);
                }
            }
            information[1][2] -= count * (by_branching_decay / intensity);
            information[2][2] -= count * (by_decay_twice / intensity);
        }
        // The integral's part: α Σ (1 − e^{−βs}) over the events before the last instant, with s
        // their age at it, which is what the last echo sums.
        if let Some(last) = echoes.last() {
            information[1][2] += last.aged;
            information[2][2] -= branching * last.aged_twice;
        }
        information[2][1] = information[1][2];
        information
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log-likelihood from its definition, every pair of events visited, ties included.
    fn brute_force(times: &[f64], parameters: Parameters) -> f64 {
        let Parameters { baseline, branching, decay } = parameters;
        let (first, last) = (times[0], times[times.len() - 1]);
        let mut total = -baseline * (last - first);
        for &time in times {
            total -= branching * (1.0 - libm::exp(-decay * (last - time)));
            if time > first {
                let echo: f64 = times
                    .iter()
                    .filter(|&&earlier| earlier < time)
                    .map(|&earlier| libm::exp(-decay * (time - earlier)))
                    .sum();
                total += libm::log(baseline + branching * decay * echo);
            }
        }
        total
    }

    /// 120 uneven times over about 90 s, every seventh one of three at the same time.
    fn times() -> Vec<f64> {
        let mut times = Vec::new();
        let mut time = 0.0;
        for step in 0..120_u32 {
            if step % 7 != 3 && step % 7 != 4 {
                time += f64::from(step * step % 31) / 20.0 + 0.01;
            }
            times.push(time);
        }
        times
    }

    const SETS: [Parameters; 4] = [
        Parameters { baseline: 0.9, branching: 0.3, decay: 2.0 },
        Parameters { baseline: 0.2, branching: 0.85, decay: 0.15 },
        Parameters { baseline: 1.4, branching: 0.0, decay: 1.0 },
        Parameters { baseline: 0.01, branching: 1.3, decay: 40.0 },
    ];

    #[test]
    fn the_recursion_agrees_with_the_definition() {
        let times = times();
        let instants = Instants::new(&times);
        assert_eq!((instants.len(), instants.counts()[2]), (86, 3.0));
        let rate = instants.scored() / instants.span();
        let naive = instants.scored() * libm::log(rate) - rate * instants.span();
        for parameters in SETS {
            let quick: f64 = instants.gains(parameters, rate, 1..instants.len()).iter().sum::<f64>() + naive;
            let slow = brute_force(&times, parameters);
            assert!((quick - slow).abs() < 1e-9 * slow.abs(), "{parameters:?}: {quick} against {slow}");
        }
    }

    #[test]
    fn gains_of_two_halves_are_the_gains_of_the_whole() {
        let instants = Instants::new(&times());
        for parameters in SETS {
            let mut halves = instants.gains(parameters, 1.0, 0..40);
            halves.extend(instants.gains(parameters, 1.0, 40..instants.len()));
            assert_eq!(halves, instants.gains(parameters, 1.0, 1..instants.len()));
        }
    }

    #[test]
    fn the_information_agrees_with_second_differences_of_the_definition() {
        let times = times();
        let instants = Instants::new(&times);
        for parameters in SETS {
            let at = [parameters.baseline, parameters.branching, parameters.decay];
            let steps = at.map(|value| 1e-4 * f64::max(value, 0.1));
            let moved = |row: usize, column: usize, up: f64, right: f64| {
                let mut at = at;
                at[row] += up * steps[row];
                at[column] += right * steps[column];
                brute_force(&times, Parameters { baseline: at[0], branching: at[1], decay: at[2] })
            };
            let information = instants.information(parameters);
            for row in 0..3 {
                for column in 0..3 {
                    let second = (moved(row, column, 1.0, 1.0)
                        - moved(row, column, 1.0, -1.0)
                        - moved(row, column, -1.0, 1.0)
                        + moved(row, column, -1.0, -1.0))
                        / (4.0 * steps[row] * steps[column]);
                    let scale = (information[row][row] * information[column][column]).abs().sqrt();
                    let off = (information[row][column] + second).abs();
                    assert!(off < 2e-4 * scale + 1e-3, "{parameters:?} {row},{column}: {off} of {scale}");
                }
            }
        }
    }
}
