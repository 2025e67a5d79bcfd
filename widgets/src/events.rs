//! Occasions on one line of time: what is due above, the soonest last; what happened below, the newest first.

use std::cmp::Reverse;

use market::{Board, Figures, Occasion, OccasionKind, OccasionTime, PowerMeasure, Service, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::figures::{age, ahead, count, date, day, dollars, minute, usd};
use crate::list::{Scroll, shown_of};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot, width_of};
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::signs::{gain, millions, signed_usd};
use crate::theme::Theme;

/// Rows the particulars of an occasion may take.
const PARTICULARS: u16 = 6;
/// Rows of the list from which the particulars have a place below it.
const PARTICULARS_FROM: u16 = 9;

/// The panel. It owns the cursor and whether the particulars of the occasion under it are on screen.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// The occasion under the cursor, counted from the latest; `None` while the view follows the clock.
    cursor: Option<usize>,
    scroll: Scroll,
    details: Details,
    /// Whether the particulars were on screen, and rows there was room for, at the last drawing.
    drawn: (bool, usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Details {
    /// On rows that the list leaves free.
    #[default]
    WhereTheyFit,
    Hidden,
    Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    When,
    Day,
    Date,
    Hour,
    Kind,
    Sign,
    Figures,
    Title,
}

const WHEN: Column<Field> = numbers(Field::When, 13);
const DATE: Column<Field> = words(Field::Date, 11, 11);
const KIND: Column<Field> = words(Field::Kind, 11, 11);

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[WHEN, DATE, words(Field::Hour, 9, 9), KIND, words(Field::Title, 40, 90), words(Field::Figures, 30, 60)],
    &[WHEN, DATE, KIND, words(Field::Title, 30, 70), words(Field::Figures, 16, 40)],
    &[WHEN, DATE, KIND, words(Field::Title, 20, 80)],
    &[WHEN, words(Field::Day, 6, 6), words(Field::Sign, 4, 4), words(Field::Title, 12, 80)],
    &[WHEN, words(Field::Title, 1, 80)],
    &[words(Field::Title, 1, 80)],
];

impl Panel for Events {
    fn id(&self) -> &'static str {
        "events"
    }

    fn title(&self) -> &'static str {
        "Events"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        let last = board.occasions.len().saturating_sub(1);
        let page = self.drawn.1.max(2) - 1;
        let at = self.cursor.unwrap_or_else(|| home(&in_order(board), board.now));
        let to = match action {
            Action::Toggle => {
                self.details = if self.drawn.0 { Details::Hidden } else { Details::Shown };
                return Reaction::Redraw;
            }
            // Back to now.
            Action::NextColumn => return Reaction::redraw_if(self.cursor.take().is_some()),
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => at + page,
            Action::Top => 0,
            Action::Bottom => last,
            Action::Left | Action::Right => return Reaction::Ignored,
        };
        let to = to.min(last);
        Reaction::redraw_if(self.cursor.replace(to) != Some(to))
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let (board, theme) = (view.board, view.theme);
        if pen.height() == 1 {
            let title = Phrase::new(self.title(), theme.title);
            let phrase = next(board, theme).unwrap_or_else(|| Phrase::new("none is due", theme.dim));
            phrase::set(&mut pen, Lines { y: 0, rows: 1 }, &[title, phrase], theme);
            return;
        }
        let occasions = in_order(board);
        let due = occasions.iter().filter(|occasion| is_due(occasion, board.now)).count();
        if occasions.is_empty() {
            Head { title: self.title(), note: "", tag: None }.draw(&mut pen, view);
            let middle = (pen.height() / 3).max(1);
            pen.centre(middle, "no occasion is on record", theme.dim);
            pen.centre(
                middle + 1,
                "the shipped list is off, and [events] in config.toml names no other",
                theme.dim,
            );
            return;
        }
        let header = u16::from(pen.height() >= 4);
        let mut rows = pen.height().saturating_sub(1 + header);
        let spare = usize::from(rows).saturating_sub(occasions.len());
        let has_room = match self.details {
            Details::WhereTheyFit => spare > usize::from(PARTICULARS),
            Details::Shown => rows >= PARTICULARS_FROM,
            Details::Hidden => false,
        };
        let details = if has_room { PARTICULARS + 1 } else { 0 };
        rows -= details;
        self.drawn = (has_room, usize::from(rows));
        let under = self.cursor.unwrap_or_else(|| home(&occasions, board.now)).min(occasions.len() - 1);
        let shown = match self.cursor {
            Some(_) => self.scroll.around(under, occasions.len(), rows),
            // A third of the rows for what is due: the past has figures, the future only a few words.
            None => {
                self.scroll.from(due.saturating_sub(usize::from(rows).div_ceil(3)), occasions.len(), rows)
            }
        };
        let mut notes = vec![format!("{due} due, {} past", occasions.len() - due)];
        notes.extend(shown_of(&shown, occasions.len()));
        Head { title: self.title(), note: &notes.join(" · "), tag: None }.draw(&mut pen, view);
        let slots = place(PLANS, 1, pen.width());
        if header > 0 {
            for (field, slot) in &slots {
                pen.cell(*slot, 1, field.header(), theme.label);
            }
        }
        let mut pen = pen.below(1 + header);
        for (at, y) in shown.zip(0..) {
            for &(field, slot) in &slots {
                let (text, style) = field.cell(occasions[at], board.now, (slot, theme));
                pen.cell(slot, y, &text, style);
            }
            if at == under && (self.cursor.is_some() || details > 0) {
                pen.select_row(y, theme.selection);
                pen.glyph(0, y, '▸', theme.selection);
            }
        }
        if details > 0 {
            draw_particulars(&mut pen.below(rows), occasions[under], theme);
        }
    }
}

