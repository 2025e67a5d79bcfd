//! Miners on their way to hosting AI: their shares, what mining earns, and what AI hosting pays beside it.

use std::time::Duration;

use market::{Board, Deal, Mining, PowerMeasure, Service, Standing, StockRow, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::figures::{age, count, date, dollars, percent, price, share_price, usd};
use crate::list::{Scroll, by_size, shown_of};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot};
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::prices::{self, Best};
use crate::signs::{UNKNOWN, gain_or_unknown, style_of};
use crate::theme::Theme;
use crate::watch;

/// Nine blocks' time without one is one time in eight thousand: by then the chain's source is more likely
/// at fault than the miners.
const TIP_STALE_AFTER: Duration = Duration::from_mins(90);
/// Rows of the table from which contracts have a place below it even where the stocks fill it.
const DEALS_FROM: u16 = 14;
/// Rows the contracts take at least: a rule, a header, mining, and one contract.
const DEALS_MIN: u16 = 4;
/// Rows the contracts may take from stocks that fill the table.
const DEALS_SHARE: u16 = 5;

/// The panel. It owns the order of the stocks, which face it shows and how far its list is scrolled.
#[derive(Clone, Debug, Default)]
pub struct Miners {
    order: usize,
    face: Face,
    scroll: Scroll,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Face {
    /// Stocks, and contracts below them where there is room.
    #[default]
    Stocks,
    /// Contracts alone.
    Deals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Symbol,
    Name,
    Role,
    Price,
    Standing,
    Age,
    OneDay,
    FiveDays,
    ThirtyDays,
    Beta,
    Residual,
    Deal,
    PerMegawatt,
}

/// What stocks may be ordered by; `None` is the desk's own order.
const ORDERS: [Option<Field>; 7] = [
    None,
    Some(Field::OneDay),
    Some(Field::FiveDays),
    Some(Field::ThirtyDays),
    Some(Field::Beta),
    Some(Field::Residual),
    Some(Field::PerMegawatt),
];

const SYMBOL: Column<Field> = words(Field::Symbol, 5, 6);
const ROLE: Column<Field> = words(Field::Role, 7, 11);
const PRICE: Column<Field> = numbers(Field::Price, 9);
const STANDING: Column<Field> = words(Field::Standing, 5, 5);
const AGE: Column<Field> = numbers(Field::Age, 6);
const ONE: Column<Field> = numbers(Field::OneDay, 7);
const FIVE: Column<Field> = numbers(Field::FiveDays, 7);
const THIRTY: Column<Field> = numbers(Field::ThirtyDays, 7);
const BETA: Column<Field> = numbers(Field::Beta, 17);
const RESIDUAL: Column<Field> = numbers(Field::Residual, 7);
const PER_MEGAWATT: Column<Field> = numbers(Field::PerMegawatt, 6);

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[SYMBOL, words(Field::Name, 12, 22), ROLE, PRICE, words(Field::Standing, 12, 12), AGE, ONE, FIVE, THIRTY, BETA, RESIDUAL,
        words(Field::Deal, 24, 48), PER_MEGAWATT],
    &[SYMBOL, words(Field::Name, 10, 14), ROLE, PRICE, STANDING, AGE, ONE, FIVE, THIRTY, BETA, RESIDUAL, words(Field::Deal, 24, 30), PER_MEGAWATT],
    &[SYMBOL, words(Field::Name, 10, 14), ROLE, PRICE, STANDING, AGE, ONE, FIVE, THIRTY, BETA, RESIDUAL, PER_MEGAWATT],
    &[SYMBOL, words(Field::Name, 10, 14), PRICE, STANDING, AGE, ONE, FIVE, THIRTY, BETA, RESIDUAL, PER_MEGAWATT],
    &[SYMBOL, PRICE, STANDING, AGE, ONE, FIVE, THIRTY, numbers(Field::Beta, 10), RESIDUAL, PER_MEGAWATT],
    &[SYMBOL, PRICE, STANDING, AGE, ONE, FIVE, THIRTY],
    &[SYMBOL, PRICE, STANDING, ONE, THIRTY],
    &[SYMBOL, PRICE, ONE],
    &[SYMBOL, ONE],
    &[SYMBOL],
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DealField {
    Announced,
    Parties,
    Service,
    Usd,
    Megawatts,
    Power,
    Years,
    PerMegawatt,
    Source,
}

const ANNOUNCED: Column<DealField> = words(DealField::Announced, 11, 11);
const DEAL_USD: Column<DealField> = numbers(DealField::Usd, 6);
const MEGAWATTS: Column<DealField> = numbers(DealField::Megawatts, 6);
const SERVICE: Column<DealField> = words(DealField::Service, 5, 10);
const POWER: Column<DealField> = words(DealField::Power, 5, 5);
const YEARS: Column<DealField> = numbers(DealField::Years, 5);
const DEAL_PER_MEGAWATT: Column<DealField> = numbers(DealField::PerMegawatt, 6);

/// Column sets of the contracts, richest first.
#[rustfmt::skip]
const DEAL_PLANS: &[&[Column<DealField>]] = &[
    &[ANNOUNCED, words(DealField::Parties, 22, 40), words(DealField::Service, 10, 10), DEAL_USD, MEGAWATTS, POWER, YEARS, DEAL_PER_MEGAWATT,
        words(DealField::Source, 20, 60)],
    &[ANNOUNCED, words(DealField::Parties, 20, 40), SERVICE, DEAL_USD, MEGAWATTS, POWER, YEARS, DEAL_PER_MEGAWATT],
    &[words(DealField::Parties, 16, 40), SERVICE, DEAL_USD, MEGAWATTS, YEARS, DEAL_PER_MEGAWATT],
    &[words(DealField::Parties, 10, 40), DEAL_PER_MEGAWATT],
    &[words(DealField::Parties, 1, 40)],
];

impl Panel for Miners {
    fn id(&self) -> &'static str {
        "miners"
    }

