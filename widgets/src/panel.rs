//! What a panel is, what it is given, and what it answers.

use jiff::tz::TimeZone;
use market::Board;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::theme::Theme;

/// A part of the screen that shows one thing about the board.
///
/// Deterministic: the same actions on the same boards draw the same cells. Never panics, whatever
/// the size of `area` and the content of the board, and never draws outside `area`.
pub trait Panel: Send {
    /// Its name in layouts and commands, as in [`crate::PANELS`].
    fn id(&self) -> &'static str;

    /// What its head says.
    fn title(&self) -> &'static str;

    /// Moves the cursor, the sort or the zoom. [`Reaction::Ignored`] means nothing changed.
    fn act(&mut self, action: Action, board: &Board) -> Reaction;

    /// Draws itself. Takes `&mut self` only to remember how many rows it last had room for.
    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>);
}

/// What a panel may look at while it draws.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The state of the watch; `board.now` is the time.
    pub board: &'a Board,
    /// The styles.
    pub theme: &'a Theme,
    /// Whether actions go to this panel.
    pub focus: Focus,
    /// New York's time zone, where the program could find one.
    pub new_york: Option<&'a TimeZone>,
}

/// Whether actions go to a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// They do.
    Focused,
    /// They go elsewhere.
    Unfocused,
}

/// What the reader wants; which key says so is not a panel's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// One row up; in the heatmap, a shorter time per column.
    Up,
    /// One row down; in the heatmap, a longer time per column.
    Down,
    /// The thing to the left.
    Left,
    /// The thing to the right.
    Right,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// The first row; on the tape, follow the newest again.
    Top,
    /// The last row.
    Bottom,
    /// The next sort, window or asset.
    NextColumn,
    /// The other face: details, grouping.
    Toggle,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::Up,
        Self::Down,
        Self::Left,
        Self::Right,
        Self::PageUp,
        Self::PageDown,
        Self::Top,
        Self::Bottom,
        Self::NextColumn,
        Self::Toggle,
    ];
}

/// What came of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reaction {
    /// Nothing changed.
    Ignored,
    /// The panel wants to be drawn again.
    Redraw,
}

impl Reaction {
    pub(crate) fn redraw_if(changed: bool) -> Self {
        if changed { Self::Redraw } else { Self::Ignored }
    }
}

/// One row of [`crate::PANELS`].
#[derive(Clone, Copy)]
pub struct PanelRow {
    /// Its name in layouts and commands.
    pub id: &'static str,
    /// Its full name, for help and the palette; [`Panel::title`] is the short one on its head.
    pub title: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// A new one, with its cursor at the top.
    pub make: fn() -> Box<dyn Panel>,
}
