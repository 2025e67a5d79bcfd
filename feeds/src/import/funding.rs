//! Reads a user's file of funding rates.

use market::{Contract, FeedId, FundingRate, Instrument, Interval, MarketEvent, Observation, Timestamp};
use smol_str::SmolStr;

use super::bars::once;
use super::numbers::{Cell, read_cell};
use super::report::{ImportError, Imported, Report};
use super::sheet::{Row, Sheet};
use super::stamps::{Stamp, Stamps, settled};

/// What the file does not say itself.
#[derive(Clone, Debug)]
pub struct FundingImport {
    /// The contract that it is about, where rows do not say.
    pub instrument: Option<Instrument>,
    /// In what the rates are written, where their column's name does not say.
    pub unit: Option<RateUnit>,
    /// Hours that one rate is for, where no column says.
    pub hours: Option<f64>,
    /// How long the stretches are that a file of `open` and `close` has; told by their times where `None`.
    pub interval: Option<Interval>,
    /// Under which source the rates are kept.
    pub source: FeedId,
    /// The time of the import.
    pub now: Timestamp,
}

/// In what rates are written. `0.01` is usual as percent and a hundred times the usual as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateUnit {
    /// 0.0001 is one basis point.
    Fraction,
    /// 0.01 is one basis point.
    Percent,
}

const PERCENT: [&str; 5] =
    ["funding_rate_percent", "funding_rate_pct", "funding_rate_(%)", "rate_percent", "rate_pct"];
const RATES: [&str; 6] =
    ["funding_rate", "fundingrate", "last_funding_rate", "lastfundingrate", "rate", "funding"];
const HOURS: [&str; 3] = ["interval_hours", "funding_interval_hours", "fundingintervalhours"];
const WANTED: &str = "funding has a time (time, funding_time, calc_time, date) and a rate (funding_rate, rate, or open and close \
                      of stretches); it may have symbol or instrument and interval_hours";
const NO_UNIT: &str = "no column says in what the rates are written; give --unit percent where 0.01 is one basis point, \
                       --unit fraction where it is one percent";
const NO_HOURS: &str =
    "no column says how many hours a rate is for; give --hours 8, or what the venue pays by";
/// Hours in a year: no venue pays by longer ones.
const MOST_HOURS: f64 = 8_784.0;

/// Reads funding rates from `sheet`: one row a payment (or prediction) at the time beside it, or one row a stretch with the
/// last rate in `close`, in any order of rows.
///
/// A rate is known at its time: that of the payment, of a bare day its end, of a stretch its end. Rates are kept as
/// fractions per payment.
///
/// # Errors
/// The columns are not those of funding, unit, hours, contract or length are said nowhere, or no row can be taken.
pub fn funding(sheet: &Sheet, import: &FundingImport) -> Result<Imported, ImportError> {
    let reader = Reader::new(sheet, import)?;
    let mut report = Report { layout: "funding", ..Report::default() };
    let mut told = Vec::new();
    for row in sheet.rows() {
        match reader.read(row) {
            Ok(Some((stamp, value))) => told.push((row.number, stamp, value)),
            Ok(None) => report.refused.push((row.number, "no rate".to_owned())),
            Err(problem) => report.refused.push((row.number, problem)),
        }
    }
    let events = settled(told, &mut report).into_iter().map(|(stamp, (rate, hours))| MarketEvent {
        feed: import.source.clone(),
        event_time: stamp.at,
        receive_time: import.now,
        known_at: stamp.at,
        observation: Observation::FundingRate(FundingRate {
            symbol: SmolStr::new(stamp.symbol),
            instrument: stamp.instrument,
            rate,
            interval_hours: Some(hours),
            next_funding: None,
        }),
    });
    Imported::unless_empty(events.collect(), report)
}

/// A rate as a fraction, and the hours that it is for.
type Rate = (f64, f64);

struct Reader<'a> {
    sheet: &'a Sheet,
    stamps: Stamps<'a>,
    rate: usize,
    unit: RateUnit,
    hours: Option<usize>,
    all_hours: Option<f64>,
}

impl<'a> Reader<'a> {
    fn new(sheet: &'a Sheet, import: &'a FundingImport) -> Result<Self, ImportError> {
        if sheet.header().is_empty() || sheet.rows().is_empty() {
            return Err(ImportError::Empty);
        }
        let layout = |wanted| ImportError::Layout { found: sheet.header().to_vec(), wanted };
        let of_percent = sheet.column(&PERCENT);
        let of_moments = of_percent.or_else(|| sheet.column(&RATES));
        let of_stretches = sheet.column(&["open"]).and_then(|_| sheet.column(&["close"]));
        let rate = of_moments.or(of_stretches).ok_or_else(|| layout(WANTED))?;
        let unit = of_percent.map(|_| RateUnit::Percent).or(import.unit).ok_or_else(|| layout(NO_UNIT))?;
        let hours = sheet.column(&HOURS);
        if hours.is_none() && import.hours.is_none() {
            return Err(layout(NO_HOURS));
        }
        for at in [Some(rate), hours].into_iter().flatten() {
            once(sheet, at)?;
        }
        let kind = (of_moments.is_none(), import.interval);
        let stamps = Stamps::new(sheet, kind, import.instrument.as_ref(), import.now)?;
        Ok(Self { sheet, stamps, rate, unit, hours, all_hours: import.hours })
    }

    fn amount(&self, row: &Row, at: usize) -> Result<Option<f64>, String> {
        match read_cell(row.cell(at), self.sheet.commas()) {
            Ok(Cell::Amount(amount)) => Ok(Some(amount)),
            Ok(Cell::Blank | Cell::Dash) => Ok(None),
            Err(problem) => Err(self.wrong(row, at, problem)),
        }
    }

    fn wrong(&self, row: &Row, at: usize, problem: &str) -> String {
        format!("{} is {:?}, {problem}", self.sheet.header()[at], row.cell(at))
    }

    fn read(&self, row: &Row) -> Result<Option<(Stamp, Rate)>, String> {
        let stamp = self.stamps.of(row)?;
        match stamp.instrument.contract {
            Contract::Perp => {}
            Contract::Future(_) => return Err(format!("{} is dated, and pays no funding", stamp.instrument)),
        }
        let Some(written) = self.amount(row, self.rate)? else { return Ok(None) };
        let rate = match self.unit {
            RateUnit::Fraction => written,
            RateUnit::Percent => written / 100.0,
        };
        if rate.abs() > 1.0 {
            return Err(self.wrong(row, self.rate, "more than the whole position; is the unit right?"));
        }
        let told = self.hours.map(|at| self.amount(row, at)).transpose()?.flatten();
        let hours = told.or(self.all_hours).ok_or_else(|| "no hours that the rate is for".to_owned())?;
        if !(hours > 0.0 && hours <= MOST_HOURS) {
            return Err(format!(
                "{hours} hours between payments; a rate is for more than 0 and at most a year"
            ));
        }
        Ok(Some((stamp, (rate, hours))))
    }
}

#[cfg(test)]
mod tests;
