//! Which regimes the next window may be in: a set that misses the truth at most one time in ten.
//!
//! Label-conditional (Mondrian) split conformal prediction. A label's strangeness is 1 − the probability that the
//! forecast gave it; its p-value is the share, among calibration rows that turned out so, of those at least as
//! strange, the row itself included: (#{at least as strange} + 1) / (n + 1). A label stays in the set while its
//! p-value is above 1 − level. Each label is then covered at the level by itself, the rare one too, as long as rows
//! are exchangeable; regimes are only roughly so, which is why coverage is scored and shown. Without enough rows
//! of a label (9 at a level of 0.9) it is always in the set. The set is never empty: where both would go, the one with the
//! higher p-value stays, which only raises coverage.
//!
//! As the probability of a shift rises, staying grows stranger and leaving less so. So the set is known from two
//! probabilities, the highest with staying in it and the lowest with leaving: these are kept, and answer exactly as the
//! calibration rows would.
//!
//! Source: V. Vovk, A. Gammerman and G. Shafer, *Algorithmic Learning in a Random World* (2005), section 4.5; V. Vovk,
//! *Conditional validity of inductive conformal predictors*, Machine Learning 92 (2013) 349–376.

use serde::{Deserialize, Serialize};

use super::{CalibrationError, forecast};
use crate::scalar;

/// Which regimes may come: where the set changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformalRegimes {
    /// The level: 0.9.
    pub level: f64,
    /// The highest probability of a shift at which staying is in the set; below 0 where it never is.
    pub stay_to: f64,
    /// The lowest probability of a shift at which leaving is in the set; above 1 where it never is.
    pub leave_from: f64,
    /// Calibration rows after which no shift came.
    pub rows_stayed: usize,
    /// Calibration rows after which one came.
    pub rows_left: usize,
}

/// Calibration forecasts by what happened.
#[derive(Debug)]
pub(super) struct Rows {
    level: f64,
    /// Probabilities of a shift of the rows after which none came, ascending.
    stayed: Vec<f64>,
    /// Probabilities of a shift of the rows after which one came, ascending.
    left: Vec<f64>,
}

/// Which of the two may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegimeSet {
    /// The next window may be in the same regime.
    pub stay: bool,
    /// The next window may be in another.
    pub leave: bool,
}

impl RegimeSet {
    /// The regimes of the set, ascending, where `current` of `count` is the regime now.
    pub fn regimes(self, current: u8, count: u8) -> Vec<u8> {
        (0..count).filter(|&regime| if regime == current { self.stay } else { self.leave }).collect()
    }
}

impl ConformalRegimes {
    /// Fits to calibration rows, which must not have trained the forecast.
    ///
    /// # Errors
    /// No rows, columns of different length, a forecast that is no probability, or a level outside (0, 1).
    pub fn fit(probabilities: &[f64], happened: &[bool], level: f64) -> Result<Self, CalibrationError> {
        Ok(Rows::new(probabilities, happened, level)?.limits())
    }

    /// The set at a probability of a shift. Of NaN: both, nothing known.
    pub fn set(&self, probability: f64) -> RegimeSet {
        let probability = probability.clamp(0.0, 1.0);
        // Of NaN neither comparison holds.
        let (is_beyond, is_before) = (probability > self.stay_to, probability < self.leave_from);
        RegimeSet { stay: !is_beyond, leave: !is_before }
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// A level outside (0, 1), no rows, or limits between which no regime would be in the set.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let damaged = |problem| Err(CalibrationError::Damaged { what: "conformal set", problem });
        if !(self.level > 0.0 && self.level < 1.0) {
            return damaged("have a level outside (0, 1)");
        }
        if self.rows_stayed == 0 && self.rows_left == 0 {
            return damaged("rest on no rows");
        }
        // Not one number of NaN or infinity is within.
        let is_within = |limit: f64| (-1.0..=2.0).contains(&limit);
        if !is_within(self.stay_to) || !is_within(self.leave_from) || self.leave_from > self.stay_to.next_up()
        {
            return damaged("leave probabilities without a regime");
        }
        Ok(())
    }
}

impl Rows {
    pub(super) fn new(
        probabilities: &[f64],
        happened: &[bool],
        level: f64,
    ) -> Result<Self, CalibrationError> {
        forecast(probabilities, happened.len())?;
        if !(level > 0.0 && level < 1.0) {
            let problem = format!("is {level}; use one inside (0, 1)");
            return Err(CalibrationError::Option { name: "level", problem });
        }
        let of_class = |class: bool| {
            let rows = probabilities.iter().zip(happened).filter(|&(_, &happened)| happened == class);
            scalar::sorted(&rows.map(|(&p, _)| p).collect::<Vec<f64>>())
        };
        Ok(Self { level, stayed: of_class(false), left: of_class(true) })
    }

    /// How many calibration rows of each label are at least as strange: of staying, of leaving.
    fn as_strange(&self, probability: f64) -> (usize, usize) {
        let stayed = self.stayed.len() - self.stayed.partition_point(|&p| p < probability);
        (stayed, self.left.partition_point(|&p| p <= probability))
    }

    /// The p-values of staying and of leaving.
    pub(super) fn p_values(&self, probability: f64) -> (f64, f64) {
        let (stay, leave) = self.as_strange(probability);
        let share = |rows: usize, of: usize| (rows + 1) as f64 / (of + 1) as f64;
        (share(stay, self.stayed.len()), share(leave, self.left.len()))
    }

    /// The set at a probability of a shift.
    pub(super) fn set(&self, probability: f64) -> RegimeSet {
        let (stay, leave) = self.as_strange(probability);
        // 1 / 10 is not above 1 − 0.9, whatever rounding makes of it.
        let within = |rows: usize, of: usize| (rows + 1) as f64 > (1.0 - self.level) * (of + 1) as f64 + 1e-9;
        let set = RegimeSet { stay: within(stay, self.stayed.len()), leave: within(leave, self.left.len()) };
        if set.stay || set.leave {
            return set;
        }
        let (p_stay, p_leave) = self.p_values(probability);
        RegimeSet { stay: p_stay >= p_leave, leave: p_leave > p_stay }
    }

    /// The limits that answer as these rows do at every probability.
    ///
    /// Staying goes right after a row that stayed, or where one that left begins to count; leaving comes likewise. So the
    /// last probability before, and the first from then on, are those of a row, or its neighbours among numbers.
    pub(super) fn limits(&self) -> ConformalRegimes {
        let last = |rows: &[f64], at: fn(f64) -> f64| {
            rows[..rows.partition_point(|&p| self.set(at(p)).stay)].last().map(|&p| at(p))
        };
        let first = |rows: &[f64], at: fn(f64) -> f64| {
            rows.get(rows.partition_point(|&p| !self.set(at(p)).leave)).map(|&p| at(p))
        };
        let is_probability = |p: &f64| (0.0..=1.0).contains(p);
        let stay_to =
            [self.set(1.0).stay.then_some(1.0), last(&self.stayed, |p| p), last(&self.left, f64::next_down)];
        let leave_from =
            [self.set(0.0).leave.then_some(0.0), first(&self.left, |p| p), first(&self.stayed, f64::next_up)];
        ConformalRegimes {
            level: self.level,
            stay_to: stay_to.into_iter().flatten().filter(is_probability).fold(0_f64.next_down(), f64::max),
            leave_from: leave_from
                .into_iter()
                .flatten()
                .filter(is_probability)
                .fold(1_f64.next_up(), f64::min),
            rows_stayed: self.stayed.len(),
            rows_left: self.left.len(),
        }
    }
}
