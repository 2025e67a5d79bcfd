//! Long and short totals over 5 minutes, an hour and a day: by venue, by asset, by instrument.
//!
//! A sum that may be too low wears a `≥`: its venue tells only part of what happens, part of its window
//! went unwatched, or some of its events have no known notional.

use market::{Board, Completeness, PositionSide, SideTotals, WINDOWS};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::figures::{count, percent, usd};
use crate::list::shown_of;
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot, width_of};
use crate::plan::{Column, numbers, place, words};
use crate::sums::{self, Line};
use crate::theme::Theme;
use crate::watch;

/// The panel. It owns the window it sorts by, the grouping and how far its list is scrolled.
#[derive(Clone, Debug)]
pub struct TotalsTable {
    window: usize,
    grouping: Grouping,
    offset: usize,
    /// Rows of the list, and how many of them were on screen, at the last drawing.
    listed: (usize, usize),
    room: Room,
}

impl Default for TotalsTable {
    fn default() -> Self {
        // The hour: five minutes are often empty, a day hides what is happening.
        Self { window: 1, grouping: Grouping::Venue, offset: 0, listed: (0, 0), room: Room::ForOne }
    }
}

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    /// Venues, and assets below them where there is room.
    Venue,
    Asset,
    Instrument,
}

/// Whether venues and assets were on screen together at the last drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    ForBoth,
    ForOne,
}

/// Which window a column is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Each(usize),
    Chosen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Label,
    Long(Span),
    Short(Span),
    Bar(Span),
    Coverage(Span),
    Unknown,
    Told,
}

const fn long(span: Span) -> Column<Field> {
    numbers(Field::Long(span), 7)
}
const fn short(span: Span) -> Column<Field> {
    numbers(Field::Short(span), 6)
}
const fn coverage(span: Span) -> Column<Field> {
    numbers(Field::Coverage(span), 5)
}
const fn bar(span: Span) -> Column<Field> {
    words(Field::Bar(span), 6, 12)
}
const M5: Span = Span::Each(0);
const H1: Span = Span::Each(1);
const H24: Span = Span::Each(2);
const NOW: Span = Span::Chosen;
const UNKNOWN: Column<Field> = numbers(Field::Unknown, 4);
const BRIEF: Column<Field> = words(Field::Label, 9, 12);
const TOLD: Column<Field> = words(Field::Told, 8, 19);

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[words(Field::Label, 13, 18), long(M5), short(M5), bar(M5), coverage(M5), long(H1), short(H1), bar(H1), coverage(H1),
        long(H24), short(H24), bar(H24), coverage(H24), UNKNOWN, TOLD],
    &[words(Field::Label, 13, 18), long(M5), short(M5), bar(M5), coverage(M5), long(H1), short(H1), bar(H1), coverage(H1),
        long(H24), short(H24), bar(H24), coverage(H24), UNKNOWN],
    &[BRIEF, long(M5), short(M5), coverage(M5), long(H1), short(H1), coverage(H1), long(H24), short(H24), coverage(H24), UNKNOWN, TOLD],
    &[BRIEF, long(M5), short(M5), coverage(M5), long(H1), short(H1), coverage(H1), long(H24), short(H24), coverage(H24), UNKNOWN],
    &[BRIEF, long(M5), short(M5), long(H1), short(H1), long(H24), short(H24), coverage(NOW), UNKNOWN],
    &[BRIEF, long(M5), short(M5), long(H1), short(H1), long(H24), short(H24), coverage(NOW)],
    &[BRIEF, long(M5), short(M5), long(H1), short(H1), long(H24), short(H24)],
    &[BRIEF, long(NOW), short(NOW), bar(NOW), coverage(NOW), UNKNOWN],
    &[BRIEF, long(NOW), short(NOW), bar(NOW), coverage(NOW)],
    &[BRIEF, long(NOW), short(NOW), coverage(NOW)],
    &[words(Field::Label, 5, 8), long(NOW), short(NOW)],
    &[long(NOW), short(NOW)],
    &[long(NOW)],
];

