//! How far forecasts were off of late, in each regime apart: what a fit on all of history is slow to see.
//!
//! A logit that was z is z + c of its regime. c is one Newton step, from 0, towards the likeliest intercept under a
//! Gaussian prior of precision `strength` around 0, over outcomes whose weight halves every `half_life` of them:
//! c = Σ w (y − p) / (`strength` + Σ w p (1 − p)), with the forecast's own p. Two sums a regime are all it keeps, so
//! that it learns from each outcome as it comes, and nothing has to be fitted.
//!
//! Rows whose windows overlap repeat each other: give as many times the strength as rows say what one says.
//!
//! Source: forgetting factors in logistic regression, T. H. `McCormick`, A. E. Raftery, D. Madigan and R. S. Burd,
//! *Dynamic logistic regression and dynamic model averaging for binary classification*, Biometrics 68 (2012) 23–30;
//! the step is Rao's score over the information, C. R. Rao, Proc. Cambridge Philosophical Society 44 (1948) 50–57.

use serde::{Deserialize, Serialize};

use super::{CalibrationError, forecast};
use crate::scalar;

/// Of how many regimes it keeps account.
const REGIMES: usize = 2;

/// What is added to a forecast's logit, by regime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recency {
    /// Outcomes, of either regime, after which one counts for half.
    pub half_life: f64,
    /// The prior's precision: outcomes' worth of p (1 − p).
    pub strength: f64,
    /// Σ w (y − p), by regime.
    pub surprise: [f64; REGIMES],
    /// Σ w p (1 − p), by regime.
    pub information: [f64; REGIMES],
}

impl Recency {
    /// One that has seen nothing, and so adds nothing.
    ///
    /// # Errors
    /// A half-life or a strength that is not above 0.
    pub fn new(half_life: f64, strength: f64) -> Result<Self, CalibrationError> {
        for (name, value) in [("half-life", half_life), ("strength", strength)] {
            if !(value > 0.0 && value.is_finite()) {
                let problem = format!("is {value}; use a number above 0");
                return Err(CalibrationError::Option { name, problem });
            }
        }
        Ok(Self { half_life, strength, surprise: [0.0; REGIMES], information: [0.0; REGIMES] })
    }

    /// What is added to the logit of a forecast made in this regime; of a regime that is none, nothing.
    pub fn shift(&self, regime: usize) -> f64 {
        match (self.surprise.get(regime), self.information.get(regime)) {
            (Some(surprise), Some(information)) => surprise / (information + self.strength),
            _ => 0.0,
        }
    }

    /// Learns what happened after a forecast that was made in `regime`: `probability` is what was said before anything
    /// was added.
    ///
    /// # Errors
    /// A forecast that is no probability; nothing changes then.
    pub fn resolve(
        &mut self,
        regime: usize,
        probability: f64,
        happened: bool,
    ) -> Result<(), CalibrationError> {
        forecast(&[probability], 1)?;
        let p = scalar::clipped(probability);
        let kept = libm::exp2(-1.0 / self.half_life);
        for sum in self.surprise.iter_mut().chain(&mut self.information) {
            *sum *= kept;
        }
        if let (Some(surprise), Some(information)) =
            (self.surprise.get_mut(regime), self.information.get_mut(regime))
        {
            *surprise += f64::from(u8::from(happened)) - p;
            *information += p * (1.0 - p);
        }
        Ok(())
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// A number that is not finite, information below 0, or options that cannot be.
    pub fn check(&self) -> Result<(), CalibrationError> {
        Self::new(self.half_life, self.strength)?;
        let sound = self.surprise.iter().all(|sum| sum.is_finite())
            && self.information.iter().all(|sum| sum.is_finite() && *sum >= 0.0);
        if sound {
            return Ok(());
        }
        Err(CalibrationError::Damaged {
            what: "sums of recent outcomes",
            problem: "are not finite or negative",
        })
    }
}
