//! Institutions against leverage: what flowed into funds and sits in treasuries, beside funding, open
//! interest and liquidations.

mod institutions;

use std::collections::BTreeMap;

use market::{Board, ContractRow, Desk, Timestamp, WINDOWS};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::figures::{age, count, percent, price, usd};
use crate::levels::{self, FUNDED, STALE_AFTER, Taken};
use crate::list::{Scroll, shown_of};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot, width_of};
use crate::phrase::{self, Lines, Phrase};
use crate::plan::{Column, numbers, place, words};
use crate::signs::{UNKNOWN, gain_or_unknown, rate, style_of};
use crate::sums::{self, Line};
use crate::theme::Theme;
use crate::totals;
use crate::watch;

/// Width from which institutions stand beside leverage.
const BESIDE_FROM: u16 = 110;
/// Width from which treasuries stand beside flows under the contracts.
const HALVES_FROM: u16 = 70;

/// The panel. It owns the asset and how far the contracts are scrolled.
#[derive(Clone, Debug, Default)]
pub struct Leverage {
    /// The asset the reader chose; all of them until then.
    asset: Option<String>,
    scroll: Scroll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Venue,
    Instrument,
    Mark,
    Funding,
    Every,
    Annualised,
    FundingAge,
    OpenInterest,
    InterestAge,
}

const VENUE: Column<Field> = words(Field::Venue, 8, 14);
const INSTRUMENT: Column<Field> = words(Field::Instrument, 9, 14);
const MARK: Column<Field> = numbers(Field::Mark, 10);
const FUNDING: Column<Field> = numbers(Field::Funding, 8);
const EVERY: Column<Field> = numbers(Field::Every, 4);
const ANNUALISED: Column<Field> = numbers(Field::Annualised, 7);
const FUNDING_AGE: Column<Field> = numbers(Field::FundingAge, 6);
const OPEN_INTEREST: Column<Field> = numbers(Field::OpenInterest, 6);
const INTEREST_AGE: Column<Field> = numbers(Field::InterestAge, 6);

/// Column sets, richest first.
const PLANS: &[&[Column<Field>]] = &[
    &[VENUE, INSTRUMENT, MARK, FUNDING, EVERY, ANNUALISED, FUNDING_AGE, OPEN_INTEREST, INTEREST_AGE],
    &[VENUE, INSTRUMENT, FUNDING, EVERY, ANNUALISED, FUNDING_AGE, OPEN_INTEREST, INTEREST_AGE],
    &[VENUE, INSTRUMENT, FUNDING, EVERY, ANNUALISED, OPEN_INTEREST, INTEREST_AGE],
    &[VENUE, INSTRUMENT, ANNUALISED, OPEN_INTEREST, INTEREST_AGE],
    &[VENUE, ANNUALISED, OPEN_INTEREST],
    &[words(Field::Venue, 5, 8), OPEN_INTEREST],
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LiquidationField {
    Window,
    Long,
    Short,
    Bar,
    Coverage,
}

/// Columns of the liquidations.
const LIQUIDATION_PLANS: &[&[Column<LiquidationField>]] = &[&[
    words(LiquidationField::Window, 3, 6),
    numbers(LiquidationField::Long, 7),
    numbers(LiquidationField::Short, 7),
    words(LiquidationField::Bar, 10, 40),
    numbers(LiquidationField::Coverage, 5),
]];
/// Rows of the liquidations: a rule, a header, and a row for each window.
const LIQUIDATIONS: u16 = 2 + sums::COUNT as u16;

impl LiquidationField {
    fn header(self) -> &'static str {
        match self {
            Self::Window => "",
            Self::Long => "▼ long",
            Self::Short => "▲ short",
            Self::Bar => "▼ : ▲",
            Self::Coverage => "cov",
        }
    }
}

