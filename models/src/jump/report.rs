//! A jump model as a model of regimes: options in, one report out.

use super::{Grid, JumpFit, JumpOptions, Shape, evaluate, fit, fit_sparse};
use crate::model::{FittedModel, Model, ModelError, Reading};
use crate::regimes::{Given, Parameter, RegimeOptions, RegimeReport, mean_visits};
use crate::table::{FeatureSpec, FeatureTable};

/// Which of the jump models.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Discrete,
    Continuous,
    Sparse { max_feats: f64 },
}

/// A jump model, unfitted, of any series of the user's. It has use for `states`, `penalty`, `seed`,
/// `iterations` (at most so many steps), `start` (its `means` are where the only descent starts) and `given` (the
/// centroids, in the order of the report, by its names, or as the `means` of a Gaussian model).
#[derive(Clone, Debug)]
pub struct JumpModel {
    options: RegimeOptions,
    kind: Kind,
}

impl JumpModel {
    /// One regime at a time.
    pub fn discrete(options: RegimeOptions) -> Self {
        Self { options, kind: Kind::Discrete }
    }

    /// Mixtures of regimes, on the default [`Grid`].
    pub fn continuous(options: RegimeOptions) -> Self {
        Self { options, kind: Kind::Continuous }
    }

    /// One regime at a time, told apart by about `max_feats` of the columns.
    pub fn sparse(options: RegimeOptions, max_feats: f64) -> Self {
        Self { options, kind: Kind::Sparse { max_feats } }
    }

    fn options(&self) -> JumpOptions {
        let plain = JumpOptions::default();
        JumpOptions {
            states: self.options.states,
            penalty: self.options.penalty,
            shape: match self.kind {
                Kind::Continuous => Shape::Continuous(Grid::default()),
                Kind::Discrete | Kind::Sparse { .. } => Shape::Discrete,
            },
            seed: self.options.seed,
            iterations: self.options.iterations.unwrap_or(plain.iterations),
            from: self.options.start.as_ref().map(|start| start.means.clone()),
            ..plain
        }
    }
}

impl Model for JumpModel {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        let options = self.options();
        let (id, fitted) = match (self.kind, &self.options.given) {
            (Kind::Sparse { .. }, Some(_)) => {
                let problem = "has centroids but no weights; leave it out for a sparse jump model".to_owned();
                return Err(ModelError::Option { option: "--params", problem });
            }
            (Kind::Sparse { max_feats }, None) => ("jump-sparse", fit_sparse(train, &options, max_feats)?),
            (kind, given) => {
                let id = if kind == Kind::Continuous { "jump-continuous" } else { "jump" };
                (
                    id,
                    match given {
                        Some(given) => evaluate(train, &options, &centers(given, train, options.states)?)?,
                        None => fit(train, &options)?,
                    },
                )
            }
        };
        let mut report = report(id, &fitted, train)?;
        report.converged |= self.options.given.is_some();
        if let Some(column) = constant(train) {
            report.notes.push(format!("column {column} is constant and tells no regimes apart"));
        }
        Ok(Box::new(Fitted { report, switches: fitted.switches() }))
    }
}

/// Centroids as they are given.
fn centers(given: &Given, table: &FeatureTable, states: usize) -> Result<Vec<Vec<f64>>, ModelError> {
    let columns = table.names().len();
    match given {
        Given::Gaussian(start) => Ok(start.means.clone()),
        Given::Ordered(values) => Ok(values.chunks(columns).map(<[f64]>::to_vec).collect()),
        Given::Named(values) => {
            let of = |state: usize, column: &String| {
                let name = name(state, column);
                values.get(&name).copied().ok_or_else(|| ModelError::Option {
                    option: "--params",
                    problem: format!("has no {name}; give the mean of every regime and column"),
                })
            };
            (0..states).map(|state| table.names().iter().map(|column| of(state, column)).collect()).collect()
        }
    }
}

fn name(state: usize, column: &str) -> String {
    format!("means[{state}].{column}")
}

fn constant(table: &FeatureTable) -> Option<&String> {
    table.names().iter().find(|name| {
        let mut column = table.column(name).into_iter().flatten();
        let first = column.next();
        first.is_some_and(|first| column.all(|value| value.total_cmp(&first).is_eq()))
    })
}

fn report(id: &'static str, fit: &JumpFit, train: &FeatureTable) -> Result<RegimeReport, ModelError> {
    let centers: Vec<Vec<f64>> = fit.centers().into_iter().flatten().collect();
    let states = centers.len();
    // Regimes without rows come last, so the first columns are those of the others.
    let kept = |mut rows: Vec<Vec<f64>>| {
        for row in &mut rows {
            row.truncate(states);
        }
        rows
    };
    let labels = fit.labels();
    let mut notes = Vec::new();
    if states < fit.states() {
        notes.push(format!(
            "{} regimes were asked for and {states} found: no row belongs to the others; a lower penalty finds more",
            fit.states()
        ));
    }
    if fit.unsettled() > 0 {
        notes.push(format!("{} of the starts did not settle", fit.unsettled()));
    }
    let transition = transition(&labels, states);
    if transition.is_empty() {
        notes.push("no transition table: a regime is never left".to_owned());
    }
    let mut parameters = Vec::new();
    for (state, center) in centers.iter().enumerate() {
        for (column, value) in fit.names().iter().zip(center) {
            parameters.push(Parameter { name: name(state, column), value: *value, std_error: None });
        }
    }
    for (column, weight) in fit.names().iter().zip(fit.feat_weights().unwrap_or_default()) {
        parameters.push(Parameter {
            name: format!("feat_weights.{column}"),
            value: *weight,
            std_error: None,
        });
    }
    Ok(RegimeReport {
        model: id,
        states,
        n: labels.len(),
        skipped: 0,
        log_likelihood: None,
        objective: Some(fit.objective()),
        aic: None,
        bic: None,
        converged: fit.is_settled(),
        iterations: fit.iterations(),
        parameters,
        transition,
        expected_durations: mean_visits(&labels, states),
        filtered: kept(fit.predict_probabilities_online(train)?),
        smoothed: kept(fit.probabilities()),
        labels,
        shift: Vec::new(),
        notes,
    })
}

/// How often each regime is followed by each, as shares; empty where one is never followed.
fn transition(labels: &[usize], states: usize) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0.0; states]; states];
    for pair in labels.windows(2) {
        counts[pair[0]][pair[1]] += 1.0;
    }
    for row in &mut counts {
        let total: f64 = row.iter().sum();
        if total <= 0.0 {
            return Vec::new();
        }
        for count in row {
            *count /= total;
        }
    }
    counts
}

struct Fitted {
    report: RegimeReport,
    switches: usize,
}

impl FittedModel for Fitted {
    fn readings(&self) -> Vec<Reading> {
        let reading = |name, value, unit, about| Reading { name, value, std_error: None, unit, about };
        let mut readings = vec![
            reading("regimes", self.report.states as f64, "", "regimes that rows belong to"),
            reading("switches", self.switches as f64, "", "times that the regime changes"),
        ];
        let objective = self.report.objective;
        readings.extend(objective.map(|value| {
            reading(
                "objective",
                value,
                "",
                "half the squared distances to the centroids, and the price of the switches",
            )
        }));
        readings
    }

    fn regimes(&self) -> Option<&RegimeReport> {
        Some(&self.report)
    }
}
