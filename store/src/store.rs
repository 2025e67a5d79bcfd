//! The single writer of a store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use market::{Clock, Timestamp};

use crate::disk::{Disk, LOCK, Layout, TEMPORARY, create_dirs, list};
use crate::error::StoreError;
use crate::journal::{Journal, Start};
use crate::lock::Lock;
use crate::manifest::{FORMAT, Manifest};
use crate::record::Record;
use crate::recovery::{self, Recovered, Recovery};
use crate::sealer::{Sealer, Sealing, Work};

/// When the journal commits and when it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Journal bytes after which everything unsealed becomes tables.
    pub segment_bytes: u64,
    /// Age after which everything unsealed becomes tables.
    pub segment_age: Duration,
    /// Longest wait of an appended record for its turn to be written and synced.
    pub commit_every: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            segment_age: Duration::from_mins(15),
            commit_every: Duration::from_millis(5),
        }
    }
}

/// The writer of a store. There is one per directory, in one process, for as long as this lives.
///
/// Dropping it commits what was appended, like [`Store::close`], but cannot say whether that failed.
pub struct Store {
    layout: Layout,
    journal: Journal,
    sealer: Sealer,
    next_seq: u64,
    scratch: Vec<u8>,
    lock: Lock,
}

impl Store {
    /// Opens the store in `dir`, creating it if there is none, and mends what a crash left.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process writes it; [`StoreError::NotEmpty`] where `dir`
    /// holds something else; [`StoreError::Manifest`], [`StoreError::Newer`] and
    /// [`StoreError::Undecodable`] where going on could lose data; [`StoreError::Io`].
    pub fn open(
        dir: &Path,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Recovery), StoreError> {
        Self::open_on(dir, options, clock, Disk::default())
    }

    pub(crate) fn open_on(
        dir: &Path,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        disk: Disk,
    ) -> Result<(Self, Recovery), StoreError> {
        let layout = Layout::new(dir);
        let now = clock.now();
        create_dirs(dir).map_err(|error| StoreError::io("create", dir, error))?;
        if !layout.lock().exists() {
            refuse_foreign(&layout)?;
        }
        let lock = Lock::take(&layout, now)?;
        refuse_foreign(&layout)?;
        let manifest = load_or_create(&layout, &disk, now)?;
        create_dirs(&layout.wal()).map_err(|error| StoreError::io("create", &layout.wal(), error))?;
        recovery::sweep(&layout, &disk, &manifest)?;
        let Recovered { mut report, closed, next_seq, gaps, damage } =
            recovery::replay(&layout, &disk, &manifest, now)?;

        let sealing = Arc::new(Sealing::default());
        let backlog_bytes = closed.iter().map(|segment| segment.bytes).sum();
        for segment in closed {
            sealing.add(segment);
        }
        let journal = Journal::start(Start {
            layout: layout.clone(),
            disk: disk.clone(),
            options,
            clock,
            store: manifest.store_id(),
            last_seq: next_seq - 1,
            backlog_bytes,
            sealing: Arc::clone(&sealing),
        })?;
        let work = Work { layout: layout.clone(), disk, manifest, group_bytes: options.segment_bytes };
        let sealer = Sealer::start(work, sealing)?;
        let mut store = Self { layout, journal, sealer, next_seq, scratch: Vec::new(), lock };
        if !damage.is_empty() {
            for damage in &damage {
                store.push(|seq, out| damage.encode(seq, out))?;
            }
            for gap in &gaps {
                store.append(Record::Gap(gap))?;
            }
            // Once sealed, the hole is in the manifest's past and is not found again.
            store.seal()?;
            report.last_seq = store.next_seq - 1;
        }
        Ok((store, report))
    }

    /// Puts a record in the queue for the disk and returns its number. Waits while the queue is full;
    /// never drops. The record is safe once [`Store::durable`] has reached its number.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] once the disk has failed; [`StoreError::NotAGap`],
    /// [`StoreError::GapInBatch`] and [`StoreError::TooLarge`], after which the store goes on.
    pub fn append(&mut self, record: Record<'_>) -> Result<u64, StoreError> {
        self.push(|seq, out| record.encode(seq, out))
    }