impl Panel for Leverage {
    fn id(&self) -> &'static str {
        "leverage"
    }

    fn title(&self) -> &'static str {
        "Leverage"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        match action {
            Action::NextColumn | Action::Right => self.turn(1, board),
            Action::Left => self.turn(-1, board),
            Action::Toggle => Reaction::Ignored,
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
                self.scroll.act(action)
            }
        }
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let (board, theme) = (view.board, view.theme);
        let desk = &*board.desk;
        let asset = self.asset.as_deref();
        let contracts: Vec<&ContractRow> = desk
            .contracts
            .iter()
            .filter(|row| asset.is_none_or(|asset| row.instrument.asset() == asset))
            .collect();
        let taken = levels::taken(&contracts);
        let funds = asset.map_or(FUNDED.to_vec(), |asset| vec![asset]);
        let mut pen = Pen::new(buf, area);
        let liquidated = levels::liquidated(board, asset);
        let headline = [
            levels::say_funds(desk, &funds, board.now, theme),
            levels::say_open_interest(&taken, board.now, theme),
            levels::say_funding(&taken, theme),
            levels::say_liquidated(liquidated.as_ref(), theme),
        ];
        if pen.height() == 1 {
            let title = Phrase::new(self.title(), theme.title);
            let phrases: Vec<Phrase> = std::iter::once(title).chain(headline).collect();
            phrase::set(&mut pen, Lines { y: 0, rows: 1 }, &phrases, theme);
            return;
        }
        let said = match pen.height() {
            ..4 => 1,
            4..16 => 2,
            _ => 3,
        };
        let taken_rows = phrase::set(&mut pen, Lines { y: 1, rows: said }, &headline, theme);
        let width = pen.width();
        let body = pen.below(1 + taken_rows).area();
        let sheet = Sheet { contracts: &contracts, taken: &taken, view };
        let places = Places::of(body, contracts.len());
        let rows = places.contracts.height.saturating_sub(2);
        let shown = self.scroll.show(contracts.len(), rows);
        if width > 0 {
            sheet.draw_contracts(&mut Pen::new(buf, places.contracts), &contracts[shown.clone()]);
            if let Some(line) = &liquidated {
                sheet.draw_liquidations(&mut Pen::new(buf, places.liquidations), line);
            }
            institutions::draw_funds(&mut Pen::new(buf, places.funds), &funds, view);
            institutions::draw_treasuries(
                &mut Pen::new(buf, places.treasuries),
                asset.unwrap_or(FUNDED[0]),
                view,
            );
        }
        let mut notes = vec![asset.unwrap_or("all assets").to_owned(), "USD".to_owned()];
        notes.extend(shown_of(&shown, contracts.len()));
        let stale = taken
            .open_interest
            .filter(|(_, oldest)| board.now.since(*oldest) > STALE_AFTER)
            .map(|(_, oldest)| format!("stale {}", age(board.now.since(oldest))));
        let tag = stale.as_deref().map(|words| (words, theme.warn));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut Pen::new(buf, area), view);
    }
}

impl Leverage {
    fn turn(&mut self, by: isize, board: &Board) -> Reaction {
        let assets = ranking(&board.desk);
        let Some(length) = isize::try_from(assets.len()).ok().filter(|length| *length > 0) else {
            return Reaction::redraw_if(self.asset.take().is_some());
        };
        // The place before the first asset is all of them.
        let chosen = self.asset.as_deref();
        let at = assets.iter().position(|asset| Some(*asset) == chosen).map_or(0, |at| at as isize + 1);
        let to = (at + by).rem_euclid(length + 1);
        self.asset =
            usize::try_from(to - 1).ok().and_then(|to| assets.get(to)).map(|asset| (*asset).to_owned());
        self.scroll.rewind();
        Reaction::Redraw
    }
}

/// The contracts' assets, the largest open interest first, then by name.
fn ranking(desk: &Desk) -> Vec<&str> {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for contract in &desk.contracts {
        let size = contract.open_interest.map_or(0, |(size, _)| size.as_micros());
        *sums.entry(contract.instrument.asset()).or_default() += size;
    }
    let mut ranked: Vec<(&str, i128)> = sums.into_iter().collect();
    ranked.sort_by_key(|(_, size)| -size);
    ranked.into_iter().map(|(asset, _)| asset).collect()
}

/// Where each block goes.
struct Places {
    contracts: Rect,
    /// Empty where the headline has to do.
    liquidations: Rect,
    funds: Rect,
    treasuries: Rect,
}

