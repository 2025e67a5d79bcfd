//! What a hidden Markov model of the level expects of the next window.

use serde::{Deserialize, Serialize};

use super::ForecastError;
use super::frame::Scaling;

/// A two-state Gaussian hidden Markov model of the levels of windows side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hidden {}

impl Hidden {
    pub(crate) fn fit(
        _: &crate::samples::Samples,
        _: &super::frame::Frame,
        _: usize,
        _: usize,
        _: u64,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn read(&self, _trail: &[f64], _scaling: &Scaling) -> ([f64; 2], f64) {
        ([1.0, 0.0], 0.0)
    }

    pub(crate) fn check(&self) -> Result<(), ForecastError> {
        Ok(())
    }
}
