//! Events as they stand: what was told again counts once, as known at one moment.

use market::{FlowBook, FlowStatus, MarketEvent, Timestamp};
use smol_str::SmolStr;

use crate::asof;
use crate::error::StoreError;
use crate::query::Query;
use crate::reader::Reader;
use crate::table::{Row, Table};

impl Reader {
    /// Wanted events of a table as they stand, in the order of exports: flows by day and fund, bars by
    /// symbol and time, holdings by day and holder, forecasts and regimes by time and target, gaps by start,
    /// liquidations by record, others by time.
    ///
    /// # Errors
    /// [`StoreError::NoEvents`] for alerts and frames; otherwise as [`Reader::liquidations`].
    pub fn events(&self, table: Table, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        match table {
            Table::Alerts | Table::Frames => Err(StoreError::NoEvents { table: table.name() }),
            Table::Gaps => self.gaps(query),
            _ => Ok(self.rows(table, query)?.into_iter().filter_map(Row::into_event).collect()),
        }
    }

    /// Wanted fund flows: for each source, fund and day the word that stands, a withdrawn figure (`None`
    /// after a value) included.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn etf_flows(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        self.events(Table::EtfFlows, query)
    }

    /// Wanted bars.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn bars(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        self.events(Table::Bars, query)
    }

    /// Wanted holdings.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn holdings(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        self.events(Table::Holdings, query)
    }

    /// Wanted rows of a table of events as they stand, in the order of exports.
    pub(crate) fn rows(&self, table: Table, query: &Query) -> Result<Vec<Row>, StoreError> {
        let rows = self.collect(table, &|file| query.may_be_in(file), &|row| query.may_want(row))?;
        let mut rows = asof::merged(rows)?;
        if let (Table::EtfFlows, Some(moment)) = (table, query.moment()) {
            judge(&mut rows, moment);
        }
        rows.retain(|row| query.wants(row));
        in_order(table, &mut rows);
        Ok(rows)
    }
}

/// Puts rows in the order of their table's exports. Liquidations stay in order of their records.
pub(crate) fn in_order(table: Table, rows: &mut [Row]) {
    match table {
        Table::EtfFlows => rows.sort_by_cached_key(|row| {
            let names = row.event().and_then(|event| {
                event
                    .observation
                    .etf_flow()
                    .map(|flow| (flow.fund.clone(), flow.asset.clone(), event.feed.clone()))
            });
            (row.time(), names, row.seq)
        }),
        Table::Bars => rows.sort_by_cached_key(|row| {
            let names = row.event().and_then(|event| {
                event
                    .observation
                    .bar()
                    .map(|bar| (bar.symbol.clone(), row.time(), bar.interval, event.feed.clone()))
            });
            (names, row.seq)
        }),
        Table::Holdings => rows.sort_by_cached_key(|row| {
            let names = row.event().and_then(|event| {
                event
                    .observation
                    .holding()
                    .map(|holding| (holding.holder.clone(), holding.asset.clone(), event.feed.clone()))
            });
            (row.time(), names, row.seq)
        }),
        Table::Forecasts | Table::Regimes => rows.sort_by_cached_key(|row| {
            let names = row.event().and_then(|event| {
                let of_forecast = event.observation.forecast().map(|told| (&told.target, &told.asset));
                let of_regime = || event.observation.regime().map(|told| (&told.target, &told.asset));
                of_forecast
                    .or_else(of_regime)
                    .map(|(target, asset)| (target.clone(), asset.clone(), event.feed.clone()))
            });
            (row.time(), names, row.seq)
        }),
        Table::Quotes | Table::Funding | Table::OpenInterest | Table::Chain => {
            rows.sort_by_cached_key(|row| (row.time(), row.event().map(|event| event.feed.clone()), row.seq));
        }
        Table::Liquidations | Table::Gaps | Table::Alerts | Table::Frames => {}
    }
}

/// Says of every flow whether it was final at `moment`: once its day is settled and, by the same
/// source, no fund that had reported before is still to report.
fn judge(rows: &mut [Row], moment: Timestamp) {
    let mut books: std::collections::BTreeMap<_, (FlowBook, Vec<usize>)> = std::collections::BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let Some(event) = row.event() else { continue };
        let Some(flow) = event.observation.etf_flow() else { continue };
        let (book, of_book) = books.entry((event.feed.clone(), flow.asset.clone())).or_default();
        book.apply(event, flow);
        of_book.push(at);
    }
    for ((_, asset), (book, of_book)) in books {
        let days = days_of(&book, &asset, moment);
        for at in of_book {
            let date = rows[at].time().date();
            // A day on which no listed fund was asked about is not in the table: none is pending.
            let status = days
                .binary_search_by_key(&date, |(day, _)| *day)
                .map_or_else(|_| FlowStatus::of(date, 0, moment), |found| days[found].1);
            rows[at].status = Some(status);
        }
    }
}

fn days_of(book: &FlowBook, asset: &SmolStr, moment: Timestamp) -> Vec<(market::Date, FlowStatus)> {
    let table = book.table(asset, moment);
    table.iter().flat_map(|table| &table.days).map(|day| (day.trade_date, day.status)).collect()
}
