//! Coins of decentralised-AI projects: prices, gains, and strength against Bitcoin.

use market::{Board, TokenRow};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::figures::price;
use crate::list::{Scroll, by_size, shown_of};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot, width_of};
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::prices::{self, Best};
use crate::signs::{UNKNOWN, draw_bar, gain_or_unknown, say_gain, style_of};
use crate::watch;

/// The panel. It owns the order of the coins and how far its list is scrolled.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    order: usize,
    scroll: Scroll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Asset,
    Name,
    Pair,
    Price,
    Standing,
    Source,
    Age,
    OneDay,
    FiveDays,
    ThirtyDays,
    Against,
    Bar,
}

/// What coins may be ordered by; `None` is the desk's own order.
const ORDERS: [Option<Field>; 5] =
    [None, Some(Field::OneDay), Some(Field::FiveDays), Some(Field::ThirtyDays), Some(Field::Against)];

const ASSET: Column<Field> = words(Field::Asset, 7, 8);
const NAME: Column<Field> = words(Field::Name, 12, 26);
const PAIR: Column<Field> = words(Field::Pair, 11, 13);
const PRICE: Column<Field> = numbers(Field::Price, 10);
const SOURCE: Column<Field> = words(Field::Source, 7, 16);
const AGE: Column<Field> = numbers(Field::Age, 6);
const ONE: Column<Field> = numbers(Field::OneDay, 7);
const FIVE: Column<Field> = numbers(Field::FiveDays, 7);
const THIRTY: Column<Field> = numbers(Field::ThirtyDays, 7);
const AGAINST: Column<Field> = numbers(Field::Against, 7);

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[ASSET, NAME, PAIR, PRICE, words(Field::Standing, 12, 12), SOURCE, AGE, ONE, FIVE, THIRTY, AGAINST, words(Field::Bar, 11, 31)],
    &[ASSET, NAME, PAIR, PRICE, SOURCE, AGE, ONE, FIVE, THIRTY, AGAINST, words(Field::Bar, 9, 21)],
    &[PAIR, PRICE, SOURCE, AGE, ONE, FIVE, THIRTY, AGAINST, words(Field::Bar, 5, 21)],
    &[PAIR, PRICE, AGE, ONE, FIVE, THIRTY, AGAINST],
    &[PAIR, PRICE, AGE, ONE, AGAINST],
    &[ASSET, PRICE, ONE],
    &[ASSET, ONE],
    &[ASSET],
];

impl Panel for Tokens {
    fn id(&self) -> &'static str {
        "tokens"
    }

    fn title(&self) -> &'static str {
        "AI tokens"
    }

    fn act(&mut self, action: Action, _board: &Board) -> Reaction {
        match action {
            Action::NextColumn | Action::Right => self.turn(1),
            Action::Left => self.turn(ORDERS.len() - 1),
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
                self.scroll.act(action)
            }
            Action::Toggle => Reaction::Ignored,
        }
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let (desk, theme) = (&*view.board.desk, view.theme);
        if pen.height() == 1 {
            let mut phrases = vec![Phrase::new(self.title(), theme.title)];
            phrases.extend(headline(view));
            phrase::set(&mut pen, Lines { y: 0, rows: 1 }, &phrases, theme);
            return;
        }
        if desk.tokens.is_empty() {
            Head { title: self.title(), note: "", tag: None }.draw(&mut pen, view);
            let remedy = "turn on feeds.binance-spot, feeds.kraken or feeds.coinbase in config.toml";
            let lines = watch::untold(view.board, "no coin is on this desk", remedy);
            watch::draw_untold(&mut pen, &lines, view);
            return;
        }
        let height = pen.height();
        let said = match height {
            ..5 => 0,
            5..8 => 1,
            _ => 2,
        };
        let taken = phrase::set(&mut pen, Lines { y: 1, rows: said }, &headline(view), theme);
        let header = u16::from(height >= 4);
        let rows = height.saturating_sub(1 + taken + header);
        let shown = self.scroll.show(desk.tokens.len(), rows);
        let order = ORDERS[self.order];
        let mut notes = vec![format!("{} coins, USD", desk.tokens.len())];
        notes.extend(order.map(|field| format!("by {}", field.header())));
        notes.extend(shown_of(&shown, desk.tokens.len()));
        let fault = prices::stale_tag(desk.tokens.iter().map(|token| token.last.as_ref()));
        let tag = fault.as_deref().map(|words| (words, theme.warn));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut pen, view);
        let slots = place(PLANS, 1, pen.width());
        if header > 0 {
            for (field, slot) in &slots {
                let style = if order == Some(*field) { theme.accent } else { theme.label };
                let header = match field {
                    Field::Bar if slot.width < 13 => "vs BTC",
                    field => field.header(),
                };
                pen.cell(*slot, 1 + taken, header, style);
            }
        }
        let mut tokens: Vec<&TokenRow> = desk.tokens.iter().collect();
        if let Some(field) = order {
            tokens.sort_by(|a, b| by_size(field.figure(a), field.figure(b)));
        }
        // One scale for all of them, on screen or not: the bars of a scrolled list stay what they were.
        let largest =
            tokens.iter().filter_map(|token| token.against_bitcoin).map(f64::abs).fold(0.0, f64::max);
        let mut pen = pen.below(1 + taken + header);
        for (token, y) in tokens[shown].iter().zip(0..) {
            for &(field, slot) in &slots {
                if field == Field::Bar {
                    draw_bar(&mut pen, (slot, y), token.against_bitcoin, largest, theme);
                    continue;
                }
                let (text, style) = field.cell(token, slot, view);
                pen.cell(slot, y, &text, style);
            }
        }
    }
}

