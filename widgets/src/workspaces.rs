//! Workspaces: which panels stand together, and who gets which part of the screen in each.

use ratatui::layout::Rect;

use crate::layout::{Stack, is_cramped, overview};

/// Width from which two tables stand beside each other.
const BESIDE_FROM: u16 = 170;

/// One row of [`WORKSPACES`].
#[derive(Clone, Copy)]
pub struct WorkspaceRow {
    /// Its name in commands and configuration.
    pub id: &'static str,
    /// Its name for help and the palette.
    pub title: &'static str,
    /// One line for help and docs.
    pub about: &'static str,
    /// Where each of its panels goes inside an area, which is [`crate::Frame::panels`]: disjoint
    /// rectangles, the panel that matters most first. In little room that one has it all.
    pub layout: fn(Rect) -> Vec<(&'static str, Rect)>,
}

/// Every workspace, in the order in which the reader goes through them.
pub const WORKSPACES: &[WorkspaceRow] = &[
    WorkspaceRow {
        id: "overview",
        title: "Overview",
        about: "headlines, the tape, totals, heat, feeds and alerts",
        layout: overview,
    },
    WorkspaceRow {
        id: "flows",
        title: "ETF flows",
        about: "fund flows by day and fund, over the events that moved them",
        layout: |area| FLOWS.fill(area),
    },
    WorkspaceRow {
        id: "miners",
        title: "Miners and AI hosting",
        about: "miners' shares, mining revenue and AI contracts, over the events that moved them",
        layout: |area| MINERS.fill(area),
    },
    WorkspaceRow { id: "ai", title: "AI", about: "AI tokens beside the companies that host AI", layout: ai },
    WorkspaceRow {
        id: "leverage",
        title: "Institutions and leverage",
        about: "flows and treasuries beside funding, open interest and liquidations",
        layout: leverage,
    },
    WorkspaceRow {
        id: "regimes",
        title: "Regimes",
        about: "regimes, shift forecasts and how good they were, over the alerts",
        layout: |area| REGIMES.fill(area),
    },
    WorkspaceRow {
        id: "events",
        title: "Events",
        about: "what is due and what happened, over the alerts",
        layout: |area| EVENTS.fill(area),
    },
    WorkspaceRow {
        id: "feeds",
        title: "Feeds",
        about: "every feed's health and the store, over the alerts",
        layout: |area| FEEDS.fill(area),
    },
];

/// Where each panel of the workspace called `id` goes; `None` where there is no such workspace.
pub fn workspace(id: &str, area: Rect) -> Option<Vec<(&'static str, Rect)>> {
    WORKSPACES.iter().find(|row| row.id == id).map(|row| (row.layout)(area))
}

const FLOWS: Stack<3> = Stack {
    panels: ["flows", "events", "alerts"],
    stages: &[[8, 0, 1], [16, 6, 1], [24, 10, 5], [36, 14, 9]],
};

const MINERS: Stack<3> = Stack {
    panels: ["miners", "events", "alerts"],
    stages: &[[8, 0, 1], [22, 0, 1], [29, 6, 4], [40, 11, 8]],
};

const AI: Stack<3> = Stack {
    panels: ["tokens", "miners", "alerts"],
    stages: &[[8, 0, 1], [12, 10, 1], [13, 21, 5], [20, 31, 8]],
};

const LEVERAGE: Stack<3> = Stack {
    panels: ["leverage", "totals", "alerts"],
    stages: &[[8, 0, 1], [17, 5, 1], [24, 10, 5], [36, 14, 9]],
};

const LEVERAGE_BESIDE: Stack<2> =
    Stack { panels: ["leverage", "alerts"], stages: &[[8, 1], [22, 4], [32, 7]] };

const REGIMES: Stack<2> =
    Stack { panels: ["regime", "alerts"], stages: &[[8, 1], [19, 4], [34, 5], [48, 11]] };

const EVENTS: Stack<2> =
    Stack { panels: ["events", "alerts"], stages: &[[8, 1], [18, 5], [31, 8], [48, 11]] };

const FEEDS: Stack<2> = Stack { panels: ["health", "alerts"], stages: &[[8, 1], [19, 4], [34, 5], [48, 11]] };

impl<const N: usize> Stack<N> {
    /// The stack in the whole of `area`; its first panel alone in little room.
    fn fill(&self, area: Rect) -> Vec<(&'static str, Rect)> {
        match self.panels.first() {
            _ if area.is_empty() => Vec::new(),
            Some(first) if is_cramped(area) => vec![(first, area)],
            _ => self.place(area),
        }
    }
}

/// The two halves of an area, a blank column between them; `left` columns go to the first.
fn beside(area: Rect, left: u16) -> (Rect, Rect) {
    let left = Rect { width: left, ..area };
    (left, Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area })
}

fn ai(area: Rect) -> Vec<(&'static str, Rect)> {
    if area.width < BESIDE_FROM || is_cramped(area) {
        return AI.fill(area);
    }
    let alerts = Rect { height: (area.height / 6).max(1), ..area };
    let above = Rect { height: area.height - alerts.height, ..area };
    let alerts = Rect { y: above.bottom(), ..alerts };
    let (tokens, miners) = beside(above, area.width * 9 / 20);
    vec![("tokens", tokens), ("miners", miners), ("alerts", alerts)]
}

fn leverage(area: Rect) -> Vec<(&'static str, Rect)> {
    if area.width < BESIDE_FROM || area.height < 30 {
        return LEVERAGE.fill(area);
    }
    let lower = Rect { height: area.height / 3, ..area };
    let upper = Rect { height: area.height - lower.height, ..area };
    let mut panels = LEVERAGE_BESIDE.fill(upper);
    let (totals, heat) = beside(Rect { y: upper.bottom(), ..lower }, area.width * 3 / 5);
    panels.extend([("totals", totals), ("heat", heat)]);
    panels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Frame;

    #[test]
    fn panels_never_overlap_and_fill_their_area() {
        for row in WORKSPACES {
            for width in (0..=60).chain((61..=250).step_by(7)) {
                for height in 0..=80 {
                    let area = Rect::new(3, 2, width, height);
                    let panels = workspace(row.id, area).unwrap();
                    for (at, (id, rect)) in panels.iter().enumerate() {
                        let who = format!("{id} in {} at {width}×{height}", row.id);
                        assert_eq!(area.intersection(*rect), *rect, "{who}");
                        assert!(!rect.is_empty() && crate::find(id).is_some(), "{who}");
                        for (other, taken) in &panels[..at] {
                            assert!(other != id && !taken.intersects(*rect), "{who} over {other}");
                        }
                    }
                    // A blank column between two halves is all that stays free.
                    let cells: u32 = panels.iter().map(|(_, rect)| rect.area()).sum();
                    assert!(cells + u32::from(height) >= area.area(), "{} at {width}×{height}", row.id);
                }
            }
        }
    }

    #[test]
    fn every_panel_has_a_workspace_and_the_first_of_it_most_room() {
        let frame = Frame::of(Rect::new(0, 0, 120, 40));
        let on_screen: Vec<&str> =
            WORKSPACES.iter().flat_map(|row| (row.layout)(frame.panels)).map(|(id, _)| id).collect();
        for row in crate::PANELS {
            assert!(on_screen.contains(&row.id), "{}", row.id);
        }
        assert!(workspace("nonsense", frame.panels).is_none());
    }
}