impl Panel for TotalsTable {
    fn id(&self) -> &'static str {
        "totals"
    }

    fn title(&self) -> &'static str {
        "Totals"
    }

    fn act(&mut self, action: Action, _board: &Board) -> Reaction {
        let (listed, rows) = self.listed;
        let last = listed.saturating_sub(rows);
        let to = match action {
            Action::NextColumn | Action::Right => return self.choose(1),
            Action::Left => return self.choose(sums::COUNT - 1),
            Action::Toggle => {
                self.grouping = match (self.grouping, self.room) {
                    (Grouping::Venue, Room::ForOne) => Grouping::Asset,
                    (Grouping::Venue, Room::ForBoth) | (Grouping::Asset, _) => Grouping::Instrument,
                    (Grouping::Instrument, _) => Grouping::Venue,
                };
                self.offset = 0;
                return Reaction::Redraw;
            }
            Action::Up => self.offset.saturating_sub(1),
            Action::Down => self.offset + 1,
            Action::PageUp => self.offset.saturating_sub(rows.max(1)),
            Action::PageDown => self.offset + rows.max(1),
            Action::Top => 0,
            Action::Bottom => last,
        };
        let to = to.min(last);
        Reaction::redraw_if(std::mem::replace(&mut self.offset, to) != to)
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        if pen.height() == 0 {
            return;
        }
        let (mut all, venues) = sums::by_venue(view.board);
        if pen.height() == 1 {
            self.draw_one_line(&mut pen, &all, view);
            return;
        }
        if watch::of_events(view.board).next().is_none() && view.board.totals.rows.is_empty() {
            self.draw_head(&mut pen, (&all, &venues, None), view);
            let middle = (pen.height() - 1) / 2;
            for (line, y) in watch::emptiness(view.board, "total").iter().zip(middle.max(1)..) {
                pen.centre(y, line, view.theme.dim);
            }
            return;
        }
        let slots = place(PLANS, 1, pen.width());
        if all.told != Completeness::Complete && !slots.iter().any(|(field, _)| *field == Field::Told) {
            "floor of all".clone_into(&mut all.label);
            "all floor".clone_into(&mut all.brief);
        }
        let rows = usize::from(pen.height().saturating_sub(2));
        let free = rows.saturating_sub(1 + venues.len());
        self.room = if free >= 2 { Room::ForBoth } else { Room::ForOne };
        let (mut fixed, mut of) = (vec![&all], Of::Asset);
        let list = match (self.grouping, self.room) {
            (Grouping::Venue, Room::ForBoth) => {
                fixed.extend(&venues);
                sums::by_asset(view.board, &all, self.window)
            }
            (Grouping::Venue, Room::ForOne) => {
                of = Of::Venue;
                // Those that do not fit are better those with nothing to tell.
                let fits = venues.len() < rows;
                if fits { venues.clone() } else { sums::largest_first(venues.clone(), self.window) }
            }
            (Grouping::Asset, _) => sums::by_asset(view.board, &all, self.window),
            (Grouping::Instrument, _) => {
                of = Of::Venue;
                sums::by_instrument(view.board, &venues, self.window)
            }
        };
        // A rule between the blocks as soon as it costs no more than a quarter of the list.
        let rule = fixed.len() > 1 && free >= 5 && !list.is_empty();
        let left = rows.saturating_sub(fixed.len() + usize::from(rule));
        self.listed = (list.len(), left);
        self.offset = self.offset.min(list.len().saturating_sub(left));
        let shown = self.offset..list.len().min(self.offset + left);
        self.draw_head(&mut pen, (&all, &venues, shown_of(&shown, list.len())), view);
        self.draw_header(&mut pen, &slots, view.theme);
        let mut pen = pen.below(2);
        let mut y = 0;
        for (at, line) in fixed.iter().enumerate() {
            let (weight, of) =
                if at == 0 { (Modifier::BOLD, Of::All) } else { (Modifier::empty(), Of::Venue) };
            self.draw_line(&mut pen, y, &slots, line, Row { theme: view.theme, weight, of });
            y += 1;
        }
        if rule {
            let words = format!(" by asset, largest in {} first ", WINDOWS[self.window].label);
            pen.line(1, y, pen.width().saturating_sub(2), '╌', view.theme.border);
            pen.write(3, y, pen.width().saturating_sub(4), &words, view.theme.label);
            y += 1;
        }
        for line in &list[shown] {
            let row = Row { theme: view.theme, weight: Modifier::empty(), of };
            self.draw_line(&mut pen, y, &slots, line, row);
            y += 1;
        }
    }
}

