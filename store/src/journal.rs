//! The journal's own thread: takes what was appended, writes it, syncs it, and only then says so.
//!
//! Group commit: everything appended within `commit_every` shares one `fdatasync`. A write or sync
//! that failed is never repeated on the same file, because the kernel may have dropped the dirty
//! pages and would report success the second time. The bytes are still in memory: they go to a new
//! segment, and if that fails too, the journal stops for good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use market::Clock;

use crate::disk::{Disk, Layout, Step, sync_parent};
use crate::error::StoreError;
use crate::sealer::{Closed, Sealing};
use crate::segment::Header;
use crate::store::StoreOptions;

/// Appended bytes that make a commit start before its time.
const BATCH_BYTES: usize = 256 << 10;
/// Appended bytes at which an append waits. As much again may be on its way to disk.
const QUEUE_BYTES: usize = 16 << 20;

/// The appending half.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// The thread waits here for work.
    work: Condvar,
    /// Appenders wait here for room, for durability, for a rotation.
    progress: Condvar,
    durable: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    batch: Batch,
    /// When the oldest record of the batch was appended.
    since: Option<Instant>,
    /// The last record appended.
    appended: u64,
    /// Someone waits for durability: do not wait for the commit's time.
    hurried: bool,
    rotations_wanted: u64,
    rotations_done: u64,
    ending: Option<Ending>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Commit what there is, then end.
    Flushed,
    /// End at once, as a crash would.
    #[cfg(test)]
    Abandoned,
}

/// Records in a row, encoded.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    first: u64,
    last: u64,
}

#[derive(Clone)]
struct Failure {
    path: PathBuf,
    durable: u64,
    source: Arc<io::Error>,
}

impl Failure {
    fn to_error(&self) -> StoreError {
        let Self { path, durable, source } = self.clone();
        StoreError::Stopped { path, durable, source }
    }
}

/// What a journal needs to go on from where a recovery ended.
pub(crate) struct Start {
    pub(crate) layout: Layout,
    pub(crate) disk: Disk,
    pub(crate) options: StoreOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: u64,
    /// The last record there is.
    pub(crate) last_seq: u64,
    /// Bytes in older segments that are not sealed yet.
    pub(crate) backlog_bytes: u64,
    pub(crate) sealing: Arc<Sealing>,
}

