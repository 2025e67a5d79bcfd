//! How likely the last regime was over time, as blocks over its dates.

use market::{Outlook, Timestamp};

use super::standing::patience;
use crate::figures::{date, day, minute};
use crate::pen::{Pen, clip, width_of};
use crate::theme::Theme;

/// Rows it takes at least: the blocks and their dates.
pub(super) const ROWS: u16 = 2;
/// Height of a panel from which blocks are taller than a row, and how tall they are.
const TALL: (u16, u16) = (38, 4);
/// Columns below which the blocks have no label before them.
const LABEL_FROM: u16 = 40;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Rows that it takes in a panel of so many.
pub(super) fn rows(of_panel: u16) -> u16 {
    if of_panel >= TALL.0 { TALL.1 + 1 } else { ROWS }
}

/// The column where blocks begin, after their label.
pub(super) fn begin(outlook: &Outlook, columns: u16) -> u16 {
    if columns >= LABEL_FROM { width_of(&label(outlook)).max(3) + 2 } else { 1 }
}

fn label(outlook: &Outlook) -> String {
    let last = outlook.names.last().map_or("last regime", |name| name.as_str());
    format!("P({})", clip(last, 14))
}

/// Draws the last readings in rows `y` to `y + rows`, the last of which has the dates: a column each, the newest on
/// the right; a `·` stands where readings are missing.
pub(super) fn draw(pen: &mut Pen<'_>, (y, rows): (u16, u16), outlook: &Outlook, theme: &Theme) {
    let bars = rows.saturating_sub(1).max(1);
    let base = y + bars - 1;
    let x = begin(outlook, pen.width());
    if x > 1 {
        let is_tall = bars > 2;
        pen.text(1, y + u16::from(is_tall), &label(outlook), theme.label);
        pen.text(1, base + 1, "UTC", theme.label);
        if is_tall {
            pen.until(x - 1, y, "100%┐", theme.label);
            pen.until(x - 1, base, "0%┘", theme.label);
        }
    }
    let columns = pen.width().saturating_sub(x + 1);
    let cells = columns_of(outlook, usize::from(columns));
    if cells.is_empty() {
        pen.text(x, y, "no reading of the past is at hand", theme.dim);
        return;
    }
    let x = x + columns.saturating_sub(u16::try_from(cells.len()).unwrap_or(columns));
    for (cell, x) in cells.iter().zip(x..) {
        match cell {
            Some((_, probability)) => match eighths(*probability, bars) {
                Some(eighths) => {
                    let style = if *probability > 0.5 { theme.warn } else { theme.text };
                    for (row, up) in (y..=base).rev().zip(0u16..) {
                        let filled = eighths.saturating_sub(up * 8).min(8);
                        if let Some(bar) = usize::from(filled).checked_sub(1) {
                            pen.glyph(x, row, BARS[bar], style);
                        }
                    }
                }
                None => pen.glyph(x, base, '?', theme.warn),
            },
            None => pen.glyph(x, base, '·', theme.border),
        }
    }
    draw_dates(pen, (x, base + 1), &cells, theme);
}

/// How many eighths of a row a probability is in `bars` rows, one at least; `None` where it is none.
fn eighths(probability: f64, bars: u16) -> Option<u16> {
    let most = bars * 8;
    (0.0..=1.0).contains(&probability).then(|| ((probability * f64::from(most)) as u16 + 1).min(most))
}

/// The newest readings, oldest first, with one blank for each stretch without any.
fn columns_of(outlook: &Outlook, most: usize) -> Vec<Option<(Timestamp, f64)>> {
    let longest = patience(&outlook.target);
    let mut cells = Vec::with_capacity(most);
    let mut after: Option<Timestamp> = None;
    for (at, probability) in outlook.ribbon.iter().rev() {
        if after.is_some_and(|after| after.since(*at) > longest) {
            cells.push(None);
        }
        cells.push(Some((*at, *probability)));
        after = Some(*at);
        if cells.len() >= most {
            break;
        }
    }
    cells.truncate(most);
    cells.reverse();
    cells
}

/// The first day with its year, each day that begins where there is room for it, and the newest reading's hour.
fn draw_dates(pen: &mut Pen<'_>, (x, y): (u16, u16), cells: &[Option<(Timestamp, f64)>], theme: &Theme) {
    let Some(Some((newest, _))) = cells.last() else { return };
    let end = x.saturating_add(u16::try_from(cells.len()).unwrap_or(u16::MAX));
    let label = format!("{} {}┘", day(newest.date()), minute(*newest));
    let is_fitting = usize::from(width_of(&label)) <= cells.len();
    let until = if is_fitting { pen.until(end, y, &label, theme.dim) } else { end };
    let (mut free, mut before) = (x, None);
    for ((at, _), x) in cells.iter().zip(x..).filter_map(|(cell, x)| Some((cell.as_ref()?, x))) {
        let today = at.date();
        let label = match before.replace(today) {
            None => format!("└{}", date(today)),
            Some(yesterday) if yesterday == today => continue,
            Some(_) => format!("└{}", day(today)),
        };
        if x >= free && x.saturating_add(width_of(&label)) < until {
            free = pen.text(x, y, &label, theme.dim) + 1;
        }
    }
}
