//! When the rows of a file were told that has a figure a moment, or the figures of stretches of time.

use std::collections::BTreeMap;

use market::{Instrument, Interval, Timestamp, day_end};

use super::bars::once;
use super::dates::Order;
use super::length::length_of;
use super::liquidations::contract;
use super::report::{ImportError, Report};
use super::sheet::{Row, Sheet};
use super::times::{Written, read_time};
use crate::venues::is_plain;

const TIMES: [&str; 15] = [
    "event_time",
    "funding_time",
    "fundingtime",
    "calc_time",
    "create_time",
    "time",
    "timestamp",
    "time_utc",
    "open_time",
    "datetime",
    "date_time",
    "date",
    "day",
    "start",
    "ts",
];
const SYMBOLS: [&str; 4] = ["instrument", "contract", "symbol", "pair"];

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figures {
    /// Of the moment that stands beside it.
    OfMoments,
    /// The last of a stretch that begins at the moment beside it.
    OfStretches(Interval),
}

/// When, and of which contract, each row tells its figure.
#[derive(Debug)]
pub(super) struct Stamps<'a> {
    sheet: &'a Sheet,
    time: usize,
    order: Order,
    figures: Figures,
    symbol: Option<usize>,
    instrument: Option<&'a Instrument>,
    now: Timestamp,
}

/// A row's moment and contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    /// As the file writes it, else the contract's own name.
    pub(super) symbol: String,
    pub(super) instrument: Instrument,
}

impl<'a> Stamps<'a> {
    /// `is_of_stretches`: the figures are the last ones of stretches, whose length `interval` says or their times tell.
    pub(super) fn new(
        sheet: &'a Sheet,
        (is_of_stretches, interval): (bool, Option<Interval>),
        instrument: Option<&'a Instrument>,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        let layout = |wanted| ImportError::Layout { found: sheet.header().to_vec(), wanted };
        let no_time = "a column of times is called time, date, timestamp or alike; rename yours";
        let time = sheet.column(&TIMES).ok_or_else(|| layout(no_time))?;
        let symbol = sheet.column(&SYMBOLS);
        if symbol.is_none() && instrument.is_none() {
            return Err(layout("no column says of which contract they are; give --instrument BTC-USDT-PERP"));
        }
        for at in [Some(time), symbol].into_iter().flatten() {
            once(sheet, at)?;
        }
        let order = Order::of(sheet.rows().iter().map(|row| row.cell(time)))
            .map_err(|(day_first, month_first)| ImportError::MixedDates { day_first, month_first })?;
        let figures = match (is_of_stretches, interval) {
            (false, _) => Figures::OfMoments,
            (true, Some(interval)) => Figures::OfStretches(interval),
            (true, None) => {
                let times = sheet.rows().iter().filter_map(|row| read_time(row.cell(time), order).ok());
                Figures::OfStretches(length_of(times).map_err(layout)?)
            }
        };
        Ok(Self { sheet, time, order, figures, symbol, instrument, now })
    }

    /// The moment since which a row's figure was known, and what it is of. A figure of a moment is known at it, one of
    /// a whole day at the day's end, and the last of a stretch at the stretch's end.
    ///
    /// # Errors
    /// What is wrong with the row.
    pub(super) fn of(&self, row: &Row) -> Result<Stamp, String> {
        if let Some(problem) = row.complain_of_length(self.sheet.header().len()) {
            return Err(problem);
        }
        let text = row.cell(self.time);
        let wrong = |problem: &str| format!("{} is {text:?}, {problem}", self.sheet.header()[self.time]);
        let written = read_time(text, self.order).map_err(wrong)?;
        let at = match (written, self.figures) {
            (Written::Moment(at, _), Figures::OfMoments) => at,
            (Written::Day(day), Figures::OfMoments | Figures::OfStretches(Interval::Day)) => {
                day_end(day.start())
            }
            (Written::Moment(at, _), Figures::OfStretches(interval)) => at.plus(interval.span()),
            (Written::Day(_), Figures::OfStretches(interval)) => {
                return Err(wrong(&format!("a day where stretches of {interval} need a time")));
            }
        };
        if at > self.now {
            let words = "still to come";
            return Err(wrong(if self.figures == Figures::OfMoments { words } else { "not over yet" }));
        }
        let (symbol, instrument) = self.contract(row)?;
        Ok(Stamp { at, symbol, instrument })
    }

    fn contract(&self, row: &Row) -> Result<(String, Instrument), String> {
        let written = self.symbol.map(|at| (at, row.cell(at))).filter(|(_, text)| !text.is_empty());
        match (written, self.instrument) {
            (Some((at, text)), told) => {
                let wrong = |problem: &str| format!("{} is {text:?}, {problem}", self.sheet.header()[at]);
                if !is_plain(text) {
                    return Err(wrong("not a symbol"));
                }
                // A coin's name alone is the contract that was named, if that is the coin's.
                let of_coin = || told.filter(|told| told.asset().eq_ignore_ascii_case(text)).cloned();
                let instrument = contract(text)
                    .or_else(of_coin)
                    .ok_or_else(|| wrong("not surely one contract; give --instrument BTC-USDT-PERP"))?;
                Ok((text.to_owned(), instrument))
            }
            (None, Some(told)) => Ok((told.to_string(), told.clone())),
            (None, None) => Err("no contract".to_owned()),
        }
    }
}

/// Leaves of what rows tell of one contract and moment one word: the same told again counts once, and of words that differ
/// none does.
pub(super) fn settled<V: Clone + PartialEq>(
    told: Vec<(usize, Stamp, V)>,
    report: &mut Report,
) -> Vec<(Stamp, V)> {
    let mut by_stamp: BTreeMap<Stamp, Vec<(usize, V)>> = BTreeMap::new();
    for (row, stamp, value) in told {
        by_stamp.entry(stamp).or_default().push((row, value));
    }
    let mut settled = Vec::with_capacity(by_stamp.len());
    for (stamp, mut values) in by_stamp {
        let (first, value) = values.remove(0);
        if values.iter().all(|(_, other)| *other == value) {
            let again = |(row, _): &(usize, V)| (*row, format!("says the same as row {first}; taken once"));
            report.corrected.extend(values.iter().map(again));
            settled.push((stamp, value));
        } else {
            let words =
                format!("{} at {} is told differently in other rows; none is taken", stamp.symbol, stamp.at);
            report.refused.push((first, words.clone()));
            report.refused.extend(values.into_iter().map(|(row, _)| (row, words.clone())));
        }
    }
    settled
}
