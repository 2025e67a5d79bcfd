//! One sealed Parquet file: written so that a crash leaves all of it or none, read only if intact.

use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::Path;

use market::Timestamp;
use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::*;

use crate::columns::{to_frame, to_rows};
use crate::disk::{Disk, Layout, Step, TEMPORARY, create_dirs, sync_parent};
use crate::error::StoreError;
use crate::manifest::{self, TableFile};
use crate::table::{Row, Table};

/// Higher levels gain a few percent of space for three times the time.
const ZSTD_LEVEL: i32 = 3;

/// What a new file is to hold. All rows lie in one partition.
pub(crate) struct Contents<'a> {
    pub(crate) table: Table,
    pub(crate) rows: &'a [Row],
    /// First and last record of the run that is sealed together.
    pub(crate) records: (u64, u64),
    /// Above zero where the file replaces one of the same run.
    pub(crate) generation: u64,
}

/// Writes a file and makes it durable; it counts only once the manifest lists it.
pub(crate) fn write(layout: &Layout, disk: &Disk, contents: &Contents<'_>) -> Result<TableFile, StoreError> {
    let Contents { table, rows, records, generation } = *contents;
    let partition = table.partition(rows.first().map(Row::time).unwrap_or_default());
    let name = TableFile::name(table, partition, records, generation);
    let path = layout.dir.join(&name);
    let failed = |error| StoreError::io("write", &path, error);
    create_dirs(&layout.partition(table, partition)).map_err(failed)?;

    let temporary = path.with_extension(TEMPORARY);
    disk.reach(Step::TableWrite).map_err(failed)?;
    let file = File::create(&temporary).map_err(failed)?;
    let mut out = Counted { inner: BufWriter::new(file), bytes: 0, crc32c: 0 };
    let mut frame =
        to_frame(table, rows).map_err(|error| StoreError::parquet("lay out columns for", &path, error))?;
    writer(&mut out, Some(contents))
        .and_then(|writer| writer.finish(&mut frame))
        .map_err(|error| StoreError::parquet("write", &path, error))?;
    let Counted { inner, bytes, crc32c } = out;
    let file = inner.into_inner().map_err(|error| failed(error.into_error()))?;
    disk.reach(Step::TableSync).and_then(|()| file.sync_all()).map_err(failed)?;
    disk.reach(Step::TableRename).and_then(|()| fs::rename(&temporary, &path)).map_err(failed)?;
    disk.reach(Step::TableDirSync).and_then(|()| sync_parent(&path)).map_err(failed)?;

    let times = span(rows.iter().map(Row::time));
    let received = span(rows.iter().map(Row::receive_time));
    Ok(TableFile {
        table: table.name().to_owned(),
        path: name,
        first_seq: records.0,
        last_seq: records.1,
        rows: rows.len() as u64,
        bytes,
        crc32c,
        min_time: times.0,
        max_time: times.1,
        min_receive_time: received.0,
        max_receive_time: received.1,
    })
}

/// The one way in which we write Parquet.
pub(crate) fn writer<W: Write>(out: W, contents: Option<&Contents<'_>>) -> PolarsResult<ParquetWriter<W>> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL)?;
    let pairs = contents.map(|contents| {
        let mut pairs = vec![
            ("vigie.table", contents.table.name().to_owned()),
            ("vigie.format", manifest::FORMAT.to_string()),
            ("vigie.first_seq", contents.records.0.to_string()),
            ("vigie.last_seq", contents.records.1.to_string()),
            ("vigie.rows", contents.rows.len().to_string()),
        ];
        if contents.generation > 0 {
            pairs.push(("vigie.generation", contents.generation.to_string()));
        }
        KeyValueMetadata::from_static(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    Ok(ParquetWriter::new(out)
        .with_compression(ParquetCompression::Zstd(Some(level)))
        .with_key_value_metadata(pairs))
}

/// Reads a sealed file whole, after checking that it is the one that was sealed.
pub(crate) fn read(dir: &Path, table: Table, file: &TableFile) -> Result<Vec<Row>, StoreError> {
    read_some(dir, file, &|frame| to_rows(table, &frame))
}

/// Takes rows from the columns of a sealed file.
pub(crate) type Pick<'a> = dyn Fn(DataFrame) -> Result<Vec<Row>, String> + 'a;

/// Reads of a sealed file what `pick` takes from its columns, after the same checks.
pub(crate) fn read_some(dir: &Path, file: &TableFile, pick: &Pick<'_>) -> Result<Vec<Row>, StoreError> {
    let path = file.locate(dir);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::TableMissing { path });
        }
        Err(error) => return Err(StoreError::io("read", &path, error)),
    };
    let damaged = |problem: String| StoreError::TableDamaged { path: path.clone(), problem };
    if bytes.len() as u64 != file.bytes {
        return Err(damaged(format!("it has {} bytes instead of {}", bytes.len(), file.bytes)));
    }
    if crc32c::crc32c(&bytes) != file.crc32c {
        return Err(damaged("its checksum does not match".to_owned()));
    }
    let mut frame = ParquetReader::new(Cursor::new(bytes))
        .finish()
        .map_err(|error| StoreError::parquet("read", &path, error))?;
    if frame.height() as u64 != file.rows {
        return Err(damaged(format!("it has {} rows instead of {}", frame.height(), file.rows)));
    }
    frame.rechunk_mut();
    pick(frame).map_err(damaged)
}

fn span(times: impl Iterator<Item = Timestamp> + Clone) -> (Timestamp, Timestamp) {
    (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default())
}

/// Counts and sums what passes through, so that the manifest knows the file it lists.
struct Counted<W> {
    inner: W,
    bytes: u64,
    crc32c: u32,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.crc32c = crc32c::crc32c_append(self.crc32c, &bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
