//! Inductive Venn–Abers prediction: two probabilities of which one is calibrated, whatever the scores mean.
//!
//! The row to be forecast is added to the calibration rows once as if it did not happen and once as if it did; the
//! isotonic fits' values at it are p0 and p1. p1 − p0 is how much one row could still change the answer: wide where
//! few rows are near. As one probability, p1 / (1 − p0 + p1) is the one that is safest under log loss.
//!
//! Both are step functions of the score, found once for all scores by moving the added row along the cumulative sum
//! diagram (its greatest convex minorant's slope is the isotonic fit): O(n log n) to fit, O(log n) to ask. Counts are
//! integers, so that nothing is rounded before the last division.
//!
//! Source: V. Vovk, I. Petej and V. Fedorova, *Large-scale probabilistic predictors with and without guarantees of
//! validity*, NIPS (2015), algorithms 1 to 4; V. Vovk and I. Petej, *Venn–Abers predictors*, UAI (2014).

use serde::{Deserialize, Serialize};

use super::{CalibrationError, are_rising_shares, ascending_runs, is_rising, scored};

/// A step function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// Where it steps, rising.
    pub at: Vec<f64>,
    /// Its value there, never falling.
    pub value: Vec<f64>,
}

/// Both probabilities of every score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VennAbers {
    /// p0: the value at the last step at or below the score; 0 below the first.
    pub lower: Steps,
    /// p1: the value at the first step at or above the score; 1 above the last.
    pub upper: Steps,
}

/// Two probabilities of one score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VennPair {
    /// The probability if this row will not have happened: the lower one.
    pub p0: f64,
    /// The probability if it will: the upper one.
    pub p1: f64,
}

impl VennPair {
    /// Both as one: p1 / (1 − p0 + p1), always between them.
    pub fn combined(self) -> f64 {
        (self.p1 / (1.0 - self.p0 + self.p1)).clamp(self.p0, self.p1)
    }

    /// p1 − p0.
    pub fn width(self) -> f64 {
        self.p1 - self.p0
    }
}

impl VennAbers {
    /// Fits calibration scores, any that rise with the probability, to what happened. The rows must not have trained
    /// the score.
    ///
    /// # Errors
    /// No rows, columns of different length, or a score that is not finite.
    pub fn fit(scores: &[f64], happened: &[bool]) -> Result<Self, CalibrationError> {
        scored(scores, happened.len())?;
        let runs = ascending_runs(scores);
        let at: Vec<f64> = runs.iter().map(|run| scores[run[0]]).collect();
        let groups: Vec<Group> = runs
            .iter()
            .map(|run| Group {
                rows: run.len() as i64,
                events: run.iter().filter(|&&row| happened[row]).count() as i64,
            })
            .collect();
        let mirrored: Vec<Group> = groups
            .iter()
            .rev()
            .map(|group| Group { rows: group.rows, events: group.rows - group.events })
            .collect();
        let with_event: Vec<f64> =
            with_one_event(&groups).into_iter().map(|(rows, events)| events as f64 / rows as f64).collect();
        // To add a row that did not happen is to add one that did, seen from the other end.
        let without: Vec<f64> = with_one_event(&mirrored)
            .into_iter()
            .rev()
            .map(|(rows, events)| (rows - events) as f64 / rows as f64)
            .collect();
        let last = at.len() - 1;
        // Of each flat stretch the one end that a search from its side meets first.
        let firsts: Vec<usize> = (0..=last).filter(|&i| i == 0 || without[i - 1] < without[i]).collect();
        let lasts: Vec<usize> =
            (0..=last).filter(|&i| i == last || with_event[i] < with_event[i + 1]).collect();
        let steps = |places: &[usize], values: &[f64]| Steps {
            at: places.iter().map(|&i| at[i]).collect(),
            value: places.iter().map(|&i| values[i]).collect(),
        };
        Ok(Self { lower: steps(&firsts, &without), upper: steps(&lasts, &with_event) })
    }

    /// Both probabilities of a score. Of NaN: 0 and 1, nothing known.
    pub fn pair(&self, score: f64) -> VennPair {
        if score.is_nan() {
            return VennPair { p0: 0.0, p1: 1.0 };
        }
        let below = self.lower.at.partition_point(|&at| at <= score).checked_sub(1);
        let above = self.upper.at.partition_point(|&at| at < score);
        VennPair {
            p0: below.and_then(|i| self.lower.value.get(i)).copied().unwrap_or(0.0),
            p1: self.upper.value.get(above).copied().unwrap_or(1.0),
        }
    }

    /// Whether the parameters can be used.
    ///
    /// # Errors
    /// Steps that do not rise, values that are no probabilities or fall, or none at all.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let damaged = |problem| Err(CalibrationError::Damaged { what: "Venn–Abers steps", problem });
        for steps in [&self.lower, &self.upper] {
            if steps.at.is_empty() || steps.at.len() != steps.value.len() {
                return damaged("are not one value a step");
            }
            if !steps.at.iter().all(|at| at.is_finite()) || !is_rising(&steps.at) {
                return damaged("do not rise");
            }
            if !are_rising_shares(&steps.value) {
                return damaged("are no rising probabilities");
            }
        }
        Ok(())
    }
}

/// Rows of one score.
struct Group {
    rows: i64,
    events: i64,
}

/// A point of the cumulative sum diagram: rows, events.
type Point = (i64, i64);

/// The turn from a to b to c: above 0 to the left, 0 straight on.
fn turn(a: Point, b: Point, c: Point) -> i64 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

/// For each group, the isotonic fit's value where one more row, which happened, joins it: (rows, events) of its block.
fn with_one_event(groups: &[Group]) -> Vec<(i64, i64)> {
    // The diagram with the added row before the first group.
    let mut points: Vec<Point> = vec![(-1, -1), (0, 0)];
    let (mut rows, mut events) = (0, 0);
    for group in groups {
        rows += group.rows;
        events += group.events;
        points.push((rows, events));
    }
    // Corners of its convex minorant, the leftmost on top.
    let mut corners: Vec<Point> = Vec::new();
    for &point in points.iter().rev() {
        while let [.., far, near] = corners[..] {
            if turn(point, near, far) > 0 {
                break;
            }
            corners.pop();
        }
        corners.push(point);
    }
    let mut blocks = Vec::with_capacity(groups.len());
    let mut moved: Point = (-1, -1);
    for group in groups {
        let [.., far, near] = corners[..] else {
            break;
        };
        blocks.push((far.0 - near.0, far.1 - near.1));
        // The added row moves behind this group: the diagram there sinks by one row and one event.
        moved = (moved.0 + group.rows, moved.1 + group.events);
        if turn(near, far, moved) >= 0 {
            continue;
        }
        corners.pop();
        while let [.., far, near] = corners[..] {
            if turn(moved, near, far) > 0 {
                break;
            }
            corners.pop();
        }
        corners.push(moved);
    }
    blocks
}
