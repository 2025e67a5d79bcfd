//! Reads a user's file of fund flows: wide, long, or with every value's first sighting.

use std::collections::BTreeMap;

use market::{Date, EtfFlow, FeedId, MarketEvent, Observation, Timestamp, Usd, nyse, settled_at};
use smol_str::SmolStr;

use crate::flow_grid::{
    FlowGrid, GridRow, agrees, beyond_reason, is_no_day, is_ticker, is_total, usd_of_millions, weekend_day,
    without_notes,
};

use super::dates::{Order, read_day, read_moment};
use super::numbers::{Cell, read_cell};
use super::report::{ImportError, Imported, Report};
use super::sheet::{Row, Sheet};

/// What the file does not say itself.
#[derive(Clone, Debug)]
pub struct EtfImport {
    /// The coin that the funds hold, upper case.
    pub asset: SmolStr,
    /// Under which source the flows are kept.
    pub source: FeedId,
    /// When flows without a time of their own became known.
    pub known_at: KnownAt,
    /// The time of the import.
    pub now: Timestamp,
}

/// When a flow became known whose file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnownAt {
    /// When its day was settled ([`settled_at`]), at the latest now.
    #[default]
    Published,
    /// Now.
    Imported,
}

const DATES: [&str; 5] = ["date", "day", "trade_date", "session_date", "session"];
const FUNDS: [&str; 3] = ["ticker", "fund", "symbol"];
const MILLIONS: [&str; 4] = ["flow_usd_m", "net_flow_usd_m", "flow_m", "value"];
const DOLLARS: [&str; 3] = ["flow_usd", "net_flow_usd", "net_flow"];
/// When each value was first seen: every row has one.
const SIGHTINGS: [&str; 5] = ["commit_time_utc", "first_seen_utc", "first_seen", "first_seen_ts", "known_at"];
/// When each value was reported: a row may lack it.
const REPORTS: [&str; 2] = ["reported_at", "published_at"];
const WANTED: &str = "fund flows have either a date and one column a ticker (Date,IBIT,FBTC,…,Total; millions \
                      of US dollars), or date,ticker,flow_usd_m (or flow_usd) with an optional reported_at";

/// Reads fund flows from `sheet`.
///
/// Layouts, told by the header: **wide**, `Date,IBIT,…,Total`, millions of US dollars; **long**,
/// `date,ticker,flow_usd_m[,reported_at]`, or `flow_usd` in dollars; **vintages**,
/// `date,ticker,commit_time_utc,value`, millions. An empty cell or a dash is a fund that has not reported,
/// never zero, and nothing at all before the fund's first report. Totals are never kept: a day whose
/// funds do not add up to its total (within 0.1 million) is refused; among vintages, where funds and
/// totals change at different moments, agreement is only counted.
///
/// # Errors
/// The columns are of no such layout, day and month are mixed up, or no row can be taken.
pub fn etf_flows(sheet: &Sheet, import: &EtfImport) -> Result<Imported, ImportError> {
    sheet.check()?;
    let dates = sheet.column(&DATES);
    let Some(dates) = dates else { return Err(unknown_layout(sheet)) };
    let order = Order::of(sheet.rows().iter().map(|row| row.cell(dates)))
        .map_err(|(day_first, month_first)| ImportError::MixedDates { day_first, month_first })?;
    let reader = Reader { sheet, import, dates, order };
    match Long::find(sheet) {
        Some(long) => reader.long(&long),
        None => reader.wide(),
    }
}

fn unknown_layout(sheet: &Sheet) -> ImportError {
    ImportError::Layout { found: sheet.header().to_vec(), wanted: WANTED }
}

struct Reader<'a> {
    sheet: &'a Sheet,
    import: &'a EtfImport,
    dates: usize,
    order: Order,
}

/// The columns of a long layout.
struct Long {
    fund: usize,
    flow: usize,
    /// How many millions of dollars one unit of the flow is.
    millions: f64,
    time: Option<(usize, Needed)>,
    asset: Option<usize>,
}

/// Whether a row may lack its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    Always,
    Optional,
}

impl Long {
    fn find(sheet: &Sheet) -> Option<Self> {
        let fund = sheet.column(&FUNDS)?;
        let (flow, millions) = match (sheet.column(&MILLIONS), sheet.column(&DOLLARS)) {
            (Some(flow), _) => (flow, 1.0),
            (None, Some(flow)) => (flow, 1e-6),
            (None, None) => return None,
        };
        let sighted = sheet.column(&SIGHTINGS).map(|at| (at, Needed::Always));
        let time = sighted.or_else(|| sheet.column(&REPORTS).map(|at| (at, Needed::Optional)));
        Some(Self { fund, flow, millions, time, asset: sheet.column(&["asset"]) })
    }