/// How a row is set.
#[derive(Clone, Copy)]
struct Row<'a> {
    theme: &'a Theme,
    weight: Modifier,
    of: Of,
}

/// What a row sums.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    /// A venue, or an instrument at one.
    Venue,
    /// As well watched and told as the whole; saying so on each of them would be noise.
    Asset,
}

impl TotalsTable {
    fn choose(&mut self, step: usize) -> Reaction {
        self.window = (self.window + step) % sums::COUNT;
        self.offset = 0;
        Reaction::Redraw
    }

    fn draw_head(
        &self,
        pen: &mut Pen<'_>,
        (all, venues, shown): (&Line, &[Line], Option<String>),
        view: &View<'_>,
    ) {
        let by = match (self.grouping, self.room) {
            (Grouping::Venue, _) => "venue",
            (Grouping::Asset, _) => "asset",
            (Grouping::Instrument, _) => "instrument",
        };
        let window = WINDOWS[self.window].label;
        let mut notes = vec![format!("USD by {by}")];
        let least = venues.iter().min_by(|a, b| a.coverage[self.window].total_cmp(&b.coverage[self.window]));
        let share = all.coverage[self.window];
        match least {
            Some(least) if share < 1.0 => {
                let whole = venues.iter().filter(|venue| venue.coverage[self.window] >= 1.0).count();
                notes.push(format!(
                    "{window} watched {} ({}), {whole} of {} in full",
                    percent(share),
                    least.brief,
                    venues.len()
                ));
            }
            Some(_) => notes.push(format!("{window} watched 100%")),
            None => notes.push(window.to_owned()),
        }
        if view.board.totals.forgotten > 0 {
            notes.push(format!("{} events forgotten", count(view.board.totals.forgotten)));
        }
        notes.extend(shown);
        let stale = watch::staleness(view.board);
        let tag = stale.as_deref().map(|words| (words, view.theme.warn));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(pen, view);
    }

    fn span(&self, span: Span) -> usize {
        match span {
            Span::Each(window) => window,
            Span::Chosen => self.window,
        }
    }

    fn draw_header(&self, pen: &mut Pen<'_>, slots: &[(Field, Slot)], theme: &Theme) {
        for (field, slot) in slots {
            let (words, span) = match field {
                Field::Label => (String::new(), None),
                Field::Long(span) => (format!("▼ {}", WINDOWS[self.span(*span)].label), Some(span)),
                Field::Short(span) => (format!("▲ {}", WINDOWS[self.span(*span)].label), Some(span)),
                Field::Bar(_) => ("▼ : ▲".to_owned(), None),
                Field::Coverage(_) => ("cov".to_owned(), None),
                Field::Unknown => ("no $".to_owned(), None),
                Field::Told => ("stream".to_owned(), None),
            };
            let is_chosen = span.is_some_and(|span| self.span(*span) == self.window);
            pen.cell(*slot, 1, &words, if is_chosen { theme.accent } else { theme.label });
        }
    }

