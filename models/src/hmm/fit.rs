//! Fits a Gaussian hidden Markov model: from a stated start, or from many and the best kept.

use super::columns::{Columns, Units, covariance_of};
use super::em::{Climb, Steps, Summit};
use super::emission::Collapsed;
use super::gaussian::Gaussian;
use super::prior::{Prior, Strength};
use super::starts::{Starts, Wanted};
use super::{ROWS_A_NUMBER, stated};
use crate::dense::Cholesky;
use crate::model::ModelError;
use crate::regimes::{Covariance, RegimeOptions, Start};
use crate::table::FeatureTable;

/// Steps that every start is given before the best go on (the short runs of C. Biernacki, G. Celeux and
/// G. Govaert, Comput. Stat. Data Anal. 41 (2003) 561–575, doi 10.1016/S0167-9473(02)00163-9).
const SHORT: usize = 10;
/// How many go on.
const FINALISTS: usize = 3;
/// Most steps of one that goes on.
const LONG: usize = 1_000;
/// Short runs whose objectives differ by less than this have found the same place, nats.
const SAME: f64 = 1e-3;

/// The note where regimes are not in the order in which they were stated.
pub(super) const RENUMBERED: &str = "regimes are numbered by variance, not as they were given";

/// A Gaussian hidden Markov model and how it was found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The model, its regimes ordered by the sum of their columns' variances, each in units of the variance
    /// of that column over all rows.
    pub model: Gaussian,
    /// Log-likelihood, nats.
    pub log_likelihood: f64,
    /// Log-likelihood before each step of the search that ended in this model, nats.
    pub history: Vec<f64>,
    /// Whether that search settled.
    pub converged: bool,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Fits to all columns of `table`. Reads `states`, `covariance`, `seed`, `iterations` and `start`.
///
/// From a stated start the likelihood alone is climbed, without a prior: `iterations` steps, or as many as it
/// takes. Without one, several starts are climbed under a prior of `strength`, and the best is kept.
///
/// # Errors
/// An option cannot be, the table cannot identify the model, or a regime shrank onto a few rows.
pub fn fit(table: &FeatureTable, options: &RegimeOptions, strength: Strength) -> Result<Fit, ModelError> {
    let states = options.start.as_ref().map_or(options.states, |start| start.startprob.len());
    match states {
        2 => fit_states::<2>(table, options, strength),
        3 => fit_states::<3>(table, options, strength),
        4 => fit_states::<4>(table, options, strength),
        _ => Err(stated::wrong_states(states, options.start.is_some())),
    }
}

fn fit_states<const K: usize>(
    table: &FeatureTable,
    options: &RegimeOptions,
    strength: Strength,
) -> Result<Fit, ModelError> {
    let shape = options.covariance;
    let width = table.names().len();
    let start = match &options.start {
        Some(start) => Some(stated::checked(start, width, shape, "--start")?),
        None => None,
    };
    let needed = if start.is_some() { K * (width + 1) } else { 2 * free_parameters(K, width, shape) };
    if table.rows() < needed {
        let columns = if width == 1 { "column" } else { "columns" };
        return Err(ModelError::TooFewRows {
            rows: table.rows(),
            needed,
            wanted: format!("{K} regimes of {width} {columns}"),
        });
    }
    let columns = Columns::new(table);
    let units = Units::new(table, &columns)?;
    let columns = units.standardised(&columns);
    let collinear = |column: usize| ModelError::Collinear { column: table.names()[column].clone() };
    let spread = covariance_of(&columns, shape).map_err(collinear)?;
    let mut notes = Vec::new();
    let summit = if let Some(start) = &start {
        let steps = options.iterations.map_or(Steps::Settle(LONG), Steps::Exactly);
        Climb::<K>::new(&columns, shape, None, units.inward(start))
            .and_then(|mut climb| climb.climb(steps))
            .map_err(collapsed)?
    } else {
        let wanted = Wanted { states: K, shape, seed: options.seed };
        // What is far off must not widen the regimes that it is not in.
        let clipped = columns.clipped();
        let usual = covariance_of(&clipped, shape).unwrap_or_else(|_| spread.clone());
        let prior = Prior::new(strength, K, &columns, usual);
        let starts = Starts::new(&columns, &clipped.in_deviations(), &prior, wanted);
        search::<K>(&columns, options, &prior, &starts, &mut notes)?
    };
    if !summit.converged && options.iterations.is_none() {
        notes.push(format!("the search was ended after {} steps without settling", summit.history.len()));
    }
    let parameters = ordered(&summit.parameters, |_| 1.0);
    if start.is_some() && parameters != summit.parameters {
        notes.push(RENUMBERED.to_owned());
    }
    let jacobian = units.log_jacobian(table.rows());
    let model = Gaussian::new(&units.outward(&parameters), shape)?;
    let log_likelihood = model.score(table)?;
    if start.is_none() {
        let bic = |log_likelihood: f64, free: usize| {
            free as f64 * libm::log(table.rows() as f64) - 2.0 * log_likelihood
        };
        let one = bic(single(table.rows(), width, &spread) + jacobian, width + free_covariance(width, shape));
        let all = bic(log_likelihood, model.free_parameters());
        if one <= all {
            notes.push(format!("a single regime has the lower BIC, {one:.1} against {all:.1}"));
        }
    }
    Ok(Fit {
        model,
        log_likelihood,
        history: summit.history.iter().map(|log_likelihood| log_likelihood + jacobian).collect(),
        converged: summit.converged,
        notes,
    })
}