    fn title(&self) -> &'static str {
        "Miners → AI"
    }

    fn act(&mut self, action: Action, _board: &Board) -> Reaction {
        match action {
            Action::NextColumn | Action::Right => self.turn(1),
            Action::Left => self.turn(ORDERS.len() - 1),
            Action::Toggle => {
                self.face = match self.face {
                    Face::Stocks => Face::Deals,
                    Face::Deals => Face::Stocks,
                };
                self.scroll.rewind();
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
            let title = Phrase::new(self.title(), theme.title);
            let mut phrases = vec![title];
            phrases.extend(prices::basket("basket", desk.miners, best(view), theme));
            phrases.extend(desk.mining.as_ref().map(|mining| hashprice(mining, view)));
            phrase::set(&mut pen, Lines { y: 0, rows: 1 }, &phrases, theme);
            return;
        }
        if desk.stocks.is_empty() && desk.mining.is_none() && desk.deals.is_empty() {
            Head { title: self.title(), note: "", tag: None }.draw(&mut pen, view);
            let remedy =
                "turn on feeds.yahoo or feeds.finnhub, and feeds.mempool-space or feeds.bitcoin-node";
            let lines = watch::untold(view.board, "no share price and no chain tip has been told", remedy);
            watch::draw_untold(&mut pen, &lines, view);
            return;
        }
        let height = pen.height();
        let said = match height {
            ..6 => 0,
            6..12 => 1,
            12..20 => 3,
            _ => 5,
        };
        let taken = phrase::set(&mut pen, Lines { y: 1, rows: said }, &headline(view), theme);
        let body = height.saturating_sub(1 + taken);
        let stocks = ordered(&desk.stocks, ORDERS[self.order]);
        let shown = match self.face {
            Face::Deals => {
                let shown = self.scroll.show(desk.deals.len(), body.saturating_sub(2));
                draw_deals(&mut pen.below(1 + taken), shown.start, view);
                shown
            }
            Face::Stocks => {
                let deals = rows_for_deals(body.saturating_sub(1), stocks.len(), desk.deals.len());
                let rows = body.saturating_sub(1 + deals);
                let shown = self.scroll.show(stocks.len(), rows);
                self.draw_stocks(&mut pen.below(1 + taken), &stocks[shown.clone()], view);
                if deals > 0 {
                    let y = 1 + taken + 1 + (shown.len() as u16).max(1);
                    draw_rule(&mut pen, y, theme);
                    draw_deals(&mut pen.below(y + 1), 0, view);
                }
                shown
            }
        };
        let (listed, what) = match self.face {
            Face::Stocks => (stocks.len(), "stocks"),
            Face::Deals => (desk.deals.len(), "contracts"),
        };
        let mut notes = vec![format!("{listed} {what}")];
        if let (Face::Stocks, Some(field)) = (self.face, ORDERS[self.order]) {
            notes.push(format!("by {}", field.header()));
        }
        notes.extend(shown_of(&shown, listed));
        let stale = prices::stale_tag(desk.stocks.iter().map(|stock| stock.last.as_ref()));
        let tag = stale.as_deref().map(|words| (words, theme.warn));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut pen, view);
    }
}

