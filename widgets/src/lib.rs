//! Ratatui panels over the Board.
//!
//! A panel never sees a key, the program, the store or another panel. It owns its cursor, its sort and
//! its zoom, draws what the [`market::Board`] says, and takes the time from `board.now`: the same board
//! gives the same cells. A new panel is one file and one row in [`PANELS`].

mod cursor;
mod figures;
mod layout;
mod panel;
mod pen;
mod plan;
mod popup;
mod status;
mod tape;
mod theme;
mod watch;

pub use layout::{Frame, overview};
pub use panel::{Action, Focus, Panel, PanelRow, Reaction, View};
pub use popup::{HelpView, PaletteEntry, PaletteView};
pub use status::StatusLine;
pub use tape::Tape;
pub use theme::{HEAT_LEVELS, Theme};

/// Every panel, in the order in which focus visits them.
pub const PANELS: &[PanelRow] = &[PanelRow {
    id: "tape",
    title: "Liquidation tape",
    about: "every liquidation as it arrives, newest on top",
    make: || Box::new(Tape::default()),
}];

/// The panel called `id`.
pub fn find(id: &str) -> Option<&'static PanelRow> {
    PANELS.iter().find(|row| row.id == id)
}
