//! Reads a whole ledger and believes nothing: every hash, link, head, root and signature.

use std::fs;

use market::Timestamp;

use super::checkpoint::Checkpoint;
use super::entry::{Entry, Fault};
use super::error::{Damage, LedgerError};
use super::files::{Files, Line, Lines};
use super::head::{Anchor, Head};
use super::key::PublicKey;
use super::tree::Tree;
use super::words::Digest;

/// How many signatures are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signatures {
    /// Every head's.
    All,
    /// The last head's, which speaks of all records: enough to go on writing.
    Last,
}

/// A ledger in which nothing is wrong.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Over every signed record.
    pub tree: Tree,
    /// The hash of the last signed record; zeros where there is none.
    pub last: Digest,
    /// The last head.
    pub head: Option<Head>,
    /// Where whole head lines end in their file.
    pub heads_end: u64,
    /// Bytes after that: a head that was being written.
    pub heads_torn: u64,
    /// Where signed records end in their file.
    pub records_end: u64,
    /// Whole records after that: at most one, which was being written.
    pub unsigned: u64,
    /// All bytes after that.
    pub trailing: u64,
    /// The signed checkpoint, which may be one record behind.
    pub checkpoint: Option<Checkpoint>,
    /// Its very text.
    pub note: Option<String>,
    /// When the first and the last signed forecast were made.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Signed records that abstain.
    pub abstained: u64,
    /// Of how many records the hash that was looked for is the head.
    pub found: Option<u64>,
}

struct Heads {
    good: Vec<Head>,
    end: u64,
    torn: u64,
    damage: Option<Damage>,
}

/// Reads everything; `wanted` is a hash to look for, `key` whose signatures the heads must bear.
pub(super) fn scan(
    files: &Files,
    signatures: Signatures,
    wanted: Option<Digest>,
    key: Option<PublicKey>,
) -> Result<Scan, LedgerError> {
    // The order lets a ledger be read while it is written: what is read later is at most longer.
    let length = fs::metadata(files.forecasts()).map_or(0, |metadata| metadata.len());
    let note = files.read_checkpoint()?;
    let Heads { good: heads, end, torn, damage: head_damage } = read_heads(files, signatures, key)?;
    let later_note = files.read_checkpoint()?;

    let signer = heads.first().map(|head| head.public_key);
    let (checkpoint, checkpoint_damage) = match (&note, signer) {
        (Some(note), Some(signer)) => match Checkpoint::parse(note, &signer) {
            Ok(checkpoint) => (Some(checkpoint), None),
            Err(problem) => (None, Some(Damage::Checkpoint { problem })),
        },
        (Some(_), None) if head_damage.is_none() => {
            (None, Some(Damage::Checkpoint { problem: "it is there, but there is no head".to_owned() }))
        }
        (Some(_) | None, _) => (None, None),
    };
    let mut scan = Scan { heads_end: end, heads_torn: torn, checkpoint, note, ..Scan::default() };
    let record_damage = scan.read_records(files, signatures, &heads, length, wanted)?;
    scan.head = heads.last().cloned();

    // The first bad record is what everybody wants to know; of one record the record before its head.
    let first = match (record_damage, head_damage) {
        (Some(record), Some(head)) if head.record() < record.record() => Some(head),
        (record, head) => record.or(head),
    };
    let covered = heads.len() as u64;
    // The checkpoint knows best where the end was: heads, or heads and records, may have been cut off.
    let cut = scan.checkpoint.as_ref().filter(|checkpoint| first.is_none() && checkpoint.count > covered);
    let cut = cut.map(|Checkpoint { count, .. }| Damage::HeadsTruncated { record: covered, count: *count });
    let added = first.is_none() && scan.unsigned > 1;
    let added = added.then_some(Damage::Unsigned { record: covered, unsigned: scan.unsigned });
    let first = first.or(cut).or(added);
    let first = first.or(checkpoint_damage).or_else(|| {
        let signer = signer?;
        let later = later_note.and_then(|note| Checkpoint::parse(&note, &signer).ok());
        let problem = match later {
            // The writer replaces it after each head: it may miss the last record, no more.
            None if heads.len() > 1 => "it is missing".to_owned(),
            Some(Checkpoint { count, .. }) if count + 1 < heads.len() as u64 => {
                format!("it speaks of {count} records, the heads of {}: an old one was put back", heads.len())
            }
            None | Some(_) => return None,
        };
        Some(Damage::Checkpoint { problem })
    });
    first.map_or(Ok(scan), |damage| Err(damage.into()))
}

