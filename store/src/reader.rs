//! Reading a store, sealed or not, while someone else may be writing it.
//!
//! A reader takes no lock and changes nothing. It reads the manifest, opens the journal's segments,
//! and looks at the manifest again: if it was replaced meanwhile, it starts over. What it then sees is
//! a prefix of what was written, each record once. The last few milliseconds may be in the journal
//! without being synced yet; only the writer's own `durable` says what would survive a power cut.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use market::{Alert, FeedId, GapCause, MarketEvent, Timestamp};

use crate::disk::Layout;
use crate::error::StoreError;
use crate::fingerprint::{Fingerprint, fingerprint};
use crate::lake;
use crate::manifest::{Manifest, TableFile};
use crate::query::Query;
use crate::record::Entry;
use crate::segment::{Header, HeaderProblem, Scan};
use crate::table::{Cells, Row, Table};
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

    /// Wanted liquidations in order of receipt: by receive time, then by record.
    ///
    /// # Errors
    /// Damaged or missing files; [`StoreError::Busy`] if the store keeps changing.
    pub fn liquidations(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        self.events_received(&|file| query.may_be_in(file), &|row| query.wants(row))
    }

    /// Liquidations received at or after `since`, in order of receipt: what a Board is restored from.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn liquidations_received(&self, since: Timestamp) -> Result<Vec<MarketEvent>, StoreError> {
        self.events_received(&|file| file.max_receive_time >= since, &|row| row.receive_time() >= since)
    }

    fn events_received(
        &self,
        keep_file: &dyn Fn(&TableFile) -> bool,
        keep_row: &dyn Fn(&Row) -> bool,
    ) -> Result<Vec<MarketEvent>, StoreError> {
        let mut rows = self.collect(Table::Liquidations, keep_file, keep_row)?;
        rows.sort_by_key(|row| (row.receive_time(), row.seq));
        Ok(rows.into_iter().filter_map(Row::into_event).collect())
    }

    /// Wanted gaps by start: one for each feed and start, as last recorded.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn gaps(&self, query: &Query) -> Result<Vec<MarketEvent>, StoreError> {
        Ok(self.gap_rows(query)?.into_iter().filter_map(Row::into_event).collect())
    }

    pub(crate) fn gap_rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let all = self.collect(Table::Gaps, &|file| query.may_be_in(file), &|_| true)?;
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
                for (frame, _) in rows.iter().filter(|row| query.wants(row)).filter_map(Row::frame) {
                    *counts.entry(fingerprint(frame)).or_insert(0) += 1;
                }
                Ok(())
            })?;
            Ok(counts)
        })
    }

    fn collect(
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

struct OpenSegment {
    first_seq: u64,
    path: PathBuf,
    file: File,
}

/// A store at one moment: what is sealed, and the journal after it.
pub(crate) struct Snapshot {
    dir: PathBuf,
    pub(crate) manifest: Manifest,
    segments: Vec<OpenSegment>,
}

/// Takes rows of one table, in order of their records.
pub(crate) type Visit<'a> = dyn FnMut(Vec<Row>) -> Result<(), StoreError> + 'a;

impl Snapshot {
    /// All rows of a table in order of their records: one call for each run of sealed records (its
    /// files that `keep` accepts), then one for each journal segment. Nothing larger than these is
    /// in memory.
    pub(crate) fn visit(
        &self,
        table: Table,
        keep: &dyn Fn(&TableFile) -> bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut files: Vec<&TableFile> =
            self.manifest.files.iter().filter(|file| file.is_of(table) && keep(file)).collect();
        files.sort_by_key(|file| (file.first_seq, &file.path));
        for run in files.chunk_by(|a, b| a.first_seq == b.first_seq) {
            let mut rows = Vec::new();
            for file in run {
                rows.extend(lake::read(&self.dir, table, file)?);
            }
            rows.sort_by_key(|row| row.seq);
            visit(rows)?;
        }
        self.visit_journal(
            &mut |seq, entry, rows: &mut Vec<Row>| {
                rows.extend(entry.into_rows(seq).into_iter().filter(|row| row.table() == table));
            },
            visit,
        )
    }

    /// The journal after what is sealed: `take` is given every record, `done` what it made of a segment.
    fn visit_journal<T: Default>(
        &self,
        take: &mut dyn FnMut(u64, Entry, &mut T),
        done: &mut dyn FnMut(T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (index, segment) in self.segments.iter().enumerate() {
            let next_first = self.segments.get(index + 1).map(|next| next.first_seq);
            let mut made = T::default();
            segment.read(self.manifest.store_id(), next_first, &mut |seq, entry| {
                if seq > self.manifest.sealed_upto {
                    take(seq, entry, &mut made);
                }
            })?;
            done(made)?;
        }
        Ok(())
    }

    /// The last readable record.
    pub(crate) fn last_seq(&self) -> Result<u64, StoreError> {
        let mut last = self.manifest.sealed_upto;
        self.visit_journal(&mut |seq, _, made: &mut u64| *made = seq, &mut |seq| {
            last = last.max(seq);
            Ok(())
        })?;
        Ok(last)
    }

    /// How many segments the journal has, and how many bytes.
    pub(crate) fn journal_size(&self) -> Result<(u64, u64), StoreError> {
        let mut bytes = 0;
        for segment in &self.segments {
            let metadata =
                segment.file.metadata().map_err(|error| StoreError::io("look at", &segment.path, error))?;
            bytes += metadata.len();
        }
        Ok((self.segments.len() as u64, bytes))
    }
}

impl OpenSegment {
    /// Reads up to the first record that is not whole: the writer may be in the middle of it.
    fn read(
        &self,
        store: u64,
        next_first: Option<u64>,
        visit: &mut dyn FnMut(u64, Entry),
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        (&self.file)
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&self.file).read_to_end(&mut bytes))
            .map_err(|error| StoreError::io("read", &self.path, error))?;
        match Header::decode(&bytes) {
            Ok(header) if header.store == store => {}
            Ok(_) => return Err(StoreError::Foreign { path: self.path.clone() }),
            Err(HeaderProblem::Unfinished | HeaderProblem::Damaged) => return Ok(()),
            Err(HeaderProblem::Newer(found)) => {
                return Err(StoreError::Newer {
                    path: self.path.clone(),
                    found: u32::from(found),
                    known: u32::from(crate::segment::FORMAT),
                });
            }
        }
        let mut scan = Scan::new(&bytes, self.first_seq);
        while next_first.is_none_or(|next| scan.next_seq() < next) {
            let Some(record) = scan.next() else {
                break;
            };
            let entry = Entry::decode(record.kind, record.payload).map_err(|error| {
                StoreError::Undecodable { path: self.path.clone(), seq: record.seq, source: Box::new(error) }
            })?;
            visit(record.seq, entry);
        }
        Ok(())
    }
}

impl Row {
    fn into_event(self) -> Option<MarketEvent> {
        match self.cells {
            Cells::Event(event) => Some(event),
            Cells::Alert(_) | Cells::Frame { .. } => None,
        }
    }

    fn into_alert(self) -> Option<Alert> {
        match self.cells {
            Cells::Alert(alert) => Some(alert),
            Cells::Event(_) | Cells::Frame { .. } => None,
        }
    }
}
