//! Finds the greatest likelihood: many starts roughly, the best of them in full.

use std::cmp::Ordering;

use super::Likelihood;
use super::autoregression::Autoregression;
use super::climb::{Top, climb};
use super::layout::Layout;
use super::regression::Regression;
use super::scaling::Scaling;
use super::starts;
use crate::chance::Chance;
use crate::model::ModelError;

/// A search that gains less than this over no regimes has found none, nats.
const NO_GAIN: f64 = 2.0;

/// How hard a rough look tries: local tops are many where rows are few, and steps are cheap there.
struct Effort {
    /// Starts drawn by chance.
    random: usize,
    /// Steps of expectation–maximisation that every start is given.
    first: usize,
    /// How many are given further steps, and how many.
    kept: usize,
    further: usize,
    /// How many are climbed from.
    climbed: usize,
}

impl Effort {
    const HARD: Self = Self { random: 4, first: 12, kept: 8, further: 20, climbed: 4 };

    fn of(rows: usize, regimes: usize) -> Self {
        if rows <= 600 {
            Self::HARD
        } else {
            Self { random: regimes, first: 4, kept: regimes + 1, further: 8, climbed: regimes }
        }
    }
}

/// Steps of a climb.
const MOST_STEPS: usize = 200;
/// Steps of a climb that only compares starts.
const ROUGH_CLIMB: usize = 25;
/// The variance of a regime is kept above this part of what is left without regimes, and one that ends
/// there has collapsed.
const LEAST_VARIANCE: f64 = 1e-8;

/// The greatest likelihood found.
pub(super) struct Found {
    pub theta: Vec<f64>,
    pub converged: bool,
    pub steps: usize,
    /// The floor that variances were kept above.
    pub least_variance: f64,
    pub notes: Vec<String>,
}

/// A climb's end, and whether a desk could stand behind it.
struct Candidate {
    top: Top,
    /// Why not, if not.
    flaw: Option<Flaw>,
}

impl Candidate {
    fn best_first(a: &Self, b: &Self) -> Ordering {
        a.flaw.cmp(&b.flaw).then(b.top.log_likelihood.total_cmp(&a.top.log_likelihood))
    }
}

/// The lesser flaw first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    /// A regime holds fewer rows than it has parameters.
    Empty,
    /// A regime's variance went to nothing.
    Collapsed,
    /// That of every regime did: they give the series exactly.
    Exact,
}

/// Whether a regime has nothing in it, or no variance.
fn flaw<L: Likelihood>(likelihood: &mut L, theta: &[f64], least_variance: f64) -> Option<Flaw> {
    let mut slope = vec![0.0; theta.len()];
    likelihood.gradient(theta, &mut slope);
    let layout = likelihood.layout();
    let flat = |regime: usize| theta[layout.variance(regime)] < 10.0 * least_variance;
    match (0..layout.regimes).filter(|regime| flat(*regime)).count() {
        0 => {}
        all if all == layout.regimes => return Some(Flaw::Exact),
        _ => return Some(Flaw::Collapsed),
    }
    let own = layout.coefficients.iter().filter(|c| c.switching).count()
        + usize::from(layout.switching_variance)
        + if layout.switching_ar { layout.order } else { 0 };
    let occupancy = likelihood.occupancy();
    occupancy.iter().any(|rows| *rows < own as f64 + 0.5).then_some(Flaw::Empty)
}

/// Climbs from each of `starts` and keeps the best end, those without a flaw before those with one.
fn best_of<L: Likelihood>(
    likelihood: &mut L,
    starts: &[Vec<f64>],
    least_variance: f64,
    most: usize,
    inverse: Option<&[f64]>,
) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = starts
        .iter()
        .filter_map(|start| {
            let top = climb(likelihood, start, least_variance, most, inverse.map(<[f64]>::to_vec))?;
            Some(Candidate { flaw: flaw(likelihood, &top.theta, least_variance), top })
        })
        .collect();
    candidates
        .sort_by(|a, b| a.flaw.cmp(&b.flaw).then(b.top.log_likelihood.total_cmp(&a.top.log_likelihood)));
    candidates
}

