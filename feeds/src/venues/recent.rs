//! Remembers which trades were told, so that none is told twice.

use std::collections::{HashSet, VecDeque};

use smol_str::SmolStr;

/// The ids told last; the oldest are forgotten first.
#[derive(Debug)]
pub(super) struct Recent {
    most: usize,
    ids: HashSet<SmolStr>,
    order: VecDeque<SmolStr>,
}

impl Recent {
    /// Remembers `most` ids.
    pub(super) fn of(most: usize) -> Self {
        Self { most, ids: HashSet::new(), order: VecDeque::new() }
    }

    /// Whether `id` was noted.
    pub(super) fn knows(&self, id: &SmolStr) -> bool {
        self.ids.contains(id)
    }

    /// Notes `id`; whether it is new.
    pub(super) fn is_new(&mut self, id: &SmolStr) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_until_enough_others_came_after_it() {
        let mut recent = Recent::of(2);
        let told: Vec<bool> =
            ["a", "b", "a", "b", "c", "b", "a"].iter().map(|id| recent.is_new(&SmolStr::new(id))).collect();
        assert_eq!(told, [true, true, false, false, true, false, true]);
        assert!(recent.knows(&SmolStr::new("a")) && !recent.knows(&SmolStr::new("b")));
        for n in 0..10_000 {
            recent.is_new(&SmolStr::new(n.to_string()));
        }
        assert_eq!((recent.ids.len(), recent.order.len()), (2, 2));
    }
}