/// Short climbs from every start, long ones of the best.
fn search<const K: usize>(
    columns: &Columns,
    options: &RegimeOptions,
    prior: &Prior,
    starts: &Starts,
    notes: &mut Vec<String>,
) -> Result<Summit, ModelError> {
    let mut unsettled = starts.unsettled;
    let mut climb: Option<Climb<'_, K>> = None;
    let mut short: Vec<(f64, &Start, Start)> = Vec::new();
    for start in &starts.parameters {
        let climbed = match &mut climb {
            Some(climb) => climb.restart(start.clone()),
            None => Climb::new(columns, options.covariance, Some(prior), start.clone())
                .map(|fresh| climb = Some(fresh)),
        };
        let summit = climbed.and_then(|()| match &mut climb {
            Some(climb) => climb.climb(Steps::Exactly(SHORT)),
            None => Err(Collapsed { state: 0 }),
        });
        match summit {
            Ok(summit) if summit.objective.is_finite() => {
                short.push((summit.objective, start, summit.parameters));
            }
            Ok(_) | Err(_) => unsettled += 1,
        }
    }
    short.sort_by(|a, b| b.0.total_cmp(&a.0));
    short.dedup_by(|a, b| (a.0 - b.0).abs() < SAME);
    let sticky = prior.without_covariance();
    // With whether it stands without the penalty on covariances.
    let mut best: Option<(bool, Summit)> = None;
    let mut failure = Collapsed { state: 0 };
    if let Some(climb) = &mut climb {
        // A stated number of steps is counted from the start itself.
        let (steps, finalists) = match options.iterations {
            Some(steps) => (Steps::Exactly(steps), 1),
            None => (Steps::Settle(LONG), FINALISTS),
        };
        for (_, start, climbed) in short.iter().take(finalists) {
            let from = if options.iterations.is_some() { *start } else { climbed };
            climb.under(Some(prior));
            match climb.restart(from.clone()).and_then(|()| climb.climb(steps)) {
                Ok(summit) => {
                    unsettled += usize::from(!summit.converged && options.iterations.is_none());
                    let freed = match options.iterations {
                        Some(_) => None,
                        None => freed(climb, &sticky, &summit),
                    };
                    let found = (freed.is_some(), freed.unwrap_or(summit));
                    let better = |best: &(bool, Summit)| {
                        found.0.cmp(&best.0).then(found.1.objective.total_cmp(&best.1.objective)).is_gt()
                    };
                    if best.as_ref().is_none_or(better) {
                        best = Some(found);
                    }
                }
                Err(error) => {
                    failure = error;
                    unsettled += 1;
                }
            }
        }
    }
    if unsettled > 0 {
        notes.push(format!("{unsettled} of {} starts did not settle", starts.tried));
    }
    best.map(|(_, summit)| summit).ok_or_else(|| collapsed(failure))
}

/// Climbs on from `summit`, where the climb is, without the penalty on covariances: it has kept the search from regimes
/// that shrink onto a few rows, and would only widen the narrow ones now. `None` where such a regime is what is found.
fn freed<'a, const K: usize>(climb: &mut Climb<'a, K>, sticky: &'a Prior, summit: &Summit) -> Option<Summit> {
    climb.under(Some(sticky));
    let freed = climb.climb(Steps::Settle(LONG)).ok()?;
    let enough = (ROWS_A_NUMBER * (freed.parameters.means[0].len() + 1)) as f64;
    let history = summit.history.iter().chain(&freed.history).copied().collect();
    (climb.fewest_rows() >= enough).then_some(Summit { history, ..freed })
}

pub(super) fn collapsed(error: Collapsed) -> ModelError {
    ModelError::Unsound {
        problem: format!("drove the variance of regime {} to nothing", error.state),
        remedy: "ask for fewer regimes or --covariance diag, or leave out --start",
    }
}

/// Free parameters, as hmmlearn counts them.
pub(super) fn free_parameters(states: usize, width: usize, shape: Covariance) -> usize {
    states - 1 + states * (states - 1) + states * (width + free_covariance(width, shape))
}

fn free_covariance(width: usize, shape: Covariance) -> usize {
    match shape {
        Covariance::Full => width * (width + 1) / 2,
        Covariance::Diagonal => width,
    }
}

/// The greatest log-likelihood of a single normal distribution of standardised columns with this covariance.
fn single(rows: usize, width: usize, covariance: &[f64]) -> f64 {
    let log_det = Cholesky::new(covariance, width).map_or(0.0, |factor| factor.log_det());
    -0.5 * rows as f64 * (width as f64 * (libm::log(2.0 * core::f64::consts::PI) + 1.0) + log_det)
}

/// The regimes in order of the sum of their columns' variances, each in units of `unit`.
pub(super) fn ordered(parameters: &Start, unit: impl Fn(usize) -> f64) -> Start {
    let total = |state: usize| -> f64 {
        let covariance = &parameters.covars[state];
        (0..covariance.len()).map(|j| covariance[j][j] / unit(j)).sum()
    };
    let mut order: Vec<usize> = (0..parameters.means.len()).collect();
    order.sort_by(|a, b| total(*a).total_cmp(&total(*b)));
    Start {
        startprob: order.iter().map(|i| parameters.startprob[*i]).collect(),
        transmat: (order.iter())
            .map(|i| order.iter().map(|j| parameters.transmat[*i][*j]).collect())
            .collect(),
        means: order.iter().map(|i| parameters.means[*i].clone()).collect(),
        covars: order.iter().map(|i| parameters.covars[*i].clone()).collect(),
    }
}
