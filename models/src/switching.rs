//! Fits Markov-switching regressions and autoregressions: which regime each row is in, and what differs.
//!
//! # The models
//! A hidden chain S of K regimes, 2 to 4, and Gaussian errors:
//! - [`SwitchingRegression`] (`ms`): yₜ = xₜ′β(Sₜ) + σ(Sₜ) εₜ. The regressors are a constant (unless
//!   `constant` is false), `lags` lags of the series itself and the columns in `exog`; all switch. The first
//!   `lags` rows only serve as lags.
//! - [`SwitchingAutoregression`] (`ms-ar`): yₜ − μₜ(Sₜ) = Σ φⱼ(Sₜ) (yₜ₋ⱼ − μₜ₋ⱼ(Sₜ₋ⱼ)) + σ(Sₜ) εₜ, where
//!   μₜ(s) = cₛ + xₜ′β: Hamilton's model. The constant switches; the coefficients of `exog` do not; φ switches
//!   where `switching_ar` says so. The first `order` rows only serve as lags.
//!
//! σ² switches where `switching_variance` says so. The series is the one column that is neither in `exog`
//! nor in `tvtp`. With `tvtp` columns zₜ the transition into row t varies: P(Sₜ = j | Sₜ₋₁ = i) is
//! proportional to exp(zₜ′γᵢⱼ), with γ of the last regime 0; a constant is put in front of zₜ by itself, so
//! that `p[0->0].tvtp0` is its coefficient and `p[0->0].tvtp1` that of the first column.
//!
//! The chain starts in the steady state of the (first row's) transition matrix: at the first scored row of
//! a regression, `order` rows earlier in an autoregression.
//!
//! # The fit
//! Maximum likelihood. Starts by level, by size, by time and by chance (seeded) and statsmodels' own start
//! take steps of expectation–maximisation; the best go on by quasi-Newton steps on the exact slope.
//! Long series are looked at roughly on some stretches first. Columns are standardised inside, so that units do
//! not matter. Autoregressive coefficients are kept stationary, as statsmodels keeps them. Standard errors
//! are from the inverse of the observed information in the parameters as told, and are left out of estimates at
//! the edge of what is possible. A likelihood grows beyond all bounds as one regime's variance shrinks on
//! rows that are alike: such ends are passed over, and an error where there is no other.
//!
//! # The report
//! Parameters have statsmodels' order and names (`p[0->0]` … `const[0]` … `sigma2[0]` … `ar.L1`), with
//! columns under their own names and lags as `<series>.L1`; lags come before `exog`. In given parameters
//! statsmodels' default names `x1`, `x2` … stand for the regressors too, and of a coefficient that does not
//! switch its name with the last regime's number. Regimes are numbered by variance; where it does not
//! switch, by their mean at the regressors' averages; where that does not either, by the sum of their
//! autoregressive coefficients. Given parameters are renumbered the same way: the likelihood does not change
//! with it. `aic` is −2 ℓ + 2 k and `bic` −2 ℓ + k ln n, n being the rows scored. Where transitions vary,
//! `transition` is their mean over the rows, and expected durations are 1 / (1 − pᵢᵢ) of that mean.
//! Labels are the most likely path (Viterbi), which need not agree row by row with the smoothed probabilities.
//!
//! # Sources
//! S. M. Goldfeld and R. E. Quandt, *A Markov model for switching regressions*, J. Econometrics 1 (1973)
//! 3–15. J. D. Hamilton, Econometrica 57 (1989) 357–384. A. J. Filardo, *Business-cycle phases and their
//! transitional dynamics*, J. Bus. Econ. Stat. 12 (1994) 299–308 (varying transitions). C.-J. Kim and
//! C. R. Nelson, *State-Space Models with Regime Switching* (1999). Files below name theirs.

mod autoregression;
mod chain;
mod climb;
mod free;
mod information;
mod layout;
mod product;
mod regression;
mod scaling;
mod search;
mod series;
mod starts;

