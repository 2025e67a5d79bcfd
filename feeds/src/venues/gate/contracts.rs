//! How many base units one Gate contract is, fetched page by page.

use std::collections::BTreeMap;

use market::Instrument;
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::symbols::is_plain;
use crate::venues::wire::{Scalar, wrong};

/// Contracts asked for at once. Gate listed some 700 in 2026.
const PAGE: usize = 1_000;
/// More pages than this is a server that repeats itself.
const MOST_PAGES: usize = 10;

/// One contract of `/api/v4/futures/usdt/contracts`.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    name: Option<Scalar<'a>>,
    /// Base units a contract; zero for inverse ones.
    #[serde(borrow)]
    quanto_multiplier: Option<Scalar<'a>>,
    /// Seconds.
    #[serde(borrow)]
    funding_interval: Option<Scalar<'a>>,
    in_delisting: Option<bool>,
}

/// The contracts that Gate lists. They stay when fetched anew, so that decoding never pauses.
#[derive(Debug)]
pub(super) struct Contracts {
    rest_url: String,
    listed: BTreeMap<SmolStr, Entry>,
    /// The page that is wanted next; `None` when all are in.
    next_page: Option<usize>,
}

#[derive(Debug)]
struct Entry {
    base_units: f64,
    funding_hours: Option<f64>,
    is_trading: bool,
}

impl Contracts {
    pub(super) fn new(rest_url: &str) -> Self {
        let rest_url = rest_url.trim_end_matches('/').to_owned();
        Self { rest_url, listed: BTreeMap::new(), next_page: Some(0) }
    }

    pub(super) fn start_over(&mut self) {
        self.next_page = Some(0);
    }

    pub(super) fn next_request(&self) -> Option<String> {
        let offset = self.next_page? * PAGE;
        Some(format!("{}/api/v4/futures/usdt/contracts?limit={PAGE}&offset={offset}", self.rest_url))
    }

    /// Takes one page in.
    ///
    /// # Errors
    /// The list is not one of contracts, or the first page lists nothing.
    pub(super) fn take(&mut self, rows: &[Row<'_>]) -> Result<(), DecodeError> {
        let page = self.next_page.unwrap_or(0);
        if rows.iter().any(|row| row.name.is_none() || row.quanto_multiplier.is_none()) {
            return Err(wrong("name", "", "missing from a list that should be of contracts"));
        }
        if rows.is_empty() && page == 0 {
            return Err(wrong("contracts", "[]", "no list of contracts"));
        }
        for row in rows {
            self.list(row);
        }
        let is_last = rows.len() < PAGE || page + 1 >= MOST_PAGES;
        self.next_page = if is_last { None } else { Some(page + 1) };
        Ok(())
    }

    /// A row that cannot be right is left out: its contract's value is unknown.
    fn list(&mut self, row: &Row<'_>) {
        let name = row.name.as_ref().map(Scalar::as_text).filter(|name| is_plain(name));
        let units = row.quanto_multiplier.as_ref().and_then(|units| units.number("quanto_multiplier").ok());
        let (Some(name), Some(base_units)) = (name, units.filter(|units| *units > 0.0)) else { return };
        let seconds = row.funding_interval.as_ref().and_then(|every| every.number("funding_interval").ok());
        let funding_hours = seconds.filter(|seconds| *seconds > 0.0).map(|seconds| seconds / 3_600.0);
        let is_trading = row.in_delisting != Some(true);
        self.listed.insert(SmolStr::new(&name), Entry { base_units, funding_hours, is_trading });
    }

    /// Base units per contract.
    pub(super) fn base_units(&self, symbol: &str) -> Option<f64> {
        self.listed.get(symbol).map(|entry| entry.base_units)
    }

    /// Hours between two payments of funding.
    pub(super) fn funding_hours(&self, symbol: &str) -> Option<f64> {
        self.listed.get(symbol)?.funding_hours
    }

    /// The contracts that trade and are wanted.
    pub(super) fn trading(&self, wants: impl Fn(&Instrument) -> bool) -> impl Iterator<Item = &str> {
        let trading = self.listed.iter().filter(|(_, entry)| entry.is_trading);
        trading
            .map(|(symbol, _)| symbol.as_str())
            .filter(move |symbol| parse_symbol(symbol).is_some_and(|instrument| wants(&instrument)))
    }
}

/// `BTC_USDT`.
pub(super) fn parse_symbol(symbol: &str) -> Option<Instrument> {
    let (base, quote) = symbol.split_once('_')?;
    let is_pair = !base.is_empty() && !quote.is_empty() && !quote.contains(['_', '-']);
    is_pair.then(|| Instrument::perp(base, quote))
}
