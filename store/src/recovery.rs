//! What opening a store finds and mends: leftovers, torn tails, damage.
//!
//! A hole in the sequence numbers is the one sign of damage. A torn tail is what a crash may leave of
//! writes that nobody was told of; it is cut off. A bad record with intact ones after it, a segment
//! that ends early, or one that is gone leaves a hole: what is unreadable is copied to `quarantine/`,
//! the watched feeds get a gap, and the numbers that were lost are never used again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use market::{FeedId, MarketEvent, Timestamp};

use crate::disk::{Disk, Layout, Step, TEMPORARY, create_dirs, list, sync_dir, sync_parent};
use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::record::{Damage, Entry};
use crate::sealer::Closed;
use crate::segment::{self, HEADER, Header, HeaderProblem, Scan};
use crate::table::Table;
use crate::trace::{FeedTrace, Holes, Traces};

/// What opening a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The last record in the store.
    pub last_seq: u64,
    /// Records read back from the journal: kept, but not sealed yet.
    pub replayed: u64,
    /// Bytes cut off the journal's end: writes that a crash cut short.
    pub truncated_bytes: u64,
    /// Copies of segments with unreadable records.
    pub quarantined: Vec<PathBuf>,
    /// Every feed's watch as the store knows it, sealed or not.
    pub feeds: BTreeMap<FeedId, FeedTrace>,
}

/// A recovery, and what is still to be done about it.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) report: Recovery,
    /// Readable segments, oldest first.
    pub(crate) closed: Vec<Closed>,
    /// Where the next record's number starts: above everything ever given out.
    pub(crate) next_seq: u64,
    /// To be recorded: feeds whose watch has a hole.
    pub(crate) gaps: Vec<MarketEvent>,
    /// To be recorded.
    pub(crate) damage: Vec<Damage>,
}

/// Removes what crashes left behind: unfinished files, and table files that the manifest does not list.
pub(crate) fn sweep(layout: &Layout, disk: &Disk, manifest: &Manifest) -> Result<(), StoreError> {
    let is_temporary = |path: &Path| path.extension().is_some_and(|extension| extension == TEMPORARY);
    for path in list(&layout.dir)?.into_iter().filter(|path| is_temporary(path)) {
        disk.remove(Step::TableUnlink, &path)?;
    }
    let listed: Vec<PathBuf> = manifest.files.iter().map(|file| file.locate(&layout.dir)).collect();
    let listed: std::collections::HashSet<&Path> = listed.iter().map(PathBuf::as_path).collect();
    for table in Table::ALL {
        for partition in list(&layout.dir.join(table.name()))? {
            for path in list(&partition)? {
                let is_ours = path.extension().is_some_and(|extension| extension == "parquet");
                if is_temporary(&path) || (is_ours && !listed.contains(path.as_path())) {
                    disk.remove(Step::TableUnlink, &path)?;
                }
            }
        }
    }
    for file in &manifest.files {
        let path = file.locate(&layout.dir);
        if !path.exists() {
            tracing::error!(path = %path.display(), "a sealed table file is missing");
        }
    }
    Ok(())
}

/// Reads the journal back, mending what can be mended.
pub(crate) fn replay(
    layout: &Layout,
    disk: &Disk,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<Recovered, StoreError> {
    let mut replay = Replay {
        layout,
        now,
        sealed_upto: manifest.sealed_upto,
        traces: manifest.feeds.clone(),
        holes: Holes::new(now),
        expected: manifest.sealed_upto + 1,
        highest: manifest.sealed_upto,
        out: Recovered::default(),
    };
    let mut segments = layout.segments()?;
    // A segment is wholly sealed when the next one starts at or before the first unsealed record.
    while segments.len() > 1 && segments[1].0 <= manifest.sealed_upto + 1 {
        let (_, path) = segments.remove(0);
        disk.remove(Step::SegmentUnlink, &path)?;
    }
    for (index, (first_seq, path)) in segments.iter().enumerate() {
        let next_first = segments.get(index + 1).map(|(first, _)| *first);
        replay.segment(*first_seq, path, next_first, manifest.store_id())?;
    }
    if !segments.is_empty() {
        sync_dir(&layout.wal()).map_err(|error| StoreError::io("sync", &layout.wal(), error))?;
    }
    Ok(replay.finish())
}

struct Replay<'a> {
    layout: &'a Layout,
    now: Timestamp,
    sealed_upto: u64,
    traces: Traces,
    holes: Holes,
    /// The next record's number, if none is missing.
    expected: u64,
    /// The highest number ever seen, readable or not.
    highest: u64,
    out: Recovered,
}

