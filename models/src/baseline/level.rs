//! Reads the one level that a baseline speaks of, and refuses what cannot be one.

use super::Kind;
use crate::forecast::Boundary;
use crate::model::ModelError;
use crate::regimes::RegimeOptions;
use crate::regression::LARGEST;
use crate::table::FeatureTable;

/// A level, oldest first, and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    /// The column's name.
    pub(super) name: String,
    pub(super) values: Vec<f64>,
    pub(super) horizon: usize,
    pub(super) boundary: Boundary,
}

impl Level {
    /// The levels of the rows whose outcome the series holds.
    pub(super) fn training(&self) -> &[f64] {
        &self.values[..self.values.len().saturating_sub(self.horizon)]
    }
}

pub(super) fn option(option: &'static str, problem: impl Into<String>) -> ModelError {
    ModelError::Option { option, problem: problem.into() }
}

/// The level in `table`. Only what is to be fitted must be long enough.
pub(super) fn read(kind: Kind, options: &RegimeOptions, table: &FeatureTable) -> Result<Level, ModelError> {
    let id = kind.id();
    if options.states != 2 {
        let problem = format!("is {}, and {id} knows 2 regimes, low and high; use 2", options.states);
        return Err(option("--states", problem));
    }
    if options.horizon == 0 {
        return Err(option("--horizon", "is 0; use at least 1 row"));
    }
    let boundary = match options.boundary {
        Some(_) if options.given.is_some() => {
            return Err(option(
                "--boundary",
                "is among the parameters that are given; leave one of them out",
            ));
        }
        Some(line) if line.abs() <= LARGEST => Boundary::Fixed(line),
        Some(line) => {
            return Err(option("--boundary", format!("is {line}; use a number within ±{LARGEST:e}")));
        }
        None if options.quantile > 0.0 && options.quantile < 1.0 => Boundary::Quantile(options.quantile),
        None => {
            let problem = format!("is {}; use a share between 0 and 1, as 0.7", options.quantile);
            return Err(option("--quantile", problem));
        }
    };
    let [name] = table.names() else {
        let problem = format!("gives {}; {id} reads one level, give one column", table.names().join(", "));
        return Err(option("--columns", problem));
    };
    let values: Vec<f64> = table.column(name).into_iter().flatten().collect();
    // Two training rows can be in two regimes; given parameters need one row to speak of.
    let needed = if options.given.is_some() { 1 } else { options.horizon.saturating_add(2) };
    if values.len() < needed {
        let wanted = format!("{id} at a horizon of {}", options.horizon);
        return Err(ModelError::TooFewRows { rows: values.len(), needed, wanted });
    }
    if let Some(value) = values.iter().find(|value| value.abs() > LARGEST) {
        let problem = format!("cannot square column {name}, which reaches {value:e}");
        return Err(ModelError::Unsound { problem, remedy: "divide the column by a power of ten" });
    }
    Ok(Level { name: name.clone(), values, horizon: options.horizon, boundary })
}
