//! A cursor on a list that grows at its newest end.
//!
//! Events are numbered from the first ever pushed, so that a cursor stays on its event while newer ones
//! arrive and older ones are forgotten.

use market::Ring;

use crate::panel::{Action, Reaction};

/// Where the reader is on a newest-first list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    hold: Option<Hold>,
    /// Rows there was room for at the last drawing.
    rows: u64,
}

/// A view held still.
#[derive(Clone, Copy, Debug)]
struct Hold {
    /// The event under the cursor.
    at: u64,
    /// The event on the first row.
    top: u64,
    /// How many events there had ever been when the view was held.
    seen: u64,
}

/// What a list shows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The first row's place, 0 for the newest: for [`Ring::newest`].
    pub first: usize,
    /// The row under the cursor, counted from the first; `None` while the newest is followed.
    pub cursor: Option<usize>,
    /// How many came since the view was held.
    pub unseen: u64,
}

/// How many items a ring has ever held.
fn ever<T>(ring: &Ring<T>) -> u64 {
    ring.forgotten() + ring.len() as u64
}

impl Cursor {
    /// Moves on `ring`.
    pub(crate) fn act<T>(&mut self, action: Action, ring: &Ring<T>) -> Reaction {
        let (ever, oldest) = (ever(ring), ring.forgotten());
        let Some(newest) = ever.checked_sub(1).filter(|_| !ring.is_empty()) else {
            return Reaction::redraw_if(self.hold.take().is_some());
        };
        let page = self.rows.max(2) - 1;
        let at = self.hold.map_or(newest, |hold| hold.at.clamp(oldest, newest));
        let to = match action {
            Action::Up => at.saturating_add(1),
            Action::Down => at.saturating_sub(1),
            Action::PageUp => at.saturating_add(page),
            Action::PageDown => at.saturating_sub(page),
            Action::Top => newest,
            Action::Bottom => oldest,
            Action::Left | Action::Right | Action::NextColumn | Action::Toggle => return Reaction::Ignored,
        };
        let to = to.clamp(oldest, newest);
        if to == newest {
            return Reaction::redraw_if(self.hold.take().is_some());
        }
        let hold = self.hold.get_or_insert(Hold { at, top: newest, seen: ever });
        let moved = hold.at != to;
        hold.at = to;
        // Before the first drawing there is no last row to scroll past.
        let rows = if self.rows == 0 { u64::MAX } else { self.rows };
        hold.top = hold.top.max(to).min(to.saturating_add(rows - 1));
        Reaction::redraw_if(moved)
    }

    /// What to show on `rows` rows.
    pub(crate) fn show<T>(&mut self, ring: &Ring<T>, rows: u16) -> Shown {
        self.rows = u64::from(rows);
        let following = Shown { first: 0, cursor: None, unseen: 0 };
        let (ever, oldest) = (ever(ring), ring.forgotten());
        let (Some(hold), Some(newest), true) = (self.hold.as_mut(), ever.checked_sub(1), !ring.is_empty())
        else {
            return following;
        };
        hold.at = hold.at.clamp(oldest, newest);
        // The first row, so that the cursor is on screen and no row at the bottom is wasted.
        let full = oldest.saturating_add(self.rows.max(1) - 1).min(newest);
        hold.top =
            hold.top.max(hold.at).min(hold.at.saturating_add(self.rows.max(1) - 1)).clamp(full, newest);
        hold.seen = hold.seen.min(ever);
        Shown {
            first: (newest - hold.top) as usize,
            cursor: Some((hold.top - hold.at) as usize),
            unseen: ever - hold.seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(capacity: usize, items: u64) -> Ring<u64> {
        let mut ring = Ring::new(capacity);
        (0..items).for_each(|item| ring.push(item));
        ring
    }

    #[test]
    fn a_held_view_stays_on_its_event_while_new_ones_arrive() {
        let mut ring = ring(100, 50);
        let mut cursor = Cursor::default();
        assert_eq!(cursor.show(&ring, 10), Shown { first: 0, cursor: None, unseen: 0 });
        assert_eq!(cursor.act(Action::Down, &ring), Reaction::Redraw);
        assert_eq!(cursor.show(&ring, 10), Shown { first: 0, cursor: Some(1), unseen: 0 });
        (50..57).for_each(|item| ring.push(item));
        let shown = cursor.show(&ring, 10);
        assert_eq!(shown, Shown { first: 7, cursor: Some(1), unseen: 7 });
        assert_eq!(ring.newest(shown.first), Some(&49));
        assert_eq!(cursor.act(Action::Top, &ring), Reaction::Redraw);
        assert_eq!(cursor.show(&ring, 10), Shown { first: 0, cursor: None, unseen: 0 });
        assert_eq!(cursor.act(Action::Top, &ring), Reaction::Ignored, "already there");
    }

    #[test]
    fn walking_up_into_the_new_ones_follows_again_at_the_newest() {
        let mut ring = ring(100, 5);
        let mut cursor = Cursor::default();
        let _ = cursor.show(&ring, 3);
        let _ = cursor.act(Action::Down, &ring);
        ring.push(5);
        let _ = cursor.act(Action::Up, &ring);
        assert_eq!(cursor.show(&ring, 3).cursor, Some(0));
        let _ = cursor.act(Action::Up, &ring);
        assert_eq!(cursor.show(&ring, 3).cursor, None);
    }

    #[test]
    fn a_forgotten_event_hands_the_cursor_to_the_oldest_left() {
        let mut ring = ring(10, 10);
        let mut cursor = Cursor::default();
        let _ = cursor.show(&ring, 4);
        let _ = cursor.act(Action::Bottom, &ring);
        assert_eq!(cursor.show(&ring, 4), Shown { first: 6, cursor: Some(3), unseen: 0 });
        (10..25).for_each(|item| ring.push(item));
        assert_eq!(cursor.show(&ring, 4), Shown { first: 6, cursor: Some(3), unseen: 15 });
    }

    #[test]
    fn another_shorter_list_is_no_harm() {
        let mut cursor = Cursor::default();
        let long = ring(100, 90);
        let _ = cursor.show(&long, 10);
        let _ = cursor.act(Action::PageDown, &long);
        assert_eq!(cursor.show(&ring(100, 3), 10), Shown { first: 0, cursor: Some(0), unseen: 0 });
        assert_eq!(cursor.show(&ring(100, 0), 10), Shown { first: 0, cursor: None, unseen: 0 });
        assert_eq!(cursor.act(Action::Down, &ring(100, 0)), Reaction::Redraw, "it lets go");
    }
}
