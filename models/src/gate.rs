//! Whether a group of features has earned its place: a bet on it, kept on the outcomes.
//!
//! The wealth starts at 1 and is multiplied, at each outcome, by what the forecast with the group gave to it over what
//! the forecast without it gave. If the forecast without were right, no strategy could expect to win (an e-process):
//! the wealth would ever reach w with a probability of at most 1 / w, however often one looks (Ville's inequality). So
//! it is admitted at [`ADMIT`], which chance alone brings about one time in twenty at most, and dropped again below
//! [`DROP`], where it has lost all that it had won.
//!
//! Rows whose windows overlap h-fold repeat each other, and their product is no fair bet. Every h-th row is one, so
//! there are h of them side by side; the wealth here is their geometric mean (each ratio to the power 1 / h). At any one
//! time that is at most their mean, which expects no more than 1, so that it is above w by chance one time in w at most;
//! watched at all times it has ever been above w with a probability of at most e / w (of 1/20: 0.14), since e times
//! a geometric mean of p-values is a p-value however they depend on each other.
//!
//! There is no floor and no restart: money put in later would be won by chance too. A group that has sunk far comes
//! back only by winning it all back, or with a new model version, which starts a new bet and says so.
//!
//! Source: G. Shafer, *Testing by betting*, J. R. Stat. Soc. A 184 (2021) 407–431; A. Henzi and J. F. Ziegel, *Valid sequential
//! inference on probability forecast performance*, Biometrika 109 (2022) 647–663 (lagged outcomes); V. Vovk and R. Wang,
//! *Combining p-values via averaging*, Biometrika 107 (2020) 791–808 (the factor e).

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::scalar;

/// The wealth at which a group is admitted.
pub const ADMIT: f64 = 20.0;

/// The wealth below which an admitted group is dropped.
pub const DROP: f64 = 1.0;

/// Why a bet cannot be made or kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GateError {
    /// A forecast is no probability.
    #[error("the forecast {} the group is {value}, which is no probability", if *.with { "with" } else { "without" })]
    NotProbability {
        /// Whether it is the one with the group.
        with: bool,
        /// What it said.
        value: f64,
    },
    /// No row spans 0 windows.
    #[error("the overlap is 0; use the rows that a window spans, 1 where none overlap")]
    NoOverlap,
    /// The wealth read from an artefact cannot be used.
    #[error("the gate's wealth is not finite; train the model again")]
    Damaged,
}

/// A bet on one group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// How many rows' windows overlap: the horizon in rows where every row is forecast, 1 where none overlap.
    pub overlap: u32,
    /// ln of the wealth.
    pub log_wealth: f64,
    /// Outcomes so far of which the group had something to say: the two forecasts differed.
    pub resolved: u64,
    /// Whether the group is in.
    pub admitted: bool,
}

impl Gate {
    /// A bet not begun: wealth 1, the group not in.
    ///
    /// # Errors
    /// An overlap of 0.
    pub fn new(overlap: u32) -> Result<Self, GateError> {
        if overlap == 0 {
            return Err(GateError::NoOverlap);
        }
        Ok(Self { overlap, log_wealth: 0.0, resolved: 0, admitted: false })
    }

    /// Settles one outcome: what the forecasts with and without the group had said of it, clipped to 1e-4. Says whether
    /// the group is in afterwards. Both must have been made before the outcome was known, with the group's own
    /// coefficients fitted on earlier rows.
    ///
    /// # Errors
    /// A forecast that is no probability; nothing changes then.
    pub fn resolve(&mut self, p_with: f64, p_without: f64, happened: bool) -> Result<bool, GateError> {
        for (with, value) in [(true, p_with), (false, p_without)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(GateError::NotProbability { with, value });
            }
        }
        let ratio = scalar::log_loss(p_without, happened) - scalar::log_loss(p_with, happened);
        self.log_wealth += ratio / f64::from(self.overlap.max(1));
        self.resolved += u64::from(p_with.to_bits() != p_without.to_bits());
        if self.log_wealth >= libm::log(ADMIT) {
            self.admitted = true;
        } else if self.log_wealth < libm::log(DROP) {
            self.admitted = false;
        }
        Ok(self.admitted)
    }

    /// The wealth: 20 is evidence of 20 to 1. No more than e^700.
    pub fn wealth(&self) -> f64 {
        libm::exp(self.log_wealth.min(700.0))
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// An overlap of 0, or a wealth that is not finite.
    pub fn check(&self) -> Result<(), GateError> {
        Self::new(self.overlap)?;
        if self.log_wealth.is_finite() { Ok(()) } else { Err(GateError::Damaged) }
    }
}
