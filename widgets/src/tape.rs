//! The liquidation tape: every event as it arrives, newest on top.

use market::{Board, Contract, Instrument, Liquidation, MarketEvent, PositionSide};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::cursor::Cursor;
use crate::figures::{age, clock, clock_micros, count, price, quantity, usd, usd_aligned};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot, width_of};
use crate::plan::{Column, numbers, place, words};
use crate::theme::Theme;
use crate::watch;

/// From here on a liquidation is set in bold.
const LARGE_USD: f64 = 100_000.0;
/// From here on it is set in inverse.
const HUGE_USD: f64 = 1_000_000.0;
/// Rows from which there is room for the details of the event under the cursor.
const DETAILS_FROM: u16 = 12;
/// Rows the details take.
const DETAILS: u16 = 4;

/// The panel. Its cursor holds the view still; its toggle hides the details under it.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    cursor: Cursor,
    details: Details,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Details {
    #[default]
    WhereTheyFit,
    Hidden,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Time,
    Age,
    Feed,
    Venue,
    Instrument,
    Pair,
    Side,
    Arrow,
    Price,
    Quantity,
    Notional,
}

const TIME: Column<Field> = words(Field::Time, 8, 8);
const FEED: Column<Field> = words(Field::Feed, 12, 12);
const VENUE: Column<Field> = words(Field::Venue, 3, 3);
const INSTRUMENT: Column<Field> = words(Field::Instrument, 13, 18);
const PAIR: Column<Field> = words(Field::Pair, 9, 13);
const SIDE: Column<Field> = words(Field::Side, 7, 7);
const PRICE: Column<Field> = numbers(Field::Price, 10);
const QUANTITY: Column<Field> = numbers(Field::Quantity, 8);
const NOTIONAL: Column<Field> = numbers(Field::Notional, 7);

/// Column sets, richest first.
const PLANS: &[&[Column<Field>]] = &[
    &[TIME, numbers(Field::Age, 6), FEED, INSTRUMENT, SIDE, PRICE, QUANTITY, NOTIONAL],
    &[TIME, FEED, INSTRUMENT, SIDE, PRICE, QUANTITY, NOTIONAL],
    &[TIME, VENUE, INSTRUMENT, SIDE, PRICE, QUANTITY, NOTIONAL],
    &[TIME, VENUE, INSTRUMENT, SIDE, PRICE, NOTIONAL],
    &[TIME, VENUE, PAIR, SIDE, PRICE, NOTIONAL],
    &[TIME, PAIR, SIDE, PRICE, NOTIONAL],
    &[TIME, PAIR, SIDE, NOTIONAL],
    &[PAIR, SIDE, NOTIONAL],
    &[SIDE, NOTIONAL],
    &[words(Field::Arrow, 1, 1), numbers(Field::Notional, 7)],
];

impl Panel for Tape {
    fn id(&self) -> &'static str {
        "tape"
    }

    fn title(&self) -> &'static str {
        "Tape"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        if action == Action::Toggle {
            self.details = match self.details {
                Details::WhereTheyFit => Details::Hidden,
                Details::Hidden => Details::WhereTheyFit,
            };
            return Reaction::Redraw;
        }
        self.cursor.act(action, &board.tape)
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let tape = &view.board.tape;
        let theme = view.theme;
        let header = u16::from(pen.height() >= 4);
        let mut rows = pen.height().saturating_sub(1 + header);
        let details = self.details == Details::WhereTheyFit && rows >= DETAILS_FROM && pen.width() >= 30;
        // Counted off before the cursor is known, so that the first step down does not shift the view.
        let mut shown = self.cursor.show(tape, rows);
        if details && shown.cursor.is_some() {
            rows -= DETAILS;
            shown = self.cursor.show(tape, rows);
        }
        self.head(&mut pen, view, shown.cursor.map(|_| shown.unseen));
        if tape.is_empty() {
            let middle = pen.height().saturating_sub(1) / 2;
            for (line, y) in watch::emptiness(view.board, "liquidation").iter().zip(middle.max(1)..) {
                pen.centre(y, line, theme.dim);
            }
            return;
        }
        let slots = place(PLANS, 1, pen.width());
        if header > 0 {
            for (field, slot) in &slots {
                pen.cell(*slot, 1, field.header(), theme.label);
            }
        }
        let mut pen = pen.below(1 + header);
        for y in 0..rows {
            let Some(event) = tape.newest(shown.first + usize::from(y)) else {
                break;
            };
            draw_event(&mut pen, y, &slots, event, view);
            if shown.cursor == Some(usize::from(y)) {
                pen.select_row(y, theme.selection);
                pen.glyph(0, y, '▸', theme.selection);
            }
        }
        let under = shown.cursor.and_then(|row| tape.newest(shown.first + row));
        if let Some(event) = under.filter(|_| details) {
            draw_details(&mut pen.below(rows), event, theme);
        }
    }
}

