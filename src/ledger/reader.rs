//! Reads a ledger beside its writer, or a copy of one, without any key.

use std::io::{self, Write};
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};

use market::Timestamp;

use super::checkpoint::Proof;
use super::entry::{Entry, Fault};
use super::error::{Damage, LedgerError};
use super::export;
use super::files::{Files, Lines};
use super::head::{Anchor, Head};
use super::key::{Key, PublicKey};
use super::scan::{FORGED, Scan, Signatures, check_head, read_anchors, scan};
use super::words::Digest;

/// A ledger to be read.
#[derive(Clone, Debug)]
pub struct Reader {
    files: Files,
}

/// What somebody knows of a ledger from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// A head that was kept: a record's hash, and of how many records it was the head, where that was kept too.
    pub head: Option<(Option<u64>, Digest)>,
    /// Whose signatures the heads bear.
    pub public_key: Option<PublicKey>,
}

impl Expected {
    /// A kept head as it is given: `HASH` or `COUNT:HASH`.
    ///
    /// # Errors
    /// It is neither.
    pub fn head(text: &str) -> Result<Self, LedgerError> {
        let refused = || LedgerError::NoHead { text: text.to_owned() };
        let (count, hash) = match text.split_once(':') {
            Some((count, hash)) => (Some(count.parse().map_err(|_| refused())?), hash),
            None => (None, text),
        };
        let hash = hash.parse().map_err(|_| refused())?;
        Ok(Self { head: Some((count, hash)), public_key: None })
    }
}

/// A ledger in which nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Records that are signed.
    pub count: u64,
    /// How many of them abstain.
    pub abstained: u64,
    /// When the first and the last were made.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The last head.
    pub head: Option<Head>,
    /// Of how many records the expected head is the head.
    pub expected: Option<u64>,
    /// Where heads were anchored, oldest first. Whether the transactions exist is for a node to say.
    pub anchors: Vec<Anchor>,
    /// Bytes after the last signed record: a write that is going on or was cut short. No part of the ledger.
    pub unfinished: u64,
}

