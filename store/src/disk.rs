//! Where a store's files are, and the few file operations whose order decides what survives a crash.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::table::{Partition, Table};

/// A store's directory and the names in it.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
}

pub(crate) const MANIFEST: &str = "MANIFEST";
pub(crate) const LOCK: &str = "LOCK";
/// Suffix of files that are not finished; removed at start.
pub(crate) const TEMPORARY: &str = "tmp";

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.dir.join(MANIFEST)
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join(LOCK)
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.dir.join("wal")
    }

    pub(crate) fn segment(&self, first_seq: u64) -> PathBuf {
        self.wal().join(format!("{first_seq:020}.wal"))
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.dir.join("quarantine")
    }

    pub(crate) fn partition(&self, table: Table, partition: Partition) -> PathBuf {
        self.dir.join(table.name()).join(partition.to_string())
    }

    /// The journal's segments, oldest first.
    pub(crate) fn segments(&self) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        let mut found = Vec::new();
        for path in list(&self.wal())? {
            let is_segment = path.extension().is_some_and(|extension| extension == "wal");
            let first = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if let (true, Some(first)) = (is_segment, first) {
                found.push((first, path));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// What lies in a directory, in no order; nothing when there is no such directory.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", dir, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| StoreError::io("list", dir, error))?.path());
    }
    Ok(paths)
}

/// The moments between which a crash or a failing disk must do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    SegmentCreate,
    SegmentWrite,
    SegmentSync,
    TableWrite,
    TableSync,
    TableRename,
    TableDirSync,
    ManifestWrite,
    ManifestSync,
    ManifestRename,
    ManifestDirSync,
    SegmentUnlink,
    TableUnlink,
}

#[cfg(test)]
pub(crate) type Fault = std::sync::Arc<dyn Fn(Step) -> io::Result<()> + Send + Sync>;

/// The disk, as far as crashes care. In tests it can be made to fail at any [`Step`].
#[derive(Clone, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) fault: Option<Fault>,
}

impl Disk {
    /// Called right before the operation that `step` names.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the test build fails here on demand")]
    #[inline]
    pub(crate) fn reach(&self, _step: Step) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn reach(&self, step: Step) -> io::Result<()> {
        self.fault.as_ref().map_or(Ok(()), |fault| fault(step))
    }

    /// Replaces the manifest so that a crash leaves the old one or the new one, whole.
    pub(crate) fn replace_manifest(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let temporary = path.with_extension(TEMPORARY);
        self.write_manifest(path, &temporary, bytes).map_err(|error| StoreError::io("replace", path, error))
    }

    fn write_manifest(&self, path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        self.reach(Step::ManifestWrite)?;
        let mut file = File::create(temporary)?;
        file.write_all(bytes)?;
        self.reach(Step::ManifestSync)?;
        file.sync_all()?;
        self.reach(Step::ManifestRename)?;
        fs::rename(temporary, path)?;
        self.reach(Step::ManifestDirSync)?;
        sync_parent(path)
    }

    /// Removes a file that is no longer needed; one that is already gone is fine.
    pub(crate) fn remove(&self, step: Step, path: &Path) -> Result<(), StoreError> {
        self.reach(step)
            .and_then(|()| fs::remove_file(path))
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .map_err(|error| StoreError::io("remove", path, error))
    }
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes the name of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Creates `dir` and every missing parent, each one durable in its own parent.
pub(crate) fn create_dirs(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_dirs(parent)?;
    }
    match fs::create_dir(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    sync_parent(dir)
}
