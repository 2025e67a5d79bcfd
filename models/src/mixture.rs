//! A mixture of experts that follows whichever is best of late: Bayes' rule with a fixed share.
//!
//! The mixture's probability is the experts', weighted. When an outcome is known, each weight is multiplied by what
//! its expert gave to that outcome (to the power `rate`), and then every expert gives up the share α of its weight,
//! which goes to all in proportion to the weights they started with: none is ever lost, the best can change, and where
//! the outcomes say nothing the mixture stays what it was at first.
//!
//! # What it promises
//! With a first weight wᵢ of expert i, rate 1, outcomes known before the next forecast, and losses clipped as everywhere
//! here: after T outcomes its log loss exceeds that of expert i by at most −ln wᵢ − (T − 1) ln(1 − α), whatever
//! happens; and that of expert i until some row and j from then on by at most −ln wᵢ − ln(α wⱼ) − (T − 2) ln(1 − α).
//!
//! Outcomes that come h rows late are learnt from in the order they come, with the probabilities as they were given; in
//! between, the weights are h rows old, and the promise holds for the weights, not for those rows. Rows whose windows overlap repeat each
//! other; a rate of 1 / h counts each outcome once.
//!
//! Source: M. Herbster and M. K. Warmuth, *Tracking the best expert*, Machine Learning 32 (1998) 151–178, the
//! fixed-share algorithm under log loss; O. Bousquet and M. K. Warmuth, *Tracking a small set of experts by mixing past
//! posteriors*, J. Machine Learning Research 3 (2002) 363–396 (the share goes to the first weights).

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
    /// The share α that each expert gives up after an outcome.
    pub share: f64,
    /// The power of Bayes' rule: 1, or less where outcomes repeat each other.
    pub rate: f64,
    /// The weights it started with, to which the shares go; they sum to 1.
    pub first: Vec<f64>,
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
        let first = vec![1.0 / experts as f64; experts];
        Ok(Self { share, rate: 1.0, log_weights: logs(&first), first, resolved: 0 })
    }

    /// The same, started with these weights instead of equal ones.
    ///
    /// # Errors
    /// Not one weight an expert, or weights that are not above 0 or do not sum to 1.
    pub fn with_first(self, first: &[f64]) -> Result<Self, MixtureError> {
        if first.len() != self.log_weights.len() {
            return Err(MixtureError::Experts { given: first.len(), experts: self.log_weights.len() });
        }
        if !are_weights(first) {
            let problem = format!("are {first:?}; use numbers above 0 that sum to 1");
            return Err(MixtureError::Option { name: "first weights", problem });
        }
        Ok(Self { first: first.to_vec(), log_weights: logs(first), ..self })
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
        if self.share > 0.0 {
            for (log_weight, first) in self.log_weights.iter_mut().zip(&self.first) {
                let weight = libm::exp(*log_weight).min(1.0);
                *log_weight = libm::log((1.0 - self.share) * weight + self.share * first);
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
        let sound = self.log_weights.iter().all(|weight| weight.is_finite())
            && total.abs() < 1e-6
            && self.first.len() == self.log_weights.len()
            && are_weights(&self.first);
        if sound { Ok(()) } else { Err(MixtureError::Damaged) }
    }
}

fn logs(weights: &[f64]) -> Vec<f64> {
    weights.iter().map(|weight| libm::log(*weight)).collect()
}

/// Whether these are all above 0 and sum to 1.
fn are_weights(weights: &[f64]) -> bool {
    let total: f64 = weights.iter().sum();
    weights.iter().all(|weight| *weight > 0.0) && (total - 1.0).abs() < 1e-6
}
