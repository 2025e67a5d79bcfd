//! How likely the last regime was over time, as a row of blocks over its dates.

use market::{Outlook, Timestamp};

use super::standing::patience;
use crate::figures::{date, day, minute};
use crate::pen::{Pen, clip, width_of};
use crate::theme::Theme;

/// Rows it takes.
pub(super) const ROWS: u16 = 2;
/// Columns below which the blocks have no label before them.
const LABEL_FROM: u16 = 40;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the last readings from row `y` on, a column each and the newest on the right; a `·` stands where
/// readings are missing.
pub(super) fn draw(pen: &mut Pen<'_>, y: u16, outlook: &Outlook, theme: &Theme) {
    let last = outlook.names.last().map_or("last regime", |name| name.as_str());
    let label = format!("P({})", clip(last, 14));
    let mut x = 1;
    if pen.width() >= LABEL_FROM {
        let end = pen.text(x, y, &label, theme.label);
        pen.text(x, y + 1, "UTC", theme.label);
        x = end.max(x + 3) + 1;
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
            Some((_, probability)) => match eighth(*probability) {
                Some(bar) => {
                    let style = if *probability > 0.5 { theme.warn } else { theme.text };
                    pen.glyph(x, y, BARS[bar], style);
                }
                None => pen.glyph(x, y, '?', theme.warn),
            },
            None => pen.glyph(x, y, '·', theme.border),
        }
    }
    draw_dates(pen, (x, y + 1), &cells, theme);
}

/// Which of eight bars a probability is; `None` where it is none.
fn eighth(probability: f64) -> Option<usize> {
    (0.0..=1.0).contains(&probability).then(|| ((probability * 8.0) as usize).min(7))
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
