//! Ratatui panels over the Board.
//!
//! A panel never sees a key, the program, the store or another panel. It owns its cursor, its sort and
//! its zoom, draws what the [`market::Board`] says, and takes the time from `board.now`: the same board
//! gives the same cells. A new panel is one file and one row in [`PANELS`].

mod alerts;
mod axis;
mod cursor;
mod figures;
mod health;
mod heat;
mod layout;
mod list;
mod panel;
mod pen;
mod phrase;
mod plan;
mod popup;
mod signs;
mod status;
mod strip;
mod sums;
mod tape;
mod theme;
mod totals;
mod watch;

pub use alerts::Alerts;
pub use health::Health;
pub use heat::Heat;
pub use layout::{Frame, overview};
pub use panel::{Action, Focus, Panel, PanelRow, Reaction, View};
pub use popup::{HelpView, PaletteEntry, PaletteView};
pub use status::StatusLine;
pub use tape::Tape;
pub use theme::{HEAT_LEVELS, Theme};
pub use totals::TotalsTable;

/// Every panel, in the order in which focus visits them.
pub const PANELS: &[PanelRow] = &[
    PanelRow {
        id: "tape",
        title: "Liquidation tape",
        about: "every liquidation as it arrives, newest on top",
        make: || Box::new(Tape::default()),
    },
    PanelRow {
        id: "totals",
        title: "Long and short totals",
        about: "liquidated notional over 5 minutes, an hour and a day, by venue, asset and instrument",
        make: || Box::new(TotalsTable::default()),
    },
    PanelRow {
        id: "heat",
        title: "Heatmap and intensity",
        about: "one asset's liquidations by price and time, over the intensity of the last hour",
        make: || Box::new(Heat::default()),
    },
    PanelRow {
        id: "health",
        title: "Feed health",
        about: "state, freshness, losses and coverage of every feed, and the store",
        make: || Box::new(Health::default()),
    },
    PanelRow {
        id: "alerts",
        title: "Alerts and rules",
        about: "what fired, with the numbers behind it, and where every rule stands",
        make: || Box::new(Alerts::default()),
    },
];

/// The panel called `id`.
pub fn find(id: &str) -> Option<&'static PanelRow> {
    PANELS.iter().find(|row| row.id == id)
}
