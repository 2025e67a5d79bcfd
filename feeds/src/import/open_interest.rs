//! Reads a user's file of open interest.

use market::{
    FeedId, Instrument, Interval, MarketEvent, Observation, OpenInterest, Quantity, Timestamp, Usd,
};
use smol_str::SmolStr;

use super::bars::once;
use super::numbers::{Cell, read_cell};
use super::report::{ImportError, Imported, Report};
use super::sheet::{Row, Sheet};
use super::stamps::{Stamp, Stamps, settled};

/// What the file does not say itself.
#[derive(Clone, Debug)]
pub struct InterestImport {
    /// The contract that it is about, where rows do not say.
    pub instrument: Option<Instrument>,
    /// In what it is counted, where the column's name does not say.
    pub unit: Option<InterestUnit>,
    /// How long the stretches are that a file of `open` and `close` has; told by their times where `None`.
    pub interval: Option<Interval>,
    /// Under which source it is kept.
    pub source: FeedId,
    /// The time of the import.
    pub now: Timestamp,
}

/// In what open interest is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterestUnit {
    /// US dollars.
    Usd,
    /// Base units: coins, not contracts.
    Coins,
}

const COINS: [&str; 5] =
    ["quantity", "sum_open_interest", "open_interest_coins", "open_interest_base", "oi_coins"];
const DOLLARS: [&str; 6] = [
    "notional_usd",
    "open_interest_usd",
    "oi_usd",
    "sum_open_interest_value",
    "open_interest_value",
    "notional",
];
const EITHER: [&str; 4] = ["open_interest", "openinterest", "oi", "value"];
const WANTED: &str = "open interest has a time (time, create_time, date) and an amount (open_interest, quantity, \
                      open_interest_usd, or open and close of stretches); it may have symbol or instrument";
const NO_UNIT: &str = "no column says in what the open interest is counted; give --unit usd or --unit coins (contracts are \
                       neither; multiply them by their size first)";

/// Reads open interest from `sheet`: one row a moment, or one row a stretch with the last amount in `close`, in any order
/// of rows. An amount is known at its moment, of a bare day at the day's end, of a stretch at the stretch's end.
///
/// # Errors
/// The columns are not those of open interest, unit, contract or length are said nowhere, or no row can be taken.
pub fn open_interest(sheet: &Sheet, import: &InterestImport) -> Result<Imported, ImportError> {
    let reader = Reader::new(sheet, import)?;
    let mut report = Report { layout: "open interest", ..Report::default() };
    let mut told = Vec::new();
    for row in sheet.rows() {
        match reader.read(row) {
            Ok((stamp, amounts)) => told.push((row.number, stamp, amounts)),
            Err(problem) => report.refused.push((row.number, problem)),
        }
    }
    let events = settled(told, &mut report).into_iter().map(|(stamp, (quantity, notional))| MarketEvent {
        feed: import.source.clone(),
        event_time: stamp.at,
        receive_time: import.now,
        known_at: stamp.at,
        observation: Observation::OpenInterest(OpenInterest {
            symbol: SmolStr::new(stamp.symbol),
            instrument: stamp.instrument,
            quantity,
            notional,
        }),
    });
    Imported::unless_empty(events.collect(), report)
}

/// Coins, and dollars.
type Amounts = (Option<Quantity>, Option<Usd>);

struct Reader<'a> {
    sheet: &'a Sheet,
    stamps: Stamps<'a>,
    coins: Option<usize>,
    dollars: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(sheet: &'a Sheet, import: &'a InterestImport) -> Result<Self, ImportError> {
        if sheet.header().is_empty() || sheet.rows().is_empty() {
            return Err(ImportError::Empty);
        }
        let layout = |wanted| ImportError::Layout { found: sheet.header().to_vec(), wanted };
        let (mut coins, mut dollars) = (sheet.column(&COINS), sheet.column(&DOLLARS));
        let mut is_of_stretches = false;
        if coins.or(dollars).is_none() {
            let of_moments = sheet.column(&EITHER);
            let of_stretches = sheet.column(&["open"]).and_then(|_| sheet.column(&["close"]));
            is_of_stretches = of_moments.is_none();
            let amount = of_moments.or(of_stretches).ok_or_else(|| layout(WANTED))?;
            match import.unit.ok_or_else(|| layout(NO_UNIT))? {
                InterestUnit::Usd => dollars = Some(amount),
                InterestUnit::Coins => coins = Some(amount),
            }
        }
        for at in [coins, dollars].into_iter().flatten() {
            once(sheet, at)?;
        }
        let kind = (is_of_stretches, import.interval);
        let stamps = Stamps::new(sheet, kind, import.instrument.as_ref(), import.now)?;
        Ok(Self { sheet, stamps, coins, dollars })
    }

    fn above_zero(&self, row: &Row, at: Option<usize>) -> Result<Option<f64>, String> {
        let Some(at) = at else { return Ok(None) };
        let wrong =
            |problem: &str| Err(format!("{} is {:?}, {problem}", self.sheet.header()[at], row.cell(at)));
        match read_cell(row.cell(at), self.sheet.commas()) {
            Ok(Cell::Amount(amount)) if amount > 0.0 => Ok(Some(amount)),
            Ok(Cell::Amount(_)) => wrong("not above zero"),
            Ok(Cell::Blank | Cell::Dash) => Ok(None),
            Err(problem) => wrong(problem),
        }
    }

    fn read(&self, row: &Row) -> Result<(Stamp, Amounts), String> {
        let stamp = self.stamps.of(row)?;
        let quantity = self.above_zero(row, self.coins)?.map(Quantity::new).transpose();
        let notional = self.above_zero(row, self.dollars)?.map(Usd::new).transpose();
        let amounts =
            (quantity.map_err(|error| error.to_string())?, notional.map_err(|error| error.to_string())?);
        if amounts == (None, None) { Err("no amount".to_owned()) } else { Ok((stamp, amounts)) }
    }
}

#[cfg(test)]
mod tests;