impl Places {
    fn of(body: Rect, contracts: usize) -> Self {
        let wanted = u16::try_from(contracts.max(1) + 2).unwrap_or(u16::MAX);
        if body.width >= BESIDE_FROM {
            let left = Rect { width: (body.width * 2 / 5).min(80), ..body };
            let right = Rect { x: left.right() + 1, width: body.width - left.width - 1, ..body };
            let upper = (left.height * 3 / 5).max(left.height.min(4));
            let funds = Rect { height: upper, ..left };
            let treasuries = Rect { y: funds.bottom(), height: left.height - upper, ..left };
            let spare = right.height.saturating_sub(wanted);
            let height = if spare >= LIQUIDATIONS { LIQUIDATIONS } else { 0 };
            let contracts = Rect { height: wanted.min(right.height), ..right };
            let liquidations = Rect { y: contracts.bottom(), height, ..right };
            return Self { contracts, liquidations, funds, treasuries };
        }
        let liquidations = Rect::default();
        let half = (body.height / 2).max(body.height.min(3));
        let upper = wanted.min(half.max(body.height.saturating_sub(8)));
        let contracts = Rect { height: upper.min(body.height), ..body };
        let below = Rect { y: contracts.bottom(), height: body.height - contracts.height, ..body };
        if body.width >= HALVES_FROM {
            let funds = Rect { width: below.width / 2, ..below };
            let treasuries = Rect { x: funds.right() + 1, width: below.width - funds.width - 1, ..below };
            return Self { contracts, liquidations, funds, treasuries };
        }
        let funds = Rect { height: (below.height * 3 / 5).max(below.height.min(3)), ..below };
        let treasuries = Rect { y: funds.bottom(), height: below.height - funds.height, ..below };
        Self { contracts, liquidations, funds, treasuries }
    }
}

/// What the blocks show.
struct Sheet<'a> {
    contracts: &'a [&'a ContractRow],
    taken: &'a Taken,
    view: &'a View<'a>,
}

