//! A large table in order of time, a window at a time, so that no more than a window is in memory.

use std::time::Duration;

use market::Timestamp;

use crate::asof;
use crate::error::StoreError;
use crate::events::in_order;
use crate::lake;
use crate::manifest::TableFile;
use crate::query::Query;
use crate::reader::Reader;
use crate::snapshot::Visit;
use crate::table::{Row, Table};

/// Rows that a window is made for. Few in tests, so that every export there is made of several.
const WINDOW_ROWS: f64 = if cfg!(test) { 4.0 } else { 500_000.0 };
/// Windows are not made shorter than this.
const SHORTEST: Duration = Duration::from_mins(1);

impl Reader {
    /// Wanted rows of what occurs, as they stand, by time. Rows on one subject share their time, so each
    /// window is complete by itself.
    pub(crate) fn by_time(
        &self,
        table: Table,
        query: &Query,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let snapshot = self.snapshot()?;
        let sealed_upto = snapshot.manifest.sealed_upto;
        let mut unsealed = Vec::new();
        snapshot.visit(table, &|_| false, &mut |rows| {
            unsealed.extend(rows.into_iter().filter(|row| query.wants(row)));
            Ok(())
        })?;
        unsealed.sort_by_key(Row::time);
        let files: Vec<TableFile> = wanted(&snapshot.manifest.files, table, query);
        let times = files.iter().flat_map(|file| [file.min_time, file.max_time]);
        let times = times.chain(unsealed.iter().map(Row::time));
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(()) };
        drop(snapshot);

        let mut windows = Vec::new();
        split(&files, (first, last.plus(Duration::from_micros(1))), &mut windows);
        for (from, to) in windows {
            let is_inside = |row: &Row| (from..to).contains(&row.time());
            // Files may be merged meanwhile: those of the moment are read, up to the records of the start.
            let mut rows = self.retrying(|snapshot| {
                let mut rows = Vec::new();
                let files = wanted(&snapshot.manifest.files, table, query);
                for file in files.iter().filter(|file| file.max_time >= from && file.min_time < to) {
                    let found = lake::read(&snapshot.dir, table, file)?;
                    rows.extend(
                        found
                            .into_iter()
                            .filter(|row| row.seq <= sealed_upto && is_inside(row) && query.wants(row)),
                    );
                }
                Ok(rows)
            })?;
            let start = unsealed.partition_point(|row| row.time() < from);
            rows.extend(unsealed[start..].iter().take_while(|row| row.time() < to).cloned());
            rows.sort_by_key(|row| row.seq);
            let mut rows = asof::merged(rows)?;
            in_order(table, &mut rows);
            if !rows.is_empty() {
                visit(rows)?;
            }
        }
        Ok(())
    }
}

fn wanted(files: &[TableFile], table: Table, query: &Query) -> Vec<TableFile> {
    files.iter().filter(|file| file.is_of(table) && query.may_be_in(file)).cloned().collect()
}

/// Halves a stretch of time until each part holds few enough rows, as far as files tell.
fn split(files: &[TableFile], window: (Timestamp, Timestamp), windows: &mut Vec<(Timestamp, Timestamp)>) {
    let (from, to) = window;
    let rows: f64 = files.iter().map(|file| file.rows as f64 * share(file, window)).sum();
    let span = to.since(from);
    if rows <= WINDOW_ROWS || span <= SHORTEST {
        windows.push(window);
        return;
    }
    let middle = from.plus(span / 2);
    split(files, (from, middle), windows);
    split(files, (middle, to), windows);
}

/// The part of a file's time that lies in a window.
fn share(file: &TableFile, (from, to): (Timestamp, Timestamp)) -> f64 {
    let whole = file.max_time.since(file.min_time).as_secs_f64();
    if file.max_time < from || file.min_time >= to {
        return 0.0;
    }
    if whole == 0.0 {
        return 1.0;
    }
    to.min(file.max_time).since(from.max(file.min_time)).as_secs_f64() / whole
}
