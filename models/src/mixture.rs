//! A mixture of experts that follows whichever is best of late: Bayes' rule with a fixed share.
//!
//! The mixture's probability is the experts', weighted. When an outcome is known, each weight is multiplied by what
//! its expert gave to that outcome (to the power `rate`), and then every expert passes the share α of its weight on
//! to the others in equal parts, so that none is ever lost and the best can change.
//!
//! # What it promises
//! With n experts, rate 1, outcomes known before the next forecast, and losses clipped as everywhere here: after T
//! outcomes its log loss exceeds that of the best expert by at most ln n − (T − 1) ln(1 − α), whatever happens; and that of
//! the best sequence of experts with k changes by at most ln n + k ln((n − 1) / α) − (T − 1 − k) ln(1 − α).
//!
//! Outcomes that come h rows late are learnt from in the order they come, with the probabilities as they were given; in
//! between, the weights are h rows old, and the promise holds for the weights, not for those rows. Rows whose windows overlap repeat each
//! other; a rate of 1 / h counts each outcome once.
//!
//! Source: M. Herbster and M. K. Warmuth, *Tracking the best expert*, Machine Learning 32 (1998) 151–178, the
//! fixed-share algorithm under log loss.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::scalar;

/// Why the mixture has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MixtureError {
    /// Not one forecast an expert.
    #[error("there are {given} forecasts for {experts} experts; give one each")]
    Experts {
        /// How many forecasts there are.
        given: usize,
        /// How many experts.
        experts: usize,
    },
    /// An expert's forecast is no probability.
    #[error("expert {expert} forecasts {value}, which is no probability")]
    NotProbability {
        /// Which, the first being 0.
        expert: usize,
        /// What it said.
        value: f64,
    },
    /// An option cannot be.
    #[error("{name} {problem}")]
    Option {
        /// Its name.
        name: &'static str,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// The weights read from an artefact cannot be used.
    #[error("the mixture's weights are not finite or do not sum to 1; train the model again")]
    Damaged,
}

/// Experts' weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// The share α that each expert passes on after an outcome.
    pub share: f64,
    /// The power of Bayes' rule: 1, or less where outcomes repeat each other.
    pub rate: f64,
    /// ln of each expert's weight; the weights sum to 1.
    pub log_weights: Vec<f64>,
    /// Outcomes learnt from.
    pub resolved: u64,
}

impl Mixture {
    /// Equal weights, rate 1.
    ///
    /// # Errors
    /// No experts, or a share outside [0, 1).
    pub fn new(experts: usize, share: f64) -> Result<Self, MixtureError> {
        if experts == 0 {
            let problem = "are none; use at least 1".to_owned();
            return Err(MixtureError::Option { name: "experts", problem });
        }
        if !(0.0..1.0).contains(&share) {
            let problem = format!("is {share}; use 0 or more and less than 1");
            return Err(MixtureError::Option { name: "share", problem });
        }
        let log_weights = vec![-libm::log(experts as f64); experts];
        Ok(Self { share, rate: 1.0, log_weights, resolved: 0 })
    }

    /// The same with another rate.
    ///
    /// # Errors
    /// A rate outside (0, 1].
    pub fn with_rate(self, rate: f64) -> Result<Self, MixtureError> {
        if !(rate > 0.0 && rate <= 1.0) {
            let problem = format!("is {rate}; use more than 0 and at most 1");
            return Err(MixtureError::Option { name: "rate", problem });
        }
        Ok(Self { rate, ..self })
    }

    /// The weights, which sum to 1.
    pub fn weights(&self) -> Vec<f64> {
        self.log_weights.iter().map(|weight| libm::exp(*weight)).collect()
    }

    /// The mixture's probability, kept 1e-4 from 0 and 1 as each expert's is.
    ///
    /// # Errors
    /// Not one probability an expert.
    pub fn predict(&self, probabilities: &[f64]) -> Result<f64, MixtureError> {
        self.accept(probabilities)?;
        let (mut sum, mut total) = (0.0, 0.0);
        for (log_weight, &p) in self.log_weights.iter().zip(probabilities) {
            let weight = libm::exp(*log_weight);
            sum += weight * scalar::clipped(p);
            total += weight;
        }
        Ok(scalar::clipped(sum / total))
    }

    /// Learns an outcome; `probabilities` are what the experts had said of it.
    ///
    /// # Errors
    /// Not one probability an expert; nothing changes then.
    pub fn update(&mut self, probabilities: &[f64], happened: bool) -> Result<(), MixtureError> {
        self.accept(probabilities)?;
        for (log_weight, &p) in self.log_weights.iter_mut().zip(probabilities) {
            *log_weight -= self.rate * scalar::log_loss(p, happened);
        }
        let total = scalar::log_sum_exp(&self.log_weights);
        for log_weight in &mut self.log_weights {
            *log_weight -= total;
        }
        let others = self.log_weights.len() - 1;
        if others > 0 && self.share > 0.0 {
            for log_weight in &mut self.log_weights {
                let weight = libm::exp(*log_weight).min(1.0);
                let kept = (1.0 - self.share) * weight;
                *log_weight = libm::log(kept + self.share * (1.0 - weight) / others as f64);
            }
        }
        self.resolved += 1;
        Ok(())
    }

    fn accept(&self, probabilities: &[f64]) -> Result<(), MixtureError> {
        let experts = self.log_weights.len();
        if probabilities.len() != experts {
            return Err(MixtureError::Experts { given: probabilities.len(), experts });
        }
        match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            Some(expert) => Err(MixtureError::NotProbability { expert, value: probabilities[expert] }),
            None => Ok(()),
        }
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// Options that cannot be, or weights that are not finite or do not sum to 1.
    pub fn check(&self) -> Result<(), MixtureError> {
        Self::new(self.log_weights.len(), self.share)?.with_rate(self.rate)?;
        let total = scalar::log_sum_exp(&self.log_weights);
        let sound = self.log_weights.iter().all(|weight| weight.is_finite()) && total.abs() < 1e-6;
        if sound { Ok(()) } else { Err(MixtureError::Damaged) }
    }
}
