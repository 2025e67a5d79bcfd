//! Deriving the liquidations again from the frames they came from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use market::{Clock, Date, MarketEvent, Observation, RawFrame};

use crate::disk::{Disk, Layout, Step};
use crate::error::StoreError;
use crate::lake;
use crate::manifest::{Manifest, TableFile};
use crate::store::{Store, StoreOptions};
use crate::table::{Cells, Row, Table};

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
}

/// Understands a frame: the reason if it is rejected, and the events in it.
pub type Decode<'a> = dyn FnMut(&RawFrame) -> (Option<String>, Vec<MarketEvent>) + 'a;

/// Decodes every stored frame again, in the order in which they came, and replaces the liquidations
/// table by the result; also the verdicts on frames, where they changed. Gaps and alerts stay.
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
        done: Rebuilt { liquidations_before: rows_of(&manifest, Table::Liquidations), ..Rebuilt::default() },
    };

    let (frames, others): (Vec<_>, Vec<_>) =
        manifest.files.iter().cloned().partition(|file| file.is_of(Table::Frames));
    let (replaced, kept): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|file| file.is_of(Table::Liquidations));
    let mut retired = replaced;
    let mut frames = frames;
    frames.sort_by_key(|file| (file.first_seq, file.path.clone()));
    for run in frames.chunk_by(|a, b| a.first_seq == b.first_seq) {
        work.run(run, decode, &mut retired)?;
    }

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

fn rows_of(manifest: &Manifest, table: Table) -> u64 {
    manifest.files.iter().filter(|file| file.is_of(table)).map(|file| file.rows).sum()
}

struct Work {
    layout: Layout,
    disk: Disk,
    generation: u64,
    /// The new list: frames as they were or rewritten, and liquidations.
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
        let mut partitions: BTreeMap<Date, Vec<Row>> = BTreeMap::new();
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
            for event in events {
                if let Observation::Liquidation(_) = event.observation {
                    self.done.liquidations += 1;
                    let date = event.event_time.date();
                    partitions.entry(date).or_default().push(Row { seq, cells: Cells::Event(event) });
                }
            }
        }

        for rows in partitions.into_values() {
            self.write(Table::Liquidations, &rows, files)?;
        }
        for (index, file) in files.iter().enumerate() {
            if has_changed[index] {
                let rows: Vec<Row> =
                    frames.iter().filter(|(of, _)| *of == index).map(|(_, row)| row.clone()).collect();
                self.write(Table::Frames, &rows, files)?;
                retired.push(file.clone());
            } else {
                self.files.push(file.clone());
            }
        }
        Ok(())
    }

    fn write(&mut self, table: Table, rows: &[Row], run: &[TableFile]) -> Result<(), StoreError> {
        let Some(first) = run.first() else {
            return Ok(());
        };
        let records = (first.first_seq, first.last_seq);
        let contents = lake::Contents { table, rows, records, generation: self.generation };
        self.files.push(lake::write(&self.layout, &self.disk, &contents)?);
        Ok(())
    }
}
