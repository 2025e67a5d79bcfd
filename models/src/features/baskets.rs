//! Equally weighted baskets: the mean return of members, and whether enough of them are known.

use std::collections::BTreeMap;

/// Fewest members that make a basket.
const LEAST_MEMBERS: usize = 3;

/// A basket's mean return by slot: a session or a UTC day.
#[derive(Debug, Default)]
pub(super) struct Basket {
    means: BTreeMap<i64, (f64, usize)>,
}

impl Basket {
    /// Puts the members' returns of `slot` in place of what was known; unknown ones are left out.
    pub(super) fn set(&mut self, slot: i64, members: impl Iterator<Item = Option<f64>>) {
        let (mut sum, mut count) = (0.0, 0);
        for member in members.flatten() {
            sum += member;
            count += 1;
        }
        if count == 0 {
            self.means.remove(&slot);
        } else {
            self.means.insert(slot, (sum / count as f64, count));
        }
    }

    /// The mean of `slot`; `None` with fewer than three members, or fewer than half of those of the slot
    /// before: their closes are still coming in.
    pub(super) fn mean(&self, slot: i64) -> Option<f64> {
        let (mean, count) = *self.means.get(&slot)?;
        let before = self.means.get(&(slot - 1)).map_or(0, |(_, count)| *count);
        (count >= LEAST_MEMBERS && 2 * count >= before).then_some(mean)
    }

    /// The last slot that has a mean.
    pub(super) fn last(&self) -> Option<i64> {
        self.means.keys().rev().copied().find(|slot| self.mean(*slot).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basket_waits_until_half_of_its_members_are_known() {
        let mut basket = Basket::default();
        basket.set(7, [0.1; 8].into_iter().map(Some));
        basket.set(8, [Some(0.2), Some(0.2), Some(0.5), None].into_iter());
        assert_eq!((basket.mean(8), basket.last()), (None, Some(7)), "3 of 8");
        basket.set(8, [0.2, 0.2, 0.4, 0.4].into_iter().map(Some));
        assert!((basket.mean(8).unwrap() - 0.3).abs() < 1e-12 && basket.last() == Some(8));
        basket.set(8, [None].into_iter());
        assert_eq!(basket.mean(8), None);
    }
}
