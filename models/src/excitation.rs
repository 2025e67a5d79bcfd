//! Fits a self-exciting point process to the times of liquidations: how many were set off by earlier ones.
//!
//! # The model
//! A Hawkes process with an exponential kernel. The intensity, in liquidations per second, is
//! λ(t) = μ + Σ α β e^{−β (t − tᵢ)} over all earlier liquidations tᵢ:
//! - μ, the **baseline rate**: liquidations that nothing earlier set off;
//! - α, the **branching ratio**: how many further liquidations one sets off directly, on average, and in
//!   a steady state the share of all liquidations that earlier ones set off. Below 1 cascades die out;
//!   at 1 or above the stretch was growing;
//! - β, the decay, told as the **half-life** ln 2 / β: how long until half of those have come.
//!
//! # The fit
//! Maximum likelihood (Ogata 1978, 1988), with Ozaki's recursion (1979), so a pass costs O(n).
//! Half-lives from 0.01 s to a tenth of the span are searched on a fixed grid, then by bisection: no
//! chance, no starting guess. Standard errors are from the inverse of the observed information.
//! Liquidations at the first time are history for the rest and not scored; the stretch ends with the
//! last. An estimate at the edge of what is possible has no standard error.
//!
//! **Ties.** Liquidations that came in one frame have the same receive time. Each of them sees the
//! intensity just before that time, so none excites another of the tie, and all of them excite what
//! comes later. What one liquidation sets off within one frame is therefore not counted (the branching
//! ratio is a floor in that respect), and the likelihood cannot run away at distance 0. Ties that do
//! carry no information beyond their first member make the standard errors too small.
//!
//! # The score
//! Mean log-likelihood gain per liquidation over a homogeneous Poisson process, in nats (0.69 nats: what
//! came was held twice as likely). Once in sample, where it is never negative and flatters; once out of
//! sample: both processes are fitted to the first 70 % of the liquidations (a tie is never cut), keep
//! their parameters, and are scored on the rest, each liquidation forecast from all earlier ones. Its
//! standard error allows for dependence between neighbours (Newey and West 1987).
//!
//! # What it cannot say
//! The naive baseline has a constant rate. A rate that rises and falls for reasons of its own, such as
//! the hour of the day or news, also reads as excitation: a high branching ratio describes clustering
//! and does not prove cause. Venues that sample or hide events distort both ways, and time in which a
//! feed could not look counts as time in which nothing came.
//!
//! # Sources
//! A. G. Hawkes, *Spectra of some self-exciting and mutually exciting point processes*, Biometrika 58
//! (1971) 83–90. Y. Ogata, *The asymptotic behaviour of maximum likelihood estimators for stationary
//! point processes*, Ann. Inst. Stat. Math. 30 (1978) 243–261. T. Ozaki, *Maximum likelihood estimation
//! of Hawkes' self-exciting point processes*, Ann. Inst. Stat. Math. 31 (1979) 145–155. Y. Ogata, *On
//! Lewis' simulation method for point processes*, IEEE Trans. Inf. Theory 27 (1981) 23–31: the thinning
//! by which the tests draw cascades of known parameters. W. K. Newey and K. D. West, *A simple, positive
//! semi-definite, heteroskedasticity and autocorrelation consistent covariance matrix*, Econometrica 55
//! (1987) 703–708.

mod likelihood;
mod score;
mod search;

use crate::model::{FittedModel, Model, ModelError, Reading};
use crate::table::{Feature, FeatureSpec, FeatureTable};
use likelihood::Instants;
use score::Score;
use search::{Found, Place, search};

/// Fewest liquidations that are fitted.
pub const FEWEST_EVENTS: usize = 50;
/// Fewest different receive times that are fitted.
pub const FEWEST_TIMES: usize = 30;
/// Shortest span that is fitted, and shortest span of the first 70 %, seconds.
pub const LEAST_SPAN_SECS: f64 = 10.0;
/// Longest span that is fitted, seconds: some 32 years.
pub const MOST_SPAN_SECS: f64 = 1e9;

/// Log-likelihood gain, all liquidations together, below which excitation is not told from chance, nats.
/// Of 5,913 simulated stretches of constant rate, of 50 to 5,000 liquidations, 1 exceeded it.
const BY_CHANCE: f64 = 8.0;

/// The self-exciting process, unfitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Excitation;

impl Model for Excitation {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[Feature::ElapsedSecs] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        Ok(Box::new(FittedExcitation::new(&times(train)?)?))
    }
}

/// The column of times, checked for order.
fn times(train: &FeatureTable) -> Result<Vec<f64>, ModelError> {
    let column = Feature::ElapsedSecs.name();
    let times: Vec<f64> = train.column(column).ok_or(ModelError::MissingColumn { column })?.collect();
    match times.windows(2).position(|pair| pair[1] < pair[0]) {
        Some(before) => Err(ModelError::NotAscending { row: before + 1 }),
        None => Ok(times),
    }
}

