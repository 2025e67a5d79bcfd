//! Deriving events again from the frames they came from.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use market::{Clock, MarketEvent, RawFrame};

use crate::disk::{Disk, Layout, Step};
use crate::error::StoreError;
use crate::lake;
use crate::manifest::TableFile;
use crate::store::{Store, StoreOptions};
use crate::table::{Cells, Partition, Row, Table, rows_of};

/// What a rebuild did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Frames decoded again.
    pub frames: u64,
    /// Of these, not understood now.
    pub rejected: u64,
    /// Frames whose verdict (rejected or not, and why) is another than before.
    pub reconsidered: u64,
    /// Liquidations before.
    pub liquidations_before: u64,
    /// Liquidations now.
    pub liquidations: u64,
    /// Rows of the other tables of events before, those of batches included.
    pub others_before: u64,
    /// Rows of the other tables of events now, those of batches included.
    pub others: u64,
}

/// Understands a frame: the reason if it is rejected, and the events in it.
pub type Decode<'a> = dyn FnMut(&RawFrame) -> (Option<String>, Vec<MarketEvent>) + 'a;

/// Decodes every stored frame again, in the order in which they came, and replaces the tables of events
/// by the result; also the verdicts on frames, where they changed. Batches, gaps and alerts stay.
///
/// Holds the writer's lock throughout. A crash leaves either the old tables or the new ones.
///
/// # Errors
/// As [`Store::open`] and [`Store::seal`]; damaged or missing files of frames.
pub fn rebuild(dir: &Path, clock: Arc<dyn Clock>, decode: &mut Decode<'_>) -> Result<Rebuilt, StoreError> {
    rebuild_on(dir, clock, Disk::default(), decode)
}

pub(crate) fn rebuild_on(
    dir: &Path,
    clock: Arc<dyn Clock>,
    disk: Disk,
    decode: &mut Decode<'_>,
) -> Result<Rebuilt, StoreError> {
    if !Layout::new(dir).manifest().exists() {
        return Err(StoreError::NotAStore { dir: dir.to_owned() });
    }
    let (store, _) = Store::open_on(dir, StoreOptions::default(), clock, disk.clone())?;
    let (layout, manifest, lock) = store.into_sealed()?;
    let mut work = Work {
        layout,
        disk,
        generation: manifest.generation + 1,
        files: Vec::new(),
        done: Rebuilt::default(),
    };
    work.count(&manifest.files, |done| (&mut done.liquidations_before, &mut done.others_before));

    let (mut frames, others): (Vec<_>, Vec<_>) =
        manifest.files.iter().cloned().partition(|file| file.is_of(Table::Frames));
    frames.sort_by_key(|file| (file.first_seq, file.path.clone()));
    let mut retired = Vec::new();
    for run in frames.chunk_by(|a, b| a.first_seq == b.first_seq) {
        work.run(run, decode, &mut retired)?;
    }
    let batches: HashSet<u64> = manifest.batches.iter().map(|batch| batch.seq).collect();
    // The files of what batches brought are told from those of the frames around them by this.
    work.generation += 1;
    let mut kept = Vec::new();
    for file in others {
        match derived(&file) {
            Some(table) => {
                work.keep_batches(table, &file, &batches)?;
                retired.push(file);
            }
            None => kept.push(file),
        }
    }
    let made = std::mem::take(&mut work.files);
    work.count(&made, |done| (&mut done.liquidations, &mut done.others));
    work.files = made;

    let mut next = manifest;
    next.generation = work.generation;
    next.files = kept;
    next.files.append(&mut work.files);
    next.save(&work.layout, &work.disk)?;
    for file in retired {
        if let Err(error) = work.disk.remove(Step::TableUnlink, &file.locate(&work.layout.dir)) {
            tracing::warn!(%error, "a replaced table file could not be removed");
        }
    }
    drop(lock);
    Ok(work.done)
}

/// The table of a file whose rows are made from frames.
fn derived(file: &TableFile) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.is_derived() && file.is_of(*table))
}

struct Work {
    layout: Layout,
    disk: Disk,
    generation: u64,
    /// The new list: frames as they were or rewritten, and events.
    files: Vec<TableFile>,
    done: Rebuilt,
}

impl Work {
    /// Decodes the frames that were sealed together. Frames of several days are in several files, but
    /// a decoder must see them in the order in which they came.
    fn run(
        &mut self,
        files: &[TableFile],
        decode: &mut Decode<'_>,
        retired: &mut Vec<TableFile>,
    ) -> Result<(), StoreError> {
        let mut frames: Vec<(usize, Row)> = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let rows = lake::read(&self.layout.dir, Table::Frames, file)?;
            frames.extend(rows.into_iter().map(|row| (index, row)));
        }
        frames.sort_by_key(|(_, row)| row.seq);

        let mut has_changed = vec![false; files.len()];
        let mut partitions: BTreeMap<(Table, Partition), Vec<Row>> = BTreeMap::new();
        for (index, row) in &mut frames {
            let seq = row.seq;
            let Cells::Frame { frame, rejected } = &mut row.cells else {
                continue;
            };
            let (reason, events) = decode(frame);
            self.done.frames += 1;
            self.done.rejected += u64::from(reason.is_some());
            if *rejected != reason {
                self.done.reconsidered += 1;
                has_changed[*index] = true;
                *rejected = reason;
            }
            for row in rows_of(seq, events).into_iter().filter(|row| row.table().is_derived()) {
                partitions.entry((row.table(), row.partition())).or_default().push(row);
            }
        }

        let Some(records) = files.first().map(|file| (file.first_seq, file.last_seq)) else { return Ok(()) };
        for ((table, _), rows) in partitions {
            self.write(table, &rows, records)?;
        }
        for (index, file) in files.iter().enumerate() {
            if has_changed[index] {
                let rows: Vec<Row> =
                    frames.iter().filter(|(of, _)| *of == index).map(|(_, row)| row.clone()).collect();
                self.write(Table::Frames, &rows, records)?;
                retired.push(file.clone());
            } else {
                self.files.push(file.clone());
            }
        }
        Ok(())
    }

    /// Carries over the rows of a file that no frame says again.
    fn keep_batches(
        &mut self,
        table: Table,
        file: &TableFile,
        batches: &HashSet<u64>,
    ) -> Result<(), StoreError> {
        if !batches.iter().any(|seq| (file.first_seq..=file.last_seq).contains(seq)) {
            return Ok(());
        }
        let mut rows = lake::read(&self.layout.dir, table, file)?;
        rows.retain(|row| batches.contains(&row.seq));
        if rows.is_empty() { Ok(()) } else { self.write(table, &rows, (file.first_seq, file.last_seq)) }
    }

    fn count(&mut self, files: &[TableFile], of: fn(&mut Rebuilt) -> (&mut u64, &mut u64)) {
        for file in files {
            let (liquidations, others) = of(&mut self.done);
            match derived(file) {
                Some(Table::Liquidations) => *liquidations += file.rows,
                Some(_) => *others += file.rows,
                None => {}
            }
        }
    }

    fn write(&mut self, table: Table, rows: &[Row], records: (u64, u64)) -> Result<(), StoreError> {
        let contents = lake::Contents { table, rows, records, generation: self.generation };
        self.files.push(lake::write(&self.layout, &self.disk, &contents)?);
        Ok(())
    }
}
