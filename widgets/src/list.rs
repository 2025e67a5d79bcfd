//! What a list of rows shows: in which order, and from which row on.

use std::cmp::Ordering;
use std::ops::Range;

use crate::panel::{Action, Reaction};

/// How far a list is scrolled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scroll {
    offset: usize,
    /// Rows of the list, and how many of them there was room for, at the last drawing.
    listed: usize,
    rows: usize,
}

impl Scroll {
    /// Moves by rows and screenfuls; ignores every other action.
    pub(crate) fn act(&mut self, action: Action) -> Reaction {
        let last = self.listed.saturating_sub(self.rows);
        let to = match action {
            Action::Up => self.offset.saturating_sub(1),
            Action::Down => self.offset + 1,
            Action::PageUp => self.offset.saturating_sub(self.rows.max(1)),
            Action::PageDown => self.offset + self.rows.max(1),
            Action::Top => 0,
            Action::Bottom => last,
            Action::Left | Action::Right | Action::NextColumn | Action::Toggle => return Reaction::Ignored,
        };
        let to = to.min(last);
        Reaction::redraw_if(std::mem::replace(&mut self.offset, to) != to)
    }

    /// Back to the first row: the list is another one now.
    pub(crate) fn rewind(&mut self) {
        self.offset = 0;
    }

    /// Which of `listed` rows to show where there is room for `rows`.
    pub(crate) fn show(&mut self, listed: usize, rows: u16) -> Range<usize> {
        self.listed = listed;
        self.rows = usize::from(rows);
        self.offset = self.offset.min(listed.saturating_sub(self.rows));
        self.offset..listed.min(self.offset + self.rows)
    }

    /// Which of `listed` rows to show where there is room for `rows`, from row `first` on where there are enough.
    pub(crate) fn from(&mut self, first: usize, listed: usize, rows: u16) -> Range<usize> {
        self.offset = first;
        self.show(listed, rows)
    }

    /// Which of `listed` rows to show where there is room for `rows`, so that row `cursor` is among them.
    pub(crate) fn around(&mut self, cursor: usize, listed: usize, rows: u16) -> Range<usize> {
        let rows_fit = usize::from(rows).max(1);
        self.offset = self.offset.min(cursor).max((cursor + 1).saturating_sub(rows_fit));
        self.show(listed, rows)
    }
}

/// What a head says of a list that does not fit: `1–12 of 20`.
pub(crate) fn shown_of(shown: &Range<usize>, listed: usize) -> Option<String> {
    (shown.len() < listed && !shown.is_empty())
        .then(|| format!("{}–{} of {listed}", shown.start + 1, shown.end))
}

/// The largest first; what has no figure last. Equals keep their order.
pub(crate) fn by_size(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_scrolls_no_further_than_its_last_screenful() {
        let mut scroll = Scroll::default();
        assert_eq!(scroll.act(Action::Down), Reaction::Ignored, "nothing drawn yet");
        assert_eq!(scroll.show(10, 4), 0..4);
        assert_eq!(scroll.act(Action::PageDown), Reaction::Redraw);
        assert_eq!(scroll.show(10, 4), 4..8);
        assert_eq!(scroll.act(Action::Bottom), Reaction::Redraw);
        assert_eq!(scroll.show(10, 4), 6..10);
        assert_eq!(scroll.act(Action::Down), Reaction::Ignored);
        assert_eq!(scroll.show(3, 4), 0..3, "the list became shorter");
        assert_eq!(scroll.show(10, 0), 0..0);
    }

    #[test]
    fn a_list_with_a_cursor_follows_it() {
        let mut scroll = Scroll::default();
        for (cursor, shown) in [(0, 0..4), (3, 0..4), (4, 1..5), (2, 1..5), (9, 6..10), (0, 0..4)] {
            assert_eq!(scroll.around(cursor, 10, 4), shown, "{cursor}");
        }
        assert_eq!(scroll.around(5, 10, 0), 5..5);
    }

    #[test]
    fn a_list_that_is_cut_says_which_rows_it_shows() {
        assert_eq!(shown_of(&(0..4), 10).as_deref(), Some("1–4 of 10"));
        assert_eq!(shown_of(&(0..10), 10), None);
        assert_eq!(shown_of(&(0..0), 10), None);
    }

    #[test]
    fn what_has_no_figure_stands_last() {
        let mut figures = [None, Some(-1.0), Some(3.0), None, Some(0.5)];
        figures.sort_by(|a, b| by_size(*a, *b));
        assert_eq!(figures, [Some(3.0), Some(0.5), Some(-1.0), None, None]);
    }
}
