//! Writes text into a rectangle, and never outside it.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::panel::{Focus, View};

/// Which edge of its column a text touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A place to write: coordinates count from the rectangle's own corner.
pub(crate) struct Pen<'a> {
    buf: &'a mut Buffer,
    area: Rect,
}

impl<'a> Pen<'a> {
    pub(crate) fn new(buf: &'a mut Buffer, area: Rect) -> Self {
        let area = area.intersection(buf.area);
        Self { buf, area }
    }

    pub(crate) fn width(&self) -> u16 {
        self.area.width
    }

    pub(crate) fn height(&self) -> u16 {
        self.area.height
    }

    /// Where this place is on the screen.
    pub(crate) fn area(&self) -> Rect {
        self.area
    }

    /// The part of this place below its first `rows` rows.
    pub(crate) fn below(&mut self, rows: u16) -> Pen<'_> {
        let rows = rows.min(self.area.height);
        let area = Rect { y: self.area.y + rows, height: self.area.height - rows, ..self.area };
        Pen { buf: self.buf, area }
    }

    /// The part of this place that is inside `area`, a rectangle of the screen.
    pub(crate) fn within(&mut self, area: Rect) -> Pen<'_> {
        let area = area.intersection(self.area);
        Pen { buf: self.buf, area }
    }

    /// Writes at most `width` columns from `x` on, with `…` where it had to cut; returns the column after it.
    pub(crate) fn write(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let width = width.min(self.area.width.saturating_sub(x));
        if y >= self.area.height || width == 0 {
            return x.min(self.area.width);
        }
        let text = clip(text, width);
        let (end, _) =
            self.buf.set_stringn(self.area.x + x, self.area.y + y, &text, usize::from(width), style);
        end - self.area.x
    }

    /// Writes as far as the place reaches; returns the column after the text.
    pub(crate) fn text(&mut self, x: u16, y: u16, text: &str, style: Style) -> u16 {
        self.write(x, y, u16::MAX, text, style)
    }

    /// Writes into a column.
    pub(crate) fn cell(&mut self, slot: Slot, y: u16, text: &str, style: Style) {
        let taken = width_of(text).min(slot.width);
        let indent = match slot.align {
            Align::Left => 0,
            Align::Right => slot.width - taken,
        };
        self.write(slot.x + indent, y, slot.width - indent, text, style);
    }

    /// Writes so that the text ends before column `end`; returns the column where it begins.
    pub(crate) fn until(&mut self, end: u16, y: u16, text: &str, style: Style) -> u16 {
        let end = end.min(self.area.width);
        let x = end.saturating_sub(width_of(text));
        self.write(x, y, end - x, text, style);
        x
    }

    /// One sign in one cell.
    pub(crate) fn glyph(&mut self, x: u16, y: u16, glyph: char, style: Style) {
        if x < self.area.width && y < self.area.height {
            self.buf[(self.area.x + x, self.area.y + y)].set_char(glyph).set_style(style);
        }
    }

    /// One sign all along `width` cells.
    pub(crate) fn line(&mut self, x: u16, y: u16, width: u16, glyph: char, style: Style) {
        for x in x..x.saturating_add(width).min(self.area.width) {
            self.glyph(x, y, glyph, style);
        }
    }

    /// Lays the cursor over a whole row.
    pub(crate) fn select_row(&mut self, y: u16, style: Style) {
        self.select(0, y, self.area.width, style);
    }

    /// Lays the cursor over a part of a row: one style, whatever colours stood there.
    pub(crate) fn select(&mut self, x: u16, y: u16, width: u16, style: Style) {
        if y >= self.area.height {
            return;
        }
        for x in x..x.saturating_add(width).min(self.area.width) {
            let cell = &mut self.buf[(self.area.x + x, self.area.y + y)];
            cell.modifier.remove(Modifier::REVERSED | Modifier::DIM);
            cell.fg = Color::Reset;
            cell.set_style(style);
        }
    }

    /// Blanks the whole place.
    pub(crate) fn clear(&mut self) {
        for y in self.area.top()..self.area.bottom() {
            for x in self.area.left()..self.area.right() {
                self.buf[(x, y)].reset();
            }
        }
    }

    /// A text in the middle of a row.
    pub(crate) fn centre(&mut self, y: u16, text: &str, style: Style) {
        let x = self.area.width.saturating_sub(width_of(text)) / 2;
        self.write(x, y, self.area.width - x, text, style);
    }
}

/// Where a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub x: u16,
    pub width: u16,
    pub align: Align,
}

/// What stands on the rule over a panel.
pub(crate) struct Head<'a> {
    pub title: &'a str,
    /// What the panel shows: grouping, asset, bin.
    pub note: &'a str,
    /// What the reader must not miss: paused, stale. Wins over the note where both do not fit.
    pub tag: Option<(&'a str, Style)>,
}

impl Head<'_> {
    /// Draws the rule; the panel's own rows begin one below.
    pub(crate) fn draw(&self, pen: &mut Pen<'_>, view: &View<'_>) {
        let theme = view.theme;
        let (glyph, rule, name) = match view.focus {
            Focus::Focused => ('━', theme.border_focused, theme.accent),
            Focus::Unfocused => ('─', theme.border, theme.title),
        };
        let width = pen.width();
        pen.line(0, 0, width, glyph, rule);
        let after_title = 3 + width_of(self.title);
        let mut end = width.saturating_sub(1);
        if let Some((tag, style)) = self.tag {
            let room = end.saturating_sub(after_title + 1);
            if room >= width_of(tag) + 2 {
                end = pen.until(end, 0, &format!(" {tag} "), style);
            } else if width >= width_of(tag) + 4 {
                // No room for both: what must not be missed stands alone.
                pen.write(1, 0, width.saturating_sub(2), &format!(" {tag} "), style);
                return;
            }
        }
        if width < 4 {
            pen.write(0, 0, width, self.title, name);
            return;
        }
        let x = pen.write(1, 0, width.saturating_sub(2), &format!(" {} ", self.title), name);
        let room = end.saturating_sub(x + 1);
        if room >= 6 && !self.note.is_empty() {
            let note = clip(self.note, room.saturating_sub(2));
            pen.write(x + 1, 0, room, &format!(" {note} "), theme.dim);
        }
    }
}

/// Columns a text takes.
pub(crate) fn width_of(text: &str) -> u16 {
    let width = if text.is_ascii() { text.len() } else { text.width() };
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// The text, cut to `width` columns with `…` as its last one where it is longer.
pub(crate) fn clip(text: &str, width: u16) -> Cow<'_, str> {
    if width_of(text) <= width {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut taken = 1;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide > usize::from(width) {
            break;
        }
        taken += wide;
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_says_so() {
        for (text, width, clipped) in [
            ("BTC-USDT-PERP", 13, "BTC-USDT-PERP"),
            ("BTC-USDT-PERP", 9, "BTC-USDT…"),
            ("BTC", 1, "…"),
            ("BTC", 0, ""),
            ("日本語", 4, "日…"),
        ] {
            assert_eq!(clip(text, width), clipped);
        }
    }

    #[test]
    fn nothing_is_written_outside() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 10, 3));
        let mut pen = Pen::new(&mut buf, Rect::new(2, 1, 4, 1));
        pen.text(0, 0, "abcdefgh", Style::new());
        pen.text(9, 0, "x", Style::new());
        pen.text(0, 5, "x", Style::new());
        pen.until(4, 0, "zz", Style::new());
        pen.glyph(4, 0, 'x', Style::new());
        assert_eq!(buf, Buffer::with_lines(["          ", "  abzz    ", "          "]));
    }
}
