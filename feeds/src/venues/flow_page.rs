//! Web pages that print fund flows as a table, one page an asset: how they are asked and understood.

use std::time::Duration;

use market::{Payload, Timestamp};
use smol_str::SmolStr;

use crate::config::FeedConfig;
use crate::flow_grid::{FlowGrid, GridRow, is_no_day, is_ticker, is_total, without_notes};
use crate::import::dates::{Order, read_day};
use crate::import::numbers::{Cell, Commas, read_cell};
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

use super::flow_ledger::FlowLedger;
use super::tables::{Rows, tables_of, title_of};
use super::wire::text;

/// One page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// The coin that the page's funds hold.
    pub(super) asset: &'static str,
    /// The page's path.
    pub(super) path: &'static str,
}

/// What a source of pages is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// Its pages.
    pub(super) pages: &'static [Page],
    /// Between two rounds.
    pub(super) every: Duration,
    /// The least between two rounds.
    pub(super) least_every: Duration,
    /// Between two pages.
    pub(super) spacing: Duration,
}

/// Asks for a site's pages and reads their tables.
pub(super) struct FlowPages {
    site: Site,
    wanted: Vec<Page>,
    left: Vec<Page>,
    ledger: FlowLedger,
}

impl FlowPages {
    /// Follows the assets that `config` wants.
    pub(super) fn new(site: Site, config: &FeedConfig) -> Self {
        let wanted = site.pages.iter().copied().filter(|page| config.instruments.wants(page.asset)).collect();
        Self { site, wanted, left: Vec::new(), ledger: FlowLedger::default() }
    }
}

impl Decoder for FlowPages {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let request = payload.request().ok_or(DecodeError::Unknown)?;
        let page = self.site.pages.iter().find(|page| page.path == request).ok_or(DecodeError::Unknown)?;
        let (grid, mut refused) = read_page(text(payload)?)?;
        let checked = grid.check(true);
        refused.extend(checked.refused.iter().map(|(number, words)| format!("row {number}: {words}")));
        let kind = FlowLedger::verdict(checked.days.len(), refused)?;
        self.ledger.tell(page.asset, checked.days, out);
        Ok(kind)
    }
}

impl PollProtocol for FlowPages {
    fn every(&self) -> Duration {
        self.site.every
    }

    fn least_every(&self) -> Duration {
        self.site.least_every
    }

    fn spacing(&self) -> Duration {
        self.site.spacing
    }

    fn begin(&mut self, _now: Timestamp) {
        self.left = self.wanted.iter().rev().copied().collect();
    }

    fn next_ask(&mut self) -> Option<Ask> {
        self.left.pop().map(|page| Ask::get(page.path))
    }
}

/// The table of flows on a page, and its rows that are none.
fn read_page(html: &str) -> Result<(FlowGrid, Vec<String>), DecodeError> {
    let tables = tables_of(html);
    let grids = tables.iter().filter_map(read_table);
    grids.max_by_key(|(grid, _)| grid.rows.len()).ok_or_else(|| {
        let what = match title_of(html) {
            Some(title) => format!("a page called {:?}", title.chars().take(80).collect::<String>()),
            None => format!("{} bytes without a title", html.len()),
        };
        DecodeError::Page {
            reason: format!("{what}, with no table that has days and at least two funds, each once"),
        }
    })
}

/// A table as flows; `None` where it is about something else.
fn read_table(rows: &Rows) -> Option<(FlowGrid, Vec<String>)> {
    let is_day = |row: &Vec<String>| row.first().is_some_and(|cell| read_day(cell, Order::Unknown).is_ok());
    let first_day = rows.iter().position(is_day)?;
    let tickers = |row: &[String]| row.iter().skip(1).filter(|cell| is_ticker(without_notes(cell))).count();
    let head = rows[..first_day].iter().max_by_key(|row| tickers(row)).filter(|row| tickers(row) >= 2)?;
    let columns: Vec<(usize, SmolStr)> = head
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, cell)| is_ticker(without_notes(cell)))
        .map(|(at, cell)| (at, SmolStr::new(without_notes(cell))))
        .collect();
    let is_twice =
        |(at, (_, fund)): (usize, &(usize, SmolStr))| columns[..at].iter().any(|(_, other)| other == fund);
    if columns.iter().enumerate().any(is_twice) {
        return None;
    }
    let total = rows[..first_day]
        .iter()
        .find_map(|row| row.iter().skip(1).position(|cell| is_total(without_notes(cell))));
    let total = total.map(|at| at + 1);
    let mut grid = FlowGrid { has_totals: total.is_some(), ..FlowGrid::default() };
    grid.funds = columns.iter().map(|(_, fund)| fund.clone()).collect();
    let mut refused = Vec::new();
    for (at, row) in rows.iter().enumerate().skip(first_day) {
        let label = row.first().map_or("", |cell| without_notes(cell));
        if is_no_day(label) {
            continue;
        }
        match read_row(row, &columns, total) {
            Ok((date, cells, total)) => grid.rows.push(GridRow { number: at + 1, date, cells, total }),
            Err(words) => refused.push(format!("row {} ({label:.20}): {words}", at + 1)),
        }
    }
    Some((grid, refused))
}

fn read_row(
    row: &[String],
    columns: &[(usize, SmolStr)],
    total: Option<usize>,
) -> Result<(market::Date, Vec<Cell>, Cell), String> {
    let date = read_day(row.first().map_or("", String::as_str), Order::Unknown)?;
    let width = 1 + columns.iter().map(|(at, _)| *at).chain(total).max().unwrap_or(0);
    if row.len() < width {
        return Err(format!("{} cells under {width} columns", row.len()));
    }
    let read = |at: usize, what: &str| {
        read_cell(&row[at], Commas::Thousands)
            .map_err(|problem| format!("{what} is {:?}, {problem}", row[at]))
    };
    let cells = columns.iter().map(|(at, fund)| read(*at, fund)).collect::<Result<_, _>>()?;
    let total = total.map_or(Ok(Cell::Blank), |at| read(at, "the total"))?;
    Ok((date, cells, total))
}