/// Whether an occasion is still to come: later than now, or today without an hour.
fn is_due(occasion: &Occasion, now: Timestamp) -> bool {
    match occasion.at {
        OccasionTime::Moment(moment) => moment > now,
        OccasionTime::Day(day) => day > now.date() || (day == now.date() && occasion.is_scheduled),
    }
}

/// Every occasion, the latest first; what is due before what is over, whatever their hours.
fn in_order(board: &Board) -> Vec<&Occasion> {
    let mut occasions: Vec<&Occasion> = board.occasions.iter().collect();
    occasions.sort_by_key(|occasion| Reverse((is_due(occasion, board.now), occasion.at.start())));
    occasions
}

/// The place of what is due next; of what happened last where nothing is.
fn home(occasions: &[&Occasion], now: Timestamp) -> usize {
    occasions.iter().take_while(|occasion| is_due(occasion, now)).count().saturating_sub(1)
}

/// How far ahead or ago: `in 3 d 4 h`, `≈ in 812 d`, `2d03h ago`, `today`.
fn when(occasion: &Occasion, now: Timestamp) -> String {
    let about = if occasion.is_estimate { "≈ " } else { "" };
    match occasion.at {
        OccasionTime::Moment(moment) if moment > now => format!("{about}in {}", ahead(moment.since(now))),
        OccasionTime::Moment(moment) => format!("{about}{} ago", long_ago(now, moment)),
        // Of a day without an hour, only days can be counted.
        OccasionTime::Day(day) => match day.days_since(now.date()) {
            0 => format!("{about}today"),
            1 => format!("{about}tomorrow"),
            days @ 2.. => format!("{about}in {} d", count(u64::from(days.unsigned_abs()))),
            days => format!("{about}{} d ago", count(u64::from(days.unsigned_abs()))),
        },
    }
}

fn long_ago(now: Timestamp, moment: Timestamp) -> String {
    let span = now.since(moment);
    let days = span.as_secs() / 86_400;
    if days >= 10 { format!("{} d", count(days)) } else { age(span) }
}

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::When => "when",
            Self::Day | Self::Date => "day",
            Self::Hour => "hour UTC",
            Self::Kind | Self::Sign => "kind",
            Self::Figures => "figures",
            Self::Title => "what",
        }
    }

    fn cell(self, occasion: &Occasion, now: Timestamp, (slot, theme): (Slot, &Theme)) -> (String, Style) {
        let due = is_due(occasion, now);
        match self {
            Self::When => (when(occasion, now), if due { theme.accent } else { theme.dim }),
            Self::Day => (day(occasion.at.date()), theme.dim),
            Self::Date => (date(occasion.at.date()), theme.dim),
            Self::Hour => (hour(occasion), theme.dim),
            Self::Kind => (occasion.kind.as_str().to_owned(), theme.label),
            Self::Sign => (tag(occasion.kind).to_owned(), theme.label),
            Self::Figures => (brief_figures(occasion, slot.width), theme.text),
            Self::Title => (occasion.title.clone(), theme.text),
        }
    }
}