impl Tape {
    fn head(&self, pen: &mut Pen<'_>, view: &View<'_>, held: Option<u64>) {
        let board = view.board;
        let note = match board.tape.len() {
            0 => String::new(),
            events if board.tape.forgotten() > 0 => format!("last {}", count(events as u64)),
            events => format!("{} events", count(events as u64)),
        };
        let tag = match held {
            Some(unseen) => Some((format!("paused · {} new", count(unseen)), view.theme.warn)),
            None => watch::staleness(board).map(|words| (words, view.theme.warn)),
        };
        let tag = tag.as_ref().map(|(words, style)| (words.as_str(), *style));
        Head { title: self.title(), note: &note, tag }.draw(pen, view);
    }
}

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::Time => "time UTC",
            Self::Age => "age",
            Self::Feed => "feed",
            Self::Venue => "src",
            Self::Instrument => "instrument",
            Self::Pair => "pair",
            Self::Side => "closed",
            Self::Arrow => "",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::Notional => "USD ",
        }
    }
}

fn draw_event(pen: &mut Pen<'_>, y: u16, slots: &[(Field, Slot)], event: &MarketEvent, view: &View<'_>) {
    let theme = view.theme;
    // The Board puts nothing else on the tape.
    let Some(liquidation) = event.observation.liquidation() else {
        return;
    };
    let side = theme.side(liquidation.position);
    for &(field, slot) in slots {
        let (text, style) = match field {
            Field::Time => (clock(event.event_time), theme.dim),
            Field::Age => (age(view.board.now.since(event.event_time)), theme.dim),
            Field::Feed => (event.feed.to_string(), theme.dim),
            Field::Venue => (watch::ticker(event.feed.as_str()), theme.dim),
            Field::Instrument => {
                let name = liquidation.instrument.to_string();
                // Better without its `-PERP` than cut.
                let fits = width_of(&name) <= slot.width;
                (if fits { name } else { pair(&liquidation.instrument) }, theme.text)
            }
            Field::Pair => (pair(&liquidation.instrument), theme.text),
            Field::Side => (closed(liquidation.position).to_owned(), side),
            Field::Arrow => (closed(liquidation.position).chars().take(1).collect(), side),
            Field::Price => (price(liquidation.price.get()), theme.text),
            Field::Quantity => {
                (liquidation.quantity.map_or("?".to_owned(), |amount| quantity(amount.get())), theme.dim)
            }
            Field::Notional => notional(liquidation, theme),
        };
        pen.cell(slot, y, &text, style);
    }
}

/// The notional and how loudly to say it.
fn notional(liquidation: &Liquidation, theme: &Theme) -> (String, Style) {
    let Some(notional) = liquidation.notional else {
        // Under the last digit before the point, where an eye that runs down the column meets it.
        return ("?   ".to_owned(), theme.warn);
    };
    let side = theme.side(liquidation.position);
    let style = match notional.get() {
        value if value >= HUGE_USD => side.add_modifier(Modifier::BOLD | Modifier::REVERSED),
        value if value >= LARGE_USD => side.add_modifier(Modifier::BOLD),
        _ => side,
    };
    let text = usd_aligned(notional.get());
    // Blank on the left belongs to the figure, so that an inverse one is a block of one width.
    (format!("{text:>7}"), style)
}

/// The whole of the event under the cursor.
fn draw_details(pen: &mut Pen<'_>, event: &MarketEvent, theme: &Theme) {
    let Some(liquidation) = event.observation.liquidation() else {
        return;
    };
    let width = pen.width();
    pen.line(0, 0, width, '╌', theme.border);
    let amount = liquidation.quantity.map_or("quantity unknown".to_owned(), |amount| amount.to_string());
    let value = liquidation.notional.map_or("notional unknown".to_owned(), |value| {
        format!("{} USD ({})", usd(value.get()), crate::figures::price(value.get()))
    });
    let id = liquidation.venue_id.as_deref().unwrap_or("none");
    let delay = event.receive_time.since(event.event_time);
    let lines = [
        format!("{} {} · {} at {} · {value}", event.feed, liquidation.symbol, amount, liquidation.price),
        format!(
            "venue {} · received {} (+{} ms)",
            clock_micros(event.event_time),
            clock_micros(event.receive_time),
            count(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        ),
        format!("{} · forced {} · venue id {id}", event.event_time.date(), forced(liquidation.position)),
    ];
    for (line, y) in lines.iter().zip(1..) {
        pen.text(1, y, line, theme.dim);
    }
}

/// A closed position's sign and word.
pub(crate) fn closed(position: PositionSide) -> &'static str {
    match position {
        PositionSide::Long => "▼ LONG",
        PositionSide::Short => "▲ SHORT",
    }
}

/// What the closing does to the market.
fn forced(position: PositionSide) -> &'static str {
    match position {
        PositionSide::Long => "selling",
        PositionSide::Short => "buying",
    }
}

/// An instrument in little room: a perpetual is the rule, so only a future says what it is.
pub(crate) fn pair(instrument: &Instrument) -> String {
    match instrument.contract {
        Contract::Perp => format!("{}-{}", instrument.base, instrument.quote),
        Contract::Future(expiry) => {
            format!("{} {}", instrument.base, expiry.compact().get(2..).unwrap_or_default())
        }
    }
}
