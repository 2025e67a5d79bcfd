//! The sealer's own thread: turns closed journal segments into Parquet tables, exactly once.
//!
//! The order that makes it so: table files durable, then the manifest replaced (from here on the
//! records are sealed), then the segments removed. A crash before the manifest leaves orphaned table
//! files, which the next start removes; a crash after it leaves segments whose records are all at or
//! below `sealed_upto`, which the next start removes too. Small files of most tables are taken into the
//! new one of their partition by the same replacement.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::disk::{Disk, Layout, Step};
use crate::error::StoreError;
use crate::lake;
use crate::manifest::{Batch, Manifest, TableFile};
use crate::record::{Entry, is_listed};
use crate::segment::Scan;
use crate::table::{Partition, Row, Table};

/// Rows of a merged file at most: what a seal holds in memory beyond what it seals.
const MERGED_ROWS: u64 = 250_000;

/// A segment that will not be written any more.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) path: PathBuf,
    pub(crate) first_seq: u64,
    /// Records after this one are void, whatever the file holds.
    pub(crate) last_seq: u64,
    pub(crate) bytes: u64,
}

/// What journal, store and sealer tell each other.
#[derive(Default)]
pub(crate) struct Sealing {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: Vec<Closed>,
    wanted: u64,
    done: u64,
    /// Why the last attempt failed, until someone asks.
    failure: Option<StoreError>,
    is_ending: bool,
}

impl Sealing {
    /// Hands over a segment, to be sealed when next asked.
    pub(crate) fn add(&self, segment: Closed) {
        self.lock().closed.push(segment);
    }

    /// Asks for everything handed over so far to be sealed.
    pub(crate) fn ask(&self) {
        self.lock().wanted += 1;
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().is_ending = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, Duration::from_millis(500)).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The thread's owner.
pub(crate) struct Sealer {
    sealing: Arc<Sealing>,
    thread: Option<JoinHandle<Manifest>>,
}

impl Sealer {
    pub(crate) fn start(work: Work, sealing: Arc<Sealing>) -> Result<Self, StoreError> {
        let dir = work.layout.dir.clone();
        let shared = Arc::clone(&sealing);
        let thread = Builder::new()
            .name("sealer".to_owned())
            .spawn(move || run(work, &shared))
            .map_err(|error| StoreError::io("start the sealing thread for", &dir, error))?;
        Ok(Self { sealing, thread: Some(thread) })
    }

    /// Waits until everything asked for so far is sealed, or says why it is not.
    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        let mut state = self.sealing.lock();
        let target = state.wanted;
        while state.done < target {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return Err(StoreError::Panicked { thread: "sealer" });
            }
            state = self.sealing.wait(state);
        }
        state.failure.take().map_or(Ok(()), Err)
    }

    /// Ends the thread after the seal that is under way; what is not sealed stays in the journal.
    pub(crate) fn stop(&mut self) -> Result<Option<Manifest>, StoreError> {
        let Some(thread) = self.thread.take() else {
            return Ok(None);
        };
        self.sealing.end();
        thread.join().map(Some).map_err(|_| StoreError::Panicked { thread: "sealer" })
    }
}

fn run(mut work: Work, sealing: &Sealing) -> Manifest {
    loop {
        let mut state = sealing.lock();
        while state.wanted == state.done && !state.is_ending {
            state = sealing.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_ending {
            return work.manifest;
        }
        let target = state.wanted;
        let closed = state.closed.clone();
        drop(state);

        let mut sealed = 0;
        let mut failure = None;
        for group in groups(&closed, work.group_bytes) {
            // A panic in a Parquet writer must not end sealing for good: nothing has changed yet.
            let outcome = catch_unwind(AssertUnwindSafe(|| work.seal(group)))
                .unwrap_or(Err(StoreError::Panicked { thread: "sealer" }));
            match outcome {
                Ok(()) => sealed += group.len(),
                Err(error) => {
                    tracing::error!(%error, "sealing failed; its records stay in the journal");
                    failure = Some(error);
                    break;
                }
            }
        }

        let mut state = sealing.lock();
        state.closed.drain(..sealed);
        state.failure = failure;
        state.done = target;
        drop(state);
        sealing.changed.notify_all();
    }
}

/// Runs of segments that are read into memory together: small ones of many short sessions share
/// their table files.
fn groups(closed: &[Closed], limit: u64) -> Vec<&[Closed]> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (index, segment) in closed.iter().enumerate() {
        if index > start && bytes + segment.bytes > limit {
            groups.push(&closed[start..index]);
            start = index;
            bytes = 0;
        }
        bytes += segment.bytes;
    }
    if start < closed.len() {
        groups.push(&closed[start..]);
    }
    groups
}

/// Everything a seal touches. The sealer is the only one to change the manifest.
pub(crate) struct Work {
    pub(crate) layout: Layout,
    pub(crate) disk: Disk,
    pub(crate) manifest: Manifest,
    /// Journal bytes that are sealed together at most, unless one segment alone is larger.
    pub(crate) group_bytes: u64,
}

