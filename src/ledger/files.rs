//! Where a ledger's files are, and how they are read and written without losing a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::entry::LONGEST;
use super::error::LedgerError;

/// The files of one ledger.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub dir: PathBuf,
}

impl Files {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The records, one a line.
    pub(super) fn forecasts(&self) -> PathBuf {
        self.dir.join("forecasts.jsonl")
    }

    /// Signed heads, one a line, one a record.
    pub(super) fn heads(&self) -> PathBuf {
        self.dir.join("heads.jsonl")
    }

    /// Signed notes of where heads were anchored, one a line.
    pub(super) fn anchors(&self) -> PathBuf {
        self.dir.join("anchors.jsonl")
    }

    /// The signed checkpoint.
    pub(super) fn checkpoint(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }

    /// The secret key.
    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("key")
    }

    /// Who writes.
    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("LOCK")
    }

    /// What was cut off after a crash.
    pub(super) fn aside(&self) -> PathBuf {
        self.dir.join("aside")
    }

    /// The checkpoint as it stands; `None` where there is none.
    pub(super) fn read_checkpoint(&self) -> Result<Option<String>, LedgerError> {
        let path = self.checkpoint();
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LedgerError::io("read", &path)(error)),
        }
    }

    /// Replaces the checkpoint: the old one or the new one is there, whatever happens.
    pub(super) fn write_checkpoint(&self, note: &str) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(note.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(self.checkpoint()).map_err(|error| error.error)?;
        sync_dir(&self.dir)
    }
}

/// Names in a directory are durable only when the directory is.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Opens a file to add lines to; makes it where there is none.
pub(super) fn open_to_append(path: &Path) -> Result<File, LedgerError> {
    OpenOptions::new().append(true).create(true).open(path).map_err(LedgerError::io("open", path))
}

/// Adds a line; on disk when this returns.
pub(super) fn append_line(file: &mut File, line: &str) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(line.len() + 1);
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    file.write_all(&bytes)?;
    file.sync_data()
}

/// Lines with what a crash may have left of the last one.
pub(super) struct Lines {
    reader: Option<BufReader<File>>,
    path: PathBuf,
    offset: u64,
    bytes: Vec<u8>,
}

/// One line.
pub(super) struct Line<'a> {
    /// Without its newline.
    pub bytes: &'a [u8],
    /// Whether it had one, and was no longer than a line may be.
    pub is_whole: bool,
    /// Where it ends in the file, its newline included.
    pub end: u64,
}

impl Lines {
    /// Of a file that need not be there.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let reader = match File::open(path) {
            Ok(file) => Some(BufReader::with_capacity(1 << 16, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(LedgerError::io("open", path)(error)),
        };
        Ok(Self { reader, path: path.to_owned(), offset: 0, bytes: Vec::new() })
    }

    /// The next line; a line that never ends comes in pieces that are not whole.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, LedgerError> {
        self.bytes.clear();
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let read = reader.take(LONGEST as u64 + 1).read_until(b'\n', &mut self.bytes);
        let read = read.map_err(LedgerError::io("read", &self.path))?;
        if read == 0 {
            return Ok(None);
        }
        self.offset += read as u64;
        let is_whole = self.bytes.last() == Some(&b'\n');
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        Ok(Some(Line { bytes, is_whole, end: self.offset }))
    }
}
