//! A store at one moment: sealed files and the journal after them, read as one.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::columns::to_rows;
use crate::error::StoreError;
use crate::lake;
use crate::manifest::{Manifest, TableFile};
use crate::record::Entry;
use crate::segment::{Header, HeaderProblem, Scan};
use crate::table::{Row, Table};

/// A segment that stays readable though it be removed.
pub(crate) struct OpenSegment {
    pub(crate) first_seq: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

/// A store at one moment: what is sealed, and the journal after it.
pub(crate) struct Snapshot {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) segments: Vec<OpenSegment>,
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
        self.visit_some(table, keep, &|frame| to_rows(table, &frame), visit)
    }

    /// [`Snapshot::visit`] with only what `pick` takes from each sealed file.
    pub(crate) fn visit_some(
        &self,
        table: Table,
        keep: &dyn Fn(&TableFile) -> bool,
        pick: &lake::Pick<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut files: Vec<&TableFile> =
            self.manifest.files.iter().filter(|file| file.is_of(table) && keep(file)).collect();
        files.sort_by_key(|file| (file.first_seq, &file.path));
        for run in files.chunk_by(|a, b| a.first_seq == b.first_seq) {
            let mut rows = Vec::new();
            for file in run {
                rows.extend(lake::read_some(&self.dir, file, pick)?);
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
    pub(crate) fn visit_journal<T: Default>(
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