/// The best candidate as an answer, or why there is none.
fn answer(candidates: &[Candidate], least_variance: f64, steps: usize) -> Result<Found, ModelError> {
    let Some(best) = candidates.first() else {
        return Err(ModelError::Unsound {
            problem: "found no start with a finite likelihood".into(),
            remedy: "take fewer regimes or columns, or a longer stretch",
        });
    };
    if candidates.iter().any(|candidate| candidate.flaw == Some(Flaw::Exact)) {
        return Err(ModelError::Unsound {
            problem: "leaves nothing to explain: the regimes give the series exactly".into(),
            remedy: "leave out rows that stand far off, or take a series of more than a few values",
        });
    }
    let mut notes = Vec::new();
    match best.flaw {
        Some(Flaw::Collapsed | Flaw::Exact) => {
            return Err(ModelError::Unsound {
                problem: "drove the variance of a regime to nothing".into(),
                remedy: "take fewer regimes, leave out --switching-variance, or leave out rows that repeat one value or stand alone",
            });
        }
        Some(Flaw::Empty) => notes.push(
            "one regime holds fewer rows than it has parameters: read it as outliers, or take fewer regimes"
                .to_owned(),
        ),
        None => {}
    }
    if !best.top.converged {
        notes.push("the search did not settle: the likelihood is nearly flat, as it is where there are fewer regimes".to_owned());
    }
    Ok(Found {
        theta: best.top.theta.clone(),
        converged: best.top.converged,
        steps: steps + best.top.steps,
        least_variance,
        notes,
    })
}

/// Steps of expectation–maximisation from `theta` with constant transitions; the log-likelihood before the
/// last of them.
fn expectation_maximisation(model: &mut Regression, theta: &mut [f64], floor: f64, steps: usize) -> f64 {
    let least = 0.1 / model.rows() as f64;
    let mut log = f64::NEG_INFINITY;
    for _ in 0..steps {
        let now = model.expect(theta);
        model.maximise(theta, floor);
        model.maximise_transitions(theta, least);
        if (now - log).abs() < 1e-3 {
            return now;
        }
        log = now;
    }
    log
}

/// What no regression explains of the series, as a variance, and the residuals.
fn unexplained(
    model: &Regression,
    series: &[f64],
    regressors: &[f64],
    width: usize,
) -> Result<(Vec<f64>, Vec<f64>, f64), ModelError> {
    let beta = starts::least_squares(series, regressors, width).unwrap_or_else(|| vec![0.0; width]);
    let residuals: Vec<f64> = (0..model.rows()).map(|row| model.residual(row, &beta)).collect();
    let variance = residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64;
    if variance > 1e-12 {
        return Ok((beta, residuals, variance));
    }
    Err(nothing_left())
}

fn nothing_left() -> ModelError {
    ModelError::Unsound {
        problem: "leaves nothing to explain: the regressors already give the series exactly".into(),
        remedy: "leave out the columns of which the series is made",
    }
}

/// Fits a regression. `scaling` is that of its columns.
pub(super) fn regression(
    model: &mut Regression,
    series: &[f64],
    regressors: &[f64],
    scaling: &Scaling,
    seed: u64,
) -> Result<Found, ModelError> {
    let layout = model.layout().clone();
    let width = layout.coefficients.len();
    let (beta, residuals, variance) = unexplained(model, series, regressors, width)?;
    let floor = LEAST_VARIANCE * variance;
    let rows = starts::rough_rows(model.rows());
    let mut constant = if layout.varying { model.with_constant_transitions() } else { model.clone() };
    let plain = constant.layout().clone();
    let customary = customary_start(&plain, scaling, &beta, variance);
    let known = Known { residuals: &residuals, customary: &customary, floor, seed };
    let effort = Effort::of(rows.len(), layout.regimes);
    let (mut ends, mut spent) = rough(&mut constant, &rows, &known, &effort);
    let mut inverse: Option<Vec<f64>> = None;
    if rows.len() < model.rows() {
        // On the rough rows first, which also gives the curvature.
        let mut part = constant.cut(&rows);
        let climbed = best_of(&mut part, &ends, floor, MOST_STEPS, None);
        let share = rows.len() as f64 / model.rows() as f64;
        inverse = climbed.first().map(|best| best.top.inverse.iter().map(|entry| entry * share).collect());
        let mut all: Vec<Vec<f64>> = climbed.into_iter().take(2).map(|end| end.top.theta).collect();
        // What the rough look may have missed: rows at which it did not look.
        let weights = starts::by_size(&residuals, layout.regimes);
        all.push(starts::from_assignment(&mut constant, &plain, &weights, floor));
        let mut scored: Vec<(f64, Vec<f64>)> = all
            .into_iter()
            .map(|mut theta| (expectation_maximisation(&mut constant, &mut theta, floor, 3), theta))
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        ends = scored.into_iter().take(1).map(|(_, theta)| theta).collect();
        spent += 3;
    }
    let mut candidates = finish(model, &plain, &ends, floor, inverse.as_deref());
    // Nothing found, or nothing to stand behind: look again, at all rows and harder.
    let without = -0.5 * model.rows() as f64 * (libm::log(2.0 * std::f64::consts::PI * variance) + 1.0);
    let poor = candidates
        .first()
        .is_none_or(|best| best.flaw.is_some() || best.top.log_likelihood - without < NO_GAIN);
    if poor {
        let every: Vec<usize> = (0..model.rows()).collect();
        let (ends, steps) = rough(&mut constant, &every, &known, &Effort::HARD);
        candidates.extend(finish(model, &plain, &ends, floor, None));
        candidates.sort_by(Candidate::best_first);
        spent += steps;
    }
    answer(&candidates, floor, spent)
}