impl Work {
    fn seal(&mut self, group: &[Closed]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Ok(());
        };
        let records = (first.first_seq.max(self.manifest.sealed_upto + 1), last.last_seq);
        let mut next = self.manifest.clone();
        let mut partitions: BTreeMap<(Table, Partition), Vec<Row>> = BTreeMap::new();
        for segment in group {
            read_closed(segment, self.manifest.sealed_upto, |seq, entry| {
                next.feeds.fold(&entry);
                match &entry {
                    Entry::Damage(damage) => next.damage.push(damage.clone()),
                    Entry::Batch { origin, at, events } if is_listed(events) => {
                        let events = events.len() as u64;
                        next.batches.push(Batch { seq, at: *at, origin: origin.clone(), events });
                    }
                    Entry::Batch { .. }
                    | Entry::Frame { .. }
                    | Entry::Gap(_)
                    | Entry::Alert(_)
                    | Entry::Alive { .. } => {}
                }
                for row in entry.into_rows(seq) {
                    partitions.entry((row.table(), row.partition())).or_default().push(row);
                }
            })?;
        }
        let mut retired = Vec::new();
        while let Some(((table, partition), rows)) = partitions.pop_first() {
            let absorbed = if table.is_merged_when_sealed() {
                self.absorb(table, partition, rows.len() as u64)
            } else {
                Absorbed::default()
            };
            let first = absorbed.files.iter().map(|file| file.first_seq).fold(records.0, u64::min);
            let rows: Vec<Row> = absorbed.rows.into_iter().chain(rows).collect();
            let contents = lake::Contents { table, rows: &rows, records: (first, records.1), generation: 0 };
            let written = lake::write(&self.layout, &self.disk, &contents)?;
            next.files.retain(|file| absorbed.files.iter().all(|old| old.path != file.path));
            next.files.push(written);
            retired.extend(absorbed.files);
        }
        next.sealed_upto = last.last_seq;
        next.generation += 1;
        next.save(&self.layout, &self.disk)?;
        self.manifest = next;
        for file in retired {
            // Unlisted by now: what cannot be removed is removed at the next start.
            if let Err(error) = self.disk.remove(Step::TableUnlink, &file.locate(&self.layout.dir)) {
                tracing::warn!(%error, "a merged table file could not be removed");
            }
        }
        for segment in group {
            // Sealed either way: a segment that cannot be removed now is removed at the next start.
            if let Err(error) = self.disk.remove(Step::SegmentUnlink, &segment.path) {
                tracing::warn!(%error, "a sealed segment could not be removed");
            }
        }
        Ok(())
    }
}

/// Earlier files whose rows go into a new one, newest first, and their rows, oldest first.
#[derive(Default)]
struct Absorbed {
    files: Vec<TableFile>,
    rows: Vec<Row>,
}

impl Work {
    /// Takes up the newest files of a partition for as long as each is at most twice as large as what
    /// there is already: a row is rewritten a logarithmic number of times, and as many files are left.
    fn absorb(&self, table: Table, partition: Partition, new_rows: u64) -> Absorbed {
        let mut candidates: Vec<&TableFile> =
            self.manifest.files.iter().filter(|file| file.is_in(table, partition)).collect();
        candidates.sort_by_key(|file| (file.last_seq, file.first_seq, &file.path));
        let mut total = new_rows;
        let mut absorbed = Absorbed::default();
        while let Some(file) = candidates.pop() {
            if file.rows > 2 * total || total + file.rows > MERGED_ROWS {
                break;
            }
            match lake::read(&self.layout.dir, table, file) {
                Ok(mut rows) => {
                    rows.append(&mut absorbed.rows);
                    absorbed.rows = rows;
                }
                Err(error) => {
                    // A damaged file is for its readers to report; it must not stand in a seal's way.
                    tracing::warn!(%error, "a table file could not be merged");
                    break;
                }
            }
            total += file.rows;
            absorbed.files.push(file.clone());
        }
        absorbed
    }
}

/// Reads the records of a closed segment after `sealed_upto`.
fn read_closed(
    segment: &Closed,
    sealed_upto: u64,
    mut visit: impl FnMut(u64, Entry),
) -> Result<(), StoreError> {
    let path = &segment.path;
    let bytes = fs::read(path).map_err(|error| StoreError::io("read", path, error))?;
    let mut scan = Scan::new(&bytes, segment.first_seq);
    while scan.next_seq() <= segment.last_seq {
        let Some(record) = scan.next() else {
            return Err(StoreError::SegmentDamaged {
                path: path.clone(),
                found: scan.next_seq() - 1,
                expected: segment.last_seq,
            });
        };
        if record.seq > sealed_upto {
            let entry = Entry::decode(record.kind, record.payload).map_err(|error| {
                StoreError::Undecodable { path: path.clone(), seq: record.seq, source: Box::new(error) }
            })?;
            visit(record.seq, entry);
        }
    }
    Ok(())
}
