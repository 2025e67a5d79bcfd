//! The ledger: every forecast that was made, written down so that nobody can change it unseen.
//!
//! An append-only file of records, each with the hash of the one before; after each record a signed head with the
//! count, and a Merkle checkpoint. It proves what was said, when by the writer's clock, and from which inputs; never
//! that it was right. `docs/ledger.md` has the formats, so that a stranger can check them with common tools.

pub mod anchor;
mod checkpoint;
mod entry;
mod error;
mod export;
mod files;
mod head;
mod key;
mod lock;
mod reader;
mod replay;
mod scan;
#[cfg(test)]
mod tests;
mod transaction;
mod tree;
mod words;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use market::Timestamp;

pub use checkpoint::{Checkpoint, Proof};
pub use entry::{Answer, Body, BodyError, Entry, Fault, ModelRef, SCHEMA, input_root};
pub use error::{Damage, LedgerError};
pub use head::{Anchor, Head};
pub use key::{ParseKeyError, PublicKey, Signature};
pub use reader::{Expected, ExportError, Form, Next, Reader, Verified};
pub use replay::{Difference, Forecaster, ReplayError, Replayed, replay, replay_many};
pub use tree::is_included;
pub use words::{Digest, Exact, ParseDigestError};

use entry::LONGEST;
use files::{Files, append_line, open_to_append, sync_dir};
use key::Key;
use lock::Lock;
use scan::{Scan, Signatures, scan};
use tree::Tree;

/// The ledger of a store: `<store>/ledger`.
pub fn dir_in(store: &Path) -> PathBuf {
    store.join("ledger")
}

/// A ledger that is written. There is one writer at a time.
#[derive(Debug)]
pub struct Ledger {
    files: Files,
    key: Key,
    forecasts: File,
    heads: File,
    tree: Tree,
    last: Digest,
    head: Option<Head>,
    set_aside: Vec<SetAside>,
    is_stopped: bool,
    _lock: Lock,
}

/// What an unfinished write left behind. Nobody was told of it, so it is no part of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The file that it was cut off from.
    pub from: PathBuf,
    /// Where it is kept.
    pub to: PathBuf,
    /// How much it is.
    pub bytes: u64,
}

impl Ledger {
    /// Opens the ledger in `dir` to write, and makes it, with a key of its own, where there is none. Everything in it
    /// is checked but the older heads' signatures. What an interrupted write left is set aside.
    ///
    /// # Errors
    /// Another process writes it; it is damaged; its key is missing or open to others; a file cannot be used.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, LedgerError> {
        fs::create_dir_all(dir).map_err(LedgerError::io("create", dir))?;
        let files = Files::new(dir);
        let lock = Lock::take(&files, now)?;
        let scan = scan(&files, Signatures::Last, None, None)?;
        let key = Key::load(&files.key(), scan.head.is_none())?;
        if let Some(head) = &scan.head
            && head.public_key != key.public()
        {
            return Err(Damage::KeyReplaced { expected: head.public_key, found: key.public() }.into());
        }
        let mut set_aside = Vec::new();
        for (path, end, trailing) in [
            (files.forecasts(), scan.records_end, scan.trailing),
            (files.heads(), scan.heads_end, scan.heads_torn),
        ] {
            if trailing > 0 {
                let part = cut(&files, &path, end, now).map_err(LedgerError::io("mend", &path))?;
                tracing::warn!(
                    from = %part.from.display(),
                    to = %part.to.display(),
                    bytes = part.bytes,
                    "set aside what an interrupted write left in the ledger; nobody was told of it"
                );
                set_aside.push(part);
            }
        }
        let Scan { tree, last, head, checkpoint, .. } = scan;
        if let Some(head) = &head
            && checkpoint.is_none_or(|checkpoint| checkpoint.count < head.count)
        {
            let note = Checkpoint::sign(&key, head.count, head.root);
            files.write_checkpoint(&note).map_err(LedgerError::io("write", &files.checkpoint()))?;
        }
        let forecasts = open_to_append(&files.forecasts())?;
        let heads = open_to_append(&files.heads())?;
        sync_dir(dir).map_err(LedgerError::io("write", dir))?;
        Ok(Self { files, key, forecasts, heads, tree, last, head, set_aside, is_stopped: false, _lock: lock })
    }

    /// Writes a forecast down. When this returns, record, head and checkpoint are on disk.
    ///
    /// # Errors
    /// The forecast may not be written down (its field and value are named), and the ledger is as it was; or a write
    /// failed, and the ledger is to be opened anew.
    pub fn append(&mut self, body: Body, now: Timestamp) -> Result<Entry, LedgerError> {
        if self.is_stopped {
            return Err(LedgerError::Stopped { dir: self.files.dir.clone() });
        }
        body.check()?;
        let entry = Entry::seal(self.tree.count(), body, self.last);
        let line = entry.line();
        if line.len() > LONGEST {
            return Err(LedgerError::TooLong { bytes: line.len(), limit: LONGEST });
        }
        self.is_stopped = true;
        let failed = |path: PathBuf| LedgerError::io("write", &path);
        append_line(&mut self.forecasts, &line).map_err(failed(self.files.forecasts()))?;
        self.tree.push(entry.hash);
        let root = self.tree.root();
        let head = Head::sign(&self.key, self.tree.count(), entry.hash, root, now);
        append_line(&mut self.heads, &head.line()).map_err(failed(self.files.heads()))?;
        let note = Checkpoint::sign(&self.key, head.count, root);
        self.files.write_checkpoint(&note).map_err(failed(self.files.checkpoint()))?;
        self.last = entry.hash;
        self.head = Some(head);
        self.is_stopped = false;
        Ok(entry)
    }

    /// The signed head; `None` before the first record.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Whose signatures the heads bear.
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// What unfinished writes had left when this was opened.
    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// A reader of this ledger.
    pub fn reader(&self) -> Reader {
        Reader::of(self.files.clone())
    }
}

/// Moves what stands after `end` to a file of its own; that file is on disk before anything is cut off.
fn cut(files: &Files, path: &Path, end: u64, now: Timestamp) -> io::Result<SetAside> {
    let aside = files.aside();
    fs::create_dir_all(&aside)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let to = aside.join(format!("{name}-{end}-{}.part", now.as_micros()));
    let mut file = File::options().read(true).write(true).open(path)?;
    file.seek(SeekFrom::Start(end))?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    let mut kept = File::create(&to)?;
    kept.write_all(&rest)?;
    kept.sync_all()?;
    sync_dir(&aside)?;
    sync_dir(&files.dir)?;
    file.set_len(end)?;
    file.sync_all()?;
    Ok(SetAside { from: path.to_owned(), to, bytes: rest.len() as u64 })
}
