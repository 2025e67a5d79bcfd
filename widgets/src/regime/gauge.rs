//! The forecast on a scale: its width, its probability on that, and the naive ones under it.

use market::Outlook;

use super::standing::shift;
use crate::pen::{Pen, width_of};
use crate::theme::Theme;

/// Rows it takes: the scale, and the names of the naive forecasts under it.
pub(super) const ROWS: u16 = 2;
/// Columns below which a scale shows nothing that the numbers do not.
const WIDTH_FROM: u16 = 60;
/// Where a scale may end, in percent: the first that holds every mark.
const ENDS: [u8; 6] = [5, 10, 20, 30, 50, 100];

/// Whether there is a probability to draw, and room for it.
pub(super) fn is_worth(outlook: &Outlook, columns: u16) -> bool {
    columns >= WIDTH_FROM && shift(outlook).is_some_and(|of| (0.0..=1.0).contains(&of.probability))
}

/// Draws the scale from column `x` on, from nothing to the first of [`ENDS`] that holds all.
pub(super) fn draw(pen: &mut Pen<'_>, (x, y): (u16, u16), outlook: &Outlook, theme: &Theme) {
    let Some(of) = shift(outlook) else { return };
    let naive = outlook.forecast.baselines;
    let mut marks = [("base", naive.base), ("Markov", naive.markov), ("margin", naive.margin_only)];
    marks.sort_by(|a, b| a.1.total_cmp(&b.1));
    let known = |share: &f64| (0.0..=1.0).contains(share);
    let all = marks.iter().map(|mark| mark.1).chain([of.probability, of.low, of.high]).filter(known);
    let largest = all.fold(0.0, f64::max);
    let end = ENDS.into_iter().find(|end| largest * 100.0 <= f64::from(*end)).unwrap_or(100);

    pen.text(1, y, "shift", theme.label);
    let from = pen.text(x, y, "0%", theme.label) + 1;
    let last = format!("{end}%");
    let until = pen.width().saturating_sub(width_of(&last) + 2);
    pen.text(until + 1, y, &last, theme.label);
    let columns = until.saturating_sub(from);
    if columns < 2 {
        return;
    }
    let place = |share: f64| {
        let share = (share * 100.0 / f64::from(end)).clamp(0.0, 1.0);
        from + (share * f64::from(columns - 1)).round() as u16
    };
    pen.line(from, y, columns, '─', theme.border);
    let band =
        (known(&of.low) && known(&of.high) && of.low <= of.high).then(|| place(of.low)..=place(of.high));
    if let Some(band) = &band {
        pen.line(*band.start(), y, band.end() - band.start() + 1, '━', theme.text);
    }
    for (_, share) in marks.iter().filter(|mark| known(&mark.1)) {
        let x = place(*share);
        let is_inside = band.as_ref().is_some_and(|band| band.contains(&x));
        let (sign, style) = if is_inside { ('┯', theme.text) } else { ('┬', theme.dim) };
        pen.glyph(x, y, sign, style);
    }
    pen.glyph(place(of.probability), y, '◆', theme.accent);

    let known: Vec<(&str, u16)> =
        marks.iter().filter(|mark| known(&mark.1)).map(|(name, share)| (*name, place(*share))).collect();
    let mut free = from;
    for (at, (name, x)) in known.iter().enumerate() {
        let taken = width_of(name) + 1;
        let next = known.get(at + 1).map_or(pen.width(), |(_, next)| *next);
        // On the right of its mark where that covers no other mark, else on the left, else the number has to do.
        if *x >= free && x + taken < next {
            free = pen.text(*x, y + 1, &format!("└{name}"), theme.dim) + 1;
        } else if x + 1 >= free + taken {
            free = pen.text(x + 1 - taken, y + 1, &format!("{name}┘"), theme.dim) + 1;
        }
    }
}