impl Miners {
    fn turn(&mut self, step: usize) -> Reaction {
        if self.face == Face::Deals {
            return Reaction::Ignored;
        }
        self.order = (self.order + step) % ORDERS.len();
        self.scroll.rewind();
        Reaction::Redraw
    }

    /// The header and the stocks below it.
    fn draw_stocks(&self, pen: &mut Pen<'_>, stocks: &[&StockRow], view: &View<'_>) {
        let theme = view.theme;
        let slots = place(PLANS, 1, pen.width());
        for (field, slot) in &slots {
            let is_chosen = ORDERS[self.order] == Some(*field);
            pen.cell(*slot, 0, field.header(), if is_chosen { theme.accent } else { theme.label });
        }
        if stocks.is_empty() {
            pen.text(1, 1, "no stock is on the desk", theme.dim);
        }
        for (stock, y) in stocks.iter().zip(1..) {
            for &(field, slot) in &slots {
                let (text, style) = field.cell(stock, slot, view);
                pen.cell(slot, y, &text, style);
            }
        }
    }
}

/// How many of `rows` go to contracts below the stocks.
fn rows_for_deals(rows: u16, stocks: usize, deals: usize) -> u16 {
    let wanted = u16::try_from(deals + 3).unwrap_or(u16::MAX);
    let spare = rows.saturating_sub(u16::try_from(stocks.max(1)).unwrap_or(u16::MAX));
    if spare >= DEALS_MIN {
        spare.min(wanted)
    } else if rows >= DEALS_FROM {
        DEALS_SHARE.min(wanted)
    } else {
        0
    }
}

fn ordered(stocks: &[StockRow], order: Option<Field>) -> Vec<&StockRow> {
    let mut stocks: Vec<&StockRow> = stocks.iter().collect();
    if let Some(field) = order {
        stocks.sort_by(|a, b| by_size(field.figure(a), field.figure(b)));
    }
    stocks
}

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::Symbol => "",
            Self::Name => "company",
            Self::Role => "role",
            Self::Price => "USD",
            Self::Standing => "price",
            Self::Age => "age",
            Self::OneDay => "1d",
            Self::FiveDays => "5d",
            Self::ThirtyDays => "30d",
            Self::Beta => "β to BTC",
            Self::Residual => "resid",
            Self::Deal => "AI contract",
            Self::PerMegawatt => "$/MW-y",
        }
    }

    /// The figure that stocks are ordered by.
    fn figure(self, stock: &StockRow) -> Option<f64> {
        match self {
            Self::OneDay => stock.gains.one_day,
            Self::FiveDays => stock.gains.five_days,
            Self::ThirtyDays => stock.gains.thirty_days,
            Self::Beta => stock.beta.map(|beta| beta.beta),
            Self::Residual => stock.beta.and_then(|beta| beta.residual),
            Self::PerMegawatt => stock.deal_usd_per_mw_year,
            Self::Symbol
            | Self::Name
            | Self::Role
            | Self::Price
            | Self::Standing
            | Self::Age
            | Self::Deal => None,
        }
    }

    fn cell(self, stock: &StockRow, slot: Slot, view: &View<'_>) -> (String, Style) {
        let theme = view.theme;
        let last = stock.last.as_ref();
        match self {
            Self::Symbol => (stock.symbol.to_string(), theme.text.add_modifier(Modifier::BOLD)),
            Self::Name => (stock.name.to_string(), theme.dim),
            Self::Role => (stock.role.to_owned(), theme.dim),
            Self::Price => prices::price_cell(last, share_price, theme),
            Self::Standing => match last {
                Some(last) if last.standing == Standing::LastSession && slot.width < 12 => {
                    ("last".to_owned(), theme.dim)
                }
                None if slot.width < 8 => ("none".to_owned(), theme.dim),
                last => prices::standing_cell(last, theme),
            },
            Self::Age => prices::age_cell(last, view.board.now, theme),
            Self::OneDay | Self::FiveDays | Self::ThirtyDays => {
                prices::gain_cell(self.figure(stock), last, theme)
            }
            Self::Beta => match stock.beta {
                None => (UNKNOWN.to_owned(), theme.dim),
                Some(beta) if slot.width >= 17 => (
                    format!("{} ± {} ({})", ratio(beta.beta), ratio(beta.std_error), count(beta.days as u64)),
                    theme.text,
                ),
                Some(beta) => (format!("{} ±{}", ratio(beta.beta), ratio(beta.std_error)), theme.text),
            },
            Self::Residual => {
                let residual = self.figure(stock);
                (gain_or_unknown(residual), style_of(residual, theme))
            }
            Self::Deal => (stock.deal.clone().unwrap_or_default(), theme.text),
            Self::PerMegawatt => (stock.deal_usd_per_mw_year.map(usd).unwrap_or_default(), theme.text),
        }
    }
}