    fn push(
        &mut self,
        encode: impl FnOnce(u64, &mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let seq = self.next_seq;
        self.scratch.clear();
        encode(seq, &mut self.scratch)?;
        self.journal.push(&self.scratch, seq)?;
        self.next_seq += 1;
        Ok(seq)
    }

    /// The highest number known to be on disk, with everything before it.
    pub fn durable(&self) -> u64 {
        self.journal.durable().load(Ordering::Acquire)
    }

    /// [`Store::durable`] for those who do not hold the store.
    pub fn durable_handle(&self) -> Arc<AtomicU64> {
        Arc::clone(self.journal.durable())
    }

    /// Returns once everything appended is on disk; gives the last record's number.
    ///
    /// # Errors
    /// [`StoreError::Stopped`].
    pub fn flush(&mut self) -> Result<u64, StoreError> {
        self.journal.flush()
    }

    /// Turns everything appended into tables, and waits for it.
    ///
    /// # Errors
    /// [`StoreError::Stopped`], or why the tables could not be written: the records then stay in the
    /// journal, still durable, and the next seal tries again.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        self.journal.rotate()?;
        self.sealer.wait()
    }

    /// Commits everything, ends the threads and gives up the lock.
    ///
    /// # Errors
    /// [`StoreError::Stopped`].
    pub fn close(mut self) -> Result<(), StoreError> {
        self.stop().map(|_| ())
    }

    /// Ends the threads; the lock stays until the store is dropped.
    fn stop(&mut self) -> Result<Option<Manifest>, StoreError> {
        let committed = self.journal.stop();
        let manifest = self.sealer.stop()?;
        committed.map(|()| manifest)
    }

    /// Seals everything and gives what a rebuild needs: the lock and the list of what is sealed.
    pub(crate) fn into_sealed(mut self) -> Result<(Layout, Manifest, Sealed), StoreError> {
        self.seal()?;
        let manifest = self.stop()?.ok_or(StoreError::Panicked { thread: "sealer" })?;
        let layout = self.layout.clone();
        Ok((layout, manifest, Sealed { _store: self }))
    }

    /// Ends as a crash would: nothing more is written.
    #[cfg(test)]
    pub(crate) fn crash(mut self) {
        self.journal.abandon();
        let _ = self.sealer.stop();
    }
}

/// Keeps the lock of a store whose threads have ended.
pub(crate) struct Sealed {
    _store: Store,
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the store did not end cleanly");
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.layout.dir)
            .field("next_seq", &self.next_seq)
            .field("durable", &self.durable())
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

/// A directory without a manifest becomes a store only if nothing else is in it: opening removes
/// files that look like a crash's leftovers.
fn refuse_foreign(layout: &Layout) -> Result<(), StoreError> {
    if layout.manifest().exists() {
        return Ok(());
    }
    for path in list(&layout.dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path == layout.wal() {
            let problem = "it is missing, though there is a journal".to_owned();
            return Err(StoreError::Manifest { path: layout.manifest(), problem });
        }
        let is_leftover = name == LOCK || name.ends_with(&format!(".{TEMPORARY}"));
        if !is_leftover && !name.starts_with('.') && name != "lost+found" {
            return Err(StoreError::NotEmpty { dir: layout.dir.clone(), found: name });
        }
    }
    Ok(())
}

fn load_or_create(layout: &Layout, disk: &Disk, now: Timestamp) -> Result<Manifest, StoreError> {
    match Manifest::load(layout) {
        Ok(manifest) if manifest.format == FORMAT => Ok(manifest),
        Ok(older) => {
            // Before anything of this format is written, so that an older program refuses the whole.
            let generation = older.generation + 1;
            let manifest = Manifest { format: FORMAT, generation, ..older };
            manifest.save(layout, disk)?;
            Ok(manifest)
        }
        Err(error) if error.is_not_found() => {
            let seed = format!("{} {now} {}", layout.dir.display(), std::process::id());
            let manifest = Manifest::new(xxhash_rust::xxh3::xxh3_64(seed.as_bytes()));
            manifest.save(layout, disk)?;
            Ok(manifest)
        }
        Err(error) => Err(error),
    }
}