/// Climbs with all rows and parameters, from where constant transitions led.
fn finish(
    model: &mut Regression,
    plain: &Layout,
    ends: &[Vec<f64>],
    floor: f64,
    inverse: Option<&[f64]>,
) -> Vec<Candidate> {
    let layout = model.layout().clone();
    let mut starts: Vec<Vec<f64>> =
        ends.iter().map(|theta| starts::transplant(plain, theta, &layout)).collect();
    if layout.varying {
        starts.extend(sloped(&layout, &starts[..1.min(starts.len())]));
    }
    best_of(model, &starts, floor, MOST_STEPS, inverse.filter(|_| !layout.varying))
}

/// What a rough look needs to know of a series.
struct Known<'a> {
    /// Of least squares, all rows.
    residuals: &'a [f64],
    /// A start of its own.
    customary: &'a [f64],
    floor: f64,
    seed: u64,
}

/// statsmodels' start, in standardised units.
fn customary_start(layout: &Layout, scaling: &Scaling, beta: &[f64], variance: f64) -> Vec<f64> {
    // Of a vector in which every regime has the coefficients of least squares, the user's units are known.
    let mut even = vec![0.0; layout.parameters()];
    for regime in 0..layout.regimes {
        for (at, beta) in beta.iter().take(layout.coefficients.len()).enumerate() {
            even[layout.coefficient(at, regime)] = *beta;
        }
        even[layout.variance(regime)] = variance;
    }
    let user = scaling.to_user(layout, &even);
    let mut in_user: Vec<f64> =
        (0..layout.coefficients.len()).map(|at| user[layout.coefficient(at, 0)]).collect();
    in_user.extend_from_slice(beta.get(layout.coefficients.len()..).unwrap_or_default());
    let start = starts::customary(layout, &in_user, user[layout.variance(0)]);
    scaling.to_standard(layout, &start)
}

/// The best ends of expectation–maximisation on some rows, best first; and the steps that one of them took.
fn rough(
    constant: &mut Regression,
    rows: &[usize],
    known: &Known<'_>,
    effort: &Effort,
) -> (Vec<Vec<f64>>, usize) {
    let floor = known.floor;
    let mut rough = constant.cut(rows);
    let layout = rough.layout().clone();
    let left: Vec<f64> = rows.iter().map(|row| known.residuals[*row]).collect();
    let mut chance = Chance::new(known.seed);
    let mut all = vec![known.customary.to_vec()];
    for weights in starts::assignments(&left, layout.regimes, effort.random, &mut chance) {
        all.push(starts::from_assignment(&mut rough, &layout, &weights, floor));
    }
    let mut scored: Vec<(f64, Vec<f64>)> = all
        .into_iter()
        .map(|mut theta| (expectation_maximisation(&mut rough, &mut theta, floor, effort.first), theta))
        .filter(|(log, _)| log.is_finite())
        .collect();
    let collapsed =
        |theta: &[f64]| (0..layout.regimes).any(|regime| theta[layout.variance(regime)] < 10.0 * floor);
    let best_first = |a: &(f64, Vec<f64>), b: &(f64, Vec<f64>)| {
        collapsed(&a.1).cmp(&collapsed(&b.1)).then(b.0.total_cmp(&a.0))
    };
    scored.sort_by(best_first);
    scored.truncate(effort.kept);
    for (log, theta) in &mut scored {
        *log = expectation_maximisation(&mut rough, theta, floor, effort.further);
    }
    scored.sort_by(best_first);
    // Two starts that came to one place are one.
    scored.dedup_by(|later, earlier| (later.0 - earlier.0).abs() < 1e-2);
    scored.truncate(effort.climbed);
    (scored.into_iter().map(|(_, theta)| theta).collect(), effort.first + effort.further)
}

/// Starts at which varying transitions already lean on their covariates, either way.
fn sloped(layout: &Layout, starts: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut leaning = Vec::new();
    for start in starts {
        for covariate in 1..layout.covariates {
            for lean in [1.0, -1.0] {
                let mut theta = start.clone();
                for from in 0..layout.regimes {
                    for to in 0..layout.regimes - 1 {
                        theta[layout.transition(from, to, covariate)] = lean;
                    }
                }
                leaning.push(theta);
            }
        }
    }
    leaning
}

