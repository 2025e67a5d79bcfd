//! A baseline's parameters: learnt from a level or stated, and the probability that they give to a row.

use super::Kind;
use super::har::{NAMES, differences};
use super::level::{Level, option};
use crate::forecast::Boundary;
use crate::forecast::frame::{Scaling, View};
use crate::forecast::ridge::{Design, FEWEST_OF_A_CLASS, FEWEST_ROWS, Overlap, is_enough};
use crate::model::ModelError;
use crate::regimes::{Given, Parameter};
use crate::regression::LARGEST;
use crate::scalar::{clipped, logistic, logit, rate};

/// Parameters with how they were come by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Learnt {
    pub(super) rule: Rule,
    pub(super) parameters: Vec<Parameter>,
    /// Newton steps of the longest search.
    pub(super) steps: usize,
    /// Whether every search settled.
    pub(super) settled: bool,
    pub(super) notes: Vec<String>,
}

/// What a baseline answers from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// Boundary and spread, and the scaling of the HAR differences where these are read.
    pub(super) scaling: Scaling,
    pub(super) says: Says,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Says {
    /// A probability of a shift by regime.
    Rates([f64; 2]),
    /// By regime: constant, weight of the margin, and of each HAR difference.
    Logits([Vec<f64>; 2]),
}

impl Rule {
    /// How each row looks; none looks at a later one.
    pub(super) fn views(&self, level: &Level) -> Vec<View> {
        let margins: Vec<f64> = level.values.iter().map(|value| self.scaling.margin(*value)).collect();
        let har = if self.scaling.mean.is_empty() {
            vec![[0.0; NAMES.len()]; margins.len()]
        } else {
            differences(&margins, level.horizon)
        };
        let rows = level.values.iter().zip(&har);
        rows.map(|(value, har)| self.scaling.view(*value, har.iter().copied())).collect()
    }

    /// The probability of a shift, kept inside [1e-4, 1 − 1e-4].
    pub(super) fn shift(&self, view: &View) -> f64 {
        clipped(match &self.says {
            Says::Rates(rates) => rates[view.state],
            Says::Logits(weights) => {
                let terms = terms(view);
                logistic(terms.iter().zip(&weights[view.state]).map(|(term, weight)| term * weight).sum())
            }
        })
    }

    /// Coefficients that were chosen: those left at 0 were not.
    pub(super) fn free(&self, kind: Kind) -> usize {
        match &self.says {
            Says::Rates(_) if kind == Kind::BaseRate => 1,
            Says::Rates(_) => 2,
            Says::Logits(weights) => weights.iter().flatten().filter(|weight| weight.abs() > 0.0).count(),
        }
    }
}

/// What a logit is a weighted sum of.
fn terms(view: &View) -> Vec<f64> {
    [1.0, view.margin].into_iter().chain(view.columns.iter().copied()).collect()
}

/// The parameters' names, in the order of the report.
pub(super) fn names(kind: Kind) -> Vec<String> {
    let by_regime = |name: &str| [0, 1].map(|regime| format!("{name}[{regime}]"));
    let mut names = vec!["boundary".to_owned()];
    match kind {
        Kind::BaseRate => names.push("shift".to_owned()),
        Kind::MarkovTable => names.extend(by_regime("shift")),
        Kind::MarginOnly => {
            names.push("spread".to_owned());
            names.extend(["const", "margin"].into_iter().flat_map(by_regime));
        }
        Kind::HarLogistic => {
            names.push("spread".to_owned());
            names.extend(NAMES.map(|name| format!("mean.{name}")));
            names.extend(NAMES.map(|name| format!("scale.{name}")));
            names.extend(["const", "margin"].into_iter().chain(NAMES).flat_map(by_regime));
        }
    }
    names
}

/// The rule of parameters in the order of [`names`].
fn rule(kind: Kind, values: &[f64]) -> Rule {
    let mut scaling = Scaling { boundary: values[0], spread: 1.0, mean: Vec::new(), scale: Vec::new() };
    let says = match kind {
        Kind::BaseRate => Says::Rates([values[1], values[1]]),
        Kind::MarkovTable => Says::Rates([values[1], values[2]]),
        Kind::MarginOnly | Kind::HarLogistic => {
            scaling.spread = values[1];
            let mut rest = &values[2..];
            if kind == Kind::HarLogistic {
                scaling.mean = rest[..NAMES.len()].to_vec();
                scaling.scale = rest[NAMES.len()..2 * NAMES.len()].to_vec();
                rest = &rest[2 * NAMES.len()..];
            }
            Says::Logits([0, 1].map(|regime| rest.iter().skip(regime).step_by(2).copied().collect()))
        }
    };
    Rule { scaling, says }
}

