//! Units: a fit runs on standardised columns and is told in the user's.
//!
//! The two vectors of parameters are affine maps of each other, so standard errors carry over exactly.

use super::layout::Layout;

/// Where a column's zero is put, and what its unit is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub center: f64,
    pub scale: f64,
}

impl Unit {
    pub const NONE: Self = Self { center: 0.0, scale: 1.0 };

    /// Mean and standard deviation of `values`, or 0 and the root of their mean square where the zero must
    /// stay where it is. `None` where the values do not vary.
    pub fn of(values: &[f64], keep_zero: bool) -> Option<Self> {
        let n = values.len() as f64;
        let largest = values.iter().fold(0.0f64, |top, value| top.max(value.abs()));
        if values.is_empty() || largest <= 0.0 {
            return None;
        }
        // Divided first, so that nothing overflows.
        let mean = values.iter().map(|value| value / largest).sum::<f64>() / n;
        let about = if keep_zero { 0.0 } else { mean };
        let square =
            values.iter().map(|value| (value / largest - about) * (value / largest - about)).sum::<f64>() / n;
        let scale = libm::sqrt(square);
        // Below this, what varies is the last bits of a constant.
        (scale > 1e-13).then_some(Self { center: about * largest, scale: scale * largest })
    }

    pub fn apply(self, value: f64) -> f64 {
        (value - self.center) / self.scale
    }
}

/// The units of every column.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    pub series: Unit,
    /// Of the regressors; of a constant, [`Unit::NONE`].
    pub regressors: Vec<Unit>,
    /// Of the covariates of the transitions, the constant first.
    pub covariates: Vec<Unit>,
}

impl Scaling {
    /// Parameters of the standardised columns, in the user's units.
    pub fn to_user(&self, layout: &Layout, theta: &[f64]) -> Vec<f64> {
        let mut user = theta.to_vec();
        if layout.varying {
            for from in 0..layout.regimes {
                for to in 0..layout.regimes - 1 {
                    let mut moved = 0.0;
                    for (at, unit) in self.covariates.iter().enumerate().skip(1) {
                        let slope = theta[layout.transition(from, to, at)] / unit.scale;
                        user[layout.transition(from, to, at)] = slope;
                        moved += slope * unit.center;
                    }
                    user[layout.transition(from, to, 0)] = theta[layout.transition(from, to, 0)] - moved;
                }
            }
        }
        let constant = layout.has_constant();
        for regime in 0..layout.regimes {
            let mut moved = 0.0;
            for (at, unit) in self.regressors.iter().enumerate().skip(usize::from(constant)) {
                let slope = theta[layout.coefficient(at, regime)] * (self.series.scale / unit.scale);
                user[layout.coefficient(at, regime)] = slope;
                moved += slope * unit.center;
            }
            if constant {
                let place = layout.coefficient(0, regime);
                user[place] = self.series.center + self.series.scale * theta[place] - moved;
            }
            let place = layout.variance(regime);
            user[place] = theta[place] * self.series.scale * self.series.scale;
        }
        user
    }

    /// The way back.
    pub fn to_standard(&self, layout: &Layout, user: &[f64]) -> Vec<f64> {
        let mut theta = user.to_vec();
        if layout.varying {
            for from in 0..layout.regimes {
                for to in 0..layout.regimes - 1 {
                    let mut moved = 0.0;
                    for (at, unit) in self.covariates.iter().enumerate().skip(1) {
                        let place = layout.transition(from, to, at);
                        theta[place] = user[place] * unit.scale;
                        moved += user[place] * unit.center;
                    }
                    theta[layout.transition(from, to, 0)] = user[layout.transition(from, to, 0)] + moved;
                }
            }
        }
        let constant = layout.has_constant();
        for regime in 0..layout.regimes {
            let mut moved = 0.0;
            for (at, unit) in self.regressors.iter().enumerate().skip(usize::from(constant)) {
                let place = layout.coefficient(at, regime);
                theta[place] = user[place] * (unit.scale / self.series.scale);
                moved += user[place] * unit.center;
            }
            if constant {
                let place = layout.coefficient(0, regime);
                theta[place] = (user[place] + moved - self.series.center) / self.series.scale;
            }
            let place = layout.variance(regime);
            theta[place] = user[place] / self.series.scale / self.series.scale;
        }
        theta
    }
}
