//! Everything that can go wrong with a ledger, as sentences with the remedy.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::{BodyError, Fault};
use super::key::PublicKey;
use super::words::Digest;

/// Why the ledger cannot go on, or cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A file operation failed.
    #[error("{action} {}", path.display())]
    Io {
        /// What was being done, as a verb: `read`, `create`.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another process writes this ledger.
    #[error("the ledger {} is already being written by {holder}; stop that process first", dir.display())]
    Locked {
        /// The ledger.
        dir: PathBuf,
        /// Who writes it, in words.
        holder: String,
    },
    /// The directory holds no ledger.
    #[error("{} holds no ledger; it begins with the first forecast, or name another directory", dir.display())]
    NotALedger {
        /// The directory.
        dir: PathBuf,
    },
    /// There are records, but nothing to sign the next one with.
    #[error("the ledger's key {} is missing; put it back, or move the ledger away to begin a new one", path.display())]
    KeyMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key's file holds something else.
    #[error("{} is no key of a ledger (64 hex digits); put the right one back", path.display())]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
    },
    /// Others could sign as this ledger.
    #[error("the ledger's key {path} is open to others (mode {mode:03o}); chmod 600 it, and ask who may have read it", path = path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The system gives no randomness.
    #[error("make the ledger's key: {reason}")]
    Randomness {
        /// What the system says.
        reason: String,
    },
    /// A forecast may not be written down.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A record is too long.
    #[error(
        "a record of {bytes} bytes is over the ledger's limit of {limit}; give the artefact fewer inputs"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// An earlier write failed, and what is on disk is not known.
    #[error("the ledger {} stopped after a failed write; start again, and it will look at what is on disk", dir.display())]
    Stopped {
        /// The ledger.
        dir: PathBuf,
    },
    /// There is no such record.
    #[error("there is no record {sequence}; the ledger has {count}, counted from 0")]
    NoSuchRecord {
        /// What was asked for.
        sequence: u64,
        /// Records in the ledger.
        count: u64,
    },
    /// A forecast came out otherwise when it was made again.
    #[error("record {sequence} came out otherwise: {differences}")]
    NotReproduced {
        /// The record.
        sequence: u64,
        /// Field by field, what was recorded and what was computed.
        differences: String,
    },
    /// What is expected is no hash.
    #[error("--expected-head {text:?} is no head; give the 64 hex digits of a record's hash, or COUNT:HASH")]
    NoHead {
        /// What was given.
        text: String,
    },
    /// The ledger is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

impl LedgerError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path: path.clone(), source }
    }
}

/// What is wrong with a ledger, by the first bad record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A record is not what was written.
    #[error("record {record} is damaged: {fault}")]
    Record {
        /// Its place.
        record: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Another record stands in a record's place.
    #[error(
        "record {record} is damaged: record {found} stands in its place; records were dropped, moved or repeated"
    )]
    OutOfOrder {
        /// The place.
        record: u64,
        /// The record found there.
        found: u64,
    },
    /// A record follows another one than the one before it.
    #[error(
        "record {record} is damaged: it follows {stated}, but the record before it is {previous}; one of them was replaced"
    )]
    Unchained {
        /// Its place.
        record: u64,
        /// The hash that it says it follows.
        stated: Digest,
        /// The hash of the record before it.
        previous: Digest,
    },
    /// Signed records are missing at the end.
    #[error(
        "record {record} is missing: the signed head speaks of {count} records, {record} are there; the end was cut off"
    )]
    Truncated {
        /// The first one missing.
        record: u64,
        /// How many the last head speaks of.
        count: u64,
    },
    /// Records were added that nobody signed.
    #[error(
        "record {record} is damaged: {unsigned} records from it on are in no signed head; somebody else added them, or heads were cut off"
    )]
    Unsigned {
        /// The first of them.
        record: u64,
        /// How many.
        unsigned: u64,
    },
    /// A signed head speaks of another record than the one that is there.
    #[error(
        "record {record} is damaged: the signed head says {signed}, the record is {found}; records were rebuilt from there on, or earlier"
    )]
    Rebuilt {
        /// The record.
        record: u64,
        /// The hash that was signed.
        signed: Digest,
        /// The record's hash.
        found: Digest,
    },
    /// A head is not what was written.
    #[error("the head of record {record} is damaged: {problem} (heads.jsonl, line {line})")]
    Head {
        /// The record that it was signed after.
        record: u64,
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A head is signed with another key.
    #[error("the head of record {record} is signed by {found}, not by {expected} (heads.jsonl, line {line})")]
    OtherKey {
        /// The record that it was signed after.
        record: u64,
        /// Its line, from 1.
        line: u64,
        /// Whose signature was expected.
        expected: PublicKey,
        /// Who signed.
        found: PublicKey,
    },
    /// Heads are missing at the end.
    #[error(
        "the head of record {record} is missing: the checkpoint speaks of {count} records, the heads end before; they were cut off"
    )]
    HeadsTruncated {
        /// The first record without one.
        record: u64,
        /// How many records the checkpoint speaks of.
        count: u64,
    },
    /// The checkpoint is not what was written.
    #[error("the checkpoint is damaged: {problem}")]
    Checkpoint {
        /// What is wrong with it.
        problem: String,
    },
    /// An anchor is not what was written.
    #[error("an anchor is damaged: {problem} (anchors.jsonl, line {line})")]
    Anchor {
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The key beside the ledger is another one.
    #[error(
        "the key beside the ledger is {found}, but the heads are signed by {expected}; one of them was replaced"
    )]
    KeyReplaced {
        /// Whose signatures are in the heads.
        expected: PublicKey,
        /// Whose key is there.
        found: PublicKey,
    },
    /// The head that was kept elsewhere is not in the chain.
    #[error(
        "{expected} is no head of this ledger's {count} records: it was rebuilt or rolled back since that head was kept, or it is another ledger"
    )]
    NotInChain {
        /// The hash that was expected.
        expected: Digest,
        /// Records in the ledger.
        count: u64,
    },
    /// The head that was kept elsewhere is in the chain, at another place.
    #[error(
        "{expected} is the head of {found} records here, not of {stated}: it was rebuilt, or the count is wrong"
    )]
    OtherPlace {
        /// The hash that was expected.
        expected: Digest,
        /// Of how many records it was said to be the head.
        stated: u64,
        /// Of how many it is.
        found: u64,
    },
}

impl Damage {
    /// The first bad record, where the damage is in the records or their heads.
    pub fn record(&self) -> Option<u64> {
        match self {
            Self::Record { record, .. }
            | Self::OutOfOrder { record, .. }
            | Self::Unchained { record, .. }
            | Self::Truncated { record, .. }
            | Self::Unsigned { record, .. }
            | Self::Rebuilt { record, .. }
            | Self::Head { record, .. }
            | Self::OtherKey { record, .. }
            | Self::HeadsTruncated { record, .. } => Some(*record),
            Self::Checkpoint { .. }
            | Self::Anchor { .. }
            | Self::KeyReplaced { .. }
            | Self::NotInChain { .. }
            | Self::OtherPlace { .. } => None,
        }
    }
}
