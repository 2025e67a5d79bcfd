//! Fund flows: what went in or out of each fund on each day, newest day on top, and how rare the last day is.

use std::time::Duration;

use market::{
    ALL_FUNDS, Board, Desk, FlowCell, FlowDay, FlowStatus, FlowTable, Price, Rarity, Timestamp, Usd, nyse,
    settled_at,
};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::figures::{age, date, day, price, usd};
use crate::list::{Scroll, shown_of};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen};
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::signs::{UNKNOWN, Way, coins, draw_bar, millions, say, style_of};
use crate::theme::Theme;
use crate::watch;

/// Flows are told by the next morning, now and then half a day later; after this long past the moment from which they
/// count as settled a day is missing.
const GRACE: Duration = Duration::from_hours(16);
/// What a fund that has not reported shows.
const PENDING: &str = "·";
/// Columns of a fund, with the blank before it.
const FUND: u16 = 8;
/// Columns of all other funds together, with the blank before them.
const OTHERS: u16 = 10;
/// Height from which the legend has a row.
const LEGEND_FROM: u16 = 10;

/// The panel. It owns the asset, the unit and how far the days are scrolled.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// The asset the reader chose; the first there is until then.
    asset: Option<String>,
    unit: Unit,
    scroll: Scroll,
}

/// What flows are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit {
    #[default]
    Dollars,
    /// Coins, at each day's price.
    Coins,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Day,
    Date,
    Mark,
    Told,
    Total,
    Bar,
    Price,
    Fund(usize),
    Others(usize),
}

const DATE: Column<Field> = words(Field::Date, 11, 11);
const DAY: Column<Field> = words(Field::Day, 6, 6);
const MARK: Column<Field> = words(Field::Mark, 1, 1);
const TOLD: Column<Field> = numbers(Field::Told, 8);
const TOTAL: Column<Field> = numbers(Field::Total, 10);
const PRICE: Column<Field> = numbers(Field::Price, 10);

/// What stands before the funds: from which width on, richest first.
const FRONTS: &[(u16, &[Column<Field>])] = &[
    (100, &[DATE, MARK, TOLD, TOTAL, words(Field::Bar, 13, 21)]),
    (32, &[DAY, MARK, TOTAL, words(Field::Bar, 9, 13)]),
    (20, &[DAY, MARK, TOTAL]),
    (0, &[TOTAL]),
];

impl Panel for Flows {
    fn id(&self) -> &'static str {
        "flows"
    }

    fn title(&self) -> &'static str {
        "ETF flows"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        match action {
            Action::NextColumn | Action::Right => self.turn(1, board),
            Action::Left => self.turn(-1, board),
            Action::Toggle => {
                self.unit = match self.unit {
                    Unit::Dollars => Unit::Coins,
                    Unit::Coins => Unit::Dollars,
                };
                Reaction::Redraw
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
                self.scroll.act(action)
            }
        }
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let (desk, theme) = (&*view.board.desk, view.theme);
        if pen.height() == 1 {
            draw_one_line(&mut pen, view);
            return;
        }
        let at = self.place(desk);
        let Some(table) = desk.flows.get(at) else {
            Head { title: self.title(), note: "", tag: None }.draw(&mut pen, view);
            let remedy = "turn on feeds.farside, or `vigie import etf-flows FILE`";
            watch::draw_untold(
                &mut pen,
                &watch::untold(view.board, "no ETF flow has been told", remedy),
                view,
            );
            return;
        };
        let sheet = Sheet { table, desk, unit: self.unit };
        let height = pen.height();
        let said = match height {
            ..5 => 0,
            5..8 => 1,
            _ => 2,
        };
        let taken = phrase::set(&mut pen, Lines { y: 1, rows: said }, &sheet.headline(theme), theme);
        let header = u16::from(height >= 4);
        let legend = u16::from(height >= LEGEND_FROM);
        let rows = height.saturating_sub(1 + taken + header + legend);
        let listed = table.days.len();
        let shown = self.scroll.show(listed, rows);
        let unit = match self.unit {
            Unit::Dollars => "USD m",
            Unit::Coins => table.asset.as_str(),
        };
        let mut notes = vec![format!("{} {}/{}", table.asset, at + 1, desk.flows.len()), unit.to_owned()];
        if let Some(told) = table.days.iter().map(|day| day.known_at).max() {
            notes.push(format!("{} {} ago", table.source, age(view.board.now.since(told))));
        }
        notes.extend(shown_of(&shown, listed));
        let fault = staleness(table, view.board.now);
        let tag = fault.as_deref().map(|words| (words, theme.warn));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut pen, view);
        if legend > 0 {
            draw_legend(&mut pen, height - 1, self.unit, theme);
        }
        let columns = sheet.columns(pen.width());
        let slots = place(&[&columns], 1, pen.width());
        let days: Vec<&FlowDay> = table.days.iter().rev().skip(shown.start).take(shown.len()).collect();
        let largest = days.iter().filter_map(|day| sheet.total(day)).map(f64::abs).fold(0.0, f64::max);
        if header > 0 {
            for (field, slot) in &slots {
                pen.cell(*slot, 1 + taken, &sheet.header(*field, largest), theme.label);
            }
        }
        let mut pen = pen.below(1 + taken + header);
        for (day, y) in days.into_iter().zip(0..rows) {
            for &(field, slot) in &slots {
                if field == Field::Bar {
                    draw_bar(&mut pen, (slot, y), sheet.total(day), largest, theme);
                    continue;
                }
                let (text, style) = sheet.cell(field, day, theme);
                pen.cell(slot, y, &text, style);
            }
        }
    }
}