impl Scan {
    fn read_records(
        &mut self,
        files: &Files,
        signatures: Signatures,
        heads: &[Head],
        length: u64,
        wanted: Option<Digest>,
    ) -> Result<Option<Damage>, LedgerError> {
        let signed = heads.len() as u64;
        let mut lines = Lines::open(&files.forecasts())?;
        let mut record = 0;
        while let Some(line) = lines.next()? {
            if record >= signed {
                self.trailing = line.end - self.records_end;
                // What the writer has added since this reading began is not judged.
                if line.end > length {
                    continue;
                }
                let is_first = self.unsigned == 0 && self.trailing <= line.bytes.len() as u64 + 1;
                self.unsigned += u64::from(line.is_whole);
                // Who writes on sets it aside, whatever it is; who verifies is told of what no write left behind.
                if is_first && signatures == Signatures::All {
                    let damage = self.is_being_written(record, &line).err();
                    if damage.is_some() {
                        return Ok(damage);
                    }
                }
                continue;
            }
            if !line.is_whole {
                // The last line without its end is a signed record that is not all there.
                let is_last = lines.next()?.is_none();
                return Ok(Some(if is_last {
                    Damage::Truncated { record, count: signed }
                } else {
                    Damage::Record { record, fault: Fault::Unsealed }
                }));
            }
            let end = line.end;
            let entry = match Entry::parse(line.bytes) {
                Ok(entry) => entry,
                Err(fault) => return Ok(Some(Damage::Record { record, fault })),
            };
            if let Some(damage) = self.take(record, &entry, heads) {
                return Ok(Some(damage));
            }
            record += 1;
            if wanted == Some(entry.hash) {
                self.found = Some(record);
            }
            self.records_end = end;
        }
        Ok((record < signed).then_some(Damage::Truncated { record, count: signed }))
    }

    /// What follows the signed records can only be the next one, or its beginning.
    fn is_being_written(&self, record: u64, line: &Line<'_>) -> Result<(), Damage> {
        if !line.is_whole {
            let begins = begins_like(line.bytes, &Entry::beginning(record));
            return if begins { Ok(()) } else { Err(Damage::Record { record, fault: Fault::Unsealed }) };
        }
        let entry = Entry::parse(line.bytes).map_err(|fault| Damage::Record { record, fault })?;
        if entry.sequence != record {
            return Err(Damage::OutOfOrder { record, found: entry.sequence });
        }
        if entry.previous != self.last {
            return Err(Damage::Unchained { record, stated: entry.previous, previous: self.last });
        }
        Ok(())
    }

    /// Checks a record against the one before it, its head and the checkpoint.
    fn take(&mut self, record: u64, entry: &Entry, heads: &[Head]) -> Option<Damage> {
        if entry.sequence != record {
            return Some(Damage::OutOfOrder { record, found: entry.sequence });
        }
        if entry.previous != self.last {
            return Some(Damage::Unchained { record, stated: entry.previous, previous: self.last });
        }
        self.tree.push(entry.hash);
        let root = self.tree.root();
        let head = usize::try_from(record).ok().and_then(|record| heads.get(record))?;
        if head.hash != entry.hash {
            return Some(Damage::Rebuilt { record, signed: head.hash, found: entry.hash });
        }
        if head.root != root {
            let problem = format!("it says that the Merkle root is {}, it is {root}", head.root);
            return Some(Damage::Head { record, line: record + 1, problem });
        }
        if let Some(checkpoint) = &self.checkpoint
            && checkpoint.count == record + 1
            && checkpoint.root != root
        {
            let problem = format!(
                "its root over {} records is {}, the records' is {root}",
                record + 1,
                checkpoint.root
            );
            return Some(Damage::Checkpoint { problem });
        }
        self.last = entry.hash;
        let first = self.span.map_or(entry.body.decided_at, |(first, _)| first);
        self.span = Some((first, entry.body.decided_at));
        self.abstained += u64::from(entry.body.answer.abstained.is_some());
        None
    }
}

