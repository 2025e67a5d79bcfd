//! What opens over the panels: help and the command palette.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use crate::pen::{Pen, clip, width_of};
use crate::theme::Theme;

/// Every key and what it does. A row without keys is a heading.
#[derive(Clone, Copy, Debug)]
pub struct HelpView<'a> {
    /// What stands on the frame: `Keys`.
    pub title: &'a str,
    /// Keys and what they do, in the order to show them.
    pub rows: &'a [(&'a str, &'a str)],
    /// How many rows have been scrolled away; held to what there is.
    pub offset: usize,
    /// The styles.
    pub theme: &'a Theme,
}

/// One line of the command palette.
#[derive(Clone, Copy, Debug)]
pub struct PaletteEntry<'a> {
    /// The command's name.
    pub title: &'a str,
    /// What it does.
    pub about: &'a str,
    /// Which characters of the title the input matched, by place, ascending.
    pub matched: &'a [u32],
}

/// The command palette: an input and the commands that match it.
#[derive(Clone, Copy, Debug)]
pub struct PaletteView<'a> {
    /// What has been typed.
    pub input: &'a str,
    /// Where the cursor stands in it, in characters.
    pub cursor: usize,
    /// The commands, best first.
    pub entries: &'a [PaletteEntry<'a>],
    /// Which of them Enter would run.
    pub selected: usize,
    /// The styles.
    pub theme: &'a Theme,
}

impl Widget for &HelpView<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let theme = self.theme;
        let keys = self.rows.iter().map(|(keys, _)| width_of(keys)).max().unwrap_or(0).min(24);
        let whats = self.rows.iter().map(|(_, what)| width_of(what)).max().unwrap_or(0);
        let wanted = Rect::new(0, 0, (keys + whats + 7).max(30), self.rows.len() as u16 + 2);
        let mut pen = open(centred(area, wanted), buf, self.title, theme);
        let room = usize::from(pen.height().saturating_sub(2));
        let offset = self.offset.min(self.rows.len().saturating_sub(room));
        let inside = pen.width().saturating_sub(4);
        for (row, y) in self.rows.iter().skip(offset).take(room).zip(1..) {
            let (key, what) = *row;
            if key.is_empty() {
                pen.write(2, y, inside, what, theme.title);
                continue;
            }
            pen.write(2, y, keys.min(inside), key, theme.accent);
            pen.write(keys + 4, y, inside.saturating_sub(keys + 2), what, theme.text);
        }
        let hidden = self.rows.len().saturating_sub(offset + room);
        if hidden > 0 && pen.height() > 1 {
            let (end, y) = (pen.width().saturating_sub(2), pen.height() - 1);
            pen.until(end, y, &format!(" {hidden} more ↓ "), theme.label);
        }
    }
}

impl Widget for &PaletteView<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let theme = self.theme;
        let rows = (self.entries.len() as u16).clamp(1, 12) + 4;
        let mut place = centred(area, Rect::new(0, 0, 72, rows));
        // Its first row stays where it is while the list below grows and shrinks.
        place.y = area.y + (area.height / 5).min(area.height - place.height.min(area.height));
        let mut pen = open(place, buf, "Commands", theme);
        let width = pen.width().saturating_sub(4);
        self.draw_input(&mut pen, width);
        let list = pen.height().saturating_sub(4);
        pen.line(1, 2, pen.width().saturating_sub(2), '─', theme.border);
        if self.entries.is_empty() && list > 0 {
            pen.write(2, 3, width, "no command matches", theme.dim);
        }
        let first = (self.selected + 1).saturating_sub(usize::from(list));
        let titles = self.entries.iter().map(|entry| width_of(entry.title)).max().unwrap_or(0).min(width / 2);
        for (at, entry) in self.entries.iter().enumerate().skip(first).take(usize::from(list)) {
            let y = 3 + (at - first) as u16;
            draw_title(&mut pen, y, titles, entry, theme);
            let x = 2 + titles + 2;
            pen.write(x, y, (width + 2).saturating_sub(x), entry.about, theme.dim);
            if at == self.selected {
                pen.select(1, y, pen.width().saturating_sub(2), theme.selection);
                pen.glyph(1, y, '▸', theme.selection);
            }
        }
    }
}

impl PaletteView<'_> {
    fn draw_input(&self, pen: &mut Pen<'_>, width: u16) {
        let theme = self.theme;
        pen.write(2, 1, width, ":", theme.accent);
        let room = width.saturating_sub(2);
        if pen.height() < 3 || room == 0 {
            return;
        }
        let before: String = self.input.chars().take(self.cursor).collect();
        // The cursor stays in sight: what does not fit goes on the left.
        let mut hidden = 0;
        while width_of(before.get(hidden..).unwrap_or("")) >= room {
            hidden += before.get(hidden..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
        let seen = self.input.get(hidden..).unwrap_or("");
        pen.write(4, 1, room, seen, theme.text);
        let x = 4 + width_of(before.get(hidden..).unwrap_or(""));
        let under = self.input.chars().nth(self.cursor).unwrap_or(' ');
        pen.glyph(x, 1, under, theme.selection);
    }
}

fn draw_title(pen: &mut Pen<'_>, y: u16, width: u16, entry: &PaletteEntry<'_>, theme: &Theme) {
    let title = clip(entry.title, width);
    let mut x = 2;
    let mut glyph = [0; 4];
    for (at, c) in title.chars().enumerate() {
        let is_matched = u32::try_from(at).is_ok_and(|at| entry.matched.binary_search(&at).is_ok());
        let style = if is_matched { theme.accent } else { theme.text };
        x = pen.write(x, y, (2 + width).saturating_sub(x), c.encode_utf8(&mut glyph), style);
    }
}

/// A rectangle of at most the wanted size in the middle of `area`.
fn centred(area: Rect, wanted: Rect) -> Rect {
    let (width, height) = (wanted.width.min(area.width), wanted.height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Blanks the place and frames it.
fn open<'b>(place: Rect, buf: &'b mut Buffer, title: &str, theme: &Theme) -> Pen<'b> {
    let mut pen = Pen::new(buf, place);
    pen.clear();
    let (width, height) = (pen.width(), pen.height());
    if width < 4 || height < 3 {
        return pen;
    }
    let rule: Style = theme.border_focused;
    let (right, bottom) = (width - 1, height - 1);
    pen.line(1, 0, width - 2, '─', rule);
    pen.line(1, bottom, width - 2, '─', rule);
    for y in 1..bottom {
        pen.glyph(0, y, '│', rule);
        pen.glyph(right, y, '│', rule);
    }
    for (x, y, corner) in [(0, 0, '┌'), (right, 0, '┐'), (0, bottom, '└'), (right, bottom, '┘')] {
        pen.glyph(x, y, corner, rule);
    }
    pen.write(2, 0, width.saturating_sub(4), &format!(" {title} "), theme.title);
    pen
}