impl Replay<'_> {
    fn segment(
        &mut self,
        first_seq: u64,
        path: &Path,
        next_first: Option<u64>,
        store: u64,
    ) -> Result<(), StoreError> {
        let bytes = fs::read(path).map_err(|error| StoreError::io("read", path, error))?;
        let created = match Header::decode(&bytes) {
            Ok(header) if header.store != store => return Err(StoreError::Foreign { path: path.to_owned() }),
            Ok(header) if header.first_seq != first_seq => None,
            Ok(header) => Some(header.created),
            Err(HeaderProblem::Unfinished | HeaderProblem::Damaged) => None,
            Err(HeaderProblem::Newer(found)) => {
                return Err(StoreError::Newer {
                    path: path.to_owned(),
                    found: u32::from(found),
                    known: u32::from(segment::FORMAT),
                });
            }
        };
        if first_seq > self.expected {
            self.hole(first_seq - 1, String::new(), created);
        }
        // Without a header nothing in the file may be trusted to be this store's.
        let mut scan = Scan::new(if created.is_some() { &bytes } else { &bytes[..0] }, first_seq);
        while next_first.is_none_or(|next| scan.next_seq() < next) {
            let Some(record) = scan.next() else {
                break;
            };
            if record.seq <= self.sealed_upto {
                continue;
            }
            let entry = Entry::decode(record.kind, record.payload).map_err(|error| {
                StoreError::Undecodable { path: path.to_owned(), seq: record.seq, source: Box::new(error) }
            })?;
            self.holes.pass(&entry, &mut self.traces);
            self.traces.fold(&entry);
            self.out.report.replayed += 1;
        }
        self.end_of_segment(&bytes, &scan, (first_seq, path), next_first, created)
    }

    fn end_of_segment(
        &mut self,
        bytes: &[u8],
        scan: &Scan<'_>,
        (first_seq, path): (u64, &Path),
        next_first: Option<u64>,
        created: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let last_seq = scan.next_seq() - 1;
        self.expected = self.expected.max(scan.next_seq());
        self.highest = self.highest.max(last_seq);
        let good = if created.is_some() { scan.offset().max(HEADER) } else { 0 };
        let lost_upto = match next_first {
            // What lies beyond the next segment's start was written again there.
            Some(next) => (next > self.expected).then(|| next - 1),
            None => Scan::new(bytes, first_seq).beyond(good, self.expected).resync(),
        };
        if let Some(lost_upto) = lost_upto {
            let kept_in = if good < bytes.len() { self.quarantine(path, bytes)? } else { String::new() };
            self.hole(lost_upto, kept_in, created);
        }
        let has_records = last_seq >= first_seq;
        if next_first.is_none() && good < bytes.len() {
            if lost_upto.is_none() {
                self.out.report.truncated_bytes += (bytes.len() - good) as u64;
            }
            if has_records {
                truncate(path, good as u64)?;
            }
        }
        if has_records && last_seq > self.sealed_upto {
            let bytes = good as u64;
            self.out.closed.push(Closed { path: path.to_owned(), first_seq, last_seq, bytes });
        } else {
            fs::remove_file(path).map_err(|error| StoreError::io("remove", path, error))?;
        }
        Ok(())
    }

    /// Records from `expected` to `last` are gone.
    fn hole(&mut self, last: u64, kept_in: String, created: Option<Timestamp>) {
        let first = self.expected;
        let place = if kept_in.is_empty() {
            String::from("no bytes of them are left")
        } else {
            format!("kept in {kept_in}")
        };
        let detail = format!("journal records {first} to {last} are unreadable; {place}");
        tracing::error!(first, last, kept_in, "journal records are unreadable");
        self.holes.open(&self.traces, created, &detail);
        self.out.damage.push(Damage { found_at: self.now, first_seq: first, last_seq: last, kept_in });
        self.expected = last + 1;
        self.highest = self.highest.max(last);
    }

    /// Copies a segment aside, durably; returns where to, relative to the store. An earlier copy of the
    /// same name stays.
    fn quarantine(&mut self, path: &Path, bytes: &[u8]) -> Result<String, StoreError> {
        let dir = self.layout.quarantine();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut kept = dir.join(&name);
        let mut copy = 1;
        while kept.exists() && fs::read(&kept).is_ok_and(|earlier| earlier != bytes) {
            copy += 1;
            kept = dir.join(format!("{name}.{copy}"));
        }
        let write = || -> io::Result<()> {
            create_dirs(&dir)?;
            let mut file = File::create(&kept)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            sync_parent(&kept)
        };
        write().map_err(|error| StoreError::io("copy a damaged segment to", &kept, error))?;
        let relative = kept.strip_prefix(&self.layout.dir).unwrap_or(&kept).to_string_lossy().into_owned();
        self.out.report.quarantined.push(kept);
        Ok(relative)
    }

    fn finish(mut self) -> Recovered {
        self.out.gaps = self.holes.finish(&mut self.traces);
        self.out.report.last_seq = self.highest;
        self.out.report.feeds = self.traces.0;
        self.out.next_seq = self.highest + 1;
        self.out
    }
}

fn truncate(path: &Path, length: u64) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| {
            file.set_len(length)?;
            file.sync_all()
        })
        .map_err(|error| StoreError::io("cut the torn end off", path, error))
}
