//! What a group of outside features adds to the logit: a ridge offset, fitted on resolved forecasts.

use serde::{Deserialize, Serialize};

use crate::samples::{Column, Group, Samples};

use super::experts::away;
use super::ridge::Design;

/// Penalty of each weight. Strong on purpose: on daily data no group has shown a gain, and one that has
/// little to say must not do harm while it is watched.
const RIDGE: f64 = 1_000.0;

/// A robust z counts no further out than this.
const FAR: f64 = 6.0;

/// Fewest resolved forecasts before a group says anything.
const FEWEST: usize = 60;

/// One group's offset: Σ (plain + away × signed) × column, where away is 1 in the lower regime and −1 in the higher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offset {
    /// The group's name.
    pub group: String,
    /// Places of its columns among all columns; those of ages and completeness have no weight.
    pub places: Vec<usize>,
    /// Weight of each column towards a shift of either kind.
    pub plain: Vec<f64>,
    /// Weight of each column towards the higher regime.
    pub signed: Vec<f64>,
}

/// A forecast whose outcome is known.
pub(crate) struct Resolved {
    /// Its row in the samples.
    pub(crate) row: usize,
    /// The regime then.
    pub(crate) state: usize,
    /// The logit without any outside group.
    pub(crate) logit: f64,
    /// Whether a shift came.
    pub(crate) shifted: bool,
}

impl Offset {
    /// The offsets of every outside group that has columns, before anything is learnt.
    pub(crate) fn of_groups(samples: &Samples) -> Vec<Self> {
        let of_group = |group: &Group| {
            let is_weighed = |column: &Column| column.group == *group && !column.is_standing();
            let all = samples.columns.iter().enumerate();
            let places: Vec<usize> =
                all.filter(|(_, column)| is_weighed(column)).map(|(place, _)| place).collect();
            let none = vec![0.0; places.len()];
            Self { group: group.as_str().to_owned(), places, plain: none.clone(), signed: none }
        };
        Group::OUTSIDE.iter().map(of_group).filter(|offset| !offset.places.is_empty()).collect()
    }

    /// What each column adds in a row of regime `state`.
    pub(crate) fn parts(&self, state: usize, row: &[f64]) -> Vec<f64> {
        let weights = self.plain.iter().zip(&self.signed);
        let values = self.places.iter().map(|place| row.get(*place).copied().unwrap_or(0.0).clamp(-FAR, FAR));
        weights.zip(values).map(|((plain, signed), value)| (plain + away(state) * signed) * value).collect()
    }

    /// Learns the weights from resolved forecasts; with too few, or none to be found, it adds nothing.
    pub(crate) fn learn(&mut self, samples: &Samples, resolved: &[Resolved]) {
        let count = self.places.len();
        self.plain.fill(0.0);
        self.signed.fill(0.0);
        if resolved.len() < FEWEST {
            return;
        }
        let mut values = Vec::with_capacity(resolved.len() * count * 2);
        for forecast in resolved {
            let row = samples.row(forecast.row);
            let of_row = self.places.iter().map(|place| row[*place].clamp(-FAR, FAR));
            values.extend(of_row.clone());
            values.extend(of_row.map(|value| away(forecast.state) * value));
        }
        let happened: Vec<bool> = resolved.iter().map(|forecast| forecast.shifted).collect();
        let logits: Vec<f64> = resolved.iter().map(|forecast| forecast.logit).collect();
        let design = Design { values: &values, columns: 2 * count, free: 0, known: 0, overlap: 1.0 };
        if let Some(weights) = design.classify_from(&happened, &logits, &vec![RIDGE; 2 * count]) {
            self.plain.copy_from_slice(&weights[..count]);
            self.signed.copy_from_slice(&weights[count..]);
        }
    }
}