use crate::model::{FittedModel, Model, ModelError, Reading};
use crate::regimes::{Parameter, RegimeOptions, RegimeReport};
use crate::table::{FeatureSpec, FeatureTable};
use autoregression::Autoregression;
use chain::Chain;
use information::information;
use layout::Layout;
use regression::Regression;
use search::Found;
use series::Series;

/// Which of the two models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Regression,
    Autoregression,
}

impl Kind {
    fn id(self) -> &'static str {
        match self {
            Self::Regression => "ms",
            Self::Autoregression => "ms-ar",
        }
    }
}

/// A likelihood of switching regimes at any parameters (standardised units).
trait Likelihood {
    fn layout(&self) -> &Layout;

    /// The log-likelihood at `theta`; how it changes with each parameter goes to `out`.
    fn gradient(&mut self, theta: &[f64], out: &mut [f64]) -> f64;

    /// The chain at the last parameters.
    fn chain(&self) -> &Chain;

    /// The expected number of rows in each regime at the last parameters.
    fn occupancy(&self) -> Vec<f64>;

    /// Scored rows × regimes at the last parameters: probability given this row and those before it.
    fn filtered(&self) -> Vec<Vec<f64>>;

    /// Scored rows × regimes at the last parameters: probability given all rows.
    fn smoothed(&self) -> Vec<Vec<f64>>;

    /// The most likely path.
    fn path(&mut self, theta: &[f64]) -> Vec<usize>;
}

/// Markov-switching regression, unfitted.
#[derive(Clone, Debug)]
pub struct SwitchingRegression {
    options: RegimeOptions,
}

impl SwitchingRegression {
    /// The model that `options` describe. What they cannot be is said when it is fitted.
    pub fn new(options: RegimeOptions) -> Self {
        Self { options }
    }

    /// Fits, or evaluates at given parameters.
    ///
    /// # Errors
    /// The options cannot be, the table does not give one series, or it cannot identify the model.
    pub fn estimate(&self, table: &FeatureTable) -> Result<Switching, ModelError> {
        estimate(Kind::Regression, &self.options, table)
    }
}

/// Hamilton's Markov-switching autoregression, unfitted.
#[derive(Clone, Debug)]
pub struct SwitchingAutoregression {
    options: RegimeOptions,
}

impl SwitchingAutoregression {
    /// The model that `options` describe. What they cannot be is said when it is fitted.
    pub fn new(options: RegimeOptions) -> Self {
        Self { options }
    }

    /// Fits, or evaluates at given parameters.
    ///
    /// # Errors
    /// The options cannot be, the table does not give one series, or it cannot identify the model.
    pub fn estimate(&self, table: &FeatureTable) -> Result<Switching, ModelError> {
        estimate(Kind::Autoregression, &self.options, table)
    }
}

impl Model for SwitchingRegression {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        Ok(Box::new(self.estimate(train)?))
    }
}

impl Model for SwitchingAutoregression {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        Ok(Box::new(self.estimate(train)?))
    }
}

/// A switching regression or autoregression, fitted or evaluated.
#[derive(Clone, Debug)]
pub struct Switching {
    report: RegimeReport,
    predicted: Vec<Vec<f64>>,
    /// Where transitions do not vary.
    next: Option<Vec<f64>>,
    covariance: Option<Vec<f64>>,
}

impl Switching {
    /// What it says of every row.
    pub fn report(&self) -> &RegimeReport {
        &self.report
    }

    /// Scored rows × regimes: probability given the rows before this one, and its own covariates.
    pub fn predicted(&self) -> &[Vec<f64>] {
        &self.predicted
    }

    /// Regimes of the row after the last; `None` where transitions vary, because its covariates are unknown.
    pub fn next(&self) -> Option<&[f64]> {
        self.next.as_deref()
    }

    /// The covariance matrix of the estimates, in the order of the report, row-major; rows and columns of
    /// estimates at the edge are 0. `None` where the information is not positive definite.
    pub fn covariance(&self) -> Option<&[f64]> {
        self.covariance.as_deref()
    }
}

