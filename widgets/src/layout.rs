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
struct Stack<const N: usize> {
    panels: [&'static str; N],
    stages: &'static [[u16; N]],
}

/// Beside a tall tape.
const BESIDE: Stack<4> = Stack {
    panels: ["totals", "heat", "health", "alerts"],
    stages: &[[4, 0, 1, 0], [6, 3, 1, 1], [9, 6, 3, 3], [11, 8, 6, 4], [14, 12, 6, 7], [24, 19, 7, 9]],
};

/// Everything in one column.
const COLUMN: Stack<5> = Stack {
    panels: ["tape", "totals", "heat", "health", "alerts"],
    stages: &[[4, 4, 0, 1, 0], [6, 5, 3, 1, 1], [10, 8, 3, 1, 1], [13, 9, 7, 6, 4], [22, 14, 12, 6, 6]],
};

/// Where each panel goes when all are on screen: a set of disjoint rectangles inside `area`, which is
/// [`Frame::panels`]. Below 40 × 9 the tape has it all; an empty area holds nothing.
pub fn overview(area: Rect) -> Vec<(&'static str, Rect)> {
    if area.is_empty() {
        return Vec::new();
    }
    if area.width < 40 || area.height < 9 {
        return vec![("tape", area)];
    }
    if area.width < TWO_COLUMNS_FROM {
        return COLUMN.place(area);
    }
    let tape = Rect { width: (area.width * 2 / 5).clamp(55, 80), ..area };
    let rest = Rect { x: tape.right() + 1, width: area.width - tape.width - 1, ..area };
    let mut panels = vec![("tape", tape)];
    panels.extend(BESIDE.place(rest));
    panels
}

impl<const N: usize> Stack<N> {
    fn place(&self, area: Rect) -> Vec<(&'static str, Rect)> {
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
    fn panels_never_overlap_and_fill_their_columns() {
        for width in 0..=250 {
            for height in 0..=80 {
                let area = Rect::new(3, 2, width, height);
                let panels = overview(area);
                for (at, (id, rect)) in panels.iter().enumerate() {
                    assert_eq!(area.intersection(*rect), *rect, "{id} at {width}×{height}");
                    assert!(!rect.is_empty());
                    for (other, taken) in &panels[..at] {
                        assert!(!taken.intersects(*rect), "{id} over {other} at {width}×{height}");
                    }
                }
                let cells: u32 = panels.iter().map(|(_, rect)| rect.area()).sum();
                let gap = if width >= TWO_COLUMNS_FROM && height >= 9 { u32::from(height) } else { 0 };
                assert_eq!(cells + gap, area.area(), "{width}×{height}");
            }
        }
    }

    #[test]
    fn the_usual_terminals_show_all_five() {
        for (width, height) in [(80, 24), (120, 40), (200, 60), (110, 24), (80, 50)] {
            let ids: Vec<_> = overview(Frame::of(Rect::new(0, 0, width, height)).panels)
                .iter()
                .map(|(id, _)| *id)
                .collect();
            assert_eq!(ids, ["tape", "totals", "heat", "health", "alerts"], "{width}×{height}");
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