impl Reader {
    /// A reader of the ledger in `dir`.
    ///
    /// # Errors
    /// There is none.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let files = Files::new(dir);
        if !files.forecasts().exists() && !files.heads().exists() && !files.checkpoint().exists() {
            return Err(LedgerError::NotALedger { dir: dir.to_owned() });
        }
        Ok(Self { files })
    }

    pub(super) fn of(files: Files) -> Self {
        Self { files }
    }

    /// The ledger's directory.
    pub fn dir(&self) -> &Path {
        &self.files.dir
    }

    /// The last signed head, its signature checked; `None` before the first record.
    ///
    /// # Errors
    /// The file cannot be read, or its last whole line is no signed head.
    pub fn head(&self) -> Result<Option<Head>, LedgerError> {
        let mut lines = Lines::open(&self.files.heads())?;
        let (mut last, mut number) = (None, 0);
        while let Some(line) = lines.next()? {
            if line.is_whole {
                number += 1;
                last = Some(line.bytes.to_vec());
            }
        }
        let Some(line) = last else { return Ok(None) };
        let damaged = |problem| Damage::Head { record: number - 1, line: number, problem };
        let head = Head::parse(&line).map_err(damaged)?;
        if !head.is_signed() {
            return Err(damaged(FORGED.to_owned()).into());
        }
        Ok(Some(head))
    }

    /// Calls `each` with every record that a signed head speaks of, in order, until it says to stop. Each record is
    /// checked by itself, for its place in the chain and against its head, and what was given is signed for; only
    /// [`Reader::verify`] checks what comes after it, every signature and the Merkle roots.
    ///
    /// # Errors
    /// The file cannot be read, a record or its head is damaged, or `each` fails.
    pub fn for_each<E: From<LedgerError>>(
        &self,
        mut each: impl FnMut(Entry) -> Result<Next, E>,
    ) -> Result<(), E> {
        let Some(last) = self.head()? else { return Ok(()) };
        let signed = last.count;
        let mut lines = Lines::open(&self.files.forecasts())?;
        let mut heads = Lines::open(&self.files.heads())?;
        let mut previous = Digest::ZERO;
        let damaged = |damage: Damage| E::from(LedgerError::from(damage));
        for record in 0..signed {
            let line = lines.next()?.filter(|line| line.is_whole);
            let line = line.ok_or_else(|| damaged(Damage::Truncated { record, count: signed }))?;
            let parsed = Entry::parse(line.bytes);
            let entry = parsed.map_err(|fault: Fault| damaged(Damage::Record { record, fault }))?;
            if entry.sequence != record {
                return Err(damaged(Damage::OutOfOrder { record, found: entry.sequence }));
            }
            if entry.previous != previous {
                return Err(damaged(Damage::Unchained { record, stated: entry.previous, previous }));
            }
            let line = heads.next()?.filter(|line| line.is_whole);
            let line = line.ok_or_else(|| damaged(Damage::HeadsTruncated { record, count: signed }))?;
            let head = check_head(line.bytes, record, Signatures::Last, Some(last.public_key));
            let head = head.map_err(damaged)?;
            if head.hash != entry.hash {
                return Err(damaged(Damage::Rebuilt { record, signed: head.hash, found: entry.hash }));
            }
            previous = entry.hash;
            if each(entry)? == Next::Stop {
                if !head.is_signed() {
                    let problem = FORGED.to_owned();
                    return Err(damaged(Damage::Head { record, line: record + 1, problem }));
                }
                break;
            }
        }
        Ok(())
    }

    /// The records in `range`, by sequence.
    ///
    /// # Errors
    /// As [`Reader::for_each`].
    pub fn read(&self, range: impl RangeBounds<u64>) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        self.for_each(|entry| {
            if range.contains(&entry.sequence) {
                entries.push(entry);
            }
            Ok::<_, LedgerError>(Next::GoOn)
        })?;
        Ok(entries)
    }

    /// Record `sequence`.
    ///
    /// # Errors
    /// As [`Reader::for_each`]; there is no such record.
    pub fn entry(&self, sequence: u64) -> Result<Entry, LedgerError> {
        let (mut found, mut count) = (None, 0);
        self.for_each(|entry| {
            count += 1;
            if entry.sequence < sequence {
                return Ok::<_, LedgerError>(Next::GoOn);
            }
            found = Some(entry);
            Ok(Next::Stop)
        })?;
        found.ok_or(LedgerError::NoSuchRecord { sequence, count })
    }

    /// Checks everything there is to check, and what is known from elsewhere.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] names the first bad record and what is wrong; others say why it cannot be checked.
    pub fn verify(&self, expected: &Expected) -> Result<Verified, LedgerError> {
        let wanted = expected.head.map(|(_, hash)| hash);
        let scan = scan(&self.files, Signatures::All, wanted, expected.public_key)?;
        let signer = scan.head.as_ref().map(|head| head.public_key);
        let count = scan.tree.count();
        if let Some((stated, expected)) = expected.head {
            match (scan.found, stated) {
                (None, _) => return Err(Damage::NotInChain { expected, count }.into()),
                (Some(found), Some(stated)) if found != stated => {
                    return Err(Damage::OtherPlace { expected, stated, found }.into());
                }
                (Some(_), _) => {}
            }
        }
        match (Key::load(&self.files.key(), false), signer) {
            (Ok(key), Some(expected)) if key.public() != expected => {
                return Err(Damage::KeyReplaced { expected, found: key.public() }.into());
            }
            // The key is not for everybody to read, nor needed here.
            (Ok(_) | Err(LedgerError::KeyMissing { .. } | LedgerError::Io { .. }), _) => {}
            (Err(error), _) => return Err(error),
        }
        let hash_of = |count: u64| count.checked_sub(1).and_then(|last| scan.tree.leaf(last));
        let anchors = read_anchors(&self.files, signer, hash_of)?;
        let Scan { head, span, abstained, found, trailing, .. } = scan;
        Ok(Verified { count, abstained, span, head, expected: found, anchors, unfinished: trailing })
    }

    /// The proof that record `sequence` is in the ledger that the checkpoint speaks of.
    ///
    /// # Errors
    /// The ledger is damaged, there is no such record, or the checkpoint does not speak of it yet.
    pub fn proof(&self, sequence: u64) -> Result<Proof, LedgerError> {
        let scan = scan(&self.files, Signatures::Last, None, None)?;
        let (Some(checkpoint), Some(note)) = (scan.checkpoint, scan.note) else {
            return Err(LedgerError::NoSuchRecord { sequence, count: 0 });
        };
        let missing = LedgerError::NoSuchRecord { sequence, count: checkpoint.count };
        let (Some(hash), true) = (scan.tree.leaf(sequence), sequence < checkpoint.count) else {
            return Err(missing);
        };
        let tree = scan.tree.first(checkpoint.count);
        let path = tree.path(sequence).ok_or(missing)?;
        Ok(Proof { sequence, hash, path, checkpoint, note })
    }

    /// Where heads were anchored, oldest first; each signed by the key of the heads.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn anchors(&self) -> Result<Vec<Anchor>, LedgerError> {
        let head = self.head()?;
        let mut hashes = Vec::new();
        self.for_each(|entry| {
            hashes.push(entry.hash);
            Ok::<_, LedgerError>(Next::GoOn)
        })?;
        let hash_of = |count: u64| hashes.get(usize::try_from(count.checked_sub(1)?).ok()?).copied();
        read_anchors(&self.files, head.map(|head| head.public_key), hash_of)
    }

    /// Writes every record: as CSV, or as the very lines of the ledger. Returns how many.
    ///
    /// # Errors
    /// The ledger cannot be read or is damaged, or `out` cannot be written.
    pub fn export(&self, form: Form, out: &mut dyn Write) -> Result<u64, ExportError> {
        if form == Form::Csv {
            writeln!(out, "{}", export::COLUMNS.join(",")).map_err(ExportError::Write)?;
        }
        let mut rows = 0;
        self.for_each(|entry| {
            let line = match form {
                Form::Csv => export::row(&entry),
                Form::Jsonl => entry.line(),
            };
            writeln!(out, "{line}").map_err(ExportError::Write)?;
            rows += 1;
            Ok::<_, ExportError>(Next::GoOn)
        })?;
        Ok(rows)
    }

    /// Notes where the last head was anchored; signed with the key beside the ledger. May be done beside the writer.
    ///
    /// # Errors
    /// The key or the file cannot be used.
    pub fn note_anchor(
        &self,
        head: &Head,
        chain: &str,
        txid: Digest,
        now: Timestamp,
    ) -> Result<Anchor, LedgerError> {
        let path: PathBuf = self.files.anchors();
        let key = Key::load(&self.files.key(), false)?;
        if key.public() != head.public_key {
            return Err(Damage::KeyReplaced { expected: head.public_key, found: key.public() }.into());
        }
        let anchor = Anchor::sign(&key, head, chain, txid, now);
        let mut file = super::files::open_to_append(&path)?;
        let mut write = || {
            file.lock()?;
            end_last_line(&path, &mut file)?;
            super::files::append_line(&mut file, &anchor.line())?;
            super::files::sync_dir(&self.files.dir)
        };
        write().map_err(LedgerError::io("write", &path))?;
        Ok(anchor)
    }
}

/// A torn line must not swallow the one that follows.
fn end_last_line(path: &Path, file: &mut std::fs::File) -> io::Result<()> {
    let bytes = std::fs::read(path)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() { file.set_len(whole as u64) } else { Ok(()) }
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read the next record.
    GoOn,
    /// Enough.
    Stop,
}

/// How records are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One row a record, without the inputs; numbers as the shortest decimal that reads back the same.
    Csv,
    /// The ledger's own lines, which can be verified.
    Jsonl,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The output cannot be written.
    #[error("write the export")]
    Write(#[source] io::Error),
}