fn estimate(kind: Kind, options: &RegimeOptions, table: &FeatureTable) -> Result<Switching, ModelError> {
    let series = series::read(kind, options, table)?;
    let (y, x, z) = (series.values.clone(), series.regressors.clone(), series.covariates.clone());
    let layout = series.layout.clone();
    match kind {
        Kind::Regression => {
            let mut model = Regression::new(layout, y, x, z);
            let found = match given(options, &series)? {
                Some(found) => found,
                None => search::regression(
                    &mut model,
                    &series.values,
                    &series.regressors,
                    &series.scaling,
                    options.seed,
                )?,
            };
            conclude(kind, &mut model, &series, found)
        }
        Kind::Autoregression => {
            let mut model = Autoregression::new(layout, y, x, z);
            let found = match given(options, &series)? {
                Some(found) => found,
                None => search::autoregression(&mut model, &series.scaling, options.seed)?,
            };
            conclude(kind, &mut model, &series, found)
        }
    }
}

/// Given parameters in place of a search.
fn given(options: &RegimeOptions, series: &Series) -> Result<Option<Found>, ModelError> {
    let Some(given) = &options.given else { return Ok(None) };
    let user = series.layout.read(given)?;
    Ok(Some(Found {
        theta: series.scaling.to_standard(&series.layout, &user),
        converged: true,
        steps: 0,
        least_variance: 0.0,
        notes: Vec::new(),
    }))
}

/// Numbers the regimes, and says what was found.
fn conclude<L: Likelihood>(
    kind: Kind,
    model: &mut L,
    series: &Series,
    found: Found,
) -> Result<Switching, ModelError> {
    let (layout, scaling) = (&series.layout, &series.scaling);
    let k = layout.regimes;
    let user = scaling.to_user(layout, &found.theta);
    let order = layout.report_order(&user, &series.means);
    let theta = layout.relabelled(&found.theta, &order);
    let mut notes = found.notes;

    let mut slope = vec![0.0; theta.len()];
    model.gradient(&theta, &mut slope);
    let covariance = information(model, &theta, &slope, found.least_variance);
    if covariance.is_none() {
        notes.push("no standard errors: the likelihood is not curved in every direction here".to_owned());
    }
    let covariance = covariance.map(|known| carry_over(series, theta.len(), &known));

    let standard = model.gradient(&theta, &mut slope);
    let (filtered, smoothed) = (model.filtered(), model.smoothed());
    let n = filtered.len();
    let log_likelihood = standard - n as f64 * libm::log(scaling.series.scale);
    let user = scaling.to_user(layout, &theta);
    let parameters: Vec<Parameter> = layout
        .names()
        .into_iter()
        .zip(&user)
        .enumerate()
        .map(|(at, (name, value))| Parameter {
            name,
            value: *value,
            std_error: covariance
                .as_ref()
                .map(|matrix| libm::sqrt(matrix[at * user.len() + at]))
                .filter(|error| error.is_finite() && *error > 0.0),
        })
        .collect();
    let finite = log_likelihood.is_finite()
        && user.iter().all(|value| value.is_finite())
        && filtered.iter().chain(&smoothed).flatten().all(|p| p.is_finite());
    if !finite {
        return Err(ModelError::Unsound {
            problem: "gave numbers too large or too small to compute with".into(),
            remedy: "rescale the columns, or give other parameters",
        });
    }
    let transition = model.chain().mean();
    let (predicted, next) = predictions(model.chain(), &filtered, layout, series.skipped, kind);
    let expected_durations = (0..k)
        .map(|from| {
            // What leaves, summed up: 1 − pᵢᵢ would lose its digits near 0.
            let leaving: f64 = (0..k).filter(|to| *to != from).map(|to| transition[from][to]).sum();
            1.0 / leaving
        })
        .collect();
    let count = parameters.len() as f64;
    let report = RegimeReport {
        model: kind.id(),
        states: k,
        n,
        skipped: series.skipped,
        log_likelihood: Some(log_likelihood),
        objective: None,
        aic: Some(-2.0 * log_likelihood + 2.0 * count),
        bic: Some(-2.0 * log_likelihood + count * libm::log(n as f64)),
        converged: found.converged,
        iterations: found.steps,
        parameters,
        transition,
        expected_durations,
        filtered,
        smoothed,
        labels: model.path(&theta),
        shift: Vec::new(),
        notes,
    };
    Ok(Switching { report, predicted, next, covariance })
}

