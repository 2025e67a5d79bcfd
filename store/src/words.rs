//! Every word ever told, in the order in which it could be known: what features are made from.

use market::MarketEvent;

use crate::asof;
use crate::error::StoreError;
use crate::query::Query;
use crate::reader::Reader;
use crate::table::{Row, Table};

impl Reader {
    /// Every word on whatever the query wants a word on, by `known_at`, then by record; live, imported and
    /// backfilled alike. Each says something new when it came: a revision is in it beside what it revises,
    /// a repetition is not, nor is what a backfill brings again of what was seen. So for every moment, of
    /// those known by then, the last one on each subject (of what is told again) or all of them (of what
    /// occurs) are what [`Reader::events`] gives with that moment as [`Query::as_of`].
    ///
    /// [`Query::as_of`] leaves out what was known later; [`Query::now`] changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NoEvents`] for alerts and frames; otherwise as [`Reader::liquidations`].
    pub fn words(&self, table: Table, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        if matches!(table, Table::Alerts | Table::Frames) {
            return Err(StoreError::NoEvents { table: table.name() });
        }
        let rows = self.collect(table, &|file| query.may_be_in(file), &|row| query.may_want(row))?;
        let adds = asof::adding(&rows, &|row| query.wants(row))?;
        let mut rows: Vec<Row> =
            rows.into_iter().zip(adds).filter_map(|(row, adds)| adds.then_some(row)).collect();
        rows.sort_by_key(|row| (row.known_at(), row.seq));
        Ok(rows.into_iter().filter_map(Row::into_event).collect())
    }
}