/// A kind in four letters.
fn tag(kind: OccasionKind) -> &'static str {
    match kind {
        OccasionKind::Deal => "deal",
        OccasionKind::Halving => "halv",
        OccasionKind::Regulation => "law",
        OccasionKind::Monetary => "rate",
        OccasionKind::Etf => "etf",
        OccasionKind::Liquidation => "liq",
        OccasionKind::Corporate => "corp",
        OccasionKind::Earnings => "earn",
        OccasionKind::Protocol => "prot",
    }
}

fn hour(occasion: &Occasion) -> String {
    match occasion.at {
        OccasionTime::Moment(moment) => minute(moment),
        OccasionTime::Day(_) if occasion.is_after_close => "aft close".to_owned(),
        OccasionTime::Day(_) => String::new(),
    }
}

/// The figures on record, the most telling first.
fn figures(occasion: &Occasion) -> Vec<String> {
    let Figures {
        usd: amount,
        years,
        megawatts,
        power,
        counterparty,
        service,
        guarantor,
        backstop_usd,
        stake_percent,
        prepaid_percent,
        percent,
        btc,
        block,
        subsidy,
        change_bp,
        rate_low_percent,
        rate_high_percent,
    } = &occasion.figures;
    let mut told = Vec::new();
    if let (Some(low), Some(high)) = (rate_low_percent, rate_high_percent) {
        told.push(format!("{}–{}%", dollars(*low, 2), dollars(*high, 2)));
    }
    told.extend(change_bp.map(|change| match change {
        0.0 => "held".to_owned(),
        change => format!("{change:+.0} bp"),
    }));
    told.extend(amount.map(|amount| match occasion.kind {
        OccasionKind::Etf => format!("{} m USD", millions(amount)),
        _ if amount < 0.0 => format!("{} USD", signed_usd(amount)),
        _ => format!("{} USD", usd(amount)),
    }));
    told.extend(occasion.usd_per_megawatt_year().map(|rate| format!("{} USD/MW-year", usd(rate))));
    told.extend(megawatts.map(|megawatts| match power {
        Some(PowerMeasure::CriticalIt) => format!("{} MW critical", dollars(megawatts, 0)),
        Some(PowerMeasure::Gross) => format!("{} MW gross", dollars(megawatts, 0)),
        None => format!("{} MW", dollars(megawatts, 0)),
    }));
    told.extend(years.map(|years| format!("{} y", dollars(years, usize::from(years.fract() != 0.0)))));
    told.extend(percent.map(|percent| gain(percent / 100.0)));
    told.extend(btc.map(|btc| format!("{} BTC", dollars(btc, 0))));
    told.extend(subsidy.map(|subsidy| format!("subsidy {subsidy}")));
    told.extend(block.map(|block| format!("block {}", count(block))));
    told.extend(counterparty.as_ref().map(|party| format!("with {party}")));
    told.extend(service.map(|service| match service {
        Service::Colocation => "colocation".to_owned(),
        Service::Cloud => "cloud".to_owned(),
    }));
    told.extend(backstop_usd.map(|backstop| format!("backstop {} USD", usd(backstop))));
    told.extend(guarantor.as_ref().map(|guarantor| format!("by {guarantor}")));
    told.extend(stake_percent.map(|stake| format!("stake {}%", dollars(stake, 1))));
    told.extend(prepaid_percent.map(|prepaid| format!("{}% prepaid", dollars(prepaid, 0))));
    told
}

/// As many figures as fit.
fn brief_figures(occasion: &Occasion, width: u16) -> String {
    let mut text = String::new();
    for figure in figures(occasion) {
        let longer = if text.is_empty() { figure } else { format!("{text}, {figure}") };
        if !text.is_empty() && width_of(&longer) > width {
            break;
        }
        text = longer;
    }
    text
}