/// The covariance of the estimates in the user's units; 0 in rows of what was held.
fn carry_over(series: &Series, size: usize, known: &information::Information) -> Vec<f64> {
    let (layout, scaling) = (&series.layout, &series.scaling);
    let origin = scaling.to_user(layout, &vec![0.0; size]);
    // The map is affine: a way goes where its vector goes, less where 0 goes.
    let columns: Vec<Vec<f64>> = known
        .ways
        .iter()
        .map(|way| {
            let mut vector = vec![0.0; size];
            for (place, by) in &way.along {
                vector[*place] = *by;
            }
            scaling.to_user(layout, &vector).iter().zip(&origin).map(|(to, from)| to - from).collect()
        })
        .collect();
    let ways = known.ways.len();
    let mut covariance = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..size {
            for (a, left) in columns.iter().enumerate() {
                if left[i].abs() > 0.0 {
                    for (b, right) in columns.iter().enumerate() {
                        covariance[i * size + j] += left[i] * known.covariance[a * ways + b] * right[j];
                    }
                }
            }
        }
    }
    covariance
}

/// One-step predictions of the scored rows, and of the row after the last.
fn predictions(
    chain: &Chain,
    filtered: &[Vec<f64>],
    layout: &Layout,
    skipped: usize,
    kind: Kind,
) -> (Vec<Vec<f64>>, Option<Vec<f64>>) {
    let k = layout.regimes;
    let step = |from: &[f64], row: usize| -> Vec<f64> {
        let matrix = chain.at(row);
        (0..k).map(|to| (0..k).map(|i| from[i] * matrix[i * k + to]).sum()).collect()
    };
    // An autoregression's chain starts `order` rows before the first that is scored.
    let before = if kind == Kind::Autoregression { skipped } else { 0 };
    let mut first = chain.initial[..k].to_vec();
    for row in 1..=before {
        first = step(&first, row);
    }
    let mut predicted = Vec::with_capacity(filtered.len());
    predicted.push(first);
    predicted.extend(filtered.windows(2).enumerate().map(|(at, pair)| step(&pair[0], before + at + 1)));
    let next = match filtered.last() {
        Some(last) if !layout.varying => Some(step(last, 0)),
        _ => None,
    };
    (predicted, next)
}

/// Names and explanations of readings by regime.
const NOW: [&str; layout::MOST_REGIMES] = ["regime_0_now", "regime_1_now", "regime_2_now", "regime_3_now"];
const NEXT: [&str; layout::MOST_REGIMES] =
    ["regime_0_next", "regime_1_next", "regime_2_next", "regime_3_next"];

impl FittedModel for Switching {
    fn readings(&self) -> Vec<Reading> {
        let plain = |name, value, unit, about| Reading { name, value, std_error: None, unit, about };
        let mut readings = vec![plain("rows", self.report.n as f64, "", "Rows scored")];
        for (name, value, about) in [
            ("log_likelihood", self.report.log_likelihood, "How likely the series is under the estimates"),
            ("aic", self.report.aic, "Akaike's criterion; less is better"),
            ("bic", self.report.bic, "Schwarz's criterion; less is better"),
        ] {
            readings.extend(value.map(|value| plain(name, value, "nats", about)));
        }
        if let Some(last) = self.report.filtered.last() {
            for (name, p) in NOW.into_iter().zip(last) {
                readings.push(plain(
                    name,
                    *p,
                    "",
                    "Probability of this regime at the last row, given all rows",
                ));
            }
        }
        for (name, p) in NEXT.into_iter().zip(self.next.iter().flatten()) {
            readings.push(plain(name, *p, "", "Probability of this regime one row after the last"));
        }
        readings
    }

    fn regimes(&self) -> Option<&RegimeReport> {
        Some(&self.report)
    }
}

#[cfg(test)]
mod tests;
