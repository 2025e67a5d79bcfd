//! Change points as a model of regimes: options in, one report out.

use super::{LARGEST, Prior, Segmentation, segment};
use crate::model::{FittedModel, Model, ModelError, Reading};
use crate::regimes::{Given, Parameter, RegimeOptions, RegimeReport};
use crate::scalar;
use crate::table::{FeatureSpec, FeatureTable};

/// Fewest rows.
const FEWEST_ROWS: usize = 3;
/// A median absolute deviation times this is the standard deviation, where values are normal.
const NORMAL: f64 = 1.482_602_218_505_602;
/// The prior's numbers, as a report names them.
const NAMES: [&str; 4] = ["mu0", "kappa0", "alpha0", "beta0"];

/// A change-point model, unfitted, of any series of the user's. It has use for `run_length` and for `given`: each
/// column's prior as mu0, kappa0, alpha0, beta0.
#[derive(Clone, Debug)]
pub struct ChangePoints {
    options: RegimeOptions,
}

impl ChangePoints {
    /// The model with these options.
    pub fn new(options: RegimeOptions) -> Self {
        Self { options }
    }
}

impl Model for ChangePoints {
    fn features(&self) -> FeatureSpec {
        FeatureSpec { columns: &[] }
    }

    fn fit(&self, train: &FeatureTable) -> Result<Box<dyn FittedModel>, ModelError> {
        if train.rows() < FEWEST_ROWS {
            let wanted = "change points".to_owned();
            return Err(ModelError::TooFewRows { rows: train.rows(), needed: FEWEST_ROWS, wanted });
        }
        let priors = match &self.options.given {
            Some(given) => stated(given, train.names())?,
            None => train.names().iter().map(|name| learnt(train, name)).collect::<Result<_, _>>()?,
        };
        let found = segment(train, self.options.run_length, &priors)?;
        let latest = found.run_lengths.last().copied().unwrap_or(0);
        let report = report(train, &found, &priors, self.options.run_length);
        Ok(Box::new(Fitted { report, latest }))
    }
}

/// The prior that a column itself suggests.
fn learnt(table: &FeatureTable, name: &str) -> Result<Prior, ModelError> {
    let values = scalar::sorted(&table.column(name).into_iter().flatten().collect::<Vec<f64>>());
    let (lowest, highest) = (values[0], values[values.len() - 1]);
    if lowest.total_cmp(&highest).is_eq() {
        return Err(ModelError::ConstantColumn { column: name.to_owned() });
    }
    let top = lowest.abs().max(highest.abs());
    if top > LARGEST {
        let problem = format!("cannot square column {name}, which reaches {top:e}");
        return Err(ModelError::Unsound { problem, remedy: "divide the column by a power of ten" });
    }
    let mean = scalar::median(&values).unwrap_or(0.0);
    let apart = scalar::sorted(&values.iter().map(|value| (value - mean).abs()).collect::<Vec<f64>>());
    let mut scale = NORMAL * scalar::median(&apart).unwrap_or(0.0);
    if scale <= 0.0 {
        scale = scalar::std_dev(&values).unwrap_or(0.0);
    }
    if scale < 1.0 / LARGEST {
        let problem = format!("cannot square the scale of column {name}, {scale:e}");
        return Err(ModelError::Unsound { problem, remedy: "multiply the column by a power of ten" });
    }
    Ok(Prior { mean, strength: 1.0, shape: 1.0, rate: scale * scale })
}

/// The priors that the user states.
fn stated(given: &Given, names: &[String]) -> Result<Vec<Prior>, ModelError> {
    let refuse = |problem| ModelError::Option { option: "--params", problem };
    let prior = |four: &[f64]| Prior { mean: four[0], strength: four[1], shape: four[2], rate: four[3] };
    match given {
        Given::Ordered(values) if values.len() == 4 * names.len() => {
            Ok(values.chunks_exact(4).map(prior).collect())
        }
        Given::Ordered(values) => Err(refuse(format!(
            "has {} numbers; give {} for each column: {}",
            values.len(),
            NAMES.len(),
            NAMES.join(", ")
        ))),
        Given::Named(values) => {
            let of = |column: &String| {
                let four = NAMES.map(|name| values.get(&format!("{name}.{column}")).copied());
                let four: Option<Vec<f64>> = four.into_iter().collect();
                let names = NAMES.map(|name| format!("{name}.{column}")).join(", ");
                Ok(prior(&four.ok_or_else(|| refuse(format!("lacks one of {names}; give all four")))?))
            };
            names.iter().map(of).collect()
        }
        Given::Gaussian(_) => {
            Err(refuse(format!("is of a Gaussian hidden Markov model; give {}", NAMES.join(", "))))
        }
    }
}

fn report(table: &FeatureTable, found: &Segmentation, priors: &[Prior], run_length: f64) -> RegimeReport {
    let rows = table.rows();
    let bounds: Vec<(usize, usize)> = found
        .starts
        .iter()
        .zip(found.starts.iter().skip(1).chain([&rows]))
        .map(|(from, until)| (*from, *until))
        .collect();
    let parameter = |name: String, value| Parameter { name, value, std_error: None };
    let mut parameters = Vec::new();
    for (column, prior) in table.names().iter().zip(priors) {
        let four = [prior.mean, prior.strength, prior.shape, prior.rate];
        parameters
            .extend(NAMES.iter().zip(four).map(|(name, value)| parameter(format!("{name}.{column}"), value)));
    }
    for column in table.names() {
        let values: Vec<f64> = table.column(column).into_iter().flatten().collect();
        for (segment, (from, until)) in bounds.iter().enumerate() {
            let held = &values[*from..*until];
            let mean = scalar::mean(held).map(|mean| parameter(format!("means[{segment}].{column}"), mean));
            let deviation =
                scalar::std_dev(held).map(|value| parameter(format!("std[{segment}].{column}"), value));
            parameters.extend(mean.into_iter().chain(deviation));
        }
    }
    let pairs = |changes: &[f64]| changes.iter().map(|change| vec![1.0 - change, *change]).collect();
    let labels = bounds.iter().enumerate().flat_map(|(segment, (from, until))| vec![segment; until - from]);
    RegimeReport {
        model: "bocpd",
        states: bounds.len(),
        n: rows,
        skipped: 0,
        log_likelihood: Some(found.log_evidence),
        objective: None,
        aic: None,
        bic: None,
        converged: true,
        iterations: 0,
        parameters,
        transition: Vec::new(),
        expected_durations: Vec::new(),
        filtered: pairs(&found.filtered),
        smoothed: pairs(&found.smoothed),
        labels: labels.collect(),
        shift: Vec::new(),
        notes: vec![
            format!("a change is expected every {run_length} rows"),
            "filtered and smoothed: the probability that no change came at the row, and that one did"
                .to_owned(),
        ],
    }
}

struct Fitted {
    report: RegimeReport,
    latest: usize,
}

impl FittedModel for Fitted {
    fn readings(&self) -> Vec<Reading> {
        let reading = |name, value, unit, about| Reading { name, value, std_error: None, unit, about };
        let mut readings = vec![
            reading("segments", self.report.states as f64, "", "segments of the likeliest segmentation"),
            reading(
                "run_length",
                self.latest as f64,
                "rows",
                "likeliest length of the run that the last row is in",
            ),
        ];
        let evidence = self.report.log_likelihood;
        readings.extend(evidence.map(|value| {
            reading("log_evidence", value, "nats", "log density of the series, all segmentations together")
        }));
        readings
    }

    fn regimes(&self) -> Option<&RegimeReport> {
        Some(&self.report)
    }
}