impl Journal {
    pub(crate) fn start(start: Start) -> Result<Self, StoreError> {
        let durable = Arc::new(AtomicU64::new(start.last_seq));
        let shared = Arc::new(Shared {
            state: Mutex::new(State { appended: start.last_seq, ..State::default() }),
            work: Condvar::new(),
            progress: Condvar::new(),
            durable,
        });
        let wal = start.layout.wal();
        let worker = Worker {
            shared: Arc::clone(&shared),
            current: None,
            unsealed_since: (start.backlog_bytes > 0).then(Instant::now),
            start,
        };
        let thread = Builder::new()
            .name("journal".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| StoreError::io("start the thread for", &wal, error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn durable(&self) -> &Arc<AtomicU64> {
        &self.shared.durable
    }

    /// Takes an encoded record; waits while the queue is full.
    pub(crate) fn push(&self, bytes: &[u8], seq: u64) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        loop {
            self.check(&state)?;
            if state.batch.bytes.is_empty() || state.batch.bytes.len() + bytes.len() <= QUEUE_BYTES {
                break;
            }
            state.hurried = true;
            self.shared.work.notify_one();
            state = self.shared.wait_for_progress(state);
        }
        let was_empty = state.batch.bytes.is_empty();
        if was_empty {
            state.batch.first = seq;
            state.since = Some(Instant::now());
        }
        let before = state.batch.bytes.len();
        state.batch.bytes.extend_from_slice(bytes);
        state.batch.last = seq;
        state.appended = seq;
        if was_empty || (before < BATCH_BYTES && state.batch.bytes.len() >= BATCH_BYTES) {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    /// Returns once everything pushed is on disk.
    pub(crate) fn flush(&self) -> Result<u64, StoreError> {
        let mut state = self.shared.lock();
        let target = state.appended;
        while self.shared.durable.load(Ordering::Acquire) < target {
            self.check(&state)?;
            state.hurried = true;
            self.shared.work.notify_one();
            state = self.shared.wait_for_progress(state);
        }
        Ok(target)
    }

    /// Ends the current segment and hands everything unsealed to the sealer.
    pub(crate) fn rotate(&self) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        state.rotations_wanted += 1;
        let ticket = state.rotations_wanted;
        while state.rotations_done < ticket {
            self.check(&state)?;
            self.shared.work.notify_one();
            state = self.shared.wait_for_progress(state);
        }
        Ok(())
    }

    /// Commits what there is and ends the thread.
    pub(crate) fn stop(&mut self) -> Result<(), StoreError> {
        self.end(Ending::Flushed)
    }

    /// Ends the thread without committing anything more, as a crash would.
    #[cfg(test)]
    pub(crate) fn abandon(&mut self) {
        let _ = self.end(Ending::Abandoned);
    }

    fn end(&mut self, ending: Ending) -> Result<(), StoreError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.shared.lock().ending.get_or_insert(ending);
        self.shared.work.notify_one();
        thread.join().map_err(|_| StoreError::Panicked { thread: "journal" })?;
        self.shared.lock().failure.as_ref().map_or(Ok(()), |failure| Err(failure.to_error()))
    }

    fn check(&self, state: &State) -> Result<(), StoreError> {
        if let Some(failure) = &state.failure {
            return Err(failure.to_error());
        }
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(StoreError::Panicked { thread: "journal" });
        }
        Ok(())
    }
}

impl Shared {
    /// A poisoned lock means that the thread panicked, which `check` reports.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits to be told of progress; looks up now and then in case the thread is gone.
    fn wait_for_progress<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let patience = Duration::from_millis(500);
        self.progress.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The segment being written.
struct Current {
    path: PathBuf,
    file: File,
    first_seq: u64,
    /// The last record known to be on disk in this segment; `first_seq - 1` while there is none.
    last_seq: u64,
    bytes: u64,
}

struct Worker {
    start: Start,
    shared: Arc<Shared>,
    current: Option<Current>,
    /// Since when there has been anything to seal.
    unsealed_since: Option<Instant>,
}

/// What the thread woke up for.
struct Job {
    batch: Batch,
    rotation: Option<u64>,
    is_last: bool,
}

impl Worker {
    fn run(mut self) {
        let mut spare = Vec::new();
        while let Some(mut job) = self.next_job(std::mem::take(&mut spare)) {
            if !job.batch.bytes.is_empty() {
                match self.commit(&job.batch) {
                    Ok(()) => self.publish(job.batch.last),
                    Err(failure) => return self.fail(failure),
                }
            }
            job.batch.bytes.clear();
            spare = job.batch.bytes;
            if job.rotation.is_some() || self.is_due() {
                self.rotate();
            }
            if let Some(ticket) = job.rotation {
                self.shared.lock().rotations_done = ticket;
                self.shared.progress.notify_all();
            }
            if job.is_last {
                return;
            }
        }
    }