impl Flows {
    /// The chosen asset's place among those with flows; the first where there is none or it is gone.
    fn place(&self, desk: &Desk) -> usize {
        let chosen = self.asset.as_deref();
        desk.flows.iter().position(|table| Some(table.asset.as_str()) == chosen).unwrap_or(0)
    }

    fn turn(&mut self, by: isize, board: &Board) -> Reaction {
        let tables = &board.desk.flows;
        let Some(length) = isize::try_from(tables.len()).ok().filter(|length| *length > 1) else {
            return Reaction::Ignored;
        };
        let to = (self.place(&board.desk) as isize + by).rem_euclid(length);
        self.asset = tables.get(to as usize).map(|table| table.asset.to_string());
        self.scroll.rewind();
        Reaction::Redraw
    }
}

/// One asset's flows in one unit.
struct Sheet<'a> {
    table: &'a FlowTable,
    desk: &'a Desk,
    unit: Unit,
}

impl Sheet<'_> {
    /// The price that turns a day's dollars into coins, and what price it is.
    fn price(&self, day: &FlowDay) -> Option<(Price, &'static str)> {
        self.desk.flow_prices.get(&(self.table.asset.clone(), day.trade_date)).copied()
    }

    /// Dollars in the sheet's unit; `None` where the day's price is not known.
    fn amount(&self, flow: Usd, day: &FlowDay) -> Option<f64> {
        match self.unit {
            Unit::Dollars => Some(flow.get()),
            Unit::Coins => self.price(day).map(|(price, _)| flow.get() / price.get()),
        }
    }

    fn total(&self, day: &FlowDay) -> Option<f64> {
        day.total.and_then(|total| self.amount(total, day))
    }

    /// The sum of the last `days` reported days; `None` where one of them has no price.
    fn sum_of_last(&self, days: usize) -> Option<f64> {
        let reported = self.table.days.iter().rev().filter(|day| day.total.is_some());
        reported.take(days).map(|day| self.total(day)).sum()
    }

    fn figure(&self, value: f64) -> String {
        match self.unit {
            Unit::Dollars => millions(value),
            Unit::Coins => coins(value),
        }
    }

    /// A figure with its unit, for sentences: `+741.5 m`, `+6,507 BTC`.
    fn told(&self, value: f64) -> String {
        let unit = match self.unit {
            Unit::Dollars => "m",
            Unit::Coins => self.table.asset.as_str(),
        };
        format!("{} {unit}", self.figure(value))
    }

    fn headline(&self, theme: &Theme) -> Vec<Phrase> {
        let reported = self.table.days.iter().rev().filter(|day| day.total.is_some());
        let days = reported.clone().count();
        let Some(last) = reported.clone().next() else {
            return vec![Phrase::new("no fund has reported yet", theme.dim)];
        };
        let figure = |value| self.told(value);
        let name = Phrase::new(&day(last.trade_date), theme.title);
        let mut phrases = vec![say(name, self.total(last), figure, theme)];
        if last.status == FlowStatus::Provisional {
            phrases.push(Phrase::new(&format!("provisional, {}", reports(last)), theme.warn));
        }
        // A part of the funds is not ranked among whole days.
        let rarity = self.table.rarity(last.trade_date).filter(|_| last.pending == 0);
        phrases.extend(rarity.map(|rarity| {
            let so_far = if last.status == FlowStatus::Provisional { " so far" } else { "" };
            let unit = if self.unit == Unit::Coins { " in USD" } else { "" };
            Phrase::new(&format!("{}{unit}{so_far}", rare(rarity)), theme.accent)
        }));
        if let Some(streak) = self.table.streak().filter(|streak| streak.days > 1) {
            let noun = if streak.sum.get() > 0.0 { "inflows" } else { "outflows" };
            let name = Phrase::new(&format!("{} days of {noun}", streak.days), theme.text);
            phrases.push(say(name, self.sum_of_last(streak.days), figure, theme));
        }
        for span in [5, 20] {
            let name = Phrase::new(&format!("last {}", span.min(days)), theme.label);
            phrases.push(say(name, self.sum_of_last(span), figure, theme));
            if days <= span {
                break;
            }
        }
        if self.unit == Unit::Coins {
            phrases.push(match self.price(last) {
                Some((at, clock)) => Phrase::new("at", theme.label)
                    .and(&price(at.get()), theme.text)
                    .and(&format!("USD, {clock}"), theme.label),
                None => Phrase::new(&format!("no price for {}", day(last.trade_date)), theme.warn),
            });
        }
        phrases
    }

    /// Columns for a width: the front, then as many funds as fit, then the rest of them as one.
    fn columns(&self, width: u16) -> Vec<Column<Field>> {
        let front = FRONTS.iter().find(|(from, _)| width >= *from).map_or(&[TOTAL][..], |(_, front)| front);
        let mut columns = front.to_vec();
        if self.unit == Unit::Coins && width >= 56 {
            columns.push(PRICE);
        }
        let taken: u16 = columns.iter().map(|column| column.min + 1).sum();
        let room = width.saturating_sub(1 + taken);
        // A source that tells only the sum has told it already.
        let funds = if self.table.funds == [ALL_FUNDS] { 0 } else { self.table.funds.len() };
        let all = usize::from(room / FUND);
        if all >= funds {
            columns.extend((0..funds).map(|fund| numbers(Field::Fund(fund), FUND - 1)));
        } else if room >= OTHERS {
            let fit = usize::from((room - OTHERS) / FUND);
            columns.extend((0..fit).map(|fund| numbers(Field::Fund(fund), FUND - 1)));
            columns.push(numbers(Field::Others(fit), OTHERS - 1));
        }
        columns
    }

    fn header(&self, field: Field, largest: f64) -> String {
        match field {
            Field::Day | Field::Date => "day".to_owned(),
            Field::Mark => String::new(),
            Field::Told => "funds".to_owned(),
            Field::Total => "total".to_owned(),
            Field::Bar if self.unit == Unit::Coins => {
                format!("max {}", coins(largest).trim_start_matches('+'))
            }
            Field::Bar => format!("max {}", usd(largest)),
            Field::Price => "USD".to_owned(),
            Field::Fund(fund) => self.table.funds.get(fund).map(ToString::to_string).unwrap_or_default(),
            Field::Others(from) => match self.table.funds.len().saturating_sub(from) {
                1 => "1 other ".to_owned(),
                others => format!("{others} others "),
            },
        }
    }

    fn cell(&self, field: Field, day: &FlowDay, theme: &Theme) -> (String, Style) {
        let is_provisional = day.status == FlowStatus::Provisional;
        match field {
            Field::Day => (self::day(day.trade_date), theme.dim),
            Field::Date => (date(day.trade_date), theme.dim),
            Field::Mark => (if is_provisional { "p" } else { "" }.to_owned(), theme.warn),
            Field::Told if is_provisional => (reports_briefly(day), theme.warn),
            Field::Told => (reports_briefly(day), theme.dim),
            Field::Total => match (day.total, self.total(day)) {
                (None, _) => (PENDING.to_owned(), theme.dim),
                (Some(_), None) => (UNKNOWN.to_owned(), theme.dim),
                (Some(_), Some(total)) => {
                    let way = Way::of(total);
                    let style = way.style(theme).add_modifier(Modifier::BOLD);
                    (format!("{} {}", way.arrow(), self.figure(total)), style)
                }
            },
            Field::Price => {
                (self.price(day).map_or(UNKNOWN.to_owned(), |(at, _)| price(at.get())), theme.dim)
            }
            Field::Fund(fund) => self.sum(day.cells.get(fund..=fund).unwrap_or(&[]), day, theme),
            Field::Others(from) => {
                let cells = day.cells.get(from..).unwrap_or(&[]);
                let (text, style) = self.sum(cells, day, theme);
                let is_part = text != PENDING && cells.contains(&FlowCell::Pending);
                (format!("{text}{}", if is_part { PENDING } else { " " }), style)
            }
            Field::Bar => (String::new(), theme.dim),
        }
    }

    /// Some funds of a day together.
    fn sum(&self, cells: &[FlowCell], day: &FlowDay, theme: &Theme) -> (String, Style) {
        let flows = cells.iter().filter_map(|cell| match cell {
            FlowCell::Flow(flow) => Some(flow.as_micros()),
            FlowCell::Pending | FlowCell::Unlisted => None,
        });
        if flows.clone().next().is_none() {
            let sign = if cells.contains(&FlowCell::Pending) { PENDING } else { "" };
            return (sign.to_owned(), theme.dim);
        }
        let value = self.amount(Usd::from_micros(flows.sum()), day);
        let text = value.map_or(UNKNOWN.to_owned(), |value| self.figure(value));
        (text, style_of(value, theme))
    }
}