/// What was learnt.
#[derive(Clone, Debug)]
struct FittedExcitation {
    events: usize,
    found: Found,
    /// Standard errors of baseline, branching and decay.
    errors: [Option<f64>; 3],
    /// Nats per liquidation.
    gain_in_sample: f64,
    out_of_sample: Score,
}

impl FittedExcitation {
    fn new(times: &[f64]) -> Result<Self, ModelError> {
        let instants = group(times)?;
        let found = search(&instants);
        if found.gain > BY_CHANCE {
            let half_life_secs = core::f64::consts::LN_2 / found.parameters.decay;
            match found.place {
                Place::ShortestHalfLife => {
                    return Err(ModelError::NotConverged {
                        half_life_secs,
                        remedy: "times this close show how frames arrive, so fit one venue at a time",
                    });
                }
                Place::LongestHalfLife => {
                    return Err(ModelError::NotConverged {
                        half_life_secs,
                        remedy: "the rate drifts over the whole stretch, so take a longer or a calmer one",
                    });
                }
                Place::Inside | Place::NoExcitation | Place::LeastBaseline => {}
            }
        }
        let out_of_sample = score::out_of_sample(&instants)?;
        Ok(Self {
            events: times.len(),
            errors: score::standard_errors(&instants.information(found.parameters), found.place.free()),
            gain_in_sample: found.gain / instants.scored(),
            found,
            out_of_sample,
        })
    }
}

/// Groups ascending times, if there are enough of them to fit.
fn group(times: &[f64]) -> Result<Instants, ModelError> {
    let events = times.len();
    if events < FEWEST_EVENTS {
        return Err(ModelError::TooFewEvents { events, needed: FEWEST_EVENTS });
    }
    let span_secs = times[events - 1] - times[0];
    if span_secs <= 0.0 {
        return Err(ModelError::IdenticalTimes { events });
    }
    if !(LEAST_SPAN_SECS..=MOST_SPAN_SECS).contains(&span_secs) {
        return Err(ModelError::NoSpan { span_secs, least_secs: LEAST_SPAN_SECS, most_secs: MOST_SPAN_SECS });
    }
    let instants = Instants::new(times);
    if instants.len() < FEWEST_TIMES {
        return Err(ModelError::TooFewTimes { distinct: instants.len(), needed: FEWEST_TIMES });
    }
    Ok(instants)
}

impl FittedModel for FittedExcitation {
    /// The half-life is left out where there is no excitation to fade, or none told from chance at
    /// the end of the half-lives searched.
    fn readings(&self) -> Vec<Reading> {
        let parameters = self.found.parameters;
        let [baseline_error, branching_error, decay_error] = self.errors;
        let mut readings = vec![
            Reading {
                name: "baseline_rate",
                value: parameters.baseline * 60.0,
                std_error: baseline_error.map(|error| error * 60.0),
                unit: "per minute",
                about: "Liquidations per minute that no earlier one set off",
            },
            Reading {
                name: "branching_ratio",
                value: parameters.branching,
                std_error: branching_error,
                unit: "",
                about: "Share of liquidations set off by earlier ones; at 1 or above the stretch was growing",
            },
        ];
        match self.found.place {
            Place::Inside | Place::LeastBaseline => readings.push(Reading {
                name: "half_life",
                value: core::f64::consts::LN_2 / parameters.decay,
                // The delta method: |d(ln 2 / β) / dβ| = ln 2 / β².
                std_error: decay_error
                    .map(|error| core::f64::consts::LN_2 / (parameters.decay * parameters.decay) * error),
                unit: "s",
                about: "Time in which half of what a liquidation sets off directly has come",
            }),
            Place::NoExcitation | Place::ShortestHalfLife | Place::LongestHalfLife => {}
        }
        readings.extend([
            Reading {
                name: "events",
                value: self.events as f64,
                std_error: None,
                unit: "",
                about: "Liquidations fitted",
            },
            Reading {
                name: "gain_in_sample",
                value: self.gain_in_sample,
                std_error: None,
                unit: "nats/event",
                about: "Mean log-likelihood gain over a constant rate, on the liquidations fitted (flatters)",
            },
            Reading {
                name: "gain_out_of_sample",
                value: self.out_of_sample.gain,
                std_error: Some(self.out_of_sample.std_error),
                unit: "nats/event",
                about: "The same on the last 30 %, both fitted on the first 70 % alone",
            },
            Reading {
                name: "events_out_of_sample",
                value: self.out_of_sample.events,
                std_error: None,
                unit: "",
                about: "Liquidations in the last 30 %",
            },
        ]);
        readings
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "counts and zeros are exact")]
mod tests;