/// Fits an autoregression.
pub(super) fn autoregression(
    model: &mut Autoregression,
    scaling: &Scaling,
    seed: u64,
) -> Result<Found, ModelError> {
    let layout = model.layout().clone();
    let plain = starts::plain(model, &layout).ok_or_else(|| ModelError::Unsound {
        problem: "cannot tell the lags from the other columns".into(),
        remedy: "leave out columns that repeat the series' own past",
    })?;
    if plain.variance <= 1e-12 {
        return Err(nothing_left());
    }
    let floor = LEAST_VARIANCE * plain.variance;
    let mut constant = if layout.varying { model.with_constant_transitions() } else { model.clone() };
    let without = constant.layout().clone();
    let mut all = autoregressive_starts(model, &without, &plain, floor, seed);
    all.push(customary_start(&without, scaling, &plain.beta, plain.variance));

    let rough_rows = model.scored().min(2000) + layout.order;
    let mut rough = constant.cut(rough_rows);
    let mut ends = best_of(&mut rough, &all, floor, ROUGH_CLIMB, None);
    ends.dedup_by(|later, earlier| (later.top.log_likelihood - earlier.top.log_likelihood).abs() < 1e-3);
    ends.truncate(4);
    let whole = rough_rows == model.series().len();
    if !whole {
        let starts: Vec<Vec<f64>> = ends.iter().take(2).map(|end| end.top.theta.clone()).collect();
        ends = best_of(&mut constant, &starts, floor, ROUGH_CLIMB, None);
        ends.truncate(1);
    }
    let mut starts: Vec<Vec<f64>> =
        ends.iter().map(|end| starts::transplant(&without, &end.top.theta, &layout)).collect();
    if layout.varying {
        starts.extend(sloped(&layout, &starts[..1.min(starts.len())]));
    }
    let spent = ends.first().map_or(0, |end| end.top.steps);
    let candidates = best_of(model, &starts, floor, MOST_STEPS, None);
    answer(&candidates, floor, spent)
}

/// Starts of an autoregression, from switching regressions of the series and of what its ordinary
/// autoregression leaves.
fn autoregressive_starts(
    model: &Autoregression,
    layout: &Layout,
    plain: &starts::Plain,
    floor: f64,
    seed: u64,
) -> Vec<Vec<f64>> {
    let order = layout.order;
    let width = layout.coefficients.len();
    let levels = usize::from(layout.has_constant());
    let simple = Layout {
        varying: false,
        covariates: 1,
        coefficients: layout.coefficients[..levels].to_vec(),
        order: 0,
        switching_ar: false,
        ..layout.clone()
    };
    // What the exogenous columns do, and, the second time, what the lags do, is taken out first.
    let gone: f64 = plain.phi.iter().sum();
    let series = model.series();
    let outside: Vec<f64> = (0..series.len())
        .map(|row| {
            let x = &model.regressors()[row * width..(row + 1) * width];
            let by: f64 = x.iter().zip(&plain.beta).skip(levels).map(|(x, beta)| x * beta).sum();
            series[row] - by / (1.0 - gone)
        })
        .collect();
    let mut all = Vec::new();
    for whitened in [false, true] {
        let left: Vec<f64> = (order..series.len())
            .map(|row| {
                let by: f64 = (0..order).map(|lag| plain.phi[lag] * outside[row - lag - 1]).sum();
                outside[row] - if whitened { by } else { 0.0 }
            })
            .collect();
        let ones = vec![1.0; left.len() * levels];
        let mut regression = Regression::new(simple.clone(), left.clone(), ones, Vec::new());
        let rows = starts::rough_rows(left.len());
        let mean = left.iter().sum::<f64>() / left.len() as f64 * levels as f64;
        let residuals: Vec<f64> = left.iter().map(|value| value - mean).collect();
        let variance = residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64;
        let customary = starts::customary(&simple, &vec![mean; levels], variance);
        let known = Known { residuals: &residuals, customary: &customary, floor, seed };
        let effort = Effort::of(rows.len(), simple.regimes);
        let (ends, _) = rough(&mut regression, &rows, &known, &effort);
        for end in ends {
            for share in if whitened { [1.0, 0.5] } else { [0.0, 0.5] } {
                let mut theta = vec![0.0; layout.parameters()];
                theta[..layout.transitions()].copy_from_slice(&end[..simple.transitions()]);
                for regime in 0..layout.regimes {
                    for at in 0..width {
                        let place = layout.coefficient(at, regime);
                        theta[place] = if at < levels {
                            let level = end[simple.coefficient(at, regime)];
                            if whitened { level / (1.0 - gone) } else { level }
                        } else {
                            plain.beta[at] / (1.0 - gone)
                        };
                    }
                    theta[layout.variance(regime)] = end[simple.variance(regime)];
                    for lag in 0..order {
                        // Regimes that differ in nothing stay alike in every climb.
                        let apart = 1.0 - 0.3 * regime as f64;
                        let apart = if layout.switching_ar { apart } else { 1.0 };
                        theta[layout.ar(lag, regime)] = plain.phi[lag] * share * apart;
                    }
                }
                all.push(theta);
            }
        }
    }
    all
}