    fn draw_line(&self, pen: &mut Pen<'_>, y: u16, slots: &[(Field, Slot)], line: &Line, row: Row<'_>) {
        let theme = row.theme;
        for &(field, slot) in slots {
            match field {
                Field::Label => {
                    let name = if width_of(&line.label) <= slot.width { &line.label } else { &line.brief };
                    pen.cell(slot, y, name, theme.text.add_modifier(row.weight));
                }
                Field::Long(span) => {
                    let window = self.span(span);
                    let style = theme.long.add_modifier(row.weight);
                    draw_sum(pen, (slot, y), &line.long[window], (line, window), (theme, style));
                }
                Field::Short(span) => {
                    let window = self.span(span);
                    let style = theme.short.add_modifier(row.weight);
                    draw_sum(pen, (slot, y), &line.short[window], (line, window), (theme, style));
                }
                Field::Bar(span) => draw_bar(pen, (slot, y), line, self.span(span), theme),
                Field::Coverage(span) if row.of != Of::Asset => {
                    let share = line.coverage[self.span(span)];
                    let style = if share < 0.95 { theme.warn } else { theme.dim };
                    pen.cell(slot, y, &percent(share), style);
                }
                Field::Unknown => match line.unknown(self.window) {
                    0 => {}
                    unknown => pen.cell(slot, y, &format!("+{}?", shortest(unknown)), theme.warn),
                },
                Field::Told if row.of != Of::Asset => {
                    let style = if line.told == Completeness::Complete { theme.text } else { theme.dim };
                    pen.cell(slot, y, told(line.told, row.of, slot.width), style);
                }
                Field::Coverage(_) | Field::Told => {}
            }
        }
    }

    /// The whole panel on one row.
    fn draw_one_line(&self, pen: &mut Pen<'_>, all: &Line, view: &View<'_>) {
        let theme = view.theme;
        let window = self.window;
        let mut x = pen.text(1, 0, self.title(), theme.title);
        x = pen.text(x + 1, 0, WINDOWS[window].label, theme.label);
        for (sign, side, style) in
            [("▼", &all.long[window], theme.long), ("▲", &all.short[window], theme.short)]
        {
            x = pen.text(x + 2, 0, sign, style);
            x = pen.text(x + 1, 0, &sum(side, (all, window)), style);
        }
        x = pen.text(x + 2, 0, "watched ", theme.label);
        pen.text(x, 0, &percent(all.coverage[window]), theme.text);
    }
}

/// How much of what happens a row's stream tells.
fn told(told: Completeness, of: Of, width: u16) -> &'static str {
    match told {
        Completeness::Sampled | Completeness::Partial if of == Of::All => "floor",
        Completeness::Sampled if width >= 19 => "sampled ≤1/symbol/s",
        Completeness::Sampled if width >= 12 => "sampled ≤1/s",
        told => told.as_str(),
    }
}

/// A sum as its cell says it.
pub(crate) fn sum(side: &SideTotals, (line, window): (&Line, usize)) -> String {
    if side.events > 0 && side.unknown == side.events {
        return "?".to_owned();
    }
    if side.events == 0 && line.best[window] <= 0.0 {
        // Nothing seen because nobody looked is not nothing.
        return "–".to_owned();
    }
    let floor = if side.events > 0 && line.is_floor(window, side) { "≥" } else { "" };
    format!("{floor}{}", usd(side.notional().get()))
}

fn draw_sum(
    pen: &mut Pen<'_>,
    (slot, y): (Slot, u16),
    side: &SideTotals,
    of: (&Line, usize),
    (theme, style): (&Theme, Style),
) {
    let text = sum(side, of);
    let style = if side.events == 0 { theme.dim } else { style };
    pen.cell(slot, y, &text, style);
}

/// How the window's notional divides: `━━━━──`, longs first.
pub(crate) fn draw_bar(pen: &mut Pen<'_>, (slot, y): (Slot, u16), line: &Line, window: usize, theme: &Theme) {
    let (long, short) = (line.long[window].notional().get(), line.short[window].notional().get());
    let whole = long + short;
    if whole <= 0.0 {
        pen.line(slot.x, y, slot.width, '·', theme.border);
        return;
    }
    let mut cells = (long / whole * f64::from(slot.width)).round() as u16;
    // Neither side vanishes by rounding.
    if slot.width >= 2 {
        cells = cells.clamp(u16::from(long > 0.0), slot.width - u16::from(short > 0.0));
    }
    pen.line(slot.x, y, cells, '━', theme.side(PositionSide::Long));
    pen.line(slot.x + cells, y, slot.width.saturating_sub(cells), '─', theme.side(PositionSide::Short));
}

/// A count in two characters.
fn shortest(value: u64) -> String {
    if value < 100 { value.to_string() } else { "99".to_owned() }
}