    fn layout(&self) -> &'static str {
        match self.time {
            Some((_, Needed::Always)) => "vintages",
            Some((_, Needed::Optional)) | None => "long",
        }
    }
}

/// One value of one fund, or one total.
struct Told {
    row: usize,
    millions: Option<f64>,
    /// When it became known, where the file says.
    time: Option<Timestamp>,
}

type Days = BTreeMap<Date, BTreeMap<SmolStr, Vec<Told>>>;

impl Reader<'_> {
    fn day(&self, row: &Row) -> Result<Date, String> {
        let text = row.cell(self.dates);
        let date =
            read_day(text, self.order).map_err(|problem| format!("the date is {text:?}, {problem}"))?;
        if date.start() > self.import.now {
            return Err(format!("{date} lies in the future"));
        }
        Ok(date)
    }

    fn event(
        &self,
        date: Date,
        fund: &SmolStr,
        net_flow: Option<Usd>,
        time: Option<Timestamp>,
    ) -> MarketEvent {
        let EtfImport { asset, source, known_at, now } = self.import;
        let known_at = time.unwrap_or(match known_at {
            KnownAt::Published => settled_at(date).min(*now),
            KnownAt::Imported => *now,
        });
        let flow = EtfFlow { fund: fund.clone(), asset: asset.clone(), trade_date: date, net_flow };
        MarketEvent {
            feed: source.clone(),
            event_time: date.start(),
            receive_time: *now,
            known_at,
            observation: Observation::EtfFlow(flow),
        }
    }

    fn wide(&self) -> Result<Imported, ImportError> {
        let header = self.sheet.header();
        let mut report = Report { layout: "wide", ..Report::default() };
        let (mut funds, mut total) = (Vec::new(), None);
        for (at, name) in header.iter().enumerate().filter(|(at, _)| *at != self.dates) {
            let name = without_notes(name);
            if is_total(name) {
                total = Some(at);
            } else if is_ticker(name) {
                funds.push((at, SmolStr::new(name)));
            } else if !name.is_empty() {
                report.corrected.push((1, format!("the column {name:?} is no fund and was left out")));
            }
        }
        if funds.is_empty() {
            return Err(unknown_layout(self.sheet));
        }
        let mut grid = FlowGrid { has_totals: total.is_some(), ..FlowGrid::default() };
        grid.funds = funds.iter().map(|(_, fund)| fund.clone()).collect();
        for row in self.sheet.rows() {
            if is_no_day(row.cell(self.dates)) && !row.cell(self.dates).is_empty() {
                continue;
            }
            match self.grid_row(row, &funds, total) {
                Ok(row) => grid.rows.push(row),
                Err(words) => report.refused.push((row.number, words)),
            }
        }
        let checked = grid.check(false);
        report.refused.extend(checked.refused);
        report.sessions = checked.sessions;
        report.closed = checked.closed;
        report.checked_totals = checked.totals;
        report.mismatched_totals = checked.mismatched;
        let events = checked.days.iter().map(|day| self.event(day.date, &day.fund, day.net_flow, None));
        Imported::unless_empty(events.collect(), report)
    }

    fn grid_row(
        &self,
        row: &Row,
        funds: &[(usize, SmolStr)],
        total: Option<usize>,
    ) -> Result<GridRow, String> {
        if let Some(words) = row.complain_of_length(self.sheet.header().len()) {
            return Err(words);
        }
        let date = self.day(row)?;
        let read = |at: usize, what: &str| {
            let text = row.cell(at);
            read_cell(text, self.sheet.commas())
                .map_err(|problem| format!("{date}: {what} is {text:?}, {problem}"))
        };
        let cells = funds.iter().map(|(at, fund)| read(*at, fund)).collect::<Result<_, _>>()?;
        let total = total.map_or(Ok(Cell::Blank), |at| read(at, "the total"))?;
        Ok(GridRow { number: row.number, date, cells, total })
    }

    fn long(&self, long: &Long) -> Result<Imported, ImportError> {
        let mut report = Report { layout: long.layout(), ..Report::default() };
        let (mut days, mut totals) = (Days::new(), BTreeMap::<Date, Vec<Told>>::new());
        for row in self.sheet.rows() {
            let (date, fund, told) = match self.long_row(row, long) {
                Ok(read) => read,
                Err(words) => {
                    report.refused.push((row.number, words));
                    continue;
                }
            };
            if is_total(&fund) {
                totals.entry(date).or_default().push(told);
                continue;
            }
            let values = days.entry(date).or_default().entry(fund.clone()).or_default();
            match values.iter().find(|other| other.time == told.time) {
                None => values.push(told),
                Some(other) if other.millions == told.millions => {
                    report.corrected.push((row.number, format!("repeats row {}; taken once", other.row)));
                }
                Some(other) => {
                    let words = format!("{date} {fund} is another value in row {}", other.row);
                    report.refused.push((row.number, words));
                }
            }
        }
        for values in days.values_mut().flat_map(BTreeMap::values_mut) {
            values.sort_by_key(|told| told.time);
        }
        check_totals(&mut days, &totals, &mut report);
        let events = self.long_events(&days, &mut report);
        Imported::unless_empty(events, report)
    }

    fn long_row(&self, row: &Row, long: &Long) -> Result<(Date, SmolStr, Told), String> {
        if let Some(words) = row.complain_of_length(self.sheet.header().len()) {
            return Err(words);
        }
        let date = self.day(row)?;
        if let Some(day) = weekend_day(date) {
            return Err(format!("{date} is a {day}; funds do not trade on it"));
        }
        let fund = SmolStr::new(row.cell(long.fund).to_uppercase());
        if !is_ticker(&fund) && !is_total(&fund) {
            return Err(format!("{fund:?} is no fund's ticker"));
        }
        if let Some(asset) = long.asset.map(|at| row.cell(at))
            && !asset.eq_ignore_ascii_case(&self.import.asset)
        {
            return Err(format!("the asset is {asset:?}, and {} is imported", self.import.asset));
        }
        let text = row.cell(long.flow);
        let millions = match read_cell(text, self.sheet.commas()) {
            Ok(Cell::Amount(amount)) => Some(amount * long.millions),
            Ok(Cell::Blank | Cell::Dash) => None,
            Err(problem) => return Err(format!("{date} {fund}: the flow is {text:?}, {problem}")),
        };
        if let Some(words) = millions.and_then(beyond_reason) {
            return Err(format!("{date} {fund}: {words}"));
        }
        let time = long.time.map_or(Ok(None), |(at, needed)| self.time(row.cell(at), needed, date))?;
        Ok((date, fund, Told { row: row.number, millions, time }))
    }

    fn time(&self, text: &str, needed: Needed, date: Date) -> Result<Option<Timestamp>, String> {
        if text.is_empty() && needed == Needed::Optional {
            return Ok(None);
        }
        let at = read_moment(text).map_err(|problem| format!("{date}: its time is {text:?}, {problem}"))?;
        if at > self.import.now {
            return Err(format!("{date}: known at {text}, which lies in the future"));
        }
        if at < date.start() {
            return Err(format!("{date}: known at {text}, before the day began"));
        }
        Ok(Some(at))
    }

    /// The events of all days, in the order in which they became known.
    fn long_events(&self, days: &Days, report: &mut Report) -> Vec<MarketEvent> {
        let has_reports = |values: &Vec<Told>| values.iter().any(|told| told.millions.is_some());
        let mut first = BTreeMap::<&SmolStr, Date>::new();
        let mut last_reported = None;
        for (date, funds) in days {
            for (fund, _) in funds.iter().filter(|(_, values)| has_reports(values)) {
                first.entry(fund).or_insert(*date);
                last_reported = Some(*date);
            }
        }
        let mut events = Vec::new();
        for (date, funds) in days {
            let is_holiday = nyse().is_trading_day(*date) == Some(false);
            if last_reported.is_some_and(|last| *date < last) && !funds.values().any(has_reports) {
                report.closed += 1;
                if !is_holiday {
                    continue;
                }
            }
            let before = events.len();
            for (fund, values) in funds {
                if first.get(fund).is_none_or(|first| date < first) {
                    continue;
                }
                for told in values {
                    events.push(self.event(*date, fund, told.millions.map(usd_of_millions), told.time));
                }
            }
            report.sessions += usize::from(!is_holiday && events.len() > before);
        }
        events.sort_by_key(|event| event.known_at);
        events
    }
}

/// Compares totals with what the funds add up to at the time. A day whose only total disagrees is
/// refused; a total among vintages is only counted.
fn check_totals(days: &mut Days, totals: &BTreeMap<Date, Vec<Told>>, report: &mut Report) {
    for (date, totals) in totals {
        for total in totals {
            let Some(says) = total.millions else { continue };
            let is_known = |told: &&Told| total.time.is_none() || told.time <= total.time;
            let latest = |values: &Vec<Told>| values.iter().rfind(is_known).and_then(|told| told.millions);
            let sum: f64 = days.get(date).map_or(0.0, |funds| funds.values().filter_map(latest).sum());
            report.checked_totals += 1;
            if agrees(sum, says) {
                continue;
            }
            report.mismatched_totals += 1;
            if total.time.is_none() {
                let words = format!(
                    "{date}: funds add up to {sum:.1} million, the total says {says:.1}; the day is left out"
                );
                report.refused.push((total.row, words));
                days.remove(date);
            }
        }
    }
}
