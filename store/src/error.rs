//! Everything that can go wrong with a store, as sentences with the remedy.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a store has to say when it cannot go on. Causes are in the error chain, not in the text.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
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
    /// Another process writes this store.
    #[error(
        "the event store {} is already being written by {holder}; stop that process, or choose another directory",
        dir.display()
    )]
    Locked {
        /// The store.
        dir: PathBuf,
        /// Who writes it.
        holder: Holder,
    },
    /// The directory holds no store.
    #[error(
        "{} is not an event store (it has no MANIFEST); check the path, or start a watch there first",
        dir.display()
    )]
    NotAStore {
        /// The directory.
        dir: PathBuf,
    },
    /// A new store would share its directory with something else.
    #[error(
        "{} holds {found:?} but no MANIFEST, so it is no event store to continue; choose an empty or a new directory",
        dir.display()
    )]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// The list of sealed files cannot be trusted.
    #[error(
        "{} cannot be trusted: {problem}; restore it from a backup of the same directory (the Parquet files and the journal beside it are untouched)",
        path.display()
    )]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A newer program wrote this.
    #[error(
        "{} has format {found}, this program knows formats up to {known}; use the program that wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// A journal segment of another store lies in this one.
    #[error("{} belongs to another store; move it out of this one", path.display())]
    Foreign {
        /// The segment.
        path: PathBuf,
    },
    /// A record is intact but cannot be understood.
    #[error(
        "record {seq} in {} is intact but this program cannot read it; use the program that wrote it",
        path.display()
    )]
    Undecodable {
        /// The segment.
        path: PathBuf,
        /// The record.
        seq: u64,
        /// Why.
        #[source]
        source: Box<rmp_serde::decode::Error>,
    },
    /// A record could not be turned into bytes.
    #[error("encode a record for the journal")]
    Encode(#[source] Box<rmp_serde::encode::Error>),
    /// A record is too large to be a message of a venue.
    #[error("a record of {bytes} bytes is over the journal's limit of {limit} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// `Record::Gap` was given an event that is none.
    #[error("only gap events may be appended as gaps; others go in with their frame, or as a batch")]
    NotAGap,
    /// `Record::Batch` was given a gap.
    #[error("a batch may not hold a gap; append each gap by itself")]
    GapInBatch,
    /// The journal can no longer be written.
    #[error(
        "the journal stopped at {}: everything up to record {durable} is on disk, nothing after it is; {}",
        path.display(),
        remedy(source)
    )]
    Stopped {
        /// The segment that could not be written.
        path: PathBuf,
        /// The last record known to be on disk.
        durable: u64,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// A worker thread of the store ended by a panic.
    #[error("the store's {thread} thread ended unexpectedly; restart, what was acknowledged is on disk")]
    Panicked {
        /// Which one.
        thread: &'static str,
    },
    /// A journal segment lost records that it once held.
    #[error(
        "{} ends at record {found} though record {expected} was written; stop and start the store to set it aside",
        path.display()
    )]
    SegmentDamaged {
        /// The segment.
        path: PathBuf,
        /// The last intact record.
        found: u64,
        /// The last record written.
        expected: u64,
    },
    /// A table file differs from what was sealed.
    #[error(
        "the table file {} is damaged: {problem}; restore it from a backup, or rebuild liquidations from stored frames",
        path.display()
    )]
    TableDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A table file is gone.
    #[error(
        "the table file {} is listed in MANIFEST but gone; restore it from a backup",
        path.display()
    )]
    TableMissing {
        /// The file.
        path: PathBuf,
    },
    /// A Parquet operation failed.
    #[error("{action} {}", path.display())]
    Parquet {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The export could not be written out.
    #[error("write the export of {table}")]
    Export {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A table that holds no events was asked for events.
    #[error("{table} holds no events; export it, or ask for its own rows")]
    NoEvents {
        /// The table.
        table: &'static str,
    },
    /// Whether a fund flow is final depends on what time it is, and the query does not say.
    #[error("an export of etf_flows needs a moment; set the query's as_of or now")]
    NoMoment,
    /// A file given by a user is not one that can be read.
    #[error("{} cannot be read as a sheet: {problem}", path.display())]
    Sheet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The store kept changing while it was read.
    #[error("the event store {} changed under the reader; ask again", dir.display())]
    Busy {
        /// The store.
        dir: PathBuf,
    },
}

fn remedy(source: &Arc<io::Error>) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space and start again"
        }
        _ => "check the disk and start again",
    }
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn parquet(
        action: &'static str,
        path: &Path,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Parquet { action, path: path.to_owned(), source: source.into() }
    }

    /// Whether a file that was expected is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// The process that holds a store's lock, as it described itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` while it is still introducing itself.
    pub pid: Option<u32>,
    /// When it took the lock, RFC 3339.
    pub since: Option<String>,
    /// Its command line.
    pub command: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("another process")?,
        }
        if let Some(since) = &self.since {
            write!(f, " since {since}")?;
        }
        if let Some(command) = &self.command {
            write!(f, " ({command})")?;
        }
        Ok(())
    }
}
