//! How much of each liquidated position was told.

use std::collections::{HashMap, VecDeque};

use smol_str::SmolStr;

/// Positions remembered; the oldest are forgotten first.
const MOST_POSITIONS: usize = 16_384;

/// Base units of one position, as far as frames have told them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Amounts {
    /// What the trigger told: the whole position.
    triggered: f64,
    /// What executions told, together.
    executed: f64,
}

impl Amounts {
    /// What one frame tells.
    pub(super) fn of(is_execution: bool, amount: f64) -> Self {
        if is_execution {
            Self { triggered: 0.0, executed: amount }
        } else {
            Self { triggered: amount, executed: 0.0 }
        }
    }

    /// The amount that was surely liquidated: triggers and executions tell of the same units.
    fn total(self) -> f64 {
        self.triggered.max(self.executed)
    }
}

/// What was told of the positions liquidated last.
#[derive(Debug, Default)]
pub(super) struct Positions {
    told: HashMap<SmolStr, Amounts>,
    order: VecDeque<SmolStr>,
}

impl Positions {
    /// Takes in what a frame tells of the position `id`; how much that adds to what was told.
    pub(super) fn add(&mut self, id: &SmolStr, amounts: Amounts) -> f64 {
        if !self.told.contains_key(id) {
            self.order.push_back(id.clone());
            if self.order.len() > MOST_POSITIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.told.remove(&oldest);
            }
        }
        let told = self.told.entry(id.clone()).or_default();
        let before = told.total();
        told.triggered = told.triggered.max(amounts.triggered);
        told.executed += amounts.executed;
        told.total() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_once_in_whatever_order_it_is_told() {
        let (trigger, execution) = (false, true);
        for (frames, added) in [
            ([(trigger, 8.0), (execution, 5.0), (execution, 3.0)], [8.0, 0.0, 0.0]),
            ([(execution, 5.0), (trigger, 8.0), (execution, 3.0)], [5.0, 3.0, 0.0]),
            ([(execution, 5.0), (execution, 3.0), (trigger, 8.0)], [5.0, 3.0, 0.0]),
            ([(trigger, 8.0), (trigger, 8.0), (trigger, 9.0)], [8.0, 0.0, 1.0]),
        ] {
            let mut positions = Positions::default();
            let told: Vec<f64> = frames
                .iter()
                .map(|(is_execution, amount)| {
                    positions.add(&SmolStr::new("7"), Amounts::of(*is_execution, *amount))
                })
                .collect();
            assert_eq!(told, added, "{frames:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut positions = Positions::default();
        for n in 0..2 * MOST_POSITIONS {
            positions.add(&SmolStr::new(n.to_string()), Amounts::of(false, 1.0));
        }
        assert!(positions.told.len() <= MOST_POSITIONS && positions.order.len() == positions.told.len());
    }
}