/// A plain ratio: `0.93`, `12.4`.
fn ratio(value: f64) -> String {
    if value.abs() < 9.995 { dollars(value, 2) } else { dollars(value, 1) }
}

/// The basket, what mining earns and on which assumptions, and the chain it is computed from.
fn headline(view: &View<'_>) -> Vec<Phrase> {
    let (desk, theme) = (&view.board.desk, view.theme);
    let mut phrases = prices::basket("miners", desk.miners, best(view), theme);
    let Some(mining) = &desk.mining else {
        phrases.push(Phrase::new("no chain tip yet: hashprice unknown", theme.dim));
        return phrases;
    };
    phrases.push(hashprice(mining, view));
    phrases.push(Phrase::new("mining", theme.label).and(&usd(mining.usd_per_mw_year), theme.text).and(
        &format!(
            "USD/MW-year before power at {} J/TH, {} uptime",
            dollars(mining.joules_per_terahash, 1),
            percent(mining.uptime)
        ),
        theme.label,
    ));
    let told = age(view.board.now.since(mining.chain.known_at));
    phrases.extend(tip(mining, view).map(|tip| tip.and(&format!("{} {told}", mining.chain.feed), theme.dim)));
    let at = (price as fn(f64) -> String, view.board.now);
    phrases.push(prices::say_price(Phrase::new("BTC", theme.label), &mining.bitcoin, at, theme));
    phrases.extend(chain(mining, theme));
    phrases
}

/// What the miners' basket is worth now.
pub(crate) fn best<'a>(view: &View<'a>) -> Best<'a> {
    let miners = view.board.desk.stocks.iter().filter(|stock| stock.role == "miner");
    Best::of(miners.map(|stock| stock.last.as_ref()), view.board.now)
}

/// `hashprice 53.21 USD/PH/s/day`, and whether what it is computed from is old.
pub(crate) fn hashprice(mining: &Mining, view: &View<'_>) -> Phrase {
    let theme = view.theme;
    let phrase = Phrase::new("hashprice", theme.title)
        .and(&dollars(mining.hashprice_usd, 2), theme.text)
        .and("USD/PH/s/day", theme.label);
    let is_stale = mining.bitcoin.standing == Standing::Stale || is_tip_stale(mining, view.board.now);
    if is_stale { phrase.and("stale", theme.warn) } else { phrase }
}

fn is_tip_stale(mining: &Mining, now: Timestamp) -> bool {
    let tip = mining.chain.observation.chain_tip();
    tip.is_none_or(|tip| now.since(tip.block_time) > TIP_STALE_AFTER)
}

/// The tip and when it was found: `tip 929,117 4m12s ago`.
pub(crate) fn tip(mining: &Mining, view: &View<'_>) -> Option<Phrase> {
    let (theme, now) = (view.theme, view.board.now);
    let chain = mining.chain.observation.chain_tip()?;
    let since = now.since(chain.block_time);
    let is_stale = is_tip_stale(mining, now);
    let style = if is_stale { theme.warn } else { theme.dim };
    let word = if is_stale { "stale " } else { "" };
    let tip = Phrase::new("tip", theme.title).and(&count(chain.height), theme.text);
    Some(tip.and(&format!("{word}{} ago", age(since)), style))
}