/// `9 of 12 funds`.
fn reports(day: &FlowDay) -> String {
    format!("{} of {} funds", day.reported, day.reported + day.pending)
}

fn reports_briefly(day: &FlowDay) -> String {
    format!("{} of {}", day.reported, day.reported + day.pending)
}

fn rare(rarity: Rarity) -> String {
    match rarity {
        Rarity::HighestSince(since) => format!("highest since {}", date(since)),
        Rarity::LowestSince(since) => format!("lowest since {}", date(since)),
        Rarity::HighestEver => "highest on record here".to_owned(),
        Rarity::LowestEver => "lowest on record here".to_owned(),
    }
}

/// What a table must own up to: that days are missing at its end.
pub(crate) fn staleness(table: &FlowTable, now: Timestamp) -> Option<String> {
    let last = table.last_reported()?;
    // Outside the calendar's years, the longest weekend stands in.
    let missing = nyse().next_trading_day(last).or_else(|| last.plus_days(4))?;
    (now > settled_at(missing).plus(GRACE)).then(|| format!("stale: none since {}", date(last)))
}

/// An asset's last reported day: `BTC ▲ +741.5 m 05 Jan p 9/12`, with how many funds that is where some are to come.
pub(crate) fn last_day(table: &FlowTable, now: Timestamp, theme: &Theme) -> Option<Phrase> {
    let last = table.days.iter().rev().find(|day| day.total.is_some())?;
    let figure = |value| format!("{} m", millions(value));
    let name = Phrase::new(&table.asset, theme.text);
    let mut phrase = say(name, last.total.map(Usd::get), figure, theme).and(&day(last.trade_date), theme.dim);
    if last.status == FlowStatus::Provisional {
        phrase = phrase.and("p", theme.warn);
        if last.pending > 0 {
            let funds = format!("{}/{}", last.reported, last.reported + last.pending);
            phrase = phrase.and(&funds, theme.warn);
        }
    }
    if let Some(stale) = staleness(table, now) {
        phrase = phrase.and(&stale, theme.warn);
    }
    Some(phrase)
}

fn draw_legend(pen: &mut Pen<'_>, y: u16, unit: Unit, theme: &Theme) {
    let mut phrases = vec![
        Phrase::new(PENDING, theme.text).and("not reported yet", theme.label),
        Phrase::new("p", theme.warn).and("provisional: may still change", theme.label),
        Phrase::new("blank: not listed", theme.label),
    ];
    if unit == Unit::Coins {
        phrases.push(Phrase::new(UNKNOWN, theme.text).and("no price that day", theme.label));
    }
    phrase::set(pen, Lines { y, rows: 1 }, &phrases, theme);
}

/// The whole panel on one row: every asset's last day.
fn draw_one_line(pen: &mut Pen<'_>, view: &View<'_>) {
    let (theme, now) = (view.theme, view.board.now);
    let title = Phrase::new("ETF flows", theme.title);
    let days = view.board.desk.flows.iter().filter_map(|table| last_day(table, now, theme));
    let mut phrases: Vec<Phrase> = std::iter::once(title).chain(days).collect();
    if phrases.len() == 1 {
        phrases.push(Phrase::new("none told yet", theme.dim));
    }
    phrase::set(pen, Lines { y: 0, rows: 1 }, &phrases, theme);
}
