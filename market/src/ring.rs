//! A bounded first-in-first-out list that forgets its oldest.

use std::collections::VecDeque;

/// At most `capacity` items; pushing to a full ring drops the oldest and counts it.
#[derive(Clone, Debug)]
pub struct Ring<T> {
    items: VecDeque<T>,
    capacity: usize,
    forgotten: u64,
}

impl<T> Ring<T> {
    /// An empty ring for at most `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self { items: VecDeque::new(), capacity: capacity.max(1), forgotten: 0 }
    }

    /// Adds the newest item.
    pub fn push(&mut self, item: T) {
        if self.items.len() == self.capacity {
            self.items.pop_front();
            self.forgotten += 1;
        }
        self.items.push_back(item);
    }

    /// Oldest first.
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, T> {
        self.items.iter()
    }

    /// How many items it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The `index`th newest: 0 is the last one pushed.
    pub fn newest(&self, index: usize) -> Option<&T> {
        self.items.len().checked_sub(index + 1).and_then(|at| self.items.get(at))
    }

    /// How many items were dropped for want of room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl<'a, T> IntoIterator for &'a Ring<T> {
    type Item = &'a T;
    type IntoIter = std::collections::vec_deque::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