/// The parameters that the user states, in the order of the report or by its names.
pub(super) fn stated(kind: Kind, given: &Given) -> Result<Learnt, ModelError> {
    let names = names(kind);
    let refuse = |problem: String| option("--params", problem);
    let all = || format!("of {} give {}", kind.id(), names.join(", "));
    let values: Vec<f64> = match given {
        Given::Ordered(values) if values.len() == names.len() => values.clone(),
        Given::Ordered(values) => return Err(refuse(format!("has {} numbers; {}", values.len(), all()))),
        Given::Named(values) => {
            if let Some(unknown) = values.keys().find(|name| !names.contains(name)) {
                return Err(refuse(format!("names {unknown}, which is none; {}", all())));
            }
            let of = |name: &String| values.get(name).copied();
            let lacks = |name| refuse(format!("has no {name}; {}", all()));
            names.iter().map(|name| of(name).ok_or_else(|| lacks(name))).collect::<Result<_, _>>()?
        }
        Given::Gaussian(_) => return Err(refuse(format!("is of a Gaussian hidden Markov model; {}", all()))),
    };
    for (name, value) in names.iter().zip(&values) {
        let (is_sound, wanted) = if name.starts_with("shift") {
            (*value > 0.0 && *value < 1.0, "a probability between 0 and 1")
        } else if name == "spread" {
            (*value > 0.0, "a number above 0")
        } else if name.starts_with("scale.") {
            (*value >= 0.0, "a number that is not below 0")
        } else {
            (true, "a number of ordinary size")
        };
        let is_sound = is_sound && value.abs() <= LARGEST;
        if !is_sound {
            return Err(refuse(format!("has {value} as {name}; give {wanted}")));
        }
    }
    let rule = rule(kind, &values);
    let parameters = names.into_iter().zip(values);
    let parameters = parameters.map(|(name, value)| Parameter { name, value, std_error: None }).collect();
    Ok(Learnt { rule, parameters, steps: 0, settled: true, notes: Vec::new() })
}

/// A number and its standard error.
type Estimated = (f64, Option<f64>);

/// Learns the parameters from the rows whose outcome the series holds.
pub(super) fn learn(kind: Kind, level: &Level) -> Result<Learnt, ModelError> {
    let scaling = scaling(kind, level)?;
    let plain = Rule { scaling: scaling.clone(), says: Says::Rates([0.5; 2]) };
    let views = plain.views(level);
    let rows = level.training().len();
    let shifted: Vec<bool> =
        (0..rows).map(|row| views[row].state != views[row + level.horizon].state).collect();
    let mut values: Vec<Estimated> = vec![(scaling.boundary, None)];
    let (mut steps, mut settled, mut notes) = (0, true, Vec::new());
    match kind {
        Kind::BaseRate => values.push(share(&shifted)),
        Kind::MarkovTable => {
            values.extend([0, 1].map(|regime| share(&of_regime(&views, &shifted, regime).1)));
        }
        Kind::MarginOnly | Kind::HarLogistic => {
            values.push((scaling.spread, None));
            values.extend(scaling.mean.iter().chain(&scaling.scale).map(|value| (*value, None)));
            let fits = [0, 1].map(|regime| {
                let (views, shifted) = of_regime(&views, &shifted, regime);
                let fit = by_regime(&views, &shifted, &scaling, level.horizon);
                steps = steps.max(fit.steps);
                settled &= fit.settled;
                notes.extend(
                    fit.why.map(|why| format!("regime {regime} {why}: its share of shifts stands alone")),
                );
                fit.weights
            });
            let [low, high] = fits;
            values.extend(low.into_iter().zip(high).flat_map(|(low, high)| [low, high]));
        }
    }
    let plain: Vec<f64> = values.iter().map(|(value, _)| *value).collect();
    let parameters = names(kind).into_iter().zip(values);
    let parameters =
        parameters.map(|(name, (value, std_error))| Parameter { name, value, std_error }).collect();
    Ok(Learnt { rule: rule(kind, &plain), parameters, steps, settled, notes })
}

