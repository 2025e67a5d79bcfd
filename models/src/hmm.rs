//! Fits a Gaussian hidden Markov model: regimes that last, each with its own mean and covariance.
//!
//! # The model
//! An unseen regime, one of 2 to 4, moves from row to row as a Markov chain; a row is normal with the mean
//! and the covariance of the regime that it falls in. Parameters have hmmlearn's names: `startprob`,
//! `transmat`, `means`, `covars`.
//!
//! # The fit
//! Expectation–maximisation on standardised columns, so that units do not matter. It starts from several
//! partitions of the rows: linfa's k-means and Gaussian mixture from several seeds each (rows clipped at six
//! robust standard deviations), and rows sorted by how wild those around them are. A short climb from each,
//! a long one of the best three, and the greatest penalised likelihood is kept.
//!
//! The penalty keeps the search from the degenerate: each regime counts as seen to stay once more and to leave a
//! hundredth time more (a sticky Dirichlet prior), and a multiple 2/√n of one row of the covariance of all clipped
//! rows is in the covariance of each regime. The last climb is without the second, which would widen regimes far
//! narrower than the whole, unless a regime then shrinks onto a few rows. From a stated start there is no penalty at
//! all: `--start` with `--iterations` is hmmlearn's expectation–maximisation with its own priors switched off.
//!
//! Regimes are numbered by the sum of their columns' variances, each in units of the variance of that column
//! over all rows: 0 is the calmest.
//!
//! # What it cannot say
//! That there are regimes at all: it finds as many as are asked for. A note says when a single normal
//! distribution has the lower BIC. Columns that are heavy-tailed within a regime make the wildest regime a
//! bag of outliers; a note says when a regime holds next to no rows. Standard errors are not given.
//!
//! # Sources
//! L. R. Rabiner, *A tutorial on hidden Markov models and selected applications in speech recognition*, Proc.
//! IEEE 77 (1989) 257–286. J. Chen and X. Tan, *Inference for multivariate normal mixtures*, J. Multivariate
//! Anal. 100 (2009) 1367–1383: the penalty on covariances. E. B. Fox et al., *A sticky HDP-HMM with application
//! to speaker diarization*, Ann. Appl. Stat. 5 (2011) 1020–1056: a prior that is heavier where a regime stays.

mod chain;
mod columns;
mod decay;
mod em;
mod emission;
mod filter;
mod fit;
mod gaussian;
mod prior;
mod starts;
mod stated;
#[cfg(test)]
mod tests;

pub use filter::Filter;
pub use fit::{Fit, fit};
pub use gaussian::{Evaluation, Gaussian, Path, Simulated};
pub use prior::Strength;

use crate::model::{FittedModel, Model, ModelError, Reading};
use crate::regimes::{Parameter, RegimeOptions, RegimeReport};
use crate::scalar::{mean, std_dev};
use crate::table::{FeatureSpec, FeatureTable};

/// A regime that is the most likely of fewer rows than this for each number that its mean and covariance
/// have is said to hold next to none.
const ROWS_A_NUMBER: usize = 3;

/// The Gaussian hidden Markov model, unfitted.
#[derive(Clone, Debug)]
pub struct GaussianHmm {
    options: RegimeOptions,
}

impl GaussianHmm {
    /// With these options; reads `states`, `covariance`, `seed`, `iterations`, `start` and `given`.
    pub fn new(options: RegimeOptions) -> Self {
        Self { options }
    }
}

impl Model for GaussianHmm {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        let fit = match &self.options.given {
            Some(_) => self.given(train)?,
            None => fit(train, &self.options, Strength::default())?,
        };
        Ok(Box::new(FittedHmm { report: report(train, fit)? }))
    }
}