    /// Waits for something to do; `None` when the store was abandoned.
    fn next_job(&self, spare: Vec<u8>) -> Option<Job> {
        let options = self.start.options;
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            let ending = state.ending;
            #[cfg(test)]
            if ending == Some(Ending::Abandoned) {
                return None;
            }
            let commit_at = state.since.map(|since| since + options.commit_every);
            let seal_at = self.unsealed_since.map(|since| since + options.segment_age);
            let has_rotation = state.rotations_wanted > state.rotations_done;
            let is_full = state.batch.bytes.len() >= BATCH_BYTES;
            let is_time = [commit_at, seal_at].into_iter().flatten().any(|at| at <= now);
            if ending.is_some() || has_rotation || state.hurried || is_full || is_time {
                let batch = std::mem::replace(&mut state.batch, Batch { bytes: spare, first: 0, last: 0 });
                state.since = None;
                state.hurried = false;
                let rotation = has_rotation.then_some(state.rotations_wanted);
                return Some(Job { batch, rotation, is_last: ending.is_some() });
            }
            let wake = [commit_at, seal_at].into_iter().flatten().min();
            state = match wake {
                Some(at) => {
                    let wait = at.saturating_duration_since(now);
                    self.shared.work.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn publish(&self, last: u64) {
        let state = self.shared.lock();
        self.shared.durable.store(last, Ordering::Release);
        drop(state);
        self.shared.progress.notify_all();
    }

    fn fail(&self, failure: Failure) {
        tracing::error!(
            path = %failure.path.display(),
            durable = failure.durable,
            error = %failure.source,
            "the journal stopped"
        );
        self.shared.lock().failure = Some(failure);
        self.shared.progress.notify_all();
    }

    /// Makes a batch durable: in the current segment, or else in a new one.
    fn commit(&mut self, batch: &Batch) -> Result<(), Failure> {
        let Err((path, error)) = self.try_commit(batch) else {
            return Ok(());
        };
        tracing::warn!(path = %path.display(), %error, "the journal moves to a new segment");
        self.retire();
        self.try_commit(batch).map_err(|(path, error)| Failure {
            path,
            durable: self.shared.durable.load(Ordering::Acquire),
            source: Arc::new(error),
        })
    }

    fn try_commit(&mut self, batch: &Batch) -> Result<(), (PathBuf, io::Error)> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create(batch.first)?,
        };
        let written = self
            .start
            .disk
            .reach(Step::SegmentWrite)
            .and_then(|()| current.file.write_all(&batch.bytes))
            .and_then(|()| self.start.disk.reach(Step::SegmentSync))
            .and_then(|()| current.file.sync_data());
        let outcome = match written {
            Ok(()) => {
                current.last_seq = batch.last;
                current.bytes += batch.bytes.len() as u64;
                self.unsealed_since.get_or_insert_with(Instant::now);
                Ok(())
            }
            Err(error) => Err((current.path.clone(), error)),
        };
        self.current = Some(current);
        outcome
    }

    /// Creates a segment whose header and name are durable before anything in it counts.
    fn create(&self, first_seq: u64) -> Result<Current, (PathBuf, io::Error)> {
        let path = self.start.layout.segment(first_seq);
        let header = Header { store: self.start.store, first_seq, created: self.start.clock.now() }.encode();
        let create = || {
            // A file of this name can only be one that failed before anything in it counted.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            self.start.disk.reach(Step::SegmentCreate)?;
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.write_all(&header)?;
            file.sync_all()?;
            sync_parent(&path)?;
            Ok(file)
        };
        match create() {
            Ok(file) => Ok(Current {
                path,
                file,
                first_seq,
                last_seq: first_seq.saturating_sub(1),
                bytes: header.len() as u64,
            }),
            Err(error) => Err((path, error)),
        }
    }

    /// Whether the unsealed journal is large or old enough to be sealed.
    fn is_due(&self) -> bool {
        let bytes = self.start.backlog_bytes + self.current.as_ref().map_or(0, |current| current.bytes);
        bytes >= self.start.options.segment_bytes
            || self.unsealed_since.is_some_and(|since| since.elapsed() >= self.start.options.segment_age)
    }

    /// Ends the current segment; what it holds beyond its last durable record is void.
    fn retire(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        if current.last_seq >= current.first_seq {
            self.start.backlog_bytes += current.bytes;
            self.start.sealing.add(Closed {
                path: current.path,
                first_seq: current.first_seq,
                last_seq: current.last_seq,
                bytes: current.bytes,
            });
        }
    }

    fn rotate(&mut self) {
        self.retire();
        self.start.backlog_bytes = 0;
        self.unsealed_since = None;
        self.start.sealing.ask();
    }
}
