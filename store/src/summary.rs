//! What is in a store, in numbers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use market::Timestamp;
use serde::{Serialize, Serializer};

use crate::disk::list;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::record::{Entry, is_listed};
use crate::table::Table;

/// What is in a store. Serialises with times as RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Where it is.
    pub dir: PathBuf,
    /// Its own id, given when it was created.
    pub store: String,
    /// Each table by name.
    pub tables: BTreeMap<&'static str, TableSummary>,
    /// The last record.
    pub last_seq: u64,
    /// The last record that is in a table file; later ones are in the journal.
    pub sealed_upto: u64,
    /// Segments of the journal.
    pub journal_segments: u64,
    /// Their size, bytes.
    pub journal_bytes: u64,
    /// Records that were ever found unreadable.
    pub damaged_records: u64,
    /// Files in `quarantine/`.
    pub quarantined_files: u64,
    /// Imports and backfills, sealed or not, oldest first.
    pub batches: Vec<BatchSummary>,
}

/// Events that came from no socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchSummary {
    /// What they came from.
    pub origin: String,
    /// When they were taken in.
    #[serde(serialize_with = "as_rfc3339")]
    pub at: Timestamp,
    /// How many they are.
    pub events: u64,
}

/// What is in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableSummary {
    /// Rows, sealed or not. A gap counts once when it opens and once when it closes.
    pub rows: u64,
    /// The table's first time.
    #[serde(serialize_with = "as_text")]
    pub first: Option<Timestamp>,
    /// The table's last time.
    #[serde(serialize_with = "as_text")]
    pub last: Option<Timestamp>,
    /// Sealed files.
    pub files: u64,
    /// Their size, bytes.
    pub bytes: u64,
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn as_text<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn as_rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

impl TableSummary {
    fn reach(&mut self, from: Timestamp, to: Timestamp) {
        self.first = Some(self.first.map_or(from, |first| first.min(from)));
        self.last = Some(self.last.map_or(to, |last| last.max(to)));
    }
}

impl Reader {
    /// What is in the store. Sealed files are counted from the manifest, not read.
    ///
    /// # Errors
    /// Unreadable manifest or journal.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        self.retrying(|snapshot| {
            let manifest = &snapshot.manifest;
            let mut tables = BTreeMap::new();
            for table in Table::ALL {
                let mut summary = TableSummary::default();
                for file in manifest.files.iter().filter(|file| file.is_of(table)) {
                    summary.rows += file.rows;
                    summary.files += 1;
                    summary.bytes += file.bytes;
                    summary.reach(file.min_time, file.max_time);
                }
                tables.insert(table.name(), summary);
            }
            snapshot.visit_journal(
                &mut |seq, entry, rows: &mut Vec<(Table, Timestamp)>| {
                    rows.extend(entry.into_rows(seq).iter().map(|row| (row.table(), row.time())));
                },
                &mut |rows| {
                    for (table, time) in rows {
                        let summary: &mut TableSummary = tables.entry(table.name()).or_default();
                        summary.rows += 1;
                        summary.reach(time, time);
                    }
                    Ok(())
                },
            )?;
            let mut batches: Vec<BatchSummary> = manifest
                .batches
                .iter()
                .map(|batch| BatchSummary {
                    origin: batch.origin.clone(),
                    at: batch.at,
                    events: batch.events,
                })
                .collect();
            snapshot.visit_journal(
                &mut |_, entry, found: &mut Vec<BatchSummary>| {
                    if let Entry::Batch { origin, at, events } = entry
                        && is_listed(&events)
                    {
                        found.push(BatchSummary { origin, at, events: events.len() as u64 });
                    }
                },
                &mut |found| {
                    batches.extend(found);
                    Ok(())
                },
            )?;
            let (journal_segments, journal_bytes) = snapshot.journal_size()?;
            Ok(Summary {
                dir: self.dir().to_owned(),
                store: manifest.store.clone(),
                tables,
                last_seq: snapshot.last_seq()?,
                sealed_upto: manifest.sealed_upto,
                journal_segments,
                journal_bytes,
                damaged_records: manifest
                    .damage
                    .iter()
                    .map(|damage| damage.last_seq.saturating_sub(damage.first_seq) + 1)
                    .sum(),
                quarantined_files: list(&self.dir().join("quarantine"))?.len() as u64,
                batches,
            })
        })
    }
}