/// The boundary, the spread and the columns' scaling; an error where the training rows are not in two regimes.
fn scaling(kind: Kind, level: &Level) -> Result<Scaling, ModelError> {
    let training = level.training();
    let constant = |values: &[f64]| values.iter().all(|value| value.total_cmp(&values[0]).is_eq());
    if constant(&level.values) {
        return Err(ModelError::ConstantColumn { column: level.name.clone() });
    }
    let unsound = || ModelError::Unsound {
        problem: format!(
            "finds {} of one level only among the {} rows whose outcome is known",
            level.name,
            training.len()
        ),
        remedy: "give a longer series, or a shorter horizon",
    };
    if constant(training) {
        return Err(unsound());
    }
    let mut scaling = Scaling::of_levels(training, level.boundary).ok_or_else(unsound)?;
    let high = training.iter().filter(|value| scaling.state(**value) == 1).count();
    if high == 0 || high == training.len() {
        let (side, rows) = (if high == 0 { "above" } else { "at or below" }, training.len());
        let none = format!("none of the {rows} rows whose outcome is known lies {side} it");
        return Err(match level.boundary {
            Boundary::Fixed(line) => option("--boundary", format!("is {line}, and {none}; choose another")),
            Boundary::Quantile(share) => {
                let at = scaling.boundary;
                let problem =
                    format!("is {share}, which puts the boundary at {at}, and {none}; choose a lower one");
                option("--quantile", problem)
            }
        });
    }
    if kind == Kind::HarLogistic {
        let margins: Vec<f64> = training.iter().map(|value| scaling.margin(*value)).collect();
        let har = differences(&margins, level.horizon);
        scaling.learn_columns(har.iter().map(|row| row.iter().copied()), NAMES.len());
    }
    Ok(scaling)
}

/// The training rows of one regime.
fn of_regime<'a>(views: &'a [View], shifted: &[bool], regime: usize) -> (Vec<&'a View>, Vec<bool>) {
    views.iter().zip(shifted).filter(|(view, _)| view.state == regime).unzip()
}

/// The share that shifted, and its binomial standard error; none where there are no rows.
fn share(shifted: &[bool]) -> Estimated {
    let p = rate(shifted.iter().filter(|shifted| **shifted).count(), shifted.len());
    let rows = shifted.len() as f64;
    (p, (rows > 0.0).then(|| libm::sqrt(p * (1.0 - p) / rows)))
}

/// What one regime's rows say, constant first.
struct ByRegime {
    weights: Vec<Estimated>,
    steps: usize,
    settled: bool,
    /// Why it is no logistic.
    why: Option<String>,
}

fn by_regime(views: &[&View], shifted: &[bool], scaling: &Scaling, horizon: usize) -> ByRegime {
    let columns = 2 + scaling.mean.len();
    let values: Vec<f64> = views.iter().flat_map(|view| terms(view)).collect();
    let overlap = Overlap::new(horizon).of_labels;
    let design = Design { values: &values, columns, free: 2, known: columns, overlap };
    let fit = if is_enough(shifted) { design.classify_shifts(shifted) } else { None };
    let Some(fit) = fit else {
        let shifts = shifted.iter().filter(|shifted| **shifted).count();
        let settled = !is_enough(shifted);
        let why = if settled {
            format!(
                "has {} rows with {shifts} shifts, and a logistic wants {FEWEST_ROWS} with {FEWEST_OF_A_CLASS} shifts and {FEWEST_OF_A_CLASS} stays",
                shifted.len()
            )
        } else {
            "has a logistic that did not settle".to_owned()
        };
        let (p, error) = share(shifted);
        // By the delta method: dp = p (1 − p) d logit.
        let mut weights = vec![(logit(p), error.map(|error| error / (p * (1.0 - p))))];
        weights.resize(columns, (0.0, None));
        return ByRegime { weights, steps: 0, settled, why: Some(why) };
    };
    let errors = design.errors(&fit, shifted);
    let is_read = |column: usize| column < 2 || scaling.scale[column - 2] > 0.0;
    let error = |column: usize| errors.as_ref().map(|errors| errors[column]).filter(|_| is_read(column));
    let weights = fit.weights.iter().enumerate().map(|(column, weight)| (*weight, error(column))).collect();
    ByRegime { weights, steps: fit.steps, settled: true, why: None }
}
