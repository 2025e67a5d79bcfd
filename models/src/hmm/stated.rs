//! Parameters that are stated instead of fitted: their names, and whether they can be.

use std::collections::BTreeMap;

use super::emission::Emission;
use crate::model::ModelError;
use crate::regimes::{Covariance, Given, Start};

/// Probabilities that sum to 1 but for this are divided by their sum.
const ROUNDED: f64 = 1e-6;
/// Entries of a covariance matrix across its diagonal may differ by this share of the larger.
const ASYMMETRY: f64 = 1e-9;

/// The error of a number of regimes that is not 2, 3 or 4.
pub(super) fn wrong_states(states: usize, by_start: bool) -> ModelError {
    if by_start {
        unsound("--start", format!("startprob has {states} entries; state 2 to 4 regimes"))
    } else {
        ModelError::Option { option: "--states", problem: format!("is {states}; use 2 to 4") }
    }
}

/// `parameters`, where they can be: probabilities that sum to 1 within rounding (they then do), as many means
/// as `width`, covariances that are symmetric and positive definite.
///
/// # Errors
/// They cannot; `option` is where they come from.
pub(super) fn checked(
    parameters: &Start,
    width: usize,
    shape: Covariance,
    option: &'static str,
) -> Result<Start, ModelError> {
    let states = parameters.startprob.len();
    let bad = |problem: String| Err(unsound(option, problem));
    if !(2..=4).contains(&states) {
        return bad(format!("startprob has {states} entries; state 2 to 4 regimes"));
    }
    let startprob = match shares(&parameters.startprob) {
        Ok(shares) => shares,
        Err(problem) => return bad(format!("startprob {problem}")),
    };
    if parameters.transmat.len() != states {
        return bad(format!("transmat has {} rows; give it {states}", parameters.transmat.len()));
    }
    let mut transmat = Vec::new();
    for (i, row) in parameters.transmat.iter().enumerate() {
        if row.len() != states {
            return bad(format!("transmat row {i} has {} entries; give it {states}", row.len()));
        }
        match shares(row) {
            Ok(shares) => transmat.push(shares),
            Err(problem) => return bad(format!("transmat row {i} {problem}")),
        }
    }
    let rows = [("means", parameters.means.len()), ("covars", parameters.covars.len())];
    if let Some((name, count)) = rows.into_iter().find(|(_, count)| *count != states) {
        return bad(format!("{name} has {count} entries; give one for each of the {states} regimes"));
    }
    for (state, mean) in parameters.means.iter().enumerate() {
        if mean.len() != width {
            return bad(format!("means of regime {state} has {} entries for {width} columns", mean.len()));
        }
        if let Some(value) = mean.iter().find(|value| !value.is_finite()) {
            return bad(format!("means of regime {state} has a {value}; give finite numbers"));
        }
    }
    for (state, matrix) in parameters.covars.iter().enumerate() {
        if let Some(problem) = problem_of_covariance(matrix, width, shape) {
            return bad(format!("covars of regime {state} {problem}"));
        }
    }
    let checked = Start { startprob, transmat, ..parameters.clone() };
    match Emission::new(&checked, shape, 0.0) {
        Ok(_) => Ok(checked),
        Err(error) => bad(format!("covars of regime {} is not positive definite", error.state)),
    }
}

fn unsound(option: &'static str, problem: impl core::fmt::Display) -> ModelError {
    ModelError::Option { option, problem: format!("is unsound: {problem}") }
}

/// Probabilities, made to sum to 1.
fn shares(probabilities: &[f64]) -> Result<Vec<f64>, String> {
    if let Some(value) = probabilities.iter().find(|value| !(0.0..=1.0 + ROUNDED).contains(*value)) {
        return Err(format!("has a {value}; give probabilities"));
    }
    let all: f64 = probabilities.iter().sum();
    if (all - 1.0).abs() > ROUNDED {
        return Err(format!("sums to {all}; make it sum to 1"));
    }
    Ok(probabilities.iter().map(|probability| probability / all).collect())
}

fn problem_of_covariance(matrix: &[Vec<f64>], width: usize, shape: Covariance) -> Option<String> {
    if matrix.len() != width || matrix.iter().any(|row| row.len() != width) {
        return Some(format!("is not {width} × {width}; give it a row and a column for each column"));
    }
    for (i, row) in matrix.iter().enumerate() {
        for (j, &entry) in row.iter().enumerate() {
            let across = matrix[j][i];
            if !entry.is_finite() {
                return Some(format!("has a {entry}; give finite numbers"));
            }
            if (entry - across).abs() > ASYMMETRY * entry.abs().max(across.abs()) {
                return Some(format!("has {entry} at {i}, {j} and {across} at {j}, {i}; make it symmetric"));
            }
            if shape == Covariance::Diagonal && i != j && entry.abs() > 0.0 {
                return Some(format!("has {entry} at {i}, {j}; make it 0 or use --covariance full"));
            }
        }
    }
    None
}