/// The heads up to the first bad one.
fn read_heads(
    files: &Files,
    signatures: Signatures,
    expected: Option<PublicKey>,
) -> Result<Heads, LedgerError> {
    let mut lines = Lines::open(&files.heads())?;
    let mut read = Heads { good: Vec::new(), end: 0, torn: 0, damage: None };
    while let Some(line) = lines.next()? {
        let (record, end) = (read.good.len() as u64, line.end);
        if !line.is_whole {
            read.torn = end - read.end;
            if signatures == Signatures::All && !begins_like(line.bytes, &Head::beginning(record + 1)) {
                let problem = "a piece of a line follows the heads that is none of a head".to_owned();
                read.damage = Some(Damage::Head { record, line: record + 1, problem });
            }
            break;
        }
        let signer = expected.or(read.good.first().map(|head| head.public_key));
        match check_head(line.bytes, record, signatures, signer) {
            Ok(head) => read.good.push(head),
            Err(damage) => {
                read.damage = Some(damage);
                break;
            }
        }
        read.end = end;
    }
    if signatures == Signatures::Last
        && let Some(head) = read.good.last()
        && !head.is_signed()
    {
        let record = read.good.len() as u64 - 1;
        read.damage = Some(Damage::Head { record, line: record + 1, problem: FORGED.to_owned() });
    }
    Ok(read)
}

/// Whether a torn line may be the beginning of one that begins so.
fn begins_like(torn: &[u8], beginning: &str) -> bool {
    torn.iter().zip(beginning.as_bytes()).all(|(torn, whole)| torn == whole)
}

pub(super) const FORGED: &str = "its signature is not its key's";

pub(super) fn check_head(
    line: &[u8],
    record: u64,
    signatures: Signatures,
    signer: Option<PublicKey>,
) -> Result<Head, Damage> {
    let at = record + 1;
    let damaged = |problem: String| Damage::Head { record, line: at, problem };
    let head = Head::parse(line).map_err(damaged)?;
    if head.count != record + 1 {
        return Err(damaged(format!(
            "it speaks of {} records where {at} are due; heads were dropped, moved or repeated",
            head.count
        )));
    }
    if let Some(expected) = signer
        && head.public_key != expected
    {
        return Err(Damage::OtherKey { record, line: at, expected, found: head.public_key });
    }
    if signatures == Signatures::All && !head.is_signed() {
        return Err(damaged(FORGED.to_owned()));
    }
    Ok(head)
}

/// Reads the anchors and checks each against `hash_of`, which tells the hash of the last of so many records.
pub(super) fn read_anchors(
    files: &Files,
    signer: Option<PublicKey>,
    hash_of: impl Fn(u64) -> Option<Digest>,
) -> Result<Vec<Anchor>, LedgerError> {
    let mut lines = Lines::open(&files.anchors())?;
    let mut anchors = Vec::new();
    let mut number = 0;
    while let Some(line) = lines.next()? {
        // A line that was being written when the machine stopped.
        if !line.is_whole {
            break;
        }
        number += 1;
        let damaged = |problem: String| Damage::Anchor { line: number, problem };
        let anchor = Anchor::parse(line.bytes).map_err(damaged)?;
        let problem = if Some(anchor.public_key) != signer {
            Some("it is signed with another key than the heads")
        } else if !anchor.is_signed() {
            Some(FORGED)
        } else if hash_of(anchor.count) != Some(anchor.hash) {
            Some("it speaks of a head that is not this ledger's")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(damaged(problem.to_owned()).into());
        }
        anchors.push(anchor);
    }
    Ok(anchors)
}
