//! The institutions' side: fund flows by day, and coins in companies' treasuries.

use std::time::Duration;

use market::{FlowStatus, Treasury};

use super::draw_rule;
use crate::figures::{count, date, day, quantity, usd};
use crate::levels::{self, DayOfFunds};
use crate::panel::View;
use crate::pen::Pen;
use crate::plan::{Column, numbers, place, words};
use crate::signs::{draw_bar, millions, signed_usd, style_of};
use crate::watch;

/// A quarter and the weeks until it is told.
const QUARTER: Duration = Duration::from_hours(135 * 24);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FundField {
    Day,
    Date,
    Mark,
    Total,
    Bar,
    Cumulative,
}

/// Column sets of the days, richest first.
#[rustfmt::skip]
const FUND_PLANS: &[&[Column<FundField>]] = &[
    &[words(FundField::Date, 11, 11), words(FundField::Mark, 1, 1), numbers(FundField::Total, 8), words(FundField::Bar, 11, 31), numbers(FundField::Cumulative, 7)],
    &[words(FundField::Day, 6, 6), words(FundField::Mark, 1, 1), numbers(FundField::Total, 8), words(FundField::Bar, 5, 11), numbers(FundField::Cumulative, 7)],
    &[words(FundField::Day, 6, 6), words(FundField::Mark, 1, 1), numbers(FundField::Total, 8), numbers(FundField::Cumulative, 7)],
    &[words(FundField::Day, 6, 6), numbers(FundField::Total, 8)],
    &[numbers(FundField::Total, 8)],
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HolderField {
    Holder,
    Ticker,
    Quantity,
    AsOf,
    Source,
}

/// Column sets of the treasuries, richest first.
#[rustfmt::skip]
const HOLDER_PLANS: &[&[Column<HolderField>]] = &[
    &[words(HolderField::Holder, 14, 26), words(HolderField::Ticker, 6, 8), numbers(HolderField::Quantity, 8), words(HolderField::AsOf, 11, 11),
        words(HolderField::Source, 9, 16)],
    &[words(HolderField::Holder, 9, 24), numbers(HolderField::Quantity, 8), words(HolderField::AsOf, 11, 11)],
    &[words(HolderField::Holder, 8, 24), numbers(HolderField::Quantity, 8), words(HolderField::AsOf, 6, 11)],
    &[words(HolderField::Holder, 6, 24), numbers(HolderField::Quantity, 8)],
    &[words(HolderField::Holder, 1, 24)],
];

/// Fund flows by day, newest first, with the sum of all days up to each.
pub(super) fn draw_funds(pen: &mut Pen<'_>, assets: &[&str], view: &View<'_>) {
    let theme = view.theme;
    let days = levels::funds(&view.board.desk, assets);
    let title = match days.first() {
        Some(first) if pen.width() < 56 => format!(" ETF, USD m, sum since {} ", date(first.date)),
        Some(first) => format!(" {} funds, USD m, sum since {} ", assets.join("+"), date(first.date)),
        None => format!(" {} funds ", assets.join("+")),
    };
    draw_rule(pen, &title, theme);
    if days.is_empty() {
        pen.text(1, 1, "no flow has been told", theme.dim);
        return;
    }
    let slots = place(FUND_PLANS, 1, pen.width());
    let rows = usize::from(pen.height().saturating_sub(2));
    let shown: Vec<&DayOfFunds> = days.iter().rev().take(rows).collect();
    let largest = shown.iter().map(|day| day.total.get().abs()).fold(0.0, f64::max);
    for (field, slot) in &slots {
        let header = match field {
            FundField::Day | FundField::Date => "day".to_owned(),
            FundField::Mark => String::new(),
            FundField::Total => "flow".to_owned(),
            FundField::Bar => format!("max {}", usd(largest)),
            FundField::Cumulative => "sum".to_owned(),
        };
        pen.cell(*slot, 1, &header, theme.label);
    }
    for (funds, y) in shown.into_iter().zip(2..) {
        let flow = Some(funds.total.get());
        for &(field, slot) in &slots {
            match field {
                FundField::Day => pen.cell(slot, y, &day(funds.date), theme.dim),
                FundField::Date => pen.cell(slot, y, &date(funds.date), theme.dim),
                FundField::Mark if funds.status == FlowStatus::Provisional => {
                    pen.cell(slot, y, "p", theme.warn);
                }
                FundField::Mark => {}
                FundField::Total => {
                    pen.cell(slot, y, &millions(funds.total.get()), style_of(flow, theme));
                }
                FundField::Bar => draw_bar(pen, (slot, y), flow, largest, theme),
                FundField::Cumulative => {
                    pen.cell(slot, y, &signed_usd(funds.cumulative.get()), theme.text);
                }
            }
        }
    }
}

/// The largest holders, under the sum over all of them.
pub(super) fn draw_treasuries(pen: &mut Pen<'_>, asset: &str, view: &View<'_>) {
    let (theme, now) = (view.theme, view.board.now);
    let holders: Vec<&Treasury> =
        view.board.desk.treasuries.iter().filter(|treasury| treasury.asset == asset).collect();
    let coins: f64 = holders.iter().map(|treasury| treasury.quantity.get()).sum();
    let title = match holders.len() {
        0 => format!(" {asset} treasuries "),
        holders => format!(" {asset} treasuries: {} in {} ", quantity(coins), count(holders as u64)),
    };
    draw_rule(pen, &title, theme);
    if holders.is_empty() {
        pen.text(1, 1, "no holding has been told", theme.dim);
        return;
    }
    let slots = place(HOLDER_PLANS, 1, pen.width());
    for (field, slot) in &slots {
        let header = match field {
            HolderField::Holder => "holder",
            HolderField::Ticker => "ticker",
            HolderField::Quantity => "coins",
            HolderField::AsOf => "as of",
            HolderField::Source => "source",
        };
        pen.cell(*slot, 1, header, theme.label);
    }
    for (treasury, y) in holders.into_iter().zip(2..pen.height().max(2)) {
        for &(field, slot) in &slots {
            let (text, style) = match field {
                HolderField::Holder => (treasury.holder.to_string(), theme.text),
                HolderField::Ticker => {
                    (treasury.ticker.as_ref().map(ToString::to_string).unwrap_or_default(), theme.dim)
                }
                HolderField::Quantity => (quantity(treasury.quantity.get()), theme.text),
                HolderField::AsOf if slot.width < 11 => (day(treasury.as_of), theme.dim),
                HolderField::AsOf => (date(treasury.as_of), theme.dim),
                HolderField::Source => {
                    (watch::name_in(view.board, treasury.source.as_str(), slot.width), theme.dim)
                }
            };
            // A company tells its coins by the quarter at least.
            let is_old = field == HolderField::AsOf && now.since(treasury.as_of.start()) > QUARTER;
            pen.cell(slot, y, &text, if is_old { theme.warn } else { style });
        }
    }
}
