//! Reading a store, sealed or not, while someone else may be writing it.
//!
//! A reader takes no lock and changes nothing. It reads the manifest, opens the journal's segments,
//! and looks at the manifest again: if it was replaced meanwhile, it starts over. What it then sees is
//! a prefix of what was written, each record once. The last few milliseconds may be in the journal
//! without being synced yet; only the writer's own `durable` says what would survive a power cut.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;

use market::{Alert, FeedId, GapCause, MarketEvent, Timestamp};

use crate::disk::Layout;
use crate::error::StoreError;
use crate::fingerprint::{Fingerprint, fingerprint};
use crate::manifest::{Manifest, TableFile};
use crate::query::Query;
use crate::snapshot::{OpenSegment, Snapshot};
use crate::table::{Row, Table};
use crate::trace::FeedTrace;

/// How often a reader starts over when the store changes under it.
const ATTEMPTS: usize = 20;

/// A view of a store for reading. Every call sees the store as it is at that moment.
#[derive(Clone, Debug)]
pub struct Reader {
    layout: Layout,
}

impl Reader {
    /// Looks at the store in `dir`.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], or a manifest that cannot be read.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let reader = Self { layout: Layout::new(dir) };
        reader.manifest()?;
        Ok(reader)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.layout.dir
    }

    /// Wanted liquidations in order of receipt: by receive time, then by record. Each counts once, though
    /// a backfill brought it again.
    ///
    /// # Errors
    /// Damaged or missing files; [`StoreError::Busy`] if the store keeps changing.
    pub fn liquidations(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        let rows = self.rows(Table::Liquidations, query)?;
        Ok(in_order_of_receipt(rows))
    }

    /// Liquidations received at or after `since`, in order of receipt: what a Board is restored from.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn liquidations_received(&self, since: Timestamp) -> Result<Vec<MarketEvent>, StoreError> {
        let rows = self.collect(Table::Liquidations, &|file| file.max_receive_time >= since, &|row| {
            row.receive_time() >= since
        })?;
        Ok(in_order_of_receipt(rows))
    }

    /// Wanted gaps by start: one for each feed and start, as last recorded.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn gaps(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        Ok(self.gap_rows(query)?.into_iter().filter_map(Row::into_event).collect())
    }

    pub(crate) fn gap_rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let all = self.collect(Table::Gaps, &|file| query.may_be_in(file), &|row| query.is_visible(row))?;
        let mut last_versions = BTreeMap::new();
        for row in all {
            let Some((event, gap)) = row.gap() else {
                continue;
            };
            // Damage found later may start where another gap does, and is no version of it.
            let is_damage = gap.cause == GapCause::JournalDamaged;
            last_versions.insert((gap.from, event.feed.clone(), is_damage), row);
        }
        Ok(last_versions.into_values().filter(|row| query.wants(row)).collect())
    }

    /// Wanted alerts in order of recording.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn alerts(&self, query: &Query) -> Result<Vec<Alert>, StoreError> {
        let rows = self.collect(Table::Alerts, &|file| query.may_be_in(file), &|row| query.wants(row))?;
        Ok(rows.into_iter().filter_map(Row::into_alert).collect())
    }

    /// Every feed's watch as the store knows it, sealed or not.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn feeds(&self) -> Result<BTreeMap<FeedId, FeedTrace>, StoreError> {
        self.retrying(|snapshot| {
            let mut traces = snapshot.manifest.feeds.clone();
            snapshot.visit_journal(&mut |_, entry, (): &mut ()| traces.fold(&entry), &mut |()| Ok(()))?;
            Ok(traces.0)
        })
    }

    /// How often each frame received from `from` up to, not including, `to` is stored: how a replay
    /// recognises frames that the store already holds.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn fingerprints(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<HashMap<Fingerprint, u32>, StoreError> {
        let query = Query { from: Some(from), to: Some(to), ..Query::default() };
        self.retrying(|snapshot| {
            let mut counts = HashMap::new();
            snapshot.visit(Table::Frames, &|file| query.may_be_in(file), &mut |rows| {
                for frame in rows.iter().filter(|row| query.wants(row)).filter_map(Row::frame) {
                    *counts.entry(fingerprint(frame)).or_insert(0) += 1;
                }
                Ok(())
            })?;
            Ok(counts)
        })
    }

    pub(crate) fn collect(
        &self,
        table: Table,
        keep_file: &dyn Fn(&TableFile) -> bool,
        keep_row: &dyn Fn(&Row) -> bool,
    ) -> Result<Vec<Row>, StoreError> {
        self.retrying(|snapshot| {
            let mut kept = Vec::new();
            snapshot.visit(table, keep_file, &mut |rows| {
                kept.extend(rows.into_iter().filter(|row| keep_row(row)));
                Ok(())
            })?;
            Ok(kept)
        })
    }

    /// Repeats a reading whose files were replaced under it by a rebuild.
    pub(crate) fn retrying<T>(
        &self,
        read: impl Fn(&Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.snapshot()?;
            match read(&snapshot) {
                Err(StoreError::TableMissing { .. })
                    if self.manifest()?.generation != snapshot.manifest.generation => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::Busy { dir: self.layout.dir.clone() })
    }

    fn manifest(&self) -> Result<Manifest, StoreError> {
        Manifest::load(&self.layout).map_err(|error| {
            if error.is_not_found() { StoreError::NotAStore { dir: self.layout.dir.clone() } } else { error }
        })
    }

    /// Everything there is at one moment.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.snapshot_while(&mut || {})
    }

    /// [`Reader::snapshot`] with something happening after the manifest was read, as it may.
    pub(crate) fn snapshot_while(&self, meanwhile: &mut dyn FnMut()) -> Result<Snapshot, StoreError> {
        for _ in 0..ATTEMPTS {
            let manifest = self.manifest()?;
            meanwhile();
            let Some(segments) = self.open_segments()? else {
                continue;
            };
            if self.manifest()?.generation == manifest.generation {
                return Ok(Snapshot { dir: self.layout.dir.clone(), manifest, segments });
            }
        }
        Err(StoreError::Busy { dir: self.layout.dir.clone() })
    }

    /// Open files outlive their removal; `None` when one was removed before it could be opened.
    fn open_segments(&self) -> Result<Option<Vec<OpenSegment>>, StoreError> {
        let mut segments = Vec::new();
        for (first_seq, path) in self.layout.segments()? {
            match File::open(&path) {
                Ok(file) => segments.push(OpenSegment { first_seq, path, file }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(StoreError::io("open", &path, error)),
            }
        }
        Ok(Some(segments))
    }
}

fn in_order_of_receipt(mut rows: Vec<Row>) -> Vec<MarketEvent> {
    rows.sort_by_key(|row| (row.receive_time(), row.seq));
    rows.into_iter().filter_map(Row::into_event).collect()
}
