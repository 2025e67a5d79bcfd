//! Who gets which part of the screen.

use ratatui::layout::Rect;

/// Below this width the screen holds the badge and nothing else.
const WIDTH_MIN: u16 = 20;
/// Below this height the screen holds the badge and nothing else.
const HEIGHT_MIN: u16 = 4;
/// From this width on the tape stands beside the rest.
const TWO_COLUMNS_FROM: u16 = 110;

/// A screen, divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// For [`crate::StatusLine`]: the first row, or all there is where nothing else fits.
    pub status: Rect,
    /// For panels: the rest; empty on a screen below 20 × 4.
    pub panels: Rect,
}

impl Frame {
    /// Divides a whole screen.
    pub fn of(screen: Rect) -> Self {
        if screen.width < WIDTH_MIN || screen.height < HEIGHT_MIN {
            let panels = Rect { height: 0, y: screen.bottom(), ..screen };
            return Self { status: screen, panels };
        }
        let status = Rect { height: 1, ..screen };
        Self { status, panels: Rect { y: screen.y + 1, height: screen.height - 1, ..screen } }
    }
}

/// Panels one above the other, and how tall each is as the room grows: one row per stage, and
/// within a stage the first panels get theirs first. Room past the last stage goes to the first panel.
pub(crate) struct Stack<const N: usize> {
    pub panels: [&'static str; N],
    pub stages: &'static [[u16; N]],
}

/// Beside a tall tape.
const BESIDE: Stack<4> = Stack {
    panels: ["totals", "heat", "health", "alerts"],
    stages: &[[4, 0, 1, 0], [6, 3, 1, 1], [9, 6, 3, 3], [11, 8, 6, 4], [14, 12, 6, 7], [24, 19, 7, 9]],
};

/// Everything in one column.
const COLUMN: Stack<5> = Stack {
    panels: ["tape", "totals", "heat", "health", "alerts"],
    stages: &[
        [4, 4, 0, 1, 0],
        [6, 5, 3, 1, 1],
        [8, 6, 3, 1, 1],
        [10, 8, 3, 1, 1],
        [13, 9, 7, 6, 4],
        [22, 14, 12, 6, 6],
    ],
};

/// Where each panel of the overview goes, as [`crate::WORKSPACES`] says: disjoint rectangles inside `area`,
/// which is [`Frame::panels`]. Below 40 × 9 the tape has it all; an empty area holds nothing.
pub fn overview(area: Rect) -> Vec<(&'static str, Rect)> {
    if area.is_empty() {
        return Vec::new();
    }
    if is_cramped(area) {
        return vec![("tape", area)];
    }
    let headline = Rect { height: headline_rows(area), ..area };
    let below = Rect { y: headline.bottom(), height: area.height - headline.height, ..area };
    let mut panels = Vec::with_capacity(6);
    if !headline.is_empty() {
        panels.push(("headline", headline));
    }
    if area.width < TWO_COLUMNS_FROM {
        panels.extend(COLUMN.place(below));
        return panels;
    }
    let tape = Rect { width: (area.width * 2 / 5).clamp(55, 80), ..below };
    panels.push(("tape", tape));
    panels.extend(BESIDE.place(Rect { x: tape.right() + 1, width: area.width - tape.width - 1, ..below }));
    panels
}

/// Whether there is room for one panel only.
pub(crate) fn is_cramped(area: Rect) -> bool {
    area.width < 40 || area.height < 9
}

/// Rows of the headline strip: fewer on wide screens, where more of it fits on a row.
fn headline_rows(area: Rect) -> u16 {
    match (area.width, area.height) {
        (_, ..16) => 0,
        (170.., _) | (TWO_COLUMNS_FROM.., ..30) | (_, ..20) => 2,
        (TWO_COLUMNS_FROM.., _) => 3,
        (_, ..30) => 4,
        _ => 5,
    }
}

impl<const N: usize> Stack<N> {
    pub(crate) fn place(&self, area: Rect) -> Vec<(&'static str, Rect)> {
        let mut heights = [0_u16; N];
        let mut left = area.height;
        for stage in self.stages {
            for (height, wanted) in heights.iter_mut().zip(stage) {
                let more = wanted.saturating_sub(*height).min(left);
                *height += more;
                left -= more;
            }
        }
        heights[0] += left;
        let mut y = area.y;
        let mut placed = Vec::with_capacity(N);
        for (&panel, height) in self.panels.iter().zip(heights).filter(|(_, height)| *height > 0) {
            placed.push((panel, Rect { y, height, ..area }));
            y += height;
        }
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_terminals_show_every_panel() {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let ids: Vec<_> = overview(Frame::of(Rect::new(0, 0, width, height)).panels)
                .iter()
                .map(|(id, _)| *id)
                .collect();
            let all = ["headline", "tape", "totals", "heat", "health", "alerts"];
            assert_eq!(ids, all, "{width}×{height}");
        }
    }

    #[test]
    fn a_tiny_screen_keeps_the_badge() {
        for (width, height) in [(1, 1), (19, 50), (200, 3)] {
            let screen = Rect::new(0, 0, width, height);
            let frame = Frame::of(screen);
            assert_eq!(frame.status, screen);
            assert!(frame.panels.is_empty() && overview(frame.panels).is_empty());
        }
    }
}
