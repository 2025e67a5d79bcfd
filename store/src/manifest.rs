//! The list of what is sealed: the one file whose replacement makes a seal true.

use std::fs;
use std::path::{Path, PathBuf};

use market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, Layout};
use crate::error::StoreError;
use crate::record::Damage;
use crate::table::{Partition, Table};
use crate::trace::Traces;

/// Version of the manifest and of the table files that it lists. Format 2 adds tables, partitions by
/// year and batches; 1 is read as well.
pub(crate) const FORMAT: u32 = 2;

/// One line of JSON, then a line `crc32c xxxxxxxx` over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The store's own id, as in the header of every segment: 16 hexadecimal digits.
    pub(crate) store: String,
    /// Counts the replacements of this file.
    pub(crate) generation: u64,
    /// Every record up to this one is in the files below; none after it is.
    pub(crate) sealed_upto: u64,
    /// The watch of every feed, up to the same record.
    pub(crate) feeds: Traces,
    /// What was ever found unreadable, oldest first.
    #[serde(default)]
    pub(crate) damage: Vec<Damage>,
    /// Every batch that is sealed, oldest first.
    #[serde(default)]
    pub(crate) batches: Vec<Batch>,
    pub(crate) files: Vec<TableFile>,
}

/// A batch of events that came from no socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    /// Its record.
    pub(crate) seq: u64,
    /// When it was taken in.
    pub(crate) at: Timestamp,
    /// What it came from.
    pub(crate) origin: String,
    /// How many events it has.
    pub(crate) events: u64,
}

/// One sealed Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableFile {
    pub(crate) table: String,
    /// Relative to the store, with `/`.
    pub(crate) path: String,
    /// The records sealed together, not only those with a row in this file.
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Of the whole file.
    pub(crate) crc32c: u32,
    /// The table's own time: of events, starts of gaps, alerts, or receipt.
    pub(crate) min_time: Timestamp,
    pub(crate) max_time: Timestamp,
    pub(crate) min_receive_time: Timestamp,
    pub(crate) max_receive_time: Timestamp,
}

impl TableFile {
    pub(crate) fn is_of(&self, table: Table) -> bool {
        self.table == table.name()
    }

    pub(crate) fn is_in(&self, table: Table, partition: Partition) -> bool {
        self.path.starts_with(&format!("{table}/{partition}/"))
    }

    pub(crate) fn locate(&self, dir: &Path) -> PathBuf {
        dir.join(&self.path)
    }

    /// The path of a file of `table` for one partition and one run of records; `generation` above
    /// zero tells a rebuilt file from the one it replaces.
    pub(crate) fn name(table: Table, partition: Partition, records: (u64, u64), generation: u64) -> String {
        let (first, last) = records;
        let suffix = if generation > 0 { format!("-g{generation}") } else { String::new() };
        format!("{table}/{partition}/{first:020}-{last:020}{suffix}.parquet")
    }
}

impl Manifest {
    pub(crate) fn new(store: u64) -> Self {
        Self {
            format: FORMAT,
            store: format!("{store:016x}"),
            generation: 1,
            sealed_upto: 0,
            feeds: Traces::default(),
            damage: Vec::new(),
            batches: Vec::new(),
            files: Vec::new(),
        }
    }

    /// The store's id as segments carry it.
    pub(crate) fn store_id(&self) -> u64 {
        u64::from_str_radix(&self.store, 16).unwrap_or(0)
    }

    /// Reads and checks the manifest.
    pub(crate) fn load(layout: &Layout) -> Result<Self, StoreError> {
        let path = layout.manifest();
        let bytes = fs::read(&path).map_err(|error| StoreError::io("read", &path, error))?;
        Self::decode(&bytes, &path)
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let refused =
            |problem: &str| StoreError::Manifest { path: path.to_owned(), problem: problem.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not text"))?;
        let (json, checksum) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once('\n'))
            .ok_or_else(|| refused("its end is missing"))?;
        let checksum = checksum
            .strip_prefix("crc32c ")
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .ok_or_else(|| refused("its checksum line is missing"))?;
        if crc32c::crc32c(json.as_bytes()) != checksum {
            return Err(refused("its checksum does not match"));
        }
        let version: Version = serde_json::from_str(json).map_err(|error| refused(&error.to_string()))?;
        if version.format > FORMAT {
            return Err(StoreError::Newer { path: path.to_owned(), found: version.format, known: FORMAT });
        }
        serde_json::from_str(json).map_err(|error| refused(&error.to_string()))
    }

    /// Replaces the file on disk; a crash leaves the old one or this one.
    pub(crate) fn save(&self, layout: &Layout, disk: &Disk) -> Result<(), StoreError> {
        let path = layout.manifest();
        let mut bytes = serde_json::to_vec(self)
            .map_err(|error| StoreError::Manifest { path: path.clone(), problem: error.to_string() })?;
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(format!("\ncrc32c {checksum:08x}\n").as_bytes());
        disk.replace_manifest(&path, &bytes)
    }
}