impl GaussianHmm {
    /// The model at the parameters that are given, its regimes in order of variance.
    fn given(&self, table: &FeatureTable) -> Result<Fit, ModelError> {
        let RegimeOptions { states, covariance, given, .. } = &self.options;
        let names = table.names();
        let Some(given) = given else { return fit(table, &self.options, Strength::default()) };
        let parameters = stated::given(given, *states, names, *covariance)?;
        let stated = Gaussian::stated(&parameters, names.len(), *covariance, "--params")?;
        if table.rows() == 0 {
            return Err(ModelError::TooFewRows { rows: 0, needed: 1, wanted: "an evaluation".to_owned() });
        }
        let units: Vec<f64> = (names.iter())
            .map(|name| {
                let column: Vec<f64> = table.column(name).into_iter().flatten().collect();
                std_dev(&column).map_or(1.0, |scale| scale * scale)
            })
            .collect();
        // Of a column without variance, variances are compared as they are.
        let unit = |j: usize| if units[j] > 0.0 && units[j].is_finite() { units[j] } else { 1.0 };
        let order = fit::ordered(stated.parameters(), unit);
        let notes = if &order == stated.parameters() { Vec::new() } else { vec![fit::RENUMBERED.to_owned()] };
        let model = Gaussian::new(&order, *covariance)?;
        Ok(Fit { log_likelihood: model.score(table)?, model, history: Vec::new(), converged: true, notes })
    }
}

/// What was learnt.
#[derive(Clone, Debug)]
struct FittedHmm {
    report: RegimeReport,
}

impl FittedModel for FittedHmm {
    fn readings(&self) -> Vec<Reading> {
        let report = &self.report;
        let switches = report.labels.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let certainty: Vec<f64> =
            report.smoothed.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect();
        let row = |name, value, unit, about| Reading { name, value, std_error: None, unit, about };
        let mut readings = vec![
            row("rows", report.n as f64, "", "rows that were fitted"),
            row("regimes", report.states as f64, "", "regimes that were asked for"),
            row("switches", switches as f64, "", "changes of regime along the most likely path"),
        ];
        let values = [
            ("log_likelihood", report.log_likelihood, "nats", "log-likelihood of the rows"),
            ("aic", report.aic, "", "Akaike's criterion: lower is better"),
            ("bic", report.bic, "", "Schwarz's criterion: lower is better"),
            (
                "certainty",
                mean(&certainty),
                "",
                "mean probability of each row's likeliest regime, given all rows",
            ),
        ];
        for (name, value, unit, about) in values {
            readings.extend(value.map(|value| row(name, value, unit, about)));
        }
        readings
    }

    fn regimes(&self) -> Option<&RegimeReport> {
        Some(&self.report)
    }
}

fn report(table: &FeatureTable, fit: Fit) -> Result<RegimeReport, ModelError> {
    let Fit { model, history, converged, mut notes, .. } = fit;
    let Evaluation { log_likelihood, filtered, smoothed, path } = model.evaluate(table)?;
    let n = table.rows();
    let free = model.free_parameters() as f64;
    let sound = log_likelihood.is_finite() && smoothed.iter().flatten().all(|p| p.is_finite());
    if !sound {
        return Err(ModelError::Unsound {
            problem: format!("has a log-likelihood of {log_likelihood}"),
            remedy: "give the columns in other units, or parameters nearer to them",
        });
    }
    let width = model.columns();
    for state in 0..model.states() {
        let rows = path.labels.iter().filter(|label| **label == state).count();
        if rows < ROWS_A_NUMBER * (width + 1) {
            notes.push(format!("regime {state} is the likeliest of only {rows} of {n} rows"));
        }
    }
    let durations: Option<Vec<f64>> = model.expected_durations().into_iter().collect();
    if durations.is_none() {
        notes.push("a regime is never left, so there are no expected durations".to_owned());
    }
    Ok(RegimeReport {
        model: "hmm",
        states: model.states(),
        n,
        skipped: 0,
        log_likelihood: Some(log_likelihood),
        objective: None,
        aic: Some(2.0 * free - 2.0 * log_likelihood),
        bic: Some(free * libm::log(n as f64) - 2.0 * log_likelihood),
        converged,
        iterations: history.len(),
        parameters: stated::listed(model.parameters(), table.names(), model.covariance())
            .into_iter()
            .map(|(name, value)| Parameter { name, value, std_error: None })
            .collect(),
        transition: model.parameters().transmat.clone(),
        expected_durations: durations.unwrap_or_default(),
        filtered,
        smoothed,
        labels: path.labels,
        shift: Vec::new(),
        notes,
    })
}