impl Sheet<'_> {
    /// A header, the sum, and the contracts on screen.
    fn draw_contracts(&self, pen: &mut Pen<'_>, shown: &[&ContractRow]) {
        let theme = self.view.theme;
        let slots = place(PLANS, 1, pen.width());
        for (field, slot) in &slots {
            pen.cell(*slot, 0, field.header(), theme.label);
        }
        if self.contracts.is_empty() {
            let board = self.view.board;
            let remedy = "turn on feeds.binance-context, feeds.binance-open-interest or feeds.bybit-linear";
            let lines = watch::untold(board, "no funding and no open interest has been told", remedy);
            watch::draw_untold(pen, &lines, self.view);
            return;
        }
        for &(field, slot) in &slots {
            let (text, style) = self.sum_cell(field, slot);
            pen.cell(slot, 1, &text, style.add_modifier(Modifier::BOLD));
        }
        for (contract, y) in shown.iter().zip(2..) {
            for &(field, slot) in &slots {
                let (text, style) = self.cell(field, slot, contract);
                pen.cell(slot, y, &text, style);
            }
        }
    }

    fn ago(&self, moment: Timestamp) -> String {
        age(self.view.board.now.since(moment))
    }

    fn interest_age(&self, told: Timestamp) -> (String, Style) {
        let theme = self.view.theme;
        let is_stale = self.view.board.now.since(told) > STALE_AFTER;
        (self.ago(told), if is_stale { theme.warn } else { theme.dim })
    }

    fn cell(&self, field: Field, slot: Slot, contract: &ContractRow) -> (String, Style) {
        let theme = self.view.theme;
        let unknown = (UNKNOWN.to_owned(), theme.dim);
        match field {
            Field::Venue => {
                (watch::name_in(self.view.board, contract.venue.as_str(), slot.width), theme.text)
            }
            Field::Instrument => {
                let name = contract.instrument.to_string();
                let fits = width_of(&name) <= slot.width;
                (if fits { name } else { crate::tape::pair(&contract.instrument) }, theme.text)
            }
            Field::Mark => contract.mark.map_or(unknown, |(mark, _)| (price(mark.get()), theme.dim)),
            Field::Funding => {
                contract.funding.map_or(unknown, |(paid, ..)| (rate(paid), style_of(Some(paid), theme)))
            }
            Field::Every => match contract.funding {
                Some((_, Some(hours), _)) => (format!("{}h", quantity_of_hours(hours)), theme.dim),
                Some((_, None, _)) | None => unknown,
            },
            Field::Annualised => (gain_or_unknown(contract.annualised), style_of(contract.annualised, theme)),
            // A rate is told when it changes, so its age is no fault and has no colour.
            Field::FundingAge => contract.funding.map_or(unknown, |(_, _, told)| (self.ago(told), theme.dim)),
            Field::OpenInterest => {
                contract.open_interest.map_or(unknown, |(size, _)| (usd(size.get()), theme.text))
            }
            Field::InterestAge => contract.open_interest.map_or(unknown, |(_, told)| self.interest_age(told)),
        }
    }

    fn sum_cell(&self, field: Field, slot: Slot) -> (String, Style) {
        let (theme, taken) = (self.view.theme, self.taken);
        match field {
            Field::Venue => {
                let noun = if taken.venues == 1 { "venue" } else { "venues" };
                let name = format!("{} {noun}", taken.venues);
                (if width_of(&name) <= slot.width { name } else { taken.venues.to_string() }, theme.text)
            }
            Field::Instrument if taken.missing > 0 => {
                (format!("{} no OI", count(taken.missing as u64)), theme.warn)
            }
            Field::Instrument => {
                let contracts = self.contracts.len();
                let noun = if contracts == 1 { "contract" } else { "contracts" };
                (format!("{} {noun}", count(contracts as u64)), theme.text)
            }
            Field::Annualised => (gain_or_unknown(taken.annualised), style_of(taken.annualised, theme)),
            Field::OpenInterest => {
                (taken.open_interest.map_or(UNKNOWN.to_owned(), |(sum, _)| usd(sum.get())), theme.text)
            }
            Field::InterestAge => taken
                .open_interest
                .map_or((String::new(), theme.dim), |(_, oldest)| self.interest_age(oldest)),
            Field::Funding => ("by OI".to_owned(), theme.label),
            Field::Mark | Field::Every | Field::FundingAge => (String::new(), theme.dim),
        }
    }

    /// Both sides' liquidations in each window.
    fn draw_liquidations(&self, pen: &mut Pen<'_>, line: &Line) {
        let theme = self.view.theme;
        draw_rule(pen, " liquidated, USD ", theme);
        let slots = place(LIQUIDATION_PLANS, 1, pen.width());
        for (field, slot) in &slots {
            pen.cell(*slot, 1, field.header(), theme.label);
        }
        for (window, y) in (0..sums::COUNT).zip(2..) {
            for &(field, slot) in &slots {
                let of = (line, window);
                match field {
                    LiquidationField::Window => pen.cell(slot, y, WINDOWS[window].label, theme.dim),
                    LiquidationField::Long => {
                        pen.cell(slot, y, &totals::sum(&line.long[window], of), theme.long);
                    }
                    LiquidationField::Short => {
                        pen.cell(slot, y, &totals::sum(&line.short[window], of), theme.short);
                    }
                    LiquidationField::Bar => totals::draw_bar(pen, (slot, y), line, window, theme),
                    LiquidationField::Coverage => {
                        let share = line.coverage[window];
                        pen.cell(slot, y, &percent(share), if share < 0.95 { theme.warn } else { theme.dim });
                    }
                }
            }
        }
    }
}

fn draw_rule(pen: &mut Pen<'_>, title: &str, theme: &Theme) {
    pen.line(1, 0, pen.width().saturating_sub(2), '╌', theme.border);
    pen.write(3, 0, pen.width().saturating_sub(4), title, theme.label);
}

/// Hours between two payments: `8`, `0.5`.
fn quantity_of_hours(hours: f64) -> String {
    if hours.fract() == 0.0 { format!("{hours:.0}") } else { format!("{hours:.1}") }
}

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::Venue => "venue",
            Self::Instrument => "contract",
            Self::Mark => "mark",
            Self::Funding => "funding",
            Self::Every => "per",
            Self::Annualised => "p.a.",
            Self::FundingAge | Self::InterestAge => "age",
            Self::OpenInterest => "OI $",
        }
    }
}
