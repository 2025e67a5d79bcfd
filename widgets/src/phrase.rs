//! Short statements set one after another, on as many rows as there are for them.

use ratatui::style::Style;

use crate::pen::{Pen, width_of};
use crate::theme::Theme;

/// Between two statements on one row.
const BETWEEN: &str = " · ";

/// A statement that is kept on one row: words, each in its style.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phrase {
    words: Vec<(String, Style)>,
}

impl Phrase {
    pub(crate) fn new(text: &str, style: Style) -> Self {
        Self { words: vec![(text.to_owned(), style)] }
    }

    /// The phrase with one more word after a blank.
    pub(crate) fn and(mut self, text: &str, style: Style) -> Self {
        let blank = if self.words.is_empty() { "" } else { " " };
        self.words.push((format!("{blank}{text}"), style));
        self
    }

    /// The phrase with a word before it.
    pub(crate) fn after(mut self, text: &str, style: Style) -> Self {
        self.words.insert(0, (format!("{text} "), style));
        self
    }

    fn width(&self) -> u16 {
        self.words.iter().map(|(text, _)| width_of(text)).fold(0, u16::saturating_add)
    }
}

/// Where phrases may stand: from row `y` on, `rows` of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    pub y: u16,
    pub rows: u16,
}

/// Sets the phrases and returns how many rows they took. Those for which there is no room are left out from
/// the end on, and an `…` says so; one that is wider than a whole row is cut.
pub(crate) fn set(pen: &mut Pen<'_>, lines: Lines, phrases: &[Phrase], theme: &Theme) -> u16 {
    let width = pen.width();
    let last = lines.rows.min(pen.height().saturating_sub(lines.y));
    if phrases.is_empty() || last == 0 {
        return 0;
    }
    let (mut x, mut row) = (1_u16, 0);
    for (at, phrase) in phrases.iter().enumerate() {
        let is_first = x == 1;
        let gap = if is_first { 0 } else { width_of(BETWEEN) };
        // Room for the sign that more follows, unless this is the last one.
        let reserve = if row + 1 == last && at + 1 < phrases.len() { 2 } else { 0 };
        let needs = x.saturating_add(gap).saturating_add(phrase.width()).saturating_add(reserve);
        if !is_first && needs > width {
            if row + 1 == last {
                pen.text(x, lines.y + row, " …", theme.dim);
                break;
            }
            row += 1;
            x = 1;
        } else if !is_first {
            x = pen.text(x, lines.y + row, BETWEEN, theme.border);
        }
        for (text, style) in &phrase.words {
            x = pen.text(x, lines.y + row, text, *style);
        }
    }
    row + 1
}

/// How many rows the phrases take where there are enough.
pub(crate) fn rows(phrases: &[Phrase], width: u16) -> u16 {
    let (mut x, mut rows) = (1_u16, u16::from(!phrases.is_empty()));
    for phrase in phrases {
        let gap = if x == 1 { 0 } else { width_of(BETWEEN) };
        let end = x.saturating_add(gap).saturating_add(phrase.width());
        if x > 1 && end > width {
            rows = rows.saturating_add(1);
            x = 1_u16.saturating_add(phrase.width());
        } else {
            x = end;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::{Buffer, Cell};
    use ratatui::layout::Rect;

    use super::*;

    fn lines(width: u16, rows: u16, texts: &[&str]) -> (u16, Vec<String>) {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 3));
        let area = buf.area;
        let phrases: Vec<Phrase> = texts.iter().map(|text| Phrase::new(text, Style::new())).collect();
        let taken = set(&mut Pen::new(&mut buf, area), Lines { y: 0, rows }, &phrases, &Theme::mono());
        let row = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
        (taken, buf.content.chunks(usize::from(width)).map(row).collect())
    }

    #[test]
    fn a_phrase_is_never_broken_and_what_is_left_out_is_owned_up_to() {
        let texts = ["one two", "three", "four five"];
        for (width, rows, taken, told) in [
            (40, 3, 1, [" one two · three · four five", "", ""]),
            (17, 3, 2, [" one two · three", " four five", ""]),
            (20, 1, 1, [" one two · three …", "", ""]),
            (12, 2, 2, [" one two", " three …", ""]),
            (8, 3, 3, [" one two", " three", " four f…"]),
            (40, 0, 0, ["", "", ""]),
        ] {
            let (rows_taken, text) = lines(width, rows, &texts);
            let phrases: Vec<Phrase> = texts.iter().map(|text| Phrase::new(text, Style::new())).collect();
            assert!(rows < 3 || super::rows(&phrases, width) == rows_taken, "{width}");
            assert_eq!(
                (rows_taken, text.iter().map(String::as_str).collect::<Vec<_>>()),
                (taken, told.to_vec())
            );
        }
    }

    #[test]
    fn words_of_a_phrase_stand_a_blank_apart() {
        let phrase = Phrase::new("ETF", Style::new()).and("▲ +741M", Style::new());
        assert_eq!(phrase.width(), 11);
        assert_eq!(Phrase::default().and("x", Style::new()).width(), 1);
    }
}