/// What else the chain tells.
fn chain(mining: &Mining, theme: &Theme) -> Vec<Phrase> {
    let Some(chain) = mining.chain.observation.chain_tip() else {
        return Vec::new();
    };
    let figure = |name: &str, value: &str, unit: &str| {
        Phrase::new(name, theme.label).and(value, theme.text).and(unit, theme.label)
    };
    let difficulty =
        chain.difficulty.map(|value| Phrase::new("difficulty", theme.label).and(&usd(value), theme.text));
    let mut phrases: Vec<Phrase> = difficulty.into_iter().collect();
    phrases.extend(chain.fees_btc.map(|fees| {
        figure("fees", &dollars(fees, 3), &format!("BTC/block over {}", count(u64::from(chain.fee_blocks))))
    }));
    phrases.extend(chain.fee_fast.map(|fee| figure("next block", &dollars(fee, 1), "sat/vB")));
    phrases.extend(chain.hash_rate.map(|rate| figure("hash rate", &dollars(rate / 1e18, 0), "EH/s")));
    phrases
}

fn draw_rule(pen: &mut Pen<'_>, y: u16, theme: &Theme) {
    pen.line(1, y, pen.width().saturating_sub(2), '╌', theme.border);
    let words = " AI hosting beside mining, revenue per MW and year ";
    pen.write(3, y, pen.width().saturating_sub(4), words, theme.label);
}

/// A header, mining, and the contracts from `first` on, to the end of the place.
fn draw_deals(pen: &mut Pen<'_>, first: usize, view: &View<'_>) {
    let (desk, theme) = (&view.board.desk, view.theme);
    let slots = place(DEAL_PLANS, 1, pen.width());
    for (field, slot) in &slots {
        pen.cell(*slot, 0, field.header(), theme.label);
    }
    for &(field, slot) in &slots {
        let text = field.of_mining(desk.mining.as_ref());
        pen.cell(slot, 1, &text, theme.text.add_modifier(Modifier::BOLD));
    }
    if desk.deals.is_empty() {
        pen.text(1, 2, "no contract is on record", theme.dim);
    }
    for (deal, y) in desk.deals.iter().skip(first).zip(2..pen.height().max(2)) {
        for &(field, slot) in &slots {
            let style = match field {
                DealField::Announced | DealField::Source | DealField::Service | DealField::Power => theme.dim,
                _ => theme.text,
            };
            pen.cell(slot, y, &field.of_deal(deal), style);
        }
    }
}

impl DealField {
    fn header(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Parties => "host ← customer",
            Self::Usd => "USD",
            Self::Megawatts => "MW",
            Self::Service => "sold",
            Self::Power => "power",
            Self::Years => "years",
            Self::PerMegawatt => "$/MW-y",
            Self::Source => "source",
        }
    }

    fn of_deal(self, deal: &Deal) -> String {
        match self {
            Self::Announced => date(deal.announced),
            Self::Parties => format!("{} ← {}", deal.host, deal.counterparty),
            Self::Usd => usd(deal.usd),
            Self::Megawatts => deal.megawatts.map_or(UNKNOWN.to_owned(), |power| dollars(power, 0)),
            Self::Service => match deal.service {
                Some(Service::Colocation) => "colocation",
                Some(Service::Cloud) => "cloud",
                None => UNKNOWN,
            }
            .to_owned(),
            Self::Power => match deal.power {
                Some(PowerMeasure::CriticalIt) => "IT",
                Some(PowerMeasure::Gross) => "gross",
                None => "",
            }
            .to_owned(),
            Self::Years => dollars(deal.years, usize::from(deal.years.fract() != 0.0)),
            Self::PerMegawatt => deal.usd_per_mw_year.map_or(UNKNOWN.to_owned(), usd),
            Self::Source => deal.source.clone(),
        }
    }

    fn of_mining(self, mining: Option<&Mining>) -> String {
        match self {
            Self::Parties => "mining, before power".to_owned(),
            Self::PerMegawatt => mining.map_or(UNKNOWN.to_owned(), |mining| usd(mining.usd_per_mw_year)),
            Self::Source => mining.map_or("no chain tip yet".to_owned(), |mining| {
                format!(
                    "hashprice, {} J/TH, {} uptime",
                    dollars(mining.joules_per_terahash, 1),
                    percent(mining.uptime)
                )
            }),
            Self::Announced | Self::Usd | Self::Megawatts | Self::Years => String::new(),
            // Hashprice knows machines by what they draw, not what the site does.
            Self::Power => "IT".to_owned(),
            Self::Service => "hashes".to_owned(),
        }
    }
}
