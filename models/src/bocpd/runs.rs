//! The runs that the current row may belong to, and what each has learnt of the columns.

use super::{MOST_RUNS, NEGLIGIBLE, Prior};
use crate::scalar::log_sum_exp;

/// Run lengths up to which Γ is evaluated; an asymptotic series, exact to the last bit there, from there on.
const SHORT: usize = 256;

/// One run: rows from `start` on.
#[derive(Clone, Debug)]
struct Run {
    start: usize,
    rows: usize,
    /// Log probability of this run length given the rows so far.
    weight: f64,
    /// Log of the joint density of the rows so far and the likeliest segmentation that ends with this run.
    best: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Runs {
    priors: Vec<Prior>,
    /// ln Γ(a + ½) − ln Γ(a), a = α + rows / 2: [`SHORT`] of them a column.
    gammas: Vec<f64>,
    log_hazard: f64,
    log_survival: f64,
    /// The oldest first; the last is the run that has yet to begin.
    held: Vec<Run>,
    /// The posterior mean and rate of each run's columns: runs × columns.
    means: Vec<f64>,
    rates: Vec<f64>,
    scratch: Vec<f64>,
    rows: usize,
}

impl Runs {
    pub(super) fn new(run_length: f64, priors: &[Prior]) -> Self {
        let ratio = |a: f64| libm::lgamma(a + 0.5) - libm::lgamma(a);
        let gammas = priors.iter().flat_map(|prior| {
            (0..SHORT).map(move |rows| {
                let a = prior.shape + rows as f64 / 2.0;
                if a < 64.0 { ratio(a) } else { 0.5 * libm::log(a) + tail(a) }
            })
        });
        let mut runs = Self {
            gammas: gammas.collect(),
            priors: priors.to_vec(),
            log_hazard: -libm::log(run_length),
            log_survival: libm::log1p(-1.0 / run_length),
            held: Vec::new(),
            means: Vec::new(),
            rates: Vec::new(),
            scratch: Vec::new(),
            rows: 0,
        };
        runs.begin(0.0, 0.0);
        runs
    }

    pub(super) fn columns(&self) -> usize {
        self.priors.len()
    }

    fn begin(&mut self, weight: f64, best: f64) {
        self.held.push(Run { start: self.rows, rows: 0, weight, best });
        self.means.extend(self.priors.iter().map(|prior| prior.mean));
        self.rates.extend(self.priors.iter().map(|prior| prior.rate));
    }

    /// Takes a row and returns its log density.
    pub(super) fn step(&mut self, row: &[f64]) -> f64 {
        let columns = self.priors.len();
        self.scratch.clear();
        let learnt = self.means.chunks_exact_mut(columns).zip(self.rates.chunks_exact_mut(columns));
        for (run, (means, rates)) in self.held.iter_mut().zip(learnt) {
            let mut density = 0.0;
            for column in 0..columns {
                let prior = &self.priors[column];
                let (kappa, alpha) = (prior.strength + run.rows as f64, prior.shape + run.rows as f64 / 2.0);
                let (mean, rate) = (means[column], rates[column]);
                let apart = row[column] - mean;
                let more = kappa * apart * apart / (2.0 * (kappa + 1.0));
                let spread = kappa / (2.0 * std::f64::consts::PI * rate * (kappa + 1.0));
                let height = if run.rows < SHORT {
                    self.gammas[column * SHORT + run.rows] + 0.5 * libm::log(spread)
                } else {
                    0.5 * libm::log(alpha * spread) + tail(alpha)
                };
                density += height - (alpha + 0.5) * libm::log1p(more / rate);
                means[column] = (kappa * mean + row[column]) / (kappa + 1.0);
                rates[column] = rate + more;
            }
            run.rows += 1;
            run.weight += density;
            run.best += density;
            self.scratch.push(run.weight);
        }
        let evidence = log_sum_exp(&self.scratch);
        let best = self.held.iter().map(|run| run.best).fold(f64::NEG_INFINITY, f64::max);
        for run in &mut self.held {
            run.weight += self.log_survival - evidence;
            run.best += self.log_survival;
        }
        self.rows += 1;
        self.forget();
        self.begin(self.log_hazard, best + self.log_hazard);
        evidence
    }

    /// Drops the run lengths that do not count.
    fn forget(&mut self) {
        let negligible = libm::log(NEGLIGIBLE);
        let mut floor = negligible;
        if self.held.len() >= MOST_RUNS {
            self.scratch.clear();
            self.scratch.extend(self.held.iter().map(|run| run.weight));
            let excess = self.held.len() - MOST_RUNS + 1;
            let (_, least, _) = self.scratch.select_nth_unstable_by(excess, f64::total_cmp);
            floor = least.max(negligible);
        }
        if self.held.iter().all(|run| run.weight >= floor) {
            return;
        }
        let columns = self.priors.len();
        let keeps: Vec<bool> = self.held.iter().map(|run| run.weight >= floor).collect();
        let mut kept = keeps.iter();
        self.held.retain(|_| kept.next().is_some_and(|keep| *keep));
        for values in [&mut self.means, &mut self.rates] {
            let mut at = 0..;
            values.retain(|_| at.next().is_some_and(|at: usize| keeps[at / columns]));
        }
    }

    pub(super) fn lengths(&self) -> Vec<(usize, f64)> {
        self.held.iter().rev().map(|run| (run.rows, libm::exp(run.weight))).collect()
    }

    /// The probability that the latest row began a run. Whether another begins after it is no matter.
    pub(super) fn change(&self) -> f64 {
        let newest = self.held.iter().rev().find(|run| run.rows == 1);
        newest.map_or(0.0, |run| libm::exp(run.weight - self.log_survival).min(1.0))
    }

    /// The start of the likeliest segmentation's last run that holds a row.
    pub(super) fn likeliest_start(&self) -> usize {
        let mut likeliest = (0, f64::NEG_INFINITY);
        for run in self.held.iter().filter(|run| run.rows > 0) {
            if run.best > likeliest.1 {
                likeliest = (run.start, run.best);
            }
        }
        likeliest.0
    }
}

/// ln Γ(a + ½) − ln Γ(a) − ½ ln a for large a.
fn tail(a: f64) -> f64 {
    let inverse = 1.0 / a;
    let square = inverse * inverse;
    inverse * (-1.0 / 8.0 + square * (1.0 / 192.0 - square * (1.0 / 640.0 - square * 17.0 / 14336.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_agrees_with_the_gamma_function_where_it_takes_over() {
        for a in [64.0, 100.5, 128.0] {
            let exact = libm::lgamma(a + 0.5) - libm::lgamma(a);
            assert!((0.5 * f64::ln(a) + tail(a) - exact).abs() < 2e-13, "{a}");
        }
        // Γ(5.5) / Γ(5) by hand: (9 · 7 · 5 · 3 · 1 / 2⁵) √π / 4!
        let exact = f64::ln(945.0 / 32.0 * std::f64::consts::PI.sqrt() / 24.0);
        assert!((0.5 * f64::ln(5.0) + tail(5.0) - exact).abs() < 1e-9);
    }
}
