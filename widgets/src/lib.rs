//! Ratatui panels over the Board.
//!
//! A panel never sees a key, the program, the store or another panel. It owns its cursor, its sort and
//! its zoom, draws what the [`market::Board`] says, and takes the time from `board.now`: the same board
//! gives the same cells. A new panel is one file and one row in [`PANELS`].

mod alerts;
mod axis;
mod cursor;
mod events;
mod figures;
mod flows;
mod headline;
mod health;
mod heat;
mod layout;
mod levels;
mod leverage;
mod list;
mod miners;
mod panel;
mod pen;
mod phrase;
mod plan;
mod popup;
mod prices;
mod regime;
mod signs;
mod status;
mod strip;
mod sums;
mod tape;
mod theme;
mod tokens;
mod totals;
mod watch;
mod workspaces;

pub use alerts::Alerts;
pub use events::Events;
pub use flows::Flows;
pub use headline::Headline;
pub use health::Health;
pub use heat::Heat;
pub use layout::{Frame, overview};
pub use leverage::Leverage;
pub use miners::Miners;
pub use panel::{Action, Focus, Panel, PanelRow, Reaction, View};
pub use popup::{HelpView, PaletteEntry, PaletteView};
pub use regime::Regime;
pub use status::StatusLine;
pub use tape::Tape;
pub use theme::{HEAT_LEVELS, Theme};
pub use tokens::Tokens;
pub use totals::TotalsTable;
pub use workspaces::{WORKSPACES, WorkspaceRow, workspace};

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
    PanelRow {
        id: "headline",
        title: "Headlines",
        about: "flows, leverage, miners, tokens, the chain and the next event, in a phrase each",
        make: || Box::new(Headline),
    },
    PanelRow {
        id: "flows",
        title: "ETF flows",
        about: "what went in and out of each fund by day, in dollars or coins, with streaks and records",
        make: || Box::new(Flows::default()),
    },
    PanelRow {
        id: "miners",
        title: "Miners and AI hosting",
        about: "miners' shares against Bitcoin, and what mining earns beside what AI hosting pays",
        make: || Box::new(Miners::default()),
    },
    PanelRow {
        id: "tokens",
        title: "Decentralised AI",
        about: "AI projects' coins: prices, gains, and strength against Bitcoin",
        make: || Box::new(Tokens::default()),
    },
    PanelRow {
        id: "leverage",
        title: "Institutions and leverage",
        about: "fund flows and treasuries beside funding, open interest and liquidations",
        make: || Box::new(Leverage::default()),
    },
    PanelRow {
        id: "regime",
        title: "Regimes",
        about: "each market's regime, how likely it is to shift, what moved that, and how good it was",
        make: || Box::new(Regime::default()),
    },
    PanelRow {
        id: "events",
        title: "Events",
        about: "what is due, counted down, and what happened, with figures and sources",
        make: || Box::new(Events::default()),
    },
];

/// The panel called `id`.
pub fn find(id: &str) -> Option<&'static PanelRow> {
    PANELS.iter().find(|row| row.id == id)
}