/// The occasion under the cursor in full.
fn draw_particulars(pen: &mut Pen<'_>, occasion: &Occasion, theme: &Theme) {
    pen.line(0, 0, pen.width(), '╌', theme.border);
    let phrase = |text: &str| Phrase::new(text, theme.dim);
    let mut title = vec![Phrase::new(&occasion.title, theme.text)];
    if occasion.is_estimate {
        title.push(Phrase::new("estimate: reckoned, not appointed", theme.warn));
    }
    if occasion.is_scheduled {
        title.push(phrase("from a calendar; its outcome is not on record here"));
    }
    let room = |y: u16| Lines { y, rows: PARTICULARS.saturating_sub(y - 1) };
    let mut y = 1;
    y += phrase::set(pen, Lines { y, rows: 2 }, &title, theme);
    let told: Vec<Phrase> = figures(occasion).iter().map(|figure| phrase(figure)).collect();
    y += phrase::set(pen, Lines { y, rows: 2.min(room(y).rows) }, &told, theme);
    // A note is prose: its words may stand on any row.
    if let Some(note) = &occasion.note {
        for line in wrapped(note, pen.width().saturating_sub(2)).iter().take(usize::from(room(y).rows).min(2))
        {
            pen.text(1, y, line, theme.dim);
            y += 1;
        }
    }
    let source =
        occasion.sources.iter().map(|source| Phrase::new("source", theme.label).and(source, theme.dim));
    phrase::set(pen, room(y), &source.collect::<Vec<_>>(), theme);
}

/// Prose in lines of at most `width` columns; a longer word is left whole for the pen to cut.
pub(crate) fn wrapped(text: &str, width: u16) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width_of(&line) + 1 + width_of(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// What is due next: `in 21 d 4 h Fed decides on its rate`.
pub(crate) fn next(board: &Board, theme: &Theme) -> Option<Phrase> {
    let due = board.occasions.iter().filter(|occasion| is_due(occasion, board.now));
    let next = due.min_by_key(|occasion| occasion.at.start())?;
    Some(Phrase::new(&when(next, board.now), theme.accent).and(&next.title, theme.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occasion(at: OccasionTime) -> Occasion {
        Occasion {
            id: "x".into(),
            at,
            title: "x".to_owned(),
            kind: OccasionKind::Monetary,
            entities: Vec::new(),
            figures: Figures::default(),
            sources: vec!["x".to_owned()],
            note: None,
            is_scheduled: true,
            is_estimate: false,
            is_after_close: false,
        }
    }

    #[test]
    fn what_is_due_counts_down_and_what_was_counts_up() {
        let now: Timestamp = "2026-01-06T14:03:27Z".parse().unwrap();
        let moment = |text: &str| OccasionTime::Moment(text.parse().unwrap());
        let day = |text: &str| OccasionTime::Day(text.parse().unwrap());
        for (at, text, due) in [
            (moment("2026-01-09T18:30:00Z"), "in 3 d 4 h", true),
            (moment("2026-01-06T14:00:00Z"), "3m27s ago", false),
            (moment("2025-10-10T21:15:00Z"), "87 d ago", false),
            (day("2026-01-06"), "today", true),
            (day("2026-01-07"), "tomorrow", true),
            (day("2028-04-17"), "in 832 d", true),
            (day("2026-01-05"), "1 d ago", false),
        ] {
            let occasion = occasion(at);
            assert_eq!((when(&occasion, now).as_str(), is_due(&occasion, now)), (text, due), "{at}");
        }
        let estimate = Occasion { is_estimate: true, ..occasion(day("2028-04-17")) };
        assert_eq!(when(&estimate, now), "≈ in 832 d");
    }

    #[test]
    fn the_line_of_time_runs_from_the_latest_to_the_oldest_and_begins_at_what_is_next() {
        let now: Timestamp = "2026-01-06T14:03:27Z".parse().unwrap();
        let mut board = Board::new(market::Mode::Live, now);
        let days = ["2025-10-10", "2025-12-10", "2026-01-28", "2026-03-18"];
        board.occasions = days.map(|day| occasion(OccasionTime::Day(day.parse().unwrap()))).to_vec().into();
        let order = in_order(&board);
        let told: Vec<String> = order.iter().map(|occasion| occasion.at.to_string()).collect();
        assert_eq!(told, ["2026-03-18", "2026-01-28", "2025-12-10", "2025-10-10"]);
        assert_eq!(home(&order, now), 1);
        assert_eq!(home(&order[2..], now), 0);
        assert_eq!(home(&[], now), 0);
    }

    #[test]
    fn prose_is_wrapped_between_words() {
        assert_eq!(wrapped("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrapped("extraordinary", 4), ["extraordinary"]);
        assert!(wrapped(" ", 4).is_empty());
    }
}
