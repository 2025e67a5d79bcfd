//! Which parameter stands where, and what it is called: statsmodels' order and names.
//!
//! The order is: transitions, regression coefficients, variances, autoregressive coefficients; within each
//! first the number of the parameter, then the regime.

use std::collections::BTreeMap;

use crate::model::ModelError;
use crate::regimes::Given;

/// Most regimes there can be.
pub(super) const MOST_REGIMES: usize = 4;

/// One regression coefficient, or one for each regime.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coefficient {
    /// `const`, the column's name, or `y.L1`.
    pub name: String,
    /// What statsmodels calls it where it was given no names: `x1`.
    pub alias: String,
    /// Whether every regime has its own.
    pub switching: bool,
}

/// The places of all parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub regimes: usize,
    /// Whether the transitions vary with covariates.
    pub varying: bool,
    /// Covariates of the transitions, the constant first; 1 where they do not vary.
    pub covariates: usize,
    /// Of the mean; the constant, if there is one, first.
    pub coefficients: Vec<Coefficient>,
    pub switching_variance: bool,
    /// Order of the autoregression; 0 of a regression.
    pub order: usize,
    pub switching_ar: bool,
}

impl Layout {
    /// The parameter of transition `from` → `to` (`to` not the last regime) that belongs to a covariate.
    pub fn transition(&self, from: usize, to: usize, covariate: usize) -> usize {
        (to * self.covariates + covariate) * self.regimes + from
    }

    pub fn transitions(&self) -> usize {
        (self.regimes - 1) * self.covariates * self.regimes
    }

    /// The coefficient of regressor `at` in a regime.
    pub fn coefficient(&self, at: usize, regime: usize) -> usize {
        let before: usize = self.coefficients[..at].iter().map(|c| self.width(c.switching)).sum();
        self.transitions() + before + if self.coefficients[at].switching { regime } else { 0 }
    }

    pub fn variance(&self, regime: usize) -> usize {
        let all: usize = self.coefficients.iter().map(|c| self.width(c.switching)).sum();
        self.transitions() + all + if self.switching_variance { regime } else { 0 }
    }

    /// The coefficient of lag `lag` + 1 in a regime.
    pub fn ar(&self, lag: usize, regime: usize) -> usize {
        let start = self.variance(0) + self.width(self.switching_variance);
        start + lag * self.width(self.switching_ar) + if self.switching_ar { regime } else { 0 }
    }

    pub fn parameters(&self) -> usize {
        self.ar(self.order, 0)
    }

    fn width(&self, switching: bool) -> usize {
        if switching { self.regimes } else { 1 }
    }

    pub fn has_constant(&self) -> bool {
        self.coefficients.first().is_some_and(|first| first.name == "const")
    }

    pub fn names(&self) -> Vec<String> {
        self.names_by(|coefficient| &coefficient.name, false)
    }

    fn names_by(&self, name: impl Fn(&Coefficient) -> &str, last_regime: bool) -> Vec<String> {
        let mut names = Vec::with_capacity(self.parameters());
        for to in 0..self.regimes - 1 {
            for covariate in 0..self.covariates {
                for from in 0..self.regimes {
                    names.push(if self.varying {
                        format!("p[{from}->{to}].tvtp{covariate}")
                    } else {
                        format!("p[{from}->{to}]")
                    });
                }
            }
        }
        let mut push = |name: &str, switching: bool| {
            if switching {
                names.extend((0..self.regimes).map(|regime| format!("{name}[{regime}]")));
            } else {
                names.push(name.to_owned());
            }
        };
        for coefficient in &self.coefficients {
            if last_regime && !coefficient.switching {
                push(&format!("{}[{}]", name(coefficient), self.regimes - 1), false);
            } else {
                push(name(coefficient), coefficient.switching);
            }
        }
        push("sigma2", self.switching_variance);
        for lag in 1..=self.order {
            push(&format!("ar.L{lag}"), self.switching_ar);
        }
        names
    }

