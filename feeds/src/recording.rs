//! Recordings: what venues sent, frame by frame, in a file that anyone can read.
//!
//! Format, version 1: UTF-8 JSON lines, compressed with zstd when the name ends in `.zst`. The first
//! line is `{"recording":"vigie","version":1,…}`; every other line is one frame,
//! `{"at_us":<receive time, µs since 1970 UTC>,"feed":"<name>","text":"<the frame>"}`, with
//! `"bin":"<base64>"` instead of `text` for a binary frame. Unknown keys are ignored.
//!
//! Captures of cryptofeed 3 are read too, as far as they hold feeds that we know.

mod cryptofeed;
mod lines;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use market::RawFrame;

pub use reader::RecordingReader;
pub use writer::RecordingWriter;

/// The version of the format that is written and read.
const VERSION: u64 = 1;

/// Who wrote a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Vigie itself.
    Vigie,
    /// cryptofeed 3.
    Cryptofeed,
}

impl Format {
    /// `vigie` or `cryptofeed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vigie => "vigie",
            Self::Cryptofeed => "cryptofeed",
        }
    }
}

/// One line of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A frame of a feed that we know.
    Frame(RawFrame),
    /// Anything else, by kind: `header`, `connect`, `send`, `other feed`, `blank`.
    Skipped(&'static str),
}

/// Why a recording cannot be read or written. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be opened.
    #[error("open the recording {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file cannot be read on.
    #[error("read the recording {} at line {line}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line that was being read.
        line: u64,
        /// The system's or the decompressor's words.
        source: io::Error,
    },
    /// The first line is neither ours nor cryptofeed's.
    #[error(
        "{} is not a recording: line 1 is neither {{\"recording\":\"vigie\",…}} nor a cryptofeed header; \
         give a file that `vigie record` or cryptofeed 3 wrote",
        path.display()
    )]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// The format's version is not one that we read.
    #[error(
        "the {} recording {} has version {version}, and this program reads {readable}; \
         replay it with the release that wrote it, or update this one",
        format.as_str(),
        path.display()
    )]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// Who wrote it.
        format: Format,
        /// Its version, as written.
        version: String,
        /// The version that we read.
        readable: u64,
    },
    /// The file ends inside a line; every line before it was delivered.
    #[error(
        "the recording {} is cut off in line {line}: everything before it was read, the rest is missing; \
         copy the file again, or go on with what it holds",
        path.display()
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// The line that is incomplete.
        line: u64,
    },
    /// A line is not a frame.
    #[error("line {line} of {} is not a frame ({reason}); remove the line or record again", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A binary frame is not base64.
    #[error("line {line} of {} holds a binary frame that is not base64: {source}", path.display())]
    BadBase64 {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The decoder's words.
        source: base64::DecodeError,
    },
    /// A receive time is impossible.
    #[error(
        "line {line} of {} has the receive time {written}, which is not in the years 1970 to 9999; \
         at_us counts microseconds and ts counts seconds since 1970 UTC",
        path.display()
    )]
    BadTime {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The time, as written.
        written: String,
    },
    /// A line is longer than any frame can be.
    #[error(
        "line {line} of {} is longer than {limit} bytes; no venue sends such a frame: is it a recording?",
        path.display()
    )]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The longest line accepted, in bytes.
        limit: u64,
    },
    /// A file of that name is there already.
    #[error("{} exists already; choose another name, recordings are never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("write the recording {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}
