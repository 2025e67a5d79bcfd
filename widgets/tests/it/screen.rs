//! Draws a whole screen, and writes it down: its text, then its styles in runs.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use market::Board;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::widgets::Widget;
use widgets::{Focus, Frame, PANELS, Panel, StatusLine, Theme, View, WORKSPACES, workspace};

/// New York's rules since 2007.
pub fn new_york() -> TimeZone {
    TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap()
}

/// Every panel, new.
pub fn panels() -> Vec<Box<dyn Panel>> {
    PANELS.iter().map(|row| (row.make)()).collect()
}

/// The whole screen of the overview with the tape in focus.
pub fn draw(panels: &mut [Box<dyn Panel>], board: &Board, theme: &Theme, size: (u16, u16)) -> Buffer {
    draw_workspace(("overview", "tape"), panels, board, (theme, size))
}

/// The whole screen of a workspace with one of its panels in focus.
pub fn draw_workspace(
    (id, focus): (&str, &str),
    panels: &mut [Box<dyn Panel>],
    board: &Board,
    (theme, size): (&Theme, (u16, u16)),
) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let zone = new_york();
    let frame = Frame::of(buf.area);
    let mut view = View { board, theme, focus: Focus::Focused, new_york: Some(&zone) };
    let hints = [("?", "help"), (":", "commands"), ("q", "quit")];
    let title = WORKSPACES.iter().find(|row| row.id == id).unwrap().title;
    let title = if id == "overview" { "" } else { title };
    let line = StatusLine { hints: &hints, workspace: title, ..StatusLine::new(&view) };
    line.render(frame.status, &mut buf);
    for (id, area) in workspace(id, frame.panels).unwrap() {
        view.focus = if id == focus { Focus::Focused } else { Focus::Unfocused };
        let panel = panels.iter_mut().find(|panel| panel.id() == id).unwrap();
        panel.render(area, &mut buf, &view);
    }
    buf
}

/// The rows of a buffer without their trailing blanks.
pub fn text(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    let mut out = String::new();
    for row in buf.content.chunks(width) {
        let line: String = row.iter().map(Cell::symbol).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The text, then for each row the runs of cells that are not plain: `y: x0-x1 fg mod`.
pub fn record(buf: &Buffer) -> String {
    let mut out = text(buf);
    out.push_str("--\n");
    for (y, row) in buf.content.chunks(usize::from(buf.area.width).max(1)).enumerate() {
        let mut runs = String::new();
        let mut x = 0;
        while x < row.len() {
            let style = style(&row[x]);
            let end = (x..row.len()).find(|at| self::style(&row[*at]) != style).unwrap_or(row.len());
            if !style.is_empty() {
                write!(runs, " {x}-{}{style}", end - 1).unwrap();
            }
            x = end;
        }
        if !runs.is_empty() {
            writeln!(out, "{y}:{runs}").unwrap();
        }
    }
    out
}

/// What is not plain about a cell: `[#D55E00 bold]`. The style of a blank that cannot show it is nothing.
fn style(cell: &Cell) -> String {
    let mut parts = Vec::new();
    let shows_foreground = cell.symbol() != " " || cell.modifier.contains(Modifier::REVERSED);
    if cell.fg != Color::Reset && shows_foreground {
        parts.push(cell.fg.to_string().to_lowercase());
    }
    if cell.bg != Color::Reset {
        parts.push(format!("on {}", cell.bg));
    }
    if shows_foreground {
        for (name, _) in cell.modifier.iter_names() {
            parts.push(name.to_lowercase());
        }
    }
    if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(" ")) }
}