impl Tokens {
    fn turn(&mut self, step: usize) -> Reaction {
        self.order = (self.order + step) % ORDERS.len();
        self.scroll.rewind();
        Reaction::Redraw
    }
}

/// The basket, and Bitcoin to hold it against.
fn headline(view: &View<'_>) -> Vec<Phrase> {
    let (desk, theme) = (&view.board.desk, view.theme);
    let best = Best::of(desk.tokens.iter().map(|token| token.last.as_ref()), view.board.now);
    let mut phrases = prices::basket("basket", desk.basket, best, theme);
    phrases.push(match &desk.bitcoin {
        Some((last, gains)) => {
            let at = (price as fn(f64) -> String, view.board.now);
            let name = Phrase::new("BTC", theme.title);
            say_gain(prices::say_price(name, last, at, theme), gains.one_day, theme)
        }
        None => Phrase::new("BTC", theme.title).and("no price yet", theme.dim),
    });
    phrases
}

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::Asset => "",
            Self::Name => "project",
            Self::Pair => "pair",
            Self::Price => "USD",
            Self::Standing => "price",
            Self::Source => "source",
            Self::Age => "age",
            Self::OneDay => "1d",
            Self::FiveDays => "5d",
            Self::ThirtyDays => "30d",
            Self::Against => "1d-BTC",
            Self::Bar => "weak │ strong",
        }
    }

    /// The figure that coins are ordered by.
    fn figure(self, token: &TokenRow) -> Option<f64> {
        match self {
            Self::OneDay => token.gains.one_day,
            Self::FiveDays => token.gains.five_days,
            Self::ThirtyDays => token.gains.thirty_days,
            Self::Against | Self::Bar => token.against_bitcoin,
            Self::Asset
            | Self::Name
            | Self::Pair
            | Self::Price
            | Self::Standing
            | Self::Source
            | Self::Age => None,
        }
    }

    fn cell(self, token: &TokenRow, slot: Slot, view: &View<'_>) -> (String, Style) {
        let theme = view.theme;
        let last = token.last.as_ref();
        let bold = theme.text.add_modifier(Modifier::BOLD);
        match self {
            Self::Asset => (token.asset.to_string(), bold),
            Self::Name => (token.name.to_string(), theme.dim),
            Self::Pair if token.pair.is_empty() => (format!("{} {UNKNOWN}", token.asset), theme.dim),
            Self::Pair => (token.pair.to_string(), theme.text),
            Self::Price => prices::price_cell(last, price, theme),
            Self::Standing => prices::standing_cell(last, theme),
            Self::Source => match last {
                None => (UNKNOWN.to_owned(), theme.dim),
                Some(last) if width_of(last.source.as_str()) <= slot.width => {
                    (last.source.to_string(), theme.dim)
                }
                Some(last) => (watch::venue(last.source.as_str()).to_owned(), theme.dim),
            },
            Self::Age => prices::age_cell(last, view.board.now, theme),
            Self::OneDay | Self::FiveDays | Self::ThirtyDays => {
                prices::gain_cell(self.figure(token), last, theme)
            }
            Self::Against => (gain_or_unknown(token.against_bitcoin), style_of(token.against_bitcoin, theme)),
            Self::Bar => (String::new(), theme.dim),
        }
    }
}