/// One parameter of a model of `states` regimes.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start(usize),
    Move(usize, usize),
    Mean(usize, usize),
    Covariance(usize, usize, usize),
}

/// Every parameter in the order in which a report lists them; covariances from the diagonal to the right.
fn places(states: usize, width: usize, shape: Covariance) -> Vec<Place> {
    let mut places: Vec<Place> = (0..states).map(Place::Start).collect();
    for i in 0..states {
        places.extend((0..states).map(|j| Place::Move(i, j)));
    }
    for state in 0..states {
        places.extend((0..width).map(|j| Place::Mean(state, j)));
    }
    for state in 0..states {
        for i in 0..width {
            let last = if shape == Covariance::Diagonal { i + 1 } else { width };
            places.extend((i..last).map(|j| Place::Covariance(state, i, j)));
        }
    }
    places
}

impl Place {
    fn name(self, columns: &[String]) -> String {
        match self {
            Self::Start(i) => format!("startprob[{i}]"),
            Self::Move(i, j) => format!("transmat[{i}->{j}]"),
            Self::Mean(state, j) => format!("means[{state}].{}", columns[j]),
            Self::Covariance(state, i, j) => format!("covars[{state}].{}.{}", columns[i], columns[j]),
        }
    }

    fn value(self, parameters: &Start) -> f64 {
        match self {
            Self::Start(i) => parameters.startprob[i],
            Self::Move(i, j) => parameters.transmat[i][j],
            Self::Mean(state, j) => parameters.means[state][j],
            Self::Covariance(state, i, j) => parameters.covars[state][i][j],
        }
    }

    fn set(self, parameters: &mut Start, value: f64) {
        match self {
            Self::Start(i) => parameters.startprob[i] = value,
            Self::Move(i, j) => parameters.transmat[i][j] = value,
            Self::Mean(state, j) => parameters.means[state][j] = value,
            Self::Covariance(state, i, j) => {
                parameters.covars[state][i][j] = value;
                parameters.covars[state][j][i] = value;
            }
        }
    }
}

/// Every parameter by name, in the order of a report.
pub(super) fn listed(parameters: &Start, columns: &[String], shape: Covariance) -> Vec<(String, f64)> {
    let places = places(parameters.startprob.len(), columns.len(), shape);
    places.into_iter().map(|place| (place.name(columns), place.value(parameters))).collect()
}

/// The parameters that are given, as they are; [`checked`] says whether they can be.
///
/// # Errors
/// There are too few or too many, or a name is missing or unknown.
pub(super) fn given(
    given: &Given,
    states: usize,
    columns: &[String],
    shape: Covariance,
) -> Result<Start, ModelError> {
    if let Given::Gaussian(parameters) = given {
        return Ok(parameters.clone());
    }
    if !(2..=4).contains(&states) {
        return Err(wrong_states(states, false));
    }
    let width = columns.len();
    let places = places(states, width, shape);
    let values = match given {
        Given::Ordered(values) => values.clone(),
        Given::Named(values) => by_name(values, &places, columns)?,
        Given::Gaussian(_) => Vec::new(),
    };
    if values.len() != places.len() {
        return Err(unsound("--params", format!("it has {} values; give {}", values.len(), places.len())));
    }
    let mut parameters = Start {
        startprob: vec![0.0; states],
        transmat: vec![vec![0.0; states]; states],
        means: vec![vec![0.0; width]; states],
        covars: vec![vec![vec![0.0; width]; width]; states],
    };
    for (place, value) in places.into_iter().zip(values) {
        place.set(&mut parameters, value);
    }
    Ok(parameters)
}

fn by_name(
    values: &BTreeMap<String, f64>,
    places: &[Place],
    columns: &[String],
) -> Result<Vec<f64>, ModelError> {
    let names: Vec<String> = places.iter().map(|place| place.name(columns)).collect();
    if let Some(name) = values.keys().find(|name| !names.contains(name)) {
        return Err(unsound("--params", format!("it names {name}, which the model does not have")));
    }
    names
        .iter()
        .map(|name| {
            values.get(name).copied().ok_or_else(|| unsound("--params", format!("it lacks {name}; give it")))
        })
        .collect()
}