    /// Parameters that were given, in our order and checked.
    pub fn read(&self, given: &Given) -> Result<Vec<f64>, ModelError> {
        let wrong = |problem: String| ModelError::Option { option: "--params", problem };
        let names = self.names();
        let values = match given {
            Given::Ordered(values) if values.len() == names.len() => values.clone(),
            Given::Ordered(values) => {
                return Err(wrong(format!(
                    "gives {} numbers; give {}: {}",
                    values.len(),
                    names.len(),
                    names.join(", ")
                )));
            }
            Given::Named(values) => self.by_name(values).map_err(wrong)?,
            Given::Gaussian(_) => {
                return Err(wrong(format!(
                    "is of a hidden Markov model; give these by name: {}",
                    names.join(", ")
                )));
            }
        };
        for (name, value) in names.iter().zip(&values) {
            if !value.is_finite() {
                return Err(wrong(format!("gives {name} as {value}; use a finite number")));
            }
            if name.starts_with("sigma2") && *value <= 0.0 {
                return Err(wrong(format!("gives {name} as {value}; use a number above 0")));
            }
        }
        if !self.varying {
            for from in 0..self.regimes {
                let row: Vec<f64> =
                    (0..self.regimes - 1).map(|to| values[self.transition(from, to, 0)]).collect();
                let sum: f64 = row.iter().sum();
                if row.iter().any(|p| *p <= 0.0) || sum >= 1.0 {
                    return Err(wrong(format!(
                        "gives p[{from}->0] … p[{from}->{}] as {row:?}; use numbers above 0 that sum to less than 1",
                        self.regimes - 2
                    )));
                }
            }
        }
        Ok(values)
    }

    fn by_name(&self, values: &BTreeMap<String, f64>) -> Result<Vec<f64>, String> {
        let names = self.names();
        let aliases = self.names_by(|coefficient| &coefficient.alias, false);
        let quirks = self.names_by(|coefficient| &coefficient.name, true);
        let both = self.names_by(|coefficient| &coefficient.alias, true);
        let mut known = Vec::with_capacity(names.len());
        let mut read = Vec::with_capacity(names.len());
        for at in 0..names.len() {
            let spelt = [&names[at], &quirks[at], &aliases[at], &both[at]]
                .into_iter()
                .find(|name| values.contains_key(*name));
            let Some(spelt) = spelt else {
                return Err(format!("lacks {}; give {}", names[at], names.join(", ")));
            };
            read.push(values[spelt]);
            known.push(spelt);
        }
        match values.keys().find(|name| !known.contains(name)) {
            Some(name) => Err(format!("names {name}, which this model lacks; give {}", names.join(", "))),
            None => Ok(read),
        }
    }

    /// The same model with regime r being what was regime `order`[r].
    pub fn relabelled(&self, theta: &[f64], order: &[usize]) -> Vec<f64> {
        let k = self.regimes;
        let mut new = theta.to_vec();
        let old = |from: usize, to: usize, covariate: usize| -> f64 {
            if to + 1 < k {
                theta[self.transition(from, to, covariate)]
            } else if self.varying {
                0.0
            } else {
                1.0 - (0..k - 1).map(|to| theta[self.transition(from, to, 0)]).sum::<f64>()
            }
        };
        for from in 0..k {
            for to in 0..k - 1 {
                for covariate in 0..self.covariates {
                    let value = old(order[from], order[to], covariate);
                    // Of a logit, the last regime is what the others are measured against.
                    let base = if self.varying { old(order[from], order[k - 1], covariate) } else { 0.0 };
                    new[self.transition(from, to, covariate)] = value - base;
                }
            }
        }
        for regime in 0..k {
            for at in 0..self.coefficients.len() {
                new[self.coefficient(at, regime)] = theta[self.coefficient(at, order[regime])];
            }
            new[self.variance(regime)] = theta[self.variance(order[regime])];
            for lag in 0..self.order {
                new[self.ar(lag, regime)] = theta[self.ar(lag, order[regime])];
            }
        }
        new
    }

    /// The order in which regimes are reported: by variance, or by mean where the variance does not switch,
    /// or by the sum of the autoregressive coefficients where the mean does not either. `means` are of the
    /// regressors.
    pub fn report_order(&self, theta: &[f64], means: &[f64]) -> Vec<usize> {
        let key = |regime: usize| -> f64 {
            if self.switching_variance {
                theta[self.variance(regime)]
            } else if self.coefficients.iter().any(|c| c.switching) {
                means.iter().enumerate().map(|(at, mean)| mean * theta[self.coefficient(at, regime)]).sum()
            } else {
                (0..self.order).map(|lag| theta[self.ar(lag, regime)]).sum()
            }
        };
        let mut order: Vec<usize> = (0..self.regimes).collect();
        order.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
        order
    }
}
