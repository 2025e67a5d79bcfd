//! One writer per ledger: an advisory lock that dies with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};

use market::Timestamp;

use super::error::LedgerError;
use super::files::Files;

/// The lock of a ledger, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// Given up by name: a process being started at this moment still holds a copy of the descriptor, and
/// would hold the lock with it.
impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the ledger's lock could not be given up");
        }
    }
}

impl Lock {
    /// Takes the lock and says who has it.
    pub(super) fn take(files: &Files, now: Timestamp) -> Result<Self, LedgerError> {
        let path = files.lock();
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(LedgerError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {
                introduce(&mut file, now).map_err(LedgerError::io("write", &path))?;
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(LedgerError::Locked { dir: files.dir.clone(), holder: read_holder(file) })
            }
            Err(TryLockError::Error(error)) => Err(LedgerError::io("lock", &path)(error)),
        }
    }
}

fn introduce(file: &mut File, now: Timestamp) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    write!(file, "process {} since {now}", std::process::id())?;
    file.sync_all()
}

/// What the holder wrote, as far as it is readable: the refusal must not depend on it.
fn read_holder(file: File) -> String {
    let mut text = String::new();
    match file.take(200).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.lines().next().unwrap_or_default().to_owned(),
        Ok(_) | Err(_) => "another process".to_owned(),
    }
}
